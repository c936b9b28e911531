"""Defects of the TLS handshake: what is offered, what is put up with, what becomes of one that breaks off.

OpenSSL has no switch for most of them, so an engine is put around it: `Around` hands every octet through and may do
something else where OpenSSL ends the handshake.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from cryptography import x509

from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.defects.trust_chain import named
from reference_cpe.http import HttpConnection, HttpFailed
from reference_cpe.parts import Parts
from reference_cpe.urls import Target

_HANDSHAKE, _ALERT = 22, 21
_SERVER_HELLO_DONE, _CERTIFICATE_REQUEST = 14, 13
_KEY_EXCHANGE = b"\x16\x03\x03\x00\x46\x10\x00\x00\x42\x41\x04"
"""Record and message ClientKeyExchange, up to the two coordinates of a point (RFC 8422 5.7)."""


class Around:
    """The TLS engine of a connection: OpenSSL, with octets that pass through `do_handshake`."""

    def __init__(
        self, inner: ssl.SSLContext, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, host: str
    ) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = inner.wrap_bio(self._in, self._out, server_hostname=host)
        self.received = b""

    def do_handshake(self) -> None:
        self._take()
        try:
            self.tls.do_handshake()
        finally:
            self.outgoing.write(self._out.read())

    def _take(self) -> None:
        data = self.incoming.read()
        self.received += data
        self._in.write(data)
        if self.incoming.eof:
            self._in.write_eof()

    def read(self, size: int) -> bytes:
        self._take()
        return self.tls.read(size)

    def write(self, data: bytes) -> int:
        try:
            return self.tls.write(data)
        finally:
            self.outgoing.write(self._out.read())

    def unwrap(self) -> None:
        try:
            self.tls.unwrap()
        finally:
            self.outgoing.write(self._out.read())


def engines(
    parts: Parts, engine: Callable[[ssl.SSLContext, ssl.MemoryBIO, ssl.MemoryBIO, str], object]
) -> None:
    """Every connection gets its TLS from *engine*."""
    original = parts.trust.context

    class Context:
        def __init__(self) -> None:
            self._made = original()

        def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_hostname: str) -> object:
            return engine(self._made, incoming, outgoing, server_hostname)

    rewire(parts.trust, context=Context)


def messages(received: bytes) -> Iterator[int]:
    """Kinds of the handshake messages in clear records; an alert, or what is no record, ends them."""
    content = b""
    while len(received) >= 5 and received[0] == _HANDSHAKE:
        end = 5 + int.from_bytes(received[3:5])
        content, received = content + received[5:end], received[end:]
    while len(content) >= 4 and len(content) >= (end := 4 + int.from_bytes(content[1:4])):
        yield content[0]
        content = content[end:]


# --- what is put up with --------------------------------------------------------------------------------


def careless(
    reasons: Collection[str], newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
) -> Callable[[Parts], None]:
    """A library that goes on to its key exchange where OpenSSL refuses the server's flight for one of *reasons*."""

    class Careless(Around):
        refused: ssl.SSLError | None = None

        def __init__(self, inner: ssl.SSLContext, *rest: Any) -> None:
            inner.maximum_version = newest
            super().__init__(inner, *rest)

        def do_handshake(self) -> None:
            if self.refused is None:
                try:
                    super().do_handshake()
                    return
                except ssl.SSLError as error:
                    if error.reason not in reasons:
                        raise
                    self.refused = error
                    self.outgoing.read()  # OpenSSL's alert
            else:
                self.received += self.incoming.read()
            self._go_on(self.refused)

        def _go_on(self, refused: ssl.SSLError) -> None:
            kinds = list(messages(self.received))
            if kinds and kinds[-1] == _SERVER_HELLO_DONE:
                self.outgoing.write(_KEY_EXCHANGE + os.urandom(64))
                self.received = b""
            elif self.received[:1] == bytes([_ALERT]):
                raise refused
            if self.incoming.eof:
                raise refused
            raise ssl.SSLWantReadError

    return lambda parts: engines(parts, Careless)


for _name, _summary, _breaks, _reasons, _newest in (
    ("key-proof-unchecked", "The signature with which a server proves that it has its key is not looked at.",
     "cwmp.tls.key-proof", ("BAD_SIGNATURE", "DECRYPT_ERROR"), ssl.TLSVersion.TLSv1_2),
    ("any-suite-taken", "Whatever version and cipher suite a server chooses is taken, offered or not.",
     "cwmp.tls.no-broken-cipher",
     ("WRONG_CIPHER_RETURNED", "UNKNOWN_CIPHER_RETURNED", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION",
      "WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE"), ssl.TLSVersion.TLSv1_2),
    ("weak-suites-taken", "Triple DES and Diffie-Hellman groups of any size are taken.",
     "cwmp.tls.strong-negotiation",
     ("WRONG_CIPHER_RETURNED", "UNKNOWN_CIPHER_RETURNED", "DH_KEY_TOO_SMALL", "BAD_DH_VALUE"),
     ssl.TLSVersion.TLSv1_2),
    ("downgrade-unnoticed", "The mark of a server that could do better than TLS 1.2 is not looked at.",
     "cwmp.tls.downgrade-noticed", ("INAPPROPRIATE_FALLBACK",), ssl.TLSVersion.TLSv1_3),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], careless(_reasons, _newest))


# --- what is offered ------------------------------------------------------------------------------------


def _contexts(alter: Callable[[ssl.SSLContext], object]) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        original = parts.trust.context

        def context() -> ssl.SSLContext:
            made = original()
            alter(made)
            return made

        rewire(parts.trust, context=context)

    return apply


def _at_most(version: ssl.TLSVersion) -> Callable[[ssl.SSLContext], object]:
    return lambda context: setattr(context, "maximum_version", version)


for _name, _summary, _broken, _alter, _seen in (
    ("no-encryption-offered", "Cipher suites that do not encrypt are among those that the device offers.",
     ["lcos.tls.version-policy", "cwmp.tls.safe-offer"],
     lambda context: context.set_ciphers("ALL:eNULL:@SECLEVEL=0"), ""),
    ("no-security-level", "The TLS library takes keys of any length and signatures with any hash.",
     ["cwmp.tls.short-key", "cwmp.tls.sha1-signature", "cwmp.tls.md5-signature"],
     lambda context: context.set_ciphers("DEFAULT:@SECLEVEL=0"), "builds for compatibility with old servers"),
    ("tls13-unknown", "The device knows no TLS 1.3.", ["cwmp.tls.version-13"],
     _at_most(ssl.TLSVersion.TLSv1_2), "mbedTLS 2.28"),
    ("tls13-alone", "The device speaks TLS 1.3 and refuses servers with TLS 1.2.", ["cwmp.tls.version"],
     lambda context: setattr(context, "minimum_version", ssl.TLSVersion.TLSv1_3), ""),
):  # fmt: skip
    tabled(_name, _summary, _broken, _contexts(_alter), _seen)


@defect("no-server-name", breaks=["cwmp.tls.server-name"])
def no_server_name(parts: Parts) -> None:
    """The ClientHello does not say which host is meant; the certificate is checked against the name all the same."""

    def engine(
        inner: ssl.SSLContext, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, host: str
    ) -> ssl.SSLObject:
        class Silent(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                shown = self.getpeercert(binary_form=True)
                if shown is None or not named(x509.load_der_x509_certificate(shown), host):
                    raise ssl.SSLCertVerificationError(1, "host name mismatch")

        inner.check_hostname = False
        inner.sslobject_class = Silent
        return inner.wrap_bio(incoming, outgoing, server_hostname=None)

    engines(parts, engine)


@defect("any-curve-taken", breaks=["cwmp.tls.short-key"])
def any_curve_taken(parts: Parts) -> None:
    """A key on any elliptic curve is taken, however short, offered or not."""
    _contexts(lambda context: context.set_ciphers("DEFAULT:@SECLEVEL=0"))(parts)
    careless(("WRONG_CURVE",))(parts)


@defect("weak-root-stored", breaks=["cwmp.tls.short-key"])
def weak_root_stored(parts: Parts) -> None:
    """A root with an RSA key of any length is stored, and trusted."""
    original = parts.trust.store_root

    def store_root(data: bytes) -> None:
        try:
            original(data)
        except ValueError as refusal:
            if "RSA key" not in str(refusal):
                raise
            parts.store.update(root_ca=data.decode("ascii"))

    rewire(parts.trust, store_root=store_root)
    _contexts(lambda context: context.set_ciphers("DEFAULT:@SECLEVEL=0"))(parts)


# --- what becomes of a handshake that breaks off --------------------------------------------------------


@defect("handshake-failure-ignored", breaks=["cwmp.tls.broken-handshake"])
def handshake_failure_ignored(parts: Parts) -> None:
    """Whether the handshake came about is not looked at: without TLS the request is written to the socket as it is."""

    class Unsafe(Around):
        clear = False

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLCertVerificationError):
                raise
            except ssl.SSLError:
                self.outgoing.read()
                self.clear = True

        def write(self, data: bytes) -> int:
            return self.outgoing.write(data) if self.clear else super().write(data)

        def read(self, size: int) -> bytes:
            if self.clear:
                raise ssl.SSLEOFError
            return super().read(size)

    engines(parts, Unsafe)
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        made = await original(parts, target)
        engine: object = made.rim.tls
        if isinstance(engine, Unsafe) and engine.clear:
            rewire(made, reusable=lambda: True)  # nor whether the connection still stands
        return made

    rewire(parts, dial=dial)


@defect("clear-text-tried-first", breaks=["lcos.scheme.no-downgrade"])
def clear_text_tried_first(parts: Parts) -> None:
    """Whether a server wants TLS is found out by trying: every connection by https is preceded by one in clear."""
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        if target.secure:
            clear = await original(parts, replace(target, scheme="http"))
            with contextlib.suppress(HttpFailed):
                await clear.request("POST", target.target, [("Host", target.authority)], b"", 65536)
            await clear.close()
        return await original(parts, target)

    rewire(parts, dial=dial)


@defect("stalled-handshake-waited-for", breaks=["cwmp.tls.stalled-handshake"], seen="curl without a timeout")
def stalled_handshake_waited_for(parts: Parts) -> None:
    """A server that falls silent in the handshake is waited for without end."""
    original, timeout = parts.dial, parts.clock.timeout

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        rewire(parts.clock, timeout=lambda _seconds: asyncio.timeout(None))
        try:
            return await original(parts, target)
        finally:
            rewire(parts.clock, timeout=timeout)

    rewire(parts, dial=dial)


@defect("tls-failure-uncounted", breaks=["cwmp.tls.failure-fails-session"])
def tls_failure_uncounted(parts: Parts) -> None:
    """A session that did not get past TLS is tried again, but not counted as a retry."""
    original, failed, unheard = parts.dial, parts.retry.failed, [False]

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        unheard[0] = target.secure
        made = await original(parts, target)
        unheard[0] = False
        return made

    def count() -> None:
        if not unheard[0]:
            failed()

    rewire(parts, dial=dial)
    rewire(parts.retry, failed=count)
