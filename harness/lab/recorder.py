"""The recorder: the only writer of a `Transcript`.

The engine tells it what crosses the sockets; a case takes the book when it is over. A connection belongs to
the book that was open when it was opened, and its late bytes go there. A session belongs to the book that
was open when it started, and draws the connections that carry it into that book as well.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from typing import Protocol

from harness.lab.http1_head import Parsed
from harness.verdict.transcript import (
    Chunk,
    Closed,
    Connection,
    Direction,
    HttpMessage,
    Role,
    SessionRecord,
    TlsEvent,
    Transcript,
)


class Clock(Protocol):
    """Device time."""

    def now(self) -> float:
        """Seconds since the bench's clock began."""
        ...


class _Stream:
    """One direction of a connection: where each chunk ends, so that an offset finds its time."""

    def __init__(self) -> None:
        self.ends: list[int] = []
        self.chunks: list[Chunk] = []

    def at(self, offset: int) -> tuple[float, float]:
        """Device and real time of the octet at *offset*; of the last octet known where it is beyond."""
        if not self.chunks:
            return 0.0, 0.0
        chunk = self.chunks[min(bisect_right(self.ends, offset), len(self.chunks) - 1)]
        return chunk.at, chunk.real


class Recorder:
    """Owns the growing transcript and hands out the ids of connections, messages and sessions.

    *wall_clock_start* is the Unix time at device time 0; *real* the host's monotonic clock, in seconds.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        wall_clock_start: float = 0.0,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._real = real
        self._wall_clock_start = wall_clock_start
        self._connections = 0
        self._sessions = 0
        self._book = self._new_book()
        self._session_books: dict[str, Transcript] = {}
        self._streams: dict[tuple[str, Direction], _Stream] = {}

    def _new_book(self) -> Transcript:
        return Transcript(wall_clock_start=self._wall_clock_start)

    def stamp(self) -> tuple[float, float]:
        """Device time and real time, now."""
        return self._clock.now(), self._real()

    @property
    def transcript(self) -> Transcript:
        """The open book, for looking, not for keeping."""
        return self._book

    def take(self) -> Transcript:
        """Close the book and start the next."""
        book, self._book = self._book, self._new_book()
        return book

    # --- connections ---

    def connection(
        self, role: Role, endpoint: str, device_address: tuple[str, int], bench_address: tuple[str, int]
    ) -> Connection:
        """Write down a new connection."""
        self._connections += 1
        at, real = self.stamp()
        record = Connection(
            id=f"c{self._connections}",
            role=role,
            endpoint=endpoint,
            device_address=device_address,
            bench_address=bench_address,
            opened_at=at,
            opened_real=real,
        )
        self._book.connections.append(record)
        return record

    def chunk(self, connection: Connection, direction: Direction, data: bytes) -> None:
        """Bytes of one read or write."""
        at, real = self.stamp()
        chunk = Chunk(at, real, direction, data)
        connection.chunks.append(chunk)
        stream = self._streams.setdefault((connection.id, direction), _Stream())
        stream.ends.append((stream.ends[-1] if stream.ends else 0) + len(data))
        stream.chunks.append(chunk)

    def tls_event(
        self, connection: Connection, direction: Direction, kind: str, name: str, fatal: bool
    ) -> None:
        """A handshake message or alert of a connection that has a TLS record."""
        if connection.tls is not None:
            at, real = self.stamp()
            connection.tls.events.append(TlsEvent(at, real, direction, kind, name, fatal))

    def offset(self, connection: Connection, direction: Direction) -> int:
        """Number of octets that have passed in *direction*."""
        stream = self._streams.get((connection.id, direction))
        return stream.ends[-1] if stream else 0

    def message(
        self, connection: Connection, direction: Direction, parsed: Parsed, note: str = ""
    ) -> HttpMessage:
        """Write down a message whose bytes are in the connection's chunks already."""
        stream = self._streams.get((connection.id, direction), _Stream())
        first, last = stream.at(parsed.start), stream.at(parsed.end - 1)
        message = HttpMessage(
            id=f"{connection.id}.{len(connection.messages) + 1}",
            connection=connection.id,
            direction=direction,
            at_first=first[0],
            at_last=last[0],
            real_first=first[1],
            real_last=last[1],
            start_line=parsed.start_line,
            headers=parsed.headers,
            body=parsed.body,
            head=parsed.head,
            start=parsed.start,
            end=parsed.end,
            complete=parsed.complete,
            anomalies=parsed.anomalies,
            note=note,
        )
        connection.messages.append(message)
        return message

    def closed(self, connection: Connection, how: Closed) -> None:
        """The connection has ended; the first word about how is the one that counts."""
        if connection.closed is Closed.OPEN:
            connection.closed = how
            connection.closed_at, connection.closed_real = self.stamp()

    def released(self, connection: Connection) -> None:
        """No byte of the connection will come any more."""
        for direction in Direction:
            self._streams.pop((connection.id, direction), None)

    # --- sessions ---

    def session(self, claimed_by: str = "") -> SessionRecord:
        """Start a session in the open book."""
        self._sessions += 1
        at, real = self.stamp()
        record = SessionRecord(
            id=f"s{self._sessions}", started_at=at, started_real=real, claimed_by=claimed_by
        )
        self._book.sessions.append(record)
        self._session_books[record.id] = self._book
        return record

    def session_message(self, record: SessionRecord, connection: Connection, message: HttpMessage) -> None:
        """Count *message* into the session, and its connection into the session's book."""
        record.messages.append(message.id)
        book = self._session_books.get(record.id)
        if book is not None and all(other is not connection for other in reversed(book.connections)):
            book.connections.append(connection)

    def session_ended(self, record: SessionRecord, how: str) -> None:
        """The session has ended: ``complete``, ``aborted-by-device`` or ``aborted-by-bench``."""
        if record.ended == "open":
            record.ended = how
            record.ended_at, record.ended_real = self.stamp()

    def forget_session(self, record: SessionRecord) -> None:
        """No message of the session will come any more."""
        self._session_books.pop(record.id, None)
