"""The surface soap: what the ACS says in its answers, envelope and meaning."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from random import Random
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.mixture import Arm, Prepared
from harness.fuzz.program import Program
from harness.fuzz.soap.build import Kitchen
from harness.fuzz.soap.edited import EDITS, HAVOC, KINDS, edited, harmful, havoc
from harness.fuzz.soap.grammar import FAULTS, GRAMMAR, Maker, single_fault
from harness.fuzz.soap.nasty import nasty

_HAVOC_SHARE: Final = 1.0
"""Small: most of what havoc makes ends the session, and a new one costs more than many programs."""
_HARMFUL_SHARE: Final = 0.5


def soap(device: DeviceFacts) -> Prepared:
    """Everything for this surface against *device*."""
    kitchen = Kitchen(device)
    arms = [*_grammar(kitchen), *_edits(kitchen), Arm(HAVOC, "X4", _HAVOC_SHARE, partial(havoc, kitchen))]
    if kitchen.destructive:
        arms.append(Arm(EDITS, "S6", _HARMFUL_SHARE, partial(harmful, kitchen)))
    return Prepared(nasty(kitchen), arms)


def _grammar(kitchen: Kitchen) -> list[Arm]:
    makers: dict[str, list[tuple[float, Maker]]] = defaultdict(list)
    for dimension, share, maker in FAULTS:
        makers[dimension].append((share, maker))

    def arm(dimension: str, rows: tuple[tuple[float, Maker], ...]) -> Arm:
        def make(rng: Random, seed: int) -> Program:
            return single_fault(kitchen, rng, seed, rows, dimension)

        return Arm(GRAMMAR, dimension, sum(share for share, _ in rows), make)

    return [arm(dimension, tuple(rows)) for dimension, rows in makers.items()]


def _edits(kitchen: Kitchen) -> list[Arm]:
    shares: dict[str, float] = defaultdict(float)
    for dimension, share, _ in KINDS:
        shares[dimension] += share

    def arm(dimension: str, share: float) -> Arm:
        def make(rng: Random, seed: int) -> Program:
            return edited(kitchen, rng, seed, dimension)

        return Arm(EDITS, dimension, share, make)

    return [arm(dimension, share) for dimension, share in shares.items()]
