"""The part of the hand-written HTTP answers that attacks by headers, time and reuse (rows H5 to H10). Data."""

from __future__ import annotations

from collections.abc import Iterator

from harness.fuzz.http import messages as h
from harness.fuzz.program import Action, Cut, Expect, Pause, Raw, Repeat
from harness.fuzz.session.steps import ANSWER, http


def head_rows(body: bytes) -> Iterator[h.Row]:
    """The rows; *body* is a request that the device would carry out."""
    yield from _headers(body)
    yield from _cookies()
    yield from _challenges()
    yield from _redirects()
    yield from _timing(body)
    yield from _reuse(body)


def _headers(body: bytes) -> Iterator[h.Row]:
    def answer(*headers: str) -> Raw:
        return Raw(http(body, "200 OK", *headers))

    for name, words, headers in (
        ("other-case", "header names in capitals", ("X-OTHER: 1", "sERVER: x")),
        ("unknown-50", "fifty unknown headers", tuple(f"X-{n}: {n}" for n in range(50))),
    ):
        yield h.Row(f"headers-{name}", "H5", h.FRAMING, h.in_session(answer(*headers)), words)
    for name, words, headers in (
        ("1000", "a thousand headers", tuple(f"X-{n}: {n}" for n in range(1000))),
        ("folded", "a folded header", ("X-A: 1\r\n 2",)),
        ("nul", "NUL in a header", ("X-A: a\0b",)),
        ("8-bit", "octets above 127", ("X-A: \xff\xfe",)),
        ("no-colon", "a line without colon", ("no colon",)),
        ("blank-before-colon", "a blank before the colon", ("X-A : 1",)),
        ("two-types", "two Content-Types", ("Content-Type: text/html",)),
        ("utf-16", "a charset that is not that of the body", ("Content-Type: text/xml; charset=utf-16",)),
        ("soapaction", "SOAPAction in an answer", ("SOAPAction: x", "SOAPAction: y")),
        ("close", "Connection: close", ("Connection: close",)),
        ("keep-alive-0", "Keep-Alive: timeout=0", ("Keep-Alive: timeout=0, max=0",)),
        ("upgrade", "an upgrade", ("Upgrade: h2c", "Connection: Upgrade")),
        ("name-4096", "a header name of 4096 octets", ("N" * 4096 + ": 1",)),
    ):
        yield h.Row(f"headers-{name}", "H5", h.ANYTHING, h.in_session(answer(*headers), then=h.FIN), words)
    for size in (65_536, 1_000_000):
        yield h.Row(
            f"header-{size}",
            "H5",
            h.ANYTHING,
            h.in_session(
                Raw(b"HTTP/1.1 200 OK\r\nX-A: "),
                Repeat(b"A", size),
                Raw(b"\r\n" + http(body).partition(b"\r\n")[2]),
                then=h.FIN,
            ),
            f"a header of {size} octets",
        )
    yield h.Row(
        "headers-endless",
        "H5",
        h.ANYTHING,
        h.in_session(Raw(b"HTTP/1.1 200 OK\r\n"), Repeat(b"X-A: 1\r\n", 100_000), then=h.FIN),
        "a hundred thousand headers and no end",
    )


def _cookies() -> Iterator[h.Row]:
    for name, words, lines in (
        ("50", "fifty cookies", tuple(f"Set-Cookie: c{n}={n}" for n in range(50))),
        ("1000", "a thousand cookies", tuple(f"Set-Cookie: c{n}={n}" for n in range(1000))),
        ("4096", "a cookie of 4096 octets", ("Set-Cookie: a=" + "A" * 4096,)),
        ("100000", "a cookie of 100000 octets", ("Set-Cookie: a=" + "A" * 100_000,)),
        (
            "no-name",
            "a cookie without name",
            ("Set-Cookie: =x", "Set-Cookie: x", "Set-Cookie:", "Set-Cookie: ;;;"),
        ),
        (
            "expired",
            "an expired cookie",
            ("Set-Cookie: a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=-1",),
        ),
        (
            "other-domain",
            "a cookie for another host",
            ("Set-Cookie: a=1; Domain=example.invalid", "Set-Cookie: b=1; Path=/other/../.."),
        ),
        (
            "wild-dates",
            "dates that do not exist",
            ("Set-Cookie: a=1; Expires=Foo, 99 Bar 99999 99:99:99 GMT; Max-Age=9999999999999999999",),
        ),
        ("controls", "control octets in a cookie", ("Set-Cookie: a=\x01\x02\x7f\xff",)),
    ):
        yield h.Row(
            f"cookies-{name}",
            "H6",
            h.ANYTHING,
            h.in_session(Raw(h.head("HTTP/1.1 204 No Content", *lines))),
            words,
        )


def _challenges() -> Iterator[h.Row]:
    def refuse(*challenges: str) -> Raw:
        return Raw(
            h.head(
                "HTTP/1.1 401 Unauthorized",
                "Content-Length: 0",
                *(f"WWW-Authenticate: {each}" for each in challenges),
            )
        )

    for name, words, challenge in (
        ("no-nonce", "no nonce", 'Digest realm="x", qop="auth"'),
        ("no-realm", "no realm", 'Digest nonce="n", qop="auth"'),
        ("empty", "an empty challenge", ""),
        ("scheme-only", "the scheme alone", "Digest"),
        ("unknown-algorithm", "an unknown algorithm", 'Digest realm="x", nonce="n", algorithm=ROT13'),
        ("unknown-qop", "an unknown qop", 'Digest realm="x", nonce="n", qop="auth-conf"'),
        ("auth-int", "qop auth-int", 'Digest realm="x", nonce="n", qop="auth-int"'),
        ("unclosed", "a quote that does not end", 'Digest realm="x, nonce="n'),
        ("basic", "Basic without TLS", 'Basic realm="x"'),
        ("injection", "line ends in the realm", 'Digest realm="x%0d%0aX: y\\r\\n", nonce="n", qop="auth"'),
        ("format", "formats in the realm", 'Digest realm="%n%n%s", nonce="%n", qop="auth"'),
        ("long-nonce", "a nonce of 64 KB", f'Digest realm="x", nonce="{"N" * 65_536}", qop="auth"'),
        ("long-realm", "a realm of 64 KB", f'Digest realm="{"R" * 65_536}", nonce="n"'),
        (
            "long-opaque",
            "an opaque of 8 KB",
            f'Digest realm="x", nonce="n", opaque="{"O" * 8192}", qop="auth"',
        ),
    ):
        own = challenge.replace('nonce="n"', f'nonce="n-{name}"')
        yield h.Row(f"challenge-{name}", "H7", h.ANYTHING, h.in_place(refuse(own)), f"a challenge: {words}")
    stale: tuple[Action, ...] = (
        refuse('Digest realm="x", nonce="n-stale", qop="auth", stale=true'),
        Expect(ANSWER),
    )
    yield h.Row("challenge-for-ever", "H7", h.ANYTHING, stale * 8, "401 with stale=true again and again")
    yield h.Row(
        "challenge-100",
        "H7",
        h.ANYTHING,
        h.in_place(refuse(*(f'Digest realm="r{n}", nonce="n-many-{n}", qop="auth"' for n in range(100)))),
        "a hundred challenges",
    )


def _redirects() -> Iterator[h.Row]:
    def to(location: str, status: str = "302 Found") -> Raw:
        return Raw(h.head(f"HTTP/1.1 {status}", "Content-Length: 0", f"Location: {location}"))

    for name, location in (
        ("ftp", "ftp://@{acs.host}/x"),
        ("file", "file:///etc/passwd"),
        ("gopher", "gopher://@{acs.host}/_x"),
        ("javascript", "javascript:alert(1)"),
        ("empty", ""),
        ("no-host", "http:///x"),
        ("double-slash", "//"),
        ("bad-port", "http://127.0.0.1:99999/"),
        ("port-letters", "http://127.0.0.1:x/"),
        ("zone", "http://[fe80::1%25eth0]/"),
        ("unclosed-bracket", "http://[::1/"),
        ("userinfo", "http://user:secret@@{acs.host}/x"),
        ("shell", "http://@{acs.host}/`nslookup @{canary}`"),
        ("nul", "http://@{acs.host}/\0"),
        ("8-bit", "http://@{acs.host}/\xff\xfe"),
        ("long", "http://@{acs.host}/" + "A" * 65_536),
        ("long-host", "http://" + "a" * 3000 + "/"),
        ("format", "http://@{acs.host}/%n%s"),
    ):
        yield h.Row(
            f"redirect-{name}", "H8", h.ANYTHING, h.in_place(to(location)), f"a redirect to {location[:40]!r}"
        )
    for status in ("301 Moved", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):
        yield h.Row(
            f"redirect-loop-{status[:3]}",
            "H8",
            h.ANYTHING,
            (to("@{acs.url}", status), Expect(ANSWER)) * 12,
            f"a loop of {status[:3]}",
        )
    yield h.Row(
        "redirect-no-location",
        "H8",
        h.ANYTHING,
        h.in_place(Raw(h.head("HTTP/1.1 302 Found", "Content-Length: 0"))),
        "302 without Location",
    )
    yield h.Row(
        "redirect-two-locations",
        "H8",
        h.ANYTHING,
        h.in_place(Raw(h.head("HTTP/1.1 302 Found", "Content-Length: 0", "Location: /a", "Location: /b"))),
        "two Locations",
    )


def _timing(body: bytes) -> Iterator[h.Row]:
    whole = http(body)
    spots = {
        "status": 9,
        "headers": whole.index(b"\r\n\r\n") - 5,
        "blank-line": whole.index(b"\r\n\r\n") + 4,
        "body": len(whole) - 30,
    }
    for name, at in spots.items():
        for how in ("fin", "reset"):
            yield h.Row(
                f"cut-{how}-in-{name}",
                "H9",
                h.ANYTHING,
                h.in_session(Raw(whole[:at]), Cut(how)),
                f"{how} after octet {at}",
            )
    yield h.Row(
        "stall-in-headers",
        "H9",
        h.ANYTHING,
        h.in_session(Raw(whole[: spots["headers"]]), Pause(120.0)),
        "silence inside the headers",
    )
    yield h.Row(
        "stall-in-body",
        "H9",
        h.ANYTHING,
        h.in_session(Raw(whole[: spots["body"]]), Pause(120.0)),
        "silence inside the body",
    )
    drops = tuple(action for octet in whole[:12] for action in (Raw(bytes((octet,))), Pause(10.0)))
    yield h.Row(
        "slow-status", "H9", h.ANYTHING, h.in_session(*drops, Raw(whole[12:])), "an octet every ten seconds"
    )


def _reuse(body: bytes) -> Iterator[h.Row]:
    whole = http(body)
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    yield h.Row(
        "extra-answer",
        "H10",
        h.ANYTHING,
        h.in_session(Raw(whole + extra * 3), then=h.FIN),
        "three answers more than asked for",
    )
    yield h.Row(
        "junk-behind",
        "H10",
        h.ANYTHING,
        h.in_session(Raw(whole + b"\0\xff" * 500), then=h.FIN),
        "junk behind the answer",
    )
    yield h.Row(
        "junk",
        "H10",
        h.ANYTHING,
        h.in_session(Raw(bytes(range(256)) * 8), then=h.FIN),
        "junk in place of an answer",
    )
    yield h.Row(
        "tls-alert",
        "H10",
        h.ANYTHING,
        h.in_session(Raw(b"\x15\x03\x01\x00\x02\x02\x28"), then=h.FIN),
        "a TLS alert in clear",
    )
    yield h.Row(
        "close-after-answer",
        "H10",
        h.FRAMING,
        h.in_session(Raw(http(body, "200 OK", "Connection: close")), then=h.FIN),
        "the connection ends after the answer",
    )
