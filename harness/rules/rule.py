"""What a wire rule is made of: the decorator, and the report through which a rule speaks."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from harness.cwmp.soap import Problem
from harness.rules.view import View
from harness.verdict.requirement import ID
from harness.verdict.transcript import HttpMessage

_RULE_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SHOWN: Final = 300
"""Characters of a text of the device that a breach shows."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One message that does not keep a rule.

    ``minor``: what has to be tolerated for the sake of the field; it becomes ``warn`` whatever the level.
    """

    message: str
    expected: str
    observed: str
    where: str = ""
    minor: bool = False


@dataclass(slots=True)
class Report:
    """What a rule says while it reads: how many things it examined, and which of them are wrong."""

    examined: int = 0
    breaches: list[Breach] = field(default_factory=list)

    def kept(self) -> None:
        """One thing was examined and is right."""
        self.examined += 1

    def broken(
        self,
        message: HttpMessage,
        *,
        expected: str,
        observed: str,
        where: str = "",
        minor: bool = False,
    ) -> None:
        """One thing was examined and is wrong."""
        self.examined += 1
        self.breaches.append(Breach(message.id, expected, observed, where, minor))

    def check(
        self, right: bool, message: HttpMessage, *, expected: str, observed: str, where: str = ""
    ) -> None:
        """`kept` or `broken`, as *right* says."""
        if right:
            self.kept()
        else:
            self.broken(message, expected=expected, observed=observed, where=where)

    def problems(self, message: HttpMessage, found: Iterable[Problem]) -> None:
        """`broken` for each problem of the codec, `kept` where there is none."""
        problem = None
        for problem in found:
            minor = not (problem.must or problem.fatal)
            self.broken(
                message, expected=problem.expected, observed=problem.found, where=problem.where, minor=minor
            )
        if problem is None:
            self.kept()


Body = Callable[[View, Report], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A wire rule: its id, the requirement it verifies, its sentence and its function."""

    id: str
    verifies: str
    says: str
    body: Body


def rule(rule_id: str, *, verifies: str) -> Callable[[Body], Rule]:
    """Make the function a wire rule.

    Raises:
        ValueError: a malformed id, or no docstring.
    """
    if not _RULE_ID.fullmatch(rule_id) or not ID.fullmatch(verifies):
        raise ValueError(f"rule {rule_id!r}, {verifies!r}: expected words such as id-echo, cwmp.soap.id-echo")

    def mark(body: Body) -> Rule:
        says = inspect.cleandoc(body.__doc__ or "")
        if not says:
            raise ValueError(f"rule {rule_id}: needs one sentence as docstring")
        return Rule(rule_id, verifies, says, body)

    return mark


def shown(text: str | None) -> str:
    """A text of the device for a line of a report: quoted, escaped, cut; ``none`` for none."""
    if text is None:
        return "none"
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(text)} characters)"
