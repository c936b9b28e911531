"""The bench as the executors of the surfaces use it: golden sessions, what the device did unasked, evidence."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from harness.bench import Bench
from harness.bench.loop import LoopThread
from harness.bench.rig import Rig
from harness.bench.sessions import Session
from harness.case import Inconclusive
from harness.cwmp.messages import GetParameterValues, Inform
from harness.device.api import DriverError, Verb
from harness.device.profile import Profile
from harness.fuzz.evidence import CanaryHit, Control, Evidence, Observation, Snapshot
from harness.fuzz.executor import ExecutorError
from harness.lab.errors import ClockError, LabError
from harness.verdict.transcript import Transcript

REFUSED: Final = (Inconclusive, DriverError, ClockError, TimeoutError)
"""What the bench says when the device does not do its part."""
RETRY_TIME: Final = 60.0
"""Seconds of device time for the retries of a session that a program has broken (TR-069 3.2.1.1: the first within
10 s, the second within 20 s after it)."""
WATCHED: Final = (
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "ManagementServer.URL",
    "ManagementServer.Username",
    "ManagementServer.PeriodicInformEnable",
    "ManagementServer.PeriodicInformInterval",
    "ManagementServer.ConnectionRequestUsername",
    "ManagementServer.ConnectionRequestURL",
    "ManagementServer.ParameterKey",
)
"""Parameters, below the root object, that nothing but a request for just that may change."""
UP_TIME, MEMORY_FREE = "DeviceInfo.UpTime", "DeviceInfo.MemoryStatus.Free"
_ROUTES: Final = {
    "connection request": "connection-request",
    "wake": "wake",
    "restart": "restart",
    "waiting for the periodic Inform": "periodic",
}
_BOOTS: Final = frozenset({"0 BOOTSTRAP", "1 BOOT"})


class Ground:
    """A bench for fuzzing. Blocking; ended by `close`.

    Raises:
        DriverError: the device cannot be started or configured.
        OSError: a port that the profile names is in use.
    """

    def __init__(self, profile: Profile, workdir: Path) -> None:
        self.loop = LoopThread()
        try:
            self.rig = self.loop.call(Rig.open(profile, workdir))
            self.bench = Bench(self.loop, self.rig)
            self.bench.set_up()
        except BaseException:
            self._close_quietly()
            raise
        self._canaries = 0
        self._names: tuple[str, ...] = ()

    def _close_quietly(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()
        else:
            self.loop.stop()

    def close(self) -> None:
        self.bench.close()

    # --- golden sessions ---

    def control(self) -> Control:
        """Wake the device without healing it, read what is watched, and say what state it is in."""
        began = time.monotonic()
        try:
            reason, session, snapshot = self._golden()
        except REFUSED as refused:
            reason, session, snapshot = str(refused), None, Snapshot()
        gone = self.bench.device.gone()
        routes = self.bench.routes()
        route = _ROUTES.get(routes[-1], routes[-1]) if routes and session is not None else ""
        return Control(
            alive=not reason and not gone,
            reason=gone or reason,
            seconds=time.monotonic() - began,
            route=route,
            snapshot=snapshot,
            process=gone,
        )

    def _golden(self) -> tuple[str, Session | None, Snapshot]:
        if gone := self.bench.device.gone():
            return gone, None, Snapshot()
        opened = self.loop.call(self.rig.open_session("golden session", restart=not self.rig.can_wake()))
        if opened is None:
            return f"no session; tried: {', '.join(self.bench.routes())}", None, Snapshot()
        session = Session(self.loop.call, opened)
        values = self._values(session)
        session.finish()
        if not values:
            return "no parameter could be read in the golden session", session, Snapshot()
        return "", session, _snapshot(session.inform, session.root, values)

    def _values(self, session: Session) -> dict[str, str]:
        """The watched parameters; the first session finds out which of them the device has."""
        if self._names:
            return session.call(GetParameterValues(self._names)).values()
        found: dict[str, str] = {}
        for name in (*WATCHED, UP_TIME, MEMORY_FREE):
            found |= session.call(GetParameterValues((session.root + name,))).values()
        self._names = tuple(found)
        return found

    def watch(self, names: Iterable[str]) -> None:
        """Read these parameters too in every golden session from now on."""
        self._names = tuple(dict.fromkeys((*self._names, *names)))

    # --- around a batch ---

    def mark(self) -> int:
        """A mark for `unexpected`."""
        return self.rig.informs_so_far()

    def unexpected(self, mark: int, seconds: float, asked: int = 0) -> tuple[tuple[str, ...], ...]:
        """Let *seconds* of device time pass; events of the sessions since the mark that nobody has asked for.

        *asked* connection requests were accepted: each explains one session with ``6 CONNECTION REQUEST``.
        A retry of a session that the bench has broken is nobody's surprise, unless it tells of a boot.
        """
        try:
            seen = self.loop.call(self.rig.informs_during(seconds, mark), deadline=seconds + 60)
        except REFUSED:
            return ()  # a device that does not come to rest: the control tells
        found = []
        for inform in (each.inform for each in seen):
            codes = tuple(event.event_code for event in inform.event)
            if not _BOOTS & set(codes):
                if inform.retry_count:
                    continue
                if asked and "6 CONNECTION REQUEST" in codes:
                    asked -= 1
                    continue
            found.append(codes)
        return tuple(found)

    def evidence(
        self,
        observations: Sequence[Observation],
        before: Control,
        after: Control,
        unexpected: tuple[tuple[str, ...], ...],
        more: Transcript | None = None,
        canary: str = "",
    ) -> Evidence:
        """What was seen, with the transcript since the last evidence and what *more* has recorded."""
        transcript = self.loop.call(self.take())
        if more is not None:
            transcript.connections.extend(more.connections)
        return Evidence(
            observations=tuple(observations),
            before=before,
            after=after,
            transcript=transcript,
            unexpected_informs=unexpected,
            canaries=self._hits(canary) if canary else (),
            credentials=self.bench.known_credentials(),
        )

    def canary(self) -> str:
        """A name that nobody has a reason to look up, another one each time."""
        self._canaries += 1
        return f"e{self._canaries}.canary.bench.test"

    def _hits(self, canary: str) -> tuple[CanaryHit, ...]:
        """Who has asked the bench's name server for *canary*."""
        if self.rig.names is None:
            return ()
        found = tuple(
            CanaryHit(each.name, "dns") for each in self.rig.names.queries if canary in each.name.lower()
        )
        self.rig.names.queries.clear()
        return found

    async def take(self) -> Transcript:
        self.rig.forget_sessions()
        return self.rig.recorder.take()

    def reset(self) -> str:
        """Revive a dead device, put back what is changed on a living one; how, in words.

        Raises:
            ExecutorError: the device does not come back.
        """
        try:
            if self.bench.device.gone() or not self.control().alive:
                return self._revived()
            self.bench.restore()
            return "the settings were put back"
        except (*REFUSED, LabError) as error:
            raise ExecutorError(f"the device does not come back: {error}") from None

    def _revived(self) -> str:
        """Bring back a device that is dead or hangs: by its power where there is a switch."""
        self.loop.call(self.rig.reset())
        device = self.bench.device
        if device.gone() or Verb.POWER_CYCLE not in device.capabilities.verbs:
            self.bench.revive()
            return "the device was started anew"
        self.loop.call(self.rig.driver.power_cycle())
        device.set_up()
        return "the device's power was switched off and on"


def _snapshot(inform: Inform, root: str, values: dict[str, str]) -> Snapshot:
    up_time, free = (_number(values.get(root + name)) for name in (UP_TIME, MEMORY_FREE))
    kept = {name: value for name, value in values.items() if name not in (root + UP_TIME, root + MEMORY_FREE)}
    return Snapshot(
        values=kept,
        events=tuple(event.event_code for event in inform.event),
        retry_count=inform.retry_count,
        up_time=up_time,
        memory_free=free,
        software_version=values.get(f"{root}DeviceInfo.SoftwareVersion", ""),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
