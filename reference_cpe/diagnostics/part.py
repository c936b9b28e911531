"""Carries out the diagnostics that wait, one after the other, and has the ACS told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from harness.cwmp.events import DIAGNOSTICS_COMPLETE
from reference_cpe.clock import Clock
from reference_cpe.diagnostics import ping, route, speed, state
from reference_cpe.diagnostics.arguments import Arguments
from reference_cpe.diagnostics.state import NONE, STATE, Failed, Outcome

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

log = logging.getLogger("reference-cpe.diagnostics")

Run = Callable[[Arguments], Awaitable[Outcome]]

RUNS: Final[dict[str, Run]] = {
    "IP.Diagnostics.IPPing.": ping.run,
    "IP.Diagnostics.TraceRoute.": route.run,
    "IP.Diagnostics.DownloadDiagnostics.": speed.download,
    "IP.Diagnostics.UploadDiagnostics.": speed.upload,
    "IPPingDiagnostics.": ping.run,
    "TraceRouteDiagnostics.": route.run,
    "DownloadDiagnostics.": speed.download,
    "UploadDiagnostics.": speed.upload,
}
"""The tests by their object below the root. One that a definition has beyond them ends as an error at once."""
_RESULTS: Final = "RouteHops"
"""The table of results that a test may have."""


class _Busy:
    """Work in progress, but for the pauses in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._work = clock.work()

    def done(self) -> None:
        self._work.done()

    async def pause(self, seconds: float) -> None:
        self._work.done()
        try:
            await self._clock.sleep(seconds)
        finally:
            self._work = self._clock.work()


class Diagnostics:
    """Seams: `start`, `changed`, `carry_out`, `finish`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._task: asyncio.Task[None] | None = None
        self.running = ""
        """The object of the test that runs."""

    def waiting(self) -> list[str]:
        """The objects of the tests that are asked for, the running one among them."""
        return state.requested(self._parts.model.parameters, self._parts.store.get("parameters", {}))

    def start(self) -> None:
        """A session is over: begin what it has asked for."""
        if self._task is None and self.waiting():
            busy = _Busy(self._parts.clock)
            self._task = asyncio.create_task(self._run(busy))
            self._task.add_done_callback(lambda _task: busy.done())  # it may be cancelled before it has begun

    def changed(self, paths: Collection[str]) -> None:
        """The ACS has set *paths*: a running test whose arguments these are is given up, or starts again."""
        if self._task is not None and state.touched(self.running, paths):
            log.info("%s is given up", self.running)
            self._give_up()

    def _give_up(self) -> None:
        task, self._task, self.running = self._task, None, ""
        if task is not None:
            task.cancel()

    def forget(self) -> None:
        """There is nobody any more who would want the results: reboot, or another ACS."""
        self._give_up()
        asked = {path + STATE: NONE for path in self.waiting()}
        if asked:
            self._parts.store.update(parameters={**self._parts.store.get("parameters", {}), **asked})

    async def stop(self) -> None:
        """The device goes down."""
        task = self._task
        self._give_up()
        if task is not None:
            await asyncio.wait([task])

    async def _run(self, busy: _Busy) -> None:
        me = asyncio.current_task()
        try:
            while self._task is me and (waiting := self.waiting()):
                self.running = waiting[0]
                log.info("%s begins", self.running)
                outcome = await self._outcome(waiting[0], busy)
                self.finish(waiting[0], outcome)
        finally:
            if self._task is me:
                self._task, self.running = None, ""
            busy.done()

    async def _outcome(self, test: str, busy: _Busy) -> Outcome:
        try:
            return await self.carry_out(Arguments(self._parts, test, busy.pause))
        except Failed as error:
            return Outcome(errors=error.states)
        except OSError as error:
            log.warning("%s: %s", test, error)
        except Exception:
            log.exception("%s failed inside", test)
        return Outcome(errors=("Error_Internal",))

    async def carry_out(self, arguments: Arguments) -> Outcome:
        """One test.

        Raises:
            Failed: it ends as an error, or the device has no such test.
        """
        run = RUNS.get(arguments.path.removeprefix(self._parts.model.definition.stem))
        if run is None:
            raise Failed("Error_Other")
        return await run(arguments)

    def finish(self, test: str, outcome: Outcome) -> None:
        """State, results and event are one write of the store; a session tells the ACS."""
        parts = self._parts
        ended = state.end_state(parts.model.parameters[test + STATE].syntax.values, outcome.errors)
        log.info("%s: %s", test, ended)
        parts.journal.note(f"diagnosis {test.rstrip('.').rpartition('.')[2]}: {ended}")
        parts.events.add(DIAGNOSTICS_COMPLETE)
        parts.save(**self._results(test, outcome, ended))
        parts.model.rows_replaced()
        parts.connect()

    def _results(self, test: str, outcome: Outcome, ended: str) -> dict[str, Any]:
        """The values of the store that hold the results."""
        store, model = self._parts.store, self._parts.model
        table = f"{test}{_RESULTS}."
        kept = {
            path: value for path, value in store.get("parameters", {}).items() if not path.startswith(table)
        }
        values = {test + name: value for name, value in outcome.values.items()}
        values = {path: value for path, value in values.items() if path in model.parameters}
        found: dict[str, Any] = {"parameters": {**kept, **values, test + STATE: ended}}
        node = model.objects.get(table)
        if node is not None:
            columns = node.definition.parameters
            for number, row in enumerate(outcome.rows, 1):
                of_row = {f"{table}{number}.{name}": value for name, value in row.items() if name in columns}
                found["parameters"].update(of_row)
            many = len(outcome.rows)
            rows = {table: {"numbers": list(range(1, many + 1)), "last": many}}
            found["rows"] = {**store.get("rows", {}), **rows}
        return found
