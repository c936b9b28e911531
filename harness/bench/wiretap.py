"""The capture as a case sees it: marks, frames to the ACS, and the file that is kept as evidence."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.case import Inconclusive
from harness.lab.frame import Frame
from harness.verdict.assertion import EvidenceRef

if TYPE_CHECKING:
    from harness.bench.rig import Rig

SHOWN = 50
"""Frames that one assertion names."""
UNASKED = 200
"""So many frames of a case that is not good are told in words though no check has named them."""

Call = Callable[[Coroutine[Any, Any, Any]], Any]


class Wiretap:
    """Frames on the WAN link, numbered as they were seen. The tap lies behind the device's masquerading."""

    def __init__(self, call: Call, rig: Rig) -> None:
        self._call = call
        self._rig = rig
        self._case_begins = 1

    def begin(self) -> None:
        """A case starts: what comes from here on is its evidence."""
        if not self._rig.no_packets():
            self._case_begins = self.mark()

    def mark(self) -> int:
        """The number that the next frame will have; everything sent before is recorded."""
        number: int = self._call(self._rig.lab.capture.mark())
        return number

    def to(self, since: int, address: str, port: int) -> list[Frame]:
        """TCP frames since the mark that go to *address* and *port*.

        Raises:
            Inconclusive: frames were dropped, so that nothing can be said.
        """
        return [frame for frame in self._tcp(since) if frame.dst == address and frame.dport == port]

    def out(self, since: int, address: str, proto: str) -> list[Frame]:
        """Frames of the IP protocol *proto* that have left by the WAN for *address* since the mark.

        Raises:
            Inconclusive: frames were dropped, so that nothing can be said.
        """
        return [
            frame
            for frame in self._frames(since)
            if frame.direction == "from-device" and frame.proto == proto and frame.dst == address
        ]

    def _tcp(self, since: int) -> list[Frame]:
        return [frame for frame in self._frames(since) if frame.proto == "tcp"]

    def _frames(self, since: int) -> list[Frame]:
        until = self.mark()
        frames: list[Frame] = self._call(self._rig.lab.capture.frames(since, until))
        dropped = self._rig.lab.capture.drops()
        if dropped:
            raise Inconclusive(f"the capture lost {dropped} frames")
        return frames

    def opened(self, since: int, *addresses: str) -> list[Frame]:
        """The SYNs since the mark by which the device opens connections to one of *addresses* (to any, where none is given).

        Raises:
            Inconclusive: frames were dropped, so that nothing can be said.
        """
        return [
            frame
            for frame in self._tcp(since)
            if frame.flags == "S"
            and frame.direction == "from-device"
            and (not addresses or frame.dst in addresses)
        ]

    def to_acs(self, since: int) -> list[Frame]:
        """TCP frames since the mark that go to the ACS's present endpoint."""
        address, port = self._rig.acs_address()
        return self.to(since, address, port)

    def evidence(self, frames: Sequence[Frame]) -> tuple[EvidenceRef, ...]:
        """A reference to *frames* by their numbers in the case's ``capture.pcapng``."""
        offset = self._case_begins - 1
        return (EvidenceRef("frames", ",".join(str(frame.in_file(offset)) for frame in frames[:SHOWN])),)

    def save(self, folder: Path, *, tls_secrets: bool = True, in_words: bool = True) -> None:
        """Keep the frames of the case as ``capture.pcapng`` with ``frames.json`` beside it.

        There the frames that were asked for are told in words; *in_words*, the first of the others too.
        """
        if not self._rig.no_packets():
            secrets = self._rig.tls_secrets() if tls_secrets else b""
            self._call(
                self._rig.lab.capture.save(
                    folder / "capture.pcapng", self._case_begins, None, secrets, UNASKED if in_words else 0
                )
            )
