"""One run of the suites: options in, bench and bundle out. The plugin and the command line share it."""

from __future__ import annotations

import io
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from shutil import rmtree
from typing import Any

import msgspec
from rich.console import Console

from harness import catalogue as suites
from harness import resume
from harness.bench import open_bench
from harness.case import CaseSpec
from harness.device.api import DeviceInfo
from harness.device.profile import Profile, ProfileError, load, reference
from harness.fuzz.findings import regression
from harness.fuzz.findings.regression import Regression
from harness.fuzz.findings.replay_run import on_device
from harness.runner import Runner
from harness.verdict.assertion import CaseResult
from harness.verdict.bundle import Bundle, BundleError, BundleWriter, Gate, Header, PlannedCase, Results
from harness.verdict.redact import Redactor
from harness.verdict.redact_records import texts
from harness.verdict.requirement import Catalogue, CatalogueError
from harness.verdict.results import Redaction
from reports import build, expected, terminal


class RunError(Exception):
    """The run cannot start as it was asked for: usage. One line."""


def profile_of(options: Any) -> Profile:
    """The profile that the options name, with the defects and variants they add.

    Raises:
        RunError: the profile is wrong, or what is added does not fit it.
    """
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


def check(options: Any) -> None:
    """Refuse at once, in one line, what the workers would refuse each for itself.

    Raises:
        RunError: the profile, an option or the selection is wrong.
    """
    profile_of(options)
    try:
        suites.selected(cases_of(options), options.select, options.exclude, suites.requirements())
    except (suites.SelectionError, CatalogueError) as error:
        raise RunError(str(error)) from None


def findings_of(options: Any) -> list[Regression]:
    """The findings that ``--findings`` adds to a run as cases.

    Raises:
        RunError: the folder, or a finding in it, cannot be used.
    """
    folder = getattr(options, "cpecheck_findings", None)
    if not folder:
        return []
    try:
        return regression.load(Path(folder), suites.requirements())
    except (regression.FindingsError, CatalogueError) as error:
        raise RunError(f"--findings {error}") from None


def cases_of(options: Any) -> list[CaseSpec]:
    """Every case of a run: those of the suites, and the findings that are added.

    Raises:
        RunError: see `findings_of`.
    """
    return [*suites.cases(), *(each.spec for each in findings_of(options))]


def default_folder() -> str:
    """Name of the folder of a run that was given none."""
    return f"cpecheck-run-{time.strftime('%Y%m%d-%H%M%S')}"


class Run:
    """Made once a process; only the controller's writes the bundle."""

    def __init__(
        self, profile: Profile, catalogue: Catalogue, seed: int, out: Path, *, tls_secrets: bool = False
    ) -> None:
        self.profile = profile
        self.out = out
        self.finished = False
        self._catalogue = catalogue
        self._seed = seed
        self._workdir = Path(tempfile.mkdtemp(prefix="cpecheck-"))
        self._writer: BundleWriter | None = None
        self._described: dict[str, str] = {}
        self._resumed = False
        self._gate: Callable[[Results], Gate] | None = None
        self._apart = on_device(profile, self._workdir)
        self._redact = Redactor(profile.secrets)
        self._redaction = Redaction(keys=profile.secret_keys, tls_secrets=tls_secrets or not profile.secrets)
        self.runner = Runner(
            lambda: open_bench(profile, self._workdir), catalogue, seed, out / "evidence", self._redact,
            tls_secrets=self._redaction.tls_secrets,
        )  # fmt: skip

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
        out = Path(shared.get("out") or options.cpecheck_out or default_folder())
        resumed = bool(options.cpecheck_resume)
        if not worker and not resumed and out.exists() and any(out.iterdir()):
            raise RunError(f"--out {out}: the folder is not empty; a run bundle gets a folder of its own")
        run = cls(profile_of(options), catalogue, seed, out, tls_secrets=options.keep_tls_secrets)
        run._resumed = resumed
        if not worker and options.cpecheck_expected:
            run._gate = _gate(Path(options.cpecheck_expected), catalogue, cases_of(options))
        return run

    # --- the worker's side ---

    def case(self, spec: CaseSpec, body: Any) -> CaseResult:
        """Run a case of the suites."""
        self._apart.close()
        return self.runner.run(spec, body)

    def finding(self, found: Regression) -> CaseResult:
        """Run a finding as a case, with the executor of its surface in place of the bench."""
        allowed = self.profile.driver == "reference"
        return self.runner.run_apart(
            found.spec, lambda case: regression.run(found, case, self._apart.open, destructive=allowed)
        )

    # --- the controller's side ---

    def announce(self, specs: Sequence[CaseSpec], chosen: Collection[str]) -> None:
        """Begin the bundle: which cases there are, and which of them are going to run; or go on with one.

        Raises:
            RunError: the run that is to go on is another.
        """
        if self._resumed:
            self._writer = self._go_on(specs)
            return
        plan = (
            PlannedCase(spec.id, spec.verifies, spec.title, spec.id in chosen, spec.version) for spec in specs
        )
        header = Header(
            tool_version=version("cpecheck"),
            seed=self._seed,
            device=texts({"name": self.profile.info.name}, self._redact),
            profile=texts(_summary(self.profile), self._redact),
            profile_digest=resume.digest(self.profile),
            command=self._redact.text(shlex.join(["cpecheck", *sys.argv[1:]])),
            requirements=tuple(self._catalogue),
            cases=tuple(plan),
            rules={rule.id: rule.verifies for rule in suites.rules()},
            redaction=self._redaction,
            proven=suites.proven(specs),
        )
        self._writer = BundleWriter(self.out, header)

    def _go_on(self, specs: Sequence[CaseSpec]) -> BundleWriter:
        before = check_resume(self.profile, self.out, self._seed, specs)
        if before.header.redaction != self._redaction:
            raise RunError(
                f"--resume {self.out}: that run left out other secrets; give --keep-tls-secrets as it was given then"
            )
        try:
            return BundleWriter(self.out, before.header, before=before)
        except BundleError as error:
            raise RunError(f"--resume {error}") from None

    def headline(self) -> str:
        """What runs, on what, and where it is written, in a line."""
        return f"cpecheck {version('cpecheck')} · {self.profile.info.name} · seed {self._seed} · {self.out}/"

    def record(self, encoded: str) -> None:
        """Write a case's result down."""
        if self._writer is not None:
            self._writer.add(msgspec.json.decode(encoded, type=CaseResult))

    def describe(self, encoded: str) -> None:
        """Note who is tested, as a worker has learnt it."""
        device = msgspec.json.decode(encoded, type=dict[str, str])
        if self._writer is not None and device != self._described:
            self._described = device
            self._writer.describe(device)

    def device(self) -> str:
        """Who is tested, as far as this process knows, as JSON."""
        bench = self.runner.bench
        told = _device(bench.device_info()) if bench else {}
        return msgspec.json.encode(texts(told, self._redact)).decode()

    def close_bench(self) -> None:
        """Take the bench of this process down and remove its working folder."""
        try:
            self._apart.close()
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
            self._writer.finish(self._gate)
        self.finished = True
        results = build.write_all(self.out).results
        return results.gate.exit_code if results.gate.file else results.exit_code

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


def check_resume(
    profile: Profile, folder: Path, seed: int | None, specs: Sequence[CaseSpec]
) -> resume.Unfinished:
    """What the run in *folder* had done, if it can go on with this profile, seed and these cases.

    Raises:
        RunError: it cannot.
    """
    try:
        before = resume.read(folder, seed)
        resume.check(folder, before, specs, resume.digest(profile))
    except resume.ResumeError as error:
        raise RunError(str(error)) from None
    return before


def take_up(options: Any) -> list[str]:
    """Take seed and folder of the run that ``--resume`` names into *options*; the cases it still has to do.

    Raises:
        RunError: it cannot go on, or the options ask for another selection or folder.
    """
    if options.select or options.exclude or options.cpecheck_out:
        raise RunError("--resume keeps selection and folder of the run: no --select, --exclude or --out")
    folder = Path(options.cpecheck_resume)
    before = check_resume(profile_of(options), folder, options.cpecheck_seed, cases_of(options))
    options.cpecheck_seed, options.cpecheck_out = before.header.seed, str(folder)
    return resume.left(before)


def _gate(file: Path, catalogue: Catalogue, specs: Sequence[CaseSpec]) -> Callable[[Results], Gate]:
    """What holds results against the known findings in *file*.

    Raises:
        RunError: the file cannot be used.
    """
    cases = [spec.id for spec in specs]
    try:
        entries = expected.load(file, cases, [record.id for record in catalogue])
    except expected.ExpectedError as error:
        raise RunError(f"--expected {error}") from None
    return lambda results: expected.judge(results, entries, str(file))


def report_again(folder: Path, skeleton: Path | None = None, *, write: bool = True) -> str:
    """The summary of a bundle. Its reports are written anew (where *write*); into *skeleton* a file of expected
    findings that fits it.

    Raises:
        RunError: the folder is no bundle.
        OSError: a file cannot be written.
    """
    try:
        bundle = Bundle.read(folder)
    except BundleError as error:
        raise RunError(str(error)) from None
    if write:
        build.write_all(folder)
    if skeleton is not None:
        skeleton.write_text(expected.skeleton(bundle.results), "utf-8")
    return _printed(bundle, folder)


def _printed(bundle: Bundle, folder: Path) -> str:
    """The summary as plain text."""
    console = Console(width=120, color_system=None, file=io.StringIO(), record=True)
    terminal.show(bundle.results, console, folder)
    return console.export_text()
