"""Who may wake the device: digest authentication of connection requests (TR-069 3.2.2, RFC 2617)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum

from harness.cwmp import digest
from harness.cwmp.digest import DigestChallenge
from harness.cwmp.http_auth_syntax import AuthError, Challenge
from reference_cpe.clock import Clock
from reference_cpe.settings import Settings

REALM = "reference-cpe"
NONCE_LIFE = 300.0
"""Seconds of device time for which a nonce is good."""
_MOST_NONCES = 512


class Answer(Enum):
    """What the gate says of a request's credentials."""

    OPEN = "right"
    STALE = "right, but for an old nonce"
    REFUSED = "wrong or missing"


@dataclass(slots=True)
class _Nonce:
    expires: float
    counts: int = 0
    """Highest nonce count seen."""


class Gate:
    """Seams: `check`, `challenge`, `credentials`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._nonces: dict[str, _Nonce] = {}

    def credentials(self) -> tuple[str, str]:
        """Connection request user and password. Where one is unset nobody may wake the device."""
        return (
            self._settings.value("connection_request_username"),
            self._settings.value("connection_request_password"),
        )

    def challenge(self, stale: bool = False) -> str:
        """A WWW-Authenticate value with a new nonce."""
        nonce = secrets.token_hex(16)
        while len(self._nonces) >= _MOST_NONCES:
            del self._nonces[next(iter(self._nonces))]
        self._nonces[nonce] = _Nonce(self._clock.now() + NONCE_LIFE)
        return DigestChallenge(REALM, nonce, "MD5", ("auth",), stale=stale).header()

    def check(self, authorization: str | None, method: str, target: str) -> Answer:
        """Judge an Authorization header for a request; an accepted nonce count cannot be used again."""
        given = _parse(authorization)
        username, password = self.credentials()
        if given is None or not username or not password:
            return Answer.REFUSED
        nonce = given.parameters.get("nonce", "")
        asked = DigestChallenge(REALM, nonce, "MD5", ("auth",))
        if digest.verify_digest(
            given, asked, username=username, password=password, method=method, target=target
        ):
            return Answer.REFUSED
        return self._use(nonce, int(given.parameters["nc"], 16))

    def _use(self, nonce: str, count: int) -> Answer:
        known = self._nonces.get(nonce)
        if known is None or known.expires <= self._clock.now():
            self._nonces.pop(nonce, None)
            return Answer.STALE
        if count <= known.counts:
            return Answer.STALE
        known.counts = count
        return Answer.OPEN


def _parse(authorization: str | None) -> Challenge | None:
    try:
        return digest.parse_authorization(authorization) if authorization else None
    except AuthError:
        return None
