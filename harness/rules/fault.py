"""Wire rules of CWMP faults: which code may answer which method (TR-069 A.3.1, A.5; cwmp-1-2.xsd)."""

from __future__ import annotations

from typing import Final

from harness.cwmp import faults
from harness.cwmp import messages as m
from harness.rules.rule import Report, rule
from harness.rules.view import Turn, View, name

_STANDARD: Final = frozenset(faults.CPE_FAULTS)
_SUCCESS: Final = frozenset({faults.SUCCESS})


def _allowed(method: str) -> frozenset[int]:
    """Codes of the CWMP Fault by method; one that the table does not know (a vendor's own) may use any."""
    return faults.allowed_answers(method) if method in faults.RPCS else _STANDARD


@rule("fault-codes", verifies="cwmp.fault.codes")
def codes(view: View, report: Report) -> None:
    """A fault code is one that the standard gives for the method, or a vendor's own (9800 to 9899).

    9000 fits every method that the device has not said it has: settings may leave out what the standard requires (LCOS does).
    """
    asked, listed = _asked(view), _listed(view)
    for turn in view.envelopes:
        message = turn.message
        if isinstance(message, m.Fault) and message.fault_code is not None:
            method = asked.get(turn.request.id, "")
            what = method or "any method"
            missing = frozenset({faults.METHOD_NOT_SUPPORTED} if method not in listed else ())
            _judge(turn, "FaultCode", message.fault_code, _allowed(method) | missing, what, report)
            for each in message.parameter_faults:
                _judge(turn, "FaultCode", each.fault_code, faults.PARAMETER_CODES, "one parameter", report)
        elif isinstance(message, m.TransferComplete | m.AutonomousTransferComplete):
            _judge(
                turn,
                "FaultCode",
                message.fault_struct.fault_code,
                _SUCCESS | faults.TRANSFER_CODES,
                "a transfer",
                report,
            )
        elif isinstance(message, m.DUStateChangeComplete | m.AutonomousDUStateChangeComplete):
            for result in message.results:
                _judge(
                    turn,
                    "FaultCode",
                    result.fault.fault_code,
                    _SUCCESS | faults.DU_CODES,
                    "a deployment",
                    report,
                )


def _listed(view: View) -> set[str]:
    """The methods that the device says it has."""
    return {
        method
        for turn in view.envelopes
        if isinstance(turn.message, m.GetRPCMethodsResponse)
        for method in turn.message.method_list
    }


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
                call = turn.bench_request if turn.clean else None
                method = name(call) if call is not None else ""
    return asked


def _judge(turn: Turn, where: str, code: int, allowed: frozenset[int], what: str, report: Report) -> None:
    known = ", ".join(map(str, sorted(allowed))) if allowed != _STANDARD else "9000 to 9032"
    report.check(
        code in allowed or code in faults.CPE_VENDOR,
        turn.request,
        expected=f"a fault code for {what}: {known}, or 9800 to 9899",
        observed=f"{code}",
        where=where,
    )
