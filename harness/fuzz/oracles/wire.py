"""Wire rules as an oracle: whatever a device writes while it is fuzzed keeps the rules it always has to keep.

What the bench does wrong on purpose must not be held against the device. The rules know it by the ``note`` of
a message: executors write one into every message of a program that is not plainly legal (`Wanted.SUCCESS`), and
into every one that was written byte for byte. From the first such message of a session on, the rules of its course
are silent; the form of what the device writes is judged all the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, Evidence
from harness.fuzz.oracles.told import alarm, shown
from harness.rules.engine import RuleResult, judge
from harness.rules.rule import Breach

_VALUES: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\d+")
"""What differs between two breaches that are the same: quoted texts and numbers."""
_KEY: Final = 80
"""Characters of a symptom."""


def conformance(evidence: Evidence, on_error: Callable[[str], None] | None = None) -> list[Alarm]:
    """Every breach of a wire rule, once for each kind; and answers with which the codec finds fault.

    *on_error* is told of a rule that could not be applied: a mistake of ours, never the device's.
    """
    results = judge(evidence.transcript, credentials=evidence.credentials)
    found = list(_breaches(evidence, results))
    if on_error is not None:
        for each in results:
            if each.error:
                on_error(f"wire rule {each.rule}: {each.error}")
    return [*found, *_malformed(evidence, results)]


def _breaches(evidence: Evidence, results: list[RuleResult]) -> Iterator[Alarm]:
    if not any(each.breaches for each in results):
        return
    owner = {name: index for index, each in enumerate(evidence.observations) for name in each.messages}
    order = _order(evidence)
    first_program = min((order.get(name, len(order)) for name in owner), default=len(order))
    for result in results:
        kinds: dict[str, list[Breach]] = {}
        for breach in result.breaches:
            kinds.setdefault(_symptom(result, breach), []).append(breach)
        for symptom, breaches in kinds.items():
            yield _alarm(result, symptom, breaches, owner, order, first_program)


def _symptom(result: RuleResult, breach: Breach) -> str:
    return f"{result.rule}:{_VALUES.sub('*', breach.expected)[:_KEY]}"


def _alarm(
    result: RuleResult,
    symptom: str,
    breaches: list[Breach],
    owner: dict[str, int],
    order: dict[str, int],
    first_program: int,
) -> Alarm:
    owned = [each for each in breaches if each.message in owner]
    always = any(order.get(each.message, -1) < first_program for each in breaches)
    example = breaches[0] if always or not owned else owned[0]
    # What it does before any program, it does with every program: the first stands for all.
    index = min(owner.values()) if always and owner else owner.get(example.message, -1)
    where = f" at {example.where}" if example.where else ""
    count = f" ({len(breaches)} times)" if len(breaches) > 1 else ""
    return Alarm(
        "wire", Kind.CONFORMANCE, Confidence.CERTAIN, example.expected, f"{example.observed}{where}{count}",
        f"wire:{symptom}", result.requirement, index, (example.message,), example.minor,
    )  # fmt: skip


def _order(evidence: Evidence) -> dict[str, int]:
    """Messages by the order in which they began."""
    messages = [each for connection in evidence.transcript.connections for each in connection.messages]
    messages.sort(key=lambda each: each.real_first)
    return {each.id: place for place, each in enumerate(messages)}


def _malformed(evidence: Evidence, results: list[RuleResult]) -> Iterator[Alarm]:
    """Answers that cannot be read or break the schema, where no rule has said so already."""
    troubled = [
        (index, each)
        for index, each in enumerate(evidence.observations)
        if each.answer is Answer.UNREADABLE or each.problems
    ]
    if not troubled:
        return
    told = {breach.message for result in results for breach in result.breaches}
    seen = set()
    for index, each in troubled:
        if told & set(each.messages):
            continue
        said = each.problems[0] if each.problems else "an answer that cannot be read"
        symptom = "unreadable" if each.answer is Answer.UNREADABLE else _VALUES.sub("*", said)[:_KEY]
        if symptom not in seen:
            seen.add(symptom)
            yield alarm(
                "answer-malformed", symptom, "a well-formed answer that keeps the schema", shown(said),
                kind=Kind.CONFORMANCE, confidence=Confidence.CERTAIN, requirement="cwmp.soap.envelope",
                index=index, messages=each.messages,
            )  # fmt: skip
