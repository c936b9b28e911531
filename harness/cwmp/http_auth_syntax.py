"""The syntax of WWW-Authenticate and Authorization (RFC 9110 11.2 to 11.6), read leniently."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_SKIP = re.compile(r"[ \t,]*")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_EQUALS = re.compile(r"[ \t]*=[ \t]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_BARE = re.compile(r"[^ \t,]*")
_TOKEN68 = re.compile(r"[ \t]+([A-Za-z0-9\-._~+/]+=*)[ \t]*(?=,|$)")
_MOST: Final = 64
"""Parameters a header may hold before it counts as hostile."""


class AuthError(ValueError):
    """An authentication header that cannot be read or answered."""


@dataclass(slots=True)
class Challenge:
    """A scheme (lower case) with its parameters (names in lower case) or its single token."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)
    token: str | None = None


def quote(text: str) -> str:
    """*text* as a quoted-string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def parse_header(value: str) -> list[Challenge]:
    """The challenges (or the credentials) of one header value.

    Quoted and bare values, blanks around ``=``, empty list elements and unknown parameters are taken; of a
    parameter given twice the first counts.

    Raises:
        AuthError: a place where neither a scheme nor a parameter stands, or a quoted value without end.
    """
    challenges: list[Challenge] = []
    at = _end(_SKIP, value, 0)
    count = 0
    while at < len(value):
        token = _TOKEN.match(value, at)
        if token is None or count > _MOST:
            raise AuthError(f"neither scheme nor parameter at {value[at : at + 20]!r}")
        count += 1
        equals = _EQUALS.match(value, token.end())
        if equals is not None and challenges:
            text, at = _value(value, equals.end())
            challenges[-1].parameters.setdefault(token[0].lower(), text)
        else:
            challenge = Challenge(token[0].lower())
            challenges.append(challenge)
            at = token.end()
            single = _TOKEN68.match(value, at)
            if single is not None:
                challenge.token, at = single[1], single.end()
        at = _end(_SKIP, value, at)
    return challenges


def _end(pattern: re.Pattern[str], value: str, at: int) -> int:
    match = pattern.match(value, at)
    return at if match is None else match.end()


def _value(value: str, at: int) -> tuple[str, int]:
    quoted = _QUOTED.match(value, at)
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    if value.startswith('"', at):
        raise AuthError(f"a quoted value without end at {value[at : at + 20]!r}")
    bare = _BARE.match(value, at)
    assert bare is not None
    return bare[0], bare.end()
