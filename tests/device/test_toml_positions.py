"""The position finder against hand-counted lines, and against tomllib for completeness."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.device.toml_positions import key_on, positions, syntax_error

TEXT = '''\
# a comment = 1
name = "x # not a comment"
a.b.c = 1
"quoted key" = 2
'lit' = [
  1,  # one
  [2, 3],
  { k = "v", deep = { er = 1 } },
]
text = """
[not.a.table]
not = "a key"
"quoted"" twice""""
after = 1979-05-27T07:32:00Z
multi = \'\'\'
fake = 1\'\'\'

[table]   # comment
key = true
  [ table . "sub.table" ]
  deep = 1.5

[[many]]
one = 1
[many.child]
two = 2
[[many]]
one = 3
[[many.inner]]
x = 1
[[many.inner]]
x = 2
'''

LINES = {
    ("name",): 2,
    ("a",): 3,
    ("a", "b", "c"): 3,
    ("quoted key",): 4,
    ("lit",): 5,
    ("lit", 0): 6,
    ("lit", 1): 7,
    ("lit", 1, 1): 7,
    ("lit", 2): 8,
    ("lit", 2, "deep", "er"): 8,
    ("text",): 10,
    ("after",): 14,
    ("multi",): 15,
    ("table",): 18,
    ("table", "key"): 19,
    ("table", "sub.table"): 20,
    ("table", "sub.table", "deep"): 21,
    ("many", 0): 23,
    ("many", 0, "one"): 24,
    ("many", 0, "child", "two"): 26,
    ("many", 1, "one"): 28,
    ("many", 1, "inner", 0, "x"): 30,
    ("many", 1, "inner", 1): 31,
    ("many", 1, "inner", 1, "x"): 32,
}


def paths(value: Any, at: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at} | {path for key, child in items for path in paths(child, (*at, key))}


@pytest.mark.parametrize(("path", "line"), LINES.items(), ids=str)
def test_line_of_key(path: tuple[str | int, ...], line: int) -> None:
    assert positions(TEXT)[path] == line


def test_every_value_of_the_text_has_a_position_and_nothing_else_has() -> None:
    assert set(positions(TEXT)) == paths(tomllib.loads(TEXT)) - {()}


def test_windows_line_ends() -> None:
    assert positions("a = 1\r\n[b]\r\nc = [\r\n1,\r\n]\r\nd=2\r\n")["b", "d"] == 6


def test_real_files_are_covered() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert set(positions(text)) == paths(tomllib.loads(text)) - {()}


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("a = 1\nb = \nc = 2\n", 2, "b"),
        ("a = 1\n\n[t\nb = 2\n", 3, "t"),
        ("a = 1\na = 2\n", 2, "a"),
        ("x = [1,\n2\n", 2, ""),
    ],
)
def test_syntax_error(text: str, line: int, key: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    found, what = syntax_error(text, caught.value)
    assert found == line
    assert "line" not in what
    assert key_on(text, found) == key
