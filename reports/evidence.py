"""The evidence of a case as it lies in a bundle: its transcript and what its frames say.

Everything here was sent by a device, or is a file that somebody may have altered: it is read with limits, and what
cannot be read is told in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from harness.verdict.assertion import CaseResult
from harness.verdict.bundle import EVIDENCE
from harness.verdict.transcript import Transcript, decode

TRANSCRIPT: Final = "transcript.json"
FRAMES: Final = "frames.json"
CAPTURE: Final = "capture.pcapng"
LARGEST: Final = 24 * 1024 * 1024
"""Bytes of a file that a report reads; what is larger is linked to, not shown."""


class Packet(msgspec.Struct):
    """What one frame says (the fields of ``frames.json`` that a report shows)."""

    time: float
    direction: str
    length: int
    src: str = ""
    dst: str = ""
    proto: str = ""
    sport: int = 0
    dport: int = 0
    flags: str = ""
    payload_length: int = 0


class NumberedPacket(msgspec.Struct):
    """A frame under its number in the pcapng beside it."""

    file_number: int
    frame: Packet


class Packets(msgspec.Struct):
    """``frames.json``."""

    total: int = 0
    dropped: int = 0
    frames: list[NumberedPacket] = []


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """What could be read; ``notes`` say what could not, a line each."""

    transcript: Transcript
    packets: Packets
    notes: tuple[str, ...] = ()


def inside(path: str) -> bool:
    """Whether *path* stays below the folder it is taken relative to."""
    return bool(path) and not any(part in ("", ".", "..") for part in path.rstrip("/").split("/"))


def folder_of(bundle: Path, case: CaseResult) -> Path | None:
    """The folder of a case's evidence, or ``None`` where it has none inside the bundle."""
    if not inside(case.evidence) or "\x00" in case.evidence:
        return None
    folder = bundle / EVIDENCE / case.evidence
    return folder if folder.is_dir() and folder.resolve().is_relative_to(bundle.resolve()) else None


def load(bundle: Path, case: CaseResult) -> CaseEvidence:
    """Read the evidence of *case*; never raises for what is missing or damaged."""
    folder = folder_of(bundle, case)
    if folder is None:
        return CaseEvidence(Transcript(), Packets())
    notes: list[str] = []
    transcript, packets = Transcript(), Packets()
    data = _bytes(folder / TRANSCRIPT, notes)
    if data is not None:
        try:
            transcript = decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            notes.append(f"{TRANSCRIPT} is damaged")
    data = _bytes(folder / FRAMES, notes)
    if data is not None:
        try:
            packets = msgspec.json.decode(data, type=Packets)
        except (msgspec.DecodeError, UnicodeDecodeError):
            notes.append(f"{FRAMES} is damaged")
    return CaseEvidence(transcript, packets, tuple(notes))


def capture_of(bundle: Path, case: CaseResult) -> str:
    """The case's pcapng relative to the bundle, or ``""`` where there is none."""
    folder = folder_of(bundle, case)
    if folder is None or not (folder / CAPTURE).is_file():
        return ""
    return f"{EVIDENCE}/{case.evidence.rstrip('/')}/{CAPTURE}"


def _bytes(path: Path, notes: list[str]) -> bytes | None:
    try:
        size = path.stat().st_size
        if size > LARGEST:
            notes.append(f"{path.name} has {size:,} bytes: too many to be shown here")
            return None
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        notes.append(f"{path.name} cannot be read: {error.strerror}")
        return None
