"""What the campaign learns from the device before it begins, and puts back when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from harness.bench.sessions import Session
from harness.case import Inconclusive
from harness.cwmp import messages as m
from harness.fuzz.engine.ground import REFUSED, Ground
from harness.fuzz.executor import ExecutorError
from harness.fuzz.facts import DeviceFacts, ParameterFact, learned

AT_A_TIME: Final = 64
"""Parameters in one GetParameterValues where the device does not give all of them at once."""


def learn(ground: Ground, *, destructive: bool) -> DeviceFacts:
    """Names, values and methods of the device, in one session.

    Raises:
        ExecutorError: it opens no session, or tells no parameter names.
    """
    try:
        with ground.bench.session("learning the data model") as session:
            names = session.call(m.GetParameterNames(session.root, False)).message
            if not isinstance(names, m.GetParameterNamesResponse) or not names.parameter_list:
                raise ExecutorError(
                    f"the device does not tell the names of its parameters below {session.root}"
                )
            values = _values(session, names.parameter_list)
            methods = session.call(m.GetRPCMethods()).message
            rpcs = methods.method_list if isinstance(methods, m.GetRPCMethodsResponse) else ()
            return learned(
                names.parameter_list, values, rpcs, namespace=session.namespace, destructive=destructive
            )
    except REFUSED as error:
        raise ExecutorError(f"the device could not be asked for its data model: {error}") from None


def _values(session: Session, infos: Sequence[m.ParameterInfoStruct]) -> list[m.ParameterValueStruct]:
    """All values: by one request of the root, else by requests of some parameters each."""
    answer = session.call(m.GetParameterValues((session.root,))).message
    if isinstance(answer, m.GetParameterValuesResponse):
        return list(answer.parameter_list)
    names = [info.name for info in infos if not info.name.endswith(".")]
    return _read(session, names)


def _read(session: Session, names: Sequence[str]) -> list[m.ParameterValueStruct]:
    found: list[m.ParameterValueStruct] = []
    for start in range(0, len(names), AT_A_TIME):
        some = tuple(names[start : start + AT_A_TIME])
        answer = session.call(m.GetParameterValues(some)).message
        if isinstance(answer, m.GetParameterValuesResponse):
            found += answer.parameter_list
        elif len(some) > 1:
            for name in some:
                found += _read(session, (name,))
    return found


def restore(ground: Ground, facts: DeviceFacts) -> str:
    """Put back the values and rows that a campaign may have changed; what could not be put back, in a line, or ``""``."""
    key = next(
        (each for each in facts.parameters if each.name.endswith(".ManagementServer.ParameterKey")), None
    )
    try:
        with ground.bench.session("putting the values back") as session:
            told = key.value if key is not None else ""
            left = [*_rows_away(session, facts, told), *_values_back(session, facts, told)]
            if key is not None and not _key_back(session, facts, key):
                left.append(key.name)
    except (*REFUSED, Inconclusive) as error:
        return f"the values could not be put back: {error}"
    return f"not put back: {', '.join(left)}" if left else ""


def _rows_away(session: Session, facts: DeviceFacts, key: str) -> Iterable[str]:
    known = {each.path for each in facts.objects}
    for table in (each.path for each in facts.objects if each.safe and not each.row):
        answer = session.call(m.GetParameterNames(table, True)).message
        for info in answer.parameter_list if isinstance(answer, m.GetParameterNamesResponse) else ():
            row = info.name.rstrip(".").rpartition(".")[2].isdigit() and info.name.endswith(".")
            if (
                row
                and info.name not in known
                and session.call(m.DeleteObject(info.name, key)).fault is not None
            ):
                yield info.name


def _values_back(session: Session, facts: DeviceFacts, key: str) -> Iterable[str]:
    safe = {each.name: each for each in facts.safe}
    now = {each.name: each.value for each in _read(session, tuple(safe))}
    for name, fact in safe.items():
        if now.get(name, fact.value) == fact.value:
            continue
        setting = m.ParameterValueStruct(name, fact.value, fact.type)
        if session.call(m.SetParameterValues((setting,), key)).fault is not None:
            yield name


def _key_back(session: Session, facts: DeviceFacts, key: ParameterFact) -> bool:
    """Make ParameterKey what it was, by setting a parameter to its own value; whether it is."""
    now = session.call(m.GetParameterValues((key.name,))).value_of(key.name)
    if now == key.value or not facts.safe:
        return now == key.value
    same = facts.safe[0]
    setting = m.ParameterValueStruct(same.name, same.value, same.type)
    return session.call(m.SetParameterValues((setting,), key.value)).fault is None
