"""What most often lies behind a broken requirement, and where to begin: the table ``advice.toml``."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files

import msgspec


class Advice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the table. ``match`` is a pattern of requirement ids, or the name of an area."""

    match: str
    cause: str
    remedy: str


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    advice: tuple[Advice, ...]


@lru_cache(maxsize=1)
def table() -> tuple[Advice, ...]:
    """The rows, in the order of the file: the first that fits counts."""
    text = (files("reports") / "advice.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Table).advice


def advice_for(requirement: str, area: str = "") -> Advice | None:
    """The first row that fits the requirement's id, else the one of its area, else ``None``."""
    rows = table()
    by_id = (row for row in rows if "." in row.match and fnmatchcase(requirement, row.match))
    return next(by_id, None) or next((row for row in rows if row.match == area and area), None)
