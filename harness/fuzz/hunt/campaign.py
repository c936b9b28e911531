"""A campaign on one surface: batches that grow while all is well, oracles over every batch, a pursuit of each new failure.

It neither opens a bench nor knows where results go; both are handed in. What was found is on disk before the next
batch begins.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

import msgspec

from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import End, Evidence
from harness.fuzz.executor import Executor, ExecutorError, Explorer
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.findings import finding as findings
from harness.fuzz.generators import programs as generated
from harness.fuzz.hunt.buckets import Buckets
from harness.fuzz.hunt.corpus import Corpus
from harness.fuzz.hunt.pursuit import Caught, Judge, OutOfTime, Pursuit, Shrinker
from harness.fuzz.oracles import judge as all_oracles
from harness.fuzz.oracles.model import ORACLE as MODEL
from harness.fuzz.program import Ask, Program, Surface
from harness.verdict.fuzzing import FoundOne, SurfaceResult, Unconfirmed
from harness.verdict.redact import Redactor
from harness.verdict.requirement import Catalogue
from harness.verdict.verdict import Level

TRIES: Final = 3
"""How often a program that did not reach the device is given another batch."""
PURSUITS: Final = 6
"""Pursuits of alarms with the same key: of a device that fails in one way everywhere the first few tell enough."""
NASTY: Final = "nasty"
"""How the generator of the hand-written table is called."""
CORPUS_MOST: Final = 2000
"""Programs of a corpus that are run again."""
LATE: Final = 30.0
"""Seconds beyond its time in which a campaign may come to the end of what it pursues."""
MODEL_AT: Final = 400
"""Cases after which the model has its first turn: most of the hand-written table."""
MODEL_EVERY: Final = 10_000
"""Cases between two turns of it: a step costs as much as ten cases, for all is read back after each."""
MODEL_FIRST, MODEL_STEPS = 300, 50
"""RPCs of the first turn, and of each further one."""
_RESETS: Final = 3
"""Times in a row that a device may fail to work after a reset before the campaign gives up."""


class Sink(Protocol):
    """Who keeps what a campaign finds."""

    def claim(self, failure: str) -> int:
        """A number for the finding of *failure*; 0 where another worker has it."""

    def progress(self, state: Progress) -> None: ...

    def found(self, one: FoundOne) -> None: ...


@dataclass(slots=True)
class Progress:
    """How far a campaign is."""

    surface: str
    cases: int = 0
    seconds: float = 0.0
    exploring: float = 0.0
    modelled: int = 0
    """Of the cases those that the model of a CPE has sent; their time is not in ``exploring``."""
    buckets: int = 0
    findings: int = 0
    doing: str = ""

    @property
    def rate(self) -> float:
        """Cases a second while nothing was pursued, those of the model left out."""
        return (self.cases - self.modelled) / self.exploring if self.exploring > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. ``cases`` and ``seconds`` bound it, whichever comes first; ``share`` is (worker, workers)."""

    surface: Surface
    seed: int
    out: Path
    cases: int | None = None
    seconds: float | None = None
    destructive: bool = False
    corpus: Path | None = None
    share: tuple[int, int] = (0, 1)
    command: str = ""
    device: dict[str, str] = field(default_factory=dict)


def worker_seed(seed: int, worker: int) -> int:
    """The seed of a worker's own stream; the first one has the campaign's."""
    return seed if worker == 0 else random.Random(f"{seed}:{worker}").getrandbits(48)


def stream(plan: Plan, facts: DeviceFacts, buckets: Buckets, corpus: Corpus | None) -> Iterator[Program]:
    """The worker's part of the hand-written table, the corpus, then generated programs without end."""
    worker, workers = plan.share
    source = generated(plan.surface, worker_seed(plan.seed, worker), facts, buckets)
    first: Program | None = None
    for number, program in enumerate(source):
        if not program.origin.generator.startswith(NASTY):
            first = program
            break
        if number % workers == worker:
            yield program
    if corpus is not None:
        kept = islice(corpus.programs(plan.surface), CORPUS_MOST)
        yield from (each for number, each in enumerate(kept) if number % workers == worker)
    if first is not None:
        yield first
    yield from source


class Campaign:
    """One surface, one executor. *now* gives real seconds, *wall* Unix time."""

    def __init__(
        self,
        plan: Plan,
        executor: Executor,
        facts: DeviceFacts,
        *,
        catalogue: Catalogue,
        sink: Sink,
        shrinker: Shrinker,
        now: Callable[[], float],
        wall: Callable[[], float],
        judge: Judge | None = None,
        redact: Redactor | None = None,
    ) -> None:
        self.plan = plan
        self.buckets = Buckets()
        self.unconfirmed: list[Unconfirmed] = []
        self.notes: Counter[str] = Counter()
        self.found: dict[str, FoundOne] = {}
        """By failure key."""
        self.state = Progress(str(plan.surface))
        self._undelivered = 0
        self._executor = executor
        self._catalogue = catalogue
        self._sink = sink
        self._now = now
        self._wall = wall
        self._judge: Judge = judge or (lambda evidence: all_oracles(evidence, self._note))
        self._redact = redact
        self._corpus = Corpus(plan.corpus) if plan.corpus is not None else None
        self._pursuit = Pursuit(executor, self._judge, shrinker, now)
        self._source = stream(plan, facts, self.buckets, self._corpus)
        self._again: deque[Program] = deque()
        self._tries: Counter[str] = Counter()
        self._known: set[str] = set()
        self._pursued: Counter[str] = Counter()
        self._size = 1
        self._dead = 0
        self._rounds, self._model_at = 0, MODEL_AT
        self._began = now()

    @property
    def runs(self) -> int:
        """Batches that pursuits took."""
        return self._pursuit.runs

    def run(self) -> SurfaceResult:
        """Until the plan is fulfilled or the device is lost; a KeyboardInterrupt ends it in order."""
        stopped = ""
        try:
            while not (stopped := self._over()):
                programs = self._take(self._room())
                if not programs:
                    stopped = "no more programs"
                    break
                self._batch(programs)
                self._explore()
        except ExecutorError as error:
            stopped = str(error)
        except KeyboardInterrupt:
            stopped = "interrupted"
        return self._result(stopped)

    # --- batches ---

    def _over(self) -> str:
        plan, state = self.plan, self.state
        state.seconds = self._now() - self._began
        if plan.cases is not None and state.cases >= plan.cases:
            return "cases"
        return "time" if plan.seconds is not None and state.seconds >= plan.seconds else ""

    def _room(self) -> int:
        left = self._size if self.plan.cases is None else self.plan.cases - self.state.cases
        if self.plan.seconds is not None and self.state.cases:
            left = min(left, int(self.state.rate * (self.plan.seconds - self.state.seconds)) + 1)
        return max(1, min(self._size, left, self._executor.batch))

    def _take(self, count: int) -> list[Program]:
        programs: list[Program] = []
        while len(programs) < count:
            program = self._again.popleft() if self._again else next(self._source, None)
            if program is None:
                break
            if self.plan.destructive or not program.origin.destructive:
                programs.append(program)
        return programs

    def _batch(self, programs: list[Program]) -> None:
        began = self._now()
        evidence = self._executor.run(programs)
        alarms = self._judge(evidence)
        self._count(evidence)
        self.state.exploring += self._now() - began
        fresh = [alarm for alarm in alarms if not self._repeated(alarm, evidence)]
        trouble = bool(fresh) or not evidence.after.alive
        self._size = max(1, self._size // 2) if trouble else min(self._executor.batch, self._size * 2)
        self._pursue(fresh, programs, evidence)

    def _follow(self, programs: list[Program], evidence: Evidence) -> None:
        """Pursue what the model has found, but for what other oracles have found in another way."""
        known = {one.requirement: one for one in self.found.values() if one.requirement}
        fresh = []
        for alarm in self._judge(evidence):
            if alarm.oracle == MODEL and alarm.requirement in known:
                known[alarm.requirement].repeated += 1
            elif programs and not self._repeated(alarm, evidence):
                fresh.append(alarm)
        self._pursue(fresh, programs, evidence)

    def _pursue(self, fresh: list[Alarm], programs: list[Program], evidence: Evidence) -> None:
        self._sink.progress(self.state)
        for alarm in fresh:
            self._chase(alarm, programs, evidence)
        if not evidence.after.alive or fresh:
            self._executor.reset()
        self._watch_over(evidence)

    # --- the model ---

    def _explore(self) -> None:
        """Let the model of a CPE drive the device for a while, where the executor can do that and it is time."""
        plan, state = self.plan, self.state
        if plan.surface is not Surface.SOAP or state.cases < self._model_at:
            return
        if not isinstance(self._executor, Explorer):
            self._model_at = sys.maxsize
            return
        seed = worker_seed(plan.seed, plan.share[0]) + self._rounds
        wanted = MODEL_STEPS if self._rounds else MODEL_FIRST
        if plan.cases is not None:
            wanted = min(wanted, plan.cases - state.cases)
        self._rounds += 1
        self._model_at = state.cases + MODEL_EVERY
        state.doing = "driving the device in lock-step with the model"
        self._sink.progress(state)
        programs, evidence, count = self._executor.explore(
            seed, wanted, destructive=plan.destructive, enough=lambda: bool(self._over())
        )
        state.doing = ""
        state.cases += count
        state.modelled += count
        self._follow(programs, evidence)

    def _watch_over(self, evidence: Evidence) -> None:
        """Give up on a device that stays dead without having been given anything."""
        lost = not evidence.before.alive
        self._dead = self._dead + 1 if lost else 0
        if self._dead >= _RESETS:
            raise ExecutorError(f"the device is lost: {evidence.before.reason or 'no session'}")

    def _count(self, evidence: Evidence) -> None:
        left = [seen.program for seen in evidence.observations if seen.end is End.NOT_REACHED]
        self.state.cases += len(evidence.observations) - len(left)
        if self._tries:
            for seen in evidence.observations:
                if seen.end is not End.NOT_REACHED:
                    self._tries.pop(seen.program.digest, None)
        self._requeue(left)
        for seen in self.buckets.learn(evidence):
            if self._corpus is not None:
                self._corpus.add(seen.program)
        self.state.buckets = len(self.buckets.counts)

    def _requeue(self, programs: list[Program]) -> None:
        """Give them another batch, before anything new."""
        for program in reversed(programs):
            digest = program.digest
            self._tries[digest] += 1
            if self._tries[digest] < TRIES:
                self._again.appendleft(program)
            else:
                self._undelivered += 1
                del self._tries[digest]

    # --- alarms ---

    def _note(self, what: str) -> None:
        self.notes[what] += 1

    def _repeated(self, alarm: Alarm, evidence: Evidence) -> bool:
        """Whether this failure is known already, as far as can be told before it is pursued."""
        failure = failure_of(alarm, _suspect(alarm, evidence))
        if failure in self.found:
            self.found[failure].repeated += 1
            return True
        return failure in self._known or self._pursued[alarm.key] >= PURSUITS

    def _chase(self, alarm: Alarm, programs: list[Program], evidence: Evidence) -> None:
        """Pursue an alarm, and write what comes of it."""
        failure = failure_of(alarm, _suspect(alarm, evidence))
        if failure in self._known or self._pursued[alarm.key] >= PURSUITS:
            return
        self._known.add(failure)
        number = self._sink.claim(failure)
        if not number:
            return
        self._pursued[alarm.key] += 1
        self.state.doing = f"pursuing {alarm.key}"
        self._sink.progress(self.state)
        archive = self._archive(number, alarm, programs)
        caught = self._caught(alarm, programs)
        self.state.doing = ""
        if caught is None:
            self.unconfirmed.append(
                Unconfirmed(
                    key=alarm.key, observed=alarm.observed, surface=str(self.plan.surface), archive=archive
                )
            )
            return
        final = failure_of(caught.alarm, caught.program)
        if final in self.found:
            self.found[final].repeated += 1
            return
        self._known.add(final)
        self._write(number, final, caught, evidence)

    def _caught(self, alarm: Alarm, programs: list[Program]) -> Caught | None:
        """What comes of the pursuit in the time that there is."""
        until = math.inf if self.plan.seconds is None else self._began + self.plan.seconds + LATE
        try:
            return self._pursuit.pursue(alarm, programs, until)
        except OutOfTime:
            self._note(f"there was no time to pursue {alarm.key}")
            return None

    def _archive(self, number: int, alarm: Alarm, programs: list[Program]) -> str:
        """Keep the batch before anything is tried on the device."""
        folder = self.plan.out / "batches"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"batch-{number}.json"
        path.write_bytes(msgspec.json.encode({"alarm": alarm, "programs": programs}))
        return f"batches/{path.name}"

    def _write(self, number: int, failure: str, caught: Caught, evidence: Evidence) -> None:
        record = findings.make(
            number,
            caught.alarm,
            msgspec.structs.replace(caught.evidence, median_seconds=evidence.median_seconds),
            confirmed=(caught.hits, caught.runs),
            catalogue=self._catalogue,
            original=caught.original,
            others=caught.others,
            seed=self.plan.seed,
            device=self.plan.device,
            command=self.plan.command,
            now=self._wall(),
            notes=caught.notes,
        )
        path = findings.write(self.plan.out, record, self._redact)
        alarm, level = caught.alarm, record.requirement.level if record.requirement else None
        one = FoundOne(
            file=path.name,
            key=alarm.key,
            title=record.title,
            surface=str(self.plan.surface),
            kind=str(alarm.kind),
            confidence=str(alarm.confidence),
            level=str(level or ""),
            requirement=alarm.requirement,
            fails=fails(alarm, level),
            digest=record.digest,
            hits=caught.hits,
            runs=caught.runs,
            edits=size_of(caught.program),
            cases=self.state.cases,
            seconds=round(self._now() - self._began, 1),
        )
        self.found[failure] = one
        self.state.findings += 1
        self._sink.found(one)

    def _result(self, stopped: str) -> SurfaceResult:
        state = self.state
        state.seconds = self._now() - self._began
        return SurfaceResult(
            surface=state.surface,
            cases=state.cases,
            seconds=round(state.seconds, 3),
            exploring=round(state.exploring, 3),
            rate=round(state.rate, 1),
            buckets=state.buckets,
            undelivered=self._undelivered + len(self._again),
            stopped=stopped,
        )


def _suspect(alarm: Alarm, evidence: Evidence) -> Program | None:
    """The program that *alarm* hangs on, or the last one that reached the device."""
    if alarm.index >= 0:
        return evidence.observations[alarm.index].program
    reached = [seen.program for seen in evidence.observations if seen.end is not End.NOT_REACHED]
    return reached[-1] if reached else None


def failure_of(alarm: Alarm, program: Program | None) -> str:
    """What makes two alarms the same failure.

    A breach of a rule is the same wherever it shows; a device may crash for many reasons, so that there the kind of
    program counts too.
    """
    if alarm.kind is Kind.CONFORMANCE or program is None or alarm.oracle == "memory-trend":
        return alarm.key
    operations = sorted({edit.op for edit in program.origin.edits})
    return "|".join((alarm.key, program.origin.dimension, *operations))


def size_of(program: Program) -> int:
    """Edits that are left of a program; of one in lock-step with the model its RPCs, beyond the one there must be."""
    asked = sum(isinstance(action, Ask) for action in program.actions)
    return max(0, asked - 1) if asked else len(program.origin.edits)


def fails(alarm: Alarm, level: Level | None) -> bool:
    """Whether a finding makes the campaign fail: a MUST is broken, or the device is not robust."""
    if alarm.minor or alarm.confidence is Confidence.HINT:
        return False
    return alarm.kind is Kind.ROBUSTNESS or level is Level.MUST


__all__ = ["Campaign", "Plan", "Progress", "Sink", "fails", "failure_of", "stream", "worker_seed"]
