"""Executor of the surface ``soap``: programs as the ACS's answers within the device's own sessions."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import urlsplit

import msgspec

from harness.bench.contact import wait_for
from harness.device.api import DriverError, Verb
from harness.device.profile import Profile
from harness.fuzz.engine.acs import BatchAcs, Deadlines
from harness.fuzz.engine.ground import REFUSED, Ground
from harness.fuzz.engine.learn import learn, restore
from harness.fuzz.evidence import CanaryHit, Control, Disagreement, End, Evidence, Observation
from harness.fuzz.executor import ExecutorError
from harness.fuzz.model import explore as model
from harness.fuzz.model.programs import in_lockstep
from harness.fuzz.program import Program, Surface
from harness.lab.errors import ClockError, LabError
from harness.lab.topology import WAN

BATCH: Final = 200
WATCHED: Final = 64
"""Parameters that programs may set which every golden session reads."""
RETRY_TIME: Final = 5_200.0
"""Seconds of a steered device's time in which it tries a broken session again, however many were broken before it
(TR-069 3.2.1.1: the interval no longer grows from the tenth retry on, 5 s times 2 to the 9th or 10th)."""
BUSY_TIME: Final = 10.0
"""Real seconds for which connection requests are repeated that the device refuses while it is still busy."""
BATCH_LIMIT: Final = 600.0
"""Real seconds after which a batch has failed by our own fault: every wait in it ends far sooner."""
READINGS: Final = 240
"""Readings of memory that are kept; of more, every other one is forgotten."""
_ROWS: Final = frozenset({"AddObjectResponse", "DeleteObjectResponse"})
STEERED: Final = Deadlines(answer=6.0, longest=30.0)
"""A steered device does nothing but answer: its time stands still meanwhile."""


class SoapExecutor:
    """`harness.fuzz.executor.Executor` of this surface. End it with `close`.

    Raises:
        DriverError, OSError: the bench or the device does not come up.
        ExecutorError: the device opens no session.
    """

    surface = Surface.SOAP
    batch = BATCH
    acs_type: Callable[..., BatchAcs] = BatchAcs
    """What plays the programs."""

    def __init__(self, profile: Profile, workdir: Path) -> None:
        self.ground = Ground(profile, workdir)
        self._last: Control | None = None
        self._cases = 0
        self._seconds: deque[float] = deque(maxlen=500)
        self._history: list[tuple[int, int]] = []
        self._every = 1
        self._acs: BatchAcs | None = None
        self._batches = 0
        self._stuck = ""
        self._rows_changed = False
        # Nobody reads packets here, and a million cases would fill the disk with them.
        self.ground.loop.call(self.ground.rig.lab.capture.close())
        try:
            control = self.control()
            if not control.alive:
                raise ExecutorError(f"no session to begin with: {control.reason}")
            self.facts = learn(self.ground, destructive=False)
            """What the device was when the bench came up."""
            self.ground.watch(each.name for each in self.facts.safe[:WATCHED])
            self._last = None
            self.ground.loop.call(self.ground.take())
        except BaseException:
            self.ground.close()
            raise

    # --- Executor ---

    def control(self) -> Control:
        """A golden session now, with the memory of the device's process where the driver can see it."""
        control = self.ground.control()
        resident = self._resident()
        if resident is not None:
            snapshot = msgspec.structs.replace(control.snapshot, resident=resident)
            control = msgspec.structs.replace(control, snapshot=snapshot)
        self._last = control
        return control

    def run(self, programs: Sequence[Program]) -> Evidence:
        """As `harness.fuzz.executor.Executor.run`. The control after the batch before is the one before this one."""
        if any(map(in_lockstep, programs)):
            return self._in_lockstep(programs)
        before = self._begun()
        self._batches += 1
        mark = self.ground.mark()
        if before.alive:
            acs, observations = self.ground.loop.call(self._batch(programs), BATCH_LIMIT)
            unexpected = tuple(acs.told.unexpected)
            after = self._stopped() or self.control()
        else:
            observations, unexpected, after = _not_reached(programs), (), before
        unexpected += self._strays(mark)
        self._count(observations, after)
        evidence = self.ground.evidence(observations, before, after, unexpected)
        return msgspec.structs.replace(
            evidence,
            canaries=self._canaries(),
            history=tuple(self._history),
            median_seconds=median(self._seconds) if self._seconds else 0.0,
        )

    def explore(
        self, seed: int, count: int, *, destructive: bool, enough: Callable[[], bool]
    ) -> tuple[list[Program], Evidence, int]:
        """As `harness.fuzz.executor.Explorer.explore`."""
        before, mark = self._begun(), self.ground.mark()
        programs: list[Program] = []
        found: list[Disagreement] = []
        rpcs = 0
        if before.alive:
            programs, found, rpcs = model.explore(
                self.ground.bench, seed, count, namespace=self.facts.namespace, destructive=destructive,
                enough=enough,
            )  # fmt: skip
        seen = [model.observed(each) for each in programs]
        return programs, self._judged_by_model(seen, found, before, mark), rpcs

    def _in_lockstep(self, programs: Sequence[Program]) -> Evidence:
        before, mark = self._begun(), self.ground.mark()
        if not before.alive:
            return self._judged_by_model(_not_reached(programs), [], before, mark)
        seen, found = model.repeat(self.ground.bench, programs)
        return self._judged_by_model(seen, found, before, mark)

    def _begun(self) -> Control:
        before = self._last if self._last is not None and self._last.alive else self.control()
        self._last, self._stuck = None, ""
        return before

    def _judged_by_model(
        self, seen: Sequence[Observation], found: Sequence[Disagreement], before: Control, mark: int
    ) -> Evidence:
        self._rows_changed = True  # the model puts rows back, as far as the device lets it
        after = self.control() if before.alive else before
        evidence = self.ground.evidence(seen, before, after, self._strays(mark))
        return msgspec.structs.replace(evidence, disagreements=tuple(found))

    def reset(self) -> str:
        """As `harness.fuzz.executor.Executor.reset`."""
        self._last = None
        try:
            if not self._gone() and self.control().alive:
                return "" if self._at_home() else self.restore() or "the values were put back"
            how = self._revive()
            return how if self._at_home() else f"{how}; {self.restore() or 'the values were put back'}"
        except (*REFUSED, LabError) as error:
            raise ExecutorError(f"the device does not come back: {error}") from None
        finally:
            self.ground.loop.call(self.ground.take())

    def _at_home(self) -> bool:
        """Whether all that programs may set is as it was, as far as the last control tells; rows are not told."""
        if self._last is None or self._rows_changed:
            return False
        now = self._last.snapshot.values
        safe = self.facts.safe[:WATCHED]
        return len(self.facts.safe) <= WATCHED and all(now.get(each.name) == each.value for each in safe)

    def restore(self) -> str:
        """Put back the values and rows that may have changed; what could not be put back, or ``""``."""
        self._last, self._rows_changed = None, False
        return restore(self.ground, self.facts)

    def forget(self) -> None:
        """Forget the readings of memory: what follows is another story."""
        self._history.clear()

    def close(self) -> None:
        """Take bench and device down."""
        with suppress(Exception):
            self.ground.loop.call(self._hang_up())
        self.ground.close()

    # --- reviving ---

    def _gone(self) -> str:
        return self.ground.bench.device.gone() or self._stuck

    def _revive(self) -> str:
        """Start the device anew; where it is still no good, from its factory settings."""
        device, driver, call = self.ground.bench.device, self.ground.rig.driver, self.ground.loop.call
        verbs = device.capabilities.verbs
        self._stuck = ""
        self._history.clear()  # another process: its memory is another story
        if device.gone():
            call(driver.start())
        elif Verb.POWER_CYCLE in verbs:
            call(driver.power_cycle())
        else:
            self.ground.bench.revive()
        call(self.ground.rig.reset())
        device.set_up()
        if self.control().alive:
            return "the device was started anew"
        if Verb.FACTORY_RESET not in verbs:
            raise DriverError("it opens no session after a restart")
        device.factory_reset()
        if not (control := self.control()).alive:
            raise DriverError(f"it opens no session after a factory reset: {control.reason}")
        return "the device was started anew and reset to factory settings"

    def _stopped(self) -> Control | None:
        """The control of a device that does not even answer its clock: waiting for a session would be in vain."""
        if not self._stuck or self.ground.bench.device.gone():
            return None
        return Control(alive=False, reason=self._stuck)

    # --- a batch ---

    async def _batch(self, programs: Sequence[Program]) -> tuple[BatchAcs, list[Observation]]:
        await self._hang_up()
        rig = self.ground.rig
        acs = self._acs = self.acs_type(
            rig.recorder,
            summon=self._summon,
            step=self._step,
            marks=self._marks(),
            deadlines=STEERED if rig.clock.steered else Deadlines(),
            nudge=rig.clock.steered,
        )
        listeners = [each for each in rig.acs.endpoints if each.scheme == "http"]
        for endpoint in listeners:
            endpoint.listener.divert = partial(_accept, acs, endpoint.name)
        try:
            observations = await acs.run(programs)
            await acs.finish()
        finally:
            for endpoint in listeners:
                endpoint.listener.divert = None
        return acs, observations

    async def _hang_up(self) -> None:
        acs, self._acs = self._acs, None
        if acs is not None:
            acs.close()

    async def _summon(self, last_end: str, heard: asyncio.Future[None]) -> bool:
        """Bring the device to contact the ACS, without healing it."""
        clock = self.ground.rig.clock
        try:
            if last_end and clock.steered:
                await wait_for(clock, heard, RETRY_TIME, owed=True)
            elif last_end:
                await asyncio.wait({heard}, timeout=0.3)
            if not heard.done():
                await self._wake(heard)
        except (DriverError, ClockError) as error:
            self._stuck = str(error) if isinstance(error, ClockError) else ""
        return heard.done()

    async def _wake(self, heard: asyncio.Future[None]) -> None:
        rig = self.ground.rig
        limit = asyncio.get_running_loop().time() + BUSY_TIME
        accepted = False
        while "connection-request" in rig.driver.capabilities.features and not heard.done():
            outcome = await rig.ring(rig.connection_request_url(), rig.connection_request_credentials, WAN)
            accepted = outcome.status in (200, 204)
            if accepted or outcome.status != 503 or asyncio.get_running_loop().time() > limit:
                break
            await asyncio.wait({heard}, timeout=0.2)
        if not accepted and Verb.WAKE in rig.driver.capabilities.verbs and not heard.done():
            await rig.driver.wake()
        await wait_for(rig.clock, heard, rig.timing.contact + 5, owed=True)

    async def _step(self, seconds: float) -> None:
        try:
            await self.ground.rig.clock.advance_during(seconds)
        except ClockError as error:
            self._stuck = str(error)

    def _marks(self) -> dict[str, str]:
        rig = self.ground.rig
        told = urlsplit(rig.connection_request_url())
        url = rig.url("http")
        username, _ = rig.connection_request_credentials
        return {
            "acs.url": url,
            "acs.host": urlsplit(url).netloc,
            "canary": self._canary(),
            "cr.target": (told.path or "/") + (f"?{told.query}" if told.query else ""),
            "cr.host": told.netloc.rpartition("@")[2],
            "cr.user": username,
        }

    # --- what was seen beside the answers ---

    def _canary(self) -> str:
        return (
            f"c{self._batches}.canary.bench.test" if self.ground.rig.names is not None else "canary.invalid"
        )

    def _canaries(self) -> tuple[CanaryHit, ...]:
        names = self.ground.rig.names
        if names is None:
            return ()
        mine = self._canary()
        hits = tuple(CanaryHit(query.name, "dns") for query in names.queries if mine in query.name.lower())
        names.queries.clear()
        return hits

    def _strays(self, mark: int) -> tuple[tuple[str, ...], ...]:
        """Boots among the sessions since the mark that came when nobody spoke with the device."""
        informs = self.ground.rig.informs_since(mark)
        boots = {"0 BOOTSTRAP", "1 BOOT"}
        codes = [tuple(event.event_code for event in inform.event) for inform in informs[:-1]]
        return tuple(each for each in codes if boots & set(each))

    def _resident(self) -> int | None:
        """Kilobytes of the device's process."""
        pid = getattr(self.ground.rig.driver, "pid", 0)
        if not pid:
            return None
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024

    def _count(self, observations: Sequence[Observation], after: Control) -> None:
        self._cases += len(observations)
        self._rows_changed = self._rows_changed or any(each.rpc in _ROWS for each in observations)
        self._seconds.extend(each.seconds for each in observations if each.seconds > 0)
        snapshot = after.snapshot
        reading = snapshot.resident if snapshot.resident is not None else snapshot.memory_free
        if reading is None or not after.alive or self._batches % self._every:
            return
        self._history.append((self._cases, reading if snapshot.resident is not None else -reading))
        if len(self._history) > READINGS:
            self._history[:] = self._history[::2]
            self._every *= 2


def _accept(acs: BatchAcs, endpoint: str, sock: socket.socket, peer: tuple[str, int]) -> None:
    acs.accept(sock, peer, endpoint)


def _not_reached(programs: Sequence[Program]) -> list[Observation]:
    return [Observation(program, End.NOT_REACHED) for program in programs]
