"""Alias-based addressing (TR-069 3.6.1, Appendix II): a row called by its Alias, in brackets, in place of its number.

Inside the device every path has numbers. What the ACS writes is translated when it comes in, what it is told when
it goes out. A path whose alias leads to no row stays as it is, and is then as unknown as any other wrong name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from harness.cwmp.messages import (
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterAttributesStruct,
)
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import (
    ALIAS,
    ALIAS_BASED_ADDRESSING,
    AUTO_CREATE_INSTANCES,
    BY_ALIAS,
    INSTANCE_MODE,
    alias_problem,
)
from reference_cpe.values import list_items

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

Named = TypeVar(
    "Named",
    ParameterValueStruct,
    ParameterInfoStruct,
    ParameterAttributeStruct,
    SetParameterAttributesStruct,
)

_STEP: Final = re.compile(r"\[[^\[\]]*\]|[^.\[\]]+|\.")
_NEW_ROW: Final = re.compile(r"(.*\.)\[([^\[\]]*)\]\.", re.DOTALL)


class Aliases:
    """Seams: `on`, `numbered`, `renamed`, `set`, `new_row`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def on(self) -> bool:
        """Whether this device has the feature at all: its profile says so, and its data model can tell."""
        wanted = self._parts.config.profile.alias_based_addressing
        return wanted and self._parts.model.path(ALIAS_BASED_ADDRESSING) in self._parts.model.parameters

    # --- in

    def numbered(self, path: str) -> str:
        """*path* with instance numbers, as far as its aliases lead to rows."""
        return self._resolved(path)[0]

    def _resolved(self, path: str) -> tuple[str, tuple[str, str] | None]:
        """`numbered`, and the table (numbered) and alias at which a path with an unknown one stops."""
        steps = _STEP.findall(path)
        if "[" not in path or not self.on() or "".join(steps) != path:
            return path, None
        found = ""
        for step in steps:
            if step.startswith("["):
                row = self._row(found, step[1:-1])
                if row is None:
                    return path, (found, step[1:-1])
                found = row.removesuffix(".")
            else:
                found += step
        return found, None

    def _row(self, table: str, alias: str) -> str | None:
        """The row of *table* that *alias* calls."""
        return next((row for row in self._parts.model.rows(table) if self._of(row) == alias), None)

    def _of(self, row: str) -> str:
        """The Alias of a row, empty where its table has none."""
        parameter = self._parts.model.parameters.get(row + ALIAS)
        return "" if parameter is None else self._parts.model.raw(parameter)

    # --- out

    def renamed(self, items: Iterable[Named], written: Mapping[str, str]) -> tuple[Named, ...]:
        """*items* by the names that the ACS is told.

        A name begins as the ACS has written it (*written*, by numbered path); the rest is as InstanceMode says.
        """
        if not self.on():
            return tuple(items)
        by_alias = self._parts.model.text(INSTANCE_MODE) == BY_ALIAS
        return tuple(replace(item, name=self._spoken(item.name, written, by_alias)) for item in items)

    def _spoken(self, path: str, written: Mapping[str, str], by_alias: bool) -> str:
        begins = (
            name for name in written if path == name or (path.startswith(name) and name[-1:] in ("", "."))
        )
        start = max(begins, key=len, default="")
        at, said = start, written.get(start, "")
        for step in re.findall(r"[^.]+\.?", path[len(start) :]):
            at += step
            row = self._parts.model.objects.get(at)
            alias = self._of(at) if by_alias and row is not None and row.row else ""
            said += f"[{alias}]." if alias else step
        return said

    # --- setting and adding

    def set(self, wanted: Sequence[ParameterValueStruct], parameter_key: str) -> None:
        """SetParameterValues, with AutoCreateInstances: rows and values in one write, or none of them.

        Raises:
            CwmpFault: see `Model.set`; 9004, a table is full.
        """
        model, store = self._parts.model, self._parts.store
        if not self.on():
            model.set(wanted, parameter_key)
            return
        before = store.values
        try:
            with store.together():
                if model.flag(AUTO_CREATE_INSTANCES):
                    for item in wanted:
                        self._create(item.name)
                written = {self.numbered(item.name): item.name for item in wanted}
                self._set_numbered(wanted, written, parameter_key)
        except OSError as error:
            model.rows_replaced()
            raise CwmpFault(9002, f"the store cannot be written: {error.strerror}") from error
        except CwmpFault:
            if store.values is before:
                model.rows_replaced()
            raise

    def _set_numbered(
        self, wanted: Sequence[ParameterValueStruct], written: Mapping[str, str], parameter_key: str
    ) -> None:
        numbered = [
            replace(item, name=(name := self.numbered(item.name)), value=self._reference(name, item.value))
            for item in wanted
        ]
        try:
            self._parts.model.set(numbered, parameter_key)
        except CwmpFault as fault:
            named = [
                replace(bad, parameter_name=written.get(bad.parameter_name, bad.parameter_name))
                for bad in fault.parameters
            ]
            raise CwmpFault(fault.code, fault.text, tuple(named)) from fault

    def _reference(self, name: str, value: str) -> str:
        """The value of a parameter that refers to others, with instance numbers."""
        parameter = self._parts.model.parameters.get(name)
        if "[" not in value or parameter is None or not parameter.syntax.reference:
            return value
        return ",".join(self.numbered(item) for item in list_items(value))

    def _create(self, path: str) -> None:
        """Add the rows that *path* names and that are not there; where that cannot be, the path stays unknown."""
        while (missing := self._resolved(path)[1]) is not None:
            table, alias = missing
            node = self._parts.model.objects.get(table)
            able = node is not None and node.table and node.writable and ALIAS in node.definition.parameters
            if not able or alias_problem(self._parts, alias) is not None:
                return
            key = str(self._parts.store.get("parameter_key", ""))
            self._parts.model.add(table, key, {ALIAS: alias})

    def new_row(self, path: str) -> tuple[str, dict[str, str]]:
        """What AddObject asks for with *path*: the table, and the values that the new row has from the ACS.

        Raises:
            CwmpFault: 9003, the alias is none, or another row has it; 9005, the table has no aliases.
        """
        found = _NEW_ROW.fullmatch(path) if self.on() else None
        if found is None:
            return self.numbered(path), {}
        table, alias = self.numbered(found[1]), found[2]
        node = self._parts.model.objects.get(table)
        if node is None or not node.table or ALIAS not in node.definition.parameters:
            raise CwmpFault(9005, f"no table whose rows have an alias: {table[:200]!r}")
        wrong = alias_problem(self._parts, alias)
        if wrong is None and self._row(table, alias) is not None:
            wrong = "another row has it"
        if wrong is not None:
            raise CwmpFault(9003, f"alias {alias[:64]!r}: {wrong}")
        return table, {ALIAS: alias}
