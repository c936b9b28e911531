"""Cases and requirements that no defect of the reference CPE can show broken, each with the reason: the gate reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from harness.case import CaseSpec
from harness.verdict.requirement import Catalogue
from harness.verdict.verdict import Level

_KNOWS_THE_TIME = (
    "not applicable to the reference CPE, which knows the time, so there is no good verdict without a defect to "
    "compare with; the variant no-clock runs it, and the test of the pair dates-judged-without-time + no-clock sees it fail"
)

HOLDS_BY_CONSTRUCTION: Final[dict[str, str]] = {
    "https.accept.expired-without-time": _KNOWS_THE_TIME,
    "cwmp.tls.dates-ignored-without-time": _KNOWS_THE_TIME,
}
"""By the id of a case or of a requirement."""


def nothing_to_kill(spec: CaseSpec, catalogue: Catalogue) -> bool:
    """Whether the case only records: whatever a device does, nothing of it is wrong."""
    return all(catalogue[requirement].level is Level.RECORD for requirement in spec.verifies)


def unexcused_cases(idle: Iterable[str], specs: Iterable[CaseSpec], catalogue: Catalogue) -> tuple[str, ...]:
    """Those of the *idle* cases that ought to have killed something."""
    known = {spec.id: spec for spec in specs}
    return tuple(
        case
        for case in idle
        if case not in HOLDS_BY_CONSTRUCTION and not nothing_to_kill(known[case], catalogue)
    )


def unexcused_requirements(unproven: Iterable[str]) -> tuple[str, ...]:
    """Those of the *unproven* requirements that ought to have been broken by a defect."""
    return tuple(requirement for requirement in unproven if requirement not in HOLDS_BY_CONSTRUCTION)
