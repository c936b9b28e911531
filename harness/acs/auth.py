"""HTTP authentication at the bench's servers: challenges made, credentials checked (RFC 7616, RFC 7617).

The check is lenient where a wire rule judges: a wrong ``nc`` or ``uri`` is let through if the arithmetic
of the response is right for what was sent, so that a session goes on and shows more.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.cwmp.digest import (
    DigestChallenge,
    basic_challenge,
    basic_credentials,
    parse_authorization,
    verify_digest,
)
from harness.cwmp.http_auth_syntax import AuthError
from harness.lab.reply import Reply
from harness.verdict.transcript import HttpMessage

_JUDGED_ELSEWHERE = frozenset({"uri", "nc", "qop", "algorithm", "cnonce", "opaque"})
_NONCES = 1024


@dataclass(frozen=True, slots=True)
class Basic:
    """Ask for Basic."""

    username: str
    password: str
    realm: str = "cpecheck"


@dataclass(frozen=True, slots=True)
class Digest:
    """Ask for Digest. ``algorithm`` ``None`` is not written (MD5 then); ``qop`` empty offers none.

    With *or_basic* a Basic challenge stands before it, and either will do.
    """

    username: str
    password: str
    realm: str = "cpecheck"
    algorithm: str | None = "MD5"
    qop: tuple[str, ...] = ("auth",)
    or_basic: bool = False


class Gate:
    """Checks requests against one scheme and makes its challenges; *token* gives fresh nonces."""

    def __init__(
        self, scheme: Basic | Digest, token: Callable[[], str] = lambda: secrets.token_hex(16)
    ) -> None:
        self.scheme = scheme
        self._token = token
        self._nonces: OrderedDict[str, DigestChallenge] = OrderedDict()

    def challenge(self, request: HttpMessage) -> Reply | None:
        """``None`` where *request* carries the right credentials, else the 401 that answers it."""
        values = request.header_values("Authorization")
        stale = False
        for value in values[:1]:
            try:
                right, stale = self._judge(value, request)
            except AuthError:
                continue
            if right:
                return None
        offered = [self._header(stale)]
        if isinstance(self.scheme, Digest) and self.scheme.or_basic:
            offered.insert(0, basic_challenge(self.scheme.realm))
        return Reply(401, headers=[("WWW-Authenticate", each) for each in offered])

    def _judge(self, value: str, request: HttpMessage) -> tuple[bool, bool]:
        """Whether the credentials are right; whether only their nonce is one that was never given out."""
        given, scheme = parse_authorization(value), self.scheme
        if isinstance(scheme, Basic) or (scheme.or_basic and given.scheme == "basic"):
            return basic_credentials(given) == (scheme.username, scheme.password), False
        nonce = given.parameters.get("nonce", "")
        known = self._nonces.get(nonce)
        wrong = verify_digest(
            given,
            known or replace(self._fresh(""), nonce=nonce),
            username=scheme.username,
            password=scheme.password,
            method=request.method,
            target=request.target,
        )
        right = all(directive.name in _JUDGED_ELSEWHERE for directive in wrong)
        return right and known is not None, right and known is None

    def _header(self, stale: bool) -> str:
        if isinstance(self.scheme, Basic):
            return basic_challenge(self.scheme.realm)
        challenge = self._fresh(self._token())
        self._nonces[challenge.nonce] = challenge
        if len(self._nonces) > _NONCES:
            self._nonces.popitem(last=False)
        return replace(challenge, stale=stale).header()

    def _fresh(self, nonce: str) -> DigestChallenge:
        assert isinstance(self.scheme, Digest)
        return DigestChallenge(self.scheme.realm, nonce, self.scheme.algorithm, self.scheme.qop)
