"""Seeded fuzz defects of carrying out RPCs (surface soap): values, paths, rows, attributes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from harness.cwmp import datatypes
from harness.cwmp.messages import ParameterValueStruct, SetParameterAttributesStruct
from reference_cpe.defects import fuzz_seeded as seed
from reference_cpe.defects.fuzz_seeded import Effect, seeded
from reference_cpe.defects.registry import rewire
from reference_cpe.definition import ObjectDefinition
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import Parameter, Rows
from reference_cpe.parts import Parts
from reference_cpe.values import INTEGERS

Values = Sequence[ParameterValueStruct]
_STORED = ["cwmp.robust.stored-as-sent"]


def _set_through(parts: Parts, alter: Callable[[Values], Values]) -> None:
    """Every SetParameterValues passes through *alter* before it is judged."""
    original = parts.model.set
    rewire(parts.model, set=lambda wanted, parameter_key=None: original(alter(wanted), parameter_key))


def _each(
    parts: Parts, alter: Callable[[ParameterValueStruct, Parameter], str]
) -> Callable[[Values], Values]:
    """*alter* gives each value that is to be set in a parameter there is."""

    def all_of(wanted: Values) -> Values:
        known = parts.model.parameters
        return [
            replace(each, value=alter(each, known[each.name])) if each.name in known else each
            for each in wanted
        ]

    return all_of


# --- SetParameterValues


@seeded("set-half-applied", "soap", Effect.STORES_OTHER, ["cwmp.set.atomic", "cwmp.fault.nothing-changed"])
def set_half_applied(parts: Parts) -> None:
    """A refused SetParameterValues has set those of its parameters that were right (surface soap)."""
    original = parts.model.set

    def half(wanted: Values, parameter_key: str | None = None) -> None:
        try:
            original(wanted, parameter_key)
        except CwmpFault as fault:
            bad = {each.parameter_name for each in fault.parameters}
            good = [each for each in wanted if each.name not in bad]
            if bad and good:
                with suppress(CwmpFault):
                    original(good)
            raise

    rewire(parts.model, set=half)


@seeded("parameter-key-on-fault", "soap", Effect.STORES_OTHER, ["cwmp.set.parameter-key"])
def parameter_key_on_fault(parts: Parts) -> None:
    """The ParameterKey of a refused SetParameterValues is taken (surface soap)."""
    original = parts.model.set

    def keyed(wanted: Values, parameter_key: str | None = None) -> None:
        try:
            original(wanted, parameter_key)
        except CwmpFault:
            if parameter_key is not None:
                parts.store.update(parameter_key=parameter_key)
            raise

    rewire(parts.model, set=keyed)


@seeded("duplicate-parameter-accepted", "soap", Effect.ACCEPTS, ["cwmp.set.same-parameter-twice"])
def duplicate_parameter_accepted(parts: Parts) -> None:
    """Of a parameter that is named twice the last value is set (surface soap)."""
    _set_through(parts, lambda wanted: list({each.name: each for each in wanted}.values()))


@seeded("integer-wraps", "soap", Effect.STORES_OTHER, _STORED)
def integer_wraps(parts: Parts) -> None:
    """A number outside the range of its type is stored modulo that range (surface soap)."""

    def wrapped(wanted: ParameterValueStruct, parameter: Parameter) -> str:
        type_ = parameter.syntax.type
        if type_ not in INTEGERS or parameter.syntax.items is not None:
            return wanted.value
        low, high = datatypes.RANGES[type_.removeprefix("xsd:")]
        try:
            number = datatypes.parse_integer(wanted.value)
        except ValueError:
            return wanted.value
        return str((number - low) % (high - low + 1) + low)

    _set_through(parts, _each(parts, wrapped))


@seeded("long-text-cut", "soap", Effect.STORES_OTHER, [*_STORED, "cwmp.set.length-limit"])
def long_text_cut(parts: Parts) -> None:
    """A text that is too long for its parameter is cut to the greatest length and stored (surface soap)."""

    def cut(wanted: ParameterValueStruct, parameter: Parameter) -> str:
        highs = [high for _low, high in parameter.syntax.lengths if high is not None]
        text = parameter.syntax.type == "xsd:string" and parameter.syntax.items is None
        return wanted.value[: max(highs)] if text and highs else wanted.value

    _set_through(parts, _each(parts, cut))


@seeded("boolean-any-word", "soap", Effect.ACCEPTS, ["cwmp.set.fault-codes", *_STORED])
def boolean_any_word(parts: Parts) -> None:
    """Whatever a boolean is set to is accepted, and is true where it begins with t, T, y, Y or 1 (surface soap)."""

    def guessed(wanted: ParameterValueStruct, parameter: Parameter) -> str:
        if parameter.syntax.type != "xsd:boolean":
            return wanted.value
        return "true" if wanted.value.strip()[:1] in "tTyY1" and wanted.value.strip() else "false"

    _set_through(parts, _each(parts, guessed))


@seeded("boolean-blank-is-false", "soap", Effect.STORES_OTHER, [*_STORED, "cwmp.set.boolean-forms"])
def boolean_blank_is_false(parts: Parts) -> None:
    """A boolean with white space around it is stored as false (surface soap)."""

    def blank(wanted: ParameterValueStruct, parameter: Parameter) -> str:
        odd = parameter.syntax.type == "xsd:boolean" and wanted.value != wanted.value.strip()
        return "false" if odd else wanted.value

    _set_through(parts, _each(parts, blank))


@seeded(
    "shell-in-value", "soap", Effect.CALLS, ["cwmp.robust.no-injection"], seen="Eir D1000, CVE-2016-10372"
)
def shell_in_value(parts: Parts) -> None:
    """A value goes to a shell: hosts within $(...), backticks or behind a semicolon are called (surface soap)."""
    command = re.compile(r"\$\([^)]*\)|`[^`]*`|[;|&].*", re.DOTALL)

    def run(wanted: Values) -> Values:
        for each in wanted:
            for found in command.findall(each.value):
                seed.call_hosts(parts, found)
        return wanted

    _set_through(parts, run)


# --- paths


@seeded(
    "trailing-dot-accepted", "soap", Effect.ACCEPTS, ["cwmp.values.unknown-name", "cwmp.set.partial-path"]
)
def trailing_dot_accepted(parts: Parts) -> None:
    """The name of a parameter with a dot behind it means that parameter (surface soap)."""

    def plain(name: str) -> str:
        return name[:-1] if name[:-1] in parts.model.parameters else name

    values = parts.model.values
    rewire(parts.model, values=lambda names: values([plain(name) for name in names]))
    _set_through(parts, lambda wanted: [replace(each, name=plain(each.name)) for each in wanted])


@seeded("unknown-path-9003", "soap", Effect.WRONG_ANSWER, ["cwmp.values.unknown-name"])
def unknown_path_9003(parts: Parts) -> None:
    """GetParameterValues of an unknown name is answered with fault 9003 (surface soap)."""
    values = parts.model.values

    def confused(names: Sequence[str]) -> object:
        try:
            return values(names)
        except CwmpFault as fault:
            raise CwmpFault(9003, fault.text) from fault

    rewire(parts.model, values=confused)


@seeded("wildcard-crash", "soap", Effect.CRASH, ["cwmp.robust.stays-alive"])
def wildcard_crash(parts: Parts) -> None:
    """An asterisk or a bracket in a path that is read kills the process (surface soap)."""
    below = parts.model.below

    def watched(name: str) -> object:
        if "*" in name or "[" in name:
            seed.die()
        return below(name)

    rewire(parts.model, below=watched)


# --- rows


@seeded("instance-number-reused", "soap", Effect.ACCEPTS, ["cwmp.add.numbers-not-reused"], edits=3)
def instance_number_reused(parts: Parts) -> None:
    """AddObject gives the lowest number that is free, that of a deleted row too (surface soap)."""
    numbers = parts.model._numbers
    original = numbers.added

    def added(path: str, definition: ObjectDefinition) -> tuple[int, dict[str, dict[str, Any]]]:
        _, rows = original(path, definition)
        taken = set(numbers.of(path, definition))
        free = next(number for number in itertools.count(1) if number not in taken)
        return free, {**rows, path: {"numbers": sorted({*taken, free}), "last": max({*taken, free})}}

    rewire(numbers, added=added)


@seeded("delete-twice", "soap", Effect.ACCEPTS, ["cwmp.delete.bad-name"], edits=2)
def delete_twice(parts: Parts) -> None:
    """DeleteObject of a row that is gone already succeeds (surface soap)."""
    original = parts.model.delete

    def delete(path: str, parameter_key: str) -> None:
        try:
            original(path, parameter_key)
        except CwmpFault:
            table, _, number = path.removesuffix(".").rpartition(".")
            node = parts.model.objects.get(table + ".")
            if node is None or not node.table or not number.isdecimal():
                raise
            parts.store.update(parameter_key=parameter_key)

    rewire(parts.model, delete=delete)


@seeded(
    "delete-empties-table",
    "soap",
    Effect.ACCEPTS,
    ["cwmp.delete.bad-name", "cwmp.delete.others-kept"],
    edits=2,
)
def delete_empties_table(parts: Parts) -> None:
    """DeleteObject of a path that is no row deletes every row below it (surface soap)."""
    original = parts.model.delete

    def delete(path: str, parameter_key: str) -> None:
        objects = parts.model.objects
        node = objects.get(path)
        if (node is None or node.row) and path != ".":
            original(path, parameter_key)
            return
        below = "" if path == "." else path
        for row in [name for name, each in objects.items() if each.row and each.writable]:
            if row.startswith(below) and row in parts.model.objects:
                original(row, parameter_key)

    rewire(parts.model, delete=delete)


@seeded("rows-counted-for-ever", "soap", Effect.STORES_OTHER, ["cwmp.add.count-parameter"], edits=2)
def rows_counted_for_ever(parts: Parts) -> None:
    """The number of entries of a table counts deleted rows too (surface soap)."""
    raw, numbers = parts.model.raw, parts.model._numbers

    def counted(parameter: Parameter) -> str:
        source = parameter.source
        if not isinstance(source, Rows):
            return raw(parameter)
        definition = parts.model.objects[source.table].definition
        return str(numbers._table(source.table, definition)["last"])

    rewire(parts.model, raw=counted)


# --- attributes


@seeded("attribute-lost", "soap", Effect.STORES_OTHER, ["cwmp.attributes.atomic"], edits=2)
def attribute_lost(parts: Parts) -> None:
    """Of several parameters in SetParameterAttributes only the first is changed (surface soap)."""
    original = parts.attributes.set

    def first(wanted: Sequence[SetParameterAttributesStruct]) -> None:
        original(wanted[:1])

    rewire(parts.attributes, set=first)


@seeded("attributes-half-applied", "soap", Effect.STORES_OTHER, ["cwmp.attributes.atomic"], edits=2)
def attributes_half_applied(parts: Parts) -> None:
    """A refused SetParameterAttributes has changed what stood before the parameter that is wrong (surface soap)."""
    original = parts.attributes.set

    def one_by_one(wanted: Sequence[SetParameterAttributesStruct]) -> None:
        for each in wanted:
            original([each])

    rewire(parts.attributes, set=one_by_one)
