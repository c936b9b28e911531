"""The connection-request listener: HTTP on the port of the settings, over IPv4 and IPv6 (TR-069 3.2.2)."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import h11

from reference_cpe import network
from reference_cpe.gate import Answer
from reference_cpe.http import Headers

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

log = logging.getLogger("reference-cpe.listener")

REQUEST_TIME = 10.0
"""Seconds of device time a client has for a complete request."""
_MOST_CONNECTIONS = 64
_LONGEST = 16 * 1024


class Listener:
    """Seams: `success_status`, `judge`, `reply`, `start`."""

    success_status = 200

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        """Where it listens; 0 while it does not."""

    async def start(self, port: int) -> None:
        """Listen on *port*, and stop listening on the old one once that works. Port 0 is off.

        Raises:
            OSError: the port cannot be had; the old one goes on.
        """
        if port == self.port:
            return
        server = await _listen(self._accept, port) if port else None
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
        if server is not None:
            server.close()

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
                async with self._parts.clock.timeout(REQUEST_TIME):
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
        method, target = request.method.decode("ascii"), request.target.decode("latin-1")
        path = _path(target)
        if not hmac.compare_digest(
            path.encode("latin-1"), self._parts.status.connection_request_path().encode()
        ):
            return 404, []
        if method != "GET":
            return 405, [("Allow", "GET")]
        given = [value.decode("latin-1") for name, value in request.headers if name == b"authorization"]
        answer = self._parts.gate.check(given[0] if len(given) == 1 else None, method, target)
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
        length = [] if status == 204 else [("Content-Length", "0")]
        head = h11.Response(status_code=status, headers=[*headers, *length], reason=_REASONS.get(status, ""))
        return (connection.send(head) or b"") + (connection.send(h11.EndOfMessage()) or b"")


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


async def _listen(accept: object, port: int) -> asyncio.Server:
    try:
        return await asyncio.start_server(accept, ("0.0.0.0", "::"), port)  # type: ignore[arg-type]
    except OSError as error:
        if error.errno in (97, 99):  # no IPv6 on this machine
            return await asyncio.start_server(accept, "0.0.0.0", port)  # type: ignore[arg-type]
        raise
