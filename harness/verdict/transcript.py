"""The transcript: every byte, with its time, that crossed the bench's sockets, and what it was part of.

It is the only input of wire rules, reports, fuzz oracles and ``cpecheck judge``. The engine of
``harness.lab`` writes it; nobody changes it afterwards.

Two times stand beside each other: ``at`` is device time (seconds since the bench's clock began; frozen
while the reference CPE works), ``real`` is the host's monotonic clock in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec


class Direction(StrEnum):
    """Seen from the device, so that it does not depend on who opened the connection."""

    FROM_DEVICE = "from-device"
    TO_DEVICE = "to-device"


class Role(StrEnum):
    """What the bench's end of a connection was."""

    ACS = "acs"
    FILE_SERVER = "file-server"
    CONNECTION_REQUEST = "connection-request"
    OTHER = "other"


class Chunk(msgspec.Struct):
    """Plain-text bytes as one read or write of the socket gave them (after TLS, where there is TLS)."""

    at: float
    real: float
    direction: Direction
    data: bytes


class TlsEvent(msgspec.Struct, omit_defaults=True):
    """A handshake message or an alert, in the order in which they passed."""

    at: float
    real: float
    direction: Direction
    kind: str
    """``handshake``, ``alert`` or ``change-cipher-spec``."""
    name: str
    """``ClientHello``, ``Certificate`` ...; for an alert its description in words, ``unknown_ca``."""
    fatal: bool = False


class TlsRecord(msgspec.Struct, omit_defaults=True):
    """What happened on the TLS layer of one connection."""

    identity: str = ""
    """Name of the server identity that the bench meant to show."""
    certificate_sha256: str = ""
    """Fingerprint (hex) of the leaf that was configured for this connection."""
    certificate_sent: bool = False
    """The Certificate message really left the bench."""
    client_hello: bool = False
    sni: str | None = None
    offered_versions: tuple[str, ...] = ()
    offered_ciphers: tuple[int, ...] = ()
    offered_compressions: tuple[int, ...] = ()
    version: str = ""
    """What the server chose; whether the handshake came to its end is ``handshake_done``."""
    cipher: str = ""
    resumed: bool = False
    handshake_done: bool = False
    error: str = ""
    """The bench's own reason for a failed handshake, as OpenSSL words it."""
    alert_received: str = ""
    alert_sent: str = ""
    client_certificate_sha256: str = ""
    events: list[TlsEvent] = []

    @property
    def last_handshake_message(self) -> str:
        """Name of the last handshake message that passed in either direction, or ``""``."""
        return next((event.name for event in reversed(self.events) if event.kind == "handshake"), "")


class Closed(StrEnum):
    OPEN = "open"
    BY_DEVICE = "by-device"
    BY_DEVICE_RESET = "by-device-reset"
    BY_BENCH = "by-bench"


class HttpMessage(msgspec.Struct, omit_defaults=True):
    """One HTTP message as a range of its connection's bytes in its direction, read leniently.

    ``head`` is the exact bytes up to and including the blank line; ``headers`` are (name, value) as
    written, values stripped of outer blanks; ``body`` is decoded from its transfer coding, not from its
    content coding. ``anomalies`` lists what a strict reader would have refused, in words.
    """

    id: str
    """Unique in the transcript: ``<connection id>.<n>``."""
    connection: str
    direction: Direction
    at_first: float
    at_last: float
    real_first: float
    real_last: float
    start_line: str
    headers: list[tuple[str, str]]
    body: bytes
    head: bytes
    start: int
    end: int
    complete: bool = True
    anomalies: tuple[str, ...] = ()
    note: str = ""
    """What the bench did on purpose in this message, in words; empty when it is correct."""

    def header_values(self, name: str) -> list[str]:
        """All values of the header *name*, compared without case, in order."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The first value of the header *name*, or ``None``."""
        return next(iter(self.header_values(name)), None)

    @property
    def is_request(self) -> bool:
        return not self.start_line.startswith("HTTP/")

    @property
    def method(self) -> str:
        return self.start_line.split(" ", 1)[0] if self.is_request else ""

    @property
    def target(self) -> str:
        parts = self.start_line.split(" ")
        return parts[1] if self.is_request and len(parts) > 1 else ""

    @property
    def status(self) -> int:
        """Status code of a response; 0 for a request or an unreadable status line."""
        parts = self.start_line.split(" ", 2)
        return int(parts[1]) if not self.is_request and len(parts) > 1 and parts[1].isdigit() else 0


class Connection(msgspec.Struct, omit_defaults=True):
    """One TCP connection with an end at the bench."""

    id: str
    role: Role
    endpoint: str
    """Name of the bench's listener or client, ``acs-https``."""
    device_address: tuple[str, int]
    bench_address: tuple[str, int]
    opened_at: float
    opened_real: float
    closed: Closed = Closed.OPEN
    closed_at: float = 0.0
    closed_real: float = 0.0
    tls: TlsRecord | None = None
    chunks: list[Chunk] = []
    messages: list[HttpMessage] = []

    def bytes_from_device(self) -> int:
        """Number of application bytes that the device sent (decrypted, where there is TLS)."""
        return sum(len(chunk.data) for chunk in self.chunks if chunk.direction is Direction.FROM_DEVICE)

    def data(self, direction: Direction) -> bytes:
        """All application bytes in *direction*, in order."""
        return b"".join(chunk.data for chunk in self.chunks if chunk.direction is direction)


class Exchange(msgspec.Struct):
    """A request and its response; the response is ``None`` where the connection ended first."""

    request: HttpMessage
    response: HttpMessage | None


class SessionRecord(msgspec.Struct, omit_defaults=True):
    """A CWMP session: the HTTP exchanges that the ACS counted as one, across connections and redirects.

    ``ended`` is ``complete`` (the ACS's empty answer to an empty POST, nothing owed), ``aborted-by-device``,
    ``aborted-by-bench`` or ``open``.
    """

    id: str
    messages: list[str] = []
    """Ids of requests and responses, in order."""
    started_at: float = 0.0
    ended_at: float = 0.0
    started_real: float = 0.0
    ended_real: float = 0.0
    ended: str = "open"
    claimed_by: str = ""
    """What claimed it: the case's word for it, or empty for a session nobody asked for."""


class Transcript(msgspec.Struct, omit_defaults=True):
    """All connections and sessions of one case, campaign or capture, in order of opening."""

    connections: list[Connection] = []
    sessions: list[SessionRecord] = []
    wall_clock_start: float = 0.0
    """Unix time of the device's wall clock when ``at`` is 0; 0 where it is not known."""

    def connection(self, connection_id: str) -> Connection:
        """Return the connection of that id.

        Raises:
            KeyError: there is none.
        """
        for connection in self.connections:
            if connection.id == connection_id:
                return connection
        raise KeyError(connection_id)

    def message(self, message_id: str) -> HttpMessage:
        """Return the message of that id.

        Raises:
            KeyError: there is none.
        """
        for message in self.connection(message_id.rpartition(".")[0]).messages:
            if message.id == message_id:
                return message
        raise KeyError(message_id)

    def exchanges(self, session: SessionRecord) -> Iterator[Exchange]:
        """The request/response pairs of *session*, in order."""
        request: HttpMessage | None = None
        for message in map(self.message, session.messages):
            if message.is_request:
                if request is not None:
                    yield Exchange(request, None)
                request = message
            elif request is not None:
                yield Exchange(request, message)
                request = None
        if request is not None:
            yield Exchange(request, None)

    def in_role(self, role: Role) -> Iterator[Connection]:
        return (connection for connection in self.connections if connection.role is role)


def encode(transcript: Transcript) -> bytes:
    """The transcript as JSON (bytes as base64), the form kept in ``evidence/``."""
    return msgspec.json.encode(transcript)


def decode(data: bytes) -> Transcript:
    """Read what `encode` wrote.

    Raises:
        msgspec.DecodeError: not a transcript.
    """
    return msgspec.json.decode(data, type=Transcript)
