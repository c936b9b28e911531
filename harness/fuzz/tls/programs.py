"""Random broken handshakes: cuts and inverted octets of the right flight, random records. Pure, seeded."""

from __future__ import annotations

import random
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.mixture import Arm, Prepared
from harness.fuzz.program import Action, Origin, Program, Raw
from harness.fuzz.tls.nasty import FLIGHT, HELLO, message, nasty, program, record

GRAMMAR, HAVOC = "grammar/1", "havoc/1"
LARGEST: Final = 1200
"""Octets of a right flight that are cut and inverted; a place behind its end changes nothing but that it ends."""


def cut(rng: random.Random, seed: int) -> Program:
    """The right flight up to some octet, of which one may be inverted."""
    keep = rng.randrange(1, LARGEST)
    flip = rng.randrange(keep) if rng.random() < 0.5 else -1
    words = f"the right flight cut off after {keep} octets" + (
        f", octet {flip} inverted" if flip >= 0 else ""
    )
    return program((Raw(FLIGHT, keep=keep, flip=flip),), Origin(GRAMMAR, "tls", seed), words)


def records(rng: random.Random, seed: int) -> Program:
    """One to six records of random kind, some of them right in form, some behind a right ServerHello."""
    actions: list[Action] = [Raw(HELLO)] if rng.random() < 0.4 else []
    for _ in range(rng.randint(1, 6)):
        content = rng.randbytes(rng.choice((0, 1, 2, 4, 38, 70, 255, 1000)))
        if rng.random() < 0.6:
            lies = rng.choice((None, None, 0, 0xFFFFFF, rng.getrandbits(24)))
            content = message(
                rng.choice((0, 1, 2, 4, 8, 11, 12, 13, 14, 15, 20, 24, rng.randrange(256))), content, lies
            )
        kind = rng.choice((20, 21, 22, 22, 22, 22, 23, 24, rng.randrange(256)))
        length = rng.choice((None, None, None, 0, 16_385, 65_535))
        actions.append(
            Raw(
                record(
                    kind, content, rng.choice((0x0301, 0x0303, 0x0303, 0x0304, rng.getrandbits(16))), length
                )
            )
        )
    return program(tuple(actions), Origin(HAVOC, "tls", seed), f"{len(actions)} records")


def tls(_device: DeviceFacts) -> Prepared:
    """The surface, against any device."""
    return Prepared(nasty(), (Arm(GRAMMAR, "tls", 1.0, cut), Arm(HAVOC, "tls", 1.0, records)))
