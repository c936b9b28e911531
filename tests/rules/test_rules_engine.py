"""The engine: rules that fail, levels, grouping, and hostile transcripts."""

from __future__ import annotations

import hashlib

import pytest
from wire_talk import PASSWORD, USER, Talk, dialogue, inform

from harness.rules.auth import challenges, digest_response, parameters
from harness.rules.engine import ALL, DISTINCT, RuleResult, judge, to_assertions
from harness.rules.rule import Breach, Report, rule
from harness.rules.view import View
from harness.verdict import transcript as t
from harness.verdict.verdict import Level, Verdict


def must(_requirement: str) -> Level:
    return Level.MUST


def test_a_rule_that_raises_is_an_error_and_stops_no_other() -> None:
    @rule("broken-rule", verifies="cwmp.soap.id-echo")
    def falls(view: View, report: Report) -> None:
        """It falls."""
        raise KeyError("oops")

    found = judge(dialogue(), [falls, *ALL])
    assert found[0].error == "KeyError: 'oops'"
    assert len(found) == len(ALL) + 1
    assertion = to_assertions(found[:1], must)[0]
    assert (assertion.verdict, assertion.by) == (Verdict.ERROR, "broken-rule")


def test_rules_have_unique_ids_requirements_and_a_sentence() -> None:
    assert len({each.id for each in ALL}) == len({each.verifies for each in ALL}) == len(ALL)
    assert all(each.says.endswith(".") for each in ALL)


@pytest.mark.parametrize(("id_", "doc"), [("Bad", "x"), ("two.parts", "x"), ("good", "")])
def test_a_rule_needs_an_id_in_words_and_a_sentence(id_: str, doc: str) -> None:
    def body(view: View, report: Report) -> None: ...

    body.__doc__ = doc
    with pytest.raises(ValueError, match="rule"):
        rule(id_, verifies="cwmp.soap.id-echo")(body)


def test_verdicts_follow_the_level() -> None:
    breach = Breach("c1.1", "this", "that")
    result = RuleResult("r", "a.b", 3, (breach,))
    assert [a.verdict for a in to_assertions([result], must)] == [Verdict.FAIL]
    assert [a.verdict for a in to_assertions([result], lambda _: Level.SHOULD)] == [Verdict.WARN]
    assert to_assertions([result], lambda _: Level.RECORD) == []
    assert to_assertions([RuleResult("r", "a.b", 0)], must) == []
    passed = to_assertions([RuleResult("r", "a.b", 3)], must)[0]
    assert (passed.verdict, passed.observed) == (Verdict.PASS, "kept, 3 examined")


def test_alike_breaches_are_one_assertion_and_failures_come_before_blemishes() -> None:
    minors = [Breach(f"c1.{n}", "this", f"odd {n}", minor=True) for n in range(9)]
    breaches = (*minors, *[Breach(f"c2.{n}", "this", "that", "/x") for n in range(30)])
    found = to_assertions([RuleResult("r", "a.b", 50, breaches)], must)
    assert len(found) == DISTINCT
    assert found[0].verdict is Verdict.FAIL
    assert found[0].reason == "30 of 50 examined"
    assert (found[0].evidence[0].ref, found[0].evidence[0].note, len(found[0].evidence)) == ("c2.0", "/x", 10)
    assert found[-1].verdict is Verdict.WARN
    assert "5 more kinds" in found[-1].reason


def test_an_empty_transcript_says_nothing() -> None:
    assert to_assertions(judge(t.Transcript()), must) == []


HOSTILE = [
    b"", b"\x00", b"<", b"\xff\xfe\x00", b"<a>" * 5000, b"GET",
    b"<?xml version='1.0' encoding='no-such'?><a/>",
    b"<a xmlns='" + b"x" * 100000 + b"'/>", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE)
def test_no_rule_falls_over_garbage(body: bytes) -> None:
    talk = Talk().connect().session()
    for head in (
        "POST / HTTP/1.1\r\nHost: [\r\nAuthorization: Digest \x01=,,==\r\nCookie: ;;=;$",
        "\x00\x01 \xff",
        "POST",
        "HTTP/1.1 abc",
        'POST http:// HTTP/1.1\r\nHost:\r\nAuthorization: Digest username="x", nonce=, qop=auth,nc=1',
        "POST / HTTP/1.1\r\nContent-Type: text/xml; charset=no-such\r\nContent-Encoding: gzip",
    ):
        talk.raw(t.Direction.FROM_DEVICE, head, body)
        talk.raw(t.Direction.TO_DEVICE, "HTTP/1.1 200 OK\r\nSet-Cookie: =; Max-Age=x; Expires=y", body)
    talk.end("aborted-by-device")
    talk.knock("GET / HTTP/1.1", "\xff\xfe", body).knock(
        "GET / HTTP/1.1", "HTTP/1.1 401\r\nWWW-Authenticate: ,"
    )
    assert [each.error for each in judge(talk.transcript, credentials=[(USER, PASSWORD)]) if each.error] == []


def test_messages_of_a_session_whose_connection_is_not_on_record_are_left_out() -> None:
    transcript = dialogue()
    transcript.sessions[0].messages.append("c99.1")
    assert [each.error for each in judge(transcript) if each.error] == []


def test_a_transcript_survives_its_encoding() -> None:
    before = judge(dialogue(("00A057", "00a057")))
    after = judge(t.decode(t.encode(dialogue(("00A057", "00a057")))))
    assert before == after


def test_digest_arithmetic_of_rfc_2617_and_rfc_7616() -> None:
    given = parameters(
        'username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", opaque="5ccc"'
    )
    assert digest_response(given, "GET", "Mufasa", "Circle Of Life") == "6629fae49393a05397450978507c4ef1"
    newer = {
        "realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "uri": "/dir/index.html", "qop": "auth", "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "algorithm": "SHA-256",
    }  # fmt: skip
    right = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert digest_response(newer, "GET", "Mufasa", "Circle of Life") == right


def test_md5_sess_takes_nonce_and_cnonce_into_the_key() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    given = {"realm": "r", "nonce": "n", "nc": "00000001", "uri": "/", "qop": "auth", "cnonce": "c",
             "algorithm": "MD5-sess"}  # fmt: skip
    ha1 = md5(md5("u:r:p") + ":n:c")
    assert digest_response(given, "POST", "u", "p") == md5(f"{ha1}:n:00000001:c:auth:{md5('POST:/')}")


def test_challenges_in_one_header_and_in_many() -> None:
    talk = Talk().connect().device(inform(("1 BOOT", "")))
    talk.bench("", 'WWW-Authenticate: Basic realm="a, b=c", Digest realm="d", nonce="e", qop="auth,auth-int"',
               "WWW-Authenticate: digest nonce=f,realm=g", status=401)  # fmt: skip
    response = talk.transcript.connections[0].messages[1]
    assert challenges(response, "digest") == [
        {"realm": "d", "nonce": "e", "qop": "auth,auth-int"},
        {"nonce": "f", "realm": "g"},
    ]
    assert challenges(response, "basic") == [{"realm": "a, b=c"}]
