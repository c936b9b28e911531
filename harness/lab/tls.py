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
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakValueDictionary

from harness.lab.pki import Identity
from harness.lab.tls_messages import (
    HANDSHAKE,
    ClientHello,
    ServerHello,
    alert_name,
    read_client_hello,
    read_server_hello,
)
from harness.verdict.transcript import Direction, TlsRecord

__all__ = [
    "Answer",
    "ClientHello",
    "ClientTls",
    "Script",
    "TlsEngine",
    "TlsFailed",
    "TlsSettings",
    "alert_name",
    "read_client_hello",
]

_READ = 65_536
_CONTENT_CHANGE_CIPHER, _CONTENT_ALERT, _CONTENT_HANDSHAKE = 20, 21, 22

Event = Callable[[Direction, str, str, bool], None]
"""Told each event: direction, kind, name, whether an alert was fatal (see `TlsEvent`)."""


class Script(Protocol):
    """What a server says in place of OpenSSL, to a client that has sent its ClientHello."""

    def answer(self, settings: TlsSettings, records: bytes, hello: ClientHello) -> Answer:
        """The answer to *hello*; *records* is what the client sent, as it came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Octets for the client, and what happens then: ``close``, ``wait`` or ``watch``.

    ``wait`` keeps the connection open whatever the client does, ``watch`` ends it after the client's next message.
    *messages* are the names of the handshake messages in it.
    """

    data: bytes
    then: str
    messages: tuple[str, ...] = ()
    chosen: ServerHello | None = None
    cipher: str = ""


def note_hello(record: TlsRecord, hello: ClientHello) -> None:
    """Write down what the client offers."""
    record.client_hello = True
    record.sni = hello.sni
    record.offered_versions = hello.versions
    record.offered_ciphers = hello.ciphers
    record.offered_compressions = hello.compressions


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
    ciphers: str = ""
    """OpenSSL's cipher string; ``@SECLEVEL=0`` in it lets a server serve what no server should."""
    script: Script | None = None
    """What the server does in place of a handshake; then no TLS is ever spoken beyond it."""
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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what some cases are about
            context.minimum_version = self.minimum_version
            context.maximum_version = self.maximum_version
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        if not self.tickets:
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        if self.ciphers:
            context.set_ciphers(self.ciphers)
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
            self._event(direction, "handshake", HANDSHAKE.get(message, f"handshake {message}"), False)
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
        elif message == 2 and written:
            self._chosen(read_server_hello(data))
        elif message == 1 and not written:
            note_hello(self.record, read_client_hello(data))

    def _chosen(self, hello: ServerHello) -> None:
        names = {int(cipher["id"]) & 0xFFFF: str(cipher["name"]) for cipher in self._ciphers()}
        self.record.version = hello.version
        self.record.cipher = names.get(hello.cipher, f"0x{hello.cipher:04x}")

    def _ciphers(self) -> list[Any]:
        return list(self._object.context.get_ciphers())

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
