"""Defects of the Inform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.cwmp.messages import EventStruct, Inform
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.parts import Parts


def _altered(parts: Parts, alter: Callable[[Inform], Inform]) -> None:
    original = parts.informer.message
    rewire(parts.informer, message=lambda: alter(original()))


@defect("forced-parameter-missing", breaks=["cwmp.inform.forced-parameters"])
def forced_parameter_missing(parts: Parts) -> None:
    """The Inform lacks the ParameterKey."""
    parts.model.forced = tuple(name for name in parts.model.forced if not name.endswith("ParameterKey"))


@defect("event-string-wrong", breaks=["cwmp.event.strings"])
def event_string_wrong(parts: Parts) -> None:
    """Event codes are written in another case."""
    original = parts.events.announce
    rewire(
        parts.events,
        announce=lambda: tuple(
            event if event.event_code[0] == "6" else replace(event, event_code=event.event_code.title())
            for event in original()
        ),
    )


@defect("max-envelopes-0", breaks=["cwmp.inform.max-envelopes"])
def max_envelopes_0(parts: Parts) -> None:
    """MaxEnvelopes is 0."""
    _altered(parts, lambda inform: replace(inform, max_envelopes=0))


@defect("oui-lower-case", breaks=["cwmp.inform.device-id"])
def oui_lower_case(parts: Parts) -> None:
    """The OUI is written in lower case."""
    _altered(
        parts,
        lambda inform: replace(inform, device_id=replace(inform.device_id, oui=inform.device_id.oui.lower())),
    )


@defect("time-without-zone", breaks=["cwmp.inform.current-time"])
def time_without_zone(parts: Parts) -> None:
    """CurrentTime does not say which zone it is in."""
    _altered(parts, lambda inform: replace(inform, current_time=inform.current_time.removesuffix("Z")))


@defect("parameter-twice", breaks=["cwmp.inform.no-duplicate-parameter"])
def parameter_twice(parts: Parts) -> None:
    """The first parameter of the Inform stands in it twice."""
    _altered(
        parts,
        lambda inform: replace(inform, parameter_list=(*inform.parameter_list, inform.parameter_list[0])),
    )


@defect("command-key-lost", breaks=["cwmp.event.command-key-exact"], awaiting="tr069 suites")
def command_key_lost(parts: Parts) -> None:
    """Events are reported without the CommandKey of the request that caused them."""
    _altered(
        parts,
        lambda inform: replace(inform, event=tuple(replace(event, command_key="") for event in inform.event)),
    )


def _times(alter: Callable[[str], str]) -> Callable[[Parts], None]:
    return lambda parts: _altered(
        parts, lambda inform: replace(inform, current_time=alter(inform.current_time))
    )


def _ids(**fields: Callable[[str], str]) -> Callable[[Parts], None]:
    """Fields of DeviceId pass through a function."""

    def alter(inform: Inform) -> Inform:
        changes = {name: change(getattr(inform.device_id, name)) for name, change in fields.items()}
        return replace(inform, device_id=replace(inform.device_id, **changes))

    return lambda parts: _altered(parts, alter)


def _events(alter: Callable[[Inform], tuple[EventStruct, ...]]) -> Callable[[Parts], None]:
    return lambda parts: _altered(parts, lambda inform: replace(inform, event=alter(inform)))


def _woken(inform: Inform) -> tuple[EventStruct, ...]:
    """6 CONNECTION REQUEST, if it is among the events: other requirements hang on it."""
    return tuple(event for event in inform.event if event.event_code[0] == "6")


_TIME, _ID, _LIST = "cwmp.inform.current-time", "cwmp.inform.device-id", "cwmp.inform.event-list"

for _name, _summary, _breaks, _apply in (
    ("time-with-space", "CurrentTime has a space between date and time.", _TIME,
     _times(lambda text: text.replace("T", " "))),
    ("time-without-seconds", "CurrentTime ends with the minutes.", _TIME, _times(lambda text: f"{text[:16]}Z")),
    ("time-in-unix-seconds", "CurrentTime is a number of seconds.", _TIME, _times(lambda _text: "1763830000")),
    ("oui-with-colons", "The OUI is written with colons.", _ID,
     _ids(oui=lambda text: ":".join((text[:2], text[2:4], text[4:])))),
    ("oui-with-0x", "The OUI is written as a hexadecimal number of a programming language.", _ID,
     _ids(oui=lambda text: f"0x{text}")),
    ("serial-number-too-long", "The serial number is longer than DeviceId allows.", _ID,
     _ids(serial_number=lambda text: text.ljust(70, "0"))),
    ("event-list-empty", "The Inform lists no event, unless it follows a connection request.", _LIST, _events(lambda inform: _woken(inform) or ())),
    ("event-twice", "The first event is listed twice.", _LIST,
     _events(lambda inform: (*inform.event[:1], *inform.event))),
    ("event-without-number", "Event codes are written without their number.", "cwmp.event.strings",
     _events(lambda inform: tuple(e if e.event_code[0] == "6" else replace(e, event_code=e.event_code[2:]) for e in inform.event))),
    ("boot-misspelt", "The event of a boot is written 1 REBOOT.", "cwmp.event.strings",
     _events(lambda inform: tuple(
         replace(e, event_code="1 REBOOT") if e.event_code == "1 BOOT" else e for e in inform.event))),
    ("command-key-invented", "Every event has a CommandKey, asked for or not.", "cwmp.event.command-key",
     _events(lambda inform: tuple(replace(e, command_key="key") for e in inform.event))),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], _apply)


@defect("forced-url-missing", breaks=["cwmp.inform.forced-parameters"])
def forced_url_missing(parts: Parts) -> None:
    """Only the Inform after boot bears the ConnectionRequestURL."""
    original = parts.informer.message

    def message() -> Inform:
        inform = original()
        if any(event.event_code == "1 BOOT" for event in inform.event):
            return inform
        kept = tuple(e for e in inform.parameter_list if not e.name.endswith("ConnectionRequestURL"))
        return replace(inform, parameter_list=kept)

    rewire(parts.informer, message=message)


@defect("max-envelopes-2", breaks=["cwmp.inform.max-envelopes"])
def max_envelopes_2(parts: Parts) -> None:
    """MaxEnvelopes is 2."""
    _altered(parts, lambda inform: replace(inform, max_envelopes=2))
