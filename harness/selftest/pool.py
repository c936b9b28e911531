"""The workers as the controller sees them: tasks go out, outcomes come back, a worker that hangs is replaced."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import IO, Final, TypeAlias

import msgspec

from harness.selftest.records import Done, Outcome, Said, Task
from harness.verdict.verdict import Verdict

CASE_LIMIT: Final = 240.0
"""Real seconds after which a case counts as hanging; a broken device may well cost it some deadlines."""
_LINE: Final = 8 * 1024 * 1024
_END: Final = 15.0
"""Real seconds in which a worker must have taken its bench down."""

Heard: TypeAlias = Callable[[Outcome], None]


class Worker:
    """One worker process, started when the first task comes."""

    def __init__(self, seed: int, log: IO[bytes], case_limit: float = CASE_LIMIT) -> None:
        self._seed = seed
        self._log = log
        self._limit = case_limit
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, task: Task) -> list[Outcome]:
        """Run a task; a case during which the worker was lost is an ``error``, and a new worker goes on."""
        outcomes: list[Outcome] = []
        while len(outcomes) < len(task.cases):
            left = task.cases[len(outcomes) :]
            lost = await self._some(msgspec.structs.replace(task, cases=left), outcomes.append)
            if not lost:
                break
            at = len(outcomes)
            if at < len(task.cases):
                outcomes.append(Outcome(task.cases[at], Verdict.ERROR, reason=lost))
            task = msgspec.structs.replace(task, fresh=True)
        return outcomes

    async def _some(self, task: Task, heard: Heard) -> str:
        """Send the task and hear the outcomes; why the worker was lost, or ``""``."""
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(msgspec.json.encode(task) + b"\n")
            await process.stdin.drain()
            while True:
                async with asyncio.timeout(self._limit):
                    line = await process.stdout.readline()
                if not line:
                    raise ConnectionError("the worker died")
                said = msgspec.json.decode(line, type=Said)
                if isinstance(said, Done):
                    return ""
                heard(said)
        except TimeoutError:
            reason = f"the case did not end within {self._limit:g} s"
        except (ConnectionError, msgspec.DecodeError) as error:
            reason = str(error) or "the worker died"
        await self.kill()
        return reason

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "harness.selftest.worker",
                str(os.getpid()),
                str(self._seed),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=self._log,
                limit=_LINE,
                start_new_session=True,
            )
        return self._process

    async def kill(self) -> None:
        """End the process at once; its bench dissolves with it."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def close(self) -> None:
        """Let the process take its bench down and end."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END):
                await process.wait()
            self._process = None
        except TimeoutError:
            await self.kill()


async def spread(workers: Iterable[Worker], jobs: Iterable[Callable[[Worker], object]]) -> None:
    """Let every worker take the next job until there are no more. A job that raises ends them all."""
    waiting = iter(list(jobs))

    async def lane(worker: Worker) -> None:
        for job in waiting:
            await job(worker)  # type: ignore[misc]

    async with asyncio.TaskGroup() as group:
        for worker in workers:
            group.create_task(lane(worker))
