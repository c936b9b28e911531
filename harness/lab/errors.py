"""What can go wrong in the lab, other than an `OSError` of one socket."""

from __future__ import annotations


class LabError(Exception):
    """The bench's own machinery failed: keeper or capture gone, a command that could not be started."""


class ClockError(LabError):
    """The device's clock could not be moved; the message names what was waited for."""
