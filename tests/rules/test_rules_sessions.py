"""The rules of sessions, events, authentication and connection requests over dialogues of their own."""

from __future__ import annotations

import re

import pytest
from wire_talk import (
    BOOT,
    CHALLENGE,
    GET_METHODS,
    GET_METHODS_RESPONSE,
    GET_VALUES,
    GET_VALUES_RESPONSE,
    INFORM_RESPONSE,
    PARAMETERS,
    SET_FAULT,
    TRANSFER_COMPLETE,
    TRANSFER_COMPLETE_RESPONSE,
    Talk,
    broken,
    digest,
    inform,
    start,
)

from harness.verdict.transcript import Closed, Direction, Role, Transcript

# --- sessions -----------------------------------------------------------------------------------------


def test_a_second_inform() -> None:
    assert broken(start().device(BOOT).bench(INFORM_RESPONSE).device().bench().end().transcript) == {
        "one-inform"
    }


def test_a_second_inform_that_the_acs_took_for_a_new_session() -> None:
    talk = (
        start().end("aborted-by-device").session().device(BOOT).bench(INFORM_RESPONSE).device().bench().end()
    )
    assert "one-inform" in broken(talk.transcript)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 302, "body": ""},
        {"status": 503, "body": ""},
        {"status": 200, "body": "x", "note": "garbage"},
    ],
)
def test_an_inform_again_after_anything_but_an_answer(answer: dict[str, object]) -> None:
    talk = Talk().connect().session().device(BOOT).bench(**answer).device(BOOT).bench(INFORM_RESPONSE)  # type: ignore[arg-type]
    assert broken(talk.device().bench().end().transcript) == set()


def test_a_challenge_in_mid_session_costs_nothing() -> None:
    talk = (
        start()
        .device()
        .bench("", CHALLENGE, status=401)
        .device("", f"Authorization: {digest(1)}")
        .bench(GET_VALUES)
    )
    talk.device(GET_VALUES_RESPONSE).bench("", CHALLENGE, status=401).device(
        GET_VALUES_RESPONSE
    ).bench().end()
    assert broken(talk.transcript) == set()


def test_something_else_before_the_inform() -> None:
    talk = Talk().connect().session().device(TRANSFER_COMPLETE).bench(TRANSFER_COMPLETE_RESPONSE)
    assert broken(talk.device(BOOT).bench(INFORM_RESPONSE).device().bench().end().transcript) == {
        "inform-first"
    }


def test_no_empty_post_and_the_connection_closed() -> None:
    assert broken(start().end("aborted-by-device").transcript) == {"empty-post"}


def test_no_empty_post_and_silence() -> None:
    assert broken(start().end("aborted-by-bench", after=60).transcript) == {"empty-post"}


@pytest.mark.parametrize(
    "talk",
    [
        start().end("aborted-by-bench", after=5),
        start().end("open", after=0),
        Talk().connect().session().device(BOOT).end("aborted-by-device"),
        Talk().connect().session().device(BOOT).bench("x", note="garbage").end("aborted-by-device"),
        Talk()
        .connect()
        .session()
        .device(BOOT)
        .bench(INFORM_RESPONSE, note="wrong ID")
        .end("aborted-by-device"),
        Talk().connect().session().device(BOOT).bench("", status=500).end("aborted-by-device"),
        start().device().end("aborted-by-bench"),
    ],
    ids=[
        "cut soon",
        "still running",
        "never answered",
        "garbage",
        "wrong on purpose",
        "server error",
        "unanswered",
    ],
)
def test_a_session_that_the_bench_spoilt_owes_nothing(talk: Talk) -> None:
    assert broken(talk.transcript) == set()


def test_one_empty_post_too_many_as_a_session_of_its_own_and_in_the_old_one() -> None:
    done = start().device().bench().end()
    assert broken(done.session().device().bench().end("aborted-by-bench").transcript) == {"no-post-after-end"}
    inside = start().device().bench().device().bench().end()
    assert broken(inside.transcript) == {"no-post-after-end"}
    astray = start().device().bench().end().device().bench()
    assert broken(astray.transcript) == {"no-post-after-end"}


def test_the_next_session_may_use_the_connection_of_the_last() -> None:
    talk = start().device().bench().end().session().device("").bench("", CHALLENGE, status=401)
    talk.device(BOOT).bench(INFORM_RESPONSE).device().bench().end()
    assert broken(talk.transcript) == set()


def test_a_request_after_the_empty_post() -> None:
    talk = start().device().bench(GET_VALUES).device(GET_VALUES_RESPONSE).bench()
    talk.device(TRANSFER_COMPLETE).bench(TRANSFER_COMPLETE_RESPONSE).device().bench().end()
    assert "no-request-after-empty-post" in broken(talk.transcript)


def test_a_request_after_an_empty_post_that_was_held_back() -> None:
    held = INFORM_RESPONSE.replace(
        "</soap-env:Header>",
        '<cwmp:HoldRequests soap-env:mustUnderstand="1">1</cwmp:HoldRequests></soap-env:Header>',
    )
    talk = Talk().connect().session().device(BOOT).bench(held).device().bench(GET_METHODS)
    talk.device(GET_METHODS_RESPONSE).bench().device(TRANSFER_COMPLETE).bench(TRANSFER_COMPLETE_RESPONSE)
    assert broken(talk.device().bench().end().transcript) == set()


@pytest.mark.parametrize("answer", ["", TRANSFER_COMPLETE, GET_METHODS_RESPONSE])
def test_no_answer_or_the_wrong_one(answer: str) -> None:
    talk = start().device().bench(GET_VALUES).device(answer).bench().end("aborted-by-bench")
    assert "answers-each-request" in broken(talk.transcript)


def test_a_device_that_goes_away_instead_of_answering() -> None:
    gone = start().device().bench(GET_VALUES).end("aborted-by-device")
    assert broken(gone.transcript) == {"answers-each-request"}
    asked_wrongly = start().device().bench(GET_VALUES, note="two Bodies").end("aborted-by-device")
    assert broken(asked_wrongly.transcript) == set()


def test_two_sessions_at_a_time() -> None:
    talk = start()
    first = talk.record
    talk.connect().session().device(BOOT).bench(INFORM_RESPONSE).device().bench().end()
    talk.record = first
    talk.connect().device().bench().end()
    assert broken(talk.transcript) == {"one-at-a-time"}


def test_a_session_after_one_that_broke_off() -> None:
    talk = start().device().bench(GET_VALUES).end("aborted-by-bench").connect()
    talk.session().device(BOOT).bench(INFORM_RESPONSE).device().bench().end()
    assert broken(talk.transcript) == set()


def test_what_is_wrong_on_purpose_is_not_charged_but_form_still_is() -> None:
    talk = start().device().bench(GET_VALUES, note="ID twice")
    talk.device(GET_VALUES_RESPONSE.replace("42", "7").replace("arrayType", "arrayTyp")).bench().end()
    assert broken(talk.transcript) == {"array-type"}


# --- events, forced parameters -------------------------------------------------------------------------


def once(body: str) -> Transcript:
    return Talk().connect().session().device(body).bench(INFORM_RESPONSE).device().bench().end().transcript


def test_events_that_may_repeat_and_lists_that_may_be_empty() -> None:
    scheduled = inform(("3 SCHEDULED", ""), ("M ScheduleInform", "a"), ("M ScheduleInform", "b" * 32))
    assert broken(once(scheduled)) == set()
    assert broken(once(inform())) == {"event-list"}
    assert broken(once(inform().replace("<RetryCount>0", "<RetryCount>1"))) == set()
    assert broken(once(inform(*[("M Reboot", f"{n}") for n in range(65)]))) == {"event-list"}
    assert broken(once(inform(("M Reboot", "k" * 33)))) == {"command-key"}


WAN = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.2"
GATEWAY = {
    "InternetGatewayDevice.DeviceSummary": "x",
    **{
        each.replace("Device.", "InternetGatewayDevice.", 1): value
        for each, value in list(PARAMETERS.items())[1:]
    },
    "InternetGatewayDevice.DeviceInfo.SpecVersion": "1.0",
    f"{WAN}.WANPPPConnection.1.ExternalIPAddress": "198.51.100.2",
}
OLD_DEVICE = {
    "Device.DeviceSummary": "x",
    **dict(list(PARAMETERS.items())[1:3]),
    **dict(list(PARAMETERS.items())[4:]),
    "Device.LAN.IPAddress": "192.168.1.1",
}


@pytest.mark.parametrize("parameters", [GATEWAY, OLD_DEVICE])
def test_forced_parameters_of_older_models(parameters: dict[str, str]) -> None:
    assert broken(once(inform(("1 BOOT", ""), parameters=parameters))) == set()
    short_of_one = dict(list(parameters.items())[:-1])
    assert broken(once(inform(("1 BOOT", ""), parameters=short_of_one))) == {"forced-parameters"}


def test_device_id_contradicts_device_info() -> None:
    parameters = PARAMETERS | {"Device.DeviceInfo.SerialNumber": "2"}
    assert broken(once(inform(("1 BOOT", ""), parameters=parameters))) == {"device-id"}
    same = PARAMETERS | {"Device.DeviceInfo.SerialNumber": "1", "Device.DeviceInfo.ManufacturerOUI": "00A057"}
    assert broken(once(inform(("1 BOOT", ""), parameters=same))) == set()


# --- authentication -----------------------------------------------------------------------------------


def test_basic_after_a_basic_challenge_or_under_tls() -> None:
    basic = "Authorization: Basic dTpw"
    asked = (
        Talk().connect().session().device(BOOT).bench("", 'WWW-Authenticate: Basic realm="acs"', status=401)
    )
    asked.device(BOOT, basic).bench(INFORM_RESPONSE).device("", basic).bench().end()
    assert broken(asked.transcript) == set()
    tls = (
        Talk()
        .connect(tls=True)
        .session()
        .device(BOOT, basic)
        .bench(INFORM_RESPONSE)
        .device("", basic)
        .bench()
        .end()
    )
    assert broken(tls.transcript) == set()
    plain = Talk().connect().session().device(BOOT, basic).bench(INFORM_RESPONSE).device().bench().end()
    assert broken(plain.transcript) == {"no-unasked-basic"}


def test_a_nonce_from_before_the_transcript_may_have_any_count() -> None:
    talk = (
        Talk()
        .connect()
        .session()
        .device(BOOT, f"Authorization: {digest(40, nonce='old')}")
        .bench(INFORM_RESPONSE)
    )
    assert (
        broken(talk.device("", f"Authorization: {digest(41, nonce='old')}").bench().end().transcript) == set()
    )


def test_a_lost_request_may_be_repeated_with_its_count() -> None:
    talk = Talk().connect().session().device(BOOT).bench("", CHALLENGE, status=401)
    talk.device(BOOT, f"Authorization: {digest(1)}")
    talk.transcript.connections[-1].closed = Closed.BY_BENCH
    talk.connect().device(BOOT, f"Authorization: {digest(1)}").bench(INFORM_RESPONSE)
    assert broken(talk.device("", f"Authorization: {digest(2)}").bench().end().transcript) == set()


# --- connection requests --------------------------------------------------------------------------------

CR = "GET /cr/8d2f HTTP/1.1\r\nHost: x"


def knocked(head: str, answer: str, body: bytes = b"", note: str = "") -> Transcript:
    return start().device().bench().end().knock(head, answer, body, note).transcript


@pytest.mark.parametrize(
    "answer",
    ["HTTP/1.1 200 OK", "HTTP/1.1 401 No", 'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"',
     "HTTP/1.1 403 Forbidden"],
)  # fmt: skip
def test_a_connection_request_without_a_digest_challenge(answer: str) -> None:
    assert broken(knocked(CR, answer)) == {"cr-digest-challenge"}


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (CR, 'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x", Digest nonce="1", realm="x"'),
        (CR, "HTTP/1.1 503 Busy"),
        (CR.replace("cr/8d2f", "elsewhere"), "HTTP/1.1 404 Not Found"),
        (CR.replace("GET", "PUT"), "HTTP/1.1 405 No"),
        (CR + "\r\nAuthorization: Digest x", "HTTP/1.1 204 No Content"),
        (CR + "\r\nAuthorization: Digest x", "HTTP/1.1 200 OK\r\nContent-Length: 0"),
        (CR + "\r\nAuthorization: Digest x", "HTTP/1.1 401 No"),
    ],
)
def test_answers_to_connection_requests_that_are_right(head: str, answer: str) -> None:
    assert broken(knocked(head, answer)) == set()


def test_the_announced_path_is_not_found() -> None:
    talk = start().device().bench().end().knock(CR, "HTTP/1.1 404 Not Found", b"", "")
    assert broken(talk.transcript) == set(), "it may have restarted, and have another path now"
    talk.connect().session().device(BOOT).bench(INFORM_RESPONSE).device().bench().end()
    assert broken(talk.transcript) == {"cr-digest-challenge"}


def test_success_with_a_body_or_an_odd_code() -> None:
    authorized = CR + "\r\nAuthorization: Digest x"
    assert broken(knocked(authorized, "HTTP/1.1 200 OK", b"ok")) == {"cr-empty-success"}
    assert broken(knocked(authorized, "HTTP/1.1 202 Accepted")) == {"cr-empty-success"}
    assert broken(knocked(authorized, "HTTP/1.1 200 OK", b"ok", note="absolute target")) == set()


def test_only_acs_connections_are_held_to_the_rules_of_the_acs() -> None:
    talk = start().device().bench().end().connect(Role.FILE_SERVER)
    talk.raw(Direction.FROM_DEVICE, "GET /fw.bin HTTP/1.0", b"")
    assert broken(talk.transcript) == set()


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("listed", "wrong"), [("Reboot", set()), ("GetParameterValues", {"fault-codes"})])
def test_not_supported_may_be_what_is_not_listed(listed: str, wrong: set[str]) -> None:
    refused = SET_FAULT.replace("9003", "9000").replace(">43<", ">42<")
    refused = re.sub("<SetParameterValuesFault>.*</SetParameterValuesFault>", "", refused)
    talk = start().device().bench(GET_METHODS).device(GET_METHODS_RESPONSE.replace("Reboot", listed))
    assert broken(talk.bench(GET_VALUES).device(refused).bench().end().transcript) == wrong
