"""Defects of what follows: transfers and their reports, periodic Informs, sessions after a bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from harness.cwmp import events
from harness.cwmp.messages import EventStruct, Message, ParameterValueStruct
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Handler, Parts
from reference_cpe.session import Action, Session

TRANSFERRED: Final = "7 TRANSFER COMPLETE"


@defect(
    "transfer-not-reported",
    breaks=[
        "cwmp.download.reported",
        "lcos.file.executed-when-on",
        "cwmp.event.command-key",
        "lcos.firmware.both-on",
        "cwmp.inform.event-list",
    ],
)
def transfer_not_reported(parts: Parts) -> None:
    """A script that was fetched and executed is reported to nobody."""
    add = parts.events.add

    def added(code: str, key: str = "", transfer: int | None = None) -> None:
        if code not in (TRANSFERRED, "M Download"):
            add(code, key, transfer)

    rewire(parts.events, add=added)
    rewire(parts.transfers, reported=list)


def _leaving_out(*codes: str) -> Callable[[Parts], None]:
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

    def update(data: bytes) -> bool:
        parts.store.update(next_version=f"0.0.{len(data)}")
        return True

    rewire(parts.transfers, update_firmware=update, permitted=lambda _kind: True)


# --- periodic Informs -----------------------------------------------------------------------------------

ENABLE: Final = "ManagementServer.PeriodicInformEnable"


@defect("toggle-by-acs-without-effect", breaks=["lcos.periodic.runtime-toggle", "lcos.periodic.off"])
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
    original, judge = parts.settings.check, parts.model.judge

    def judged(wanted: ParameterValueStruct) -> tuple[int, str] | None:
        return (
            None if wanted.name.endswith("PeriodicInformInterval") and wanted.value == "0" else judge(wanted)
        )

    def check(key: str, value: object) -> Any:
        zero = key == "periodic_inform_interval" and value == 0 and not isinstance(value, bool)
        return original(key, 86400 if zero else value)

    rewire(parts.settings, check=check)
    rewire(parts.model, judge=judged)


# --- sessions -------------------------------------------------------------------------------------------


def _locked_by(bad: Callable[[int, bytes], bool]) -> Callable[[Parts], None]:
    """An answer to the Inform that is *bad* locks CWMP until the device restarts."""

    def apply(parts: Parts) -> None:
        class Locking(Session):
            def receive(self, status: int, body: bytes) -> Action:
                if not self.informed and bad(status, body):
                    rewire(parts, active=lambda: False)
                return super().receive(status, body)

        parts.session = Locking

    return apply


for _name, _summary, _bad in (
    ("fault-to-inform-locks", "An Inform that is answered with a SOAP fault locks CWMP until the device restarts.",
     lambda _status, body: b"Fault>" in body),
    ("html-locks", "A web page in place of the InformResponse locks CWMP until the device restarts.",
     lambda _status, body: b"<html" in body.lower()),
    ("busy-server-locks", "Status 503 in answer to the Inform locks CWMP until the device restarts.",
     lambda status, _body: status == 503),
    ("missing-page-locks", "Status 404 in answer to the Inform locks CWMP until the device restarts.",
     lambda status, _body: status == 404),
):  # fmt: skip
    tabled(_name, _summary, ["cwmp.robust.next-session-works"], _locked_by(_bad))


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
