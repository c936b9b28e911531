"""A sample of the self-test, as a user runs it: defects are killed, and a survivor fails the gate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SAMPLE = (
    "connection-request-event-missing",
    "firmware-switch-blocks-scripts",
    "array-type-missing",
    "timer-from-inform",
)
OWN = '''
from reference_cpe.defects.registry import defect, rewire

@defect("own-no-host", breaks=["cwmp.http.post-with-host"])
def own_no_host(parts):
    """POSTs have no Host header."""
    rewire(parts.wire, outgoing=lambda data: (b"\\r\\n".join(
        line for line in data.split(b"\\r\\n") if not line.startswith(b"Host:")),))

@defect("own-nothing", breaks=["lcos.periodic.from-session-end"])
def own_nothing(parts):
    """Nothing is wrong with it, so nobody can see it."""
'''


def _command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("cpecheck")), "selftest", *arguments]


def _run(folder: Path, *arguments: str) -> tuple[int, str, dict[str, Any]]:
    done = subprocess.run(
        _command("--out", "out", *arguments),
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    file = folder / "out" / "selftest.json"
    return done.returncode, done.stdout + done.stderr, json.loads(file.read_text()) if file.exists() else {}


def test_a_sample_of_defects_is_killed(tmp_path: Path) -> None:
    status, output, report = _run(tmp_path, *(word for name in SAMPLE for word in ("--select", name)))
    assert status == 0, output
    assert {each["id"] for each in report["defects"] if each["killed"]} == set(SAMPLE)
    by_id = {each["id"]: each for each in report["defects"]}
    assert "connection-request.accepted" in by_id["connection-request-event-missing"]["killed_by"]
    assert all(not each["collateral"] for each in report["defects"]), output
    assert "array-type-missing" in (tmp_path / "out" / "matrix.html").read_text()


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    status, output, report = _run(tmp_path, "--defect-file", "own.py", "--json", "copy.json", "-n", "1")
    assert status == 1, output
    by_id = {each["id"]: each for each in report["defects"]}
    assert set(by_id) == {"own-no-host", "own-nothing"}
    assert by_id["own-no-host"]["killed"]
    assert not by_id["own-nothing"]["killed"]
    assert report["survivors"] == ["own-nothing"]
    assert json.loads((tmp_path / "copy.json").read_text()) == report


def test_usage(tmp_path: Path) -> None:
    status, output, _ = _run(tmp_path, "--select", "nothing-of-that-name")
    assert status == 3
    assert "nothing-of-that-name" in output


def _descendants(pid: int) -> set[int]:
    found = {
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text().split()
    }
    return found.union(*(_descendants(child) for child in found if Path(f"/proc/{child}").exists()))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_is_left_after_a_kill(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(_command("--out", "out", "-n", "1"), cwd=tmp_path, env=environment) as process:
        deadline = time.monotonic() + 60
        while len(_descendants(process.pid)) < 4 and time.monotonic() < deadline:
            time.sleep(0.05)
        left = _descendants(process.pid)
        assert len(left) >= 4
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(map(_alive, left)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in left if _alive(pid)]
