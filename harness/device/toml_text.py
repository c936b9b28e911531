"""Writes TOML 1.0.0: what `tomllib` would read back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def dumps(table: Mapping[str, Any]) -> str:
    """*table* as a TOML document: values first, then its tables as ``[sections]``; what is deeper is inline.

    Raises:
        TypeError: a value that TOML has no form for.
    """
    plain = [f"{_key(key)} = {_value(item)}" for key, item in table.items() if not isinstance(item, Mapping)]
    for name, section in table.items():
        if isinstance(section, Mapping):
            plain += [
                "",
                f"[{_key(name)}]",
                *(f"{_key(key)} = {_value(item)}" for key, item in section.items()),
            ]
    return "\n".join(plain).lstrip("\n") + "\n"


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _string(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL and what JSON leaves of surrogates.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _string(value)
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
        case Mapping():
            return "{" + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + "}"
    raise TypeError(f"TOML has no form for {type(value).__name__}")
