"""Connection requests as a case sends them: varied, in bursts, or without waiting for what follows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from harness.acs.connection_request import Outcome, Variation
from harness.bench.contact import wait_for
from harness.bench.records import InformSeen
from harness.case import Inconclusive
from harness.cwmp.messages import Inform
from harness.lab.topology import WAN

if TYPE_CHECKING:
    from harness.bench.rig import Rig

Call = Callable[[Coroutine[Any, Any, Any]], Any]

__all__ = ["Doorbell", "Outcome", "Variation"]


REQUESTED = "6 CONNECTION REQUEST"
ANSWER_LIMIT = 3.0
"""Real seconds that the answer to a connection request may be behind the Inform that it led to."""


def _requested(inform: Inform) -> bool:
    return any(event.event_code == REQUESTED for event in inform.event)


class Doorbell:
    """The device's connection-request listener. Methods return what came back and wait for nothing else."""

    def __init__(self, call: Call, rig: Rig) -> None:
        self._call = call
        self._rig = rig

    @property
    def url(self) -> str:
        """The ConnectionRequestURL of the last Inform; empty where there was none."""
        return self._rig.connection_request_url()

    @property
    def port(self) -> int:
        """The port in that URL, 80 where it names none, 0 where there is no URL."""
        parts = urlsplit(self.url)
        return (parts.port or 80) if parts.hostname else 0

    @property
    def target(self) -> str:
        """Path and query of that URL."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def ring(
        self, *, variation: Variation | None = None, host: str = WAN, pair: tuple[str, str] | None = None
    ) -> Outcome:
        """Send one connection request, with the right pair where no other is given.

        Raises:
            Inconclusive: the device has not told its ConnectionRequestURL.
        """
        outcome: Outcome = self._call(self._ring(variation, host, pair))
        return outcome

    def burst(self, count: int, seconds: float) -> list[Outcome]:
        """Send *count* right requests one after the other, spread over *seconds* where time is real."""
        outcomes: list[Outcome] = self._call(self._burst(count, seconds))
        return outcomes

    def ring_into_session(self, *, within: float) -> tuple[Outcome | None, bool]:
        """Send a right request and hold the session that follows open until it is answered, or for `ANSWER_LIMIT`.

        Returns what was answered while the session was open, ``None`` for nothing, and whether a session with the event
        began within *within* seconds of device time at all.
        """
        found: tuple[Outcome | None, bool] = self._call(self._ring_into_session(within))
        return found

    def mark(self) -> int:
        """A mark for `sessions`."""
        return self._rig.informs_so_far()

    def sessions(self, since: int, seconds: float) -> list[InformSeen]:
        """Let *seconds* of device time pass; the sessions since the mark, served correctly."""
        informs: list[InformSeen] = self._call(self._rig.informs_during(seconds, since))
        return informs

    def _url(self) -> str:
        if not self.url:
            raise Inconclusive("the device has not told its ConnectionRequestURL")
        return self.url

    async def _ring(self, variation: Variation | None, host: str, pair: tuple[str, str] | None) -> Outcome:
        return await self._rig.ring(
            self._url(), pair or self._rig.connection_request_credentials, host, variation
        )

    async def _ring_into_session(self, within: float) -> tuple[Outcome | None, bool]:
        claim = self._rig.acs.claim("led to by a connection request", matches=_requested)
        ringing = asyncio.create_task(self._ring(None, WAN, None))
        first: set[asyncio.Future[Any]] = {ringing, claim.future}
        try:
            # No time may pass before the request has reached the device.
            await asyncio.wait(first, timeout=ANSWER_LIMIT, return_when=asyncio.FIRST_COMPLETED)
            session = await wait_for(self._rig.clock, claim.future, within)
        finally:
            claim.withdraw()
        if session is not None:
            await asyncio.wait({ringing}, timeout=ANSWER_LIMIT)
        answered = ringing.done()
        if session is not None:
            await session.finish()
        outcome = await ringing
        return outcome if answered else None, session is not None

    async def _burst(self, count: int, seconds: float) -> list[Outcome]:
        outcomes = []
        for _ in range(count):
            outcomes.append(await self._ring(None, WAN, None))
            if not self._rig.clock.steered:
                await asyncio.sleep(seconds / count)
        return outcomes


def with_port(url: str, port: int) -> str:
    """*url* with another port."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    host = host[: host.rindex("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{host}:{port}"))
