"""Oracle over programs that ran in lock-step with the model of a CPE: where the device and the model disagree.

The model knows what a device may do; that it was asked is evidence (`harness.fuzz.evidence.Disagreement`), so that this
is as pure as all others.
"""

from __future__ import annotations

from typing import Final

from harness.fuzz.alarm import Alarm, Confidence
from harness.fuzz.evidence import Disagreement, Evidence
from harness.fuzz.oracles.told import alarm, gone, kind_of

ORACLE: Final = "model"
_ANSWERS: Final = (
    "accepted.",
    "refused.",
    "fault-code.",
    "other-response.",
    "number-taken.",
    "number-reused.",
)
"""Beginnings of keys that one answer proves; all others rest on what was read back after it."""
_LOST: Final = "lost."


def disagreement(evidence: Evidence) -> list[Alarm]:
    """The device answers, or can be read back, otherwise than any correct device."""
    dead = gone(evidence)
    # A device that is dead is not blamed for answers that are missing too.
    return [_alarm(each) for each in evidence.disagreements if not (dead and each.key.startswith(_LOST))]


def _alarm(found: Disagreement) -> Alarm:
    confidence = Confidence.CERTAIN if found.key.startswith(_ANSWERS) else Confidence.LIKELY
    expected = f"{found.expected} ({found.because})" if found.because else found.expected
    return alarm(
        ORACLE, found.key, expected, found.observed, kind=kind_of(found.requirement), confidence=confidence,
        requirement=found.requirement, index=found.index,
    )  # fmt: skip
