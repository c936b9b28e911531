"""The whole device in this process: what it owes an ACS when store, network or power fail it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from cpe_lab import Acs, ManualClock

from harness.cwmp.messages import Fault, ParameterValueStruct, Reboot, ScheduleInform, SetParameterValues
from reference_cpe import rim, schedule
from reference_cpe.config import Config
from reference_cpe.device import Device
from reference_cpe.model_table import PERIODIC_TIME
from reference_cpe.rim import Wire


@asynccontextmanager
async def running(
    home: Path, clock: ManualClock, acs: Acs | None = None, **settings: Any
) -> AsyncIterator[Device]:
    url = {"acs_url": f"{acs.base}/acs"} if acs else {}
    config = Config(settings={"port": 0, **url, **settings})
    device = Device(config, clock, home / "state", (), Random(1))
    await device.boot()
    try:
        yield device
    finally:
        await device.close()


def on_disk(device: Device) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(device.store.path.read_bytes())
    return values


async def test_a_full_disk_refuses_what_must_be_kept_and_no_more(
    acs: Acs, home: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_data: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with running(home, clock, acs) as device:
        await acs.until(lambda: acs.ended == 1 and not clock.busy)
        username = ParameterValueStruct("Device.ManagementServer.Username", "x", "xsd:string")
        kept = [Reboot("k"), ScheduleInform(60, "k"), SetParameterValues((username,), "k")]
        with monkeypatch.context() as patch:
            patch.setattr(device.store, "write", full)
            acs.queue += kept
            for ended in (2, 3):
                clock.advance(1200)
                await acs.until(lambda ended=ended: acs.ended == ended and not clock.busy)  # type: ignore[misc]
        faults = [message.fault_code for message in acs.got if isinstance(message, Fault)]
        assert faults == [9002] * len(kept)
        assert device.sessions == {"started": 3, "successful": 3, "failed": 0}
    assert acs.events()[1:] == [["2 PERIODIC"]] * 2


async def test_a_periodic_inform_that_is_due_survives_a_power_cut(
    acs: Acs, home: Path, clock: ManualClock
) -> None:
    async with running(home, clock, acs) as device:
        await acs.until(lambda: acs.ended == 1 and not clock.busy)
        clock.advance(1200)
        assert [entry["code"] for entry in on_disk(device)["events"]] == ["2 PERIODIC"]
        await device.down()
        await device.boot()
        await acs.until(lambda: acs.ended == 2 and not clock.busy)
    assert set(acs.events()[-1]) == {"1 BOOT", "2 PERIODIC"}


async def test_a_phase_goes_on_over_a_reboot_while_the_acs_is_away(
    acs: Acs, home: Path, clock: ManualClock
) -> None:
    """TR-069 A.2.1: the instants are those of PeriodicInformTime, whoever was there to hear of them."""
    async with running(home, clock, acs) as device:
        await acs.until(lambda: acs.ended == 1 and not clock.busy)
        times = [ParameterValueStruct(PERIODIC_TIME, "2025-01-01T00:00:00Z", "xsd:dateTime")]
        device.parts.model.set(times)
        away = True

        async def absent(_request: object, _body: bytes) -> Any:
            return web.Response(status=503) if away else None

        acs.intercept = absent
        await device.down()
        await device.boot()
        due = device.parts.timers.due("periodic")
        assert due is not None
        assert (clock.unix() + due - clock.now()) % 1200 == pytest.approx(1_735_689_600 % 1200)
        await acs.until(lambda: device.sessions["failed"] and not clock.busy)
        away = False
        clock.advance(due - clock.now())
        await acs.until(lambda: acs.ended == 2 and not clock.busy)
    assert set(acs.events()[-1]) == {"1 BOOT", "2 PERIODIC"}


async def test_without_a_phase_the_first_interval_waits_for_a_session(home: Path, clock: ManualClock) -> None:
    async with running(home, clock) as device:
        assert device.parts.timers.due("periodic") is None


async def test_no_connection_request_is_taken_that_nothing_can_follow(
    acs: Acs, home: Path, clock: ManualClock
) -> None:
    async with running(home, clock) as device:
        assert not device.parts.connection_requested()
    seen: list[bool] = []

    async def during(_request: object, body: bytes) -> None:
        if b"RebootResponse" in body:
            seen.append(device.parts.connection_requested())

    acs.intercept = during
    async with running(home / "other", clock, acs) as device:
        await acs.until(lambda: acs.ended == 1 and not clock.busy)
        assert device.parts.connection_requested()
        acs.queue.append(Reboot("key"))
        device.connect()
        await acs.until(lambda: acs.ended == 3 and not clock.busy)
    assert seen == [False]
    assert acs.events()[1] == ["6 CONNECTION REQUEST"]
    assert set(acs.events()[2]) == {"1 BOOT", "M Reboot"}


async def test_a_new_acs_hears_nothing_of_what_the_old_one_has_scheduled(
    acs: Acs, home: Path, clock: ManualClock
) -> None:
    other = ParameterValueStruct("Device.ManagementServer.URL", f"{acs.base}/other", "xsd:string")
    acs.queue += [ScheduleInform(60, "of the old one"), SetParameterValues((other,), "")]
    async with running(home, clock, acs) as device:
        await acs.until(lambda: acs.ended == 2 and not clock.busy)
        clock.advance(60)
        await acs.until(lambda: not clock.busy)
        assert device.store.get("scheduled") == []
    assert acs.events()[1:] == [["0 BOOTSTRAP"]]
    assert [path for path, *_ in acs.requests][-1] == "/other"


async def test_scheduled_informs_are_kept_otherwise(acs: Acs, home: Path, clock: ManualClock) -> None:
    async with running(home, clock, acs) as device:
        await acs.until(lambda: acs.ended == 1 and not clock.busy)
        schedule.add(device.parts, 60, "key")
        await device.down()
        await device.boot()
        await acs.until(lambda: acs.ended == 2 and not clock.busy)
        clock.advance(60)
        await acs.until(lambda: acs.ended == 3 and not clock.busy)
    assert acs.events()[-1] == ["3 SCHEDULED", "M ScheduleInform"]


async def test_a_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with two addresses of which the first swallows everything: the second has its turn."""

    async def two(_host: str, _port: int, _family: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with socket.socket() as silent, socket.socket() as filler:
        # A queue that is full: the kernel drops every further SYN without a word.
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.2", port))
        monkeypatch.setattr(rim, "_addresses", two)
        monkeypatch.setattr(rim, "_TURN", 0.2)
        async with asyncio.timeout(10):
            made = await rim.connect(Wire(), "acs.example.net", port)
        assert made.peer == "127.0.0.1"
        await made.close()
    server.close()
