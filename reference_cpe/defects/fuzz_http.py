"""Seeded fuzz defects of the device's HTTP client and TLS (surfaces http and tls)."""

from __future__ import annotations

import re
import ssl
import zlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from reference_cpe.coding import BadCoding
from reference_cpe.defects import fuzz_seeded as seed
from reference_cpe.defects.fuzz_seeded import Effect, dies_of, on_response, seeded
from reference_cpe.defects.registry import rewire
from reference_cpe.exchange import Exchange
from reference_cpe.http import Response
from reference_cpe.parts import Parts
from reference_cpe.session import RESPONSE_TIME

_ALIVE = ["cwmp.robust.stays-alive"]
_BOUNDED = ["cwmp.robust.bounded-wait"]
_EVER = 1e9
"""Seconds of a timeout that nobody lives to see."""


def _hangs_on(parts: Parts, pattern: bytes) -> None:
    compiled = re.compile(pattern, re.IGNORECASE | re.DOTALL)

    def look(data: bytes) -> None:
        if compiled.search(data):
            seed.hang()

    on_response(parts, look)


def _table(name: str, summary: str, pattern: bytes) -> None:
    """A defect that dies of a *pattern* in what has come of an answer."""

    def function(parts: Parts) -> None:
        on_response(parts, dies_of(pattern, re.IGNORECASE))

    function.__doc__ = f"{summary} kills the process (surface http)."
    seeded(name, "http", Effect.CRASH, _ALIVE)(function)


for _name, _summary, _pattern in (
    ("crash-interim-flood", "A flood of more than 50 interim responses", rb"(?:HTTP/1\.1 1\d\d[^\n]*\n\r?\n){51}"),
    ("crash-long-reason", "A reason phrase of more than 1,024 octets", rb"\AHTTP/\S* \d+ [^\r\n]{1025}"),
    ("crash-header-count", "An answer with more than 256 header lines",
     rb"\AHTTP/[^\n]*\n(?:[^\r\n]+\r?\n){257}"),
    ("crash-long-header", "A header line of more than 16 KB", rb"\n[A-Za-z-]+:[^\r\n]{16384}"),
    ("crash-cookie-flood", "An answer with more than 64 Set-Cookie headers", rb"(?:\nSet-Cookie[^\n]*){65}"),
    ("crash-long-cookie", "A cookie of more than 4,096 octets", rb"\nSet-Cookie:[^\r\n]{4100}"),
    ("crash-long-location", "A Location of more than 2,048 octets", rb"\nLocation:[^\r\n]{2049}"),
    ("crash-long-challenge", "A challenge with a value of more than 1,024 octets",
     rb"\nWWW-Authenticate:[^\r\n]*=\"?[^\",\r\n]{1025}"),
    ("crash-negative-length", "A Content-Length with a minus sign", rb"\nContent-Length:\s*-"),
    ("crash-chunk-size", "A chunk size of more than eight hexadecimal digits",
     rb"\nTransfer-Encoding:\s*chunked[^\0]*\n[0-9a-f]{9,}[;\r]"),
):  # fmt: skip
    _table(_name, _summary, _pattern)


@seeded("hang-first-chunk-empty", "http", Effect.HANG, [*_ALIVE, *_BOUNDED])
def hang_first_chunk_empty(parts: Parts) -> None:
    """A chunked answer whose first chunk has the size 0 makes the process stand still (surface http)."""
    _hangs_on(parts, rb"\ntransfer-encoding:\s*chunked\r\n(?:[^\r\n]+\r\n)*\r\n0+\s*[;\r]")


@seeded("hang-length-overflow", "http", Effect.HANG, [*_ALIVE, *_BOUNDED])
def hang_length_overflow(parts: Parts) -> None:
    """A Content-Length of 2^31 or more makes the process stand still (surface http)."""
    _hangs_on(
        parts, rb"\ncontent-length:\s*\+?0*(?:[1-9]\d{10,}|[3-9]\d{9}|2[2-9]\d{8}|21474836[5-9]\d|2147483648)"
    )


@seeded("waits-for-ever", "http", Effect.HANG, _BOUNDED)
def waits_for_ever(parts: Parts) -> None:
    """An answer that is never completed is waited for without end, and no other session begins (surface http)."""
    original = parts.clock.timeout

    def timeout(seconds: float) -> AbstractAsyncContextManager[None]:
        return original(_EVER if seconds == RESPONSE_TIME else seconds)

    rewire(parts.clock, timeout=timeout)


_MOST_UNPACKED = 64 * 1024 * 1024


@seeded("bomb-unpacked", "http", Effect.CRASH, [*_ALIVE, "cwmp.robust.bounded-memory"])
def bomb_unpacked(parts: Parts) -> None:
    """A body is unpacked whatever it becomes: beyond 64 MB the memory is full and the process dies (surface http)."""

    class Greedy(Exchange):
        def decode(self, response: Response) -> bytes:
            if (response.get("content-encoding") or "").strip().lower() in ("gzip", "x-gzip", "deflate"):
                unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS)
                try:
                    data = unpacker.decompress(response.body, _MOST_UNPACKED)
                except zlib.error as error:
                    raise BadCoding(f"a damaged body: {error}") from error
                if unpacker.unconsumed_tail or len(data) >= _MOST_UNPACKED:
                    seed.die()
                return data
            return super().decode(response)

    parts.exchange = Greedy


@seeded("redirects-for-ever", "http", Effect.HANG, ["cwmp.redirect.no-endless-loop", *_BOUNDED])
def redirects_for_ever(parts: Parts) -> None:
    """Redirects are followed without end (surface http)."""

    class Tireless(Exchange):
        def redirected(self, location: str | None) -> None:
            self._redirects = 0
            super().redirected(location)

    parts.exchange = Tireless


# --- TLS


def _on_failed_handshake(parts: Parts, then: Callable[[], object]) -> None:
    """*then* happens when a session has failed between the first octet of TLS and the first of HTTP."""
    shaking = [False]
    context, started, failed = parts.trust.context, parts.timers.session_started, parts.retry.failed

    def made() -> ssl.SSLContext:
        shaking[0] = True
        return context()

    def begun() -> None:
        shaking[0] = False
        started()

    def ended() -> None:
        failed()
        if shaking[0]:
            shaking[0] = False
            then()

    rewire(parts.trust, context=made)
    rewire(parts.timers, session_started=begun)
    rewire(parts.retry, failed=ended)


def _die() -> None:
    seed.die()


@seeded("crash-failed-handshake", "tls", Effect.CRASH, _ALIVE)
def crash_failed_handshake(parts: Parts) -> None:
    """A TLS handshake that fails kills the process (surface tls)."""
    _on_failed_handshake(parts, _die)


@seeded("stuck-after-handshake", "tls", Effect.LOSES, ["cwmp.robust.next-session-works"])
def stuck_after_handshake(parts: Parts) -> None:
    """After a TLS handshake that failed the device opens no session any more (surface tls)."""

    def stick() -> None:
        parts.active = lambda: False

    _on_failed_handshake(parts, stick)
