"""A real lab for driver tests: processes on this host, or in namespaces where the machine allows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from harness.device.profile import Profile, load
from harness.lab.network import Lab


@pytest.fixture
async def plain_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    """A lab without namespaces."""
    monkeypatch.setenv("CPECHECK_NO_NAMESPACES", "1")
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = await Lab.create(workdir=folder)
    yield lab
    await lab.close()


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab in namespaces."""
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = await Lab.create(workdir=folder)
    try:
        if not lab.isolated:
            pytest.skip(lab.why_not)
        yield lab
    finally:
        await lab.close()


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    folder = tmp_path / "device"
    folder.mkdir()
    return folder


@pytest.fixture
def make_profile(tmp_path: Path) -> Callable[[str], Profile]:
    """A profile from its text, in ``tmp_path``."""

    def make(text: str) -> Profile:
        file = tmp_path / "cpe.toml"
        file.write_text(text)
        return load(file, {"CPE_TOKEN": "t0ken"})

    return make
