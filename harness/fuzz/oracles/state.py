"""Oracles over values: what a refused request changed, what an accepted one did not store as it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, End, Evidence, Observation
from harness.fuzz.oracles.device import ALIVE
from harness.fuzz.oracles.told import (
    PARAMETER_KEY,
    alarm,
    forbidden,
    gone,
    kind_of,
    obeyed,
    octets,
    only,
    reached,
    restart_excused,
    sets,
    shown,
)
from harness.fuzz.program import Surface

STORED: Final = "cwmp.robust.stored-as-sent"
_KEYED: Final = ("SetParameterValuesResponse", "AddObjectResponse", "DeleteObjectResponse")
"""Responses of the RPCs that set ParameterKey."""
_KEY_NAME: Final = ".ManagementServer.ParameterKey"
_INTEGERS: Final = frozenset(
    {"xsd:int", "xsd:unsignedInt", "xsd:long", "xsd:unsignedLong", "xsd:short", "xsd:integer"}
)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,40}")
_LONG: Final = 16
"""Characters that two values do not have in common by chance."""
_EMPTY_TAIL: Final = re.compile(r"[\s0.Z]*")
"""What a device may leave off without losing anything: blanks, fractions of zero."""


@dataclass(slots=True)
class _Ask:
    """A program that was delivered, and what it wanted to set; that is worked out when it is asked for."""

    index: int
    seen: Observation
    _sets: Mapping[str, tuple[str, str]] | None = field(default=None)
    _octets: bytes | None = field(default=None)

    @property
    def refused(self) -> bool:
        return self.seen.answer is Answer.FAULT

    @property
    def explains(self) -> bool:
        """It was carried out, or may have been, and was allowed to."""
        if obeyed(self.seen):
            return True
        return not self.refused and not forbidden(self.seen.program)

    def value(self, name: str) -> tuple[str, str] | None:
        """Value and type that it wanted *name* to have."""
        if self._sets is None:
            self._sets = sets(self.seen.program)
        key = PARAMETER_KEY if name.endswith(_KEY_NAME) else name
        return self._sets.get(name) or self._sets.get(key)

    def concerns(self, name: str) -> bool:
        """It speaks of *name*, of the table that holds it, or sets the ParameterKey that it is."""
        if self._octets is None:
            self._octets = octets(self.seen.program)
        if name.encode("utf-8", "replace") in self._octets:
            return True
        if name.endswith(_KEY_NAME):
            return self.seen.rpc in _KEYED or b"ParameterKey" in self._octets
        if b"Object" not in self._octets:
            return False
        parent = name.rpartition(".")[0].encode("utf-8", "replace") + b"."
        return parent in self._octets


def changed(evidence: Evidence) -> list[Alarm]:
    """A watched value changes only because somebody rightly set it (O3, O7, atomicity)."""
    if not evidence.before.alive or not evidence.after.alive or not reached(evidence):
        return []
    was, now = evidence.before.snapshot.values, evidence.after.snapshot.values
    names = [name for name in was if name in now and was[name] != now[name]]
    if not names or restart_excused(evidence):
        return []
    asks = _asks(evidence)
    found = (_change(evidence, asks, name, was[name], now[name]) for name in names)
    return [each for each in found if each is not None]


def _asks(evidence: Evidence) -> list[_Ask]:
    return [_Ask(index, evidence.observations[index]) for index in reached(evidence)]


def _change(evidence: Evidence, asks: list[_Ask], name: str, was: str, now: str) -> Alarm | None:
    concerned = [ask for ask in asks if ask.concerns(name)]
    explaining = [ask for ask in concerned if ask.explains]
    culprits = [ask for ask in concerned if not ask.explains]
    if explaining:
        # The last word is that of a refused request, and of nobody who was allowed to speak after it.
        culprits = [ask for ask in culprits if _wrote(ask, name, now)]
        last = max((ask.index for ask in culprits), default=-1)
        good = {_plain(value[0]) for ask in explaining if (value := ask.value(name))}
        later = any(ask.index > last or not obeyed(ask.seen) for ask in explaining)
        if not culprits or not good or (_plain(now) in good and (later or _is_last(explaining, name, now))):
            return None
        culprits = [ask for ask in culprits if later or ask.index > explaining[-1].index]
    observed = f"{shown(name)} was {shown(was)}, is {shown(now)}"
    if culprits:
        return _effect(culprits, name, observed, exact=any(_wrote(ask, name, now) for ask in culprits))
    if gone(evidence):
        return None  # the restart is the finding; what it took along is not another
    return alarm(
        "lost-state", "value", "a value changes only when somebody sets it", observed,
        requirement=ALIVE, index=only(evidence),
    )  # fmt: skip


def _is_last(asks: list[_Ask], name: str, now: str) -> bool:
    """The last of *asks* that set *name* at all set it to *now*."""
    values = [value[0] for ask in asks if (value := ask.value(name))]
    return bool(values) and _plain(values[-1]) == _plain(now)


def _plain(value: str) -> str:
    """One spelling of booleans and integers, so that a device may choose its own."""
    text = value.strip()
    if _INTEGER.fullmatch(text):
        return str(int(text))
    return {"true": "1", "false": "0"}.get(text, value)


def _wrote(ask: _Ask, name: str, now: str) -> bool:
    value = ask.value(name)
    return value is not None and value[0] == now


def _effect(culprits: list[_Ask], name: str, observed: str, *, exact: bool) -> Alarm:
    """A request that was refused, or must not be obeyed, has changed something."""
    first = culprits[0]
    refused = all(ask.refused for ask in culprits)
    expectation = first.seen.program.expectation
    if refused:
        oracle, requirement = "atomicity", _unchanged(first, name)
        expected = "a request that is answered with a fault changes nothing"
    else:
        oracle, requirement = "silent-acceptance", expectation.requirement
        expected = "a message that must not be obeyed changes nothing"
    return alarm(
        oracle, "effect" if not refused else requirement, expected, observed, kind=kind_of(requirement),
        confidence=Confidence.CERTAIN if exact else Confidence.LIKELY, requirement=requirement,
        index=first.index if len(culprits) == 1 else -1, messages=first.seen.messages,
    )  # fmt: skip


def _unchanged(ask: _Ask, name: str) -> str:
    """The requirement that a refused request breaks which has changed *name*."""
    wanted = sets(ask.seen.program)
    if wanted and name.endswith(_KEY_NAME):
        return "cwmp.set.parameter-key"
    return "cwmp.set.atomic" if len(wanted) > 2 else "cwmp.fault.nothing-changed"


def read_back(evidence: Evidence) -> list[Alarm]:
    """What a later answer of the batch, or the control after it, says of values that the batch wanted to set.

    A refused value that shows is a breach of atomicity; an accepted one that was cut, wrapped or replaced is one
    of keeping what was accepted (O7).
    """
    if not any(_setting(each) for each in evidence.observations):
        return []
    return list(_read_back(evidence))


def _setting(seen: Observation) -> bool:
    if seen.program.surface is not Surface.SOAP or seen.end is End.NOT_REACHED:
        return False
    return seen.rpc == "SetParameterValuesResponse" or b"SetParameterValues" in octets(seen.program)


def _read_back(evidence: Evidence) -> Iterator[Alarm]:
    ledger = _Ledger(dict(evidence.before.snapshot.values))
    for index, seen in enumerate(evidence.observations):
        for name, value in seen.values:
            yield from ledger.read(name, value)
        if _setting(seen):
            ledger.asks.append(_Ask(index, seen))
    if not evidence.after.alive:
        return
    last = evidence.after.snapshot.values
    news = [name for name, value in last.items() if ledger.known.get(name) != value]
    if news and not gone(evidence) and not restart_excused(evidence):
        for name in news:
            # A refused value that shows in the snapshot is the affair of `changed`.
            yield from ledger.read(name, last[name], suspect_refused=False)


@dataclass(slots=True)
class _Ledger:
    """What the device last said of each value, and who has wanted to set something since."""

    known: dict[str, str]
    asks: list[_Ask] = field(default_factory=list)
    since: dict[str, int] = field(default_factory=dict)

    def read(self, name: str, value: str, *, suspect_refused: bool = True) -> Iterator[Alarm]:
        """The device says that *name* is *value*. Programs are only read where that is news."""
        was, start = self.known.get(name), self.since.get(name, 0)
        self.known[name], self.since[name] = value, len(self.asks)
        # Without an old value to compare with, one that takes effect later (Status 1) looks like another.
        if value == was or (was is None and len(value) < _LONG):
            return
        asks = [ask for ask in self.asks[start:] if ask.concerns(name) and ask.value(name) is not None]
        last = next((ask for ask in reversed(asks) if ask.explains), None)
        if last is not None:
            if obeyed(last.seen):
                yield from _stored(last, name, value)
            return
        suspects = [ask for ask in asks if ask.refused and _wrote(ask, name, value)]
        if suspects and suspect_refused and was is not None:
            yield _effect(suspects, name, f"{shown(name)} was {shown(was)}, is {shown(value)}", exact=True)


def _stored(ask: _Ask, name: str, value: str) -> Iterator[Alarm]:
    sent, type_ = ask.value(name) or ("", "")
    symptom = _mutilated(sent, type_, value)
    if symptom:
        yield alarm(
            "stored-otherwise", symptom, f"{shown(name)} is {shown(sent)}, as it was accepted", shown(value),
            kind=Kind.CONFORMANCE, confidence=Confidence.LIKELY, requirement=STORED, index=ask.index,
            messages=ask.seen.messages,
        )  # fmt: skip


def _mutilated(sent: str, type_: str, value: str) -> str:
    """How *value* is less than what was *sent*; empty where a device may spell it so.

    A device may return a secret as empty, trim blanks, and write a number, a time or an address in its own way.
    """
    if value == sent:
        return ""
    if type_ in _INTEGERS and _INTEGER.fullmatch(sent.strip()) and _INTEGER.fullmatch(value.strip()):
        wanted, got = int(sent), int(value)
        if wanted == got:
            return ""
        return "wrapped" if any((wanted - got) % (1 << bits) == 0 for bits in (8, 16, 32, 64)) else "replaced"
    if type_ != "xsd:string" or not value:
        return ""
    cut = sent.startswith(value) and not _EMPTY_TAIL.fullmatch(sent[len(value) :])
    return "cut" if cut else ""
