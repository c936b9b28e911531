"""The right requests of a connection request, as templates, and programs made of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from harness.fuzz.http.edits import apply, says
from harness.fuzz.program import (
    Action,
    Connect,
    Cut,
    Edit,
    Expect,
    Expectation,
    Origin,
    Program,
    Raw,
    Surface,
    Wanted,
)

PLAIN: Final = b"GET @{cr.target} HTTP/1.1\r\nHost: @{cr.host}\r\n\r\n"
"""What an ACS asks first."""
LOGIN: Final = b"GET @{cr.target} HTTP/1.1\r\nHost: @{cr.host}\r\nAuthorization: @{cr.authorization}\r\n\r\n"
"""What it asks then; its parameters are whatever the challenge wants."""
FIELDS: Final = (
    b"GET @{cr.target} HTTP/1.1\r\nHost: @{cr.host}\r\n"
    b'Authorization: Digest username="@{cr.user}", realm="@{cr.realm}", nonce="@{cr.nonce}", uri="@{cr.target}", '
    b'response="@{cr.response}", qop=auth, nc=00000001, cnonce="0a4f113b"@{cr.echo}\r\n\r\n'
)
"""The same with its parameters in the open, to be edited one by one."""
CORRECT: Final = frozenset({PLAIN, LOGIN})
"""Wire rules judge the device's answers to these alone."""
_FRAMING: Final = re.compile(rb"content-length|transfer-encoding|expect", re.IGNORECASE)
ANSWER: Final = 15.0
"""Seconds of the device's time for an answer."""

CREDENTIALS: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="lcos.connection-request.credentials",
    because="LCOS Refmanual, CWMP page, Connection request user; TR-069 Amendment 6, 3.2.2",
)
DIGEST: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="lcos.connection-request.digest-verified",
    because="TR-069 Amendment 6, 3.2.2.2; RFC 7616 3.4.6",
)
REPLAY: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="lcos.connection-request.replay",
    because="TR-069 Amendment 6, 3.2.2.2; RFC 7616 5.5",
)
PATH: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="lcos.connection-request.path",
    because="LCOS Refmanual, CWMP page; TR-069 Amendment 6, 3.2.2",
)
ABUSE: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="cwmp.robust.connection-request-abuse",
    because="Robustness; no sentence of TR-069 asks for it",
)
OPEN: Final = Expectation(because="only robustness is judged: a device may take it or refuse it")


def plain(edits: Sequence[Edit], *, half: bool = False) -> tuple[Action, ...]:
    """One request without a login. *half* ends our direction behind it: what misses something is then not
    waited for."""
    return _asked(apply(PLAIN, edits), half)


def login(edits: Sequence[Edit], template: bytes = FIELDS, *, half: bool = False) -> tuple[Action, ...]:
    """The challenge, and then a request with a login."""
    return (Raw(PLAIN), Expect(ANSWER), *_asked(apply(template, edits), half))


def replayed() -> tuple[Action, ...]:
    """A login that works, and the same octets once more on another connection."""
    return (*login((), LOGIN), Connect(), Raw(LOGIN), Expect(ANSWER))


def open_ended(data: bytes) -> bool:
    """Whether a server may wait for more behind *data*: its head has no end, or may announce a body."""
    return not data.endswith(b"\r\n\r\n") or _FRAMING.search(data) is not None


def _asked(data: bytes, half: bool) -> tuple[Action, ...]:
    return (Raw(data), Cut("half"), Expect(ANSWER)) if half else (Raw(data), Expect(ANSWER))


def program(
    actions: Sequence[Action],
    expectation: Expectation,
    origin: Origin,
    words: str = "",
) -> Program:
    """A program of this surface; its words are those of its edits where none are given."""
    return Program(
        Surface.CONNECTION_REQUEST, tuple(actions), expectation, words or says(origin.edits), origin
    )
