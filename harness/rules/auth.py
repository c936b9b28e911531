"""Wire rules of HTTP authentication towards the ACS (TR-069 3.4.4, 3.4.5; RFC 2617, RFC 7616).

The arithmetic is done here again on purpose, apart from the digest code that the bench's ACS uses.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Final

from harness.rules.rule import Report, rule, shown
from harness.rules.view import Turn, View
from harness.verdict.transcript import HttpMessage

_PARAMETER: Final = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?:,|$)')
_SCHEME: Final = re.compile(r"(?:^|,\s*)(Digest|Basic|[A-Za-z-]+)\s+(?=[A-Za-z0-9_-]+\s*=)")
_NC: Final = re.compile(r"[0-9a-fA-F]{8}")
_HASHES: Final[dict[str, Callable[[bytes], str]]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


def parameters(text: str) -> dict[str, str]:
    """The parameters of a challenge or of credentials, names in lower case, quotes and escapes taken off."""
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(text)
    }


def challenges(response: HttpMessage, scheme: str) -> list[dict[str, str]]:
    """The challenges of *scheme* in *response*; one header may hold several."""
    found = []
    for header in response.header_values("WWW-Authenticate"):
        starts = list(_SCHEME.finditer(header))
        for index, start in enumerate(starts):
            end = starts[index + 1].start() if index + 1 < len(starts) else len(header)
            if start[1].lower() == scheme:
                found.append(parameters(header[start.end() : end]))
    return found


def digest_credentials(request: HttpMessage) -> dict[str, str] | None:
    """The parameters of ``Authorization: Digest``, or ``None`` where the request has none."""
    scheme, _, rest = (request.header("Authorization") or "").strip().partition(" ")
    return parameters(rest) if scheme.lower() == "digest" else None


def digest_response(given: dict[str, str], method: str, username: str, password: str) -> str:
    """The response that belongs to the parameters *given* (RFC 2617 3.2.2, RFC 7616 3.4).

    Raises:
        KeyError: an algorithm other than MD5 and SHA-256, or a parameter is missing.
    """
    algorithm = given.get("algorithm", "MD5").upper()
    hash_ = _HASHES[algorithm.removesuffix("-SESS")]

    def h(text: str) -> str:
        return hash_(text.encode("utf-8", "surrogateescape"))

    ha1 = h(f"{username}:{given['realm']}:{password}")
    if algorithm.endswith("-SESS"):
        ha1 = h(f"{ha1}:{given['nonce']}:{given['cnonce']}")
    ha2 = h(f"{method}:{given['uri']}")
    if "qop" not in given:
        return h(f"{ha1}:{given['nonce']}:{ha2}")
    return h(f"{ha1}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}:{ha2}")


def _digests(view: View) -> Iterator[tuple[Turn, dict[str, str]]]:
    for turn in view.turns:
        given = digest_credentials(turn.request)
        if given is not None:
            yield turn, given


def _issued(view: View) -> dict[str, list[dict[str, str]]]:
    """The Digest challenges of the transcript by their nonce; a device may also use a nonce from before."""
    issued: dict[str, list[dict[str, str]]] = {}
    for turn in view.turns:
        for challenge in challenges(turn.response, "digest") if turn.response is not None else ():
            issued.setdefault(challenge.get("nonce", ""), []).append(challenge)
    return issued


@rule("digest-arithmetic", verifies="cwmp.auth.digest-arithmetic")
def digest_arithmetic(view: View, report: Report) -> None:
    """Digest credentials repeat the challenge, use qop=auth where offered, and the response is right."""
    issued = _issued(view)
    for turn, given in _digests(view):
        wrong = _form(given, issued.get(given.get("nonce", ""), []))
        if wrong is None:
            wrong = _arithmetic(view, turn.request, given)
        if wrong is None:
            report.kept()
        else:
            report.broken(turn.request, expected=wrong[0], observed=wrong[1], where="Authorization")


def _form(given: dict[str, str], offers: list[dict[str, str]]) -> tuple[str, str] | None:
    """What is wrong in the form: (expected, observed)."""
    for name in ("username", "realm", "nonce", "uri", "response"):
        if name not in given:
            return f"the parameter {name}", "none"
    qop = given.get("qop")
    if qop is not None:
        if qop not in ("auth", "auth-int"):
            return "qop=auth", shown(qop)
        if not given.get("cnonce") or not _NC.fullmatch(given.get("nc", "")):
            return "cnonce, and nc of eight hexadecimal digits", shown(f"nc={given.get('nc')}")
    echoes = [_echo(given, offer) for offer in offers]
    return None if None in echoes or not echoes else echoes[0]


def _echo(given: dict[str, str], challenge: dict[str, str]) -> tuple[str, str] | None:
    offered = [each.strip() for each in challenge.get("qop", "").split(",")]
    if "auth" in offered and given.get("qop") != "auth":
        return "qop=auth, which the challenge offers", shown(given.get("qop"))
    for name in ("realm", "opaque"):
        if name in challenge and given.get(name) != challenge[name]:
            return f"{name} of the challenge: {shown(challenge[name])}", shown(given.get(name))
    if challenge.get("algorithm", "MD5").upper() != given.get("algorithm", "MD5").upper():
        return f"algorithm {challenge.get('algorithm', 'MD5')}", shown(given.get("algorithm"))
    return None


def _arithmetic(view: View, request: HttpMessage, given: dict[str, str]) -> tuple[str, str] | None:
    passwords = [password for username, password in view.credentials if username == given["username"]]
    if not passwords or given.get("qop") == "auth-int":
        return None
    try:
        right = [digest_response(given, request.method, given["username"], each) for each in passwords]
    except KeyError as error:
        return "an algorithm that was offered, and all its parameters", f"{error.args[0]}"
    return None if given["response"].lower() in right else (f"response={right[0]}", shown(given["response"]))


@rule("digest-uri", verifies="cwmp.auth.digest-uri")
def digest_uri(view: View, report: Report) -> None:
    """The uri of Digest credentials is the Request-URI."""
    for turn, given in _digests(view):
        report.check(
            given.get("uri") == turn.request.target,
            turn.request,
            expected=f"uri={shown(turn.request.target)}",
            observed=shown(given.get("uri")),
            where="Authorization",
        )


@rule("nonce-count", verifies="cwmp.auth.nonce-count")
def nonce_count(view: View, report: Report) -> None:
    """The nonce count starts at 00000001 with every new nonce and grows by one with each request."""
    issued = _issued(view)
    last: dict[str, tuple[int, Turn]] = {}
    for turn, given in _digests(view):
        nonce, text = given.get("nonce", ""), given.get("nc", "")
        if not _NC.fullmatch(text):
            continue
        count, before = int(text, 16), last.get(nonce)
        last[nonce] = (count, turn)
        if before is None:
            # A nonce that was issued before this transcript began may have any count.
            right, expected = nonce not in issued or count == 1, "nc=00000001 for a new nonce"
        else:
            again = before[1].response is None and before[1].request.body == turn.request.body
            right = count == before[0] + 1 or (again and count == before[0])
            expected = f"nc={before[0] + 1:08x}"
        if right:
            report.kept()
        else:
            # A gap may stand for requests that were lost on the way.
            gap = before is not None and count > before[0]
            report.broken(
                turn.request, expected=expected, observed=f"nc={text}", where="Authorization", minor=gap
            )


@rule("no-unasked-basic", verifies="cwmp.auth.no-unasked-basic")
def no_unasked_basic(view: View, report: Report) -> None:
    """Without TLS the device sends its password in Basic form only after a Basic challenge."""
    asked = False
    for turn in view.turns:
        if not view.secure(turn.request):
            scheme = (turn.request.header("Authorization") or "").strip().partition(" ")[0].lower()
            report.check(
                scheme != "basic" or asked,
                turn.request,
                expected="no Basic credentials before a Basic challenge",
                observed="Authorization: Basic",
            )
        asked = asked or (turn.response is not None and bool(challenges(turn.response, "basic")))
