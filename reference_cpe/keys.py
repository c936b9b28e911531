"""Unique keys of tables (TR-106 3.2.4 and Annex A): no two rows may be told apart by nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Final

from harness.cwmp.messages import SetParameterValuesFault
from reference_cpe.definition import ObjectDefinition, UniqueKey
from reference_cpe.values import INTEGERS, stored_form, value_problem

if TYPE_CHECKING:
    from reference_cpe.model import Model

_TRUE: Final = "true"


def first_values(
    definition: ObjectDefinition, number: int, taken: Callable[[str], Container[str]]
) -> dict[str, str]:
    """Values by name that keep a new row apart from the others, where its defaults would not.

    A functional key counts only among enabled rows, and a new row is disabled unless its default says
    otherwise; other keys count at once. A number without a default (UserID) is given anyway: who enables the row
    need not think of it. *taken* tells of a parameter the values that other rows have.
    """
    values = {}
    for key in definition.keys:
        later = key.functional and _starts_disabled(definition)
        for name in key.parameters[:1]:
            parameter = definition.parameters.get(name)
            if parameter is None or parameter.syntax.reference:
                continue
            if later and (parameter.syntax.type not in INTEGERS or parameter.syntax.default is not None):
                continue
            others = taken(name)
            for value in (f"cpe-{number}", str(number), *(f"cpe-{number}-{n}" for n in range(2, 100))):
                if value not in others and value_problem(parameter.syntax, value) is None:
                    values[name] = value
                    break
    return values


def _starts_disabled(definition: ObjectDefinition) -> bool:
    enable = definition.parameters.get(definition.enable)
    return enable is not None and enable.syntax.default != _TRUE


def clashes(model: Model, wanted: Mapping[str, str]) -> list[SetParameterValuesFault]:
    """Which of the *wanted* values (by path) would make two rows of a table alike in a key."""
    found = []
    for row in {path.rpartition(".")[0] + "." for path in wanted}:
        node = model.objects.get(row)
        if node is None or not node.row:
            continue
        for key in node.definition.keys:
            touched = [
                row + name for name in (*key.parameters, node.definition.enable) if row + name in wanted
            ]
            if touched and _clashes(model, wanted, row, key):
                text = f"another row has the same {', '.join(key.parameters)}"
                found += [SetParameterValuesFault(path, 9007, text) for path in touched]
    return found


def _clashes(model: Model, wanted: Mapping[str, str], row: str, key: UniqueKey) -> bool:
    table = row.removesuffix(".").rpartition(".")[0] + "."
    enable = model.objects[row].definition.enable

    def value(path: str) -> str | None:
        parameter = model.parameters.get(path)
        if parameter is None:
            return None
        return stored_form(parameter.syntax, wanted[path]) if path in wanted else model.raw(parameter)

    def counts(path: str) -> bool:
        return not key.functional or not enable or value(path + enable) in (_TRUE, None)

    def identity(path: str) -> tuple[str | None, ...]:
        return tuple(value(path + name) for name in key.parameters)

    return counts(row) and any(
        identity(row) == identity(other) for other in model.rows(table) if other != row and counts(other)
    )
