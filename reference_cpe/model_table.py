"""The parameters of the device, as a table: path, data type with its facets, access, where the value lives.

A small part of the Device:2 root data model (TR-181 Issue 2), plus two vendor entries: the comment that
scripts may set, and a sandbox whose parameters are stored and have no effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.cwmp import datatypes
from harness.cwmp.messages import UNKNOWN_TIME

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


@dataclass(frozen=True, slots=True)
class Syntax:
    """A data type of TR-106 3.2 with its facets."""

    type: str
    maximum_length: int | None = None
    low: int | None = None
    high: int | None = None
    values: tuple[str, ...] = ()
    hidden: bool = False
    """Reads as the empty string (TR-106: hidden)."""


@dataclass(frozen=True, slots=True)
class FromSetting:
    """The value is that of a setting."""

    key: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The value is kept in the store under the parameter's path."""

    default: str


Computed = Callable[["Parts"], str]
"""The value is worked out when asked for."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the table."""

    path: str
    syntax: Syntax
    source: FromSetting | Stored | Computed
    writable: bool = False
    active: bool = False
    """Active notification by default: a change opens a session (TR-181: forceEnabled)."""
    guard: str = ""
    """Name of the permission (see `reference_cpe.permissions`) that writing needs."""


def string(length: int | None = None, *values: str, hidden: bool = False) -> Syntax:
    return Syntax("xsd:string", length, values=values, hidden=hidden)


def integer(kind: str = "unsignedInt", low: int | None = None, high: int | None = None) -> Syntax:
    return Syntax(f"xsd:{kind}", low=low, high=high)


BOOLEAN: Final = Syntax("xsd:boolean")
DATE_TIME: Final = Syntax("xsd:dateTime")


def _identity(name: str) -> Computed:
    return lambda parts: str(getattr(parts.config.device, name))


def _local_time(parts: Parts) -> str:
    return parts.status.current_time()


def _memory(field: str) -> Computed:
    def read(_parts: Parts) -> str:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next((line.split()[1] for line in file if line.startswith(f"{field}:")), "0")

    return read


def _constant(value: str) -> Computed:
    return lambda _parts: value


_INFO, _SERVER, _BOX = "Device.DeviceInfo.", "Device.ManagementServer.", "Device.X_EXAMPLE-ORG_Sandbox."
_ENABLED = string(None, "Disabled", "Enabled", "Error")

COMMENT: Final = "Device.X_EXAMPLE-ORG_Comment"
"""The parameter that ``set /Setup/Comment`` in a script sets: the visible trace of a script."""
PERIODIC_TIME: Final = _SERVER + "PeriodicInformTime"
RETRY_MINIMUM: Final = _SERVER + "CWMPRetryMinimumWaitInterval"
RETRY_MULTIPLIER: Final = _SERVER + "CWMPRetryIntervalMultiplier"
CONNECTION_REQUEST_URL: Final = _SERVER + "ConnectionRequestURL"

FORCED: Final = (
    "Device.RootDataModelVersion",
    _INFO + "HardwareVersion",
    _INFO + "SoftwareVersion",
    _INFO + "ProvisioningCode",
    _SERVER + "ParameterKey",
    CONNECTION_REQUEST_URL,
)
"""In every Inform (TR-181 Issue 2: forcedInform)."""

TABLE: Final = (
    Parameter("Device.RootDataModelVersion", string(32), _constant("2.16")),
    Parameter(_INFO + "Manufacturer", string(64), _identity("manufacturer")),
    Parameter(_INFO + "ManufacturerOUI", string(6), _identity("oui")),
    Parameter(_INFO + "ModelName", string(64), _identity("model_name")),
    Parameter(_INFO + "Description", string(256), _identity("description")),
    Parameter(_INFO + "ProductClass", string(64), _identity("product_class")),
    Parameter(_INFO + "SerialNumber", string(64), _identity("serial_number")),
    Parameter(_INFO + "HardwareVersion", string(64), _identity("hardware_version")),
    Parameter(
        _INFO + "SoftwareVersion", string(64), lambda parts: parts.status.software_version(), active=True
    ),
    Parameter(
        _INFO + "ProvisioningCode", string(64), lambda parts: parts.status.provisioning_code(), True, True
    ),
    Parameter(_INFO + "UpTime", integer(), lambda parts: str(int(parts.status.uptime()))),
    Parameter(_INFO + "VendorConfigFileNumberOfEntries", integer(), _constant("0")),
    Parameter(_INFO + "MemoryStatus.Total", integer(), _memory("MemTotal")),
    Parameter(_INFO + "MemoryStatus.Free", integer(), _memory("MemFree")),
    Parameter(_SERVER + "EnableCWMP", BOOLEAN, FromSetting("cwmp_active"), True),
    Parameter(_SERVER + "URL", string(256), FromSetting("acs_url"), True),
    Parameter(_SERVER + "Username", string(256), FromSetting("acs_username"), True),
    Parameter(_SERVER + "Password", string(256, hidden=True), FromSetting("acs_password"), True),
    Parameter(_SERVER + "PeriodicInformEnable", BOOLEAN, FromSetting("periodic_inform_active"), True),
    Parameter(
        _SERVER + "PeriodicInformInterval",
        integer(low=1, high=2**31 - 1),
        FromSetting("periodic_inform_interval"),
        True,
    ),
    Parameter(PERIODIC_TIME, DATE_TIME, Stored(UNKNOWN_TIME), True),
    Parameter(_SERVER + "ParameterKey", string(32), lambda parts: str(parts.store.get("parameter_key", ""))),
    Parameter(
        CONNECTION_REQUEST_URL, string(256), lambda parts: parts.status.connection_request_url(), active=True
    ),
    Parameter(
        _SERVER + "ConnectionRequestUsername",
        string(256),
        FromSetting("connection_request_username"),
        True,
        guard="change_credentials",
    ),
    Parameter(
        _SERVER + "ConnectionRequestPassword",
        string(256, hidden=True),
        FromSetting("connection_request_password"),
        True,
        guard="change_credentials",
    ),
    Parameter(
        _SERVER + "UpgradesManaged", BOOLEAN, FromSetting("allow_firmware_updates"), True, guard="local"
    ),
    Parameter(RETRY_MINIMUM, integer(low=1, high=65535), Stored("5"), True),
    Parameter(RETRY_MULTIPLIER, integer(low=1000, high=65535), Stored("2000"), True),
    Parameter(_SERVER + "SupportedConnReqMethods", string(), _constant("HTTP")),
    Parameter("Device.Time.Enable", BOOLEAN, Stored("true"), True),
    Parameter(
        "Device.Time.Status",
        string(None, "Disabled", "Unsynchronized", "Synchronized", "Error_FailedToSynchronize", "Error"),
        lambda parts: "Synchronized" if parts.clock.absolute else "Unsynchronized",
    ),
    Parameter("Device.Time.NTPServer1", string(64), Stored(""), True),
    Parameter("Device.Time.NTPServer2", string(64), Stored(""), True),
    Parameter("Device.Time.CurrentLocalTime", DATE_TIME, _local_time),
    Parameter("Device.Time.LocalTimeZone", string(256), Stored("UTC0"), True),
    Parameter("Device.IP.IPv4Capable", BOOLEAN, _constant("true")),
    Parameter("Device.IP.IPv4Status", _ENABLED, _constant("Enabled")),
    Parameter("Device.IP.IPv6Capable", BOOLEAN, _constant("true")),
    Parameter("Device.IP.IPv6Status", _ENABLED, _constant("Enabled")),
    Parameter(COMMENT, string(256), Stored(""), True),
    Parameter(_BOX + "Text", string(32), Stored(""), True),
    Parameter(_BOX + "Secret", string(64, hidden=True), Stored(""), True),
    Parameter(_BOX + "Choice", string(None, "Red", "Green", "Blue"), Stored("Red"), True),
    Parameter(_BOX + "Flag", BOOLEAN, Stored("false"), True),
    Parameter(_BOX + "Number", integer("int", -100, 100), Stored("0"), True),
    Parameter(_BOX + "Unsigned", integer(), Stored("0"), True),
    Parameter(_BOX + "Long", integer("unsignedLong"), Stored("0"), True),
    Parameter(_BOX + "Moment", DATE_TIME, Stored(UNKNOWN_TIME), True),
    Parameter(_BOX + "Octets", Syntax("xsd:base64", 64), Stored(""), True),
    Parameter(_BOX + "Hex", Syntax("xsd:hexBinary", 16), Stored(""), True),
)

EMPTY_TABLES: Final = (_INFO + "VendorConfigFile.",)
"""Tables that have no row."""


def value_problem(syntax: Syntax, text: str) -> tuple[int, str] | None:
    """Why *text* is no value of *syntax*: fault code (9006 not the type, 9007 not the range) and reason."""
    wrong = datatypes.problem(syntax.type, text)
    if wrong is not None:
        return (9007 if wrong.startswith("outside") else 9006), wrong
    text = datatypes.collapse(syntax.type, text)
    if syntax.values and text not in syntax.values:
        return 9007, f"not one of {', '.join(syntax.values)}"
    if syntax.maximum_length is not None and _length(syntax.type, text) > syntax.maximum_length:
        return 9007, f"longer than {syntax.maximum_length}"
    if syntax.low is not None or syntax.high is not None:
        number = datatypes.parse_integer(text)
        if (syntax.low is not None and number < syntax.low) or (
            syntax.high is not None and number > syntax.high
        ):
            return 9007, f"outside {syntax.low}..{syntax.high}"
    return None


def _length(type_: str, text: str) -> int:
    """Characters of a string, octets of binary data."""
    if type_ == "xsd:hexBinary":
        return len(text) // 2
    if type_ == "xsd:base64":
        packed = "".join(text.split())
        return len(packed) * 3 // 4 - packed.count("=")
    return len(text)


def canonical(type_: str, text: str) -> str:
    """The one form in which a value is stored."""
    text = datatypes.collapse(type_, text)
    if type_ == "xsd:boolean":
        return "true" if datatypes.parse_boolean(text) else "false"
    if type_ in ("xsd:int", "xsd:unsignedInt", "xsd:unsignedLong", "xsd:long"):
        return str(datatypes.parse_integer(text))
    return text
