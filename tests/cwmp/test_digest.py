"""Digest and Basic against the vectors of the RFCs, and every way an answer can be wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cwmp import digest
from harness.cwmp.http_auth_syntax import AuthError, Challenge, parse_header

RFC_2617 = digest.DigestChallenge(
    realm="testrealm@host.com",
    nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
    qop=("auth", "auth-int"),
    opaque="5ccc069c403ebaf9f0171e9517f40e41",
)
RFC_2617_HEADER = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_2617_ANSWER = (
    'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
    'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = {"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"}
RFC_7616_CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def test_rfc_2617_section_3_5() -> None:
    (challenge,) = digest.parse_challenges([RFC_2617_HEADER])
    assert digest.digest_challenge(challenge) == RFC_2617
    answer = digest.parse_authorization(RFC_2617_ANSWER)
    assert verify(answer, RFC_2617) == ()
    ours = digest.digest_authorization(
        RFC_2617,
        username="Mufasa",
        password="Circle Of Life",
        method="GET",
        uri="/dir/index.html",
        nc=1,
        cnonce="0a4f113b",
    )
    assert digest.parse_authorization(ours) == answer
    assert "nc=00000001" in ours
    assert "qop=auth," in ours


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_section_3_9_1(algorithm: str, expected: str) -> None:
    found = digest.response(
        username="Mufasa",
        password="Circle of Life",
        method="GET",
        uri="/dir/index.html",
        algorithm=algorithm,
        qop="auth",
        nc="00000001",
        cnonce=RFC_7616_CNONCE,
        **RFC_7616,
    )
    assert found == expected


def test_without_qop_as_rfc_2069() -> None:
    """The example of RFC 2069 2.4 with the response its errata give."""
    found = digest.response(
        username="Mufasa",
        password="CircleOfLife",
        realm="testrealm@host.com",
        method="GET",
        uri="/dir/index.html",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
    )
    assert found == "1949323746fe6a43ef61f9606e7febea"


def verify(
    answer: Challenge, challenge: digest.DigestChallenge, **other: object
) -> tuple[digest.Directive, ...]:
    expected: dict[str, object] = {
        "username": "Mufasa",
        "password": "Circle Of Life",
        "method": "GET",
        "target": "/dir/index.html",
        "nc": 1,
    }
    return digest.verify_digest(answer, challenge, **(expected | other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("Mufasa", "Scar", ["username", "response"]),
        ("testrealm@", "otherrealm@", ["realm", "response"]),
        ("dcd98b", "000000", ["nonce", "response"]),
        ("/dir/index.html", "/dir/", ["uri", "response"]),
        ("nc=00000001", "nc=00000002", ["nc", "response"]),
        ("nc=00000001", "nc=1", ["nc", "response"]),
        (", nc=00000001", "", ["nc", "response"]),
        ("0a4f113b", "0a4f113c", ["response"]),
        (', cnonce="0a4f113b"', "", ["cnonce", "response"]),
        ("qop=auth", "qop=auth-int", ["response"]),
        ("qop=auth", "qop=other", ["qop", "response"]),
        ("qop=auth, ", "", ["qop", "response"]),
        ("5ccc06", "5ccc07", ["opaque"]),
        (', opaque="5ccc069c403ebaf9f0171e9517f40e41"', "", ["opaque"]),
        ("6629fa", "6629fb", ["response"]),
        ('response="6629fae49393a05397450978507c4ef1", ', "", ["response"]),
        ("uri=", "algorithm=SHA-256, uri=", ["algorithm", "response"]),
        ("uri=", "algorithm=SHA-3, uri=", ["algorithm", "response"]),
        ("Digest ", "Basic ", ["scheme"]),
    ],
)
def test_why_an_answer_is_wrong(old: str, new: str, wrong: list[str]) -> None:
    assert old in RFC_2617_ANSWER
    answer = digest.parse_authorization(RFC_2617_ANSWER.replace(old, new))
    assert [directive.name for directive in verify(answer, RFC_2617)] == wrong


@pytest.mark.parametrize("other", [{"password": "x"}, {"method": "POST"}])
def test_what_is_not_sent_shows_in_the_response_alone(other: dict[str, object]) -> None:
    answer = digest.parse_authorization(RFC_2617_ANSWER)
    assert [directive.name for directive in verify(answer, RFC_2617, **other)] == ["response"]


def test_upper_case_hex_and_a_quoted_qop_are_the_same_answer() -> None:
    text = RFC_2617_ANSWER.replace("6629fae49393a05397450978507c4ef1", "6629FAE49393A05397450978507C4EF1")
    assert verify(digest.parse_authorization(text.replace("qop=auth", 'qop="auth"')), RFC_2617) == ()


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


@given(
    st.sampled_from([None, "MD5", "MD5-sess", "SHA-256", "sha-256-SESS"]),
    st.sampled_from([(), ("auth",), ("auth-int", "auth")]),
    _TEXT,
    _TEXT,
    _TEXT,
    st.integers(1, 2**32 - 1),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_our_answers_pass_our_check(
    algorithm: str | None, qop: tuple[str, ...], username: str, password: str, realm: str, nc: int
) -> None:
    challenge = digest.DigestChallenge(realm, "n", algorithm, qop, "o")
    (parsed,) = digest.parse_challenges([challenge.header()])
    assert digest.digest_challenge(parsed) == challenge
    value = digest.digest_authorization(
        challenge, username=username, password=password, method="POST", uri="/a?b", nc=nc, cnonce="c"
    )
    answer = digest.parse_authorization(value)
    right = {"username": username, "password": password, "method": "POST", "target": "/a?b", "nc": nc}
    assert verify(answer, challenge, **right) == ()
    assert [d.name for d in verify(answer, challenge, **right | {"password": password + "x"})] == ["response"]


def test_many_challenges_in_one_and_in_many_headers() -> None:
    values = [
        'Negotiate, Basic realm="a, b", Digest realm=r , nonce = "n\\"1" ,, algorithm=SHA-512, qop="auth"',
        'NTLM abc==, digest Realm="r",NONCE=n2,algorithm=md5-SESS,qop="auth-int , auth",x-new=1,stale=TRUE',
        "=broken",
    ]
    challenges = digest.parse_challenges(values)
    assert [c.scheme for c in challenges] == ["negotiate", "basic", "digest", "ntlm", "digest"]
    assert challenges[1].parameters == {"realm": "a, b"}
    assert challenges[2].parameters["nonce"] == 'n"1'
    assert challenges[3].token == "abc=="
    chosen = digest.choose(challenges)
    assert chosen == digest.DigestChallenge("r", "n2", "md5-SESS", ("auth-int", "auth"), None, stale=True)


def test_choice() -> None:
    both = digest.parse_challenges(['Basic realm="x"', 'Digest realm="x", nonce="n"'])
    assert digest.choose(both) == digest.DigestChallenge("x", "n")
    only_int = digest.parse_challenges(['Digest realm="x", nonce="n", qop="auth-int"', 'Basic realm="x"'])
    chosen = digest.choose(only_int)
    assert isinstance(chosen, Challenge)
    assert chosen.scheme == "basic"
    assert digest.choose(digest.parse_challenges(["Bearer", "Digest realm=x"])) is None


@pytest.mark.parametrize("algorithm", ["MD4", "SHA-512", "md5-session"])
def test_unknown_algorithms_are_not_answered(algorithm: str) -> None:
    with pytest.raises(AuthError):
        digest.digest_authorization(
            digest.DigestChallenge("r", "n", algorithm),
            username="u",
            password="p",
            method="GET",
            uri="/",
            nc=1,
            cnonce="c",
        )


def test_basic() -> None:
    """The examples of RFC 7617 2 and 2.1."""
    assert digest.basic_authorization("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert digest.basic_authorization("test", "123\u00a3") == "Basic dGVzdDoxMjPCow=="
    read = digest.basic_credentials(digest.parse_authorization("basic dGVzdDoxMjPCow=="))
    assert read == ("test", "123\u00a3")
    latin = digest.basic_credentials(digest.parse_authorization("Basic dGVzdDoxMjOj"))
    assert latin == ("test", "123\u00a3")
    assert digest.parse_challenges([digest.basic_challenge('a"b')])[0].parameters["realm"] == 'a"b'


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic QQ==", "Digest a=b", "Basic a=b", "", "A, B"])
def test_what_is_no_basic(value: str) -> None:
    with pytest.raises(AuthError):
        digest.basic_credentials(digest.parse_authorization(value))


def test_a_user_name_with_colon_is_no_basic() -> None:
    with pytest.raises(AuthError):
        digest.basic_authorization("a:b", "c")


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_header_is_read_or_refused(value: str) -> None:
    try:
        challenges = parse_header(value)
    except AuthError:
        assert digest.parse_challenges([value]) == ()
    else:
        assert all(c.scheme == c.scheme.lower() for c in challenges)


def test_a_long_hostile_header_is_refused_at_once() -> None:
    with pytest.raises(AuthError):
        parse_header("Digest " + 'a="' + "\\" * 100_001)
    with pytest.raises(AuthError):
        parse_header("Digest " + "a=b," * 100_000)
