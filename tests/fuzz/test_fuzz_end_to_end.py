"""The fuzzer with a real reference CPE: one short campaign through the command line, one executor."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import msgspec
from click.testing import CliRunner

from harness.cwmp.messages import GetParameterValues
from harness.device.profile import reference
from harness.fuzz.engine.soap import SoapExecutor
from harness.fuzz.evidence import Answer, End
from harness.fuzz.generators import programs
from harness.fuzz.oracles import judge
from harness.fuzz.program import Program, Surface
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
