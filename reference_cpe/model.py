"""The data model at run time: reading, listing and the all-or-nothing setting of parameters.

TR-069 A.3.2.1 to A.3.2.3; the parameters themselves are in `reference_cpe.model_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harness.cwmp import datatypes
from harness.cwmp.messages import ParameterInfoStruct, ParameterValueStruct, SetParameterValuesFault
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import (
    EMPTY_TABLES,
    FORCED,
    TABLE,
    FromSetting,
    Parameter,
    Stored,
    canonical,
    value_problem,
)
from reference_cpe.settings import Refused, SettingsRefused

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


class Model:
    """Seams: `read`, `writable`, `judge`, `values`, `names`, `set`, `forced`, `changes`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.parameters = {parameter.path: parameter for parameter in TABLE}
        self.objects = _objects(self.parameters)
        self.forced: tuple[str, ...] = FORCED

    # --- reading

    def read(self, parameter: Parameter) -> str:
        """The value as it is on the wire (hidden ones read empty)."""
        if parameter.syntax.hidden:
            return ""
        source = parameter.source
        if isinstance(source, FromSetting):
            return _lexical(self._parts.settings.value(source.key))
        if isinstance(source, Stored):
            return str(self._parts.store.get("parameters", {}).get(parameter.path, source.default))
        return source(self._parts)

    def text(self, path: str) -> str:
        return self.read(self.parameters[path])

    def values(self, names: Sequence[str]) -> tuple[ParameterValueStruct, ...]:
        """GetParameterValues: full names, partial paths, or the empty string for all.

        Raises:
            CwmpFault: 9005, a name is unknown.
        """
        found: dict[str, ParameterValueStruct] = {}
        for name in names:
            for parameter in self._below(name):
                found[parameter.path] = self.value(parameter)
        return tuple(found.values())

    def value(self, parameter: Parameter) -> ParameterValueStruct:
        return ParameterValueStruct(parameter.path, self.read(parameter), parameter.syntax.type)

    def _below(self, name: str) -> Iterable[Parameter]:
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
        parameter = self.parameters.get(name)
        return ParameterInfoStruct(name, parameter is not None and self.writable(parameter))

    # --- setting

    def writable(self, parameter: Parameter) -> bool:
        """Whether SetParameterValues may change it, the operator's permissions considered."""
        if parameter.guard == "change_credentials":
            return parameter.writable and self._parts.permissions.change_credentials()
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
        return wrong or self._setting_problem(parameter, wanted.value)

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
        try:
            self._store(wanted, parameter_key)
        except SettingsRefused as error:
            raise CwmpFault(9003, str(error)) from error
        except OSError as error:
            raise CwmpFault(9002, f"the store cannot be written: {error.strerror}") from error

    def _store(self, wanted: Sequence[ParameterValueStruct], parameter_key: str | None) -> None:
        settings: dict[str, Any] = {}
        parameters = dict(self._parts.store.get("parameters", {}))
        reported = dict(self._parts.store.get("reported", {}))
        for item in wanted:
            parameter = self.parameters[item.name]
            if isinstance(parameter.source, FromSetting):
                settings[parameter.source.key] = _python(parameter.syntax.type, item.value)
            else:
                parameters[item.name] = canonical(parameter.syntax.type, item.value)
            if parameter.active:
                reported[item.name] = parameters[item.name]
        beside: dict[str, Any] = {"parameters": parameters, "reported": reported}
        if parameter_key is not None:
            beside["parameter_key"] = parameter_key
        self._parts.settings.change(settings, **beside)

    # --- notification

    def active(self) -> dict[str, str]:
        """The parameters with active notification, and their values."""
        return {path: self.read(p) for path, p in self.parameters.items() if p.active}

    def changes(self) -> dict[str, str]:
        """Those of them whose value is not the one last reported to this ACS."""
        reported = self._parts.store.get("reported", {})
        return {path: value for path, value in self.active().items() if reported.get(path, value) != value}


def _objects(parameters: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for path in [*parameters, *EMPTY_TABLES]:
        steps = path.split(".")[:-1]
        for depth in range(1, len(steps) + 1):
            found[".".join(steps[:depth]) + "."] = None
    return tuple(found)


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
    if type_ == "xsd:unsignedInt":
        return datatypes.parse_integer(text)
    return text
