"""Edits of a session's course: a list of step names (`harness.fuzz.session.steps`). Pure.

The template is the names with blanks between them. An edit that does not fit changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.program import Edit, Program
from harness.fuzz.session.steps import actions


def apply(template: bytes, edits: Iterable[Edit]) -> list[str]:
    """The steps of *template* with *edits*, one after the other.

    Raises:
        ValueError: an operation that nobody knows.
    """
    names = template.decode("ascii").split()
    for edit in edits:
        _one(names, edit)
    return names


def _one(names: list[str], edit: Edit) -> None:
    at = int(edit.where)
    if at > len(names) or (at == len(names) and edit.op != "insert"):
        return
    match edit.op:
        case "insert":
            names.insert(at, edit.args[0])
        case "drop":
            del names[at]
        case "replace":
            names[at] = edit.args[0]
        case "repeat":
            names[at:at] = [names[at]] * int(edit.args[0])
        case "swap":
            if at + 1 < len(names):
                names[at], names[at + 1] = names[at + 1], names[at]
        case _:
            raise ValueError(f"no edit of a session: {edit.op!r}")


def rebuild(device: DeviceFacts, program: Program, edits: Iterable[Edit]) -> Program:
    """*program* with *edits* in place of those it was made with: what the shrinker tries."""
    kept = tuple(edits)
    names = apply(program.origin.template, kept)
    origin = msgspec.structs.replace(program.origin, edits=kept)
    return msgspec.structs.replace(
        program, actions=actions(device, names), origin=origin, says=", ".join(names)
    )
