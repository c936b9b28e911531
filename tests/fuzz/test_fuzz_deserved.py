"""A program that a correct device must not obey is really one: over many seeds, and on devices with empty values."""

from __future__ import annotations

import random
from collections import Counter
from itertools import islice

import msgspec
import pytest
from fuzz_soap_facts import device
from lxml import etree

from harness.cwmp.soap import Reading, read
from harness.fuzz.connection_request import messages as door_messages
from harness.fuzz.connection_request.programs import wrong_login
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.mixture import mixed
from harness.fuzz.program import Expectation, Program, Raw, Reply, Surface, Wanted
from harness.fuzz.soap.build import (
    ANY,
    ILL_FORMED,
    INVALID,
    NO_EXPANSION,
    Kitchen,
    deserved,
    is_ill_formed,
)
from harness.fuzz.soap.edits import apply, edit
from harness.fuzz.soap.source import soap

SEEDS = range(6)
EACH = 500
REFUSALS = (Wanted.NOT_OBEYED, Wanted.FAULT)
FAULT = Expectation(Wanted.FAULT, (9003,), "cwmp.set.fault-codes")


def hollow() -> DeviceFacts:
    """A device whose values are all empty."""
    full = device()
    return msgspec.structs.replace(
        full, parameters=tuple(msgspec.structs.replace(each, value="") for each in full.parameters)
    )


def body(program: Program) -> bytes:
    return b"".join(action.body for action in program.actions if isinstance(action, Reply))


def well_formed(data: bytes) -> bool:
    """By a parser that the generators do not use."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        return False
    return True


def is_broken(reading: Reading) -> bool:
    """Whether an envelope breaks its schema."""
    return reading.envelope is None or any(problem.must for problem in reading.problems)


@pytest.mark.parametrize("facts", [device(), hollow()], ids=["full", "hollow"])
def test_what_must_be_refused_deserves_it(facts: DeviceFacts) -> None:
    refused = {
        each.rpc
        for each in Kitchen(facts).templates.named.values()
        if each.expectation.wanted is Wanted.FAULT
    }
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        for program in islice(mixed(soap(facts).arms, seed), EACH):
            wanted, sent = program.expectation, body(program)
            if wanted.wanted not in REFUSALS:
                continue
            where = f"seed {program.origin.seed:#x}: {program.says}"
            if sent == program.origin.template:
                assert wanted.wanted is Wanted.FAULT, where
                assert program.says.partition(":")[0] in refused, where
            if wanted == ILL_FORMED:
                assert not well_formed(sent), where
            elif wanted == INVALID:
                assert len(sent) > 30_000 or is_broken(read(sent)), where
            elif wanted.requirement == NO_EXPANSION:
                assert sent.index(b"<!DOCTYPE") < sent.index(b"<!ENTITY"), where
            elif wanted.requirement == "cwmp.soap.must-understand":
                envelope = read(sent).envelope
                assert envelope is not None, where
                assert any(entry.must_understand for entry in envelope.header.unknown), where
            if wanted.wanted is Wanted.FAULT:
                assert well_formed(sent), where
            seen[wanted.requirement] += 1
    assert len(seen) >= 8
    assert min(seen.values()) >= 3, seen


def test_a_reference_to_no_character_stands_in_an_empty_text_too() -> None:
    kitchen = Kitchen(hollow())
    template = next(each for each in kitchen.harmless if each.name == "write-same-text")
    place = next(place for place in template.texts if place.endswith("/Value"))
    for reference in ("&#xD800;", "&nothing;", "&"):
        one = edit("split", place, reference)
        sent = apply(template.body, [one])
        assert reference.encode() in sent
        assert is_ill_formed(sent)
        made = kitchen.program(template, [one], ILL_FORMED, "", generator="grammar/1", dimension="X3")
        assert made.expectation == ILL_FORMED


@pytest.mark.parametrize(
    ("expectation", "sent", "of_template", "expected"),
    [
        (ILL_FORMED, b"<a/>", ANY, ANY),
        (ILL_FORMED, b"<b/>", ANY, ANY),
        (ILL_FORMED, b"<b>", ANY, ILL_FORMED),
        (ILL_FORMED, b"<!DOCTYPE", ANY, ILL_FORMED),
        (INVALID, b"<a/>", FAULT, FAULT),
        (FAULT, b"<a/>", FAULT, FAULT),
        (FAULT, b"<b/>", ANY, FAULT),
    ],
)
def test_what_is_expected_rests_on_what_is_sent(
    expectation: Expectation, sent: bytes, of_template: Expectation, expected: Expectation
) -> None:
    assert deserved(expectation, sent, b"<a/>", of_template) == expected


def test_an_edit_that_finds_no_place_expects_what_the_valid_message_does() -> None:
    kitchen = Kitchen(device())
    template = kitchen.templates.named["read-one"]
    nowhere = edit("end-tag", "Envelope/Nowhere", "x")
    made = kitchen.program(template, [nowhere], ILL_FORMED, "", generator="grammar/1", dimension="X4")
    assert made.expectation == template.expectation


def test_a_wrong_login_differs_from_the_right_one() -> None:
    right = door_messages.login(())
    for seed in range(400):
        program = wrong_login(random.Random(seed), seed)
        if program.expectation.wanted in REFUSALS:
            sent = [each for each in program.actions if isinstance(each, Raw)]
            assert sent != [each for each in right if isinstance(each, Raw)], program.says
    assert program.surface is Surface.CONNECTION_REQUEST
