"""Oracles: pure functions that read what a batch did to the device and say what is wrong with it.

An oracle never acts and never asks anybody. `judge` applies all of them to one batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from harness.fuzz.alarm import Alarm, Oracle
from harness.fuzz.evidence import Evidence
from harness.fuzz.oracles.answers import (
    hang,
    id_echo,
    no_fault,
    other_response,
    refused,
    silent_acceptance,
    slow,
    wrong_fault,
)
from harness.fuzz.oracles.canary import injection
from harness.fuzz.oracles.device import liveness, reset, restarted, retries, session_storm, unasked_effect
from harness.fuzz.oracles.memory import memory
from harness.fuzz.oracles.model import disagreement
from harness.fuzz.oracles.state import changed, read_back
from harness.fuzz.oracles.wire import conformance

ORACLES: Final[tuple[Oracle, ...]] = (
    liveness,
    restarted,
    reset,
    injection,
    changed,
    read_back,
    unasked_effect,
    silent_acceptance,
    wrong_fault,
    no_fault,
    refused,
    other_response,
    disagreement,
    id_echo,
    hang,
    slow,
    session_storm,
    retries,
    memory,
    conformance,
)
"""All of them, what says most first."""

_SAME: Final = {"wire:id-echo": "id-echo"}
"""Wire rules that say what an oracle over answers says too."""


def judge(evidence: Evidence, on_error: Callable[[str], None] | None = None) -> list[Alarm]:
    """All alarms of all oracles, each failure once for each place, in the order of `ORACLES`.

    Never raises. *on_error* is told, in a line, what could not be judged by a mistake of the harness.
    """
    found: dict[tuple[str, int], Alarm] = {}
    for oracle in ORACLES:
        apply = partial(conformance, on_error=on_error) if oracle is conformance else oracle
        try:
            alarms = apply(evidence)
        except Exception as error:
            if on_error is not None:
                on_error(f"oracle {oracle.__name__}: {type(error).__name__}: {error}")
            continue
        for alarm in alarms:
            if not _said(alarm, found):
                found.setdefault((alarm.key, alarm.index), alarm)
    return list(found.values())


def _said(alarm: Alarm, found: dict[tuple[str, int], Alarm]) -> bool:
    """An oracle over answers has said it already of the same program."""
    if alarm.oracle != "wire":
        return False
    rule = ":".join(alarm.key.split(":")[:2])
    other = _SAME.get(rule, "")
    return bool(other) and any(each.oracle == other and each.index == alarm.index for each in found.values())
