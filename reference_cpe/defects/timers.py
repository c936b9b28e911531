"""Defects of the periodic Inform."""

from __future__ import annotations

from reference_cpe.defects.registry import defect, rewire
from reference_cpe.parts import Parts
from reference_cpe.timers import StartsAt


@defect("timer-from-inform", breaks=["lcos.periodic.from-session-end"], seen="easycwmp")
def timer_from_inform(parts: Parts) -> None:
    """The periodic interval starts when the Inform is sent, not when the session ends."""
    parts.timers.periodic_starts_at = StartsAt.SESSION_START


@defect(
    "interval-in-minutes", breaks=["lcos.periodic.on", "lcos.periodic.seconds", "lcos.periodic.default-1200"]
)
def interval_in_minutes(parts: Parts) -> None:
    """The interval is taken for minutes."""
    seconds = parts.timers.interval
    rewire(parts.timers, interval=lambda: 60 * seconds())


@defect("periodic-off-ignored", breaks=["lcos.periodic.off"])
def periodic_off_ignored(parts: Parts) -> None:
    """Periodic Informs go on although they are switched off."""
    rewire(parts.timers, enabled=lambda: True)


@defect("periodic-never", breaks=["lcos.periodic.on"])
def periodic_never(parts: Parts) -> None:
    """No periodic Inform is ever sent."""
    rewire(parts.timers, enabled=lambda: False)


@defect("default-interval-900", breaks=["lcos.periodic.default-1200"])
def default_interval_900(parts: Parts) -> None:
    """The factory setting of the interval is 900 seconds."""
    parts.settings.factory["periodic_inform_interval"] = 900


@defect("short-intervals-raised", breaks=["lcos.periodic.seconds"], seen="icwmp")
def short_intervals_raised(parts: Parts) -> None:
    """Intervals below a minute are silently replaced by a day."""
    seconds = parts.timers.interval
    rewire(parts.timers, interval=lambda: seconds() if seconds() >= 60 else 86400.0)
