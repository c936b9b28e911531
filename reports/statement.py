"""The in-toto Statement about a run: predicate ``test-result`` v0.1 over every file of the bundle.

Sources: in-toto attestation framework, Statement v1; predicate ``https://in-toto.io/attestation/test-result/v0.1``.
It holds no time of its own: the same bundle gives the same bytes, so that several people can sign one statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from harness.verdict.bundle import EVENTS, Results, encode_text
from harness.verdict.verdict import Verdict
from reports import summary
from reports.text import visible

TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/test-result/v0.1"
_LISTS: Final = {
    "passedTests": (Verdict.PASS,),
    "warnedTests": (Verdict.WARN,),
    "failedTests": (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE),
}
"""Cases that were not run or do not apply are in none of the lists."""


class StatementError(ValueError):
    """A payload is no statement about a run; the message is one line."""


def result(results: Results) -> str:
    """``PASSED``, ``WARNED`` or ``FAILED``.

    Who gates on ``PASSED`` trusts that every selected MUST was shown to be kept: a run that was cut off or could
    not judge one has ``FAILED``, though it accuses the device of nothing.
    """
    if results.exit_code or not results.complete:
        return "FAILED"
    warned = any(case.verdict is Verdict.WARN for case in results.cases)
    return "WARNED" if warned or results.verdict is Verdict.WARN else "PASSED"


def make(results: Results, digests: Mapping[str, str]) -> bytes:
    """The statement as JSON. *digests* is SHA-256 in hex by path; tests are cases, and wire rules as ``rule ID``."""
    rules: dict[str, set[Verdict]] = {}
    for found in summary.wire_findings(results):
        rules.setdefault(f"rule {found.rule}", set()).add(found.assertion.verdict)
    lists = {
        name: [case.id for case in results.cases if case.verdict in verdicts]
        + sorted(rule for rule, seen in rules.items() if min(seen, key=list(Verdict).index) in verdicts)
        for name, verdicts in _LISTS.items()
    }
    told = {"tool_version": results.tool_version, "seed": str(results.seed), "command": results.command}
    configuration = {
        "name": EVENTS,
        **({"digest": {"sha256": digests[EVENTS]}} if EVENTS in digests else {}),
        "mediaType": "application/x-ndjson",
        "annotations": {key: visible(value) for key, value in {**told, **_prefixed(results)}.items()},
    }
    return encode_text(
        {
            "_type": TYPE,
            "subject": [{"name": name, "digest": {"sha256": digests[name]}} for name in sorted(digests)],
            "predicateType": PREDICATE,
            "predicate": {"result": result(results), "configuration": [configuration], **lists},
        }
    )


def _prefixed(results: Results) -> dict[str, str]:
    device = {f"device.{key}": value for key, value in sorted(results.device.items())}
    return device | {f"profile.{key}": value for key, value in sorted(results.profile.items())}


class _Subject(msgspec.Struct):
    name: str
    digest: dict[str, str]


class _Predicate(msgspec.Struct):
    result: str
    configuration: list[Any]


class Statement(msgspec.Struct):
    """What a reader needs of a statement; fields that nobody knows are ignored."""

    type: str = msgspec.field(name="_type")
    subject: list[_Subject]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: _Predicate


def read(payload: bytes) -> Statement:
    """Read a statement.

    Raises:
        StatementError: it is none, or of another type.
    """
    try:
        found = msgspec.json.decode(payload, type=Statement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StatementError(f"not an in-toto statement ({error})") from None
    if found.type != TYPE or found.predicate_type != PREDICATE:
        raise StatementError(
            f"expected {TYPE} with {PREDICATE}, found {found.type} with {found.predicate_type}"
        )
    return found
