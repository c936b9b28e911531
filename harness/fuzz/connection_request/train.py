"""Many programs on one connection: plain requests one behind the other, and last one that may end the connection.

What a server must take on a persistent connection (RFC 9112 9.3, pipelining 9.3.2) needs no connection of its own. Each
program is still one request with an answer of its own, which is read. A program that a train has not brought an answer
for, whatever the reason, has seen nothing that could be judged: it is done again alone, as `harness.fuzz.connection_request.course`
does it, so that a device which knows no persistent connections is not found guilty of it.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from harness.fuzz.connection_request.course import (
    AT_ONCE,
    KEPT,
    SEND_LIMIT,
    Line,
    Steps,
    Wait,
    noted,
    observed,
    opened,
    readable,
    sent,
)
from harness.fuzz.connection_request.messages import CORRECT
from harness.fuzz.evidence import End, Observation
from harness.fuzz.program import Cut, Expect, Program, Raw, fill
from harness.lab.http1 import HttpError
from harness.lab.http1_head import Parsed, check_response, read_headers
from harness.verdict.transcript import Chunk, Closed, Direction, HttpMessage

if TYPE_CHECKING:
    from harness.fuzz.connection_request.client import DoorClient

LONGEST: Final = 4096
"""Octets of a request that is sent together with others."""
SEATS: Final = 8
"""Programs of a train, the last included."""
_LINE: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n"
_PLAIN: Final = re.compile(
    rb"(?!HEAD |CONNECT )[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.1\r\n((?:" + _LINE + rb")+)\r\n"
)
_HOST: Final = re.compile(rb"(?:\A|\n)host:", re.IGNORECASE)
_FRAMING: Final = re.compile(
    rb"(?:\A|\n)(?:content-length|transfer-encoding|connection|expect|upgrade|te|trailer|keep-alive):",
    re.IGNORECASE,
)
"""What may change where the request or its answer ends, or what becomes of the connection."""
_RESET: Final = struct.pack("ii", 1, 0)
"""All has been read: a reset leaves no port waiting, of which a long campaign would run out."""


@dataclass(frozen=True, slots=True)
class Fare:
    """A program of one request, as it goes out."""

    program: Program
    data: bytes
    half: bool
    """Our direction ends behind it."""
    plain: bool
    """Another request may follow on the same connection."""


def fare(program: Program, values: Mapping[str, str]) -> Fare | None:
    """The program as one of a train; ``None`` where it is more than one request and the wait for its answer."""
    match program.actions:
        case (Raw(data=template), Expect()):
            half = False
        case (Raw(data=template), Cut(how="half"), Expect()):
            half = True
        case _:
            return None
    if template in CORRECT:  # judged by the rules for right requests
        return None
    data = fill(template, values)
    if not 0 < len(data) <= LONGEST:
        return None
    return Fare(program, data, half, not half and is_plain(data))


def is_plain(data: bytes) -> bool:
    """Whether this is one whole request without a body, beyond doubt, after which the connection goes on."""
    found = _PLAIN.fullmatch(data)
    return found is not None and len(_HOST.findall(found[1])) == 1 and not _FRAMING.search(found[1])


def coupled(fares: Iterable[Fare]) -> list[list[Fare]]:
    """Trains: the plain ones spread evenly before those that may end a connection."""
    plain: list[Fare] = []
    last: list[Fare] = []
    for each in fares:
        (plain if each.plain else last).append(each)
    trains = []
    for left in range(len(last), 0, -1):
        count = min(SEATS - 1, -(-len(plain) // left))
        trains.append([*plain[:count], last[len(last) - left]])
        del plain[:count]
    trains += [plain[at : at + SEATS] for at in range(0, len(plain), SEATS)]
    return trains


class Train:
    """Programs under way on one connection; driven as `harness.fuzz.connection_request.course.Run` is."""

    def __init__(self, client: DoorClient, fares: list[Fare]) -> None:
        self.fares = fares
        self.observations: list[Observation] = []
        """Of those that were answered, in order: the first ones of the train."""
        self._client = client
        self._line: Line | None = None
        self._steps: Steps | None = None
        self._requests: list[HttpMessage] = []
        self._asides: list[str] = []
        """Interim answers to the request whose turn it is."""
        self._began = 0.0
        self._device_began = 0.0
        self._surplus = False
        """There were more answers than requests."""

    def go_on(self, ready: bool) -> Wait | None:
        """Take the next steps; what is waited for then, ``None`` when all is done."""
        try:
            if self._steps is None:
                self._steps = self._ride()
                return next(self._steps)
            return self._steps.send(ready)
        except (StopIteration, OSError):
            self.close()
            return None

    def _ride(self) -> Steps:
        if self._client.door.stuck:
            return
        line = self._line = yield from opened(self._client)
        data = b"".join(each.data for each in self.fares)
        self._began, self._device_began = time.monotonic(), self._client.door.now()
        line.record.chunks.append(Chunk(self._device_began, self._began, Direction.TO_DEVICE, data))
        self._requests = [
            line.asked(each.data, self._device_began, noted(each.program)) for each in self.fares
        ]
        yield from sent(line, data, self._began + SEND_LIMIT)
        if self.fares[-1].half:
            line.sock.shutdown(socket.SHUT_WR)
        while len(self.observations) < len(self.fares) and line.open:
            if not (yield Wait(line.sock, readable, time.monotonic() + self._patience())):
                return
            self._read(line)
        if self._surplus or (line.read_slowly and line.reader.in_message):
            self.observations.clear()  # an answer too many: whose were the others?
        elif len(self.observations) == len(self.fares) and line.open:
            line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def _patience(self) -> float:
        """Real seconds for the next answer."""
        if self._client.door.step is not None:
            return AT_ONCE
        waiting = self.fares[len(self.observations)].program.actions[-1]
        return waiting.seconds if isinstance(waiting, Expect) else AT_ONCE

    # --- reading ---

    def _read(self, line: Line) -> None:
        try:
            data = line.sock.recv(KEPT)
        except BlockingIOError:
            return
        except OSError:
            line.open = False
            line.ended(Closed.BY_DEVICE_RESET, self._client.door.now())
            return
        at, real = self._client.door.now(), time.monotonic()
        if data:
            line.record.chunks.append(Chunk(at, real, Direction.FROM_DEVICE, data))
        else:
            line.open = False
            line.ended(Closed.BY_DEVICE, at)
        for parsed in self._parsed(line, data):
            if len(self.observations) < len(self.fares):
                self._answered(line, parsed, at, real)
            else:
                self._surplus = True

    def _parsed(self, line: Line, data: bytes) -> list[Parsed]:
        """What *data* (the end, where it is empty) has completed."""
        if line.read_slowly:
            return self._slowly(line, data)
        found, start = [], 0
        while (usual := usual_answer(data, start)) is not None:
            start = usual.end
            usual.start, usual.end = line.got + usual.start, line.got + usual.end
            found.append(usual)
        line.got += start
        rest = data[start:]
        if rest or not line.open:
            line.read_slowly = True
            for each in self.fares[len(self.observations) + len(found) :]:
                line.reader.expect(each.data.partition(b" ")[0].decode("latin-1"))
            found += self._slowly(line, rest)
        return found

    def _slowly(self, line: Line, data: bytes) -> list[Parsed]:
        try:
            found = line.reader.feed(data) if data else line.reader.end()
        except HttpError as error:
            rest = line.reader.unfinished(str(error))
            found = [rest] if rest is not None else []
        for each in found:
            each.start, each.end = line.got + each.start, line.got + each.end
        return found

    def _answered(self, line: Line, parsed: Parsed, at: float, real: float) -> None:
        message = line.message(Direction.FROM_DEVICE, parsed, at)
        if 100 <= message.status < 200:
            self._asides.append(message.id)
            return
        if 200 <= message.status < 300:
            self._client.accepted += 1
        place = len(self.observations)
        messages = (self._requests[place].id, *self._asides, message.id)
        self._asides.clear()
        self.observations.append(
            observed(
                self.fares[place].program, End.ANSWERED, message, real - self._began, at - self._device_began, messages
            )
        )  # fmt: skip

    def close(self) -> None:
        """Give the connection up."""
        if self._line is not None:
            self._line.ended(Closed.BY_BENCH, self._client.door.now())
            self._line.sock.close()


# --- answers in the usual form, read in one go ---


@lru_cache(maxsize=64)
def _status_line(line: bytes) -> tuple[str, tuple[str, ...]] | None:
    """The status line and what is odd in it; ``None`` where its answer may have no body whatever its headers say."""
    text = line.decode("latin-1")
    status = text.split(" ", 2)[1] if " " in text else ""
    if not (len(status) == 3 and status.isascii() and status.isdigit()) or status[0] == "1":
        return None
    if status in ("204", "304"):
        return None
    odd: list[str] = []
    check_response(Parsed(text), odd.append)
    return text, tuple(odd)


def usual_answer(data: bytes, start: int) -> Parsed | None:
    """The whole answer at *start*, if its form is the usual one: CRLF everywhere, one plain Content-Length."""
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        return None
    head = data[start : end + 4]
    first, *lines = head[:-4].split(b"\r\n")
    if head.count(b"\n") != len(lines) + 2 or head.count(b"\r") != len(lines) + 2:
        return None
    known = _status_line(first)
    if known is None or not all(lines):
        return None
    start_line, odd = known
    more: list[str] = []
    headers = read_headers(lines, more.append)
    lengths = [value for name, value in headers if name.lower() in ("content-length", "transfer-encoding")]
    if len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit() and len(lengths[0]) < 6):
        return None
    stop = end + 4 + int(lengths[0])
    if stop > len(data):
        return None
    anomalies = tuple(dict.fromkeys((*odd, *more)))
    return Parsed(start_line, headers, data[end + 4 : stop], head, start, stop, True, anomalies)
