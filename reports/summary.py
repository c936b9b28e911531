"""A bundle arranged for reading: counts, areas, findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.bundle import RequirementResult, Results
from harness.verdict.verdict import Level, Verdict, worst
from reports.text import FINDINGS

_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Area:
    """The requirements of one area, with the worst of their verdicts."""

    name: str
    requirements: tuple[RequirementResult, ...]

    @property
    def verdict(self) -> Verdict:
        return worst(each.verdict for each in self.requirements)


@dataclass(frozen=True, slots=True)
class WireFinding:
    """What one wire rule found wrong with one verdict: examples that differ, and the cases that show it."""

    rule: str
    examples: tuple[tuple[CaseResult, Assertion], ...]
    cases: tuple[str, ...]

    @property
    def assertion(self) -> Assertion:
        """The first example."""
        return self.examples[0][1]


def areas(results: Results) -> list[Area]:
    """The areas in alphabetical order, requirements by id."""
    names = sorted({each.area for each in results.requirements})
    by_id = sorted(results.requirements, key=lambda each: each.id)
    return [Area(name, tuple(each for each in by_id if each.area == name)) for name in names]


def counts(requirements: Iterable[RequirementResult], level: Level | None = None) -> dict[Verdict, int]:
    """How many requirements (of *level*) have each verdict; verdicts that none has are 0."""
    found = dict.fromkeys(Verdict, 0)
    for each in requirements:
        if level is None or each.level is level:
            found[each.verdict] += 1
    return found


def findings(case: CaseResult) -> list[Assertion]:
    """What the case itself found that calls for a reader, worst first."""
    return sorted(
        (each for each in case.assertions if each.verdict in FINDINGS), key=lambda each: _RANK[each.verdict]
    )


def troubled_cases(results: Results) -> list[CaseResult]:
    """The cases whose verdict calls for a reader, worst first."""
    found = [case for case in results.cases if case.verdict in FINDINGS or findings(case)]
    return sorted(found, key=lambda case: (_RANK[case.verdict], case.id))


def wire_findings(results: Results) -> list[WireFinding]:
    """What the wire rules found wrong, once for all cases and sessions that show it, worst first."""
    alike: dict[tuple[str, Verdict], list[tuple[CaseResult, Assertion]]] = {}
    for case in results.cases:
        for each in case.wire:
            if each.verdict in FINDINGS:
                alike.setdefault((each.requirement, each.verdict), []).append((case, each))
    found = [
        WireFinding(group[0][1].by, _different(group), tuple(dict.fromkeys(case.id for case, _ in group)))
        for group in alike.values()
    ]
    return sorted(found, key=lambda each: (_RANK[each.assertion.verdict], each.assertion.requirement))


def _different(group: list[tuple[CaseResult, Assertion]]) -> tuple[tuple[CaseResult, Assertion], ...]:
    """Those of *group* that say different things, the first of each, in order."""
    first: dict[tuple[str, str], tuple[CaseResult, Assertion]] = {}
    for case, each in group:
        first.setdefault((each.expected, each.observed), (case, each))
    return tuple(first.values())


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the run does not tell: how many, of what, and why."""

    number: int
    what: str
    reason: str


def area_names(results: Results) -> list[str]:
    """Every area of requirements, judged or not, and of cases."""
    named = {each.area for each in results.requirements} | {each.area for each in results.untested}
    return sorted(named | {case.area for case in results.cases})


def gaps(results: Results) -> list[Gap]:
    """What was not tested and why, the largest first: cases that did not run, then requirements nobody judged."""
    cases: dict[tuple[Verdict, str], int] = {}
    for case in results.cases:
        if case.verdict in (Verdict.NOT_RUN, Verdict.NOT_APPLICABLE):
            cases[case.verdict, case.reason] = cases.get((case.verdict, case.reason), 0) + 1
    untested: dict[str, int] = {}
    for each in results.untested:
        if each.level is not Level.RECORD:
            reason = each.reason.partition(":")[0]
            untested[reason] = untested.get(reason, 0) + 1
    found = [
        Gap(number, f"{_plural(number, 'case')} {verdict}", reason)
        for (verdict, reason), number in _largest(cases)
    ]
    return found + [
        Gap(number, f"{_plural(number, 'requirement')} not tested", reason)
        for reason, number in _largest(untested)
    ]


def _largest(counted: dict[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:12]


def _plural(number: int, word: str) -> str:
    return word if number == 1 else word + "s"
