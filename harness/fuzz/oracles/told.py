"""What oracles ask of programs and observations: what was sent, what it set, whether it was obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp.soap import Limits, Reading, recall
from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, End, Evidence, Observation
from harness.fuzz.program import Ask, Cut, Program, Raw, Repeat, Reply, Surface, Wanted

LIMITS: Final = Limits(size=64 * 1024 * 1024, depth=255)
_RESTARTING: Final = re.compile(
    rb"<(?:[\w.-]+:)?(?:Reboot|FactoryReset|Download|ScheduleDownload|ChangeDUState)[\s/>]"
)
"""RPCs that lead to a restart when they are obeyed."""
_RESTARTING_RESPONSES: Final = frozenset(
    f"{name}Response" for name in ("Reboot", "FactoryReset", "Download", "ScheduleDownload", "ChangeDUState")
)
_SHOWN: Final = 160
"""Characters of a foreign text that an alarm shows."""
_UNREAD: Final = Reading(None)


def alarm(
    oracle: str,
    symptom: str,
    expected: str,
    observed: str,
    *,
    kind: Kind = Kind.ROBUSTNESS,
    confidence: Confidence = Confidence.LIKELY,
    requirement: str = "",
    index: int = -1,
    messages: Iterable[str] = (),
) -> Alarm:
    """An alarm whose key is *oracle* and *symptom* (words without values, sizes and times)."""
    key = f"{oracle}:{symptom}" if symptom else oracle
    return Alarm(oracle, kind, confidence, expected, observed, key, requirement, index, tuple(messages))


def kind_of(requirement: str) -> Kind:
    """A breach of the standard has a clause; what has none is a matter of robustness."""
    return Kind.CONFORMANCE if requirement else Kind.ROBUSTNESS


def shown(text: str) -> str:
    """A text of program or device for one line: quoted, escaped, cut."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}... ({len(text)} characters)"


def reached(evidence: Evidence) -> list[int]:
    """Places of the programs that were delivered."""
    return [index for index, each in enumerate(evidence.observations) if each.end is not End.NOT_REACHED]


def only(evidence: Evidence) -> int:
    """The place of the program that was delivered alone, or -1: the batch as a whole did it."""
    places = reached(evidence)
    return places[0] if len(places) == 1 else -1


def obeyed(observation: Observation) -> bool:
    """The device answered that it has done something: the response of the RPC, or of another one."""
    if observation.answer in (Answer.RESPONSE, Answer.OTHER_RESPONSE):
        return True
    server = observation.program.surface is Surface.CONNECTION_REQUEST
    return server and observation.answer is Answer.HTTP and 200 <= observation.status < 300


def forbidden(program: Program) -> bool:
    """The program must have no effect."""
    return program.expectation.wanted in (Wanted.FAULT, Wanted.NOT_OBEYED)


def octets(program: Program) -> bytes:
    """All that the program writes, floods once; without the zero octets of UTF-16, so that names can be found."""
    parts = []
    for action in program.actions:
        match action:
            case Reply(body=data) | Ask(body=data) | Raw(data=data) | Repeat(data=data):
                parts.append(data.replace(b"\0", b"") if b"\0" in data else data)
            case _:
                pass
    return parts[0] if len(parts) == 1 else b"\n".join(parts)


def last_reply(program: Program) -> bytes | None:
    """The body of the program's last complete HTTP answer, where nothing was written after it; else ``None``."""
    for action in reversed(program.actions):
        match action:
            case Reply(body=body):
                return body
            case Raw() | Repeat() | Cut():
                return None
            case _:
                pass
    return None


def envelope(program: Program) -> Reading:
    """The last message of the program as the strict codec reads it; an empty reading where there is none."""
    body = last_reply(program)
    return recall(body, LIMITS) if body and body.strip() else _UNREAD


def asked(program: Program) -> str:
    """The name of the RPC that the program's last message calls; empty where it calls none or cannot be read."""
    found = envelope(program).envelope
    if found is None or isinstance(found.message, m.Fault):
        return ""
    message = found.message
    name = message.name if isinstance(message, m.UnknownMessage) else type(message).__name__
    return "" if name.endswith("Response") else name


def may_restart(observation: Observation, events: Iterable[str]) -> bool:
    """A device that restarts after this does what it was asked for."""
    program = observation.program
    if observation.end is End.NOT_REACHED or forbidden(program):
        return False
    if program.origin.destructive or observation.rpc in _RESTARTING_RESPONSES:
        return True
    if program.surface is Surface.FILE:
        return bool({"M Download", "7 TRANSFER COMPLETE", "M ScheduleDownload"} & set(events))
    return _RESTARTING.search(octets(program)) is not None


def restart_excused(evidence: Evidence) -> bool:
    """A program of the batch rightly makes the device restart, reset or reconfigure itself."""
    events = events_seen(evidence)
    return any(may_restart(each, events) for each in evidence.observations)


def events_seen(evidence: Evidence) -> tuple[str, ...]:
    """Event codes of the control after the batch and of the sessions that nobody asked for."""
    return (*evidence.after.snapshot.events, *(code for each in evidence.unexpected_informs for code in each))


def gone(evidence: Evidence) -> bool:
    """The device did not survive the batch: answers that are missing have their reason in that."""
    return not evidence.after.alive or ("1 BOOT" in events_seen(evidence) and not restart_excused(evidence))


def sets(program: Program) -> Mapping[str, tuple[str, str]]:
    """What a SetParameterValues asks to set, name to (value, type), its ParameterKey under ``ParameterKey``.

    Empty where the program calls something else or cannot be read; of a name that stands twice the last counts.
    """
    if b"SetParameterValues" not in octets(program):
        return {}
    found = envelope(program).envelope
    if found is None or not isinstance(found.message, m.SetParameterValues):
        return {}
    values = {each.name: (each.value, each.type or "") for each in found.message.parameter_list}
    return values | {PARAMETER_KEY: (found.message.parameter_key, "xsd:string")}


PARAMETER_KEY: Final = "ParameterKey"
"""Under this name `sets` gives the ParameterKey that belongs to the call, not to the list."""
