"""TCP and TLS: where bytes leave and enter the device.

TLS is an SSLObject over two MemoryBIOs that this module pumps itself, so that an alert for a refused
certificate really goes out (asyncio drops it) and every byte of application data passes through `Wire`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

_CHUNK = 65536
_TURN = 2.0
"""Seconds of real time for one of several addresses: after a silent one there must be time for the next."""
_TCP_CLOSED = 7
"""TCP_INFO: the state of a connection that the peer has reset (linux/tcp_states.h)."""


class Wire:
    """Every byte of HTTP between the device and an ACS or file server, in clear. Seams: both methods."""

    def outgoing(self, data: bytes) -> Iterable[bytes]:
        """The pieces in which *data* is written."""
        return (data,)

    def incoming(self, data: bytes) -> bytes:
        return data


class ConnectFailed(OSError):
    """No connection: address, TCP or TLS. The message says which in a line."""


class Rim:
    """One TCP connection, with TLS or without. Use `connect`."""

    def __init__(self, wire: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._wire = wire
        self._reader = reader
        self._writer = writer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls: ssl.SSLObject | None = None

    @property
    def local_address(self) -> str:
        return str(self._writer.get_extra_info("sockname")[0])

    @property
    def peer(self) -> str:
        """The address at the other end."""
        return str(self._writer.get_extra_info("peername")[0])

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Handshake; *host* is a name or an address and is what the certificate must name.

        Raises:
            ConnectFailed: the certificate was refused (the alert is on its way), or the peer gave up.
        """
        # The dot at the end of a rooted name is not part of what certificates and SNI (RFC 6066 3) name.
        name = host.rstrip(".")
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self.tls = tls
        try:
            while not await self._attempt(tls.do_handshake):
                pass
        except ssl.SSLCertVerificationError as error:
            raise ConnectFailed(f"certificate of {host} refused: {error.verify_message}") from error
        except (ssl.SSLError, OSError, EOFError) as error:
            raise ConnectFailed(f"TLS with {host} failed: {_reason(error)}") from error

    async def _attempt(self, step: object) -> bool:
        """One step of the TLS engine; afterwards what it wrote is sent, alerts of a failure included."""
        assert callable(step)
        try:
            step()
        except ssl.SSLWantReadError:
            await self._flush()
            with contextlib.suppress(EOFError):  # what an end in the middle means is up to the engine
                await self._feed()
            return False
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                await self._flush()
            raise
        await self._flush()
        return True

    async def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _feed(self) -> None:
        data = await self._reader.read(_CHUNK)
        if not data:
            self._incoming.write_eof()
            raise EOFError("the peer closed the connection")
        self._incoming.write(data)

    async def write(self, data: bytes) -> None:
        """Send *data*.

        Raises:
            OSError: the connection is gone.
        """
        for piece in self._wire.outgoing(data):
            if self.tls is not None:
                self.tls.write(piece)
                await self._flush()
            else:
                self._writer.write(piece)
                await self._writer.drain()

    async def read(self) -> bytes:
        """What came, ``b""`` at the end of the stream.

        Raises:
            OSError: the connection was reset, or TLS broke.
        """
        if self.tls is None:
            return self._wire.incoming(await self._reader.read(_CHUNK))
        while True:
            try:
                return self._wire.incoming(self.tls.read(_CHUNK))
            except ssl.SSLWantReadError:
                await self._flush()
                try:
                    await self._feed()
                except EOFError:
                    return b""
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def ended(self) -> bool:
        """Whether the peer is known to have closed its side."""
        return self._reader.at_eof()

    def reset(self) -> bool:
        """Whether the peer has reset the connection: what was sent last did not arrive at anything."""
        sock = self._writer.get_extra_info("socket")
        try:
            return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSED)
        except OSError:
            return True

    async def close(self) -> None:
        """End the connection in order: close_notify where there is TLS, then FIN."""
        with contextlib.suppress(OSError, ssl.SSLError):
            if self.tls is not None:
                with contextlib.suppress(ssl.SSLWantReadError):
                    self.tls.unwrap()
                await self._flush()
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()  # the peer does not read: closing in order would wait for it
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def _reason(error: BaseException) -> str:
    return getattr(error, "reason", None) or str(error) or type(error).__name__


async def connect(wire: Wire, host: str, port: int, source: str = "", kind: type[Rim] = Rim) -> Rim:
    """TCP to *host* (name or address), from the address *source* if given, over each address in turn.

    *kind* is what the connection becomes.

    Raises:
        ConnectFailed: none of them answered.
    """
    family = (socket.AF_INET6 if ":" in source else socket.AF_INET) if source else socket.AF_UNSPEC
    failures = []
    addresses = await _addresses(host, port, family)
    for at, address in enumerate(addresses, 1):
        try:
            async with asyncio.timeout(_TURN if at < len(addresses) else None):
                reader, writer = await asyncio.open_connection(
                    address, port, local_addr=(source, 0) if source else None
                )
            return kind(wire, reader, writer)
        except OSError as error:  # TimeoutError is one
            failures.append(f"{address} port {port}: {_strerror(error) or 'no answer'}")
    raise ConnectFailed("; ".join(failures) or f"{host}: no address")


async def _addresses(host: str, port: int, family: int) -> list[str]:
    """The addresses of *host* in the resolver's order; an address stands for itself, nothing is asked.

    Raises:
        ConnectFailed: there is none, or none of *family*.
    """
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(f"{host}: {_strerror(error)}") from error
        return [str(address[0]) for *_, address in found]
    if family != socket.AF_UNSPEC and (family == socket.AF_INET6) != (literal.version == 6):
        raise ConnectFailed(f"{host}: not of the source address's family")
    return [str(literal)]


def _strerror(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
