"""``cpecheck fuzz``. Exit: 1 a finding that breaks a MUST or robustness, 2 the campaign could not run, 3 usage, else 0."""

from __future__ import annotations

import re
import secrets
import shlex
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from harness.fuzz.hunt.conduct import Tally
    from harness.verdict.fuzzing import FuzzResults

SURFACES: Final = ("soap", "session", "http", "connection-request", "tls", "file")
EVERY: Final = 10.0
"""Seconds between two lines of progress where the output is no terminal."""
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)


def seconds(text: str) -> float:
    """``90``, ``90s``, ``2m``, ``8h``, ``1h30m`` in seconds.

    Raises:
        ValueError: it is none of these, or no time at all.
    """
    if not re.fullmatch(r"(\d+(\.\d+)?[smh])+|\d+(\.\d+)?", text.strip().lower()):
        raise ValueError(f"{text!r} is no time; expected 90, 90s, 2m, 8h or 1h30m")
    parts = re.findall(r"(\d+(?:\.\d+)?)([smh]?)", text.lower())
    total = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if total <= 0:
        raise ValueError(f"{text!r} is no time")
    return total


class _Time(click.ParamType[float]):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--device", type=_file, metavar="FILE", help="Device profile (TOML). Default: the reference CPE."
)
@click.option(
    "--surface",
    "surfaces",
    multiple=True,
    type=click.Choice(SURFACES),
    help="What to attack; may be repeated. Default: all.",
)
@click.option("--cases", type=click.IntRange(1), metavar="N", help="Stop after so many cases.")
@click.option("--time", "length", type=_Time(), metavar="T", help="Stop after this time: 90, 2m, 8h. [2m]")
@click.option(
    "--seed", type=int, metavar="N", help="Seed of every random choice. Default: a fresh one, told."
)
@click.option(
    "--out", type=_folder, metavar="DIR", help="Folder of the findings. Default: cpecheck-fuzz-<time>/."
)
@click.option("--corpus", type=_folder, metavar="DIR", help="Programs worth keeping, shared by campaigns.")
@click.option(
    "--allow-destructive",
    is_flag=True,
    help="Also programs that may restart, reset or reconfigure the device.",
)
@click.option(
    "--workers",
    "-n",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Benches side by side. Default: one a core for the reference CPE, one for any other device.",
)
@click.option("--defect", multiple=True, metavar="NAME", help="Give the reference CPE this seeded defect.")
@click.option(
    "--defect-file", multiple=True, type=_file, metavar="FILE", help="Python file with defects of your own."
)
@click.option("--variant", multiple=True, metavar="NAME", help="Give the reference CPE this benign oddity.")
def fuzz(
    device: Path | None,
    surfaces: tuple[str, ...],
    cases: int | None,
    length: float | None,
    seed: int | None,
    out: Path | None,
    corpus: Path | None,
    allow_destructive: bool,
    workers: int | None,
    defect: tuple[str, ...],
    defect_file: tuple[Path, ...],
    variant: tuple[str, ...],
) -> None:
    """Attack a device on every surface that CWMP has; write the smallest message of each failure."""
    from harness.fuzz.executors import fuzzable
    from harness.fuzz.guard import refusal
    from harness.fuzz.hunt.conduct import conduct
    from harness.fuzz.hunt.station import Order
    from harness.fuzz.program import Surface
    from harness.run import RunError, profile_of

    try:
        profile = profile_of(
            SimpleNamespace(device=device, defect=defect, defect_file=defect_file, variant=variant)
        )
    except RunError as error:
        raise click.UsageError(str(error)) from None
    if reason := refusal(profile):
        raise click.UsageError(reason)
    chosen = tuple(map(Surface, dict.fromkeys(surfaces))) or fuzzable()
    if lacking := [each for each in chosen if each not in fuzzable()]:
        raise click.UsageError(f"--surface {lacking[0]}: cannot be fuzzed yet")
    folder = out or Path(f"cpecheck-fuzz-{time.strftime('%Y%m%d-%H%M%S')}")
    if (folder / "results.json").exists():
        raise click.UsageError(f"--out {folder}: there is a campaign in it already")
    order = Order(
        surfaces=list(chosen),
        out=str(folder.absolute()),
        seed=secrets.randbits(32) if seed is None else seed,
        device=str(device.absolute()) if device else "",
        defects=list(defect),
        defect_files=[str(each.absolute()) for each in defect_file],
        variants=list(variant),
        cases=cases,
        seconds=length or (120.0 if cases is None else None),
        destructive=allow_destructive,
        corpus=str(corpus.absolute()) if corpus else "",
        command=shlex.join(["cpecheck", *sys.argv[1:]]),
    )
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
    show = Show(folder, order.seed, sys.stdout.isatty())
    try:
        results = conduct(order, _workers(workers, device), show)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    show.end()
    click.echo(summary(results, folder, device))
    sys.exit(results.exit_code)


def _workers(asked: int | None, device: Path | None) -> int:
    import os

    if device is not None and asked is not None and asked > 1:
        raise click.UsageError("--workers is for the reference CPE; there is only one of your device")
    return asked or (1 if device is not None else os.cpu_count() or 1)


class Show:
    """Progress: one line that changes on a terminal, plain lines else; every finding when it is found."""

    def __init__(self, folder: Path, seed: int, terminal: bool) -> None:
        self._terminal = terminal
        self._told = 0
        self._last = 0.0
        self._open = False
        click.echo(f"Fuzzing; seed {seed}, findings in {folder}/")

    def __call__(self, tally: Tally, elapsed: float) -> None:
        from reports.text import one_line

        for one in tally.results.findings[self._told :]:
            self.end()
            click.echo(f"{'FAIL' if one.fails else 'warn'}  {one_line(one.title, 160)}  ({one.file})")
        self._told = len(tally.results.findings)
        if not tally.states or elapsed - self._last < (0.2 if self._terminal else EVERY):
            return
        self._last = elapsed
        cases, rate, buckets = tally.now()
        line = f"{elapsed:6.0f} s  {cases:,} cases  {rate:,.0f}/s  {buckets} buckets  {self._told} findings"
        doing = one_line(tally.doing(), 60)
        line += f"  {doing}" if doing else ""
        if self._terminal:
            click.echo(f"\r\x1b[2K{line}", nl=False)
            self._open = True
        else:
            click.echo(line)

    def end(self) -> None:
        """Leave the line that changes."""
        if self._open:
            click.echo()
            self._open = False


def summary(results: FuzzResults, folder: Path, device: Path | None) -> str:
    """What is printed at the end: figures, findings, and the commands that show them again."""
    from reports.text import one_line

    surfaces = ", ".join(f"{each.surface} {each.cases:,} ({each.rate:,.0f}/s)" for each in results.surfaces)
    lines = [
        f"{results.cases_executed:,} cases in {results.seconds:,.0f} s"
        + (f": {surfaces}" if surfaces else "")
        + f"; stopped: {results.stopped}"
    ]
    lines += [f"not put back: {each.restored}" for each in results.surfaces if each.restored]
    if not results.findings:
        lines.append("no finding")
    for one in results.findings:
        clause = f" [{one.level} {one.requirement}]" if one.requirement else ""
        lines.append(f"{'FAIL' if one.fails else 'warn'}  {one_line(one.title, 160)}{clause}")
        again = ["cpecheck", "replay", str(folder / one.file), *(["--device", str(device)] if device else [])]
        lines.append(f"      {shlex.join(again)}")
    if results.unconfirmed:
        lines.append(f"{len(results.unconfirmed)} alarms that did not show again, see {folder}/results.json")
    return "\n".join(lines)
