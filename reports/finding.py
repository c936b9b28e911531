"""The page of a finding: one file, no network; what was sent and what came back is shown, never executed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
from jinja2 import Environment
from markupsafe import Markup

from harness.verdict.assertion import Assertion, EvidenceRef
from harness.verdict.finding import Finding
from harness.verdict.verdict import Verdict
from reports import exhibit
from reports.evidence import CaseEvidence, Packets
from reports.html import make_environment
from reports.text import one_line, visible

SHOWN: Final = 16 * 1024
"""Octets of one message that the page shows."""
COMPARED: Final = 64 * 1024
"""Octets of two messages that are compared."""
LINES: Final = 400
"""Lines of a comparison that are shown."""
NEAR: Final = 3
"""Equal lines shown before and after a difference."""
WIDTH: Final = 500
_ROW: Final = 16
"""Octets of a row of a hexdump."""
_BETWEEN_TAGS: Final = re.compile(r">(?=<)")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class _Edit(msgspec.Struct):
    op: str = ""
    where: str = ""
    args: list[str] = []
    says: str = ""


class _Origin(msgspec.Struct):
    generator: str = ""
    dimension: str = ""
    seed: int = 0
    name: str = ""
    template: bytes = b""
    edits: list[_Edit] = []
    destructive: bool = False


class _Expectation(msgspec.Struct):
    wanted: str = "anything"
    codes: list[int] = []
    because: str = ""


class _Action(msgspec.Struct):
    type: str
    body: bytes = b""
    data: bytes = b""
    times: int = 1
    seconds: float = 30.0
    how: str = "fin"


class _Program(msgspec.Struct):
    """What a page shows of a program; unknown fields of newer programs are left out."""

    actions: list[_Action] = []
    says: str = ""
    origin: _Origin = msgspec.field(default_factory=_Origin)
    expectation: _Expectation = msgspec.field(default_factory=_Expectation)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison. ``how``: ``same``, ``gone`` (only in the valid message), ``new`` or ``skip``."""

    how: str
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """An action in words, and the octets it writes: as text, as a hexdump, or not at all."""

    says: str
    text: str = ""
    dump: str = ""
    note: str = ""


def render(finding: Finding, path: str = "") -> str:
    """The page as the text of an HTML document; *path* is what the replay command names.

    Never raises for what a program or a transcript holds.
    """
    program = _program(finding.program)
    environment = _environment()
    macro = environment.get_template("exhibit.html.j2").module.exhibit  # type: ignore[attr-defined]
    shown = _exhibit(finding)
    sent = _compared(program)
    return environment.get_template("finding.html.j2").render(
        finding=finding,
        facts=_facts(finding, program),
        program=program,
        steps=[_step(each) for each in program.actions],
        edits=program.origin.edits,
        compared=list(compare(program.origin.template, sent)) if sent is not None else [],
        evidence=Markup(macro(shown, "e", path or f"{finding.name}.json")) if shown else Markup(),
        command=f"cpecheck replay {path or finding.name + '.json'}",
    )


@cache
def _environment() -> Environment:
    """Compiled once: a campaign writes page after page."""
    return make_environment()


def _program(plain: dict[str, Any]) -> _Program:
    try:
        return msgspec.convert(plain, _Program)
    except msgspec.ValidationError:
        return _Program()


def _compared(program: _Program) -> bytes | None:
    """The octets that stand for the message: those of the one action that writes any, where there is a valid one."""
    written = [each.body or each.data for each in program.actions if each.body or each.data]
    return written[0] if program.origin.template and len(written) == 1 else None


def _facts(finding: Finding, program: _Program) -> list[tuple[str, str]]:
    device = finding.device
    named = " ".join(filter(None, (device.get("name", ""), device.get("software_version", ""))))
    rows = [
        ("Device", named),
        ("Surface", finding.surface),
        ("Found", finding.found),
        ("Seed", f"{finding.seed}"),
        ("Generator", " ".join(filter(None, (program.origin.generator, program.origin.dimension)))),
        ("Named case", program.origin.name),
        ("Program", finding.digest[:16]),
        ("First found as", finding.original_digest[:16] if finding.original_digest != finding.digest else ""),
        ("cpecheck", finding.tool_version),
    ]
    return [(name, text) for name, text in rows if text]


def _exhibit(finding: Finding) -> exhibit.Exhibit:
    """Ladder, messages and packets of the run, with what the alarm names marked."""
    refs = tuple(EvidenceRef("message", each) for each in finding.alarm.messages)
    says = finding.alarm
    assertion = Assertion(
        says.requirement or says.oracle, Verdict.FAIL, says.expected, says.observed, evidence=refs
    )
    try:
        packets = msgspec.convert(finding.packets, Packets) if finding.packets else Packets()
    except msgspec.ValidationError:
        packets = Packets()
    return exhibit.make([assertion], CaseEvidence(finding.transcript, packets))


# --- what is sent ----------------------------------------------------------------------------------


def _step(action: _Action) -> Step:
    octets = action.body or action.data
    size = f"{len(octets):,} octets"
    says = {
        "reply": f"Answer the device's request with 200 and {size}."
        if octets
        else "Answer the request with 204.",
        "ask": f"Call this RPC in a session ({size}); compare the answer, and what is read back, with the model.",
        "raw": f"Write {size} to the connection.",
        "repeat": f"Write {size} {action.times:,} times.",
        "expect": f"Wait for the device's next message, at most {action.seconds:g} s.",
        "pause": f"Let {action.seconds:g} s pass.",
        "cut": {"reset": "Reset the connection.", "half": "End our direction of the connection."}.get(
            action.how, "End the connection."
        ),
        "connect": "Open a connection to the connection-request port.",
    }.get(action.type, one_line(action.type, 40))
    if not octets:
        return Step(says)
    cut = octets[:SHOWN]
    note = f"the first {SHOWN:,} octets of {len(octets):,}" if len(octets) > SHOWN else ""
    text = as_text(octets)
    return (
        Step(says, visible(text[:SHOWN], SHOWN), "", note)
        if text is not None
        else Step(says, "", hexdump(cut), note)
    )


def as_text(data: bytes) -> str | None:
    """*data* as text where it is text all through; ``None`` where a hexdump tells more."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.search(text) else text


def hexdump(data: bytes) -> str:
    """*data* in rows of sixteen octets: offset, hexadecimal, characters of US-ASCII."""
    rows = []
    for start in range(0, len(data), _ROW):
        row = data[start : start + _ROW]
        digits = " ".join(f"{octet:02x}" for octet in row)
        plain = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in row)
        rows.append(f"{start:08x}  {digits:<{3 * _ROW}} {plain}")
    return "\n".join(rows)


def compare(valid: bytes, sent: bytes) -> Iterator[Line]:
    """The lines of *sent* against those of the *valid* message, elements on lines of their own."""
    before, after = _lines(valid), _lines(sent)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    lines: list[Line] = []
    for group in matcher.get_grouped_opcodes(NEAR):
        lines += _skipped(group[0], lines)
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                lines += [Line("same", each) for each in before[i1:i2]]
                continue
            lines += [Line("gone", each) for each in before[i1:i2]]
            lines += [Line("new", each) for each in after[j1:j2]]
    yield from lines[:LINES]
    if len(lines) > LINES:
        yield Line("skip", f"{len(lines) - LINES} more lines")


def _skipped(first: Sequence[Any], lines: Sequence[Line]) -> list[Line]:
    """A mark between two groups of lines, and before the first where it is not the beginning."""
    return [Line("skip", "equal lines")] if lines or first[1] else []


def _lines(data: bytes) -> list[str]:
    text = data[:COMPARED].decode("utf-8", "backslashreplace")
    broken = _BETWEEN_TAGS.sub(">\n", text)
    return [one_line(each, WIDTH) for each in broken.split("\n")]
