"""Seeded fuzz defects of the connection-request listener (surface connection-request)."""

from __future__ import annotations

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

import h11

from reference_cpe.defects import fuzz_seeded as seed
from reference_cpe.defects.fuzz_seeded import Effect, dies_of, on_request, seeded
from reference_cpe.defects.registry import rewire
from reference_cpe.gate import Answer
from reference_cpe.http import Headers
from reference_cpe.listener import REQUEST_TIME
from reference_cpe.parts import Parts

_SURFACE = "connection-request"
_ABUSE = ["cwmp.robust.connection-request-abuse"]
_EVER = 1e9


def _table(name: str, summary: str, pattern: bytes, seen: str) -> None:
    """A defect that dies of a *pattern* in what a client sends."""

    def function(parts: Parts) -> None:
        on_request(parts, dies_of(pattern, re.IGNORECASE))

    function.__doc__ = f"{summary} kills the process (surface connection-request)."
    seeded(name, _SURFACE, Effect.CRASH, _ABUSE, seen=seen)(function)


for _name, _summary, _pattern, _seen in (
    ("crash-numbered-cookie", "A Cookie whose name is C and a number", rb"\ncookie:[^\r\n]*\bC\d+=",
     "RomPager, CVE-2014-9222"),
    ("crash-long-digest", "A field of Authorization of more than 512 octets",
     rb"\nauthorization:[^\r\n]*=\s*\"?[^\",\r\n]{513}", "RomPager, CVE-2014-9223"),
    ("crash-digest-quoting", "An Authorization whose last quotation mark is missing",
     rb"\nauthorization:\s*digest(?:[^\"\r\n]*\"[^\"\r\n]*\")*[^\"\r\n]*\"[^\"\r\n]*\r", "RomPager, CVE-2000-0470"),
    ("crash-long-target", "A request target of more than 2,048 octets", rb"\A[^\r\n]{2060}", ""),
    ("crash-many-request-headers", "A request with more than 100 header lines",
     rb"\A[^\n]*\n(?:[^\r\n]+\r?\n){101}", ""),
    ("crash-tls-hello", "A TLS ClientHello", rb"\A\x16\x03", ""),
    ("crash-nul-in-request", "A NUL in the head of a request", rb"\A[A-Z]+ [^\r\n]*(?:\r?\n[^\r\n]+)*?\x00", ""),
    ("crash-user-format", "A percent sign and n in the user name of a digest", rb"username\s*=\s*\"[^\"\r\n]*%n", ""),
):  # fmt: skip
    _table(_name, _summary, _pattern, _seen)


@seeded("hang-http-2", _SURFACE, Effect.HANG, _ABUSE)
def hang_http_2(parts: Parts) -> None:
    """The preface of HTTP/2 makes the process stand still (surface connection-request)."""

    def look(data: bytes) -> None:
        if data.startswith(b"PRI * HTTP/2.0"):
            seed.hang()

    on_request(parts, look)


@seeded("replay-accepted", _SURFACE, Effect.ACCEPTS, ["lcos.connection-request.replay"])
def replay_accepted(parts: Parts) -> None:
    """The Authorization of an earlier request wakes the device again (surface connection-request)."""
    gate = parts.gate
    rewire(gate, _use=lambda nonce, _count: Answer.OPEN if nonce in gate._nonces else Answer.STALE)


@seeded("slow-client-blocks", _SURFACE, Effect.HANG, ["lcos.connection-request.flood", *_ABUSE])
def slow_client_blocks(parts: Parts) -> None:
    """One client at a time, and none is ever given up: half a request keeps all others out (surface connection-request)."""
    serve, timeout, turn = parts.listener._serve, parts.clock.timeout, asyncio.Lock()

    def patient(seconds: float) -> AbstractAsyncContextManager[None]:
        return timeout(_EVER if seconds == REQUEST_TIME else seconds)

    async def one_by_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with turn:
            await serve(reader, writer)

    rewire(parts.clock, timeout=patient)
    rewire(parts.listener, _serve=one_by_one)


@seeded("path-ends-at-nul", _SURFACE, Effect.ACCEPTS, ["lcos.connection-request.path"])
def path_ends_at_nul(parts: Parts) -> None:
    """What follows %00 in the path of a request is not looked at (surface connection-request)."""
    judge, right_path = parts.listener.judge, parts.status.connection_request_path

    def cut(request: h11.Request) -> tuple[int, Headers]:
        try:
            path = urlsplit(request.target.decode("latin-1")).path
        except ValueError:
            return judge(request)
        if path.partition("%00")[0] != right_path():
            return judge(request)
        parts.status.connection_request_path = lambda: path  # type: ignore[method-assign]
        try:
            return judge(request)
        finally:
            parts.status.connection_request_path = right_path  # type: ignore[method-assign]

    rewire(parts.listener, judge=cut)


@seeded("any-method-wakes", _SURFACE, Effect.ACCEPTS, _ABUSE)
def any_method_wakes(parts: Parts) -> None:
    """A request of any method, with the right login for it, wakes the device (surface connection-request)."""
    judge, check = parts.listener.judge, parts.gate.check

    def as_get(request: h11.Request) -> tuple[int, Headers]:
        method = request.method.decode("ascii")
        rewire(parts.gate, check=lambda given, _method, target: check(given, method, target))
        plain = h11.Request(method="GET", target=request.target, headers=[*request.headers])
        return judge(plain)

    rewire(parts.listener, judge=as_get)


@seeded(
    "time-server-command",
    _SURFACE,
    Effect.CALLS,
    ["cwmp.robust.no-injection", *_ABUSE],
    seen="Eir D1000, CVE-2016-10372",
)
def time_server_command(parts: Parts) -> None:
    """TR-064's SetNTPServers is carried out for anybody: the host that it names is called (surface connection-request)."""
    server = re.compile(rb"<NewNTPServer\d>([^<]*)</")

    def look(data: bytes) -> None:
        for found in server.finditer(data):
            seed.call_hosts(parts, found[1].decode("latin-1"))

    on_request(parts, look)
