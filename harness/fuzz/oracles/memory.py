"""The oracle of memory: a trend over the whole campaign, told apart from warming up and from noise (O5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from statistics import median
from typing import Final

from harness.fuzz.alarm import Alarm
from harness.fuzz.evidence import Evidence
from harness.fuzz.oracles.told import alarm

LEAST: Final = 20
"""Readings below which nothing is said."""
POINTS: Final = 60
"""Readings that are looked at; of more, the medians of as many blocks."""
GROWTH: Final = 2048.0
"""Kilobytes that the memory must have grown by: less is the affair of an allocator, of caches and of books with a last page."""
NOISE: Final = 6.0
"""Times the scatter about the line that the growth must exceed."""
AGREEING: Final = 0.85
"""Share of pairs of readings that must grow (Kendall): steps of a cache agree less."""
Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through the readings (Theil-Sen): ``slope`` in kilobytes a case, ``growth`` over all of them,
    ``scatter`` the median distance from it, ``agreeing`` the share of pairs of readings that grow."""

    slope: float
    growth: float
    scatter: float
    agreeing: float


def trend(points: Sequence[Point]) -> Trend:
    """The line through *points* (cases run, kilobytes), which are at least two with different cases.

    Raises:
        ValueError: there are not.
    """
    pairs = [(a, b) for a, b in combinations(_thinned(points), 2) if a[0] != b[0]]
    if not pairs:
        raise ValueError("a trend needs two readings at different times")
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)
    start = median(y - slope * x for x, y in points)
    scatter = median(abs(y - (start + slope * x)) for x, y in points)
    agreeing = sum((b[1] > a[1]) == (b[0] > a[0]) and b[1] != a[1] for a, b in pairs) / len(pairs)
    return Trend(slope, slope * (points[-1][0] - points[0][0]), scatter, agreeing)


def _thinned(points: Sequence[Point]) -> list[tuple[float, float]]:
    """At most `POINTS` of *points*: the medians of blocks."""
    if len(points) <= POINTS:
        return [(float(x), float(y)) for x, y in points]
    edges = [len(points) * number // POINTS for number in range(POINTS + 1)]
    blocks = [points[a:b] for a, b in pairwise(edges)]
    return [(median(x for x, _ in block), median(y for _, y in block)) for block in blocks]


def leaks(points: Sequence[Point]) -> Trend | None:
    """The trend of *points* if they grow without end; ``None`` where they are too few, flat, noisy or level off.

    The later half must grow by itself, and about as fast as the whole: a cache that fills up does not.
    """
    if len(points) < LEAST:
        return None
    whole = trend(points)
    half = points[len(points) // 2 :]
    if whole.growth < max(GROWTH, NOISE * whole.scatter) or whole.agreeing < AGREEING:
        return None
    if half[0][0] == half[-1][0]:
        return None
    later = trend(half)
    # Half as fast and half as far: of what grows for ever, the later half grows like the rest.
    if later.slope < whole.slope / 2 or later.growth < max(GROWTH / 4, NOISE / 2 * later.scatter):
        return None
    return whole


def memory(evidence: Evidence) -> list[Alarm]:
    """The device's memory does not grow with the number of messages."""
    found = leaks(evidence.history)
    if found is None:
        return []
    return [
        alarm(
            "memory-trend", "", "memory in use does not grow with the number of messages",
            f"{found.slope * 1000:.0f} octets a case, {found.growth:.0f} kB over {len(evidence.history)} readings",
            requirement="cwmp.robust.bounded-memory",
        )
    ]  # fmt: skip
