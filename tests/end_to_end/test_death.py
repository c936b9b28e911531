"""A run that is killed or interrupted leaves nothing behind, and what it had found can be read."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.verdict.bundle import Bundle

PATIENCE = 60.0


def network_namespaces() -> set[str]:
    """Every network namespace that a process is in."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(entry))
        except OSError:
            continue
    return found


def processes_of(marker: str) -> list[str]:
    """Command lines of the processes whose environment bears *marker*."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def until(condition, what: str) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def start(folder: Path, marker: str, *arguments: str) -> subprocess.Popen[bytes]:
    script = Path(sys.executable).with_name("cpecheck")
    return subprocess.Popen(
        [str(script), "run", "--out", "out", *arguments],
        cwd=folder,
        env={**os.environ, "CPECHECK_TEST_MARKER": marker},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Tests started in the background of a shell inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_is_left_of_a_run_that_ends_early(tmp_path: Path, how: signal.Signals, workers: str) -> None:
    marker = f"{tmp_path.name}-{os.getpid()}"
    process = start(tmp_path, marker, "--workers", workers)
    events = tmp_path / "out" / "events.ndjson"
    until(lambda: events.exists() and events.read_bytes().count(b'"kind":"case"') >= 3, "three cases")
    inside = {name for name in network_namespaces() if name != os.readlink("/proc/self/ns/net")}
    process.send_signal(how)
    process.wait(PATIENCE)
    until(lambda: not processes_of(marker), f"processes are left: {processes_of(marker)}")
    left = Bundle.read(tmp_path / "out").results
    assert len(left.cases) >= 3
    assert not left.complete
    assert process.returncode != 0
    # A process holds a namespace, so that without processes of ours none of those seen during the run is ours.
    assert inside or os.environ.get("CPECHECK_NO_NAMESPACES"), "the run had no namespace to begin with"
