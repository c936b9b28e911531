"""The run bundle: what a run leaves behind in its folder.

``events.ndjson`` grows while the run goes on, one line and one write per event, so that a killed run can
still be read; ``results.json`` is written when it ends. Reports read nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.requirement import Requirement
from harness.verdict.verdict import Level, Verdict, exit_code, worst

SCHEMA_VERSION: Final = 1
EVENTS: Final = "events.ndjson"
RESULTS: Final = "results.json"
EVIDENCE: Final = "evidence"
_UNSAID: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.NOT_APPLICABLE)
"""Verdicts of a case that hold for a requirement of which the case says nothing."""


class BundleError(ValueError):
    """A folder is no readable bundle; the message says which file and why."""


class PlannedCase(msgspec.Struct, frozen=True):
    """A case that exists, and whether this run was to run it."""

    id: str
    requirements: tuple[str, ...]
    title: str = ""
    selected: bool = True


class Header(msgspec.Struct, kw_only=True):
    """What is known when a run begins.

    ``device`` and ``profile`` are what the report shows of them, name → text. ``rules`` are the wire rules,
    id → requirement.
    """

    tool_version: str
    seed: int
    device: dict[str, str]
    profile: dict[str, str] = {}
    command: str = ""
    requirements: tuple[Requirement, ...]
    cases: tuple[PlannedCase, ...]
    rules: dict[str, str] = {}


class RequirementResult(msgspec.Struct, kw_only=True):
    """A requirement of which the run says something.

    ``cases`` and ``rules`` check it; ``decided_by`` are the cases whose assertions are as bad as the verdict.
    """

    id: str
    level: Level
    area: str
    text: str
    source: str
    verdict: Verdict
    confirmed: bool
    cases: tuple[str, ...]
    rules: tuple[str, ...]
    decided_by: tuple[str, ...]
    catalogue: tuple[str, ...] = ()


class Untested(msgspec.Struct, kw_only=True):
    """A requirement of which the run says nothing, and why."""

    id: str
    level: Level
    area: str
    text: str
    source: str
    reason: str


class Results(msgspec.Struct, kw_only=True):
    """``results.json``. Times are UTC, RFC 3339; ``seconds`` is the run's length in real time.

    ``verdict`` is the worst of the MUST requirements, or ``warn`` where those pass and a SHOULD is broken.
    """

    schema_version: int = SCHEMA_VERSION
    tool_version: str
    started: str
    ended: str
    seconds: float
    complete: bool
    """False where the run was cut off and this was put together from its events."""
    device: dict[str, str]
    profile: dict[str, str]
    command: str
    seed: int
    verdict: Verdict
    exit_code: int
    cases: list[CaseResult]
    requirements: list[RequirementResult]
    untested: list[Untested]


class BundleWriter:
    """Writes a bundle. One process only: the controller, not its workers.

    Args:
        folder: made if it is not there; earlier events in it are kept (a resumed run), results are not.
        now: Unix time, in seconds.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path, header: Header, now: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self._header = header
        self._now = now
        self._started = now()
        self._cases: dict[str, CaseResult] = {}
        (folder / EVIDENCE).mkdir(parents=True, exist_ok=True)
        (folder / RESULTS).unlink(missing_ok=True)
        self._file = os.open(folder / EVENTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._mend()
        self.event("header", header=header)

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

    def finish(self) -> Results:
        """Write ``results.json`` and close the bundle; return what it says."""
        results = summarise(self._header, self._cases.values(), self._started, self._now(), complete=True)
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
    result: CaseResult | None = None


def _decode_results(data: bytes) -> Results:
    version = msgspec.json.decode(data, type=_Version).schema_version
    if version != SCHEMA_VERSION:
        raise BundleError(f"{RESULTS}: schema version {version}, this tool reads {SCHEMA_VERSION}")
    return msgspec.json.decode(data, type=Results)


def _from_events(path: Path, notes: list[str]) -> Results:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise BundleError(f"{path.parent}: not a run bundle ({path.name}: {error.strerror})") from error
    header: Header | None = None
    started = ended = 0.0
    cases: dict[str, CaseResult] = {}
    for event in _events(lines, notes):
        ended = event.at
        if event.header is not None:
            header, started = event.header, started or event.at
        if event.result is not None:
            cases[event.result.id] = event.result
    if header is None:
        raise BundleError(f"{path}: no header among its events")
    notes.append("the run did not end: what follows is what it had said until then")
    return summarise(header, cases.values(), started, ended, complete=False)


def _events(lines: Iterable[bytes], notes: list[str]) -> Iterator[_Event]:
    decoder = msgspec.json.Decoder(_Event)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            notes.append(f"line {number} of {EVENTS} is torn and was left out")


# --- adding up ---------------------------------------------------------------------------------------


def summarise(
    header: Header, results: Iterable[CaseResult], started: float, ended: float, *, complete: bool
) -> Results:
    """Add the outcomes of cases up to verdicts of requirements and of the run. Times are Unix seconds."""
    cases = sorted(results, key=lambda case: case.id)
    requirements, untested = _requirements(header, {case.id: case for case in cases})
    musts = [each.verdict for each in requirements if each.level is Level.MUST]
    return Results(
        tool_version=header.tool_version,
        started=_utc(started),
        ended=_utc(ended),
        seconds=round(ended - started, 3),
        complete=complete,
        device=header.device,
        profile=header.profile,
        command=header.command,
        seed=header.seed,
        verdict=_overall(musts, [each.verdict for each in requirements if each.level is Level.SHOULD]),
        exit_code=exit_code(musts),
        cases=cases,
        requirements=requirements,
        untested=untested,
    )


def _overall(musts: list[Verdict], shoulds: list[Verdict]) -> Verdict:
    verdict = worst(musts)
    if verdict in (Verdict.PASS, Verdict.NOT_APPLICABLE) and Verdict.WARN in shoulds:
        return Verdict.WARN
    return verdict


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _requirements(
    header: Header, cases: dict[str, CaseResult]
) -> tuple[list[RequirementResult], list[Untested]]:
    said = _said(cases.values())
    planned: dict[str, list[PlannedCase]] = {}
    for case in header.cases:
        for requirement in case.requirements:
            planned.setdefault(requirement, []).append(case)
    rules: dict[str, list[str]] = {}
    for rule, requirement in header.rules.items():
        rules.setdefault(requirement, []).append(rule)
    known = {record.id: record for record in header.requirements}
    # An id that the catalogue lacks is a mistake of ours, and no reason to lose a verdict.
    unknown = [
        Requirement(each, Level.MUST, each.split(".")[0], "", "") for each in said if each not in known
    ]
    tested: list[RequirementResult] = []
    untested: list[Untested] = []
    for record in (*header.requirements, *unknown):
        plan, checks = planned.get(record.id, []), rules.get(record.id, [])
        verdicts = _verdicts(record, plan, cases, said.get(record.id, []))
        if verdicts:
            tested.append(_tested(record, plan, checks, verdicts))
        else:
            untested.append(_untested(record, plan, checks))
    return tested, untested


def _said(cases: Iterable[CaseResult]) -> dict[str, list[tuple[str, Assertion]]]:
    said: dict[str, list[tuple[str, Assertion]]] = {}
    for case in cases:
        for assertion in (*case.assertions, *case.wire):
            said.setdefault(assertion.requirement, []).append((case.id, assertion))
    return said


def _verdicts(
    record: Requirement,
    plan: list[PlannedCase],
    cases: dict[str, CaseResult],
    said: list[tuple[str, Assertion]],
) -> list[tuple[str, Verdict]]:
    """(case, verdict) for everything that speaks of the requirement."""
    if record.level is Level.RECORD:
        return []
    verdicts = [(case, assertion.verdict) for case, assertion in said]
    own = {case for case, assertion in said if not assertion.by}
    for case in plan:
        result = cases.get(case.id)
        if not case.selected or case.id in own:
            continue
        if result is None:
            verdicts.append((case.id, Verdict.NOT_RUN))
        elif result.verdict in _UNSAID:
            verdicts.append((case.id, result.verdict))
    return verdicts


def _tested(
    record: Requirement, plan: list[PlannedCase], rules: list[str], verdicts: list[tuple[str, Verdict]]
) -> RequirementResult:
    verdict = worst(each for _, each in verdicts)
    return RequirementResult(
        id=record.id,
        level=record.level,
        area=record.area,
        text=record.text,
        source=record.source,
        verdict=verdict,
        confirmed=record.confirmed,
        cases=tuple(case.id for case in plan),
        rules=tuple(rules),
        decided_by=tuple(dict.fromkeys(case for case, each in verdicts if each is verdict)),
        catalogue=record.catalogue,
    )


def _untested(record: Requirement, plan: list[PlannedCase], rules: list[str]) -> Untested:
    unselected = [case.id for case in plan if not case.selected]
    if record.level is Level.RECORD and (plan or rules):
        reason = "it is recorded, never judged"
    elif rules:
        reason = "no message came that its rule reads"
    elif unselected:
        reason = "not selected: " + ", ".join(unselected)
    elif plan:
        reason = "its case ended without a word about it: " + ", ".join(case.id for case in plan)
    else:
        reason = "no case or rule checks it yet"
    return Untested(
        id=record.id,
        level=record.level,
        area=record.area,
        text=record.text,
        source=record.source,
        reason=reason,
    )


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
    """The JSON Schema of ``results.json`` (published as ``reports/schema/results-1.json``)."""
    schema = msgspec.json.schema(Results)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = f"cpecheck results, version {SCHEMA_VERSION}"
    case = schema["$defs"]["CaseResult"]
    case["required"] = [*case["required"], "assertions"]
    return schema
