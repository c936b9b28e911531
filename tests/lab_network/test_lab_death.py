"""kill -9 of the bench or of its keeper, as root and rootless: no process, namespace or link stays behind."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).parents[1]
DEADLINE = 20.0
NOBODY = 65534

BENCH = """
import asyncio, sys
from pathlib import Path
from harness.lab.network import CPE, WAN, Lab
from harness.lab.nat import router_ruleset

async def main():
    work = Path(sys.argv[1])
    lab = await Lab.create(workdir=work)
    if not lab.isolated:
        print("refused", lab.why_not, flush=True)
        return
    await lab.nft(CPE, router_ruleset(lab.topology, masked=True))
    await lab.spawn(CPE, ["sleep", "604"], log=work / "log")
    daemons = "setsid sh -c 'setsid sleep 605 & sleep 606' >/dev/null 2>&1 &"
    await lab.run(CPE, ["sh", "-c", daemons], timeout=10)
    listener = lab.listen(WAN, lab.topology.acs_v4, 80)
    since = await lab.capture.mark()
    await lab.run(CPE, ["curl", "-s", "-m", "1", "http://acs.bench.test/"], timeout=10)
    frames = await lab.capture.frames(since, await lab.capture.mark())
    seen = [f.number for f in frames if f.flags == "S" and f.dport == 80]
    net = (await lab.run(CPE, ["readlink", "/proc/self/ns/net"], timeout=10)).stdout.decode().strip()
    print("up", lab.keeper_pid, net, len(seen), *lab.notes, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def namespaces_in_use() -> dict[str, list[int]]:
    """Network namespace → pids in it, over the whole machine."""
    found: dict[str, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.setdefault(os.readlink(f"/proc/{name}/ns/net"), []).append(int(name))
        except OSError:
            continue
    return found


def held_by_descriptor(namespace: str) -> list[str]:
    """Descriptors anywhere on the machine that keep *namespace* alive."""
    held = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir(f"/proc/{name}/fd"):
                if os.readlink(f"/proc/{name}/fd/{fd}") == namespace:
                    held.append(f"{name}/{fd}")
        except OSError:
            continue
    return held


def descendants(pid: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:
            continue
        children.setdefault(int(parent), []).append(int(name))
    found: set[int] = set()
    todo = [pid]
    while todo:
        for child in children.get(todo.pop(), []):
            found.add(child)
            todo.append(child)
    return found


@contextmanager
def bench_process(
    command: list[str], workdir: Path, script: str = BENCH, more: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A bench in a process of its own, with what it said when it was up."""
    environment = dict(more or {}) | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    process = subprocess.Popen(
        [*command, "-P", "-c", script, str(workdir)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
        assert ready, "the bench did not come up"
        words = process.stdout.readline().split()
        if not words:
            process.wait(DEADLINE)
            pytest.fail(f"the bench ended at its start: {process.stderr.read() if process.stderr else ''}")
        if words[0] == "refused":
            pytest.skip(f"namespaces refused: {' '.join(words[1:])}")
        yield process, words
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def assert_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + DEADLINE
    while left := {pid for pid in pids if os.path.exists(f"/proc/{pid}") and not zombie(pid)}:
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.01)


def assert_nothing_left(pids: set[int], namespace: str) -> None:
    assert_gone(pids)
    assert namespace not in namespaces_in_use()
    assert not held_by_descriptor(namespace)
    mounts = Path("/proc/self/mountinfo").read_text()
    assert "cpe-etc" not in mounts
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    assert "cpe0" not in links
    assert "wan0" not in links


def zombie(pid: int) -> bool:
    """Dead, and waiting for a parent that is no process of ours."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.mark.parametrize("victim", ["bench", "keeper"])
def test_kill_9_leaves_nothing(tmp_path: Path, victim: str) -> None:
    with bench_process([sys.executable], tmp_path) as (process, words):
        pids, namespace = descendants(process.pid), words[2]
        commands = " ".join(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids)
        assert {"604", "605", "606"} <= set(commands.split()), commands
        assert namespace in namespaces_in_use()
        os.kill(process.pid if victim == "bench" else int(words[1]), signal.SIGKILL)
        assert_nothing_left(pids, namespace)


PLAIN_BENCH = """
import asyncio, sys
from pathlib import Path
from harness.lab.network import CPE, Lab

async def main():
    work = Path(sys.argv[1])
    lab = await Lab.create(workdir=work)
    await lab.spawn(CPE, ["sleep", "607"], log=work / "log")
    print("up", lab.keeper_pid, lab.isolated, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.parametrize("victim", ["bench", "keeper"])
def test_kill_9_of_the_fallback_leaves_no_child(tmp_path: Path, victim: str) -> None:
    more = {"CPECHECK_NO_NAMESPACES": "1"}
    with bench_process([sys.executable], tmp_path, PLAIN_BENCH, more) as (process, words):
        assert words[2] == "False"
        pids = descendants(process.pid)
        assert len(pids) == 2
        os.kill(process.pid if victim == "bench" else int(words[1]), signal.SIGKILL)
        assert_gone(pids)


def _links(path: Path) -> Iterator[Path]:
    """*path*, and what it links to, link by link."""
    yield path
    while path.is_symlink():
        path = Path(os.path.normpath(path.parent / path.readlink()))
        yield path


def _innermost(path: Path, folders: set[Path]) -> Path:
    """The innermost of *folders* that *path* is in."""
    return max(folders & set(path.parents), key=lambda folder: len(folder.parts))


def rootless_command(tmp_path: Path) -> list[str]:
    """A command that runs this Python as a user without rights; skips where that cannot be arranged."""
    if os.geteuid() or not shutil.which("setpriv") or not shutil.which("unshare"):
        pytest.skip("only root can become somebody else (setpriv, unshare)")
    # A virtual environment's Python may be a link to another one's, and that again: each must be in reach.
    hops = list(_links(Path(sys.executable)))
    wanted = {ROOT, Path(sys.prefix), *(hop.parents[1] for hop in hops)}
    closed = {folder for path in wanted for folder in path.parents if not folder.stat().st_mode & 0o001}
    # In a mount namespace of its own, what is below a closed folder shows under an open one of the same name.
    inside = sorted(path for path in wanted if closed & set(path.parents))
    stash = [(path, tmp_path / f"stash{n}") for n, path in enumerate(inside)]
    lines = ["set -e"]
    lines += [f"mkdir {place}; mount --bind {path} {place}" for path, place in stash]
    for folder in sorted(closed, key=lambda folder: len(folder.parts)):
        lines.append(f"mount -t tmpfs -o mode=755 tmpfs {folder}")
        directly = [(path, place) for path, place in stash if _innermost(path, closed) == folder]
        lines += [f"mkdir -p {path}; mount --bind {place} {path}" for path, place in directly]
    drop = f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups"
    lines.append(f'exec {drop} "$@"')
    return ["unshare", "-m", "sh", "-c", "\n".join(lines), "sh", sys.executable]


def test_rootless_bench_and_its_death() -> None:
    base = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        base.chmod(0o755)
        workdir = base / "work"
        workdir.mkdir()
        os.chown(workdir, NOBODY, NOBODY)
        with bench_process(rootless_command(base), workdir) as (process, words):
            assert Path(f"/proc/{process.pid}").stat().st_uid == NOBODY
            assert words[3] == "1", "the SYN was seen on the wire, once"
            pids, namespace = descendants(process.pid), words[2]
            os.kill(process.pid, signal.SIGKILL)
            assert_nothing_left(pids, namespace)
    finally:
        shutil.rmtree(base)
