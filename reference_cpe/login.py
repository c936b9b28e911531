"""Answering a server's challenge, towards the ACS and towards file servers (TR-069 3.4.4, 3.4.5)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from harness.cwmp import digest
from harness.cwmp.digest import DigestChallenge
from harness.cwmp.http_auth_syntax import AuthError, Challenge

_MOST_STALE = 3
"""How many nonces in a row a server may call stale."""


class Digest:
    """The arithmetic of authentication. Seams: `choose`, `cnonce`, `authorization`."""

    def choose(self, headers: Sequence[str]) -> DigestChallenge | Challenge | None:
        """The challenge to answer out of all WWW-Authenticate headers: Digest before Basic."""
        return digest.choose(digest.parse_challenges(headers))

    def cnonce(self) -> str:
        return secrets.token_hex(8)

    def authorization(
        self,
        challenge: DigestChallenge | Challenge,
        user: tuple[str, str],
        method: str,
        uri: str,
        nc: int,
        cnonce: str,
    ) -> str:
        """The value of Authorization; *user* is name and password.

        Raises:
            AuthError: the challenge cannot be answered.
        """
        if isinstance(challenge, Challenge):
            return digest.basic_authorization(*user)
        return digest.digest_authorization(
            challenge, username=user[0], password=user[1], method=method, uri=uri, nc=nc, cnonce=cnonce
        )


class Login:
    """Where a conversation with one server stands: challenge, nonce count, cnonce."""

    def __init__(self, digest_part: Digest, user: tuple[str, str]) -> None:
        self._digest = digest_part
        self._user = user
        self._challenge: DigestChallenge | Challenge | None = None
        self._nc = 0
        self._cnonce = digest_part.cnonce()
        self._stale = 0

    def new_connection(self) -> None:
        """TR-069 3.4.5: a new cnonce for each TCP connection; the nonce count goes on."""
        self._cnonce = self._digest.cnonce()

    def authorization(self, method: str, uri: str) -> str | None:
        """The header for the next request, ``None`` before a challenge."""
        if self._challenge is None:
            return None
        self._nc += 1
        return self._digest.authorization(self._challenge, self._user, method, uri, self._nc, self._cnonce)

    def accepted(self) -> None:
        """A response other than 401 came."""
        self._stale = 0

    def challenged(self, headers: Sequence[str], exposed: bool = False) -> str:
        """A 401 came: take up its challenge. Empty, or why it cannot be answered.

        *exposed*: Basic would hand the password over, to another host than the one it is for or to everybody on
        the way; only Digest is answered there.
        """
        chosen = self._digest.choose(headers)
        if chosen is None:
            return "401 without a challenge that can be answered"
        if not self._user[0]:
            return "401, but no user name is set"
        if exposed and isinstance(chosen, Challenge):
            return "401 with Basic from another host than the ACS's, or without TLS"
        stale = isinstance(chosen, DigestChallenge) and chosen.stale
        if self._challenge is not None and self._nc and not (stale or self._renewed(chosen)):
            return "401: user name or password refused"
        self._stale += 1
        if self._stale > _MOST_STALE:
            return "401 again and again"
        if not self._same_nonce(chosen):
            self._nc = 0
        self._challenge = chosen
        return ""

    def _same_nonce(self, chosen: DigestChallenge | Challenge) -> bool:
        return getattr(chosen, "nonce", "") == getattr(self._challenge, "nonce", None)

    def _renewed(self, chosen: DigestChallenge | Challenge) -> bool:
        """Whether this is a new challenge after an accepted answer (re-authentication in mid-session)."""
        return self._stale == 0 and type(chosen) is type(self._challenge)


__all__ = ["AuthError", "Digest", "Login"]
