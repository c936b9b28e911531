"""Processes forked from the keeper: what they get, how they end, and what they must not keep of it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.lab.network import CPE, HOST2, Lab

DEADLINE = 10.0
MODULE = """
import json, os, re, signal, sys, time

LOADED_IN = os.getpid()

def tell(words):
    status = open("/proc/self/status").read()
    names = os.listdir("/proc/self/fd")
    print(json.dumps({
        "words": words, "argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd(),
        "loaded_here": LOADED_IN == os.getpid(), "descriptors": sorted(map(int, names)),
        "leader": os.getsid(0) == os.getpid(), "capabilities": int(re.search("CapEff:\\\\s*(\\\\w+)", status)[1], 16),
        "pipe": signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN,
        "devices": sorted(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line),
    }))

def leave(words):
    sys.exit(int(words[0]) if words else "no words")

def fall(words):
    raise ValueError("fell")

def stay(words):
    time.sleep(600)
"""


@pytest.fixture
async def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    (tmp_path / "forked_example.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    lab = await Lab.create(workdir=tmp_path)
    await lab.preload(["forked_example"])
    yield lab
    await lab.close()


async def test_a_fork_is_a_process_of_its_own(lab: Lab, tmp_path: Path) -> None:
    log = tmp_path / "log"
    words = ["device", "--one", "two"]
    child = await lab.spawn(HOST2, words, env={"A": "b"}, cwd=tmp_path, log=log, call="forked_example:tell")
    assert await child.wait(DEADLINE) == 0
    told = json.loads(log.read_text())
    assert (told["words"], told["argv"], told["env"]) == (["--one", "two"], words, {"A": "b"})
    assert told["cwd"] == str(tmp_path)
    assert not told["loaded_here"]
    assert told["leader"]
    assert told["pipe"]
    # 3 is the folder that is being listed.
    assert told["descriptors"] == [0, 1, 2, 3]
    if lab.isolated:
        assert not told["capabilities"] & (1 << 25 | 1 << 22 | 1 << 16 | 1 << 17)
        plain = await lab.run(HOST2, ["cat", "/proc/net/dev"], timeout=DEADLINE)
        lines = plain.stdout.decode().splitlines()
        assert told["devices"] == sorted(line.split(":")[0].strip() for line in lines if ":" in line)


@pytest.mark.parametrize(
    ("function", "words", "status", "said"),
    [
        ("leave", ["7"], 7, ""),
        ("leave", [], 1, "no words\n"),
        ("fall", [], 1, "ValueError: fell\n"),
    ],
)
async def test_it_ends_as_an_interpreter_does(
    lab: Lab, tmp_path: Path, function: str, words: list[str], status: int, said: str
) -> None:
    log = tmp_path / "log"
    child = await lab.spawn(CPE, ["device", *words], log=log, call=f"forked_example:{function}")
    assert await child.wait(DEADLINE) == status
    assert log.read_text().endswith(said)


async def test_it_is_killed_for_real(lab: Lab, tmp_path: Path) -> None:
    child = await lab.spawn(CPE, ["device"], log=tmp_path / "log", call="forked_example:stay")
    assert str(child.pid) in os.listdir("/proc")
    assert await child.kill() == -signal.SIGKILL
    assert str(child.pid) not in os.listdir("/proc")


async def test_what_cannot_be_imported_is_told(lab: Lab) -> None:
    before = await lab.ping()
    with pytest.raises(OSError, match="cannot import no_such_module: ModuleNotFoundError"):
        await lab.preload(["no_such_module"])
    assert await lab.ping() == before
