"""Accept-sets: which observation passes, fails, or says nothing."""

from __future__ import annotations

import pytest

from harness.expect import between, equal, judge_rejection, nothing, one_of
from harness.verdict.transcript import Chunk, Closed, Connection, Direction, Role, TlsRecord
from harness.verdict.verdict import Verdict


def attempt(
    *,
    sent: bool = True,
    data: bytes = b"",
    closed: Closed = Closed.BY_DEVICE,
    alert: str = "",
    tls: bool = True,
) -> Connection:
    """A TLS connection of a device to the ACS."""
    chunks = [Chunk(0.0, 0.0, Direction.FROM_DEVICE, data)] if data else []
    record = TlsRecord(certificate_sent=sent, alert_received=alert) if tls else None
    return Connection(
        "c1",
        Role.ACS,
        "acs-https",
        ("192.0.2.1", 1),
        ("192.0.2.2", 443),
        0.0,
        0.0,
        closed,
        tls=record,
        chunks=chunks,
    )


@pytest.mark.parametrize(
    ("connection", "verdict"),
    [
        (attempt(), Verdict.PASS),
        (attempt(closed=Closed.BY_DEVICE_RESET), Verdict.PASS),
        (attempt(closed=Closed.OPEN, alert="unknown_ca"), Verdict.PASS),
        (attempt(data=b"POST / HTTP/1.1"), Verdict.FAIL),
        (attempt(data=b"P", alert="bad_certificate"), Verdict.FAIL),
        (attempt(closed=Closed.OPEN), Verdict.FAIL),
        (attempt(closed=Closed.BY_BENCH), Verdict.FAIL),
        (attempt(sent=False), Verdict.INCONCLUSIVE),
        (attempt(tls=False), Verdict.INCONCLUSIVE),
        (None, Verdict.INCONCLUSIVE),
    ],
)
def test_a_rejection_needs_the_certificate_no_byte_and_an_end_by_the_device(
    connection: Connection | None, verdict: Verdict
) -> None:
    assert judge_rejection(connection).verdict is verdict


@pytest.mark.parametrize(
    ("allowed", "good", "bad"),
    [
        (equal(3), 3, 4),
        (one_of((200, 204)), 204, 401),
        (between(1, 2), 2.0, 2.001),
        (nothing("byte"), [], ["a"]),
    ],
)
def test_accept_sets(allowed, good, bad) -> None:  # type: ignore[no-untyped-def]
    assert allowed.judge(good).verdict is Verdict.PASS
    assert allowed.judge(bad).verdict is Verdict.FAIL
