"""What anybody on the link can read: the payloads in a capture, TCP streams put together again.

Pure functions of a pcapng file of Ethernet frames (little endian, as `harness.lab.pcapng` writes it). Only what
the search for leaked texts needs: IPv4 and IPv6 without reassembly of fragments, which the bench's links never see.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_INTERFACE, _PACKET = 1, 6
_IF_NAME, _EPB_FLAGS, _OUTBOUND = 2, 2, 2
_IPV4, _IPV6, _TCP, _UDP = 0x0800, 0x86DD, 6, 17
_SYN, _ACK = 0x02, 0x10
_WINDOW: Final = 64 * 1024 * 1024
"""Octets that a stream may have; a segment further on belongs to something else."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame of the file: its number there, the tap's name, whether the device sent it, its octets."""

    number: int
    tap: str
    from_device: bool
    data: bytes


@dataclass(slots=True)
class Flow:
    """What went one way: a direction of a TCP connection, or one datagram or other frame.

    ``opened_by_device`` tells who sent the SYN (for all else: who sent it). A stream is ``begun`` when its SYN is in the
    capture: of one that is not, the first octets here are from its midst.
    """

    proto: str
    src: str
    sport: int
    dst: str
    dport: int
    from_device: bool
    opened_by_device: bool
    data: bytearray = field(default_factory=bytearray)
    frames: list[int] = field(default_factory=list)
    begun: bool = True

    def __str__(self) -> str:
        return f"{self.proto} {self.src}:{self.sport} to {self.dst}:{self.dport}"


def frames(pcapng: bytes, tap: str = "") -> Iterator[Captured]:
    """The frames of *tap* (of all taps for ``""``), in order.

    Raises:
        ValueError: not such a file.
    """
    at, number = 0, 0
    names: list[str] = []
    while at < len(pcapng):
        if at + 12 > len(pcapng):
            raise ValueError("the capture ends inside a block")
        kind, length = struct.unpack_from("<II", pcapng, at)
        if length < 12 or length % 4 or at + length > len(pcapng):
            raise ValueError("the capture has a block of an impossible length")
        body = pcapng[at + 8 : at + length - 4]
        at += length
        if kind == _INTERFACE:
            names.append(_options(body[8:]).get(_IF_NAME, b"").decode())
        elif kind == _PACKET:
            number += 1
            interface, _, _, size, _ = struct.unpack_from("<IIIII", body)
            flags = _options(body[20 + size + -size % 4 :]).get(_EPB_FLAGS, bytes(4))
            if tap in ("", names[interface]):
                outbound = struct.unpack("<I", flags)[0] & 3 == _OUTBOUND
                yield Captured(number, names[interface], not outbound, body[20 : 20 + size])


def _options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("<HH", data, at)
        if not code:
            break
        found[code] = data[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


def flows(pcapng: bytes, tap: str = "wan") -> list[Flow]:
    """All that passed the tap, in order of its beginning."""
    found: list[Flow] = []
    streams: dict[tuple[str, int, str, int], tuple[Flow, int]] = {}
    for frame in frames(pcapng, tap):
        packet = _Packet.read(frame.data)
        if packet is None or packet.proto != _TCP:
            found.append(_single(frame, packet))
            continue
        key = (packet.src, packet.sport, packet.dst, packet.dport)
        back = streams.get((packet.dst, packet.dport, packet.src, packet.sport))
        known = streams.get(key)
        if known is None or (packet.flags & _SYN and packet.sequence != known[1] - 1):
            opened = (
                frame.from_device
                if back is None or packet.flags & (_SYN | _ACK) == _SYN
                else back[0].opened_by_device
            )
            flow = Flow("TCP", *key, frame.from_device, opened, begun=bool(packet.flags & _SYN))
            known = streams[key] = flow, (packet.sequence + bool(packet.flags & _SYN)) % 2**32
            found.append(flow)
        _add(known[0], known[1], packet, frame.number)
    return found


def _add(flow: Flow, first: int, packet: _Packet, number: int) -> None:
    flow.frames.append(number)
    offset = (packet.sequence + bool(packet.flags & _SYN) - first) % 2**32
    if not packet.payload or offset > _WINDOW:
        return
    end = offset + len(packet.payload)
    if end > len(flow.data):
        flow.data.extend(bytes(end - len(flow.data)))
    flow.data[offset:end] = packet.payload


def _single(frame: Captured, packet: _Packet | None) -> Flow:
    if packet is None:
        data, numbers = bytearray(frame.data), [frame.number]
        return Flow("frame", "", 0, "", 0, frame.from_device, frame.from_device, data, numbers)
    name = "UDP" if packet.proto == _UDP else f"IP protocol {packet.proto}"
    where = (packet.src, packet.sport, packet.dst, packet.dport)
    data = bytearray(packet.payload)
    return Flow(name, *where, frame.from_device, frame.from_device, data, [frame.number])


@dataclass(frozen=True, slots=True)
class _Packet:
    src: str
    dst: str
    proto: int
    payload: bytes
    sport: int = 0
    dport: int = 0
    sequence: int = 0
    flags: int = 0

    @classmethod
    def read(cls, frame: bytes) -> _Packet | None:
        """The IP packet in a frame; ``None`` where there is none that can be read."""
        try:
            (kind,) = struct.unpack_from(">H", frame, 12)
            if kind == _IPV4:
                return cls._ipv4(frame[14:])
            return cls._ipv6(frame[14:]) if kind == _IPV6 else None
        except (struct.error, ValueError, IndexError):
            return None

    @classmethod
    def _ipv4(cls, data: bytes) -> _Packet:
        head, (total,) = 4 * (data[0] & 15), struct.unpack_from(">H", data, 2)
        src, dst = (str(ipaddress.IPv4Address(data[at : at + 4])) for at in (12, 16))
        return cls._above(src, dst, data[9], data[head:total])

    @classmethod
    def _ipv6(cls, data: bytes) -> _Packet:
        (length,) = struct.unpack_from(">H", data, 4)
        src, dst = (str(ipaddress.IPv6Address(data[at : at + 16])) for at in (8, 24))
        return cls._above(src, dst, data[6], data[40 : 40 + length])

    @classmethod
    def _above(cls, src: str, dst: str, proto: int, data: bytes) -> _Packet:
        if proto == _TCP:
            sport, dport, sequence, _, offset, flags = struct.unpack_from(">HHIIBB", data)
            return cls(src, dst, proto, data[4 * (offset >> 4) :], sport, dport, sequence, flags)
        if proto == _UDP:
            sport, dport = struct.unpack_from(">HH", data)
            return cls(src, dst, proto, data[8:], sport, dport)
        return cls(src, dst, proto, data)
