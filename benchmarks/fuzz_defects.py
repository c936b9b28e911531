"""Does a short campaign find each seeded fuzz defect, how soon, and how small does it make it?

    python -m benchmarks.fuzz_defects                          # all of them, two minutes each at most
    python -m benchmarks.fuzz_defects --select 'fuzz-crash-*' --time 30
    python -m benchmarks.fuzz_defects --defect-file mine.py --surface soap --select my-defect

A campaign is ended by its first finding: the device is clean but for the one defect. Exit status 1 where a defect was
not found, or is left with more than three edits. No test: it takes an hour, and a campaign may be unlucky.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from reference_cpe.defects import registry
from reference_cpe.defects.fuzz_seeded import SEEDED

EDITS: Final = 3
"""Edits that a shrunk program may be left with."""
GRACE: Final = 120.0
"""Seconds beyond its time in which a campaign has to end."""
LOOK: Final = 0.2
"""Seconds between two looks for a finding."""


@dataclass(frozen=True, slots=True)
class Target:
    """A defect to hunt, and where."""

    name: str
    surface: str


@dataclass(frozen=True, slots=True)
class Options:
    """What every campaign is told."""

    length: str
    seed: int
    workers: int
    whole: bool
    """Do not end the campaign with its first finding."""
    defect_file: str


def hunt(target: Target, options: Options, folder: Path) -> tuple[dict[str, Any], float]:
    """The results of a campaign against the device with that defect; empty where it could not run. And its seconds."""
    argv = [sys.executable, "-m", "harness.cli", "fuzz", "--surface", target.surface]
    if options.defect_file:
        argv += ["--defect-file", options.defect_file]
    argv += ["--defect", target.name, "--time", options.length, "--seed", str(options.seed)]
    argv += ["--workers", str(options.workers), "--out", str(folder)]
    if target.surface == "file":
        argv.append("--allow-destructive")
    began = time.monotonic()
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = began + seconds_of(options.length) + GRACE
    told = False
    while process.poll() is None:
        time.sleep(LOOK)
        if time.monotonic() > end:
            process.kill()
        elif not told and not options.whole and read(folder).get("findings"):
            os.kill(process.pid, signal.SIGINT)
            told = True
    return read(folder), time.monotonic() - began


def read(folder: Path) -> dict[str, Any]:
    """The results so far; empty while there are none."""
    try:
        results: dict[str, Any] = json.loads((folder / "results.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return results


def seconds_of(length: str) -> float:
    """``90``, ``2m`` or ``1h`` in seconds."""
    units = {"s": 1, "m": 60, "h": 3600}
    return float(length[:-1]) * units[length[-1]] if length[-1] in units else float(length)


def judged(results: dict[str, Any]) -> tuple[str, str]:
    """One word, and the first finding in words: cases and seconds until it was written, edits left, confirmations."""
    if not results:
        return "ERROR", "the campaign could not run"
    if not results["findings"]:
        if results["stopped"] not in ("time", "cases", "interrupted"):
            return "ERROR", results["stopped"]
        left = "; ".join(f"unconfirmed {each['key']}" for each in results["unconfirmed"])
        return "MISSED", left or f"{results['cases_executed']} cases, stopped: {results['stopped']}"
    found = min(results["findings"], key=lambda each: (each["seconds"], each["edits"]))
    word = "found" if found["edits"] <= EDITS else "LARGE"
    said = f"{found['cases']:6} {found['seconds']:6.1f} {found['edits']:2}  {found['hits']}/{found['runs']}"
    return word, f"{said}  {found['title']}"


def main(argv: Sequence[str] | None = None) -> int:
    """Hunt every selected defect and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--select", action="append", default=[], metavar="GLOB")
    parser.add_argument("--time", default="2m", metavar="T")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--whole", action="store_true", help="go on after the first finding")
    parser.add_argument("--defect-file", default="", help="hunt the defects of this file")
    parser.add_argument("--surface", default="soap", help="where to hunt those of a file")
    given = parser.parse_args(argv)
    options = Options(given.time, given.seed, given.workers, given.whole, given.defect_file)
    chosen = [each for each in targets(options, given.surface) if selected(each.name, given.select)]
    missed = 0
    print(f"{'':7} {'defect':42} {'surface':18}  cases seconds edits confirmed")
    for each in chosen:
        with tempfile.TemporaryDirectory(prefix="cpecheck-hunt-") as folder:
            results, _ = hunt(each, options, Path(folder) / "out")
        word, said = judged(results)
        missed += word != "found"
        print(f"{word:7} {each.name:42} {each.surface:18} {said}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} found, with {EDITS} edits at most")
    return 1 if missed else 0


def targets(options: Options, surface: str) -> list[Target]:
    """The seeded fuzz defects, or those of a file."""
    registry.load_builtin()
    if not options.defect_file:
        return [Target(each.name, each.surface) for each in SEEDED.values()]
    return [Target(name, surface) for name in registry.load_file(Path(options.defect_file))]


def selected(name: str, patterns: Sequence[str]) -> bool:
    """Whether one of *patterns* fits; without any, all do."""
    return not patterns or any(fnmatch.fnmatchcase(name, each) for each in patterns)


if __name__ == "__main__":
    sys.exit(main())
