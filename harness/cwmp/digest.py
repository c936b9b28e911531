"""HTTP authentication, sans-IO: Digest (RFC 2617, RFC 7616) and Basic (RFC 7617), both ends.

Nonces and cnonces are passed in. Texts are hashed as UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.cwmp.http_auth_syntax import AuthError, Challenge, parse_header, quote

ALGORITHMS: Final = {"md5": "md5", "sha-256": "sha256"}
"""Hash functions by their lower-case name; each has a ``-sess`` variant."""
_NC = re.compile(r"[0-9A-Fa-f]{8}")


@dataclass(frozen=True, slots=True)
class DigestChallenge:
    """A Digest challenge; what was not given is ``None``, or an empty ``qop``."""

    realm: str
    nonce: str
    algorithm: str | None = None
    qop: tuple[str, ...] = ()
    opaque: str | None = None
    stale: bool = False
    domain: str | None = None

    @property
    def usable(self) -> bool:
        """Whether this module can answer it: a known algorithm, and qop absent or offering auth."""
        known = _hash_name(self.algorithm) is not None
        return known and (not self.qop or "auth" in self.qop)

    def header(self) -> str:
        """The value of WWW-Authenticate."""
        parts = [f"realm={quote(self.realm)}", f"nonce={quote(self.nonce)}"]
        if self.qop:
            parts.append(f'qop="{",".join(self.qop)}"')
        if self.algorithm is not None:
            parts.append(f"algorithm={self.algorithm}")
        if self.opaque is not None:
            parts.append(f"opaque={quote(self.opaque)}")
        if self.domain is not None:
            parts.append(f"domain={quote(self.domain)}")
        if self.stale:
            parts.append("stale=true")
        return "Digest " + ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Directive:
    """Why an Authorization is wrong: the directive, what it should have been, what it was."""

    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, found {self.found}"


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...]:
    """Every challenge of all WWW-Authenticate headers, in order; unreadable headers are passed over."""
    challenges: list[Challenge] = []
    for value in values:
        try:
            challenges += parse_header(value)
        except AuthError:
            continue
    return tuple(challenges)


def digest_challenge(challenge: Challenge) -> DigestChallenge:
    """The Digest fields of a challenge; unknown parameters are ignored (RFC 2617 3.2.1).

    Raises:
        AuthError: another scheme, or realm or nonce is missing.
    """
    given = challenge.parameters
    if challenge.scheme != "digest" or "realm" not in given or "nonce" not in given:
        raise AuthError(
            f"no complete Digest challenge: {challenge.scheme} with {', '.join(given) or 'nothing'}"
        )
    qop = tuple(part.strip().lower() for part in given.get("qop", "").split(",") if part.strip())
    return DigestChallenge(
        realm=given["realm"],
        nonce=given["nonce"],
        algorithm=given.get("algorithm"),
        qop=qop,
        opaque=given.get("opaque"),
        stale=given.get("stale", "").lower() == "true",
        domain=given.get("domain"),
    )


def choose(challenges: Iterable[Challenge]) -> DigestChallenge | Challenge | None:
    """The challenge to answer: the first usable Digest, else the first Basic, else ``None``.

    A server lists Digest challenges in its own order of preference (RFC 7616 3.7).
    """
    basic: Challenge | None = None
    for challenge in challenges:
        if challenge.scheme == "basic" and basic is None:
            basic = challenge
        if challenge.scheme == "digest":
            try:
                digest = digest_challenge(challenge)
            except AuthError:
                continue
            if digest.usable:
                return digest
    return basic


def _hash_name(algorithm: str | None) -> str | None:
    return ALGORITHMS.get((algorithm or "MD5").lower().removesuffix("-sess"))


def _hexdigest(name: str, text: str) -> str:
    return hashlib.new(name, text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def response(
    *,
    username: str,
    password: str,
    realm: str,
    method: str,
    uri: str,
    nonce: str,
    algorithm: str | None = None,
    qop: str | None = None,
    nc: str = "",
    cnonce: str = "",
) -> str:
    """The ``response`` directive, lower-case hex (RFC 2617 3.2.2.1, RFC 7616 3.4.1).

    *nc* is the eight hex digits as sent and needs *qop*; *cnonce* needs *qop* or a -sess algorithm.

    Raises:
        AuthError: the algorithm or qop is not supported.
    """
    name = _hash_name(algorithm)
    if name is None:
        raise AuthError(f"unsupported algorithm {algorithm!r}")
    if qop not in {None, "auth"}:
        raise AuthError(f"unsupported qop {qop!r}")
    secret = _hexdigest(name, f"{username}:{realm}:{password}")
    if algorithm is not None and algorithm.lower().endswith("-sess"):
        secret = _hexdigest(name, f"{secret}:{nonce}:{cnonce}")
    request = _hexdigest(name, f"{method}:{uri}")
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return _hexdigest(name, f"{secret}:{middle}:{request}")


def digest_authorization(
    challenge: DigestChallenge, *, username: str, password: str, method: str, uri: str, nc: int, cnonce: str
) -> str:
    """The value of Authorization that answers *challenge*; *nc* counts the requests with this nonce, from 1.

    Raises:
        AuthError: the challenge is not usable.
    """
    if not challenge.usable:
        raise AuthError(f"cannot answer algorithm {challenge.algorithm!r} with qop {challenge.qop!r}")
    qop = "auth" if challenge.qop else None
    count = f"{nc:08x}"
    answer = response(
        username=username,
        password=password,
        realm=challenge.realm,
        method=method,
        uri=uri,
        nonce=challenge.nonce,
        algorithm=challenge.algorithm,
        qop=qop,
        nc=count,
        cnonce=cnonce,
    )
    quoted = {"username": username, "realm": challenge.realm, "nonce": challenge.nonce, "uri": uri}
    parts = [f"{name}={quote(text)}" for name, text in quoted.items()]
    parts.append(f'response="{answer}"')
    if challenge.algorithm is not None:
        parts.append(f"algorithm={challenge.algorithm}")
    if challenge.opaque is not None:
        parts.append(f"opaque={quote(challenge.opaque)}")
    if qop:
        parts += [f"qop={qop}", f"nc={count}"]
    if qop or (challenge.algorithm or "").lower().endswith("-sess"):
        parts.append(f"cnonce={quote(cnonce)}")
    return "Digest " + ", ".join(parts)


def parse_authorization(value: str) -> Challenge:
    """The scheme and parameters of an Authorization header.

    Raises:
        AuthError: not readable, or more than one scheme.
    """
    parsed = parse_header(value)
    if len(parsed) != 1:
        raise AuthError(f"{len(parsed)} schemes in one Authorization")
    return parsed[0]


def verify_digest(
    authorization: Challenge,
    challenge: DigestChallenge,
    *,
    username: str,
    password: str,
    method: str,
    target: str,
    nc: int | None = None,
) -> tuple[Directive, ...]:
    """What is wrong with an answer to *challenge*; nothing when it is right (RFC 2617 3.2.2).

    *target* is the request-target of the request line, *nc* the count expected next (``None``: any). The
    response is computed from the directives as they were sent, so a wrong one is told once, by its name.
    """
    if authorization.scheme != "digest":
        return (Directive("scheme", "Digest", authorization.scheme),)
    given = authorization.parameters
    wrong = _wrong_copies(given, challenge, username, target) + _wrong_counts(given, challenge, nc)
    if "response" not in given:
        return (*wrong, Directive("response", "a value", "none"))
    try:
        right = response(
            username=given.get("username", ""),
            password=password,
            realm=given.get("realm", ""),
            method=method,
            uri=given.get("uri", ""),
            nonce=given.get("nonce", ""),
            algorithm=given.get("algorithm", challenge.algorithm),
            qop=given["qop"].lower() if "qop" in given else None,
            nc=given.get("nc", ""),
            cnonce=given.get("cnonce", ""),
        )
    except AuthError as error:
        return (*wrong, Directive("response", "a computable one", str(error)))
    found = given["response"]
    if not hmac.compare_digest(found.lower().encode("utf-8", "replace"), right.encode()):
        wrong.append(Directive("response", right, found))
    return tuple(wrong)


def _wrong_copies(
    given: Mapping[str, str], challenge: DigestChallenge, username: str, target: str
) -> list[Directive]:
    expected = {"username": username, "realm": challenge.realm, "nonce": challenge.nonce, "uri": target}
    if challenge.opaque is not None:
        expected["opaque"] = challenge.opaque
    wrong = [
        Directive(name, text, given.get(name, "none"))
        for name, text in expected.items()
        if given.get(name) != text
    ]
    algorithm = challenge.algorithm or "MD5"
    if given.get("algorithm", "MD5").lower() != algorithm.lower():
        wrong.append(Directive("algorithm", algorithm, given.get("algorithm", "none")))
    return wrong


def _wrong_counts(given: Mapping[str, str], challenge: DigestChallenge, nc: int | None) -> list[Directive]:
    qop = given.get("qop")
    if not challenge.qop:
        return [] if qop is None else [Directive("qop", "none, as none was offered", qop)]
    if qop is None:
        return [Directive("qop", " or ".join(challenge.qop), "none")]
    wrong = [] if qop.lower() in challenge.qop else [Directive("qop", " or ".join(challenge.qop), qop)]
    count = given.get("nc")
    if count is None or not _NC.fullmatch(count):
        wrong.append(Directive("nc", "eight hexadecimal digits", "none" if count is None else count))
    elif nc is not None and int(count, 16) != nc:
        wrong.append(Directive("nc", f"{nc:08x}", count))
    if not given.get("cnonce"):
        wrong.append(Directive("cnonce", "a value", "none"))
    return wrong


def basic_authorization(username: str, password: str) -> str:
    """The value of Authorization, UTF-8 (RFC 7617 2).

    Raises:
        AuthError: a colon in *username*.
    """
    if ":" in username:
        raise AuthError("a Basic user name cannot hold a colon")
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def basic_challenge(realm: str) -> str:
    """The value of WWW-Authenticate that asks for Basic in UTF-8."""
    return f'Basic realm={quote(realm)}, charset="UTF-8"'


def basic_credentials(authorization: Challenge) -> tuple[str, str]:
    """User name and password of a Basic Authorization; ISO 8859-1 where it is no UTF-8.

    Raises:
        AuthError: another scheme, no base64, or no colon.
    """
    if authorization.scheme != "basic" or authorization.token is None:
        raise AuthError(f"no Basic credentials: {authorization.scheme}")
    try:
        raw = base64.b64decode(authorization.token, validate=True)
    except (binascii.Error, ValueError) as error:
        raise AuthError(f"not base64: {error}") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    username, colon, password = text.partition(":")
    if not colon:
        raise AuthError("no colon in the credentials")
    return username, password
