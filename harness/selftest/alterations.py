"""Which defects and variants are run. They are reached by name, as the suites are: the harness imports no device."""

from __future__ import annotations

import fnmatch
import importlib
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.case import CaseSpec
from harness.rules.rule import Rule
from harness.verdict.requirement import Catalogue

REGISTRY = "reference_cpe.defects.registry"


class SelftestError(Exception):
    """The self-test cannot start as it was asked for: usage. One line."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """A seeded defect, or a benign variant (which breaks nothing)."""

    name: str
    defect: bool
    requirements: tuple[str, ...]
    summary: str
    seen: str = ""
    awaiting: str = ""
    origin: str = ""
    files: tuple[str, ...] = ()


def everything(files: Sequence[Path], catalogue: Catalogue) -> list[Alteration]:
    """The built-in defects and variants; where *files* are given, theirs and no others.

    Raises:
        SelftestError: a file cannot be loaded, or names a requirement that does not exist.
    """
    registry: Any = importlib.import_module(REGISTRY)
    registry.load_builtin()
    tables = ((registry.DEFECTS, True), (registry.VARIANTS, False))
    if not files:
        return [_made(entry, defect, (), catalogue) for table, defect in tables for entry in table.values()]
    found: list[Alteration] = []
    for path in files:
        try:
            names = registry.load_file(path.resolve())
        except (registry.BadFile, ValueError) as error:
            raise SelftestError(str(error)) from None
        if not names:
            raise SelftestError(f"{path}: registers neither a defect nor a variant")
        origin = (str(path.resolve()),)
        for table, defect in tables:
            found += [_made(table[name], defect, origin, catalogue) for name in names if name in table]
    return found


def _made(entry: Any, defect: bool, files: tuple[str, ...], catalogue: Catalogue) -> Alteration:
    requirements: dict[str, None] = {}
    for name in entry.breaks:
        if name in catalogue:
            requirements[name] = None
            continue
        rows = catalogue.rows(name)
        if not rows:
            raise SelftestError(f"defect {entry.name}: no requirement {name!r} (cpecheck list shows them)")
        requirements |= dict.fromkeys(row.id for row in rows)
    return Alteration(
        entry.name,
        defect,
        tuple(requirements),
        entry.summary,
        entry.seen,
        entry.awaiting,
        entry.origin,
        files,
    )


def selected(
    found: Iterable[Alteration], patterns: Sequence[str], catalogue: Catalogue, specs: Sequence[CaseSpec]
) -> list[Alteration]:
    """Those that a pattern names: by their name, a requirement they break, its catalogue row or area, or a case
    that verifies it. Without a pattern all, but for those that await suites to come.

    Raises:
        SelftestError: a pattern matches nothing.
    """
    everyone = list(found)
    if not patterns:
        return [each for each in everyone if not each.awaiting]
    chosen: dict[str, Alteration] = {}
    for pattern in patterns:
        matching = [each for each in everyone if _matches(each, pattern, catalogue, specs)]
        if not matching:
            raise SelftestError(f"--select {pattern}: no defect or variant matches")
        chosen |= {each.name: each for each in matching}
    return list(chosen.values())


def _matches(each: Alteration, pattern: str, catalogue: Catalogue, specs: Sequence[CaseSpec]) -> bool:
    if fnmatch.fnmatchcase(each.name, pattern):
        return True
    if each.awaiting:
        return False
    names = list(each.requirements)
    for requirement in each.requirements:
        names += [*catalogue[requirement].catalogue, catalogue[requirement].area]
    names += [spec.id for spec in specs if set(spec.verifies) & set(each.requirements)]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names)


# --- what a change touches ---------------------------------------------------------------------------------


def changed_files(folder: Path) -> list[Path]:
    """Files of the work tree around *folder* that differ from the last commit, new ones included.

    Raises:
        SelftestError: *folder* is in no git work tree.
    """
    commands = (
        ("diff", "--name-only", "HEAD"),
        ("ls-files", "--others", "--exclude-standard", "--full-name"),
    )
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel")[0])
        names = [name for command in commands for name in _git(top, *command)]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise SelftestError(f"--changed: {folder} is in no git work tree ({error})") from None
    return [top / name for name in names]


def _git(folder: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.splitlines()


def touched(
    found: Sequence[Alteration], files: Iterable[Path], specs: Sequence[CaseSpec], rules: Sequence[Rule]
) -> list[Alteration]:
    """Those that the changed *files* may concern: a defect by its own file, by a case or by a rule that sees it.

    A file of harness, device or suites that cannot be laid to some of them concerns all.
    """
    chosen: dict[str, Alteration] = {}
    by_module = _requirements_by_module(specs, rules)
    for file in files:
        if file.suffix not in (".py", ".toml") or not _of_the_product(file):
            continue
        own = [each for each in found if each.origin and Path(each.origin) == file]
        if own:
            chosen |= {each.name: each for each in own}
        elif (module := _module(file)) in by_module:
            broken = by_module[module]
            chosen |= {
                each.name: each for each in found if not each.defect or broken & set(each.requirements)
            }
        elif not _concerns_nobody(file):
            return list(found)
    return list(chosen.values())


def _requirements_by_module(specs: Sequence[CaseSpec], rules: Sequence[Rule]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for spec in specs:
        found.setdefault(spec.module, set()).update(spec.verifies)
    for rule in rules:
        found.setdefault(rule.body.__module__, set()).add(rule.verifies)
    return found


def _of_the_product(file: Path) -> bool:
    return bool({"harness", "reference_cpe", "suites"} & set(file.parts)) and "tests" not in file.parts


def _concerns_nobody(file: Path) -> bool:
    """The self-test itself, the command line and new files of defects without any defect change no verdict."""
    return (
        "selftest" in file.parts or file.name in ("cli.py", "listing.py", "progress.py") or not file.exists()
    )


def _module(file: Path) -> str:
    parts = list(file.with_suffix("").parts)
    for top in ("harness", "suites"):
        if top in parts:
            return ".".join(parts[len(parts) - 1 - parts[::-1].index(top) :])
    return ""
