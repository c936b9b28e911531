"""Does a short campaign find each seeded fuzz defect, and how small does it make it?

    python -m benchmarks.fuzz_defects                          # all of them, a minute each
    python -m benchmarks.fuzz_defects --select 'fuzz-crash-*' --time 2m

Exit status 1 where one was not found. No test: it takes hours, and a campaign may be unlucky.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reference_cpe.defects import registry
from reference_cpe.defects.fuzz_seeded import SEEDED, Seeded


def hunt(each: Seeded, length: str, seed: int, folder: Path) -> tuple[bool, float, list[str]]:
    """Whether a campaign against the device with that defect found anything, its seconds, and its findings in words."""
    argv = [sys.executable, "-m", "harness.cli", "fuzz", "--surface", each.surface, "--defect", each.name]
    argv += ["--time", length, "--seed", str(seed), "--out", str(folder)]
    if each.surface == "file":
        argv.append("--allow-destructive")
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        results = json.loads((folder / "results.json").read_bytes())
    except FileNotFoundError:
        return False, 0.0, ["the campaign could not run"]
    found = results["findings"]
    return bool(found), results["seconds"], [f"{entry['title']} ({entry['edits']} edits)" for entry in found]


def main(argv: Sequence[str] | None = None) -> int:
    """Hunt every selected defect and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--select", action="append", default=[], metavar="GLOB")
    parser.add_argument("--time", default="60", metavar="T")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    registry.load_builtin()
    patterns = options.select or ["*"]
    chosen = [each for each in SEEDED.values() if any(fnmatch.fnmatchcase(each.name, p) for p in patterns)]
    missed = 0
    for each in chosen:
        with tempfile.TemporaryDirectory(prefix="cpecheck-hunt-") as folder:
            found, seconds, said = hunt(each, options.time, options.seed, Path(folder) / "out")
        missed += not found
        word = "found" if found else "MISSED"
        print(f"{word:8}{each.name:44}{each.surface:20}{seconds:6.0f} s  {'; '.join(said)}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
