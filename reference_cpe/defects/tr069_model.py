"""Defects of the data model and its RPCs, which the TR-069 suites are to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from harness.cwmp.messages import (
    AddObjectResponse,
    DeleteObjectResponse,
    Message,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterValuesResponse,
)
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts

AWAITING = "tr069 suites"
Values = tuple[ParameterValueStruct, ...]
Infos = tuple[ParameterInfoStruct, ...]


# --- SetParameterValues -------------------------------------------------------------------------------------


@defect(
    "duplicate-accepted", breaks=["cwmp.set.same-parameter-twice"], seen="several devices", awaiting=AWAITING
)
def duplicate_accepted(parts: Parts) -> None:
    """A parameter that SetParameterValues names twice is set to the second value."""
    original = parts.model.set
    rewire(
        parts.model,
        set=lambda wanted, key=None: original(list({item.name: item for item in wanted}.values()), key),
    )


@defect("status-0-too-early", breaks=["cwmp.set.status"], awaiting=AWAITING)
def status_0_too_early(parts: Parts) -> None:
    """Status is 0 although values take effect only with the next reboot."""
    waiting: dict[str, str] = {}
    original, read = parts.model.set, parts.model.read

    def set_values(wanted: Sequence[ParameterValueStruct], key: str | None = None) -> None:
        before = {
            item.name: parts.model.parameters[item.name]
            for item in wanted
            if item.name in parts.model.parameters
        }
        old = {name: read(parameter) for name, parameter in before.items()}
        original(wanted, key)
        for name, value in old.items():
            waiting.setdefault(name, value)

    rewire(parts.model, set=set_values, read=lambda parameter: waiting.get(parameter.path, read(parameter)))


def _codes(change: dict[int, int]) -> Callable[[Parts], None]:
    """The code of each SetParameterValuesFault passes through *change*."""

    def apply(parts: Parts) -> None:
        original = parts.model.judge

        def judge(wanted: ParameterValueStruct) -> tuple[int, str] | None:
            wrong = original(wanted)
            return wrong and (change.get(wrong[0], wrong[0]), wrong[1])

        rewire(parts.model, judge=judge)

    return apply


for _name, _summary, _change in (
    (
        "read-only-as-unknown",
        "Writing a read-only parameter is answered with 9005 in place of 9008.",
        {9008: 9005},
    ),
    ("type-as-value", "A value of the wrong type is answered with 9007 in place of 9006.", {9006: 9007}),
):
    tabled(_name, _summary, ["cwmp.set.fault-codes"], _codes(_change), awaiting=AWAITING)


@defect("first-fault-alone", breaks=["cwmp.fault.set-details"], seen="several devices", awaiting=AWAITING)
def first_fault_alone(parts: Parts) -> None:
    """Of several bad parameters only the first is named in the fault."""
    original = parts.model.set

    def set_values(wanted: Sequence[ParameterValueStruct], key: str | None = None) -> None:
        try:
            original(wanted, key)
        except CwmpFault as fault:
            raise CwmpFault(fault.code, fault.text, tuple(fault.parameters[:1])) from fault

    rewire(parts.model, set=set_values)


@defect("length-off-by-one", breaks=["cwmp.set.length-limit"], awaiting=AWAITING)
def length_off_by_one(parts: Parts) -> None:
    """A string of exactly the greatest length is refused."""
    original = parts.model.judge

    def judge(wanted: ParameterValueStruct) -> tuple[int, str] | None:
        parameter = parts.model.parameters.get(wanted.name)
        lengths = parameter.syntax.lengths if parameter is not None else ()
        if any(high == len(wanted.value) for _low, high in lengths):
            return 9007, "too long"
        return original(wanted)

    rewire(parts.model, judge=judge)


# --- reading and listing ------------------------------------------------------------------------------------


def _values(
    alter: Callable[[Parts, Callable[[Sequence[str]], Values], Sequence[str]], Values],
) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        original = parts.model.values
        rewire(parts.model, values=lambda names: alter(parts, original, names))

    return apply


def _known_alone(parts: Parts, original: Callable[[Sequence[str]], Values], names: Sequence[str]) -> Values:
    model = parts.model
    return original([name for name in names if not name or name in model.parameters or name in model.objects])


def _root_refused(_parts: Parts, original: Callable[[Sequence[str]], Values], names: Sequence[str]) -> Values:
    if "" in names:
        raise CwmpFault(9005, "Invalid parameter name")
    return original(names)


def _any_case(parts: Parts, original: Callable[[Sequence[str]], Values], names: Sequence[str]) -> Values:
    right = {path.lower(): path for path in (*parts.model.parameters, *parts.model.objects)}
    return original([right.get(name.lower(), name) for name in names])


def _each(alter: Callable[[ParameterValueStruct], ParameterValueStruct]) -> Callable[[Parts], None]:
    return _values(lambda _parts, original, names: tuple(map(alter, original(names))))


def _spaced(value: ParameterValueStruct) -> ParameterValueStruct:
    return replace(value, value=value.value.replace("T", " ")) if value.type == "xsd:dateTime" else value


def _capitals(value: ParameterValueStruct) -> ParameterValueStruct:
    return replace(value, value=value.value.upper()) if value.name.endswith((".Status", ".Mode")) else value


for _name, _summary, _breaks, _apply, _seen in (
    ("unknown-name-left-out", "GetParameterValues leaves out a name that it does not know.",
     ["cwmp.values.unknown-name"], _values(_known_alone), "several devices"),
    ("root-refused", "GetParameterValues of the empty name is a fault.",
     ["cwmp.values.root"], _values(_root_refused), "several devices"),
    ("any-case", "Names are taken in any case.", ["cwmp.values.case-sensitive"], _values(_any_case), ""),
    ("time-with-blank", "A dateTime has a blank in place of its T.", ["cwmp.model.date-time"], _each(_spaced), ""),
    ("enumeration-in-capitals", "Enumerated values are written in capitals.",
     ["cwmp.values.valid", "cwmp.model.types"], _each(_capitals), ""),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _apply, _seen, AWAITING)


def _names(alter: Callable[[Parts, str, bool, Infos], Infos]) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        original = parts.model.names
        rewire(parts.model, names=lambda path, level: alter(parts, path, level, original(path, level)))

    return apply


def _itself(parts: Parts, path: str, level: bool, found: Infos) -> Infos:
    return (parts.model.info(path), *found) if level and path in parts.model.objects else found


def _dotless(_parts: Parts, _path: str, _level: bool, found: Infos) -> Infos:
    return tuple(replace(info, name=info.name.rstrip(".")) for info in found)


def _shown(parts: Parts, _path: str, _level: bool, found: Infos) -> Infos:
    parameters = parts.model.parameters
    return tuple(i for i in found if i.name not in parameters or not parameters[i.name].syntax.hidden)


for _name, _summary, _requirement, _alter in (
    ("next-level-with-itself", "GetParameterNames with NextLevel lists the object that was asked for too.",
     "cwmp.names.next-level", _itself),
    ("objects-without-dot", "GetParameterNames writes objects without the dot at the end.",
     "cwmp.names.whole-branch", _dotless),
    ("hidden-not-listed", "GetParameterNames leaves out the hidden parameters.", "cwmp.names.same-as-values", _shown),
):  # fmt: skip
    tabled(_name, _summary, [_requirement], _names(_alter), awaiting=AWAITING)


# --- rows ---------------------------------------------------------------------------------------------------


@defect("key-not-set-by-add", breaks=["cwmp.add.parameter-key"], awaiting=AWAITING)
def key_not_set_by_add(parts: Parts) -> None:
    """AddObject leaves the ParameterKey as it was."""
    original = parts.model.add
    rewire(parts.model, add=lambda path, _key: original(path, str(parts.store.get("parameter_key", ""))))


@defect("number-given-again", breaks=["cwmp.add.numbers-not-reused"], awaiting=AWAITING)
def number_given_again(parts: Parts) -> None:
    """The number of a deleted row is given to the next new one."""
    original = parts.model.delete

    def delete(path: str, key: str) -> None:
        original(path, key)
        rows = {
            table: {**row, "last": max(row["numbers"], default=0)}
            for table, row in parts.store.get("rows", {}).items()
        }
        parts.store.update(rows=rows)

    rewire(parts.model, delete=delete)


@defect("rows-lost-at-boot", breaks=["cwmp.add.numbers-stable"], seen="several devices", awaiting=AWAITING)
def rows_lost_at_boot(parts: Parts) -> None:
    """A row in which nothing was set is gone after a reboot."""
    rows = parts.store.get("rows", {})
    parameters = parts.store.get("parameters", {})
    kept = {
        table: {
            **row,
            "numbers": [n for n in row["numbers"] if any(p.startswith(f"{table}{n}.") for p in parameters)],
        }
        for table, row in rows.items()
    }
    if kept != rows:
        parts.store.update(rows=kept)
        parts.model.rows_replaced()


def _ungoverned(parts: Parts) -> None:
    original = parts.rpc["AddObject"]

    def add(parts: Parts, message: Any) -> Message:
        node = parts.model.objects.get(message.object_name)
        if node is not None and not (node.table and node.writable):
            parts.store.update(parameter_key=message.parameter_key)
            return AddObjectResponse(1, 0)
        return original(parts, message)

    parts.rpc["AddObject"] = add


def _gone_already(parts: Parts) -> None:
    original = parts.rpc["DeleteObject"]

    def delete(parts: Parts, message: Any) -> Message:
        return (
            original(parts, message)
            if message.object_name in parts.model.objects
            else DeleteObjectResponse(0)
        )

    parts.rpc["DeleteObject"] = delete


def _numbered_0(parts: Parts) -> None:
    original = parts.rpc["AddObject"]

    def add(parts: Parts, message: Any) -> Message:
        original(parts, message)
        return AddObjectResponse(0, 0)

    parts.rpc["AddObject"] = add


for _name, _summary, _requirement, _apply in (
    (
        "static-object-added",
        "AddObject of an object that has no rows succeeds.",
        "cwmp.add.bad-name",
        _ungoverned,
    ),
    (
        "unknown-row-deleted",
        "DeleteObject of a row that there is not succeeds.",
        "cwmp.delete.bad-name",
        _gone_already,
    ),
    ("instance-number-0", "AddObject answers with instance number 0.", "cwmp.add.instance", _numbered_0),
):
    tabled(_name, _summary, [_requirement], _apply, awaiting=AWAITING)


@defect("answers-status-2", breaks=["cwmp.set.status"], awaiting=AWAITING)
def answers_status_2(parts: Parts) -> None:
    """SetParameterValues answers with a Status that there is not."""
    original = parts.rpc["SetParameterValues"]

    def answer(parts: Parts, message: Any) -> Message:
        original(parts, message)
        return SetParameterValuesResponse(2)

    parts.rpc["SetParameterValues"] = answer


@defect("ipv6-url-without-brackets", breaks=["cwmp.ipv6.connection-request-url"], awaiting=AWAITING)
def ipv6_url_without_brackets(parts: Parts) -> None:
    """ConnectionRequestURL names an IPv6 address without brackets."""
    original = parts.status.connection_request_url
    rewire(parts.status, connection_request_url=lambda: original().replace("[", "").replace("]", ""))
