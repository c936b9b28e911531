"""Executor of the surface ``file``: programs as the file server's answers to a Download."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

from harness.acs.endpoints import Endpoints
from harness.bench.contact import settle_sockets
from harness.bench.sessions import Session
from harness.cwmp.messages import Download, DownloadResponse, Fault
from harness.device.profile import Profile
from harness.fuzz.engine.ground import REFUSED, RETRY_TIME, Ground
from harness.fuzz.evidence import Answer, Control, End, Evidence, Observation
from harness.fuzz.executor import ExecutorError
from harness.fuzz.program import Action, Cut, Expect, Pause, Program, Raw, Repeat, Surface, fill, written
from harness.fuzz.program import Reply as ReplyAction
from harness.lab.reply import Action as WireAction
from harness.lab.reply import CutFin, CutReset, Reply, Send, Step
from harness.lab.stream import Stream
from harness.verdict.transcript import HttpMessage

BATCH: Final = 10
REQUESTS: Final = 60
"""Requests of one transfer that are answered; who asks more often is in a loop and gets nothing more."""
FLOOD: Final = 16 * 1024 * 1024
"""Octets of one flood at most."""
STEP: Final = 10.0
"""Seconds of device time in one go."""
GROWTH: Final = 300
PIECE: Final = 65_536


class FileExecutor:
    """`harness.fuzz.executor.Executor` of this surface. End it with `close`.

    Raises:
        DriverError, OSError: the bench or the device does not come up.
        ExecutorError: the device opens no session, or its profile has no script to download.
    """

    surface = Surface.FILE
    batch = BATCH

    def __init__(self, profile: Profile, workdir: Path) -> None:
        self._files = profile.files
        if not profile.files.script:
            raise ExecutorError("the profile has no files.script to download")
        self.ground = Ground(profile, workdir)
        self._last: Control | None = None
        self._number = 0
        self._canary = ""
        if not (control := self.control()).alive:
            self.ground.close()
            raise ExecutorError(f"no session to begin with: {control.reason}")
        self.ground.loop.call(self.ground.take())

    def control(self) -> Control:
        """A golden session now."""
        self._last = self.ground.control()
        return self._last

    def run(self, programs: Sequence[Program]) -> Evidence:
        """Run *programs* one after the other, a Download each."""
        before = self._last or self.control()
        mark = self.ground.mark()
        observations: list[Observation] = []
        self._canary = self.ground.canary()
        for program in programs:
            observations.append(
                self._transfer(program) if before.alive else Observation(program, End.NOT_REACHED)
            )
        unexpected = self.ground.unexpected(
            mark, RETRY_TIME if self.ground.rig.clock.steered else 0.0, len(programs)
        )
        # A finished transfer is what the Downloads have asked for.
        unexpected = tuple(codes for codes in unexpected if "7 TRANSFER COMPLETE" not in codes)
        return self.ground.evidence(observations, before, self.control(), unexpected, canary=self._canary)

    def reset(self) -> str:
        """As `harness.fuzz.executor.Executor.reset`."""
        self._last = None
        return self.ground.reset()

    def close(self) -> None:
        """Take bench and device down."""
        self.ground.close()

    # --- one transfer ---

    def _transfer(self, program: Program) -> Observation:
        rig, loop = self.ground.rig, self.ground.loop
        self._number += 1
        marks = self._marks(program)
        plays = _Plays(program, marks, self._step)
        began, device_began = time.monotonic(), rig.clock.now()
        since = rig.informs_so_far()
        rig.file_server.endpoints.takeover = plays.answer
        try:
            seen = self._ordered(program, marks, since)
        except REFUSED:
            seen = Observation(program, End.SILENT if plays.messages else End.NOT_REACHED)
        finally:
            rig.file_server.endpoints.takeover = None
            loop.call(_drop(rig.file_server.endpoints))
        end, answer, code = seen.end, seen.answer, seen.fault_code
        return Observation(
            program,
            end,
            answer,
            rpc=seen.rpc,
            fault_code=code,
            seconds=time.monotonic() - began,
            device_seconds=rig.clock.now() - device_began,
            messages=tuple(plays.messages),
        )

    def _ordered(self, program: Program, marks: Mapping[str, str], since: int) -> Observation:
        """Order the Download and wait for what becomes of it."""
        rig, loop = self.ground.rig, self.ground.loop
        opened = loop.call(rig.open_session("a Download", restart=not rig.can_wake()))
        if opened is None:
            return Observation(program, End.NOT_REACHED)
        session = Session(loop.call, opened)
        kind = self._files.firmware_type if program.origin.destructive else self._files.script_type
        answer = session.call(Download(f"fuzz-{self._number}", kind, marks["file.url"]))
        session.finish()
        if isinstance(answer.fault, Fault):
            return Observation(
                program, End.NOT_REACHED, Answer.FAULT, fault_code=answer.fault.fault_code or 0
            )
        if not isinstance(answer.message, DownloadResponse):
            return Observation(program, End.NOT_REACHED)
        if answer.message.status == 0:
            return Observation(program, End.ANSWERED, Answer.RESPONSE, rpc="DownloadResponse")
        within = rig.timing.transfer
        report = loop.call(rig.transfer_report(since, within), deadline=within + 300)
        if report is None:
            return Observation(program, End.SILENT)
        code = report.complete.fault_struct.fault_code
        kind_of_answer = Answer.FAULT if code else Answer.RESPONSE
        return Observation(program, End.ANSWERED, kind_of_answer, rpc="TransferComplete", fault_code=code)

    def _marks(self, program: Program) -> dict[str, str]:
        rig = self.ground.rig
        if program.origin.destructive:
            content = self._files.firmware_for(f"9.{self._number}")[0].decode("utf-8", "surrogateescape")
        else:
            content = self._files.script_for(f"fuzz-{self._number}").decode()
        return {
            "file.url": rig.file_server.url(f"/fuzz-{self._number}"),
            "file.content": content,
            "file.grown": grown(content),
            "file.length": str(len(content.encode("utf-8", "surrogateescape"))),
            "acs.url": rig.url("http"),
            "canary": self._canary,
        }

    async def _step(self, stream: Stream, seconds: float) -> None:
        """Let time pass until the device gives the connection up: a jump would break its next session, too."""
        left = seconds
        while left > 0 and not stream.gone.is_set():
            await self.ground.rig.clock.advance_during(min(left, STEP))
            await settle_sockets()
            left -= STEP


def grown(content: str) -> str:
    """*content* with 300 letters more at the end of each line of its head, which an empty line ends."""
    head, blank, rest = content.partition("\n\n")
    return "\n".join(line + "A" * GROWTH for line in head.split("\n")) + blank + rest


_Step: TypeAlias = Callable[[Stream, float], Coroutine[Any, Any, None]]


async def _drop(endpoints: Endpoints) -> None:
    for endpoint in endpoints:
        await endpoint.listener.drop()


class _Plays:
    """Answers the requests of one transfer: the n-th with what stands before the n-th wait, the rest with the last."""

    def __init__(self, program: Program, marks: Mapping[str, str], step: _Step) -> None:
        self.messages: list[str] = []
        self._note = program.says or "a fuzz program"
        self._parts: list[list[Action]] = [[]]
        for action in program.actions:
            if isinstance(action, Expect):
                self._parts.append([])
            else:
                self._parts[-1].append(action)
        self._parts = [part for part in self._parts if part]
        self._marks = marks
        self._step = step
        self._asked = 0

    async def answer(self, stream: Stream, http: HttpMessage) -> Reply | None:
        """The answer to a request; ``None`` closes."""
        self.messages.append(http.id)
        self._asked += 1
        if self._asked > REQUESTS or not self._parts:
            return None
        part = self._parts[min(self._asked, len(self._parts)) - 1]
        actions = tuple(each for action in part for each in self._wire(action, stream))
        return Reply(program=actions, note=self._note, on_sent=self._sent)

    def _sent(self, message: HttpMessage | None) -> None:
        if message is not None:
            self.messages.append(message.id)

    def _wire(self, action: Action, stream: Stream) -> list[WireAction]:
        match action:
            case Raw(data=data) as raw:
                return [Send(written(raw, fill(data, self._marks)))]
            case ReplyAction(body=data):
                return [Send(fill(data, self._marks))]
            case Repeat(data=data, times=times):
                whole = min(times, FLOOD // max(1, len(data)))
                each = max(1, PIECE // max(1, len(data)))
                return [Send(data * min(each, whole - start)) for start in range(0, whole, each)]
            case Pause(seconds=seconds):
                return [Step(partial(self._step, stream, seconds))]
            case Cut(how=how):
                return [CutReset() if how == "reset" else CutFin()]
            case _:
                return []
