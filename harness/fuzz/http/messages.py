"""HTTP answers of the ACS as octets, and programs made of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http.edits import apply, says
from harness.fuzz.program import (
    Action,
    Cut,
    Edit,
    Expect,
    Expectation,
    Origin,
    Program,
    Raw,
    Reply,
    Surface,
    Wanted,
)
from harness.fuzz.session.steps import ANSWER, envelope, get_values, http, inform_response

GREETED: Final[tuple[Action, ...]] = (Reply(envelope(inform_response())), Expect(ANSWER))
"""The Inform has its response, the device's empty POST waits for an answer."""


ANYTHING: Final = Expectation(because="only robustness is judged")
FRAMING: Final = Expectation(
    Wanted.SUCCESS, requirement="cwmp.http.response-framing", because="RFC 9112 6 and 7; RFC 9110 5"
)
XML: Final = "Content-Type: text/xml"
FIN: Final[tuple[Action, ...]] = (Cut("fin"), Expect(ANSWER))
WAIT: Final[tuple[Action, ...]] = (Expect(ANSWER),)


@dataclass(frozen=True, slots=True)
class Row:
    """A hand-written case: id, dimension, what may follow, what is done, in words."""

    name: str
    dimension: str
    expectation: Expectation
    actions: tuple[Action, ...]
    words: str


def head(status_line: str, *headers: str) -> bytes:
    """A head as octets; texts are latin-1."""
    return "\r\n".join([status_line, *headers, "", ""]).encode("latin-1")


def template(device: DeviceFacts) -> bytes:
    """The right answer to the empty POST: GetParameterValues in HTTP with a length."""
    return http(get_values(device, namespace=device.namespace))


def in_place(*data: Action, then: Sequence[Action] = (Expect(ANSWER),)) -> tuple[Action, ...]:
    """*data* in place of the InformResponse."""
    return (*data, *then)


def in_session(*data: Action, then: Sequence[Action] = (Expect(ANSWER),)) -> tuple[Action, ...]:
    """*data* as the answer to the empty POST."""
    return (*GREETED, *data, *then)


def edited(device: DeviceFacts, edits: Sequence[Edit], *, ends: bool = True) -> tuple[Action, ...]:
    """The right answer with *edits*; *ends*: our direction ends behind it, so that nothing more is waited for."""
    data = apply(template(device), edits)
    then: tuple[Action, ...] = (Cut("fin"), Expect(ANSWER)) if ends else (Expect(ANSWER),)
    return in_session(Raw(data), then=then)


def program(actions: Sequence[Action], expectation: Expectation, origin: Origin, words: str = "") -> Program:
    """A program of the surface ``http``."""
    return Program(Surface.HTTP, tuple(actions), expectation, words or says(origin.edits), origin)
