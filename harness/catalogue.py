"""The suites as data, reached by name: requirement records, cases, and the wire rules beside them.

The harness never imports a suite in its code; whoever packages other suites keeps the name ``suites``.
"""

from __future__ import annotations

import fnmatch
import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files

from harness.case import CaseSpec, spec_of
from harness.rules.engine import ALL
from harness.rules.rule import Rule
from harness.verdict import proof
from harness.verdict.requirement import Catalogue

SUITES = "suites"
PROOF = "selftest.json"


class SelectionError(ValueError):
    """A pattern matches nothing; the message names it."""


def requirements() -> Catalogue:
    """Every requirement record.

    Raises:
        CatalogueError: a record is malformed.
    """
    return Catalogue.load(files(SUITES) / "requirements")


def cases() -> list[CaseSpec]:
    """Every case, in the order of the files and of the functions in them."""
    package = importlib.import_module(SUITES)
    found: list[CaseSpec] = []
    for entry in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        module = importlib.import_module(f"{SUITES}.{entry.name}")
        specs = [
            spec
            for _, function in inspect.getmembers(module, inspect.isfunction)
            if (spec := spec_of(function))
        ]
        found.extend(spec for spec in specs if spec.module == module.__name__)
    return found


def proven(specs: Iterable[CaseSpec]) -> dict[str, tuple[str, ...]]:
    """Case → the seeded defects that it is known to find; nothing of cases that have another version now.

    ``suites/selftest.json`` says so (``cpecheck selftest --proof FILE`` writes it); without it, nothing is known.
    """
    file = files(SUITES) / PROOF
    known = proof.read(file.read_bytes()) if file.is_file() else {}
    return proof.of_versions(known, {spec.id: spec.version for spec in specs})


def proof_of(shown: Mapping[str, Mapping[str, Iterable[str]]]) -> bytes:
    """The content of ``suites/selftest.json``, from what a self-test has *shown*: requirement → case → defects."""
    return proof.encode(proof.make(shown, {spec.id: spec.version for spec in cases()}))


def rules() -> Sequence[Rule]:
    """Every wire rule."""
    return ALL


def selected(
    specs: Sequence[CaseSpec], select: Iterable[str], exclude: Iterable[str], catalogue: Catalogue
) -> set[str]:
    """Ids of the cases that *select* names (all, where it is empty) and *exclude* does not.

    A pattern is a glob over case ids, areas, requirement ids and catalogue rows.

    Raises:
        SelectionError: a pattern of *select* matches no case, or nothing is left.
    """
    chosen: set[str] = set()
    patterns = tuple(select)
    for pattern in patterns or ("*",):
        matching = {spec.id for spec in specs if _matches(spec, pattern, catalogue)}
        if not matching:
            raise SelectionError(_nothing_matches(pattern))
        chosen |= matching
    for pattern in exclude:
        chosen -= {spec.id for spec in specs if _matches(spec, pattern, catalogue)}
    if not chosen:
        raise SelectionError("--exclude leaves no case of the selection")
    return chosen


def _nothing_matches(pattern: str) -> str:
    checked = [rule.id for rule in rules() if fnmatch.fnmatchcase(rule.verifies, pattern)]
    if checked:
        return f"--select {pattern}: no case has it; the wire rule {checked[0]} checks it in every session of every case"
    return f"--select {pattern}: no case, requirement or catalogue row matches (cpecheck list shows them)"


def _matches(spec: CaseSpec, pattern: str, catalogue: Catalogue) -> bool:
    names = [spec.id, spec.area, *spec.verifies]
    names += [
        row
        for requirement in spec.verifies
        if requirement in catalogue
        for row in catalogue[requirement].catalogue
    ]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)
