"""What the campaign, the shrinker and ``replay`` ask of whoever runs programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from harness.fuzz.evidence import Control, Evidence
from harness.fuzz.program import Program, Surface


class Executor(Protocol):
    """Runs batches of programs of one surface on the device. Blocking; every wait has a deadline."""

    surface: Surface
    batch: int
    """Programs that may share one batch on this surface (1 where each needs a fresh connection's evidence)."""

    def control(self) -> Control:
        """A golden session now."""

    def run(self, programs: Sequence[Program]) -> Evidence:
        """Run *programs* as one batch, with a control before and after.

        Never raises for what the device does. What was not delivered is `End.NOT_REACHED`.

        Raises:
            ExecutorError: the bench, not the device, is at fault.
        """

    def reset(self) -> str:
        """Bring the device back to where the campaign began (revive it when it is dead); how, in words, or ``""``
        where the driver has no way to."""


@runtime_checkable
class Explorer(Protocol):
    """An executor that can also drive the device in lock-step with the model of a CPE."""

    def explore(
        self, seed: int, count: int, *, destructive: bool, enough: Callable[[], bool]
    ) -> tuple[list[Program], Evidence, int]:
        """About *count* RPCs, or until *enough*: what was sent as programs, the evidence over them, RPCs sent."""


class ExecutorError(Exception):
    """The bench could not do its part; one line."""
