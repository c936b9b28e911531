"""Defects of the connection-request listener."""

from __future__ import annotations

import h11

from reference_cpe.defects.registry import defect, rewire
from reference_cpe.gate import Answer
from reference_cpe.http import Headers
from reference_cpe.parts import Parts


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


@defect("connection-request-basic", breaks=["cwmp.connection-request.digest-challenge"])
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


@defect("connection-request-url-https", breaks=["cwmp.connection-request.url-form"])
def connection_request_url_https(parts: Parts) -> None:
    """The ConnectionRequestURL that is advertised begins with https."""
    original = parts.status.connection_request_url
    rewire(parts.status, connection_request_url=(lambda: original().replace("http://", "https://", 1)))
