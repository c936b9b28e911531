"""Known-nasty HTTP answers of the ACS, by hand (rows H1 to H10): a permanent case of every campaign each."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from harness.fuzz import http_messages as h
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.program import Action, Cut, Expect, Expectation, Origin, Pause, Program, Raw, Repeat, Wanted
from harness.fuzz.session_steps import ANSWER, get_values, http

GENERATOR: Final = "nasty/1"
ANYTHING: Final = Expectation(because="only robustness is judged")
FRAMING: Final = Expectation(
    Wanted.SUCCESS, requirement="cwmp.http.response-framing", because="RFC 9112 6 and 7; RFC 9110 5"
)
CONTINUE: Final = Expectation(
    Wanted.SUCCESS, requirement="cwmp.http.continue", because="RFC 9110 15.2: any number of interim responses"
)
CUT_OFF: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="cwmp.robust.fault-or-clean-end",
    because="RFC 9112 8: an incomplete message; XML 1.0: no document without its end",
)
ZEROS: Final = 50_000_000
"""Octets that the compression bombs unpack to."""


@dataclass(frozen=True, slots=True)
class Row:
    """A case: id, dimension, what may follow, what is done, in words."""

    name: str
    dimension: str
    expectation: Expectation
    actions: tuple[Action, ...]
    words: str


def _head(status_line: str, *headers: str) -> bytes:
    return "\r\n".join([status_line, *headers, "", ""]).encode("latin-1")


_XML: Final = "Content-Type: text/xml"
_FIN: Final[tuple[Action, ...]] = (Cut("fin"), Expect(ANSWER))
_WAIT: Final[tuple[Action, ...]] = (Expect(ANSWER),)


def rows(device: DeviceFacts) -> Iterator[Row]:
    """The table, made for one device."""
    body = get_values(device, namespace=device.namespace)
    yield from _status(body)
    yield from _lengths(body)
    yield from _chunks(body)
    yield from _coded(body)
    yield from _headers(body)
    yield from _cookies()
    yield from _challenges()
    yield from _redirects()
    yield from _timing(body)
    yield from _reuse(body)


def _status(body: bytes) -> Iterator[Row]:
    whole = http(body)
    rest = whole.partition(b"\r\n")[2]
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    for count in (1, 10):
        yield Row(
            f"interim-{count}",
            "H1",
            CONTINUE,
            h.in_session(Repeat(interim, count), Raw(whole)),
            f"{count} times 100 before the answer",
        )
    yield Row(
        "interim-10000",
        "H1",
        ANYTHING,
        h.in_session(Repeat(interim, 10_000), Raw(whole)),
        "ten thousand times 100",
    )
    yield Row(
        "interim-102",
        "H1",
        CONTINUE,
        h.in_session(Raw(b"HTTP/1.1 102 Processing\r\n\r\n" + whole)),
        "102 before the answer",
    )
    for name, line in (
        ("no-reason", "HTTP/1.1 200 "),
        ("no-reason-no-blank", "HTTP/1.1 200"),
        ("version-9-9", "HTTP/9.9 200 OK"),
        ("version-1-0", "HTTP/1.0 200 OK"),
        ("four-digits", "HTTP/1.1 2000 OK"),
        ("negative", "HTTP/1.1 -200 OK"),
        ("letters", "HTTP/1.1 two OK"),
        ("zero", "HTTP/1.1 000 OK"),
        ("999", "HTTP/1.1 999 OK"),
        ("no-http", "ICY 200 OK"),
        ("long-reason", "HTTP/1.1 200 " + "A" * 3000),
        ("very-long-reason", "HTTP/1.1 200 " + "A" * 100_000),
        ("format-reason", "HTTP/1.1 200 %n%n%s%s"),
        ("empty", ""),
    ):
        expectation = FRAMING if name == "no-reason" else ANYTHING
        yield Row(
            f"status-{name}",
            "H1",
            expectation,
            h.in_session(Raw(line.encode() + b"\r\n" + rest), then=_WAIT if expectation is FRAMING else _FIN),
            f"the status line {line[:40]!r}",
        )
    yield Row(
        "line-feeds",
        "H1",
        ANYTHING,
        h.in_session(Raw(whole.replace(b"\r\n", b"\n", 4)), then=_FIN),
        "lines that end with LF",
    )
    for status in (
        "201 Created",
        "206 Partial Content",
        "300 Choices",
        "304 Not Modified",
        "402 Pay",
        "418 Teapot",
        "500 Error",
        "599 X",
    ):
        yield Row(
            f"status-{status[:3]}",
            "H1",
            ANYTHING,
            h.in_session(Raw(http(body, status)), then=_FIN),
            f"status {status}",
        )


def _lengths(body: bytes) -> Iterator[Row]:
    size = len(body)
    for name, values in (
        ("zero", ["0"]),
        ("short", [str(size - 40)]),
        ("long", [str(size + 40)]),
        ("negative", ["-1"]),
        ("plus", [f"+{size}"]),
        ("hex", [hex(size)]),
        ("2-31", ["2147483648"]),
        ("2-32", ["4294967296"]),
        ("2-63", ["9223372036854775808"]),
        ("2-64", ["18446744073709551616"]),
        ("40-digits", ["9" * 40]),
        ("two-equal", [str(size)] * 2),
        ("two-different", [str(size), str(size - 1)]),
        ("list", [f"{size}, {size}"]),
        ("letters", ["many"]),
        ("empty", [""]),
    ):
        lines = _head("HTTP/1.1 200 OK", _XML, *(f"Content-Length: {value}" for value in values))
        yield Row(
            f"length-{name}",
            "H2",
            ANYTHING,
            h.in_session(Raw(lines + body), then=_FIN),
            f"Content-Length {values}",
        )
    yield Row(
        "length-missing",
        "H2",
        FRAMING,
        h.in_session(Raw(_head("HTTP/1.1 200 OK", _XML, "Connection: close") + body), then=_FIN),
        "a body that ends with the connection",
    )
    yield Row(
        "length-and-chunked",
        "H2",
        ANYTHING,
        h.in_session(
            Raw(
                _head("HTTP/1.1 200 OK", _XML, "Content-Length: 5", "Transfer-Encoding: chunked")
                + _chunked(body)
            ),
            then=_FIN,
        ),
        "both framings",
    )
    yield Row(
        "body-cut-off",
        "H2",
        CUT_OFF,
        h.in_session(Raw(http(body)[:-60]), then=_FIN),
        "the connection ends inside the body",
    )


def _chunked(body: bytes, step: int = 64, extension: bytes = b"") -> bytes:
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n\r\n"


def _chunks(body: bytes) -> Iterator[Row]:
    head = _head("HTTP/1.1 200 OK", _XML, "Transfer-Encoding: chunked")
    good = {
        "one-octet": _chunked(body, 1),
        "leading-zeros": b"000%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        "extension": _chunked(body, 100, b";a=b"),
        "trailer": _chunked(body)[:-2] + b"X-T: 1\r\n\r\n",
    }
    for name, data in good.items():
        yield Row(f"chunks-{name}", "H3", FRAMING, h.in_session(Raw(head + data)), f"chunks: {name}")
    bad = {
        "zero-first": b"0\r\n\r\n" + _chunked(body),
        "huge": b"ffffffffffffffff\r\n" + body,
        "very-huge": b"f" * 64 + b"\r\n" + body,
        "negative": b"-1\r\n" + body,
        "letters": b"zz\r\n" + body,
        "no-line-end": b"5\r\nhello5\r\nworld0\r\n\r\n",
        "line-feeds": _chunked(body).replace(b"\r\n", b"\n"),
        "long-extension": _chunked(body, 1000, b";" + b"x" * 65_536),
        "truncated": _chunked(body)[:-80],
        "empty-size": b"\r\n" + body,
        "hex-prefix": b"0x10\r\n" + body[:16] + b"\r\n0\r\n\r\n",
        "trailers-10000": _chunked(body)[:-2] + b"X-T: 1\r\n" * 10_000 + b"\r\n",
    }
    for name, data in bad.items():
        expectation = CUT_OFF if name == "truncated" else ANYTHING
        yield Row(
            f"chunks-{name}", "H3", expectation, h.in_session(Raw(head + data), then=_FIN), f"chunks: {name}"
        )
    yield Row(
        "chunks-endless",
        "H3",
        ANYTHING,
        h.in_session(Raw(head), Repeat(b"1\r\nA\r\n", 50_000), then=_FIN),
        "fifty thousand chunks of one octet, and no end",
    )
    for coding in ("chunked, chunked", "gzip, chunked", "identity", "x", "chunked;q=1"):
        lines = _head("HTTP/1.1 200 OK", _XML, f"Transfer-Encoding: {coding}")
        yield Row(
            f"coding-{coding.replace(', ', '-')}",
            "H3",
            ANYTHING,
            h.in_session(Raw(lines + _chunked(body)), then=_FIN),
            f"Transfer-Encoding: {coding}",
        )


def _coded(body: bytes) -> Iterator[Row]:
    bomb = gzip.compress(b"\0" * ZEROS, 9, mtime=0)
    wrong = bytearray(gzip.compress(body, mtime=0))
    wrong[-6] ^= 0xFF
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    for name, coding, data in (
        ("gzip-unasked", "gzip", gzip.compress(body, mtime=0)),
        ("deflate-unasked", "deflate", zlib.compress(body)),
        ("raw-deflate", "deflate", raw.compress(body) + raw.flush()),
        ("gzip-wrong-crc", "gzip", bytes(wrong)),
        ("gzip-truncated", "gzip", gzip.compress(body, mtime=0)[:-20]),
        ("gzip-two-members", "gzip", gzip.compress(body[:50], mtime=0) + gzip.compress(body[50:], mtime=0)),
        ("gzip-junk", "gzip", bytes(range(256))),
        ("gzip-bomb", "gzip", bomb),
        ("gzip-nested", "gzip, gzip", gzip.compress(bomb, mtime=0)),
        ("unknown-coding", "br", body),
        ("gzip-plain", "gzip", body),
    ):
        yield Row(
            f"{name}",
            "H4",
            ANYTHING,
            h.in_session(Raw(http(data, "200 OK", f"Content-Encoding: {coding}")), then=_FIN),
            f"a body with Content-Encoding: {coding}: {name}",
        )


def _headers(body: bytes) -> Iterator[Row]:
    def answer(*headers: str) -> Raw:
        return Raw(http(body, "200 OK", *headers))

    for name, words, headers in (
        ("other-case", "header names in capitals", ("X-OTHER: 1", "sERVER: x")),
        ("unknown-50", "fifty unknown headers", tuple(f"X-{n}: {n}" for n in range(50))),
    ):
        yield Row(f"headers-{name}", "H5", FRAMING, h.in_session(answer(*headers)), words)
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
        yield Row(f"headers-{name}", "H5", ANYTHING, h.in_session(answer(*headers), then=_FIN), words)
    for size in (65_536, 1_000_000):
        yield Row(
            f"header-{size}",
            "H5",
            ANYTHING,
            h.in_session(
                Raw(b"HTTP/1.1 200 OK\r\nX-A: "),
                Repeat(b"A", size),
                Raw(b"\r\n" + http(body).partition(b"\r\n")[2]),
                then=_FIN,
            ),
            f"a header of {size} octets",
        )
    yield Row(
        "headers-endless",
        "H5",
        ANYTHING,
        h.in_session(Raw(b"HTTP/1.1 200 OK\r\n"), Repeat(b"X-A: 1\r\n", 100_000), then=_FIN),
        "a hundred thousand headers and no end",
    )


def _cookies() -> Iterator[Row]:
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
        yield Row(
            f"cookies-{name}",
            "H6",
            ANYTHING,
            h.in_session(Raw(_head("HTTP/1.1 204 No Content", *lines))),
            words,
        )


def _challenges() -> Iterator[Row]:
    def refuse(*challenges: str) -> Raw:
        return Raw(
            _head(
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
        yield Row(f"challenge-{name}", "H7", ANYTHING, h.in_place(refuse(own)), f"a challenge: {words}")
    stale: tuple[Action, ...] = (
        refuse('Digest realm="x", nonce="n-stale", qop="auth", stale=true'),
        Expect(ANSWER),
    )
    yield Row("challenge-for-ever", "H7", ANYTHING, stale * 8, "401 with stale=true again and again")
    yield Row(
        "challenge-100",
        "H7",
        ANYTHING,
        h.in_place(refuse(*(f'Digest realm="r{n}", nonce="n-many-{n}", qop="auth"' for n in range(100)))),
        "a hundred challenges",
    )


def _redirects() -> Iterator[Row]:
    def to(location: str, status: str = "302 Found") -> Raw:
        return Raw(_head(f"HTTP/1.1 {status}", "Content-Length: 0", f"Location: {location}"))

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
        yield Row(
            f"redirect-{name}", "H8", ANYTHING, h.in_place(to(location)), f"a redirect to {location[:40]!r}"
        )
    for status in ("301 Moved", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"):
        yield Row(
            f"redirect-loop-{status[:3]}",
            "H8",
            ANYTHING,
            (to("@{acs.url}", status), Expect(ANSWER)) * 12,
            f"a loop of {status[:3]}",
        )
    yield Row(
        "redirect-no-location",
        "H8",
        ANYTHING,
        h.in_place(Raw(_head("HTTP/1.1 302 Found", "Content-Length: 0"))),
        "302 without Location",
    )
    yield Row(
        "redirect-two-locations",
        "H8",
        ANYTHING,
        h.in_place(Raw(_head("HTTP/1.1 302 Found", "Content-Length: 0", "Location: /a", "Location: /b"))),
        "two Locations",
    )


def _timing(body: bytes) -> Iterator[Row]:
    whole = http(body)
    spots = {
        "status": 9,
        "headers": whole.index(b"\r\n\r\n") - 5,
        "blank-line": whole.index(b"\r\n\r\n") + 4,
        "body": len(whole) - 30,
    }
    for name, at in spots.items():
        for how in ("fin", "reset"):
            yield Row(
                f"cut-{how}-in-{name}",
                "H9",
                ANYTHING,
                h.in_session(Raw(whole[:at]), Cut(how)),
                f"{how} after octet {at}",
            )
    yield Row(
        "stall-in-headers",
        "H9",
        ANYTHING,
        h.in_session(Raw(whole[: spots["headers"]]), Pause(120.0)),
        "silence inside the headers",
    )
    yield Row(
        "stall-in-body",
        "H9",
        ANYTHING,
        h.in_session(Raw(whole[: spots["body"]]), Pause(120.0)),
        "silence inside the body",
    )
    drops = tuple(action for octet in whole[:12] for action in (Raw(bytes((octet,))), Pause(10.0)))
    yield Row(
        "slow-status", "H9", ANYTHING, h.in_session(*drops, Raw(whole[12:])), "an octet every ten seconds"
    )


def _reuse(body: bytes) -> Iterator[Row]:
    whole = http(body)
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    yield Row(
        "extra-answer",
        "H10",
        ANYTHING,
        h.in_session(Raw(whole + extra * 3), then=_FIN),
        "three answers more than asked for",
    )
    yield Row(
        "junk-behind",
        "H10",
        ANYTHING,
        h.in_session(Raw(whole + b"\0\xff" * 500), then=_FIN),
        "junk behind the answer",
    )
    yield Row(
        "junk",
        "H10",
        ANYTHING,
        h.in_session(Raw(bytes(range(256)) * 8), then=_FIN),
        "junk in place of an answer",
    )
    yield Row(
        "tls-alert",
        "H10",
        ANYTHING,
        h.in_session(Raw(b"\x15\x03\x01\x00\x02\x02\x28"), then=_FIN),
        "a TLS alert in clear",
    )
    yield Row(
        "close-after-answer",
        "H10",
        FRAMING,
        h.in_session(Raw(http(body, "200 OK", "Connection: close")), then=_FIN),
        "the connection ends after the answer",
    )


def nasty(device: DeviceFacts) -> Iterator[Program]:
    """The table as programs against *device*."""
    for row in rows(device):
        yield h.program(
            row.actions, row.expectation, Origin(GENERATOR, row.dimension, name=f"http.{row.name}"), row.words
        )
