"""The table of known-nasty messages against one device: rows filled in, rows that do not fit left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from harness.fuzz.program import Edit, Expectation, Program, Wanted
from harness.fuzz.soap.build import Kitchen
from harness.fuzz.soap.edits import edit
from harness.fuzz.soap.nasty_rpc import RPC_ROWS
from harness.fuzz.soap.nasty_xml import XML_ROWS, Nasty
from harness.fuzz.soap.templates import Effect, Template

NASTY: Final = "nasty/1"
ROWS: Final = (*XML_ROWS, *RPC_ROWS)
"""Every row there is. Ids are words, never reused: ``soap.`` and the row's."""
_PLACES: Final = {"{value}": "Value", "{name}": "Name"}


def nasty(kitchen: Kitchen) -> Iterator[Program]:
    """The rows that fit the device, each made when it is asked for."""
    words = _words(kitchen)
    for row in ROWS:
        template = kitchen.templates.named.get(row.template)
        if template is None or (template.effect is Effect.DESTRUCTIVE and not kitchen.device.destructive):
            continue
        yield _program(kitchen, row, template, words)
    yield from _limits(kitchen, words)


def _words(kitchen: Kitchen) -> dict[str, str]:
    device, templates = kitchen.device, kitchen.templates
    table = templates.table.path if templates.table else f"{device.root}X_000000_Table."
    text = templates.text.name if templates.text else templates.read_only
    return {
        "{known}": templates.known,
        "{root}": device.root,
        "{bare}": device.root.rstrip("."),
        "{lower}": device.root.lower(),
        "{branch}": templates.branch,
        "{namespace}": device.namespace,
        "{read_only}": templates.read_only,
        "{text}": text,
        "{table}": table,
        "{table_bare}": table.rstrip("."),
    }


def _program(kitchen: Kitchen, row: Nasty, template: Template, words: Mapping[str, str]) -> Program:
    edits = [_filled(one, template, words) for one in row.edits]
    return kitchen.program(
        template,
        edits,
        row.expectation,
        row.says,
        generator=NASTY,
        dimension=row.dimension,
        name=f"soap.{row.id}",
    )


def _filled(one: Edit, template: Template, words: Mapping[str, str]) -> Edit:
    where = _place(template, _PLACES[one.where]) if one.where in _PLACES else one.where
    args = tuple([_replaced(arg, words) for arg in one.args])
    return one if (where, args) == (one.where, one.args) else edit(one.op, where, *args)


def _place(template: Template, local: str) -> str:
    """The first element of this name in the Body."""
    return next(place for place in template.places if place.rpartition("/")[2].partition("[")[0] == local)


def _replaced(text: str, words: Mapping[str, str]) -> str:
    if "{" in text:
        for mark, word in words.items():
            text = text.replace(mark, word)
    return text


def _limits(kitchen: Kitchen, words: Mapping[str, str]) -> Iterator[Program]:
    """The greatest length of the text parameter, one less, one more, where it is known."""
    templates = kitchen.templates
    longest = templates.longest(templates.text) if templates.text else None
    if longest is None:
        return
    source = "TR-181 Device:2: greatest length of the parameter"
    taken = Expectation(Wanted.SUCCESS, (), "cwmp.set.length-limit", source)
    refused = msgspec.structs.replace(taken, wanted=Wanted.FAULT, codes=(9003,))
    sizes = ((longest - 1, taken), (longest, taken), (longest + 1, refused), (longest + 3_073, refused))
    for size, wanted in sizes:
        row = Nasty(
            f"limit-{size - longest:+d}",
            "S4",
            f"a text of {size} characters where {longest} are allowed",
            "write-text",
            (edit("fill", "{value}", size),),
            wanted,
        )
        yield _program(kitchen, row, templates.named["write-text"], words)
