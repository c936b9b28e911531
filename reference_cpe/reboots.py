"""Reboots at a time that the ACS has set: ManagementServer.DelayReboot and ScheduleReboot (TR-181).

No RPC has asked for them: the Inform after them says `1 BOOT`, and no `M Reboot`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from harness.cwmp import datatypes
from reference_cpe.model_table import DELAY_REBOOT, SCHEDULE_REBOOT

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_NEVER: Final = "-1"
_SLACK: Final = 0.01
"""Seconds that count as now: Unix and device time are converted into each other."""


class Reboots:
    """Seams: `delay`, `moment`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._delay_set = False

    def booted(self) -> None:
        """Whatever made the device reboot: a delay is over with it, a date in the future still holds."""
        path = self._parts.model.path(DELAY_REBOOT)
        stored = self._parts.store.get("parameters", {})
        if stored.get(path, _NEVER) != _NEVER:
            self._parts.store.update(parameters={**stored, path: _NEVER})
        self._schedule()

    def changed(self, paths: Collection[str]) -> None:
        """The ACS has set *paths*."""
        model = self._parts.model
        if model.path(DELAY_REBOOT) in paths:
            self._delay_set = True
        if model.path(SCHEDULE_REBOOT) in paths:
            self._schedule()

    def session_ended(self) -> None:
        """The delay counts from the end of the session that has set it."""
        if not self._delay_set:
            return
        self._delay_set = False
        self._parts.timers.cancel("delayed-reboot")
        seconds = self.delay()
        if seconds >= 0:
            when = self._parts.clock.now() + seconds
            self._parts.timers.set("delayed-reboot", when, self._parts.reboot)

    def delay(self) -> int:
        """Seconds; below 0 for no reboot."""
        return int(self._parts.model.text(DELAY_REBOOT))

    def moment(self) -> float | None:
        """Unix time of the reboot that is scheduled, ``None`` where there is none or the time is not known."""
        instant = datatypes.parse_time(self._parts.model.text(SCHEDULE_REBOOT)).instant
        return instant.timestamp() if instant is not None and self._parts.clock.absolute else None

    def _schedule(self) -> None:
        """(Re)start the timer; a date in the past means nothing."""
        self._parts.timers.cancel("scheduled-reboot")
        moment, clock = self.moment(), self._parts.clock
        if moment is not None and moment > clock.unix() + _SLACK:
            when = clock.now() + moment - clock.unix()
            self._parts.timers.set("scheduled-reboot", when, self._scheduled)

    def _scheduled(self) -> None:
        """The time has come, unless the clock has been set back meanwhile."""
        moment = self.moment()
        if moment is not None and moment <= self._parts.clock.unix() + _SLACK:
            self._parts.reboot()
        else:
            self._schedule()
