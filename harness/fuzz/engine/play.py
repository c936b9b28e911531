"""One program under way on the fuzzer's ACS: what was written, what came back, and when."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from harness.fuzz.engine.line import Line
from harness.fuzz.engine.reading import observed, sent_id
from harness.fuzz.evidence import End, Observation
from harness.fuzz.program import Expect, Program, Reply, Wanted
from harness.verdict.transcript import Closed, HttpMessage

BACKLOG: Final = 4 * 1024 * 1024
"""Octets of raw writing that are kept as one message."""


class Play:
    """One program under way: what was written, what came back, and when."""

    def __init__(self, program: Program, line: Line, marks: Mapping[str, str]) -> None:
        self.program = program
        self.line = line
        self.marks = marks
        legal = program.expectation.wanted is Wanted.SUCCESS and all(
            isinstance(action, Reply | Expect) for action in program.actions
        )
        self.says = "" if legal else f"fuzz: {program.says or program.origin.dimension or 'a program'}"
        self.begun = False
        self.end: End | None = None
        self.gone = Closed.OPEN
        self.dismissed = False
        """The ACS had nothing more to say: a device that goes then does what it should."""
        self._messages: list[str] = []
        self._answer: HttpMessage | None = None
        self._sent = b""
        self._raw: dict[int, tuple[Line, int, bytearray]] = {}
        self._written_at = time.monotonic()
        self._seconds = 0.0
        self._since = 0.0
        self._stopped = False
        self._device_seconds = 0.0

    def wrote(self, sent: bytes, message: HttpMessage) -> None:
        """A correct answer went out."""
        self.begun, self._sent = True, sent
        self._messages.append(message.id)
        self.dismissed = not sent
        self._mark(message.at_last)

    def raw(self, data: bytes) -> None:
        """Octets went out as they are."""
        known = self._raw.setdefault(id(self.line), (self.line, self.line.written, bytearray()))
        if len(known[2]) < BACKLOG:
            known[2].extend(data)
        self.line.write(data)
        self.begun = True
        self._mark(0.0)

    def cut(self, how: str) -> None:
        """End the connection as `harness.fuzz.program.Cut` says."""
        match how:
            case "reset":
                self.line.abort()
            case "half":
                self.line.half()
            case _:
                self.line.close()

    def _mark(self, at: float) -> None:
        self.end, self._stopped = None, False
        self._written_at, self._since = time.monotonic(), at

    def stop(self) -> None:
        """What is waited for from here on is no delay of this program."""
        self._stopped, self._seconds = True, time.monotonic() - self._written_at

    def answered(self, message: HttpMessage) -> None:
        """The device said something."""
        if not self._stopped:
            self.stop()
        self._answer = message
        self._messages.append(message.id)
        self._device_seconds = max(0.0, message.at_first - self._since) if self._since else 0.0
        self.end = End.ANSWERED if message.body.strip() or not message.complete else End.EMPTY

    def over(self, end: End) -> None:
        """It will say nothing more."""
        if not self._stopped:
            self.stop()
        self._answer = None
        self.end = End.RESET if end is End.CLOSED and self.gone is Closed.BY_DEVICE_RESET else end

    def note(self, count: Callable[[Line, HttpMessage], None]) -> None:
        """Write down what went out byte for byte."""
        for line, start, data in self._raw.values():
            for message in line.note(start, bytes(data), self.says):
                self._messages.append(message.id)
                count(line, message)
        self._raw.clear()

    def observation(self) -> Observation:
        """What followed the program."""
        end = self.end or End.SILENT
        seen = Observation(
            self.program,
            end,
            id_sent=sent_id(self._sent),
            seconds=self._seconds,
            device_seconds=self._device_seconds,
            messages=tuple(self._messages),
        )
        if self._answer is None or end is End.EMPTY:
            return seen
        return observed(seen, self._answer, self._sent)
