"""When a failed session is tried again (TR-069 3.2.1.1)."""

from __future__ import annotations

from random import Random
from typing import Final

LADDER_TOP: Final = 10
"""From the tenth retry on the interval no longer grows."""


def interval(retry: int, minimum: int, multiplier: int) -> tuple[float, float]:
    """Shortest and longest wait in seconds before retry number *retry* (from 1).

    *minimum* is CWMPRetryMinimumWaitInterval in seconds, *multiplier* CWMPRetryIntervalMultiplier in 1/1000.
    """
    factor = multiplier / 1000
    steps = min(retry, LADDER_TOP)
    return minimum * factor ** (steps - 1), minimum * factor**steps


class Retry:
    """The ladder since the last successful session or boot. Seams: `wait`, `failed`, `succeeded`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.count = 0
        """RetryCount of the next Inform."""

    def failed(self) -> None:
        self.count += 1

    def succeeded(self) -> None:
        self.count = 0

    def wait(self, minimum: int, multiplier: int) -> float:
        """Seconds until the next attempt, at random within the interval."""
        return self._random.uniform(*interval(max(1, self.count), minimum, multiplier))
