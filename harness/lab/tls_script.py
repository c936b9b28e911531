"""Servers that break off, stall or talk nonsense: what they send is made here, no OpenSSL answers the client.

A `Script` is put into `TlsSettings`. `Cut` sends the true beginning of a handshake and stops after one message;
`Say` sends anything; the hand-made flights of `harness.lab.tls_flight` choose what OpenSSL refuses to choose.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from harness.lab.tls import Answer, Event, TlsFailed, TlsSettings, note_hello
from harness.lab.tls_messages import HANDSHAKE, ClientHello, alert_name, read_client_hello, read_server_hello
from harness.verdict.transcript import Direction, TlsRecord

CHANGE_CIPHER, ALERT, HANDSHAKE_RECORD, DATA = 20, 21, 22, 23
"""Content types of records (RFC 8446 5.1)."""
HANDSHAKE_FAILURE: Final = b"\x15\x03\x03\x00\x02\x02\x28"
"""A fatal alert handshake_failure."""
_LARGEST: Final = 1 << 17
"""Octets of a ClientHello beyond which nobody listens."""


def records(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The complete records in *data*: content type, content, and the record as it stands."""
    while len(data) >= 5 and len(data) >= (end := 5 + int.from_bytes(data[3:5])):
        yield data[0], data[5:end], data[:end]
        data = data[end:]


def record_of(kind: int, content: bytes, version: int = 0x0303) -> bytes:
    """*content* as records of at most 16 KiB."""
    pieces = [content[start : start + 16384] for start in range(0, len(content), 16384)]
    head = bytes([kind]) + version.to_bytes(2)
    return b"".join(head + len(piece).to_bytes(2) + piece for piece in pieces)


@dataclass(frozen=True, slots=True)
class Cut:
    """The handshake as OpenSSL begins it, up to and including message *after*; then an alert, the end, or nothing.

    *after* ``ClientHello`` sends none of it. Ends by ``close``, ``alert`` or ``wait``.
    """

    after: str
    then: str = "close"

    def answer(self, settings: TlsSettings, records_in: bytes, hello: ClientHello) -> Answer:
        sent, flight = b"", []
        if self.after != "ClientHello":
            for name, record in right_flight(settings, records_in):
                sent += record
                flight.append(name)
                if name == self.after:
                    break
        if self.then == "alert":
            sent += HANDSHAKE_FAILURE
        then = "wait" if self.then == "wait" else "close"
        return Answer(sent, then, tuple(name for name in flight if name))


def right_flight(settings: TlsSettings, records_in: bytes) -> Iterator[tuple[str, bytes]]:
    """The records with which OpenSSL answers, each with the message that is in it; nothing where it refuses.

    OpenSSL puts each message into records of its own; what is encrypted is told by its turn.
    """
    names: list[tuple[str, int]] = []

    def seen(_owner: object, direction: str, _version: object, content: int, kind: int, data: bytes) -> None:
        if direction == "write" and int(content) == HANDSHAKE_RECORD:
            names.append((HANDSHAKE.get(int(kind), ""), len(data)))

    context = replace(settings, script=None, tickets=False).context()
    context._msg_callback = seen  # type: ignore[attr-defined]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(records_in)
    try:
        server.do_handshake()
    except ssl.SSLWantReadError:
        pass
    except ssl.SSLError:
        return
    left = 0
    for kind, content, record in records(outgoing.read()):
        if kind == CHANGE_CIPHER:
            yield "", record
            continue
        if left <= 0 and names:
            name, left = names.pop(0)
        left -= len(content)
        yield (name if left <= 0 else ""), record


@dataclass(frozen=True, slots=True)
class Say:
    """Octets in place of a ServerHello, and then the end of the connection."""

    data: bytes
    then: str = "close"

    def answer(self, settings: TlsSettings, records_in: bytes, hello: ClientHello) -> Answer:
        return Answer(self.data, self.then)


class ScriptedEngine:
    """Stands in for `TlsEngine` where the settings have a script. No application byte ever comes out of it."""

    ended = False
    handshake_done = False

    def __init__(self, settings: TlsSettings, record: TlsRecord, event: Event) -> None:
        assert settings.script is not None
        self.record = record
        self._settings = settings
        self._script = settings.script
        self._event = event
        self._in = b""
        self._out = b""
        self._answer: Answer | None = None
        self._pending = 0
        record.identity = settings.identity.name
        record.certificate_sha256 = settings.identity.leaf_sha256

    def start(self) -> None:
        """Nothing: the client begins."""

    def feed(self, data: bytes) -> bytes:
        """Take octets of the client.

        Raises:
            TlsFailed: the connection is to end now; send `outgoing` first.
        """
        self._in += data
        if self._answer is not None:
            return self._reaction()
        if self._in[:1] and self._in[0] != HANDSHAKE_RECORD:
            raise self._over("HTTP_REQUEST" if self._in[:1].isalpha() else "WRONG_VERSION_NUMBER")
        message = b"".join(content for kind, content, _ in records(self._in) if kind == HANDSHAKE_RECORD)
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4]):
            self._hello(message)
        elif len(self._in) > _LARGEST:
            raise self._over("the ClientHello does not end")
        return b""

    def _hello(self, message: bytes) -> None:
        hello = read_client_hello(message)
        note_hello(self.record, hello)
        self._event(Direction.FROM_DEVICE, "handshake", "ClientHello", False)
        self._answer = answer = self._script.answer(self._settings, self._in, hello)
        self._in = b""
        self._out, self._pending = answer.data, len(answer.data)
        for name in answer.messages:
            self._event(Direction.TO_DEVICE, "handshake", name, False)
        self._note_choice(answer)
        if answer.then == "close":
            raise self._over("the bench ended the handshake")

    def _note_choice(self, answer: Answer) -> None:
        chosen = answer.chosen
        if chosen is None and "ServerHello" in answer.messages:
            chosen = read_server_hello(next(content for _, content, _ in records(answer.data)))
        if chosen is not None:
            self.record.version = chosen.version
            self.record.cipher = answer.cipher or f"0x{chosen.cipher:04x}"

    def _reaction(self) -> bytes:
        """The client's messages after the answer; the first one ends a connection that is watched."""
        assert self._answer is not None
        whole = 0
        for kind, content, record in records(self._in):
            whole += len(record)
            self._note(kind, content)
        self._in = self._in[whole:]
        if whole and (self._answer.then == "watch" or self.record.alert_received):
            raise self._over("the bench ends what it has begun by hand")
        return b""

    def _note(self, kind: int, content: bytes) -> None:
        device = Direction.FROM_DEVICE
        if kind == ALERT and len(content) == 2:
            self.record.alert_received = self.record.alert_received or alert_name(content[1])
            self._event(device, "alert", alert_name(content[1]), content[0] == 2)
        elif kind == HANDSHAKE_RECORD and content:
            self._event(device, "handshake", HANDSHAKE.get(content[0], "encrypted"), False)
        elif kind == CHANGE_CIPHER:
            self._event(device, "change-cipher-spec", "ChangeCipherSpec", False)

    def _over(self, reason: str) -> TlsFailed:
        self.record.error = self.record.error or reason
        return TlsFailed(self.record.error)

    def send(self, data: bytes) -> None:
        """Refused.

        Raises:
            TlsFailed: always.
        """
        raise TlsFailed("there is no TLS to send in")

    def outgoing(self) -> bytes:
        """Octets for the socket."""
        data, self._out = self._out, b""
        return data

    def left(self, count: int) -> None:
        """*count* octets have gone out."""
        self._pending -= count
        if self._pending <= 0 and self._answer is not None and "Certificate" in self._answer.messages:
            self.record.certificate_sent = True

    def close(self) -> None:
        """Nothing to say."""
