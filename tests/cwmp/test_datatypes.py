"""Lexical forms, against lists written by hand from XML Schema part 2 and TR-106."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.cwmp import datatypes as d

GOOD = {
    "boolean": ["0", "1", "true", "false", " true\n"],
    "int": ["0", "-2147483648", "2147483647", "+5", "007", "-0"],
    "unsignedInt": ["0", "4294967295", "+1", "000000000000000000000000000000000000000000000001"],
    "long": ["-9223372036854775808"],
    "unsignedLong": ["18446744073709551615"],
    "dateTime": [
        "2024-02-29T00:00:00Z",
        "2024-12-31T24:00:00Z",
        "2024-01-01T00:00:00.123456789+14:00",
        "0001-01-01T00:00:00Z",
        "0001-01-02T03:04:05",
        "12024-01-01T00:00:00-13:59",
        "-0044-03-15T12:00:00",
    ],
    "base64": ["", "AA==", "AAA=", "AAAA", "AA\r\nAA"],
    "hexBinary": ["", "0aFF"],
    "decimal": ["1", "-1.5", ".5", "1."],
    "string": ["", " x ", "\u00e9"],
}
BAD = {
    "boolean": ["", "TRUE", "yes", "2", "tru e"],
    "int": ["", "2147483648", "-2147483649", "1.0", "0x1", "1 2", "--1", "\u0661", "9" * 5000],
    "unsignedInt": ["-1", "4294967296", "1e3"],
    "long": ["9223372036854775808"],
    "unsignedLong": ["18446744073709551616"],
    "dateTime": [
        "",
        "2024-01-01",
        "2024-01-01 00:00:00",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:01Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00+1:00",
        "2024-01-01T00:00:00+14:01",
        "0000-01-01T00:00:00Z",
        "24-01-01T00:00:00Z",
        "2024-1-1T00:00:00Z",
    ],
    "base64": ["A", "AA", "AA=A", "A===", "\u00e9AAA", "AAAA="],
    "hexBinary": ["a", "0g"],
    "decimal": ["", ".", "1e3"],
}


@pytest.mark.parametrize(("type_", "text"), [(t, x) for t, xs in GOOD.items() for x in xs])
def test_good(type_: str, text: str) -> None:
    assert d.problem(type_, text) is None
    assert d.problem(f"xsd:{type_}", text) is None


@pytest.mark.parametrize(("type_", "text"), [(t, x) for t, xs in BAD.items() for x in xs])
def test_bad(type_: str, text: str) -> None:
    assert d.problem(type_, text)


def test_unknown_types() -> None:
    assert d.is_known("soapenc:base64")
    assert not d.is_known("xsd:duck")
    with pytest.raises(KeyError):
        d.problem("xsd:duck", "")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0001-01-01T00:00:00Z", d.TimeKind.UNKNOWN),
        ("0001-01-01T00:00:00+00:00", d.TimeKind.UNKNOWN),
        ("9999-12-31T23:59:59Z", d.TimeKind.INFINITE),
        ("0001-01-01T00:00:00", d.TimeKind.RELATIVE),
        ("0002-01-01T00:00:00.5", d.TimeKind.RELATIVE),
        ("2024-01-01T00:00:00", d.TimeKind.UNZONED),
        ("2024-01-01T00:00:00Z", d.TimeKind.ABSOLUTE),
        ("99999-01-01T00:00:00Z", d.TimeKind.ABSOLUTE),
        ("9999-12-31T24:00:00Z", d.TimeKind.ABSOLUTE),
    ],
)
def test_kinds_of_time(text: str, kind: d.TimeKind) -> None:
    assert d.parse_time(text).kind is kind


def test_instants() -> None:
    assert d.parse_time("2024-01-01T01:30:00.25+01:00").instant == datetime(2024, 1, 1, 0, 30, 0, 250000, UTC)
    assert d.parse_time("2024-12-31T24:00:00Z").instant == datetime(2025, 1, 1, tzinfo=UTC)
    assert d.parse_time("0001-01-02T00:00:10").since_boot == timedelta(days=1, seconds=10)
    with pytest.raises(ValueError, match="not a dateTime"):
        d.parse_time("2024-02-30T00:00:00Z")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2024-01-01T00:00:00Z", True),
        ("2024-01-01T00:00:00+02:00", True),
        ("0001-01-01T00:00:00Z", True),
        ("0001-01-01T01:00:00", True),
        ("9999-12-31T23:59:59Z", True),
        ("2024-01-01T00:00:00", False),
        ("0001-01-01T01:00:00Z", False),
        ("yesterday", False),
    ],
)
def test_tr106_rules_of_time(text: str, good: bool) -> None:
    assert (d.time_problem(text) is None) is good


def test_written_times() -> None:
    assert d.format_time(1709164800) == "2024-02-29T00:00:00Z"
    assert d.format_time(1709164800.9, 90) == "2024-02-29T01:30:00+01:30"
    assert d.format_since_boot(86_405) == "0001-01-02T00:00:05"
