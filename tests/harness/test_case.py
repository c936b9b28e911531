"""How a case collects what it finds."""

from __future__ import annotations

import pytest

from harness.case import Case, Inconclusive, case, seed_for, spec_of
from harness.expect import equal, nothing
from harness.verdict.requirement import Catalogue, Requirement
from harness.verdict.verdict import Level, Verdict

CATALOGUE = Catalogue(
    Requirement(name, level, "area", "A sentence.", "somewhere")
    for name, level in (("a.must", Level.MUST), ("a.should", Level.SHOULD), ("a.record", Level.RECORD))
)


@case("area.sample", verifies=("a.must", "a.should", "a.record"), needs=("https",))
def sample(bench: object, case: Case) -> None:
    """One line of purpose.

    Accepted: whatever.
    """


def a_case() -> Case:
    spec = spec_of(sample)
    assert spec is not None
    return Case(spec, CATALOGUE, 1)


def test_the_record_comes_from_the_decorator_and_the_docstring() -> None:
    spec = spec_of(sample)
    assert spec is not None
    assert (spec.id, spec.area, spec.title, spec.needs) == (
        "area.sample",
        "area",
        "One line of purpose.",
        ("https",),
    )
    assert spec.purpose.endswith("Accepted: whatever.")


@pytest.mark.parametrize("name", ["sample", "Area.sample", "area.1.", "area sample.x"])
def test_an_id_is_made_of_words(name: str) -> None:
    with pytest.raises(ValueError, match="expected words"):
        case(name, verifies="a.must")(sample)


def test_a_case_without_a_docstring_is_refused() -> None:
    with pytest.raises(ValueError, match="docstring"):
        case("area.other", verifies="a.must")(lambda bench, case: None)


def test_levels_turn_a_failure_into_fail_warn_or_observation() -> None:
    subject = a_case()
    for requirement in ("a.must", "a.should", "a.record"):
        subject.check(requirement, 1, equal(2))
    assert [entry.verdict for entry in subject.assertions] == [Verdict.FAIL, Verdict.WARN]
    assert subject.observations == ["a.record: 1"]
    assert subject.verdict() is Verdict.FAIL


def test_only_declared_requirements_can_be_judged() -> None:
    with pytest.raises(ValueError, match="does not declare"):
        a_case().check("b.other", 1, equal(1))


def test_a_twin_that_fails_before_makes_the_stimulus_pointless() -> None:
    subject = a_case()
    with pytest.raises(Inconclusive, match="unplugged"), subject.twin("works", lambda: "unplugged"):
        pytest.fail("the stimulus must not be reached")
    assert subject.assertions == []


def test_a_twin_that_fails_after_takes_the_passes_back_and_leaves_the_failures() -> None:
    subject = a_case()
    answers = iter(("", "gone"))
    with subject.twin("works", lambda: next(answers)):
        subject.check("a.must", 1, equal(1))
        subject.check("a.should", 1, equal(2))
    assert [entry.verdict for entry in subject.assertions] == [Verdict.INCONCLUSIVE, Verdict.WARN]
    assert "gone" in subject.assertions[0].reason


def test_what_was_not_judged_is_settled_and_what_was_stays() -> None:
    subject = a_case()
    subject.check("a.must", [], nothing("thing"))
    subject.settle(Verdict.INCONCLUSIVE, "never reached")
    assert [(entry.requirement, entry.verdict) for entry in subject.assertions] == [
        ("a.must", Verdict.PASS),
        ("a.should", Verdict.INCONCLUSIVE),
    ]


def test_the_seed_of_a_case_depends_on_the_run_and_its_id_alone() -> None:
    assert seed_for(1, "a.b") == seed_for(1, "a.b")
    assert len({seed_for(1, "a.b"), seed_for(2, "a.b"), seed_for(1, "a.c")}) == 3
