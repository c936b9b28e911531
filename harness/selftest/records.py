"""What passes between controller and workers, one JSON object a line."""

from __future__ import annotations

import msgspec

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.verdict import Verdict

SAID = 400
"""Characters of an expectation or observation that are kept."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One assertion of one case. ``by`` is the wire rule that made it, empty for the case itself."""

    requirement: str
    verdict: Verdict
    by: str = ""
    expected: str = ""
    observed: str = ""


class Outcome(msgspec.Struct, tag="outcome", omit_defaults=True):
    """One case on one device."""

    case: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0

    @classmethod
    def of(cls, result: CaseResult) -> Outcome:
        """The part of *result* that the self-test needs."""
        found = tuple(map(_finding, (*result.assertions, *result.wire)))
        return cls(result.id, result.verdict, found, result.reason[:SAID], result.seconds)


def _finding(assertion: Assertion) -> Finding:
    if assertion.verdict is Verdict.PASS:
        return Finding(assertion.requirement, assertion.verdict, assertion.by)
    return Finding(
        assertion.requirement,
        assertion.verdict,
        assertion.by,
        assertion.expected[:SAID],
        (assertion.observed or assertion.reason)[:SAID],
    )


class Done(msgspec.Struct, tag="done"):
    """All cases of the task have been run."""


class Task(msgspec.Struct):
    """Run *cases* on a device with these defects and variants.

    The device of the task before goes on where it is of the same kind, unless *fresh*.
    """

    cases: tuple[str, ...]
    defects: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    fresh: bool = True


Said = Outcome | Done
