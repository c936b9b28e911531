"""Whole runs of ``cpecheck`` as a process, the way a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Finished:
    """A run that is over: its exit status, what it printed, its bundle."""

    status: int
    output: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        return json.loads((self.folder / "results.json").read_text())  # type: ignore[no-any-return]

    def requirements(self, verdict: str) -> set[str]:
        """Ids of the requirements with that verdict."""
        return {entry["id"] for entry in self.results["requirements"] if entry["verdict"] == verdict}

    def cases(self) -> dict[str, str]:
        return {entry["id"]: entry["verdict"] for entry in self.results["cases"]}


class Command:
    """``cpecheck`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, env: dict[str, str] | None = None, timeout: float = 240) -> Finished:
        script = Path(sys.executable).with_name("cpecheck")
        environment = {**os.environ, "COLUMNS": "120", **(env or {})}
        done = subprocess.run(
            [str(script), *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Finished(done.returncode, done.stdout + done.stderr, self.folder / "out")

    def run(self, *arguments: str, **keywords: Any) -> Finished:
        """``cpecheck run --out out --seed 1`` with more arguments."""
        return self("run", "--out", "out", "--seed", "1", *arguments, **keywords)


@pytest.fixture
def cpecheck(tmp_path: Path) -> Command:
    return Command(tmp_path)
