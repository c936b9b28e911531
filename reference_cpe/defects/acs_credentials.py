"""Defects of the device's login at the ACS and at file servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.cwmp import digest
from harness.cwmp.digest import DigestChallenge
from harness.cwmp.http_auth_syntax import Challenge
from reference_cpe import fetch
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.exchange import Again, Exchange
from reference_cpe.http import Headers, Response
from reference_cpe.login import Login
from reference_cpe.parts import Parts
from reference_cpe.transfers import Transfer

User = tuple[str, str]
DIGEST, BASIC = "lcos.acs-credentials.digest", "lcos.acs-credentials.basic"
ARITHMETIC = "cwmp.auth.digest-arithmetic"
REPEATS = 150
"""How often the impatient device repeats a refused login."""


def _pair(parts: Parts, kind: str) -> User:
    return parts.settings.value(f"{kind}_username"), parts.settings.value(f"{kind}_password")


@defect(
    "basic-volunteered",
    breaks=["lcos.acs-credentials.nothing-volunteered", "cwmp.auth.no-unasked-basic"],
)
def basic_volunteered(parts: Parts) -> None:
    """Over http the ACS credentials are sent in Basic form before anybody asks for them."""

    class Talkative(Exchange):
        def request(self, body: bytes) -> Headers:
            headers = super().request(body)
            if not self.target.secure and all(name != "Authorization" for name, _ in headers):
                headers.append(("Authorization", digest.basic_authorization(*_pair(self.parts, "acs"))))
            return headers

    parts.exchange = Talkative


def _user(alter: Callable[[Parts, User], User]) -> Callable[[Parts], None]:
    """Logins are made with another user or password than the configured ones."""

    def apply(parts: Parts) -> None:
        original = parts.digest.authorization

        def authorization(challenge: Any, user: User, *rest: Any) -> str:
            return original(challenge, alter(parts, user), *rest)

        rewire(parts.digest, authorization=authorization)

    return apply


for _name, _summary, _breaks, _alter in (
    ("acs-password-cut", "Only the first twelve characters of the ACS password are used.",
     [DIGEST, BASIC, ARITHMETIC], lambda _parts, user: (user[0], user[1][:12])),
    ("acs-username-lower-case", "The ACS username is sent in lower case.",
     [BASIC, DIGEST], lambda _parts, user: (user[0].lower(), user[1])),
    ("acs-password-without-special", "Characters other than letters and digits are left out of the ACS password.",
     [DIGEST, BASIC], lambda _parts, user: (user[0], "".join(filter(str.isalnum, user[1])))),
    ("connection-request-pair-at-acs", "The device logs in at the ACS with the connection request user.",
     ["lcos.acs-credentials.not-connection-request-pair", DIGEST, BASIC],
     lambda parts, _user: _pair(parts, "connection_request")),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _user(_alter))


@defect("digest-without-qop", breaks=[ARITHMETIC])
def digest_without_qop(parts: Parts) -> None:
    """Digest responses are made in the old form without qop, though the ACS offers auth."""
    original = parts.digest.authorization

    def authorization(challenge: Any, *rest: Any) -> str:
        old = replace(challenge, qop=()) if isinstance(challenge, DigestChallenge) else challenge
        return original(old, *rest)

    rewire(parts.digest, authorization=authorization)


@defect("digest-uri-absolute", breaks=["cwmp.auth.digest-uri"])
def digest_uri_absolute(parts: Parts) -> None:
    """The uri of Digest credentials is a whole URL while the request names only the path."""
    original = parts.digest.authorization

    def authorization(challenge: Any, user: User, method: str, uri: str, nc: int, cnonce: str) -> str:
        return original(challenge, user, method, f"http://acs{uri}", nc, cnonce)

    rewire(parts.digest, authorization=authorization)


@defect("digest-method-wrong", breaks=[DIGEST, ARITHMETIC])
def digest_method_wrong(parts: Parts) -> None:
    """Digest responses are computed as if the request were a GET."""
    original = parts.digest.authorization

    def authorization(challenge: Any, user: User, _method: str, *rest: Any) -> str:
        return original(challenge, user, "GET", *rest)

    rewire(parts.digest, authorization=authorization)


@defect("opaque-dropped", breaks=[ARITHMETIC], awaiting="tr069 suites")
def opaque_dropped(parts: Parts) -> None:
    """The opaque value of a challenge is not returned."""
    original = parts.digest.authorization

    def authorization(challenge: Any, *rest: Any) -> str:
        bare = replace(challenge, opaque=None) if isinstance(challenge, DigestChallenge) else challenge
        return original(bare, *rest)

    rewire(parts.digest, authorization=authorization)


@defect("nonce-count-from-0", breaks=["cwmp.auth.nonce-count"])
def nonce_count_from_0(parts: Parts) -> None:
    """The nonce count begins with 0."""
    original = parts.digest.authorization

    def authorization(challenge: Any, user: User, method: str, uri: str, nc: int, cnonce: str) -> str:
        return original(challenge, user, method, uri, nc - 1, cnonce)

    rewire(parts.digest, authorization=authorization)


@defect("basic-whatever-asked", breaks=[DIGEST, "cwmp.auth.no-unasked-basic"])
def basic_whatever_asked(parts: Parts) -> None:
    """A Digest challenge is answered with Basic."""
    original = parts.digest.authorization

    def authorization(challenge: Any, user: User, *rest: Any) -> str:
        return (
            digest.basic_authorization(*user)
            if isinstance(challenge, DigestChallenge)
            else original(challenge, user, *rest)
        )

    rewire(parts.digest, authorization=authorization)


@defect("basic-unknown", breaks=[BASIC])
def basic_unknown(parts: Parts) -> None:
    """A Basic challenge is not understood, and the session ends."""
    original = parts.digest.choose

    def choose(headers: Any) -> Any:
        chosen = original(headers)
        return None if isinstance(chosen, Challenge) else chosen

    rewire(parts.digest, choose=choose)


@defect("login-storm", breaks=["lcos.acs-credentials.refused-login"])
def login_storm(parts: Parts) -> None:
    """A refused login is repeated at once, again and again."""

    class Stubborn(Exchange):
        again = 0

        def judge(self, response: Response) -> Again | None:
            if response.status != 401 or self.again >= REPEATS:
                return super().judge(response)
            self.again += 1
            self.logins.pop(self.target.place, None)
            self.login().challenged(response.get_all("www-authenticate"))
            return Again()

    parts.exchange = Stubborn


@defect("login-refused-goes-on", breaks=["lcos.acs-credentials.refused-login"])
def login_refused_goes_on(parts: Parts) -> None:
    """After a refused login a new session is tried every second."""
    rewire(parts.retry, wait=lambda _minimum, _multiplier: 1.0)


@defect("acs-pair-cached", breaks=["lcos.acs-credentials.change"])
def acs_pair_cached(parts: Parts) -> None:
    """Username and password that were used first are used until the device restarts."""
    first: list[User] = []

    class Cached(Exchange):
        def login(self) -> Login:
            if not first:
                first.append(_pair(self.parts, "acs"))
            return self.logins.setdefault(self.target.place, Login(self.parts.digest, first[0]))

    parts.exchange = Cached


@defect("login-at-redirect-target", breaks=["lcos.acs-credentials.kept-from-others"])
def login_at_redirect_target(parts: Parts) -> None:
    """The ACS credentials are sent, in Basic form, to whatever host the ACS redirects to."""

    class Trusting(Exchange):
        def request(self, body: bytes) -> Headers:
            headers = super().request(body)
            if self.target.host != self.home.host:
                headers = [entry for entry in headers if entry[0] != "Authorization"]
                headers.append(("Authorization", digest.basic_authorization(*_pair(self.parts, "acs"))))
            return headers

    parts.exchange = Trusting


@defect("login-at-file-server", breaks=["lcos.acs-credentials.kept-from-others"])
def login_at_file_server(parts: Parts) -> None:
    """A file server that asks for a login is given the ACS credentials."""

    async def fetched(transfer: Transfer) -> bytes:
        return await fetch.fetch(parts, transfer.url, _pair(parts, "acs"))

    rewire(parts.transfers, fetch=fetched)
