"""One run of the suites: options in, bench and bundle out. The plugin and the command line share it."""

from __future__ import annotations

import io
import shlex
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import Any

import msgspec
from rich.console import Console

from harness import catalogue as suites
from harness.bench import open_bench
from harness.case import CaseSpec
from harness.device.api import DeviceInfo
from harness.device.profile import Profile, ProfileError, load, reference
from harness.runner import Runner
from harness.verdict.assertion import CaseResult
from harness.verdict.bundle import Bundle, BundleError, BundleWriter, Header, PlannedCase
from harness.verdict.requirement import Catalogue, CatalogueError
from reports import build, terminal


class RunError(Exception):
    """The run cannot start as it was asked for: usage. One line."""


def _profile(options: Any) -> Profile:
    """The profile that the options name, with the defects and variants they add."""
    try:
        profile = load(Path(options.device)) if options.device else reference()
    except ProfileError as error:
        raise RunError(str(error)) from None
    wanted = (options.defect, options.defect_file, options.variant)
    if any(wanted) and profile.driver != "reference":
        raise RunError(
            "--defect, --defect-file and --variant are for the reference CPE; this profile has another device"
        )
    files = tuple(Path(name).resolve() for name in options.defect_file)
    missing = [name for name in files if not name.is_file()]
    if missing:
        raise RunError(f"--defect-file {missing[0]}: no such file")
    given = profile.options
    added = replace(
        given,
        defects=(*given.defects, *options.defect),
        defect_files=(*given.defect_files, *files),
        variants=(*given.variants, *options.variant),
    )
    return replace(profile, options=added)


class Run:
    """Made once a process; only the controller's writes the bundle."""

    def __init__(self, profile: Profile, catalogue: Catalogue, seed: int, out: Path, *, worker: str) -> None:
        self.profile = profile
        self.out = out
        self.finished = False
        self._catalogue = catalogue
        self._seed = seed
        self._worker = worker
        self._workdir = Path(tempfile.mkdtemp(prefix="cpecheck-"))
        self._writer: BundleWriter | None = None
        self.runner = Runner(lambda: open_bench(profile, self._workdir), catalogue, seed, out / "evidence")

    @classmethod
    def from_options(cls, options: Any, *, worker: str, shared: dict[str, Any]) -> Run:
        """Make the run that the options ask for.

        Raises:
            RunError: the profile, the catalogue or the folder is wrong.
        """
        try:
            catalogue = suites.requirements()
        except CatalogueError as error:
            raise RunError(str(error)) from None
        seed = int(shared.get("seed", options.cpecheck_seed))
        out = Path(
            shared.get("out") or options.cpecheck_out or f"cpecheck-run-{time.strftime('%Y%m%d-%H%M%S')}"
        )
        options.cpecheck_out = str(out)
        if not worker and out.exists() and any(out.iterdir()):
            raise RunError(f"--out {out}: the folder is not empty; a run bundle gets a folder of its own")
        return cls(_profile(options), catalogue, seed, out, worker=worker)

    # --- the controller's side ---

    def announce(self, specs: Sequence[CaseSpec], chosen: Collection[str]) -> None:
        """Begin the bundle: which cases there are, and which of them are going to run."""
        plan = (PlannedCase(spec.id, spec.verifies, spec.title, spec.id in chosen) for spec in specs)
        header = Header(
            tool_version=version("cpecheck"),
            seed=self._seed,
            device={"name": self.profile.info.name},
            profile=_summary(self.profile),
            command=shlex.join(["cpecheck", *sys.argv[1:]]),
            requirements=tuple(self._catalogue),
            cases=tuple(plan),
            rules={rule.id: rule.verifies for rule in suites.rules()},
        )
        self._writer = BundleWriter(self.out, header)

    def headline(self) -> str:
        """What runs, on what, and where it is written, in a line."""
        return f"cpecheck {version('cpecheck')} · {self.profile.info.name} · seed {self._seed} · {self.out}/"

    def record(self, encoded: str) -> None:
        """Write a case's result down."""
        if self._writer is not None:
            self._writer.add(msgspec.json.decode(encoded, type=CaseResult))

    def close_bench(self) -> None:
        """Take the bench of this process down and remove its working folder."""
        if self._writer is not None and self.runner.bench is not None:
            self._writer.describe(_device(self.runner.bench.device_info()))
        try:
            self.runner.close()
        finally:
            rmtree(self._workdir, ignore_errors=True)

    def finish(self, *, interrupted: bool) -> int:
        """Write the bundle's results and reports; the exit status.

        An interrupted run stays unfinished: its events are read in place of results.
        """
        if self._writer is None:
            return 0
        if interrupted:
            self._writer.close()
        else:
            self._writer.finish()
        self.finished = True
        return build.write_all(self.out).results.exit_code

    def print_summary(self, console: Console) -> None:
        """Print the verdict table, the failures and where to look."""
        terminal.show(Bundle.read(self.out).results, console, self.out)

    def summary_lines(self) -> list[str]:
        """The same as plain lines, for pytest's own summary."""
        if not self.finished:
            return []
        return _printed(Bundle.read(self.out), self.out).splitlines()


def _summary(profile: Profile) -> dict[str, str]:
    """What of the profile the report shows."""
    options = profile.options
    lines = {
        "device": profile.info.name,
        "file": str(profile.path or "built in"),
        "driver": profile.driver,
        "where": profile.where,
        "defects": ", ".join((*options.defects, *map(str, options.defect_files))),
        "variants": ", ".join(options.variants),
    }
    return {key: value for key, value in lines.items() if value}


def _device(info: DeviceInfo) -> dict[str, str]:
    """Who was tested, as the report shows it."""
    return {name: str(value) for name, value in asdict(info).items() if value and name != "extra"}


def report_again(folder: Path) -> str:
    """Write the reports of a bundle anew.

    Raises:
        RunError: the folder is no bundle.
    """
    try:
        bundle = Bundle.read(folder)
    except BundleError as error:
        raise RunError(str(error)) from None
    build.write_all(folder)
    return _printed(bundle, folder)


def _printed(bundle: Bundle, folder: Path) -> str:
    """The summary as plain text."""
    console = Console(width=120, color_system=None, file=io.StringIO(), record=True)
    terminal.show(bundle.results, console, folder)
    return console.export_text()
