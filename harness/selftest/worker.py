"""A worker of the self-test: one bench stays up, and the device in it is exchanged from task to task.

``python -m harness.selftest.worker PARENT SEED``: tasks on standard input, outcomes on standard output.
It dies with its parent, and the bench with it.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from harness import catalogue as suites
from harness.bench import Bench, open_bench
from harness.case import CaseSpec
from harness.device.profile import ReferenceOptions, reference
from harness.lab import linux
from harness.runner import Runner
from harness.selftest.records import Done, Outcome, Said, Task

DEVICES_OF_A_BENCH: Final = 30
"""After so many devices the bench is built anew: what it recorded of them only grows."""


class Station:
    """One bench, and the device that stands in it now."""

    def __init__(self, workdir: Path, seed: int) -> None:
        self._workdir = workdir
        self._seed = seed
        self._catalogue = suites.requirements()
        self._specs = {spec.id: spec for spec in suites.cases()}
        self._bench: Bench | None = None
        self._runner: Runner | None = None
        self._devices = 0

    def carry_out(self, task: Task, say: Callable[[Said], None]) -> None:
        """Run the cases of *task* one after another and say each outcome."""
        if task.fresh or self._runner is None:
            options = ReferenceOptions(task.defects, tuple(map(Path, task.files)), task.variants)
            self._runner = Runner(lambda: self._device(options), self._catalogue, self._seed, None)
        for name in task.cases:
            spec = self._specs[name]
            say(Outcome.of(self._runner.run(spec, body_of(spec))))
        say(Done())

    def _device(self, options: ReferenceOptions) -> Bench:
        """The bench with a new device of that kind, at the baseline."""
        if self._devices >= DEVICES_OF_A_BENCH:
            self.close()
        self._devices += 1
        try:
            if self._bench is None:
                folder = Path(tempfile.mkdtemp(dir=self._workdir))
                self._bench = open_bench(replace(reference(), options=options), folder)
            else:
                self._bench.exchange(options)
        except BaseException:
            self.close()
            raise
        return self._bench

    def close(self) -> None:
        """Take the bench down."""
        bench, self._bench, self._devices = self._bench, None, 0
        if bench is not None:
            with suppress(Exception):
                bench.close()


def body_of(spec: CaseSpec) -> Any:
    """The function of a case."""
    return getattr(importlib.import_module(spec.module), spec.function)


def serve(tasks: IO[bytes], answers: IO[bytes], seed: int) -> None:
    """Carry out tasks until there are no more."""

    def say(what: Said) -> None:
        answers.write(msgspec.json.encode(what) + b"\n")
        answers.flush()

    with tempfile.TemporaryDirectory(prefix="cpecheck-selftest-") as folder:
        station = Station(Path(folder), seed)
        try:
            for line in tasks:
                station.carry_out(msgspec.json.decode(line, type=Task), say)
        finally:
            station.close()


def main(arguments: Sequence[str]) -> None:
    linux.kill_with_parent()
    if os.getppid() != int(arguments[0]):
        return
    sys.dont_write_bytecode = True
    # What suites or libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with suppress(BrokenPipeError, KeyboardInterrupt):
        serve(sys.stdin.buffer, answers, int(arguments[1]))


if __name__ == "__main__":
    main(sys.argv[1:])
