"""The short way of a plain connection request: read, judged and answered in the step in which it came.

A lane takes what is beyond doubt, whole requests without a body in the strictest form (RFC 9112), and answers them with
the octets that h11 would write. As soon as anything else can be seen it hands the connection, and all that it has not
answered, to the listener's long way, which knows everything. It never waits: what it answers is done when it answers.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from reference_cpe.http import Headers

LONGEST: Final = 4096
"""Octets of a head on the short way: as many as the long way reads at once, so that its bounds are never in question."""
_LINE: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n"
_REQUEST: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.1\r\n((?:" + _LINE + rb")+)\r\n"
)
_HOST: Final = re.compile(rb"(?:\A|\n)host:", re.IGNORECASE)
_AUTHORIZATION: Final = re.compile(rb"(?:\A|\n)authorization:([^\r]*)", re.IGNORECASE)
_LONG_WAY: Final = re.compile(
    rb"(?:\A|\n)(?:content-length|transfer-encoding|connection|expect|upgrade):", re.IGNORECASE
)
"""What changes where a request ends, or what becomes of the connection."""


class Plain(NamedTuple):
    """A request that needs no more than this to be judged."""

    method: bytes
    target: bytes
    authorizations: tuple[bytes, ...]


def plain(data: bytes, start: int) -> tuple[Plain, int] | None:
    """The request at *start* and where it ends; ``None`` where it is not whole or not plain."""
    end = data.find(b"\r\n\r\n", start, start + LONGEST)
    if end < 0:
        return None
    found = _REQUEST.fullmatch(data, start, end + 4)
    if found is None:
        return None
    method, target, lines = found.groups()
    if method == b"CONNECT" or len(_HOST.findall(lines)) != 1 or _LONG_WAY.search(lines):
        return None
    return Plain(
        method, target, tuple(value.strip(b" \t") for value in _AUTHORIZATION.findall(lines))
    ), end + 4


def _may_become_plain(rest: bytes) -> bool:
    """Whether h11 too would wait for more: it takes a control or a blank for no request at all, and LF for a line's end."""
    return (
        len(rest) < LONGEST
        and (not rest or rest[0] >= 0x21)
        and b"\n\n" not in rest
        and b"\n\r\n" not in rest
    )


def written(status: int, reason: str, headers: Headers) -> bytes:
    """A response without a body, as h11 writes it."""
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


class Lane(asyncio.Protocol):
    """One connection on the short way.

    *answer* gives the octets of an answer; *admit* says whether one more connection is served; *heard* is told when the
    last request is answered and the time for the next one begins, *left* when the lane is over; *hand_over* takes the long way.
    """

    def __init__(
        self,
        answer: Callable[[Plain, Callable[[bytes], None]], None],
        admit: Callable[[Lane], bool],
        heard: Callable[[Lane], None],
        left: Callable[[Lane], None],
        hand_over: Callable[[Lane, asyncio.Transport, bytes], asyncio.Protocol],
    ) -> None:
        self._answer = answer
        self._admit = admit
        self._heard = heard
        self._left = left
        self._hand_over = hand_over
        self._transport: asyncio.Transport | None = None
        self._unanswered = b""
        self._full = False
        """The client does not take the answers: nothing more is read until it does."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._admit(self):
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._unanswered += data
        self._go_on()

    def _go_on(self) -> None:
        transport, data, start = self._transport, self._unanswered, 0
        if transport is None or transport.is_closing():
            return
        while start < len(data) and not self._full:
            found = plain(data, start)
            if found is None:
                if _may_become_plain(data[start:]):
                    break
                self._unanswered = b""
                self._hand_over(self, transport, data[start:])
                return
            request, start = found
            self._answer(request, transport.write)
            if transport.is_closing():
                return
        self._unanswered = data[start:]
        if start:
            self._heard(self)

    def eof_received(self) -> bool:
        rest, self._unanswered = self._unanswered, b""
        if not rest or self._transport is None:
            return False
        return bool(self._hand_over(self, self._transport, rest).eof_received())

    def pause_writing(self) -> None:
        self._full = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._full = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left(self)

    def close(self) -> None:
        """End the connection when what was answered has gone out."""
        self._left(self)
        if self._transport is not None:
            self._transport.close()
