"""Killed, survived, false alarm, explained, collateral: what outcomes with a defect say beside those without."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.selftest.records import Finding, Outcome
from harness.selftest.report import Cell, Red
from harness.verdict.requirement import Catalogue
from harness.verdict.verdict import Level, Verdict

GOOD = (Verdict.PASS, Verdict.WARN)
LOST = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN)


def is_red(finding: Finding, catalogue: Catalogue) -> bool:
    """A MUST that fails, or a SHOULD that warns; a warning about a MUST is what has to be tolerated."""
    if finding.verdict is Verdict.FAIL:
        return True
    return finding.verdict is Verdict.WARN and catalogue[finding.requirement].level is Level.SHOULD


def reds(outcome: Outcome, baseline: Mapping[str, Outcome], catalogue: Catalogue) -> list[Red]:
    """What turned red in a case that is good without the defect; at most one entry for each requirement and source."""
    plain = baseline.get(outcome.case)
    if plain is None or plain.verdict not in GOOD:
        return []
    before = {(each.requirement, each.by) for each in plain.findings if is_red(each, catalogue)}
    found: dict[tuple[str, str], Red] = {}
    for each in outcome.findings:
        key = (each.requirement, each.by)
        if key not in before and key not in found and is_red(each, catalogue):
            found[key] = Red(
                outcome.case, each.requirement, str(each.verdict), each.by, each.expected, each.observed
            )
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Split:
    """What turned red over a defect: what it breaks, what follows from that, and the rest."""

    kills: tuple[Red, ...]
    explained: tuple[Red, ...]
    """Of requirements that rest on one that the defect breaks."""
    collateral: tuple[Red, ...]


def split(found: Iterable[Red], broken: Collection[str], catalogue: Catalogue) -> Split:
    """Tell kills, what follows from them, and collateral apart."""
    kills: list[Red] = []
    explained: list[Red] = []
    collateral: list[Red] = []
    for red in found:
        if red.requirement in broken:
            kills.append(red)
        elif catalogue.grounds(red.requirement) & set(broken):
            explained.append(red)
        else:
            collateral.append(red)
    return Split(tuple(kills), tuple(explained), tuple(collateral))


def cell(outcome: Outcome, kills: Collection[Red], others: Collection[Red]) -> Cell:
    """The field of the matrix for one case."""
    if any(red.case == outcome.case for red in kills):
        return Cell.KILL
    if any(red.case == outcome.case for red in others):
        return Cell.OTHER
    return Cell.LOST if outcome.verdict in LOST else Cell.CLEAN
