"""Edits of an HTTP message as octets: what the surfaces ``connection-request``, ``http`` and ``file`` are shrunk by.

Pure. Texts in an edit are octets read as latin-1, places are octets of the template, header names are compared
without case. An edit that does not fit (its header is gone, say) changes nothing, so that any subset of a
program's edits is a program.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

import msgspec

from harness.fuzz.program import Action, Edit, Program, Raw

_Editor: TypeAlias = Callable[[bytes, Edit], bytes]
_SHOWN: Final = 48


def apply(template: bytes, edits: Iterable[Edit]) -> bytes:
    """*template* with *edits*, one after the other.

    Raises:
        KeyError: an operation that nobody knows.
    """
    data = template
    for edit in edits:
        data = EDITORS[edit.op](data, edit)
    return data


def rebuild(program: Program, edits: Iterable[Edit]) -> Program:
    """*program* with *edits* in place of those it was made with: what the shrinker tries.

    Raises:
        ValueError: the program was not made by edits of a template that it writes.
    """
    kept = tuple(edits)
    before, after = apply(program.origin.template, program.origin.edits), apply(program.origin.template, kept)
    if not program.origin.edits or Raw(before) not in program.actions:
        raise ValueError("not made by edits of an HTTP message")
    actions: tuple[Action, ...] = tuple(
        Raw(after) if action == Raw(before) else action for action in program.actions
    )
    origin = msgspec.structs.replace(program.origin, edits=kept)
    return msgspec.structs.replace(program, actions=actions, origin=origin, says=says(kept))


def says(edits: Iterable[Edit]) -> str:
    """The edits in words."""
    return "; ".join(edit.says or edit.op for edit in edits) or "nothing changed"


# --- the pieces of a message ---


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    """The lines of the head, without their ends, and the body."""
    head, _, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def _join(lines: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _octets(text: str) -> bytes:
    return text.encode("latin-1", "replace")


def _named(lines: list[bytes], name: str) -> int:
    """Index of the header *name*, or -1."""
    wanted = _octets(name).lower()
    for index, line in enumerate(lines[1:], 1):
        if line.partition(b":")[0].strip().lower() == wanted:
            return index
    return -1


# --- operations ---


def _start_line(data: bytes, edit: Edit) -> bytes:
    lines, body = _split(data)
    return _join([_octets(edit.args[0]), *lines[1:]], body)


def _set_header(data: bytes, edit: Edit) -> bytes:
    lines, body = _split(data)
    index = _named(lines, edit.where)
    if index < 0:
        return data
    lines[index] = _octets(f"{edit.where}: {edit.args[0]}")
    return _join(lines, body)


def _add_header(data: bytes, edit: Edit) -> bytes:
    lines, body = _split(data)
    return _join([*lines, _octets(f"{edit.where}: {edit.args[0]}")], body)


def _drop_header(data: bytes, edit: Edit) -> bytes:
    lines, body = _split(data)
    index = _named(lines, edit.where)
    return data if index < 0 else _join(lines[:index] + lines[index + 1 :], body)


def _flood_headers(data: bytes, edit: Edit) -> bytes:
    """args: number of headers, value. ``%d`` in the name counts them."""
    lines, body = _split(data)
    name, value = edit.where, edit.args[1]
    more = [_octets(f"{name.replace('%d', str(n))}: {value}") for n in range(int(edit.args[0]))]
    return _join([*lines, *more], body)


def _line(data: bytes, edit: Edit) -> bytes:
    """A line of any kind behind the head's last, args: its octets."""
    lines, body = _split(data)
    return _join([*lines, _octets(edit.args[0])], body)


def _grow_header(data: bytes, edit: Edit) -> bytes:
    """args: what is written how often behind the value of the header, which is made where it is missing."""
    lines, body = _split(data)
    more = _octets(edit.args[0]) * int(edit.args[1])
    index = _named(lines, edit.where)
    if index < 0:
        return _join([*lines, _octets(edit.where) + b": " + more], body)
    lines[index] += more
    return _join(lines, body)


def _grow_target(data: bytes, edit: Edit) -> bytes:
    lines, body = _split(data)
    words = lines[0].split(b" ")
    if len(words) < 2:
        return data
    words[1] += _octets(edit.args[0]) * int(edit.args[1])
    return _join([b" ".join(words), *lines[1:]], body)


def _body(data: bytes, edit: Edit) -> bytes:
    """args: octets, times; in place of the body, no header changed."""
    lines, _ = _split(data)
    return _join(lines, _octets(edit.args[0]) * int(edit.args[1]))


def _insert(data: bytes, edit: Edit) -> bytes:
    at = int(edit.where)
    return data[:at] + _octets(edit.args[0]) + data[at:]


def _delete(data: bytes, edit: Edit) -> bytes:
    at = int(edit.where)
    return data[:at] + data[at + int(edit.args[0]) :]


def _flip(data: bytes, edit: Edit) -> bytes:
    at, mask = int(edit.where), int(edit.args[0])
    return data if at >= len(data) else data[:at] + bytes((data[at] ^ mask,)) + data[at + 1 :]


def _truncate(data: bytes, edit: Edit) -> bytes:
    return data[: int(edit.where)]


def _line_ends(data: bytes, edit: Edit) -> bytes:
    lines, body = _split(data)
    end = _octets(edit.args[0])
    return end.join(lines) + end + end + body


def _parameter(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?i)(?<=[ ,])" + re.escape(_octets(name)) + rb'=("(?:[^"\\]|\\.)*"|[^,]*)')


def _in_authorization(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    lines, body = _split(data)
    index = _named(lines, "Authorization")
    if index < 0:
        return data
    lines[index] = change(lines[index])
    return _join(lines, body)


def _set_parameter(data: bytes, edit: Edit) -> bytes:
    """args: the text behind the equals sign, quotes included; how often it is repeated (default once)."""
    times = int(edit.args[1]) if len(edit.args) > 1 else 1
    text = _octets(edit.args[0]) * times
    if len(edit.args) > 1:
        text = b'"' + text + b'"'
    found = _parameter(edit.where)
    piece = _octets(edit.where) + b"=" + text
    return _in_authorization(data, lambda line: found.sub(lambda _match: piece, line, count=1))


def _drop_parameter(data: bytes, edit: Edit) -> bytes:
    found = re.compile(rb",?\s*" + _parameter(edit.where).pattern.replace(rb"(?i)(?<=[ ,])", b""), re.I)
    return _in_authorization(data, lambda line: found.sub(b"", line, count=1))


def _add_parameter(data: bytes, edit: Edit) -> bytes:
    """args: text, times; ``%d`` in the name counts them."""
    times = int(edit.args[1]) if len(edit.args) > 1 else 1
    more = b"".join(
        b", " + _octets(edit.where.replace("%d", str(n))) + b"=" + _octets(edit.args[0]) for n in range(times)
    )
    return _in_authorization(data, lambda line: line + more)


EDITORS: Final[Mapping[str, _Editor]] = {
    "start-line": _start_line,
    "set-header": _set_header,
    "add-header": _add_header,
    "drop-header": _drop_header,
    "grow-header": _grow_header,
    "flood-headers": _flood_headers,
    "grow-target": _grow_target,
    "line": _line,
    "body": _body,
    "insert": _insert,
    "delete": _delete,
    "flip": _flip,
    "truncate": _truncate,
    "line-ends": _line_ends,
    "set-parameter": _set_parameter,
    "drop-parameter": _drop_parameter,
    "add-parameter": _add_parameter,
}
"""Operations by name. ``…-parameter`` are those of the header Authorization."""


def edit(op: str, where: str = "", *args: str, words: str = "") -> Edit:
    """An edit with its words, made from what it does where none are given."""
    shown = ", ".join(f"{arg[:_SHOWN]!r}" for arg in args)
    return Edit(op, where, args, words or " ".join(filter(None, (op.replace("-", " "), where, shown))))


def octet_edit(rng: random.Random, size: int, text: Callable[[random.Random], str]) -> Edit:
    """One change of octets among the first *size*: a bit flipped, *text* inserted, some deleted, or all behind cut off."""
    at = str(rng.randrange(size))
    match rng.randrange(4):
        case 0:
            return edit("flip", at, str(1 << rng.randrange(8)))
        case 1:
            return edit("insert", at, text(rng))
        case 2:
            return edit("delete", at, str(rng.randint(1, 12)))
        case _:
            return edit("truncate", at)
