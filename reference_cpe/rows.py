"""The rows of the tables: which instance numbers there are, kept in the store (TR-069 A.2.2.1).

An instance number is given once: it survives reboots, and that of a deleted row is never used again. Only
tables that differ from factory are stored, under ``rows``, by their path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from reference_cpe.definition import ObjectDefinition
from reference_cpe.fault import CwmpFault
from reference_cpe.live import Row
from reference_cpe.model_table import FACTORY_ROWS
from reference_cpe.store import Store

MOST: Final = 32
"""Rows of a table that says no number itself."""

Table = dict[str, Any]
"""``numbers``: the instance numbers; ``last``: the highest ever given."""


class RowNumbers:
    """Instance numbers by table path; *stem* is the path of the root."""

    step = 1
    """What a new row's number is above the highest one before it."""

    def __init__(self, store: Store, stem: str, live: Callable[[str], list[Row] | None]) -> None:
        self._store = store
        self._stem = stem
        self._live = live

    def live(self, path: str) -> list[Row] | None:
        """The rows of a table that is the device's own state (`reference_cpe.live`), else ``None``."""
        return self._live(path.removeprefix(self._stem))

    def of(self, table: str, definition: ObjectDefinition) -> list[int]:
        """The instance numbers of the rows of *table*."""
        return list(self._table(table, definition)["numbers"])

    def _table(self, path: str, definition: ObjectDefinition) -> Table:
        live = self.live(path)
        if live is not None:
            return {"numbers": list(range(1, len(live) + 1)), "last": len(live)}
        stored = self._store.get("rows", {}).get(path)
        if stored is not None:
            return dict(stored)
        many = max(definition.low, FACTORY_ROWS.get(path.removeprefix(self._stem), 0))
        return {"numbers": list(range(1, many + 1)), "last": many}

    def added(self, path: str, definition: ObjectDefinition) -> tuple[int, dict[str, Table]]:
        """The number of a new row, and what ``rows`` is then.

        Raises:
            CwmpFault: 9004, the table is full.
        """
        table = self._table(path, definition)
        most = MOST if definition.high is None else definition.high
        if len(table["numbers"]) >= most:
            raise CwmpFault(9004, f"the table is full: {most} rows")
        number = int(table["last"]) + self.step
        changed = {"numbers": [*table["numbers"], number], "last": number}
        return number, {**self._store.get("rows", {}), path: changed}

    def removed(self, path: str, number: int, definition: ObjectDefinition) -> dict[str, Table]:
        """What ``rows`` is without row *number* of the table, and the tables in it."""
        table = self._table(path, definition)
        changed = {**table, "numbers": [n for n in table["numbers"] if n != number]}
        row = f"{path}{number}."
        others = {key: value for key, value in self._store.get("rows", {}).items() if not key.startswith(row)}
        return {**others, path: changed}
