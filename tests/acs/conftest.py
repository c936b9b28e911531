"""An ACS and a file server on 127.0.0.1, and the minimal CPE that talks to them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from minimal_cpe import Cpe, listening_socket

from harness.acs.acs import Acs, Timing
from harness.acs.files import FileServer
from harness.lab.recorder import Recorder


class StillClock:
    def now(self) -> float:
        return 7.0


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(StillClock())


@pytest.fixture
async def acs(recorder: Recorder) -> AsyncIterator[Acs]:
    acs = Acs(
        StillClock(), recorder, timing=Timing(watchdog=5.0, after_device_closed=20.0, after_bench_closed=20.0)
    )
    acs.add_endpoint("http", listening_socket(), "http", ["127.0.0.1"])
    yield acs
    await acs.close()
    assert acs.endpoints.errors == []
    assert acs.endpoints["http"].listener.open_connections == 0


@pytest.fixture
async def cpe(acs: Acs) -> AsyncIterator[Cpe]:
    cpe = Cpe(acs.endpoints["http"].port)
    yield cpe
    await cpe.close()


@pytest.fixture
async def files(recorder: Recorder) -> AsyncIterator[FileServer]:
    files = FileServer(StillClock(), recorder)
    files.add_endpoint("files", listening_socket(), "http", ["127.0.0.1"])
    yield files
    await files.close()
    assert files.endpoints.errors == []
