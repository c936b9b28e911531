"""A trivial clock, a recorder, and listeners on 127.0.0.1 that end with the test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.lab.pki import Authority
from harness.lab.recorder import Recorder
from harness.lab.wire import Listener
from harness.verdict.transcript import Role


class StillClock:
    """Device time that moves when the test says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def listening_socket() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def recorder(clock: StillClock) -> Recorder:
    return Recorder(clock)


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="session")
def root(now: datetime) -> Authority:
    return Authority.create("bench root", now=now)


@pytest.fixture
async def listen(clock: StillClock, recorder: Recorder) -> AsyncIterator[Any]:
    """A function that starts a listener; at the end all are closed, and their handlers' bugs shown."""
    started: list[Listener] = []

    def start(handler: Any, **options: Any) -> Listener:
        listener = Listener(
            listening_socket(),
            name="test",
            role=Role.ACS,
            clock=clock,
            recorder=recorder,
            handler=handler,
            **options,
        )
        listener.start()
        started.append(listener)
        return listener

    yield start
    for listener in started:
        await listener.close()
        assert listener.errors == []
        assert listener.open_connections == 0
