"""Defects of a source address that holds for some connections, ports, protocols or boots, and not for others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.http import HttpConnection
from reference_cpe.parts import Parts
from reference_cpe.urls import Target

EVERY, UNMASKED = "lcos.source.every-connection", "lcos.loopback.unmasked"

When = Callable[[Parts, Target], bool]


def _unbound(when: When) -> Callable[[Parts], None]:
    """Connections for which *when* holds have no source address."""

    def alter(parts: Parts) -> None:
        dial = parts.dial

        async def dialled(parts: Parts, target: Target) -> HttpConnection:
            if not when(parts, target):
                return await dial(parts, target)
            address = parts.source.address
            rewire(parts.source, address=lambda: "")
            try:
                return await dial(parts, target)
            finally:
                rewire(parts.source, address=address)

        parts.dial = dialled

    return alter


def _reports(parts: Parts, _target: Target) -> bool:
    return any(event.code == "7 TRANSFER COMPLETE" for event in parts.events.entries)


for _name, _summary, _when in (
    ("source-not-on-later-retry", "From the second retry on sessions come from the automatic address.",
     lambda parts, _target: parts.retry.count >= 2),
    ("source-not-on-value-change", "Sessions that tell a changed value come from the automatic address.",
     lambda parts, _target: bool(parts.model.changes())),
    ("source-not-on-transfer-report", "The session that reports a transfer comes from the automatic address.", _reports),
):  # fmt: skip
    tabled(_name, _summary, [EVERY], _unbound(_when))


@defect("source-not-on-reconnect", breaks=[EVERY])
def source_not_on_reconnect(parts: Parts) -> None:
    """A connection that is opened again because the ACS has ended it comes from the automatic address."""
    dialled = set[str]()

    class Forgetful(parts.exchange):  # type: ignore[misc, name-defined]
        """An exchange is one session's: what it has dialled is forgotten when the next one begins."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            dialled.clear()

    def again(_parts: Parts, target: Target) -> bool:
        place = f"{target.scheme}://{target.authority}"
        known = place in dialled
        dialled.add(place)
        return known

    parts.exchange = Forgetful
    _unbound(again)(parts)
