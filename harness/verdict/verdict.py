"""Verdicts and how they add up (ISO 9646 words)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Level(StrEnum):
    """How binding a requirement is. ``RECORD`` gives observations, never a verdict."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    RECORD = "record"


class Verdict(StrEnum):
    FAIL = "fail"
    """A MUST is broken."""
    ERROR = "error"
    """The harness is at fault; nothing is said about the device."""
    INCONCLUSIVE = "inconclusive"
    """The stimulus could not be delivered, or the evidence contradicts itself."""
    NOT_RUN = "not-run"
    WARN = "warn"
    """A SHOULD is broken."""
    PASS = "pass"
    NOT_APPLICABLE = "not-applicable"


_ORDER = {verdict: rank for rank, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict], default: Verdict = Verdict.NOT_APPLICABLE) -> Verdict:
    """Return the worst of *verdicts*: fail > error > inconclusive > not-run > warn > pass > not-applicable."""
    return min(verdicts, key=_ORDER.__getitem__, default=default)


def exit_code(musts: Iterable[Verdict]) -> int:
    """Exit status of a run from the verdicts of the selected MUST requirements.

    1 where any fails, else 2 where any is error, inconclusive or not-run, else 0.
    """
    overall = worst(musts, Verdict.PASS)
    if overall is Verdict.FAIL:
        return 1
    return 2 if overall in (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN) else 0
