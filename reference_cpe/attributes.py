"""Attributes of parameters: notification and access list (TR-069 A.3.2.4, A.3.2.5).

Only what differs from the default is stored, under ``attributes``: path to ``notification`` and
``access_list``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from harness.cwmp.messages import ParameterAttributeStruct, SetParameterAttributesStruct
from reference_cpe.definition import Notify
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import Parameter

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

OFF, PASSIVE, ACTIVE = 0, 1, 2
LIGHTWEIGHT: Final = range(3, 7)
"""Notification by UDP (TR-069 Annex M), which this device does not have."""
SUBSCRIBER: Final = ("Subscriber",)
"""The access list of a parameter whose attributes nobody has set."""

Stored = dict[str, dict[str, Any]]


class Attributes:
    """Seams: `notification`, `access_list`, `notified`, `deniable`, `judge`, `values`, `set`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _stored(self) -> Stored:
        stored: Stored = self._parts.store.get("attributes", {})
        return stored

    def notification(self, path: str) -> int:
        """0 off, 1 passive, 2 active."""
        parameter = self._parts.model.parameters.get(path)
        default = ACTIVE if parameter is not None and parameter.active else OFF
        return int(self._stored().get(path, {}).get("notification", default))

    def access_list(self, path: str) -> tuple[str, ...]:
        """Who beside the ACS may change the parameter."""
        return tuple(self._stored().get(path, {}).get("access_list", SUBSCRIBER))

    def notified(self) -> list[str]:
        """The parameters with notification."""
        model = self._parts.model
        candidates = dict.fromkeys((*model.active, *self._stored()))
        return [path for path in candidates if path in model.parameters and self.notification(path)]

    def values(self, names: Sequence[str]) -> tuple[ParameterAttributeStruct, ...]:
        """GetParameterAttributes: full names, partial paths, or the empty string for all.

        Raises:
            CwmpFault: 9005, a name is unknown.
        """
        paths = dict.fromkeys(path for name in names for path in self._below(name))
        return tuple(
            ParameterAttributeStruct(path, self.notification(path), self.access_list(path)) for path in paths
        )

    def _below(self, name: str) -> Iterable[str]:
        return (parameter.path for parameter in self._parts.model.below(name))

    # --- setting

    def deniable(self, parameter: Parameter) -> bool:
        """Whether active notification is refused: of what changes all the time, where the model allows it."""
        return parameter.volatile and parameter.notify is Notify.CAN_DENY

    def judge(self, parameter: Parameter, notification: int) -> None:
        """Let a notification through, or not.

        Raises:
            CwmpFault: 9003, no such notification; 9009, not for this parameter.
        """
        if notification not in (OFF, PASSIVE, ACTIVE, *LIGHTWEIGHT):
            raise CwmpFault(9003, f"Notification {notification}: expected 0 to 6")
        if notification in LIGHTWEIGHT:
            raise CwmpFault(9009, "lightweight notification is not supported")
        if parameter.notify is Notify.FORCE_ENABLED and notification != ACTIVE:
            raise CwmpFault(9009, f"notification of {parameter.path} is always active")
        if notification == ACTIVE and self.deniable(parameter):
            raise CwmpFault(9009, f"{parameter.path} changes all the time")

    def set(self, wanted: Sequence[SetParameterAttributesStruct]) -> None:
        """SetParameterAttributes: all or nothing; partial paths mean every parameter below.

        Raises:
            CwmpFault: 9005, 9003, 9009; 9002 when the store cannot be written.
        """
        stored = dict(self._stored())
        for item in wanted:
            for path in self._below(item.name):
                parameter = self._parts.model.parameters[path]
                change: dict[str, Any] = {}
                if item.notification_change:
                    self.judge(parameter, item.notification)
                    change["notification"] = item.notification
                if item.access_list_change:
                    change["access_list"] = list(item.access_list)
                if change:
                    stored[path] = {**stored.get(path, {}), **change}
        try:
            self._parts.store.update(attributes=stored, reported=self._baseline(stored))
        except OSError as error:
            raise CwmpFault(9002, f"the store cannot be written: {error.strerror}") from error

    def _baseline(self, stored: Stored) -> dict[str, str]:
        """``reported`` with the present value of what is notified from now on, without what no longer is."""
        model, known = self._parts.model, dict(self._parts.store.get("reported", {}))
        for path, entry in stored.items():
            if path not in model.parameters:
                continue
            if entry.get("notification", self.notification(path)) == OFF:
                known.pop(path, None)
            elif self.notification(path) == OFF:
                known[path] = model.mark(model.parameters[path])
        return known
