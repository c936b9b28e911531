"""The clock server against a small device on a real socket: no timer lost, no wait without an end."""

from __future__ import annotations

import asyncio
import heapq
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from harness.lab.clock import ClockError, RealClock, SteeredClock

DEADLINE = 10.0


@pytest.fixture
async def clock(tmp_path: Path) -> AsyncIterator[SteeredClock]:
    made = SteeredClock(tmp_path / "clock")
    await made.start()
    yield made
    await made.close()


class FakeDevice:
    """Speaks the protocol of docs/architecture.md. A timer runs a callback at its device time."""

    def __init__(self, clock: SteeredClock) -> None:
        self.clock = clock
        self.now = -1.0
        self.epoch = 0.0
        self.busy = 0
        self.fired: list[float] = []
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    async def connect(self) -> FakeDevice:
        self.reader, self.writer = await asyncio.open_unix_connection(str(self.clock.path))
        hello = json.loads(await asyncio.wait_for(self.reader.readline(), DEADLINE))
        self.now, self.epoch = hello["now"], hello["epoch"]
        self.task = asyncio.create_task(self._serve())
        return self

    def at(self, when: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self.timers, (when, self._count, what))

    def say(self, **more: object) -> None:
        following = self.timers[0][0] if self.timers else None
        self.raw(json.dumps({"busy": self.busy, "next": following, **more}).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def _serve(self) -> None:
        while line := await self.reader.readline():
            message = json.loads(line)
            assert message["advance"] >= self.now, "time went back"
            self.now = message["advance"]
            while self.timers and self.timers[0][0] <= self.now:
                due, _, what = heapq.heappop(self.timers)
                self.fired.append(self.now)
                assert due == self.now, f"a timer due at {due} fired at {self.now}"
                what()
            self.say(id=message["id"])

    def periodic(self, interval: float) -> None:
        """A session *interval* seconds after the end of the last one; it takes a few turns of the loop."""

        def due() -> None:
            self.busy += 1
            self._session = asyncio.create_task(session())

        async def session() -> None:
            for _ in range(3):
                await asyncio.sleep(0)
            self.at(self.now + interval, due)
            self.say()
            await asyncio.sleep(0)
            self.busy -= 1
            self.say()

        self.at(self.now + interval, due)

    def hang_up(self) -> None:
        self.writer.close()
        self.task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - the clock has no event for this
            await asyncio.sleep(0)


async def test_two_thousand_steps_hit_every_instant(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()
    device.periodic(1200)
    device.say()
    for step in range(1, 2001):
        assert await clock.advance(5000) == 1200
        assert clock.now() == 1200 * step
    await clock.quiescent()
    assert device.fired == [1200.0 * step for step in range(1, 2001)]
    assert device.epoch + 1200 * 2000 == pytest.approx(clock.wall())


async def test_timers_that_keep_it_idle_are_passed_one_by_one(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()

    def again() -> None:
        device.at(device.now + 7, again)

    again()
    device.say()
    assert await clock.advance(100) == 100
    assert device.fired == [7.0 * n for n in range(1, 15)]
    assert device.now == 100


async def test_advance_stops_where_a_timer_makes_it_busy(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()

    def due() -> None:
        device.busy = 1

    device.at(30, due)
    device.at(40, lambda: None)
    device.say()
    assert await clock.advance(100) == 30
    assert clock.now() == 30
    assert await clock.advance_during(20) == 20
    assert device.fired == [30.0, 40.0]
    moving = asyncio.create_task(clock.advance(50))
    await asyncio.sleep(0)
    assert clock.now() == 50, "it waits while the device is busy"
    device.busy = 0
    device.say()
    assert await moving == 50
    assert clock.now() == 100


async def test_what_the_device_wrote_before_is_heard_first(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()
    device.say()
    await clock.quiescent()
    device.busy = 1
    device.say()  # in the socket, and not read by the clock when advance is called
    moving = asyncio.create_task(clock.advance(50))
    for _ in range(20):
        await asyncio.sleep(0)
    assert clock.now() == 0
    assert not moving.done()
    device.busy = 0
    device.say()
    assert await moving == 50


async def test_a_timer_exactly_at_the_target_fires(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()
    device.at(10, lambda: device.at(device.now, lambda: None))
    device.say()
    assert await clock.advance(10) == 10
    assert device.fired == [10.0, 10.0]


async def test_without_a_device_time_just_moves(clock: SteeredClock) -> None:
    began = clock.wall()
    assert not clock.connected
    assert await clock.advance(86400) == 86400
    assert (clock.now(), clock.wall() - began) == (86400, 86400)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="forward"):
            await clock.advance(wrong)


async def test_device_that_never_rests_is_an_error(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()
    with pytest.raises(ClockError, match="device 1 has said nothing"):
        await clock.quiescent(0.05)
    device.busy = 2
    device.say()
    with pytest.raises(ClockError, match=r"device 1 has 2 thing\(s\) in progress, 0\.2 s of real time"):
        await clock.quiescent(0.2)


async def test_device_that_does_not_answer_is_an_error(
    clock: SteeredClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.lab.clock.ANSWER_DEADLINE", 0.1)
    device = await FakeDevice(clock).connect()
    device.task.cancel()
    device.say()
    with pytest.raises(ClockError, match="device 1 did not answer the advance to 0"):
        await clock.advance(60)


async def test_timer_that_stays_due_is_an_error(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()

    device.task.cancel()
    device.say()

    async def stuck() -> None:
        while line := await device.reader.readline():
            device.raw(b'{"id": %d, "busy": 0, "next": 5}\n' % json.loads(line)["id"])

    answering = asyncio.create_task(stuck())
    with pytest.raises(ClockError, match="timer of device 1 stays due at 5"):
        await clock.advance(60)
    answering.cancel()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\xff\xfe\n",
        b"[]\n",
        b'{"busy": true, "next": null}\n',
        b'{"busy": -1, "next": null}\n',
        b'{"busy": 0, "next": "soon"}\n',
        b'{"busy": 0, "next": NaN}\n',
        b'{"busy": 0, "next": null, "id": "7"}\n',
        b"x" * 200_000,
    ],
)
async def test_garbage_ends_the_connection_and_is_told_once(clock: SteeredClock, garbage: bytes) -> None:
    device = await FakeDevice(clock).connect()
    device.raw(garbage)
    await until(lambda: not clock.connected)
    with pytest.raises(ClockError, match="device 1 broke the clock's protocol"):
        await clock.advance(1)
    assert await clock.advance(1) == 1


async def test_garbage_in_the_middle_of_a_step_is_told(clock: SteeredClock) -> None:
    device = await FakeDevice(clock).connect()
    device.at(5, lambda: device.raw(b"{}\n"))
    device.say()
    with pytest.raises(ClockError, match="busy is not a count"):
        await clock.advance(60)


async def test_several_devices_have_one_time(clock: SteeredClock) -> None:
    first, second = await FakeDevice(clock).connect(), await FakeDevice(clock).connect()
    first.at(10, lambda: None)
    second.at(4, lambda: None)
    first.say()
    second.say()
    assert await clock.advance(20) == 20
    assert (first.now, second.now, first.fired, second.fired) == (20, 20, [10.0], [4.0])
    second.hang_up()
    assert await clock.advance(1) == 1
    assert clock.connected


DEVICE = """
import json, socket, sys
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
lines = sock.makefile("rw")
print(json.loads(lines.readline())["now"], flush=True)
lines.write(json.dumps({"busy": 0, "next": None}) + "\\n"); lines.flush()
for line in lines:
    if sys.argv[2] == "answers":
        answer = {"id": json.loads(line)["id"], "busy": 0, "next": None}
        lines.write(json.dumps(answer) + "\\n"); lines.flush()
    else:
        print("asked", flush=True)
"""


async def test_device_killed_in_the_middle_and_started_again(clock: SteeredClock) -> None:
    def start(manner: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-S", "-c", DEVICE, str(clock.path), manner]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    async def says(process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return (await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), DEADLINE)).strip()

    process = start("mute")
    try:
        assert await says(process) == "0.0"
        moving = asyncio.create_task(clock.advance(600))
        assert await says(process) == "asked"
        process.kill()
        assert await asyncio.wait_for(moving, DEADLINE) == 600
        await until(lambda: not clock.connected)
        process.communicate()
        process = start("answers")
        assert await says(process) == "600.0", "it comes back into the same time"
        assert await clock.advance(300) == 300
        assert clock.connected
    finally:
        process.kill()
        process.communicate()


async def test_real_clock_has_the_same_face() -> None:
    clock = RealClock()
    assert not clock.steered
    before = clock.now()
    assert await clock.advance(0.01) == 0.01
    assert clock.now() > before
    assert await clock.advance_during(0) == 0
    await clock.quiescent()
    assert clock.wall() > 1_600_000_000


async def test_closing_hangs_up(tmp_path: Path) -> None:
    clock = SteeredClock(tmp_path / "clock")
    await clock.start()
    device = await FakeDevice(clock).connect()
    await clock.close()
    assert await asyncio.wait_for(device.reader.read(), DEADLINE) == b""
    assert not clock.path.exists()
    await clock.close()
