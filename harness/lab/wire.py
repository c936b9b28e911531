"""The byte-exact HTTP engine over raw sockets: listeners (and, from `harness.lab.client`, `fetch`).

It serves whatever comes, records it, and never lets a device hold it: every wait has a deadline (real
seconds), every connection an owner that ends with the listener. A `Reply` is written correctly, or, when a
case wants a wrong answer, byte for byte as its program says.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.lab.client import Client, ConnectFailed, Fetched, fetch
from harness.lab.http1 import HttpError, Kind, Limits, Reader
from harness.lab.http1_head import Parsed, list_members
from harness.lab.recorder import Clock, Recorder
from harness.lab.reply import Action, CutFin, CutReset, Reply, Send, Step, Wait
from harness.lab.stream import LINGER, Gone, Stream
from harness.lab.tls import TlsSettings
from harness.verdict.transcript import Connection, Direction, HttpMessage, Role

__all__ = [
    "Action",
    "Client",
    "ConnectFailed",
    "CutFin",
    "CutReset",
    "Fetched",
    "Handler",
    "Listener",
    "Patience",
    "Reply",
    "Send",
    "Stream",
    "Wait",
    "Watch",
    "fetch",
]

_log = logging.getLogger(__name__)

_PIPELINED: Final = 8
"""Requests that may wait for their answer on one connection before reading stops."""
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

Handler: TypeAlias = Callable[[Stream, HttpMessage], Awaitable[Reply | None]]
"""Answers a request; ``None`` closes the connection without an answer."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Real seconds: between messages, for the rest of one that has begun, and for a TLS handshake.

    A message that grows gets a second more for every *rate* octets.
    """

    idle: float = 120.0
    message: float = 30.0
    rate: int = 16_384
    handshake: float = 20.0


class Watch:
    """Waits for the next connection of a listener, until it is decided what became of it."""

    def __init__(self) -> None:
        self.future: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        """Done when the device has sent application bytes or has ended the connection."""
        self.connection: Connection | None = None
        """The connection, as soon as it is there."""

    def heard(self) -> None:
        """The connection is decided."""
        if self.connection is not None and not self.future.done():
            self.future.set_result(self.connection)


class Listener:
    """Serves one listening socket, which it owns from now on (non-blocking, bound, listening).

    ``tls`` may be replaced at any time: that counts for the connections that come later. ``errors`` holds
    exceptions of our own code, never of the device; a handler that raises is answered with 500.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        name: str,
        role: Role,
        clock: Clock,
        recorder: Recorder,
        handler: Handler,
        tls: TlsSettings | None = None,
        limits: Limits | None = None,
        patience: Patience | None = None,
        max_connections: int = 64,
    ) -> None:
        self.name = name
        self.role = role
        self.address: tuple[str, int] = sock.getsockname()[:2]
        self.clock = clock
        self.connections = 0
        """TCP connections accepted so far."""
        self.errors: list[BaseException] = []
        self.tls = tls
        self.divert: Callable[[socket.socket, tuple[str, int]], None] | None = None
        """Takes the connections that come from now on, and owns them; the listener has no part in them."""
        self._sock = sock
        self._recorder = recorder
        self._handler = handler
        self._limits = limits or Limits()
        self._patience = patience or Patience()
        self._max = max_connections
        self._accepting: asyncio.Task[None] | None = None
        self._serving: dict[asyncio.Task[None], Stream] = {}
        self._watches: list[Watch] = []

    @property
    def tls(self) -> TlsSettings | None:
        return self._tls

    @tls.setter
    def tls(self, settings: TlsSettings | None) -> None:
        if settings is not None and settings.script is None:
            settings.context()  # an identity that OpenSSL refuses is reported here, not to the device
        self._tls = settings

    def start(self) -> None:
        """Accept connections from now on. To be called in the loop."""
        self._accepting = asyncio.get_running_loop().create_task(self._accept(), name=f"{self.name} accept")

    async def close(self) -> None:
        """End all connections and the listening socket; returns when every task has ended."""
        tasks = [*self._serving, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sock.close()

    def watch(self) -> Watch:
        """Watch for the next connection that is accepted from now on."""
        watch = Watch()
        self._watches.append(watch)
        return watch

    async def drop(self) -> None:
        """End all connections; go on listening."""
        tasks = list(self._serving)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def drained(self) -> None:
        """Wait until no connection is open."""
        while self._serving:
            await asyncio.wait(self._serving)

    @property
    def open_connections(self) -> int:
        return len(self._serving)

    # --- accepting ---

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, peer = await loop.sock_accept(self._sock)
            except OSError as error:  # out of descriptors, or the connection is gone again
                _log.warning("%s: accept: %s", self.name, error)
                await asyncio.sleep(0.05)
                continue
            if self.divert is not None:
                self.connections += 1
                self.divert(sock, peer[:2])
                continue
            if len(self._serving) >= self._max:
                next(iter(self._serving)).cancel()  # the oldest one makes room
            try:
                self._open(sock, peer[:2])
            except (OSError, ssl.SSLError) as error:
                self.errors.append(error)
                sock.close()

    def _open(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        self.connections += 1
        record = self._recorder.connection(self.role, self.name, peer, sock.getsockname()[:2])
        watches = [watch for watch in self._watches if watch.connection is None]
        self._watches = []
        for watch in watches:
            watch.connection = record

        def heard() -> None:
            for watch in watches:
                watch.heard()

        stream = Stream(sock, record, self._recorder, self._tls, heard)
        task = asyncio.get_running_loop().create_task(self._serve(stream), name=f"{self.name} {record.id}")
        self._serving[task] = stream
        task.add_done_callback(lambda done: self._ended(done, stream))

    def _ended(self, task: asyncio.Task[None], stream: Stream) -> None:
        self._serving.pop(task, None)
        stream.release()  # also where the task was cancelled before its first step
        if not task.cancelled() and (error := task.exception()) is not None:
            self.errors.append(error)
            _log.error("%s: connection %s", self.name, stream.record.id, exc_info=error)

    # --- serving one connection ---

    async def _serve(self, stream: Stream) -> None:
        inbox = _Inbox(stream, self._recorder, self._limits, self._patience)
        pump = asyncio.get_running_loop().create_task(inbox.pump())
        reset = False
        try:
            reset = await self._converse(stream, inbox)
            if not reset:
                await stream.finish()
                await asyncio.wait({pump}, timeout=LINGER)
        finally:
            pump.cancel()
            (ended,) = await asyncio.gather(pump, return_exceptions=True)
            if isinstance(ended, Exception):
                self.errors.append(ended)
            if reset:
                stream.reset()

    async def _converse(self, stream: Stream, inbox: _Inbox) -> bool:
        """Answer requests until the connection is to end; True when it ends with a reset."""
        while (item := await inbox.get()) is not None:
            if isinstance(item, HttpError):
                await self._answer(stream, None, Reply(item.status, close=True, body=f"{item}\n".encode()))
                return False
            reply = await self._handled(stream, item)
            if reply is None:
                return False
            end = await self._answer(stream, item, reply)
            if end is not None:
                return end
            inbox.answered()
        return False

    async def _handled(self, stream: Stream, message: HttpMessage) -> Reply | None:
        try:
            return await self._handler(stream, message)
        except Exception as error:  # a bug of ours must not hang the device
            self.errors.append(error)
            _log.exception("%s: handler", self.name)
            return Reply(500, close=True)

    async def _answer(self, stream: Stream, request: HttpMessage | None, reply: Reply) -> bool | None:
        """Send *reply*. ``None``: the connection goes on; else it ends, by reset (True) or FIN."""
        message: HttpMessage | None = None
        try:
            if reply.program is not None:
                message, end = await self._perform(stream, reply.program, reply.note)
            else:
                end = False if reply.close or (request is not None and _wants_close(request)) else None
                message = await self._write(stream, request, reply, close=end is not None)
        except Gone:
            end = False
        if reply.on_sent is not None:
            reply.on_sent(message)
        return end if end is not None or not reply.close else False

    async def _write(
        self, stream: Stream, request: HttpMessage | None, reply: Reply, *, close: bool
    ) -> HttpMessage:
        with_body = request is None or request.method != "HEAD"
        parsed = reply.parsed(with_body=with_body, close=close)
        parsed.start = stream.sent
        parsed.end = parsed.start + len(parsed.head) + len(parsed.body)
        await stream.send(parsed.head + parsed.body)
        return self._recorder.message(stream.record, Direction.TO_DEVICE, parsed, reply.note)

    async def _perform(
        self, stream: Stream, program: tuple[Action, ...], note: str
    ) -> tuple[HttpMessage | None, bool | None]:
        """Do *program*; return the (first) message that its bytes make, and how the connection ends."""
        start, end = stream.sent, None
        sent = bytearray()
        try:
            for action in program:
                match action:
                    case Send(data):
                        await stream.send(data)
                        sent += data
                    case Wait(seconds):
                        await _wait(stream.gone, seconds)
                    case Step(go):
                        await go()
                    case CutFin():
                        await stream.finish(notify=False)
                        end = False
                        break
                    case CutReset():
                        end = True
                        break
        except Gone:
            end = False
        parsed = _reread(bytes(sent), start)
        if parsed is None:
            return None, end
        return self._recorder.message(stream.record, Direction.TO_DEVICE, parsed, note), end


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _reread(sent: bytes, start: int) -> Parsed | None:
    """The message that a program wrote, read as leniently as a device's."""
    reader = Reader(Kind.RESPONSE)
    try:
        found = reader.feed(sent) or reader.end()
    except HttpError as error:
        rest = reader.unfinished(str(error))
        found = [rest] if rest else []
    if not found:
        return None
    parsed = found[0]
    parsed.start += start
    parsed.end += start
    return parsed


def _wants_close(request: HttpMessage) -> bool:
    """Whether the connection ends after the answer (RFC 9112 9.3)."""
    options = list_members(request.header_values("Connection"))
    if request.start_line.endswith("HTTP/1.0"):
        return "keep-alive" not in options
    return "close" in options


class _Inbox:
    """Reads a connection to its end: requests, or the error that ends them, then ``None``."""

    def __init__(self, stream: Stream, recorder: Recorder, limits: Limits, patience: Patience) -> None:
        self._stream = stream
        self._recorder = recorder
        self._patience = patience
        self._reader = Reader(Kind.REQUEST, limits)
        self._flood = limits.body
        self._queue: asyncio.Queue[HttpMessage | HttpError | None] = asyncio.Queue()
        self._room = asyncio.Semaphore(_PIPELINED)
        self._unanswered = 0
        self._began = 0.0
        self._octets = 0
        self._continued = False

    async def get(self) -> HttpMessage | HttpError | None:
        return await self._queue.get()

    def answered(self) -> None:
        """A request has its answer; the connection is idle when all have."""
        self._unanswered -= 1
        self._room.release()

    async def pump(self) -> None:
        """Read until the device ends the connection or a deadline passes."""
        try:
            await self._read_messages()
            self._unfinished("the connection ended inside the message")
        except HttpError as error:
            self._unfinished(str(error))
            self._queue.put_nowait(error)
            await self._drain()
        except Gone:
            pass
        finally:
            self._queue.put_nowait(None)

    async def _read_messages(self) -> None:
        while data := await self._receive():
            self._octets += len(data)
            messages = self._reader.feed(data)
            for parsed in messages:
                self._continued = False
                self._began, self._octets = 0.0, 0
                self._unanswered += 1
                message = self._recorder.message(self._stream.record, Direction.FROM_DEVICE, parsed)
                self._queue.put_nowait(message)
                await self._room.acquire()
            if messages:
                self._reader.feed(b"")  # an error behind the good messages comes up here
            if self._reader.wants_continue and not self._continued:
                self._continued = True
                await self._stream.send(CONTINUE)

    async def _receive(self) -> bytes:
        """The next bytes; ``b""`` at the end, and when an idle connection has lived long enough."""
        loop = asyncio.get_running_loop()
        if self._reader.in_message and not self._began:
            self._began = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(self._deadline(loop.time())):
                    return await self._stream.receive()
            except TimeoutError:
                if self._reader.in_message:
                    raise HttpError("the message was not complete in time", 408) from None
                if not self._unanswered:
                    return b""

    def _deadline(self, now: float) -> float:
        if self._reader.in_message:
            return self._began + self._patience.message + self._octets / self._patience.rate
        fresh = self._stream.scheme == "https" and not self._stream.record.chunks
        return now + (self._patience.handshake if fresh else self._patience.idle)

    def _unfinished(self, reason: str) -> None:
        if parsed := self._reader.unfinished(reason):
            self._recorder.message(self._stream.record, Direction.FROM_DEVICE, parsed)

    async def _drain(self) -> None:
        """What comes after an error is evidence only, and not without end."""
        left = self._flood
        while left > 0 and (data := await self._stream.receive()):
            left -= len(data)
