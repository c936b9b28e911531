"""A dissected frame, and the messages between the bench and its capture process. Free of scapy."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Frame(msgspec.Struct):
    """One Ethernet frame as a tap saw it. Fields that its protocols lack keep their defaults."""

    number: int
    """Counts from 1 over all taps of a lab, for its whole life; never reused."""
    time: float
    """Unix time in seconds, by the kernel's timestamp (the pcapng has it in nanoseconds)."""
    tap: str
    direction: str
    """``from-device`` or ``to-device``, as in the transcript: received or sent by the bench's end of the
    tapped link. On the tap ``host2`` that is what the second host received or sent."""
    length: int
    """Of the whole frame, in bytes."""
    eth_src: str = ""
    eth_dst: str = ""
    ip_version: int = 0
    src: str = ""
    dst: str = ""
    proto: str = ""
    """``tcp``, ``udp``, ``icmp``, ``icmp6``, ``arp``; else the number of the IP protocol or EtherType."""
    sport: int = 0
    dport: int = 0
    flags: str = ""
    """TCP flags as scapy writes them: ``S``, ``SA``, ``PA``, ``FA``, ``RA``."""
    payload_length: int = 0
    """Bytes above TCP or UDP (above IP for everything else), without Ethernet padding."""
    ttl: int = 0
    """Time to live or hop limit."""
    icmp_type: int = -1

    def in_file(self, offset: int) -> int:
        """Its number in a file that `Capture.save` wrote, given what that returned."""
        return self.number - offset


class Request(msgspec.Struct):
    """Bench → capture process, one JSON object a line."""

    op: str
    """``mark``, ``frames``, ``save`` or ``drops``."""
    since: int = 0
    until: int = 0
    """First frame number that is not meant; 0 for all so far."""
    tap: str = ""
    path: str = ""
    secrets: str = ""
    unasked: int = 0
    """``save``: so many frames are dissected though nobody asked for them."""


class Reply(msgspec.Struct, omit_defaults=True):
    """Capture process → bench, one JSON object a line."""

    next_number: int = 0
    dropped: int = 0
    frames: list[Frame] = []
    offset: int = 0
    error: str = ""


class SavedFrame(msgspec.Struct):
    """A line of ``frames.json``: the frame's number in the pcapng beside it, and the frame."""

    file_number: int
    frame: Frame


class SavedFrames(msgspec.Struct):
    """``frames.json``: what the frames of the pcapng of the same folder say.

    ``frame.number`` counts over the whole run; ``file_number = frame.number - offset`` is Wireshark's.
    """

    pcapng: str
    offset: int
    dropped: int
    total: int
    """Frames in the pcapng. ``frames`` has all that were dissected for a case, and the first of the rest."""
    frames: list[SavedFrame]


def saved(pcapng: str, offset: int, dropped: int, total: int, frames: Sequence[Frame]) -> SavedFrames:
    """The content of ``frames.json``."""
    return SavedFrames(pcapng, offset, dropped, total, [SavedFrame(f.in_file(offset), f) for f in frames])
