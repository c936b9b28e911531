"""Parameters that the Inform carries because the ACS wants them there (ManagementServer.InformParameter)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from harness.cwmp import events
from harness.cwmp.datatypes import parse_boolean
from reference_cpe.definition import Definition, ParameterDefinition
from reference_cpe.values import list_items

if TYPE_CHECKING:
    from reference_cpe.model import Model
    from reference_cpe.parts import Parts

_TABLE = "ManagementServer.InformParameter."


def pattern_problem(parts: Parts, text: str) -> str | None:
    """Why *text* cannot be a ParameterName: the path of a parameter, ``*`` only for an instance number."""
    if not text:
        return None
    found = _resolve(parts.model.definition, text)
    if found is None:
        return "not the path of a parameter, with * only in place of instance numbers"
    return "this parameter is in every Inform anyway" if found.forced else None


def _resolve(definition: Definition, text: str) -> ParameterDefinition | None:
    root, *steps = text.split(".")
    at = definition.root
    if root != at.name or not steps:
        return None
    *objects, name = steps
    waiting = iter(objects)
    for step in waiting:
        child = at.children.get(step)
        if child is None or (child.table and not re.fullmatch(r"\*|[1-9][0-9]*", next(waiting, ""))):
            return None
        at = child
    return at.parameters.get(name)


def events_problem(_parts: Parts, text: str) -> str | None:
    """Why *text* cannot be an EventList."""
    for item in list_items(text):
        if item == events.VALUE_CHANGE or not events.is_known(item):
            return f"{item[:40]!r} is no event that may stand here"
    return None


def asked_for(model: Model) -> bool:
    """Whether the ACS wants any."""
    return bool(model.rows(model.definition.stem + _TABLE))


def wanted(model: Model, codes: Collection[str]) -> dict[str, str]:
    """The parameters, and their values, that an Inform with these events carries on the ACS's wish."""
    found: dict[str, str] = {}
    for row in model.rows(model.definition.stem + _TABLE):
        enabled, name, listed = (
            model.read(model.parameters[row + field]) for field in ("Enable", "ParameterName", "EventList")
        )
        reasons = list_items(listed) or [code for code in codes if code != events.VALUE_CHANGE]
        if parse_boolean(enabled) and name and set(reasons) & set(codes):
            form = re.compile(re.escape(name).replace(r"\*", "[1-9][0-9]*"))
            found |= {path: model.read(p) for path, p in model.parameters.items() if form.fullmatch(path)}
    return found
