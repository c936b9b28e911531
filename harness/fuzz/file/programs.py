"""Random answers of a file server: edits of the head of a right one. Pure, seeded."""

from __future__ import annotations

import random

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.file.nasty import ANYTHING, GOOD, nasty, program
from harness.fuzz.http.edits import apply, edit, says
from harness.fuzz.http.programs import FAULTS
from harness.fuzz.mixture import Arm, Prepared
from harness.fuzz.program import Cut, Edit, Origin, Program, Raw

EDITS, HAVOC = "edits/1", "havoc/1"


def _made(generator: str, seed: int, edits: tuple[Edit, ...]) -> Program:
    origin = Origin(generator, "file", seed, template=GOOD, edits=edits)
    return program((Raw(apply(GOOD, edits)), Cut("fin")), ANYTHING, origin, says(edits))


def edited(rng: random.Random, seed: int) -> Program:
    """One to four faults of HTTP in the answer."""
    return _made(EDITS, seed, tuple(rng.choice(FAULTS)[1](rng) for _ in range(rng.randint(1, 4))))


def havoc(rng: random.Random, seed: int) -> Program:
    """Octets flipped, deleted, cut off."""
    edits = []
    for _ in range(rng.randint(1, 5)):
        at, size = str(rng.randrange(len(GOOD))), str(rng.randint(1, 20))
        edits.append(
            rng.choice(
                (edit("flip", at, str(1 << rng.randrange(8))), edit("delete", at, size), edit("truncate", at))
            )
        )
    return _made(HAVOC, seed, tuple(edits))


def file(device: DeviceFacts) -> Prepared:
    """The surface against one device."""
    return Prepared(
        nasty(destructive=device.destructive),
        (Arm(EDITS, "file", 2.0, edited), Arm(HAVOC, "file", 1.0, havoc)),
    )
