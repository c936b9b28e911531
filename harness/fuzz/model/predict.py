"""What the model says of an RPC before it is sent: must it succeed, must it be refused, or may it be either?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp.datatypes import problem
from harness.fuzz.model.state import CpeModel, Known

ALWAYS: Final = frozenset({9001, 9002, 9004})
"""Request denied, internal error, resources exceeded: what a device may say to any writing RPC."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """``success``: True must, False must not, ``None`` may. ``codes``: the fault codes that are right."""

    success: bool | None
    codes: frozenset[int]
    requirement: str
    because: str
    why: str
    """The reason for a refusal, in words."""


def predict(model: CpeModel, message: m.Message) -> Prediction:
    """The model's word on *message*."""
    match message:
        case m.SetParameterValues():
            return _set_values(model, message)
        case m.GetParameterValues(parameter_names=names):
            return _read(model, names, "cwmp.values.unknown-name", "TR-069 A.3.2.2")
        case m.GetParameterAttributes(parameter_names=names):
            return _read(model, names, "cwmp.attributes.read", "TR-069 A.3.2.5")
        case m.GetParameterNames(parameter_path=path):
            return _read(model, [path], "cwmp.names.unknown-path", "TR-069 A.3.2.3")
        case m.AddObject(object_name=path):
            return _add(model, path)
        case m.DeleteObject(object_name=path):
            return _delete(model, path)
        case m.SetParameterAttributes():
            return _set_attributes(model, message)
        case m.ScheduleInform(delay_seconds=0):
            return _refused({9003}, "cwmp.fault.codes", "TR-069 A.4.1.2", "DelaySeconds is 0")
        case _:
            return Prediction(None, frozenset(), "", "", "")


def _refused(codes: Iterable[int], requirement: str, because: str, why: str) -> Prediction:
    return Prediction(False, frozenset(codes) | ALWAYS, requirement, because, why)


def _set_values(model: CpeModel, message: m.SetParameterValues) -> Prediction:
    wrong = [found for each in message.parameter_list if (found := _value_wrong(model, each)) is not None]
    if wrong:
        codes = {9003, *(code for found in wrong for code in found[0])}
        requirement = "cwmp.set.fault-codes"
        return _refused(codes, requirement, "TR-069 A.3.2.1", "; ".join(found[1] for found in wrong)[:200])
    names = [each.name for each in message.parameter_list]
    if len(set(names)) != len(names):
        why = "a parameter is named twice"
        return _refused({9003}, "cwmp.set.same-parameter-twice", "TR-069 A.3.2.1", why)
    # What range or enumeration a value must keep is not told by CWMP: a refusal is the device's right.
    right = frozenset({9003, 9006, 9007, *ALWAYS})
    return Prediction(None, right, "cwmp.set.fault-codes", "TR-069 A.3.2.1", "")


def _value_wrong(model: CpeModel, wanted: m.ParameterValueStruct) -> tuple[tuple[int, ...], str] | None:
    """Codes and reason where a value cannot be taken."""
    parameter = model.parameters.get(wanted.name)
    if parameter is None:
        if model.unknown(wanted.name) or wanted.name.endswith("."):
            return (9005,), f"there is no parameter {wanted.name[:80]}"
        return ((9008,), f"{wanted.name} is read-only") if wanted.name in model.read_only else None
    if not parameter.writable:
        return (9008,), f"{wanted.name} is read-only"
    wrong = _lexical(parameter, wanted.value)
    return ((9006, 9007), f"{wanted.name}: {wrong}") if wrong is not None else None


def _lexical(parameter: Known, text: str) -> str | None:
    try:
        return problem(parameter.type, text)
    except KeyError:
        return None


def _read(model: CpeModel, names: Iterable[str], requirement: str, because: str) -> Prediction:
    missing = [name for name in names if name and model.unknown(name)]
    if missing:
        return _refused({9003, 9005}, requirement, because, f"there is no {missing[0][:80]}")
    success = True if all(model.known(name) for name in names) else None
    return Prediction(success, frozenset(), requirement, because, "")


def _add(model: CpeModel, path: str) -> Prediction:
    if path in model.tables:
        return Prediction(
            None, frozenset({9001, 9002, 9003, 9004}), "cwmp.add.table-full", "TR-069 A.3.2.6", ""
        )
    known = path in model.parameters or model.known(path)
    why = f"{path[:80]} is no table"
    if known or model.unknown(path) or not path.endswith("."):
        return _refused({9003, 9005}, "cwmp.add.bad-name", "TR-069 A.3.2.6", why)
    return Prediction(None, frozenset(), "", "", "")


def _delete(model: CpeModel, path: str) -> Prediction:
    found = model.table_of(path)
    if found is not None and found[1] in found[0].rows:
        return Prediction(None, frozenset({9003, *ALWAYS}), "cwmp.delete.instance", "TR-069 A.3.2.7", "")
    if found is not None or path in model.parameters or path in model.tables or model.unknown(path):
        return _refused({9003, 9005}, "cwmp.delete.bad-name", "TR-069 A.3.2.7", f"{path[:80]} is no row")
    return Prediction(None, frozenset(), "", "", "")


def _set_attributes(model: CpeModel, message: m.SetParameterAttributes) -> Prediction:
    codes: set[int] = set()
    why = []
    for each in message.parameter_list:
        if model.unknown(each.name):
            codes |= {9003, 9005}
            why.append(f"there is no {each.name[:80]}")
        elif each.notification_change and not 0 <= each.notification <= 6:
            codes |= {9003, 9009}
            why.append(f"Notification {each.notification}")
    if codes:
        codes |= {9009}  # another entry may be one that cannot be notified of
        return _refused(codes, "cwmp.attributes.out-of-range", "TR-069 A.3.2.4", "; ".join(why)[:200])
    return Prediction(
        None, frozenset({9003, 9009, *ALWAYS}), "cwmp.attributes.active-not-denied", "TR-069 A.3.2.4", ""
    )
