"""The state machine of a DiagnosticsState, without I/O (TR-181, data type DiagnosticsState).

`None` until the ACS writes `Requested`; the test begins after the session and ends as `Complete` or an error.
Writing any other argument of the test, or `Canceled`, takes it back to `None`, while it runs too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

STATE: Final = "DiagnosticsState"
NONE, REQUESTED, CANCELED = "None", "Requested", "Canceled"
COMPLETE: Final = ("Complete", "Completed")
"""TR-181 has the first word everywhere, TR-098 for some tests the second."""
_ERRORS: Final = ("Error_Internal", "Error_Other", "Error")
"""What may stand for any failure, the plainest first."""


class Failed(Exception):
    """A test that ends as an error; ``states`` are names of it, the most telling first."""

    def __init__(self, *states: str) -> None:
        super().__init__(", ".join(states))
        self.states = states


@dataclass(slots=True)
class Outcome:
    """How a test has ended: ``values`` by name below its object, ``rows`` of its table of results."""

    values: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)
    errors: tuple[str, ...] = ()
    """Empty when it is complete; else names of the error, the most telling first."""


def owner(path: str) -> str:
    """The object that a parameter stands in."""
    return path.rpartition(".")[0] + "."


def requested(parameters: Collection[str], stored: Mapping[str, str]) -> list[str]:
    """The objects of the tests that are asked for and not yet done."""
    return sorted(
        owner(path)
        for path, value in stored.items()
        if value == REQUESTED and path.endswith("." + STATE) and path in parameters
    )


def settled(parameters: Collection[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """What the states of tests become, beyond what is *wanted*, by one SetParameterValues."""
    changed = {}
    for path in wanted:
        state = owner(path) + STATE
        if state in parameters and wanted.get(state, CANCELED) == CANCELED:
            changed[state] = NONE
    return changed


def touched(test: str, paths: Iterable[str]) -> bool:
    """Whether a write to *paths* ends the test of the object *test*: its results would not fit any more."""
    return any(owner(path) == test for path in paths)


def end_state(values: Sequence[str], errors: Sequence[str]) -> str:
    """The state that a test ends in, of the *values* its data type has."""
    for name in (*errors, *_ERRORS) if errors else COMPLETE:
        if name in values:
            return name
    return next((value for value in values if value.startswith("Error")), NONE)
