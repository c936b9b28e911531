"""Secrets overwritten in the frames of a pcapng that `harness.lab.pcapng` wrote.

TCP streams are put together first, so that a secret that lies across segments is found; checksums are mended by the
difference (RFC 1624), so that a wrong one stays wrong and a right one right. Headers are never touched. A secret that
is divided among IP fragments is not found.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_PACKET: Final = 6
_ETHERNET: Final = 14
_VLAN: Final = (0x8100, 0x88A8)
_EXTENSIONS: Final = (0, 43, 60)
"""IPv6 extension headers with a length of their own: hop-by-hop, routing, destination options."""
_TCP, _UDP, _FRAGMENT = 6, 17, 44
_SYN: Final = 2
_HALF: Final = 1 << 31

Clean = Callable[[bytes], bytes]


class PcapngError(ValueError):
    """Octets are no pcapng of ours."""


@dataclass(slots=True)
class _Payload:
    """Where in the file a frame's payload lies. ``checksum`` is the place of its checksum, 0 where there is none."""

    start: int
    end: int
    flow: tuple[object, ...] = ()
    sequence: int = 0
    syn: bool = False
    checksum: int = 0
    optional: bool = False
    """A checksum of 0 means none (UDP)."""


def redact(data: bytes, clean: Clean, whole: Iterable[bytes] = ()) -> bytes:
    """*data* with every payload as *clean* returns it, which keeps the length; *whole* are octets to overwrite as they are.

    Raises:
        PcapngError: *data* is not a pcapng of ours.
    """
    out = bytearray(data)
    gone = [each for each in whole if each]

    def both(octets: bytes) -> bytes:
        for each in gone:
            octets = octets.replace(each, b"*" * len(each))
        return clean(octets)

    streams: dict[tuple[object, ...], list[_Payload]] = {}
    for number, start, end in _frames(data):
        payload = _payload(data, number, start, end)
        if payload.flow:
            streams.setdefault(payload.flow, []).append(payload)
        _put(out, payload, both(data[payload.start : payload.end]))
    for segments in streams.values():
        for run in _runs(segments):
            _clean_run(data, out, run, both)
    return bytes(out)


def _frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Interface number, start and end of every frame."""
    at = 0
    while at < len(data):
        if at + 12 > len(data):
            raise PcapngError("the file ends in the middle of a block")
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or length % 4 or at + length > len(data):
            raise PcapngError(f"a block of {length} bytes at {at}")
        if kind == _PACKET:
            if length < 32:
                raise PcapngError(f"a packet block of {length} bytes at {at}")
            number, _, _, captured = struct.unpack_from("<IIII", data, at + 8)
            if captured > length - 32:
                raise PcapngError(f"a frame of {captured} bytes in a block of {length} at {at}")
            yield number, at + 28, at + 28 + captured
        at += length


def _payload(data: bytes, number: int, start: int, end: int) -> _Payload:
    """The payload of the frame at *start*; all behind the Ethernet header where nothing more is understood."""
    at, kind = start + _ETHERNET, int.from_bytes(data[start + 12 : start + 14], "big")
    while kind in _VLAN and at + 4 <= end:
        kind, at = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
    plain = _Payload(min(at, end), end)
    if kind == 0x0800 and at + 20 <= end:
        header = 4 * (data[at] & 15)
        total = int.from_bytes(data[at + 2 : at + 4], "big")
        last = min(at + total, end) if total >= header else end
        part = int.from_bytes(data[at + 6 : at + 8], "big") & 0x3FFF
        ends = data[at + 12 : at + 20]
        return _above(data, number, data[at + 9] if not part else -1, at + header, last, ends) or plain
    if kind == 0x86DD and at + 40 <= end:
        following, place = data[at + 6], at + 40
        length = int.from_bytes(data[at + 4 : at + 6], "big")
        last = min(place + length, end) if length else end
        while following in _EXTENSIONS and place + 8 <= last:
            following, place = data[place], place + 8 * (data[place + 1] + 1)
        ends = data[at + 8 : at + 40]
        return _above(data, number, -1 if following == _FRAGMENT else following, place, last, ends) or plain
    return plain


def _above(data: bytes, number: int, protocol: int, at: int, end: int, ends: bytes) -> _Payload | None:
    """The payload above IP; ``None`` where the header of the next layer is not whole."""
    if protocol == _TCP and at + 20 <= end:
        source, target, sequence = struct.unpack_from(">HHI", data, at)
        syn = bool(data[at + 13] & _SYN)
        first = at + 4 * (data[at + 12] >> 4)
        if not at + 20 <= first <= end:
            return None
        return _Payload(first, end, (number, ends, source, target), sequence + syn, syn, at + 16)
    if protocol == _UDP and at + 8 <= end:
        return _Payload(at + 8, end, checksum=at + 6, optional=True)
    return _Payload(at, end) if at <= end else None


# --- streams ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Placed:
    offset: int
    payload: _Payload


def _runs(segments: list[_Payload]) -> Iterator[list[_Placed]]:
    """Segments of one direction of one flow, grouped into stretches without a gap; a SYN begins anew."""
    placed: list[_Placed] = []
    base = segments[0].sequence
    for each in segments:
        if each.syn:
            yield from _stretches(placed)
            placed, base = [], each.sequence
        offset = (each.sequence - base + _HALF) % (1 << 32) - _HALF
        if each.end > each.start:
            placed.append(_Placed(offset, each))
    yield from _stretches(placed)


def _stretches(placed: list[_Placed]) -> Iterator[list[_Placed]]:
    run: list[_Placed] = []
    reached = 0
    for each in sorted(placed, key=lambda one: one.offset):
        if run and each.offset > reached:
            yield run
            run = []
        size = each.payload.end - each.payload.start
        reached = max(reached, each.offset + size) if run else each.offset + size
        run.append(each)
    if run:
        yield run


def _clean_run(data: bytes, out: bytearray, run: list[_Placed], clean: Clean) -> None:
    first = run[0].offset
    stream = bytearray(max(each.offset - first + each.payload.end - each.payload.start for each in run))
    for each in run:
        place, payload = each.offset - first, each.payload
        stream[place : place + payload.end - payload.start] = data[payload.start : payload.end]
    before = bytes(stream)
    after = clean(before)
    if after == before:
        return
    for each in run:
        place, payload = each.offset - first, each.payload
        size = payload.end - payload.start
        if before[place : place + size] == after[place : place + size]:
            continue
        now = bytearray(out[payload.start : payload.end])
        for index in range(size):
            if before[place + index] != after[place + index]:
                now[index] = after[place + index]
        _put(out, payload, bytes(now))


# --- writing ------------------------------------------------------------------------------------------


def _put(out: bytearray, payload: _Payload, content: bytes) -> None:
    before = bytes(out[payload.start : payload.end])
    if content == before:
        return
    out[payload.start : payload.end] = content
    if payload.checksum:
        (old,) = struct.unpack_from(">H", out, payload.checksum)
        if old or not payload.optional:
            struct.pack_into(">H", out, payload.checksum, _mended(old, before, content, payload.optional))


def _mended(checksum: int, before: bytes, after: bytes, optional: bool) -> int:
    """The checksum of a packet in which *before* became *after* (RFC 1624, equation 3)."""
    total = (~checksum & 0xFFFF) + (~_sum(before) & 0xFFFF) + _sum(after)
    mended = ~_folded(total) & 0xFFFF
    return 0xFFFF if optional and mended == 0 else mended


def _sum(octets: bytes) -> int:
    even = octets + bytes(len(octets) % 2)
    return _folded(sum(struct.unpack(f">{len(even) // 2}H", even)))


def _folded(total: int) -> int:
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total
