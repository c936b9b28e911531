"""Lock-step on a bench: exploring from a seed, and programs found so once more. What comes of it is evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from harness.bench import Bench
from harness.fuzz.evidence import Answer, Disagreement, End, Observation
from harness.fuzz.model.again import replay
from harness.fuzz.model.bench_port import BenchPort
from harness.fuzz.model.learning import Knowledge, NotLearnt, learn
from harness.fuzz.model.lockstep import Lockstep
from harness.fuzz.model.machine import drive
from harness.fuzz.model.mismatch import Mismatch
from harness.fuzz.model.programs import of_mismatch, program, steps
from harness.fuzz.program import Program

MOST: Final = 6
"""Different mismatches after which an exploration ends: what they are is pursued first."""


def explore(
    bench: Bench,
    seed: int,
    count: int,
    *,
    namespace: str,
    destructive: bool = False,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[list[Program], list[Disagreement], int]:
    """Drive the device by about *count* RPCs, or until *enough*, and put it back.

    All that was sent as one program, then a program for each disagreement; and the RPCs sent, read-backs left out.
    Nothing at all where the device does not tell enough of itself for a model.
    """
    knowledge = Knowledge(destructive=destructive)
    port = BenchPort(bench)
    try:
        lockstep = Lockstep(port, learn(port, knowledge), MOST, enough)
    except NotLearnt:
        port.renew()
        return [], [], 0
    try:
        drive(lockstep, seed, count, transfers=destructive)
    finally:
        if not lockstep.deaf:
            lockstep.restore()
        port.renew()
    programs = [program(lockstep.history, seed, namespace=namespace)] if lockstep.history else []
    programs += [of_mismatch(each, seed, namespace) for each in lockstep.mismatches]
    found = [_disagreement(each, at) for at, each in enumerate(lockstep.mismatches, 1)]
    return programs, found, len(lockstep.history)


def repeat(bench: Bench, programs: Sequence[Program]) -> tuple[list[Observation], list[Disagreement]]:
    """Each of *programs* in lock-step, the device put back after it."""
    seen, found = [], []
    for index, each in enumerate(programs):
        port = BenchPort(bench)
        try:
            mismatches = replay(port, steps(each), Knowledge(destructive=each.origin.destructive))
        except (NotLearnt, ValueError):
            seen.append(Observation(each, End.NOT_REACHED))
            continue
        finally:
            port.renew()
        seen.append(observed(each))
        found += [_disagreement(mismatch, index) for mismatch in mismatches]
    return seen, found


def observed(each: Program) -> Observation:
    """The observation of a program whose answers the model has judged."""
    return Observation(each, End.ANSWERED, Answer.NONE)


def _disagreement(mismatch: Mismatch, index: int) -> Disagreement:
    return Disagreement(
        index, mismatch.key, mismatch.expected, mismatch.observed, mismatch.requirement, mismatch.because
    )
