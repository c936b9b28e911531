"""The time windows of ScheduleDownload (TR-069 A.4.1.8), without I/O. Times are Unix seconds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.cwmp.messages import TimeWindowStruct
from reference_cpe.fault import CwmpFault

AT_ANY_TIME, IMMEDIATELY, WHEN_IDLE = "1 At Any Time", "2 Immediately", "3 When Idle"
CONFIRMATION: Final = "4 Confirmation Needed"
PAUSE: Final = 5.0
"""Seconds between an attempt that failed and the next one in the same window."""


@dataclass(frozen=True, slots=True)
class Window:
    start: float
    end: float
    retries: int
    """How often a failed attempt is repeated in this window; -1 for as long as it lasts."""


def judge(wanted: Sequence[TimeWindowStruct], now: float) -> list[Window]:
    """The windows asked for at *now*, in order of time.

    The three modes without confirmation come to the same here: a device that transfers files between its
    sessions is idle whenever it begins.

    Raises:
        CwmpFault: 9003, a window that ends before it starts, two that overlap, an unknown mode; 9001, one
            that somebody would have to confirm, as this device has no user to ask.
    """
    windows = sorted(wanted, key=lambda window: window.window_start)
    for window in windows:
        if window.window_mode == CONFIRMATION:
            raise CwmpFault(9001, "Request denied: there is nobody to ask for a confirmation")
        if window.window_mode not in (AT_ANY_TIME, IMMEDIATELY, WHEN_IDLE):
            raise CwmpFault(9003, f"WindowMode not supported: {window.window_mode[:64]}")
        if window.window_end <= window.window_start or window.max_retries < -1:
            raise CwmpFault(9003, "a time window ends before it starts, or MaxRetries is below -1")
    if any(later.window_start < earlier.window_end for earlier, later in itertools.pairwise(windows)):
        raise CwmpFault(9003, "the time windows overlap")
    return [Window(now + w.window_start, now + w.window_end, w.max_retries) for w in windows]


def current(windows: Sequence[Window], now: float) -> Window | None:
    """The window that is open at *now*, else the next one, else ``None``."""
    return next((window for window in windows if window.end > now), None)


def after_failure(windows: Sequence[Window], now: float, attempts: int) -> tuple[float, int] | None:
    """When to try again after *attempts* failed ones in the window of *now*, and how many count then.

    ``None`` when every window is used up.
    """
    window = current(windows, now)
    if window is not None and window.start <= now:
        again = window.retries == -1 or attempts <= window.retries
        if again and now + PAUSE < window.end:
            return now + PAUSE, attempts
    later = next((w for w in windows if w.start > now), None)
    return (later.start, 0) if later is not None else None
