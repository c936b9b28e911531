"""The data model at run time: reading, listing and the all-or-nothing setting of parameters.

TR-069 A.3.2.1 to A.3.2.3, A.3.2.6, A.3.2.7. What there is comes from a data-model definition, what it means
from `reference_cpe.model_table`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.cwmp import datatypes
from harness.cwmp.messages import ParameterInfoStruct, ParameterValueStruct, SetParameterValuesFault
from reference_cpe import keys, live, references, users
from reference_cpe.definition import Definition
from reference_cpe.diagnostics.state import settled
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import BINDINGS, FromSetting, Parameter, Rows, Stored
from reference_cpe.rows import RowNumbers
from reference_cpe.settings import Refused, SettingsRefused
from reference_cpe.tree import Node, Tree, grow
from reference_cpe.values import INTEGERS, canonical, list_items, stored_form, value_problem

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_STEM = "Device."
"""The root as other modules write it."""


class Model:
    """Seams: `read`, `writable`, `judge`, `values`, `names`, `set`, `add`, `delete`, `forced`, `changes`."""

    def __init__(self, parts: Parts, definition: Definition) -> None:
        self._parts = parts
        self.definition: Definition = definition
        self._numbers = RowNumbers(parts.store, definition.stem, lambda table: live.rows(parts, table))
        self._tree = Tree()
        self._live_state: tuple[object, ...] = ()
        """What the rows of live tables were worked out from when they were last compared."""
        self.parameters: dict[str, Parameter] = {}
        self.objects: dict[str, Node] = {}
        self._grow()
        self.forced: tuple[str, ...] = tuple(self._tree.forced)
        self.changed: Callable[[Collection[str]], object] = lambda _paths: None
        """Called with the paths that a SetParameterValues has set."""

    def _grow(self) -> None:
        self._tree = grow(self.definition, self._numbers)
        self.parameters, self.objects = self._tree.parameters, self._tree.objects

    def refresh(self) -> None:
        """Take in what has changed in the device itself: rows that have come or gone (`reference_cpe.live`)."""
        state = live.state(self._parts) if self._tree.live else ()
        if state == self._live_state:
            return
        self._live_state = state
        if any(self.rows(table) != rows for table, rows in self._tree.live.items()):
            self._grow()

    def rows_replaced(self) -> None:
        """The device itself has given a table other rows."""
        self._grow()

    def path(self, name: str) -> str:
        """The path in this model of what Device:2 calls *name*."""
        return self.definition.stem + name.removeprefix(_STEM)

    @property
    def active(self) -> list[str]:
        """The parameters with active notification by default."""
        return self._tree.active

    def rows(self, table: str) -> list[str]:
        """The paths of the rows of a table; none where there is no such table."""
        node = self.objects.get(table)
        return [] if node is None else [f"{table}{n}." for n in self._numbers.of(table, node.definition)]

    # --- reading

    def read(self, parameter: Parameter) -> str:
        """The value as it is on the wire (hidden ones read empty)."""
        return "" if parameter.syntax.hidden else self.raw(parameter)

    def raw(self, parameter: Parameter) -> str:
        """The value itself."""
        source = parameter.source
        if isinstance(source, FromSetting):
            return _lexical(self._parts.settings.value(source.key))
        if isinstance(source, Stored):
            stored = self._parts.store.get("parameters", {})
            return str(stored[parameter.path] if parameter.path in stored else self._default(source))
        if isinstance(source, Rows):
            return str(len(self._numbers.of(source.table, self.objects[source.table].definition)))
        return source(self._parts)

    def _default(self, source: Stored) -> str:
        if not source.told:
            return source.default
        return str(self._parts.discovery.told().get(source.told, source.default))

    def mark(self, parameter: Parameter) -> str:
        """What stands for the value where it is remembered: a hidden one is not stored a second time."""
        if parameter.syntax.hidden:
            return hashlib.sha256(self.raw(parameter).encode()).hexdigest()
        return self.read(parameter)

    def text(self, name: str) -> str:
        """The value of a parameter by the name that Device:2 gives it.

        One that the model lacks has the value of the table (a limited model limits the ACS, not the device).
        """
        path = self.path(name)
        if path in self.parameters:
            return self.read(self.parameters[path])
        source = BINDINGS[path.removeprefix(self.definition.stem)].source
        return self._default(source) if isinstance(source, Stored) else ""

    def flag(self, name: str) -> bool:
        """Whether `text` of a boolean parameter is true, however it is written."""
        return datatypes.parse_boolean(self.text(name))

    def values(self, names: Sequence[str]) -> tuple[ParameterValueStruct, ...]:
        """GetParameterValues: full names, partial paths, or the empty string for all.

        Raises:
            CwmpFault: 9005, a name is unknown.
        """
        found: dict[str, ParameterValueStruct] = {}
        for name in dict.fromkeys(names):  # a name that stands there twice costs nothing more
            for parameter in self.below(name):
                found[parameter.path] = self.value(parameter)
        return tuple(found.values())

    def value(self, parameter: Parameter) -> ParameterValueStruct:
        return ParameterValueStruct(parameter.path, self.read(parameter), parameter.syntax.type)

    def below(self, name: str) -> Iterable[Parameter]:
        if name in self.parameters:
            return (self.parameters[name],)
        if name and name not in self.objects:
            raise CwmpFault(9005, f"no parameter or object {name[:256]!r}")
        return (parameter for path, parameter in self.parameters.items() if path.startswith(name))

    # --- listing

    def names(self, path: str, next_level: bool) -> tuple[ParameterInfoStruct, ...]:
        """GetParameterNames.

        Raises:
            CwmpFault: 9005, no such path; 9003, next level of a parameter.
        """
        if path in self.parameters:
            if next_level:
                raise CwmpFault(9003, "NextLevel is true but the path is a parameter's")
            return (self.info(path),)
        if path and path not in self.objects:
            raise CwmpFault(9005, f"no parameter or object {path[:256]!r}")
        everything = [*self.objects, *self.parameters]
        if next_level:
            return tuple(self.info(name) for name in everything if _parent(name) == path)
        return tuple(self.info(name) for name in everything if name.startswith(path))

    def info(self, name: str) -> ParameterInfoStruct:
        if name in self.objects:
            return ParameterInfoStruct(name, self.objects[name].writable)
        return ParameterInfoStruct(name, self.writable(self.parameters[name]))

    # --- setting

    def writable(self, parameter: Parameter) -> bool:
        """Whether SetParameterValues may change it, the operator's permissions considered."""
        if parameter.guard == "change_credentials":
            return parameter.writable and self._parts.permissions.change_credentials()
        if parameter.guard == "aliases":
            return parameter.writable and self._parts.aliases.on()
        return parameter.writable

    def judge(self, wanted: ParameterValueStruct) -> tuple[int, str] | None:
        """Why a value cannot be set (fault code and reason), or ``None``."""
        parameter = self.parameters.get(wanted.name)
        if parameter is None:
            return 9005, "no such parameter"
        if not self.writable(parameter):
            return 9008, "not writable"
        if wanted.type is not None and not _same_type(wanted.type, parameter.syntax.type):
            return 9006, f"the type is {parameter.syntax.type}"
        wrong = value_problem(parameter.syntax, wanted.value)
        if wrong is None and parameter.guard == "local" and self._differs(parameter, wanted.value):
            return 9001, "can only be changed on the device itself"
        return wrong or self._value_refused(parameter, wanted.value)

    def _value_refused(self, parameter: Parameter, value: str) -> tuple[int, str] | None:
        """Reasons beyond the data type."""
        if parameter.syntax.unsettable & {value}:
            return 9007, "only the device itself sets this value"
        if parameter.syntax.values_of and value not in self._values_beside(parameter):
            return 9007, f"not one of those that {parameter.syntax.values_of} lists"
        if parameter.syntax.reference == "strong":
            gone = [
                item
                for item in list_items(value)
                if not references.exists(item, self.objects, self.parameters)
            ]
            if gone:
                return 9007, f"there is no {gone[0][:100]}"
        wrong = parameter.check(self._parts, value) if parameter.check is not None else None
        return (9007, wrong) if wrong is not None else self._setting_problem(parameter, value)

    def _values_beside(self, parameter: Parameter) -> list[str]:
        syntax = parameter.syntax
        listing = self.parameters.get(parameter.path.rpartition(".")[0] + "." + syntax.values_of)
        if listing is None:
            return [self.read(parameter)]
        null = [] if syntax.null_value is None else [syntax.null_value]
        return [*null, *list_items(self.read(listing))]

    def _differs(self, parameter: Parameter, value: str) -> bool:
        return canonical(parameter.syntax.type, value) != self.read(parameter)

    def _setting_problem(self, parameter: Parameter, value: str) -> tuple[int, str] | None:
        if isinstance(parameter.source, FromSetting):
            try:
                self._parts.settings.check(parameter.source.key, _python(parameter.syntax.type, value))
            except Refused as error:
                return 9007, str(error)
        return None

    def set(self, wanted: Sequence[ParameterValueStruct], parameter_key: str | None = None) -> None:
        """SetParameterValues: all or nothing, in one write of the store, the ParameterKey with it.

        Raises:
            CwmpFault: 9003 with one entry per bad parameter; 9002 when the store cannot be written.
        """
        faults = [
            SetParameterValuesFault(item.name, *wrong)
            for item in wanted
            if (wrong := self.judge(item)) is not None
        ]
        if faults:
            raise CwmpFault(9003, "Invalid arguments", tuple(faults))
        if len({item.name for item in wanted}) != len(wanted):
            raise CwmpFault(9003, "a parameter is named twice")
        values = {item.name: item.value for item in wanted}
        faults = [*keys.clashes(self, values), *users.nameless(self, values)]
        if faults:
            raise CwmpFault(9003, "Invalid arguments", tuple(faults))
        try:
            self._store(wanted, parameter_key)
        except SettingsRefused as error:
            raise CwmpFault(9003, str(error)) from error
        except OSError as error:
            raise _not_written(error) from error
        self.changed([item.name for item in wanted])

    def _store(self, wanted: Sequence[ParameterValueStruct], parameter_key: str | None) -> None:
        settings: dict[str, Any] = {}
        parameters = dict(self._parts.store.get("parameters", {}))
        for item in wanted:
            parameter = self.parameters[item.name]
            if isinstance(parameter.source, FromSetting):
                settings[parameter.source.key] = _python(parameter.syntax.type, item.value)
            else:
                parameters[item.name] = stored_form(parameter.syntax, item.value)
        parameters |= settled(self.parameters, {item.name: item.value for item in wanted})
        beside: dict[str, Any] = {"parameters": parameters, "reported": self._known(wanted)}
        if parameter_key is not None:
            beside["parameter_key"] = parameter_key
        self._parts.settings.change(settings, **beside)

    def _known(self, wanted: Sequence[ParameterValueStruct]) -> dict[str, str]:
        """``reported`` with the values that the ACS itself sets now: it need not be told of them."""
        known: dict[str, str] = dict(self._parts.store.get("reported", {}))
        for item in wanted:
            if self._parts.attributes.notification(item.name):
                syntax = self.parameters[item.name].syntax
                value = stored_form(syntax, item.value)
                known[item.name] = hashlib.sha256(value.encode()).hexdigest() if syntax.hidden else value
        return known

    # --- rows

    def add(self, path: str, parameter_key: str, given: Mapping[str, str] | None = None) -> int:
        """AddObject: the instance number of a new row of the table at *path*, with its defaults.

        *given* are values that it has from the ACS instead, by name.

        Raises:
            CwmpFault: 9005, no such table, or none that the ACS may add to; 9004, it is full; 9002.
        """
        node = self.objects.get(path)
        if node is None or not (node.table and node.writable):
            raise CwmpFault(9005, f"no table that rows can be added to: {path[:256]!r}")
        number, rows = self._numbers.added(path, node.definition)
        row = f"{path}{number}."
        values = keys.first_values(node.definition, number, partial(self._taken, path)) | dict(given or {})
        parameters = dict(self._parts.store.get("parameters", {}))
        parameters |= {row + name: value for name, value in values.items()}
        self._rows_changed(path, rows, parameter_key, parameters=parameters)
        return number

    def _taken(self, table: str, name: str) -> Container[str]:
        """The values that the parameter *name* has in the rows of *table*."""
        paths = (row + name for row in self.rows(table))
        return {self.raw(self.parameters[path]) for path in paths if path in self.parameters}

    def delete(self, path: str, parameter_key: str) -> None:
        """DeleteObject: the row at *path* and all below; what referred to it becomes empty.

        Raises:
            CwmpFault: 9005, no such row, or none that the ACS may delete; 9002.
        """
        node = self.objects.get(path)
        if node is None or not (node.row and node.writable):
            raise CwmpFault(9005, f"no row that can be deleted: {path[:256]!r}")
        table, _, number = path.removesuffix(".").rpartition(".")
        rows = self._numbers.removed(table + ".", int(number), node.definition)
        store = self._parts.store
        kept = {
            name: {key: value for key, value in store.get(name, {}).items() if not key.startswith(path)}
            for name in ("parameters", "attributes", "reported")
        }
        kept["parameters"] |= references.cleared(self, kept["parameters"], path)
        self._rows_changed(table + ".", rows, parameter_key, **kept)

    def _rows_changed(self, table: str, rows: dict[str, Any], parameter_key: str, **beside: Any) -> None:
        """One write: rows, values and ParameterKey; the ACS need not be told of the new number of rows."""
        counter = self._tree.counters.get(table, "")
        known = beside.pop("reported", self._parts.store.get("reported", {}))
        if self._parts.attributes.notification(counter):
            known = {**known, counter: str(len(rows[table]["numbers"]))}
        try:
            self._parts.store.update(rows=rows, parameter_key=parameter_key, reported=known, **beside)
        except OSError as error:
            raise _not_written(error) from error
        self._grow()

    # --- notification

    def marks(self) -> dict[str, str]:
        """The parameters with notification, and what stands for their values."""
        return {path: self.mark(self.parameters[path]) for path in self._parts.attributes.notified()}

    def changes(self) -> dict[str, str]:
        """The value of each of them that is not the one last reported to this ACS."""
        reported = self._parts.store.get("reported", {})
        return {
            path: self.read(self.parameters[path])
            for path, mark in self.marks().items()
            if reported.get(path, mark) != mark
        }


def _not_written(error: OSError) -> CwmpFault:
    return CwmpFault(9002, f"the store cannot be written: {error.strerror}")


def _parent(name: str) -> str:
    return name.rstrip(".").rpartition(".")[0] + "." if "." in name.rstrip(".") else ""


def _same_type(given: str, wanted: str) -> bool:
    if given.rpartition(":")[2] in ("base64", "base64Binary"):
        return wanted == "xsd:base64"
    return given.rpartition(":")[2] == wanted.rpartition(":")[2]


def _lexical(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _python(type_: str, text: str) -> object:
    """A value for a setting, which has a Python type."""
    if type_ == "xsd:boolean":
        return datatypes.parse_boolean(text)
    if type_ in INTEGERS:
        return datatypes.parse_integer(text)
    return text
