"""One worker of a campaign: a bench for each surface in turn, the campaign on it, and all put back at the end."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.catalogue import requirements
from harness.device.profile import Profile, load, reference
from harness.fuzz.engine.learn import learn, restore
from harness.fuzz.executor import Executor, ExecutorError
from harness.fuzz.executors import open_executor
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.hunt.campaign import Campaign, Plan, Sink
from harness.fuzz.hunt.shrink import shrink
from harness.fuzz.program import Ask, Program, Reply, Surface
from harness.fuzz.soap.templates import Guard
from harness.verdict.fuzzing import SurfaceResult, Unconfirmed
from harness.verdict.redact import Redactor

LEAST: Final = 1.0
"""Seconds that every surface gets, however long the pursuits on those before it took."""
TOP: Final = 50
"""Behaviour buckets that a result names."""


class Order(msgspec.Struct, kw_only=True):
    """What a worker is told. ``cases`` and ``seconds`` are its own part, for all surfaces together."""

    surfaces: list[Surface]
    out: str
    seed: int
    device: str = ""
    """Profile; empty for the reference CPE."""
    defects: list[str] = []
    defect_files: list[str] = []
    variants: list[str] = []
    cases: int | None = None
    seconds: float | None = None
    destructive: bool = False
    corpus: str = ""
    worker: int = 0
    workers: int = 1
    command: str = ""

    def profile(self) -> Profile:
        """The device.

        Raises:
            ProfileError: the profile cannot be used.
        """
        profile = load(Path(self.device)) if self.device else reference()
        given = profile.options
        options = replace(
            given,
            defects=(*given.defects, *self.defects),
            defect_files=(*given.defect_files, *map(Path, self.defect_files)),
            variants=(*given.variants, *self.variants),
        )
        return replace(profile, options=options)


class Report(msgspec.Struct, kw_only=True, tag="report"):
    """What a worker has to say of a surface when it is done with it."""

    result: SurfaceResult
    runs: int = 0
    unconfirmed: list[Unconfirmed] = []
    buckets: dict[str, int] = {}
    notes: list[str] = []
    device: dict[str, str] = {}
    repeated: dict[str, int] = {}
    """Findings by file, and how often the same failure was met again."""


class Claims:
    """Who pursues a failure: the first worker that makes a file of its name. *folder* lives as long as the campaign."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self, failure: str) -> int:
        """A number for it; 0 where it was claimed before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._made(hashlib.sha256(failure.encode("utf-8", "replace")).hexdigest()):
            return 0
        number = 1
        while not self._made(f"number-{number}"):
            number += 1
        return number

    def _made(self, name: str) -> bool:
        try:
            os.close(os.open(self._folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        return True


def carry_out(order: Order, sink: Sink, say: Any) -> None:
    """Run the campaign on every surface of *order*; *say* gets a `Report` for each.

    Raises:
        ProfileError: the profile cannot be used.
    """
    profile = order.profile()
    interrupted, left = False, order.seconds
    with tempfile.TemporaryDirectory(prefix="cpecheck-fuzz-", dir=_quick(profile)) as folder:
        for place, surface in enumerate(order.surfaces):
            if interrupted:
                break
            share = None if left is None else max(LEAST, left / (len(order.surfaces) - place))
            report = _surface(order, place, surface, profile, Path(folder), sink, share)
            interrupted = report.result.stopped == "interrupted"
            left = None if left is None else left - report.result.seconds
            say(report)


def _quick(profile: Profile) -> str | None:
    """Where the bench's files go: into memory for the reference CPE, which writes its store with every change."""
    memory = "/dev/shm"
    return memory if profile.driver == "reference" and os.access(memory, os.W_OK) else None


def _surface(
    order: Order,
    place: int,
    surface: Surface,
    profile: Profile,
    folder: Path,
    sink: Sink,
    seconds: float | None,
) -> Report:
    try:
        with open_executor(surface, profile, folder) as executor:
            return _campaign(order, _plan(order, place, surface, seconds), profile, executor, sink)
    except ExecutorError as error:
        return Report(result=SurfaceResult(surface=str(surface), stopped=str(error)))
    except KeyboardInterrupt:
        return Report(result=SurfaceResult(surface=str(surface), stopped="interrupted"))


def _campaign(order: Order, plan: Plan, profile: Profile, executor: Executor, sink: Sink) -> Report:
    ground = executor.ground  # type: ignore[attr-defined]
    facts: DeviceFacts = getattr(executor, "facts", None) or learn(ground, destructive=False)
    facts = msgspec.structs.replace(facts, destructive=order.destructive)
    info = ground.bench.device_info()
    device = {
        name: value
        for name in ("name", "manufacturer", "oui", "product_class", "serial_number", "software_version")
        if (value := getattr(info, name))
    }
    campaign = Campaign(
        replace(plan, device=device),
        executor,
        facts,
        catalogue=requirements(),
        sink=sink,
        shrinker=partial(shrink, allowed=harmless(facts), device=facts),
        now=time.monotonic,
        wall=time.time,
        redact=Redactor(profile.secrets),
    )
    result = campaign.run()
    result.restored = _put_back(executor, ground, facts)
    return Report(
        result=result,
        runs=campaign.runs,
        unconfirmed=campaign.unconfirmed,
        buckets=campaign.buckets.top(TOP),
        notes=[f"{count} times: {what}" for what, count in campaign.notes.most_common(20)],
        device=device,
        repeated={one.file: one.repeated for one in campaign.found.values() if one.repeated},
    )


def harmless(facts: DeviceFacts) -> Callable[[Program], bool]:
    """What the shrinker may try: without permission nothing that might harm the device."""
    guard = Guard(facts)

    def allowed(program: Program) -> bool:
        return all(guard.lets_through(each.body) for each in program.actions if isinstance(each, Reply | Ask))

    return allowed


def _put_back(executor: Executor, ground: Any, facts: DeviceFacts) -> str:
    """Bring the device to where it was; what could not be put back."""
    try:
        if ground.bench.device.gone():
            executor.reset()
        return restore(ground, facts)
    except (ExecutorError, KeyboardInterrupt) as error:
        return str(error) or "interrupted"


def _plan(order: Order, place: int, surface: Surface, seconds: float | None) -> Plan:
    count = len(order.surfaces)
    cases = None
    if order.cases is not None:
        cases = order.cases // count + (1 if place < order.cases % count else 0)
    return Plan(
        surface=surface,
        seed=order.seed,
        out=Path(order.out),
        cases=cases,
        seconds=seconds,
        destructive=order.destructive,
        corpus=Path(order.corpus) if order.corpus else None,
        share=(order.worker, order.workers),
        command=order.command,
    )


def parted(order: Order, workers: int) -> list[Order]:
    """The orders of *workers* workers that together do *order*."""
    orders = []
    for worker in range(workers):
        cases = order.cases
        if cases is not None:
            cases = cases // workers + (1 if worker < cases % workers else 0)
        orders.append(msgspec.structs.replace(order, cases=cases, worker=worker, workers=workers))
    return [each for each in orders if each.cases != 0]


__all__ = ["Claims", "Order", "Report", "carry_out", "parted"]
