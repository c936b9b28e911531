"""The connection-request listener: HTTP on the port of the settings, over IPv4 and IPv6 (TR-069 3.2.2).

A plain request takes the short way (`reference_cpe.plain_lane`), everything else h11's; from outside they are the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import h11

from reference_cpe import network
from reference_cpe.clock import Timer
from reference_cpe.gate import Answer
from reference_cpe.http import Headers
from reference_cpe.plain_lane import Lane, Plain, written

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

log = logging.getLogger("reference-cpe.listener")

REQUEST_TIME = 10.0
"""Seconds of device time a client has for a complete request."""
_MOST_CONNECTIONS = 64
_LONGEST = 16 * 1024


class Listener:
    """Seams: `success_status`, `judge`, `reply`, `start`, and each step of the long way."""

    success_status = 200

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes: dict[Lane, float] = {}
        """Connections on the short way, and until when each has time for its next request: the first ends first."""
        self._hurry: Timer | None = None
        self._granted: WeakKeyDictionary[asyncio.StreamReader, float] = WeakKeyDictionary()
        """Seconds that a connection which has changed over from the short way has left for its request."""
        self.port = 0
        """Where it listens; 0 while it does not."""

    async def start(self, port: int) -> None:
        """Listen on *port*, and stop listening on the old one once that works. Port 0 is off.

        Raises:
            OSError: the port cannot be had; the old one goes on.
        """
        if port == self.port:
            return
        server = await _listen(self._protocol, port) if port else None
        await self.stop()
        self._server, self.port = server, port
        if port:
            log.info("connection requests on port %d", port)

    def obstacle(self, port: int) -> str:
        """Why `start` would fail on *port*, empty where it would not."""
        return "" if port == self.port else network.port_obstacle(port)

    async def stop(self) -> None:
        server, self._server, self.port = self._server, None, 0
        for task in list(self._tasks):
            task.cancel()
        for lane in list(self._lanes):
            lane.close()
        if server is not None:
            server.close()

    def _protocol(self) -> asyncio.BaseProtocol:
        """What serves the next connection."""
        if any(
            name in vars(self) or getattr(type(self), name) is not step for name, step in _LONG_WAY.items()
        ):
            return self._streams(self._accept)
        return Lane(self._answer_plain, self._admit, self._heard, self._left, self._hand_over)

    @staticmethod
    def _streams(serve: object, reader: asyncio.StreamReader | None = None) -> asyncio.StreamReaderProtocol:
        loop = asyncio.get_running_loop()
        reader = reader or asyncio.StreamReader(loop=loop)
        return asyncio.StreamReaderProtocol(reader, serve, loop)  # type: ignore[arg-type]

    # --- the short way ---

    def _admit(self, lane: Lane) -> bool:
        if len(self._tasks) + len(self._lanes) >= _MOST_CONNECTIONS:
            return False
        self._heard(lane)
        return True

    def _heard(self, lane: Lane) -> None:
        """From now on *lane* has `REQUEST_TIME` for a request."""
        self._lanes.pop(lane, None)
        self._lanes[lane] = self._parts.clock.now() + REQUEST_TIME
        self._watch()

    def _left(self, lane: Lane) -> None:
        if self._lanes.pop(lane, None) is not None:
            self._watch()

    def _watch(self) -> None:
        """Have the clock call when the first lane's time is up; early is no harm, after the last lane is."""
        if not self._lanes:
            if self._hurry is not None:
                self._hurry.cancel()
                self._hurry = None
        elif self._hurry is None:
            self._hurry = self._parts.clock.call_at(next(iter(self._lanes.values())), self._late)

    def _late(self) -> None:
        self._hurry = None
        now = self._parts.clock.now()
        for lane in [lane for lane, until in self._lanes.items() if until <= now]:
            log.info("connection request: nothing within %g s", REQUEST_TIME)
            lane.close()
        self._watch()

    def _hand_over(self, lane: Lane, transport: asyncio.Transport, data: bytes) -> asyncio.Protocol:
        """Go on with the connection the long way; *data* has come and is not answered."""
        reader = asyncio.StreamReader(loop=asyncio.get_running_loop())
        self._granted[reader] = self._lanes[lane] - self._parts.clock.now()
        protocol = self._streams(self._accept, reader)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(data)
        self._left(lane)
        return protocol

    def _answer_plain(self, request: Plain, write: Callable[[bytes], None]) -> None:
        """As `_answer`, without waiting: nothing is in progress before or after, but for what a success begins."""
        status, headers = self._judged(*request)
        success = status == self.success_status
        with self._parts.clock.work() if success else contextlib.nullcontext():
            write(written(status, _REASONS.get(status, ""), [*headers, *_framing(status)]))
            if success:
                self._parts.connect()

    # --- the long way ---

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) <= _MOST_CONNECTIONS:
                await self._serve(reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            log.info("connection request: %s", error or type(error).__name__)
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST)
        while True:
            try:
                async with self._parts.clock.timeout(self._granted.pop(reader, REQUEST_TIME)):
                    request = await self._request(connection, reader)
            except h11.RemoteProtocolError:
                await self._refuse(connection, writer)
                return
            if request is None:
                return
            with self._parts.clock.work():
                await self._answer(connection, writer, request)
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()

    async def _request(self, connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
        """A whole request, its body read and thrown away; ``None`` at the end of the stream."""
        request: h11.Request | None = None
        size = 0
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(4096)
                size += len(data)
                if size > 4 * _LONGEST:
                    raise h11.RemoteProtocolError("request too long")
                connection.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif isinstance(event, h11.ConnectionClosed):
                return None

    async def _refuse(self, connection: h11.Connection, writer: asyncio.StreamWriter) -> None:
        if connection.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._send(connection, writer, 400, [("Connection", "close")])

    async def _answer(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, request: h11.Request
    ) -> None:
        status, headers = self.judge(request)
        # The event is queued before the 2xx goes out and the session opened after it: TR-069 3.2.2.
        await self._send(connection, writer, status, headers)
        if status == self.success_status:
            self._parts.connect()

    def judge(self, request: h11.Request) -> tuple[int, Headers]:
        """Status and headers for a request; a good one queues ``6 CONNECTION REQUEST``."""
        given = [value for name, value in request.headers if name == b"authorization"]
        return self._judged(request.method, request.target, given)

    def _judged(self, octets: bytes, where: bytes, authorizations: Sequence[bytes]) -> tuple[int, Headers]:
        method, target = octets.decode("ascii"), where.decode("latin-1")
        path = _path(target)
        if not hmac.compare_digest(
            path.encode("latin-1"), self._parts.status.connection_request_path().encode()
        ):
            return 404, []
        if method != "GET":
            return 405, [("Allow", "GET")]
        given = authorizations[0].decode("latin-1") if len(authorizations) == 1 else None
        answer = self._parts.gate.check(given, method, target)
        if answer is not Answer.OPEN:
            return 401, [("WWW-Authenticate", self._parts.gate.challenge(stale=answer is Answer.STALE))]
        if not self._parts.connection_requested():
            return 503, []
        return self.success_status, []

    async def _send(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, status: int, headers: Headers
    ) -> None:
        writer.write(self.reply(connection, status, headers))
        await writer.drain()

    def reply(self, connection: h11.Connection, status: int, headers: Headers) -> bytes:
        """The bytes of a response; its body is always empty."""
        every = [*headers, *_framing(status)]
        head = h11.Response(status_code=status, headers=every, reason=_REASONS.get(status, ""))
        return (connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b"")


_LONG_WAY = {
    name: Listener.__dict__[name]
    for name in ("_accept", "_serve", "_request", "_refuse", "_answer", "_send", "judge", "reply")
}
"""Steps of the long way: where one of them is replaced, in a device or a subclass, every connection goes it."""


def _framing(status: int) -> Headers:
    """The headers that say where a response without a body ends (RFC 9110 8.6)."""
    return [] if status == 204 else [("Content-Length", "0")]


def _path(target: str) -> str:
    """The path of a request target, in origin form or absolute; a query does not count."""
    try:
        return urlsplit(target).path
    except ValueError:
        return ""


_REASONS = {
    200: "OK",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


async def _listen(protocol: Callable[[], asyncio.BaseProtocol], port: int) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(protocol, ("0.0.0.0", "::"), port)
    except OSError as error:
        if error.errno in (97, 99):  # no IPv6 on this machine
            return await loop.create_server(protocol, "0.0.0.0", port)
        raise
