"""The list of requirements, and the page of the documentation that is made from it."""

from __future__ import annotations

from pathlib import Path

from harness.listing import as_markdown, listed

PAGE = Path(__file__).parents[2] / "docs" / "requirements.md"


def test_the_page_is_what_the_catalogue_and_the_suites_say() -> None:
    assert PAGE.read_text("utf-8") == as_markdown(listed()), (
        "run: cpecheck list --markdown > docs/requirements.md"
    )


def test_every_sentence_of_the_settings_page_is_checked_by_a_case_or_rule() -> None:
    unchecked = [row.id for row in listed() if row.id.startswith("lcos.") and not (row.cases or row.rules)]
    assert unchecked == []


def test_every_case_verifies_requirements_that_exist() -> None:
    from harness.catalogue import cases, requirements, rules

    known = requirements()
    wanted = {name for spec in cases() for name in spec.verifies} | {rule.verifies for rule in rules()}
    assert sorted(name for name in wanted if name not in known) == []
