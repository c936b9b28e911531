"""The capture process: writes down every frame on the taps, dissects ranges of them when asked.

``python -m harness.lab.capture``; the packet sockets come bound from the keeper, so nothing that passes
before this process is up is lost. Frames are spooled to an unlinked file; beyond its limit they count as
dropped. Requests and replies are those of `harness.lab.frame`, one JSON object a line on a stream socket.

A *mark* proves that everything sent before it is recorded: a frame of a local EtherType is sent from the far
end of each tapped link, once by every processor (each has a receive queue of its own in the kernel), and
waited for on the tap. It goes to a group address that bridges do not forward and hosts do not listen to.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from . import pcapng
from .dissect import dissect, preload
from .frame import Frame, Reply, Request, saved

MARK_DEADLINE: Final = 5.0
_REMEMBERED: Final = 20_000

_MARK_HEAD: Final = bytes.fromhex("0180c200000e 02005e00fffe 88b5") + b"cpecheck-mark"
_SIOCGIFFLAGS, _IFF_RUNNING = 0x8913, 0x40
_LINK_CHECK: Final = 0.05
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_SO_TIMESTAMPNS: Final = 35
_READ_SIZE: Final = 65536
_FRAMES_BETWEEN_DRAINS: Final = 100


class Spool:
    """Frames on disk, their times and taps in memory; numbers count from 1."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the process
        self._limit = limit
        self._starts = array("Q", [0])
        self._times = array("q")
        self._taps = bytearray()
        self._outbound = bytearray()
        self.refused = 0

    @property
    def next_number(self) -> int:
        return len(self._times) + 1

    def add(self, tap: int, time_ns: int, data: bytes, outbound: bool) -> None:
        end = self._starts[-1] + len(data)
        if end > self._limit:
            self.refused += 1
            return
        self._file.write(data)
        self._starts.append(end)
        self._times.append(time_ns)
        self._taps.append(tap)
        self._outbound.append(outbound)

    def read(self, since: int, until: int) -> Iterator[tuple[int, int, int, bool, bytes]]:
        """(number, tap, time, outbound, bytes) of the frames *since* ... *until* - 1."""
        self._file.flush()
        for number in range(max(since, 1), min(until, self.next_number)):
            start, end = self._starts[number - 1], self._starts[number]
            data = os.pread(self._file.fileno(), end - start, start)
            at = number - 1
            yield number, self._taps[at], self._times[at], bool(self._outbound[at]), data


class Tap:
    """One packet socket, and a second one to send marks through from the far end of the link."""

    def __init__(self, index: int, name: str, where: str, receive: int, send: int) -> None:
        self.index, self.name, self.where = index, name, where
        self.sock = socket.socket(fileno=receive)
        self.sock.setblocking(False)
        self.marks_seen: set[bytes] = set()
        self._sender = socket.socket(fileno=send)
        self._dropped = 0

    def drain(self, spool: Spool) -> None:
        """Record everything the kernel has for this tap."""
        while True:
            try:
                data, ancillary, _, address = self.sock.recvmsg(_READ_SIZE, 64)
            except BlockingIOError:
                return
            except OSError:  # the link went down; the next call tells whether there is more
                continue
            if data.startswith(_MARK_HEAD):
                self.marks_seen.add(data[len(_MARK_HEAD) : len(_MARK_HEAD) + 16])
                continue
            outbound = address[2] == socket.PACKET_OUTGOING
            spool.add(self.index, _timestamp(ancillary), data, outbound)

    def send_mark(self, mark: bytes) -> bool:
        """Send *mark* from the far end; False when that end is gone or down: then nothing passes the link."""
        try:
            self._sender.send(_MARK_HEAD + mark + bytes(32))
        except OSError:
            return False
        return True

    def link_up(self) -> bool:
        """Whether the far end has a carrier. Without one the kernel drops what is sent without a word."""
        name = self._sender.getsockname()[0]
        try:
            flags = fcntl.ioctl(self._sender, _SIOCGIFFLAGS, struct.pack("16s16x", name.encode()))
        except OSError:
            return False
        return bool(struct.unpack_from("H", flags, 16)[0] & _IFF_RUNNING)

    def dropped(self) -> int:
        """Frames that the kernel had no room for so far (reading the counter resets it)."""
        _, drops = struct.unpack("II", self.sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        self._dropped += drops
        return self._dropped


def _timestamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return int(seconds * 1_000_000_000 + nanoseconds)
    return time.time_ns()


class Recorder:
    """Everything the process does, on its one main thread."""

    def __init__(self, taps: Sequence[Tap], spool: Spool) -> None:
        self._taps = taps
        self._spool = spool
        self._serial = 0
        self._dissected: dict[int, Frame] = {}

    def serve(self, control: socket.socket) -> None:
        """Record and answer until the bench closes *control*."""
        poll = select.poll()
        for sock in (control, *(tap.sock for tap in self._taps)):
            poll.register(sock, select.POLLIN)
        pending = b""
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            self.drain()
            if control.fileno() not in ready:
                continue
            data = control.recv(_READ_SIZE)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                control.sendall(msgspec.json.encode(self._answer(line)) + b"\n")

    def drain(self) -> None:
        for tap in self._taps:
            tap.drain(self._spool)

    def _answer(self, line: bytes) -> Reply:
        request = msgspec.json.decode(line, type=Request)
        reply = Reply()
        try:
            if request.op == "mark":
                self._mark()
            elif request.op == "frames":
                reply.frames = self._frames(request)
            elif request.op == "save":
                reply.offset = self._save(request)
        except (OSError, TimeoutError) as error:
            reply.error = str(error)
        reply.next_number = self._spool.next_number
        reply.dropped = self._dropped()
        return reply

    def _dropped(self) -> int:
        return self._spool.refused + sum(tap.dropped() for tap in self._taps)

    def _mark(self) -> None:
        expected: dict[Tap, set[bytes]] = {tap: set() for tap in self._taps}
        processors = os.sched_getaffinity(0)
        try:
            for processor in processors:
                os.sched_setaffinity(0, {processor})
                self._serial += 1
                for tap in self._taps:
                    mark = struct.pack(">QQ", self._serial, tap.index)
                    if tap.send_mark(mark):
                        expected[tap].add(mark)
        finally:
            os.sched_setaffinity(0, processors)
        self._await_marks(expected)

    def _await_marks(self, expected: dict[Tap, set[bytes]]) -> None:
        deadline = time.monotonic() + MARK_DEADLINE
        while True:
            self.drain()
            missing = [tap for tap in self._taps if not expected[tap] <= tap.marks_seen and tap.link_up()]
            if not missing:
                break
            left = deadline - time.monotonic()
            if left <= 0:
                names = ", ".join(tap.name for tap in missing)
                raise TimeoutError(f"a mark sent to {names} was not seen within {MARK_DEADLINE:.0f} s")
            select.select([tap.sock for tap in missing], [], [], min(left, _LINK_CHECK))
        for tap in self._taps:
            tap.marks_seen.clear()

    def _range(self, request: Request) -> tuple[int, int]:
        return max(request.since, 1), request.until or self._spool.next_number

    def _frames(self, request: Request) -> list[Frame]:
        frames = []
        for number, tap, time_ns, outbound, data in self._spool.read(*self._range(request)):
            if request.tap in {"", self._taps[tap].name}:
                frames.append(self._read(number, tap, time_ns, outbound, data))
            if number % _FRAMES_BETWEEN_DRAINS == 0:
                self.drain()
        return frames

    def _to_tell(self, since: int, until: int, unasked: int) -> list[Frame]:
        """What frames.json tells of a range: what was asked for before, and of the rest the first *unasked*."""
        fresh = 0
        frames = []
        for number, tap, time_ns, outbound, data in self._spool.read(since, until):
            if number not in self._dissected:
                fresh += 1
                if fresh > unasked:
                    continue
            frames.append(self._read(number, tap, time_ns, outbound, data))
        return frames

    def _read(self, number: int, tap: int, time_ns: int, outbound: bool, data: bytes) -> Frame:
        frame = self._dissected.get(number)
        if frame is None:
            frame = _dissected(number, time_ns, self._taps[tap].name, outbound, data)
            self._dissected[number] = frame
            if len(self._dissected) > _REMEMBERED:
                del self._dissected[next(iter(self._dissected))]
        return frame

    def _save(self, request: Request) -> int:
        since, until = self._range(request)
        path = Path(request.path)
        with path.open("wb") as file:
            file.write(pcapng.section_header("cpecheck"))
            for tap in self._taps:
                file.write(pcapng.interface(tap.name, tap.where))
            if request.secrets:
                file.write(pcapng.tls_secrets(request.secrets.encode("latin-1")))
            for _, tap_index, time_ns, outbound, data in self._spool.read(since, until):
                file.write(pcapng.packet(tap_index, time_ns, data, outbound=outbound))
        total = max(min(until, self._spool.next_number) - since, 0)
        document = saved(
            path.name, since - 1, self._dropped(), total, self._to_tell(since, until, request.unasked)
        )
        text = msgspec.json.format(msgspec.json.encode(document), indent=1)
        path.with_name("frames.json").write_bytes(text + b"\n")
        return since - 1


def _dissected(number: int, time_ns: int, tap: str, outbound: bool, data: bytes) -> Frame:
    direction = "to-device" if outbound else "from-device"
    try:
        return dissect(number, time_ns, tap, direction, data)
    except Exception as error:
        return Frame(
            number, time_ns / 1e9, tap, direction, len(data), proto=f"unreadable: {type(error).__name__}"
        )


def main(arguments: Sequence[str]) -> None:
    """``capture CONTROL_FD FOLDER LIMIT TAPS``; TAPS is JSON: name, where, receive and send (descriptors)."""
    control = socket.socket(fileno=int(arguments[0]))
    spool = Spool(Path(arguments[1]), int(arguments[2]))
    plans: list[dict[str, Any]] = json.loads(arguments[3])
    taps = [Tap(index, **plan) for index, plan in enumerate(plans)]
    threading.Thread(target=preload, daemon=True).start()
    try:
        Recorder(taps, spool).serve(control)
    except ConnectionError:
        pass  # the bench is gone, and so are we


if __name__ == "__main__":
    main(sys.argv[1:])
