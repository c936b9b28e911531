"""A small laboratory for the reference device's tests: a clock, an ACS, the device as a process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

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
from reference_cpe.clock import Clock

DEADLINE = 20.0
"""Seconds of real time after which a wait has failed."""


class ManualClock(Clock):
    """Time that a test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def unix(self) -> float:
        return 1_763_830_000.0 + self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds
        self.fire_due()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Acs:
    """A small ACS: answers Inform and TransferComplete, sends what is in ``queue``, keeps what it got."""

    base: str = ""
    queue: list[Message | bytes] = field(default_factory=list)
    informs: list[Inform] = field(default_factory=list)
    got: list[Message] = field(default_factory=list)
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    intercept: Callable[[web.Request, bytes], Awaitable[web.Response | None]] | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    ended: int = 0

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request.path, dict(request.headers), body))
        if self.intercept is not None and (answer := await self.intercept(request, body)) is not None:
            return answer
        if body:
            envelope = soap.decode(body)
            self.got.append(envelope.message)
            if isinstance(envelope.message, Inform):
                self.informs.append(envelope.message)
                return reply(InformResponse(), envelope.header.id)
            if isinstance(envelope.message, TransferComplete):
                return reply(TransferCompleteResponse(), envelope.header.id)
        if self.queue:
            item = self.queue.pop(0)
            return web.Response(body=item) if isinstance(item, bytes) else reply(item, "acs-1")
        self.ended += 1
        return web.Response(status=204)

    async def file(self, request: web.Request) -> web.Response:
        self.fetched.append(request.path)
        data = self.files.get(request.path)
        return web.Response(status=404) if data is None else web.Response(body=data)

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait until *condition* holds."""
        async with asyncio.timeout(DEADLINE):
            while not condition():  # noqa: ASYNC110 - the condition may be anything
                await asyncio.sleep(0.005)

    def events(self) -> list[list[str]]:
        return [[event.event_code for event in inform.event] for inform in self.informs]


def reply(message: Message, own_id: str | None) -> web.Response:
    data = soap.encode(Envelope(message, Header(id=own_id)))
    return web.Response(body=data, content_type="text/xml", headers={"Set-Cookie": "session=1; Path=/"})


@asynccontextmanager
async def serve_acs(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncIterator[Acs]:
    acs = Acs()
    app = web.Application()
    app.router.add_post("/acs", acs.post)
    app.router.add_post("/other", acs.post)
    app.router.add_get("/files/{name}", acs.file)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    acs.base = f"{'https' if context else 'http'}://{host}:{port}"
    try:
        yield acs
    finally:
        await runner.cleanup()


class Process:
    """The device as a process, driven through its JSON API."""

    def __init__(
        self, process: asyncio.subprocess.Process, session: aiohttp.ClientSession, log: Path
    ) -> None:
        self.process = process
        self._session = session
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        async with self._session.request(method, f"http://device{path}", **options) as response:
            data = await response.read()
            return response.status, json.loads(data) if data else None

    async def state(self) -> dict[str, Any]:
        return (await self.call("GET", "/state"))[1]  # type: ignore[no-any-return]

    async def configure(self, **settings: Any) -> None:
        status, answer = await self.call("PATCH", "/settings", json=settings)
        assert status == 200, answer

    async def end(self) -> int:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), DEADLINE)


@asynccontextmanager
async def run_device(directory: Path, *arguments: str) -> AsyncIterator[Process]:
    """A device with its state and its log in *directory*, without listener unless a test sets a port."""
    if "--config" not in arguments:
        (directory / "cpe.toml").write_text("[settings]\nport = 0\n")
        arguments = (*arguments, "--config", str(directory / "cpe.toml"))
    api, log = directory / "api", directory / "log"
    api.unlink(missing_ok=True)
    command = [sys.executable, "-P", "-m", "reference_cpe", "--state", str(directory / "state")]
    with log.open("a") as stderr:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--api",
            f"unix:{api}",
            *arguments,
            stderr=stderr,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(api))) as session:
            device = Process(process, session, log)
            await _until_up(device)
            yield device
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _until_up(device: Process) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            assert device.process.returncode is None, device.log
            try:
                if (await device.call("GET", "/health"))[0] == 200:
                    return
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(0.02)
