"""Fault codes of CPE (9000-9032) and ACS (8000-8006), and where each may stand (TR-069 A.5).

The columns for transfer results and deployment operations are the schema's own enumerations; of the RPC
columns only AddObject's and Download's were confirmed by a second source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SUCCESS: Final = 0
"""The FaultCode of a result without fault."""
CPE_RANGE: Final = range(9000, 9900)
CPE_VENDOR: Final = range(9800, 9900)
ACS_RANGE: Final = range(8000, 8900)
ACS_VENDOR: Final = range(8800, 8900)

METHOD_NOT_SUPPORTED: Final = 9000
REQUEST_DENIED: Final = 9001
INTERNAL_ERROR: Final = 9002
INVALID_ARGUMENTS: Final = 9003
RESOURCES_EXCEEDED: Final = 9004
INVALID_PARAMETER_NAME: Final = 9005
INVALID_PARAMETER_TYPE: Final = 9006
INVALID_PARAMETER_VALUE: Final = 9007
NON_WRITABLE_PARAMETER: Final = 9008
NOTIFICATION_REJECTED: Final = 9009
TRANSFER_FAILURE: Final = 9010
ACS_RETRY_REQUEST: Final = 8005


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """One code: its meaning, its first version, the RPCs it may answer, the results it may stand in."""

    code: int
    meaning: str
    since: str = "1.0"
    answers: frozenset[str] = frozenset()
    in_parameter: bool = False
    in_transfer_result: bool = False
    in_du_result: bool = False


_SHORT: Final = {
    "GRM": ("GetRPCMethods",),
    "SPV": ("SetParameterValues",),
    "GPV": ("GetParameterValues",),
    "GPN": ("GetParameterNames",),
    "SPA": ("SetParameterAttributes",),
    "GPA": ("GetParameterAttributes",),
    "Add": ("AddObject",),
    "Del": ("DeleteObject",),
    "Dl": ("Download",),
    "Rb": ("Reboot",),
    "Up": ("Upload",),
    "FR": ("FactoryReset",),
    "SI": ("ScheduleInform",),
    "SD": ("ScheduleDownload",),
    "CT": ("CancelTransfer",),
    "GQ": ("GetQueuedTransfers", "GetAllQueuedTransfers"),
    "CDU": ("ChangeDUState",),
    "Opt": ("GetOptions", "SetVouchers"),
}
_ALL: Final = " ".join(_SHORT)

# code, meaning, since, RPCs answered, places: P = SetParameterValuesFault, T = transfer result, D = DU result
_CPE: tuple[tuple[int, str, str, str, str], ...] = (
    (9000, "method not supported", "1.0", "Dl Up FR SI SD CT GQ CDU Opt", ""),
    (9001, "request denied, no reason given", "1.0", _ALL, "PTD"),
    (9002, "internal error", "1.0", _ALL.replace(" CT", ""), "PT"),
    (9003, "invalid arguments", "1.0", "SPV GPV GPN SPA GPA Add Del Dl Rb Up FR SI SD Opt", "D"),
    (9004, "resources exceeded", "1.0", "SPV GPV SPA GPA Add Dl Up SI SD CDU Opt", ""),
    (9005, "invalid parameter name", "1.0", "GPV GPN SPA GPA Add Del", "P"),
    (9006, "invalid parameter type", "1.0", "", "P"),
    (9007, "invalid parameter value", "1.0", "", "P"),
    (9008, "attempt to set a non-writable parameter", "1.0", "", "P"),
    (9009, "notification request rejected", "1.0", "SPA", ""),
    (9010, "file transfer failure", "1.0", "Dl SD", "T"),
    (9011, "upload failure", "1.0", "Up", "T"),
    (9012, "file transfer server refused the authentication", "1.0", "Dl Up", "TD"),
    (9013, "unsupported protocol for file transfer", "1.0", "Dl Up SD", "D"),
    (9014, "file transfer failure: multicast group cannot be joined", "1.1", "", "T"),
    (9015, "file transfer failure: file server cannot be reached", "1.1", "", "TD"),
    (9016, "file transfer failure: file cannot be accessed", "1.1", "", "TD"),
    (9017, "file transfer failure: download not completed", "1.1", "", "TD"),
    (9018, "file transfer failure: file corrupted", "1.1", "", "TD"),
    (9019, "file transfer failure: file not authentic", "1.1", "", "T"),
    (9020, "file transfer failure: not completed within the time windows", "1.2", "", "T"),
    (9021, "transfer cannot be cancelled in its present state", "1.2", "CT", ""),
    (9022, "invalid UUID format", "1.2", "", "D"),
    (9023, "unknown execution environment", "1.2", "", "D"),
    (9024, "disabled execution environment", "1.2", "", "D"),
    (9025, "deployment unit does not fit the execution environment", "1.2", "", "D"),
    (9026, "duplicate deployment unit", "1.2", "", "D"),
    (9027, "system resources exceeded", "1.2", "", "D"),
    (9028, "unknown deployment unit", "1.2", "", "D"),
    (9029, "invalid deployment unit state", "1.2", "", "D"),
    (9030, "deployment unit update: downgrade not permitted", "1.2", "", "D"),
    (9031, "deployment unit update: version not given", "1.2", "", "D"),
    (9032, "deployment unit update: version already there", "1.2", "", "D"),
)
_ACS: tuple[tuple[int, str, str], ...] = (
    (8000, "method not supported", "1.0"),
    (8001, "request denied, no reason given", "1.0"),
    (8002, "internal error", "1.0"),
    (8003, "invalid arguments", "1.0"),
    (8004, "resources exceeded", "1.0"),
    (8005, "retry request", "1.0"),
    (8006, "ACS version incompatible with CPE", "1.4"),
)


def _info(row: tuple[int, str, str, str, str]) -> FaultInfo:
    code, meaning, since, rpcs, places = row
    answers = frozenset(name for short in rpcs.split() for name in _SHORT[short])
    return FaultInfo(code, meaning, since, answers, "P" in places, "T" in places, "D" in places)


CPE_FAULTS: Final = {row[0]: _info(row) for row in _CPE}
ACS_FAULTS: Final = {code: FaultInfo(code, meaning, since) for code, meaning, since in _ACS}
PARAMETER_CODES: Final = frozenset(code for code, info in CPE_FAULTS.items() if info.in_parameter)
"""Legal inside SetParameterValuesFault, besides a vendor's own."""
TRANSFER_CODES: Final = frozenset(code for code, info in CPE_FAULTS.items() if info.in_transfer_result)
"""Legal in TransferComplete and AutonomousTransferComplete, besides 0 and a vendor's own."""
DU_CODES: Final = frozenset(code for code, info in CPE_FAULTS.items() if info.in_du_result)
"""Legal per operation in (Autonomous)DUStateChangeComplete, besides 0 and a vendor's own."""
RPCS: Final = frozenset(name for names in _SHORT.values() for name in names)
"""The CPE methods that the table has a column for."""


def may_answer(rpc: str, code: int) -> bool:
    """Whether a CPE may answer the request *rpc* with fault *code*.

    A method that CWMP does not define is answered with 9000 alone (A.5); vendor codes are always legal.
    """
    if code in CPE_VENDOR:
        return True
    if rpc not in RPCS:
        return code == METHOD_NOT_SUPPORTED
    info = CPE_FAULTS.get(code)
    return info is not None and rpc in info.answers


def allowed_answers(rpc: str) -> frozenset[int]:
    """The standard's codes that may answer *rpc*."""
    return frozenset(code for code in CPE_FAULTS if may_answer(rpc, code))


def is_cpe_code(code: int) -> bool:
    """Whether a CPE may send *code* at all: one of the table or of a vendor's range, not a reserved one."""
    return code in CPE_FAULTS or code in CPE_VENDOR


def is_acs_code(code: int) -> bool:
    """The same for an ACS."""
    return code in ACS_FAULTS or code in ACS_VENDOR


def meaning(code: int) -> str:
    """What *code* says, in words; vendor and reserved ranges by their name."""
    info = CPE_FAULTS.get(code) or ACS_FAULTS.get(code)
    if info is not None:
        return info.meaning
    if code == SUCCESS:
        return "no fault"
    if code in CPE_VENDOR or code in ACS_VENDOR:
        return "vendor fault"
    return "reserved fault code" if code in CPE_RANGE or code in ACS_RANGE else "no CWMP fault code"
