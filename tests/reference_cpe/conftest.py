"""Fixtures of the reference device's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from cpe_lab import Acs, ManualClock, serve_acs

from reference_cpe.config import Config
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def parts(tmp_path: Path, clock: ManualClock) -> Parts:
    """A device that is not running."""
    return assemble(Config(), clock, Store(tmp_path / "store"), Random(1))


@pytest.fixture
async def acs() -> AsyncIterator[Acs]:
    async with serve_acs() as acs:
        yield acs


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a short path: a unix socket's is limited."""
    return tmp_path_factory.mktemp("d")
