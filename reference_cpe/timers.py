"""The device's standing timers: periodic Inform, session retry, scheduled Informs, delayed transfers."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from harness.cwmp import datatypes
from reference_cpe.clock import Timer
from reference_cpe.model_table import PERIODIC_TIME

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


class StartsAt(Enum):
    """What the periodic interval is counted from."""

    SESSION_START = "session start"
    SESSION_END = "session end"


class Timers:
    """Named timers on the device's clock. Seams: `periodic_starts_at`, `enabled`, `interval`, `delay`."""

    periodic_starts_at = StartsAt.SESSION_END

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._timers: dict[str, Timer] = {}
        self.periodic_due: Callable[[], object] = lambda: None
        """What to do when the periodic Inform is due."""

    def set(self, name: str, when: float, action: Callable[[], object]) -> None:
        """(Re)start the timer *name* for device time *when*."""
        self.cancel(name)
        self._timers[name] = self._parts.clock.call_at(when, action)

    def cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def due(self, name: str) -> float | None:
        """Device time at which the timer *name* will fire, ``None`` while it does not run."""
        timer = self._timers.get(name)
        return timer.when if timer is not None and timer.action is not None else None

    # --- periodic Inform

    def enabled(self) -> bool:
        return bool(self._parts.settings.value("periodic_inform_active"))

    def interval(self) -> float:
        """PeriodicInformInterval in seconds."""
        return float(self._parts.settings.value("periodic_inform_interval"))

    def delay(self) -> float:
        """Seconds from now to the next periodic Inform.

        Without a reference time a whole interval; with one, the time to the next point of its phase.
        """
        reference = self._reference()
        if reference is None or not self._parts.clock.absolute:
            return self.interval()
        interval = self.interval()
        return interval - (self._parts.clock.unix() - reference) % interval

    def _reference(self) -> float | None:
        """PeriodicInformTime as Unix time, ``None`` for the Unknown Time."""
        instant = datatypes.parse_time(self._parts.model.text(PERIODIC_TIME)).instant
        return instant.timestamp() if instant is not None else None

    def start_periodic(self) -> None:
        """Start the interval now, or stop the timer where periodic Informs are off."""
        self.cancel("periodic")
        if self.enabled():
            self.set("periodic", self._parts.clock.now() + self.delay(), self.periodic_due)

    def booted(self) -> None:
        """A phase that the ACS has set goes on over a reboot; without one the first interval waits for a session."""
        if self._reference() is not None and self._parts.clock.absolute:
            self.start_periodic()

    def session_started(self) -> None:
        """An Inform is about to be sent."""
        if self.periodic_starts_at is StartsAt.SESSION_START:
            self.start_periodic()

    def session_ended(self, successful: bool) -> None:
        """The interval begins when the exchange is complete (LANCOM); a failed session leaves it alone."""
        if successful and self.periodic_starts_at is StartsAt.SESSION_END:
            self.start_periodic()
