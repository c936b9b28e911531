"""Benign variants of the listener for connection requests. No check may fail on them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import h11

from harness.cwmp import digest, events
from harness.cwmp.digest import DigestChallenge
from reference_cpe.defects.registry import rewire, variant
from reference_cpe.gate import REALM, Answer, _parse
from reference_cpe.http import Headers
from reference_cpe.parts import Parts

LATE = 25.0
"""Seconds from a connection request to its session; TR-069 3.2.2.1 allows 30."""
SPACED = 5.0
"""Seconds that must lie between two connection requests."""
_MOST = 200


def _single_use(
    parts: Parts,
    write: Callable[[str, bool], str],
    algorithms: tuple[str, ...] = ("MD5",),
    realm: str = REALM,
) -> None:
    """A gate each of whose nonces is good for one request; *write* makes the challenge of a nonce."""
    fresh: dict[str, None] = {}

    def challenge(stale: bool = False) -> str:
        nonce = secrets.token_hex(16)
        fresh[nonce] = None
        while len(fresh) > _MOST:
            del fresh[next(iter(fresh))]
        return write(nonce, stale)

    def check(authorization: str | None, method: str, target: str) -> Answer:
        given, (username, password) = _parse(authorization), parts.gate.credentials()
        if given is None or not username or not password:
            return Answer.REFUSED
        nonce = given.parameters.get("nonce", "")
        for algorithm in algorithms:
            asked = DigestChallenge(realm, nonce, algorithm, ("auth",))
            if not digest.verify_digest(
                given, asked, username=username, password=password, method=method, target=target
            ):
                known = nonce in fresh
                fresh.pop(nonce, None)
                return Answer.OPEN if known else Answer.STALE
        return Answer.REFUSED

    rewire(parts.gate, challenge=challenge, check=check)


def _challenge(nonce: str, stale: bool, algorithm: str = "MD5", realm: str = REALM) -> str:
    return DigestChallenge(realm, nonce, algorithm, ("auth",), stale=stale).header()


@variant("nonce-for-each-request")
def nonce_for_each_request(parts: Parts) -> None:
    """A nonce is good for one connection request (RFC 2617 3.2.1: one-time nonces)."""
    _single_use(parts, _challenge)


@variant("sha-256-beside-md5")
def sha_256_beside_md5(parts: Parts) -> None:
    """SHA-256 is offered before MD5, and either will do (RFC 7616 3.7)."""

    def both(nonce: str, stale: bool) -> str:
        return f"{_challenge(nonce, stale, 'SHA-256')}, {_challenge(nonce, stale)}"

    _single_use(parts, both, ("SHA-256", "MD5"))


@variant("realm-odd")
def realm_odd(parts: Parts) -> None:
    """The realm holds quotation marks, commas, an equals sign and a backslash (RFC 7230 3.2.6: quoted-string)."""
    realm = 'The "device", a=b; c\\d'
    _single_use(parts, lambda nonce, stale: _challenge(nonce, stale, realm=realm), realm=realm)


@variant("challenge-spelled-oddly")
def challenge_spelled_oddly(parts: Parts) -> None:
    """The challenge is written in other letters, spacing and order, its realm empty (RFC 7235 2.1, 2.2)."""

    def write(nonce: str, stale: bool) -> str:
        return f'DIGEST qop = "auth" ,algorithm=md5 , NONCE="{nonce}",stale={str(stale).upper()},realm=""'

    _single_use(parts, write, realm="")


@variant("refusal-with-page")
def refusal_with_page(parts: Parts) -> None:
    """A refused connection request is answered with a page; only a success must be empty (TR-069 3.2.2)."""
    page = b"<html><body>Nobody comes in here.</body></html>"
    original = parts.listener.reply

    def reply(connection: h11.Connection, status: int, headers: Headers) -> bytes:
        answer = original(connection, status, headers)
        if status < 400:
            return answer
        told = b"Content-Type: text/html\r\nContent-Length: %d" % len(page)
        return re.sub(rb"(?i)content-length: 0", told, answer) + page

    rewire(parts.listener, reply=reply)


@variant("empty-answer-in-chunks")
def empty_answer_in_chunks(parts: Parts) -> None:
    """The empty body of an answer comes in chunks, in lower-case headers and without a reason (RFC 7230 3.1.2, 4.1)."""
    original = parts.listener.reply

    def reply(connection: h11.Connection, status: int, headers: Headers) -> bytes:
        answer = original(connection, status, headers)
        if status == 204:
            return answer
        _, _, rest = answer.partition(b"\r\n")
        rest = re.sub(rb"(?i)content-length: 0", b"Transfer-Encoding: chunked", rest)
        rest = re.sub(rb"(?m)^[\w-]+:", lambda name: name[0].lower(), rest)
        return b"HTTP/1.1 %d \r\n" % status + rest + b"0\r\n\r\n"

    rewire(parts.listener, reply=reply)


@variant("path-for-each-boot")
def path_for_each_boot(parts: Parts) -> None:
    """The path of the ConnectionRequestURL is drawn anew at every boot (TR-069 3.2.2.2: random)."""
    path = f"/~a;b=1/c%20d/{secrets.token_urlsafe(12)}/@:!$&'()*+,="
    rewire(parts.status, connection_request_path=lambda: path)


@variant("session-late-after-request")
def session_late_after_request(parts: Parts) -> None:
    """The session comes 25 s after the connection request was accepted (TR-069 3.2.2.1: within 30 s)."""

    def due() -> None:
        if any(entry.code == events.CONNECTION_REQUEST for entry in parts.events.entries):
            parts.connect()

    async def answer(connection: h11.Connection, writer: object, request: h11.Request) -> None:
        status, headers = parts.listener.judge(request)
        await parts.listener._send(connection, writer, status, headers)  # type: ignore[arg-type]
        if status == parts.listener.success_status and parts.timers.due("doorbell") is None:
            parts.timers.set("doorbell", parts.clock.now() + LATE, due)

    rewire(parts.listener, _answer=answer)


@variant("requests-at-a-limited-rate")
def requests_at_a_limited_rate(parts: Parts) -> None:
    """One connection request in five seconds is accepted, others get 503 (TR-069 3.2.2: SHOULD restrict the number)."""
    original, last = parts.connection_requested, [float("-inf")]

    def requested() -> bool:
        now = parts.clock.now()
        if now - last[0] < SPACED:
            return False
        last[0] = now
        return original()

    parts.connection_requested = requested
