"""Authentication: towards servers (`login`) and of connection requests (`gate`)."""

from __future__ import annotations

import pytest
from cpe_lab import ManualClock

from harness.cwmp import digest
from harness.cwmp.digest import DigestChallenge
from reference_cpe.exchange import Again, Exchange, ExchangeFailed
from reference_cpe.gate import NONCE_LIFE, Answer
from reference_cpe.http import Response
from reference_cpe.login import Digest, Login
from reference_cpe.parts import Parts
from reference_cpe.urls import parse

BASIC = 'Basic realm="x"'


def challenge(nonce: str = "n", stale: bool = False) -> str:
    return DigestChallenge("acs", nonce, "MD5", ("auth",), stale=stale).header()


def login() -> Login:
    return Login(Digest(), ("user", "pass"))


def parameters(login_: Login) -> dict[str, str]:
    value = login_.authorization("POST", "/acs")
    assert value is not None
    return digest.parse_authorization(value).parameters


def test_nothing_is_volunteered() -> None:
    assert login().authorization("POST", "/acs") is None


def test_digest_before_basic_and_nonce_counts() -> None:
    one = login()
    assert one.challenged([BASIC, challenge()]) == ""
    assert [parameters(one)["nc"] for _ in range(3)] == ["00000001", "00000002", "00000003"]
    one.accepted()
    assert one.challenged([challenge("m", stale=True)]) == ""
    found = parameters(one)
    assert (found["nonce"], found["nc"]) == ("m", "00000001")


def test_cnonce_is_new_for_each_connection() -> None:
    one = login()
    one.challenged([challenge()])
    first = parameters(one)["cnonce"]
    assert parameters(one)["cnonce"] == first
    one.new_connection()
    assert parameters(one)["cnonce"] != first


def test_a_refused_password_is_not_repeated() -> None:
    one = login()
    assert one.challenged([challenge()]) == ""
    parameters(one)
    assert "refused" in one.challenged([challenge("other")])


def test_challenged_again_in_mid_session() -> None:
    one = login()
    one.challenged([challenge()])
    parameters(one)
    one.accepted()
    assert one.challenged([challenge("other")]) == ""


def test_stale_for_ever() -> None:
    one = login()
    answers = []
    for nonce in "abcdef":
        answers.append(one.challenged([challenge(nonce, stale=True)]))
        one.authorization("POST", "/acs")
    assert answers[:3] == ["", "", ""]
    assert answers[-1]


@pytest.mark.parametrize("headers", [[], ["Negotiate"], ['Digest realm="x"'], ["\x00"]])
def test_challenges_that_cannot_be_answered(headers: list[str]) -> None:
    assert login().challenged(headers)


def test_no_user_name() -> None:
    assert Login(Digest(), ("", "")).challenged([challenge()])


# --- exchange


def exchange(parts: Parts, url: str = "https://acs.test/acs") -> Exchange:
    parts.settings.change({"acs_username": "user", "acs_password": "pass"})
    return Exchange(parts, parse(url))


def redirect(location: str, status: int = 302) -> Response:
    return Response(status, (("location", location),), b"")


def test_redirects(parts: Parts) -> None:
    one = exchange(parts)
    for number in range(5):
        assert one.judge(redirect(f"https://r{number}.test/x", 307)) == Again()
    assert one.target.url == "https://r4.test/x"
    with pytest.raises(ExchangeFailed, match="more than 5"):
        one.judge(redirect("https://r6.test/"))


def test_answers_in_between_reset_the_count(parts: Parts) -> None:
    one = exchange(parts)
    for _ in range(4):
        for _ in range(3):
            assert one.judge(redirect("/next")) == Again()
        assert one.judge(Response(200, (), b"")) is None


@pytest.mark.parametrize("location", ["http://acs.test/acs", "ftp://acs.test/", "", "//[::1"])
def test_redirects_not_followed(parts: Parts, location: str) -> None:
    with pytest.raises(ExchangeFailed):
        exchange(parts).judge(redirect(location))


def test_basic_is_not_for_foreign_hosts(parts: Parts) -> None:
    one = exchange(parts)
    one.judge(redirect("https://foreign.test/"))
    with pytest.raises(ExchangeFailed, match="another host"):
        one.judge(Response(401, (("www-authenticate", BASIC),), b""))
    assert one.judge(Response(401, (("www-authenticate", challenge()),), b"")) == Again()


def test_cookies_stay_with_their_host(parts: Parts) -> None:
    one = exchange(parts)
    one.judge(Response(200, (("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/")), b""))
    assert ("Cookie", "a=1; b=2") in one.request(b"x")
    one.judge(redirect("https://foreign.test/"))
    assert not any(name == "Cookie" for name, _ in one.request(b"x"))


# --- gate


@pytest.fixture
def guarded(parts: Parts) -> Parts:
    parts.settings.change({"connection_request_username": "u", "connection_request_password": "p"})
    return parts


def answer(
    parts: Parts, value: str, nc: int = 1, user: str = "u", password: str = "p", uri: str = "/x"
) -> str:
    (parsed,) = digest.parse_challenges([value])
    return digest.digest_authorization(
        digest.digest_challenge(parsed),
        username=user,
        password=password,
        method="GET",
        uri=uri,
        nc=nc,
        cnonce="c",
    )


def test_gate(guarded: Parts, clock: ManualClock) -> None:
    gate = guarded.gate
    value = gate.challenge()
    right = answer(guarded, value)
    for wrong in (
        None,
        "",
        "Basic dTpw",
        "Digest",
        right.replace('response="', 'response="0'),
        answer(guarded, value, user="v"),
        answer(guarded, value, password=""),
        answer(guarded, value, uri="/y"),
        right + ", Digest " + right,
    ):
        assert gate.check(wrong, "GET", "/x") is Answer.REFUSED
    assert gate.check(right, "POST", "/x") is Answer.REFUSED
    assert gate.check(right, "GET", "/x") is Answer.OPEN
    assert gate.check(right, "GET", "/x") is Answer.STALE
    assert gate.check(answer(guarded, value, nc=2), "GET", "/x") is Answer.OPEN
    clock.advance(NONCE_LIFE)
    assert gate.check(answer(guarded, value, nc=3), "GET", "/x") is Answer.STALE


def test_nonces_differ_and_foreign_ones_are_stale(guarded: Parts) -> None:
    assert guarded.gate.challenge() != guarded.gate.challenge()
    assert guarded.gate.check(answer(guarded, challenge("made-up")), "GET", "/x") is Answer.REFUSED
    foreign = challenge("made-up").replace('realm="acs"', 'realm="reference-cpe"')
    assert guarded.gate.check(answer(guarded, foreign), "GET", "/x") is Answer.STALE


@pytest.mark.parametrize("unset", ["connection_request_username", "connection_request_password"])
def test_unset_credentials_mean_nobody(guarded: Parts, unset: str) -> None:
    guarded.settings.change({unset: ""})
    user, password = guarded.gate.credentials()
    given = answer(guarded, guarded.gate.challenge(), user=user, password=password)
    assert guarded.gate.check(given, "GET", "/x") is Answer.REFUSED
