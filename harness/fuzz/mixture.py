"""How programs of several kinds are mixed: arms with shares, weights from outside, one seed for each program."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Protocol, TypeAlias

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.program import Origin, Program

_SEED_BITS: Final = 48
_REWEIGHED_EVERY: Final = 64
"""Programs between two looks at the weights."""


class Weights(Protocol):
    """Feedback of a campaign: how much more (or less) of a kind is wanted."""

    def weight(self, origin: Origin) -> float:
        """A factor, 1.0 for neutral, for programs with this ``generator`` and ``dimension``."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One kind of program of one generator; ``share`` is its part in the mixture before feedback.

    ``make`` gets a random generator of the program's own and the seed that it was made from, which goes into
    the origin: the same arm, seed and facts make the same program again.
    """

    generator: str
    dimension: str
    share: float
    make: Callable[[random.Random, int], Program]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A surface against one device: the hand-written table (made while it is read) and the arms."""

    nasty: Iterable[Program]
    arms: Sequence[Arm]


Source: TypeAlias = Callable[[DeviceFacts], Prepared]


def mixed(arms: Sequence[Arm], seed: int, weights: Weights | None = None) -> Iterator[Program]:
    """Programs without end, each arm as often as its share times its weight says.

    Without *weights* the stream depends on *arms* and *seed* alone.
    """
    if not arms:
        return
    master = random.Random(seed)
    own = random.Random()
    while True:
        shares = list(accumulate(_shares(arms, weights)))
        for arm in master.choices(arms, cum_weights=shares, k=_REWEIGHED_EVERY):
            chosen = master.getrandbits(_SEED_BITS)
            own.seed(chosen)
            yield arm.make(own, chosen)


def _shares(arms: Sequence[Arm], weights: Weights | None) -> list[float]:
    if weights is None:
        return [arm.share for arm in arms]
    shares = [
        arm.share * max(0.0, weights.weight(Origin(generator=arm.generator, dimension=arm.dimension)))
        for arm in arms
    ]
    return shares if sum(shares) > 0 else [arm.share for arm in arms]
