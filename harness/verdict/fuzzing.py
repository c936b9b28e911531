"""The result of a fuzz campaign as a file: ``results.json`` beside the findings."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from harness.verdict import schema
from harness.verdict.bundle import encode_text

SCHEMA_VERSION: Final = 1


class FoundOne(msgspec.Struct, kw_only=True):
    """One finding of the campaign; the file has the rest."""

    file: str
    """Name in the campaign's folder."""
    key: str
    title: str
    surface: str
    kind: str
    """``robustness`` or ``conformance``."""
    confidence: str
    level: str = ""
    """Level of the requirement; empty where there is none."""
    requirement: str = ""
    fails: bool
    """It breaks a MUST, or is a failure of robustness: the exit status is 1."""
    digest: str
    hits: int
    runs: int
    """It showed in ``hits`` of ``runs`` single runs of the shrunk program."""
    edits: int
    """Edits that are left of it."""
    repeated: int = 0
    """How often the campaign met the same failure again."""
    cases: int = 0
    """Cases that its worker had run on the surface when the finding was written."""
    seconds: float = 0.0
    """Seconds from the beginning of the surface until then, pursuit included."""


class Unconfirmed(msgspec.Struct, kw_only=True):
    """An alarm that no single program would show again."""

    key: str
    observed: str
    surface: str
    archive: str
    """The batch, in the campaign's folder."""


class SurfaceResult(msgspec.Struct, kw_only=True):
    """What was done on one surface. ``rate`` is cases a second while nothing was pursued."""

    surface: str
    cases: int = 0
    seconds: float = 0.0
    exploring: float = 0.0
    rate: float = 0.0
    buckets: int = 0
    undelivered: int = 0
    """Programs that never reached the device."""
    stopped: str = ""
    restored: str = ""
    """What could not be put back; empty where all is as it was."""


class FuzzResults(msgspec.Struct, kw_only=True):
    """``results.json`` of a campaign. Times are UTC, RFC 3339; seconds are real."""

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    command: str
    started: str
    seconds: float
    cases_executed: int
    """Programs that reached the device, those that bisecting and shrinking ran not counted."""
    runs: int = 0
    """Batches that bisecting, confirming and shrinking ran."""
    seed: int
    workers: int = 1
    destructive: bool = False
    device: dict[str, str] = {}
    surfaces: list[SurfaceResult] = []
    findings: list[FoundOne] = []
    unconfirmed: list[Unconfirmed] = []
    buckets: dict[str, int] = {}
    """The fullest behaviour buckets, and how many programs fell into each."""
    stopped: str = ""
    """Why it ended: ``cases``, ``time``, ``interrupted``, or what went wrong."""
    notes: list[str] = []

    @property
    def exit_code(self) -> int:
        """1: a finding that fails; 2: the campaign could not run; else 0."""
        if any(each.fails for each in self.findings):
            return 1
        return 2 if self.stopped not in ("cases", "time", "interrupted") else 0


def encode(results: FuzzResults) -> bytes:
    """The content of the file."""
    return msgspec.json.format(encode_text(results), indent=1) + b"\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file (published as ``reports/schema/fuzz-1.json``)."""
    return schema.json_schema(FuzzResults, f"cpecheck fuzz results, version {SCHEMA_VERSION}")
