"""The bench's three roots, and where plans come true."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from harness.lab.pki import Authority
from harness.lab.pki_plan import World

HOSTS = {
    "": "acs.bench.test",
    "name": "acs.bench.test",
    "deep": "acs-1.names.bench.test",
    "v4": "198.51.100.10",
    "v6": "2001:db8:100::10",
}


@pytest.fixture(scope="session")
def roots() -> dict[str, Authority]:
    now = datetime.now(UTC)
    names = {"root": "bench root", "other": "another root", "forged": "bench root"}
    return {base: Authority.trusted(name, now=now) for base, name in names.items()}


@pytest.fixture(scope="session")
def world(roots: dict[str, Authority]) -> Callable[[str], World]:
    return functools.cache(lambda at: World(roots, HOSTS[at], HOSTS["v4"], HOSTS["v6"]))
