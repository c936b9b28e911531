"""Every wire rule: a correct device keeps it, one change breaks it alone, what is odd but right does not."""

from __future__ import annotations

import gzip

import pytest
from wire_talk import (
    BOOT,
    CHALLENGE,
    COOKIE,
    COOKIES,
    GET_VALUES,
    GET_VALUES_RESPONSE,
    INFORM_RESPONSE,
    Talk,
    blemished,
    broken,
    dialogue,
    digest,
    results,
    start,
)

from harness.rules.engine import ALL
from harness.verdict.transcript import Direction, Transcript

FAULT_CODE = "<FaultCode>9003</FaultCode><FaultString>Inv"


def test_a_correct_day_keeps_every_rule_and_leaves_none_unexamined() -> None:
    found = results(dialogue())
    assert len(found) == len(ALL) == 39
    assert [rule for rule, each in found.items() if each.breaches or not each.examined] == []


CHANGES = [
    ("soap-envelope", ("</soap-env:Envelope>", "")),
    (
        "soap-envelope",
        ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"),
    ),
    ("soap-envelope", ("<soap-env:Envelope", "<!DOCTYPE a><soap-env:Envelope")),
    ("soap-envelope", ("cwmp:GetRPCMethodsResponse", "GetRPCMethodsResponse")),
    ("one-body-child", ("</cwmp:Inform>", "</cwmp:Inform><cwmp:GetRPCMethods/>")),
    ("unqualified-children", ("MethodList", "cwmp:MethodList")),
    ("unqualified-children", ("<RetryCount>0</RetryCount>", "")),
    ("array-type", ('soap-enc:arrayType="xsd:string[1]"', "")),
    ("array-type", ("xsd:string[1]", "xsd:string[2]")),
    ("value-type", (' xsi:type="xsd:string">v', ">v")),
    ("value-type", ('"xsd:string">v', '"xsd:unsignedInt">v')),
    ("namespace", ("cwmp-1-2", "cwmp-1-4")),
    ("id-echo", (">42<", ">41<")),
    ("id-echo", ('mustUnderstand="1">42<', 'mustUnderstand="0">42<')),
    ("own-id", ('<cwmp:ID soap-env:mustUnderstand="1">1</cwmp:ID>', "")),
    ("fault-form", ("CWMP fault", "Something went wrong")),
    ("fault-form", ("<faultcode>Client", "<faultcode>Sender")),
    ("fault-codes", (FAULT_CODE, FAULT_CODE.replace("9003", "8003"))),
    ("fault-codes", (FAULT_CODE, FAULT_CODE.replace("9003", "9008"))),
    ("fault-codes", ("<FaultCode>9008", "<FaultCode>9010")),
    ("fault-codes", ("<FaultCode>0<", "<FaultCode>9005<")),
    ("post-with-host", ("HTTP/1.1\r\nHost", "HTTP/1.0\r\nHost")),
    ("post-with-host", ("Host: acs.bench.test\r\n", "")),
    ("content-type", ('text/xml; charset="utf-8"', "application/soap+xml")),
    ("soapaction", ("SOAPAction:", "SOAPAction: urn:dslforum-org:cwmp-1-2#Inform")),
    ("cookie-returned", ("Cookie: a=1; b=x=y", "Cookie: a=1")),
    ("cookie-returned", ("b=x=y", "b=x")),
    ("cookie-discarded", (f"Authorization: {digest(7)}", f"{COOKIE}\r\nAuthorization: {digest(7)}")),
    ("digest-arithmetic", (digest(3), digest(3, password="wrong"))),
    ("digest-arithmetic", (digest(3), digest(3).replace("qop=auth, ", ""))),
    ("digest-arithmetic", ('opaque="o"', 'opaque="p"')),
    ("digest-uri", (digest(3), digest(3, uri="/other"))),
    ("nonce-count", (digest(3), digest(2))),
    ("nonce-count", (digest(1), digest(2))),
    ("no-unasked-basic", (f"Authorization: {digest(3)}", "Authorization: Basic dTpw")),
    ("forced-parameters", ("ParameterKey", "ParameterKeys")),
    ("device-id", ("00A057", "00a057")),
    ("device-id", ("LANCOM", "L" * 65)),
    ("max-envelopes", ("<MaxEnvelopes>1", "<MaxEnvelopes>0")),
    ("max-envelopes", ("<MaxEnvelopes>1", "<MaxEnvelopes>2")),
    ("current-time", ("10:00:00+01:00", "10:00:00")),
    ("current-time", ("01T10", "01 10")),
    ("no-duplicate-parameter", ("Device.DeviceInfo.ProvisioningCode", "Device.DeviceInfo.HardwareVersion")),
    ("event-list", ("7 TRANSFER COMPLETE", "6 CONNECTION REQUEST")),
    ("event-strings", ("2 PERIODIC", "2 Periodic")),
    ("event-strings", ("2 PERIODIC", "2  PERIODIC")),
    ("command-key", ("2 PERIODIC</EventCode><CommandKey>", "2 PERIODIC</EventCode><CommandKey>k")),
    ("cr-url-form", ("http://198.51.100.2:7547/cr/8d2f", "https://198.51.100.2:7547/cr/8d2f")),
    ("cr-url-form", ("http://198.51.100.2:7547/cr/8d2f", "http://2001:db8::2:7547/cr")),
    ("cr-url-form", (":7547/cr/8d2f", ":7547")),
]
ALSO = {
    # What one wrong thing breaks besides, because the same bytes say both.
    ("Device.DeviceInfo.ProvisioningCode", "Device.DeviceInfo.HardwareVersion"): {"forced-parameters"},
}


@pytest.mark.parametrize(("rule", "change"), CHANGES)
def test_one_change_breaks_one_rule(rule: str, change: tuple[str, str]) -> None:
    assert broken(dialogue(change)) == {rule} | ALSO.get(change, set())


ODD = {
    "prefixes of one's own": [("soap-env", "s"), ("cwmp:", "c:"), ("xmlns:cwmp", "xmlns:c")],
    "qualified faultcode": [("<faultcode>Client", "<faultcode>soap-env:Client")],
    "lower-case headers": [("Content-Type", "content-type"), ("SOAPAction", "soapaction"), ("Host", "host")],
    "unquoted charset, no blank": [('text/xml; charset="utf-8"', "text/xml;charset=utf-8")],
    "media type in capitals": [('text/xml; charset="utf-8"', "Text/XML")],
    "version 1.0 only": [("cwmp-1-2", "cwmp-1-0")],
    "pretty printed": [("><", ">\n  <"), (">\n  </Com", "></Com"), (">\n  </Value>", "></Value>")],
    "comments": [("<DeviceId>", "<!-- who --><DeviceId>")],
    "no clock: time since boot": [("2026-03-01T10:00:00+01:00", "0001-01-01T00:05:00")],
    "no clock: unknown time": [("2026-03-01T10:00:00+01:00", "0001-01-01T00:00:00Z")],
    "UTC as an offset": [("+01:00", "+00:00")],
    "fraction of a second": [("10:00:00+01:00", "10:00:00.125Z")],
    "vendor's event": [("2 PERIODIC", "X 00A057 Tunnel up")],
    "vendor's fault code": [(FAULT_CODE, FAULT_CODE.replace("9003", "9801"))],
    "Server for Client": [("<faultcode>Client", "<faultcode>Server")],
    "cookies as RFC 2965 has them": [(COOKIE, 'Cookie: $Version="1"; a="1"; $Path="/", b="x=y"')],
    "cookies in two headers, other order": [("Cookie: a=1; b=x=y", "Cookie: b=x=y\r\nCookie: a=1")],
    "credentials for a user that the bench does not know": [(digest(8), digest(8, user="me", password="x"))],
    "upper-case response": [(digest(3)[-50:-30], digest(3)[-50:-30].upper())],
    "numbers in other forms": [("<MaxEnvelopes>1<", "<MaxEnvelopes>01<"), (">0</Retry", ">+0</Retry")],
    "IPv6 in brackets, default port": [("198.51.100.2:7547/cr", "[2001:db8::2]/cr")],
    "no connection requests": [("http://198.51.100.2:7547/cr/8d2f", "")],
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_but_right_alarms_no_rule(name: str) -> None:
    found = results(dialogue(*ODD[name]))
    assert {rule: each.breaches for rule, each in found.items() if each.breaches} == {}


TOLERATED = {
    "nonce-count": [(digest(n), digest(n + 4)) for n in (5, 6, 7, 8)],
    "soapaction": [("SOAPAction:", 'SOAPAction: ""')],
    "fault-form": [(">CWMP fault<", "> CWMP fault <")],
    "array-type": [("xsd:string[1]", "xsd:string[]")],
    "current-time": [("2026-03-01T10:00:00+01:00", "0001-01-01T00:05:00Z")],
    "forced-parameters": [("Device.RootDataModelVersion", "Device.Other")],
}


@pytest.mark.parametrize("rule", TOLERATED)
def test_what_the_field_tolerates_is_a_blemish(rule: str) -> None:
    transcript = dialogue(*TOLERATED[rule])
    assert broken(transcript) == set()
    assert blemished(transcript) == {rule}


# --- HTTP ---------------------------------------------------------------------------------------------


def short(*empty_headers: str, body: str = "") -> Talk:
    """Inform, InformResponse, and the device's empty POST as given."""
    talk = Talk().connect().session().device(BOOT).bench(INFORM_RESPONSE)
    talk.raw(
        Direction.FROM_DEVICE,
        "\r\n".join(["POST / HTTP/1.1", "Host: acs", *empty_headers]),
        body.encode(),
    )
    return talk.bench().end()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("Content-Length: 0", "Content-Type: text/xml"), ""),
        (("Content-Length: 0", "SOAPAction:"), ""),
        (("Content-Length: 2",), "\r\n"),
    ],
)
def test_an_empty_post_that_is_not_bare(headers: tuple[str, ...], body: str) -> None:
    assert broken(short(*headers, body=body).transcript) == {"empty-post-bare"}


def test_an_empty_post_may_be_chunked_but_should_have_a_length() -> None:
    assert broken(short("Transfer-Encoding: chunked").transcript) == set()
    assert blemished(short("Transfer-Encoding: chunked").transcript) == set()
    assert blemished(short().transcript) == {"empty-post-bare"}


def test_an_empty_request_that_fetches_the_challenge_is_no_empty_post() -> None:
    """libcurl with Digest alone sends it so, the headers of the real request included."""
    talk = Talk().connect().session()
    talk.device("", "Content-Type: text/xml", "SOAPAction:").bench("", CHALLENGE, status=401)
    talk.device(BOOT, f"Authorization: {digest(1)}").bench(INFORM_RESPONSE)
    talk.device("", f"Authorization: {digest(2)}").bench().end()
    assert broken(talk.transcript) == set()


def test_soapaction_missing_on_a_response_says_the_same_as_empty() -> None:
    talk = start().device().bench(GET_VALUES)
    head = "POST / HTTP/1.1\r\nHost: acs\r\nContent-Type: text/xml"
    talk.raw(Direction.FROM_DEVICE, head, GET_VALUES_RESPONSE.encode())
    assert broken(talk.bench().end().transcript) == set()
    talk = Talk().connect().session()
    talk.raw(Direction.FROM_DEVICE, head, BOOT.encode())
    assert broken(talk.bench(INFORM_RESPONSE).device().bench().end().transcript) == {"soapaction"}


def test_pipelining() -> None:
    talk = Talk().connect().session().device(BOOT).device("", pause=0.0)
    talk.bench(INFORM_RESPONSE).bench().end()
    assert "no-pipelining" in broken(talk.transcript)


def test_a_request_in_the_very_moment_of_the_answer_is_no_pipelining() -> None:
    talk = (
        Talk()
        .connect()
        .session()
        .device(BOOT)
        .bench(INFORM_RESPONSE, pause=0.0)
        .device(pause=0.0)
        .bench()
        .end()
    )
    assert broken(talk.transcript) == set()


def test_a_compressed_body_and_a_latin_1_body_are_read() -> None:
    talk = Talk().connect().session()
    head = "POST / HTTP/1.1\r\nHost: acs\r\nSOAPAction:\r\nContent-Type: text/xml"
    talk.raw(Direction.FROM_DEVICE, head + "\r\nContent-Encoding: gzip", gzip.compress(BOOT.encode()))
    talk.bench(INFORM_RESPONSE).device().bench().end().session()
    latin = BOOT.replace("LANCOM", "Müller").encode("latin-1")
    talk.raw(Direction.FROM_DEVICE, head + "; charset=ISO-8859-1", latin)
    talk.bench(INFORM_RESPONSE).device().bench().end()
    found = results(talk.transcript)
    assert found["device-id"].examined == 2
    assert broken(talk.transcript) == set()


# --- cookies ------------------------------------------------------------------------------------------


def cookies(*set_: str, sent: str = "", target: str = "/acs/cwmp", tls: bool = False) -> Transcript:
    talk = Talk([("POST /", f"POST {target}")]).connect(tls=tls).session()
    talk.device(BOOT).bench(INFORM_RESPONSE, *(f"Set-Cookie: {each}" for each in set_))
    talk.device("", *([f"Cookie: {sent}"] if sent else [])).bench().end()
    return talk.transcript


@pytest.mark.parametrize(
    "set_",
    ["a=1", "a=1; Path=/", "a=1; Path=/acs", "a=1; Path=/acs/", "a=1; path=/acs/cwmp; HttpOnly",
     "a=1; Max-Age=600",
     "a=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT", "a=1; Version=1", "a=1; Domain=.bench.test"],
)  # fmt: skip
def test_a_cookie_that_is_owed(set_: str) -> None:
    assert broken(cookies(set_, sent="a=1")) == set()
    assert broken(cookies(set_)) == {"cookie-returned"}


@pytest.mark.parametrize(
    "set_",
    ["a=1; Path=/other", "a=1; Path=/ac", "a=1; Secure", "a=1; Max-Age=0", "a=1; Domain=example.org",
     "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "no-value", "a=" + "x" * 600],
)  # fmt: skip
def test_a_cookie_that_is_not_owed(set_: str) -> None:
    assert broken(cookies(set_)) == set()


def test_a_replaced_cookie() -> None:
    assert broken(cookies("a=1", "a=2", sent="a=2")) == set()
    assert broken(cookies("a=1", "a=2", sent="a=1")) == {"cookie-returned"}


def test_cookies_go_with_the_session_over_connections() -> None:
    talk = Talk().connect().session().device(BOOT).bench(INFORM_RESPONSE, *COOKIES)
    talk.connect().device().bench().end()
    assert broken(talk.transcript) == {"cookie-returned"}


def test_a_cookie_is_not_owed_to_another_host() -> None:
    talk = Talk().connect().session().device(BOOT).bench(INFORM_RESPONSE, *COOKIES)
    talk.changes = (("acs.bench.test", "198.51.100.30"),)
    talk.connect().device().bench().end()
    assert broken(talk.transcript) == set()
