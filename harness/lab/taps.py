"""The bench's end of the capture process: where it taps, and what can be asked of it. Free of scapy."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from .children import Child
from .errors import LabError
from .frame import Frame, Reply, Request
from .link import code_root
from .plumbing import CPE_PORT, HOST2_PORT, HOST_INTERFACE
from .topology import CPE, HOST2, LAN, WAN, Topology

if TYPE_CHECKING:
    from .network import Lab

SPOOL_LIMIT: Final = 512 * 1024 * 1024
"""Bytes of frames that one lab records at most; what comes later is counted by `Capture.drops`."""
_REPLY_LIMIT: Final = 64 * 1024 * 1024
_ANSWER_DEADLINE: Final = 15.0
_FRAMES_A_SECOND: Final = 500
"""How slowly scapy may dissect on a busy machine before it counts as hanging."""
_FIRST_EXTRA_FD: Final = 3


@dataclass(frozen=True, slots=True)
class TapPlan:
    """A tap: where it listens (host, interface), and the far end of that link.

    Marks are sent from the far end, so that they take the way of the device's packets.
    """

    name: str
    near: tuple[str, str]
    far: tuple[str, str]


def tap_plans(topology: Topology) -> tuple[TapPlan, ...]:
    """The CPE's WAN at the bridge (the wire), the second host's link, the LAN client's link."""
    return (
        TapPlan("wan", near=(WAN, CPE_PORT), far=(CPE, topology.wan_interface)),
        TapPlan("host2", near=(HOST2, HOST_INTERFACE), far=(WAN, HOST2_PORT)),
        TapPlan("lan", near=(LAN, HOST_INTERFACE), far=(CPE, topology.lan_interface)),
    )


class Capture:
    """Packets of one lab. Frame numbers count from 1 over all taps and never start again.

    Methods raise `LabError` when there is no capture or it failed.
    """

    def __init__(self, why_not: str) -> None:
        self.why_not = why_not
        """Why packets cannot be seen; empty while they can."""
        self._child: Child | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._one_request = asyncio.Lock()
        self._dropped = 0
        self._next_number = 1

    @classmethod
    def absent(cls, why_not: str) -> Capture:
        """A capture that cannot be had."""
        return cls(why_not or "the capture is not started")

    @property
    def available(self) -> bool:
        return not self.why_not

    @classmethod
    async def start(cls, lab: Lab, plans: tuple[TapPlan, ...], workdir: Path) -> Capture:
        """Bind the packet sockets (from here on nothing is lost) and start the process that reads them."""
        capture = cls("")
        sockets: list[socket.socket] = []
        own, theirs = socket.socketpair()
        try:
            taps = []
            for plan in plans:
                first = _FIRST_EXTRA_FD + 1 + len(sockets)
                sockets.append(lab.packet_socket(*plan.near))
                sockets.append(lab.packet_socket(*plan.far, receive=False))
                where = f"{plan.near[1]} in host {plan.near[0]}"
                taps.append({"name": plan.name, "where": where, "receive": first, "send": first + 1})
            arguments = [str(_FIRST_EXTRA_FD), str(workdir), str(SPOOL_LIMIT), json.dumps(taps)]
            argv = [sys.executable, "-P", "-m", "harness.lab.capture", *arguments]
            environment = {
                "PATH": os.defpath,
                "PYTHONPATH": code_root(),
                "LC_ALL": "C.UTF-8",
                "HOME": str(workdir),
            }
            capture._child = await lab.spawn(
                WAN, argv, env=environment, log=workdir / "capture.log", extra=(theirs, *sockets)
            )
            capture._reader, capture._writer = await asyncio.open_connection(sock=own, limit=_REPLY_LIMIT)
        except BaseException:
            own.close()
            raise
        finally:
            for sock in (theirs, *sockets):
                sock.close()
        return capture

    def lost(self, why: str) -> None:
        """For the lab alone: the keeper is gone, and the capture with it."""
        self.why_not = self.why_not or why

    async def mark(self) -> int:
        """Wait until everything sent before is recorded; returns the number the next frame will have."""
        return (await self._ask(Request("mark"))).next_number

    async def frames(self, since: int, until: int | None = None, tap: str = "wan") -> list[Frame]:
        """Frames *since* ... *until* - 1 of one tap (all taps for ``""``), dissected, in order of arrival.

        Only what is recorded already: call `mark` before.
        """
        request = Request("frames", since, until or 0, tap)
        return (await self._ask(request)).frames if until is None or until > since else []

    async def save(
        self,
        path: Path,
        since: int,
        until: int | None = None,
        tls_secrets: bytes = b"",
        unasked: int = 0,
    ) -> int:
        """Write the frames *since* ... *until* - 1 of all taps to *path* (pcapng).

        What they say goes to frames.json beside it: all that `frames` returned before, and of the
        rest the first *unasked* (half a millisecond each). *tls_secrets* are key log lines. Returns the offset: ``Frame.number - offset`` is the
        frame's number in the file; frames.json has both.
        """
        request = Request(
            "save", since, until or 0, "", _absolute(path), tls_secrets.decode("latin-1"), unasked
        )
        return (await self._ask(request)).offset

    def drops(self) -> int:
        """Frames lost since the lab began, as of the last call of another method: by the kernel
        (PACKET_STATISTICS) or because the recording was full."""
        return self._dropped

    async def _ask(self, request: Request) -> Reply:
        if self.why_not or self._reader is None or self._writer is None:
            raise LabError(f"packets cannot be seen: {self.why_not}")
        frames = max((request.until or self._next_number) - request.since, 0)
        try:
            async with self._one_request, asyncio.timeout(_ANSWER_DEADLINE + frames / _FRAMES_A_SECOND):
                self._writer.write(msgspec.json.encode(request) + b"\n")
                await self._writer.drain()
                line = await self._reader.readline()
        except TimeoutError:
            self.lost(f"the capture process did not answer {request.op!r}")
        except (ConnectionError, ValueError) as error:
            self.lost(f"the capture process failed: {error}")
        else:
            if not line:
                self.lost("the capture process ended")
        if self.why_not:
            raise LabError(self.why_not)
        reply = msgspec.json.decode(line, type=Reply)
        self._dropped, self._next_number = reply.dropped, reply.next_number
        if reply.error:
            raise LabError(f"capture: {reply.error}")
        return reply

    async def close(self) -> None:
        """Close the channel, at which the process ends."""
        self.lost("the lab is closed")
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _absolute(path: Path) -> str:
    # The capture process has a current folder of its own.
    return str(path.absolute())
