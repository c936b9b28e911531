"""Benign variants of the TLS client. No check may fail on them."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from reference_cpe.defects.registry import rewire, variant
from reference_cpe.parts import Parts
from reference_cpe.rim import ConnectFailed, Rim

_MANY = "AES128-SHA:ALL:!aNULL:!eNULL:!RC4:!3DES:!EXPORT:!PSK:!SRP:@SECLEVEL=2"
"""The one suite that TR-069 3.3 makes mandatory first, then all that nobody has broken."""


def _contexts(parts: Parts, alter: Callable[[ssl.SSLContext], object]) -> None:
    original = parts.trust.context

    def context() -> ssl.SSLContext:
        made = original()
        alter(made)
        return made

    rewire(parts.trust, context=context)


@variant("tls-1-2-only")
def tls_1_2_only(parts: Parts) -> None:
    """TLS 1.2 is the newest version that the device knows (TR-069 3.3: 1.2 or later)."""

    def bound(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    _contexts(parts, bound)


@variant("many-cipher-suites")
def many_cipher_suites(parts: Parts) -> None:
    """The mandatory cipher suite of TR-069 3.3 comes first, then all others that are not broken; ALPN says http/1.1."""

    def offer(context: ssl.SSLContext) -> None:
        context.set_ciphers(_MANY)
        context.set_alpn_protocols(["http/1.1"])

    _contexts(parts, offer)


class _Silent(Rim):
    """Says nothing when it refuses a certificate."""

    def refused(self) -> None:
        return

    async def _attempt(self, step: object) -> bool:
        assert callable(step)
        try:
            step()
        except ssl.SSLWantReadError:
            await self._flush()
            with contextlib.suppress(EOFError):
                await self._feed()
            return False
        except ssl.SSLError:
            self.refused()
            raise
        await self._flush()
        return True


class _Resetting(_Silent):
    def refused(self) -> None:
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@variant("refuses-without-alert")
def refuses_without_alert(parts: Parts) -> None:
    """A refused certificate ends the connection without an alert (RFC 5246 7.2.2 leaves sending it open)."""
    parts.rim = _Silent


@variant("refuses-by-reset")
def refuses_by_reset(parts: Parts) -> None:
    """A refused certificate ends the connection with a TCP reset."""
    parts.rim = _Resetting


@variant("name-checked-after-handshake")
def name_checked_after_handshake(parts: Parts) -> None:
    """The host name is checked when the handshake is over, before anything is sent (RFC 2818 3.1; libcurl does so)."""

    class Checking(Rim):
        async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
            await super().start_tls(context, host)
            assert self.tls is not None
            if not _names(self.tls.getpeercert() or {}, host.rstrip(".").lower()):
                raise ConnectFailed(f"the certificate does not name {host}")

    def lax(context: ssl.SSLContext) -> None:
        context.check_hostname = False

    _contexts(parts, lax)
    parts.rim = Checking


def _names(certificate: Any, host: str) -> bool:
    """Whether a subjectAltName is *host* (RFC 6125 6.4)."""
    names = certificate.get("subjectAltName", ())
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        parent = host.partition(".")[2]
        wild = f"*.{parent}" if "." in parent else ""
        return any(kind == "DNS" and name.lower() in (host, wild) for kind, name in names)
    return any(kind == "IP Address" and ipaddress.ip_address(name) == address for kind, name in names)


@variant("server-purpose-demanded")
def server_purpose_demanded(parts: Parts) -> None:
    """A server's certificate must name the purpose serverAuth (RFC 5280 4.2.1.12: applications may require it)."""

    class Demanding(Rim):
        async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
            await super().start_tls(context, host)
            assert self.tls is not None
            shown = x509.load_der_x509_certificate(self.tls.getpeercert(True) or b"")
            for extension in shown.extensions:
                usage = extension.value
                if isinstance(usage, x509.ExtendedKeyUsage) and ExtendedKeyUsageOID.SERVER_AUTH in usage:
                    return
            raise ConnectFailed("the certificate is not for servers")

    parts.rim = Demanding


@variant("tls-sessions-resumed")
def tls_sessions_resumed(parts: Parts) -> None:
    """TLS sessions are resumed for as long as both certificate slots are what they were (RFC 8446 2.2)."""
    make = parts.trust.context
    kept: dict[str, Any] = {"slots": None, "context": None}

    def context() -> ssl.SSLContext:
        slots = (parts.trust.anchors(), parts.trust.client_certificate())
        if kept["slots"] != slots:
            kept.update(slots=slots, context=make(), sessions={})
        made: ssl.SSLContext = kept["context"]
        return made

    class Resuming(Rim):
        place: object = None
        under: ssl.SSLContext | None = None

        async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
            self.place, self.under = (host, self._writer.get_extra_info("peername")), context
            await super().start_tls(_Offering(context, kept["sessions"].get(self.place)), host)  # type: ignore[arg-type]

        async def close(self) -> None:
            if self.tls is not None and self.under is kept["context"] and self.tls.session is not None:
                kept["sessions"][self.place] = self.tls.session
            await super().close()

    rewire(parts.trust, context=context)
    parts.rim = Resuming


class _Offering:
    """A context that offers a session."""

    def __init__(self, context: ssl.SSLContext, session: ssl.SSLSession | None) -> None:
        self._context = context
        self._session = session

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_hostname: str
    ) -> ssl.SSLObject:
        session = self._session
        return self._context.wrap_bio(incoming, outgoing, server_hostname=server_hostname, session=session)
