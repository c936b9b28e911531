"""The model of a CPE: what an ACS may rely on, and nothing of how a device does it.

Where the standard leaves a corner open the model holds "one of these" (`Known.may_be`) or nothing at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.fuzz.model.values import same


@dataclass(slots=True)
class Known:
    """One parameter under watch. ``may_be``: the values that a read may show now, in the order they were set."""

    name: str
    type: str
    may_be: tuple[str, ...]
    writable: bool
    notification: int | None = None
    """``None`` while unknown."""
    access: tuple[str, ...] | None = None

    def reads(self, text: str) -> bool:
        """Whether a read may show *text*."""
        return any(same(self.type, text, each) for each in self.may_be)


@dataclass(slots=True)
class Table:
    """A table that rows are added to. ``used``: every instance number ever seen in it."""

    path: str
    rows: set[int] = field(default_factory=set)
    used: set[int] = field(default_factory=set)
    counter: str = ""
    """Full name of the parameter that counts its rows; empty where there is none."""


@dataclass(slots=True)
class CpeModel:
    """All that is under watch. Paths are full, objects with their dot."""

    root: str
    parameters: dict[str, Known] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    everything: frozenset[str] = frozenset()
    """Every path there was at the start, watched or not."""
    read_only: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    key: str | None = None
    """The ParameterKey; ``None`` where the device does not show it."""
    transfers: list[str] = field(default_factory=list)
    """CommandKeys of the transfers that wait."""

    @property
    def key_name(self) -> str:
        return f"{self.root}ManagementServer.ParameterKey"

    def table_of(self, row: str) -> tuple[Table, int] | None:
        """The table and number of the path of a row, whether the row is there or not."""
        stem, _, number = row.removesuffix(".").rpartition(".")
        table = self.tables.get(f"{stem}.")
        return (table, int(number)) if table is not None and number.isdecimal() and len(number) < 12 else None

    def known(self, path: str) -> bool:
        """Whether *path* is there for sure."""
        return path in self.parameters or path in self.tables or self._row_there(path)

    def unknown(self, path: str) -> bool:
        """Whether *path* is not there for sure: below the root, and neither seen nor below a table under watch."""
        if self.known(path):
            return False
        found = self.table_of(path)
        if found is not None:
            return found[1] not in found[0].rows
        below = next((t for t in self.tables.values() if path.startswith(t.path)), None)
        if below is not None:
            row = path[len(below.path) :].partition(".")[0]
            if row.isdecimal() and len(row) < 12:
                return int(row) not in below.rows
        return path not in self.everything and path + "." not in self.everything and not path.endswith(".")

    def _row_there(self, path: str) -> bool:
        found = self.table_of(path)
        return found is not None and found[1] in found[0].rows

    def below(self, path: str) -> list[str]:
        """The watched parameters below an object, in no order that means anything."""
        return [name for name in self.parameters if name.startswith(path)]

    def forget_below(self, path: str) -> None:
        """A row is gone."""
        for name in self.below(path):
            del self.parameters[name]
        for table in [name for name in self.tables if name.startswith(path)]:
            del self.tables[table]

    def settled(self) -> None:
        """A session has ended: of values that were to take effect before the next, the last one has."""
        for parameter in self.parameters.values():
            parameter.may_be = parameter.may_be[-1:]
