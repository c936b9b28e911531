"""The IP interfaces of the device: the WAN, then its networks, then its loopback addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reference_cpe.config import Network

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_TABLE: Final = "IP.Interface."
GATEWAY_WAN: Final = "WANDevice.1.WANConnectionDevice.1.WANIPConnection.1"
_GATEWAY_LAN: Final = "LANDevice.1.LANHostConfigManagement.IPInterface."
"""Where they stand below InternetGatewayDevice (TR-098)."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One of them; an address that it has not is empty."""

    name: str
    v4: str = ""
    v6: str = ""
    loopback: bool = False


def of(network: Network) -> list[Interface]:
    """The interfaces in the order of their instance numbers."""
    found = [Interface(network.wan_interface, network.wan_v4, network.wan_v6)]
    for named, loopback in ((network.networks, False), (network.loopbacks, True)):
        for name, address in named.items():
            v4, v6 = ("", address) if ":" in address else (address, "")
            found.append(Interface(name, v4, v6, loopback))
    return found


def lan(network: Network) -> list[Interface]:
    """The networks with an IPv4 address, in the order of their instance numbers below InternetGatewayDevice."""
    return [Interface(name, address) for name, address in network.networks.items() if ":" not in address]


def named(parts: Parts, path: str) -> Interface | None:
    """The interface that *path* (with or without the dot at the end) leads to in the device's data model."""
    below = path.removesuffix(".").removeprefix(parts.model.definition.stem)
    if below == GATEWAY_WAN:
        return of(parts.config.network)[0]
    for table, known in ((_TABLE, of(parts.config.network)), (_GATEWAY_LAN, lan(parts.config.network))):
        number = below.removeprefix(table)
        if below.startswith(table) and number.isdecimal() and 1 <= int(number) <= len(known):
            return known[int(number) - 1]
    return None
