"""The gate of ``--expected FILE``: known findings, each with the way it shows and the reason why it is accepted.

A run keeps the gate when every finding that would decide its exit status is known, and every known one still shows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.bundle import Gate, Results
from harness.verdict.verdict import Level, Verdict
from reports.text import FINDINGS, one_line

UNKNOWN: Final = (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
_STEADY: Final = 6
"""Characters without a number that are enough to tell one way of failing from another."""
_CUT: Final = 80


class ExpectedError(ValueError):
    """A file of expected findings that cannot be used; the message is one line."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A known finding. ``case`` may be a glob (``*`` for what wire rules find everywhere); ``contains`` is a part of
    what was observed, or of the reason.
    """

    case: str
    verdict: Verdict
    requirement: str
    contains: str
    reason: str

    def matches(self, case: CaseResult, assertion: Assertion) -> bool:
        """Whether *assertion* of *case* is this finding."""
        return (
            fnmatchcase(case.id, self.case)
            and assertion.requirement == self.requirement
            and assertion.verdict is self.verdict
            and (self.contains in assertion.observed or self.contains in assertion.reason)
        )

    def __str__(self) -> str:
        return f"{self.case}: {self.requirement} {self.verdict} with {self.contains!r}"


class _File(msgspec.Struct, forbid_unknown_fields=True):
    expected: tuple[Entry, ...] = ()


def load(path: Path, cases: Collection[str] = (), requirements: Collection[str] = ()) -> tuple[Entry, ...]:
    """Read a file of expected findings.

    Args:
        path: TOML, an array of tables ``[[expected]]``.
        cases: ids that exist; an entry that fits none of them is a mistake. Empty: not checked.
        requirements: the same for requirements.

    Raises:
        ExpectedError: the file cannot be used.
    """
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _File).expected
    except OSError as error:
        raise ExpectedError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ExpectedError(f"{path}: {one_line(error, 300)}") from None
    for number, entry in enumerate(found, 1):
        problem = _problem(entry, cases, requirements)
        if problem:
            raise ExpectedError(f"{path}: entry {number}: {problem}")
    return found


def _problem(entry: Entry, cases: Collection[str], requirements: Collection[str]) -> str:
    if entry.verdict not in FINDINGS:
        return f"verdict: expected one of {', '.join(FINDINGS)}, found {entry.verdict}"
    for field in ("case", "requirement", "contains", "reason"):
        if not getattr(entry, field).strip():
            return f"{field}: expected a text, found nothing"
    if cases and not any(fnmatchcase(each, entry.case) for each in cases):
        return f"case: there is no case {one_line(entry.case, 120)}"
    if requirements and entry.requirement not in requirements:
        return f"requirement: there is no requirement {one_line(entry.requirement, 120)}"
    return ""


def judge(results: Results, entries: Iterable[Entry], file: str) -> Gate:
    """Hold *results* against what was expected.

    The exit status: 1 where a MUST fails in a way that is not known, or a known finding did not show although its case ran;
    else 2 where a MUST could not be judged for a reason that is not known; else 0.
    """
    entries = tuple(entries)
    judged = {each.id for each in results.requirements}
    gate = Gate(file=file)
    met: set[Entry] = set()
    for verdict, line in _surprises(results, entries, met):
        gate.broken.append(f"not expected: {line}")
        gate.exit_code = 1 if verdict is Verdict.FAIL else gate.exit_code or 2
    for entry in entries:
        if entry in met:
            gate.met.append(f"{entry} ({entry.reason})")
        elif entry.requirement in judged and (
            ran := [case for case in results.cases if fnmatchcase(case.id, entry.case)]
        ):
            said = ran[0].verdict if len(ran) == 1 else f"{len(ran)} cases ran"
            gate.broken.append(f"did not show: {entry} ({said})")
            gate.exit_code = 1
    return gate


def _surprises(
    results: Results, entries: tuple[Entry, ...], met: set[Entry]
) -> Iterator[tuple[Verdict, str]]:
    """What no entry names and decides the exit status of a run; entries that came true are put into *met*."""
    musts = {each.id for each in results.requirements if each.level is Level.MUST}
    seen: set[tuple[str, str]] = set()
    for case in results.cases:
        for each in (*case.assertions, *case.wire):
            found = [entry for entry in entries if entry.matches(case, each)]
            met.update(found)
            if not found and each.requirement in musts and each.verdict in (Verdict.FAIL, *UNKNOWN):
                line = f"{case.id}: {each.requirement} {each.verdict}: {each.observed}"
                line += f" ({each.reason})" if each.reason else ""
                if (each.requirement, line) not in seen:
                    seen.add((each.requirement, line))
                    yield each.verdict, line
    yield from _silent(results)


def _silent(results: Results) -> Iterator[tuple[Verdict, str]]:
    """MUST requirements that are unjudged because a case said nothing at all."""
    said = {(case.id, each.requirement) for case in results.cases for each in (*case.assertions, *case.wire)}
    for each in results.requirements:
        silent = [case for case in each.decided_by if (case, each.id) not in said]
        if each.level is Level.MUST and each.verdict in UNKNOWN and silent:
            yield each.verdict, f"{', '.join(silent)}: {each.id} {each.verdict}: no result"


# --- a file to begin with ------------------------------------------------------------------------------


def skeleton(results: Results) -> str:
    """A file that expects exactly what *results* found; each reason is left to be filled in."""
    entries = list(_entries(results))
    lines = [
        "# Known findings: cpecheck run --expected FILE. Give each its reason; delete what shall not be accepted.",
        f"# Made from a run on {_comment(results.device.get('name', 'a device'))} of {_comment(results.started)}.",
    ]
    for case, each in entries:
        lines += ["", "[[expected]]"]
        lines += [
            f"case = {_quoted(case)}",
            f"verdict = {_quoted(each.verdict)}",
            f"requirement = {_quoted(each.requirement)}",
            f"contains = {_quoted(steady(each))}",
            'reason = "TODO"',
        ]
    return "\n".join(lines) + "\n"


def _entries(results: Results) -> Iterator[tuple[str, Assertion]]:
    known: set[tuple[str, str, Verdict, str]] = set()
    for case in results.cases:
        found = [(case.id, each) for each in case.assertions] + [("*", each) for each in case.wire]
        for name, each in found:
            key = (name, each.requirement, each.verdict, steady(each))
            if each.verdict in FINDINGS and key not in known:
                known.add(key)
                yield name, each


def steady(assertion: Assertion) -> str:
    """A part of what was observed (or of the reason) that the next run will say again: the longest without a number."""
    if assertion.observed.strip() and re.fullmatch(r"[^0-9\x00-\x1f\x7f]{1,80}", assertion.observed):
        return assertion.observed
    for text in (assertion.observed, assertion.reason):
        parts = [part.strip(" ,;:()'\"") for part in re.split(r"[0-9]+|[\x00-\x1f\x7f]+", text)]
        best = max(parts, key=len, default="")
        if len(best) >= _STEADY:
            return best[:_CUT].rstrip()
    return assertion.observed[:_CUT] or assertion.reason[:_CUT] or " "


def _quoted(text: str) -> str:
    """*text* as a basic string of TOML."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return (
        '"' + re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", _escape, escaped) + '"'
    )


def _escape(match: re.Match[str]) -> str:
    # A lone surrogate has no TOML form; results.json never holds one.
    number = ord(match[0])
    return f"\\u{number:04x}" if not 0xD800 <= number <= 0xDFFF else "\ufffd"


def _comment(text: str) -> str:
    return one_line(text, 120)
