"""The fast lane to the connection-request port: many programs on their way at once, by train or on connections of their own.

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
from typing import Final, TypeAlias, TypeVar

from harness.cwmp.digest import basic_authorization
from harness.fuzz.connection_request.course import ALONE, Run, Wait
from harness.fuzz.connection_request.train import Fare, Train, coupled, fare
from harness.fuzz.evidence import Observation
from harness.fuzz.program import Connect, Pause, Program, Repeat
from harness.verdict.transcript import Connection, Role, Transcript

LANES: Final = 16
"""Programs on their way at once: enough to keep the device busy, too few to be a flood."""
BROKEN: Final = 5
"""Trains in a row that bring no more than one answer, after which every program has connections of its own."""
_TICK: Final = 0.05
"""Real seconds after which deadlines are looked at, should nothing happen before."""


Traveller: TypeAlias = Run | Train
T = TypeVar("T", Run, Train)


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
        self._values: tuple[Mapping[str, str], dict[str, str]] | None = None
        self._no_trains = 0
        """Trains in a row that brought no more than one answer."""

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
        everything = list(programs)
        seen: list[Observation | None] = [None] * len(everything)
        waiting = deque(range(len(everything)))
        while waiting:
            group = [waiting.popleft()]
            if not _alone(everything[group[0]]):
                while waiting and not _alone(everything[waiting[0]]):
                    group.append(waiting.popleft())
            self._group(everything, group, seen)
        return [each for each in seen if each is not None]

    def _group(
        self, everything: Sequence[Program], group: Sequence[int], seen: list[Observation | None]
    ) -> None:
        """Do the programs at the places *group*: by train where that can be, those that are left alone."""
        fares = self._fares(everything, group)
        trains = [Train(self, each) for each in coupled(fares.values())]
        self._together(deque(trains))
        place_of = {id(each): place for place, each in fares.items()}
        for train in trains:
            for each, observation in zip(train.fares, train.observations, strict=False):
                seen[place_of[id(each)]] = observation
        self._heed(trains)
        runs = {place: Run(self, everything[place]) for place in group if seen[place] is None}
        self._together(deque(runs.values()))
        for place, run in runs.items():
            seen[place] = run.observation()

    def _fares(self, everything: Sequence[Program], group: Sequence[int]) -> dict[int, Fare]:
        """Those that may go by train, by their places; a single program never does."""
        if len(group) < 2 or self._no_trains >= BROKEN:
            return {}
        values = self.values()
        found = ((place, fare(everything[place], values)) for place in group)
        return {place: each for place, each in found if each is not None}

    def _heed(self, trains: Sequence[Train]) -> None:
        """Count trains that did not get beyond their first program: a device may know no persistent connections."""
        for train in trains:
            if len(train.observations) > 1:
                self._no_trains = 0
            elif len(train.fares) > 1:
                self._no_trains += 1

    def _together(self, waiting: deque[T]) -> None:
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

    def values(self) -> dict[str, str]:
        """What stands for the marks that need no challenge."""
        door = self.door
        if self._values is None or self._values[0] is not door.marks:
            basic = basic_authorization(door.username, door.password).partition(" ")[2]
            own = {
                "cr.target": door.target,
                "cr.host": door.host,
                "cr.user": door.username,
                "cr.basic": basic,
            }
            self._values = door.marks, {**door.marks, **own}
        return self._values[1]

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
        self.active: dict[int, tuple[Traveller, Wait]] = {}
        self.held: deque[Traveller] = deque()
        self._poll = select.epoll()
        self._listed: dict[int, tuple[socket.socket, int]] = {}
        self._looked = time.monotonic()

    def go_on(self, run: Traveller, *, ready: bool) -> None:
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
        ready = [(descriptor, self.active.get(descriptor)) for descriptor, _ in self._poll.poll(_TICK)]
        for descriptor, waiting in ready:
            # One before it in this turn may have closed the socket, and another one have its number now.
            if waiting is None or self.active.get(descriptor) is not waiting:
                if descriptor not in self.active and self._listed.pop(descriptor, None) is not None:
                    with suppress(OSError):
                        self._poll.unregister(descriptor)
                continue
            del self.active[descriptor]
            self.go_on(waiting[0], ready=True)
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
