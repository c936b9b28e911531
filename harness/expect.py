"""Accept-sets: what a case may observe, each with the reason why it is right.

An `Allowed` says in words what is expected and judges what was observed. It is strict unless told
otherwise, and it can answer "inconclusive": the evidence does not carry a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from harness.verdict.transcript import Closed, Connection
from harness.verdict.verdict import Verdict

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an accept-set says of an observation: pass, fail or inconclusive; warn for what is tolerated and should not be."""

    verdict: Verdict
    observed: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Allowed(Generic[T_contra]):
    """What is allowed, in words, and the function that judges an observation."""

    expected: str
    judge: Callable[[T_contra], Judgement]


def passed(observed: str, reason: str = "") -> Judgement:
    return Judgement(Verdict.PASS, observed, reason)


def failed(observed: str, reason: str = "") -> Judgement:
    return Judgement(Verdict.FAIL, observed, reason)


def undecided(observed: str, reason: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, observed, reason)


def that(expected: str, holds: Callable[[Any], bool], show: Callable[[Any], str] = str) -> Allowed[Any]:
    """Anything for which *holds* is true; *show* puts an observation into words."""
    return Allowed(expected, lambda seen: passed(show(seen)) if holds(seen) else failed(show(seen)))


def equal(value: T, because: str = "") -> Allowed[T]:
    """Exactly *value*."""
    wanted = f"{value}" + (f" ({because})" if because else "")
    return Allowed(wanted, lambda seen: passed(f"{seen}") if seen == value else failed(f"{seen}"))


def one_of(values: Collection[T], because: str = "") -> Allowed[T]:
    """One of *values*."""
    wanted = "one of " + ", ".join(map(str, values)) + (f" ({because})" if because else "")
    return Allowed(wanted, lambda seen: passed(f"{seen}") if seen in values else failed(f"{seen}"))


def between(low: float, high: float, unit: str = "s") -> Allowed[float]:
    """A number from *low* to *high*, both included."""
    return Allowed(
        f"{low:g} to {high:g} {unit}",
        lambda seen: (passed if low <= seen <= high else failed)(f"{seen:.3f} {unit}"),
    )


def nothing(what: str) -> Allowed[Collection[object]]:
    """An empty collection: no *what* was seen."""
    return Allowed(
        f"no {what}",
        lambda seen: (
            failed(f"{len(seen)} {what}: " + "; ".join(map(str, list(seen)[:5])))
            if seen
            else passed(f"no {what}")
        ),
    )


def describe_attempt(connection: Connection) -> str:
    """A TLS connection in one line, as a person would tell it."""
    tls = connection.tls
    parts = [
        f"{connection.bytes_from_device()} application bytes from the device",
        f"connection {connection.closed}",
    ]
    if tls is not None:
        parts.append("certificate sent" if tls.certificate_sent else "certificate not sent")
        parts.append("handshake completed" if tls.handshake_done else "handshake not completed")
        parts.append(f"alert {tls.alert_received}" if tls.alert_received else "no alert from the device")
        if tls.version:
            parts.append(tls.version)
    return ", ".join(parts)


_ENDED_BY_DEVICE = (Closed.BY_DEVICE, Closed.BY_DEVICE_RESET)


def judge_rejection(connection: Connection | None) -> Judgement:
    """Judge whether the device rejected the certificate it was shown on *connection*.

    Rejected is: the intended certificate was really sent, no application byte came, and the device ended the
    connection (an alert, FIN or RST). The alert's kind is recorded, never required. A certificate that did not
    reach the device makes it inconclusive, because then nothing was rejected.
    """
    if connection is None:
        return undecided("the device opened no connection", "nothing was there to reject")
    seen = describe_attempt(connection)
    if connection.bytes_from_device():
        return failed(seen, "the device talked to a server that it had to reject")
    if connection.tls is None or not connection.tls.certificate_sent:
        return undecided(seen, "the intended certificate did not reach the device")
    if connection.tls.alert_received or connection.closed in _ENDED_BY_DEVICE:
        return passed(seen)
    return failed(seen, "the device neither ended the connection nor used it")


def rejected_silently() -> Allowed[Connection | None]:
    """The device ends the connection without one application byte."""
    return Allowed("the device ends the connection and sends no application byte", judge_rejection)
