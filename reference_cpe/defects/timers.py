"""Defects of the periodic Inform."""

from __future__ import annotations

from collections.abc import Callable

from harness.cwmp import events
from reference_cpe.defects.acs_url import checked
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.parts import Parts
from reference_cpe.settings import Change
from reference_cpe.timers import StartsAt


@defect(
    "timer-from-inform",
    breaks=["lcos.periodic.from-session-end", "lcos.periodic.long-session"],
    seen="easycwmp",
)
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


@defect(
    "short-intervals-raised", breaks=["lcos.periodic.small-honoured", "lcos.periodic.seconds"], seen="icwmp"
)
def short_intervals_raised(parts: Parts) -> None:
    """Intervals below a minute are silently replaced by a day."""
    seconds = parts.timers.interval
    rewire(parts.timers, interval=lambda: seconds() if seconds() >= 60 else 86400.0)


def _interval(alter: Callable[[float], float]) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        seconds = parts.timers.interval
        rewire(parts.timers, interval=lambda: alter(seconds()))

    return apply


_SECONDS = ["lcos.periodic.seconds", "lcos.periodic.default-1200", "lcos.periodic.on"]

for _name, _summary, _breaks, _alter in (
    ("interval-overflows", "An interval above 2147483 s is taken for a second.",
     ["lcos.periodic.huge-safe"], lambda seconds: 1.0 if seconds > 2147483 else seconds),
    ("interval-in-16-bits", "Only the low sixteen bits of the interval count.",
     ["lcos.periodic.huge-safe"], lambda seconds: float(int(seconds) % 65536 or 1)),
    ("interval-too-long", "The interval is a tenth too long.", _SECONDS, lambda seconds: seconds * 1.1),
    ("interval-too-short", "The interval is a tenth too short.", _SECONDS, lambda seconds: seconds * 0.9),
    ("interval-in-whole-minutes", "The interval is rounded up to whole minutes.",
     ["lcos.periodic.small-honoured", "lcos.periodic.seconds"], lambda seconds: 60.0 * -(-seconds // 60)),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _interval(_alter))


@defect("interval-change-adds-timer", breaks=["lcos.periodic.change", "lcos.periodic.no-duplicates"])
def interval_change_adds_timer(parts: Parts) -> None:
    """After a change of the interval the old one goes on beside the new one."""
    original = parts.settings.changed

    def again(seconds: float) -> None:
        if parts.timers.enabled():
            parts.timers.periodic_due()
        parts.timers.set("old", parts.clock.now() + seconds, lambda: again(seconds))

    def changed(change: Change) -> None:
        original(change)
        if "periodic_inform_interval" in change and parts.timers.enabled():
            seconds = float(change["periodic_inform_interval"][0])
            parts.timers.set("old", parts.clock.now() + seconds, lambda: again(seconds))

    parts.settings.changed = changed


@defect("interval-change-late", breaks=["lcos.periodic.change"])
def interval_change_late(parts: Parts) -> None:
    """A changed interval counts only after the old one has run down."""
    original = parts.settings.changed

    def changed(change: Change) -> None:
        original({key: value for key, value in change.items() if key != "periodic_inform_interval"})

    parts.settings.changed = changed


@defect("failed-session-starts-interval", breaks=["lcos.periodic.failed-session"])
def failed_session_starts_interval(parts: Parts) -> None:
    """A failed session starts the interval too, and its retries do not happen before that."""
    original = parts.timers.session_ended
    rewire(parts.timers, session_ended=lambda _successful: original(True))
    rewire(parts.retry, wait=lambda _minimum, _multiplier: parts.timers.interval())


@defect("interval-0-is-1", breaks=["lcos.periodic.zero-safe"])
def interval_0_is_1(parts: Parts) -> None:
    """An interval of 0 is taken, and Informs follow each other every second."""
    checked(parts, lambda key, value: 1 if key == "periodic_inform_interval" and value == 0 else value)


@defect("periodic-event-boot", breaks=["lcos.periodic.on"])
def periodic_event_boot(parts: Parts) -> None:
    """Periodic sessions report 1 BOOT."""
    original = parts.events.add

    def add(code: str, key: str = "", transfer: int | None = None) -> None:
        original(events.BOOT if code == events.PERIODIC else code, key, transfer)

    rewire(parts.events, add=add)


@defect("periodic-only-once", breaks=["lcos.periodic.on"])
def periodic_only_once(parts: Parts) -> None:
    """After the first periodic Inform no other follows until the device restarts."""
    original, done = parts.timers.periodic_due, [False]

    def due() -> None:
        if not done[0]:
            done[0] = True
            original()

    parts.timers.periodic_due = due


@defect("periodic-on-at-once-off-late", breaks=["lcos.periodic.off", "lcos.periodic.runtime-toggle"])
def periodic_on_at_once_off_late(parts: Parts) -> None:
    """Switched off, periodic Informs stop only after the next one."""
    original = parts.settings.changed

    def changed(change: Change) -> None:
        off = change.get("periodic_inform_active", (None, True))[1] is False
        original({key: v for key, v in change.items() if not (off and key == "periodic_inform_active")})

    parts.settings.changed = changed


@defect("any-session-shortens-interval", breaks=["lcos.periodic.not-before-interval"])
def any_session_shortens_interval(parts: Parts) -> None:
    """A session for another reason makes the next periodic Inform come after half the interval."""
    original, seconds = parts.timers.session_ended, parts.timers.interval
    due, periodic = parts.timers.periodic_due, [True]

    def now_due() -> None:
        periodic[0] = True
        due()

    def ended(successful: bool) -> None:
        factor, periodic[0] = 1.0 if periodic[0] else 0.5, False
        rewire(parts.timers, interval=lambda: seconds() * factor)
        original(successful)
        rewire(parts.timers, interval=seconds)

    parts.timers.periodic_due = now_due
    rewire(parts.timers, session_ended=ended)
