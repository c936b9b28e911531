"""What the generators of the surface soap can produce: kinds, shares, expectations, and nothing that harms."""

from __future__ import annotations

import tomllib
from collections import Counter
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path

import pytest
from fuzz_soap_facts import device
from lxml import etree

from harness.cwmp import messages as m
from harness.cwmp.soap import read
from harness.fuzz.facts import DESTRUCTIVE_RPCS, DeviceFacts
from harness.fuzz.generators import programs
from harness.fuzz.mixture import mixed
from harness.fuzz.program import Origin, Program, Reply, Surface, Wanted, decode, encode
from harness.fuzz.soap.build import Kitchen, is_ill_formed
from harness.fuzz.soap.dictionary import LENGTHS
from harness.fuzz.soap.grammar import BAD
from harness.fuzz.soap.nasty import ROWS
from harness.fuzz.soap.source import soap
from harness.fuzz.soap.templates import Effect, Guard

COUNT = 2_500
DIMENSIONS = {"X1", "X2", "X3", "X4", "X5", "S1", "S2", "S3", "S4", "S5", "S6"}


@lru_cache(maxsize=4)
def table(*, destructive: bool = False) -> tuple[Program, ...]:
    stream = programs(Surface.SOAP, 1, device(destructive=destructive))
    return tuple(takewhile(lambda program: program.origin.name, stream))


@lru_cache(maxsize=8)
def mixture(seed: int = 1, *, destructive: bool = False) -> tuple[Program, ...]:
    return tuple(islice(mixed(soap(device(destructive=destructive)).arms, seed), COUNT))


def body(program: Program) -> bytes:
    return b"".join(action.body for action in program.actions if isinstance(action, Reply))


def test_the_table_covers_every_dimension_under_ids_of_its_own() -> None:
    names = [program.origin.name for program in table()]
    assert len(names) == len(set(names)) > 400
    assert {program.origin.dimension for program in table()} == DIMENSIONS
    assert len({row.id for row in ROWS}) == len(ROWS)


def test_every_clause_is_a_requirement_of_the_catalogue() -> None:
    folder = Path(__file__).parents[2] / "suites" / "requirements"
    known = {
        one["id"]
        for file in folder.glob("*.toml")
        for one in tomllib.loads(file.read_text("utf-8"))["requirement"]
    }
    for program in (*table(destructive=True), *mixture()):
        expectation = program.expectation
        assert bool(expectation.requirement) == bool(expectation.because), program.origin.name
        assert expectation.requirement in known | {""}, program.origin.name
        assert not expectation.codes or expectation.wanted is Wanted.FAULT


def test_a_message_wanted_to_succeed_is_well_formed_and_means_what_the_template_means() -> None:
    for program in (*table(), *mixture()):
        if program.expectation.wanted is Wanted.SUCCESS:
            assert not is_ill_formed(body(program)), program.says
            reading = read(body(program))
            assert reading.envelope is not None, program.says
            if program.expectation.requirement == "cwmp.soap.xml-spellings" and b"cwmp:ID" in body(program):
                assert reading.envelope.message == read(program.origin.template).envelope.message  # type: ignore[union-attr]


def test_what_is_called_ill_formed_is_no_xml() -> None:
    called = [p for p in (*table(), *mixture()) if p.expectation.because.startswith("XML 1.0 1.2")]
    assert len(called) > 100
    for program in called:
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(body(program), etree.XMLParser(huge_tree=True))


def test_the_mixture_has_every_kind_with_a_sane_share() -> None:
    kinds = Counter((p.origin.generator, p.origin.dimension) for p in mixture())
    generators = Counter(p.origin.generator for p in mixture())
    assert {dimension for _, dimension in kinds} == DIMENSIONS
    assert {name: count > 0.02 * COUNT for name, count in generators.items()} == {
        "grammar/1": True,
        "edits/1": True,
        "havoc/1": True,
    }
    assert min(kinds.values()) >= 5
    assert max(kinds.values()) < 0.4 * COUNT


def test_shares_of_what_is_wanted() -> None:
    wanted = Counter(p.expectation.wanted for p in mixture())
    assert 0.2 < wanted[Wanted.FAULT] / COUNT < 0.7
    assert 0.03 < wanted[Wanted.SUCCESS] / COUNT < 0.3
    # They end the session, and sessions cost time.
    assert 0.02 < wanted[Wanted.NOT_OBEYED] / COUNT < 0.12
    assert 0.01 < sum(is_ill_formed(body(p)) for p in mixture()) / COUNT < 0.1


def test_programs_are_distinct_and_reproducible() -> None:
    digests = {program.digest for program in mixture()}
    assert len(digests) > 0.98 * COUNT
    again = islice(mixed(soap(device()).arms, 1), 200)
    assert tuple(again) == mixture()[:200]
    assert mixture(2)[:50] != mixture()[:50]


def test_programs_survive_their_encoding() -> None:
    for program in (*table()[::5], *mixture()[:300]):
        if program.octets < 100_000:
            assert decode(encode(program)) == program


def test_lengths_around_what_breaks_occur() -> None:
    sizes = {int(e.args[0]) for p in mixture() for e in p.origin.edits if e.op == "fill"}
    assert len(sizes & set(LENGTHS)) > 0.9 * len(LENGTHS)
    assert any(size > 3_072 for size in sizes)
    counts = Counter(len(p.origin.edits) for p in mixture() if p.origin.generator == "edits/1")
    assert set(counts) >= {1, 2, 3, 4}
    assert counts[1] > counts[3]


def asked(program: Program) -> m.Message | None:
    reading = read(body(program))
    return reading.envelope.message if reading.envelope is not None else None


def test_nothing_harms_without_permission() -> None:
    facts = device()
    safe = {p.name for p in facts.safe}
    writable = {p.name for p in facts.parameters if p.writable}
    tables = {o.path for o in facts.objects if o.safe}
    for program in (*table(), *mixture()):
        assert not program.origin.destructive
        message = asked(program)
        assert type(message).__name__ not in DESTRUCTIVE_RPCS
        if isinstance(message, m.SetParameterValues | m.SetParameterAttributes):
            assert {one.name for one in message.parameter_list} & writable <= safe, program.says
        if isinstance(message, m.AddObject | m.DeleteObject) and message.object_name in {
            o.path for o in facts.objects if o.writable
        }:
            assert message.object_name in tables, program.says


def test_with_permission_harmful_messages_are_marked() -> None:
    found = Counter(
        p.origin.template.count(b"cwmp:Reboot") > 0 for p in table(destructive=True) if p.origin.destructive
    )
    assert found[True] >= 2
    assert 0 < sum(p.origin.destructive for p in mixture(destructive=True)) < 0.1 * COUNT


@pytest.mark.parametrize(
    "name",
    [
        "Device.ManagementServer.URL",
        "device.managementserver.url",
        "Device.WiFi.Radio.1.Enable",
        "Device.WiFi.Radio.",
    ],
)
@pytest.mark.parametrize("around", ["{}", "{} ", "{}.x", "{}\0x", ".{}"])
def test_the_guard_sees_through_spellings(name: str, around: str) -> None:
    facts = device()
    guard = Guard(facts)
    text = f"<cwmp:SetParameterValues><Name>{around.format(name)}</Name>"
    assert not guard.lets_through(text.encode())
    assert not guard.lets_through(text.encode("utf-16-le"))
    assert Guard(device(destructive=True)).lets_through(text.encode())


def test_the_guard_lets_safe_writes_and_all_reads_through() -> None:
    kitchen = Kitchen(device())
    for template in kitchen.harmless:
        assert kitchen.guard.lets_through(template.body), template.name
    for name in (b"Reboot", b"FactoryReset", b"Download"):
        assert not kitchen.guard.lets_through(b"<cwmp:" + name + b"/>")


def test_a_device_of_which_nothing_is_known_is_fuzzed_too() -> None:
    found = list(islice(programs(Surface.SOAP, 3, DeviceFacts()), 1_500))
    assert len({p.origin.generator for p in found}) == 4
    assert not any(t.effect is Effect.WRITE for t in Kitchen(DeviceFacts()).harmless)


def test_weights_from_outside_move_the_mixture() -> None:
    class OnlyHavoc:
        def weight(self, origin: Origin) -> float:
            return 1.0 if origin.generator == "havoc/1" else 0.0

    found = list(islice(mixed(soap(device()).arms, 1, OnlyHavoc()), 100))
    assert {p.origin.generator for p in found} == {"havoc/1"}


def test_bad_values_are_bad() -> None:
    assert {"2", "yes", ""} <= set(BAD["boolean"])
    assert not {"0", "1", "true", "false", " 1 ", "TRUE"} & set(BAD["boolean"])
    assert all(len(texts) > 5 for texts in BAD.values())
