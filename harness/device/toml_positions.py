"""Where in a TOML text each key stands, so that an error can name its line (TOML 1.0.0).

`tomllib` tells values but not lines. This walks a text that `tomllib` has accepted: nothing is checked twice.
"""

from __future__ import annotations

import re
import tomllib
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys, and indexes into arrays: ``("template", 0, "source")``."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|"{1,2}(?!")|[^"\\])*"{3,5}'
    r"|'''(?:'{1,2}(?!')|[^'])*'{3,5}"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]+")
_SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)
_KEY = re.compile(r"""\s*(?:\[{1,2}\s*(?P<table>[\w."'-]+)|(?P<key>[\w."'-]+)\s*=)""", re.ASCII)


def positions(text: str) -> dict[Path, int]:
    """The line, from 1, of every key, table and array element of *text*, which must be valid TOML."""
    return _Walk(text).run()


def syntax_error(text: str, error: tomllib.TOMLDecodeError) -> tuple[int, str]:
    """Line and reason of what *error* says about *text*."""
    found = _SYNTAX.fullmatch(str(error))
    if found is None:
        return 1, str(error)
    last = text.rstrip().count("\n") + 1
    return int(found["line"]) if found["line"] else last, found["what"]


def key_on(text: str, line: int) -> str:
    """The key that *line* of a perhaps invalid text begins with; empty where there is none."""
    lines = text.splitlines()
    found = _KEY.match(lines[line - 1]) if 0 < line <= len(lines) else None
    return (found["table"] or found["key"]) if found else ""


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.arrays: dict[Path, int] = {}
        """Arrays of tables, and the index of their last element."""

    def run(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            table = self.header() if self.peek("[") else self.pair(table)
            self.skip(_BLANK)
        return self.found

    def header(self) -> Path:
        double = self.peek("[[")
        line = self.line()
        self.at += 2 if double else 1
        self.skip(_SPACE)
        path = self.dotted((), line)
        self.skip(_SPACE)
        self.at += 2 if double else 1
        if not double:
            return path
        index = self.arrays[path] = self.arrays.get(path, -1) + 1
        self.found[(*path, index)] = line
        return (*path, index)

    def dotted(self, table: Path, line: int) -> Path:
        """A key, dotted or not, below *table*; an array of tables on the way stands for its last element."""
        path = table
        while True:
            path = (*path, self.key())
            self.found.setdefault(path, line)
            self.skip(_SPACE)
            if not self.peek("."):
                return path
            self.at += 1
            self.skip(_SPACE)
            if path in self.arrays:
                path = (*path, self.arrays[path])

    def key(self) -> str:
        bare = self.skip(_BARE)
        if bare:
            return bare
        return str(tomllib.loads(f"k = {self.skip(_STRING)}")["k"])

    def pair(self, table: Path) -> Path:
        """``key = value`` below *table*, which is returned."""
        path = self.dotted(table, self.line())
        self.skip(_SPACE)
        self.at += 1
        self.skip(_SPACE)
        self.value(path)
        return table

    def value(self, path: Path) -> None:
        if self.peek("["):
            self.elements(path)
        elif self.peek("{"):
            self.inline(path)
        elif not self.skip(_STRING):
            self.skip(_SCALAR)

    def elements(self, path: Path) -> None:
        self.at += 1
        self.skip(_BLANK)
        index = 0
        while not self.peek("]"):
            self.found[(*path, index)] = self.line()
            self.value((*path, index))
            index += 1
            self.next_element()
        self.at += 1

    def inline(self, path: Path) -> None:
        self.at += 1
        self.skip(_BLANK)
        while not self.peek("}"):
            self.pair(path)
            self.next_element()
        self.at += 1

    def next_element(self) -> None:
        self.skip(_BLANK)
        if self.peek(","):
            self.at += 1
            self.skip(_BLANK)

    def peek(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found[0]

    def line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1
