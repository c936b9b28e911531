"""The configuration file: who the device is, what it is connected to, and its factory settings (TOML)."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from reference_cpe.settings import check_factory


class ConfigError(ValueError):
    """The file cannot be used. The message is one line: the file, the key, what was expected."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What DeviceId and DeviceInfo say."""

    manufacturer: str = "Reference CPE Project"
    oui: str = "0200C9"
    product_class: str = "ReferenceCPE"
    serial_number: str = "000000000001"
    model_name: str = "Reference CPE"
    description: str = "Reference device for CWMP"
    hardware_version: str = "1.0"
    software_version: str = "1.0.0"
    provisioning_code: str = ""
    time_known: bool = True
    """False for a device without a clock: CurrentTime is relative, certificates' dates are not judged."""


@dataclass(frozen=True, slots=True)
class Network:
    """The device's addresses. Without any of it the operating system's are used."""

    wan_interface: str = ""
    wan_v4: str = ""
    wan_v6: str = ""
    networks: dict[str, str] = field(default_factory=dict)
    """IP networks: name to the device's address in it."""
    loopbacks: dict[str, str] = field(default_factory=dict)
    """Loopback addresses: name to address."""
    masked: bool = False
    """Whether the WAN masks (NAT) what comes from other addresses than loopbacks."""
    manage: bool = False
    """Whether the device loads its nftables rules. Only for a network namespace of its own."""


@dataclass(frozen=True, slots=True)
class Config:
    device: Identity = field(default_factory=Identity)
    network: Network = field(default_factory=Network)
    settings: dict[str, Any] = field(default_factory=dict)
    """Factory settings that differ from the built-in ones."""


def read_config(path: Path) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: not there, not TOML, or a key that is unknown or of the wrong type.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        return parse_config(tables)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(tables: dict[str, Any]) -> Config:
    """The same from a parsed file.

    Raises:
        ConfigError: see `read_config`.
    """
    unknown = set(tables) - {"device", "network", "settings"}
    if unknown:
        raise ConfigError(f"[{sorted(unknown)[0]}]: unknown, expected [device], [network] or [settings]")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{name}: expected a table")
    device = Identity(**_fields(Identity, "device", tables.get("device", {})))
    network = Network(**_fields(Network, "network", tables.get("network", {})))
    _check_identity(device)
    _check_network(network)
    try:
        settings = check_factory(tables.get("settings", {}))
    except ValueError as error:
        raise ConfigError(f"[settings] {error}") from None
    return Config(device, network, settings)


def _fields(kind: type, table: str, given: dict[str, Any]) -> dict[str, Any]:
    words = {"str": "a string", "bool": "true or false", "dict[str, str]": "a table of strings"}
    types = {item.name: str(item.type) for item in fields(kind)}
    for name, value in given.items():
        if name not in types:
            raise ConfigError(f"[{table}] {name}: unknown, expected one of {', '.join(types)}")
        expected = types[name]
        fits = {
            "str": isinstance(value, str),
            "bool": isinstance(value, bool),
            "dict[str, str]": isinstance(value, dict) and all(isinstance(v, str) for v in value.values()),
        }[expected]
        if not fits:
            raise ConfigError(f"[{table}] {name}: expected {words[expected]}")
    return given


def _check_identity(device: Identity) -> None:
    if not re.fullmatch(r"[0-9A-F]{6}", device.oui):
        raise ConfigError("[device] oui: expected six upper-case hexadecimal digits")
    for item in fields(device):
        value = getattr(device, item.name)
        if isinstance(value, str) and len(value) > 64:
            raise ConfigError(f"[device] {item.name}: expected at most 64 characters")


def _check_network(network: Network) -> None:
    named = {**network.networks, **network.loopbacks}
    for name, address in [("wan_v4", network.wan_v4), ("wan_v6", network.wan_v6), *named.items()]:
        if address and not _is_address(address):
            raise ConfigError(f"[network] {name}: expected an IP address, found {address!r}")
    if not re.fullmatch(r"[\w.:@-]{0,15}", network.wan_interface, re.ASCII):
        raise ConfigError("[network] wan_interface: expected the name of an interface")
    if network.manage and not network.wan_interface:
        raise ConfigError("[network] wan_interface: expected, because manage is true")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
