"""The device's time: every timer, delay and timeout of the device runs on one `Clock`.

Alone, the device lives in real time (`RealClock`). On a bench the time stands still between the steps of
the bench (`SteeredClock`, the protocol of docs/architecture.md, "Clock server"); the bench must then know
whether the device is busy and when its next timer is due, so work in progress is counted here too.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self

_SETTLE_PASSES = 3
"""Passes of the event loop after a step, so that what a timer woke has run up to its first await."""


class Timer:
    """One call in the future. ``cancel`` may be called at any time, more than once."""

    __slots__ = ("_clock", "action", "when")

    def __init__(self, clock: Clock, when: float, action: Callable[[], object]) -> None:
        self._clock = clock
        self.when = when
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        if self.action is not None:
            self.action = None
            self._clock.changed()


class Work:
    """Something in progress; the device is busy until `done`. Also a context manager."""

    __slots__ = ("_clock", "_open")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open = True

    def done(self) -> None:
        if self._open:
            self._open = False
            self._clock.busy -= 1
            self._clock.changed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.done()


class Clock:
    """Time, timers and the count of work in progress. Times are seconds of device time."""

    absolute = True
    """Whether the device knows the wall-clock time; certificates' dates are judged only then."""

    def __init__(self) -> None:
        self.busy = 0
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def now(self) -> float:
        raise NotImplementedError

    def unix(self) -> float:
        """Seconds since 1970, UTC."""
        raise NotImplementedError

    def changed(self) -> None:
        """Called after every change of `busy` or of the timers."""

    def work(self) -> Work:
        """Count something as in progress from now on."""
        self.busy += 1
        self.changed()
        return Work(self)

    def task(self, make: Callable[[Work], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """A task that counts as work in progress from now on, though it be cancelled before it has begun."""
        work = self.work()
        task = asyncio.create_task(make(work))
        task.add_done_callback(lambda _task: work.done())
        return task

    def call_at(self, when: float, action: Callable[[], object]) -> Timer:
        """Call *action* (a plain function) at device time *when*, at once if that is past."""
        timer = Timer(self, when, action)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        self.changed()
        return timer

    def next_timer(self) -> float | None:
        """Device time of the next timer."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire_due(self) -> None:
        """Run every timer that is due, in order of time."""
        while (when := self.next_timer()) is not None and when <= self.now():
            timer = heapq.heappop(self._heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action()

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        timer = self.call_at(self.now() + seconds, wake)
        try:
            await woken
        finally:
            timer.cancel()

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        """Raise TimeoutError in the body after *seconds* of device time."""
        task = asyncio.current_task()
        assert task is not None
        before, expired = task.cancelling(), False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        timer = self.call_at(self.now() + seconds, expire)
        try:
            yield
        except asyncio.CancelledError:
            if expired and task.uncancel() <= before:
                raise TimeoutError(f"nothing within {seconds:g} s") from None
            raise
        finally:
            timer.cancel()

    def drop_timers(self) -> None:
        """Forget every timer: the device goes down."""
        self._heap.clear()
        self.changed()

    async def close(self) -> None:
        self.drop_timers()


class RealClock(Clock):
    """Real time: device time 0 is the start of the process."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at: float | None = None

    def now(self) -> float:
        return time.monotonic() - self._start

    def unix(self) -> float:
        return time.time()

    def changed(self) -> None:
        """Have the event loop call in time; a call that turns out to be early costs less than moving it."""
        due = self.next_timer()
        if due is None or (self._wake_at is not None and self._wake_at <= due):
            return
        if self._wake is not None:
            self._wake.cancel()
        loop = asyncio.get_running_loop()
        self._wake, self._wake_at = loop.call_later(max(0.0, due - self.now()), self._woken), due

    def _woken(self) -> None:
        self._wake = self._wake_at = None
        self.fire_due()
        self.changed()


class SteeredClock(Clock):
    """Time as the bench's clock server gives it. Use `connect`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hello: dict[str, Any]
    ) -> None:
        super().__init__()
        self._reader = reader
        self._writer = writer
        self._now = float(hello["now"])
        self._epoch = float(hello["epoch"])
        self._stepping = False
        self._telling = False
        """The bench will be told at the end of this pass of the event loop."""
        self._told: dict[str, Any] = {}
        self._task: asyncio.Task[None] | None = None
        self.lost: Callable[[], object] = lambda: None
        """Called when the bench closes the connection."""

    @classmethod
    async def connect(cls, path: str) -> SteeredClock:
        """Ask the clock server at the unix socket *path* for the time.

        Raises:
            OSError: no server there.
            ValueError: what it said is not the protocol.
        """
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            clock = cls(reader, writer, json.loads(await reader.readline()))
        except (KeyError, TypeError, ValueError) as error:
            writer.close()
            raise ValueError(f"{path} is not a clock server: {error}") from error
        clock._task = asyncio.create_task(clock._listen())
        return clock

    def now(self) -> float:
        return self._now

    def unix(self) -> float:
        return self._epoch + self._now

    def changed(self) -> None:
        """Tell the bench: at once that the device has become busier, all else once a pass of the event loop.

        A session sets and cancels a timer for each of its messages, mostly in one pass. Before the bench believes
        that the device is at rest it asks, and the answer is how things are then.
        """
        if self._stepping:
            return
        if self.busy > self._told.get("busy", 0):
            self._tell()
        elif not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_soon(self._tell_later)

    def _tell_later(self) -> None:
        self._telling = False
        if not self._stepping:
            self._tell()

    def _tell(self, answer_to: object = None) -> None:
        state: dict[str, Any] = {"busy": self.busy, "next": self.next_timer()}
        if answer_to is None and state == self._told:
            return
        self._told = state
        if not self._writer.is_closing():
            line = state if answer_to is None else {"id": answer_to, **state}
            self._writer.write(json.dumps(line).encode() + b"\n")

    async def _listen(self) -> None:
        self._tell()
        try:
            while line := await self._reader.readline():
                await self._step(json.loads(line))
        except (OSError, KeyError, TypeError, ValueError):
            pass
        self.lost()

    async def _step(self, order: dict[str, Any]) -> None:
        if "advance" not in order:
            return
        self._stepping = True
        try:
            self._now = max(self._now, float(order["advance"]))
            self.fire_due()
            for _ in range(_SETTLE_PASSES):
                await asyncio.sleep(0)
        finally:
            self._stepping = False
        self._tell(order.get("id"))

    async def close(self) -> None:
        await super().close()
        if self._task is not None:
            self._task.cancel()
        self._writer.close()
