"""Cases a second of the fuzzer against the reference CPE through real TCP, oracles on; memory of the fuzzer.

python -m benchmarks.fuzzing                     # 20,000 cases, two workers
python -m benchmarks.fuzzing --cases 1000000     # the long run: is the memory flat?
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from harness.fuzz.hunt.conduct import Tally, conduct
from harness.fuzz.hunt.station import Order
from harness.fuzz.program import Surface

STEP = 50_000
"""Cases after which a long run says how far it is."""
EVERY = 1.0
"""Seconds between two looks at the memory."""


class Memory(threading.Thread):
    """Resident memory of the workers, while they run: megabytes of the largest, by second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.readings: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._began = time.monotonic()

    def run(self) -> None:
        while not self._over.wait(EVERY):
            sizes = [_resident(pid) for pid in _workers(os.getpid())]
            if any(sizes):
                self.readings.append((time.monotonic() - self._began, max(sizes)))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _workers(parent: int) -> list[int]:
    """The fuzzer's own processes below this one; the devices are further down."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(stat[1]) == parent and b"harness.fuzz.hunt.worker" in line:
            found.append(int(entry.name))
    return found


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    memory = Memory()
    memory.start()
    with tempfile.TemporaryDirectory(prefix="cpecheck-bench-") as folder:
        order = Order(surfaces=[Surface.SOAP], out=folder, seed=options.seed, cases=options.cases)
        results = conduct(order, options.workers, Told(memory))
    memory.stop()
    (surface,) = results.surfaces
    sizes = [size for _, size in memory.readings]
    half = sizes[len(sizes) // 2 :]
    report = {
        "cases": results.cases_executed,
        "workers": results.workers,
        "seconds": results.seconds,
        "cases_per_second": surface.rate,
        "findings": len(results.findings),
        "stopped": results.stopped,
        "memory_mb_highest": round(max(sizes, default=0.0), 1),
        "memory_mb_second_half": [round(min(half, default=0.0), 1), round(max(half, default=0.0), 1)],
        "load": round(os.getloadavg()[0], 1),
    }
    if options.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:24} {value}")


class Told:
    """Says on standard error, every `STEP` cases, how far the run is and how large its larger worker."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._next = STEP

    def __call__(self, tally: Tally, elapsed: float) -> None:
        cases, rate, _ = tally.now()
        if cases < self._next or not self._memory.readings:
            return
        self._next = cases - cases % STEP + STEP
        size = self._memory.readings[-1][1]
        load = os.getloadavg()[0]
        print(
            f"{cases} cases, {elapsed:.0f} s, {rate:.0f} cases/s, {size:.1f} MB, load {load:.1f}",
            file=sys.stderr,
            flush=True,
        )


if __name__ == "__main__":
    main()
