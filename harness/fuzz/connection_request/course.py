"""One program at the connection-request port, step by step: what it writes, waits for, sees.

A run is a generator of waits: whoever drives it (`harness.fuzz.connection_request.client`) tells it when its socket is ready or
its deadline has passed. Nothing here blocks but `Pause` and the step of the device's clock, for which a run asks to
be alone.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.cwmp.digest import (
    DigestChallenge,
    choose,
    digest_authorization,
    parse_challenges,
    response,
)
from harness.cwmp.http_auth_syntax import AuthError, quote
from harness.fuzz.connection_request.messages import CORRECT
from harness.fuzz.evidence import Answer, End, Observation
from harness.fuzz.program import Connect, Cut, Expect, Pause, Program, Raw, Repeat, Reply, fill
from harness.lab.http1 import HttpError, Kind, Reader
from harness.lab.http1_head import Parsed, read_headers
from harness.verdict.transcript import Chunk, Closed, Connection, Direction, HttpMessage

if TYPE_CHECKING:
    from harness.fuzz.connection_request.client import Door, DoorClient

CNONCE: Final = "0a4f113b"
CONNECT_LIMIT: Final = 2.0
"""Real seconds for the TCP connection."""
SEND_LIMIT: Final = 10.0
"""Real seconds in which the device must take what is written."""
AT_ONCE: Final = 0.25
"""Real seconds for an answer before the device's time is moved on, where its clock is steered."""
AFTER_STEP: Final = 1.0
"""Real seconds for an answer after that."""
KEPT: Final = 65_536
"""Octets of a flood that are recorded; the rest is known from the program."""
MOST_CONNECTIONS: Final = 512
readable, _WRITE = select.EPOLLIN, select.EPOLLOUT


@dataclass(frozen=True, slots=True)
class Wait:
    """Until *sock* is ready, or real time *deadline*."""

    sock: socket.socket
    mask: int
    deadline: float


ALONE: Final = Wait(None, 0, 0.0)  # type: ignore[arg-type]
"""Until no other run is under way."""
Steps: TypeAlias = Generator[Wait, bool, None]
Found: TypeAlias = Generator[Wait, bool, "HttpMessage | None"]
Opening: TypeAlias = Generator[Wait, bool, "Line"]


class Line:
    """One TCP connection of programs."""

    def __init__(self, sock: socket.socket, record: Connection) -> None:
        self.sock = sock
        self.record = record
        self.read_slowly = False
        self.got = 0
        """Octets of the device that were read before the reader was needed."""
        self.waiting: list[Parsed] = []
        self.sent = 0
        self.challenge: DigestChallenge | None = None
        self.open = True

    @cached_property
    def reader(self) -> Reader:
        """Reads what the device answers, whatever it is."""
        return Reader(Kind.RESPONSE)

    def message(self, direction: Direction, parsed: Parsed, at: float, note: str = "") -> HttpMessage:
        now = time.monotonic()
        message = HttpMessage(
            id=f"{self.record.id}.{len(self.record.messages) + 1}",
            connection=self.record.id,
            direction=direction,
            at_first=at, at_last=at, real_first=now, real_last=now,
            start_line=parsed.start_line, headers=parsed.headers, body=parsed.body, head=parsed.head,
            start=parsed.start, end=parsed.end, complete=parsed.complete, anomalies=parsed.anomalies, note=note,
        )  # fmt: skip
        self.record.messages.append(message)
        return message

    def wrote(self, data: bytes, at: float, note: str, *, correct: bool = False) -> HttpMessage:
        """Write down a request, and the octets in which it went out."""
        kept = data[:KEPT]
        self.record.chunks.append(Chunk(at, time.monotonic(), Direction.TO_DEVICE, kept))
        return self.asked(kept, at, note, correct=correct)

    def asked(self, kept: bytes, at: float, note: str, *, correct: bool = False) -> HttpMessage:
        """Write down a request."""
        first, _, rest = kept.partition(b"\r\n")
        parsed = Parsed(first[:256].decode("latin-1"), head=kept, complete=correct)
        parsed.start, parsed.end = self.sent, self.sent + len(kept)
        if correct:
            parsed.headers = read_headers(rest.rstrip().split(b"\r\n"), lambda _odd: None)
        self.sent += len(kept)
        return self.message(Direction.TO_DEVICE, parsed, at, "" if correct else note)

    def ended(self, how: Closed, at: float) -> None:
        """The connection is over; the first word about how counts."""
        if self.record.closed is Closed.OPEN:
            self.record.closed = how
            self.record.closed_at, self.record.closed_real = at, time.monotonic()


class Run:
    """One program on its way."""

    def __init__(self, client: DoorClient, program: Program) -> None:
        self.program = program
        self._client = client
        self._door: Door = client.door
        self._note = noted(program)
        self._lines: list[Line] = []
        self._line: Line | None = None
        self._challenge: DigestChallenge | None = None
        self._wrote = 0.0
        self._end = End.CLOSED
        self._answer: HttpMessage | None = None
        self._seconds = 0.0
        self._device_seconds = 0.0
        self._steps: Steps | None = None

    def go_on(self, ready: bool) -> Wait | None:
        """Take the next steps; what is waited for then, ``None`` when all is done."""
        try:
            if self._steps is None:
                self._steps = self._play()
                return next(self._steps)
            return self._steps.send(ready)
        except StopIteration:
            self.close()
            return None

    def _play(self) -> Steps:
        if self._door.stuck:
            self._end = End.NOT_REACHED
            return
        try:
            for number, action in enumerate(self.program.actions):
                if number == 0 and not isinstance(action, Connect):
                    yield from self._connect()
                yield from self._do(action)
        except (TimeoutError, OSError) as error:
            yield from self._fail(error)

    def _do(self, action: object) -> Steps:
        match action:
            case Connect():
                yield from self._connect()
            case Raw(data=data) | Reply(body=data):
                yield from self._write(data)
            case Repeat(data=data, times=times):
                yield from self._repeat(data, times)
            case Expect(seconds=seconds):
                yield from self._expect(seconds)
            case Pause(seconds=seconds):
                yield ALONE
                self._pass(seconds)
            case Cut(how=how):
                self._cut(how)

    def _connect(self) -> Steps:
        if len(self._lines) >= MOST_CONNECTIONS:
            raise OSError(errno.EMFILE, "too many connections in one program")
        self._line = None
        self._line = yield from opened(self._client)
        self._lines.append(self._line)

    # --- writing ---

    def _values(self) -> dict[str, str]:
        """The marks. A connection without a challenge of its own goes on with the program's last: a replay."""
        door, line = self._door, self._line
        challenge = (line.challenge if line is not None else None) or self._challenge
        values = self._client.values()
        return values if challenge is None else values | _login(challenge, door)

    def _write(self, template: bytes) -> Steps:
        line = self._line
        if line is None or not line.open or not template:
            return
        data, at = fill(template, self._values()), self._door.now()
        yield from sent(line, data, time.monotonic() + SEND_LIMIT)
        line.wrote(data, at, self._note, correct=template in CORRECT)
        line.reader.expect(data.partition(b" ")[0].decode("latin-1"))
        self._wrote = time.monotonic()

    def _repeat(self, template: bytes, times: int) -> Steps:
        line = self._line
        data = fill(template, self._values())
        if line is None or not line.open or not data:
            return
        line.wrote((data * min(times, KEPT // len(data) + 1))[:KEPT], self._door.now(), self._note)
        deadline, left = time.monotonic() + SEND_LIMIT, times
        while left > 0:
            count = min(left, max(1, KEPT // len(data)))
            yield from sent(line, data * count, deadline)
            left -= count
        self._wrote = time.monotonic()

    # --- reading ---

    def _expect(self, seconds: float) -> Steps:
        """Wait for a final answer: in real time, or at once and then with the device's clock moved on."""
        line = self._line
        if line is None:
            return
        began, device_began = self._wrote or time.monotonic(), self._door.now()
        steered = self._door.step is not None
        found = yield from self._read(line, AT_ONCE if steered else seconds)
        if found is None and line.open and steered and not self._door.stuck:
            yield ALONE
            self._pass(seconds)
            found = yield from self._read(line, AFTER_STEP)
        self._seconds = time.monotonic() - began
        self._device_seconds = self._door.now() - device_began
        self._answer = found
        if found is not None:
            self._end = End.ANSWERED
        elif line.open:
            self._end = End.SILENT
        else:
            self._end = End.RESET if line.record.closed is Closed.BY_DEVICE_RESET else End.CLOSED

    def _read(self, line: Line, seconds: float) -> Found:
        """The next final message of the device; ``None`` at the deadline, or where the connection has ended."""
        deadline = time.monotonic() + seconds
        while True:
            while line.waiting:
                message = self._judge(line, line.waiting.pop(0))
                if not 100 <= message.status < 200:
                    return message
            if not line.open or not (yield Wait(line.sock, readable, deadline)):
                return None
            try:
                data = line.sock.recv(KEPT)
            except BlockingIOError:
                continue
            except OSError:
                line.open = False
                line.ended(Closed.BY_DEVICE_RESET, self._door.now())
                return None
            self._take(line, data)

    def _take(self, line: Line, data: bytes) -> None:
        at = self._door.now()
        if data:
            line.record.chunks.append(Chunk(at, time.monotonic(), Direction.FROM_DEVICE, data))
        else:
            line.open = False
            line.ended(Closed.BY_DEVICE, at)
        try:
            found = line.reader.feed(data) if data else line.reader.end()
        except HttpError as error:
            rest = line.reader.unfinished(str(error))
            found = [rest] if rest is not None else []
        line.waiting += found

    def _judge(self, line: Line, parsed: Parsed) -> HttpMessage:
        message = line.message(Direction.FROM_DEVICE, parsed, self._door.now())
        if message.status == 401:
            line.challenge = _challenge(message) or line.challenge
            self._challenge = line.challenge or self._challenge
        if 200 <= message.status < 300:
            self._client.accepted += 1
        return message

    # --- time and the end ---

    def _pass(self, seconds: float) -> None:
        if self._door.step is None:
            time.sleep(seconds)
        elif not self._door.stuck:
            self._door.step(seconds)

    def _cut(self, how: str) -> None:
        line = self._line
        if line is None or not line.open:
            return
        try:
            if how == "half":
                line.sock.shutdown(socket.SHUT_WR)
                return
            if how == "reset":
                line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass  # the device was faster
        line.ended(Closed.BY_BENCH, self._door.now())
        line.open = False
        line.sock.close()

    def _fail(self, error: OSError) -> Steps:
        """The connection did not come about, or did not take what was written."""
        if self._line is None:
            self._end = End.CLOSED if self._lines else End.NOT_REACHED
            return
        # A refusal may have come before the device closed.
        self._answer = yield from self._read(self._line, AT_ONCE)
        if self._answer is not None:
            self._end = End.ANSWERED
        else:
            self._end = End.SILENT if isinstance(error, TimeoutError) else End.RESET

    def close(self) -> None:
        """Give the connections up."""
        for line in self._lines:
            line.ended(Closed.BY_BENCH, self._door.now())
            line.sock.close()

    def observation(self) -> Observation:
        """What came of it."""
        messages = tuple(each.id for line in self._lines for each in line.record.messages)
        return observed(self.program, self._end, self._answer, self._seconds, self._device_seconds, messages)


def noted(program: Program) -> str:
    """What is written beside what it sends: that the wire rules do not judge the answer."""
    return program.says or "a fuzz program"


def observed(
    program: Program,
    end: End,
    answer: HttpMessage | None,
    seconds: float,
    device_seconds: float,
    messages: tuple[str, ...],
) -> Observation:
    """What came of a program that *answer* ended, if anything did."""
    status = answer.status if answer is not None else 0
    if answer is None:
        kind = Answer.NONE
    elif not status:
        kind = Answer.UNREADABLE
    else:
        kind = Answer.RESPONSE if 200 <= status < 300 else Answer.HTTP
    return Observation(
        program=program,
        end=end,
        answer=kind,
        status=status,
        seconds=seconds,
        device_seconds=device_seconds,
        messages=messages,
    )


def opened(client: DoorClient) -> Opening:
    """A new connection to the device.

    Raises:
        TimeoutError, OSError: there is none.
    """
    sock = client.fresh()
    try:
        failed = sock.connect_ex(client.door.address)
        if failed == errno.EINPROGRESS and not _connected(sock):
            if not (yield Wait(sock, _WRITE, time.monotonic() + CONNECT_LIMIT)):
                raise TimeoutError
            failed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed not in (0, errno.EINPROGRESS):
            raise OSError(failed, os.strerror(failed))
    except OSError:
        sock.close()
        raise
    return Line(sock, client.record(sock))


def sent(line: Line, data: bytes, deadline: float) -> Steps:
    """Write all of *data*.

    Raises:
        TimeoutError, OSError: the device does not take it.
    """
    while data:
        try:
            data = data[line.sock.send(data) :]
        except BlockingIOError:
            if not (yield Wait(line.sock, _WRITE, deadline)):
                raise TimeoutError from None


def _connected(sock: socket.socket) -> bool:
    """Whether the handshake is through already, as it is on a link without delay."""
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _challenge(message: HttpMessage) -> DigestChallenge | None:
    try:
        chosen = choose(parse_challenges(message.header_values("WWW-Authenticate")))
    except AuthError:
        return None
    return chosen if isinstance(chosen, DigestChallenge) else None


def _login(challenge: DigestChallenge, door: Door) -> dict[str, str]:
    """The marks that answer *challenge*; without the answers where it cannot be answered."""
    echo = f", algorithm={challenge.algorithm}" if challenge.algorithm is not None else ""
    echo += f", opaque={quote(challenge.opaque)}" if challenge.opaque is not None else ""
    values = {"cr.nonce": challenge.nonce, "cr.realm": challenge.realm, "cr.echo": echo}
    try:
        values["cr.authorization"] = digest_authorization(
            challenge,
            username=door.username,
            password=door.password,
            method="GET",
            uri=door.target,
            nc=1,
            cnonce=CNONCE,
        )
        for mark, method, uri in (
            ("cr.response", "GET", door.target),
            ("cr.response.post", "POST", door.target),
            ("cr.response.nul", "GET", f"{door.target}%00x"),
        ):
            values[mark] = _response(challenge, door, method, uri)
    except AuthError:
        pass
    return values


def _response(challenge: DigestChallenge, door: Door, method: str, uri: str) -> str:
    return response(
        username=door.username,
        password=door.password,
        realm=challenge.realm,
        method=method,
        uri=uri,
        nonce=challenge.nonce,
        algorithm=challenge.algorithm,
        qop="auth" if challenge.qop else None,
        nc="00000001" if challenge.qop else "",
        cnonce=CNONCE,
    )
