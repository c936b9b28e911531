"""Assertions: one requirement, one verdict, its evidence."""

from __future__ import annotations

import msgspec

from harness.verdict.verdict import Verdict


class EvidenceRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where to look: a message of the case's transcript, frames of its capture, or a file of the bundle."""

    kind: str
    """``message``, ``connection``, ``frames`` or ``file``."""
    ref: str
    """Message id, connection id, comma-separated frame numbers, or path inside ``evidence/``."""
    note: str = ""


class Assertion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was found about one requirement.

    ``by`` is the wire rule that said it, or empty where the case itself did.
    """

    requirement: str
    verdict: Verdict
    expected: str
    observed: str
    reason: str = ""
    by: str = ""
    evidence: tuple[EvidenceRef, ...] = ()


class CaseResult(msgspec.Struct, omit_defaults=True):
    """The outcome of one case, as it travels from the worker to the run bundle."""

    id: str
    version: int
    title: str
    area: str
    verdict: Verdict
    requirements: tuple[str, ...]
    assertions: tuple[Assertion, ...] = ()
    """What the case itself found; its verdict is the worst of them."""
    wire: tuple[Assertion, ...] = ()
    """What the wire rules found in the sessions of this case. They count for their requirements, not for the
    case: a device that breaks one header rule would otherwise turn every case red."""
    steps: tuple[str, ...] = ()
    observations: tuple[str, ...] = ()
    reason: str = ""
    seed: int = 0
    seconds: float = 0.0
    device_seconds: float = 0.0
    evidence: str = ""
    """Folder of the case inside ``evidence/``."""
    proven: tuple[str, ...] = ()
    """Seeded defects of the reference CPE that this version of the case is known to find: why its ``pass`` means something."""
