"""A whole campaign as the command line starts it: workers, their words gathered, ``results.json`` always up to date."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from harness.fuzz.hunt.buckets import merged
from harness.fuzz.hunt.station import TOP, Order, Report, parted
from harness.fuzz.hunt.worker import CLAIMS, Failed, Found, Said, State
from harness.verdict.fuzzing import FuzzResults, SurfaceResult, encode

END: Final = 60.0
"""Real seconds that a worker has to put the device back and take its bench down once it was told to stop."""
QUIET: Final = 0.5
"""Real seconds after which the progress is shown again though nobody said anything."""


class Tally:
    """What the workers have said so far."""

    def __init__(self, order: Order, workers: int) -> None:
        self.states: dict[int, dict[str, State]] = {}
        self.reports: list[Report] = []
        self.failed: list[str] = []
        self.results = FuzzResults(
            tool_version=version("cpecheck"),
            command=order.command,
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            seconds=0.0,
            cases_executed=0,
            seed=order.seed,
            workers=workers,
            destructive=order.destructive,
            stopped="running",
        )

    def hear(self, worker: int, said: Said) -> bool:
        """Take it down; whether a finding is new."""
        match said:
            case State():
                self.states.setdefault(worker, {})[said.surface] = said
            case Found(one=one):
                self.results.findings.append(one)
                return True
            case Report():
                self.reports.append(said)
            case Failed(reason=reason):
                self.failed.append(reason)
        return False

    def now(self) -> tuple[int, float, int]:
        """Cases, cases a second while nothing was pursued, buckets: of all workers together."""
        cases = rate = buckets = 0.0
        for surfaces in self.states.values():
            for state in surfaces.values():
                cases += state.cases
                buckets = max(buckets, state.buckets)
            current = list(surfaces.values())[-1]
            plain = current.cases - current.modelled
            rate += plain / current.exploring if current.exploring else 0.0
        return int(cases), rate, int(buckets)

    def doing(self) -> str:
        """What is pursued now, if anything is."""
        current = (list(surfaces.values())[-1].doing for surfaces in self.states.values())
        return "; ".join(filter(None, current))

    def complete(self, seconds: float, running: bool) -> FuzzResults:
        """The results, as far as they are known."""
        results = self.results
        results.seconds = round(seconds, 3)
        results.cases_executed = self.now()[0]
        results.surfaces = _by_surface([report.result for report in self.reports])
        results.runs = sum(report.runs for report in self.reports)
        results.unconfirmed = [each for report in self.reports for each in report.unconfirmed]
        results.notes = [*self.failed, *(note for report in self.reports for note in report.notes)]
        results.device = next((report.device for report in self.reports if report.device), {})
        results.buckets = dict(list(merged(report.buckets for report in self.reports).items())[:TOP])
        for one in results.findings:
            one.repeated = sum(report.repeated.get(one.file, 0) for report in self.reports)
        results.stopped = "running" if running else self._stopped()
        return results

    def _stopped(self) -> str:
        if self.failed:
            return self.failed[0]
        reasons = [report.result.stopped for report in self.reports]
        odd = [reason for reason in reasons if reason not in ("cases", "time", "interrupted")]
        for reason in (*odd, "interrupted", "time", "cases"):
            if reason in reasons:
                return reason
        return "no worker has come to its end"


def _by_surface(results: list[SurfaceResult]) -> list[SurfaceResult]:
    """The workers' results, those of the same surface as one."""
    found: dict[str, SurfaceResult] = {}
    for each in results:
        one = found.setdefault(each.surface, SurfaceResult(surface=each.surface))
        one.cases += each.cases
        one.seconds = max(one.seconds, each.seconds)
        one.exploring += each.exploring
        one.rate = round(one.rate + each.rate, 1)
        one.buckets = max(one.buckets, each.buckets)
        one.undelivered += each.undelivered
        one.stopped = one.stopped or each.stopped
        one.restored = "; ".join(dict.fromkeys(filter(None, (one.restored, each.restored))))
    return list(found.values())


class _Worker:
    """A worker process; what it says goes into the queue."""

    def __init__(self, number: int, order: Order, heard: queue.Queue[tuple[int, Said | None]]) -> None:
        self.number = number
        self._heard = heard
        self._log = (Path(order.out) / f"worker-{number}.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.fuzz.hunt.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the parent, which tells the workers
        )
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(order) + b"\n")
        self.process.stdin.close()
        self._reading = threading.Thread(target=self._read, name=f"fuzz worker {number}", daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(msgspec.DecodeError):
                self._heard.put((self.number, msgspec.json.decode(line, type=Said)))
        self._heard.put((self.number, None))

    def stop(self) -> None:
        """Tell it to end in order."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    def end(self) -> None:
        """Wait until it is gone; it is killed when it takes too long."""
        try:
            self.process.wait(END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reading.join(END)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        path = Path(self._log.name)
        if path.exists() and not path.stat().st_size:
            path.unlink()


def conduct(order: Order, workers: int, show: Callable[[Tally, float], None]) -> FuzzResults:
    """Run the campaign and write ``results.json``; *show* is called now and then.

    The first interrupt lets the workers end in order, findings and state of the device included.
    """
    out = Path(order.out)
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    orders = parted(order, workers)
    tally = Tally(order, len(orders))
    heard: queue.Queue[tuple[int, Said | None]] = queue.Queue()
    team = [_Worker(number, each, heard) for number, each in enumerate(orders)]
    try:
        _listen(team, heard, tally, out, began, show)
    except KeyboardInterrupt:
        for worker in team:
            worker.stop()
        with suppress(KeyboardInterrupt):
            _listen(team, heard, tally, out, began, show)
    finally:
        for worker in team:
            worker.stop()
            worker.end()
        shutil.rmtree(out / CLAIMS, ignore_errors=True)
        results = tally.complete(time.monotonic() - began, running=False)
        _write(out, results)
    return results


def _listen(
    team: list[_Worker],
    heard: queue.Queue[tuple[int, Said | None]],
    tally: Tally,
    out: Path,
    began: float,
    show: Callable[[Tally, float], None],
) -> None:
    """Hear the workers until all of them are done."""
    silent = {worker.number for worker in team if worker.process.poll() is not None and heard.empty()}
    while len(silent) < len(team):
        try:
            number, said = heard.get(timeout=QUIET)
        except queue.Empty:
            silent |= {worker.number for worker in team if worker.process.poll() is not None}
        else:
            if said is None:
                silent.add(number)
            elif tally.hear(number, said):
                _write(out, tally.complete(time.monotonic() - began, running=True))
        show(tally, time.monotonic() - began)


def _write(out: Path, results: FuzzResults) -> None:
    temporary = out / "results.json.new"
    temporary.write_bytes(encode(results))
    temporary.replace(out / "results.json")
