"""Defects of what follows: transfers and their reports, periodic Informs, sessions after a bad one."""

from __future__ import annotations

from typing import Any, Final

from harness.cwmp import events
from harness.cwmp.messages import EventStruct, Message
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Handler, Parts
from reference_cpe.session import Action, End, Session

TRANSFERRED: Final = "7 TRANSFER COMPLETE"


@defect(
    "transfer-not-reported",
    breaks=["cwmp.download.reported", "lcos.file.executed-when-on", "cwmp.event.command-key"],
)
def transfer_not_reported(parts: Parts) -> None:
    """A script that was fetched and executed is reported to nobody."""
    add = parts.events.add

    def added(code: str, key: str = "", transfer: int | None = None) -> None:
        if code not in (TRANSFERRED, "M Download"):
            add(code, key, transfer)

    rewire(parts.events, add=added)
    rewire(parts.transfers, reported=list)


def _leaving_out(*codes: str) -> Any:
    """The Inform that announces a transfer lacks these events."""

    def apply(parts: Parts) -> None:
        original = parts.events.announce

        def announce() -> tuple[EventStruct, ...]:
            found = original()
            if TRANSFERRED not in [each.event_code for each in found]:
                return found
            return tuple(each for each in found if each.event_code not in codes)

        rewire(parts.events, announce=announce)

    return apply


UPDATED = "lcos.firmware.updated-when-on"
for _name, _summary, _breaks, _codes in (
    ("update-announced-without-boot", "The Inform after a firmware update does not tell that the device has booted.",
     ["cwmp.download.reported-after-applying", UPDATED, "cwmp.event.firmware-change"], (events.BOOT,)),
    ("new-version-not-announced", "After a firmware update the change of SoftwareVersion is no event.",
     ["cwmp.event.firmware-change"], (events.VALUE_CHANGE,)),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _leaving_out(*_codes))


@defect("any-file-is-firmware", breaks=["lcos.firmware.disguised"])
def any_file_is_firmware(parts: Parts) -> None:
    """Whatever comes under the file type of a firmware is installed, whether it is one and whether updates are allowed."""

    def update(_data: bytes) -> bool:
        parts.store.update(next_version="unknown")
        return True

    rewire(parts.transfers, update_firmware=update, permitted=lambda _kind: True)


# --- periodic Informs -----------------------------------------------------------------------------------

ENABLE: Final = "ManagementServer.PeriodicInformEnable"


@defect("toggle-by-acs-without-effect", breaks=["lcos.periodic.runtime-toggle"])
def toggle_by_acs_without_effect(parts: Parts) -> None:
    """Switched by the ACS, the periodic Inform goes on as before until the device restarts."""
    original = parts.model.set

    def changed(wanted: Any, parameter_key: str | None = None) -> None:
        before = parts.timers.enabled()
        if any(each.name.endswith(ENABLE) for each in wanted):
            rewire(parts.timers, enabled=lambda: before)
        original(wanted, parameter_key)

    rewire(parts.model, set=changed)


@defect("fourth-interval-short", breaks=["lcos.periodic.no-duplicates"])
def fourth_interval_short(parts: Parts) -> None:
    """Every fourth periodic Inform comes after half the interval."""
    original, count = parts.timers.delay, [0]

    def delay() -> float:
        count[0] += 1
        return original() / (2 if count[0] % 4 == 0 else 1)

    rewire(parts.timers, delay=delay)


@defect("interval-zero-is-a-day", breaks=["cwmp.periodic.zero-fault"])
def interval_zero_is_a_day(parts: Parts) -> None:
    """A periodic Inform interval of 0 is taken without a fault, for a day."""
    original = parts.settings.check

    def check(key: str, value: object) -> Any:
        zero = key == "periodic_inform_interval" and value == 0 and not isinstance(value, bool)
        return original(key, 86400 if zero else value)

    rewire(parts.settings, check=check)


# --- sessions -------------------------------------------------------------------------------------------


@defect("refused-inform-locks", breaks=["cwmp.robust.next-session-works"])
def refused_inform_locks(parts: Parts) -> None:
    """An Inform that is not answered as it should be locks CWMP until the device restarts."""

    class Locking(Session):
        def receive(self, status: int, body: bytes) -> Action:
            action = super().receive(status, body)
            if isinstance(action, End) and not action.successful and not self.informed:
                rewire(parts, active=lambda: False)
            return action

    parts.session = Locking


@defect("queries-on-request-only", breaks=["lcos.session.acs-may-query"])
def queries_on_request_only(parts: Parts) -> None:
    """The ACS may ask something only in a session that it has asked for; in all others its requests are denied."""
    original = parts.events.announce
    asked_for = [False]

    def announce() -> tuple[EventStruct, ...]:
        found = original()
        asked_for[0] = events.CONNECTION_REQUEST in [each.event_code for each in found]
        return found

    def denying(handler: Handler) -> Handler:
        def handle(parts: Parts, request: Any) -> Message:
            if not asked_for[0]:
                raise CwmpFault(9001, "Request denied")
            return handler(parts, request)

        return handle

    rewire(parts.events, announce=announce)
    parts.rpc.update({name: denying(handler) for name, handler in parts.rpc.items()})
