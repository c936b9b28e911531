"""The running model's objects and parameters by path: a definition, filled out with the rows there are."""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_cpe.definition import Definition, ObjectDefinition, ParameterDefinition
from reference_cpe.live import Row
from reference_cpe.model_table import ALIAS, BINDINGS, Binding, Parameter, Rows, Stored, alias_problem
from reference_cpe.rows import RowNumbers
from reference_cpe.values import neutral


@dataclass(frozen=True, slots=True)
class Node:
    """An object, a table, or a row of one."""

    definition: ObjectDefinition
    table: bool = False
    row: bool = False
    live: bool = False
    """Its rows are the device's own state, which the ACS cannot change."""

    @property
    def writable(self) -> bool:
        """Of a table: rows can be added; of a row: it can be deleted."""
        return (self.table or self.row) and self.definition.creatable and not self.live


@dataclass(slots=True)
class Tree:
    objects: dict[str, Node] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    forced: list[str] = field(default_factory=list)
    """The parameters of every Inform; of a table only those of the first row."""
    active: list[str] = field(default_factory=list)
    """The parameters with active notification by default."""
    counters: dict[str, str] = field(default_factory=dict)
    """Path of a table to that of the parameter that counts its rows."""
    live: dict[str, list[str]] = field(default_factory=dict)
    """Path of each table that is the device's own state to the paths of the rows that it had when the tree was grown."""


def grow(definition: Definition, numbers: RowNumbers) -> Tree:
    """Every object and parameter there is now."""
    tree = Tree()
    _Growth(tree, definition, numbers).object(
        definition.root, definition.stem, "", Node(definition.root), first=True
    )
    return tree


class _Growth:
    def __init__(self, tree: Tree, definition: Definition, numbers: RowNumbers) -> None:
        self._tree = tree
        self._stem = definition.stem
        self._numbers = numbers
        self._live_rows: dict[str, list[Row] | None] = {}
        """What `RowNumbers.live` has said while the tree grows: it is asked once for each table."""

    def _live(self, table: str) -> list[Row] | None:
        if table not in self._live_rows:
            self._live_rows[table] = self._numbers.live(table)
        return self._live_rows[table]

    def object(
        self, definition: ObjectDefinition, path: str, template: str, node: Node, *, first: bool
    ) -> None:
        """One object and all below; *template* is its path below the root with ``{i}`` for numbers."""
        self._tree.objects[path] = node
        counted = {
            child.entries: f"{path}{child.name}." for child in definition.children.values() if child.entries
        }
        for parameter in definition.parameters.values():
            full = path + parameter.name
            if parameter.name in counted:
                self._tree.counters[counted[parameter.name]] = full
            self._tree.parameters[full] = self._parameter(
                parameter, full, template, counted.get(parameter.name), node
            )
            if self._tree.parameters[full].active:
                self._tree.active.append(full)
            if parameter.forced and first:
                self._tree.forced.append(full)
        for child in definition.children.values():
            below = f"{path}{child.name}."
            if not child.table:
                self.object(child, below, f"{template}{child.name}.", Node(child), first=first)
                continue
            live_rows = self._live(below)
            live = live_rows is not None
            self._tree.objects[below] = Node(child, table=True, live=live)
            if live_rows is None:
                numbers = self._numbers.of(below, child)
            else:
                numbers = list(range(1, len(live_rows) + 1))
                self._tree.live[below] = [f"{below}{number}." for number in numbers]
            for at, number in enumerate(numbers):
                row = Node(child, row=True, live=live)
                self.object(
                    child,
                    f"{below}{number}.",
                    f"{template}{child.name}.{{i}}.",
                    row,
                    first=first and at == 0,
                )

    def _live_value(self, path: str) -> str | None:
        """The value of a parameter of a live row now, ``None`` where the device has nothing to say of it."""
        table, _, _ = path.rpartition(".")[0].rpartition(".")
        return _value(self._numbers.live(table + ".") or [], path)

    def _is_live(self, path: str) -> bool:
        """Whether the device had something to say of a parameter of a live row when the tree was grown."""
        table, _, _ = path.rpartition(".")[0].rpartition(".")
        return _value(self._live(table + ".") or [], path) is not None

    def _parameter(
        self, definition: ParameterDefinition, path: str, template: str, table: str | None, node: Node
    ) -> Parameter:
        concrete = path.removeprefix(self._stem)
        binding = BINDINGS.get(concrete) or BINDINGS.get(template + definition.name)
        if binding is None:
            plain = neutral(definition.syntax)
            binding = Binding(Rows(table) if table is not None else Stored(plain))
            if definition.name == ALIAS:
                number = path.removesuffix("." + ALIAS).rpartition(".")[2] if node.row else "1"
                binding = Binding(Stored(f"cpe-{number}"), check=alias_problem)
            if node.live and self._is_live(path):
                binding = Binding(lambda _parts: self._live_value(path) or plain, read_only=True)
        return Parameter(
            path,
            definition.syntax,
            binding.source,
            definition.writable and not binding.read_only,
            definition.notify,
            binding.guard,
            binding.volatile,
            binding.check,
        )


def _value(rows: list[Row], path: str) -> str | None:
    row, _, name = path.rpartition(".")
    number = int(row.rpartition(".")[2])
    return rows[number - 1].get(name) if number <= len(rows) else None
