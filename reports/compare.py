"""Two or more bundles of one product side by side: what broke, what was mended, what appeared, vanished or changed.

The last bundle is held against all before it. A *regression* is a requirement or a case that is worse in the last bundle
than it once was, a *fix* one that is better than it once was and not worse than it ever was (in the order fail > error >
inconclusive > not-run > warn > pass). What is not applicable says nothing of better or worse, except that a failure is
one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.bundle import Bundle, RequirementResult, Results
from harness.verdict.verdict import Level, Verdict
from reports.text import FINDINGS, visible

_RANK: Final = {verdict: rank for rank, verdict in enumerate(Verdict)}
_SLOWER: Final = 1.5
_SECONDS: Final = 2.0
"""A case whose duration changed by this factor and by this many seconds is told."""
_VOLATILE: Final = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z?|\b[0-9a-f]{8,}\b|\d+\.\d+|\b\d+(?= (?:application )?bytes\b)|\b\d+(?= of \d+)|\b\d+(?= (?:examined|frames?)\b)"
)
"""What differs from run to run without meaning: instants, hashes, measured times, sizes, counts of messages."""


class Column(msgspec.Struct):
    """A bundle in the comparison."""

    folder: str
    device: str
    firmware: str
    started: str
    tool_version: str
    verdict: Verdict
    complete: bool
    seconds: float


class Change(msgspec.Struct, omit_defaults=True):
    """Something that is not as it was. ``kind`` is ``requirement`` or ``case``; ``verdicts`` are one for each bundle, in
    order, ``""`` where that bundle does not have it.
    """

    kind: str
    id: str
    old: str
    new: str
    level: str = ""
    text: str = ""
    observed: str = ""
    before: str = ""
    """What was observed before, where that is what changed."""
    cases: tuple[str, ...] = ()
    seconds: tuple[float, float] | None = None


class Row(msgspec.Struct):
    """A line of the matrix."""

    kind: str
    id: str
    level: str
    verdicts: tuple[str, ...]
    changed: bool


class Comparison(msgspec.Struct):
    """What ``cpecheck compare`` says. ``exit_code`` is 1 where there is a regression."""

    bundles: list[Column]
    notes: list[str]
    regressions: list[Change]
    fixes: list[Change]
    new: list[Change]
    vanished: list[Change]
    evidence: list[Change]
    durations: list[Change]
    other: list[Change]
    """Other verdicts than before that are neither better nor worse."""
    rows: list[Row]
    exit_code: int


def compare(bundles: Sequence[Bundle]) -> Comparison:
    """Hold the last of *bundles* against those before it.

    Raises:
        ValueError: there are fewer than two.
    """
    if len(bundles) < 2:
        raise ValueError("a comparison needs two bundles")
    runs = [bundle.results for bundle in bundles]
    found = Comparison(
        [_column(each) for each in bundles], _notes(bundles), [], [], [], [], [], [], [], [], 0
    )
    requirements = [{each.id: each for each in run.requirements} for run in runs]
    cases = [{case.id: case for case in run.cases} for run in runs]
    for name in _names(requirements):
        _requirement(found, name, [run.get(name) for run in requirements], runs)
    broken = {case for change in found.regressions for case in change.cases}
    mended = {case for change in found.fixes for case in change.cases}
    for name in _names(cases):
        _case(found, name, [run.get(name) for run in cases], broken, mended)
    for changes in (found.regressions, found.fixes, found.new, found.other):
        changes.sort(
            key=lambda each: (
                _RANK[Verdict(each.new)],
                each.level != Level.MUST,
                each.kind != "requirement",
                each.id,
            )
        )
    found.exit_code = 1 if found.regressions else 0
    return found


def _names(runs: Sequence[dict[str, RequirementResult]] | Sequence[dict[str, CaseResult]]) -> list[str]:
    return sorted({name for run in runs for name in run})


def _column(bundle: Bundle) -> Column:
    results = bundle.results
    return Column(
        folder=str(bundle.folder),
        device=results.device.get("name", ""),
        firmware=results.device.get("software_version", ""),
        started=results.started,
        tool_version=results.tool_version,
        verdict=results.verdict,
        complete=results.complete,
        seconds=results.seconds,
    )


def _notes(bundles: Sequence[Bundle]) -> list[str]:
    """What makes the bundles unlike each other beside the device's behaviour."""
    notes = [f"{bundle.folder}: {note}" for bundle in bundles for note in bundle.notes]
    for what, key in (("device", "name"), ("model", "product_class"), ("serial number", "serial_number")):
        values = list(dict.fromkeys(bundle.results.device.get(key, "") for bundle in bundles))
        if len([value for value in values if value]) > 1:
            notes.append(
                f"the bundles are of more than one {what}: {', '.join(value or 'unknown' for value in values)}"
            )
    versions = list(dict.fromkeys(bundle.results.tool_version for bundle in bundles))
    if len(versions) > 1:
        notes.append(f"made by different versions of cpecheck: {', '.join(versions)}")
    first, last = bundles[0].results, bundles[-1].results
    old = {case.id: case.version for case in first.cases}
    changed = [case.id for case in last.cases if old.get(case.id, case.version) != case.version]
    if changed:
        notes.append(f"cases that mean something else than before: {', '.join(changed)}")
    return notes


# --- requirements and cases ----------------------------------------------------------------------------


def _requirement(
    found: Comparison, name: str, entries: Sequence[RequirementResult | None], runs: Sequence[Results]
) -> None:
    known = [each for each in entries if each is not None]
    verdicts = tuple("" if each is None else str(each.verdict) for each in entries)
    last = known[-1]
    change = Change("requirement", name, _before(verdicts), verdicts[-1], str(last.level), last.text)
    _row(found, change, verdicts)
    if entries[-1] is None:
        return
    change.cases = last.decided_by
    change.observed = _observed(runs[-1], last)
    _sort(found, change, verdicts)


def _case(
    found: Comparison,
    name: str,
    entries: Sequence[CaseResult | None],
    broken: set[str],
    mended: set[str],
) -> None:
    verdicts = tuple("" if each is None else str(each.verdict) for each in entries)
    last = [each for each in entries if each is not None][-1]
    change = Change("case", name, _before(verdicts), verdicts[-1], text=last.title, observed=last.reason)
    _row(found, change, verdicts)
    before = next((each for each in reversed(entries[:-1]) if each is not None), None)
    if entries[-1] is None:
        found.vanished.append(change)
    elif before is None:
        found.new.append(change)
    else:
        kind = _kind(verdicts)
        # A requirement that changed names its cases: they are not told a second time.
        if not (kind == "worse" and name in broken) and not (kind == "better" and name in mended):
            _sort(found, change, verdicts)
        _evidence(found, before, last)
        _duration(found, before, last)


def _before(verdicts: Sequence[str]) -> str:
    """The verdict of the nearest earlier bundle that has one."""
    return next((each for each in reversed(verdicts[:-1]) if each), "")


def _row(found: Comparison, change: Change, verdicts: tuple[str, ...]) -> None:
    found.rows.append(Row(change.kind, change.id, change.level, verdicts, len(set(verdicts)) > 1))


def _sort(found: Comparison, change: Change, verdicts: Sequence[str]) -> None:
    kind = _kind(verdicts)
    if kind == "worse":
        change.old = str(max(_said(verdicts), key=_RANK.__getitem__))
        found.regressions.append(change)
    elif kind == "better":
        change.old = str(min(_said(verdicts), key=_RANK.__getitem__))
        found.fixes.append(change)
    elif kind == "other":
        found.other.append(change)


def _said(verdicts: Sequence[str]) -> list[Verdict]:
    """What was said before the last bundle, without "not applicable" where there is anything else."""
    said = [Verdict(each) for each in verdicts[:-1] if each]
    return [each for each in said if each is not Verdict.NOT_APPLICABLE] or said


def _kind(verdicts: Sequence[str]) -> str:
    """``worse``, ``better``, ``other`` or ``same``: the last verdict against those before it."""
    said = _said(verdicts)
    if not verdicts[-1] or not said:
        return "same"
    new, silent = Verdict(verdicts[-1]), Verdict.NOT_APPLICABLE
    if new is silent or said[0] is silent:
        if new is Verdict.FAIL or (new is Verdict.WARN and said[0] is silent):
            return "worse"
        return "same" if new is said[-1] is silent else "other"
    ranks = [_RANK[each] for each in said]
    if _RANK[new] < max(ranks):
        return "worse"
    return "better" if _RANK[new] > min(ranks) else "same"


def _observed(run: Results, requirement: RequirementResult) -> str:
    """What was seen in the first case that decided the verdict."""
    for case in run.cases:
        if case.id in requirement.decided_by:
            for each in (*case.assertions, *case.wire):
                if each.requirement == requirement.id and each.verdict is requirement.verdict:
                    return visible(each.observed, 600)
    return ""


def _evidence(found: Comparison, before: CaseResult, after: CaseResult) -> None:
    """Assertions with the verdict of before that were reached by another observation."""
    old = _by_place(before)
    for place, each in _by_place(after).items():
        was = old.get(place)
        if was is None or was.verdict is not each.verdict or _steady(was.observed) == _steady(each.observed):
            continue
        if each.by and each.verdict not in FINDINGS:
            continue
        found.evidence.append(
            Change(
                "case",
                after.id,
                str(was.verdict),
                str(each.verdict),
                text=each.requirement,
                observed=visible(each.observed, 600),
                before=visible(was.observed, 600),
            )
        )


def _by_place(case: CaseResult) -> dict[tuple[str, str, int], Assertion]:
    """Assertions under what makes them comparable: requirement, rule, and the how-manieth of these."""
    count: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str, int], Assertion] = {}
    for each in (*case.assertions, *case.wire):
        key = (each.requirement, each.by)
        count[key] = count.get(key, 0) + 1
        found[*key, count[key]] = each
    return found


def _steady(text: str) -> str:
    return _VOLATILE.sub("#", text)


def _duration(found: Comparison, before: CaseResult, after: CaseResult) -> None:
    low, high = sorted((before.seconds, after.seconds))
    if high - low >= _SECONDS and high >= _SLOWER * low:
        found.durations.append(
            Change(
                "case",
                after.id,
                str(before.verdict),
                str(after.verdict),
                seconds=(before.seconds, after.seconds),
            )
        )


def encode(comparison: Comparison) -> bytes:
    """The comparison as JSON."""
    return msgspec.json.format(msgspec.json.encode(comparison), indent=1) + b"\n"


def read(folders: Sequence[Path]) -> Comparison:
    """Compare the bundles in *folders*, the oldest first.

    Raises:
        BundleError: one of them is no bundle.
    """
    return compare([Bundle.read(folder) for folder in folders])
