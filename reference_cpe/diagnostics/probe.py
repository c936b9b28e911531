"""Probes: ICMP echo requests, and UDP datagrams with a limited number of hops, over IPv4 and IPv6.

Echo requests go out of a datagram ICMP socket where the system lets us have one (net.ipv4.ping_group_range),
else of a raw one. Routes are traced by UDP datagrams, whose ICMP errors Linux hands over in the socket's error
queue (ip(7), IP_RECVERR): that takes no privilege.
"""

from __future__ import annotations

import asyncio
import errno
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reference_cpe.diagnostics.arguments import Place
from reference_cpe.diagnostics.state import Failed

_RECVERR: Final = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
_HOPS: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TTL),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS),
}
_CLASS: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, socket.IP_TOS),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_TCLASS),
}
_ICMP: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_ECHO: Final = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
"""ICMP types of echo request and echo reply (RFC 792, RFC 4443 4)."""
_EXTENDED_ERROR: Final = struct.Struct("=IBBBxII")
_EXPIRED: Final = {(2, 11), (3, 3)}
"""Origin and ICMP type of "hop limit exceeded" (linux/errqueue.h: origin 2 is ICMP, 3 ICMPv6)."""
_PORT_UNREACHABLE: Final = {(2, 3, 3), (3, 1, 4)}
_FIRST_PORT: Final = 33434
_NO_ROUTE: Final = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a probe: who answered, after how many seconds, and the ICMP code if it was an error."""

    address: str
    seconds: float
    arrived: bool
    """The probe has reached its destination."""
    expired: bool = False
    """A router on the way says that the hops are used up."""
    code: int = 0


Read = Callable[[], Answer | None]


def _open(place: Place, kind: socket.SocketKind, protocol: int, dscp: int) -> socket.socket:
    """A socket for probes to *place*.

    Raises:
        Failed: the source address is not ours.
        PermissionError: the system gives us none of that kind.
    """
    sock = socket.socket(place.family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(*_CLASS[place.family], dscp << 2)
        if place.source:
            sock.bind((place.source, 0))
    except OSError as error:
        sock.close()
        raise Failed("Error_NoRouteToHost", "Error_Other") from error
    return sock


async def _wait(sock: socket.socket, read: Read, seconds: float) -> Answer | None:
    """The first answer that *read* finds in *sock*, ``None`` when none has come within *seconds*."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Answer] = loop.create_future()

    def ready() -> None:
        try:
            while not found.done():
                answer = read()
                if answer is not None:
                    found.set_result(answer)
        except (BlockingIOError, InterruptedError):
            return
        except Failed as error:
            found.set_exception(error)

    loop.add_reader(sock, ready)
    try:
        # Real time: it is the network that is waited for, and device time may stand still meanwhile.
        async with asyncio.timeout(seconds):
            return await found
    except TimeoutError:
        return None
    finally:
        loop.remove_reader(sock)


class Echo:
    """ICMP echo requests to one place. A context manager."""

    def __init__(self, place: Place, dscp: int) -> None:
        """Raises:
        Failed: the source address is not ours, or the system lets us send no ICMP.
        """
        self._place = place
        self._id = secrets.randbelow(65536)
        self._sequence = 0
        protocol = _ICMP[place.family]
        try:
            self._sock = _open(place, socket.SOCK_DGRAM, protocol, dscp)
            self._raw = False
        except PermissionError:
            try:
                self._sock = _open(place, socket.SOCK_RAW, protocol, dscp)
                self._raw = True
            except PermissionError as error:
                raise Failed("Error_Internal") from error

    def __enter__(self) -> Echo:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._sock.close()

    @property
    def source(self) -> str:
        """The own address that the requests have, empty before the first."""
        return own_address(self._place)

    async def send(self, size: int, seconds: float) -> Answer | None:
        """One request with *size* bytes of data; ``None`` when no reply came within *seconds*.

        Raises:
            Failed: there is no route.
        """
        self._sequence = self._sequence % 65535 + 1
        data = _echo(_ECHO[self._place.family][0], self._id, self._sequence, bytes(size))
        begun = time.perf_counter()
        try:
            self._sock.sendto(data, (self._place.address, 0))
        except OSError as error:
            if error.errno in _NO_ROUTE:
                raise Failed("Error_NoRouteToHost", "Error_Other") from error
            if error.errno == errno.EMSGSIZE:
                return None
            raise
        return await _wait(self._sock, lambda: self._read(begun), seconds)

    def _read(self, begun: float) -> Answer | None:
        try:
            data, (address, *_) = self._sock.recvfrom(65536)
        except BlockingIOError:
            raise
        except OSError:
            return None  # an ICMP error to an earlier request
        if self._raw and self._place.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4 :] if data else b""
        if len(data) < 8 or data[0] != _ECHO[self._place.family][1]:
            return None
        own_id, sequence = struct.unpack("!HH", data[4:8])
        # A datagram socket has an identifier of the kernel's choice, which sorts out what is not ours.
        if sequence != self._sequence or (self._raw and own_id != self._id):
            return None
        return Answer(str(address), time.perf_counter() - begun, True)


def _echo(kind: int, own_id: int, sequence: int, data: bytes) -> bytes:
    """An ICMP echo request (RFC 792); the kernel makes the checksum of ICMPv6 itself."""
    head = struct.pack("!BBHHH", kind, 0, 0, own_id, sequence)
    return struct.pack("!BBHHH", kind, 0, checksum(head + data), own_id, sequence) + data


def checksum(data: bytes) -> int:
    """The internet checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def own_address(place: Place) -> str:
    """The address that packets to *place* have as their source; no packet is sent."""
    if place.source:
        return place.source
    with socket.socket(place.family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((place.address, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


async def datagram(
    place: Place, hops: int, size: int, dscp: int, seconds: float, number: int
) -> Answer | None:
    """One UDP datagram that may take *hops* hops, the *number*-th of its test; what it has brought about.

    Raises:
        Failed: there is no route, or the source address is not ours.
    """
    with _open(place, socket.SOCK_DGRAM, 0, dscp) as sock:
        sock.setsockopt(*_HOPS[place.family], hops)
        sock.setsockopt(*_RECVERR[place.family], 1)
        begun = time.perf_counter()
        try:
            sock.connect((place.address, _FIRST_PORT + number % 256))
            sock.send(bytes(size))
        except OSError as error:
            if error.errno in _NO_ROUTE:
                raise Failed("Error_NoRouteToHost", "Error_Other") from error
            if error.errno == errno.EMSGSIZE:
                return None
            raise
        return await _wait(sock, lambda: _read_error(sock, place.address, begun), seconds)


def _read_error(sock: socket.socket, destination: str, begun: float) -> Answer | None:
    """What stands in the error queue; an answer of the destination itself is one too."""
    try:
        _, ancillary, _, _ = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        try:
            sock.recv(512)
        except BlockingIOError:
            raise
        except OSError:
            return None  # the same error once more, as the socket's pending one
        return Answer(destination, time.perf_counter() - begun, True)
    seconds = time.perf_counter() - begun
    for level, kind, data in ancillary:
        if (level, kind) in _RECVERR.values() and len(data) >= _EXTENDED_ERROR.size:
            return _judged(data, seconds)
    return None


def _judged(data: bytes, seconds: float) -> Answer | None:
    _, origin, kind, code, _, _ = _EXTENDED_ERROR.unpack_from(data)
    if origin not in (2, 3):
        raise Failed("Error_NoRouteToHost", "Error_Other")
    address = _offender(data[_EXTENDED_ERROR.size :])
    arrived = (origin, kind, code) in _PORT_UNREACHABLE
    return Answer(address, seconds, arrived, (origin, kind) in _EXPIRED, code)


def _offender(data: bytes) -> str:
    """The address in a sockaddr_in or sockaddr_in6."""
    (family,) = struct.unpack_from("=H", data)
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, data[8:24])
    return socket.inet_ntop(socket.AF_INET, data[4:8]) if family == socket.AF_INET else ""
