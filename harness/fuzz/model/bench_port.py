"""The model's port over a bench: sessions with the device under test, whatever it is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from harness.bench import Bench
from harness.bench.sessions import Session
from harness.case import Inconclusive
from harness.cwmp.messages import Message
from harness.device.api import DriverError
from harness.fuzz.model.port import Reply
from harness.lab.errors import ClockError

_MOST: Final = 150
"""RPCs of one session."""


class BenchPort:
    """Sessions are opened as they are needed; `renew` ends the last one too."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stack = ExitStack()
        self._session: Session | None = None
        self._calls = 0

    def call(self, message: Message) -> Reply:
        """Send *message*; a session that has ended since the last RPC is replaced by another."""
        if self._calls >= _MOST:
            self.renew()
        try:
            if self._session is None or self._session.ended:
                self.renew()
                self._session = self._stack.enter_context(self._bench.session("model"))
            self._calls += 1
            answer = self._session.call(message)
        except (Inconclusive, DriverError, ClockError, TimeoutError) as reason:
            self.renew()
            return Reply(None, self._bench.device.gone() or str(reason))
        found = answer.message or answer.fault
        if found is None:
            self.renew()
            return Reply(None, self._bench.device.gone() or answer.reason or "no answer")
        return Reply(found)

    def renew(self) -> None:
        """End the session; what the device does instead of ending it properly is told by its next answer."""
        stack, self._stack = self._stack, ExitStack()
        self._session, self._calls = None, 0
        try:
            stack.close()
        except (Inconclusive, DriverError, ClockError, TimeoutError):
            return
