"""From an alarm to a finding: the record is put together, kept small, and written beside its page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.fuzz.alarm import Alarm
from harness.fuzz.evidence import Evidence
from harness.fuzz.program import Program, decode
from harness.verdict import redact_records
from harness.verdict.finding import Clause, Confirmed, Finding, FindingError, Said, encode
from harness.verdict.redact import Redactor
from harness.verdict.requirement import Catalogue
from harness.verdict.transcript import Connection, HttpMessage, Transcript
from reports import finding as page

ORIGINAL: Final = 256 * 1024
"""Octets of the first program beyond which a finding only names its digest."""
TRANSCRIPT: Final = 2 * 1024 * 1024
"""Octets of a run that a finding keeps; of longer ones the streams go and bodies are cut."""
TITLE: Final = 120
"""Characters of an observation in a title."""
BODY: Final = 32 * 1024
"""Octets of a body that is cut."""


def make(
    number: int,
    alarm: Alarm,
    evidence: Evidence,
    *,
    confirmed: tuple[int, int],
    catalogue: Catalogue,
    original: Program | None = None,
    others: Sequence[Alarm] = (),
    seed: int = 0,
    device: dict[str, str] | None = None,
    command: str = "",
    packets: dict[str, Any] | None = None,
    now: float = 0.0,
    notes: Sequence[str] = (),
) -> Finding:
    """The finding of *alarm* over the *evidence* of one run of the shrunk program.

    Args:
        number: place among the findings of the campaign, from 1.
        evidence: of a batch of the shrunk program alone.
        confirmed: (hits, runs) of the shrunk program.
        catalogue: where the text of the requirement stands.
        original: the program as it was found.
        others: further alarms of the same run.
        device: who was tested, name to text.
        command: the command line of the campaign.
        packets: the content of ``frames.json`` of that run.
        now: Unix time of the finding.

    Raises:
        ValueError: the evidence holds no program.
    """
    if not evidence.observations:
        raise ValueError("a finding needs the evidence of a program")
    program = evidence.observations[max(alarm.index, 0)].program
    first = original or program
    transcript, cut = small(evidence.transcript)
    return Finding(
        number=number,
        title=_title(alarm, program),
        alarm=_said(alarm),
        others=tuple(_said(each) for each in others if each.key != alarm.key),
        requirement=_clause(alarm.requirement, catalogue),
        surface=program.surface,
        program=_plain(program),
        digest=program.digest,
        original=_plain(first) if first.digest != program.digest and first.octets <= ORIGINAL else None,
        original_digest=first.digest,
        confirmed=Confirmed(*confirmed),
        seed=seed,
        found=datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        if now
        else "",
        tool_version=version("cpecheck"),
        device=device or {},
        command=command,
        median_seconds=evidence.median_seconds,
        transcript=transcript,
        packets=packets or {},
        notes=(*notes, *cut),
    )


def program_of(finding: Finding) -> Program:
    """The shrunk program.

    Raises:
        FindingError: it is none that this tool can run.
    """
    try:
        program = decode(msgspec.json.encode(finding.program))
    except ValueError as error:
        raise FindingError(str(error)) from None
    if not program.actions:
        raise FindingError("its program does nothing")
    return program


def write(folder: Path, finding: Finding, redact: Redactor | None = None) -> Path:
    """Write ``<name>.json`` and the page ``<name>.html`` into *folder*; the path of the former.

    What *redact* knows is overwritten in all that the device said; the program stays as it is, for it must run.

    Raises:
        OSError: a file cannot be written.
    """
    if redact:
        finding = clean(finding, redact)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{finding.name}.json"
    _replace(path, encode(finding))
    _replace(path.with_suffix(".html"), page.render(finding, path.name).encode("utf-8"))
    return path


def clean(finding: Finding, redact: Redactor) -> Finding:
    """*finding* without secrets in what was observed."""

    def said(each: Said) -> Said:
        return msgspec.structs.replace(
            each, expected=redact.text(each.expected), observed=redact.text(each.observed)
        )

    return msgspec.structs.replace(
        finding,
        title=redact.text(finding.title),
        alarm=said(finding.alarm),
        others=tuple(map(said, finding.others)),
        device={name: redact.text(value) for name, value in finding.device.items()},
        command=redact.text(finding.command),
        transcript=redact_records.transcript(finding.transcript, redact)[0],
        notes=tuple(map(redact.text, finding.notes)),
    )


def replay_command(path: str, profile: str = "") -> str:
    """The command that shows it again."""
    return shlex.join(["cpecheck", "replay", path, *(["--device", profile] if profile else [])])


def small(transcript: Transcript) -> tuple[Transcript, tuple[str, ...]]:
    """*transcript* within `TRANSCRIPT` octets, and what was left out, in words."""
    octets = sum(len(chunk.data) for each in transcript.connections for chunk in each.chunks)
    octets += sum(len(message.body) for each in transcript.connections for message in each.messages)
    if octets <= TRANSCRIPT:
        return transcript, ()
    connections = [_smaller(each) for each in transcript.connections]
    note = f"the run passed {octets:,} octets: its streams are left out, bodies are cut after {BODY:,}"
    return msgspec.structs.replace(transcript, connections=connections), (note,)


def _smaller(connection: Connection) -> Connection:
    return msgspec.structs.replace(
        connection, chunks=[], messages=[_cut(message) for message in connection.messages]
    )


def _cut(message: HttpMessage) -> HttpMessage:
    if len(message.body) <= BODY and len(message.head) <= BODY:
        return message
    return msgspec.structs.replace(
        message, body=message.body[:BODY], head=message.head[:BODY], complete=False
    )


def _title(alarm: Alarm, program: Program) -> str:
    says = program.says or "; ".join(each.says for each in program.origin.edits if each.says)
    observed = alarm.observed if len(alarm.observed) <= TITLE else f"{alarm.observed[:TITLE].rstrip()} …"
    return f"{says}: {observed}" if says else observed


def _said(alarm: Alarm) -> Said:
    return Said(
        alarm.oracle, alarm.kind, alarm.confidence, alarm.expected, alarm.observed, alarm.key,
        alarm.requirement, alarm.minor, alarm.messages,
    )  # fmt: skip


def _clause(requirement: str, catalogue: Catalogue) -> Clause | None:
    if requirement not in catalogue:
        return None
    record = catalogue[requirement]
    return Clause(record.id, record.level, record.text, record.source)


def _plain(program: Program) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(program), type=dict[str, Any])


def _replace(path: Path, data: bytes) -> None:
    """Write *path* whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)
