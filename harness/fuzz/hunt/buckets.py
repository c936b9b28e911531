"""Behaviour buckets: what kinds of reaction a device has shown, how often, and which programs still show new ones.

The only feedback that a black box gives. An arm of the generators whose programs fall into rare buckets is worth more
than one whose programs are all answered alike (the idea of AFLFast, with reactions in place of branches).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from harness.fuzz.evidence import End, Evidence, Observation
from harness.fuzz.program import Origin

BANDS: Final = ((0.1, "fast"), (1.0, "slow"), (10.0, "very slow"))
"""Real seconds below which an answer has this word: wide, so that the same device falls into the same one."""
LEAST: Final = 0.25
MOST: Final = 4.0
"""Bounds of a weight: no arm is ever given up, none takes all."""
MEMORY: Final = 0.98
"""Part of an arm's score that the next program leaves of it."""


class Bucket(msgspec.Struct, frozen=True, order=True):
    """A kind of reaction."""

    surface: str
    rpc: str
    """What was asked where it was answered with its response, else what the answer is."""
    reaction: str
    """How the device left the program, or the fault code."""
    band: str

    def __str__(self) -> str:
        return " ".join((self.surface, self.rpc or "-", self.reaction, self.band))


def bucket_of(seen: Observation) -> Bucket:
    """The bucket of an observation."""
    faults = sorted({code for _, code in seen.parameter_faults})
    reaction = str(seen.end)
    if seen.fault_code:
        reaction = ":".join(map(str, (seen.fault_code, *faults)))
    elif seen.end is End.ANSWERED:
        reaction = f"{seen.answer}:{seen.status}" if seen.status else str(seen.answer)
    band = next((word for limit, word in BANDS if seen.seconds < limit), "hanging")
    return Bucket(str(seen.program.surface), seen.rpc[:64], reaction, band)


class Buckets:
    """Counts, and the weights that follow from them (`harness.fuzz.mixture.Weights`)."""

    def __init__(self) -> None:
        self.counts: Counter[Bucket] = Counter()
        self._scores: dict[tuple[str, str], float] = {}

    def learn(self, evidence: Evidence) -> list[Observation]:
        """Count a batch; the observations that opened a bucket."""
        return [seen for seen in evidence.observations if seen.end is not End.NOT_REACHED and self._add(seen)]

    def _add(self, seen: Observation) -> bool:
        bucket = bucket_of(seen)
        self.counts[bucket] += 1
        origin = seen.program.origin
        arm = (origin.generator, origin.dimension)
        rarity = 1.0 / self.counts[bucket] ** 0.5
        self._scores[arm] = MEMORY * self._scores.get(arm, 1.0) + (1 - MEMORY) * rarity
        return self.counts[bucket] == 1

    def weight(self, origin: Origin) -> float:
        """How much more than an average arm this one is worth; 1.0 while nothing is known of it."""
        score = self._scores.get((origin.generator, origin.dimension))
        if score is None:
            return 1.0
        mean = sum(self._scores.values()) / len(self._scores)
        return min(MOST, max(LEAST, score / mean)) if mean > 0 else 1.0

    def top(self, count: int) -> dict[str, int]:
        """The fullest buckets, by name."""
        return {str(bucket): number for bucket, number in self.counts.most_common(count)}


def merged(many: Iterable[dict[str, int]]) -> dict[str, int]:
    """Counts of several campaigns, the fullest first."""
    total: Counter[str] = Counter()
    for each in many:
        total.update(each)
    return dict(total.most_common())
