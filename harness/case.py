"""A case: its record, the decorator that makes one, and the object through which its body speaks.

The body is a numbered procedure; it never uses ``assert`` on the device. It calls `Case.check`, which
collects; exceptions of the harness make the case ``error``, an undeliverable stimulus ``inconclusive``.
"""

from __future__ import annotations

import inspect
import random
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.expect import Allowed
from harness.verdict.assertion import Assertion, EvidenceRef
from harness.verdict.requirement import ID, Catalogue
from harness.verdict.verdict import Level, Verdict, worst

T = TypeVar("T")
Body = Callable[..., None]


class Inconclusive(Exception):
    """The stimulus could not be delivered. The message is the reason, one line."""


class NotApplicable(Exception):
    """The device lacks what the case needs; found out only while running."""


class NotRun(Exception):
    """The bench cannot run the case here (no namespaces, no capture); the message is the reason."""


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """What is known of a case without running it."""

    id: str
    version: int
    area: str
    verifies: tuple[str, ...]
    needs: tuple[str, ...]
    packets: bool
    title: str
    purpose: str
    module: str
    function: str


def case(
    case_id: str,
    *,
    verifies: str | tuple[str, ...],
    needs: tuple[str, ...] = (),
    packets: bool = False,
    version: int = 1,
) -> Callable[[Body], Body]:
    """Make the function a case.

    Args:
        case_id: words joined by dots and hyphens, never reused.
        verifies: the requirement(s) it checks.
        needs: settings, verbs and features (`harness.device.api`) without which it is not applicable.
        packets: it judges packets and so needs namespaces and capture.
        version: raised whenever the meaning of the case changes.

    Raises:
        ValueError: malformed id, no docstring, or nothing verified.
    """
    requirements = (verifies,) if isinstance(verifies, str) else verifies

    def mark(body: Body) -> Body:
        purpose = inspect.cleandoc(body.__doc__ or "")
        if not ID.fullmatch(case_id):
            raise ValueError(f"case id {case_id!r}: expected words such as https.reject.wrong-name")
        if not purpose or not requirements:
            raise ValueError(
                f"case {case_id}: needs a docstring (purpose, accepted outcomes) and a requirement"
            )
        spec = CaseSpec(
            id=case_id,
            version=version,
            area=case_id.split(".", maxsplit=1)[0],
            verifies=requirements,
            needs=needs,
            packets=packets,
            title=purpose.splitlines()[0],
            purpose=purpose,
            module=body.__module__,
            function=body.__name__,
        )
        body.__cpecheck_case__ = spec  # type: ignore[attr-defined]
        return body

    return mark


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case that is a row of a table: its record (see `case`), its purpose in words, and what it does."""

    id: str
    purpose: str
    body: Body
    verifies: str | tuple[str, ...]
    needs: tuple[str, ...] = ()
    packets: bool = False
    version: int = 1


def cases_from(namespace: dict[str, Any], rows: Iterable[CaseRow]) -> None:
    """Make a case of every row and put it into *namespace*, the ``globals()`` of the suite.

    Raises:
        ValueError: see `case`; or the namespace has a function of that name already.
    """
    for row in rows:
        name = re.sub(r"\W", "_", row.id)
        if name in namespace:
            raise ValueError(f"case {row.id}: {name} is there already")

        def run(bench: Any, case: Case, _body: Body = row.body) -> None:
            _body(bench, case)

        run.__name__ = run.__qualname__ = name
        run.__module__ = namespace["__name__"]
        run.__doc__ = row.purpose
        namespace[name] = case(
            row.id, verifies=row.verifies, needs=row.needs, packets=row.packets, version=row.version
        )(run)


def spec_of(function: object) -> CaseSpec | None:
    """The record that `case` left on *function*, or ``None``."""
    found = getattr(function, "__cpecheck_case__", None)
    return found if isinstance(found, CaseSpec) else None


def seed_for(run_seed: int, case_id: str) -> int:
    """The seed of one case: depends on the run's seed and the case's id, not on order or worker."""
    return zlib.crc32(f"{run_seed}:{case_id}".encode())


class Case:
    """What a body is handed to speak through. Collects steps, observations and assertions."""

    def __init__(self, spec: CaseSpec, catalogue: Catalogue, seed: int) -> None:
        self.spec = spec
        self.seed = seed
        self.random = random.Random(seed)
        self.steps: list[str] = []
        self.observations: list[str] = []
        self.assertions: list[Assertion] = []
        self._catalogue = catalogue

    def step(self, text: str) -> None:
        """Say what is done next; the numbered steps are the procedure in the report."""
        self.steps.append(text)

    def observe(self, text: str) -> None:
        """Record something that is not judged."""
        self.observations.append(text)

    def check(
        self,
        requirement: str,
        observed: T,
        allowed: Allowed[T],
        *,
        what: str = "",
        evidence: tuple[EvidenceRef, ...] = (),
    ) -> bool:
        """Judge *observed* against *allowed* and note the result; True when it passed.

        Args:
            requirement: one of those that the case verifies.
            what: what was looked at, where the expectation does not say.

        Raises:
            ValueError: the case does not declare the requirement, or the catalogue does not know it.
        """
        judgement = allowed.judge(observed)
        prefix = f"{what}: " if what else ""
        self.note(
            requirement,
            judgement.verdict,
            prefix + allowed.expected,
            prefix + judgement.observed,
            judgement.reason,
            evidence,
        )
        return judgement.verdict is Verdict.PASS

    def note(
        self,
        requirement: str,
        verdict: Verdict,
        expected: str,
        observed: str,
        reason: str = "",
        evidence: tuple[EvidenceRef, ...] = (),
    ) -> None:
        """Note an assertion as it stands; a failure of a SHOULD becomes ``warn``, of a record an observation."""
        if requirement not in self.spec.verifies or requirement not in self._catalogue:
            raise ValueError(
                f"case {self.spec.id} checks {requirement!r}, which it does not declare or nobody defined"
            )
        level = self._catalogue[requirement].level
        if level is Level.RECORD:
            self.observe(f"{requirement}: {observed}")
            return
        if verdict is Verdict.FAIL and level is Level.SHOULD:
            verdict = Verdict.WARN
        self.assertions.append(Assertion(requirement, verdict, expected, observed, reason, evidence=evidence))

    @contextmanager
    def twin(self, what: str, works: Callable[[], str]) -> Iterator[None]:
        """Hold the liveness control around a stimulus that is expected to lead to nothing.

        *works* tries the valid twin and returns why it did not work, or ``""``. It runs before and after. When it
        fails before, nothing can be said; when it fails after, what passed in between proves nothing.

        Raises:
            Inconclusive: the twin did not work before.
        """
        self.step(f"Control: {what}.")
        reason = works()
        if reason:
            raise Inconclusive(f"control before the stimulus failed ({what}): {reason}")
        first = len(self.assertions)
        yield
        self.step(f"Control again: {what}.")
        reason = works()
        if reason:
            self._doubt(first, f"control after the stimulus failed ({what}): {reason}")

    def _doubt(self, first: int, reason: str) -> None:
        for index in range(first, len(self.assertions)):
            if self.assertions[index].verdict is Verdict.PASS:
                self.assertions[index] = replace_assertion(
                    self.assertions[index], Verdict.INCONCLUSIVE, reason
                )
        self.observe(reason)

    def settle(self, verdict: Verdict, reason: str) -> None:
        """Give every requirement that was not judged *verdict* with *reason*; a second pass changes nothing."""
        judged = {assertion.requirement for assertion in self.assertions}
        for requirement in self.spec.verifies:
            if requirement in judged or self._catalogue[requirement].level is Level.RECORD:
                continue
            self.assertions.append(Assertion(requirement, verdict, "a verdict", "none", reason))

    def verdict(self) -> Verdict:
        """The worst of the case's assertions."""
        return worst(assertion.verdict for assertion in self.assertions)


def replace_assertion(assertion: Assertion, verdict: Verdict, reason: str) -> Assertion:
    """A copy of *assertion* with another verdict and reason."""
    return Assertion(
        assertion.requirement,
        verdict,
        assertion.expected,
        assertion.observed,
        reason,
        assertion.by,
        assertion.evidence,
    )
