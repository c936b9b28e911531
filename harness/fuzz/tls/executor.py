"""Executor of the surface ``tls``: programs as the answer to the device's ClientHello."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.case import NotApplicable
from harness.device.profile import Profile
from harness.fuzz.engine.ground import REFUSED, RETRY_TIME, Ground
from harness.fuzz.evidence import Answer, Control, End, Evidence, Observation
from harness.fuzz.executor import ExecutorError
from harness.fuzz.program import Program, Raw, Repeat, Reply, Surface, fill, written
from harness.lab.tls import Answer as TlsAnswer
from harness.lab.tls import TlsSettings
from harness.lab.tls_messages import ClientHello
from harness.lab.tls_script import right_flight
from harness.verdict.transcript import Closed, Connection

BATCH: Final = 20
FLOOD: Final = 4 * 1024 * 1024
"""Octets of one flood at most."""


@dataclass(frozen=True, slots=True)
class Played:
    """A program as a script of the TLS engine: its octets follow the ClientHello, then the connection ends."""

    program: Program
    marks: Mapping[str, str]

    def answer(self, settings: TlsSettings, records_in: bytes, hello: ClientHello) -> TlsAnswer:
        """As `harness.lab.tls.Script.answer`."""
        marks = dict(self.marks)
        if any(b"@{tls." in getattr(action, "data", b"") for action in self.program.actions):
            marks |= _flight(settings, records_in)
        return TlsAnswer(b"".join(_octets(action, marks) for action in self.program.actions), "close")


def _flight(settings: TlsSettings, records_in: bytes) -> dict[str, str]:
    """The marks that only the client's hello decides."""
    sent = list(right_flight(settings, records_in))
    hello = sent[0][1] if sent else b""
    return {
        "tls.hello": hello.decode("utf-8", "surrogateescape"),
        "tls.flight": b"".join(data for _, data in sent).decode("utf-8", "surrogateescape"),
    }


def _octets(action: object, marks: Mapping[str, str]) -> bytes:
    match action:
        case Raw(data=data) as raw:
            return written(raw, fill(data, marks))
        case Repeat(data=data, times=times):
            return data * min(times, FLOOD // max(1, len(data)))
        case Reply(body=data):
            return fill(data, marks)
        case _:
            return b""


class TlsExecutor:
    """`harness.fuzz.executor.Executor` of this surface. End it with `close`.

    Raises:
        DriverError, OSError: the bench or the device does not come up.
        ExecutorError: the device cannot be told an ACS URL with https, or opens no session by it.
    """

    surface = Surface.TLS
    batch = BATCH

    def __init__(self, profile: Profile, workdir: Path) -> None:
        self.ground = Ground(profile, workdir)
        self._last: Control | None = None
        try:
            self._to_https()
        except BaseException:
            self.ground.close()
            raise

    def _to_https(self) -> None:
        bench = self.ground.bench
        try:
            bench.use_https()
        except (NotApplicable, *REFUSED) as error:
            raise ExecutorError(f"no https: {error}") from None
        if not (control := self.control()).alive:
            raise ExecutorError(f"no session by https to begin with: {control.reason}")
        self.ground.loop.call(self.ground.take())

    def control(self) -> Control:
        """A golden session now, with the right certificate."""
        self._last = self.ground.control()
        return self._last

    def run(self, programs: Sequence[Program]) -> Evidence:
        """Run *programs* one after the other, a connection of the device each."""
        before = self._last or self.control()
        mark = self.ground.mark()
        observations: list[Observation] = []
        for program in programs:
            observations.append(
                self._attempt(program) if before.alive else Observation(program, End.NOT_REACHED)
            )
        self.ground.loop.call(self.ground.rig.present(self.ground.rig.identity))
        unexpected = self.ground.unexpected(
            mark, RETRY_TIME if self.ground.rig.clock.steered else 0.0, len(programs)
        )
        return self.ground.evidence(observations, before, self.control(), unexpected)

    def _attempt(self, program: Program) -> Observation:
        """One handshake that the program answers; application data in clear counts as obedience."""
        bench, rig = self.ground.bench, self.ground.rig
        marks = {"acs.host": urlsplit(rig.url("http")).netloc, "acs.url": rig.url("http")}
        self.ground.loop.call(_present(self.ground, Played(program, marks)))
        clear, began, device_began = bench.clear_text_mark(), time.monotonic(), rig.clock.now()
        try:
            connection = bench.attempt(expected=False)
        except REFUSED:
            connection = None
        if connection is None:
            return Observation(program, End.NOT_REACHED)
        leaked = bench.clear_text_since(clear) or connection.bytes_from_device() > 0
        return Observation(
            program,
            End.ANSWERED if leaked else _end(connection),
            Answer.RESPONSE if leaked else Answer.NONE,
            rpc="application data" if leaked else "",
            seconds=time.monotonic() - began,
            device_seconds=rig.clock.now() - device_began,
            messages=tuple(message.id for message in connection.messages),
        )

    def reset(self) -> str:
        """As `harness.fuzz.executor.Executor.reset`."""
        self._last = None
        how = self.ground.reset()
        self._to_https()
        return how

    def close(self) -> None:
        """Take bench and device down."""
        self.ground.close()


def _end(connection: Connection) -> End:
    if connection.closed is Closed.OPEN:
        return End.SILENT
    return End.RESET if connection.closed is Closed.BY_DEVICE_RESET else End.CLOSED


async def _present(ground: Ground, script: Played) -> None:
    """From the next connection on the program answers."""
    for endpoint in ground.rig.acs.endpoints:
        if endpoint.scheme == "https" and endpoint.listener.tls is not None:
            endpoint.listener.tls = replace(endpoint.listener.tls, script=script)
