"""TLS as a sans-IO engine: an SSLObject between two memory BIOs, and a record of all that passed.

The bench pumps the bytes itself, because what asyncio and blocking sockets hide is what counts here: which
handshake messages and alerts went which way, whether the Certificate really left, and what the device did
after it had seen it. In TLS 1.3 a client judges after the server has finished: the reaction is whatever comes
next (alert, end of the stream, application bytes), so the owner goes on reading.
"""

from __future__ import annotations

import hashlib
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from harness.lab.pki import Identity
from harness.verdict.transcript import Direction, TlsRecord

_READ = 65_536
_VERSIONS: Final = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
_HANDSHAKE: Final = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
}
"""RFC 8446 4 and RFC 5246 7.4."""
_CONTENT_CHANGE_CIPHER, _CONTENT_ALERT, _CONTENT_HANDSHAKE = 20, 21, 22

Event = Callable[[Direction, str, str, bool], None]
"""Told each event: direction, kind, name, whether an alert was fatal (see `TlsEvent`)."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers, read from the message itself (RFC 8446 4.1.2)."""

    sni: str | None = None
    versions: tuple[str, ...] = ()
    ciphers: tuple[int, ...] = ()


def read_client_hello(message: bytes) -> ClientHello:
    """Read a ClientHello handshake message, header included; what cannot be read is left out."""
    try:
        return _read_client_hello(_Cursor(message))
    except (IndexError, UnicodeDecodeError):
        return ClientHello()


class _Cursor:
    """Reads TLS vectors; raises IndexError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise IndexError(count)
        head, self._data = self._data[:count], self._data[count:]
        return head

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> _Cursor:
        """A vector whose length is a number of *size* octets."""
        return _Cursor(self.take(self.number(size)))

    def numbers(self, size: int) -> list[int]:
        return [int.from_bytes(self.take(size)) for _ in range(len(self._data) // size)]


def _read_client_hello(cursor: _Cursor) -> ClientHello:
    cursor.take(4)
    legacy = cursor.number(2)
    cursor.take(32)
    cursor.vector(1)
    ciphers = tuple(cursor.vector(2).numbers(2))
    cursor.vector(1)
    sni, versions = None, [legacy]
    extensions = cursor.vector(2) if cursor else cursor
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == 0 and body:
            names = body.vector(2)
            names.take(1)
            sni = names.take(names.number(2)).decode("ascii")
        elif kind == 43:
            versions = body.vector(1).numbers(2)
    known = (_VERSIONS.get(number, f"0x{number:04x}") for number in versions if number & 0x0F0F != 0x0A0A)
    return ClientHello(sni, tuple(known), ciphers)


def alert_name(code: int) -> str:
    """Description of an alert in the words of RFC 8446 6 (``unknown_ca``)."""
    try:
        return ssl.AlertDescription(code).name.removeprefix("ALERT_DESCRIPTION_").lower()
    except ValueError:
        return _OTHER_ALERTS.get(code, f"alert_{code}")


_OTHER_ALERTS: Final = {
    21: "decryption_failed",
    30: "decompression_failure",
    41: "no_certificate",
    60: "export_restriction",
    86: "inappropriate_fallback",
    109: "missing_extension",
    116: "certificate_required",
    120: "no_application_protocol",
}


# --- settings and contexts --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How a listener of the bench does TLS. Frozen: a case puts another one in its place.

    With *tickets* off (the default) no connection can resume another, so that each has to judge the
    certificate. *client_ca* is PEM. *keylog* is a file that gets the secrets (NSS key log format).
    """

    identity: Identity
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
    client_ca: bytes = b""
    require_client_cert: bool = False
    tickets: bool = False
    keylog: Path | None = None
    _shared: list[ssl.SSLContext] = field(default_factory=list, repr=False, compare=False)

    def context(self) -> ssl.SSLContext:
        """A context for one connection; one for all where there are tickets, else nothing could resume.

        Raises:
            ssl.SSLError: OpenSSL does not take the identity.
        """
        if self._shared:
            return self._shared[0]
        context = self._make()
        if self.tickets:
            self._shared.append(context)
        return context

    def _make(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self.minimum_version
        context.maximum_version = self.maximum_version
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        if not self.tickets:
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        _load(context, self.identity)
        if self.client_ca:
            context.load_verify_locations(cadata=self.client_ca.decode("ascii"))
        if self.require_client_cert:
            context.verify_mode = ssl.CERT_REQUIRED
        elif self.client_ca:
            context.verify_mode = ssl.CERT_OPTIONAL
        if self.keylog is not None:
            context.keylog_filename = str(self.keylog)
        _hook(context)
        return context


@dataclass(frozen=True, slots=True)
class ClientTls:
    """How the bench's own client does TLS.

    It trusts *root* (PEM; empty trusts anything) and asks for *server_name*.
    """

    server_name: str
    root: bytes = b""

    def context(self) -> ssl.SSLContext:
        """A context for one connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.root:
            context.load_verify_locations(cadata=self.root.decode("ascii"))
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        _hook(context)
        return context


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    """ssl takes certificates from files only: a memfd leaves none behind."""
    descriptor = os.memfd_create("identity")
    try:
        os.write(descriptor, identity.key_pem + identity.chain_pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


_engines: WeakValueDictionary[int, TlsEngine] = WeakValueDictionary()
"""By the id of the SSLObject that an engine owns: a context may serve several."""


def _hook(context: ssl.SSLContext) -> None:
    # _msg_callback is the only door to alerts and handshake messages (CPython's own test suite uses it).
    context._msg_callback = _on_message  # type: ignore[attr-defined]


def _on_message(owner: Any, direction: str, _version: Any, content: Any, message: Any, data: bytes) -> None:
    engine = _engines.get(id(owner))
    if engine is not None:
        engine.seen(direction == "write", int(content), int(message), data)


# --- the engine -------------------------------------------------------------------------------------


class TlsFailed(Exception):
    """The TLS layer is over: handshake failed or a record was bad. ``outgoing`` may hold an alert."""


class TlsEngine:
    """One TLS connection without a socket; fills *record* as it goes.

    Feed it what the socket gave, send what `outgoing` gives, and say so with `left`.
    """

    def __init__(self, settings: TlsSettings | ClientTls, record: TlsRecord, event: Event) -> None:
        self.record = record
        self._event = event
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = isinstance(settings, TlsSettings)
        self._object = settings.context().wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=self._server,
            server_hostname=None if isinstance(settings, TlsSettings) else settings.server_name,
        )
        if isinstance(settings, TlsSettings):
            record.identity = settings.identity.name
            record.certificate_sha256 = settings.identity.leaf_sha256
        _engines[id(self._object)] = self
        self._certificate_size = 0
        self.ended = False
        """The peer has sent close_notify."""

    @property
    def handshake_done(self) -> bool:
        return self.record.handshake_done

    def start(self) -> None:
        """Begin; a client's first flight is ready in `outgoing` afterwards."""
        self._handshake()

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the socket; return the application bytes that came out.

        Raises:
            TlsFailed: the connection is of no use any more; send `outgoing`, then close.
        """
        self._incoming.write(data)
        if not self.handshake_done:
            self._handshake()
        return self._read() if self.handshake_done else b""

    def send(self, data: bytes) -> None:
        """Encrypt application bytes into `outgoing`.

        Raises:
            TlsFailed: the handshake is not done, or the connection is over.
        """
        if not self.handshake_done:
            raise TlsFailed("the TLS handshake is not done")
        view = memoryview(data)
        while view:
            try:
                view = view[self._object.write(view) :]
            except ssl.SSLError as error:
                raise self._failed(error) from error

    def outgoing(self) -> bytes:
        """Bytes for the socket."""
        return self._outgoing.read()

    def left(self, count: int) -> None:
        """*count* bytes of `outgoing` have gone out on the socket."""
        if self._certificate_size and count >= self._certificate_size:
            self.record.certificate_sent = True

    def close(self) -> None:
        """Say close_notify, in `outgoing`."""
        try:
            self._object.unwrap()
        except (ssl.SSLError, ValueError):
            pass  # it waits for the peer's close_notify, or there is nothing left to close

    def seen(self, written: bool, content: int, message: int, data: bytes) -> None:
        """OpenSSL's message callback: a message was read from, or written for, the peer."""
        to_peer, to_bench = Direction.TO_DEVICE, Direction.FROM_DEVICE
        direction = to_peer if written else to_bench
        if content == _CONTENT_HANDSHAKE:
            self._event(direction, "handshake", _HANDSHAKE.get(message, f"handshake {message}"), False)
            self._seen_handshake(written, message, data)
        elif content == _CONTENT_ALERT and len(data) >= 2:
            name = alert_name(data[1])
            if written:
                self.record.alert_sent = name
            else:
                self.record.alert_received = name
            self._event(direction, "alert", name, data[0] == 2)
        elif content == _CONTENT_CHANGE_CIPHER:
            self._event(direction, "change-cipher-spec", "ChangeCipherSpec", False)

    def _seen_handshake(self, written: bool, message: int, data: bytes) -> None:
        if message == 11 and written and self._server:
            self._certificate_size = len(data)
        elif message == 1 and not written:
            hello = read_client_hello(data)
            self.record.client_hello = True
            self.record.sni = hello.sni
            self.record.offered_versions = hello.versions

    def _handshake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except (ssl.SSLError, ValueError) as error:
            raise self._failed(error) from error
        record, cipher = self.record, self._object.cipher()
        record.handshake_done = True
        record.version = self._object.version() or ""
        record.cipher = cipher[0] if cipher else ""
        record.resumed = bool(self._object.session_reused)
        client = self._object.getpeercert(binary_form=True) if self._server else None
        record.client_certificate_sha256 = hashlib.sha256(client).hexdigest() if client else ""

    def _read(self) -> bytes:
        parts: list[bytes] = []
        try:
            while data := self._object.read(_READ):
                parts.append(data)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            if not parts:
                raise self._failed(error) from error
            # what was decrypted is given first; the next read meets the same error
        return b"".join(parts)

    def _failed(self, error: Exception) -> TlsFailed:
        reason = getattr(error, "reason", None)
        self.record.error = self.record.error or str(reason or error)
        return TlsFailed(self.record.error)
