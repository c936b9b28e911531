"""What generators know of the device: learned from it in one session, or written down by hand.

Nothing here asks the device; the campaign reads names, values and methods and calls `learned`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from harness.cwmp import namespaces as ns
from harness.cwmp.messages import ParameterInfoStruct, ParameterValueStruct

SAFE: Final = (
    "*_Sandbox.*",
    "*.DeviceInfo.ProvisioningCode",
    "*.DeviceInfo.FriendlyName",
    "*Comment",
    "*.UserInterface.BrandName",
)
"""Globs of parameters that change nothing but themselves: what a campaign sets where a profile names none."""
FORBIDDEN: Final = (
    "*.ManagementServer.*",
    "*Password*",
    "*Passphrase*",
    "*Secret*",
    "*Key",
    "*.Reference",
)
"""Never safe, whatever else says so: the way back to the device, and what cannot be read and so not put back."""
DESTRUCTIVE_RPCS: Final = frozenset(
    {"Reboot", "FactoryReset", "Download", "Upload", "ScheduleDownload", "ScheduleInform", "ChangeDUState",
     "SetVouchers", "CancelTransfer"}
)  # fmt: skip
"""RPCs that restart, reset, reconfigure or load a device, or make it act later."""


class ParameterFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One parameter. ``type`` is a QName with the prefix ``xsd`` or ``soapenc``, ``value`` what it read as."""

    name: str
    type: str = "xsd:string"
    value: str = ""
    writable: bool = False
    safe: bool = False
    """It may be set, and set back to ``value``."""
    longest: int | None = None
    """Characters that a string may have, where the data model is known."""


class ObjectFact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object, path with its dot. ``writable``: a table that rows can be added to, or a row that can go."""

    path: str
    writable: bool = False
    safe: bool = False
    """Rows may be added to it, and deleted again."""

    @property
    def row(self) -> bool:
        """Whether the path ends in an instance number."""
        return self.path.rstrip(".").rpartition(".")[2].isdigit()


class DeviceFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device as a generator sees it. ``namespace`` is the one its sessions speak."""

    root: str = "Device."
    namespace: str = ns.CWMP_1_2
    parameters: tuple[ParameterFact, ...] = ()
    objects: tuple[ObjectFact, ...] = ()
    rpcs: tuple[str, ...] = ()
    destructive: bool = False
    """Reboot, reset, transfers, the ACS URL and credentials are allowed too."""

    @property
    def safe(self) -> tuple[ParameterFact, ...]:
        """The parameters that may be set."""
        return tuple(parameter for parameter in self.parameters if parameter.safe)

    @property
    def known(self) -> str:
        """Full name of a read-only string parameter that every CWMP device has."""
        wanted = f"{self.root}DeviceInfo.SoftwareVersion"
        names = {parameter.name: parameter for parameter in self.parameters}
        if wanted in names or not names:
            return wanted
        plain = [p.name for p in self.parameters if not p.writable and p.type == "xsd:string"]
        return plain[0] if plain else self.parameters[0].name


def learned(
    names: Iterable[ParameterInfoStruct],
    values: Iterable[ParameterValueStruct],
    rpcs: Sequence[str] = (),
    *,
    namespace: str = ns.CWMP_1_2,
    destructive: bool = False,
    safe: Sequence[str] = SAFE,
    longest: dict[str, int] | None = None,
) -> DeviceFacts:
    """The facts in the answers to GetParameterNames of the whole model, GetParameterValues and GetRPCMethods.

    *safe* are globs of parameters and tables that may be changed; `FORBIDDEN` wins over them. *longest* gives
    the greatest lengths of strings, by name, where a data-model definition is at hand.
    """
    infos = list(names)
    found = {value.name: value for value in values}
    lengths = longest or {}
    objects = tuple(
        ObjectFact(info.name, info.writable, info.writable and _is_safe(info.name, safe))
        for info in infos
        if info.name.endswith(".")
    )
    parameters = tuple(
        _parameter(info, found[info.name], safe, lengths) for info in infos if info.name in found
    )
    first = next((info.name for info in infos), "Device.")
    root = first.partition(".")[0] + "."
    return DeviceFacts(root, namespace, parameters, objects, tuple(rpcs), destructive)


def _parameter(
    info: ParameterInfoStruct, value: ParameterValueStruct, safe: Sequence[str], lengths: dict[str, int]
) -> ParameterFact:
    return ParameterFact(
        info.name,
        value.type or "xsd:string",
        value.value,
        info.writable,
        info.writable and _is_safe(info.name, safe),
        lengths.get(info.name),
    )


def _is_safe(name: str, globs: Sequence[str]) -> bool:
    return _matches(name, globs) and not _matches(name, FORBIDDEN)


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
