"""A minimal ACS beside the harness's own: it answers Informs, asks what it is told, keeps every request."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.cwmp import soap
from harness.cwmp.messages import (
    Envelope,
    Header,
    Inform,
    InformResponse,
    Message,
    TransferComplete,
    TransferCompleteResponse,
)


@dataclass
class Request:
    """One HTTP request as it came."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes
    peer: str

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Session:
    """What one session brought: its requests, and the messages in them."""

    requests: list[Request] = field(default_factory=list)
    messages: list[Envelope] = field(default_factory=list)

    @property
    def inform(self) -> Inform:
        message = self.messages[0].message
        assert isinstance(message, Inform)
        return message

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(event.event_code, event.command_key) for event in self.inform.event]

    @property
    def replies(self) -> list[Message]:
        return [envelope.message for envelope in self.messages[1:]]


class MinimalAcs:
    """Serves one device. `ask` is what the next sessions are asked; `sessions` gets the complete ones."""

    def __init__(self) -> None:
        self.ask: deque[Message] = deque()
        self.sessions: asyncio.Queue[Session] = asyncio.Queue()
        self.problems: list[str] = []
        self.files: dict[str, bytes] = {}
        self.fetched: list[Request] = []
        self.first_answer: Callable[[Request], bytes | None] = lambda _request: None
        """May answer an HTTP request in place of the ACS: raw bytes, or ``None``."""
        self._session = Session()
        self._asked = 0
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._serve, sock=listener, ssl=tls)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def session(self, within: float = 15) -> Session:
        return await asyncio.wait_for(self.sessions.get(), within)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        try:
            while request := await _read(reader, peer):
                writer.write(self.first_answer(request) or self._answer(request))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, request: Request) -> bytes:
        if request.line.startswith("GET "):
            self.fetched.append(request)
            return _response(200, self.files[request.line.split()[1]])
        if not request.body:
            self._session.requests.append(request)
            return self._next()
        reading = soap.read(request.body)
        self.problems += [str(problem) for problem in reading.problems]
        assert reading.envelope is not None
        message = reading.envelope.message
        if isinstance(message, Inform):
            self._session = Session()
        self._session.requests.append(request)
        self._session.messages.append(reading.envelope)
        if isinstance(message, Inform):
            return self._send(
                InformResponse(1), reading.envelope, ("Set-Cookie: a=1", "Set-Cookie: b=two; Path=/")
            )
        if isinstance(message, TransferComplete):
            return self._send(TransferCompleteResponse(), reading.envelope)
        if reading.envelope.header.id != f"ask-{self._asked}":
            self.problems.append(f"{type(message).__name__} has the ID {reading.envelope.header.id}")
        return self._next()

    def _next(self) -> bytes:
        if not self.ask:
            self.sessions.put_nowait(self._session)
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        self._asked += 1
        envelope = Envelope(
            self.ask.popleft(), Header(id=f"ask-{self._asked}"), self._session.messages[0].namespace
        )
        return _response(200, soap.encode(envelope))

    def _send(self, message: Message, to: Envelope, headers: tuple[str, ...] = ()) -> bytes:
        return _response(200, soap.encode(Envelope(message, Header(id=to.header.id), to.namespace)), headers)


def _response(status: int, body: bytes, headers: tuple[str, ...] = ()) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        "Content-Type: text/xml; charset=utf-8",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _read(reader: asyncio.StreamReader, peer: str) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    line, *rest = head.rstrip("\r\n").split("\r\n")
    headers = [(key, value.strip()) for key, _, value in (item.partition(":") for item in rest)]
    request = Request(line, headers, b"", peer)
    request.body = await reader.readexactly(int(request.header("Content-Length") or 0))
    return request
