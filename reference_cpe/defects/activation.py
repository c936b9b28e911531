"""Defects of the switch "CWMP activated"."""

from __future__ import annotations

from harness.cwmp import events
from reference_cpe.defects.registry import Alteration, defect, rewire, tabled
from reference_cpe.parts import Parts
from reference_cpe.settings import Change


def _switched(change: Change, on: bool) -> bool:
    return "cwmp_active" in change and bool(change["cwmp_active"][1]) is on


@defect("activation-needs-restart", breaks=["lcos.activation.on"])
def activation_needs_restart(parts: Parts) -> None:
    """Switching CWMP on is stored and has no effect before the next restart."""
    changed, active, waiting = parts.settings.changed, parts.active, [False]

    def then(change: Change) -> None:
        waiting[0] = waiting[0] or _switched(change, True)
        changed(change)

    parts.settings.changed = then
    parts.active = lambda: active() and not waiting[0]


def _survives(code: str) -> Alteration:
    """An event of that code is reported although CWMP is off."""

    def alter(parts: Parts) -> None:
        original = parts.active
        parts.active = lambda: original() or any(entry.code == code for entry in parts.events.entries)
        changed, restart = parts.settings.changed, parts.timers.start_periodic

        def then(change: Change) -> None:
            changed(change)
            if _switched(change, False):
                restart()
            elif code == events.VALUE_CHANGE and not original():
                parts.events.add(code)
                parts.connect()

        parts.settings.changed = then

    return alter


for _name, _summary, _code, _more in (
    ("off-periodic-goes-on", "Periodic Informs go on while CWMP is off.", events.PERIODIC, ()),
    ("off-boot-inform", "A restart leads to a session while CWMP is off.", events.BOOT, ()),
    ("off-value-change", "A changed setting leads to a session while CWMP is off.", events.VALUE_CHANGE, ()),
):
    tabled(_name, _summary, ["lcos.activation.off-silent", *_more], _survives(_code))


@defect("off-retry-goes-on", breaks=["lcos.activation.off-silent"])
def off_retry_goes_on(parts: Parts) -> None:
    """A session that has failed is tried again although CWMP was switched off meanwhile."""
    original, changed = parts.active, parts.settings.changed
    parts.active = lambda: original() or parts.retry.count > 0

    def then(change: Change) -> None:
        changed(change)
        if _switched(change, False) and parts.retry.count:
            parts.timers.set("retry", parts.clock.now() + 5, parts.connect)

    parts.settings.changed = then


@defect("off-listener-stays", breaks=["lcos.activation.off-no-connection-request"])
def off_listener_stays(parts: Parts) -> None:
    """While CWMP is off connection requests are still answered with success; the session follows once it is on."""
    original = parts.listener.start

    async def start(port: int) -> None:
        if port or parts.settings.value("cwmp_active"):
            await original(port)

    rewire(parts.listener, start=start)


@defect("off-connection-request-served", breaks=["lcos.activation.off-no-connection-request"])
def off_connection_request_served(parts: Parts) -> None:
    """A connection request opens a session although CWMP is off."""
    off_listener_stays(parts)
    original = parts.active
    parts.active = lambda: (
        original() or any(entry.code == events.CONNECTION_REQUEST for entry in parts.events.entries)
    )


@defect("activation-not-stored", breaks=["lcos.activation.persistent", "lcos.activation.off-silent"])
def activation_not_stored(parts: Parts) -> None:
    """After a restart CWMP is on again, whatever was set."""
    stored = dict(parts.store.get("settings", {}))
    if stored.pop("cwmp_active", True) is False:
        parts.store.update(settings=stored)


@defect("off-one-more-session", breaks=["lcos.activation.off-during-session"])
def off_one_more_session(parts: Parts) -> None:
    """Switched off during a session, the device opens one more when that one has ended."""
    original, changed, owed = parts.active, parts.settings.changed, [False]

    def active() -> bool:
        if original():
            return True
        granted, owed[0] = owed[0] and not parts.in_session(), owed[0] and parts.in_session()
        return granted

    def then(change: Change) -> None:
        if _switched(change, False) and parts.in_session():
            owed[0] = True
            parts.events.add(events.VALUE_CHANGE)
        changed(change)

    parts.active = active
    parts.settings.changed = then
