"""Tables whose rows are the device's own state: interfaces, routes, masking, inbound rules.

The rows are worked out when asked for; the ACS can neither add nor delete one. Paths are below the root; what
Device:2 and InternetGatewayDevice:1 say in tables of their own is made from the same facts, and a table that the
running model lacks is never asked for.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reference_cpe import interfaces

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

Row = dict[str, str]
Routes = tuple[tuple[str, Row], ...]
"""The device that each route leads to, and its row."""
_NET: Final = Path("/proc/net")
_UP, _GATEWAY, _REJECT, _LOCAL, _CACHE = 0x1, 0x2, 0x200, 0x80000000, 0x01000000
"""Flags of a route (linux/route.h, linux/ipv6_route.h)."""
_TCP: Final = "6"
_INTERFACES: Final = "Device.IP.Interface."
_TR_098: Final = "InternetGatewayDevice."
_HOST_MASK: Final = "255.255.255.255"


def rows(parts: Parts, table: str) -> list[Row] | None:
    """The rows of the table at *table* below the root, by name of the parameter; ``None`` for a stored table."""
    for pattern, make in _TABLES:
        found = pattern.fullmatch(table)
        if found is not None:
            return make(parts, *(int(number) for number in found.groups()))
    return None


def state(parts: Parts) -> tuple[object, ...]:
    """All that the rows are worked out from: while it stays equal, none has come or gone."""
    return (
        parts.config.network,
        parts.settings.value("ipv6_inbound_rules"),
        _kernel("route"),
        _kernel("ipv6_route"),
    )


# --- interfaces


def _interfaces(parts: Parts) -> list[Row]:
    return [
        {
            "Enable": "true",
            "Status": "Up",
            "Name": interface.name,
            "Type": "Loopback" if interface.loopback else "Normal",
            "Loopback": str(interface.loopback).lower(),
            "IPv4Enable": str(bool(interface.v4)).lower(),
            "IPv6Enable": str(bool(interface.v6)).lower(),
        }
        for interface in interfaces.of(parts.config.network)
    ]


def _addresses(version: int) -> Callable[[Parts, int], list[Row]]:
    def make(parts: Parts, number: int) -> list[Row]:
        known = interfaces.of(parts.config.network)
        if not 1 <= number <= len(known):
            return []
        address = known[number - 1].v6 if version == 6 else known[number - 1].v4
        more = {"Origin": "Static", "IPAddressStatus": "Preferred"} if version == 6 else {}
        row = {"Enable": "true", "Status": "Enabled", "IPAddress": address, "AddressingType": "Static"}
        return [{**row, **more}] if address else []

    return make


def _interface_paths(parts: Parts) -> dict[str, str]:
    """What the system calls an interface, and its path in the model; of two of one name the first."""
    paths: dict[str, str] = {}
    for number, interface in enumerate(interfaces.of(parts.config.network), 1):
        if interface.name:
            paths.setdefault(interface.name, f"{_INTERFACES}{number}")
    return paths


# --- the same below InternetGatewayDevice (TR-098), which knows IPv4 alone


def _one(_parts: Parts) -> list[Row]:
    """A table that holds one row, of which there is nothing to say."""
    return [{}]


def _wan_connection(parts: Parts) -> list[Row]:
    network = parts.config.network
    routes = v4_routes(_kernel("route"))
    gateways = (row["GatewayIPAddress"] for device, row in routes if device == network.wan_interface)
    row = {
        "Enable": "true",
        "ConnectionStatus": "Connected",
        "PossibleConnectionTypes": "IP_Routed",
        "ConnectionType": "IP_Routed",
        "NATEnabled": str(network.masked).lower(),
        "AddressingType": "Static",
        "ExternalIPAddress": network.wan_v4,
        "DefaultGateway": next(filter(None, gateways), ""),
    }
    return [row]


def _lan_devices(parts: Parts) -> list[Row]:
    return [{}] if interfaces.lan(parts.config.network) else []


def _lan_interfaces(parts: Parts) -> list[Row]:
    return [
        {"Enable": "true", "IPInterfaceIPAddress": interface.v4, "IPInterfaceAddressingType": "Static"}
        for interface in interfaces.lan(parts.config.network)
    ]


def _forwarding(parts: Parts) -> list[Row]:
    common = {"Enable": "true", "Status": "Enabled", "StaticRoute": "true"}
    wan = {parts.config.network.wan_interface: _TR_098 + interfaces.GATEWAY_WAN}
    return [
        {**common, **row, "Type": _kind_of_route(row), "Interface": wan.get(device, "")}
        for device, row in v4_routes(_kernel("route"))
    ]


def _kind_of_route(row: Row) -> str:
    if not row["DestIPAddress"]:
        return "Default"
    return "Host" if row["DestSubnetMask"] == _HOST_MASK else "Network"


# --- masking and inbound rules


def _masking(parts: Parts) -> list[Row]:
    if not parts.config.network.masked:
        return []
    return [{"Enable": "true", "Status": "Enabled", "Interface": f"{_INTERFACES}1"}]


def _services(parts: Parts) -> list[Row]:
    """The inbound rules of the IPv6 firewall, in the order of the setting."""
    return [
        {
            "Enable": str(rule.active).lower(),
            "Status": "Enabled" if rule.active else "Disabled",
            "Interface": f"{_INTERFACES}1",
            "DestPort": ",".join(map(str, rule.ports)) or "-1",
            "IPVersion": "6",
            "Protocol": _TCP,
            "ICMPType": "-1",
            "SourcePrefixes": ",".join(rule.sources),
            "Action": rule.action.capitalize(),
        }
        for rule in parts.settings.value("ipv6_inbound_rules")
    ]


# --- routes


def _kernel(name: str) -> str:
    """The kernel's table *name*, empty where there is none."""
    try:
        return (_NET / name).read_text("ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def _routers(_parts: Parts) -> list[Row]:
    return [{"Enable": "true", "Status": "Enabled"}]


def _routes(name: str, read: Callable[[str], Routes]) -> Callable[[Parts], list[Row]]:
    def make(parts: Parts) -> list[Row]:
        text = _kernel(name)
        common = {"Enable": "true", "Status": "Enabled", "Type": "Normal", "Origin": "Static"}
        paths = _interface_paths(parts)
        return [{**common, **row, "Interface": paths.get(device, "")} for device, row in read(text)]

    return make


@lru_cache(maxsize=4)
def v4_routes(text: str) -> Routes:
    """The routes in the text of /proc/net/route: the device each leads to, and its row."""
    found = []
    for line in text.splitlines()[1:]:
        device, to, gateway, flags, _, _, metric, mask, *_ = line.split()
        if not int(flags, 16) & _UP or int(flags, 16) & _REJECT:
            continue
        row = {
            "DestIPAddress": _v4(to) if int(mask, 16) else "",
            "DestSubnetMask": _v4(mask) if int(mask, 16) else "",
            "GatewayIPAddress": _v4(gateway) if int(flags, 16) & _GATEWAY else "",
            "ForwardingMetric": metric,
        }
        found.append((device, row))
    return tuple(found)


def _v4(text: str) -> str:
    """An address as the kernel writes it: a number in the machine's order of octets, of which ours is little."""
    return str(ipaddress.IPv4Address(bytes.fromhex(text)[::-1]))


@lru_cache(maxsize=4)
def v6_routes(text: str) -> Routes:
    """The routes in the text of /proc/net/ipv6_route, without those to the device's own addresses."""
    found = []
    for line in text.splitlines():
        to, bits, _, _, gateway, metric, _, _, flags, device = line.split()
        if not int(flags, 16) & _UP or int(flags, 16) & (_REJECT | _LOCAL | _CACHE) or to.startswith("ff"):
            continue
        prefix = f"{ipaddress.IPv6Address(bytes.fromhex(to))}/{int(bits, 16)}"
        hop = str(ipaddress.IPv6Address(bytes.fromhex(gateway)))
        row = {
            "DestIPPrefix": prefix,
            "NextHop": hop if int(flags, 16) & _GATEWAY else "",
            "ForwardingMetric": str(min(int(metric, 16), 2**31 - 1)),
        }
        found.append((device, row))
    return tuple(found)


_TABLES: Final[tuple[tuple[re.Pattern[str], Callable[..., list[Row]]], ...]] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"IP\.Interface\.", _interfaces),
        (r"IP\.Interface\.(\d+)\.IPv4Address\.", _addresses(4)),
        (r"IP\.Interface\.(\d+)\.IPv6Address\.", _addresses(6)),
        (r"NAT\.InterfaceSetting\.", _masking),
        (r"Firewall\.Service\.", _services),
        (r"Routing\.Router\.", _routers),
        (r"Routing\.Router\.1\.IPv4Forwarding\.", _routes("route", v4_routes)),
        (r"Routing\.Router\.1\.IPv6Forwarding\.", _routes("ipv6_route", v6_routes)),
        (r"WANDevice\.", _one),
        (r"WANDevice\.1\.WANConnectionDevice\.", _one),
        (r"WANDevice\.1\.WANConnectionDevice\.1\.WANIPConnection\.", _wan_connection),
        (r"LANDevice\.", _lan_devices),
        (r"LANDevice\.1\.LANHostConfigManagement\.IPInterface\.", _lan_interfaces),
        (r"Layer3Forwarding\.Forwarding\.", _forwarding),
    )
)
