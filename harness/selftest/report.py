"""The result of a self-test: ``selftest.json``. Other programs read it; fields are added, never renamed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

FORMAT: Final = 1
FILE: Final = "selftest.json"


class Cell(StrEnum):
    """What one case said of one device."""

    KILL = "kill"
    OTHER = "other"
    """It turned red, for a requirement that the defect does not claim to break (a variant: for any)."""
    CLEAN = "clean"
    LOST = "lost"
    """Error, inconclusive or not run: that kills nothing."""


class Red(msgspec.Struct, frozen=True):
    """One requirement that turned red in one case; ``by`` is the wire rule that saw it, empty for the case itself."""

    case: str
    requirement: str
    verdict: str
    by: str = ""
    expected: str = ""
    observed: str = ""


class Lost(msgspec.Struct, frozen=True):
    """A case that said nothing."""

    case: str
    verdict: str
    reason: str


class DefectResult(msgspec.Struct):
    """One seeded defect."""

    id: str
    requirements: tuple[str, ...]
    level: str
    """The highest level among the requirements: MUST, SHOULD or record."""
    summary: str
    seen: str
    killed: bool
    killed_by: tuple[str, ...]
    """Ids of the cases in which it was seen."""
    collateral: tuple[str, ...]
    """Requirements that turned red though the defect does not name them and nothing explains it."""
    judged: bool
    """False where no case and no rule checks any of the requirements."""
    explained: tuple[str, ...] = ()
    """Requirements that turned red because they rest on one that the defect breaks."""
    kills: tuple[Red, ...] = ()
    collateral_seen: tuple[Red, ...] = ()
    lost: tuple[Lost, ...] = ()
    cells: dict[str, Cell] = {}
    seconds: float = 0.0


class VariantResult(msgspec.Struct):
    """One benign variant."""

    id: str
    summary: str
    seen: str
    false_alarms: tuple[Red, ...]
    lost: tuple[Lost, ...] = ()
    cells: dict[str, Cell] = {}
    seconds: float = 0.0


class PlainCase(msgspec.Struct, frozen=True):
    """A case on the device as it is, without any defect."""

    id: str
    verdict: str
    seconds: float
    reason: str = ""


class Awaiting(msgspec.Struct, frozen=True):
    """A defect that is recorded for suites to come and was not run."""

    id: str
    requirements: tuple[str, ...]
    summary: str
    awaiting: str


class Report(msgspec.Struct, kw_only=True):
    """A whole self-test."""

    format: int = FORMAT
    tool_version: str
    seed: int
    workers: int
    seconds: float
    complete: bool
    """Every defect and variant was run, so that what is missing in the matrix is missing."""
    defects: tuple[DefectResult, ...]
    variants: tuple[VariantResult, ...]
    baseline: tuple[PlainCase, ...]
    survivors: tuple[str, ...]
    """Defects that no case saw."""
    idle_cases: tuple[str, ...]
    """Cases that were run over defects and saw none of them."""
    unproven: tuple[str, ...]
    """MUST requirements that a case or rule checks and no defect breaks."""
    proven: dict[str, dict[str, tuple[str, ...]]]
    """Requirement → case (and rule: ``case (rule)``) → the defects by which that verdict was proven."""
    awaiting: tuple[Awaiting, ...]
    exit_code: int


def exit_code(
    defects: tuple[DefectResult, ...],
    variants: tuple[VariantResult, ...],
    baseline_good: bool,
    gaps: tuple[str, ...] = (),
) -> int:
    """1 a MUST-level survivor, a false alarm or a gap, 2 something could not be judged, else 0.

    *gaps* are the idle cases and unproven requirements of a complete run.
    """
    survived = any(each.level == "MUST" and each.judged and not each.killed for each in defects)
    if survived or gaps or any(each.false_alarms for each in variants):
        return 1
    lost = [*(entry for each in defects for entry in each.lost), *(e for each in variants for e in each.lost)]
    errors = any(entry.verdict == "error" for entry in lost)
    if errors or not baseline_good or any(not each.judged for each in defects):
        return 2
    return 0
