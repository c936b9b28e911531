"""Informs that only say that the device lives (TR-069 Annex O, TR-181 ManagementServer.HeartbeatPolicy).

A heartbeat has a session of its own: its Inform carries the event `14 HEARTBEAT` and nothing else, what waits
goes on waiting, and one that fails is not tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from harness.cwmp import datatypes
from harness.cwmp.events import HEARTBEAT
from harness.cwmp.messages import EventStruct, Inform
from reference_cpe.model_table import HEARTBEAT_POLICY

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_TIMER: Final = "heartbeat"
_SLACK: Final = 0.001
"""Seconds that count as now: Unix and device time are converted into each other."""


class Heartbeat:
    """Seams: `enabled`, `delay`, `message`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._phase = parts.random.random()
        """Where the ACS names no reference time: a random one, as a part of the interval."""
        self.beating = False
        """The session that runs is a heartbeat."""
        self.due: Callable[[], object] = lambda: None
        """What to do when one is due. Set by the device."""

    def enabled(self) -> bool:
        return self._parts.model.text(HEARTBEAT_POLICY + "Enable") == "true"

    def delay(self) -> float:
        """Seconds to the next point of the phase."""
        interval = float(self._parts.model.text(HEARTBEAT_POLICY + "ReportingInterval"))
        past = (self._parts.clock.unix() - self._reference(interval)) % interval
        return interval - past if interval - past > _SLACK else 2 * interval - past

    def _reference(self, interval: float) -> float:
        moment = datatypes.parse_time(self._parts.model.text(HEARTBEAT_POLICY + "InitiationTime"))
        if moment.instant is None or not self._parts.clock.absolute:
            return self._phase * interval
        return moment.instant.timestamp()

    def arm(self) -> None:
        """Set the timer for the next one, or stop it."""
        timers = self._parts.timers
        timers.cancel(_TIMER)
        if self.enabled():
            timers.set(_TIMER, self._parts.clock.now() + self.delay(), self._fire)

    def _fire(self) -> None:
        self.arm()
        self.due()

    def message(self) -> Inform:
        """The Inform of a heartbeat: that event, and the parameters that stand in every Inform."""
        informer = self._parts.informer
        return Inform(
            device_id=informer.device_id(),
            event=(EventStruct(HEARTBEAT, ""),),
            max_envelopes=1,
            current_time=self._parts.status.current_time(),
            retry_count=0,
            parameter_list=informer.parameters({}),
        )
