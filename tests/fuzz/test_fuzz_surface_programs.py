"""The programs of the surfaces beside soap: named once, reproducible, replayable, and of every kind they should be."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter

import pytest

from harness.catalogue import requirements
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.generators import SOURCES, programs
from harness.fuzz.mixture import mixed
from harness.fuzz.program import Cut, Program, Raw, Surface, Wanted, decode, encode

SURFACES = [surface for surface in Surface if surface is not Surface.SOAP]
DEVICE = DeviceFacts(destructive=True)
FEWEST = {
    Surface.CONNECTION_REQUEST: 190,
    Surface.SESSION: 60,
    Surface.HTTP: 150,
    Surface.TLS: 150,
    Surface.FILE: 50,
}


def some(surface: Surface, count: int, seed: int = 1) -> list[Program]:
    return list(itertools.islice(mixed(SOURCES[surface](DEVICE).arms, seed), count))


def rows(surface: Surface) -> list[Program]:
    return list(SOURCES[surface](DEVICE).nasty)


@pytest.mark.parametrize("surface", SURFACES)
def test_each_hand_written_program_has_a_name_and_is_no_copy(surface: Surface) -> None:
    table = rows(surface)
    assert len(table) >= FEWEST[surface]
    assert len({each.origin.name for each in table}) == len({each.digest for each in table}) == len(table)
    assert all(each.surface is surface and each.says for each in table)


@pytest.mark.parametrize("surface", SURFACES)
def test_the_table_comes_first_and_a_seed_gives_the_same_stream(surface: Surface) -> None:
    count = len(rows(surface)) + 50
    first, second = (
        [each.digest for each in itertools.islice(programs(surface, 5, DEVICE), count)] for _ in range(2)
    )
    other = [each.digest for each in itertools.islice(programs(surface, 6, DEVICE), count)]
    assert first == second
    assert first[:-50] == other[:-50]
    assert first[-50:] != other[-50:]


@pytest.mark.parametrize("surface", SURFACES)
def test_programs_survive_their_encoding(surface: Surface) -> None:
    for program in (*rows(surface), *some(surface, 20)):
        if program.octets < 100_000:
            assert decode(encode(program)) == program


@pytest.mark.parametrize("surface", SURFACES)
def test_what_is_expected_rests_on_a_requirement_of_the_catalogue(surface: Surface) -> None:
    known = {each.id for each in requirements()}
    for program in (*rows(surface), *some(surface, 100)):
        expectation = program.expectation
        assert not expectation.requirement or expectation.requirement in known
        assert expectation.wanted is Wanted.ANYTHING or expectation.requirement
        assert expectation.because


@pytest.mark.parametrize("surface", SURFACES)
def test_random_programs_are_of_every_arm_and_seldom_alike(surface: Surface) -> None:
    made = some(surface, 2_000)
    arms = SOURCES[surface](DEVICE).arms
    seen = Counter((each.origin.generator, each.origin.dimension) for each in made)
    shares = Counter[tuple[str, str]]()
    for arm in arms:
        shares[arm.generator, arm.dimension] += round(1000 * arm.share)
    for kind, share in shares.items():
        assert seen[kind] > len(made) * share / sum(shares.values()) / 2, kind
    assert len({each.digest for each in made}) > len(made) / 2


@pytest.mark.parametrize("surface", SURFACES)
def test_an_arm_makes_the_same_program_from_the_same_seed(surface: Surface) -> None:
    for arm in SOURCES[surface](DEVICE).arms:
        assert arm.make(random.Random(3), 3) == arm.make(random.Random(3), 3)


def test_wrong_logins_fault_every_parameter() -> None:
    arms = SOURCES[Surface.CONNECTION_REQUEST](DEVICE).arms
    (arm,) = (each for each in arms if each.dimension == "C2-login")
    places = {arm.make(random.Random(seed), seed).origin.edits[0].where for seed in range(300)}
    assert places >= {"username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce"}


def test_requests_without_a_login_reach_every_place() -> None:
    ops = {change.op for each in some(Surface.CONNECTION_REQUEST, 2_000) for change in each.origin.edits}
    assert ops >= {
        "start-line", "grow-target", "add-header", "flood-headers", "line-ends", "flip", "insert", "delete",
        "truncate", "set-parameter", "drop-parameter", "add-parameter",
    }  # fmt: skip


def test_a_request_that_may_be_incomplete_ends_its_direction() -> None:
    torn = whole = 0
    for program in some(Surface.CONNECTION_REQUEST, 500):
        last = [each for each in program.actions if isinstance(each, Raw)][-1].data
        framed = re.search(rb"(?i)content-length|transfer-encoding|expect", last)
        if framed or not last.endswith(b"\r\n\r\n"):
            assert program.actions[-2] == Cut("half")
            torn += 1
        elif not program.origin.generator.startswith("nasty"):
            assert Cut("half") not in program.actions
            whole += 1
    assert torn > 30
    assert whole > 200


def test_sessions_are_cut_everywhere_and_broken_handshakes_at_every_octet() -> None:
    cuts = {each.origin.name for each in rows(Surface.SESSION) if ".cut-" in each.origin.name}
    assert len(cuts) == 3 * 4 + 3 * 2
    kept = {
        action.keep for each in some(Surface.TLS, 2_000) for action in each.actions if hasattr(action, "keep")
    }
    assert len(kept) > 500


def test_firmware_is_only_for_those_who_allow_it() -> None:
    careful = list(SOURCES[Surface.FILE](DeviceFacts()).nasty)
    assert not any(each.origin.destructive for each in careful)
    assert any(each.origin.destructive for each in rows(Surface.FILE))


def test_the_old_holes_stay_in_the_table() -> None:
    said = " ".join(each.says for each in rows(Surface.CONNECTION_REQUEST))
    for hole in ("CVE-2014-9222", "CVE-2014-9223", "CVE-2000-0470", "CVE-2016-10372", "CVE-2017-17215"):
        assert hole in said
