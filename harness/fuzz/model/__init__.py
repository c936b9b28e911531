"""The stateful fuzzer: a small model of a CPE of its own, driven in lock-step with a device.

`run_model` learns the model from the device, lets Hypothesis choose RPCs, and gives every disagreement.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.fuzz.model.again import replay, shrunk
from harness.fuzz.model.learning import Knowledge, NotLearnt, learn
from harness.fuzz.model.lockstep import MOST, Lockstep
from harness.fuzz.model.machine import drive
from harness.fuzz.model.mismatch import Mismatch, Step
from harness.fuzz.model.port import Port, Reply
from harness.fuzz.model.programs import of_mismatch, program, steps

__all__ = [
    "Knowledge",
    "Lockstep",
    "Mismatch",
    "NotLearnt",
    "Port",
    "Reply",
    "Step",
    "learn",
    "of_mismatch",
    "program",
    "replay",
    "run_model",
    "shrunk",
    "steps",
]


def run_model(
    port: Port, seed: int, steps: int, knowledge: Knowledge | None = None, most: int = MOST
) -> Sequence[Mismatch]:
    """Drive the device behind *port* by about *steps* RPCs of the rules (read-backs not counted).

    Each mismatch comes once for its key, and *most* of them end it; the device is put back to where it was.

    Raises:
        NotLearnt: the device does not tell enough of itself.
    """
    knowledge = knowledge or Knowledge()
    lockstep = Lockstep(port, learn(port, knowledge), most)
    drive(lockstep, seed, steps, transfers=knowledge.destructive)
    return lockstep.mismatches
