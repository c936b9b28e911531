"""How the bench gets a device to talk, and how it waits without knowing which kind of clock runs.

Waiting is the same call on a steered and on a real clock: with the steered one the device's time moves
only while the device is quiescent, so nothing is ever skipped and no real time is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from harness.device.api import Driver, Verb
from harness.lab.clock import Clock

T = TypeVar("T")

SESSION_AFTER_REQUEST = 30.0
"""Seconds within which a session follows an accepted connection request (TR-069 3.2.2.1)."""

RETRIES = 32.0
"""Seconds within which a device tries a failed session again twice (TR-069 3.2.1.1: 5 to 10 s, 10 to 20 s)."""

_BUSY = "status 503"
"""How the reason begins when a device is in a session and refuses a connection request for it (TR-069 3.2.2)."""

_ANSWER = 2.0
"""Real seconds for which an answer to a connection request may be under way after the session has begun."""

QUIESCENCE = 20.0
"""Real seconds that a steered device may stay busy before the bench calls it hanging."""


async def wait_for(clock: Clock, future: asyncio.Future[T], within: float, *, owed: bool = False) -> T | None:
    """Wait until *future* is done, at most *within* seconds of the device's time; ``None`` when it is not.

    With *owed* it waits for something that the device is busy with until it is answered (a request of its session):
    a steered device that is quiescent has not sent it, and nothing can be on its way.

    Raises:
        ClockError: a steered device stayed busy for `QUIESCENCE` real seconds without the future being done.
    """
    if not clock.steered:
        await asyncio.wait({future}, timeout=within)
        return future.result() if future.done() else None
    end = clock.now() + within
    while not future.done():
        quiet = asyncio.ensure_future(clock.quiescent(QUIESCENCE))
        waiting: set[asyncio.Future[Any]] = {future, quiet}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                break
            quiet.result()
        finally:
            quiet.cancel()
        # What the device sent before it became quiet may still be on its way to our own readers.
        if not owed:
            await settle_sockets()
        if future.done():
            break
        left = end - clock.now()
        if left <= 0:
            return None
        await clock.advance(left)
    return future.result()


async def settle_sockets(rounds: int = 5) -> None:
    """Let readers of this loop take what the kernel already holds for them."""
    for _ in range(rounds):
        await asyncio.sleep(0.001)


async def pass_time(clock: Clock, seconds: float) -> None:
    """Let *seconds* of device time pass, through all the sessions that the device opens meanwhile."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await wait_for(clock, never, seconds)


async def idle(clock: Clock, sessions_open: Callable[[], int], within: float) -> bool:
    """Wait until the device is doing nothing that the bench can see; False when it still is after *within* s."""
    if clock.steered:
        await clock.quiescent(QUIESCENCE)
        await settle_sockets()
        return True
    end = clock.now() + within
    while sessions_open():
        if clock.now() >= end:
            return False
        await asyncio.sleep(0.02)
    return True


class Waker:
    """Gets the device to contact the ACS: the gentlest route that it has, recorded.

    Routes in order: a connection request, the driver's own verb, a restart, the periodic Inform.
    """

    def __init__(
        self,
        clock: Clock,
        driver: Driver,
        connection_request: Callable[[], Awaitable[str]],
        periodic_within: Callable[[], float],
        contact: float,
        settle: float = 2.0,
    ) -> None:
        self._clock = clock
        self._driver = driver
        self._connection_request = connection_request
        self._periodic_within = periodic_within
        self._contact = contact
        self._settle = settle
        self.routes: list[str] = []

    def can_wake(self) -> bool:
        """Whether there is a route other than a restart."""
        capabilities = self._driver.capabilities
        return "connection-request" in capabilities.features or Verb.WAKE in capabilities.verbs

    async def _ask(self, contact: asyncio.Future[T]) -> str:
        """A connection request; why it led to nothing, or ``""``.

        A device may answer it only when the session is over, which is wrong and not judged here: once *contact* is made
        the answer is waited for no longer than `_ANSWER`.
        """
        request = asyncio.ensure_future(self._connection_request())
        try:
            either: set[asyncio.Future[Any]] = {request, contact}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                await asyncio.wait({request}, timeout=_ANSWER)
            return request.result() if request.done() else ""
        finally:
            request.cancel()
            await asyncio.wait({request})

    async def until(self, contact: asyncio.Future[T], *, restart: bool = True) -> T | None:
        """Try every route until *contact* is done; ``None`` when none led to it.

        Without *restart* the device is not restarted; it is given the time of two session retries instead.
        """
        if contact.done():
            return contact.result()
        refused = await self._ask(contact)
        if refused.startswith(_BUSY):
            # It is in a session, which may be the one that is waited for.
            got = await wait_for(self._clock, contact, self._settle)
            if got is not None:
                return got
            refused = await self._ask(contact)
        if not refused:
            self.routes.append("connection request")
            got = await wait_for(self._clock, contact, SESSION_AFTER_REQUEST + 5)
            if got is not None:
                return got
        else:
            self.routes.append(f"no connection request ({refused})")
        for verb, act in ((Verb.WAKE, self._driver.wake), (Verb.RESTART, self._driver.restart)):
            if contact.done():
                return contact.result()
            if verb not in self._driver.capabilities.verbs or (verb == Verb.RESTART and not restart):
                continue
            if verb == Verb.RESTART:
                # It may have restarted a moment ago and be about to connect: that session must not be cut off.
                got = await wait_for(self._clock, contact, self._settle)
                if got is not None:
                    return got
            self.routes.append(verb)
            await act()
            got = await wait_for(self._clock, contact, self._contact)
            if got is not None:
                return got
        self.routes.append("waiting for the periodic Inform")
        least = 0.0 if restart else RETRIES
        return await wait_for(self._clock, contact, max(self._periodic_within(), least))
