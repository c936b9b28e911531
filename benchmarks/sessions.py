"""Sessions per second and memory per CPE: reference CPEs in one process against the ACS of `benchmarks.acs`.

A session is TCP connect, Inform, InformResponse, empty POST, 204, close. Every device begins its next
session as soon as one is over. The ACS runs in a process of its own; each count of devices in a fresh one.

    python -m benchmarks.sessions [--count N ...] [--seconds S] [--state DIR] [--json]
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import click

from reference_cpe.config import Config
from reference_cpe.device import Device
from reference_cpe.fleet import Fleet, configs

_COUNTS = (1, 100, 1000)
_WARM_UP = 2.0
"""Seconds after the last device has had its first sessions, before the measurement begins."""
_BOOT_LIMIT = 300.0


def again(device: Device) -> None:
    """Let the end of every session of *device* begin the next one."""
    loop = asyncio.get_running_loop()
    ended = device.parts.timers.session_ended

    def session_ended(successful: bool) -> None:
        ended(successful)
        loop.call_soon(device.wake)

    device.parts.timers.session_ended = session_ended  # type: ignore[method-assign]


async def measure(url: str, count: int, seconds: float, state: Path) -> dict[str, Any]:
    """Boot *count* devices, let each have a session, then count sessions and CPU time for *seconds*."""
    before = memory()
    fleet = Fleet(configs(Config(settings={"acs_url": url, "port": 0}), count), state, (), Random(1))
    await fleet.boot()
    async with asyncio.timeout(_BOOT_LIMIT):
        while fleet.totals()["successful"] < count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    gc.collect()
    idle = memory()
    for device in fleet.devices:
        again(device)
        device.wake()
    await asyncio.sleep(_WARM_UP)
    sessions, cpu, wall = fleet.totals()["successful"], time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    sessions = fleet.totals()["successful"] - sessions
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    failed = fleet.totals()["failed"]
    busy = memory()
    await fleet.close()
    return {
        "count": count,
        "sessions": sessions,
        "failed": failed,
        "seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "sessions_per_second": round(sessions / wall),
        "sessions_per_cpu_second": round(sessions / cpu),
        "mb_before": round(before, 1),
        "mb_idle": round(idle, 1),
        "mb_busy": round(busy, 1),
    }


def memory() -> float:
    """Resident memory of this process in MB (10**6 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def alone(count: int, seconds: float, state: Path) -> dict[str, Any]:
    """Measure in a fresh process, against an ACS in another."""
    acs = subprocess.Popen([sys.executable, "-m", "benchmarks.acs"], stdout=subprocess.PIPE, text=True)
    try:
        assert acs.stdout is not None
        url = f"http://127.0.0.1:{int(acs.stdout.readline())}/acs"
        words = [sys.executable, "-m", "benchmarks.sessions", "--one", url, "--count", str(count)]
        words += ["--seconds", str(seconds), "--state", str(state)]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        acs.kill()
        acs.wait()
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def table(results: list[dict[str, Any]]) -> str:
    """The results as a table; memory per additional CPE against the smallest count."""
    lines = ["| CPEs | sessions/s | sessions per CPU second | failed | memory | per additional CPE |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    least = results[0]
    for result in results:
        more = result["count"] - least["count"]
        each = f"{(result['mb_busy'] - least['mb_busy']) / more:.3f} MB" if more else ""
        lines.append(
            f"| {result['count']:,} | {result['sessions_per_second']:,} "
            f"| {result['sessions_per_cpu_second']:,} | {result['failed']} | {result['mb_busy']:.1f} MB | {each} |"
        )
    return "\n".join(lines)


@click.command()
@click.option("--count", "counts", multiple=True, type=click.IntRange(1), help="CPEs; may be repeated.")
@click.option("--seconds", default=10.0, show_default=True, help="Length of each measurement.")
@click.option("--state", type=click.Path(path_type=Path), help="Where stores are kept. [temporary]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
@click.option("--one", metavar="URL", hidden=True, help="Measure in this process against the ACS at URL.")
def main(counts: tuple[int, ...], seconds: float, state: Path | None, as_json: bool, one: str | None) -> None:
    """Measure sessions per second and memory per CPE."""
    logging.basicConfig(level=logging.ERROR)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard) if hard > soft else (soft, hard))
    with tempfile.TemporaryDirectory(prefix="cpe-benchmark-") as temporary:
        folder = state or Path(temporary)
        if one is not None:
            click.echo(json.dumps(asyncio.run(measure(one, counts[0], seconds, folder))))
            return
        results = [alone(n, seconds, folder / str(n)) for n in counts or _COUNTS]
    click.echo(json.dumps(results) if as_json else table(results))


if __name__ == "__main__":
    main()
