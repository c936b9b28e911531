"""Defects of the connection-request listener: who may wake the device."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Any

import h11

from harness.cwmp import digest
from harness.cwmp.digest import DigestChallenge
from reference_cpe import urls
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.gate import REALM, Answer, Gate
from reference_cpe.http import Headers
from reference_cpe.parts import Parts


def _with_credentials(parts: Parts, pair: Callable[[], tuple[str, str]], *arguments: Any) -> Answer:
    """What the gate would say if *pair* were the connection request credentials."""
    original = parts.gate.credentials
    rewire(parts.gate, credentials=pair)
    try:
        return Gate.check(parts.gate, *arguments)
    finally:
        rewire(parts.gate, credentials=original)


def _given_user(authorization: str | None) -> str:
    found = re.search(r'username="([^"]*)"', authorization or "")
    return found[1] if found else ""


def _also(parts: Parts, pair: Callable[[str], tuple[str, str]]) -> None:
    """A second pair opens the gate too; *pair* is given the user name of the request."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        answer = original(given, method, target)
        if answer is not Answer.REFUSED:
            return answer
        return _with_credentials(parts, lambda: pair(_given_user(given)), given, method, target)

    rewire(parts.gate, check=check)


@defect("connection-request-user-unchecked", breaks=["lcos.connection-request.credentials"])
def connection_request_user_unchecked(parts: Parts) -> None:
    """Any user with the right password may wake the device."""
    _also(parts, lambda user: (user, parts.settings.value("connection_request_password")))


@defect("connection-request-password-unchecked", breaks=["lcos.connection-request.credentials"])
def connection_request_password_unchecked(parts: Parts) -> None:
    """The right user with any password may wake the device."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        user = parts.settings.value("connection_request_username")
        return Answer.OPEN if user and _given_user(given) == user else original(given, method, target)

    rewire(parts.gate, check=check)


@defect("connection-request-acs-pair", breaks=["lcos.connection-request.credentials"])
def connection_request_acs_pair(parts: Parts) -> None:
    """The ACS username and password wake the device too."""
    _also(parts, lambda _user: (parts.settings.value("acs_username"), parts.settings.value("acs_password")))


@defect("connection-request-empty-password", breaks=["lcos.connection-request.credentials"])
def connection_request_empty_password(parts: Parts) -> None:
    """The right user with an empty password may wake the device."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        answer = original(given, method, target)
        user = parts.settings.value("connection_request_username")
        parsed = digest.parse_authorization(given) if given and answer is Answer.REFUSED and user else None
        if parsed is None:
            return answer
        asked = DigestChallenge(REALM, parsed.parameters.get("nonce", ""), "MD5", ("auth",))
        wrong = digest.verify_digest(parsed, asked, username=user, password="", method=method, target=target)
        return answer if wrong else Answer.OPEN

    rewire(parts.gate, check=check)


@defect(
    "connection-request-unset-open", breaks=["lcos.connection-request.unset-closed"], seen="easycwmp, netcwmp"
)
def connection_request_unset_open(parts: Parts) -> None:
    """As long as connection request user or password is not set, everybody may wake the device."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        return original(given, method, target) if all(parts.gate.credentials()) else Answer.OPEN

    rewire(parts.gate, check=check)


@defect(
    "connection-request-nonce-unchecked",
    breaks=["lcos.connection-request.digest-verified", "lcos.connection-request.replay"],
)
def connection_request_nonce_unchecked(parts: Parts) -> None:
    """Whatever nonce a login was made for, and however often it was used, it wakes the device."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        answer = original(given, method, target)
        return Answer.OPEN if answer is Answer.STALE else answer

    rewire(parts.gate, check=check)


@defect("connection-request-uri-unchecked", breaks=["lcos.connection-request.digest-verified"], seen="icwmp")
def connection_request_uri_unchecked(parts: Parts) -> None:
    """A login that was computed for another URI wakes the device."""
    original = parts.gate.check

    def check(given: str | None, method: str, target: str) -> Answer:
        named = re.search(r'uri="([^"]*)"', given or "")
        return original(given, method, named[1] if named else target)

    rewire(parts.gate, check=check)


@defect("connection-request-any-header", breaks=["lcos.connection-request.digest-verified"])
def connection_request_any_header(parts: Parts) -> None:
    """A login is found in whatever header it stands."""
    original = parts.listener.judge

    def judge(request: h11.Request) -> tuple[int, Headers]:
        for name, value in request.headers:
            if name != b"authorization" and value.startswith(b"Digest "):
                rest = [(k, v) for k, v in request.headers if k not in (name, b"authorization")]
                moved = h11.Request(
                    method=request.method, target=request.target, headers=[*rest, (b"authorization", value)]
                )
                return original(moved)
        return original(request)

    rewire(parts.listener, judge=judge)


@defect("connection-request-any-path", breaks=["lcos.connection-request.path"], seen="easycwmp, icwmp")
def connection_request_any_path(parts: Parts) -> None:
    """A connection request to any path wakes the device."""
    original, path = parts.listener.judge, parts.status.connection_request_path

    def judge(request: h11.Request) -> tuple[int, Headers]:
        wanted = request.target.decode("latin-1").partition("?")[0]
        rewire(parts.status, connection_request_path=lambda: wanted)
        try:
            return original(request)
        finally:
            rewire(parts.status, connection_request_path=path)

    rewire(parts.listener, judge=judge)


@defect("connection-request-acs-only", breaks=["lcos.connection-request.any-source"], seen="icwmp")
def connection_request_acs_only(parts: Parts) -> None:
    """Only the host of the ACS may wake the device."""
    original = parts.listener._accept

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = urls.parse(parts.settings.value("acs_url")).host
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, 80)}
        if str(writer.get_extra_info("peername")[0]).removeprefix("::ffff:") in addresses:
            await original(reader, writer)
        else:
            writer.close()

    rewire(parts.listener, _accept=accept)
