"""Shrinking against pure predicates ends at a known minimum, and never lies."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import msgspec
import pytest
from fuzz_soap_facts import device
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.fuzz.hunt.shrink import Shrinking, least, minimal, shrink
from harness.fuzz.program import Edit, Expect, Expectation, Origin, Program, Reply, Surface, Wanted
from harness.fuzz.session import edits as edits_session
from harness.fuzz.soap.build import ANY, ILL_FORMED, Kitchen, is_ill_formed
from harness.fuzz.soap.edited import edited
from harness.fuzz.soap.edits import apply, edit
from harness.fuzz.soap.xml_tree import parse

KITCHEN = Kitchen(device())
NAME = "Envelope/Body/GetParameterValues/ParameterNames/string"
NAMES = NAME.rpartition("/")[0]
NOISE = (
    edit("text", "Envelope/Header/ID", "other"), edit("attribute", NAMES, "a", "b"), edit("append", "Envelope/Header", "<x/>"),
    edit("indent"), edit("bom", "", "efbbbf"), edit("spread", NAMES, 12), edit("array-length", NAMES, "7"),
)  # fmt: skip


def program(*edits: Edit, template: str = "read-one", expectation: Expectation = ANY) -> Program:
    return KITCHEN.program(
        KITCHEN.templates.named[template], edits, expectation, "", generator="t", dimension="S4", seed=5
    )


def body(case: Program) -> bytes:
    return b"".join(action.body for action in case.actions if isinstance(action, Reply))


def long_text(limit: int) -> Callable[[Program], bool]:
    return lambda case: max(map(len, re.findall(rb">([^<]*)<", body(case)))) > limit


def test_a_string_above_3072_is_found_among_noise_by_bisection() -> None:
    shrinking = Shrinking(program(*NOISE, edit("fill", NAME, 20_000, "%n"), *NOISE), long_text(3_072), 500)
    assert [(one.op, one.where, one.args) for one in shrinking.best.origin.edits] == [
        ("fill", NAME, ("3073", "A"))
    ]
    assert shrinking.best.says.endswith("the text is 3073 characters long")
    assert shrinking.calls < 80


def test_a_long_text_that_is_no_fill_gets_short_too() -> None:
    small = shrink(program(*NOISE, edit("text", NAME, "x" * 5_000)), long_text(3_072), 500)
    assert [len(one.args[0]) for one in small.origin.edits] == [3_073]


def test_what_matters_in_a_text_stays() -> None:
    small = shrink(program(edit("text", NAME, "abc;%n%n; tail %s")), lambda case: b"%n" in body(case), 300)
    assert [one.args for one in small.origin.edits] == [("%n",)]


def test_two_edits_that_only_work_together() -> None:
    def fails(case: Program) -> bool:
        return b"[7]" in body(case) and body(case).count(b"<a/>") >= 5

    small = shrink(program(*NOISE[::-1], *NOISE), fails, 500)
    assert sorted((one.op, one.args[0]) for one in small.origin.edits) == [
        ("array-length", "7"),
        ("spread", "5"),
    ]


@given(
    st.sampled_from(["nest", "spread", "attributes", "namespaces", "repeat", "fill"]),
    st.integers(2, 2_000),
    st.integers(0, 3_000),
    st.randoms(use_true_random=False),
)
@settings(max_examples=20, deadline=None)
def test_any_threshold_is_met_exactly(op: str, limit: int, more: int, rng: Random) -> None:
    edits = [edit(op, NAME, limit + more), *rng.sample(NOISE, k=rng.randint(0, 5))]
    rng.shuffle(edits)

    def fails(case: Program) -> bool:
        return any(one.op == op and int(one.args[0]) >= limit for one in case.origin.edits)

    # The predicate looks at edits; what is asked about is the program, so the body has to differ too.
    small = shrink(program(*edits), fails, 400)
    assert [one.args[0] for one in small.origin.edits] == [str(limit)]


def test_random_programs_end_with_at_most_three_edits_and_still_fail() -> None:
    def fails(case: Program) -> bool:
        return b"&#" in body(case) or len(body(case)) > 1_500 or b"2147483648" in body(case)

    tried = 0
    for seed in range(400):
        case = edited(KITCHEN, Random(seed), seed)
        if fails(case):
            tried += 1
            small = shrink(case, fails, 400)
            assert fails(small)
            assert len(small.origin.edits) <= 3
            assert body(small) == apply(small.origin.template, small.origin.edits)
    assert tried > 20


def test_nothing_is_returned_that_was_not_seen_to_fail() -> None:
    asked: dict[str, bool] = {}
    rng = Random(3)

    def fickle(case: Program) -> bool:
        asked[case.digest] = rng.random() < 0.5
        return asked[case.digest]

    for seed in range(40):
        case = edited(KITCHEN, Random(seed), seed)
        small = shrink(case, fickle, 60)
        assert small is case or asked[small.digest]


def test_the_budget_is_kept_and_no_program_is_asked_about_twice() -> None:
    asked: list[str] = []

    def fails(case: Program) -> bool:
        asked.append(case.digest)
        return long_text(3_072)(case)

    small = shrink(program(*NOISE, edit("fill", NAME, 20_000)), fails, 9)
    assert len(asked) == len(set(asked)) <= 9
    assert fails(small)


def test_only_what_is_allowed_is_asked_about() -> None:
    def allowed(case: Program) -> bool:
        return any(one.op == "indent" for one in case.origin.edits)

    small = shrink(program(*NOISE, edit("fill", NAME, 9_000)), long_text(100), 500, allowed)
    assert sorted(one.op for one in small.origin.edits) == ["fill", "indent"]


def test_a_valid_message_is_never_made_a_breach() -> None:
    """A device that obeys everything: a message that must be refused is not shrunk to one that must not."""
    wanted = Expectation(Wanted.FAULT, (9005,), "cwmp.values.unknown-name", "TR-069")
    case = program(edit("text", NAME, "Device.Nothing"), *NOISE, expectation=wanted)
    small = shrink(case, lambda one: one.expectation.wanted is Wanted.FAULT, 300)
    assert small == case


def test_an_ill_formed_message_stays_ill_formed() -> None:
    case = program(*NOISE, edit("markup", NAME, "abc&#0;def"), expectation=ILL_FORMED)
    small = shrink(case, lambda one: one.expectation.wanted is Wanted.NOT_OBEYED, 500)
    assert is_ill_formed(body(small))
    assert len(small.origin.edits) == 1
    assert small.expectation == ILL_FORMED


def test_a_crash_loses_an_expectation_that_no_longer_fits() -> None:
    case = program(*NOISE, edit("fill", NAME, 20_000), expectation=ILL_FORMED)
    small = shrink(case, long_text(3_072), 500)
    assert small.expectation == Expectation()
    assert [one.args[0] for one in small.origin.edits] == ["3073"]


def test_without_edits_elements_and_octets_are_taken_away() -> None:
    case = program(*NOISE, edit("fill", NAME, 40))
    bare = msgspec.structs.replace(case, origin=msgspec.structs.replace(case.origin, template=b"", edits=()))
    small = shrink(bare, lambda one: b"AAAA" in body(one), 3_000)
    assert body(small) == b"AAAA"


def test_messages_that_do_not_matter_go() -> None:
    one, other = program(), program(edit("text", NAME, "x"))
    many = Program(Surface.SOAP, (*one.actions, *other.actions, *one.actions))
    small = shrink(many, lambda case: b">x<" in body(case), 2_000)
    assert len(small.actions) == 2
    assert isinstance(small.actions[1], Expect)


@pytest.mark.parametrize(("value", "limit"), [(20_000, 3_073), (5, 5), (7, 1), (9, 0), (1, 1)])
def test_least(value: int, limit: int) -> None:
    assert least(value, lambda size: size >= limit) == limit


@given(st.sets(st.integers(0, 63), max_size=3), st.integers(1, 64))
@settings(max_examples=80, deadline=None)
def test_minimal_finds_exactly_what_is_needed(needed: set[int], count: int) -> None:
    wanted = {one for one in needed if one < count}
    assert set(minimal(tuple(range(count)), lambda kept: wanted <= set(kept))) == wanted


def test_a_session_shrinks_to_the_edit_and_to_the_element_that_matter() -> None:
    """Its course is made anew with fewer edits; then the messages that are left become smaller too."""
    facts = device()
    template = b"inform-response get-values get-methods end"
    edits = (
        Edit("repeat", "1", ("4",)),
        Edit("insert", "2", ("unasked-values",)),
        Edit("swap", "0"),
        Edit("insert", "3", ("fault-8001",)),
        Edit("drop", "6"),
    )
    bare = Program(Surface.SESSION, (), origin=Origin("edits/1", "S7", template=template))
    whole = edits_session.rebuild(facts, bare, edits)

    def fails(program: Program) -> bool:
        return any(
            b"GetParameterValuesResponse" in each.body for each in program.actions if isinstance(each, Reply)
        )

    assert fails(whole)
    least = shrink(whole, fails, 600, device=facts)
    assert [edit.args for edit in least.origin.edits] == [("unasked-values",)]
    bodies = [each.body for each in least.actions if isinstance(each, Reply)]
    assert len(bodies) == 1
    assert b"Header" not in bodies[0], "elements that do not matter are gone too"
    assert parse(bodies[0]).root is not None, "and it is a message still"
