"""Wire rules of CWMP faults: which code may answer which method (TR-069 A.3.1, A.5; cwmp-1-2.xsd)."""

from __future__ import annotations

from typing import Final

from harness.cwmp import messages as m
from harness.rules.rule import Report, rule
from harness.rules.view import Turn, View, name

_ALLOWED: Final[dict[str, frozenset[int]]] = {
    method: frozenset(codes)
    for method, codes in {
        "GetRPCMethods": (9001, 9002),
        "SetParameterValues": (9001, 9002, 9003, 9004),
        "GetParameterValues": (9001, 9002, 9003, 9004, 9005),
        "GetParameterNames": (9001, 9002, 9003, 9005),
        "SetParameterAttributes": (9001, 9002, 9003, 9004, 9005, 9009),
        "GetParameterAttributes": (9001, 9002, 9003, 9004, 9005),
        "AddObject": (9001, 9002, 9003, 9004, 9005),
        "DeleteObject": (9001, 9002, 9003, 9005),
        "Download": (9000, 9001, 9002, 9003, 9004, 9010, 9012, 9013),
        "Reboot": (9001, 9002, 9003),
        "Upload": (9000, 9001, 9002, 9003, 9004, 9011, 9012, 9013),
        "FactoryReset": (9000, 9001, 9002, 9003),
        "ScheduleInform": (9000, 9001, 9002, 9003, 9004),
        "ScheduleDownload": (9000, 9001, 9002, 9003, 9004, 9010, 9013),
        "CancelTransfer": (9000, 9001, 9021),
        "GetQueuedTransfers": (9000, 9001, 9002),
        "GetAllQueuedTransfers": (9000, 9001, 9002),
        "ChangeDUState": (9000, 9001, 9002, 9004),
    }.items()
}
"""Codes of the CWMP Fault by method; a method that is not here (deprecated, vendor's own) may use any."""
_PER_PARAMETER: Final = frozenset({9001, 9002, 9005, 9006, 9007, 9008})
_TRANSFER: Final = frozenset({0, 9001, 9002, 9010, 9011, 9012, *range(9014, 9021)})
_DEPLOYMENT: Final = frozenset({0, 9001, 9003, 9012, 9013, *range(9015, 9019), *range(9022, 9033)})
_STANDARD: Final = frozenset(range(9000, 9033))
_VENDOR: Final = range(9800, 9900)


@rule("fault-codes", verifies="cwmp.fault.codes")
def codes(view: View, report: Report) -> None:
    """A fault code is one that the standard gives for the method, or a vendor's own (9800 to 9899)."""
    asked = _asked(view)
    for turn in view.envelopes:
        message = turn.message
        if isinstance(message, m.Fault) and message.fault_code is not None:
            method = asked.get(turn.request.id, "")
            what = method or "any method"
            _judge(turn, "FaultCode", message.fault_code, _ALLOWED.get(method, _STANDARD), what, report)
            for each in message.parameter_faults:
                _judge(turn, "FaultCode", each.fault_code, _PER_PARAMETER, "one parameter", report)
        elif isinstance(message, m.TransferComplete | m.AutonomousTransferComplete):
            _judge(turn, "FaultCode", message.fault_struct.fault_code, _TRANSFER, "a transfer", report)
        elif isinstance(message, m.DUStateChangeComplete | m.AutonomousDUStateChangeComplete):
            for result in message.results:
                _judge(turn, "FaultCode", result.fault.fault_code, _DEPLOYMENT, "a deployment", report)


def _asked(view: View) -> dict[str, str]:
    """The method that each request of the device answers, where the bench called it rightly.

    A call that was wrong on purpose may be refused with any code of the standard.
    """
    asked: dict[str, str] = {}
    for session in view.sessions:
        method = ""
        for turn in session.turns:
            asked[turn.request.id] = method
            if not turn.costs_nothing:
                call = turn.bench_request
                method = name(call) if call is not None and turn.clean else ""
    return asked


def _judge(turn: Turn, where: str, code: int, allowed: frozenset[int], what: str, report: Report) -> None:
    known = ", ".join(map(str, sorted(allowed))) if allowed != _STANDARD else "9000 to 9032"
    report.check(
        code in allowed or code in _VENDOR,
        turn.request,
        expected=f"a fault code for {what}: {known}, or 9800 to 9899",
        observed=f"{code}",
        where=where,
    )
