"""Whole sessions, driven by a minimal CPE: claimed, unclaimed, broken, and with HTTP authentication."""

from __future__ import annotations

import asyncio
import math

import pytest
from minimal_cpe import INFORM, WHO, Cpe, answer_rpcs, envelope, opened

from harness.acs.acs import Acs, Basic, Cookie, Digest, NoSession, SessionOver, Timing
from harness.cwmp import messages as m
from harness.lab.recorder import Recorder
from harness.lab.wire import CutFin, CutReset, Reply, Send

TRANSFER = m.TransferComplete("key", m.FaultStruct(0), m.UNKNOWN_TIME, m.UNKNOWN_TIME)


def methods(_request: m.Message) -> m.Message:
    return m.GetRPCMethodsResponse(("GetRPCMethods",))


async def test_unclaimed_session_is_served_recorded_and_told(acs: Acs, cpe: Cpe, recorder: Recorder) -> None:
    told: list[str] = []
    acs.on_session(lambda session: told.append(session.inform.device_id.serial_number))
    assert await answer_rpcs(cpe, methods) == []
    (session,) = acs.sessions
    assert session.inform == INFORM
    assert told == ["S1"]
    transcript = recorder.take()
    (record,) = transcript.sessions
    assert (record.ended, record.claimed_by) == ("complete", "")
    exchanges = list(transcript.exchanges(record))
    assert [(e.request.body != b"", e.response and e.response.status) for e in exchanges] == [
        (True, 200),
        (False, 204),
    ]
    assert all(message.at_first == 7.0 for message in transcript.connections[0].messages)


async def test_claimed_session_is_led_by_the_case(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("periodic", matches=lambda inform: inform.device_id == WHO)
    device = asyncio.create_task(answer_rpcs(cpe, methods))
    session = await claim.started(5)
    answer = await session.call(m.GetRPCMethods())
    assert answer.message == m.GetRPCMethodsResponse(("GetRPCMethods",))
    assert (answer.problems, answer.lost, answer.fault) == ((), False, None)
    assert answer.http is not None
    record = await session.finish()
    assert (record.ended, record.claimed_by) == ("complete", "periodic")
    assert await device == [m.GetRPCMethods()]
    with pytest.raises(SessionOver):
        await session.call(m.GetRPCMethods())


async def test_cpe_requests_are_answered_and_kept(acs: Acs, cpe: Cpe) -> None:
    session_started = acs.claim("transfer")
    await cpe.post(envelope(INFORM))
    session = await session_started.started(5)
    replies = []
    for message in (
        TRANSFER,
        m.GetRPCMethods(),
        m.RequestDownload("1 Firmware Upgrade Image"),
        m.Kicked("c", "r", "a", "n"),
    ):
        status, _, body = await cpe.post(envelope(message, "77"))
        replies.append((status, opened(body).header.id, type(opened(body).message).__name__))
    assert replies == [
        (200, "77", "TransferCompleteResponse"),
        (200, "77", "GetRPCMethodsResponse"),
        (200, "77", "RequestDownloadResponse"),
        (200, "77", "KickedResponse"),
    ]
    _, _, body = await cpe.post(envelope(m.UnknownMessage("urn:dslforum-org:cwmp-1-2", "X_000000_Odd")))
    fault = opened(body).message
    assert isinstance(fault, m.Fault)
    assert fault.fault_code == 8000
    ending = asyncio.create_task(session.finish())
    assert (await cpe.post(b""))[0] == 204
    assert (await ending).ended == "complete"
    assert session.requests[0] == TRANSFER


async def test_hold_requests_is_set_from_the_inform_response_on(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("held", hold=True)
    _, _, body = await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    assert opened(body).header.hold_requests is True
    call = asyncio.create_task(session.call(m.GetRPCMethods()))
    _, _, body = await cpe.post(b"")
    assert opened(body).header.hold_requests is True
    session.hold = False
    post = asyncio.create_task(cpe.post(envelope(methods(m.GetRPCMethods()), opened(body).header.id)))
    assert (await call).message is not None
    again = asyncio.create_task(session.call(m.GetRPCMethods()))
    _, _, body = await post
    assert opened(body).header.hold_requests is None
    post = asyncio.create_task(cpe.post(envelope(methods(m.GetRPCMethods()), opened(body).header.id)))
    await again
    ending = asyncio.create_task(session.finish())
    assert (await post)[0] == 204
    # The CPE has never had the chance to say that it has nothing to ask, so the session goes on.
    assert not session.ended.is_set()
    assert (await cpe.post(b""))[0] == 204
    assert (await ending).ended == "complete"


async def test_fault_id_and_type_of_an_answer_are_reported(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("faults")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    sent = (
        envelope(m.Fault(9005, "Invalid Parameter Name"), "a-1"),
        envelope(m.RebootResponse(), "wrong"),
        b"<not xml",
        b"",
    )
    post = asyncio.create_task(cpe.post(b""))
    answers = []
    for body in sent:
        call = asyncio.create_task(session.call(m.GetParameterValues(("X.",)), id="a-1"))
        status, _, request = await post
        assert (status, opened(request).header.id) == (200, "a-1")
        post = asyncio.create_task(cpe.post(body))
        answers.append(await call)
    fault, other, garbage, empty = answers
    assert fault.fault is not None
    assert (fault.fault.fault_code, fault.message, fault.problems) == (9005, None, ())
    assert other.message == m.RebootResponse()
    assert any("'wrong'" in text for text in other.problems)
    assert any("expected GetParameterValuesResponse" in text for text in other.problems)
    assert (garbage.message, garbage.fault, garbage.reason) == (None, None, "the answer cannot be read")
    assert garbage.problems
    assert empty.reason == "an empty POST in place of the answer"
    assert not any(answer.lost for answer in answers)
    assert (await session.finish()).ended == "complete"
    assert (await post)[0] == 204


async def test_raw_bodies_and_raw_replies_are_sent_as_they_are(
    acs: Acs, cpe: Cpe, recorder: Recorder
) -> None:
    claim = acs.claim("raw")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    call = asyncio.create_task(session.call(None, raw=b"<broken"))
    assert (await cpe.post(b""))[2] == b"<broken"
    post = asyncio.create_task(cpe.post(envelope(m.Fault(9003, "no"), None)))
    answer = await call
    assert answer.fault is not None
    call = asyncio.create_task(session.reply(Reply(503, close=True, note="busy")))
    assert (await post)[0] == 503
    await cpe.close()
    post = asyncio.create_task(cpe.post(b""))
    assert (await call).reason == "an empty POST in place of the answer"
    await session.finish()
    await post
    transcript = recorder.take()
    exchanges = list(transcript.exchanges(transcript.sessions[0]))
    assert [e.response and e.response.note for e in exchanges] == ["", "raw body", "busy", ""]
    assert len({e.request.connection for e in exchanges}) == 2


async def test_session_goes_on_over_a_new_connection_by_its_cookie(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("moving")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    await cpe.close()
    post = asyncio.create_task(cpe.post(b""))
    call = asyncio.create_task(session.call(m.GetRPCMethods()))
    _, _, body = await post
    await cpe.close()
    post = asyncio.create_task(cpe.post(envelope(methods(m.GetRPCMethods()), opened(body).header.id)))
    assert (await call).message is not None
    assert (await session.finish()).ended == "complete"
    await post


async def test_without_cookies_the_connection_ties_the_session(acs: Acs, cpe: Cpe) -> None:
    acs.cookies = ()
    assert await answer_rpcs(cpe, methods) == []
    assert cpe.cookies == {}
    assert acs.sessions[0].record.ended == "complete"


async def test_several_cookies_are_set_and_the_token_is_found_among_them(acs: Acs, cpe: Cpe) -> None:
    acs.cookies = (Cookie("a", "1"), Cookie("sid"), Cookie("b", "2", ""))
    claim = acs.claim("cookies")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    assert cpe.cookies == {"a": "1", "sid": session.token, "b": "2"}
    await cpe.close()
    ending = asyncio.create_task(session.finish())
    assert (await cpe.post(b""))[0] == 204
    assert (await ending).ended == "complete"


async def test_device_that_vanishes_while_waiting_loses_the_session(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("vanishing")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    post = asyncio.create_task(cpe.post(b""))
    await asyncio.wait_for(session._turn.wait(), 5)
    post.cancel()
    await cpe.close()
    await asyncio.wait_for(session.ended.wait(), 5)
    answer = await session.call(m.GetRPCMethods())
    assert (answer.lost, answer.reason) == (
        True,
        "the CPE ended the connection while it was waiting for the ACS",
    )
    assert (await session.finish()).ended == "aborted-by-device"


@pytest.mark.parametrize("before", [True, False])
async def test_session_that_the_bench_cuts_off_with_the_device_is_not_the_devices_doing(
    acs: Acs, cpe: Cpe, before: bool
) -> None:
    stopped = [-math.inf if before else math.inf]
    acs.interrupted_at = lambda: stopped[0]
    claim = acs.claim("cut off")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    stopped[0] = session.record.started_real + (-0.01 if before else 0.01)
    post = asyncio.create_task(cpe.post(b""))
    await asyncio.wait_for(session._turn.wait(), 5)
    post.cancel()
    await cpe.close()
    await asyncio.wait_for(session.ended.wait(), 5)
    assert session.record.ended == ("aborted-by-device" if before else "aborted-by-bench")


async def test_device_that_vanishes_owing_an_answer_loses_the_session(acs: Acs, cpe: Cpe) -> None:
    acs.timing = Timing(after_device_closed=0.01)
    claim = acs.claim("vanishing")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    call = asyncio.create_task(session.call(m.Reboot("k")))
    await cpe.post(b"")
    await cpe.close()
    answer = await asyncio.wait_for(call, 5)
    assert (answer.lost, answer.reason, session.record.ended) == (
        True,
        "the CPE ended the connection",
        "aborted-by-device",
    )


async def test_device_that_says_nothing_loses_the_session_at_the_timeout(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("silent")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    answer = await session.call(m.Reboot("k"), timeout_s=0.05)
    assert answer.lost
    assert "did not give the ACS its turn" in answer.reason
    assert session.record.ended == "aborted-by-bench"
    claim = acs.claim("silent later")
    await cpe.close()
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    call = asyncio.create_task(session.call(m.Reboot("k"), timeout_s=0.2))
    await cpe.post(b"")
    assert (await call).reason == "no answer within 0.2 s"


async def test_watchdog_ends_the_session_of_a_sleeping_case(acs: Acs, cpe: Cpe) -> None:
    acs.timing = Timing(watchdog=0.05)
    claim = acs.claim("sleeping")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    assert (await cpe.post(b""))[0] == 204
    with pytest.raises(SessionOver, match="watchdog"):
        await session.call(m.GetRPCMethods())
    assert session.record.ended == "complete"


async def test_reset_lets_go_what_a_case_has_left_open(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("left open")
    acs.auth = Digest("me", "secret")
    acs.redirect("/x", "http://127.0.0.1/")
    acs.reset()
    assert (acs.auth, claim.future.cancelled()) == (None, True)
    claim = acs.claim("left open")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    acs.reset()
    assert (await cpe.post(b""))[0] == 204
    assert session.record.ended == "complete"
    claim = acs.claim("waiting")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    post = asyncio.create_task(cpe.post(b""))
    await asyncio.wait_for(session._turn.wait(), 5)
    acs.reset()
    assert (await post)[0] == 204


async def test_new_session_of_the_same_device_ends_the_old_one(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("first")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    call = asyncio.create_task(session.call(m.GetRPCMethods()))
    second = Cpe(cpe.port)
    assert await answer_rpcs(second, methods) == []
    await second.close()
    assert (await call).reason == "the CPE started another session"
    assert [s.record.ended for s in acs.sessions] == ["aborted-by-device", "complete"]


async def test_claims_match_time_out_and_are_withdrawn(acs: Acs, cpe: Cpe) -> None:
    boot = acs.claim("boot", matches=lambda inform: inform.event[0].event_code == "1 BOOT")
    any_one = acs.claim("any")
    gone = acs.claim("withdrawn")
    gone.withdraw()
    device = asyncio.create_task(answer_rpcs(cpe, methods))
    session = await any_one.started(5)
    await session.finish()
    await device
    with pytest.raises(NoSession, match="boot"):
        await boot.started(0.01)
    assert await answer_rpcs(cpe, methods) == []
    assert [s.record.claimed_by for s in acs.sessions] == ["any", ""]


async def test_inform_can_be_answered_wrongly_and_retried_in_the_session(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim(
        "retry", inform_reply=Reply(200, body=envelope(m.Fault(8005, "Retry request")), note="8005")
    )
    status, _, body = await cpe.post(envelope(INFORM))
    assert isinstance(opened(body).message, m.Fault)
    session = await claim.started(5)
    ending = asyncio.create_task(session.finish())
    assert await answer_rpcs(cpe, methods) == []
    assert (await ending).ended == "complete"
    assert status == 200
    assert len(acs.sessions) == 1


async def test_inform_reply_may_cut_the_connection(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("cut", inform_reply=Reply(program=(Send(b"HTTP/1.1 200 OK\r\nConte"), CutReset())))
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    await cpe.close()
    assert await answer_rpcs(Cpe(cpe.port), methods) == []
    assert session.record.ended == "aborted-by-device"
    program = Reply(program=(CutFin(),))
    acs.claim("cut at once", inform_reply=program)
    with pytest.raises(asyncio.IncompleteReadError):
        await cpe.post(envelope(INFORM))


async def test_redirect_precedes_the_session_that_follows(acs: Acs, cpe: Cpe, recorder: Recorder) -> None:
    acs.redirect("/old", acs.url("http", path="/new"), 307)
    status, headers, _ = await cpe.post(envelope(INFORM), path="/old")
    assert (status, headers["location"]) == (307, f"http://127.0.0.1:{cpe.port}/new")
    await cpe.close()
    assert await answer_rpcs(cpe, methods) == []
    transcript = recorder.take()
    (record,) = transcript.sessions
    statuses = [e.response and e.response.status for e in transcript.exchanges(record)]
    assert statuses == [307, 200, 204]


async def test_session_belongs_to_the_book_in_which_it_started(
    acs: Acs, cpe: Cpe, recorder: Recorder
) -> None:
    await answer_rpcs(cpe, methods)
    first = recorder.take()
    await cpe.post(envelope(INFORM))
    await cpe.close()
    second = recorder.take()
    assert (await cpe.post(b""))[0] == 204
    books = (first, second, recorder.take())
    assert [len(book.sessions) for book in books] == [1, 1, 0]
    for book in books:
        for record in book.sessions:
            assert [e.response and e.response.status for e in book.exchanges(record)] == [200, 204]


async def test_post_after_the_end_is_counted_to_its_session(acs: Acs, cpe: Cpe, recorder: Recorder) -> None:
    await answer_rpcs(cpe, methods)
    assert (await cpe.post(b""))[0] == 204
    assert (await cpe.post(envelope(m.RebootResponse())))[0] == 400
    transcript = recorder.take()
    assert len(list(transcript.exchanges(transcript.sessions[0]))) == 4


@pytest.mark.parametrize(("offered", "expected"), [(("1.0", "1.4", "1.7"), "1.4"), (None, None)])
async def test_version_is_agreed(
    acs: Acs, cpe: Cpe, offered: tuple[str, ...] | None, expected: str | None
) -> None:
    _, _, body = await cpe.post(envelope(INFORM, supported_cwmp_versions=offered))
    assert opened(body).header.use_cwmp_version == expected
    assert opened(body).namespace == "urn:dslforum-org:cwmp-1-2"


async def test_no_common_version_is_fault_8006(acs: Acs, cpe: Cpe) -> None:
    _, _, body = await cpe.post(envelope(INFORM, supported_cwmp_versions=("1.9",)))
    fault = opened(body).message
    assert isinstance(fault, m.Fault)
    assert fault.fault_code == 8006
    assert acs.sessions[0].record.ended == "aborted-by-bench"


@pytest.mark.parametrize(
    "scheme",
    [
        Digest("me", "secret"),
        Digest("me", "secret", algorithm="MD5-sess"),
        Digest("me", "secret", algorithm=None, qop=()),
    ],
)
async def test_digest_is_asked_once_and_the_challenge_belongs_to_the_session(
    acs: Acs, cpe: Cpe, recorder: Recorder, scheme: Digest
) -> None:
    acs.auth = scheme
    cpe.credentials = ("me", "secret")
    assert await answer_rpcs(cpe, methods) == []
    transcript = recorder.take()
    (record,) = transcript.sessions
    assert [e.response and e.response.status for e in transcript.exchanges(record)] == [401, 200, 204]


@pytest.mark.parametrize("scheme", [Digest("me", "secret"), Basic("me", "secret")])
async def test_wrong_password_starts_no_session(acs: Acs, cpe: Cpe, scheme: Digest | Basic) -> None:
    acs.auth = scheme
    cpe.credentials = ("me", "wrong") if isinstance(scheme, Digest) else ("", "")
    assert (await cpe.post(envelope(INFORM)))[0] == 401
    assert acs.sessions == []


async def test_nonce_that_was_never_given_is_stale(acs: Acs, cpe: Cpe) -> None:
    acs.auth = Digest("me", "secret")
    cpe.credentials = ("me", "secret")
    cpe._learn('realm="cpecheck", nonce="old", qop="auth", algorithm=MD5', "/cwmp")
    status, headers, _ = await cpe.send(envelope(INFORM))
    assert (status, "stale=true" in headers["www-authenticate"]) == (401, True)
    assert await answer_rpcs(cpe, methods) == []
