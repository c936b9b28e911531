"""Every row of LANCOM's page in these areas has a case or a wire rule that can fail on it."""

from __future__ import annotations

import re

import pytest

from harness.catalogue import cases, requirements, rules

AREAS = ("R-PI", "R-INT", "R-END", "R-FT", "R-FW", "R-CC", "R-CR", "R-PORT", "R-SRC", "R-LB", "R-FW6")


def rows() -> dict[str, set[str]]:
    """Row of the catalogue → requirements that come from it."""
    found: dict[str, set[str]] = {}
    for requirement in requirements():
        for row in requirement.catalogue:
            if re.sub(r"-\d+$", "", row) in AREAS:
                found.setdefault(row, set()).add(requirement.id)
    return found


def verified() -> set[str]:
    by_cases = {requirement for spec in cases() for requirement in spec.verifies}
    return by_cases | {rule.verifies for rule in rules()}


@pytest.mark.parametrize("row", sorted(rows()))
def test_every_requirement_of_the_row_is_verified(row: str) -> None:
    assert rows()[row] <= verified()


def test_no_area_is_empty() -> None:
    assert {re.sub(r"-\d+$", "", row) for row in rows()} == set(AREAS)
