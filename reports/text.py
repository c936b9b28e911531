"""Words that every report shares, and the cleaning of what a device said before it is shown to a person."""

from __future__ import annotations

import re
import shlex
from typing import Final

from harness.verdict.verdict import Verdict

SHOWN: Final = 4000
"""Characters of one text that a report shows; the whole of it is in ``results.json``."""
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\uffff\ud800-\udfff]"
)
"""Control characters, invisible and direction-changing ones, surrogates and what XML cannot carry."""
MARKS: Final = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.WARN: "!",
    Verdict.ERROR: "E",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_RUN: "–",
    Verdict.NOT_APPLICABLE: "·",
}
FINDINGS: Final = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.WARN)
"""Verdicts that call for a reader, worst first."""


def visible(text: object, limit: int = SHOWN) -> str:
    """*text* safe to show anywhere: what cannot be seen is escaped (``\\x1b``, ``\\u202e``), the rest cut."""
    whole = str(text)
    shown = _UNSEEN.sub(lambda match: _escaped(match[0]), whole[:limit])
    return shown if len(whole) <= limit else f"{shown} … ({len(whole):,} characters in all)"


def one_line(text: object, limit: int = SHOWN) -> str:
    """`visible`, line ends and tabs escaped too."""
    return visible(text, limit).replace("\n", "\\n").replace("\t", "\\t")


def _escaped(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


_ELSEWHERE: Final = frozenset(
    ("--select", "-s", "--exclude", "-x", "--out", "--seed", "--resume", "--expected", "--workers", "-n")
)
"""Options of a run, each with a value, that say nothing of how one case is repeated."""


def repeat_command(case_id: str, command: str = "", seed: int | None = None) -> str:
    """The command that runs one case again, given the *command* and the *seed* of the run that it was part of."""
    try:
        words = shlex.split(command) if len(command) <= SHOWN else []
    except ValueError:
        words = []
    kept: list[str] = []
    if words[:2] == ["cpecheck", "run"]:
        rest = iter(words[2:])
        for word in rest:
            if word.partition("=")[0] not in _ELSEWHERE:
                kept.append(word)
            elif "=" not in word:
                next(rest, None)
    seeded = [] if seed is None else ["--seed", str(seed)]
    return shlex.join(["cpecheck", "run", "--select", case_id, *kept, *seeded])
