"""The run bundle: what a run leaves behind in its folder.

``events.ndjson`` grows while the run goes on, one line and one write per event, so that a killed run can
still be read; ``results.json`` is written when it ends. Reports read nothing else.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.verdict import migrate, schema
from harness.verdict.assertion import CaseResult
from harness.verdict.results import (
    SCHEMA_VERSION,
    Gate,
    Header,
    PlannedCase,
    RequirementResult,
    Results,
    Untested,
    summarise,
)

__all__ = [
    "EVENTS",
    "EVIDENCE",
    "RESULTS",
    "Bundle",
    "BundleError",
    "BundleWriter",
    "Gate",
    "Header",
    "PlannedCase",
    "RequirementResult",
    "Results",
    "Unfinished",
    "Untested",
    "encode_text",
    "json_schema",
]

EVENTS: Final = "events.ndjson"
RESULTS: Final = "results.json"
EVIDENCE: Final = "evidence"


class BundleError(ValueError):
    """A folder is no readable bundle; the message says which file and why."""


class BundleWriter:
    """Writes a bundle. One process only: the controller, not its workers.

    Args:
        folder: made if it is not there; earlier events in it are kept, results are not.
        header: what the run is; that of *before*, where it goes on.
        now: Unix time, in seconds.
        before: what an earlier process left unfinished in *folder* and this one goes on with.

    Raises:
        BundleError: another process is writing this bundle.
        OSError: the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        header: Header,
        now: Callable[[], float] = time.time,
        before: Unfinished | None = None,
    ) -> None:
        self.folder = folder
        self._header = header
        self._now = now
        self._started = before.started if before else now()
        self._pauses = list(before.pauses) if before else []
        self._cases: dict[str, CaseResult] = dict(before.cases) if before else {}
        (folder / EVIDENCE).mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._lock()
        (folder / RESULTS).unlink(missing_ok=True)
        self._mend()
        if before is None:
            header.schema_version = SCHEMA_VERSION
            self.event("header", header=header)
        else:
            self._pauses.append(max(0.0, now() - before.ended))
            self.event("resumed")

    def _lock(self) -> None:
        """One writer at a time; the lock ends with the process, however that ends."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise BundleError(f"{self.folder}: another process is writing this bundle") from None

    def event(self, kind: str, **fields: Any) -> None:
        """Append one line: time, *kind* and *fields* (anything that msgspec can encode; else its ``str``).

        Raises:
            OSError: the line could not be written whole.
        """
        line = encode_text({"at": self._now(), "kind": kind, **fields}) + b"\n"
        written = os.write(self._file, line)
        if written != len(line):
            raise OSError(
                f"{self.folder / EVENTS}: {written} of {len(line)} bytes written, is the disk full?"
            )

    def add(self, result: CaseResult) -> None:
        """Note the outcome of a case; a second outcome of the same case replaces the first."""
        self._cases[result.id] = result
        self.event("case", result=result)

    def describe(self, device: dict[str, str]) -> None:
        """Note what the run has learnt of the device, name → text."""
        self._header.device |= device
        self.event("device", device=device)

    def finish(self, gate: Callable[[Results], Gate] | None = None) -> Results:
        """Write ``results.json`` and close the bundle; return what it says.

        *gate* compares the results with what was expected; what it finds becomes part of them.
        """
        results = summarise(
            self._header, self._cases.values(), self._started, self._now(), complete=True, pauses=self._pauses
        )
        if gate is not None:
            results.gate = gate(results)
        temporary = self.folder / (RESULTS + ".new")
        temporary.write_bytes(msgspec.json.format(_encode_results(results), indent=1))
        temporary.replace(self.folder / RESULTS)
        self.event("finished", verdict=results.verdict, exit_code=results.exit_code)
        self.close()
        return results

    def close(self) -> None:
        """Close the file of events; the bundle stays unfinished unless `finish` was called."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _mend(self) -> None:
        """End a last line that a killed run left torn."""
        data = (self.folder / EVENTS).read_bytes()[-1:]
        if data not in (b"", b"\n"):
            os.write(self._file, b"\n")


class Bundle(msgspec.Struct):
    """A bundle as it was read. ``notes`` tell what was odd about it, a line each."""

    folder: Path
    results: Results
    notes: list[str] = []

    @classmethod
    def read(cls, folder: Path) -> Bundle:
        """Read a finished bundle, or an unfinished one from its events.

        Raises:
            BundleError: there is neither, or it is of another version.
        """
        finished = folder / RESULTS
        notes: list[str] = []
        if finished.exists():
            try:
                return cls(folder, _decode_results(finished.read_bytes()))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                notes.append(f"{RESULTS} cannot be read ({error}); read from {EVENTS} instead")
        return cls(folder, _from_events(folder / EVENTS, notes), notes)


class _Version(msgspec.Struct):
    schema_version: int


class _Event(msgspec.Struct):
    at: float
    kind: str
    header: Header | None = None
    device: dict[str, str] = {}
    result: CaseResult | None = None


def _decode_results(data: bytes) -> Results:
    version = msgspec.json.decode(data, type=_Version).schema_version
    if version == SCHEMA_VERSION:
        return msgspec.json.decode(data, type=Results)
    try:
        return msgspec.convert(migrate.upgrade(msgspec.json.decode(data), version), type=Results)
    except migrate.VersionError as error:
        raise BundleError(f"{RESULTS}: {error}") from None


class Unfinished(msgspec.Struct):
    """A run as its events tell it. Times are Unix seconds; ``pauses`` are seconds."""

    header: Header
    cases: dict[str, CaseResult]
    started: float
    ended: float
    pauses: list[float]
    finished: bool

    @classmethod
    def read(cls, folder: Path) -> Unfinished:
        """Read the events of the bundle in *folder*.

        Raises:
            BundleError: it has none, or no header among them.
        """
        return _read_events(folder / EVENTS, [])


def _from_events(path: Path, notes: list[str]) -> Results:
    run = _read_events(path, notes)
    notes.append("the run did not end: what follows is what it had said until then")
    return summarise(
        run.header, run.cases.values(), run.started, run.ended, complete=False, pauses=run.pauses
    )


def _read_events(path: Path, notes: list[str]) -> Unfinished:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BundleError(f"{path.parent}: not a run bundle ({path.name}: {error.strerror})") from error
    header: Header | None = None
    started = ended = 0.0
    finished = False
    pauses: list[float] = []
    cases: dict[str, CaseResult] = {}
    for event in _events(lines, notes):
        if event.kind == "resumed":
            pauses.append(max(0.0, event.at - ended))
        finished = event.kind == "finished"
        ended = event.at
        if event.header is not None:
            try:
                migrate.check(event.header.schema_version)
            except migrate.VersionError as error:
                raise BundleError(f"{path.name}: {error}") from None
            header, started = event.header, started or event.at
        if header is not None:
            header.device |= event.device
        if event.result is not None:
            cases[event.result.id] = event.result
    if header is None:
        raise BundleError(f"{path}: no header among its events")
    return Unfinished(header, cases, started, ended, pauses, finished)


def _events(lines: Iterable[bytes], notes: list[str]) -> Iterator[_Event]:
    decoder = msgspec.json.Decoder(_Event)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            notes.append(f"line {number} of {EVENTS} is torn and was left out")


# --- encoding ----------------------------------------------------------------------------------------


def encode_text(value: Any) -> bytes:
    """*value* as one line of JSON, whatever strings the device put into it (lone surrogates are escaped)."""
    return msgspec.json.encode(_clean(msgspec.to_builtins(value, enc_hook=str)))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value


def _encode_results(results: Results) -> bytes:
    """The fields that others rely on are there even where they are empty."""
    data = msgspec.to_builtins(results)
    for case in data["cases"]:
        case.setdefault("assertions", [])
    return encode_text(data)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of ``results.json`` (published as ``reports/schema/results-2.json``)."""
    found = schema.json_schema(Results, f"cpecheck results, version {SCHEMA_VERSION}")
    case = found["$defs"]["CaseResult"]
    case["required"] = [*case["required"], "assertions"]
    return found
