"""Values by type: what may be set, what must be refused, what is odd but legal; when two texts are one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.cwmp import datatypes


@dataclass(frozen=True, slots=True)
class Samples:
    """Texts of one type. ``valid`` may still lie outside the range or enumeration of the parameter."""

    valid: tuple[str, ...]
    invalid: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    """In the lexical space only after white space or sign is taken away: taken as the value, or refused."""


def _integers(name: str) -> Samples:
    low, high = datatypes.RANGES[name]
    size = high - low + 1
    return Samples(
        ("0", "1", "5", "10", "42", "100", str(low), str(high)),
        (
            str(high + 1),
            str(low - 1),
            str(high + 4),
            str(low + 2 * size + 7),
            "",
            "abc",
            "0x10",
            "1e3",
            "3.5",
            "--1",
        ),
        ("+5", "007", " 6 "),
    )


SAMPLES: Final[Mapping[str, Samples]] = {
    "string": Samples(
        ("", "a", "abc", "Red", "x" * 16, "y" * 32, "z" * 33, "w" * 64, "v" * 65, "u" * 256, "t" * 300,
         "a&b<c>\"d'", "äöü €", "two  blanks", "%n%s%x", "tab\tand\nline"),
    ),
    "boolean": Samples(("0", "1", "true", "false"), ("True", "yes", "2", "", "on", "-1"), (" 1 ", " true ")),
    "dateTime": Samples(
        ("2026-01-02T03:04:05Z", "2030-12-31T23:59:59Z", "0001-01-01T00:00:00Z"),
        ("2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "yesterday", "", "2026-01-01", "1767225600"),
        ("2026-01-02T03:04:05+02:00",),
    ),
    "base64": Samples(("", "AAAA", "QUJD", "QUI="), ("A", "====", "A*AA"), ("QU JD",)),
    "hexBinary": Samples(("", "00ff", "DEADBEEF"), ("0", "zz", "0x00")),
    **{name: _integers(name) for name in datatypes.RANGES},
}  # fmt: skip
SAMPLES_OF: Final[Mapping[str, Samples]] = {**SAMPLES, "base64Binary": SAMPLES["base64"]}


def samples(type_: str) -> Samples:
    """The samples of a type with prefix; none of a type that the model does not know."""
    return SAMPLES_OF.get(type_.rpartition(":")[2], Samples(()))


def same(type_: str, one: str, other: str) -> bool:
    """Whether two texts are the same value of *type_*; a device may store any form of it."""
    return one == other or _value(type_, one) == _value(type_, other)


def _value(type_: str, text: str) -> object:
    name = type_.rpartition(":")[2]
    try:
        if name == "boolean":
            return datatypes.parse_boolean(text)
        if name in datatypes.RANGES:
            return datatypes.parse_integer(text)
        if name == "dateTime":
            return datatypes.parse_time(text)
    except ValueError:
        return text
    if name in ("base64", "base64Binary"):
        return "".join(text.split())
    if name == "hexBinary":
        return text.strip().lower()
    # A list is a string on the wire, and white space around its commas is no part of the items (TR-106 3.2.3).
    return [item.strip(datatypes.XML_SPACE) for item in text.split(",")] if "," in text else text
