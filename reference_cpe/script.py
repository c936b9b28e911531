"""Scripts (``.lcs``) as a Download delivers them.

A line is empty, a comment (``#``), ``lang ...``, ``flash ...`` or ``exit`` (taken and ignored, as exported
scripts begin and end with them), or one of::

    set /Setup/CWMP/<Name> <value>       a setting; the names are those of `reference_cpe.settings`
    set /Setup/Comment <text>            the comment, visible as Device.X_EXAMPLE-ORG_Comment

A value with blanks stands in double quotes. Booleans are ``yes`` and ``no``. A script is carried out as a
whole or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from reference_cpe.settings import SETTINGS, Refused, boolean, number

_SET = re.compile(r'set\s+(/\S+)\s+(?:"([^"]*)"|(\S+))\s*', re.IGNORECASE)
_IGNORED = re.compile(r"(#.*|lang(\s.*)?|flash(\s.*)?|exit)?", re.IGNORECASE)
_COMMENT: Final = "/setup/comment"
_PREFIX: Final = "/setup/cwmp/"
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


def read(data: bytes) -> Script:
    """Read a script.

    Raises:
        BadScript: not text, an unknown line or setting, or a bad value.
    """
    if len(data) > MOST:
        raise BadScript(f"longer than {MOST} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadScript("not UTF-8 text") from None
    script = Script()
    for at, line in enumerate(lines, 1):
        try:
            _line(line.strip(), script)
        except Refused as error:
            raise BadScript(f"line {at}: {error}") from None
    if not script.settings and script.comment is None:
        raise BadScript("no set line in it")
    return script


def _line(line: str, script: Script) -> None:
    if _IGNORED.fullmatch(line):
        return
    match = _SET.fullmatch(line)
    if match is None:
        raise Refused(f"not understood: {line[:40]!r}")
    path = match[1].lower()
    value = match[2] if match[2] is not None else match[3]
    if path == _COMMENT:
        if len(value) > 256 or not value.isprintable():
            raise Refused("a comment is at most 256 printable characters")
        script.comment = value
        return
    setting = _BY_NAME.get(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None
    if setting is None:
        raise Refused(f"unknown path {match[1][:60]!r}")
    script.settings[setting.key] = setting.check(_value(setting.type, value))


def _value(type_: str, text: str) -> object:
    if type_ == "boolean":
        return boolean(_WORDS.get(text.lower()))
    if type_ == "integer":
        if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII):
            raise Refused("expected a whole number")
        return number(0, 2**32)(int(text))
    return text
