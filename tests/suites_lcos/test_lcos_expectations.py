"""Accept-sets of the transfer, port and connection-request cases: what passes, what fails, what says nothing."""

from __future__ import annotations

import pytest

from harness.acs.connection_request import Outcome
from harness.bench import InformSeen
from harness.bench.doorbell import with_port
from harness.bench.sessions import Answer
from harness.cwmp.messages import (
    DeviceIdStruct,
    DownloadResponse,
    EventStruct,
    Fault,
    Inform,
    Message,
    ParameterInfoStruct,
)
from harness.verdict.verdict import Verdict
from suites.connection_request import Rung, refused
from suites.credentials import administrators
from suites.expectations import TransferOutcome, right_command_key, transfer_fetched, transfer_refused
from suites.periodic import gaps, periodic
from suites.port import advertised_port
from suites.robustness_messages import not_obeyed

M = "M Download"


def answer(message: Message | None = None, fault: Fault | None = None, *, lost: bool = False) -> Answer:
    return Answer(message, fault, lost, False, "")


def inform(started: float, ended: float, *events: str) -> InformSeen:
    device = DeviceIdStruct("Example", "0200C9", "Example", "1")
    told = tuple(EventStruct(event) for event in events)
    return InformSeen(Inform(device, told, 1, "", 0, ()), started, ended)


ACCEPTED = answer(DownloadResponse(1))
AT_ONCE = answer(DownloadResponse(0))


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (TransferOutcome(ACCEPTED, 0, 1), Verdict.PASS),
        (TransferOutcome(AT_ONCE, None, 1), Verdict.PASS),
        (TransferOutcome(ACCEPTED, None, 1), Verdict.FAIL),
        (TransferOutcome(ACCEPTED, 0, 0), Verdict.FAIL),
        (TransferOutcome(ACCEPTED, 9010, 1), Verdict.FAIL),
        (TransferOutcome(AT_ONCE, 9010, 1), Verdict.FAIL),
        (TransferOutcome(answer(fault=Fault(9001)), None, 0), Verdict.FAIL),
    ],
)
def test_a_transfer_that_took_place(outcome: TransferOutcome, verdict: Verdict) -> None:
    assert transfer_fetched().judge(outcome).verdict is verdict


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (TransferOutcome(answer(fault=Fault(9001)), None, 0), Verdict.PASS),
        (TransferOutcome(ACCEPTED, 9001, 0), Verdict.PASS),
        (TransferOutcome(answer(fault=Fault(9001)), None, 1), Verdict.FAIL),
        (TransferOutcome(answer(fault=Fault(9013)), None, 0), Verdict.FAIL),
        (TransferOutcome(ACCEPTED, None, 0), Verdict.FAIL),
        (TransferOutcome(answer(lost=True), None, 0), Verdict.INCONCLUSIVE),
    ],
)
def test_a_transfer_that_was_refused(outcome: TransferOutcome, verdict: Verdict) -> None:
    assert transfer_refused().judge(outcome).verdict is verdict


@pytest.mark.parametrize(
    ("reported", "events", "verdict"),
    [
        ("k", (("7 TRANSFER COMPLETE", ""), (M, "k")), Verdict.PASS),
        ("k", ((M, "older"), (M, "k")), Verdict.PASS),
        ("", ((M, "k"),), Verdict.FAIL),
        ("k", ((M, ""),), Verdict.FAIL),
        ("k", (("7 TRANSFER COMPLETE", "k"),), Verdict.FAIL),
    ],
)
def test_the_command_key_is_that_of_the_download(
    reported: str, events: tuple[tuple[str, str], ...], verdict: Verdict
) -> None:
    outcome = TransferOutcome(ACCEPTED, 0, 1, "k", reported, events)
    assert right_command_key().judge(outcome).verdict is verdict


def test_without_a_transfer_complete_the_key_cannot_be_judged() -> None:
    missing = TransferOutcome(ACCEPTED, None, 1, "k")
    assert right_command_key().judge(missing).verdict is Verdict.INCONCLUSIVE
    assert right_command_key().judge(TransferOutcome(AT_ONCE, None, 1, "k")).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("status", "sessions", "verdict"),
    [(401, 0, Verdict.PASS), (0, 0, Verdict.PASS), (401, 1, Verdict.FAIL), (200, 0, Verdict.FAIL)],
)
def test_a_refused_connection_request(status: int, sessions: int, verdict: Verdict) -> None:
    rung = Rung(Outcome(status), (inform(1, 2),) * sessions)
    assert refused().judge(rung).verdict is verdict


def test_the_event_after_boot_is_not_the_timer() -> None:
    timer, boot, other = inform(1, 2, "2 PERIODIC"), inform(3, 4, "1 BOOT", "2 PERIODIC"), inform(5, 6)
    assert periodic([timer, boot, other]) == [timer]
    after = inform(9, 10, "2 PERIODIC")
    # From the session that fits the interval best: the periodic one, or one for another reason since.
    assert gaps([timer, boot, other, after], 7) == [7]
    assert gaps([timer, boot, other, after], 3) == [3]
    assert gaps([timer, boot, other], 7) == []


@pytest.mark.parametrize(
    ("url", "port"),
    [("http://192.0.2.1:7547/x", 7547), ("http://[2001:db8::1]:1/", 1), ("http://a/", 80), ("", 0)],
)
def test_the_port_that_a_url_names(url: str, port: int) -> None:
    assert advertised_port(url) == port


def test_a_url_with_another_port() -> None:
    assert with_port("http://192.0.2.1:7547/x?y", 80) == "http://192.0.2.1:80/x?y"
    assert with_port("http://[2001:db8::1]/x", 80) == "http://[2001:db8::1]:80/x"


def test_the_parameters_of_administrators() -> None:
    names = (
        "Device.Users.User.1.Username",
        "Device.Users.User.1.Enable",
        "Device.Users.User.",
        "Device.ManagementServer.Username",
        "InternetGatewayDevice.LANConfigSecurity.ConfigPassword",
    )
    found = administrators(tuple(ParameterInfoStruct(name, True) for name in names))
    assert found == [names[0], names[4]]


def test_a_bad_message_is_not_obeyed() -> None:
    for fine in (answer(fault=Fault(9003)), answer(lost=True), Answer(None, None, False, True, "")):
        assert not_obeyed().judge(fine).verdict is Verdict.PASS
    assert not_obeyed().judge(ACCEPTED).verdict is Verdict.FAIL
    assert not_obeyed().judge(answer()).verdict is Verdict.FAIL
