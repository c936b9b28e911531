"""``cpecheck replay``: findings from files, one executor for each surface, a line for each finding."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

import msgspec

from harness.device.profile import Profile
from harness.fuzz.executor import Executor
from harness.fuzz.findings.replay import Outcome, Replayed, replay
from harness.fuzz.program import Surface
from harness.verdict.bundle import encode_text
from harness.verdict.finding import Finding, FindingError, read
from reports.text import one_line

_EXIT: Final = {Outcome.FIXED: 0, Outcome.FAILED: 1, Outcome.ERROR: 2}


class ReplayError(ValueError):
    """A file is no finding, or the outcome cannot be written; one line."""


class Shared:
    """Executors on one device, one open at a time: there is one device, and often many findings of a surface.

    *make* opens one, as `harness.fuzz.executors.open_executor` does.
    """

    def __init__(self, make: Callable[[Surface], AbstractContextManager[Executor]]) -> None:
        self._make = make
        self._stack = ExitStack()
        self._surface: Surface | None = None
        self._executor: Executor | None = None

    @contextmanager
    def open(self, surface: Surface) -> Iterator[Executor]:
        """The executor of *surface*; it stays open until another one is asked for."""
        if self._executor is None or surface is not self._surface:
            self.close()
            self._executor = self._stack.enter_context(self._make(surface))
            self._surface = surface
        try:
            yield self._executor
        except BaseException:
            self.close()  # what state it is in nobody knows
            raise

    def close(self) -> None:
        """Give the device back."""
        self._executor = None
        self._stack.close()


def on_device(profile: Profile, workdir: Path) -> Shared:
    """Executors on the device of *profile*, with files of their own in *workdir*."""
    from harness.fuzz.executors import open_executor

    return Shared(lambda surface: open_executor(surface, profile, workdir))


def replay_files(
    paths: Sequence[Path],
    profile: Profile,
    *,
    times: int | None,
    destructive: bool,
    json_file: Path | None,
    say: Callable[[str], None],
) -> int:
    """Replay every finding and say what became of it; the exit status.

    Raises:
        ReplayError: a file is no finding, or *json_file* cannot be written.
    """
    findings = [(path, _read(path)) for path in paths]
    outcomes: list[Replayed] = []
    allowed = destructive or profile.driver == "reference"
    with tempfile.TemporaryDirectory(prefix="cpecheck-replay-") as workdir:
        shared = on_device(profile, Path(workdir))
        try:
            for path, finding in findings:
                told = replay(finding, shared.open, name=str(path), times=times, destructive=allowed)
                outcomes.append(told)
                say(line(told))
        finally:
            shared.close()
    if json_file is not None:
        _write(json_file, outcomes)
    return code(outcomes)


def _read(path: Path) -> Finding:
    try:
        return read(path)
    except FindingError as error:
        raise ReplayError(f"{path}: {error}") from None


def line(told: Replayed) -> str:
    """The outcome for people."""
    runs = f" ({told.hits} of {told.runs} runs)" if told.runs else ""
    reason = f": {one_line(told.reason, 300)}" if told.reason else ""
    return f"{told.outcome:<6} {told.finding}{runs}{reason}"


def code(outcomes: Sequence[Replayed]) -> int:
    """1 where one FAILED, else 2 where one is ERROR, else 0."""
    said = {told.outcome for told in outcomes}
    return _EXIT[next((each for each in (Outcome.FAILED, Outcome.ERROR) if each in said), Outcome.FIXED)]


def _write(path: Path, outcomes: Sequence[Replayed]) -> None:
    rows = []
    for told in outcomes:
        row = msgspec.to_builtins(told)
        del row["transcript"]
        rows.append(row)
    content = {"schema_version": 1, "exit_code": code(outcomes), "findings": rows}
    try:
        path.write_bytes(msgspec.json.format(encode_text(content), indent=1) + b"\n")
    except OSError as error:
        raise ReplayError(f"--json {path}: {error.strerror}") from None
