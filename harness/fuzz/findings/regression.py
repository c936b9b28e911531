"""Findings as cases of a run: each one that was mended stays mended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.case import Case, CaseSpec, Inconclusive
from harness.fuzz.findings.finding import program_of
from harness.fuzz.findings.replay import OpenExecutor, Outcome, Replayed, replay
from harness.verdict.finding import Finding, FindingError, read, slug
from harness.verdict.requirement import Catalogue
from harness.verdict.transcript import Transcript
from harness.verdict.verdict import Verdict

AREA: Final = "finding"
PATTERN: Final = "finding-*.json"
ROBUST: Final = "cwmp.robust.next-session-works"
"""What a finding verifies whose own requirement is unknown here."""


class FindingsError(ValueError):
    """A folder of findings cannot be used; one line that names the file."""


@dataclass(frozen=True, slots=True)
class Regression:
    """A finding and the case that it is in a run."""

    spec: CaseSpec
    finding: Finding
    path: Path


def load(folder: Path, catalogue: Catalogue) -> list[Regression]:
    """The cases of all findings in *folder*, by number.

    Raises:
        FindingsError: it is no folder, has no finding, or one of them cannot be read.
    """
    if not folder.is_dir():
        raise FindingsError(f"{folder}: no such folder")
    paths = sorted(folder.glob(PATTERN))
    if not paths:
        raise FindingsError(f"{folder}: no {PATTERN} in it")
    found = sorted((_read(path) for path in paths), key=lambda each: (each[0].number, each[0].digest))
    return list(_cases(found, catalogue))


def _read(path: Path) -> tuple[Finding, Path]:
    try:
        finding = read(path)
        program_of(finding)
    except FindingError as error:
        raise FindingsError(f"{path}: {error}") from None
    return finding, path


def _cases(found: Iterable[tuple[Finding, Path]], catalogue: Catalogue) -> Iterable[Regression]:
    taken: set[str] = set()
    for finding, path in found:
        name = f"{AREA}.{slug(finding.alarm.key)}"
        if name in taken:
            name = f"{name}-{finding.digest[:8]}"
        if name in taken:
            raise FindingsError(f"{path}: the same finding as another one of this folder")
        taken.add(name)
        yield Regression(_spec(name, finding, catalogue), finding, path)


def _spec(name: str, finding: Finding, catalogue: Catalogue) -> CaseSpec:
    requirement = finding.alarm.requirement if finding.alarm.requirement in catalogue else ROBUST
    title = " ".join(finding.title.split())[:160]
    purpose = f"{title}\n\nAccepted: the program of finding {finding.number} is delivered, and {finding.alarm.expected}."
    return CaseSpec(
        id=name, version=1, area=AREA, verifies=(requirement,), needs=(), packets=False, title=title,
        purpose=purpose, module=__name__, function=name.replace(".", "_").replace("-", "_"),
    )  # fmt: skip


def run(regression: Regression, case: Case, open_executor: OpenExecutor, *, destructive: bool) -> Transcript:
    """Replay the finding and note what became of it; the transcript of the run that tells most.

    Raises:
        Inconclusive: neither FIXED nor FAILED can be said.
    """
    finding = regression.finding
    case.step(
        f"Run the program of {regression.path.name} ({finding.surface}, {finding.digest[:16]}) and judge it again."
    )
    told = replay(finding, open_executor, name=regression.path.name, destructive=destructive)
    for key in told.seen:
        if key != finding.alarm.key:
            case.observe(f"also seen: {key}")
    if told.outcome is Outcome.ERROR:
        raise Inconclusive(told.reason)
    case.note(case.spec.verifies[0], _verdict(told, finding), finding.alarm.expected, _observed(told))
    return told.transcript


def _verdict(told: Replayed, finding: Finding) -> Verdict:
    if told.outcome is Outcome.FIXED:
        return Verdict.PASS
    return Verdict.WARN if finding.alarm.minor else Verdict.FAIL


def _observed(told: Replayed) -> str:
    if told.outcome is Outcome.FIXED:
        return f"nothing wrong in {told.runs} runs"
    return f"{told.reason}; in {told.hits} of {told.runs} runs"
