"""A finding once more: its program runs with the executor of its surface and is judged by the same oracles.

FAILED: it shows again. FIXED: the program was delivered to a device that lived before and after, as often as the
finding needs, and nothing is wrong. ERROR: neither can be said. A program that never reached the device proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from harness.case import Inconclusive
from harness.device.api import DriverError
from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import End, Evidence
from harness.fuzz.executor import Executor, ExecutorError
from harness.fuzz.findings.finding import program_of
from harness.fuzz.oracles import judge
from harness.fuzz.oracles.memory import LEAST
from harness.fuzz.program import Program, Surface
from harness.lab.errors import ClockError, LabError
from harness.verdict.finding import Confirmed, Finding, FindingError
from harness.verdict.transcript import Transcript

OpenExecutor: TypeAlias = Callable[[Surface], AbstractContextManager[Executor]]
"""Gives the executor of a surface on the device that is asked about; it is closed by leaving it.

Raises:
    ExecutorError: there is none, or the device cannot be brought up.
"""
FEWEST: Final = 3
"""Runs of a program that did it every time."""
MOST: Final = 20
_DOUBT: Final = 0.05
"""Chance of taking a failure that shows at times for one that is gone."""
READINGS: Final = LEAST + 4
"""Batches with which a trend of memory is looked for."""
COPIES: Final = 100
"""Copies of the program in such a batch, where the surface can take so many."""
_TROUBLES: Final = (FindingError, ExecutorError, DriverError, Inconclusive, LabError, ClockError, OSError)
"""What says nothing about the device."""


class Outcome(StrEnum):
    FIXED = "FIXED"
    FAILED = "FAILED"
    ERROR = "ERROR"


class Replayed(msgspec.Struct, kw_only=True):
    """What became of one finding."""

    finding: str
    """Name or path of its file."""
    outcome: Outcome
    hits: int = 0
    runs: int = 0
    """Times that the program was delivered and judged."""
    reason: str = ""
    """Why it is not FIXED, or what was seen, in a line."""
    title: str = ""
    key: str = ""
    requirement: str = ""
    digest: str = ""
    seen: list[str] = []
    """Keys of all alarms of all runs."""
    transcript: Transcript = msgspec.field(default_factory=Transcript)
    """Of the last run, or of the last that failed."""


def runs_for(confirmed: Confirmed) -> int:
    """Runs after which a failure that showed so often would have shown again, but for one case in twenty."""
    if confirmed.runs <= 0 or confirmed.hits >= confirmed.runs:
        return FEWEST
    rate = max(confirmed.hits, 0.5) / confirmed.runs
    return min(MOST, max(FEWEST, math.ceil(math.log(_DOUBT) / math.log(1.0 - rate))))


def replay(
    finding: Finding,
    open_executor: OpenExecutor,
    *,
    name: str = "",
    times: int | None = None,
    destructive: bool = False,
) -> Replayed:
    """Run the finding again.

    Args:
        name: what to call it in the result.
        times: runs; without it as many as it needs, or until it shows.
        destructive: programs that may restart, reset or reconfigure the device are allowed.
    """
    told = Replayed(
        finding=name or finding.name,
        outcome=Outcome.ERROR,
        title=finding.title,
        key=finding.alarm.key,
        requirement=finding.alarm.requirement,
        digest=finding.digest,
    )
    try:
        program = program_of(finding)
        if program.origin.destructive and not destructive:
            told.reason = "it may restart, reset or reconfigure the device, which is not allowed here"
            return told
        with open_executor(program.surface) as executor:
            if finding.alarm.oracle == "memory-trend":
                _watch_memory(told, program, executor)
            else:
                _repeat(told, program, executor, finding, times)
    except _TROUBLES as error:
        told.outcome = Outcome.FAILED if told.hits else Outcome.ERROR
        told.reason = told.reason or str(error)
    return told


# --- one run after the other -----------------------------------------------------------------------


def _repeat(
    told: Replayed, program: Program, executor: Executor, finding: Finding, times: int | None
) -> None:
    wanted = times or runs_for(finding.confirmed)
    for _ in range(wanted):
        evidence, trouble = _delivered(program, executor)
        if evidence is None:
            # Where it has failed already, a device that stays away is no news.
            told.outcome = Outcome.FAILED if told.hits else Outcome.ERROR
            told.reason = told.reason if told.hits else trouble
            return
        _count(told, evidence, finding)
        if told.hits and times is None:
            break
        if not evidence.after.alive:
            executor.reset()
    told.outcome = Outcome.FAILED if told.hits else Outcome.FIXED


def _delivered(program: Program, executor: Executor) -> tuple[Evidence | None, str]:
    """The evidence of a run that says something, or why there is none. A dead device is revived once."""
    evidence = executor.run([program])
    if not evidence.before.alive:
        executor.reset()
        evidence = executor.run([program])
    if not evidence.before.alive:
        return (
            None,
            f"the device did not work before the program ran: {evidence.before.reason or 'no session'}",
        )
    if not evidence.observations or evidence.observations[0].end is End.NOT_REACHED:
        return None, "the program could not be delivered"
    return evidence, ""


def _count(told: Replayed, evidence: Evidence, finding: Finding) -> None:
    if evidence.median_seconds <= 0:
        evidence = msgspec.structs.replace(evidence, median_seconds=finding.median_seconds)
    troubles: list[str] = []
    alarms = judge(evidence, troubles.append)
    if troubles and not alarms:
        raise ExecutorError(troubles[0])
    told.runs += 1
    told.seen = list(dict.fromkeys([*told.seen, *(alarm.key for alarm in alarms)]))
    again = next(_same(alarms, finding), None)
    if again is not None:
        told.hits += 1
        told.reason = f"{again.observed} (expected: {again.expected})"
    if again is not None or not told.hits:
        told.transcript = evidence.transcript


def _same(alarms: list[Alarm], finding: Finding) -> Iterator[Alarm]:
    """The alarms that say that it is not mended: the same failure first, then the same rule, then a worse one.

    A device that crashes where it broke a rule before, or hangs where it crashed, is not mended.
    """
    yield from (alarm for alarm in alarms if alarm.key == finding.alarm.key)
    rule = finding.alarm.requirement
    sure = [alarm for alarm in alarms if alarm.confidence is not Confidence.HINT]
    yield from (alarm for alarm in sure if rule and alarm.requirement == rule)
    yield from (alarm for alarm in sure if alarm.kind is Kind.ROBUSTNESS and alarm.oracle != "memory-trend")


# --- memory ----------------------------------------------------------------------------------------


def _watch_memory(told: Replayed, program: Program, executor: Executor) -> None:
    """A trend shows only over many runs: batches of copies, with a reading after each."""
    batch = [program] * max(1, min(executor.batch, COPIES))
    history: list[tuple[int, int]] = []
    evidence: Evidence | None = None
    for number in range(1, READINGS + 1):
        evidence = executor.run(batch)
        reading = _reading(evidence)
        reached = any(each.end is not End.NOT_REACHED for each in evidence.observations)
        if not evidence.before.alive or not reached:
            told.reason = "the program could not be delivered"
            return
        if not evidence.after.alive:
            told.outcome, told.hits, told.runs = Outcome.FAILED, 1, 1
            told.reason = f"the device did not survive: {evidence.after.process or evidence.after.reason}"
            return
        if reading is None:
            told.reason = "the memory of this device cannot be seen"
            return
        history.append((number * len(batch), reading))
    assert evidence is not None
    alarms = judge(msgspec.structs.replace(evidence, history=tuple(history)))
    told.runs, told.transcript = 1, evidence.transcript
    told.seen = [alarm.key for alarm in alarms]
    grown = next((alarm for alarm in alarms if alarm.key == told.key), None)
    told.hits, told.reason = (1, grown.observed) if grown else (0, "")
    told.outcome = Outcome.FAILED if grown else Outcome.FIXED


def _reading(evidence: Evidence) -> int | None:
    """Kilobytes in use after a batch, or with the sign turned, free."""
    after = evidence.after.snapshot
    if after.resident is not None:
        return after.resident
    return None if after.memory_free is None else -after.memory_free
