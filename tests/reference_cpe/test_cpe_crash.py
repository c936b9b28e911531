"""Power cuts: kill -9 at random moments of writes, settings changes, downloads and reboots.

``CPE_CRASHES`` sets how many (40 by default), ``CPE_CRASH_SEED`` the sequence of what the ACS asks for; the
moments themselves are the machine's.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cpe_lab import DEADLINE, Acs, reply

from harness.cwmp import soap
from harness.cwmp.messages import (
    Download,
    DownloadResponse,
    FactoryReset,
    FactoryResetResponse,
    Inform,
    Message,
    ParameterValueStruct,
    Reboot,
    RebootResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    TransferComplete,
)

KILLS = int(os.environ.get("CPE_CRASHES", "40"))
SEED = int(os.environ.get("CPE_CRASH_SEED", "1"))
USERNAME = "Device.ManagementServer.Username"
COMMENT = "Device.X_EXAMPLE-ORG_Comment"
MOST_TRANSFERS = 4
LONGEST_LIFE = 0.35
"""Seconds of real time that a device lives at most before it is killed."""


@dataclass
class Counter:
    """Values that only grow: what was asked for last, and what was acknowledged last."""

    asked: int = 0
    acknowledged: int = 0

    def next(self) -> int:
        self.asked += 1
        return self.asked

    def check(self, stored: int, what: str) -> None:
        """What is stored is the acknowledged value or a later one that was asked for."""
        assert self.acknowledged <= stored <= self.asked, f"{what}: {stored} is stored, expected {self}"
        self.acknowledged = stored


@dataclass
class Demands:
    """What the ACS has asked the device for, and what came of it."""

    random: Random
    acs: Acs
    values: Counter = field(default_factory=Counter)
    settings: Counter = field(default_factory=Counter)
    keys: Counter = field(default_factory=Counter)
    downloads: set[str] = field(default_factory=set)
    """CommandKeys that the device has accepted and not yet reported."""
    reboots: set[str] = field(default_factory=set)
    reported: dict[str, int] = field(default_factory=dict)
    """CommandKey to fault code of each TransferComplete."""
    rebooted: set[str] = field(default_factory=set)
    waiting: Message | None = None

    def next(self) -> Message | None:
        """The ACS's next request, ``None`` to end the session."""
        kind = self.random.choice(("set", "set", "set", "download", "reboot", "end", "end"))
        if kind == "set":
            value = str(self.values.next())
            wanted = tuple(ParameterValueStruct(name, value, "xsd:string") for name in (USERNAME, COMMENT))
            self.waiting = SetParameterValues(wanted, value)
        elif kind == "download" and len(self.downloads) < MOST_TRANSFERS:
            key = f"d{self.keys.next()}"
            self.acs.files[f"/files/{key}"] = f"set /Setup/CWMP/ACS-Password {key}\n".encode()
            self.waiting = Download(key, "3 Vendor Configuration File", f"{self.acs.base}/files/{key}")
        elif kind == "reboot":
            self.waiting = Reboot(f"r{self.keys.next()}")
        else:
            self.waiting = None
        return self.waiting

    def answered(self, message: Message) -> None:
        """The device's response came: from here on it must not forget."""
        match message, self.waiting:
            case SetParameterValuesResponse(), SetParameterValues(parameter_key=key):
                self.values.acknowledged = int(key)
            case DownloadResponse(), Download(command_key=key):
                self.downloads.add(key)
            case RebootResponse(), Reboot(command_key=key):
                self.reboots.add(key)
        self.waiting = None

    async def serve(self, request: web.Request, body: bytes) -> web.Response | None:
        """Between the small ACS and the device."""
        if body:
            message = soap.decode(body).message
            if isinstance(message, Inform):
                self.waiting = None
                self._informed(message)
                return None
            if isinstance(message, TransferComplete):
                self.reported[message.command_key] = message.fault_struct.fault_code
                self.downloads.discard(message.command_key)
                return None
            self.answered(message)
        wanted = self.next()
        return None if wanted is None else reply(wanted, "acs")

    def _informed(self, inform: Inform) -> None:
        keys = {event.command_key for event in inform.event if event.event_code == "M Reboot"}
        self.rebooted |= keys
        self.reboots -= keys

    def check(self, state: dict[str, Any]) -> None:
        """What a store may hold after the power was cut."""
        settings = state.get("settings", {})
        value = int(settings.get("acs_username", 0))
        self.values.check(value, "SetParameterValues")
        comment = state.get("parameters", {}).get(COMMENT, "0")
        assert (int(comment), int(state.get("parameter_key") or 0)) == (value, value)
        user = settings.get("connection_request_username", "0")
        assert user == settings.get("connection_request_password", "0")
        self.settings.check(int(user), "settings")
        kept = {transfer["command_key"] for transfer in state.get("transfers", [])}
        assert self.downloads <= kept, "an accepted download is forgotten"
        events = {entry["key"] for entry in state.get("events", []) if entry["code"] == "M Reboot"}
        put_off = (state.get("after_session") or {}).get("reboot_keys", [])
        assert self.reboots <= events | set(put_off), "an accepted reboot is forgotten"


class Nursery:
    """Devices that are forked and killed, all on one store in *home*."""

    def __init__(self, process: asyncio.subprocess.Process, home: Path, url: str) -> None:
        self._process = process
        self.home = home
        self.url = url
        self.socket = home / "api"
        self.log = home / "log"

    async def fork(self) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.socket.unlink(missing_ok=True)
        line = [str(self.log), "--acs-url", self.url, "--state", str(self.home / "state")]
        line += ["--config", str(self.home / "cpe.toml"), "--api", f"unix:{self.socket}"]
        self._process.stdin.write(json.dumps(line).encode() + b"\n")
        return int(await asyncio.wait_for(self._process.stdout.readline(), DEADLINE))

    async def kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(DEADLINE):
            while _exists(pid):  # noqa: ASYNC110 - no child of ours
                await asyncio.sleep(0.001)

    def stored(self) -> dict[str, Any]:
        """The store as the dead device left it; it must be readable."""
        state = self.home / "state"
        assert not (state / "state.json.broken").exists()
        file = state / "state.json"
        return json.loads(file.read_bytes()) if file.exists() else {}  # type: ignore[no-any-return]

    @asynccontextmanager
    async def api(self) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.UnixConnector(str(self.socket), force_close=True)
        async with aiohttp.ClientSession("http://device", connector=connector) as session:
            yield session


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
async def nursery(home: Path, acs: Acs) -> AsyncIterator[Nursery]:
    (home / "cpe.toml").write_text("[settings]\nport = 0\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("nursery.py")),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process, home, f"{acs.base}/acs")
    finally:
        process.kill()
        await process.wait()


async def operate(nursery: Nursery, demands: Demands) -> None:
    """Change two settings that belong together, and wake the device, until it is gone."""
    async with nursery.api() as api:
        while True:
            value = str(demands.settings.next())
            wanted = {"connection_request_username": value, "connection_request_password": value}
            try:
                async with api.patch("/settings", json=wanted) as answer:
                    assert answer.status == 200, await answer.text()
                demands.settings.acknowledged = int(value)
                async with api.post("/actions/wake"):
                    pass
            except aiohttp.ClientError:
                await asyncio.sleep(0.005)


async def test_power_cuts(nursery: Nursery, acs: Acs) -> None:
    demands = Demands(Random(SEED), acs)
    acs.intercept = demands.serve
    for _ in range(KILLS):
        pid = await nursery.fork()
        operator = asyncio.create_task(operate(nursery, demands))
        await asyncio.sleep(demands.random.uniform(0, LONGEST_LIFE))
        await nursery.kill(pid)
        operator.cancel()
        with suppress(asyncio.CancelledError):
            await operator
        demands.check(nursery.stored())

    await _settle(nursery, acs, demands)
    assert set(demands.reported.values()) <= {0}
    log = nursery.log.read_text()
    assert "Traceback" not in log
    assert "internal error" not in log


async def _settle(nursery: Nursery, acs: Acs, demands: Demands) -> None:
    """Leave the last device alone: everything that it has accepted is reported in the end."""
    demands.random.choice = lambda _kinds: "end"  # type: ignore[method-assign, assignment]
    pid = await nursery.fork()
    await acs.until(lambda: not demands.downloads and not demands.reboots, "what was accepted is reported")
    await nursery.kill(pid)


async def cut_after(nursery: Nursery, acs: Acs, request: Message, response: type[Message]) -> None:
    """Have the device answer *request* and cut its power before the session can end."""
    answered = asyncio.Event()
    queue = [request]

    async def hold(_request: web.Request, body: bytes) -> web.Response | None:
        message = soap.decode(body).message if body else None
        if isinstance(message, response):
            answered.set()
            await asyncio.Event().wait()
        return reply(queue.pop(), "acs") if queue and not body else None

    acs.intercept = hold
    pid = await nursery.fork()
    await asyncio.wait_for(answered.wait(), DEADLINE)
    await nursery.kill(pid)
    acs.intercept = None


async def test_a_reboot_that_was_answered_is_reported(nursery: Nursery, acs: Acs) -> None:
    await cut_after(nursery, acs, Reboot("key"), RebootResponse)
    pid = await nursery.fork()
    await acs.until(lambda: acs.ended)
    await nursery.kill(pid)
    events = {(event.event_code, event.command_key) for event in acs.informs[-1].event}
    assert {("1 BOOT", ""), ("M Reboot", "key")} <= events
    assert not nursery.stored()["after_session"]


async def test_a_factory_reset_that_was_answered_is_done(nursery: Nursery, acs: Acs) -> None:
    (nursery.home / "state").mkdir()
    settings = {"settings": {"acs_username": "old"}, "software_version": "7"}
    (nursery.home / "state" / "state.json").write_text(json.dumps(settings))
    await cut_after(nursery, acs, FactoryReset(), FactoryResetResponse)
    assert nursery.stored()["settings"] == {"acs_username": "old"}
    pid = await nursery.fork()
    await acs.until(lambda: acs.ended)
    await nursery.kill(pid)
    assert "acs_username" not in nursery.stored().get("settings", {})
    assert nursery.stored()["software_version"] == "7"
    assert "0 BOOTSTRAP" in acs.events()[-1]
