"""From an alarm to the smallest program that raises it: bisect, confirm, shrink. Every step has a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.fuzz.alarm import Alarm
from harness.fuzz.evidence import Evidence
from harness.fuzz.executor import Executor
from harness.fuzz.oracles.memory import LEAST
from harness.fuzz.program import Expect, Expectation, Origin, Program, Reply

CONFIRMATIONS: Final = 3
"""Single runs of the shrunk program, each on a device that was reset."""
READINGS: Final = LEAST + 4
"""Batches after which a trend of memory can be told."""
COPIES: Final = 100
"""Copies of a program in such a batch."""
SUSPECTS: Final = 8
"""Programs that are tried alone when the memory of the device grows."""


class OutOfTime(Exception):
    """The campaign has no time left for this pursuit."""


Judge: TypeAlias = Callable[[Evidence], list[Alarm]]


@dataclass(frozen=True, slots=True)
class Budget:
    """Bounds of the shrinking of one finding: runs, and seconds."""

    runs: int = 300
    seconds: float = 30.0


Shrinker: TypeAlias = Callable[[Program, Callable[[Program], bool], int], Program]
"""Makes a program smaller that fails, asking at most so often; as `harness.fuzz.hunt.shrink.shrink`."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What came of a pursuit. ``evidence`` is of the last run that showed it; ``hits`` of ``runs`` single runs did."""

    alarm: Alarm
    program: Program
    original: Program
    evidence: Evidence
    others: tuple[Alarm, ...]
    hits: int
    runs: int
    notes: tuple[str, ...] = ()


class Pursuit:
    """Pursues alarms with *executor*. ``runs`` counts the batches it took."""

    def __init__(
        self,
        executor: Executor,
        judge: Judge,
        shrinker: Shrinker,
        now: Callable[[], float],
        budget: Budget | None = None,
    ) -> None:
        self.runs = 0
        self._until = math.inf
        self._executor = executor
        self._judge = judge
        self._shrink = shrinker
        self._now = now
        self._budget = budget or Budget()
        self._shown: tuple[Evidence, Alarm, tuple[Alarm, ...]] | None = None

    def pursue(self, alarm: Alarm, programs: Sequence[Program], until: float = math.inf) -> Caught | None:
        """The smallest program that raises *alarm*, which came up over *programs*; ``None`` where none does again.

        At the time *until* it comes to its end: what it has by then is not made any smaller.

        Raises:
            ExecutorError: the device does not come back.
            OutOfTime: no single program that raises the alarm was known by then.
        """
        self._until = until
        if alarm.oracle == "memory-trend":
            return self._leak(alarm, programs)
        original = self._narrowed(alarm, programs)
        if original is None:
            return None
        smallest, notes = self._shrunk(alarm, original)
        # One program, a few times: that a finding is worth however late it is.
        hits = sum(self._shows(alarm.key, [smallest]) for _ in range(CONFIRMATIONS))
        if not hits or self._shown is None:
            return None
        evidence, seen, others = self._shown
        return Caught(seen, smallest, original, evidence, others, hits, CONFIRMATIONS, notes)

    # --- one run ---

    def _in_time(self) -> None:
        if self._now() >= self._until:
            raise OutOfTime

    def _shows(self, key: str, programs: Sequence[Program]) -> bool:
        """Run *programs* on a device that was reset; whether the failure shows."""
        self._in_time()
        self._executor.reset()
        self.runs += 1
        evidence = self._executor.run(programs)
        alarms = self._judge(evidence)
        found = next((each for each in alarms if each.key == key), None)
        if found is not None:
            self._shown = (evidence, found, tuple(each for each in alarms if each.key != key))
        return found is not None

    # --- narrowing ---

    def _narrowed(self, alarm: Alarm, programs: Sequence[Program]) -> Program | None:
        """One program that raises it: one of the batch, or several of it in a row made one."""
        if alarm.index >= 0 and self._shows(alarm.key, [programs[alarm.index]]):
            return programs[alarm.index]
        suspects = list(programs[: alarm.index + 1] if alarm.index >= 0 else programs)
        if not self._shows(alarm.key, suspects):
            return None
        suspects = self._halved(alarm.key, suspects)
        if len(suspects) == 1:
            return suspects[0]
        whole = in_a_row(suspects)
        return whole if self._shows(alarm.key, [whole]) else None

    def _halved(self, key: str, suspects: list[Program]) -> list[Program]:
        """The fewest of *suspects* that halving alone leads to."""
        while len(suspects) > 1:
            middle = len(suspects) // 2
            first, second = suspects[:middle], suspects[middle:]
            if self._shows(key, second):
                suspects = second
            elif self._shows(key, first):
                suspects = first
            else:
                return self._without_chunks(key, suspects)
        return suspects

    def _without_chunks(self, key: str, suspects: list[Program]) -> list[Program]:
        """Leave out what is not needed, in ever smaller pieces: several programs do it together."""
        size = len(suspects) // 4
        while size >= 1:
            start = 0
            while start < len(suspects) and len(suspects) > 1:
                rest = suspects[:start] + suspects[start + size :]
                if rest and self._shows(key, rest):
                    suspects = rest
                else:
                    start += size
            size //= 2
        return suspects

    def _shrunk(self, alarm: Alarm, original: Program) -> tuple[Program, tuple[str, ...]]:
        end, self._until = min(self._now() + self._budget.seconds, self._until), math.inf
        tired = False

        def fails(program: Program) -> bool:
            nonlocal tired
            tired = tired or self._now() >= end
            return not tired and self._shows(alarm.key, [program])

        smallest = self._shrink(original, fails, self._budget.runs)
        return smallest, ("shrinking stopped at its budget of time",) if tired else ()

    # --- memory ---

    def _leak(self, alarm: Alarm, programs: Sequence[Program]) -> Caught | None:
        """The kind of program of which the device keeps something each time."""
        for program in _suspects(programs):
            self._executor.reset()
            forget = getattr(self._executor, "forget", None)
            if forget is not None:
                forget()
            batch = [program] * max(1, min(self._executor.batch, COPIES))
            for _ in range(READINGS):
                self._in_time()
                self.runs += 1
                evidence = self._executor.run(batch)
            alarms = self._judge(evidence)
            found = next((each for each in alarms if each.key == alarm.key), None)
            if found is not None:
                others = tuple(each for each in alarms if each.key != alarm.key)
                return Caught(found, program, program, evidence, others, 1, 1)
        return None


def _suspects(programs: Sequence[Program]) -> list[Program]:
    """A program of each dimension, the plainest first."""
    kinds: dict[tuple[str, str], Program] = {}
    for program in sorted(programs, key=lambda each: (len(each.origin.edits), each.octets)):
        kinds.setdefault((program.origin.generator, program.origin.dimension), program)
    return list(kinds.values())[:SUSPECTS]


def in_a_row(programs: Sequence[Program]) -> Program:
    """*programs* as one that does them all, one after the other; what the last one is expected to lead to counts."""
    actions = []
    for program in programs:
        actions += [each for each in program.actions if not isinstance(each, Expect)]
    last = programs[-1]
    replies = all(isinstance(each, Reply) for each in actions)
    return Program(
        surface=last.surface,
        actions=tuple(actions),
        expectation=last.expectation if replies else Expectation(),
        says=f"{len(programs)} programs in a row, the last one: {last.says}",
        origin=Origin(
            generator="in-a-row/1",
            dimension=last.origin.dimension,
            destructive=any(each.origin.destructive for each in programs),
        ),
    )
