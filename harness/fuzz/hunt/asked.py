"""Making the RPCs of a program for the model smaller: fewer entries of their lists, shorter values, no key.

The message is read, made smaller and written anew, so that counts of arrays stay right: what a wrong one does to a device
is another failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from harness.cwmp import messages as m
from harness.cwmp import soap
from harness.fuzz.hunt.search import least, minimal
from harness.fuzz.program import Ask

_LISTS: Final = ("parameter_list", "parameter_names")


def less(action: Ask, test: Callable[[Ask], bool]) -> Ask:
    """*action* as small as *test* lets it; *action* itself is taken to pass."""
    envelope = soap.read(action.body).envelope
    if envelope is None:
        return action
    best = _Best(action, envelope, test)
    best.lists()
    best.key()
    best.values()
    return best.action


class _Best:
    def __init__(self, action: Ask, envelope: m.Envelope, test: Callable[[Ask], bool]) -> None:
        self.action = action
        self._envelope = envelope
        self._test = test

    def lists(self) -> None:
        """Entries that are not needed."""
        for name in _LISTS:
            items = getattr(self._envelope.message, name, ())
            if len(items) > 1:
                minimal(items, partial(self._with_entries, name))

    def key(self) -> None:
        """No ParameterKey."""
        if getattr(self._envelope.message, "parameter_key", ""):
            self._with({"parameter_key": ""})

    def values(self) -> None:
        """The shortest beginning of each value."""
        message = self._envelope.message
        if isinstance(message, m.SetParameterValues):
            for at, entry in enumerate(message.parameter_list):
                least(len(entry.value), partial(self._with_value, at, entry.value))

    def _with_entries(self, name: str, kept: Sequence[Any]) -> bool:
        return bool(kept) and self._with({name: tuple(kept)})

    def _with_value(self, at: int, whole: str, size: int) -> bool:
        message, text = self._envelope.message, whole[:size]
        assert isinstance(message, m.SetParameterValues)
        entries = message.parameter_list
        changed = (*entries[:at], replace(entries[at], value=text), *entries[at + 1 :])
        return self._with({"parameter_list": changed})

    def _with(self, change: dict[str, Any]) -> bool:
        message: Any = replace(self._envelope.message, **change)  # type: ignore[type-var]
        envelope = replace(self._envelope, message=message)
        action = Ask(soap.encode(envelope), self.action.number)
        if not self._test(action):
            return False
        self._envelope, self.action = envelope, action
        return True
