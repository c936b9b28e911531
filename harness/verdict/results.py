"""What a run says in the end: the shape of ``results.json``, and how outcomes of cases add up to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.requirement import Requirement
from harness.verdict.verdict import Level, Verdict, exit_code, worst

SCHEMA_VERSION: Final = 2
_UNSAID: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.NOT_APPLICABLE)
"""Verdicts of a case that hold for a requirement of which the case says nothing."""


class PlannedCase(msgspec.Struct, frozen=True):
    """A case that exists, and whether this run was to run it."""

    id: str
    requirements: tuple[str, ...]
    title: str = ""
    selected: bool = True
    version: int = 1


class Redaction(msgspec.Struct, kw_only=True):
    """What the evidence does not show. ``keys`` are those of the profile whose values were overwritten;
    ``tls_secrets`` says whether the captures hold what decrypts them."""

    keys: tuple[str, ...] = ()
    tls_secrets: bool = True


class Header(msgspec.Struct, kw_only=True):
    """What is known when a run begins.

    ``device`` and ``profile`` are what the report shows of them, name → text. ``rules`` are the wire rules,
    id → requirement. ``profile_digest`` stands for everything of the profile and of the options beside it that decides
    what is tested; a run goes on (``--resume``) only with the same. ``proven``: case → the seeded defects that it is
    known to find, in the version that runs. Events of earlier versions have no ``schema_version``.
    """

    schema_version: int = 1
    tool_version: str
    seed: int
    device: dict[str, str]
    profile: dict[str, str] = {}
    profile_digest: str = ""
    command: str = ""
    requirements: tuple[Requirement, ...]
    cases: tuple[PlannedCase, ...]
    rules: dict[str, str] = {}
    redaction: Redaction = msgspec.field(default_factory=Redaction)
    proven: dict[str, tuple[str, ...]] = {}


class RequirementResult(msgspec.Struct, kw_only=True):
    """A requirement of which the run says something.

    ``cases`` and ``rules`` check it; ``decided_by`` are the cases whose assertions are as bad as the verdict.
    """

    id: str
    level: Level
    area: str
    text: str
    source: str
    verdict: Verdict
    confirmed: bool
    cases: tuple[str, ...]
    rules: tuple[str, ...]
    decided_by: tuple[str, ...]
    catalogue: tuple[str, ...] = ()


class Untested(msgspec.Struct, kw_only=True):
    """A requirement of which the run says nothing, and why."""

    id: str
    level: Level
    area: str
    text: str
    source: str
    reason: str


class Gate(msgspec.Struct, kw_only=True):
    """What a file of expected findings (``--expected``) made of a run; without ``file`` there was none.

    ``met`` are the entries that came true, ``broken`` everything that is not as expected, a line each.
    """

    file: str = ""
    exit_code: int = 0
    met: list[str] = []
    broken: list[str] = []


class Results(msgspec.Struct, kw_only=True):
    """``results.json``. Times are UTC, RFC 3339; ``seconds`` is the run's length in real time.

    ``verdict`` is the worst of the MUST requirements, or ``warn`` where those pass and a SHOULD is broken.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    started: str
    ended: str
    seconds: float
    complete: bool
    """False where the run was cut off and this was put together from its events."""
    device: dict[str, str]
    profile: dict[str, str]
    command: str
    seed: int
    verdict: Verdict
    exit_code: int
    cases: list[CaseResult]
    requirements: list[RequirementResult]
    untested: list[Untested]
    redaction: Redaction
    resumed: int = 0
    """How often the run was taken up again; ``seconds`` leaves the time in between out."""
    gate: Gate = msgspec.field(default_factory=Gate)


def summarise(
    header: Header,
    results: Iterable[CaseResult],
    started: float,
    ended: float,
    *,
    complete: bool,
    pauses: Sequence[float] = (),
) -> Results:
    """Add the outcomes of cases up to verdicts of requirements and of the run. Times are Unix seconds.

    *pauses*: seconds during which nobody worked on the run, one for each time that it was resumed.
    """
    cases = sorted(results, key=lambda case: case.id)
    for case in cases:
        case.proven = header.proven.get(case.id, ())
    requirements, untested = _requirements(header, {case.id: case for case in cases})
    musts = [each.verdict for each in requirements if each.level is Level.MUST]
    return Results(
        tool_version=header.tool_version,
        started=_utc(started),
        ended=_utc(ended),
        seconds=round(ended - started - sum(pauses), 3),
        resumed=len(pauses),
        complete=complete,
        device=header.device,
        profile=header.profile,
        command=header.command,
        seed=header.seed,
        verdict=_overall(musts, [each.verdict for each in requirements if each.level is Level.SHOULD]),
        exit_code=exit_code(musts),
        cases=cases,
        requirements=requirements,
        untested=untested,
        redaction=header.redaction,
    )


def _overall(musts: list[Verdict], shoulds: list[Verdict]) -> Verdict:
    verdict = worst(musts)
    if verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) and Verdict.WARN in shoulds:
        return Verdict.WARN
    return verdict


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _requirements(
    header: Header, cases: dict[str, CaseResult]
) -> tuple[list[RequirementResult], list[Untested]]:
    said = _said(cases.values())
    planned: dict[str, list[PlannedCase]] = {}
    for case in header.cases:
        for requirement in case.requirements:
            planned.setdefault(requirement, []).append(case)
    rules: dict[str, list[str]] = {}
    for rule, requirement in header.rules.items():
        rules.setdefault(requirement, []).append(rule)
    known = {record.id: record for record in header.requirements}
    # An id that the catalogue lacks is a mistake of ours, and no reason to lose a verdict.
    unknown = [
        Requirement(each, Level.MUST, each.split(".")[0], "", "") for each in said if each not in known
    ]
    tested: list[RequirementResult] = []
    untested: list[Untested] = []
    for record in (*header.requirements, *unknown):
        plan, checks = planned.get(record.id, []), rules.get(record.id, [])
        verdicts = _verdicts(record, plan, cases, said.get(record.id, []))
        if verdicts:
            tested.append(_tested(record, plan, checks, verdicts))
        else:
            untested.append(_untested(record, plan, checks))
    return tested, untested


def _said(cases: Iterable[CaseResult]) -> dict[str, list[tuple[str, Assertion]]]:
    said: dict[str, list[tuple[str, Assertion]]] = {}
    for case in cases:
        for assertion in (*case.assertions, *case.wire):
            said.setdefault(assertion.requirement, []).append((case.id, assertion))
    return said


def _verdicts(
    record: Requirement,
    plan: list[PlannedCase],
    cases: dict[str, CaseResult],
    said: list[tuple[str, Assertion]],
) -> list[tuple[str, Verdict]]:
    """(case, verdict) for everything that speaks of the requirement."""
    if record.level is Level.RECORD:
        return []
    verdicts = [(case, assertion.verdict) for case, assertion in said]
    own = {case for case, assertion in said if not assertion.by}
    for case in plan:
        result = cases.get(case.id)
        if not case.selected or case.id in own:
            continue
        if result is None:
            verdicts.append((case.id, Verdict.NOT_RUN))
        elif result.verdict in _UNSAID:
            verdicts.append((case.id, result.verdict))
    return verdicts


def _tested(
    record: Requirement, plan: list[PlannedCase], rules: list[str], verdicts: list[tuple[str, Verdict]]
) -> RequirementResult:
    verdict = worst(each for _, each in verdicts)
    return RequirementResult(
        id=record.id,
        level=record.level,
        area=record.area,
        text=record.text,
        source=record.source,
        verdict=verdict,
        confirmed=record.confirmed,
        cases=tuple(case.id for case in plan),
        rules=tuple(rules),
        decided_by=tuple(dict.fromkeys(case for case, each in verdicts if each is verdict)),
        catalogue=record.catalogue,
    )


def _untested(record: Requirement, plan: list[PlannedCase], rules: list[str]) -> Untested:
    unselected = [case.id for case in plan if not case.selected]
    if record.level is Level.RECORD and (plan or rules):
        reason = "it is recorded, never judged"
    elif rules:
        reason = "no message came that its rule reads"
    elif unselected:
        reason = "not selected: " + ", ".join(unselected)
    elif plan:
        reason = "its case ended without a word about it: " + ", ".join(case.id for case in plan)
    else:
        reason = "no case or rule checks it yet"
    return Untested(
        id=record.id,
        level=record.level,
        area=record.area,
        text=record.text,
        source=record.source,
        reason=reason,
    )
