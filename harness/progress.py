"""What ``cpecheck run`` shows while it runs: one line a case, coloured on a terminal, plain in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec
import pytest
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from harness.pytest_plugin import PROPERTY, RUN
from harness.verdict.assertion import CaseResult
from harness.verdict.verdict import Verdict
from reports.terminal import STYLES
from reports.text import one_line

if TYPE_CHECKING:
    from harness.run import Run


PIPE_WIDTH = 120
"""Columns where nobody says how wide the output is."""


class Progress:
    """A pytest plugin that takes the place of pytest's own terminal reporter."""

    def __init__(self, *, verbose: bool = False, console: Console | None = None) -> None:
        self._verbose = verbose
        wide = None if sys.stdout.isatty() else PIPE_WIDTH
        self._console = console or Console(highlight=False, soft_wrap=True, width=wide)
        self._area = ""
        self._config: pytest.Config | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        self._config = config

    def _run(self) -> Run | None:
        return self._config.stash.get(RUN, None) if self._config is not None else None

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._console.print(escape(str(report.longrepr)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        run = self._run()
        if run is not None:
            self._console.print(escape(run.headline()))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties if report.when == "call" else ():
            if name == PROPERTY:
                self._show(msgspec.json.decode(str(value), type=CaseResult))
        if report.failed and not any(name == PROPERTY for name, _ in report.user_properties):
            self._console.print(escape(str(report.longrepr)))

    def _show(self, result: CaseResult) -> None:
        # Benches side by side finish in any order: a heading for each change of area would be noise.
        grouped = self._config is None or not getattr(self._config.option, "numprocesses", None)
        if grouped and result.area != self._area:
            self._area = result.area
            self._console.print(f"\n[bold]{escape(result.area)}[/bold]")
        line = Text("  ")
        line.append(f"{result.verdict:<16}", style=STYLES[result.verdict])
        line.append(f"{result.id:<46}")
        line.append(f"{result.seconds:6.1f} s", style="dim")
        self._console.print(line)
        if result.reason and result.verdict not in (Verdict.PASS, Verdict.FAIL, Verdict.WARN):
            self._console.print(Text(f"                  {one_line(result.reason)}", style="dim"))
        if self._verbose:
            for number, step in enumerate(result.steps, 1):
                self._console.print(Text(f"                  {number}. {one_line(step)}", style="dim"))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        run = self._run()
        if run is not None and run.finished:
            run.print_summary(self._console)
