"""Known-nasty HTTP answers of the ACS, by hand (rows H1 to H10): a permanent case of every campaign each."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http import messages as h
from harness.fuzz.http.nasty_heads import head_rows
from harness.fuzz.program import Expectation, Origin, Program, Raw, Repeat, Wanted
from harness.fuzz.session.steps import get_values, http

GENERATOR: Final = "nasty/1"
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


def rows(device: DeviceFacts) -> Iterator[h.Row]:
    """The table, made for one device."""
    body = get_values(device, namespace=device.namespace)
    yield from _status(body)
    yield from _lengths(body)
    yield from _chunks(body)
    yield from _coded(body)
    yield from head_rows(body)


def _status(body: bytes) -> Iterator[h.Row]:
    whole = http(body)
    rest = whole.partition(b"\r\n")[2]
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    for count in (1, 10):
        yield h.Row(
            f"interim-{count}",
            "H1",
            CONTINUE,
            h.in_session(Repeat(interim, count), Raw(whole)),
            f"{count} times 100 before the answer",
        )
    yield h.Row(
        "interim-10000",
        "H1",
        h.ANYTHING,
        h.in_session(Repeat(interim, 10_000), Raw(whole)),
        "ten thousand times 100",
    )
    yield h.Row(
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
        expectation = h.FRAMING if name == "no-reason" else h.ANYTHING
        yield h.Row(
            f"status-{name}",
            "H1",
            expectation,
            h.in_session(
                Raw(line.encode() + b"\r\n" + rest), then=h.WAIT if expectation is h.FRAMING else h.FIN
            ),
            f"the status line {line[:40]!r}",
        )
    yield h.Row(
        "line-feeds",
        "H1",
        h.ANYTHING,
        h.in_session(Raw(whole.replace(b"\r\n", b"\n", 4)), then=h.FIN),
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
        yield h.Row(
            f"status-{status[:3]}",
            "H1",
            h.ANYTHING,
            h.in_session(Raw(http(body, status)), then=h.FIN),
            f"status {status}",
        )


def _lengths(body: bytes) -> Iterator[h.Row]:
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
        lines = h.head("HTTP/1.1 200 OK", h.XML, *(f"Content-Length: {value}" for value in values))
        yield h.Row(
            f"length-{name}",
            "H2",
            h.ANYTHING,
            h.in_session(Raw(lines + body), then=h.FIN),
            f"Content-Length {values}",
        )
    yield h.Row(
        "length-missing",
        "H2",
        h.FRAMING,
        h.in_session(Raw(h.head("HTTP/1.1 200 OK", h.XML, "Connection: close") + body), then=h.FIN),
        "a body that ends with the connection",
    )
    yield h.Row(
        "length-and-chunked",
        "H2",
        h.ANYTHING,
        h.in_session(
            Raw(
                h.head("HTTP/1.1 200 OK", h.XML, "Content-Length: 5", "Transfer-Encoding: chunked")
                + _chunked(body)
            ),
            then=h.FIN,
        ),
        "both framings",
    )
    yield h.Row(
        "body-cut-off",
        "H2",
        CUT_OFF,
        h.in_session(Raw(http(body)[:-60]), then=h.FIN),
        "the connection ends inside the body",
    )


def _chunked(body: bytes, step: int = 64, extension: bytes = b"") -> bytes:
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n\r\n"


def _chunks(body: bytes) -> Iterator[h.Row]:
    head = h.head("HTTP/1.1 200 OK", h.XML, "Transfer-Encoding: chunked")
    good = {
        "one-octet": _chunked(body, 1),
        "leading-zeros": b"000%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        "extension": _chunked(body, 100, b";a=b"),
        "trailer": _chunked(body)[:-2] + b"X-T: 1\r\n\r\n",
    }
    for name, data in good.items():
        yield h.Row(f"chunks-{name}", "H3", h.FRAMING, h.in_session(Raw(head + data)), f"chunks: {name}")
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
        expectation = CUT_OFF if name == "truncated" else h.ANYTHING
        yield h.Row(
            f"chunks-{name}", "H3", expectation, h.in_session(Raw(head + data), then=h.FIN), f"chunks: {name}"
        )
    yield h.Row(
        "chunks-endless",
        "H3",
        h.ANYTHING,
        h.in_session(Raw(head), Repeat(b"1\r\nA\r\n", 50_000), then=h.FIN),
        "fifty thousand chunks of one octet, and no end",
    )
    for coding in ("chunked, chunked", "gzip, chunked", "identity", "x", "chunked;q=1"):
        lines = h.head("HTTP/1.1 200 OK", h.XML, f"Transfer-Encoding: {coding}")
        yield h.Row(
            f"coding-{coding.replace(', ', '-')}",
            "H3",
            h.ANYTHING,
            h.in_session(Raw(lines + _chunked(body)), then=h.FIN),
            f"Transfer-Encoding: {coding}",
        )


def _coded(body: bytes) -> Iterator[h.Row]:
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
        yield h.Row(
            f"{name}",
            "H4",
            h.ANYTHING,
            h.in_session(Raw(http(data, "200 OK", f"Content-Encoding: {coding}")), then=h.FIN),
            f"a body with Content-Encoding: {coding}: {name}",
        )


def nasty(device: DeviceFacts) -> Iterator[Program]:
    """The table as programs against *device*."""
    for row in rows(device):
        yield h.program(
            row.actions, row.expectation, Origin(GENERATOR, row.dimension, name=f"http.{row.name}"), row.words
        )
