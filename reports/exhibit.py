"""What a report shows as the evidence of one finding: ladder, messages, packets, the file they are in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from harness.verdict.assertion import Assertion
from harness.verdict.transcript import Direction, HttpMessage, Transcript
from reports import content, ladder
from reports.evidence import CaseEvidence, NumberedPacket
from reports.text import FINDINGS

MESSAGES: Final = 14
"""Messages that one finding shows in full."""
PACKETS: Final = 40
"""Frames that one finding shows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A message, its lines, and whether the finding names it."""

    message: HttpMessage
    lines: tuple[content.Line, ...]
    title: str
    from_device: bool
    marked: bool


@dataclass(frozen=True, slots=True)
class PacketRow:
    """A frame and whether the finding names it; ``offset`` in seconds since the first frame of the case."""

    number: int
    offset: float
    packet: NumberedPacket
    marked: bool


@dataclass(frozen=True, slots=True)
class Exhibit:
    """The evidence of one finding. Empty parts were not there."""

    ladder: ladder.Ladder | None
    messages: tuple[Shown, ...]
    packets: tuple[PacketRow, ...]
    more_packets: int
    notes: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.ladder or self.messages or self.packets or self.notes)


def make(assertions: Sequence[Assertion], evidence: CaseEvidence, *, narrow: bool = False) -> Exhibit:
    """Put together what *assertions* point at; *narrow*: only the sessions they name, not the whole case."""
    places = _places(assertions)
    for connection in evidence.transcript.connections:
        if connection.id in places:
            first = (each for each in connection.messages if each.direction is Direction.FROM_DEVICE)
            places.update({each.id: places.get(each.id, []) for each in islice(first, 1)})
    drawing = ladder.draw(evidence.transcript, places.keys(), narrow=narrow)
    messages = tuple(_messages(evidence.transcript, places, drawing))
    rows = _packets(assertions, evidence, places.keys())
    total = evidence.packets.total or len(evidence.packets.frames)
    return Exhibit(drawing, messages, rows, total - len(rows), evidence.notes)


def _places(assertions: Iterable[Assertion]) -> dict[str, list[str]]:
    """Ids of the messages and connections that are named, each with the places in them."""
    found: dict[str, list[str]] = {}
    for each in assertions:
        for ref in each.evidence:
            if ref.kind in ("message", "connection") and each.verdict in FINDINGS:
                found.setdefault(ref.ref, []).extend([ref.note] if ref.note else [])
    return found


def _messages(
    transcript: Transcript, places: dict[str, list[str]], drawing: ladder.Ladder | None
) -> list[Shown]:
    """Those of the diagram: the named ones first when not all can be shown, then those of named connections."""
    if drawing is None:
        return []
    known = {each.id: each for connection in transcript.connections for each in connection.messages}
    ids = [name for name in drawing.messages if name in known]
    ranked = sorted(
        ids, key=lambda name: (name not in places, known[name].connection not in places, ids.index(name))
    )
    chosen = set(ranked[:MESSAGES])
    return [
        Shown(
            message=known[name],
            lines=tuple(content.lines(known[name], tuple(places.get(name, ())))),
            title=content.summary(known[name]),
            from_device=known[name].direction is Direction.FROM_DEVICE,
            marked=name in places,
        )
        for name in ids
        if name in chosen
    ]


def _packets(
    assertions: Sequence[Assertion], evidence: CaseEvidence, named: Iterable[str]
) -> tuple[PacketRow, ...]:
    """The frames that are named with their neighbours, or those of the named connections."""
    frames = evidence.packets.frames
    if not frames:
        return ()
    wanted = {
        number
        for each in assertions
        for ref in each.evidence
        if ref.kind == "frames"
        for number in _numbers(ref.ref)
    }
    ports = {
        each.device_address[1]
        for each in evidence.transcript.connections
        if each.id in {name if "." not in name else name.rpartition(".")[0] for name in named}
    }
    if wanted:
        near = [index for index, each in enumerate(frames) if each.file_number in wanted]
        chosen = sorted({index + by for index in near[:PACKETS] for by in (-1, 0, 1)})
        picked = [frames[index] for index in chosen if 0 <= index < len(frames)]
    else:
        picked = [each for each in frames if ports & {each.frame.sport, each.frame.dport}]
    start = frames[0].frame.time
    return tuple(
        PacketRow(each.file_number, each.frame.time - start, each, each.file_number in wanted)
        for each in picked[:PACKETS]
    )


def _numbers(text: str) -> list[int]:
    return [
        int(part)
        for part in text.split(",")
        if part.strip().isascii() and part.strip().isdigit() and len(part) < 12
    ]
