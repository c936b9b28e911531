"""Known-nasty answers of a file server to the GET of a Download, by hand: a permanent case of every campaign each.

What a program writes up to a wait answers one request; what stands last answers all further ones.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Final

from harness.fuzz.program import (
    Action,
    Cut,
    Expect,
    Expectation,
    Origin,
    Pause,
    Program,
    Raw,
    Repeat,
    Surface,
    Wanted,
)

GENERATOR: Final = "nasty/1"
GOOD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: @{file.length}\r\n\r\n@{file.content}"
"""The right answer: a file that the device takes."""
ANYTHING: Final = Expectation(because="only robustness is judged")
TAKEN: Final = Expectation(
    Wanted.SUCCESS,
    requirement="lcos.file.executed-when-on",
    because="TR-069 Amendment 6, A.3.2.8; RFC 9112 6",
)
FAILS: Final = Expectation(
    Wanted.FAULT,
    requirement="cwmp.download.failure-codes",
    because="TR-069 Amendment 6, A.3.2.8: a failed transfer is reported with a fault",
)
UNUSED: Final = Expectation(
    Wanted.FAULT, requirement="cwmp.download.bad-image-unused", because="TR-069 Amendment 6, A.3.2.8"
)
_NEXT: Final = Expect(30.0)


def _head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode("latin-1")


_CLOSED: Final = _head("200 OK", "Connection: close")
"""The file ends with the connection."""
_CHUNKED: Final = _head("200 OK", "Transfer-Encoding: chunked")


def _refusals() -> Iterator[tuple[str, Expectation, tuple[Action, ...], str]]:
    for status in (
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "410 Gone",
        "500 Error",
        "503 Unavailable",
    ):
        yield f"status-{status[:3]}", FAILS, (Raw(_head(status, "Content-Length: 0")),), f"status {status}"
    for name, challenge in (
        ("digest", 'Digest realm="x", nonce="n", qop="auth"'),
        ("basic", 'Basic realm="x"'),
        ("none", ""),
        ("long", f'Digest realm="{"R" * 20_000}", nonce="n"'),
    ):
        data = _head("401 Unauthorized", "Content-Length: 0", f"WWW-Authenticate: {challenge}")
        yield f"refused-{name}", FAILS, (Raw(data),), f"401 for ever: {name}"
    for name, to in (
        ("loop", "@{file.url}"),
        ("ftp", "ftp://127.0.0.1/x"),
        ("file", "file:///etc/passwd"),
        ("empty", ""),
        ("long", "http://" + "a" * 3000 + "/"),
    ):
        expectation = FAILS if name == "loop" else ANYTHING
        yield (
            f"redirect-{name}",
            expectation,
            (Raw(_head("302 Found", "Content-Length: 0", f"Location: {to}")),),
            f"a redirect: {name}",
        )


def _truncations() -> Iterator[tuple[str, Expectation, tuple[Action, ...], str]]:
    long = GOOD.replace(b"@{file.length}", b"1@{file.length}")
    for how in ("fin", "reset"):
        yield f"cut-{how}-in-body", FAILS, (Raw(long), Cut(how)), f"{how} long before the length is reached"
        yield f"cut-{how}-in-head", FAILS, (Raw(GOOD[:40]), Cut(how)), f"{how} inside the headers"
        yield f"cut-{how}-at-once", FAILS, (Cut(how),), f"{how} in place of an answer"
    chunk = _CHUNKED + b"fffff\r\n@{file.content}"
    yield "chunk-cut-off", FAILS, (Raw(chunk), Cut("fin")), "the end inside a chunk"
    yield "no-last-chunk", FAILS, (Raw(_CHUNKED + b"5\r\n# abc\r\n"), Cut("fin")), "no last chunk"
    yield (
        "stall-in-body",
        FAILS,
        (Raw(long), Pause(900.0), Cut("fin")),
        "silence inside the body, at last the end",
    )
    yield (
        "stall-in-head",
        FAILS,
        (Raw(GOOD[:40]), Pause(900.0), Cut("fin")),
        "silence inside the headers, at last the end",
    )


def _oddities() -> Iterator[tuple[str, Expectation, tuple[Action, ...], str]]:
    yield "usual", TAKEN, (Raw(GOOD),), "the right answer"
    yield (
        "length-by-end",
        TAKEN,
        (Raw(_head("200 OK", "Connection: close") + b"@{file.content}"), Cut("fin")),
        "a file that ends with the connection",
    )
    yield (
        "other-type",
        TAKEN,
        (Raw(GOOD.replace(b"application/octet-stream", b"text/html")),),
        "another Content-Type",
    )
    for name, length in (("2-31", 2**31), ("2-32", 2**32), ("2-63", 2**63), ("2-64", 2**64)):
        yield (
            f"length-{name}",
            FAILS,
            (Raw(_head("200 OK", f"Content-Length: {length}") + b"# abc\n"), Cut("fin")),
            f"a length of {length}",
        )
    for name, value in (("negative", "-1"), ("letters", "many"), ("short", "3"), ("zero", "0")):
        yield (
            f"length-{name}",
            ANYTHING,
            (Raw(_head("200 OK", f"Content-Length: {value}") + b"# abc\n"), Cut("fin")),
            f"Content-Length: {value}",
        )
    behind = b"\0set no such thing\n\xff\xfe" * 20
    yield (
        "nul-and-junk",
        FAILS,
        (Raw(_CLOSED + b"@{file.content}" + behind), Cut("fin")),
        "a good file, NUL, and junk behind it",
    )
    yield (
        "grown",
        ANYTHING,
        (Raw(_CLOSED + b"@{file.grown}"), Cut("fin")),
        "lines that are 300 letters longer",
    )
    bomb = gzip.compress(b"#" * 20_000_000, 9, mtime=0)
    yield (
        "gzip-bomb",
        ANYTHING,
        (Raw(_head("200 OK", "Content-Encoding: gzip", f"Content-Length: {len(bomb)}") + bomb),),
        "20 MB in 20 KB",
    )
    yield (
        "endless-chunks",
        ANYTHING,
        (Raw(_CHUNKED), Repeat(b"1\r\n#\r\n", 20_000), Cut("fin")),
        "twenty thousand chunks and no end",
    )
    yield (
        "endless-headers",
        ANYTHING,
        (Raw(b"HTTP/1.1 200 OK\r\n"), Repeat(b"X-A: 1\r\n", 50_000), Cut("fin")),
        "fifty thousand headers and no end",
    )
    yield "no-http", ANYTHING, (Raw(bytes(range(256)) * 16), Cut("fin")), "junk in place of HTTP"
    yield (
        "partial",
        ANYTHING,
        (Raw(GOOD.replace(b"200 OK", b"206 Partial Content")),),
        "206 that nobody asked for",
    )
    yield "no-content", ANYTHING, (Raw(_head("204 No Content")),), "204"
    for name, body in (
        ("zeros", b"\0" * 4096),
        ("binary", bytes(range(256)) * 16),
        ("format", b"%n%s" * 1000),
        ("long-line", b"A" * 100_000),
        ("deep", b"{[(" * 20_000),
        ("shell", b"`nslookup @{canary}`;$(nslookup @{canary})\n"),
        ("lines", b"\n" * 100_000),
    ):
        sent = _head("200 OK", "Connection: close") + body
        yield f"junk-{name}", ANYTHING, (Raw(sent), Cut("fin")), f"a file of junk: {name}"


def _firmware() -> Iterator[tuple[str, Expectation, tuple[Action, ...], str]]:
    for name, body in (
        ("junk", b"this is not a firmware image " * 100),
        ("zeros", b"\0" * 65_536),
        ("grown", b"@{file.grown}"),
    ):
        yield f"image-{name}", UNUSED, (Raw(_CLOSED + body), Cut("fin")), f"an image that is none: {name}"
    tail = _CLOSED + b"@{file.content}" + b"x" * 1000
    yield "image-tail", ANYTHING, (Raw(tail), Cut("fin")), "an image with a thousand octets more"
    for count in (1, 8, 24, 60):
        start = (Raw(_CLOSED + b"@{file.content}", keep=len(_CLOSED) + count), Cut("fin"))
        yield f"image-start-{count}", UNUSED, start, f"the first {count} octets of an image"
    yield (
        "image-cut-off",
        UNUSED,
        (Raw(GOOD.replace(b"@{file.length}", b"9@{file.length}")), Cut("fin")),
        "an image that is cut off",
    )


def program(actions: tuple[Action, ...], expectation: Expectation, origin: Origin, words: str) -> Program:
    """A program of the surface ``file``."""
    return Program(Surface.FILE, actions, expectation, words, origin)


def nasty(*, destructive: bool) -> Iterator[Program]:
    """The table as programs; those with firmware where *destructive* ones are allowed."""
    tables = (_oddities(), _refusals(), _truncations())
    for name, expectation, actions, words in (row for table in tables for row in table):
        yield program(actions, expectation, Origin(GENERATOR, "file", name=f"file.{name}"), words)
    for name, expectation, actions, words in _firmware() if destructive else ():
        origin = Origin(GENERATOR, "firmware", name=f"file.{name}", destructive=True)
        yield program(actions, expectation, origin, words)
