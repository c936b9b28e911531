"""What an oracle says when it has something against the device."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias

import msgspec

from harness.fuzz.evidence import Evidence


class Kind(StrEnum):
    """A robustness failure needs no clause of a standard; a breach has one."""

    ROBUSTNESS = "robustness"
    CONFORMANCE = "conformance"


class Confidence(StrEnum):
    """How sure one observation makes it. Each is confirmed k of n before it is a finding."""

    CERTAIN = "certain"
    LIKELY = "likely"
    HINT = "hint"


class Alarm(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong.

    ``index`` is the place of the observation that it hangs on in its batch, or -1 where only the batch as a
    whole is known to have done it (a dead device, lost state): the campaign bisects those.
    """

    oracle: str
    """Id in words: ``liveness``, ``silent-acceptance`` ..."""
    kind: Kind
    confidence: Confidence
    expected: str
    observed: str
    key: str
    """What makes two alarms the same failure: oracle and symptom without values, sizes or times."""
    requirement: str = ""
    index: int = -1
    messages: tuple[str, ...] = ()
    minor: bool = False
    """What the field has learned to tolerate: a warning, whatever the level of the requirement."""


Oracle: TypeAlias = Callable[[Evidence], list[Alarm]]
"""Pure: the same evidence gives the same alarms; never raises."""
