"""pytest plugin: cases as items, one bench per worker, one bundle per run.

It is loaded in every pytest of its environment (entry point ``pytest11``), so this module imports nothing heavy;
what does the work is imported when the first case is collected.
"""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.case import CaseSpec
    from harness.run import Run
    from harness.verdict.assertion import CaseResult

PROPERTY = "cpecheck"
"""Name of the user property that carries a case's result, as JSON, from the worker to the controller."""

DEVICE_PROPERTY = "cpecheck-device"
"""Name of the user property that says who is tested."""

RUN: pytest.StashKey[Run] = pytest.StashKey()
LEFT: pytest.StashKey[list[str]] = pytest.StashKey()
"""Ids of the cases that a resumed run still has to do."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cpecheck", "conformance of CWMP devices")
    group.addoption("--device", metavar="FILE", help="device profile (TOML); default: the reference CPE")
    group.addoption(
        "--cpecheck-out", metavar="DIR", help="folder of the run bundle; default: cpecheck-run-<time>/"
    )
    group.addoption(
        "--cpecheck-expected", metavar="FILE", help="known findings (TOML); decides the exit status"
    )
    group.addoption(
        "--cpecheck-findings", metavar="DIR", help="findings of the fuzzer that become cases of the run"
    )
    group.addoption(
        "--keep-tls-secrets",
        action="store_true",
        help="leave TLS secrets in the captures although the profile marks values as secret",
    )
    group.addoption("--cpecheck-resume", metavar="DIR", help="go on with the unfinished run in DIR")
    group.addoption(
        "--cpecheck-seed", type=int, metavar="N", help="seed of every random choice; default: a fresh one"
    )
    group.addoption(
        "--select",
        action="append",
        default=[],
        metavar="GLOB",
        help="only cases whose id, requirement or catalogue row matches",
    )
    group.addoption("--exclude", action="append", default=[], metavar="GLOB", help="no case that matches")
    group.addoption(
        "--defect",
        action="append",
        default=[],
        metavar="NAME",
        help="give the reference CPE this seeded defect",
    )
    group.addoption(
        "--defect-file",
        action="append",
        default=[],
        metavar="FILE",
        help="Python file with defects of your own",
    )
    group.addoption(
        "--variant",
        action="append",
        default=[],
        metavar="NAME",
        help="give the reference CPE this benign oddity",
    )


def _suites_folder() -> Path | None:
    found = importlib.util.find_spec("suites")
    places = list(found.submodule_search_locations or ()) if found else []
    return Path(places[0]) if places else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the modules of the suites, which are not named ``test_*``."""
    if file_path.suffix != ".py" or file_path.name.startswith("_") or parent.session.isinitpath(file_path):
        return None
    return pytest.Module.from_parent(parent, path=file_path) if file_path.parent == _suites_folder() else None


def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Item | list[Any] | None:
    """Make an item of every function that bears a case record and is at home in this module."""
    if not hasattr(obj, "__cpecheck_case__") or collector.path.name.startswith("test_"):
        return None
    from harness.case import spec_of

    spec = spec_of(obj)
    if spec is None or spec.module != getattr(collector.obj, "__name__", ""):
        return []
    return CaseItem.from_parent(collector, name=spec.id, spec=spec, body=obj)


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, spec: CaseSpec, body: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.body = body

    def runtest(self) -> None:
        """Run the case on the worker's bench; raise what pytest shows as failed or skipped."""
        result = self.result()
        import msgspec

        self.user_properties.append((DEVICE_PROPERTY, run_of(self.config).device()))
        self.user_properties.append((PROPERTY, msgspec.json.encode(result).decode()))
        verdict = str(result.verdict)
        if verdict in ("not-applicable", "not-run"):
            pytest.skip(f"{verdict}: {result.reason}")
        if verdict not in ("pass", "warn"):
            raise CaseFailed(result)

    def result(self) -> CaseResult:
        """The outcome on this worker's bench."""
        return run_of(self.config).case(self.spec, self.body)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The failing assertions, not a traceback of ours."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.spec.id


class FindingItem(CaseItem):
    """A finding of the fuzzer as a case; its body is the `Regression`."""

    def result(self) -> CaseResult:
        return run_of(self.config).finding(self.body)


class CaseFailed(Exception):
    """A case whose verdict is not good; carries its result."""

    def __init__(self, result: CaseResult) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        lines = [f"{self.result.id}: {self.result.verdict}"]
        for entry in self.result.assertions:
            if entry.verdict not in ("pass", "not-applicable"):
                lines += [
                    f"  {entry.requirement}: {entry.verdict}",
                    f"    expected: {entry.expected}",
                    f"    observed: {entry.observed}",
                ]
                lines += [f"    reason:   {entry.reason}"] if entry.reason else []
        return "\n".join(lines)


def run_of(config: pytest.Config) -> Run:
    """The run of this process, made when it is first needed.

    Raises:
        pytest.UsageError: the profile or an option is wrong.
    """
    if RUN not in config.stash:
        from harness.run import Run, RunError

        try:
            config.stash[RUN] = Run.from_options(
                config.option, worker=_worker_id(config), shared=_shared(config)
            )
        except RunError as error:
            raise pytest.UsageError(str(error)) from None
    return config.stash[RUN]


def _worker_id(config: pytest.Config) -> str:
    return str(getattr(config, "workerinput", {}).get("workerid", ""))


def _shared(config: pytest.Config) -> dict[str, Any]:
    return dict(getattr(config, "workerinput", {}).get("cpecheck", {}))


class _Xdist:
    """The controller of pytest-xdist collects nothing itself: it is told what its workers have collected."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Hand seed and folder to a worker, so that all of them work on one run."""
        from harness.run import default_folder

        option = self._config.option
        option.cpecheck_out = option.cpecheck_out or default_folder()
        node.workerinput["cpecheck"] = {"seed": option.cpecheck_seed, "out": option.cpecheck_out}
        if LEFT in self._config.stash:
            node.workerinput["cpecheck"]["left"] = self._config.stash[LEFT]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Begin the bundle with what the first worker has collected and selected."""
        if RUN in self._config.stash:
            return
        from harness.run import cases_of

        specs = cases_of(self._config.option)
        chosen = {name.rpartition("::")[2] for name in ids} & {spec.id for spec in specs}
        if chosen or LEFT in self._config.stash:
            _announce(self._config, specs, chosen)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        _die_with_parent()
    else:
        config.pluginmanager.register(_Controller(config), "cpecheck-controller")
        if config.option.cpecheck_resume:
            _go_on(config)
        if config.option.cpecheck_seed is None:
            config.option.cpecheck_seed = random.SystemRandom().randrange(2**32)
        if config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(_Xdist(config), "cpecheck-xdist")


def _go_on(config: pytest.Config) -> None:
    """Take seed, folder and selection from the run that is resumed.

    Raises:
        pytest.UsageError: it cannot go on.
    """
    from harness.run import RunError, take_up

    try:
        config.stash[LEFT] = take_up(config.option)
    except RunError as error:
        raise pytest.UsageError(str(error)) from None


def _die_with_parent() -> None:
    """An xdist worker would outlive a controller that was killed."""
    from harness.lab.linux import kill_with_parent

    parent = os.getppid()
    kill_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Add findings; apply ``--select`` and ``--exclude``; refuse a selection that matches nothing."""
    if any(isinstance(item, CaseItem) for item in items):
        items += _findings(session)
    cases = [item for item in items if isinstance(item, CaseItem)]
    if not cases:
        return
    keep = _left(config)
    if keep is None:
        keep = _selected(config, cases)
    dropped = [item for item in cases if item.spec.id not in keep]
    items[:] = [item for item in items if item not in dropped]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    run_of(config)  # a profile that cannot be used is told here, before anything runs
    if not _worker_id(config) and not config.option.collectonly:
        _announce(config, [item.spec for item in cases], keep)


def _findings(session: pytest.Session) -> list[CaseItem]:
    """An item for each finding of ``--cpecheck-findings``; they come last.

    Raises:
        pytest.UsageError: the folder, or a finding in it, cannot be used.
    """
    if not session.config.option.cpecheck_findings:
        return []
    from harness.run import RunError, findings_of

    try:
        found = findings_of(session.config.option)
    except RunError as error:
        raise pytest.UsageError(str(error)) from None
    return [FindingItem.from_parent(session, name=each.spec.id, spec=each.spec, body=each) for each in found]


def _announce(config: pytest.Config, specs: list[CaseSpec], chosen: set[str]) -> None:
    """Begin the bundle, or go on with it; end at once where another process is writing it."""
    from harness.run import RunError

    try:
        run_of(config).announce(specs, chosen)
    except RunError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def _left(config: pytest.Config) -> set[str] | None:
    """What is left of a resumed run; ``None`` where this is none."""
    left = _shared(config).get("left", config.stash.get(LEFT, None))
    return None if left is None else set(left)


def _selected(config: pytest.Config, cases: list[CaseItem]) -> set[str]:
    from harness.catalogue import SelectionError, requirements, selected

    specs = [item.spec for item in cases]
    try:
        return selected(specs, config.option.select, config.option.exclude, requirements())
    except SelectionError as error:
        raise pytest.UsageError(str(error)) from None


class _Controller:
    """Writes results down as soon as they are known; only where there is no controller above."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" or RUN not in self._config.stash:
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                self._config.stash[RUN].record(str(value))
            elif name == DEVICE_PROPERTY:
                self._config.stash[RUN].describe(str(value))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Take the bench down; on the controller finish the bundle and take the exit status from the verdicts."""
    if RUN not in session.config.stash:
        return
    run = session.config.stash[RUN]
    run.close_bench()
    if _worker_id(session.config) or session.config.option.collectonly:
        return
    interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
    code = run.finish(interrupted=interrupted)
    ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
    # A run that was cut off after its last case has nothing left to collect when it is resumed.
    ended = ended or (exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and LEFT in session.config.stash)
    if not interrupted and ended:
        session.exitstatus = max(code, _others(session, exitstatus))


def _others(session: pytest.Session, exitstatus: int) -> int:
    """1 where tests beside ours failed."""
    only_cases = all(isinstance(item, CaseItem) for item in session.items)
    return 0 if only_cases else int(exitstatus)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print where the bundle is and the verdict table."""
    if RUN in config.stash and not config.option.collectonly and not _worker_id(config):
        for line in config.stash[RUN].summary_lines():
            terminalreporter.write_line(line)
