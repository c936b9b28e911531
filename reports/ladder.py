"""A session as a ladder diagram: lifelines, arrows between them, and what passed when. Geometry only; a template draws it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.verdict.transcript import (
    Closed,
    Connection,
    Direction,
    HttpMessage,
    Role,
    SessionRecord,
    TlsEvent,
    Transcript,
)
from reports import content
from reports.text import one_line

ROWS: Final = 60
"""Rows of one diagram."""
AROUND: Final = 10
"""Rows before and after what a finding names."""
CPE: Final = "CPE"
_LANES: Final = {
    Role.ACS: "ACS",
    Role.CONNECTION_REQUEST: "ACS",
    Role.FILE_SERVER: "File server",
    Role.OTHER: "Other host",
}
_CLOSED: Final = {
    Closed.BY_DEVICE: ("close", True),
    Closed.BY_DEVICE_RESET: ("reset", True),
    Closed.BY_BENCH: ("close", False),
}
"""Words of an ending, and whether it was the device's."""
WIDTH: Final = 820
TOP: Final = 46
ROW: Final = 27
_LEFT: Final = 130
_RIGHT: Final = 700
_GAP: Final = 1.0
"""Seconds of device time between two rows that are worth a row of their own."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that passed between the device and a lane. ``at`` is device time, ``real`` real time, in seconds."""

    at: float
    real: float
    kind: str
    """``open``, ``close``, ``reset``, ``tls``, ``alert`` or ``message``."""
    from_device: bool
    lane: str
    text: str
    connection: str
    message: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A drawn row: an arrow from ``x1`` to ``x2`` at the height ``y``, or a gap (``kind`` is ``gap``)."""

    y: int
    kind: str
    text: str
    x1: int = 0
    x2: int = 0
    time: str = ""
    offset: str = ""
    connection: str = ""
    message: str = ""
    marked: bool = False
    band: bool = False

    @property
    def middle(self) -> int:
        """Where the words stand."""
        return (self.x1 + self.x2) // 2


@dataclass(frozen=True, slots=True)
class Ladder:
    """A diagram. ``said`` tells it in a sentence, for who cannot see it."""

    lanes: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]
    height: int
    said: str
    left_out: int = 0
    messages: tuple[str, ...] = ()
    """Ids of the messages that have a row, in order."""
    width: int = WIDTH


def draw(transcript: Transcript, marked: Collection[str] = (), *, narrow: bool = False) -> Ladder | None:
    """The diagram of *transcript*; ``None`` where nothing passed.

    *marked*: ids of messages and of connections that a finding names. *narrow*: only the sessions (or connections) of
    those.
    """
    chosen = _chosen(transcript, marked) if narrow else transcript.connections
    events = sorted(_events(chosen, marked), key=lambda event: event.real)
    shown, left_out = _window(events, marked)
    if not shown:
        return None
    names = [CPE, *dict.fromkeys(event.lane for event in shown)]
    step = (_RIGHT - _LEFT) // max(len(names) - 1, 1)
    places = {name: _LEFT + index * step for index, name in enumerate(names)}
    rows = tuple(_rows(shown, places, set(marked)))
    return Ladder(
        lanes=tuple(places.items()),
        rows=rows,
        height=rows[-1].y + 30,
        said=_said(shown, names),
        left_out=left_out,
        messages=tuple(event.message for event in shown if event.message),
    )


def _chosen(transcript: Transcript, marked: Collection[str]) -> list[Connection]:
    ids = {_connection_of(each, transcript) for each in marked}
    for session in transcript.sessions:
        if any(each in marked for each in session.messages):
            ids |= connections_of(session)
    return [each for each in transcript.connections if each.id in ids] or transcript.connections


def connections_of(session: SessionRecord) -> set[str]:
    """Ids of the connections that carried *session*."""
    return {each.rpartition(".")[0] for each in session.messages}


def _connection_of(marked: str, transcript: Transcript) -> str:
    known = {connection.id for connection in transcript.connections}
    return marked if marked in known else marked.rpartition(".")[0]


def _events(connections: Iterable[Connection], marked: Collection[str]) -> Iterator[Event]:
    for each in connections:
        lane = _LANES[each.role]
        by_device = each.role is not Role.CONNECTION_REQUEST
        place = f"{each.bench_address[0]}:{each.bench_address[1]}" if by_device else _port(each)
        text = f"TCP open {one_line(place, 60)}"
        yield Event(each.opened_at, each.opened_real, "open", by_device, lane, text, each.id)
        if each.tls is not None:
            yield from _tls(each.tls.events, lane, each.id)
        for message in each.messages:
            yield _message(message, lane, marked)
        if each.closed in _CLOSED:
            kind, from_device = _CLOSED[each.closed]
            yield Event(each.closed_at, each.closed_real, kind, from_device, lane, f"TCP {kind}", each.id)


def _port(connection: Connection) -> str:
    return f"{connection.device_address[0]}:{connection.device_address[1]}"


def _tls(events: Sequence[TlsEvent], lane: str, connection: str) -> Iterator[Event]:
    """Handshake messages that pass one after the other in one direction share a row; an alert has its own."""
    flight: list[TlsEvent] = []
    for event in [*events, None]:
        same = event is not None and flight and event.kind == "handshake" == flight[0].kind
        if flight and not (same and event is not None and event.direction is flight[0].direction):
            first = flight[0]
            alert = first.kind == "alert"
            names = ", ".join(one_line(each.name, 40) for each in flight[:6])
            text = f"TLS alert {'fatal ' if first.fatal else ''}{names}" if alert else f"TLS {names}"
            kind = "alert" if alert else "tls"
            sent = first.direction is Direction.FROM_DEVICE
            yield Event(first.at, first.real, kind, sent, lane, text, connection)
            flight = []
        if event is not None and event.kind in ("handshake", "alert"):
            flight.append(event)


def _message(message: HttpMessage, lane: str, marked: Collection[str]) -> Event:
    return Event(
        at=message.at_first,
        real=message.real_first,
        kind="message",
        from_device=message.direction is Direction.FROM_DEVICE,
        lane=lane,
        text=content.summary(message) + ("" if message.complete else " (cut off)"),
        connection=message.connection,
        message=message.id,
        marked=message.id in marked,
    )


def _window(events: list[Event], marked: Collection[str]) -> tuple[list[Event], int]:
    """At most `ROWS` events: what is marked with what comes shortly before and after it; how many are left out."""
    named = [number for number, event in enumerate(events) if event.marked or event.connection in marked]
    if named:
        start, end = max(0, named[0] - AROUND), min(len(events), named[-1] + 1 + AROUND)
    else:
        start, end = 0, len(events)
    shown = events[start : min(end, start + ROWS)]
    return shown, len(events) - len(shown)


def _rows(events: Sequence[Event], places: dict[str, int], marked: set[str]) -> Iterator[Row]:
    y, before, start = TOP, events[0].at, events[0].real
    shown = ""
    for event in events:
        if event.at - before > _GAP:
            yield Row(y + ROW, "gap", f"{event.at - before:,.1f} s later")
            y += ROW
        y += ROW
        before = event.at
        ends = (places[CPE], places[event.lane])
        time = f"{event.at:,.3f} s"
        row = Row(
            y, event.kind, event.text, *(ends if event.from_device else ends[::-1]),
            time=time if time != shown else "", offset=f"+{(event.real - start) * 1000:,.1f} ms",
            connection=event.connection, message=event.message, marked=event.marked,
            band=event.connection in marked,
        )  # fmt: skip
        shown = time
        yield row


def _said(events: Sequence[Event], names: Sequence[str]) -> str:
    messages = sum(event.kind == "message" for event in events)
    connections = len({event.connection for event in events})
    return f"{messages} messages on {connections} connections between {' and '.join(names)}"
