"""Reading and setting parameters: the few words that several areas use."""

from __future__ import annotations

from typing import Final

from harness.bench import Answer, Bench, Session
from harness.case import Inconclusive
from harness.cwmp.messages import (
    UNKNOWN_TIME,
    GetParameterValues,
    ParameterValueStruct,
    SetParameterValues,
)

BOOLEAN, UNSIGNED, STRING, TIME = "xsd:boolean", "xsd:unsignedInt", "xsd:string", "xsd:dateTime"

SERVER: Final = "ManagementServer."
TRUE, FALSE = ("1", "true"), ("0", "false")
"""Both spellings of a boolean are right (TR-106)."""


def server_value(session: Session, name: str, value: str, kind: str = STRING) -> ParameterValueStruct:
    """A value for the parameter *name* of ManagementServer."""
    return ParameterValueStruct(f"{session.root}{SERVER}{name}", value, kind)


def set_values(session: Session, *values: ParameterValueStruct, key: str = "") -> Answer:
    """SetParameterValues with these values."""
    return session.call(SetParameterValues(values, key))


def get(session: Session, name: str) -> str:
    """The value of a parameter below the root object, empty where the device does not give it."""
    full = f"{session.root}{name}"
    return session.call(GetParameterValues((full,))).values().get(full, "")


def get_server(session: Session, name: str) -> str:
    """The value of the parameter *name* of ManagementServer."""
    return get(session, f"{SERVER}{name}")


def read_server(bench: Bench, name: str) -> str:
    """The same, in a session of its own."""
    with bench.session(f"reading {name}") as session:
        return get_server(session, name)


def clear_reference_time(bench: Bench) -> None:
    """Set PeriodicInformTime to the unknown time: with a reference time the phase rules, not the session's end (A-07).

    Raises:
        Inconclusive: it has a value and cannot be cleared.
    """
    with bench.session("clearing PeriodicInformTime") as session:
        present = get_server(session, "PeriodicInformTime")
        if not present or present.startswith("0001-01-01T00:00:00"):
            return
        answer = set_values(session, server_value(session, "PeriodicInformTime", UNKNOWN_TIME, TIME))
    if answer.fault is not None or answer.lost:
        raise Inconclusive(f"PeriodicInformTime is {present} and cannot be cleared")
