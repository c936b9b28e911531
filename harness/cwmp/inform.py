"""The parameters that every Inform carries, by root data model (``forcedInform``)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Root(StrEnum):
    """A root data model."""

    DEVICE_2 = "Device:2"
    DEVICE_1 = "Device:1"
    INTERNET_GATEWAY_DEVICE_1 = "InternetGatewayDevice:1"


@dataclass(frozen=True, slots=True)
class Forced:
    """A parameter of every Inform; ``{i}`` in the path stands for any instance number.

    ``if_implemented``: owed only by a device that has the parameter at all.
    """

    path: str
    if_implemented: bool = False

    def matches(self, name: str) -> bool:
        """Whether *name* is this parameter, of whatever instances."""
        return _pattern(self.path).fullmatch(name) is not None


@lru_cache(maxsize=64)
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path).replace(r"\{i\}", "[1-9][0-9]*").replace(r"\{IP\|PPP\}", "(IP|PPP)"))


_ROWS: Final = (
    (
        Root.DEVICE_2,
        "Device.",
        (
            "RootDataModelVersion",
            "DeviceInfo.HardwareVersion",
            "DeviceInfo.SoftwareVersion",
            "DeviceInfo.ProvisioningCode",
            "ManagementServer.ParameterKey",
            "ManagementServer.ConnectionRequestURL",
        ),
        ("ManagementServer.AliasBasedAddressing",),
    ),
    (
        Root.DEVICE_1,
        "Device.",
        (
            "DeviceSummary",
            "DeviceInfo.HardwareVersion",
            "DeviceInfo.SoftwareVersion",
            "ManagementServer.ParameterKey",
            "ManagementServer.ConnectionRequestURL",
            "LAN.IPAddress",
        ),
        ("ManagementServer.AliasBasedAddressing",),
    ),
    (
        Root.INTERNET_GATEWAY_DEVICE_1,
        "InternetGatewayDevice.",
        (
            "DeviceSummary",
            "DeviceInfo.HardwareVersion",
            "DeviceInfo.SoftwareVersion",
            "DeviceInfo.SpecVersion",
            "DeviceInfo.ProvisioningCode",
            "ManagementServer.ParameterKey",
            "ManagementServer.ConnectionRequestURL",
            "WANDevice.{i}.WANConnectionDevice.{i}.WAN{IP|PPP}Connection.{i}.ExternalIPAddress",
        ),
        ("ManagementServer.AliasBasedAddressing",),
    ),
)

FORCED: Final = {
    root: (*(Forced(stem + p) for p in always), *(Forced(stem + p, if_implemented=True) for p in sometimes))
    for root, stem, always, sometimes in _ROWS
}


def root_of(names: Iterable[str]) -> Root | None:
    """The root data model that an Inform's parameter names show, or ``None`` where they show none.

    Device:1 and Device:2 share the name of their root: DeviceSummary is the former's, and without it the
    device is taken for the latter.
    """
    seen = set(names)
    if any(name.startswith("InternetGatewayDevice.") for name in seen):
        return Root.INTERNET_GATEWAY_DEVICE_1
    if "Device.DeviceSummary" in seen and "Device.RootDataModelVersion" not in seen:
        return Root.DEVICE_1
    return Root.DEVICE_2 if any(name.startswith("Device.") for name in seen) else None


def missing(root: Root, names: Iterable[str]) -> tuple[str, ...]:
    """The forced parameters of *root* that are not among *names*, those owed by every device."""
    seen = list(names)
    owed = (forced for forced in FORCED[root] if not forced.if_implemented)
    return tuple(forced.path for forced in owed if not any(map(forced.matches, seen)))
