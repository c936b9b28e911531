"""A device that only a restart would heal is not healed behind the back of the case."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from harness.bench.contact import RETRIES, Waker
from harness.device.api import Capabilities, Verb
from harness.lab.clock import RealClock


class Instant(RealClock):
    """A real clock that never waits; it remembers for how long it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []


@dataclass
class Fake:
    """A driver that does what it is told and never makes contact."""

    verbs: frozenset[str]
    features: frozenset[str] = frozenset()
    done: list[str] = field(default_factory=list)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(frozenset(), self.verbs, self.features)

    async def wake(self) -> None:
        self.done.append(Verb.WAKE)

    async def restart(self) -> None:
        self.done.append(Verb.RESTART)


def waker(device: Fake, clock: Instant, monkeypatch: pytest.MonkeyPatch) -> Waker:
    async def never(_clock: object, _future: object, within: float) -> None:
        clock.waited.append(within)

    async def refused() -> str:
        return "the device has none"

    monkeypatch.setattr("harness.bench.contact.wait_for", never)
    return Waker(clock, device, refused, lambda: 1.0, 30.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("restart", [True, False])
async def test_a_restart_is_a_route_only_where_it_may_be(
    restart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, clock = Fake(frozenset({Verb.WAKE, Verb.RESTART})), Instant()
    contact: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    assert await waker(device, clock, monkeypatch).until(contact, restart=restart) is None
    assert device.done == [Verb.WAKE, *([Verb.RESTART] if restart else [])]
    assert clock.waited[-1] == (1.0 if restart else RETRIES)


@pytest.mark.parametrize(
    ("device", "can"),
    [
        (Fake(frozenset({Verb.RESTART})), False),
        (Fake(frozenset({Verb.WAKE})), True),
        (Fake(frozenset(), frozenset({"connection-request"})), True),
    ],
)
def test_which_device_can_be_woken_without_a_restart(
    device: Fake, can: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert waker(device, Instant(), monkeypatch).can_wake() is can


@pytest.mark.parametrize("patience", [True, False])
async def test_a_session_under_way_is_not_cut_off_by_a_restart(
    patience: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, asked = Fake(frozenset({Verb.RESTART}), frozenset({"connection-request"})), []
    contact: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(_clock: object, future: asyncio.Future[int], within: float) -> int | None:
        if patience and within == 2.0:
            future.set_result(7)
        return future.result() if future.done() else None

    async def busy() -> str:
        asked.append("503")
        return "status 503"

    monkeypatch.setattr("harness.bench.contact.wait_for", wait)
    found = await Waker(Instant(), device, busy, lambda: 1.0, 30.0, 2.0).until(contact)  # type: ignore[arg-type]
    assert (found, device.done) == ((7, []) if patience else (None, [Verb.RESTART]))
    assert len(asked) == (1 if patience else 2)


async def test_a_session_is_taken_before_the_request_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    contact: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    cancelled = []

    async def answered_last() -> str:
        contact.set_result(7)
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        return ""

    monkeypatch.setattr("harness.bench.contact._ANSWER", 0.01)
    device = Fake(frozenset({Verb.WAKE}), frozenset({"connection-request"}))
    waker = Waker(Instant(), device, answered_last, lambda: 1.0, 30.0)  # type: ignore[arg-type]
    assert await waker.until(contact) == 7
    assert cancelled == [True]
    assert device.done == []
