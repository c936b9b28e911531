"""A CWMP session as the ACS sees it, and the door through which a case talks in it.

The ACS hands every POST of the session to `Session.post` and sends what that returns. In a session that a
case has claimed, the CPE's POST waits while the case thinks; the case's `call` is the answer to it. Whatever
becomes of the session, nobody waits for ever: a lost session resolves all waiters.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from harness.acs.dialogue import answer_to, is_response, name_of
from harness.cwmp import soap
from harness.cwmp.messages import Envelope, Fault, Header, Inform, Message
from harness.lab.recorder import Recorder
from harness.lab.reply import Reply
from harness.lab.stream import Stream
from harness.verdict.transcript import Closed, HttpMessage, SessionRecord

WATCHDOG = 20.0
"""Real seconds that a CPE's POST waits for the case before the session is ended with 204."""
SOAP_HEADERS = (("Content-Type", 'text/xml; charset="utf-8"'),)


class SessionOver(Exception):
    """The case calls into a session that has ended properly: by `Session.finish` or by the watchdog."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Real seconds: the case's time to think, and how long a broken TCP connection may be replaced."""

    watchdog: float = WATCHDOG
    after_device_closed: float = 2.0
    after_bench_closed: float = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CPE sent after an RPC.

    ``message`` is set for a response, ``fault`` for a fault; both are ``None`` where the POST was empty or
    unreadable (``problems`` and ``reason`` say so) or the session was ``lost``.
    """

    message: Message | None = None
    fault: Fault | None = None
    http: HttpMessage | None = None
    problems: tuple[str, ...] = ()
    lost: bool = False
    reason: str = ""
    envelope: Envelope | None = None


@dataclass(slots=True)
class _Outstanding:
    """An RPC that the CPE owes an answer to; without *expected* any message will do."""

    future: asyncio.Future[Answer]
    id: str | None
    expected: str


class Session:
    """One session. Attributes are for reading; ``hold`` may be set and shows in the next envelopes."""

    def __init__(
        self,
        record: SessionRecord,
        recorder: Recorder,
        envelope: Envelope,
        inform: Inform,
        namespace: str,
        *,
        token: str = "",
        claimed: bool = False,
        timing: Timing | None = None,
        on_end: Callable[[Session], None] = lambda _session: None,
        interrupted_at: Callable[[], float] = lambda: -math.inf,
    ) -> None:
        """*interrupted_at* is the host's monotonic clock when the bench last set about ending the device's process."""
        self.record = record
        self.envelope = envelope
        """The envelope of the Inform."""
        self.inform = inform
        self.namespace = namespace
        """The CWMP namespace in which the ACS speaks in this session."""
        self.token = token
        self.claimed = claimed
        self.hold = False
        self.requests: list[Message] = []
        """What the CPE itself asked after the Inform, in order."""
        self.ended = asyncio.Event()
        self.lost_reason = ""
        """Why the session broke; empty while it lives and after a proper end."""
        self.acknowledged = False
        """The Inform has had its InformResponse; a further one breaks the rules."""
        self._recorder = recorder
        self._timing = timing or Timing()
        self._on_end = on_end
        self._interrupted_at = interrupted_at
        self._ids = itertools.count(1)
        self._stream: Stream | None = None
        self._watchers: set[asyncio.Task[None]] = set()
        self._action: asyncio.Future[Reply] | None = None
        self._turn = asyncio.Event()
        self._outstanding: _Outstanding | None = None
        self._empty_post = False
        self._over = ""

    # --- what a case does ---

    async def call(
        self,
        message: Message | None,
        *,
        id: str | None = None,  # noqa: A002 - the standard's word
        header: Header | None = None,
        raw: bytes | None = None,
        timeout_s: float = WATCHDOG,
    ) -> Answer:
        """Send an RPC as the reply to the CPE's waiting POST; return what the CPE sends next.

        *id* replaces the ID that the ACS chooses, ``""`` leaves the ID header out; *header* adds others;
        *raw* is sent in place of the envelope. A timeout (real seconds) ends the session: it is lost.

        Raises:
            SessionOver: the session was finished, or the watchdog ended it because the case slept.
            SoapError: the message holds characters that XML cannot carry.
        """
        if id is None:
            id = (header.id if header else None) or f"{self.record.id}-{next(self._ids)}"  # noqa: A001
        identifier = id or None
        merged = replace(header or Header(), id=identifier, hold_requests=self._hold_header(header))
        body = raw
        if body is None:
            if message is None:
                raise ValueError("call needs a message or raw bytes")
            body = soap.encode(Envelope(message, merged, self.namespace))
        expected = f"{name_of(message)}Response" if message is not None else ""
        reply = Reply(200, headers=SOAP_HEADERS, body=body, note="raw body" if raw is not None else "")
        return await self._exchange(reply, identifier, expected, timeout_s)

    async def reply(self, reply: Reply, *, timeout_s: float = WATCHDOG) -> Answer:
        """Answer the CPE's waiting POST with *reply*, whatever it is; return what the CPE sends next.

        Raises:
            SessionOver: as for `call`.
        """
        return await self._exchange(reply, None, "", timeout_s)

    async def finish(self, *, timeout_s: float = WATCHDOG) -> SessionRecord:
        """End the session with 204 once it is the ACS's turn; return its record when it has ended.

        A session that is lost, or does not end within *timeout_s* real seconds, is aborted; the record tells.
        """
        if not self.ended.is_set() and await self._my_turn(timeout_s):
            self._over = "the case has finished it"
            self._act(self.end_reply())
        if not await _within(self.ended, timeout_s):
            await self._abandon(f"it did not end within {timeout_s:g} s")
        return self.record

    def release(self) -> None:
        """No case leads the session any more: the ACS ends it correctly as soon as it is its turn."""
        self._over = self._over or "no case leads it any more"
        if self._turn.is_set() and not self.ended.is_set():
            self._act(self.end_reply())

    def _hold_header(self, header: Header | None) -> bool | None:
        if header is not None and header.hold_requests is not None:
            return header.hold_requests
        return True if self.hold else None

    async def _exchange(
        self, reply: Reply, identifier: str | None, expected: str, timeout_s: float
    ) -> Answer:
        if self._over:
            raise SessionOver(f"session {self.record.id} is over: {self._over}")
        if not await self._my_turn(timeout_s):
            if self._over:
                raise SessionOver(f"session {self.record.id} is over: {self._over}")
            if not self.ended.is_set():
                await self._abandon(f"the CPE did not give the ACS its turn within {timeout_s:g} s")
            return Answer(lost=True, reason=self.lost_reason)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._outstanding = _Outstanding(future, identifier, expected)
        self._act(reply)
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.shield(future)
        except TimeoutError:
            await self._abandon(f"no answer within {timeout_s:g} s")
            return await future

    async def _my_turn(self, timeout_s: float) -> bool:
        """Wait until the CPE's POST waits for the case."""
        await _within(self._turn, timeout_s)
        return self._turn.is_set() and not self.ended.is_set()

    def _act(self, reply: Reply) -> None:
        self._turn.clear()
        if self._action is not None and not self._action.done():
            self._action.set_result(reply)

    # --- what the ACS does ---

    def end_reply(self) -> Reply:
        """The empty answer that ends the session, if the CPE owes nothing any more (3.7.1.4)."""
        return Reply(204, on_sent=self._end_sent)

    def _end_sent(self, message: HttpMessage | None) -> None:
        if message is None:
            self.lose("the CPE ended the connection before the ACS's last answer")
        elif self._empty_post:
            self._end("complete")

    async def post(self, stream: Stream, http: HttpMessage, reading: soap.Reading | None) -> Reply:
        """Answer a POST of this session: *reading* is its body, ``None`` where it is empty."""
        self.carry(stream, http)
        if self.ended.is_set():
            return Reply(204) if reading is None else Reply(400, close=True)
        envelope = reading.envelope if reading is not None else None
        message = envelope.message if envelope is not None else None
        if message is not None and not is_response(message):
            self.requests.append(message)
            return self.soap_reply(answer_to(message), envelope.header.id if envelope else None)
        if reading is None and not self.hold:
            self._empty_post = True
        if self._outstanding is not None:
            self._resolve(self._answer(http, reading))
        elif reading is not None:
            self._end("aborted-by-bench")
            return Reply(400, close=True)
        return await self._next(stream)

    def soap_reply(self, message: Message, identifier: str | None, header: Header | None = None) -> Reply:
        """*message* in an envelope of this session, with the ID of the request that it answers."""
        header = replace(header or Header(), id=identifier, hold_requests=self._hold_header(header))
        return Reply(200, headers=SOAP_HEADERS, body=soap.encode(Envelope(message, header, self.namespace)))

    def carry(self, stream: Stream, http: HttpMessage) -> None:
        """Count *http*, request or response, into the session, and follow the connection that carries it."""
        self._recorder.session_message(self.record, stream.record, http)
        if self._stream is not stream:
            self._stream = stream
            task = asyncio.get_running_loop().create_task(self._follow(stream))
            self._watchers.add(task)
            task.add_done_callback(self._watchers.discard)

    async def _follow(self, stream: Stream) -> None:
        """Lose the session when its connection has ended and no other has taken its place in time."""
        await stream.gone.wait()
        by_bench = stream.record.closed is Closed.BY_BENCH
        grace = self._timing.after_bench_closed if by_bench else self._timing.after_device_closed
        if not await _within(self.ended, grace) and self._stream is stream:
            self.lose("the CPE did not come back" if by_bench else "the CPE ended the connection")
            self.record.ended_at, self.record.ended_real = stream.record.closed_at, stream.record.closed_real

    async def _next(self, stream: Stream) -> Reply:
        """It is the ACS's turn: the case's reply, else the end."""
        if not self.claimed or self._over:
            return self.end_reply()
        action: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._action = action
        self._turn.set()
        gone: asyncio.Future[Any] = asyncio.ensure_future(stream.gone.wait())
        either: set[asyncio.Future[Any]] = {action, gone}
        try:
            await asyncio.wait(either, timeout=self._timing.watchdog, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self.lose("the bench ended the connection")
            raise
        finally:
            gone.cancel()
        if action.done():
            return action.result()
        if stream.gone.is_set():
            self.lose("the CPE ended the connection while it was waiting for the ACS")
            return Reply(204, close=True)
        self._turn.clear()
        self._over = f"the watchdog ended it, the case did nothing for {self._timing.watchdog:g} s"
        return self.end_reply()

    def _answer(self, http: HttpMessage, reading: soap.Reading | None) -> Answer:
        if reading is None:
            return Answer(http=http, reason="an empty POST in place of the answer")
        problems = [str(problem) for problem in reading.problems]
        envelope = reading.envelope
        if envelope is None:
            return Answer(http=http, problems=tuple(problems), reason="the answer cannot be read")
        message, owed = envelope.message, self._outstanding
        fault = message if isinstance(message, Fault) else None
        if owed is not None and owed.id is not None and envelope.header.id != owed.id:
            problems.append(f"ID: expected {owed.id!r}, found {envelope.header.id!r} (TR-069 3.5)")
        if owed is not None and owed.expected and fault is None and name_of(message) != owed.expected:
            problems.append(f"expected {owed.expected}, found {name_of(message)}")
        return Answer(
            message=None if fault else message,
            fault=fault,
            http=http,
            problems=tuple(problems),
            envelope=envelope,
        )

    def _resolve(self, answer: Answer) -> None:
        owed, self._outstanding = self._outstanding, None
        if owed is not None and not owed.future.done():
            owed.future.set_result(answer)

    def sent(self, stream: Stream, message: HttpMessage | None) -> None:
        """The ACS's reply was sent as *message*, or could not be sent."""
        if message is not None:
            self._recorder.session_message(self.record, stream.record, message)

    def lose(self, reason: str, how: str = "aborted-by-device") -> None:
        """The session is broken; everybody who waits is told *reason*.

        A session that was open when the bench set about ending the device's process was ended by that.
        """
        if not self.ended.is_set():
            if self.record.started_real <= self._interrupted_at():
                how = "aborted-by-bench"
            self.lost_reason = reason
            self._end(how)

    async def _abandon(self, reason: str) -> None:
        """The bench gives up and ends the connection."""
        self.lose(reason, "aborted-by-bench")
        if self._stream is not None:
            await self._stream.finish()

    def _end(self, how: str) -> None:
        self._recorder.session_ended(self.record, how)
        self.ended.set()
        self._turn.set()
        self._resolve(Answer(lost=True, reason=self.lost_reason or "the session has ended"))
        self._on_end(self)

    async def close(self) -> None:
        """End the session's tasks."""
        self.lose("the ACS was shut down", "aborted-by-bench")
        for task in list(self._watchers):
            task.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for *event*, at most so many real seconds; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    return event.is_set()
