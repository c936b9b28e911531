"""Values of parameters against their data types: judging, the stored form, a value to begin with."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from harness.cwmp import datatypes
from harness.cwmp.messages import UNKNOWN_TIME
from reference_cpe.definition import Syntax

INTEGERS: Final = ("xsd:int", "xsd:long", "xsd:unsignedInt", "xsd:unsignedLong")
Wrong = tuple[int, str]
"""Fault code (9006 not the type, 9007 not one of its values) and reason."""


def value_problem(syntax: Syntax, text: str) -> Wrong | None:
    """Why *text* is no value of *syntax*, or ``None``."""
    if syntax.items is not None:
        return _list_problem(syntax, text)
    return _problem(syntax, syntax.type, text)


def _list_problem(syntax: Syntax, text: str) -> Wrong | None:
    assert syntax.items is not None
    rule, items = syntax.items, list_items(text)
    if rule.maximum_length is not None and len(text) > rule.maximum_length:
        return 9007, f"longer than {rule.maximum_length}"
    if len(items) < rule.low or (rule.high is not None and len(items) > rule.high):
        return 9007, f"{len(items)} items, expected {rule.low} to {rule.high}"
    return next((wrong for item in items if (wrong := _problem(syntax, rule.type, item))), None)


def _problem(syntax: Syntax, type_: str, text: str) -> Wrong | None:
    wrong = datatypes.problem(type_, text)
    if wrong is not None:
        return (9007 if wrong.startswith("outside") else 9006), wrong
    text = datatypes.collapse(type_, text)
    if syntax.values and text not in syntax.values:
        return 9007, f"not one of {', '.join(syntax.values)}"[:200]
    if syntax.lengths and not any(_within(_length(type_, text), *size) for size in syntax.lengths):
        return 9007, f"its length is none of {_words(syntax.lengths)}"
    if syntax.ranges and type_ in INTEGERS:
        number = datatypes.parse_integer(text)
        if not any(_within(number, *bounds) for bounds in syntax.ranges):
            return 9007, f"outside {_words(syntax.ranges)}"
    if syntax.patterns and not any(pattern.fullmatch(text) for pattern in syntax.patterns):
        return 9007, "not of the form the data model gives"
    return None


def _within(number: int, low: int | None, high: int | None) -> bool:
    return (low is None or number >= low) and (high is None or number <= high)


def _words(pairs: tuple[tuple[int | None, int | None], ...]) -> str:
    return ", ".join(f"{'' if low is None else low}..{'' if high is None else high}" for low, high in pairs)


def _length(type_: str, text: str) -> int:
    """Characters of a string, octets of binary data."""
    if type_ == "xsd:hexBinary":
        return len(text) // 2
    if type_ == "xsd:base64":
        packed = "".join(text.split())
        return len(packed) * 3 // 4 - packed.count("=")
    return len(text)


def list_items(text: str) -> list[str]:
    """The items of a list; white space around commas is no part of them (TR-106 3.2.3)."""
    return [item.strip(datatypes.XML_SPACE) for item in text.split(",")] if text.strip() else []


def canonical(type_: str, text: str) -> str:
    """The one form in which a value is stored."""
    text = datatypes.collapse(type_, text)
    if type_ == "xsd:boolean":
        return "true" if datatypes.parse_boolean(text) else "false"
    if type_ in INTEGERS:
        return str(datatypes.parse_integer(text))
    return text


def stored_form(syntax: Syntax, text: str) -> str:
    """`canonical`, for lists too."""
    return ",".join(list_items(text)) if syntax.items is not None else canonical(syntax.type, text)


_NEUTRAL: Final = {"xsd:boolean": "false", "xsd:dateTime": UNKNOWN_TIME, "xsd:decimal": "0"}
_GUESSES: Final = (
    "", "0", "1", "0.0", "00:00", "0/0", "0000", "000000", "00000000000000", "000000000000000",
    "00:00:00:00:00:00", "0.0.0.0", "::", "0,0", "1B",
    "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
    "AA ", "A", "http://example.invalid/", "00000000-0000-0000-0000-000000000000",
)  # fmt: skip
"""Values tried where a pattern or a least length forbids the empty string."""


@lru_cache(maxsize=4096)
def neutral(syntax: Syntax) -> str:
    """A legal value for a parameter that nothing is known of: the default, else the plainest one."""
    return next(
        (guess for guess in _candidates(syntax) if value_problem(syntax, guess) is None),
        _NEUTRAL.get(syntax.type, "0" if syntax.type in INTEGERS else ""),
    )


def _candidates(syntax: Syntax) -> list[str]:
    first = [] if syntax.default is None else [syntax.default]
    if syntax.items is not None:
        item = syntax.values[0] if syntax.values else "0"
        return [*first, "", ",".join([item] * syntax.items.low), *_GUESSES]
    if syntax.type in INTEGERS:
        bounds = [str(edge) for pair in syntax.ranges for edge in pair if edge is not None]
        return [*first, "0", *bounds]
    if syntax.type in _NEUTRAL:
        return [*first, _NEUTRAL[syntax.type]]
    least = [low for low, _ in syntax.lengths if low]
    if syntax.type == "xsd:hexBinary":
        return [*first, "", *("00" * low for low in least)]
    if syntax.type == "xsd:base64":
        return [*first, "", *("A" * (-(-low * 4 // 3)) for low in least if low % 3 == 0)]
    return [*first, "", *syntax.values[:1], *_GUESSES, *("x" * low for low in least)]
