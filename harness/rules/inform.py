"""Wire rules of the Inform and its events (TR-069 A.3.3.1, 3.7.1.5; forced parameters: the data models)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from harness.cwmp import datatypes, events
from harness.cwmp import inform as forced
from harness.cwmp import messages as m
from harness.rules.rule import Report, rule, shown
from harness.rules.view import View, problems

_ROOT_VERSION: Final = "Device.RootDataModelVersion"
"""Forced since Device:2.4, which brought it; an Inform does not tell which version an older device has."""
_IDENTITY: Final = {
    "Manufacturer": "manufacturer",
    "ManufacturerOUI": "oui",
    "ProductClass": "product_class",
    "SerialNumber": "serial_number",
}
"""Parameters of DeviceInfo that DeviceId repeats."""
_OUI: Final = re.compile(r"[0-9A-F]{6}")

_LONGEST_KEY: Final = 32


@rule("forced-parameters", verifies="cwmp.inform.forced-parameters")
def forced_parameters(view: View, report: Report) -> None:
    """Every Inform carries the forced parameters of its data model."""
    for turn, inform in view.informs:
        names = [each.name for each in inform.parameter_list]
        missing = list(forced.missing(forced.root_of(names) or forced.Root.DEVICE_2, names))
        if not missing:
            report.kept()
            continue
        only_version = missing == [_ROOT_VERSION]
        report.broken(
            turn.request,
            expected=f"{_ROOT_VERSION}, from Device:2.4 on" if only_version else "all forced parameters",
            observed="missing: " + ", ".join(missing),
            minor=only_version,
        )


@rule("device-id", verifies="cwmp.inform.device-id")
def device_id(view: View, report: Report) -> None:
    """DeviceId is well-formed (OUI of six upper-case hexadecimal digits) and agrees with DeviceInfo."""
    for turn, inform in view.informs:
        wrong = [each for each in problems(turn, "argument.value") if "/cwmp:Inform/DeviceId" in each.where]
        oui = inform.device_id.oui
        if not _OUI.fullmatch(oui) and not any(each.where.endswith("/OUI") for each in wrong):
            report.broken(
                turn.request, expected="OUI of six upper-case hexadecimal digits", observed=shown(oui)
            )
        elif contrary := _contradictions(inform):
            report.broken(turn.request, expected="DeviceId equal to DeviceInfo", observed="; ".join(contrary))
        else:
            report.problems(turn.request, wrong)


def _contradictions(inform: m.Inform) -> list[str]:
    found = []
    for parameter in inform.parameter_list:
        path, _, last = parameter.name.rpartition(".")
        if path not in ("Device.DeviceInfo", "InternetGatewayDevice.DeviceInfo") or last not in _IDENTITY:
            continue
        said = getattr(inform.device_id, _IDENTITY[last])
        if said != parameter.value:
            found.append(f"{_IDENTITY[last]} {shown(said)}, {parameter.name} {shown(parameter.value)}")
    return found


@rule("max-envelopes", verifies="cwmp.inform.max-envelopes")
def max_envelopes(view: View, report: Report) -> None:
    """MaxEnvelopes is 1."""
    for turn, inform in view.informs:
        unread = [
            each for each in problems(turn, "argument.value") if "/cwmp:Inform/MaxEnvelopes" in each.where
        ]
        observed = unread[0].found if unread else f"{inform.max_envelopes}"
        report.check(
            inform.max_envelopes == 1 and not unread,
            turn.request,
            expected="MaxEnvelopes 1",
            observed=observed,
        )


@rule("current-time", verifies="cwmp.inform.current-time")
def current_time(view: View, report: Report) -> None:
    """CurrentTime is a dateTime with zone; without the time it is time since boot, or Unknown Time."""
    for turn, inform in view.informs:
        wrong = datatypes.time_problem(inform.current_time)
        if wrong is None:
            report.kept()
            continue
        # Time since boot with a Z is wrong by TR-106 but harms nobody: the year says what it is.
        report.broken(
            turn.request,
            expected="a dateTime with zone, or time since boot without",
            observed=f"{shown(inform.current_time)}: {wrong}",
            minor=datatypes.problem("dateTime", inform.current_time) is None
            and inform.current_time.startswith("0"),
        )


@rule("no-duplicate-parameter", verifies="cwmp.inform.no-duplicate-parameter")
def no_duplicate_parameter(view: View, report: Report) -> None:
    """No parameter stands twice in an Inform."""
    for turn, inform in view.informs:
        twice = [each for each, count in Counter(p.name for p in inform.parameter_list).items() if count > 1]
        report.check(
            not twice,
            turn.request,
            expected="each parameter once",
            observed="more than once: " + ", ".join(map(shown, twice[:5])),
        )


def _is_single(code: str) -> bool:
    """The standard lets the event stand once in an Inform, and gives it no CommandKey."""
    info = events.EVENTS.get(code)
    return info is not None and not info.multiple


@rule("event-list", verifies="cwmp.inform.event-list")
def event_list(view: View, report: Report) -> None:
    """The Event list names why the session is there: at most 64 entries, single events at most once."""
    for turn, inform in view.informs:
        counts = Counter(each.event_code for each in inform.event)
        twice = [code for code, count in counts.items() if count > 1 and _is_single(code)]
        if twice:
            report.broken(
                turn.request, expected="a single event at most once", observed="twice: " + ", ".join(twice)
            )
        elif not inform.event and inform.retry_count == 0:
            # A retry may have nothing left to tell: 6 CONNECTION REQUEST, say, is never retried.
            report.broken(turn.request, expected="at least one event", observed="an empty list")
        else:
            report.check(
                len(inform.event) <= events.MOST,
                turn.request,
                expected=f"at most {events.MOST} events",
                observed=f"{len(inform.event)} events",
            )


@rule("event-strings", verifies="cwmp.event.strings")
def event_strings(view: View, report: Report) -> None:
    """An event code is one of the standard's strings, character for character, or a vendor's own."""
    for turn, inform in view.informs:
        for event in inform.event:
            code = event.event_code
            report.check(
                events.is_known(code),
                turn.request,
                expected="an event code of TR-069 3.7.1.5",
                observed=shown(code),
            )


@rule("command-key", verifies="cwmp.event.command-key")
def command_key(view: View, report: Report) -> None:
    """Only events of a method (M ...) have a CommandKey, of at most 32 characters."""
    for turn, inform in view.informs:
        for event in inform.event:
            if _is_single(event.event_code):
                right, expected = not event.command_key, f"no CommandKey with {event.event_code}"
            else:
                right, expected = (
                    len(event.command_key) <= _LONGEST_KEY,
                    "a CommandKey of at most 32 characters",
                )
            report.check(right, turn.request, expected=expected, observed=shown(event.command_key))
