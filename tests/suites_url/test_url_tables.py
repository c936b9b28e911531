"""How the ACS URL cases judge what they saw, and that their tables are what they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness import catalogue
from harness.bench.traffic import Request
from harness.case import CaseRow, case, cases_from, spec_of
from harness.cwmp.digest import DigestChallenge, digest_authorization
from harness.verdict.transcript import Connection, Direction, HttpMessage, Role
from harness.verdict.verdict import Verdict
from suites import (
    acs_address,
    acs_credentials,
    acs_credentials_kept,
    acs_dialogue,
    acs_url,
    acs_url_changed,
    acs_url_invalid,
    upload,
)


def request(line: str, host: str, endpoint: str = "acs-http-odd", authorization: str = "") -> Request:
    headers = [("Host", host), *([("Authorization", authorization)] if authorization else [])]
    message = HttpMessage("c1.1", "c1", Direction.FROM_DEVICE, 0, 0, 0, 0, line, headers, b"", b"", 0, 0)
    connection = Connection("c1", Role.ACS, endpoint, ("192.0.2.1", 1), ("192.0.2.2", 7548), 0, 0)
    return Request(endpoint, connection, message)


@pytest.mark.parametrize(
    ("url", "hosts", "target"),
    [
        ("http://acs.test/cwmp", {"acs.test", "acs.test:80"}, "/cwmp"),
        ("http://ACS.test:7548", {"acs.test:7548"}, "/"),
        ("https://acs.test:443?x=%2F", {"acs.test", "acs.test:443"}, "/?x=%2F"),
        ("https://acs.test:80/a", {"acs.test:80"}, "/a"),
        ("http://[2001:DB8::1]/", {"[2001:db8::1]", "[2001:db8::1]:80"}, "/"),
    ],
)
def test_what_a_url_asks_for(url: str, hosts: set[str], target: str) -> None:
    assert acs_url.host_headers(url) == hosts
    assert acs_url.target_of(url) == target


@pytest.mark.parametrize(
    ("url", "seen", "verdict"),
    [
        ("http://acs.test:7548/a?b", request("POST /a?b HTTP/1.1", "ACS.test:7548"), Verdict.PASS),
        ("http://acs.test:7548/a?b", request("POST /a HTTP/1.1", "acs.test:7548"), Verdict.FAIL),
        ("http://acs.test:7548/a", request("POST /A HTTP/1.1", "acs.test:7548"), Verdict.FAIL),
        ("http://acs.test:7548/a", request("POST /a HTTP/1.1", "acs.test"), Verdict.FAIL),
        ("http://acs.test:7548/a", request("POST /a HTTP/1.1", "acs.test:7548", "acs-http-v4"), Verdict.FAIL),
        ("http://acs.test/a", request("POST /a HTTP/1.1", "acs.test:80"), Verdict.PASS),
        ("http://[2001:DB8:0::1]/a", request("POST /a HTTP/1.1", "[2001:db8::1]"), Verdict.PASS),
        ("http://[2001:db8::1]/a", request("POST /a HTTP/1.1", "2001:db8::1"), Verdict.FAIL),
        ("http://[2001:db8::1]/a", request("POST /a HTTP/1.1", ""), Verdict.FAIL),
    ],
)
def test_used_exactly(url: str, seen: Request, verdict: Verdict) -> None:
    assert acs_url.exactly(url, "acs-http-odd").judge([seen]).verdict is verdict


def test_no_request_is_no_use() -> None:
    assert acs_url.exactly("http://acs.test/", "acs-http-odd").judge([]).verdict is Verdict.FAIL


def frame(dst: str, dport: int) -> Any:
    return SimpleNamespace(dst=dst, dport=dport, number=9)


def bench_with(requests: list[Request], frames: list[Any]) -> Any:
    traffic = SimpleNamespace(
        requests=lambda _since: requests,
        connections=lambda _since: [each.connection for each in requests],
        attempts=lambda _since, anywhere: frames,
    )
    return SimpleNamespace(traffic=traffic)


def test_strays() -> None:
    right = request("POST /cwmp HTTP/1.1", "acs.test:7548")
    at = frame("192.0.2.2", 7548)
    allowed = ("acs-http-odd", "/cwmp")
    assert acs_url.strays(bench_with([right], [at]), None, allowed) == []  # type: ignore[arg-type]
    shortened = request("POST /cw HTTP/1.1", "acs.test:7548")
    assert len(acs_url.strays(bench_with([right, shortened], [at]), None, allowed)) == 1  # type: ignore[arg-type]
    elsewhere = request("POST /cwmp HTTP/1.1", "acs.test:80", "acs-http-v4")
    assert len(acs_url.strays(bench_with([elsewhere], []), None, allowed)) == 2  # type: ignore[arg-type]
    assert len(acs_url.strays(bench_with([right], [at, frame("192.0.2.9", 21)]), None, allowed)) == 1  # type: ignore[arg-type]
    assert len(acs_url.strays(bench_with([right], []), None)) == 2  # type: ignore[arg-type]


def test_who_is_named_in_authorization() -> None:
    challenge = DigestChallenge("r", "n", "MD5", ("auth",))
    digest = digest_authorization(
        challenge, username='q"u', password="p", method="POST", uri="/", nc=1, cnonce="c"
    )
    requests = [
        request("POST / HTTP/1.1", "h"),
        request("POST / HTTP/1.1", "h", authorization=digest),
        request("POST / HTTP/1.1", "h", authorization="Basic dTpw"),
        request("POST / HTTP/1.1", "h", authorization="Basic !"),
    ]
    assert acs_credentials_kept.users_of(requests) == {'q"u', "u"}
    assert {"digest", "basic"} <= acs_credentials.schemes_of(requests)


def test_pairs_are_as_long_as_they_may_be() -> None:
    pairs = {pair.id: pair for pair in acs_credentials.PAIRS}
    assert len(pairs["long-password"].password) == len(pairs["long-user"].username) == 256
    assert len({pair.username for pair in acs_credentials.PAIRS}) == len(acs_credentials.PAIRS)
    assert not any(":" in pair.username for pair in acs_credentials.PAIRS if pair.basic)
    for length in (32, 63, 64, 128, 255):  # every shorter part is another password
        assert pairs["long-password"].password[:length] != pairs["long-password"].password


def test_long_urls() -> None:
    bench: Any = SimpleNamespace(acs_url=lambda _endpoint: "http://acs.bench.test:7548/cwmp")
    assert [len(acs_url_invalid.long_url(bench, length)) for length in (256, 257)] == [256, 257]


def test_junk_leads_nowhere_that_is_right() -> None:
    """A mended or shortened junk URL must not be taken for the old one, whose path is /cwmp."""
    rows = (*acs_url_invalid.JUNK, *acs_url_invalid.SCHEMES)
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        path = row.url.format(at="h:1", host="h", name="n").partition("://")[2].partition("/")[2]
        assert path in ("", "cwmp-junk"), row.id


@pytest.mark.parametrize(
    "module",
    [
        acs_address,
        acs_credentials,
        acs_credentials_kept,
        acs_dialogue,
        acs_url,
        acs_url_changed,
        acs_url_invalid,
        upload,
    ],
)
def test_rows_are_cases_of_their_module(module: Any) -> None:
    """The self-test finds a case by module and name."""
    specs = [spec for name in vars(module) if (spec := spec_of(getattr(module, name))) is not None]
    assert len(specs) > 2
    for spec in specs:
        assert spec.module == module.__name__
        assert spec_of(getattr(module, spec.function)) is spec


def test_every_requirement_of_the_areas_has_a_case() -> None:
    checked = {requirement for spec in catalogue.cases() for requirement in spec.verifies}
    areas = {"activation", "acs-url", "acs-credentials", "secrecy", "upload"}
    missing = {each.id for each in catalogue.requirements() if each.area in areas} - checked
    assert missing == set()


def test_a_row_becomes_a_case() -> None:
    ran: list[object] = []
    namespace: dict[str, Any] = {"__name__": "suites.made_up"}
    row = CaseRow(
        "made-up.one",
        "Purpose.\n\nAccepted: all.",
        lambda bench, _case: ran.append(bench),
        "cwmp.x",
        ("https",),
    )
    cases_from(namespace, [row])
    spec = spec_of(namespace["made_up_one"])
    assert spec is not None
    assert (spec.id, spec.title, spec.needs, spec.module) == (
        "made-up.one",
        "Purpose.",
        ("https",),
        "suites.made_up",
    )
    namespace["made_up_one"]("bench", None)
    assert ran == ["bench"]
    with pytest.raises(ValueError, match="there already"):
        cases_from(namespace, [row])
    with pytest.raises(ValueError, match="docstring"):
        case("made-up.two", verifies="cwmp.x")(lambda _bench, _case: None)
