"""The session's state machine, without I/O: what is sent after what was received."""

from __future__ import annotations

import pytest
from cpe_lab import ManualClock

from harness.cwmp import events, soap
from harness.cwmp import namespaces as ns
from harness.cwmp.messages import (
    Download,
    DownloadResponse,
    Envelope,
    Fault,
    GetParameterValues,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Header,
    Inform,
    InformResponse,
    Message,
    Reboot,
    SetParameterValuesResponse,
    TransferComplete,
    TransferCompleteResponse,
    UnknownHeader,
    UnknownMessage,
)
from reference_cpe.parts import Parts
from reference_cpe.session import Action, End, Post, Session
from reference_cpe.transfers import Kind


def sent(action: Action) -> Envelope:
    assert isinstance(action, Post), action
    return soap.decode(action.body)


def acs(message: Message, own_id: str | None = "1", namespace: str = ns.CWMP_1_2, **header: object) -> bytes:
    return soap.encode(Envelope(message, Header(id=own_id, **header), namespace))  # type: ignore[arg-type]


def informed(parts: Parts, **header: object) -> tuple[Session, Action]:
    """A session after InformResponse, and what it sends then."""
    session = Session(parts)
    session.start()
    return session, session.receive(200, acs(InformResponse(), **header))


def with_transfer(parts: Parts) -> None:
    """A finished transfer that waits to be reported."""
    parts.transfers.add(Kind.SCRIPT, "key", "http://files.test/x", ("", ""), 0)
    parts.transfers.pending()[0].done = True
    parts.events.add(events.TRANSFER_COMPLETE)
    parts.events.add(events.M_DOWNLOAD, "key", 1)


def test_inform_first(parts: Parts) -> None:
    parts.events.add(events.BOOT)
    envelope = sent(Session(parts).start())
    assert isinstance(envelope.message, Inform)
    assert [event.event_code for event in envelope.message.event] == ["1 BOOT"]
    assert envelope.message.max_envelopes == 1
    assert envelope.message.current_time == "2025-11-22T16:46:40Z"
    assert envelope.header.id
    assert envelope.header.supported_cwmp_versions == ("1.0", "1.1", "1.2", "1.3", "1.4")


def test_empty_post_then_end(parts: Parts) -> None:
    parts.events.add(events.BOOT)
    session, action = informed(parts)
    assert action == Post(b"")
    assert parts.events.entries == []
    assert session.receive(204, b"") == End(True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (204, b""),
        (200, b""),
        (500, b""),
        (404, b"<html/>"),
        (200, b"rubbish"),
        (200, b"<a/>"),
        (200, acs(InformResponse(), "other")),
        (200, acs(GetRPCMethods())),
        (200, acs(TransferCompleteResponse())),
        (200, acs(Fault(8003, "no"))),
        (200, acs(InformResponse(), use_cwmp_version="9.9")),
        (200, acs(InformResponse(), unknown=(UnknownHeader("urn:x", "Y", True),))),
        (200, b'<!DOCTYPE a [<!ENTITY b "c">]>' + acs(InformResponse()).partition(b"?>")[2]),
    ],
)
def test_what_is_no_answer_to_inform(parts: Parts, status: int, body: bytes) -> None:
    parts.events.add(events.BOOT)
    session = Session(parts)
    session.start()
    action = session.receive(status, body)
    assert isinstance(action, End)
    assert not action.successful
    assert not session.informed
    assert [entry.code for entry in parts.events.entries] == ["1 BOOT"]


def test_8005_asks_for_the_same_again(parts: Parts) -> None:
    session = Session(parts)
    first = session.start()
    assert session.receive(200, acs(Fault(8005, "again"))) == first
    assert session.receive(200, acs(InformResponse())) == Post(b"")


def test_8005_does_not_go_on_for_ever(parts: Parts) -> None:
    session = Session(parts)
    session.start()
    actions = [session.receive(200, acs(Fault(8005, "again"))) for _ in range(4)]
    assert isinstance(actions[-1], End)


@pytest.mark.parametrize("namespace", [ns.CWMP_1_0, ns.CWMP_1_1, ns.CWMP_1_2])
def test_namespace_follows_the_acs(parts: Parts, namespace: str) -> None:
    session, _ = informed(parts, namespace=namespace)
    answer = sent(session.receive(200, acs(GetRPCMethods(), "x", namespace)))
    assert answer.namespace == namespace


def test_transfer_complete_before_the_empty_post(parts: Parts) -> None:
    with_transfer(parts)
    session, action = informed(parts)
    report = sent(action)
    assert isinstance(report.message, TransferComplete)
    assert report.message.command_key == "key"
    assert len(parts.events.entries) == 2
    assert session.receive(200, acs(TransferCompleteResponse(), report.header.id)) == Post(b"")
    assert parts.events.entries == []
    assert parts.transfers.pending() == []


def test_hold_requests(parts: Parts) -> None:
    """Held: the empty POST goes first, answers go on, and the request follows when the ACS lets go."""
    with_transfer(parts)
    session, action = informed(parts, hold_requests=True)
    assert action == Post(b"")
    answer = session.receive(200, acs(GetRPCMethods(), "7", hold_requests=True))
    assert isinstance(sent(answer).message, GetRPCMethodsResponse)
    report = sent(session.receive(204, b""))
    assert isinstance(report.message, TransferComplete)
    assert session.receive(200, acs(TransferCompleteResponse(), report.header.id)) == Post(b"")
    assert session.receive(204, b"") == End(True)


def test_no_request_after_the_empty_post(parts: Parts) -> None:
    session, action = informed(parts)
    assert action == Post(b"")
    with_transfer(parts)
    session.receive(200, acs(GetRPCMethods(), "7"))
    assert session.receive(204, b"") == End(True)


def test_fault_to_transfer_complete_keeps_the_event(parts: Parts) -> None:
    with_transfer(parts)
    session, action = informed(parts)
    assert session.receive(200, acs(Fault(8002, "x"), sent(action).header.id)) == Post(b"")
    assert [entry.code for entry in parts.events.entries] == ["7 TRANSFER COMPLETE", "M Download"]


@pytest.mark.parametrize("own_id", ["x1", "<&>\"'", "ä" * 40, None])
def test_id_is_echoed(parts: Parts, own_id: str | None) -> None:
    session, _ = informed(parts)
    assert sent(session.receive(200, acs(GetRPCMethods(), own_id))).header.id == own_id


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (UnknownMessage(ns.CWMP_1_2, "X_NOSUCH"), 9000),
        (UnknownMessage("urn:other", "Thing"), 9000),
        (Inform.__new__(Inform), 9000),
        (GetParameterValues(("Device.Nope",)), 9005),
        (Download("", "9 Nonsense", "http://x.test/"), 9003),
        (Download("", "1 Firmware Upgrade Image", "gopher://x.test/"), 9013),
        (Download("", "1 Firmware Upgrade Image", "http://u:p@x.test/"), 9003),
        (Download("", "1 Firmware Upgrade Image", "http://[::x/"), 9003),
    ],
)
def test_faults_do_not_end_the_session(parts: Parts, message: Message, code: int) -> None:
    session, _ = informed(parts)
    if isinstance(message, Inform):
        message = parts.informer.message()
    fault = sent(session.receive(200, acs(message, "5"))).message
    assert isinstance(fault, Fault)
    assert (fault.fault_code, fault.soap_faultstring) == (code, "CWMP fault")
    assert isinstance(sent(session.receive(200, acs(GetRPCMethods(), "6"))).message, GetRPCMethodsResponse)


def test_must_understand(parts: Parts) -> None:
    session, _ = informed(parts)
    data = acs(Reboot("k"), "5", unknown=(UnknownHeader("urn:x", "Y", True),))
    fault = sent(session.receive(200, data)).message
    assert isinstance(fault, Fault)
    assert fault.soap_faultcode == "MustUnderstand"
    assert parts.after_session.reboot_keys == []
    data = acs(Reboot("k"), "5", unknown=(UnknownHeader("urn:x", "Y", False),))
    sent(session.receive(200, data))
    assert parts.after_session.reboot_keys == ["k"]


@pytest.mark.parametrize("message", [SetParameterValuesResponse(0), Fault(8003, "x"), InformResponse()])
def test_answers_nobody_asked_for_end_it(parts: Parts, message: Message) -> None:
    session, _ = informed(parts)
    action = session.receive(200, acs(message, "5"))
    assert isinstance(action, End)
    assert not action.successful
    assert session.informed


def test_missing_argument_is_9003(parts: Parts) -> None:
    session, _ = informed(parts)
    data = acs(Reboot("k"), "5").replace(b"<CommandKey>k</CommandKey>", b"")
    fault = sent(session.receive(200, data)).message
    assert isinstance(fault, Fault)
    assert fault.fault_code == 9003
    assert parts.after_session.reboot_keys == []


def test_two_bodies_are_not_executed(parts: Parts) -> None:
    session, _ = informed(parts)
    data = acs(Reboot("k"), "5").replace(b"</cwmp:Reboot>", b"</cwmp:Reboot><cwmp:Reboot/>")
    assert isinstance(session.receive(200, data), End)
    assert parts.after_session.reboot_keys == []


def test_a_broken_handler_is_9002(parts: Parts) -> None:
    def explode(_parts: Parts, _message: object) -> Message:
        raise ZeroDivisionError

    parts.rpc["GetRPCMethods"] = explode
    session, _ = informed(parts)
    fault = sent(session.receive(200, acs(GetRPCMethods(), "5"))).message
    assert isinstance(fault, Fault)
    assert fault.fault_code == 9002


def test_delayed_download_waits(parts: Parts, clock: ManualClock) -> None:
    session, _ = informed(parts)
    message = Download("k", "3 Vendor Configuration File", "http://files.test/a", delay_seconds=30)
    assert isinstance(sent(session.receive(200, acs(message, "5"))).message, DownloadResponse)
    parts.transfers.start_due()
    assert clock.next_timer() == 30.0
