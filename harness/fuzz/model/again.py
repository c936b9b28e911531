"""Sending recorded steps once more, and finding the fewest that still show a mismatch."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any, Final

from harness.cwmp import messages as m
from harness.fuzz.model.learning import Knowledge, learn
from harness.fuzz.model.lockstep import Lockstep
from harness.fuzz.model.mismatch import Mismatch, Step
from harness.fuzz.model.port import Port

START: Final = "before the first step"
"""ParameterKey before the steps, other than any of theirs: one that is set when it must not be would else not show."""


def replay(port: Port, steps: Sequence[Step], knowledge: Knowledge | None = None) -> list[Mismatch]:
    """The mismatches that *steps* show now, from the state the device is in, which is put back.

    Instance numbers need not be those of the first time: rows are followed by the AddObject that made them.

    Raises:
        NotLearnt: the device does not tell enough of itself.
    """
    lockstep = Lockstep(port, learn(port, knowledge))
    lockstep.set_key(START)
    numbers: dict[str, str] = {}
    for step in steps:
        message = _renumbered(step.message, numbers)
        lockstep.do(message)
        if isinstance(message, m.AddObject) and isinstance(step.message, m.AddObject) and step.number:
            given = lockstep.steps[-1].number if lockstep.steps else 0
            old = f"{step.message.object_name}{step.number}."
            numbers[old] = f"{message.object_name}{given or step.number}."
        if lockstep.done:
            break
    if not lockstep.done:
        lockstep.restore()
    return lockstep.mismatches


def shrunk(
    port: Port, mismatch: Mismatch, reset: Callable[[], object], knowledge: Knowledge | None = None
) -> Mismatch:
    """*mismatch* with as few steps as still show it; *reset* is called before each try."""
    best = mismatch

    def shows(steps: Sequence[Step]) -> Mismatch | None:
        reset()
        return next((each for each in replay(port, steps, knowledge) if each.key == mismatch.key), None)

    size = 1
    while size < len(best.steps):  # mostly the last few are enough
        found = shows(best.steps[-size:])
        if found is not None:
            best = found
            break
        size *= 2
    size = max(1, len(best.steps) // 2)
    while size and len(best.steps) > 1:
        at = 0
        while at < len(best.steps):
            found = shows([*best.steps[:at], *best.steps[at + size :]])
            if found is not None and len(found.steps) < len(best.steps):
                best = found
            else:
                at += size
        size //= 2
    return best


def _renumbered(message: m.Message, numbers: dict[str, str]) -> m.Message:
    """*message* with the rows of the first time replaced by those of now, the longest paths first."""
    if not numbers:
        return message
    pattern = re.compile("|".join(re.escape(old) for old in sorted(numbers, key=len, reverse=True)))

    def told(value: Any) -> Any:
        if isinstance(value, str):
            return pattern.sub(lambda found: numbers[found[0]], value)
        if isinstance(value, tuple):
            return tuple(told(each) for each in value)
        if hasattr(value, "__dataclass_fields__"):
            return replace(value, **{f.name: told(getattr(value, f.name)) for f in fields(value)})
        return value

    renumbered: m.Message = told(message)
    return renumbered
