"""A worker process of a campaign: ``python -m harness.fuzz.hunt.worker PARENT``.

Its order comes as one line on standard input, what it finds goes out as lines of JSON. It dies with its parent, and
its bench with it; SIGINT and SIGTERM end the campaign in order.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Final, TypeAlias

import msgspec

from harness.device.profile import ProfileError
from harness.fuzz.hunt.campaign import Progress
from harness.fuzz.hunt.station import Claims, Order, Report, carry_out
from harness.lab import linux
from harness.verdict.bundle import encode_text
from harness.verdict.fuzzing import FoundOne

CLAIMS: Final = ".claims"
"""Folder of the claims, in the campaign's own."""


class State(msgspec.Struct, kw_only=True, tag="state"):
    """How far the worker is on its present surface."""

    surface: str
    cases: int
    exploring: float
    buckets: int
    modelled: int = 0
    """Of the cases those that the model of a CPE has sent."""
    doing: str = ""


class Found(msgspec.Struct, kw_only=True, tag="found"):
    one: FoundOne


class Failed(msgspec.Struct, kw_only=True, tag="failed"):
    """The worker could not do its work."""

    reason: str


Said: TypeAlias = State | Found | Report | Failed


class Lines:
    """A sink that writes lines."""

    def __init__(self, out: IO[bytes], claims: Claims) -> None:
        self._out = out
        self._claims = claims

    def claim(self, failure: str) -> int:
        return self._claims.claim(failure)

    def progress(self, state: Progress) -> None:
        self.say(
            State(
                surface=state.surface,
                cases=state.cases,
                exploring=state.exploring,
                buckets=state.buckets,
                modelled=state.modelled,
                doing=state.doing,
            )
        )

    def found(self, one: FoundOne) -> None:
        self.say(Found(one=one))

    def say(self, what: Said) -> None:
        self._out.write(encode_text(what) + b"\n")
        self._out.flush()


def spare_memory() -> None:
    """Let the garbage collector leave alone what lives as long as the process, and look less often at the rest.

    A batch makes tens of thousands of objects that all die with it, by their counts; and now and then a message of
    many megabytes, whose memory is wanted back.
    """
    linux.give_back_memory()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """A signal that ends the campaign in order; a second one while it does is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> None:
    linux.kill_with_parent()
    if os.getppid() != int(arguments[0]):
        return
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    spare_memory()
    # What libraries print must not get between the lines.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with suppress(BrokenPipeError, KeyboardInterrupt):
        order = msgspec.json.decode(sys.stdin.buffer.readline(), type=Order)
        lines = Lines(out, Claims(Path(order.out) / CLAIMS))
        try:
            carry_out(order, lines, lines.say)
        except ProfileError as error:
            lines.say(Failed(reason=str(error)))


if __name__ == "__main__":
    main(sys.argv[1:])
