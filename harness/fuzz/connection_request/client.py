"""The fast lane to the connection-request port: many programs on their way at once, each on fresh connections.

It runs in the campaign's own thread, so that the bench's event loop serves the sessions that follow meanwhile.
Programs that flood, pause or need the device's time moved on have the device for themselves.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from harness.fuzz.connection_request.course import ALONE, Run, Wait
from harness.fuzz.evidence import Observation
from harness.fuzz.program import Connect, Pause, Program, Repeat
from harness.verdict.transcript import Connection, Role, Transcript

LANES: Final = 16
"""Programs on their way at once: enough to keep the device busy, too few to be a flood."""
_TICK: Final = 0.05
"""Real seconds after which deadlines are looked at, should nothing happen before."""


@dataclass(slots=True)
class Door:
    """Where the device listens, who may wake it, and how time passes.

    ``sockets`` gives fresh TCP sockets in the bench's network; ``step`` lets so many seconds of device time pass
    and is ``None`` where time is real.
    """

    address: tuple[str, int]
    host: str
    target: str
    username: str
    password: str
    sockets: Callable[[], Sequence[socket.socket]]
    now: Callable[[], float]
    step: Callable[[float], None] | None
    marks: Mapping[str, str] = field(default_factory=dict)
    stuck: str = ""
    """Why nothing can be expected of the device any more; empty while it answers its clock."""


class DoorClient:
    """Plays programs. What it sees is recorded until `take`."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.accepted = 0
        """Answers of success so far: each may lead to a session."""
        self._book = Transcript()
        self._numbers = 0
        self._spare: deque[socket.socket] = deque()

    def take(self) -> Transcript:
        """What was recorded since the last time."""
        book, self._book = self._book, Transcript()
        return book

    def close(self) -> None:
        while self._spare:
            self._spare.pop().close()

    def play(self, programs: Iterable[Program]) -> list[Observation]:
        """Do *programs*, in their order as far as they are on their way at once; never raises for what the
        device does."""
        everything = [Run(self, program) for program in programs]
        waiting = deque(everything)
        while waiting:
            if _alone(waiting[0].program):
                self._together(deque((waiting.popleft(),)))
                continue
            group: deque[Run] = deque()
            while waiting and not _alone(waiting[0].program):
                group.append(waiting.popleft())
            self._together(group)
        return [run.observation() for run in everything]

    def _together(self, waiting: deque[Run]) -> None:
        """Up to `LANES` at a time. A run that wants the device alone is held until the others have ended."""
        lanes = _Lanes()
        try:
            while waiting or lanes.active or lanes.held:
                while waiting and len(lanes.active) < LANES and not lanes.held:
                    lanes.go_on(waiting.popleft(), ready=True)
                if lanes.held and not lanes.active:
                    lanes.go_on(lanes.held.popleft(), ready=True)
                elif lanes.active:
                    lanes.turn()
        finally:
            lanes.close()

    # --- for the runs ---

    def fresh(self) -> socket.socket:
        """A TCP socket that nobody has used."""
        if not self._spare:
            self._spare.extend(self.door.sockets())
        return self._spare.popleft()

    def record(self, sock: socket.socket) -> Connection:
        """Write a new connection down."""
        self._numbers += 1
        connection = Connection(
            id=f"d{self._numbers}",
            role=Role.CONNECTION_REQUEST,
            endpoint="connection-request",
            device_address=self.door.address,
            bench_address=sock.getsockname()[:2],
            opened_at=self.door.now(),
            opened_real=time.monotonic(),
        )
        self._book.connections.append(connection)
        return connection


class _Lanes:
    """The runs that are under way, by the socket that each waits for.

    A socket stays with the kernel's list until it is closed or becomes ready when nobody waits for it.
    """

    def __init__(self) -> None:
        self.active: dict[int, tuple[Run, Wait]] = {}
        self.held: deque[Run] = deque()
        self._poll = select.epoll()
        self._listed: dict[int, tuple[socket.socket, int]] = {}
        self._looked = time.monotonic()

    def go_on(self, run: Run, *, ready: bool) -> None:
        """Let *run* take its next steps and note what it waits for then."""
        wait = run.go_on(ready)
        if wait is ALONE:
            self.held.append(run)
        elif wait is not None:
            self._list(wait)
            self.active[wait.sock.fileno()] = (run, wait)

    def _list(self, wait: Wait) -> None:
        descriptor = wait.sock.fileno()
        known = self._listed.get(descriptor)
        if (
            known is None or known[0] is not wait.sock
        ):  # a descriptor that was closed is forgotten by the kernel
            self._poll.register(descriptor, wait.mask)
        elif known[1] != wait.mask:
            self._poll.modify(descriptor, wait.mask)
        self._listed[descriptor] = (wait.sock, wait.mask)

    def turn(self) -> None:
        """Wait for the first socket, at most `_TICK`, and let those go on whose turn has come."""
        for descriptor, _ in self._poll.poll(_TICK):
            if descriptor in self.active:
                self.go_on(self.active.pop(descriptor)[0], ready=True)
            elif self._listed.pop(descriptor, None) is not None:
                # A run before it in this turn may have closed it: the kernel has forgotten it then.
                with suppress(OSError):
                    self._poll.unregister(descriptor)
        now = time.monotonic()
        if now - self._looked >= _TICK:
            self._looked = now
            for descriptor in [each for each, (_, wait) in self.active.items() if wait.deadline <= now]:
                self.go_on(self.active.pop(descriptor)[0], ready=False)

    def close(self) -> None:
        """Give up what is still under way."""
        self._poll.close()
        for run in (*self.held, *(run for run, _ in self.active.values())):
            run.close()


def _alone(program: Program) -> bool:
    """Whether it must have the device for itself: it floods, or time passes in it."""
    return any(isinstance(action, Connect | Pause | Repeat) for action in program.actions)
