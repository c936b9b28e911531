"""Executor of the surfaces ``session`` and ``http``: the program speaks from the Inform on.

Each program has a session of its own. Where it has broken the one before, the device's own retry brings the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.cwmp.messages import Header, InformResponse, Message
from harness.device.profile import Profile
from harness.fuzz.engine.acs import BatchAcs
from harness.fuzz.engine.line import Line
from harness.fuzz.engine.soap import SoapExecutor
from harness.fuzz.evidence import Answer, End, Observation
from harness.fuzz.program import Program, Raw, Surface
from harness.lab.topology import WAN

BATCH: Final = 20
"""Programs between two golden sessions."""
ASKED: Final = "GetParameterValuesResponse"
"""The response to the only request that programs write byte for byte."""
LEFTOVERS: Final = 4
"""Turns in which a session that a program has left open is ended."""


class SessionAcs(BatchAcs):
    """Leaves the answer to each Inform to a program. *ring* sends a connection request."""

    def __init__(self, *args: Any, ring: Callable[[], Awaitable[None]], **options: Any) -> None:
        super().__init__(*args, **options)
        self._ring_device = ring
        self._holds = True
        self._greeting: Callable[[], None] | None = None

    def _say(
        self, line: Line, message: Message, answers: str | None, header: Header | None = None, *cookies: str
    ) -> None:
        say = partial(super()._say, line, message, answers, header, *cookies)
        if not (self._holds and isinstance(message, InformResponse)):
            say()
            return
        self._marks["request.namespace"] = self._namespace
        self._greeting, self._turn = say, line

    async def _ring(self) -> None:
        await self._ring_device()

    async def run(self, programs: Sequence[Program]) -> list[Observation]:
        """One observation for each program, in order; each has a session of its own."""
        observations: list[Observation] = []
        for program in programs:
            line = await self._at_inform()
            if line is None:
                observations.append(Observation(program, End.NOT_REACHED))
                continue
            observations.append(_named(await self._play(program, line)))
        return observations

    async def _at_inform(self) -> Line | None:
        """The connection on which an Inform waits for its answer; what is left of a session before is ended."""
        for _ in range(LEFTOVERS):
            line = await self._ready()
            if line is None or self._greeting is not None:
                self._greeting = None
                return line
            if self._done_asking:
                self._turn = None
                self._write(line, b"", "the end of what a program has left")
                self._end("aborted-by-bench")
            else:
                self._lose("aborted-by-bench")
        return None

    async def finish(self) -> None:
        """A good session at last."""
        self._holds = False
        if self._greeting is not None:
            greeting, self._greeting, self._turn = self._greeting, None, None
            greeting()
        await super().finish()


def _named(seen: Observation) -> Observation:
    """What answers a request that was written byte for byte, chunks and codings and all, is known by its name."""
    written = any(isinstance(action, Raw) for action in seen.program.actions)
    if written and seen.answer is Answer.OTHER_RESPONSE and seen.rpc == ASKED:
        return msgspec.structs.replace(seen, answer=Answer.RESPONSE)
    return seen


class SessionExecutor(SoapExecutor):
    """`harness.fuzz.executor.Executor` of the surface ``session``. End it with `close`."""

    surface = Surface.SESSION
    batch = BATCH

    def __init__(self, profile: Profile, workdir: Path) -> None:
        super().__init__(profile, workdir)
        self.acs_type = partial(SessionAcs, ring=self._ring)

    async def _ring(self) -> None:
        rig = self.ground.rig
        await rig.ring(rig.connection_request_url(), rig.connection_request_credentials, WAN)


class HttpExecutor(SessionExecutor):
    """The same for the surface ``http``."""

    surface = Surface.HTTP
