"""What was sent in lock-step as a program of the fuzzer, so that it is confirmed, shrunk and replayed as any other case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp import namespaces as ns
from harness.cwmp import soap
from harness.fuzz.model.mismatch import Mismatch, Step
from harness.fuzz.program import Ask, Origin, Program, Surface

GENERATOR: Final = "model/1"
DIMENSION: Final = "M"
"""Short name: the stateful model."""
_SHOWN: Final = 60


def program(steps: Sequence[Step], seed: int, says: str = "", namespace: str = ns.CWMP_1_2) -> Program:
    """*steps* as one program of the surface soap, on which they are sent in lock-step again."""
    return Program(
        Surface.SOAP,
        tuple(ask(step, at, namespace) for at, step in enumerate(steps, 1)),
        says=says or ", ".join(type(step.message).__name__ for step in steps)[:_SHOWN],
        origin=Origin(GENERATOR, DIMENSION, seed),
    )


def of_mismatch(mismatch: Mismatch, seed: int, namespace: str = ns.CWMP_1_2) -> Program:
    """The RPCs that led to *mismatch*; of them its key names the one that counts."""
    return program(mismatch.steps, seed, f"after {mismatch.key.rpartition('.')[2]}", namespace)


def ask(step: Step, at: int, namespace: str = ns.CWMP_1_2) -> Ask:
    """A step as an action; *at* only names it."""
    return Ask(soap.encode(m.Envelope(step.message, m.Header(id=f"model-{at}"), namespace)), step.number)


def in_lockstep(made: Program) -> bool:
    """Whether *made* is a program for the model."""
    return any(isinstance(action, Ask) for action in made.actions)


def steps(made: Program) -> tuple[Step, ...]:
    """The steps of a program for the model.

    Raises:
        ValueError: it has other actions too, or a message that cannot be read.
    """
    found = []
    for at, action in enumerate(made.actions, 1):
        envelope = soap.read(action.body).envelope if isinstance(action, Ask) else None
        if not isinstance(action, Ask) or envelope is None or isinstance(envelope.message, m.UnknownMessage):
            raise ValueError(f"action {at} is no RPC for the model")
        found.append(Step(envelope.message, action.number))
    return tuple(found)
