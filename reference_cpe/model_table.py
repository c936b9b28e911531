"""Which parameters mean something to this device, as a table: path below the root, and where the value lives.

Types, access and defaults are the data model's (`reference_cpe.models`); a parameter that is not in this
table is stored and has no effect. Paths here have no root, for they hold below ``Device.`` and below
``InternetGatewayDevice.`` alike; the names that other modules use are written as Device:2 writes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.cwmp.messages import UNKNOWN_TIME
from reference_cpe.definition import Notify, Syntax
from reference_cpe.diagnostics.speed import url_problem
from reference_cpe.inform_parameters import events_problem, pattern_problem

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


@dataclass(frozen=True, slots=True)
class FromSetting:
    """The value is that of a setting."""

    key: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The value is kept in the store under the parameter's path."""

    default: str
    told: str = ""
    """What DHCP calls it: while nobody has set a value, the one that it has delivered counts."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The value is the number of rows of a table."""

    table: str


Computed = Callable[["Parts"], str]
"""The value is worked out when asked for."""
Source = FromSetting | Stored | Rows | Computed
Check = Callable[["Parts", str], str | None]
"""Why a value is refused beyond what the data type says, ``None`` where it is not."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the running model: what its definition says, and where the value lives."""

    path: str
    syntax: Syntax
    source: Source
    writable: bool = False
    notify: Notify = Notify.NORMAL
    guard: str = ""
    """``change_credentials``: writing needs that permission; ``local``: only the operator changes it; ``aliases``:
    a device without alias-based addressing has it fixed."""
    volatile: bool = False
    """It changes all the time."""
    check: Check | None = None

    @property
    def active(self) -> bool:
        """Whether active notification is on by default."""
        return self.notify in (Notify.FORCE_ENABLED, Notify.FORCE_DEFAULT_ENABLED)


@dataclass(frozen=True, slots=True)
class Binding:
    """One row of the table; the fields are those of `Parameter`."""

    source: Source
    guard: str = ""
    volatile: bool = False
    read_only: bool = False
    """The device takes no other value, though the data model lets it."""
    check: Check | None = None


def _identity(name: str) -> Binding:
    return Binding(lambda parts: str(getattr(parts.config.device, name)))


def _constant(value: str) -> Binding:
    return Binding(lambda _parts: value, read_only=True)


def _setting(key: str, guard: str = "") -> Binding:
    return Binding(FromSetting(key), guard)


def _stored(default: str) -> Binding:
    return Binding(Stored(default))


def _memory(field: str) -> Binding:
    def read(_parts: Parts) -> str:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next((line.split()[1] for line in file if line.startswith(f"{field}:")), "0")

    return Binding(read, volatile=True)


_INFO, _SERVER, _ROOT = "DeviceInfo.", "ManagementServer.", "Device."
_POLICY = _SERVER + "AutonomousTransferCompletePolicy."
_HEARTBEAT = _SERVER + "HeartbeatPolicy."
_WAN = "WANDevice.1.WANConnectionDevice.1.WANIPConnection.1."
_CONFIG_FILE, _LOG_FILE = _INFO + "VendorConfigFile.1.", _INFO + "VendorLogFile.1."

COMMENT: Final = _ROOT + "X_EXAMPLE-ORG_Comment"
"""The parameter that ``set /Setup/Comment`` in a script sets: the visible trace of a script."""
PERIODIC_TIME: Final = _ROOT + _SERVER + "PeriodicInformTime"
RETRY_MINIMUM: Final = _ROOT + _SERVER + "CWMPRetryMinimumWaitInterval"
RETRY_MULTIPLIER: Final = _ROOT + _SERVER + "CWMPRetryIntervalMultiplier"
THROTTLE: Final = _ROOT + _SERVER + "DefaultActiveNotificationThrottle"
CONNECTION_REQUEST_URL: Final = _ROOT + _SERVER + "ConnectionRequestURL"
CONNECTION_REQUEST_ENABLE: Final = _ROOT + _SERVER + "HTTPConnectionRequestEnable"
TIME_ENABLE: Final = _ROOT + "Time.Enable"
TIME_ZONE: Final = _ROOT + "Time.LocalTimeZone"
TIME_ZONE_NAME: Final = _ROOT + "Time.LocalTimeZoneName"
"""What Device:2 and InternetGatewayDevice:1 call the rule of the local time zone."""
COMPRESSION: Final = _ROOT + _SERVER + "HTTPCompression"
TRANSFER_POLICY: Final = _ROOT + _POLICY
HEARTBEAT_POLICY: Final = _ROOT + _HEARTBEAT
DELAY_REBOOT: Final = _ROOT + _SERVER + "DelayReboot"
SCHEDULE_REBOOT: Final = _ROOT + _SERVER + "ScheduleReboot"
ALIAS_BASED_ADDRESSING: Final = _ROOT + _SERVER + "AliasBasedAddressing"
INSTANCE_MODE: Final = _ROOT + _SERVER + "InstanceMode"
AUTO_CREATE_INSTANCES: Final = _ROOT + _SERVER + "AutoCreateInstances"
BY_ALIAS: Final = "InstanceAlias"
ALIAS: Final = "Alias"
"""The parameter of a row that gives it a name (TR-069 3.6.1)."""
_ALIAS: Final = re.compile(r"[A-Za-z][^\[\]]{0,63}", re.DOTALL)


def alias_problem(parts: Parts, text: str) -> str | None:
    """Why *text* cannot be an Alias: it starts with a letter; brackets would end it within a path."""
    if not parts.aliases.on() or _ALIAS.fullmatch(text):
        return None
    return "an alias starts with a letter, has no brackets, and 64 characters at most"


PROVISIONING_CODE: Final = _INFO + "ProvisioningCode"

BINDINGS: Final[dict[str, Binding]] = {
    "RootDataModelVersion": Binding(lambda parts: parts.model.definition.version),
    "DeviceSummary": Binding(lambda parts: f"{parts.model.definition.name}[](Baseline:1)"),
    _INFO + "Manufacturer": _identity("manufacturer"),
    _INFO + "ManufacturerOUI": _identity("oui"),
    _INFO + "ModelName": _identity("model_name"),
    _INFO + "Description": _identity("description"),
    _INFO + "ProductClass": _identity("product_class"),
    _INFO + "SerialNumber": _identity("serial_number"),
    _INFO + "HardwareVersion": _identity("hardware_version"),
    _INFO + "SoftwareVersion": Binding(lambda parts: parts.status.software_version()),
    _INFO + "SpecVersion": _constant("1.0"),
    PROVISIONING_CODE: Binding(lambda parts: parts.status.provisioning_code()),
    _INFO + "UpTime": Binding(lambda parts: str(int(parts.status.uptime())), volatile=True),
    _INFO + "MemoryStatus.Total": _memory("MemTotal"),
    _INFO + "MemoryStatus.Free": _memory("MemFree"),
    _CONFIG_FILE + "Name": _constant("settings"),
    _CONFIG_FILE + "Description": _constant("The settings in force, as a script; without passwords"),
    _CONFIG_FILE + "Version": _constant("1"),
    _LOG_FILE + "Name": _constant("journal"),
    _LOG_FILE + "MaximumSize": _constant("65536"),
    _LOG_FILE + "Persistent": _constant("false"),
    _SERVER + "EnableCWMP": _setting("cwmp_active"),
    _SERVER + "URL": _setting("acs_url"),
    _SERVER + "Username": _setting("acs_username"),
    _SERVER + "Password": _setting("acs_password"),
    _SERVER + "PeriodicInformEnable": _setting("periodic_inform_active"),
    _SERVER + "PeriodicInformInterval": _setting("periodic_inform_interval"),
    _SERVER + "PeriodicInformTime": _stored(UNKNOWN_TIME),
    _SERVER + "ParameterKey": Binding(lambda parts: str(parts.store.get("parameter_key", ""))),
    _SERVER + "ConnectionRequestURL": Binding(lambda parts: parts.status.connection_request_url()),
    _SERVER + "ConnectionRequestUsername": _setting("connection_request_username", "change_credentials"),
    _SERVER + "ConnectionRequestPassword": _setting("connection_request_password", "change_credentials"),
    _SERVER + "UpgradesManaged": _setting("allow_firmware_updates", "local"),
    _SERVER + "DefaultActiveNotificationThrottle": _stored("0"),
    _SERVER + "CWMPRetryMinimumWaitInterval": Binding(Stored("5", "retry_minimum")),
    _SERVER + "CWMPRetryIntervalMultiplier": Binding(Stored("2000", "retry_multiplier")),
    _SERVER + "HTTPConnectionRequestEnable": _stored("true"),
    _SERVER + "SupportedConnReqMethods": _constant("HTTP"),
    _SERVER + "HTTPCompressionSupported": _constant("GZIP,Deflate"),
    _SERVER + "HTTPCompression": _stored("Disabled"),
    _SERVER + "AliasBasedAddressing": Binding(lambda parts: str(parts.aliases.on()).lower()),
    _SERVER + "InstanceMode": Binding(Stored("InstanceNumber"), "aliases"),
    _SERVER + "AutoCreateInstances": Binding(Stored("false"), "aliases"),
    _SERVER + "STUNEnable": _constant("false"),
    _SERVER + "InformParameter.{i}.ParameterName": Binding(Stored(""), check=pattern_problem),
    _SERVER + "InformParameter.{i}.EventList": Binding(Stored(""), check=events_problem),
    _POLICY + "Enable": _stored("false"),
    _POLICY + "TransferTypeFilter": _stored("Both"),
    _POLICY + "ResultTypeFilter": _stored("Both"),
    _POLICY + "FileTypeFilter": _stored(
        "1 Firmware Upgrade Image,2 Web Content,3 Vendor Configuration File,4 Vendor Log File"
    ),
    _SERVER + "DelayReboot": _stored("-1"),
    _SERVER + "ScheduleReboot": _stored(UNKNOWN_TIME),
    _HEARTBEAT + "Enable": _stored("false"),
    _HEARTBEAT + "ReportingInterval": _stored("3600"),
    _HEARTBEAT + "InitiationTime": _stored(UNKNOWN_TIME),
    "Time.Enable": _stored("true"),
    "Time.Status": Binding(lambda parts: parts.status.time_status()),
    "Time.CurrentLocalTime": Binding(lambda parts: parts.status.current_time(), volatile=True),
    "Time.LocalTimeZone": _stored("UTC0"),
    "Time.LocalTimeZoneName": _stored("UTC0"),
    "IP.IPv4Capable": _constant("true"),
    "IP.IPv4Enable": _constant("true"),
    "IP.IPv4Status": _constant("Enabled"),
    "IP.IPv6Capable": _constant("true"),
    "IP.IPv6Enable": _constant("true"),
    "IP.IPv6Status": _constant("Enabled"),
    _WAN + "Name": _stored("WAN"),
    _WAN + "Uptime": Binding(lambda parts: str(int(parts.status.uptime())), volatile=True),
}

_TESTS: Final = {
    "IP.Diagnostics.IPPing.": {"NumberOfRepetitions": "4", "Timeout": "1000", "DataBlockSize": "56"},
    "IP.Diagnostics.TraceRoute.": {
        "NumberOfTries": "3",
        "Timeout": "5000",
        "DataBlockSize": "38",
        "MaxHopCount": "30",
    },
}
"""Arguments that a test has before the ACS sets any: the standard's where it names some, else plain ones."""
_GATEWAY_TESTS: Final = {
    "IPPingDiagnostics.": "IP.Diagnostics.IPPing.",
    "TraceRouteDiagnostics.": "IP.Diagnostics.TraceRoute.",
}
BINDINGS.update(
    {
        test + name: _stored(value)
        for test in (*_TESTS, *_GATEWAY_TESTS)
        for name, value in _TESTS[_GATEWAY_TESTS.get(test, test)].items()
    }
)
BINDINGS.update(
    {
        f"{stem}{direction}Diagnostics.{direction}URL": Binding(Stored(""), check=url_problem)
        for stem in ("IP.Diagnostics.", "")
        for direction in ("Download", "Upload")
    }
)
BINDINGS.update(
    {
        f"IP.Diagnostics.{version}{test}Supported": _constant("true")
        for version in ("IPv4", "IPv6")
        for test in ("Ping", "TraceRoute", "DownloadDiagnostics", "UploadDiagnostics")
    }
)
BINDINGS.update(
    {
        f"IP.Diagnostics.{direction}Diagnostics.{direction}Transports": _constant("HTTP")
        for direction in ("Download", "Upload")
    }
)

BINDINGS.update(
    {
        f"{table}{{i}}.{name}": Binding(Stored(""), "change_credentials")
        for table in ("Users.User.", "User.")
        for name in ("Username", "Password")
    }
)
"""Accounts that log in at the web configuration are administrators: the switch covers their names and passwords."""

FACTORY_ROWS: Final = {
    _INFO + "VendorConfigFile.": 1,
    _INFO + "VendorLogFile.": 1,
}
"""Rows that a table has from the factory, where the model has that table."""
