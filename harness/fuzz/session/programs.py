"""Random courses of a session: one fault in a correct course, and stacks of edits. Pure, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.mixture import Arm, Prepared
from harness.fuzz.program import Edit, Origin, Program
from harness.fuzz.session.edits import apply
from harness.fuzz.session.nasty import ANYTHING, USUAL, nasty, program
from harness.fuzz.session.steps import steps

GRAMMAR, EDITS = "grammar/1", "edits/1"
SLOW: Final = frozenset({"pause-100", "half-head", "half-body"})
"""Steps that cost real time: the table has them, random courses only now and then."""
LAST: Final = frozenset({"end-and-request"})
"""Steps after which requests and answers no longer pair: nothing may follow them."""
_SLOW_SHARE: Final = 0.02
_BASES: Final = (
    USUAL,
    ("inform-response", "end"),
    ("inform-response", "get-values", "get-values", "get-values", "end"),
    ("inform-response-hold", "get-values-hold", "get-values-release", "end"),
)


def _edit(rng: random.Random, names: list[str], all_steps: list[str]) -> Edit:
    op = rng.choice(("insert", "replace", "drop", "repeat", "swap"))
    last = len(names) if op == "insert" else len(names) - 1
    where = str(rng.randint(0, max(0, last)))
    args: tuple[str, ...] = ()
    if op in ("insert", "replace"):
        chosen = rng.choice(all_steps)
        while chosen in SLOW and rng.random() > _SLOW_SHARE:
            chosen = rng.choice(all_steps)
        args = (chosen,)
    elif op == "repeat":
        args = (str(rng.randint(1, 5)),)
    return Edit(op, where, args, f"{op} step {where} {' '.join(args)}".strip())


def edited(
    device: DeviceFacts, generator: str, fewest: int, most: int
) -> Callable[[random.Random, int], Program]:
    """A correct course with *fewest* to *most* edits."""
    all_steps = sorted(set(steps(device)) - LAST)

    def make(rng: random.Random, seed: int) -> Program:
        base = rng.choice(_BASES)
        template = " ".join(base).encode()
        edits: list[Edit] = []
        for _ in range(rng.randint(fewest, most)):
            edits.append(_edit(rng, apply(template, edits), all_steps))
        names = apply(template, edits) or ["cut-fin"]
        origin = Origin(generator, "S7", seed, template=template, edits=tuple(edits))
        return program(device, names, ANYTHING, origin)

    return make


def session(device: DeviceFacts) -> Prepared:
    """The surface against one device."""
    arms = (
        Arm(GRAMMAR, "S7", 1.0, edited(device, GRAMMAR, 1, 1)),
        Arm(EDITS, "S7", 1.0, edited(device, EDITS, 2, 6)),
    )
    return Prepared(nasty(device), arms)
