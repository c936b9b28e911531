"""Which cases are run over a defect or a variant. Pure functions of catalogue, cases, rules and the baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.case import CaseSpec
from harness.rules.rule import Rule
from harness.selftest.records import Outcome
from harness.verdict.verdict import Verdict

PRODUCERS = 4
"""Cases that are run for a requirement that a wire rule checks: the quickest of those whose sessions it examined."""


OF_AN_AREA = 2
"""Cases of each area that a partial run takes for the sake of the wire rules."""


@dataclass(slots=True)
class Plan:
    """What is known of cases and rules, and of the run without any defect."""

    specs: Sequence[CaseSpec]
    rules: Sequence[Rule]
    baseline: Mapping[str, Outcome] = field(default_factory=dict)

    def cases_of(self, requirements: Collection[str]) -> list[str]:
        """Cases that verify one of *requirements*, the quick ones first."""
        return self._by_speed(spec.id for spec in self.specs if set(spec.verifies) & set(requirements))

    def ruled(self, requirements: Collection[str]) -> bool:
        """Whether a wire rule checks one of them, so that every case may show it."""
        return any(rule.verifies in requirements for rule in self.rules)

    def judged(self, requirements: Collection[str]) -> bool:
        """Whether any case or rule checks one of them."""
        return bool(self.cases_of(requirements)) or self.ruled(requirements)

    def relevant(self, requirements: Collection[str]) -> list[str]:
        """Cases that verify what is broken, and a few whose sessions the rules for it can read."""
        found = dict.fromkeys(self.cases_of(requirements))
        for requirement in requirements:
            found |= dict.fromkeys(self._producers(requirement)[:PRODUCERS])
        return list(found)

    def further(self, requirements: Collection[str], done: Collection[str]) -> list[str]:
        """Where nothing was seen yet: the other cases, in which a rule may still see it."""
        if not self.ruled(requirements):
            return []
        first = [case for requirement in requirements for case in self._producers(requirement)]
        everything = dict.fromkeys([*first, *self._by_speed(spec.id for spec in self.specs)])
        return [case for case in everything if case not in done]

    def needed(self, broken: Iterable[Collection[str]], *, everything: bool) -> list[str]:
        """Cases to run without any defect: those that verify what is broken; for the wire rules some of each area."""
        sets = list(broken)
        if everything:
            return [spec.id for spec in self.specs]
        wanted = {case for requirements in sets for case in self.cases_of(requirements)}
        if any(self.ruled(requirements) for requirements in sets):
            wanted |= self._some_of_each_area()
        return [spec.id for spec in self.specs if spec.id in wanted]

    def _some_of_each_area(self) -> set[str]:
        areas: dict[str, list[str]] = {}
        for spec in self.specs:
            areas.setdefault(spec.area, []).append(spec.id)
        return {case for cases in areas.values() for case in cases[:OF_AN_AREA]}

    def one_for_each_requirement(self) -> list[str]:
        """Few quick cases that between them verify every requirement that has a case or was examined by a rule."""
        covers = {case: self._judges(outcome) for case, outcome in self.baseline.items()}
        missing = set().union(*covers.values()) if covers else set()
        chosen: list[str] = []
        while missing:
            best = max(covers, key=lambda case: len(covers[case] & missing) / (0.05 + self._seconds(case)))
            gained = covers.pop(best) & missing
            if gained:
                chosen.append(best)
                missing -= gained
        kept = self._pruned(chosen)
        return [spec.id for spec in self.specs if spec.id in kept]

    def _pruned(self, chosen: Iterable[str]) -> set[str]:
        """*chosen* without the slow ones whose requirements the others verify as well."""
        kept = dict.fromkeys(chosen)
        times = Counter(r for case in kept for r in self._judges(self.baseline[case]))
        for case in sorted(kept, key=self._seconds, reverse=True):
            judged = self._judges(self.baseline[case])
            if all(times[requirement] > 1 for requirement in judged):
                del kept[case]
                times.subtract(judged)
        return set(kept)

    @staticmethod
    def _judges(outcome: Outcome) -> set[str]:
        return {each.requirement for each in outcome.findings if each.verdict in (Verdict.PASS, Verdict.WARN)}

    def _producers(self, requirement: str) -> list[str]:
        """Cases in whose sessions a wire rule found that the requirement is kept."""
        return self._by_speed(
            case
            for case, outcome in self.baseline.items()
            if any(each.by and each.requirement == requirement for each in outcome.findings)
        )

    def _by_speed(self, cases: Iterable[str]) -> list[str]:
        return sorted(cases, key=self._seconds)

    def _seconds(self, case: str) -> float:
        outcome = self.baseline.get(case)
        return outcome.seconds if outcome is not None else 0.0


def chunks(cases: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """The cases in pieces, so that several workers can share them."""
    return [tuple(cases[at : at + size]) for at in range(0, len(cases), size)]
