"""Informs that the ACS has asked for (ScheduleInform, TR-069 A.4.1.4), stored with the Unix time of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.events import M_SCHEDULE_INFORM, SCHEDULED
from reference_cpe.fault import CwmpFault

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

MOST = 64


def add(parts: Parts, delay: int, key: str) -> None:
    """Ask for an Inform *delay* seconds from now.

    Raises:
        CwmpFault: 9004, too many wait already.
    """
    waiting = list(parts.store.get("scheduled", []))
    if len(waiting) >= MOST:
        raise CwmpFault(9004, f"{MOST} scheduled Informs are waiting already")
    parts.store.update(scheduled=sorted([*waiting, [parts.clock.unix() + delay, key]]))
    arm(parts)


def arm(parts: Parts) -> None:
    """Set the timer for the first of them."""
    waiting = parts.store.get("scheduled", [])
    if waiting:
        left = max(0.0, waiting[0][0] - parts.clock.unix())
        parts.timers.set("scheduled", parts.clock.now() + left, lambda: due(parts))


def due(parts: Parts) -> None:
    """Queue the events of all that are due, and connect."""
    waiting = parts.store.get("scheduled", [])
    now = parts.clock.unix() + 0.001
    for _, key in (entry for entry in waiting if entry[0] <= now):
        parts.events.add(SCHEDULED)
        parts.events.add(M_SCHEDULE_INFORM, key)
    parts.keep(scheduled=[entry for entry in waiting if entry[0] > now])
    arm(parts)
    parts.connect()
