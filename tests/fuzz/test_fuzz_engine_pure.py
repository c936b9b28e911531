"""The pure parts of the engine: guard, buckets, corpus, budgets, the records of a campaign."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import click
import msgspec
import pytest

from harness.device.profile import Address, Profile, reference
from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, Control, End, Evidence, Observation
from harness.fuzz.guard import PERMISSION, refusal
from harness.fuzz.hunt.buckets import LEAST, MOST, Buckets, bucket_of, merged
from harness.fuzz.hunt.campaign import fails, failure_of, worker_seed
from harness.fuzz.hunt.corpus import LARGEST, Corpus
from harness.fuzz.hunt.station import Claims, Order, parted
from harness.fuzz.program import Edit, Origin, Program, Raw, Reply, Surface
from harness.fuzz_cli import seconds
from harness.verdict.fuzzing import FoundOne, FuzzResults, SurfaceResult, encode, json_schema
from harness.verdict.transcript import Transcript
from harness.verdict.verdict import Level


def program(text: bytes = b"<a/>", **origin: object) -> Program:
    return Program(Surface.SOAP, (Reply(text),), origin=Origin(**origin))  # type: ignore[arg-type]


def evidence(*seen: Observation) -> Evidence:
    alive = Control(alive=True)
    return Evidence(observations=seen, before=alive, after=alive, transcript=Transcript())


def answered(rpc: str = "GetParameterValuesResponse") -> Observation:
    return Observation(program(generator="edits/1", dimension="S3"), End.ANSWERED, Answer.RESPONSE, rpc)


# --- which addresses may be touched ---


def at(device: str, listen: str = "192.168.1.1", permission: str = "") -> Profile:
    return replace(reference(), where="address", address=Address(device, (listen,)), permission=permission)


def test_the_reference_device_in_its_namespace_may_be_fuzzed() -> None:
    assert refusal(reference()) == ""


@pytest.mark.parametrize(
    "device", ["10.0.0.7", "192.168.178.1", "172.16.3.4", "127.0.0.1", "fd00::7", "fe80::1", "198.51.100.2"]
)
def test_a_private_address_may_be_fuzzed(device: str) -> None:
    assert refusal(at(device)) == ""


@pytest.mark.parametrize("device", ["8.8.8.8", "2a00:1450:4001:800::200e", "::ffff:8.8.8.8"])
def test_a_public_address_is_refused_with_what_it_takes(device: str) -> None:
    reason = refusal(at(device))
    assert device in reason
    assert PERMISSION in reason


def test_a_public_address_to_listen_on_is_refused_too() -> None:
    assert "9.9.9.9" in refusal(at("10.0.0.7", listen="9.9.9.9"))


def test_the_owners_words_allow_a_public_address() -> None:
    assert refusal(at("8.8.8.8", permission=f"  {PERMISSION.upper()} ")) == ""


@pytest.mark.parametrize("words", ["yes", "true", "this device is not mine and may be attacked"])
def test_other_words_allow_nothing(words: str) -> None:
    assert refusal(at("8.8.8.8", permission=words))


# --- buckets ---


def test_a_bucket_tells_fault_rpc_end_and_band() -> None:
    fault = Observation(
        program(),
        End.ANSWERED,
        Answer.FAULT,
        "Fault",
        9003,
        (("Device.X", 9006), ("Device.Y", 9006)),
        seconds=2.0,
    )
    assert str(bucket_of(fault)) == "soap Fault 9003:9006 very slow"
    assert str(bucket_of(answered())) == "soap GetParameterValuesResponse response fast"
    assert bucket_of(Observation(program(), End.CLOSED)).reaction == "closed"


def test_an_observation_opens_a_bucket_once() -> None:
    buckets = Buckets()
    first, second = answered(), answered()
    assert buckets.learn(evidence(first, second)) == [first]
    assert buckets.learn(evidence(second)) == []
    assert sum(buckets.counts.values()) == 3


def test_what_never_reached_the_device_is_in_no_bucket() -> None:
    buckets = Buckets()
    assert buckets.learn(evidence(Observation(program(), End.NOT_REACHED))) == []
    assert not buckets.counts


def test_an_arm_that_shows_new_reactions_gains_weight() -> None:
    buckets = Buckets()
    for number in range(200):
        dull = answered()
        fresh = Observation(
            program(generator="edits/1", dimension="X3"), End.ANSWERED, Answer.FAULT, "Fault", 9000 + number
        )
        buckets.learn(evidence(dull, fresh))
    rare = buckets.weight(Origin(generator="edits/1", dimension="X3"))
    common = buckets.weight(Origin(generator="edits/1", dimension="S3"))
    assert LEAST <= common < 1.0 < rare <= MOST
    assert buckets.weight(Origin(generator="unknown", dimension="S3")) == 1.0


def test_counts_of_workers_are_added() -> None:
    assert merged([{"a": 1, "b": 5}, {"a": 7}]) == {"a": 8, "b": 5}


# --- corpus ---


def test_a_program_is_kept_once_and_comes_back(tmp_path: Path) -> None:
    one, other = Corpus(tmp_path / "c"), Corpus(tmp_path / "c")
    assert one.add(program(b"<x/>"))
    assert not other.add(program(b"<x/>", seed=7)), "the same bytes are the same program"
    assert other.add(program(b"<y/>"))
    assert len(one) == 2
    assert {each.actions for each in other.programs(Surface.SOAP)} == {(Reply(b"<x/>"),), (Reply(b"<y/>"),)}
    assert list(one.programs(Surface.TLS)) == []


def test_the_order_of_a_corpus_does_not_depend_on_when_programs_came(tmp_path: Path) -> None:
    texts = [b"<%d/>" % number for number in range(20)]
    for folder, row in (("a", texts), ("b", texts[::-1])):
        for text in row:
            Corpus(tmp_path / folder).add(program(text))
    assert list(Corpus(tmp_path / "a").programs(Surface.SOAP)) == list(
        Corpus(tmp_path / "b").programs(Surface.SOAP)
    )


def test_a_flood_is_not_kept_and_rubbish_is_told(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    assert not corpus.add(Program(Surface.SOAP, (Raw(b"x" * (LARGEST + 1)),)))
    corpus.add(program())
    (tmp_path / "ab").mkdir(exist_ok=True)
    (tmp_path / "ab" / "rubbish.json").write_text("{", "utf-8")
    assert len(list(corpus.programs(Surface.SOAP))) == 1
    assert corpus.unreadable
    assert "rubbish.json" in corpus.unreadable[0]


def test_a_killed_process_leaves_nothing_that_counts(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / f".{'ab' * 32}.1.new").write_bytes(b"half")
    assert len(corpus) == 0
    assert list(corpus.programs(Surface.SOAP)) == []


# --- failures, claims, shares ---


def alarm(key: str, kind: Kind, **more: object) -> Alarm:
    return Alarm("liveness", kind, Confidence.CERTAIN, "alive", "dead", key, **more)  # type: ignore[arg-type]


def test_crashes_of_different_kinds_are_different_failures() -> None:
    crash = alarm("liveness:process-ended", Kind.ROBUSTNESS)
    long_ = program(dimension="S4", edits=(Edit("fill-text"),))
    deep = program(dimension="X2", edits=(Edit("nest"),))
    assert failure_of(crash, long_) != failure_of(crash, deep)
    assert failure_of(crash, long_) == failure_of(
        crash, program(b"<other/>", dimension="S4", edits=(Edit("fill-text"),))
    )


def test_a_breach_of_a_rule_is_one_failure_wherever_it_shows() -> None:
    breach = alarm("wire:id-echo", Kind.CONFORMANCE)
    assert failure_of(breach, program(dimension="S4")) == failure_of(breach, program(dimension="X2"))


@pytest.mark.parametrize(
    ("found", "level", "expected"),
    [
        (alarm("a", Kind.ROBUSTNESS), None, True),
        (alarm("a", Kind.CONFORMANCE), Level.MUST, True),
        (alarm("a", Kind.CONFORMANCE), Level.SHOULD, False),
        (alarm("a", Kind.CONFORMANCE, minor=True), Level.MUST, False),
        (Alarm("slow", Kind.ROBUSTNESS, Confidence.HINT, "", "", "a"), None, False),
    ],
)
def test_what_makes_a_campaign_fail(found: Alarm, level: Level | None, expected: bool) -> None:
    assert fails(found, level) is expected


def test_one_worker_alone_pursues_a_failure(tmp_path: Path) -> None:
    one, other = Claims(tmp_path / "claims"), Claims(tmp_path / "claims")
    assert one.claim("crash") == 1
    assert other.claim("crash") == 0
    assert other.claim("hang") == 2


def test_workers_share_the_cases_and_have_streams_of_their_own() -> None:
    order = Order(surfaces=[Surface.SOAP], out="/nowhere", seed=5, cases=10)
    assert [each.cases for each in parted(order, 3)] == [4, 3, 3]
    assert len(parted(msgspec.structs.replace(order, cases=2), 3)) == 2
    assert worker_seed(5, 0) == 5
    assert len({worker_seed(5, number) for number in range(8)}) == 8


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("90s", 90), ("2m", 120), ("8h", 28800), ("1h30m", 5400), ("0.5m", 30)]
)
def test_times_on_the_command_line(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "m", "-5", "2d", "1 h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds(text)


# --- the record ---


def results(**more: object) -> FuzzResults:
    given = {
        "tool_version": "1",
        "command": "c",
        "started": "t",
        "seconds": 1.0,
        "cases_executed": 5,
        "seed": 1,
    }
    return FuzzResults(**{**given, "stopped": "cases", **more})  # type: ignore[arg-type]


def one(**more: object) -> FoundOne:
    given = {
        "file": "f", "key": "k", "title": "t", "surface": "soap", "kind": "robustness", "confidence": "certain",
        "digest": "d", "hits": 3, "runs": 3, "edits": 1, "fails": True,
    }  # fmt: skip
    return FoundOne(**{**given, **more})  # type: ignore[arg-type]


def test_exit_codes() -> None:
    assert results().exit_code == 0
    assert results(findings=[one(fails=False)]).exit_code == 0
    assert results(findings=[one()]).exit_code == 1
    assert results(stopped="the device is lost").exit_code == 2
    assert results(stopped="interrupted").exit_code == 0
    assert results(stopped="the device is lost", findings=[one()]).exit_code == 1


def test_the_published_schema_is_the_one_of_the_record() -> None:
    published = json.loads((files("reports") / "schema" / "fuzz-1.json").read_text("utf-8"))
    assert published == json.loads(json.dumps(json_schema()))


def test_the_record_has_the_fields_that_others_rely_on() -> None:
    written = json.loads(
        encode(results(findings=[one(title="lone \ud800")], surfaces=[SurfaceResult(surface="soap")]))
    )
    assert written["cases_executed"] == 5
    assert written["seconds"] == 1.0
    assert written["findings"][0]["title"] == "lone \\ud800"
    assert set(json_schema()["$defs"]["FuzzResults"]["required"]) <= set(written)


def test_click_refuses_a_surface_that_there_is_not() -> None:
    from click.testing import CliRunner

    from harness.fuzz_cli import fuzz

    assert isinstance(fuzz, click.Command)
    outcome = CliRunner().invoke(fuzz, ["--surface", "telepathy"])
    assert outcome.exit_code == 2
    assert "telepathy" in outcome.output
