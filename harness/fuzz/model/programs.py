"""A mismatch as a program of the fuzzer, so that it can be confirmed, shrunk and replayed like any other case."""

from __future__ import annotations

from typing import Final

from harness.cwmp import messages as m
from harness.cwmp import namespaces as ns
from harness.cwmp import soap
from harness.fuzz.model.lockstep import WRITES
from harness.fuzz.model.mismatch import Mismatch, Step
from harness.fuzz.program import Action, Expect, Expectation, Origin, Program, Reply, Surface, Wanted

GENERATOR: Final = "model/1"


def program(mismatch: Mismatch, seed: int, namespace: str = ns.CWMP_1_2, *, whole: bool = False) -> Program:
    """The RPCs that led to *mismatch* as one program of the surface session, or of soap where one RPC is enough.

    Without *whole* only the writing RPCs and the last one are sent. Instance numbers are those of the device
    that it was found on.
    """
    kept = mismatch.steps if whole else _telling(mismatch.steps)
    bodies = [
        soap.encode(m.Envelope(step.message, m.Header(id=f"model-{at}"), namespace))
        for at, step in enumerate(kept, 1)
    ]
    actions: list[Action] = []
    for body in bodies:
        actions += [Reply(body), Expect()]
    alone = len(bodies) == 1
    return Program(
        Surface.SOAP if alone else Surface.SESSION,
        (Reply(bodies[0]),) if alone else tuple(actions),
        _expectation(mismatch),
        f"{mismatch.expected}; {mismatch.observed}",
        Origin(GENERATOR, mismatch.key, seed),
    )


def _telling(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The writing steps, and the last step whatever it is."""
    return tuple(
        step for at, step in enumerate(steps, 1) if at == len(steps) or isinstance(step.message, WRITES)
    )


def _expectation(mismatch: Mismatch) -> Expectation:
    wanted = Wanted.FAULT if mismatch.refused else Wanted.ANYTHING
    return Expectation(wanted, mismatch.codes, mismatch.requirement, mismatch.because)
