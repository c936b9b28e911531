"""When a change of value opens a session: active notification and its throttle (TR-069 3.2.1, A.3.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.cwmp.events import VALUE_CHANGE
from reference_cpe.attributes import ACTIVE
from reference_cpe.model_table import THROTTLE

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_TIMER = "notification"


class Notifier:
    """Decides over sessions that active notification alone calls for.

    Passive changes wait for the next session, whose Inform brings them all (`Informer.message`).
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ended: float | None = None
        self._covered: dict[str, str] = {}
        """Changes that the session under way, or the one that is owed after a failure, will tell of."""

    def _changes(self) -> dict[str, str]:
        """The changed parameters with active notification, and what stands for their values."""
        attributes, model = self._parts.attributes, self._parts.model
        return {
            path: model.mark(model.parameters[path])
            for path in model.changes()
            if attributes.notification(path) == ACTIVE
        }

    def session_started(self) -> None:
        """A session is attempted: it tells of what has changed so far, now or when it is retried."""
        self._covered = self._changes()

    def session_ended(self, successful: bool) -> None:
        """The throttle counts from the end of a successful session."""
        if successful:
            self._covered = {}
            self._ended = self._parts.clock.now()

    def due(self, again: Callable[[], object]) -> bool:
        """Whether a session is due now, its event then queued; *again* is called when the throttle is over."""
        if not self._changes().items() - self._covered.items():
            self._parts.timers.cancel(_TIMER)
            return False
        left = self._left()
        if left > 0:
            self._parts.timers.set(_TIMER, self._parts.clock.now() + left, again)
            return False
        self._parts.events.add(VALUE_CHANGE)
        return True

    def _left(self) -> float:
        """Seconds until the throttle lets a session through."""
        if self._ended is None:
            return 0.0
        return self._ended + int(self._parts.model.text(THROTTLE)) - self._parts.clock.now()
