"""The field tables: for every message and structure its elements in order, their types and limits.

Facts of cwmp-1-0.xsd to cwmp-1-4.xsd (Broadband Forum). Data only; `soap_read` and `soap_write` walk it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from harness.cwmp import messages as m


@dataclass(frozen=True, slots=True)
class Simple:
    """A text of one type: ``xsd`` is its local name in XML Schema (``base64`` is SOAP encoding's)."""

    xsd: str
    max_length: int | None = None
    pattern: re.Pattern[str] | None = None
    allowed: tuple[int, ...] | None = None
    minimum: int | None = None


@dataclass(frozen=True, slots=True)
class TypedValue:
    """``ParameterValueStruct/Value``: any simple type, named by ``xsi:type``."""


@dataclass(frozen=True, slots=True)
class Field:
    """One element: its dataclass attribute, its name, its type, and whether it may be absent."""

    attribute: str
    element: str
    type: Type
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Struct:
    """A sequence of elements, and the dataclass that holds them."""

    cls: type[Any]
    fields: tuple[Field, ...]

    elements: list[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", [row.element for row in self.fields])

    @property
    def name(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, slots=True)
class Array:
    """A SOAP-encoded array: ``array_type`` is a QName with the prefix cwmp, xsd or soapenc."""

    item_element: str
    item: Simple | Struct
    array_type: str
    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Repeated:
    """The element itself, many times over (Operations, Results, SetParameterValuesFault)."""

    item: Struct | Choice
    minimum: int = 1


@dataclass(frozen=True, slots=True)
class Choice:
    """A structure that ``xsi:type`` names, out of several."""

    structs: tuple[Struct, ...]


Type: TypeAlias = "Simple | TypedValue | Struct | Array | Repeated"


@dataclass(frozen=True, slots=True)
class MessageSchema:
    """One Body child."""

    struct: Struct
    source: str
    since: str


def _text(length: int | None = None, pattern: str | None = None) -> Simple:
    return Simple("string", length, re.compile(pattern) if pattern else None)


TEXT: Final = _text()
T32, T64, T256, T1024 = _text(32), _text(64), _text(256), _text(1024)
OUI: Final = _text(6, "[0-9A-F]{6}")
OBJECT_NAME: Final = _text(256, r"[^\n\r]*\.")
UUID: Final = _text(None, "[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}")
BOOLEAN: Final = Simple("boolean")
INT: Final = Simple("int")
UNSIGNED: Final = Simple("unsignedInt")
INSTANCE: Final = Simple("unsignedInt", minimum=1)
DATE_TIME: Final = Simple("dateTime")
STATUS: Final = Simple("int", allowed=(0, 1))
TRANSFER_STATE: Final = Simple("int", allowed=(1, 2, 3))
NOTIFICATION: Final = Simple("int", allowed=(0, 1, 2, 3, 4, 5, 6))

F = Field

DEVICE_ID = Struct(
    m.DeviceIdStruct,
    (
        F("manufacturer", "Manufacturer", T64),
        F("oui", "OUI", OUI),
        F("product_class", "ProductClass", T64),
        F("serial_number", "SerialNumber", T64),
    ),
)
# The pattern of EventCode is left to the table of events, which knows the exact strings.
EVENT = Struct(m.EventStruct, (F("event_code", "EventCode", T64), F("command_key", "CommandKey", T32)))
VALUE = Struct(m.ParameterValueStruct, (F("name", "Name", T256), F("value", "Value", TypedValue())))
INFO = Struct(m.ParameterInfoStruct, (F("name", "Name", T256), F("writable", "Writable", BOOLEAN)))
# The schema names "Subscriber" alone; A.3.2.4 has a CPE take any entity name, so only the length counts.
ACCESS_LIST = Array("string", T64, "xsd:string")
ATTRIBUTE = Struct(
    m.ParameterAttributeStruct,
    (
        F("name", "Name", T256),
        F("notification", "Notification", NOTIFICATION),
        F("access_list", "AccessList", ACCESS_LIST),
    ),
)
SET_ATTRIBUTE = Struct(
    m.SetParameterAttributesStruct,
    (
        F("name", "Name", T256),
        F("notification_change", "NotificationChange", BOOLEAN),
        F("notification", "Notification", NOTIFICATION),
        F("access_list_change", "AccessListChange", BOOLEAN),
        F("access_list", "AccessList", ACCESS_LIST),
    ),
)
TRANSFER_FAULT = Struct(
    m.FaultStruct, (F("fault_code", "FaultCode", UNSIGNED), F("fault_string", "FaultString", T256))
)
DU_FAULT = Struct(
    m.FaultStruct,
    (F("fault_code", "FaultCode", UNSIGNED), F("fault_string", "FaultString", TEXT, optional=True)),
)
QUEUED = Struct(
    m.QueuedTransferStruct, (F("command_key", "CommandKey", T32), F("state", "State", TRANSFER_STATE))
)
ALL_QUEUED = Struct(
    m.AllQueuedTransferStruct,
    (
        F("command_key", "CommandKey", T32),
        F("state", "State", TRANSFER_STATE),
        F("is_download", "IsDownload", BOOLEAN),
        F("file_type", "FileType", T64),
        F("file_size", "FileSize", UNSIGNED),
        F("target_file_name", "TargetFileName", T256),
    ),
)
TIME_WINDOW = Struct(
    m.TimeWindowStruct,
    (
        F("window_start", "WindowStart", UNSIGNED),
        F("window_end", "WindowEnd", UNSIGNED),
        F("window_mode", "WindowMode", T64),
        F("user_message", "UserMessage", T256),
        F("max_retries", "MaxRetries", INT),
    ),
)
ARG = Struct(m.ArgStruct, (F("name", "Name", T64), F("value", "Value", T256)))
OPTION = Struct(
    m.OptionStruct,
    (
        F("option_name", "OptionName", T64),
        F("voucher_sn", "VoucherSN", UNSIGNED),
        F("state", "State", Simple("unsignedInt", allowed=(0, 1, 2, 3))),
        F("mode", "Mode", Simple("int", allowed=(0, 1, 2))),
        F("start_date", "StartDate", DATE_TIME),
        F("expiration_date", "ExpirationDate", DATE_TIME, optional=True),
        F("is_transferable", "IsTransferable", Simple("int", allowed=(0, 1))),
    ),
)
INSTALL = Struct(
    m.InstallOpStruct,
    (
        F("url", "URL", T1024),
        F("uuid", "UUID", UUID, optional=True),
        F("username", "Username", T256, optional=True),
        F("password", "Password", T256, optional=True),
        F("execution_env_ref", "ExecutionEnvRef", T256, optional=True),
    ),
)
UPDATE = Struct(
    m.UpdateOpStruct,
    (
        F("uuid", "UUID", UUID, optional=True),
        F("version", "Version", T32, optional=True),
        F("url", "URL", T1024, optional=True),
        F("username", "Username", T256, optional=True),
        F("password", "Password", T256, optional=True),
    ),
)
UNINSTALL = Struct(
    m.UninstallOpStruct,
    (
        F("uuid", "UUID", UUID),
        F("version", "Version", T32, optional=True),
        F("execution_env_ref", "ExecutionEnvRef", T256, optional=True),
    ),
)
_RESULT_FIELDS = (
    F("uuid", "UUID", UUID),
    F("deployment_unit_ref", "DeploymentUnitRef", TEXT),
    F("version", "Version", T32),
    F("current_state", "CurrentState", _text(None, "Installed|Uninstalled|Failed")),
    F("resolved", "Resolved", BOOLEAN),
    F("execution_unit_ref_list", "ExecutionUnitRefList", TEXT),
    F("start_time", "StartTime", DATE_TIME),
    F("complete_time", "CompleteTime", DATE_TIME),
    F("fault", "Fault", DU_FAULT),
)
RESULT = Struct(m.OpResultStruct, _RESULT_FIELDS)
AUTON_RESULT = Struct(
    m.AutonOpResultStruct, (*_RESULT_FIELDS, F("operation_performed", "OperationPerformed", TEXT))
)
OPERATION = Choice((INSTALL, UPDATE, UNINSTALL))
PARAMETER_FAULT = Struct(
    m.SetParameterValuesFault,
    (
        F("parameter_name", "ParameterName", TEXT),
        F("fault_code", "FaultCode", UNSIGNED),
        F("fault_string", "FaultString", TEXT, optional=True),
    ),
)
FAULT_DETAIL = Struct(
    m.Fault,
    (
        F("fault_code", "FaultCode", UNSIGNED),
        F("fault_string", "FaultString", TEXT, optional=True),
        F("parameter_faults", "SetParameterValuesFault", Repeated(PARAMETER_FAULT, 0), optional=True),
    ),
)
"""The CWMP Fault inside ``detail`` (A.5); the SOAP Fault around it is no table's business."""

NAMES = Array("string", T256, "xsd:string", 1)
VALUES = Array("ParameterValueStruct", VALUE, "cwmp:ParameterValueStruct")

_COMMAND_KEY = F("command_key", "CommandKey", T32)
_PARAMETER_KEY = F("parameter_key", "ParameterKey", T32)
_STATUS = F("status", "Status", STATUS)
_TIMES = (F("start_time", "StartTime", DATE_TIME), F("complete_time", "CompleteTime", DATE_TIME))
_FILE = (
    _COMMAND_KEY,
    F("file_type", "FileType", T64),
    F("url", "URL", T256),
    F("username", "Username", T256),
    F("password", "Password", T256),
)
_DELAY = F("delay_seconds", "DelaySeconds", UNSIGNED)
_SIZE = F("file_size", "FileSize", UNSIGNED)
_TARGET = F("target_file_name", "TargetFileName", T256)


def _array(attribute: str, element: str, item: Struct, minimum: int = 0, maximum: int | None = None) -> Field:
    return Field(attribute, element, Array(item.name, item, f"cwmp:{item.name}", minimum, maximum))


_ROWS: tuple[tuple[type[m.Message], str, tuple[Field, ...]], ...] = (
    (m.GetRPCMethods, "A.3.1.1", ()),
    (
        m.GetRPCMethodsResponse,
        "A.3.1.1",
        (F("method_list", "MethodList", Array("string", T64, "xsd:string", 1)),),
    ),
    (m.SetParameterValues, "A.3.2.1", (F("parameter_list", "ParameterList", VALUES), _PARAMETER_KEY)),
    (m.SetParameterValuesResponse, "A.3.2.1", (_STATUS,)),
    (m.GetParameterValues, "A.3.2.2", (F("parameter_names", "ParameterNames", NAMES),)),
    (m.GetParameterValuesResponse, "A.3.2.2", (F("parameter_list", "ParameterList", VALUES),)),
    (
        m.GetParameterNames,
        "A.3.2.3",
        (F("parameter_path", "ParameterPath", T256), F("next_level", "NextLevel", BOOLEAN)),
    ),
    (m.GetParameterNamesResponse, "A.3.2.3", (_array("parameter_list", "ParameterList", INFO),)),
    (m.SetParameterAttributes, "A.3.2.4", (_array("parameter_list", "ParameterList", SET_ATTRIBUTE, 1),)),
    (m.SetParameterAttributesResponse, "A.3.2.4", ()),
    (m.GetParameterAttributes, "A.3.2.5", (F("parameter_names", "ParameterNames", NAMES),)),
    (m.GetParameterAttributesResponse, "A.3.2.5", (_array("parameter_list", "ParameterList", ATTRIBUTE),)),
    (m.AddObject, "A.3.2.6", (F("object_name", "ObjectName", OBJECT_NAME), _PARAMETER_KEY)),
    (m.AddObjectResponse, "A.3.2.6", (F("instance_number", "InstanceNumber", INSTANCE), _STATUS)),
    (m.DeleteObject, "A.3.2.7", (F("object_name", "ObjectName", OBJECT_NAME), _PARAMETER_KEY)),
    (m.DeleteObjectResponse, "A.3.2.7", (_STATUS,)),
    (
        m.Download,
        "A.3.2.8",
        (
            *_FILE,
            _SIZE,
            _TARGET,
            _DELAY,
            F("success_url", "SuccessURL", T256),
            F("failure_url", "FailureURL", T256),
        ),
    ),
    (m.DownloadResponse, "A.3.2.8", (_STATUS, *_TIMES)),
    (m.Reboot, "A.3.2.9", (_COMMAND_KEY,)),
    (m.RebootResponse, "A.3.2.9", ()),
    (m.GetQueuedTransfers, "A.4.1.1", ()),
    (m.GetQueuedTransfersResponse, "A.4.1.1", (_array("transfer_list", "TransferList", QUEUED, 0, 16),)),
    (m.ScheduleInform, "A.4.1.2", (_DELAY, _COMMAND_KEY)),
    (m.ScheduleInformResponse, "A.4.1.2", ()),
    (
        m.SetVouchers,
        "A.4.1.3",
        (F("voucher_list", "VoucherList", Array("base64", Simple("base64"), "soapenc:base64", 1)),),
    ),
    (m.SetVouchersResponse, "A.4.1.3", ()),
    (m.GetOptions, "A.4.1.4", (F("option_name", "OptionName", T64),)),
    (m.GetOptionsResponse, "A.4.1.4", (_array("option_list", "OptionList", OPTION),)),
    (m.Upload, "A.4.1.5", (*_FILE, _DELAY)),
    (m.UploadResponse, "A.4.1.5", (_STATUS, *_TIMES)),
    (m.FactoryReset, "A.4.1.6", ()),
    (m.FactoryResetResponse, "A.4.1.6", ()),
    (m.GetAllQueuedTransfers, "A.4.1.7", ()),
    (
        m.GetAllQueuedTransfersResponse,
        "A.4.1.7",
        (_array("transfer_list", "TransferList", ALL_QUEUED, 0, 16),),
    ),
    (
        m.ScheduleDownload,
        "A.4.1.8",
        (*_FILE, _SIZE, _TARGET, _array("time_window_list", "TimeWindowList", TIME_WINDOW, 1, 2)),
    ),
    (m.ScheduleDownloadResponse, "A.4.1.8", ()),
    (m.CancelTransfer, "A.4.1.9", (_COMMAND_KEY,)),
    (m.CancelTransferResponse, "A.4.1.9", ()),
    (
        m.ChangeDUState,
        "A.4.1.10",
        (
            F("operations", "Operations", Repeated(OPERATION)),
            F("command_key", "CommandKey", T32, optional=True),
        ),
    ),
    (m.ChangeDUStateResponse, "A.4.1.10", ()),
    (
        m.Inform,
        "A.3.3.1",
        (
            F("device_id", "DeviceId", DEVICE_ID),
            _array("event", "Event", EVENT, 0, 64),
            F("max_envelopes", "MaxEnvelopes", UNSIGNED),
            F("current_time", "CurrentTime", DATE_TIME),
            F("retry_count", "RetryCount", UNSIGNED),
            F("parameter_list", "ParameterList", VALUES),
        ),
    ),
    (m.InformResponse, "A.3.3.1", (F("max_envelopes", "MaxEnvelopes", UNSIGNED),)),
    (
        m.TransferComplete,
        "A.3.3.2",
        (_COMMAND_KEY, F("fault_struct", "FaultStruct", TRANSFER_FAULT), *_TIMES),
    ),
    (m.TransferCompleteResponse, "A.3.3.2", ()),
    (
        m.AutonomousTransferComplete,
        "A.3.3.3",
        (
            F("announce_url", "AnnounceURL", T1024),
            F("transfer_url", "TransferURL", T1024),
            F("is_download", "IsDownload", BOOLEAN),
            F("file_type", "FileType", T64),
            _SIZE,
            _TARGET,
            F("fault_struct", "FaultStruct", TRANSFER_FAULT),
            *_TIMES,
        ),
    ),
    (m.AutonomousTransferCompleteResponse, "A.3.3.3", ()),
    (
        m.Kicked,
        "A.4.2.1",
        (
            F("command", "Command", T32),
            F("referer", "Referer", T64),
            F("arg", "Arg", T256),
            F("next", "Next", T1024),
        ),
    ),
    (m.KickedResponse, "A.4.2.1", (F("next_url", "NextURL", T1024),)),
    (
        m.RequestDownload,
        "A.4.2.2",
        (F("file_type", "FileType", T64), _array("file_type_arg", "FileTypeArg", ARG, 0, 16)),
    ),
    (m.RequestDownloadResponse, "A.4.2.2", ()),
    (
        m.DUStateChangeComplete,
        "A.4.2.3",
        (F("results", "Results", Repeated(RESULT)), F("command_key", "CommandKey", T32, optional=True)),
    ),
    (m.DUStateChangeCompleteResponse, "A.4.2.3", ()),
    (m.AutonomousDUStateChangeComplete, "A.4.2.4", (F("results", "Results", Repeated(AUTON_RESULT)),)),
    (m.AutonomousDUStateChangeCompleteResponse, "A.4.2.4", ()),
)

MESSAGES: Final[dict[str, MessageSchema]] = {
    cls.__name__: MessageSchema(Struct(cls, fields), f"TR-069 {section}", cls.since)
    for cls, section, fields in _ROWS
}
"""Every message but Fault by its element name."""


@dataclass(frozen=True, slots=True)
class HeaderSchema:
    """A SOAP header of CWMP (3.5): ``must_understand`` is ``None`` where either value is tolerated."""

    attribute: str
    element: str
    type: Simple
    must_understand: bool | None
    since: str


HEADERS: Final = {
    row.element: row
    for row in (
        HeaderSchema("id", "ID", TEXT, True, "1.0"),
        HeaderSchema("hold_requests", "HoldRequests", BOOLEAN, True, "1.0"),
        # In no schema; old ACSs send it (TR-069 before Amendment 1), either way.
        HeaderSchema("no_more_requests", "NoMoreRequests", BOOLEAN, None, "1.0"),
        HeaderSchema("session_timeout", "SessionTimeout", UNSIGNED, False, "1.3"),
        HeaderSchema("supported_cwmp_versions", "SupportedCWMPVersions", TEXT, False, "1.4"),
        HeaderSchema("use_cwmp_version", "UseCWMPVersion", TEXT, True, "1.4"),
    )
}
