"""The cookie jar against RFC 6265 and the older syntax."""

import pytest

from harness.cwmp import cookies

HOST, NOW = "acs.example.com", 1_700_000_000.0


def jar(*headers: str, host: str = HOST, path: str = "/acs/in", now: float = NOW) -> cookies.CookieJar:
    result = cookies.CookieJar()
    for header in headers:
        result.store(header, host=host, path=path, now=now)
    return result


def sent(
    box: cookies.CookieJar, host: str = HOST, path: str = "/acs/in", secure: bool = False, now: float = NOW
) -> str | None:
    return box.header(host=host, path=path, secure=secure, now=now)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a=b", "a=b"),
        ("a=b=c; Path=/", "a=b=c"),
        ("  a  =  b c  ; HttpOnly", "a=b c"),
        ('a="b c"; Version=1', 'a="b c"'),
        ("a=", "a="),
        ("=b", None),
        ("a", None),
        ("", None),
        ("a=b\x00c", None),
        ("a=b; Max-Age=0", None),
        ("a=b; Max-Age=-1", None),
        ("a=b; Max-Age=10", "a=b"),
        ('a=b; Max-Age="10"; Version="1"', "a=b"),
        ("a=b; Max-Age=1e3", "a=b"),
        ("a=b; Max-Age=" + "9" * 5000, "a=b"),
        ("a=b; Expires=Wed, 09 Jun 2021 10:18:14 GMT", None),
        ("a=b; Expires=Wed, 09 Jun 2051 10:18:14 GMT", "a=b"),
        ("a=b; Expires=nonsense", "a=b"),
        ("a=b; Expires=Wed, 09 Jun 2021 10:18:14 GMT; Max-Age=5", "a=b"),
        ("a=b; Secure", None),
        ("a=b; Domain=example.com", "a=b"),
        ("a=b; Domain=.Example.COM", "a=b"),
        ("a=b; Domain=other.com", None),
        ("a=b; Domain=sub.acs.example.com", None),
        ("a=b; Domain=com", None),
        ("a=b; Domain=", "a=b"),
        ("a=b; Path=/acs", "a=b"),
        ("a=b; Path=/ac", None),
        ("a=b; Path=/acs/in/sub", None),
        ("a=b; Path=relative", "a=b"),
        ("a=b; path=/; SameSite=Lax; unknown", "a=b"),
    ],
)
def test_one_cookie(header: str, expected: str | None) -> None:
    assert sent(jar(header)) == expected


def test_secure_goes_over_tls_only() -> None:
    box = jar("a=b; Secure", "c=d")
    assert sent(box, secure=True) == "a=b; c=d"
    assert sent(box) == "c=d"


def test_hosts() -> None:
    box = jar("own=1", "all=2; Domain=example.com")
    assert sent(box) == "own=1; all=2"
    assert sent(box, host="other.example.com") == "all=2"
    assert sent(box, host="example.com") == "all=2"
    assert sent(box, host="badexample.com") is None
    assert sent(box, host="ACS.EXAMPLE.COM.") == "own=1; all=2"


@pytest.mark.parametrize("address", ["192.0.2.1", "[2001:db8::1]"])
def test_addresses(address: str) -> None:
    box = jar("a=b", f"c=d; Domain={address}", "e=f; Domain=0.2.1", host=address)
    assert sent(box, host=address) == "a=b; c=d"
    assert sent(box, host="192.0.2.2") is None


def test_a_host_without_dots_keeps_its_own() -> None:
    assert sent(jar("a=b; Domain=acs", host="acs"), host="acs") == "a=b"


@pytest.mark.parametrize(
    ("path", "default"), [("/", "/"), ("/a", "/"), ("/a/b", "/a"), ("/a/b/?c=/d", "/a/b"), ("", "/")]
)
def test_default_path(path: str, default: str) -> None:
    (cookie,) = jar("a=b", path=path)
    assert cookie.path == default


def test_longer_paths_first_then_older_cookies() -> None:
    box = jar("a=1; Path=/", "b=2; Path=/acs", "c=3; Path=/", "d=4; Path=/acs/in")
    assert sent(box) == "d=4; b=2; a=1; c=3"


def test_replacement_keeps_the_place_and_deletion_drops() -> None:
    box = jar("a=1", "b=2", "a=3")
    assert sent(box) == "a=3; b=2"
    box.store("a=; Max-Age=0", host=HOST, path="/acs/in", now=NOW)
    assert sent(box) == "b=2"
    box.clear()
    assert sent(box) is None
    assert len(box) == 0


def test_time_passes() -> None:
    box = jar("a=1; Max-Age=10", "b=2")
    assert sent(box, now=NOW + 9) == "a=1; b=2"
    assert sent(box, now=NOW + 10) == "b=2"


def test_several_old_cookies_in_one_header() -> None:
    box = jar('a="1, 2"; Version="1"; Path="/acs", b=3; Version=1; Discard; Port="80,7547",c=4; Version=1')
    assert sent(box) == 'a="1, 2"; b=3; c=4'
    assert sent(jar("a=1, b=2")) == "a=1, b=2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("8:49:37 6 november 94", 784111777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("31 Feb 2020 00:00:00", None),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 2020 24:00:00", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: int | None) -> None:
    assert cookies.parse_date(text) == expected


def test_a_flood_is_bounded() -> None:
    box = jar(*(f"c{i}=x" for i in range(1000)))
    assert len(box) == cookies.MOST_COOKIES
    assert "c999=x" in (sent(box) or "")
    assert sent(jar("a=" + "x" * 1_000_000)) is None
    assert sent(jar("a=" + "x" * 4096)) == "a=" + "x" * 4096
