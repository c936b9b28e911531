"""The fuzzer's ACS: takes every session of a batch, and gives each program the next turn in which the device listens.

It answers what the device asks as an ACS should, and nothing else of its own; a program stands where an RPC of the
ACS would. Every wait has a deadline, and what a device does wrong is an observation, never an exception.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.acs.dialogue import VersionError, agree, answer_to, is_response, namespace_of
from harness.cwmp import soap
from harness.cwmp.messages import Envelope, Header, Inform, InformResponse, Message
from harness.fuzz.engine.line import Line
from harness.fuzz.engine.play import Play
from harness.fuzz.engine.reading import reading_of
from harness.fuzz.evidence import End, Observation
from harness.fuzz.program import Connect, Cut, Expect, Pause, Program, Raw, Repeat, Reply, fill
from harness.lab.recorder import Recorder
from harness.verdict.transcript import HttpMessage, Role, SessionRecord

CHUNK: Final = 262_144
"""Octets of a flood that are written at a time."""
OWN_REQUESTS: Final = 100
"""Requests of the device that are answered between two programs; one that never stops is cut off."""
NUDGE_AFTER: Final = 1.5
"""Real seconds of silence after which a device whose time stands still is given `NUDGE` seconds of it."""
NUDGE: Final = 31.0
AFTER_NUDGE: Final = 1.5
"""Real seconds in which such a device must have said what its own deadlines made it say."""
_COOKIE: Final = "session"
_HELD: Final = re.compile(rb"HoldRequests(?:\s[^>]*)?>\s*(?:1|true)\s*<")
"""TR-069 Amendment 6, 3.7.1.3: while it is true the device may not end its part by an empty POST."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Real seconds. ``answer``: for the answer to a program; ``longest``: for one program, whatever it waits for."""

    answer: float = 30.0
    longest: float = 120.0


@dataclass(slots=True)
class Told:
    """What a batch has seen of the device's sessions."""

    informs: list[Inform] = field(default_factory=list)
    """Of every session, in order."""
    unexpected: list[tuple[str, ...]] = field(default_factory=list)
    """Events of sessions that nobody had asked for."""


class BatchAcs:
    """Serves connections from `accept` on, until `close`. All methods run in the bench's loop.

    *summon* brings the device to contact the ACS: it gets how the last session ended (``""`` when there was none yet)
    and a future that is done at the next message; it returns False when nothing came of it.
    *step* lets device time pass inside a session.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        summon: Callable[[str, asyncio.Future[None]], Awaitable[bool]],
        step: Callable[[float], Awaitable[None]],
        marks: Mapping[str, str],
        deadlines: Deadlines,
        nudge: bool = False,
    ) -> None:
        self._nudge = nudge
        """Device time stands still: the device's own deadlines pass only when it is moved on."""
        self.told = Told()
        self.lines: list[Line] = []
        self._recorder = recorder
        self._summon = summon
        self._step = step
        self._marks = dict(marks)
        self._deadlines = deadlines
        self._heard: list[tuple[Line, HttpMessage | None]] = []
        self._something: asyncio.Future[None] | None = None
        self._opening: set[asyncio.Task[object]] = set()
        self._session: SessionRecord | None = None
        self._done_asking = False
        self._held = False
        """HoldRequests of the latest message: an empty POST under it does not say that the device is done."""
        self._asked_for = True
        self._last_end = ""
        self._turn: Line | None = None
        self._line: Line | None = None
        """The connection on which the device was heard last: only its end is news."""
        self._request_id = ""
        self._namespace = ""
        self._number = 0
        self._adrift = False
        """The connection is gone while the session is not over."""
        self._over = False

    # --- connections ---

    def accept(self, sock: socket.socket, peer: tuple[str, int], endpoint: str) -> None:
        """Serve a connection that the listener has accepted."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        record = self._recorder.connection(Role.ACS, endpoint, peer, sock.getsockname()[:2])
        line = Line(self._recorder, record, self._hear)
        self.lines.append(line)
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.connect_accepted_socket(lambda: line, sock))
        self._opening.add(task)
        task.add_done_callback(self._opened)

    def _opened(self, task: asyncio.Task[object]) -> None:
        self._opening.discard(task)
        if not task.cancelled():
            task.exception()  # a connection that is gone already is none

    def _hear(self, line: Line, message: HttpMessage | None) -> None:
        if self._over:
            if message is not None and not line.ended:
                line.reply(b"", "")
            return
        if message is None and line is not self._line:
            return  # a connection that nothing is expected on any more
        self._line = line
        self._heard.append((line, message))
        if self._something is not None and not self._something.done():
            self._something.set_result(None)

    def close(self) -> None:
        """End every connection."""
        self._over = True
        for task in self._opening:
            task.cancel()
        for line in self.lines:
            line.abort() if self._session is not None else line.close()
        self._end("aborted-by-bench")

    # --- the batch ---

    async def run(self, programs: Sequence[Program]) -> list[Observation]:
        """One observation for each program, in order."""
        observations: list[Observation] = []
        for program in programs:
            line = await self._ready()
            if line is None:
                left = programs[len(observations) :]
                return [*observations, *(Observation(each, End.NOT_REACHED) for each in left)]
            observations.append(await self._play(program, line))
        return observations

    async def finish(self) -> None:
        """Let the device end its session in order; after one that was broken, let it have a good one."""
        line = await self._ready() if self._session is not None or self._last_end else None
        while line is not None:
            self._turn = None
            complete = self._done_asking
            self._write(line, b"", "")
            if complete:
                self._end("complete")
                break
            line = await self._ready()
        self._over = True

    async def _ready(self) -> Line | None:
        """The connection on which the device waits for what the ACS has to say; ``None``: there is none."""
        for _ in range(OWN_REQUESTS):
            if self._turn is not None and not self._turn.ended:
                return self._turn
            if self._adrift and not self._heard:
                # It may go on with the session on another connection: only the next thing heard can tell.
                self._adrift = False
                if not await self._summoned():
                    self._lose("aborted-by-device")
                continue
            item = await self._next(self._deadlines.answer if self._session is not None else 0.0)
            if item is None:
                if self._session is not None:
                    self._lose("aborted-by-bench")  # it owes the next message, and is silent
                    continue
                if not await self._summoned():
                    return None
                continue
            self._take(*item)
        return None

    async def _summoned(self) -> bool:
        if self._heard:
            return True
        self._something = asyncio.get_running_loop().create_future()
        self._asked_for = True
        why = self._last_end if self._session is None else "aborted-by-device"
        return await self._summon(why, self._something) or bool(self._heard)

    async def _next(self, seconds: float) -> tuple[Line, HttpMessage | None] | None:
        """The next thing heard, ``None`` when *seconds* of real time have passed."""
        if not self._heard and seconds > 0:
            self._something = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._something
            except TimeoutError:
                pass
        return self._heard.pop(0) if self._heard else None

    # --- what the device says of its own ---

    def _take(self, line: Line, message: HttpMessage | None) -> None:
        """Something that is no answer to a program."""
        if message is None:
            if self._turn is line:
                self._turn = None
            self._adrift = self._session is not None
            return
        self._adrift = False
        reading = reading_of(message)
        envelope = reading.envelope
        if envelope is not None and isinstance(envelope.message, Inform):
            self._inform(line, message, envelope, envelope.message)
        elif self._session is None:
            self._stray(line, message)
        elif envelope is not None and not is_response(envelope.message):
            self._count(line, message)
            self._request_id = envelope.header.id or ""
            self._say(line, answer_to(envelope.message), self._request_id)
        else:
            self._count(line, message)
            self._done_asking = self._done_asking or not (message.body.strip() or self._held)
            self._turn = line

    def _stray(self, line: Line, message: HttpMessage) -> None:
        """A message outside any session."""
        if message.body.strip():
            line.close()
        else:
            line.reply(b"", "")

    def _inform(self, line: Line, message: HttpMessage, envelope: Envelope, inform: Inform) -> None:
        if self._session is not None:
            self._lose("aborted-by-device")
        codes = tuple(event.event_code for event in inform.event)
        if not self._asked_for or {"0 BOOTSTRAP", "1 BOOT"} & set(codes):
            self.told.unexpected.append(codes)
        self.told.informs.append(inform)
        self._asked_for = False
        self._number += 1
        self._session = self._recorder.session("fuzz")
        self._session.started_at, self._session.started_real = message.at_first, message.real_first
        self._done_asking, self._held, self._turn = False, False, None
        self._request_id = envelope.header.id or ""
        self._count(line, message)
        header = Header()
        try:
            agreed = agree(envelope, "1.4")
            self._namespace = agreed.namespace
            header = Header(use_cwmp_version=agreed.version if agreed.use_header else None)
        except VersionError:
            self._namespace = namespace_of(envelope)
        self._say(line, InformResponse(), envelope.header.id, header, f"{_COOKIE}=f{self._number}; Path=/")

    def _say(
        self, line: Line, message: Message, answers: str | None, header: Header | None = None, *cookies: str
    ) -> None:
        given = header or Header()
        envelope = Envelope(
            message, Header(id=answers, use_cwmp_version=given.use_cwmp_version), self._namespace
        )
        self._write(line, soap.encode(envelope), "", *cookies)

    def _write(self, line: Line, body: bytes, note: str, *cookies: str) -> HttpMessage:
        message = line.reply(body, note, *cookies)
        self._held = b"HoldRequests" in body and _HELD.search(body) is not None
        self._count(line, message)
        return message

    def _count(self, line: Line, message: HttpMessage) -> None:
        if self._session is not None:
            self._recorder.session_message(self._session, line.record, message)

    def _end(self, how: str) -> None:
        self._line = None
        if self._session is not None:
            self._recorder.session_ended(self._session, how)
            self._recorder.forget_session(self._session)
            self._session = None
            self._last_end = "" if how == "complete" else how
        self._turn = None
        self._adrift = False

    def _lose(self, how: str) -> None:
        """The session is over, and not as it should be."""
        if how == "aborted-by-bench":
            for line in self.lines:
                line.abort()
        self._end(how)
        self._asked_for = True  # the device tries again

    # --- programs ---

    async def _play(self, program: Program, line: Line) -> Observation:
        """Do the program on *line*, where the device waits; what followed."""
        self._turn = None
        play = Play(program, line, self._marks | {"request.id": self._request_id})
        try:
            async with asyncio.timeout(self._deadlines.longest):
                await self._act(play)
        except TimeoutError:
            play.end = End.SILENT
        play.note(self._count)
        if play.end is End.SILENT:
            self._lose("aborted-by-bench")
        return play.observation()

    async def _act(self, play: Play) -> None:
        waited = False
        for action in play.program.actions:
            waited = False
            match action:
                case Reply(body=body):
                    await self._replied(play, body)
                case Raw(data=data):
                    play.raw(fill(data, play.marks))
                case Repeat(data=data, times=times):
                    await self._flood(play, fill(data, play.marks), times)
                case Pause(seconds=seconds):
                    await self._step(seconds)
                case Expect(seconds=seconds):
                    waited = True
                    play.note(self._count)
                    await self._answered(play, min(seconds, self._deadlines.answer))
                case Cut(how=how):
                    play.cut(how)
                case Connect():
                    await self._ring()
            if play.end is not None and play.end is not End.ANSWERED and play.end is not End.EMPTY:
                return
        if not waited:
            await self._answered(play, self._deadlines.answer)

    async def _ring(self) -> None:
        """A connection request inside the session; on the surface soap there is none."""

    async def _replied(self, play: Play, body: bytes) -> None:
        if play.begun and self._turn is None and play.end is None:
            await self._answered(play, self._deadlines.answer)
            if play.end not in (End.ANSWERED, End.EMPTY):
                return
        if self._turn is not None:
            play.line, self._turn = self._turn, None
        sent = fill(body, play.marks)
        message = self._write(play.line, sent, play.says)
        play.wrote(sent, message)

    async def _flood(self, play: Play, data: bytes, times: int) -> None:
        each = max(1, CHUNK // max(1, len(data)))
        while times > 0 and not play.line.ended:
            play.raw(data * min(each, times))
            times -= each
            await asyncio.sleep(0)
            await play.line.drained()

    async def _answered(self, play: Play, seconds: float) -> None:
        """Wait for the device's next message; what it is and what it means for the session."""
        play.end, lost, nudge = None, False, self._nudge
        limit = time.monotonic() + (min(seconds, NUDGE_AFTER) if nudge else seconds)
        while play.end is None:
            item = await self._next(max(0.0, limit - time.monotonic()))
            if item is None and nudge:
                nudge = False
                await self._step(NUDGE)
                limit = time.monotonic() + min(seconds, AFTER_NUDGE)
            elif item is None:
                play.over(End.SILENT)
            elif item is not None and item[1] is not None:
                self._answer(play, item[0], item[1], lost=lost)
            elif item is not None and item[0] is play.line:
                # An answer may come on another connection: only the next thing heard can tell.
                lost, play.gone = True, item[0].record.closed
                play.stop()
                if play.dismissed and self._done_asking:
                    self._end("complete")
                    play.over(End.CLOSED)
                elif not await self._elsewhere():
                    self._lose("aborted-by-device")
                    play.over(End.CLOSED)

    async def _elsewhere(self) -> bool:
        """The connection is gone: whether the device is heard of on another one."""
        return bool(self._heard) or await self._summoned()

    def _answer(self, play: Play, line: Line, message: HttpMessage, *, lost: bool) -> None:
        reading = reading_of(message)
        if lost and reading.envelope is not None and isinstance(reading.envelope.message, Inform):
            self._lose("aborted-by-device")
            play.over(End.CLOSED)
            self._take(line, message)
            return
        play.answered(message)
        play.line = line
        informs = reading.envelope is not None and isinstance(reading.envelope.message, Inform)
        request = reading.envelope is not None and not is_response(reading.envelope.message)
        if informs or request:
            self._take(line, message)
            return
        self._count(line, message)
        self._done_asking = self._done_asking or not (message.body.strip() or self._held)
        self._turn = line


__all__ = ["BatchAcs", "Deadlines", "Told"]
