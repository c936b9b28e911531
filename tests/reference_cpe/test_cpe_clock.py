"""Steered time: the clock protocol, the periodic Inform, the timeouts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cpe_lab import DEADLINE, Acs, ManualClock, free_port, run_device

from harness.cwmp.messages import GetRPCMethods
from reference_cpe.clock import RealClock


class ClockServer:
    """The bench's half of the protocol."""

    def __init__(self) -> None:
        self.now = 0.0
        self.state: dict[str, Any] = {}
        self.changed = asyncio.Event()
        self.writer: asyncio.StreamWriter | None = None
        self.answered = 0
        self.asked = 0
        self.history: list[dict[str, Any]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        writer.write(json.dumps({"now": self.now, "epoch": 1_763_830_000.0}).encode() + b"\n")
        while line := await reader.readline():
            self.state = json.loads(line)
            self.history.append(self.state)
            self.answered = self.state.get("id", self.answered)
            self.changed.set()
        writer.close()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def quiet(self) -> None:
        await self.until(lambda: self.state.get("busy") == 0)

    async def advance(self, to: float) -> None:
        assert self.writer is not None
        self.now, self.asked = to, self.asked + 1
        self.writer.write(json.dumps({"id": self.asked, "advance": to}).encode() + b"\n")
        await self.until(lambda: self.answered == self.asked)


@pytest.fixture
async def server(home: Path) -> AsyncIterator[ClockServer]:
    clock = ClockServer()
    listening = await asyncio.start_unix_server(clock.serve, home / "clock")
    yield clock
    listening.close()


async def test_periodic_from_session_end(acs: Acs, home: Path, server: ClockServer) -> None:
    """Half of the second session's length is device time; the interval counts from its end."""
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--clock", str(home / "clock")) as device:
        await acs.until(lambda: acs.ended == 1)
        await server.quiet()
        assert server.state["next"] == 1200.0
        await device.configure(periodic_inform_interval=100)
        await server.quiet()
        assert server.state["next"] == 100.0
        acs.queue += [GetRPCMethods()] * 2
        acs.intercept = held = Held()
        await server.advance(100.0)
        assert server.state["busy"] == 1
        for now in (120.0, 140.0):
            await asyncio.wait_for(held.waiting.acquire(), DEADLINE)
            await server.advance(now)
            held.go.release()
        await acs.until(lambda: acs.ended == 2)
        await server.quiet()
        assert server.state["next"] == 240.0
        acs.intercept = None
        await server.advance(239.9)
        assert server.state["busy"] == 0
        await server.advance(240.0)
        await acs.until(lambda: acs.ended == 3)
        await server.quiet()
    assert acs.events() == [["0 BOOTSTRAP", "1 BOOT"], ["2 PERIODIC"], ["2 PERIODIC"]]


class Held:
    """Keeps the device waiting for the answer to its first two POSTs that are not Informs."""

    def __init__(self) -> None:
        self.waiting, self.go = asyncio.Semaphore(0), asyncio.Semaphore(0)
        self.left = 2

    async def __call__(self, _request: web.Request, body: bytes) -> None:
        if b"Inform>" not in body and self.left:
            self.left -= 1
            self.waiting.release()
            await self.go.acquire()


async def test_periodic_off_and_on(acs: Acs, home: Path, server: ClockServer) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--clock", str(home / "clock")) as device:
        await acs.until(lambda: acs.ended == 1)
        await device.configure(periodic_inform_active=False)
        await server.quiet()
        assert server.state["next"] is None
        await server.advance(5000.0)
        await device.configure(periodic_inform_active=True)
        await server.quiet()
        assert server.state["next"] == 6200.0
    assert len(acs.informs) == 1


async def test_busy_before_the_answer(acs: Acs, home: Path, server: ClockServer) -> None:
    """When a connection request or a change of settings is answered, the work that follows is announced."""
    async with run_device(home, "--clock", str(home / "clock")) as device:
        await device.configure(
            port=free_port(), connection_request_username="a", connection_request_password="b"
        )
        await server.quiet()
        before = len(server.history)
        await device.configure(acs_url=f"{acs.base}/acs")
        assert any(state["busy"] >= 2 for state in server.history[before:])
        await acs.until(lambda: acs.ended == 1)
        await server.quiet()
        url = (await device.state())["connection_request_url"]
        await server.quiet()
        before = len(server.history)
        async with aiohttp.ClientSession(middlewares=(aiohttp.DigestAuthMiddleware("a", "b"),)) as client:
            assert (await client.get(url)).status == 200
        await acs.until(lambda: acs.ended == 2)
        await server.quiet()
        assert not any(state["busy"] < 0 for state in server.history)
        assert any(state["busy"] >= 2 for state in server.history[before:])


async def test_response_timeout_and_retry(acs: Acs, home: Path, server: ClockServer) -> None:
    silent = asyncio.Event()

    async def hold(_request: web.Request, _body: bytes) -> None:
        silent.set()
        await asyncio.Event().wait()

    acs.intercept = hold
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--clock", str(home / "clock")) as device:
        await asyncio.wait_for(silent.wait(), DEADLINE)
        await server.advance(29.0)
        assert server.state["busy"] == 1
        await server.advance(30.0)
        await server.quiet()
        assert (await device.state())["sessions"]["failed"] == 1
        await server.quiet()
        assert 35.0 <= server.state["next"] <= 40.0
        acs.intercept = None
        await server.advance(server.state["next"])
        await acs.until(lambda: acs.ended == 1)
        await server.quiet()
    assert acs.informs[0].retry_count == 1
    assert acs.events() == [["0 BOOTSTRAP", "1 BOOT"]]


async def test_no_clock_server(home: Path) -> None:
    with pytest.raises(AssertionError, match="--clock"):
        async with run_device(home, "--clock", str(home / "nothing")):
            pass


async def test_the_device_ends_with_the_bench(home: Path, server: ClockServer) -> None:
    async with run_device(home, "--clock", str(home / "clock")) as device:
        await server.quiet()
        assert server.writer is not None
        server.writer.close()
        assert await asyncio.wait_for(device.process.wait(), DEADLINE) == 0


async def test_timers_fire_in_order_and_can_be_cancelled() -> None:
    clock, fired = ManualClock(), []
    clock.call_at(2.0, lambda: fired.append("two"))
    clock.call_at(1.0, lambda: fired.append("one"))
    clock.call_at(1.5, lambda: fired.append("never")).cancel()
    assert clock.next_timer() == 1.0
    clock.advance(3.0)
    assert fired == ["one", "two"]
    assert clock.next_timer() is None


async def test_timeout_on_device_time() -> None:
    clock = ManualClock()

    async def wait() -> str:
        try:
            async with clock.timeout(5.0):
                await asyncio.Event().wait()
        except TimeoutError:
            return "timeout"
        return "?"

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    clock.advance(4.9)
    await asyncio.sleep(0)
    assert not task.done()
    clock.advance(0.2)
    assert await task == "timeout"
    assert clock.next_timer() is None


async def test_real_clock_sleeps() -> None:
    clock = RealClock()
    before = clock.now()
    await asyncio.wait_for(clock.sleep(0.01), DEADLINE)
    assert clock.now() - before >= 0.009
