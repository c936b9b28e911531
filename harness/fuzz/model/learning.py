"""Learning the model from the device itself, through the port, and reading back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.cwmp import messages as m
from harness.fuzz.facts import SAFE, DeviceFacts, learned
from harness.fuzz.model.port import Port, Reply
from harness.fuzz.model.state import CpeModel, Known, Table

Call = Callable[[m.Message], Reply]
_NAMES: Final = 100
"""Names in one GetParameterValues."""
_PARAMETERS: Final = 60
_TABLES: Final = 3
"""Parameters and tables under watch at most: every step reads them all."""


class NotLearnt(Exception):
    """The device did not tell enough of itself for a model; one line."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the harness may know beside what the device says."""

    safe: Sequence[str] = SAFE
    """Globs of parameters and tables that may be changed."""
    destructive: bool = False
    """Transfers may be queued (and are cancelled again)."""


def learn(port: Port, knowledge: Knowledge | None = None) -> CpeModel:
    """The model of the device as it is now.

    Raises:
        NotLearnt: no names, or nothing that may be changed.
    """
    knowledge = knowledge or Knowledge()
    reply = port.call(m.GetRPCMethods())
    methods = reply.message.method_list if isinstance(reply.message, m.GetRPCMethodsResponse) else ()
    names = _names(port)
    leaves = [info.name for info in names if not info.name.endswith(".")]
    facts = learned(
        names,
        [m.ParameterValueStruct(name, "", "xsd:string") for name in leaves],
        methods,
        destructive=knowledge.destructive,
        safe=knowledge.safe,
    )
    model = CpeModel(facts.root, everything=frozenset(info.name for info in names), methods=tuple(methods))
    _watch(port, model, facts)
    if not model.parameters and not model.tables:
        raise NotLearnt("nothing on this device may be changed: name safe parameters in the profile")
    attributes(port.call, model)
    return model


def _names(port: Port) -> tuple[m.ParameterInfoStruct, ...]:
    for path in ("", "Device.", "InternetGatewayDevice."):
        reply = port.call(m.GetParameterNames(path, False))
        if isinstance(reply.message, m.GetParameterNamesResponse) and reply.message.parameter_list:
            return reply.message.parameter_list
    raise NotLearnt("GetParameterNames of the whole model gives no names")


def _watch(port: Port, model: CpeModel, facts: DeviceFacts) -> None:
    """Choose what is watched, and read it."""
    tables = [o.path for o in facts.objects if o.safe and not o.row]
    for path in sorted(tables, key=lambda p: (p.count("."), p))[:_TABLES]:
        model.tables[path] = _table(model, path)
    wanted = [p.name for p in facts.safe][:_PARAMETERS]
    # Of the read-only ones only those that say who the device is are sure to keep their values.
    model.read_only = tuple(
        p.name
        for p in facts.parameters
        if not p.writable and ".DeviceInfo." in p.name and "Memory" not in p.name
    )[:20]
    for value in _values(port.call, wanted):
        model.parameters[value.name] = Known(value.name, value.type or "xsd:string", (value.value,), True)
    key = read(port.call, [model.key_name]) if model.key_name in model.everything else None
    model.key = key.get(model.key_name) if key else None


def _table(model: CpeModel, path: str) -> Table:
    numbers = {
        int(part)
        for name in model.everything
        if name.startswith(path) and (part := name[len(path) :].partition(".")[0]).isdecimal()
    }
    counter = f"{path.removesuffix('.')}NumberOfEntries"
    return Table(path, set(numbers), set(numbers), counter if counter in model.everything else "")


def row(call: Call, model: CpeModel, path: str) -> None:
    """Learn a row that is new: its parameters, and the tables in it."""
    reply = call(m.GetParameterNames(path, False))
    if not isinstance(reply.message, m.GetParameterNamesResponse):
        return
    infos = {info.name: info.writable for info in reply.message.parameter_list}
    for value in _values(call, [name for name in infos if not name.endswith(".")]):
        type_ = value.type or "xsd:string"
        if value.name not in model.parameters and not value.name.endswith("NumberOfEntries"):
            model.parameters[value.name] = Known(value.name, type_, (value.value,), infos[value.name])
    for name, writable in infos.items():
        if name.endswith(".") and writable and not name.removesuffix(".").rpartition(".")[2].isdecimal():
            counter = f"{name.removesuffix('.')}NumberOfEntries"
            model.tables.setdefault(name, Table(name, counter=counter if counter in infos else ""))
    attributes(call, model)


# --- reading


def _values(call: Call, names: Sequence[str]) -> list[m.ParameterValueStruct]:
    found: list[m.ParameterValueStruct] = []
    for at in range(0, len(names), _NAMES):
        reply = call(m.GetParameterValues(tuple(names[at : at + _NAMES])))
        if not isinstance(reply.message, m.GetParameterValuesResponse):
            return []
        found += reply.message.parameter_list
    return found


def read(call: Call, names: Sequence[str]) -> dict[str, str] | None:
    """Values by name; ``None`` where the device did not tell."""
    found = {each.name: each.value for each in _values(call, names)}
    return found if found or not names else None


def read_attributes(call: Call, names: Sequence[str]) -> dict[str, m.ParameterAttributeStruct] | None:
    """Attributes by name; ``None`` where the device did not tell."""
    found: dict[str, m.ParameterAttributeStruct] = {}
    for at in range(0, len(names), _NAMES):
        reply = call(m.GetParameterAttributes(tuple(names[at : at + _NAMES])))
        if not isinstance(reply.message, m.GetParameterAttributesResponse):
            return None
        found |= {each.name: each for each in reply.message.parameter_list}
    return found


# --- believing the device


def values(call: Call, model: CpeModel) -> None:
    """Take over the values that the device shows; what it does not show is no longer watched."""
    there: dict[str, str] = {}
    for names in _halves(call, [*model.parameters]):
        there |= names
    for name in [name for name in model.parameters if name not in there]:
        del model.parameters[name]
    for name, text in there.items():
        if name in model.parameters:
            model.parameters[name].may_be = (text,)
    key = read(call, [model.key_name]) if model.key is not None else None
    if key:
        model.key = key.get(model.key_name, model.key)


def _halves(call: Call, names: list[str]) -> Iterable[dict[str, str]]:
    """The values of those of *names* that are there: one unknown name would refuse them all."""
    found = read(call, names) if names else {}
    if found is not None:
        yield found
    elif len(names) > 1:
        yield from _halves(call, names[: len(names) // 2])
        yield from _halves(call, names[len(names) // 2 :])


def rows(call: Call, model: CpeModel) -> None:
    """Take over the rows that the device shows."""
    for table in list(model.tables.values()):
        reply = call(m.GetParameterNames(table.path, True))
        if not isinstance(reply.message, m.GetParameterNamesResponse):
            del model.tables[table.path]
            continue
        parts = [info.name[len(table.path) :].removesuffix(".") for info in reply.message.parameter_list]
        table.rows = {int(part) for part in parts if part.isdecimal()}
        table.used |= table.rows


def attributes(call: Call, model: CpeModel) -> None:
    """Take over the attributes that the device shows."""
    if "GetParameterAttributes" not in model.methods:
        return
    for name, entry in (read_attributes(call, [*model.parameters]) or {}).items():
        if name in model.parameters:
            model.parameters[name].notification = entry.notification
            model.parameters[name].access = entry.access_list
