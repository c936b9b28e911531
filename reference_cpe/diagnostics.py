"""Diagnostics that the ACS asks for by setting a DiagnosticsState (TR-069 A.3.2.1, event 8).

The device has no diagnostics of its own; a definition given to it may have some. Each then ends at once, after
the session, with an error: the ACS is told that nothing was measured, and does not wait for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.cwmp.events import DIAGNOSTICS_COMPLETE

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_NAME: Final = ".DiagnosticsState"
_REQUESTED: Final = "Requested"
_ERRORS: Final = ("Error_Other", "Error_Internal", "Error")
"""What may stand for "cannot be done", the plainest first."""


def _requested(parts: Parts) -> list[str]:
    stored = parts.store.get("parameters", {})
    return [
        path
        for path, value in stored.items()
        if value == _REQUESTED and path.endswith(_NAME) and path in parts.model.parameters
    ]


def finish(parts: Parts) -> None:
    """A session is over: end what it has asked for, and have the next one say so."""
    asked = _requested(parts)
    if not asked:
        return
    ended = {path: _error(parts.model.parameters[path].syntax.values) for path in asked}
    parts.events.add(DIAGNOSTICS_COMPLETE)
    parts.save(parameters={**parts.store.get("parameters", {}), **ended})


def _error(values: tuple[str, ...]) -> str:
    plain = next((error for error in _ERRORS if error in values), None)
    return plain or next((value for value in values if value.startswith("Error")), "None")


def rebooted(parts: Parts) -> None:
    """What was asked for before a reboot is forgotten."""
    asked = dict.fromkeys(_requested(parts), "None")
    if asked:
        parts.store.update(parameters={**parts.store.get("parameters", {}), **asked})
