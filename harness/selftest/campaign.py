"""A whole self-test: baseline, defects, variants; then the report, in words and as files."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from harness import catalogue as suites
from harness.selftest import alterations, holds, verdicts
from harness.selftest.alterations import Alteration, SelftestError
from harness.selftest.plan import Plan, chunks
from harness.selftest.pool import Worker, spread
from harness.selftest.records import Outcome, Task
from harness.selftest.report import (
    FILE,
    Awaiting,
    DefectResult,
    Lost,
    PlainCase,
    Red,
    Report,
    VariantResult,
    exit_code,
)
from harness.verdict.requirement import Catalogue, CatalogueError
from harness.verdict.verdict import Level, Verdict
from reports import matrix

CHUNK: Final = 6
"""Cases of the baseline that one worker takes at a time."""
TOGETHER: Final = 4
"""Benign variants that one device has at once; what is not good with all of them is run with each alone."""
FURTHER: Final = 12
"""Cases that are tried at a time where a defect of the wire was not seen yet."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    files: tuple[Path, ...] = ()
    select: tuple[str, ...] = ()
    everything: bool = False
    changed: bool = False
    workers: int = 0
    """0: two for each processor."""
    seed: int = 1


class Campaign:
    """One self-test, from the choice of defects to the report."""

    def __init__(self, options: Options, tell: Tell) -> None:
        """Choose what is run.

        Raises:
            SelftestError: nothing matches, a file cannot be loaded, or the catalogue is broken.
        """
        self._options = options
        self._tell = tell
        try:
            self._catalogue: Catalogue = suites.requirements()
        except CatalogueError as error:
            raise SelftestError(str(error)) from None
        self._plan = Plan(suites.cases(), suites.rules())
        self._everyone = alterations.everything(options.files, self._catalogue)
        self._chosen = self._choose()
        self._baseline: dict[str, Outcome] = {}
        self._defects: dict[str, DefectResult] = {}
        self._variants: dict[str, VariantResult] = {}

    def _choose(self) -> list[Alteration]:
        specs = self._plan.specs
        chosen = alterations.selected(self._everyone, self._options.select, self._catalogue, specs)
        if self._options.changed:
            files = alterations.changed_files(Path.cwd())
            chosen = alterations.touched(chosen, files, specs, self._plan.rules)
        return chosen

    @property
    def workers(self) -> int:
        """How many processes share the work: two a processor, because a case waits as long as it computes."""
        return self._options.workers or 2 * len(os.sched_getaffinity(0))

    def headline(self) -> str:
        """What is going to be run, in a line."""
        defects = sum(each.defect for each in self._chosen)
        return (
            f"cpecheck {version('cpecheck')} · self-test · {defects} defects, {len(self._chosen) - defects} variants, "
            f"{len(self._plan.specs)} cases, {len(self._plan.rules)} wire rules · {self.workers} workers"
        )

    def run(self, out: Path) -> Report:
        """Run everything and write ``selftest.json`` and ``matrix.html`` into *out*.

        Raises:
            OSError: *out* cannot be written.
        """
        out.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        if self._chosen:
            asyncio.run(self._run(out))
        report = self._report(time.monotonic() - started)
        write(report, out)
        return report

    async def _run(self, out: Path) -> None:
        with (out / "workers.log").open("wb") as log:
            workers = [Worker(self._options.seed, log) for _ in range(self.workers)]
            try:
                await self._run_baseline(workers)
                # Variants take longest: they first, so that no worker is left with one at the end.
                together = [self._varied(group) for group in self._groups()]
                broken = [self._broken(each) for each in self._longest_first()]
                await spread(workers, together + broken)
                await asyncio.gather(*(worker.close() for worker in workers))
            finally:
                for worker in workers:
                    await worker.kill()

    # --- without any defect

    async def _run_baseline(self, workers: list[Worker]) -> None:
        broken = [each.requirements for each in self._chosen if each.defect]
        variants = any(not each.defect for each in self._chosen)
        needed = self._plan.needed(broken, everything=variants or self._options.everything)

        def job(cases: tuple[str, ...]) -> Callable[[Worker], object]:
            async def run(worker: Worker) -> None:
                self._know(await worker.run(Task(cases)))

            return run

        await spread(workers, [job(chunk) for chunk in chunks(needed, CHUNK)])
        self._plan.baseline = self._baseline
        for outcome in self._baseline.values():
            if outcome.verdict not in verdicts.GOOD:
                self._tell(f"without defect  {outcome.case}: {outcome.verdict} {outcome.reason}")

    def _know(self, outcomes: Sequence[Outcome]) -> None:
        self._baseline.update({outcome.case: outcome for outcome in outcomes})

    # --- with one

    def _longest_first(self) -> list[Alteration]:
        """The defects, those with many cases first: so no worker is left with them at the end."""
        defects = [each for each in self._chosen if each.defect]
        return sorted(defects, key=lambda each: -len(self._plan.relevant(each.requirements)))

    def _groups(self) -> list[list[Alteration]]:
        """The variants, so that neighbours in their file, which are alike, are on different devices."""
        variants = [each for each in self._chosen if not each.defect]
        size = 1 if self._options.everything else TOGETHER
        count = -(-len(variants) // size)
        return [variants[at::count] for at in range(count)]

    def _broken(self, each: Alteration) -> Callable[[Worker], object]:
        async def run(worker: Worker) -> None:
            started = time.monotonic()
            outcomes = await self._break(worker, each)
            self._note(each, outcomes, time.monotonic() - started)

        return run

    def _varied(self, group: Sequence[Alteration]) -> Callable[[Worker], object]:
        async def run(worker: Worker) -> None:
            cases = self._all() if self._options.everything else self._plan.one_for_each_requirement()
            started = time.monotonic()
            outcomes = await worker.run(self._task(group, cases))
            shared = (time.monotonic() - started) / len(group)
            doubtful = [outcome.case for outcome in outcomes if not self._good(outcome)]
            for each in group:
                started = time.monotonic()
                alone = await worker.run(self._task([each], doubtful)) if len(group) > 1 and doubtful else []
                settled = {outcome.case: outcome for outcome in (*outcomes, *alone)}
                self._note(each, list(settled.values()), shared + time.monotonic() - started)

        return run

    def _good(self, outcome: Outcome) -> bool:
        return outcome.verdict not in verdicts.LOST and not self._reds([outcome])

    async def _break(self, worker: Worker, each: Alteration) -> list[Outcome]:
        cases = self._all() if self._options.everything else self._plan.relevant(each.requirements)
        outcomes = await worker.run(self._task([each], cases)) if cases else []
        further = self._plan.further(each.requirements, [outcome.case for outcome in outcomes])
        for chunk in chunks(further, FURTHER):
            if self._killed(each, outcomes):
                break
            unknown = tuple(case for case in chunk if case not in self._baseline)
            if unknown:
                self._know(await worker.run(Task(unknown)))
            outcomes += await worker.run(self._task([each], chunk, fresh=bool(unknown) or not outcomes))
        return outcomes

    def _all(self) -> list[str]:
        return [spec.id for spec in self._plan.specs]

    @staticmethod
    def _task(those: Sequence[Alteration], cases: Sequence[str], *, fresh: bool = True) -> Task:
        defects = tuple(each.name for each in those if each.defect)
        variants = tuple(each.name for each in those if not each.defect)
        files = tuple(dict.fromkeys(file for each in those for file in each.files))
        return Task(tuple(cases), defects, variants, files, fresh)

    def _killed(self, each: Alteration, outcomes: Sequence[Outcome]) -> bool:
        return bool(verdicts.split(self._reds(outcomes), each.requirements, self._catalogue).kills)

    def _reds(self, outcomes: Sequence[Outcome]) -> list[Red]:
        return [
            red for outcome in outcomes for red in verdicts.reds(outcome, self._baseline, self._catalogue)
        ]

    # --- results

    def _note(self, each: Alteration, outcomes: Sequence[Outcome], seconds: float) -> None:
        parted = verdicts.split(self._reds(outcomes), each.requirements, self._catalogue)
        kills, others = parted.kills, parted.collateral
        cells = {
            outcome.case: verdicts.cell(outcome, kills, (*parted.explained, *others)) for outcome in outcomes
        }
        lost = tuple(
            Lost(outcome.case, str(outcome.verdict), outcome.reason)
            for outcome in outcomes
            if outcome.verdict in verdicts.LOST
        )
        seconds = round(seconds, 2)
        if not each.defect:
            # A warning is no false alarm: it says what is tolerated.
            others = tuple(red for red in others if red.verdict == Verdict.FAIL)
            cells = {outcome.case: verdicts.cell(outcome, kills, others) for outcome in outcomes}
            self._variants[each.name] = VariantResult(
                each.name, each.summary, each.seen, others, lost, cells, seconds
            )
            self._tell(
                f"{'FALSE ALARM' if others else 'spared':12}{each.name}  {seconds:.1f} s  {_told(others)}"
            )
            return
        result = DefectResult(
            id=each.name,
            requirements=each.requirements,
            level=self._level(each),
            summary=each.summary,
            seen=each.seen,
            killed=bool(kills),
            killed_by=tuple(dict.fromkeys(red.case for red in kills)),
            collateral=tuple(dict.fromkeys(red.requirement for red in others)),
            judged=self._plan.judged(each.requirements),
            explained=tuple(dict.fromkeys(red.requirement for red in parted.explained)),
            kills=kills,
            collateral_seen=others,
            lost=lost,
            cells=cells,
            seconds=seconds,
        )
        self._defects[each.name] = result
        self._tell(_line(result))

    def _level(self, each: Alteration) -> str:
        levels = {self._catalogue[requirement].level for requirement in each.requirements}
        return str(next(level for level in Level if level in levels))

    def _report(self, seconds: float) -> Report:
        # In the order of the choice, whoever was done first.
        defects = tuple(self._defects[e.name] for e in self._chosen if e.name in self._defects)
        variants = tuple(self._variants[e.name] for e in self._chosen if e.name in self._variants)
        complete = not (self._options.files or self._options.select or self._options.changed)
        plain = [self._baseline[spec.id] for spec in self._plan.specs if spec.id in self._baseline]
        good = all(outcome.verdict in verdicts.GOOD for outcome in plain)
        specs = self._plan.specs
        idle = holds.unexcused_cases(self._idle(defects, complete), specs, self._catalogue)
        unproven = holds.unexcused_requirements(self._unproven()) if complete else ()
        return Report(
            tool_version=version("cpecheck"),
            seed=self._options.seed,
            workers=self.workers,
            seconds=round(seconds, 1),
            complete=complete,
            defects=defects,
            variants=variants,
            baseline=tuple(PlainCase(o.case, str(o.verdict), round(o.seconds, 3), o.reason) for o in plain),
            survivors=tuple(each.id for each in defects if each.judged and not each.killed),
            idle_cases=idle,
            unproven=unproven,
            proven=_proven(defects),
            awaiting=tuple(
                Awaiting(each.name, each.requirements, each.summary, each.awaiting)
                for each in self._everyone
                if each.awaiting and each.name not in self._defects
            ),
            exit_code=exit_code(defects, variants, good, (*idle, *unproven) if complete else ()),
        )

    def _idle(self, defects: Sequence[DefectResult], complete: bool) -> tuple[str, ...]:
        ran = {case for each in defects for case in each.cells}
        killers = {case for each in defects for case in each.killed_by}
        return tuple(
            spec.id
            for spec in self._plan.specs
            if spec.id not in killers
            and (complete or (spec.id in ran and self._verifies_one(spec.verifies, defects)))
        )

    @staticmethod
    def _verifies_one(verifies: Sequence[str], defects: Sequence[DefectResult]) -> bool:
        return any(set(verifies) & set(each.requirements) for each in defects)

    def _unproven(self) -> tuple[str, ...]:
        broken = {r for each in self._everyone if not each.awaiting for r in each.requirements}
        return tuple(
            record.id
            for record in self._catalogue
            if record.level is Level.MUST and record.id not in broken and self._plan.judged((record.id,))
        )


def _proven(defects: Sequence[DefectResult]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, dict[str, None]]] = {}
    for each in defects:
        for red in each.kills:
            source = f"{red.case} ({red.by})" if red.by else red.case
            found.setdefault(red.requirement, {}).setdefault(source, {})[each.id] = None
    return {
        requirement: {source: tuple(names) for source, names in sorted(sources.items())}
        for requirement, sources in sorted(found.items())
    }


def _line(result: DefectResult) -> str:
    if result.killed:
        word = "killed"
    elif result.judged:
        word = "SURVIVED"
    else:
        word = "UNJUDGED"
    said = f"{word:12}{result.id}  {result.seconds:.1f} s  {', '.join(result.killed_by)}"
    if result.collateral:
        said += f"\n{'':12}collateral: {', '.join(result.collateral)}"
    return said


def _told(reds: Sequence[Red]) -> str:
    return "; ".join(
        f"{red.case}: {red.requirement}{f' ({red.by})' if red.by else ''}: expected {red.expected}, "
        f"observed {red.observed}"
        for red in reds
    )


def write(report: Report, out: Path) -> None:
    """Write ``selftest.json`` and ``matrix.html``."""
    data = msgspec.json.format(msgspec.json.encode(report), indent=1)
    (out / FILE).write_bytes(data + b"\n")
    (out / "matrix.html").write_text(matrix.render(msgspec.to_builtins(report)), "utf-8")


def in_words(report: Report) -> list[str]:
    """The result for people: the matrix by cases, and everything that calls for a reader."""
    killed = sum(each.killed for each in report.defects)
    seconds = sorted(each.seconds for each in report.defects)
    lines = ["", "case: defects it kills"]
    counts: dict[str, int] = {}
    for each in report.defects:
        for case in each.killed_by:
            counts[case] = counts.get(case, 0) + 1
    lines += [f"  {count:4}  {case}" for case, count in sorted(counts.items())]
    sections = (
        ("survivors", report.survivors),
        ("cases that kill nothing", report.idle_cases),
        ("MUST requirements that are checked and that no defect breaks", report.unproven),
        (
            "collateral",
            tuple(f"{each.id}: {', '.join(each.collateral)}" for each in report.defects if each.collateral),
        ),
        (
            "false alarms",
            tuple(f"{each.id}: {_told(each.false_alarms)}" for each in report.variants if each.false_alarms),
        ),
        (
            "not judged",
            (
                *(f"{each.id}: no case or rule checks it" for each in report.defects if not each.judged),
                *(f"without defect: {c.id}: {c.verdict} {c.reason}" for c in report.baseline if _bad(c)),
            ),
        ),
    )
    for title, entries in sections:
        if entries:
            lines += [f"{title} ({len(entries)}):", *(f"  {entry}" for entry in entries)]
    median = seconds[len(seconds) // 2] if seconds else 0.0
    lines.append(
        f"{killed} of {len(report.defects)} defects killed, "
        f"{sum(not each.false_alarms for each in report.variants)} of {len(report.variants)} variants spared, "
        f"{len(report.awaiting)} defects await their suites; "
        f"{median:.1f} s a defect (median), {report.seconds:.0f} s in all"
    )
    return lines


def _bad(case: PlainCase) -> bool:
    return case.verdict not in map(str, verdicts.GOOD)


__all__ = ["Campaign", "Options", "SelftestError", "in_words", "write"]
