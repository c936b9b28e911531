"""Defects of the Inform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.cwmp.messages import Inform
from reference_cpe.defects.registry import defect, rewire
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
        announce=lambda: tuple(replace(event, event_code=event.event_code.title()) for event in original()),
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


@defect("command-key-lost", breaks=["cwmp.event.command-key"])
def command_key_lost(parts: Parts) -> None:
    """Events are reported without the CommandKey of the request that caused them."""
    _altered(
        parts,
        lambda inform: replace(inform, event=tuple(replace(event, command_key="") for event in inform.event)),
    )
