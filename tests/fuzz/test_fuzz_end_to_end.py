"""The fuzzer with a real reference CPE: one short campaign through the command line, one executor."""

from __future__ import annotations

import gc
import weakref
from itertools import islice
from pathlib import Path

import msgspec
from click.testing import CliRunner

from harness.cwmp.messages import GetParameterValues
from harness.device.profile import reference
from harness.fuzz.engine.soap import SoapExecutor
from harness.fuzz.evidence import Answer, End, Evidence
from harness.fuzz.generators import SOURCES, programs
from harness.fuzz.oracles import judge
from harness.fuzz.program import Program, Surface
from harness.fuzz.session.executor import SessionExecutor
from harness.fuzz_cli import fuzz
from harness.verdict.fuzzing import FuzzResults


def test_the_executor_runs_a_batch_and_brings_a_killed_device_back(tmp_path: Path) -> None:
    executor = SoapExecutor(reference(), tmp_path)
    try:
        batch: list[Program] = list(islice(programs(Surface.SOAP, 1, executor.facts), 8))
        evidence = executor.run(batch)
        assert len(evidence.observations) == 8
        assert End.NOT_REACHED not in {each.end for each in evidence.observations}
        assert evidence.after.alive
        assert (evidence.after.snapshot.resident or 0) > 1000
        assert judge(evidence) == []
        ground = executor.ground
        ground.loop.call(ground.rig.driver._child.kill())  # type: ignore[attr-defined]
        dead = executor.run(batch[:2])
        assert not dead.after.alive
        assert executor.reset()
        again = executor.run(batch[:2])
        assert again.after.alive
        with ground.bench.session("afterwards") as session:
            name = f"{session.root}DeviceInfo.SoftwareVersion"
            assert session.call(GetParameterValues((name,))).values()
        assert Answer.REQUEST not in {each.answer for each in again.observations}
    finally:
        executor.close()


def test_what_a_batch_has_recorded_ends_with_its_evidence(tmp_path: Path) -> None:
    """Or the harness of a long campaign grows with every case."""
    executor = SoapExecutor(reference(), tmp_path)
    try:
        source = programs(Surface.SOAP, 1, executor.facts)
        books = []
        for _ in range(3):
            evidence = executor.run(list(islice(source, 8)))
            assert evidence.transcript.sessions
            books.append([weakref.ref(each) for each in _recorded(evidence)])
            del evidence
        gc.collect()
        left = [each() for book in books[:-1] for each in book if each() is not None]
        assert left == []
        assert not executor.ground.rig.recorder._session_books
    finally:
        executor.close()


def _recorded(evidence: Evidence) -> list[_Watched]:
    """Something in each book that can be watched: msgspec's own objects cannot."""
    watched = _Watched("watched")
    evidence.transcript.connections[0].endpoint = watched
    return [watched]


class _Watched(str):
    """A text that may be referred to weakly."""


def test_the_command_writes_its_results(tmp_path: Path) -> None:
    out = tmp_path / "campaign"
    arguments = ["--surface", "soap", "--cases", "12", "--seed", "3", "--out", str(out), "--workers", "1"]
    outcome = CliRunner().invoke(fuzz, [*arguments, "--corpus", str(tmp_path / "corpus")])
    assert outcome.exit_code == 0, outcome.output
    assert "12 cases" in outcome.output
    results = msgspec.json.decode((out / "results.json").read_bytes(), type=FuzzResults)
    assert (results.cases_executed, results.seed, results.stopped, results.findings) == (12, 3, "cases", [])
    assert results.device["name"] == "Reference CPE"
    assert results.surfaces[0].restored == ""
    assert list((tmp_path / "corpus").glob("*/*.json"))
    assert not (out / ".claims").exists()


def test_an_empty_post_while_requests_are_held_ends_nothing(tmp_path: Path) -> None:
    """The device sends another one when they are held no more: it is no post after the end."""
    executor = SessionExecutor(reference(), tmp_path)
    try:
        held = [
            each
            for each in SOURCES[Surface.SESSION](executor.facts).nasty
            if each.origin.name in ("session.hold", "session.usual")
        ]
        assert len(held) == 2
        evidence = executor.run(held)
        assert End.NOT_REACHED not in {each.end for each in evidence.observations}
        assert judge(evidence) == []
        assert {each.ended for each in evidence.transcript.sessions} == {"complete"}
    finally:
        executor.close()
