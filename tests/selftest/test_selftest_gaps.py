"""Which cases may kill nothing and which requirements may stay unproven, and why."""

from __future__ import annotations

from harness import catalogue as suites
from harness.selftest.holds import (
    HOLDS_BY_CONSTRUCTION,
    nothing_to_kill,
    unexcused_cases,
    unexcused_requirements,
)

CATALOGUE = suites.requirements()
SPECS = suites.cases()


def test_every_excuse_is_for_something_that_exists_and_gives_a_reason() -> None:
    known = {spec.id for spec in SPECS} | {record.id for record in CATALOGUE}
    assert set(HOLDS_BY_CONSTRUCTION) <= known
    assert all(len(reason.split()) > 5 for reason in HOLDS_BY_CONSTRUCTION.values())


def test_a_case_that_judges_a_requirement_is_not_excused() -> None:
    judging = next(spec for spec in SPECS if spec.id == "https.reject.wrong-name")
    assert not nothing_to_kill(judging, CATALOGUE)
    assert unexcused_cases([judging.id], SPECS, CATALOGUE) == (judging.id,)


def test_a_case_that_only_records_and_one_with_a_reason_are_excused() -> None:
    recording = next(spec for spec in SPECS if spec.id == "acs-url.scheme.bare-host")
    assert nothing_to_kill(recording, CATALOGUE)
    excused = [recording.id, "https.accept.expired-without-time"]
    assert unexcused_cases(excused, SPECS, CATALOGUE) == ()


def test_unproven_requirements() -> None:
    assert unexcused_requirements(["lcos.tls.host-name", "cwmp.tls.dates-ignored-without-time"]) == (
        "lcos.tls.host-name",
    )
