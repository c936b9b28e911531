"""Replay with scripted executors: when a finding is FIXED, FAILED or neither, and findings as cases of a run."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from fuzz_evidence import BASE, control, evidence, faulted, seen
from fuzz_findings import CATALOGUE, atomicity, crash

from harness.case import Case
from harness.cli import main
from harness.fuzz.evidence import Control, End, Evidence, Observation
from harness.fuzz.executor import ExecutorError
from harness.fuzz.findings import regression
from harness.fuzz.findings.finding import write
from harness.fuzz.findings.replay import MOST, READINGS, Outcome, Replayed, replay, runs_for
from harness.fuzz.findings.replay_run import Shared
from harness.fuzz.program import Program, Surface
from harness.runner import Runner
from harness.verdict.finding import Confirmed, Finding
from harness.verdict.verdict import Verdict

A = BASE + "A"
OLD = control(values={A: "old"})
SET = control(values={A: "x" * 40}, up_time=130)
DEAD = control(alive=False)
Answer = Callable[[Program], Observation]


def good(made: Program) -> Evidence:
    return evidence(faulted(made, 9003), before=OLD, after=control(values={A: "old"}, up_time=130))


def half_applied(made: Program) -> Evidence:
    return evidence(faulted(made, 9003), before=OLD, after=SET)


def crashed(made: Program) -> Evidence:
    return evidence(
        seen(made, End.RESET), before=OLD, after=msgspec.structs.replace(DEAD, process="signal 11")
    )


def lost_before(made: Program) -> Evidence:
    return evidence(seen(made, End.NOT_REACHED), before=DEAD, after=DEAD)


def not_reached(made: Program) -> Evidence:
    return evidence(seen(made, End.NOT_REACHED), before=OLD, after=OLD)


class Scripted:
    """An executor that does what it is told; the last deed is repeated."""

    surface = Surface.SOAP
    batch = 50

    def __init__(self, *deeds: Callable[[Program], Evidence]) -> None:
        self.deeds = list(deeds)
        self.batches: list[int] = []
        self.resets = 0

    def control(self) -> Control:
        return OLD

    def run(self, programs: Sequence[Program]) -> Evidence:
        self.batches.append(len(programs))
        deed = self.deeds.pop(0) if len(self.deeds) > 1 else self.deeds[0]
        return deed(programs[0])

    def reset(self) -> str:
        self.resets += 1
        return "restarted"

    @contextmanager
    def open(self, surface: Surface) -> Iterator[Scripted]:
        self.surface = surface
        yield self


def told(finding: Finding, *deeds: Callable[[Program], Evidence], **more: Any) -> tuple[Replayed, Scripted]:
    executor = Scripted(*deeds)
    return replay(finding, executor.open, **more), executor


# --- one finding ----------------------------------------------------------------------------------


def test_what_shows_again_failed() -> None:
    said, executor = told(atomicity(), half_applied)
    assert (said.outcome, said.hits, said.runs) == (Outcome.FAILED, 1, 1)
    assert "is 'xxx" in said.reason
    assert executor.batches == [1]


def test_what_shows_no_more_is_fixed_after_as_many_runs_as_it_needs() -> None:
    said, executor = told(atomicity(), good)
    assert (said.outcome, said.hits, said.runs, said.seen) == (Outcome.FIXED, 0, 3, [])
    assert executor.batches == [1, 1, 1]


def test_one_failure_among_many_runs_is_a_failure() -> None:
    said, _ = told(atomicity(), good, good, half_applied)
    assert (said.outcome, said.hits, said.runs) == (Outcome.FAILED, 1, 3)


def test_a_number_of_runs_is_kept_to() -> None:
    said, executor = told(atomicity(), half_applied, times=4)
    assert (said.hits, said.runs, len(executor.batches)) == (4, 4, 4)


@pytest.mark.parametrize(
    ("deeds", "says"),
    [
        ((lost_before,), "did not work before"),
        ((not_reached,), "could not be delivered"),
        ((good, lost_before), "did not work before"),
        ((good, not_reached), "could not be delivered"),
    ],
)
def test_what_was_not_delivered_is_never_fixed(deeds: Any, says: str) -> None:
    said, _ = told(atomicity(), *deeds)
    assert said.outcome is Outcome.ERROR
    assert says in said.reason


def test_a_dead_device_is_revived_once() -> None:
    said, executor = told(atomicity(), lost_before, good)
    assert said.outcome is Outcome.FIXED
    assert executor.resets == 1


def test_a_device_that_stays_dead_after_the_failure_has_failed() -> None:
    said, _ = told(crash(), crashed, lost_before, destructive=True, times=3)
    assert (said.outcome, said.hits) == (Outcome.FAILED, 1)
    assert "signal 11" in said.reason


def test_who_crashes_where_it_was_wrong_before_is_not_mended() -> None:
    said, executor = told(atomicity(), crashed)
    assert said.outcome is Outcome.FAILED
    assert "signal 11" in said.reason
    assert said.seen == ["liveness:process-ended"]
    assert executor.resets == 0


def test_another_breach_is_told_and_is_not_this_finding() -> None:
    def other(made: Program) -> Evidence:
        return evidence(faulted(made, 9002), before=OLD, after=control(values={A: "old"}, up_time=130))

    said, _ = told(atomicity(), other)
    assert said.outcome is Outcome.FIXED
    assert said.seen == ["wrong-fault:cwmp.set.fault-codes:9002"]


def test_an_error_of_the_bench_says_nothing() -> None:
    def broken(made: Program) -> Evidence:
        raise ExecutorError("the port is taken")

    said, _ = told(atomicity(), broken)
    assert (said.outcome, said.reason) == (Outcome.ERROR, "the port is taken")
    said, _ = told(atomicity(), good, broken)
    assert said.outcome is Outcome.ERROR
    said, _ = told(atomicity(), half_applied, broken, times=2)
    assert said.outcome is Outcome.FAILED


def test_destructive_programs_need_leave() -> None:
    said, executor = told(crash(), good)
    assert said.outcome is Outcome.ERROR
    assert "not allowed" in said.reason
    assert executor.batches == []


def test_a_damaged_program_is_an_error() -> None:
    finding = atomicity()
    finding.program = {"surface": "soap"}
    said, _ = told(finding, good)
    assert (said.outcome, bool(said.reason)) == (Outcome.ERROR, True)


def test_runs_that_make_sure() -> None:
    assert runs_for(Confirmed(3, 3)) == 3
    assert runs_for(Confirmed(1, 2)) == 5
    assert runs_for(Confirmed(1, 5)) == 14
    assert runs_for(Confirmed(1, 1000)) == MOST
    assert runs_for(Confirmed(0, 0)) == 3


# --- memory ---------------------------------------------------------------------------------------


def _memory() -> Finding:
    finding = atomicity()
    alarm = msgspec.structs.replace(
        finding.alarm, oracle="memory-trend", key="memory-trend", requirement="cwmp.robust.bounded-memory"
    )
    return msgspec.structs.replace(finding, alarm=alarm)


def _growing(by: int | None) -> Callable[[Program], Evidence]:
    size = [30_000]

    def run(made: Program) -> Evidence:
        size[0] += by or 0
        after = control(values={A: "old"}, up_time=130, resident=size[0] if by is not None else None)
        return evidence(faulted(made, 9003), before=OLD, after=after)

    return run


@pytest.mark.parametrize(
    ("by", "outcome"), [(150, Outcome.FAILED), (0, Outcome.FIXED), (None, Outcome.ERROR)]
)
def test_a_leak_takes_many_runs_to_show(by: int | None, outcome: Outcome) -> None:
    said, executor = told(_memory(), _growing(by))
    assert said.outcome is outcome
    assert set(executor.batches) == {50}
    assert len(executor.batches) == (READINGS if by is not None else 1)


def test_free_memory_counts_with_the_sign_turned() -> None:
    free = [900_000]

    def run(made: Program) -> Evidence:
        free[0] -= 160
        return evidence(faulted(made, 9003), before=OLD, after=control(memory_free=free[0], up_time=130))

    assert told(_memory(), run)[0].outcome is Outcome.FAILED


def test_a_device_that_dies_of_it_has_failed() -> None:
    assert told(_memory(), _growing(1), crashed)[0].outcome is Outcome.FAILED


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Surface]]:
    """Puts scripted executors in the place of those that open a bench."""

    def install(*deeds: Callable[[Program], Evidence]) -> list[Surface]:
        opened: list[Surface] = []

        @contextmanager
        def open_executor(surface: Surface, profile: Any, workdir: Path) -> Iterator[Scripted]:
            assert workdir.is_dir()
            opened.append(surface)
            yield Scripted(*deeds)

        module = types.ModuleType("harness.fuzz.executors")
        module.open_executor = open_executor  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "harness.fuzz.executors", module)
        return opened

    return install


def cpecheck(*words: object) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(
    ("deeds", "code", "word"),
    [((good,), 0, "FIXED"), ((half_applied,), 1, "FAILED"), ((not_reached,), 2, "ERROR")],
)
def test_exit_status(bench: Any, tmp_path: Path, deeds: Any, code: int, word: str) -> None:
    bench(*deeds)
    path = write(tmp_path, atomicity())
    done = cpecheck("replay", path, "--json", tmp_path / "out.json")
    assert done.exit_code == code, done.output
    assert done.output.startswith(word)
    assert str(path) in done.output
    row = json.loads((tmp_path / "out.json").read_text())
    assert (row["exit_code"], row["findings"][0]["outcome"]) == (code, word)
    assert row["findings"][0]["digest"] == atomicity().digest


def test_findings_of_a_surface_share_an_executor_and_the_worst_counts(bench: Any, tmp_path: Path) -> None:
    opened = bench(good, good, good, half_applied)
    paths = [write(tmp_path, atomicity(number)) for number in (1, 2)]
    done = cpecheck("replay", *paths)
    assert done.exit_code == 1
    assert [line.split()[0] for line in done.output.splitlines()] == ["FIXED", "FAILED"]
    assert opened == [Surface.SOAP]


def test_usage(bench: Any, tmp_path: Path) -> None:
    bench(good)
    junk = tmp_path / "finding-1-x.json"
    junk.write_text("{}")
    for words in (("replay",), ("replay", junk), ("replay", tmp_path / "no.json"), ("replay", junk, "--times", "0"),
                  ("replay", junk, "--device", tmp_path / "no.toml")):  # fmt: skip
        done = cpecheck(*words)
        assert done.exit_code == 3, done.output
        assert "Traceback" not in done.output
    assert str(junk) in cpecheck("replay", junk).output


def test_an_executor_in_trouble_is_opened_anew() -> None:
    opened: list[int] = []

    @contextmanager
    def make(surface: Surface) -> Iterator[Scripted]:
        opened.append(len(opened))
        yield Scripted(good)

    shared = Shared(make)
    with pytest.raises(ExecutorError), shared.open(Surface.SOAP):
        raise ExecutorError("gone")
    with shared.open(Surface.SOAP), shared.open(Surface.SOAP):
        pass
    assert len(opened) == 2
    with shared.open(Surface.TLS):
        pass
    assert len(opened) == 3
    shared.close()


# --- cases of a run -------------------------------------------------------------------------------


def test_each_finding_is_a_case(tmp_path: Path) -> None:
    write(tmp_path, atomicity(2))
    write(tmp_path, crash(1))
    cases = regression.load(tmp_path, CATALOGUE)
    assert [each.spec.id for each in cases] == [
        "finding.liveness-process-ended",
        "finding.atomicity-cwmp-set-atomic",
    ]
    assert [each.spec.verifies for each in cases] == [("cwmp.robust.stays-alive",), ("cwmp.set.atomic",)]
    assert all(each.spec.title and "\n" not in each.spec.title for each in cases)


def test_two_findings_of_one_key_have_ids_of_their_own(tmp_path: Path) -> None:
    first = atomicity(1)
    program = msgspec.json.decode(msgspec.json.encode(first.program))
    program["expectation"]["codes"] = [9003, 9007]
    write(tmp_path, first)
    write(tmp_path, msgspec.structs.replace(first, number=2, program=program, digest="abcdef0123456789"))
    names = [each.spec.id for each in regression.load(tmp_path, CATALOGUE)]
    assert names == ["finding.atomicity-cwmp-set-atomic", "finding.atomicity-cwmp-set-atomic-abcdef01"]


def test_bad_folders_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(regression.FindingsError, match="no such folder"):
        regression.load(tmp_path / "no", CATALOGUE)
    with pytest.raises(regression.FindingsError, match="no finding"):
        regression.load(tmp_path, CATALOGUE)
    write(tmp_path, atomicity())
    (tmp_path / "finding-9-bad.json").write_text("{")
    with pytest.raises(regression.FindingsError, match=r"finding-9-bad\.json: not JSON") as error:
        regression.load(tmp_path, CATALOGUE)
    assert "\n" not in str(error.value)
    done = cpecheck("run", "--findings", tmp_path)
    assert done.exit_code == 3
    assert "finding-9-bad.json" in done.output


def _as_case(tmp_path: Path, finding: Finding, *deeds: Callable[[Program], Evidence]) -> Any:
    write(tmp_path / "findings", finding)
    (found,) = regression.load(tmp_path / "findings", CATALOGUE)
    executor = Scripted(*deeds)

    def body(case: Case) -> Any:
        return regression.run(found, case, executor.open, destructive=True)

    runner = Runner(_no_bench, CATALOGUE, 1, tmp_path / "evidence")
    return runner.run_apart(found.spec, body)


def _no_bench() -> Any:
    raise AssertionError("a finding brings its own bench")


@pytest.mark.parametrize(
    ("deeds", "verdict"),
    [((good,), Verdict.PASS), ((half_applied,), Verdict.FAIL), ((not_reached,), Verdict.INCONCLUSIVE)],
)
def test_the_verdict_of_a_case(tmp_path: Path, deeds: Any, verdict: Verdict) -> None:
    result = _as_case(tmp_path, atomicity(), *deeds)
    assert result.verdict is verdict
    assert result.requirements == ("cwmp.set.atomic",)
    assert [each.requirement for each in result.assertions] == ["cwmp.set.atomic"]
    assert result.steps
    if verdict is not Verdict.INCONCLUSIVE:
        assert (tmp_path / "evidence" / result.id / "transcript.json").exists()


def test_what_the_field_tolerates_is_a_warning(tmp_path: Path) -> None:
    finding = atomicity()
    minor = msgspec.structs.replace(finding, alarm=msgspec.structs.replace(finding.alarm, minor=True))
    assert _as_case(tmp_path, minor, half_applied).verdict is Verdict.WARN
