"""Lexical forms of the data types of CWMP: XML Schema part 2 and the dateTime rules of TR-106 (3.2, 3.3)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Final

from harness.cwmp.messages import UNKNOWN_TIME

XML_SPACE: Final = " \t\r\n"
INFINITE_TIME: Final = "9999-12-31T23:59:59Z"
"""TR-106 3.3: a time that never comes."""
BOOLEANS: Final = {"1": True, "true": True, "0": False, "false": False}
RANGES: Final = {
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedLong": (0, 2**64 - 1),
}

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_BASE64 = re.compile(r"(?>([A-Za-z0-9+/]{4})*)(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", re.ASCII)
_HEX = re.compile(r"(?>([0-9A-Fa-f]{2})*)", re.ASCII)
_DATE_TIME = re.compile(
    r"(-?[0-9]{4,9})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_DIGITS = 40
"""More digits than any of the types can need; longer numbers are not converted."""


class TimeKind(Enum):
    """What a TR-106 dateTime stands for."""

    UNKNOWN = "unknown"
    INFINITE = "infinite"
    RELATIVE = "relative"
    """Time since boot: no zone, year below 1000."""
    ABSOLUTE = "absolute"
    UNZONED = "unzoned"
    """A date without a zone: legal XML Schema, but no instant."""


@dataclass(frozen=True, slots=True)
class Time:
    """A dateTime, read: ``instant`` for an absolute one (aware), ``since_boot`` for a relative one."""

    kind: TimeKind
    instant: datetime | None = None
    since_boot: timedelta | None = None


def _integer(name: str) -> Callable[[str], str | None]:
    low, high = RANGES[name]

    def judge(text: str) -> str | None:
        if not _INTEGER.fullmatch(text):
            return f"not a number of type {name}"
        if len(text) > _DIGITS and len(text.lstrip("+-").lstrip("0")) > _DIGITS:
            return f"outside {low}..{high}"
        return None if low <= parse_integer(text) <= high else f"outside {low}..{high}"

    return judge


def _matching(pattern: re.Pattern[str], name: str) -> Callable[[str], str | None]:
    return lambda text: None if pattern.fullmatch(text) else f"not {name}"


def _base64(text: str) -> str | None:
    return None if _BASE64.fullmatch("".join(text.split())) else "not base64"


def _date_time(text: str) -> str | None:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        return "not of the form YYYY-MM-DDThh:mm:ss[.f][Z|+hh:mm|-hh:mm]"
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if year == 0:
        return "year 0000"
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month):
        return "no such day"
    if minute > 59 or second > 59 or hour > 24 or (hour == 24 and (minute or second or _fraction(match[7]))):
        return "no such time of day"
    return None if _offset(match[8]) is not None or match[8] is None else "no such zone"


def _days(year: int, month: int) -> int:
    return (
        29
        if month == 2 and calendar.isleap(year)
        else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    )


def _fraction(text: str | None) -> int:
    """Microseconds of ``.ffffff``; further digits are cut."""
    return int(text[1:7].ljust(6, "0")) if text else 0


def _offset(text: str | None) -> timedelta | None:
    """The offset of a zone, or ``None`` where there is none or it lies beyond 14 hours."""
    if not text:
        return None
    if text == "Z":
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        return None
    size = timedelta(hours=hours, minutes=minutes)
    return -size if text[0] == "-" else size


def _always(_text: str) -> None:
    return None


_JUDGES: Final[dict[str, Callable[[str], str | None]]] = {
    "string": _always,
    "anyURI": _always,
    "normalizedString": _always,
    "token": _always,
    "anySimpleType": _always,
    "boolean": lambda text: None if text in BOOLEANS else "not one of 0, 1, true, false",
    "dateTime": _date_time,
    "decimal": _matching(_DECIMAL, "a decimal number"),
    "integer": _matching(_INTEGER, "an integer"),
    "base64": _base64,
    "base64Binary": _base64,
    "hexBinary": _matching(_HEX, "an even number of hexadecimal digits"),
    **{name: _integer(name) for name in RANGES},
}
_PRESERVED: Final = frozenset({"string", "anySimpleType"})


def is_known(type_: str) -> bool:
    """Whether *type_* (``int``, ``xsd:int``, ``soapenc:base64``) is a type that a Value may declare."""
    return type_.rpartition(":")[2] in _JUDGES


def collapse(type_: str, text: str) -> str:
    """*text* as XML Schema's whiteSpace facet leaves it: strings untouched, all else stripped."""
    return text if type_.rpartition(":")[2] in _PRESERVED else text.strip(XML_SPACE)


def problem(type_: str, text: str) -> str | None:
    """Why *text* is not in the lexical space of *type_* (prefix allowed), or ``None`` when it is.

    Raises:
        KeyError: the type is not a known one (`is_known`).
    """
    return _JUDGES[type_.rpartition(":")[2]](collapse(type_, text))


def parse_boolean(text: str) -> bool:
    """``1``, ``true``, ``0``, ``false``.

    Raises:
        ValueError: anything else.
    """
    try:
        return BOOLEANS[text.strip(XML_SPACE)]
    except KeyError:
        raise ValueError(f"not a boolean: {text[:20]!r}") from None


def parse_integer(text: str) -> int:
    """An integer with sign and leading zeros as XML Schema allows them.

    Raises:
        ValueError: not an integer, or of absurd length.
    """
    stripped = text.strip(XML_SPACE)
    if not _INTEGER.fullmatch(stripped):
        raise ValueError(f"not an integer: {stripped[:20]!r}")
    digits = stripped.lstrip("+-").lstrip("0") or "0"
    if len(digits) > _DIGITS:
        raise ValueError(f"integer of {len(digits)} digits")
    return -int(digits) if stripped[0] == "-" else int(digits)


def time_problem(text: str) -> str | None:
    """Why *text* is not a dateTime as TR-106 3.2 wants one, or ``None``.

    Beyond XML Schema: a date of year 1000 or later names its zone, an earlier one does not (time since
    boot), but for the Unknown Time.
    """
    wrong = problem("dateTime", text)
    if wrong is not None:
        return wrong
    time = parse_time(text)
    if time.kind is TimeKind.UNZONED:
        return "no zone, though the year is not below 1000"
    if time.kind is TimeKind.ABSOLUTE and int(_date_parts(text)[1]) < 1000:
        return "a zone, though the year is below 1000 and the value is not the Unknown Time"
    return None


def _date_parts(text: str) -> re.Match[str]:
    match = _DATE_TIME.fullmatch(text.strip(XML_SPACE))
    if match is None or _date_time(match[0]) is not None:
        raise ValueError(f"not a dateTime: {text[:40]!r}")
    return match


def parse_time(text: str) -> Time:
    """What a dateTime stands for.

    Years that Python cannot hold (beyond 1..9999) come without an instant.

    Raises:
        ValueError: not a dateTime.
    """
    match = _date_parts(text)
    if match[0] in {UNKNOWN_TIME, UNKNOWN_TIME[:-1] + "+00:00", UNKNOWN_TIME[:-1] + "-00:00"}:
        return Time(TimeKind.UNKNOWN)
    if match[0] == INFINITE_TIME:
        return Time(TimeKind.INFINITE)
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    if not 1 <= year <= 9999:
        return Time(TimeKind.ABSOLUTE if match[8] else TimeKind.UNZONED)
    offset = _offset(match[8])
    clock = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=_fraction(match[7]))
    start = datetime(year, month, day)
    if offset is None:
        if year >= 1000:
            return Time(TimeKind.UNZONED)
        return Time(TimeKind.RELATIVE, since_boot=start - datetime(1, 1, 1) + clock)
    try:
        return Time(TimeKind.ABSOLUTE, instant=start.replace(tzinfo=timezone(offset)) + clock)
    except OverflowError:
        return Time(TimeKind.ABSOLUTE)


def format_time(unix: float, offset_minutes: int = 0) -> str:
    """The dateTime of *unix* (seconds since 1970, UTC) in a zone; ``Z`` for UTC; whole seconds."""
    moment = datetime.fromtimestamp(int(unix), timezone(timedelta(minutes=offset_minutes)))
    text = moment.isoformat(timespec="seconds")
    return text.removesuffix("+00:00") + "Z" if offset_minutes == 0 else text


def format_since_boot(seconds: float) -> str:
    """The relative dateTime (no zone, year 1 on) of a device that does not know the time (TR-106 3.2)."""
    return (datetime(1, 1, 1) + timedelta(seconds=int(seconds))).isoformat(timespec="seconds")
