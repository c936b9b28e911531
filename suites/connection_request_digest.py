"""Connection request: the Digest login is verified in every part, and only the advertised path counts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from harness.bench import Bench
from harness.bench.doorbell import Variation
from harness.case import Case, Inconclusive, NotApplicable, case
from harness.cwmp.digest import DigestChallenge, choose, digest_authorization, parse_challenges
from harness.cwmp.http_auth_syntax import AuthError
from harness.expect import that
from suites.connection_request import GOOD, NEEDS, refused, ring, wakes


@dataclass(frozen=True, slots=True)
class Forgery:
    """A Digest login with one thing wrong; an empty field is as it should be.

    ``method``, ``uri``, ``realm`` and ``nonce`` are what the response is computed for and says; ``sent_as`` is the method
    of the request, ``field`` the header field.
    """

    name: str
    method: str = ""
    uri: str = ""
    realm: str = ""
    nonce: str = ""
    response: str = ""
    sent_as: str = ""
    field: str = ""


FORGERIES = (
    Forgery("a response for another URI", uri="/"),
    Forgery("a response for another method", method="POST"),
    Forgery("a response for another realm", realm="another realm"),
    Forgery("a nonce that the device never gave out", nonce=secrets.token_hex(16)),
    Forgery("a response of the right form with wrong digits", response="0" * 32),
    Forgery("the login in X-Authorization", field="X-Authorization"),
    Forgery("the login in Proxy-Authorization", field="Proxy-Authorization"),
    Forgery("a POST with a response for POST", method="POST", sent_as="POST"),
)


def challenged(bench: Bench, algorithm: str = "") -> DigestChallenge:
    """A fresh Digest challenge of the device: the first that can be answered, or of *algorithm* where one is.

    A device may offer a newer algorithm beside the one that every ACS knows (RFC 7616 3.7).

    Raises:
        NotApplicable: it asks for another scheme.
        Inconclusive: it asks for nothing.
    """
    sent = bench.door.ring(variation=Variation(credentials=False))
    try:
        offered = parse_challenges([sent.challenge]) if sent.challenge else ()
        wanted = [one for one in offered if one.parameters.get("algorithm", "MD5").upper() == algorithm]
        chosen = choose(wanted) or choose(offered)
    except AuthError as error:
        raise Inconclusive(f"the challenge cannot be read: {error}") from None
    if chosen is None:
        raise Inconclusive(
            f"no challenge to a request without credentials: status {sent.status} {sent.reason}"
        )
    if not isinstance(chosen, DigestChallenge):
        raise NotApplicable("the device does not ask for Digest")
    return chosen


def login(bench: Bench, challenge: DigestChallenge, forgery: Forgery | None = None) -> str:
    """An Authorization for the right pair, forged where that is wanted."""
    forged = forgery or Forgery("right")
    username, password = bench.connection_request_credentials
    text = digest_authorization(
        replace(challenge, realm=forged.realm or challenge.realm, nonce=forged.nonce or challenge.nonce),
        username=username,
        password=password,
        method=forged.method or "GET",
        uri=forged.uri or bench.door.target,
        nc=1,
        cnonce=secrets.token_hex(8),
    )
    if forged.response:
        before, _, rest = text.partition('response="')
        text = f'{before}response="{forged.response}"{rest.partition(chr(34))[2]}'
    return text


@case("connection-request.forged-login", verifies="lcos.connection-request.digest-verified", needs=NEEDS)
def forged_login(bench: Bench, case: Case) -> None:
    """A Digest login that is wrong in one part only wakes nobody.

    Accepted, for each part: a refusal (401) and no session within 30 s; the same login with nothing wrong in it works.
    """
    for forgery in FORGERIES:

        def right_login() -> str:
            rung = ring(bench, variation=Variation(authorization=login(bench, challenged(bench))))
            return "" if rung.sessions else f"the right login: {rung}"

        if forgery.uri and forgery.uri == bench.door.target:
            case.observe(f"{forgery.name}: the device's own path is {forgery.uri}")
            continue
        with case.twin("the login with nothing wrong in it leads to a session", right_login):
            case.step(f"Send {forgery.name}.")
            variation = Variation(
                authorization=login(bench, challenged(bench), forgery),
                method=forgery.sent_as or "GET",
                field=forgery.field or "Authorization",
                note=forgery.name,
            )
            rung = ring(bench, variation=variation)
            case.check("lcos.connection-request.digest-verified", rung, refused(), what=forgery.name)


@case("connection-request.replayed-login", verifies="lcos.connection-request.replay", needs=NEEDS)
def replayed_login(bench: Bench, case: Case) -> None:
    """A login that was good once is not good a second time.

    Accepted: a refusal (401) and no session for the request with the same Authorization, at once and half a minute later.
    """
    case.step("Log in and be woken.")
    authorization = login(bench, challenged(bench))
    first = ring(bench, variation=Variation(authorization=authorization))
    if not first.sessions:
        raise Inconclusive(f"the login did not work the first time: {first}")
    with case.twin("a fresh login leads to a session", lambda: wakes(bench)):
        for when in ("at once", "again"):
            case.step(f"Send the same Authorization {when}.")
            rung = ring(bench, variation=Variation(authorization=authorization, note="replay"))
            case.check("lcos.connection-request.replay", rung, refused(), what=when)


@case("connection-request.fresh-nonces", verifies="cwmp.connection-request.nonce-changes", needs=NEEDS)
def fresh_nonces(bench: Bench, case: Case) -> None:
    """The challenge offers MD5 with qop auth, and its nonce changes from one accepted login to the next.

    Accepted: algorithm MD5 or none named, "auth" among the qop values, in one of the challenges where there are several; and
    not all nonces the same in challenges with an accepted login between them.
    """
    challenges = []
    for _ in range(3):
        challenges.append(challenged(bench, "MD5"))
        bench.door.ring()
    first = challenges[0]
    case.check(
        "cwmp.connection-request.nonce-changes",
        f"algorithm {first.algorithm or 'MD5'}, qop {','.join(first.qop)}",
        that(
            "MD5 with qop auth", lambda _: (first.algorithm or "MD5").upper() == "MD5" and "auth" in first.qop
        ),
    )
    nonces = [challenge.nonce for challenge in challenges]
    case.check(
        "cwmp.connection-request.nonce-changes",
        nonces,
        that("nonces that change", lambda seen: len(set(seen)) > 1),
    )


@case("connection-request.other-path", verifies="lcos.connection-request.path", needs=NEEDS)
def other_path(bench: Bench, case: Case) -> None:
    """A right login on another path than the advertised one wakes nobody.

    Accepted: a refusal (404 or 401) and no session within 30 s, for "/", an unknown path, and the advertised path with a
    letter more or in another case; the advertised path works before and after.
    """
    path = bench.door.target.partition("?")[0]
    with case.twin("the advertised path leads to a session", lambda: wakes(bench)):
        others = dict.fromkeys(("/", "/no-such-path", path + "x", path.swapcase()))
        for target in [other for other in others if other != path]:
            case.step(f"Send a right login for {target}.")
            rung = ring(bench, variation=Variation(target=target))
            case.check("lcos.connection-request.path", rung, refused(), what=f"path {target}")


@case("connection-request.extra-data", verifies="cwmp.connection-request.extra-data-ignored", needs=NEEDS)
def extra_data(bench: Bench, case: Case) -> None:
    """A query string behind the advertised path is ignored.

    Accepted: 200 or 204 and a session, as without it.
    """
    with case.twin("without a query the request leads to a session", lambda: wakes(bench)):
        case.step("Send a right request with a query string.")
        glue = "&" if "?" in bench.door.target else "?"
        rung = ring(bench, variation=Variation(target=f"{bench.door.target}{glue}a=b"))
        good = that("a session", lambda seen: seen.sent.status in GOOD and bool(seen.sessions))
        case.check("cwmp.connection-request.extra-data-ignored", rung, good)
