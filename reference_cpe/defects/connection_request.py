"""Defects of the connection-request listener."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import h11

from harness.cwmp import events
from harness.cwmp.events import Undelivered
from reference_cpe.defects.connection_request_login import connection_request_nonce_unchecked
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.gate import Answer
from reference_cpe.http import Headers
from reference_cpe.parts import Parts
from reference_cpe.session import Action, Session


@defect(
    "connection-request-unauthenticated",
    breaks=["lcos.connection-request.credentials", "cwmp.connection-request.digest-challenge"],
    seen="netcwmp",
)
def connection_request_unauthenticated(parts: Parts) -> None:
    """Anybody may wake the device, with any credentials or none."""
    rewire(parts.gate, check=lambda _given, _method, _target: Answer.OPEN)


@defect("connection-request-any-user", breaks=["lcos.connection-request.credentials"])
def connection_request_any_user(parts: Parts) -> None:
    """Credentials that are wrong wake the device; only their absence is refused."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        return Answer.OPEN if given else original(given, method, target)

    rewire(parts.gate, check=check)


@defect(
    "connection-request-basic",
    breaks=["cwmp.connection-request.digest-challenge", "lcos.connection-request.session"],
)
def connection_request_basic(parts: Parts) -> None:
    """The challenge asks for Basic, not Digest."""
    rewire(parts.gate, challenge=lambda stale=False: 'Basic realm="reference-cpe"')


@defect("connection-request-body", breaks=["cwmp.connection-request.empty-success"])
def connection_request_body(parts: Parts) -> None:
    """The success response has a body."""
    original = parts.listener.reply

    def reply(connection: h11.Connection, status: int, headers: Headers) -> bytes:
        if status != 200:
            return original(connection, status, headers)
        head = h11.Response(status_code=200, headers=[*headers, ("Content-Length", "2")], reason="OK")
        pieces = (head, h11.Data(data=b"OK"), h11.EndOfMessage())
        return b"".join(connection.send(piece) or b"" for piece in pieces)

    rewire(parts.listener, reply=reply)


@defect("connection-request-without-session", breaks=["lcos.connection-request.session"])
def connection_request_without_session(parts: Parts) -> None:
    """A connection request is answered with 200, but no session follows."""
    parts.connection_requested = lambda: True
    original = parts.connect
    parts.connect = lambda: original() if parts.events.entries else None


@defect(
    "connection-request-url-https",
    breaks=["cwmp.connection-request.url-form", "lcos.connection-request.session"],
)
def connection_request_url_https(parts: Parts) -> None:
    """The ConnectionRequestURL that is advertised begins with https."""
    original = parts.status.connection_request_url
    rewire(parts.status, connection_request_url=(lambda: original().replace("http://", "https://", 1)))


# --- what follows


@defect(
    "connection-request-event-missing",
    breaks=["lcos.connection-request.session", "lcos.connection-request.any-source"],
)
def connection_request_event_missing(parts: Parts) -> None:
    """The session after a connection request reports 2 PERIODIC in place of 6 CONNECTION REQUEST."""
    original = parts.events.add

    def add(code: str, key: str = "", transfer: int | None = None) -> None:
        original(events.PERIODIC if code == events.CONNECTION_REQUEST else code, key, transfer)

    rewire(parts.events, add=add)


@defect("connection-request-late", breaks=["lcos.connection-request.session"])
def connection_request_late(parts: Parts) -> None:
    """The session follows a connection request after two minutes."""
    original = parts.connect

    def connect() -> None:
        if any(entry.code == events.CONNECTION_REQUEST for entry in parts.events.entries):
            parts.timers.set("late", parts.clock.now() + 120, original)
        else:
            original()

    parts.connect = connect


@defect(
    "connection-request-answered-last",
    breaks=["cwmp.connection-request.answer-before-session"],
    seen="QA Cafe, bug of the month",
)
def connection_request_answered_last(parts: Parts) -> None:
    """A connection request is answered only when the session that it led to is over."""
    original = parts.listener._send

    async def send(connection: h11.Connection, writer: Any, status: int, headers: Headers) -> None:
        if status == parts.listener.success_status:
            parts.connect()
            while parts.in_session():  # noqa: ASYNC110 - the part has no event for it
                await asyncio.sleep(0.01)
        await original(connection, writer, status, headers)

    async def answer(connection: h11.Connection, writer: Any, request: h11.Request) -> None:
        status, headers = parts.listener.judge(request)
        await send(connection, writer, status, headers)

    rewire(parts.listener, _answer=answer)


_WAKE = "lcos.connection-request.session"


@defect("connection-request-status-202", breaks=["cwmp.connection-request.empty-success", _WAKE])
def connection_request_status_202(parts: Parts) -> None:
    """A connection request is answered with 202."""
    parts.listener.success_status = 202


@defect("connection-request-challenge-bare", breaks=["cwmp.connection-request.digest-challenge", _WAKE])
def connection_request_challenge_bare(parts: Parts) -> None:
    """The Digest challenge has no nonce."""
    original = parts.gate.challenge
    rewire(parts.gate, challenge=lambda stale=False: re.sub(r'nonce="[^"]*",?\s*', "", original(stale=stale)))


@defect("connection-request-403", breaks=["cwmp.connection-request.digest-challenge", _WAKE])
def connection_request_403(parts: Parts) -> None:
    """A connection request without credentials is answered with 403."""
    original = parts.listener.judge

    def judge(request: h11.Request) -> tuple[int, Headers]:
        status, headers = original(request)
        bare = all(name != b"authorization" for name, _ in request.headers)
        return (403, []) if status == 401 and bare else (status, headers)

    rewire(parts.listener, judge=judge)


def _url(alter: Callable[[str], str]) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        original = parts.status.connection_request_url
        rewire(parts.status, connection_request_url=lambda: alter(original()))

    return apply


for _name, _summary, _alter in (
    ("connection-request-url-without-host", "The ConnectionRequestURL that is advertised names no host.",
     lambda url: re.sub(r"//[^:/]*(\[[^]]*\])?", "//", url)),
    ("connection-request-url-with-user", "The ConnectionRequestURL that is advertised holds user and password.",
     lambda url: url.replace("//", "//user:password@", 1)),
    ("connection-request-url-without-path", "The ConnectionRequestURL that is advertised has no path.",
     lambda url: url.rpartition("/")[0]),
):  # fmt: skip
    tabled(_name, _summary, ["cwmp.connection-request.url-form", _WAKE], _url(_alter))


# --- many at a time


@defect(
    "connection-request-flood-403",
    breaks=["lcos.connection-request.flood", "cwmp.connection-request.busy-503"],
)
def connection_request_flood_403(parts: Parts) -> None:
    """Connection requests beyond what the device takes at a time are answered with 403."""
    original = parts.listener.judge

    def judge(request: h11.Request) -> tuple[int, Headers]:
        status, headers = original(request)
        return (403 if status == 503 else status), headers

    rewire(parts.listener, judge=judge)


@defect("connection-request-flood-wedges", breaks=["lcos.connection-request.flood"])
def connection_request_flood_wedges(parts: Parts) -> None:
    """After twenty connection requests at the same time the device takes none any more."""
    original = parts.connection_requested
    seen: dict[float, int] = {}

    def requested() -> bool:
        now = parts.clock.now() // 10
        seen[now] = seen.get(now, 0) + 1
        return max(seen.values()) <= 20 and original()

    parts.connection_requested = requested


@defect(
    "connection-request-breaks-session",
    breaks=["cwmp.connection-request.session-undisturbed"],
    awaiting="tr069 suites",
)
def connection_request_breaks_session(parts: Parts) -> None:
    """A connection request during a session ends that session."""
    original, woken = parts.connection_requested, [False]

    def requested() -> bool:
        woken[0] = parts.in_session()
        return original()

    class Disturbed(Session):
        def receive(self, status: int, body: bytes) -> Action:
            disturbed, woken[0] = woken[0], False
            return self.end(False, "woken") if disturbed else super().receive(status, body)

    parts.connection_requested = requested
    parts.session = Disturbed


@defect(
    "connection-request-path-root", breaks=["cwmp.connection-request.random-path"], awaiting="tr069 suites"
)
def connection_request_path_root(parts: Parts) -> None:
    """The path for connection requests is the same on every device."""
    rewire(parts.status, connection_request_path=lambda: "/cr")


@defect(
    "connection-request-nonce-constant",
    breaks=["cwmp.connection-request.nonce-changes"],
    awaiting="tr069 suites",
)
def connection_request_nonce_constant(parts: Parts) -> None:
    """Every challenge has the same nonce."""
    original, first = parts.gate.challenge, [""]

    def challenge(stale: bool = False) -> str:
        first[0] = first[0] or original(stale=stale)
        return first[0]

    rewire(parts.gate, challenge=challenge)
    connection_request_nonce_unchecked(parts)


@defect(
    "connection-request-retried",
    breaks=["cwmp.connection-request.event-not-retried"],
    awaiting="tr069 suites",
)
def connection_request_retried(parts: Parts) -> None:
    """6 CONNECTION REQUEST is reported again after a failed session."""
    original = parts.events.policy

    def policy(code: str) -> Any:
        info = original(code)
        kept = replace(info, undelivered=Undelivered.UNTIL_REBOOT)
        return kept if code == events.CONNECTION_REQUEST else info

    rewire(parts.events, policy=policy)


FLOODED, WITHIN = 50, 60.0
"""Requests, and the seconds of device time in which they come."""


@defect("connection-request-flood-exhausts", breaks=["lcos.connection-request.flood"])
def connection_request_flood_exhausts(parts: Parts) -> None:
    """After fifty good connection requests in a minute the device refuses every further one, for good."""
    original = parts.listener.judge
    served: list[float] = []
    wedged = [False]

    def judge(request: h11.Request) -> tuple[int, Headers]:
        if wedged[0]:
            return 503, []
        status, headers = original(request)
        if status == parts.listener.success_status:
            now = parts.clock.now()
            served[:] = [*(at for at in served if at > now - WITHIN), now]
            wedged[0] = len(served) >= FLOODED
        return status, headers

    rewire(parts.listener, judge=judge)
