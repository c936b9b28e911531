"""Benign variants at the limits of what is allowed: settings refused, times at an edge, refusals in other words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.cwmp import events
from harness.cwmp.messages import Inform, Message
from reference_cpe.defects.registry import VARIANTS, rewire, variant
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts
from reference_cpe.retry import interval
from reference_cpe.rpc import PROFILES
from reference_cpe.settings import Refused
from reference_cpe.transfers import Kind, Transfer

EDGE = 0.08
"""How far into the interval a retry at its edge may come."""
LEAST = 30
"""The shortest periodic interval, in seconds, of a device that knows one."""
PATIENCE = 110
"""Seconds for an answer of the ACS; TR-069 3.4.2 wants 30 at least."""


def _setting(parts: Parts, key: str, alter: Callable[[Any], Any]) -> None:
    original = parts.settings.check
    rewire(parts.settings, check=lambda name, value: original(name, alter(value) if name == key else value))


@variant("interval-refused-below-30")
def interval_refused_below_30(parts: Parts) -> None:
    """Periodic intervals below 30 s are refused visibly (LCOS names no minimum; decision A-24)."""

    def judge(value: Any) -> Any:
        if isinstance(value, int) and value < LEAST:
            raise Refused(f"at least {LEAST} s")
        return value

    _setting(parts, "periodic_inform_interval", judge)


@variant("interval-raised-to-30")
def interval_raised_to_30(parts: Parts) -> None:
    """Periodic intervals below 30 s are taken for 30 s, and read so (decision A-24)."""
    _setting(
        parts,
        "periodic_inform_interval",
        lambda value: LEAST if isinstance(value, int) and 0 < value < LEAST else value,
    )


@variant("source-of-16-characters")
def source_of_16_characters(parts: Parts) -> None:
    """The source address has 16 characters at most, as in LCOS's MIB: no IPv6 address fits."""

    def judge(value: Any) -> Any:
        if isinstance(value, str) and len(value) > 16:
            raise Refused("longer than 16 characters")
        return value

    _setting(parts, "source_address", judge)


@variant("retries-late")
def retries_late(parts: Parts) -> None:
    """Retries come at the end of their interval (TR-069 3.2.1.1)."""

    def wait(minimum: int, multiplier: int) -> float:
        low, high = interval(max(1, parts.retry.count), minimum, multiplier)
        return high - parts.random.uniform(0, EDGE) * (high - low)

    rewire(parts.retry, wait=wait)


@variant("patient")
def patient(parts: Parts) -> None:
    """The device waits 110 s for an answer of the ACS (TR-069 3.4.2: 30 s at least)."""
    parts.response_time = PATIENCE


@variant("interval-from-periodic-sessions")
def interval_from_periodic_sessions(parts: Parts) -> None:
    """Only periodic sessions start the interval anew; others leave it alone (decision A-08)."""
    message, ended = parts.informer.message, parts.timers.session_ended
    told: list[str] = []

    def noted() -> Inform:
        inform = message()
        told[:] = [event.event_code for event in inform.event]
        return inform

    def session_ended(successful: bool) -> None:
        if events.PERIODIC in told or parts.timers.due("periodic") is None:
            ended(successful)

    rewire(parts.informer, message=noted)
    rewire(parts.timers, session_ended=session_ended)


@variant("transfer-refused-late")
def transfer_refused_late(parts: Parts) -> None:
    """A Download that a switch forbids is taken and then reported as refused, nothing fetched (decision A-25)."""
    permitted, carry_out = parts.transfers.permitted, parts.transfers.carry_out

    def everything(_kind: Kind) -> bool:
        return True

    async def refused(transfer: Transfer) -> Any:
        if not permitted(Kind(transfer.kind)):
            raise CwmpFault(9001, "Request denied")
        return await carry_out(transfer)

    rewire(parts.transfers, permitted=everything, carry_out=refused)


@variant("refused-in-own-words")
def refused_in_own_words(parts: Parts) -> None:
    """What a switch forbids is refused with a fault of the vendor's own (TR-069 A.5.1: 9800 to 9899)."""
    download, set_values = parts.rpc["Download"], parts.rpc["SetParameterValues"]

    def worded(handler: Callable[[Parts, Any], Message]) -> Callable[[Parts, Any], Message]:
        def handle(parts: Parts, message: Any) -> Message:
            try:
                return handler(parts, message)
            except CwmpFault as fault:
                forbidden = fault.code == 9001 or (
                    not parts.permissions.change_credentials()
                    and any("ConnectionRequest" in one.parameter_name for one in fault.parameters)
                )
                raise CwmpFault(9800, "forbidden by the operator") if forbidden else fault from None

        return handle

    parts.rpc.update(Download=worded(download), SetParameterValues=worded(set_values))


@variant("several-oddities")
def several_oddities(parts: Parts) -> None:
    """LANCOM's RPCs alone, CWMP 1.0, TR-098, TLS 1.2, chunks, one-time nonces, Status 1, sessions of its own."""
    for name in set(parts.rpc) - set(PROFILES["lancom"]):
        del parts.rpc[name]
    for name in (
        *("gateway-data-model", "cwmp-1-0-only", "chunked-requests", "boolean-digits", "status-1"),
        *("tls-1-2-only", "refuses-without-alert", "nonce-for-each-request", "listener-closes"),
        *("extra-sessions", "short-lived-connections"),
    ):
        VARIANTS[name].apply(parts)
