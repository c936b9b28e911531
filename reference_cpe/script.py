"""Scripts (``.lcs``) as a Download delivers them.

A line is empty, a comment (``#``), ``lang ...``, ``flash ...`` or ``exit`` (taken and ignored, as exported
scripts begin and end with them), or one of::

    set /Setup/CWMP/<Name> <value>       a setting; the names are those of `reference_cpe.settings`
    set /Setup/Comment <text>            the comment, visible as Device.X_EXAMPLE-ORG_Comment
    add /Setup/IPv6/Firewall/Inbound-Rules <name> {<Column>} <value> ...
                                         an inbound rule of the IPv6 firewall, in place of one of that name
    del /Setup/IPv6/Firewall/Inbound-Rules <name>
                                         takes a rule away; ``*`` all of them

A value with blanks stands in double quotes, a double quote in it is written twice. Booleans are ``yes`` and
``no``. A script is carried out as a whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reference_cpe.settings import SETTINGS, Refused, Rule, boolean, number, rules, text, to_json

_WORD = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^\s"]+))(?=\s|$)')
_IGNORED = re.compile(r"(#.*|lang(\s.*)?|flash(\s.*)?|exit)?", re.IGNORECASE)
_COMMENT: Final = "/setup/comment"
_CWMP: Final = "/setup/cwmp/"
_RULES: Final = "/setup/ipv6/firewall/inbound-rules"
_BY_NAME: Final = {setting.name.lower(): setting for setting in SETTINGS.values() if setting.name}
_WORDS: Final = {"yes": True, "no": False}
MOST = 256 * 1024


class BadScript(ValueError):
    """A script that is not carried out; the message names the line and the reason."""


@dataclass(slots=True)
class Script:
    """What a script asks for."""

    settings: dict[str, Any] = field(default_factory=dict)
    comment: str | None = None


def read(data: bytes, present: Sequence[Rule] = ()) -> Script:
    """Read a script. *present* are the inbound rules that its ``add`` and ``del`` begin with.

    Raises:
        BadScript: not text, an unknown line, path or rule, or a bad value.
    """
    if len(data) > MOST:
        raise BadScript(f"longer than {MOST} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadScript("not UTF-8 text") from None
    reader = _Reader(present)
    for at, line in enumerate(lines, 1):
        try:
            reader.line(line.strip())
        except Refused as error:
            raise BadScript(f"line {at}: {error}") from None
    if not reader.found.settings and reader.found.comment is None:
        raise BadScript("no set, add or del line in it")
    return reader.found


class _Reader:
    """A script while it is read."""

    def __init__(self, present: Sequence[Rule]) -> None:
        self.found = Script()
        self._rules: dict[str, dict[str, Any]] = {rule["name"]: rule for rule in to_json(tuple(present))}

    def line(self, line: str) -> None:
        if _IGNORED.fullmatch(line):
            return
        command, *words = _words(line)
        if command.lower() not in ("set", "add", "del") or not words:
            raise Refused(f"not understood: {line[:40]!r}")
        path, *values = words
        match command.lower(), path.lower():
            case "set", low if low == _COMMENT or low.startswith(_CWMP):
                self._set(path, values)
            case "add", low if low == _RULES:
                self._add(values)
            case "del", low if low == _RULES:
                self._delete(values)
            case _:
                raise Refused(f"unknown path {path[:60]!r}")

    def _set(self, path: str, values: list[str]) -> None:
        if len(values) != 1:
            raise Refused("expected one value; one with blanks stands in double quotes")
        if path.lower() == _COMMENT:
            if len(values[0]) > 256 or not values[0].isprintable():
                raise Refused("a comment is at most 256 printable characters")
            self.found.comment = values[0]
            return
        setting = _BY_NAME.get(path.lower().removeprefix(_CWMP))
        if setting is None:
            raise Refused(f"unknown path {path[:60]!r}")
        self.found.settings[setting.key] = setting.check(_VALUES[setting.type](values[0]))

    def _add(self, values: list[str]) -> None:
        name, *columns = values or [""]
        rule: dict[str, Any] = {"name": name}
        if len(columns) % 2:
            raise Refused("expected a name, then {Column} and value in turn")
        for column, value in zip(columns[::2], columns[1::2], strict=True):
            key, convert = _COLUMNS.get(column.lower(), ("", str))
            if not key:
                known = ", ".join("{" + known.strip("{}").title() + "}" for known in _COLUMNS)
                raise Refused(f"unknown column {column[:40]!r}, expected one of {known}")
            rule[key] = convert(value)
        rules([rule])
        self._take({**self._rules, name: rule})

    def _delete(self, values: list[str]) -> None:
        if len(values) != 1:
            raise Refused("expected the name of one rule, or *")
        if values[0] == "*":
            self._take({})
            return
        if values[0] not in self._rules:
            raise Refused(f"there is no rule {values[0][:40]!r}")
        self._take({name: rule for name, rule in self._rules.items() if name != values[0]})

    def _take(self, wanted: dict[str, dict[str, Any]]) -> None:
        self._rules = wanted
        self.found.settings["ipv6_inbound_rules"] = rules(list(wanted.values()))


def _words(line: str) -> list[str]:
    words: list[str] = []
    at = 0
    while at < len(line):
        match = _WORD.match(line, at)
        if match is None:
            raise Refused(f"not understood: {line[at : at + 40]!r}")
        words.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        at = match.end()
    return words


def _boolean(value: str) -> bool:
    if value.lower() not in _WORDS:
        raise Refused("expected yes or no")
    return boolean(_WORDS[value.lower()])


def _number(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", value, re.ASCII):
        raise Refused("expected a whole number")
    return number(0, 2**32)(int(value))


def _items(nothing: str, convert: Callable[[str], object]) -> Callable[[str], list[object]]:
    """A list with commas; the word *nothing* is the empty one, which does not restrict."""

    def read_items(value: str) -> list[object]:
        return [] if value.lower() == nothing else [convert(item) for item in _split(value)]

    return read_items


def _split(value: str) -> Iterable[str]:
    return (item.strip() for item in value.split(","))


_VALUES: Final[dict[str, Callable[[str], object]]] = {
    "boolean": _boolean,
    "integer": _number,
    "string": text(MOST),
}
_COLUMNS: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "{active}": ("active", _boolean),
    "{prio}": ("priority", _number),
    "{action}": ("action", str.lower),
    "{services}": ("ports", _items("any", _number)),
    "{source-stations}": ("sources", _items("anyhost", str)),
}
"""Column of LCOS's table to field of a rule."""
