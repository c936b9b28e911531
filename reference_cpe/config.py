"""The configuration file: who the device is, what it is connected to, and its factory settings (TOML)."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

from reference_cpe import urls
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
    firmware_key: str = ""
    """Ed25519 public key (64 hexadecimal digits): only firmware that it has signed is taken."""


@dataclass(frozen=True, slots=True)
class Time:
    """The wall clock."""

    set: bool = True
    """False for a clock that nobody has set: CurrentTime is relative, certificates' dates are not judged."""


@dataclass(frozen=True, slots=True)
class Web:
    """The web configuration. Without ``listen`` there is none."""

    listen: str = ""
    """``ADDRESS:PORT``; the address should be one of the LAN."""
    user: str = "admin"
    password: str = ""

    @property
    def place(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


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
class Profile:
    """Which device this is."""

    name: str = "full"
    """``full``, or ``lancom`` for the RPCs that LCOS documents and no others."""
    data_model: str = "TR-181"
    """``TR-181`` (Device.) or ``TR-098`` (InternetGatewayDevice.)."""
    alias_based_addressing: bool = False
    """Whether the ACS may call rows by their alias."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The data model, where it is not the built-in one of the profile."""

    file: str = ""
    """Path of a definition in the format of TR-106 Annex A, from the configuration file's folder."""


@dataclass(frozen=True, slots=True)
class Initiative:
    """What the device does of its own accord after every boot."""

    get_rpc_methods: bool = False
    """Ask the ACS which methods it has."""
    request_download: str = ""
    """FileType of a file that it asks the ACS for (RequestDownload)."""
    autonomous_download: str = ""
    """URL of a script that it fetches without being told to (AutonomousTransferComplete)."""


@dataclass(frozen=True, slots=True)
class Dhcp:
    """What the system's DHCP client has learnt of the ACS."""

    file: str = ""
    """JSON file with the options (`reference_cpe.discovery`), path from the configuration file's folder."""


@dataclass(frozen=True, slots=True)
class Config:
    device: Identity = field(default_factory=Identity)
    network: Network = field(default_factory=Network)
    time: Time = field(default_factory=Time)
    web: Web = field(default_factory=Web)
    profile: Profile = field(default_factory=Profile)
    model: ModelFile = field(default_factory=ModelFile)
    initiative: Initiative = field(default_factory=Initiative)
    dhcp: Dhcp = field(default_factory=Dhcp)
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
        config = parse_config(tables)
        if config.model.file:
            file = str(path.parent / config.model.file)
            config = replace(config, model=replace(config.model, file=file))
        if config.dhcp.file:
            config = replace(config, dhcp=Dhcp(str(path.parent / config.dhcp.file)))
        return config
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(tables: dict[str, Any]) -> Config:
    """The same from a parsed file.

    Raises:
        ConfigError: see `read_config`.
    """
    unknown = sorted(set(tables) - {*_TABLES, "settings"})
    if unknown:
        known = ", ".join(f"[{name}]" for name in _TABLES)
        raise ConfigError(f"[{unknown[0]}]: unknown, expected {known} or [settings]")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{name}: expected a table")
    parts = {name: kind(**_fields(kind, name, tables.get(name, {}))) for name, kind in _TABLES.items()}
    _check_identity(parts["device"])
    _check_network(parts["network"])
    _check_web(parts["web"], parts["network"])
    _check_profile(parts["profile"])
    _check_initiative(parts["initiative"])
    try:
        settings = check_factory(tables.get("settings", {}))
    except ValueError as error:
        raise ConfigError(f"[settings] {error}") from None
    return Config(**parts, settings=settings)


_TABLES: Final[dict[str, Any]] = {
    "device": Identity,
    "network": Network,
    "time": Time,
    "web": Web,
    "profile": Profile,
    "model": ModelFile,
    "initiative": Initiative,
    "dhcp": Dhcp,
}


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
    if not re.fullmatch(r"([0-9A-Fa-f]{64})?", device.firmware_key):
        raise ConfigError("[device] firmware_key: expected 64 hexadecimal digits")
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


def _check_web(web: Web, network: Network) -> None:
    if not web.listen:
        return
    host, _, port = web.listen.rpartition(":")
    if not _is_address(host.strip("[]")) or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(f"[web] listen: expected ADDRESS:PORT, found {web.listen!r}")
    address = ipaddress.ip_address(host.strip("[]"))
    outside = [ipaddress.ip_address(own) for own in (network.wan_v4, network.wan_v6) if own]
    if address.is_unspecified or address in outside:
        raise ConfigError(f"[web] listen: expected one address, and none of the WAN, found {host}")
    if not web.user or not web.password:
        raise ConfigError("[web] user and password: expected, because listen is set")


def _check_initiative(initiative: Initiative) -> None:
    if initiative.autonomous_download:
        try:
            urls.parse(initiative.autonomous_download)
        except urls.BadUrl as error:
            raise ConfigError(f"[initiative] autonomous_download: {error}") from None


def _check_profile(profile: Profile) -> None:
    for name, legal in (("name", ("full", "lancom")), ("data_model", ("TR-181", "TR-098"))):
        if getattr(profile, name) not in legal:
            raise ConfigError(f"[profile] {name}: expected one of {', '.join(legal)}")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
