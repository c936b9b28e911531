"""The wire-rule engine: all rules over one transcript, and their results as assertions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from harness.rules import auth, connection_request, cookie, fault, http, inform, session, soap
from harness.rules.rule import Breach, Report, Rule
from harness.rules.view import View
from harness.verdict.assertion import Assertion, EvidenceRef
from harness.verdict.transcript import Transcript
from harness.verdict.verdict import Level, Verdict

_MODULES: Final = (soap, fault, http, cookie, auth, session, inform, connection_request)
ALL: Final[tuple[Rule, ...]] = tuple(
    each for module in _MODULES for each in vars(module).values() if isinstance(each, Rule)
)
"""Every wire rule, in the order of the modules."""
DISTINCT: Final = 5
"""Different breaches of one rule that become assertions of their own."""
EVIDENCE: Final = 10
"""Messages that one assertion names."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule found. ``error`` is the traceback's last line where the rule itself failed."""

    rule: str
    requirement: str
    examined: int
    breaches: tuple[Breach, ...] = ()
    error: str = ""


def judge(
    transcript: Transcript,
    rules: Iterable[Rule] = ALL,
    *,
    credentials: Collection[tuple[str, str]] = (),
) -> list[RuleResult]:
    """Let every rule read *transcript*. Never raises: a rule that does gives an error result.

    *credentials*: see `View`.
    """
    view = View(transcript, credentials)
    return [_apply(each, view) for each in rules]


def _apply(rule: Rule, view: View) -> RuleResult:
    report = Report()
    try:
        rule.body(view, report)
    except Exception as error:
        return RuleResult(rule.id, rule.verifies, report.examined, error=f"{type(error).__name__}: {error}")
    return RuleResult(rule.id, rule.verifies, report.examined, tuple(report.breaches))


def to_assertions(results: Iterable[RuleResult], level: Callable[[str], Level]) -> list[Assertion]:
    """Results as assertions, the verdict by the requirement's level.

    A rule that examined nothing says nothing, nor does one whose requirement is only recorded.

    Raises:
        KeyError: as *level* does for a requirement it does not know.
    """
    return [assertion for result in results for assertion in _assertions(result, level(result.requirement))]


def _assertions(result: RuleResult, level: Level) -> Iterator[Assertion]:
    if result.error:
        yield Assertion(
            result.requirement, Verdict.ERROR, "the rule can be applied", result.error, by=result.rule
        )
    elif level is Level.RECORD or not result.examined:
        return
    elif not result.breaches:
        observed = f"kept, {result.examined} examined"
        yield Assertion(result.requirement, Verdict.PASS, "the rule is kept", observed, by=result.rule)
    else:
        yield from _failures(result, level)


def _failures(result: RuleResult, level: Level) -> Iterator[Assertion]:
    alike: dict[tuple[str, str, bool], list[Breach]] = {}
    for breach in result.breaches:
        alike.setdefault((breach.expected, breach.observed, breach.minor), []).append(breach)
    # The worst first, so that the cut never hides a failure behind warnings.
    groups = sorted(alike.items(), key=lambda item: item[0][2])
    for number, ((expected, observed, minor), breaches) in enumerate(groups[:DISTINCT], 1):
        reason = f"{len(breaches)} of {result.examined} examined"
        if number == DISTINCT and len(groups) > DISTINCT:
            reason += f"; {len(groups) - DISTINCT} more kinds of breach are not listed"
        verdict = Verdict.WARN if minor or level is Level.SHOULD else Verdict.FAIL
        evidence = tuple(EvidenceRef("message", each.message, each.where) for each in breaches[:EVIDENCE])
        yield Assertion(result.requirement, verdict, expected, observed, reason, result.rule, evidence)
