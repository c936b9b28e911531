"""The mechanism: `defect` and `variant` register a function that is given the `Parts` of a device."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import reference_cpe.defects
from reference_cpe.parts import Parts

Alteration = Callable[[Parts], object]


class UnknownName(ValueError):
    """No defect or variant of that name."""


class BadFile(ValueError):
    """A file of defects that cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered function. ``breaks``: requirements that it breaks; empty for a variant."""

    name: str
    summary: str
    apply: Alteration
    breaks: tuple[str, ...] = ()
    seen: str = ""
    """Where the like was seen in the field."""
    origin: str = ""
    """File that it comes from."""
    awaiting: str = ""
    """Suites that are still to come and without which nobody can see it; empty where the gate counts it."""


DEFECTS: Final[dict[str, Entry]] = {}
VARIANTS: Final[dict[str, Entry]] = {}


def defect(
    name: str, breaks: Sequence[str], seen: str = "", awaiting: str = ""
) -> Callable[[Alteration], Alteration]:
    """Register a function as the defect *name*; its docstring says in one sentence what is wrong.

    *awaiting* names suites to come that will see it; until then no gate counts it.

    Raises:
        ValueError: the name is taken, or the docstring or *breaks* is missing.
    """
    if not breaks or isinstance(breaks, str):
        raise ValueError(f"defect {name}: breaks must list at least one requirement")

    def register(function: Alteration) -> Alteration:
        _register(DEFECTS, name, function, tuple(breaks), seen, awaiting)
        return function

    return register


def variant(name: str, seen: str = "") -> Callable[[Alteration], Alteration]:
    """Register a function as the benign variant *name*: correct, but odd.

    Raises:
        ValueError: the name is taken, or the docstring is missing.
    """

    def register(function: Alteration) -> Alteration:
        _register(VARIANTS, name, function, (), seen)
        return function

    return register


def rewire(part: object, **methods: object) -> None:
    """Put functions in place of methods (or attributes) of a part.

    Raises:
        AttributeError: the part has no such seam.
    """
    for name, replacement in methods.items():
        getattr(part, name)
        setattr(part, name, replacement)


def tabled(
    name: str, summary: str, breaks: Sequence[str], function: Alteration, seen: str = "", awaiting: str = ""
) -> None:
    """Register a defect out of a table, where many functions differ in one value only.

    Raises:
        ValueError: see `defect`.
    """

    def applied(parts: Parts) -> object:
        return function(parts)

    applied.__doc__ = summary
    origin = inspect.getsourcefile(function) or ""
    defect(name, breaks, seen, awaiting)(applied)
    DEFECTS[name] = replace(DEFECTS[name], origin=origin)


def _register(
    table: dict[str, Entry],
    name: str,
    function: Alteration,
    breaks: tuple[str, ...],
    seen: str,
    awaiting: str = "",
) -> None:
    if name in DEFECTS or name in VARIANTS:
        raise ValueError(f"{name}: the name is taken")
    summary = inspect.getdoc(function)
    if not summary:
        raise ValueError(f"{name}: the function has no docstring")
    origin = inspect.getsourcefile(function) or ""
    table[name] = Entry(name, summary, function, breaks, seen, origin, awaiting)


def load_builtin() -> None:
    """Import every module of this package."""
    for module in pkgutil.iter_modules(reference_cpe.defects.__path__):
        importlib.import_module(f"{reference_cpe.defects.__name__}.{module.name}")


def load_file(path: Path) -> list[str]:
    """Load a file of defects and give the names of those it has registered.

    Raises:
        BadFile: it cannot be read or breaks when it is run.
    """
    before = set(DEFECTS) | set(VARIANTS)
    spec = importlib.util.spec_from_file_location(f"defects_of_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadFile(f"{path}: not a Python file")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except Exception as error:
        raise BadFile(f"{path}: {type(error).__name__}: {error}") from error
    return [name for name in (*DEFECTS, *VARIANTS) if name not in before]


def select(defects: Sequence[str], files: Iterable[Path], variants: Sequence[str]) -> list[Alteration]:
    """The functions to apply: those named; of a file without any defect named, all of the file.

    Raises:
        UnknownName, BadFile: see there.
    """
    load_builtin()
    of_files = [name for path in files for name in load_file(path)]
    chosen = [*defects, *variants] or of_files
    for name, table, word in [
        *((n, DEFECTS, "defect") for n in defects),
        *((n, VARIANTS, "variant") for n in variants),
    ]:
        if name not in table:
            raise UnknownName(f"no {word} {name!r}; --list-defects shows them all")
    everything = {**DEFECTS, **VARIANTS}
    return [everything[name].apply for name in chosen]


def listing() -> str:
    """All of them, for people."""
    lines = []
    for title, table in (("Defects", DEFECTS), ("Variants", VARIANTS)):
        lines.append(f"{title}:")
        for entry in sorted(table.values(), key=lambda entry: entry.name):
            lines.append(f"  {entry.name}: {entry.summary.splitlines()[0]}")
            if entry.breaks:
                lines.append(f"      breaks {', '.join(entry.breaks)}")
    return "\n".join(lines)
