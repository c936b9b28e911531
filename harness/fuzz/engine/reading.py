"""Answers of the device as observations: what kind of message, which fault, which values. Pure."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from harness.cwmp import messages as m
from harness.cwmp.soap import Limits, Reading, recall
from harness.fuzz.evidence import Answer, Observation
from harness.verdict.transcript import HttpMessage

LIMITS: Final = Limits(size=64 * 1024 * 1024, depth=255)
SAID: Final = 8
"""Problems of an answer that are told."""
_UNREAD: Final = Reading(None)
_ID: Final = re.compile(rb"<(?:[\w.-]+:)?ID(?:\s[^>]*)?>([^<]*)</")


def reading(data: bytes) -> Reading:
    """*data* as the codec reads it; an empty reading for an empty text."""
    if not data.strip():
        return _UNREAD
    return recall(data, LIMITS)


def reading_of(message: HttpMessage) -> Reading:
    """The body of *message* as SOAP."""
    return reading(message.body)


def sent_id(body: bytes) -> str | None:
    """The cwmp:ID in what was sent; ``None`` where it has none that can be read."""
    if b"ID" not in body:
        return None
    envelope = reading(body).envelope
    return envelope.header.id if envelope is not None else None


def observed(seen: Observation, answer: HttpMessage, sent: bytes) -> Observation:
    """*seen*, completed from the device's answer to *sent*."""
    found = reading_of(answer)
    problems = tuple(
        f"{each.code}: expected {each.expected}, found {each.found}"[:300] for each in found.violations[:SAID]
    )
    if found.envelope is None:
        return msgspec.structs.replace(seen, answer=Answer.UNREADABLE, problems=problems)
    message = found.envelope.message
    name = message.name if isinstance(message, m.UnknownMessage) else type(message).__name__
    fault = message if isinstance(message, m.Fault) else None
    return msgspec.structs.replace(
        seen,
        answer=_kind(message, name, sent),
        rpc=name,
        fault_code=(fault.fault_code or 0) if fault else 0,
        parameter_faults=tuple((each.parameter_name, each.fault_code) for each in fault.parameter_faults)
        if fault
        else (),
        id_got=found.envelope.header.id,
        problems=problems,
        values=tuple((each.name, each.value) for each in message.parameter_list)
        if isinstance(message, m.GetParameterValuesResponse)
        else (),
    )


def _kind(message: m.Message, name: str, sent: bytes) -> Answer:
    if isinstance(message, m.Fault):
        return Answer.FAULT
    if not name.endswith("Response"):
        return Answer.REQUEST
    asked = name.removesuffix("Response")
    envelope = reading(sent).envelope
    if envelope is None:
        return Answer.RESPONSE if asked.encode() in sent.replace(b"\0", b"") else Answer.OTHER_RESPONSE
    called = (
        envelope.message.name
        if isinstance(envelope.message, m.UnknownMessage)
        else type(envelope.message).__name__
    )
    return Answer.RESPONSE if called == asked else Answer.OTHER_RESPONSE
