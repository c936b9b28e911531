"""A finding of the fuzzer as a file: what breaks the device, what was seen, and all it takes to see it again.

``finding-<n>-<key>.json``. Reports read nothing else; the program in it is the fuzzer's own record of a case, kept
as it was encoded (octets as base64), so that a finding can be read without the fuzzer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.verdict import schema
from harness.verdict.bundle import encode_text
from harness.verdict.transcript import Transcript
from harness.verdict.verdict import Level

SCHEMA_VERSION: Final = 1
LARGEST: Final = 64 * 1024 * 1024
"""Octets of a file that are read as a finding."""
_SLUG: Final = 60
"""Characters of a key that a file name shows."""


class FindingError(ValueError):
    """A file is no finding that this tool can read; one line, without the file's name."""


class Clause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The requirement that is broken, in the words of the catalogue."""

    id: str
    level: Level
    text: str
    source: str


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an oracle said. ``messages`` are ids in the transcript."""

    oracle: str
    kind: str
    confidence: str
    expected: str
    observed: str
    key: str
    requirement: str = ""
    minor: bool = False
    messages: tuple[str, ...] = ()


class Confirmed(msgspec.Struct, frozen=True):
    """How often the shrunk program did it: in ``hits`` of ``runs``."""

    hits: int
    runs: int


class Finding(msgspec.Struct, kw_only=True):
    """The file. Times are UTC, RFC 3339.

    ``digest`` is that of the shrunk program, ``original_digest`` that of the program that was found first.
    """

    schema_version: int = SCHEMA_VERSION
    number: int
    title: str
    """One line for people."""
    alarm: Said
    others: tuple[Said, ...] = ()
    """What else was wrong in the same run."""
    requirement: Clause | None = None
    surface: str
    program: dict[str, Any]
    digest: str
    original: dict[str, Any] | None = None
    """The program as it was found; left out where it is large."""
    original_digest: str = ""
    confirmed: Confirmed
    seed: int = 0
    found: str = ""
    tool_version: str = ""
    device: dict[str, str] = {}
    command: str = ""
    """The command line of the campaign."""
    median_seconds: float = 0.0
    """The usual time of an answer in that campaign."""
    transcript: Transcript = msgspec.field(default_factory=Transcript)
    """Everything that passed while the shrunk program ran, its controls included."""
    packets: dict[str, Any] = {}
    """``frames.json`` of that run, where frames were captured."""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return f"finding-{self.number}-{slug(self.alarm.key)}"


def slug(key: str) -> str:
    """A key as part of a file name and of a case's id: words of ``a-z0-9`` joined by hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-")
    return words[:_SLUG].strip("-") or "finding"


def encode(finding: Finding) -> bytes:
    """The finding as the content of its file."""
    return msgspec.json.format(encode_text(finding), indent=1) + b"\n"


def decode(data: bytes) -> Finding:
    """Read what `encode` wrote, in this version or an older one.

    Raises:
        FindingError: it is not that, or of a newer version.
    """
    try:
        record = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FindingError(f"not JSON: {error}") from None
    version = record.get("schema_version", SCHEMA_VERSION) if isinstance(record, dict) else None
    if not isinstance(version, int) or "alarm" not in record or "program" not in record:
        raise FindingError("not a finding of the fuzzer (it has no alarm or no program)")
    if version > SCHEMA_VERSION:
        raise FindingError(
            f"schema version {version} is newer than this tool, which reads up to {SCHEMA_VERSION}"
        )
    if version < 1:
        raise FindingError(f"schema version {version} was never written by this tool")
    try:
        return msgspec.convert(record, Finding)
    except msgspec.ValidationError as error:
        raise FindingError(f"not a finding: {error}") from None


def read(path: Path) -> Finding:
    """Read a finding from its file.

    Raises:
        FindingError: as `decode` does, or it cannot be read or is too large.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise FindingError(f"larger than {LARGEST:,} octets")
        data = path.read_bytes()
    except OSError as error:
        raise FindingError(f"{error.strerror or error}") from None
    return decode(data)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a finding (published as ``reports/schema/finding-1.json``)."""
    return schema.json_schema(Finding, f"cpecheck finding, version {SCHEMA_VERSION}")
