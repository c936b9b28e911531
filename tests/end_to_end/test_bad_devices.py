"""Devices that answer garbage, hang, flood or close: there is a verdict, and never a traceback or a hang."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

PROFILE = """\
name = "{name}"
driver = "command"
where = "namespace"
apply = "restart"

[commands]
start = ["{python}", "{script}"]

[settings]
acs_url = true
periodic_inform_active = true
periodic_inform_interval = true

[timing]
contact = 1.0
settle = 0.2
interval = 2.0
"""

COMMON = """\
import os, socket, time, urllib.parse
url = urllib.parse.urlsplit(os.environ["CPECHECK_ACS_URL"])

def connect():
    return socket.create_connection((url.hostname, url.port or 80), timeout=5)
"""

DEVICES = {
    "silent": "time.sleep(1000)",
    "closes": """
        while True:
            connect().close()
            time.sleep(0.2)
    """,
    "hangs": """
        held = []
        while True:
            held.append(connect())
            held[-1].sendall(b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 1000\\r\\n\\r\\n<soap")
            time.sleep(0.5)
    """,
    "garbage": """
        while True:
            with connect() as sock:
                sock.sendall(os.urandom(4000) + b"\\r\\n\\r\\n" + b"POST / HTTP/1.1\\r\\n\\r\\n<" * 50)
                sock.settimeout(0.2)
                try:
                    sock.recv(1000)
                except OSError:
                    pass
    """,
    "floods": """
        held = []
        while True:
            try:
                held.append(connect())
                held[-1].sendall(b"A" * 100000)
            except OSError:
                held.clear()
    """,
    "dies": "raise SystemExit('no such luck')",
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_broken_device_gets_verdicts(cpecheck: Any, name: str) -> None:
    folder: Path = cpecheck.folder
    script = folder / "device.py"
    script.write_text(COMMON + textwrap.dedent(DEVICES[name]))
    profile = folder / "device.toml"
    profile.write_text(PROFILE.format(name=name, python=sys.executable, script=script))
    done = cpecheck.run(
        "--device", str(profile), "--select", "periodic.o*", "--select", "robustness.unknown-rpc"
    )
    assert done.status in (1, 2), done.output
    assert "Traceback" not in done.output
    assert set(done.cases().values()) <= {"not-run", "inconclusive", "not-applicable"}, done.output
    assert not done.requirements("error")
    reasons = {entry["reason"] for entry in done.results["cases"]}
    assert all(reasons)
    assert all(("exited" in reason) is (name == "dies") for reason in reasons), reasons
