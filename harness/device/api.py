"""What a device under test can do: the settings a case may turn and the verbs of a driver.

The *settings* are the canonical knobs of LANCOM's CWMP page. A driver says which of them it can set and
which verbs it has; a case that needs more is ``not-applicable`` on that device, never ``pass``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One inbound rule of the IPv6 firewall, for TCP.

    ``ports`` empty means all, ``sources`` empty means any; a lower ``priority`` number is looked at later,
    as on LCOS: the rule with the highest number wins.
    """

    name: str
    ports: tuple[int, ...]
    action: str = "accept"
    active: bool = True
    priority: int = 0
    sources: tuple[str, ...] = ()


SettingValue: TypeAlias = "str | int | bool | tuple[FirewallRule, ...]"
Settings: TypeAlias = Mapping[str, SettingValue]


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One setting: its canonical key, the label of LANCOM's page, its Python type and what it does."""

    key: str
    label: str
    type: type
    meaning: str


SETTINGS: Final[dict[str, SettingInfo]] = {
    info.key: info
    for info in (
        SettingInfo("cwmp_active", "CWMP activated", bool, "the master switch"),
        SettingInfo("acs_url", "ACS URL", str, "where the device connects to"),
        SettingInfo("acs_username", "ACS username", str, "for the ACS's Basic or Digest challenge"),
        SettingInfo("acs_password", "ACS password", str, "for the ACS's Basic or Digest challenge"),
        SettingInfo("connection_request_username", "Connection request user", str, "who may wake the device"),
        SettingInfo(
            "connection_request_password", "Connection request password", str, "who may wake the device"
        ),
        SettingInfo("port", "Port", int, "TCP port of the connection-request listener"),
        SettingInfo("source_address", "Source address", str, "name or address; empty is automatic"),
        SettingInfo("periodic_inform_active", "Periodic inform activated", bool, ""),
        SettingInfo("periodic_inform_interval", "Periodic inform interval", int, "seconds"),
        SettingInfo("allow_file_transmission", "Allow file transmission (firmware or script)", bool, ""),
        SettingInfo("allow_firmware_updates", "Allow firmware updates", bool, ""),
        SettingInfo(
            "allow_credential_change",
            "Allow changing of the user credentials for connection request",
            bool,
            "",
        ),
        SettingInfo("ipv6_inbound_rules", "IPv6 firewall, inbound rules", tuple, "FirewallRule entries"),
    )
}
"""Every setting, by canonical key."""


class Verb:
    """Names of the optional verbs, as profiles and ``needs=`` of a case write them."""

    RESTART: Final = "restart"
    """Orderly restart of the device or its CWMP client (``Driver.restart``)."""
    POWER_CYCLE: Final = "power_cycle"
    FACTORY_RESET: Final = "factory_reset"
    UPLOAD_ROOT_CA: Final = "upload_root_ca"
    REMOVE_ROOT_CA: Final = "remove_root_ca"
    UPLOAD_ROOT_CA_OTHERWISE: Final = "upload_root_ca_otherwise"
    """Store the CWMP root CA by the device's other way to upload files."""
    UPLOAD_OTHER_CA: Final = "upload_other_ca"
    """Store a CA certificate under another file type (for VPN, say)."""
    UPLOAD_CLIENT_CERTIFICATE: Final = "upload_client_certificate"
    REMOVE_CLIENT_CERTIFICATE: Final = "remove_client_certificate"
    READ_SETTINGS: Final = "read_settings"
    WAKE: Final = "wake"
    """Make the device open a session now, other than by a connection request."""
    MASK_WAN: Final = "mask_wan"
    """Switch the masking (NAT) of the WAN off and on."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a device has, from its driver and profile (the ICS).

    ``features`` are words for what is not a setting or verb: ``https``, ``ipv6``, ``loopback-source``,
    ``masked-wan``, ``network-source``, ``absolute-time``, ``download``, ``connection-request``.
    """

    settings: frozenset[str]
    verbs: frozenset[str]
    features: frozenset[str] = frozenset()

    def lacks(self, needs: tuple[str, ...]) -> list[str]:
        """Those of *needs* (setting keys, verbs or features) that the device does not have."""
        have = self.settings | self.verbs | self.features
        return [need for need in needs if need not in have]


@dataclass(frozen=True, slots=True)
class Names:
    """The names and addresses on the device that source-address cases use (the IXIT)."""

    network: str = ""
    """Name of an IP network of the device, such as ``INTRANET``."""
    network_address: str = ""
    loopback: str = ""
    """Name of a loopback address, such as ``LB0``."""
    loopback_address: str = ""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Who is tested, for the report; from the profile, completed from the first Inform."""

    name: str
    manufacturer: str = ""
    oui: str = ""
    product_class: str = ""
    serial_number: str = ""
    software_version: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)


class DriverError(Exception):
    """A verb of the driver failed: the device could not be put where the case wants it.

    The case becomes ``inconclusive``, never ``fail``. The message is one line: which verb, which command or
    address, what came back.
    """


class Driver(Protocol):
    """One way to reach a device. All methods are coroutines on the bench's loop.

    Methods for verbs that `capabilities` does not list are never called.
    """

    capabilities: Capabilities
    names: Names
    info: DeviceInfo
    steered: bool
    """True where the device takes its time from the bench's clock server."""
    interrupted_at: float
    """The host's monotonic clock when the bench last set about ending the device's process, ``-inf`` before."""

    def prepare(self, settings: Settings, root_ca: bytes) -> None:
        """Have these in place when the device starts, where it takes them at its start; called before `start`.

        A program that reads its ACS URL once, in the moment it is started, must find it. The bench configures the
        device afterwards all the same.
        """

    async def start(self) -> None:
        """Bring the device up; returns when it can be configured."""

    async def stop(self) -> None:
        """Take it down for good; must not raise when it is down already."""

    async def configure(self, settings: Settings) -> None:
        """Set the given settings and leave the others alone; returns when they are in effect."""

    async def upload_root_ca(self, pem: bytes) -> None:
        """Store *pem* (one certificate) as the only CWMP root CA certificate."""

    async def remove_root_ca(self) -> None:
        """Empty the CWMP root CA slot."""

    async def upload_root_ca_otherwise(self, pem: bytes) -> None:
        """As `upload_root_ca`, by the other way that the device has."""

    async def upload_other_ca(self, pem: bytes) -> None:
        """Store *pem* as a CA certificate for something else than CWMP."""

    async def upload_client_certificate(self, container: bytes, passphrase: str) -> None:
        """Store a PKCS#12 container as the only "CWMP container as PKCS#12 file".

        Raises:
            DriverError: the device refuses it (wrong passphrase, damaged ...), or cannot be reached.
        """

    async def remove_client_certificate(self) -> None:
        """Empty the slot of the client certificate."""

    async def restart(self) -> None: ...

    async def power_cycle(self) -> None: ...

    async def factory_reset(self) -> None: ...

    async def read_settings(self) -> Settings:
        """What the device says its settings are."""

    async def wake(self) -> None: ...

    async def mask_wan(self, on: bool) -> None:
        """Let the WAN mask what leaves by it, loopback addresses excepted, or mask nothing."""

    def alive(self) -> str:
        """Empty while the device's process runs as far as the driver can tell; else what was seen, in a line."""
