"""Reboots at a time that the ACS has set, and heartbeats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from cpe_lab import Acs, ManualClock, run_device

from harness.cwmp import datatypes
from harness.cwmp.messages import GetParameterValues, ParameterValueStruct, SetParameterValues
from reference_cpe.config import Config
from reference_cpe.device import Device
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

SERVER = "Device.ManagementServer."
POLICY = SERVER + "HeartbeatPolicy."


def values(**wanted: object) -> tuple[ParameterValueStruct, ...]:
    return tuple(ParameterValueStruct(SERVER + name, str(value), None) for name, value in wanted.items())


def beats(interval: int, start: str = "0001-01-01T00:00:00Z") -> tuple[ParameterValueStruct, ...]:
    wanted = {"Enable": "true", "ReportingInterval": str(interval), "InitiationTime": start}
    return tuple(ParameterValueStruct(POLICY + name, value, None) for name, value in wanted.items())


class Waiting:
    """A device that is not running, with what a session does to its reboots."""

    def __init__(self, directory: Path, clock: ManualClock) -> None:
        self.parts = assemble(Config(), clock, Store(directory), Random(1))
        self.rebooted: list[float] = []
        self.parts.reboot = lambda: self.rebooted.append(clock.time)
        self.parts.model.changed = self.parts.reboots.changed

    def session(self, **wanted: object) -> None:
        self.parts.model.set(values(**wanted))
        self.parts.reboots.session_ended()


@pytest.fixture
def waiting(tmp_path: Path, clock: ManualClock) -> Waiting:
    return Waiting(tmp_path / "store", clock)


# --- reboots


def test_a_delayed_reboot_counts_from_the_end_of_its_session(waiting: Waiting, clock: ManualClock) -> None:
    waiting.parts.model.set(values(DelayReboot=10))
    clock.advance(60)
    waiting.parts.reboots.session_ended()
    clock.advance(9)
    waiting.parts.reboots.session_ended()
    assert (waiting.rebooted, waiting.parts.model.text(SERVER + "DelayReboot")) == ([], "10")
    clock.advance(1)
    assert waiting.rebooted == [70]


def test_a_delayed_reboot_can_be_changed_and_taken_back(waiting: Waiting, clock: ManualClock) -> None:
    waiting.session(DelayReboot=10)
    waiting.session(DelayReboot=100)
    clock.advance(50)
    assert waiting.rebooted == []
    waiting.session(DelayReboot=-1)
    clock.advance(1000)
    assert waiting.rebooted == []
    waiting.session(DelayReboot=0)
    clock.advance(0)
    assert waiting.rebooted == [1050]


def test_every_reboot_ends_the_delay(waiting: Waiting) -> None:
    waiting.parts.model.set(values(DelayReboot=10))
    waiting.parts.reboots.booted()
    assert waiting.parts.model.text(SERVER + "DelayReboot") == "-1"


def test_a_scheduled_reboot(waiting: Waiting, clock: ManualClock) -> None:
    moment = datatypes.format_time(clock.unix() + 100)
    waiting.session(ScheduleReboot=moment)
    clock.advance(99)
    waiting.parts.reboots.booted()
    assert waiting.rebooted == []
    clock.advance(1)
    assert waiting.rebooted == [100]
    waiting.parts.reboots.booted()
    clock.advance(10**6)
    assert waiting.rebooted == [100]
    assert waiting.parts.model.text(SERVER + "ScheduleReboot") == moment


@pytest.mark.parametrize("moment", ["2001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_dates_that_mean_no_reboot(waiting: Waiting, clock: ManualClock, moment: str) -> None:
    waiting.session(ScheduleReboot=moment)
    assert clock.next_timer() is None


def test_a_scheduled_reboot_needs_a_clock(waiting: Waiting, clock: ManualClock) -> None:
    clock.absolute = False
    waiting.session(ScheduleReboot=datatypes.format_time(clock.unix() + 100))
    assert clock.next_timer() is None


async def test_the_inform_after_a_delayed_reboot(acs: Acs, home: Path) -> None:
    """BOOT alone: no RPC has asked for it. The session that sets the delay goes on to its end."""
    acs.queue += [
        SetParameterValues(values(DelayReboot=0), "k"),
        GetParameterValues((SERVER + "DelayReboot",)),
    ]
    async with run_device(home, "--acs-url", f"{acs.base}/acs"):
        await acs.until(lambda: acs.ended == 2)
    assert acs.events()[1] == ["1 BOOT"]
    assert acs.got[2].parameter_list[0].value == "0"  # type: ignore[attr-defined]


# --- heartbeat


def test_the_phase_of_heartbeats(parts: Parts, clock: ManualClock) -> None:
    parts.model.set(beats(60, "2099-01-01T00:00:07Z"))
    reference = datatypes.parse_time("2099-01-01T00:00:07Z").instant
    assert reference is not None
    for _ in range(5):
        delay = parts.heartbeat.delay()
        assert 0 < delay <= 60
        clock.time += delay
        assert (clock.unix() - reference.timestamp()) % 60 in (0, pytest.approx(60, abs=1e-3))


def test_heartbeats_without_a_reference_time(parts: Parts, clock: ManualClock) -> None:
    parts.model.set(beats(60))
    first = parts.heartbeat.delay()
    assert 0 < first <= 60
    clock.time += first
    assert parts.heartbeat.delay() == pytest.approx(60, abs=1e-3)
    clock.absolute = False
    parts.model.set(beats(60, "2099-01-01T00:00:07Z"))
    assert parts.heartbeat.delay() == pytest.approx(60, abs=1e-3)


@asynccontextmanager
async def living(acs: Acs, directory: Path, clock: ManualClock) -> AsyncIterator[Device]:
    settings = {"acs_url": f"{acs.base}/acs", "port": 0, "periodic_inform_active": False}
    device = Device(Config(settings=settings), clock, directory, (), Random(1))
    await device.boot()
    try:
        yield device
    finally:
        await device.close()


async def quiet(acs: Acs, clock: ManualClock) -> None:
    await acs.until(lambda: clock.busy == 0)


async def test_heartbeats(acs: Acs, tmp_path: Path, clock: ManualClock) -> None:
    """Each has a session with that event alone; the ACS may use it for what it likes."""
    acs.queue.append(SetParameterValues(beats(30), "k"))
    async with living(acs, tmp_path, clock) as device:
        await quiet(acs, clock)
        for _ in range(3):
            clock.advance(30)
            await quiet(acs, clock)
        assert acs.events()[1:] == [["14 HEARTBEAT"]] * 3
        forced = [item.name for item in acs.informs[1].parameter_list]
        assert forced == list(device.parts.model.forced)
        acs.queue.append(SetParameterValues((ParameterValueStruct(POLICY + "Enable", "false", None),), "k"))
        clock.advance(30)
        await quiet(acs, clock)
        clock.advance(300)
        await quiet(acs, clock)
        assert len(acs.informs) == 5


async def test_a_heartbeat_leaves_everything_else_alone(acs: Acs, tmp_path: Path, clock: ManualClock) -> None:
    """What waits for the retry of a failed session goes on waiting, the heartbeat itself is not tried again."""
    acs.queue.append(SetParameterValues(beats(30), "k"))
    refuse = False

    async def fail(_request: web.Request, _body: bytes) -> web.Response | None:
        return web.Response(status=503) if refuse else None

    acs.intercept = fail
    async with living(acs, tmp_path, clock) as device:
        await quiet(acs, clock)
        device.parts.model.set(
            (ParameterValueStruct(SERVER + "CWMPRetryMinimumWaitInterval", "500", "xsd:unsignedInt"),)
        )
        refuse = True
        device.wake()
        await quiet(acs, clock)
        assert (device.parts.retry.count, device.sessions["failed"]) == (1, 1)
        again = device.parts.timers.due("retry")
        clock.advance(30)
        await quiet(acs, clock)
        assert (device.parts.retry.count, device.sessions["failed"]) == (1, 2)
        refuse = False
        clock.advance(30)
        await quiet(acs, clock)
        assert acs.events()[-1] == ["14 HEARTBEAT"]
        assert device.parts.timers.due("retry") == again
        assert [entry.code for entry in device.parts.events.entries] == ["X 0200C9 WAKE"]
        assert again is not None
        clock.advance(again - clock.now())
        await quiet(acs, clock)
        assert ["X 0200C9 WAKE"] in acs.events()


async def test_a_heartbeat_that_is_due_during_a_session_follows_it(
    acs: Acs, tmp_path: Path, clock: ManualClock
) -> None:
    acs.queue.append(SetParameterValues(beats(30), "k"))
    async with living(acs, tmp_path, clock) as device:
        await quiet(acs, clock)
        device.wake()
        clock.advance(29.9)
        assert device.parts.in_session()
        clock.advance(0.1)
        await quiet(acs, clock)
        assert acs.events()[1:] == [["X 0200C9 WAKE"], ["14 HEARTBEAT"]]
