"""Processes inside the lab, as the bench sees them."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass

from .errors import LabError
from .link import KeeperLink

KILL_DEADLINE = 5.0
"""Seconds of real time in which a killed process must be gone."""


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended. ``returncode`` is negative for a signal; output is cut at the lab's limit."""

    returncode: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False
    """It ran into its deadline and its whole session was killed."""


class Child:
    """A process started in the lab, leader of a session of its own."""

    def __init__(self, link: KeeperLink, key: int, pid: int, name: str) -> None:
        self.pid = pid
        """As seen from the bench, not from inside the lab."""
        self.name = name
        self.returncode: int | None = None
        """``None`` while it runs; negative for a signal."""
        self._link = link
        self._key = key
        self._ended = asyncio.Event()

    def ended(self, returncode: int) -> None:
        """For the lab alone: the keeper said that it is gone."""
        if self.returncode is None:
            self.returncode = returncode
            self._ended.set()

    async def wait(self, timeout: float | None = None) -> int:
        """Wait until it is gone; returns its return code, raises `TimeoutError` after *timeout* seconds."""
        async with asyncio.timeout(timeout):
            await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def signal(self, number: int) -> None:
        """Send a signal to its process group; SIGKILL goes to its whole session. No error when it is gone."""
        if self._link.lost:
            return
        await self._link.request({"op": "signal", "key": self._key, "signal": int(number)})

    async def stop(self, grace: float = 2.0) -> int:
        """SIGTERM, *grace* seconds, SIGKILL for what is left of its session. Returns its return code."""
        if self.returncode is None:
            await self.signal(signal.SIGTERM)
            try:
                await self.wait(grace)
            except TimeoutError:
                pass
        return await self.kill()

    async def kill(self) -> int:
        """SIGKILL for its whole session, at once. Returns its return code."""
        await self.signal(signal.SIGKILL)
        try:
            return await self.wait(KILL_DEADLINE)
        except TimeoutError:
            raise LabError(f"{self.name} (pid {self.pid}) does not die") from None
