"""Many devices in one process."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cpe_lab import DEADLINE, Acs

from benchmarks.sessions import measure, table
from reference_cpe.config import Config, ConfigError, Identity
from reference_cpe.fleet import configs


def identities(serial: str, count: int, **settings: object) -> list[tuple[str, int]]:
    wanted = configs(Config(device=Identity(serial_number=serial), settings=settings), count)
    return [(config.device.serial_number, config.settings["port"]) for config in wanted]


def test_consecutive_numbers_and_ports() -> None:
    assert identities("A-009", 3) == [("A-009", 7547), ("A-010", 7548), ("A-011", 7549)]
    assert identities("7", 2, port=0) == [("7", 0), ("8", 0)]
    assert identities("99", 1, port=65535) == [("99", 65535)]


@pytest.mark.parametrize(
    ("serial", "count", "port", "reason"),
    [
        ("ABC", 2, 0, "ends in digits"),
        ("", 2, 0, "ends in digits"),
        ("A98", 3, 0, "2 digits do not suffice"),
        ("000", 3, 65534, "there are not 3 ports"),
    ],
)
def test_what_does_not_suffice(serial: str, count: int, port: int, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        identities(serial, count, port=port)


async def test_devices_of_one_process(acs: Acs, home: Path) -> None:
    """Each informs with its own serial number and has its own store; together they end in order."""
    config = home / "cpe.toml"
    config.write_text('[device]\nserial_number = "X08"\n[settings]\nport = 0\nperiodic_inform_interval = 1\n')
    words = [
        "--count",
        "3",
        "--acs-url",
        f"{acs.base}/acs",
        "--config",
        str(config),
        "--state",
        str(home / "s"),
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "reference_cpe", *words, stderr=asyncio.subprocess.PIPE
    )
    try:
        await acs.until(lambda: acs.ended >= 6)
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.wait_for(process.communicate(), DEADLINE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    assert b"3 devices, sessions: " in log
    assert {inform.device_id.serial_number for inform in acs.informs} == {"X08", "X09", "X10"}
    codes = [{event.event_code for event in inform.event} for inform in acs.informs]
    assert codes.count({"0 BOOTSTRAP", "1 BOOT"}) == 3
    assert {"2 PERIODIC"} in codes
    assert sorted(folder.name for folder in (home / "s").iterdir()) == ["X08", "X09", "X10"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--api", "127.0.0.1:0"], "--count: not with"),
        (["--clock", "/nowhere"], "--count: not with"),
        (["--count", "0"], "--count"),
    ],
)
def test_wrong_calls(words: list[str], reason: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reference_cpe", "--acs-url", "http://127.0.0.1:9/", "--count", "2", *words],
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert reason in done.stderr


async def test_the_benchmark_measures(acs: Acs, tmp_path: Path) -> None:
    result = await measure(f"{acs.base}/acs", 2, 0.2, tmp_path)
    assert result["sessions"] > 0
    assert result["failed"] == 0
    assert len({inform.device_id.serial_number for inform in acs.informs}) == 2
    assert "| 2 | " in table([result])
