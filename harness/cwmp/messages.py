"""Typed messages: every RPC of CWMP 1.0 to 1.4, one frozen dataclass each.

Class and field names are those of TR-069 Annex A and the cwmp-1-*.xsd schemas, fields in snake case
(``ParameterList`` is ``parameter_list``). A ``dateTime`` is kept as the lexical string that is on the
wire, because its form is itself judged (TR-106 3.3); everything else is the natural Python type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

UNKNOWN_TIME = "0001-01-01T00:00:00Z"
"""TR-106 3.3: the value of a dateTime that is not known."""


# --- structures -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DeviceIdStruct:
    """Who the CPE is (A.3.3.1)."""

    manufacturer: str
    oui: str
    product_class: str
    serial_number: str


@dataclass(frozen=True, slots=True)
class EventStruct:
    """One entry of an Inform's Event list (A.3.3.1, 3.7.1.5)."""

    event_code: str
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class ParameterValueStruct:
    """A parameter, its value in lexical form, and its type as a QName with the prefix ``xsd`` or ``soapenc``.

    ``type`` is ``None`` where the sender gave no ``xsi:type``.
    """

    name: str
    value: str
    type: str | None = "xsd:string"


@dataclass(frozen=True, slots=True)
class ParameterInfoStruct:
    """A path and whether it is writable (A.3.2.3)."""

    name: str
    writable: bool


@dataclass(frozen=True, slots=True)
class ParameterAttributeStruct:
    """Notification and access list of a parameter (A.3.2.5)."""

    name: str
    notification: int
    access_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SetParameterAttributesStruct:
    """One change of attributes (A.3.2.4)."""

    name: str
    notification_change: bool
    notification: int
    access_list_change: bool
    access_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultStruct:
    """Result of a transfer or deployment operation: code 0 is success."""

    fault_code: int
    fault_string: str = ""


@dataclass(frozen=True, slots=True)
class SetParameterValuesFault:
    """Why one parameter of a SetParameterValues was refused (A.3.2.1)."""

    parameter_name: str
    fault_code: int
    fault_string: str = ""


@dataclass(frozen=True, slots=True)
class QueuedTransferStruct:
    command_key: str
    state: int


@dataclass(frozen=True, slots=True)
class AllQueuedTransferStruct:
    command_key: str
    state: int
    is_download: bool
    file_type: str
    file_size: int
    target_file_name: str


@dataclass(frozen=True, slots=True)
class TimeWindowStruct:
    """Seconds from the receipt of ScheduleDownload, and how to use the window (A.4.1.8)."""

    window_start: int
    window_end: int
    window_mode: str
    user_message: str = ""
    max_retries: int = 0


@dataclass(frozen=True, slots=True)
class ArgStruct:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class OptionStruct:
    option_name: str
    voucher_sn: int
    state: int
    mode: int
    start_date: str
    expiration_date: str = ""
    is_transferable: bool = False


@dataclass(frozen=True, slots=True)
class InstallOpStruct:
    url: str
    uuid: str = ""
    username: str = ""
    password: str = ""
    execution_env_ref: str = ""


@dataclass(frozen=True, slots=True)
class UpdateOpStruct:
    uuid: str = ""
    version: str = ""
    url: str = ""
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class UninstallOpStruct:
    uuid: str = ""
    version: str = ""
    execution_env_ref: str = ""


OperationStruct: TypeAlias = InstallOpStruct | UpdateOpStruct | UninstallOpStruct


@dataclass(frozen=True, slots=True)
class OpResultStruct:
    uuid: str
    deployment_unit_ref: str
    version: str
    current_state: str
    resolved: bool
    execution_unit_ref_list: str
    start_time: str
    complete_time: str
    fault: FaultStruct


@dataclass(frozen=True, slots=True)
class AutonOpResultStruct:
    uuid: str
    deployment_unit_ref: str
    version: str
    current_state: str
    resolved: bool
    execution_unit_ref_list: str
    start_time: str
    complete_time: str
    fault: FaultStruct
    operation_performed: str


# --- messages ---------------------------------------------------------------------------------------


class Message:
    """A Body child. The class name is the element name."""

    __slots__ = ()
    since: ClassVar[str] = "1.0"
    """The CWMP version that brought the message."""


@dataclass(frozen=True, slots=True)
class Fault(Message):
    """A SOAP Fault whose detail is a CWMP Fault (3.5, A.5).

    ``fault_code`` is ``None`` when the SOAP Fault has no CWMP detail (``MustUnderstand``, say).
    """

    fault_code: int | None
    fault_string: str = ""
    parameter_faults: tuple[SetParameterValuesFault, ...] = ()
    soap_faultcode: str = "Client"
    soap_faultstring: str = "CWMP fault"


@dataclass(frozen=True, slots=True)
class UnknownMessage(Message):
    """A Body child of a name that CWMP does not define (a vendor RPC, or nonsense)."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Inform(Message):
    device_id: DeviceIdStruct
    event: tuple[EventStruct, ...]
    max_envelopes: int
    current_time: str
    retry_count: int
    parameter_list: tuple[ParameterValueStruct, ...]


@dataclass(frozen=True, slots=True)
class InformResponse(Message):
    max_envelopes: int = 1


@dataclass(frozen=True, slots=True)
class GetRPCMethods(Message):
    pass


@dataclass(frozen=True, slots=True)
class GetRPCMethodsResponse(Message):
    method_list: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetParameterValues(Message):
    parameter_list: tuple[ParameterValueStruct, ...]
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class SetParameterValuesResponse(Message):
    status: int


@dataclass(frozen=True, slots=True)
class GetParameterValues(Message):
    parameter_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetParameterValuesResponse(Message):
    parameter_list: tuple[ParameterValueStruct, ...]


@dataclass(frozen=True, slots=True)
class GetParameterNames(Message):
    parameter_path: str
    next_level: bool


@dataclass(frozen=True, slots=True)
class GetParameterNamesResponse(Message):
    parameter_list: tuple[ParameterInfoStruct, ...]


@dataclass(frozen=True, slots=True)
class SetParameterAttributes(Message):
    parameter_list: tuple[SetParameterAttributesStruct, ...]


@dataclass(frozen=True, slots=True)
class SetParameterAttributesResponse(Message):
    pass


@dataclass(frozen=True, slots=True)
class GetParameterAttributes(Message):
    parameter_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetParameterAttributesResponse(Message):
    parameter_list: tuple[ParameterAttributeStruct, ...]


@dataclass(frozen=True, slots=True)
class AddObject(Message):
    object_name: str
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class AddObjectResponse(Message):
    instance_number: int
    status: int


@dataclass(frozen=True, slots=True)
class DeleteObject(Message):
    object_name: str
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class DeleteObjectResponse(Message):
    status: int


@dataclass(frozen=True, slots=True)
class Reboot(Message):
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class RebootResponse(Message):
    pass


@dataclass(frozen=True, slots=True)
class Download(Message):
    command_key: str
    file_type: str
    url: str
    username: str = ""
    password: str = ""
    file_size: int = 0
    target_file_name: str = ""
    delay_seconds: int = 0
    success_url: str = ""
    failure_url: str = ""


@dataclass(frozen=True, slots=True)
class DownloadResponse(Message):
    status: int
    start_time: str = UNKNOWN_TIME
    complete_time: str = UNKNOWN_TIME


@dataclass(frozen=True, slots=True)
class Upload(Message):
    command_key: str
    file_type: str
    url: str
    username: str = ""
    password: str = ""
    delay_seconds: int = 0


@dataclass(frozen=True, slots=True)
class UploadResponse(Message):
    status: int
    start_time: str = UNKNOWN_TIME
    complete_time: str = UNKNOWN_TIME


@dataclass(frozen=True, slots=True)
class FactoryReset(Message):
    pass


@dataclass(frozen=True, slots=True)
class FactoryResetResponse(Message):
    pass


@dataclass(frozen=True, slots=True)
class GetQueuedTransfers(Message):
    pass


@dataclass(frozen=True, slots=True)
class GetQueuedTransfersResponse(Message):
    transfer_list: tuple[QueuedTransferStruct, ...]


@dataclass(frozen=True, slots=True)
class GetAllQueuedTransfers(Message):
    since: ClassVar[str] = "1.1"


@dataclass(frozen=True, slots=True)
class GetAllQueuedTransfersResponse(Message):
    since: ClassVar[str] = "1.1"
    transfer_list: tuple[AllQueuedTransferStruct, ...]


@dataclass(frozen=True, slots=True)
class ScheduleInform(Message):
    delay_seconds: int
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleInformResponse(Message):
    pass


@dataclass(frozen=True, slots=True)
class ScheduleDownload(Message):
    since: ClassVar[str] = "1.2"
    command_key: str
    file_type: str
    url: str
    username: str
    password: str
    file_size: int
    target_file_name: str
    time_window_list: tuple[TimeWindowStruct, ...]


@dataclass(frozen=True, slots=True)
class ScheduleDownloadResponse(Message):
    since: ClassVar[str] = "1.2"


@dataclass(frozen=True, slots=True)
class CancelTransfer(Message):
    since: ClassVar[str] = "1.2"
    command_key: str


@dataclass(frozen=True, slots=True)
class CancelTransferResponse(Message):
    since: ClassVar[str] = "1.2"


@dataclass(frozen=True, slots=True)
class ChangeDUState(Message):
    since: ClassVar[str] = "1.2"
    command_key: str
    operations: tuple[OperationStruct, ...]


@dataclass(frozen=True, slots=True)
class ChangeDUStateResponse(Message):
    since: ClassVar[str] = "1.2"


@dataclass(frozen=True, slots=True)
class SetVouchers(Message):
    voucher_list: tuple[str, ...]
    """Each voucher as the base64 text on the wire."""


@dataclass(frozen=True, slots=True)
class SetVouchersResponse(Message):
    pass


@dataclass(frozen=True, slots=True)
class GetOptions(Message):
    option_name: str


@dataclass(frozen=True, slots=True)
class GetOptionsResponse(Message):
    option_list: tuple[OptionStruct, ...]


@dataclass(frozen=True, slots=True)
class TransferComplete(Message):
    command_key: str
    fault_struct: FaultStruct
    start_time: str
    complete_time: str


@dataclass(frozen=True, slots=True)
class TransferCompleteResponse(Message):
    pass


@dataclass(frozen=True, slots=True)
class AutonomousTransferComplete(Message):
    since: ClassVar[str] = "1.1"
    announce_url: str
    transfer_url: str
    is_download: bool
    file_type: str
    file_size: int
    target_file_name: str
    fault_struct: FaultStruct
    start_time: str
    complete_time: str


@dataclass(frozen=True, slots=True)
class AutonomousTransferCompleteResponse(Message):
    since: ClassVar[str] = "1.1"


@dataclass(frozen=True, slots=True)
class RequestDownload(Message):
    since: ClassVar[str] = "1.1"
    file_type: str
    file_type_arg: tuple[ArgStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestDownloadResponse(Message):
    since: ClassVar[str] = "1.1"


@dataclass(frozen=True, slots=True)
class Kicked(Message):
    command: str
    referer: str
    arg: str
    next: str


@dataclass(frozen=True, slots=True)
class KickedResponse(Message):
    next_url: str


@dataclass(frozen=True, slots=True)
class DUStateChangeComplete(Message):
    since: ClassVar[str] = "1.2"
    results: tuple[OpResultStruct, ...]
    command_key: str


@dataclass(frozen=True, slots=True)
class DUStateChangeCompleteResponse(Message):
    since: ClassVar[str] = "1.2"


@dataclass(frozen=True, slots=True)
class AutonomousDUStateChangeComplete(Message):
    since: ClassVar[str] = "1.2"
    results: tuple[AutonOpResultStruct, ...]


@dataclass(frozen=True, slots=True)
class AutonomousDUStateChangeCompleteResponse(Message):
    since: ClassVar[str] = "1.2"


# --- the envelope -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnknownHeader:
    """A SOAP header entry that CWMP does not define."""

    namespace: str
    name: str
    must_understand: bool


@dataclass(frozen=True, slots=True)
class Header:
    """The CWMP SOAP headers (3.5). ``None`` is "not sent"."""

    id: str | None = None
    hold_requests: bool | None = None
    no_more_requests: bool | None = None
    session_timeout: int | None = None
    supported_cwmp_versions: tuple[str, ...] | None = None
    use_cwmp_version: str | None = None
    unknown: tuple[UnknownHeader, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One SOAP envelope: headers, exactly one message, and the CWMP namespace it was written in."""

    message: Message
    header: Header = field(default_factory=Header)
    namespace: str = "urn:dslforum-org:cwmp-1-2"
