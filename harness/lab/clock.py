"""The bench's clock: device time that stands still between steps, or the real one.

`SteeredClock` is the clock server of docs/architecture.md; `RealClock` offers the same methods for a device
that runs in real time. Device time is for the protocol, real time for deadlines; the two are never mixed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from .errors import ClockError

QUIESCENT_DEADLINE: Final = 10.0
"""Real seconds in which a device must finish what it is doing."""
ANSWER_DEADLINE: Final = 10.0
"""Real seconds in which a device must answer an advance."""
_LINE_LIMIT: Final = 65536
_STEPS_WITHOUT_PROGRESS: Final = 100

__all__ = ["Clock", "ClockError", "RealClock", "SteeredClock"]


class Clock(Protocol):
    """What cases and drivers know of a clock. All times in seconds; deadlines are real time."""

    steered: bool

    @property
    def connected(self) -> bool: ...

    def now(self) -> float:
        """Device time: seconds since the clock began."""

    def wall(self) -> float:
        """Unix time as the device has it."""

    async def advance(self, seconds: float) -> float:
        """Let time go on; returns by how much it did: less when a timer made the device busy."""

    async def advance_during(self, seconds: float) -> float:
        """Let time go on although the device is busy."""

    async def quiescent(self, deadline_s: float = QUIESCENT_DEADLINE) -> None:
        """Wait until the device has nothing in progress."""


class RealClock:
    """Real time, for a device with a clock of its own."""

    steered = False
    connected = False

    def __init__(self) -> None:
        self._began = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self._began

    def wall(self) -> float:
        return time.time()

    async def advance(self, seconds: float) -> float:
        """Sleep; returns *seconds*."""
        await asyncio.sleep(seconds)
        return seconds

    async def advance_during(self, seconds: float) -> float:
        return await self.advance(seconds)

    async def quiescent(self, deadline_s: float = QUIESCENT_DEADLINE) -> None:
        """Returns at once: nobody can tell from outside."""


class _Violation(Exception):
    """What a device sent is not the protocol."""


def _parse(line: bytes) -> tuple[int | None, int, float | None]:
    """(id, busy, next) of a line from a device."""
    shown = line[:80].decode(errors="replace").strip()
    try:
        message: Any = json.loads(line)
    except ValueError:
        raise _Violation(f"not JSON: {shown!r}") from None
    if not isinstance(message, dict):
        raise _Violation(f"not an object: {shown!r}")
    busy, following, number = message.get("busy"), message.get("next"), message.get("id")
    if type(busy) is not int or busy < 0:
        raise _Violation(f"busy is not a count: {shown!r}")
    if following is not None and (type(following) not in {int, float} or not math.isfinite(following)):
        raise _Violation(f"next is neither a time nor null: {shown!r}")
    if number is not None and type(number) is not int:
        raise _Violation(f"id is not a number: {shown!r}")
    return number, busy, None if following is None else float(following)


class _Device:
    """One connection of a steered device."""

    def __init__(self, name: str, writer: asyncio.StreamWriter) -> None:
        self.name = name
        self.busy: int | None = None
        """``None`` until it has said something."""
        self.next: float | None = None
        self.gone = False
        self.answers: dict[int, bool] = {}
        """Ids of advances sent → answered."""
        self._writer = writer

    def send(self, message: dict[str, float]) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message).encode() + b"\n")

    def hear(self, line: bytes) -> None:
        number, self.busy, self.next = _parse(line)
        if number in self.answers:
            self.answers[number] = True

    @property
    def working(self) -> str:
        """What it is doing, in words; empty when nothing."""
        if self.busy is None:
            return f"{self.name} has said nothing since it connected"
        return f"{self.name} has {self.busy} thing(s) in progress" if self.busy else ""


class SteeredClock:
    """The clock server. Device time starts at 0 and moves only by `advance` and `advance_during`.

    Devices may come, die and come again at any time, several at once: all have the same time. What a device
    sends against the protocol ends its connection and is raised, as `ClockError`, by the next wait or move.
    """

    steered = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._now = 0.0
        self._epoch = time.time()
        self._devices: list[_Device] = []
        self._violations: list[str] = []
        self._changed: set[asyncio.Future[None]] = set()
        self._moving = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()
        self._last_id = 0
        self._devices_seen = 0

    async def start(self) -> None:
        """Listen. Raises `OSError`, for a path above the 107 bytes of a unix socket's address too."""
        self._server = await asyncio.start_unix_server(self._serve, os.fspath(self.path), limit=_LINE_LIMIT)

    async def close(self) -> None:
        """Hang up on every device. Safe to call twice."""
        if self._server is None:
            return
        self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        self._server = None
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    @property
    def connected(self) -> bool:
        """Whether any device takes its time from here."""
        return bool(self._devices)

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._epoch + self._now

    # --- devices ---------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self._devices_seen += 1
        device = _Device(f"device {self._devices_seen}", writer)
        self._devices.append(device)
        device.send({"now": self._now, "epoch": self._epoch})
        self._wake()
        try:
            while line := await reader.readline():
                device.hear(line)
                self._wake()
        except _Violation as violation:
            self._violations.append(f"{device.name} broke the clock's protocol: {violation}")
        except ValueError:
            self._violations.append(
                f"{device.name} broke the clock's protocol: a line above {_LINE_LIMIT} bytes"
            )
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            device.gone = True
            self._devices.remove(device)
            self._handlers.discard(task)
            writer.close()
            self._wake()

    def _wake(self) -> None:
        for waiter in self._changed:
            if not waiter.done():
                waiter.set_result(None)
        self._changed.clear()

    async def _until(self, missing: Callable[[], str], deadline_s: float, began: float | None = None) -> None:
        """Wait until *missing* says nothing, *deadline_s* at most (since *began*, of the loop's time).

        Raises `ClockError` with what it said at the deadline.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at((loop.time() if began is None else began) + deadline_s):
                while missing():
                    changed: asyncio.Future[None] = loop.create_future()
                    self._changed.add(changed)
                    try:
                        await changed
                    finally:
                        self._changed.discard(changed)
        except TimeoutError:
            raise ClockError(f"{missing()}, {deadline_s:g} s of real time long") from None
        self._raise_violations()

    def _raise_violations(self) -> None:
        if self._violations:
            said, self._violations = "; ".join(self._violations), []
            raise ClockError(said)

    # --- time ------------------------------------------------------------------------------------------

    def _working(self) -> str:
        return ", ".join(filter(None, (device.working for device in self._devices)))

    async def quiescent(self, deadline_s: float = QUIESCENT_DEADLINE) -> None:
        """Wait until no device has anything in progress. A device that has not spoken yet counts as busy.

        What a device wrote before this was called is heard: it is asked, by an advance of no time.
        """
        self._raise_violations()
        began = asyncio.get_running_loop().time()
        while True:
            await self._until(self._working, deadline_s, began)
            await self._step(self._now)
            if not self._working():
                return

    async def advance(self, seconds: float) -> float:
        """Wait for quiescence, then move on, timer by timer, until one made a device busy or time is up.

        Returns the device seconds moved. Raises `ClockError` when the device does not come to rest, does not
        answer, or sends what is not the protocol.
        """
        async with self._moving:
            await self.quiescent()
            return await self._move(seconds, stop_when_busy=True)

    async def advance_during(self, seconds: float) -> float:
        """Move on by all of *seconds*, firing the timers on the way, whatever the device is doing."""
        async with self._moving:
            self._raise_violations()
            return await self._move(seconds, stop_when_busy=False)

    async def _move(self, seconds: float, *, stop_when_busy: bool) -> float:
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError(f"time goes forward only, by a finite number of seconds: {seconds}")
        began, target, idle_steps = self._now, self._now + seconds, 0
        while True:
            goal = max(self._now, min([target, *(d.next for d in self._devices if d.next is not None)]))
            idle_steps = idle_steps + 1 if goal == self._now else 0
            if idle_steps > _STEPS_WITHOUT_PROGRESS:
                names = ", ".join(d.name for d in self._devices if d.next is not None and d.next <= self._now)
                raise ClockError(f"a timer of {names} stays due at {self._now:g} however often it is fired")
            await self._step(goal)
            overdue = any(d.next is not None and d.next <= self._now for d in self._devices)
            if (stop_when_busy and self._working()) or (self._now >= target and not overdue):
                return self._now - began

    async def _step(self, goal: float) -> None:
        """It is *goal* now, for every device; returns when all have fired what is due."""
        self._now = goal
        self._last_id += 1
        number, asked = self._last_id, list(self._devices)
        for device in asked:
            device.answers[number] = False
            device.send({"id": number, "advance": goal})

        def silent() -> str:
            names = [d.name for d in asked if not d.gone and not d.answers[number]]
            return f"{', '.join(names)} did not answer the advance to {goal:g}" if names else ""

        try:
            await self._until(silent, ANSWER_DEADLINE)
        finally:
            for device in asked:
                del device.answers[number]
