"""Requirement records: what is demanded, how strongly, by which text.

They are data: ``suites/requirements/*.toml``, one file per area, each a list of ``[[requirement]]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path

import msgspec

from harness.verdict.verdict import Level

ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)+")
"""Words in lower case, joined by hyphens, parts joined by dots: ``lcos.file.refused-when-off``."""


class CatalogueError(ValueError):
    """A requirement file is wrong; the message says which file, which record and what was expected."""


class Requirement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    level: Level
    area: str
    text: str
    source: str
    """Document and section, such as ``TR-069a6 3.4.1`` or ``LCOS Refmanual, CWMP, "Source address"``."""
    catalogue: tuple[str, ...] = ()
    """Rows of the fact base that the record comes from; commands accept them in place of the id."""
    confirmed: bool = True
    """False where the text itself was not at hand when the record was written; reports show it."""
    rests_on: tuple[str, ...] = ()
    """Requirements without which this one cannot be kept: a device that breaks one of them breaks this one too."""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    requirement: tuple[Requirement, ...]


class Catalogue:
    """All requirement records, by id."""

    def __init__(self, records: Iterable[Requirement]) -> None:
        self._by_id: dict[str, Requirement] = {}
        self._by_row: dict[str, list[Requirement]] = {}
        for record in records:
            if not ID.fullmatch(record.id):
                raise CatalogueError(
                    f"requirement {record.id!r}: ids are words like lcos.file.refused-when-off"
                )
            if record.id in self._by_id:
                raise CatalogueError(f"requirement {record.id!r} is defined twice")
            self._by_id[record.id] = record
            for row in record.catalogue:
                self._by_row.setdefault(row, []).append(record)
        for record in self._by_id.values():
            for other in record.rests_on:
                if other not in self._by_id:
                    raise CatalogueError(f"requirement {record.id!r} rests on {other!r}, which there is not")

    def __getitem__(self, requirement_id: str) -> Requirement:
        return self._by_id[requirement_id]

    def __contains__(self, requirement_id: object) -> bool:
        return requirement_id in self._by_id

    def __iter__(self) -> Iterator[Requirement]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def rows(self, row: str) -> tuple[Requirement, ...]:
        """The records made from one row of the fact base (``R-FT-2``)."""
        return tuple(self._by_row.get(row, ()))

    def grounds(self, requirement_id: str) -> frozenset[str]:
        """All requirements that this one rests on, directly or by way of others."""
        found: set[str] = set()
        waiting = [requirement_id]
        while waiting:
            new = set(self._by_id[waiting.pop()].rests_on) - found
            found |= new
            waiting += new
        return frozenset(found)

    @classmethod
    def load(cls, folder: Path | Traversable) -> Catalogue:
        """Read every ``*.toml`` of *folder*.

        Raises:
            CatalogueError: a file is not TOML, a record lacks a key or has one too many, an id is
                malformed or used twice, or a record rests on one that there is not.
        """
        records: list[Requirement] = []
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if not entry.name.endswith(".toml"):
                continue
            try:
                records.extend(msgspec.toml.decode(entry.read_bytes(), type=_File).requirement)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise CatalogueError(f"{entry.name}: {error}") from error
        return cls(records)
