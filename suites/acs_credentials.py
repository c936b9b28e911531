"""ACS credentials: the user and password with which the device logs in at the ACS, by Digest and by Basic."""

from __future__ import annotations

from dataclasses import dataclass

from harness.acs.auth import Basic, Digest
from harness.bench import Bench
from harness.bench.traffic import Request
from harness.case import Body, Case, CaseRow, Inconclusive, NotApplicable, case, cases_from
from harness.cwmp.digest import (
    DigestChallenge,
    parse_authorization,
    verify_digest,
)
from harness.cwmp.http_auth_syntax import AuthError
from harness.cwmp.messages import (
    GetParameterValues,
)
from harness.expect import equal, nothing, that
from harness.lab.reply import Reply
from harness.verdict.transcript import Role

NEEDS = ("acs_username", "acs_password")


@case("acs-credentials.digest", verifies="lcos.acs-credentials.digest", needs=NEEDS)
def digest(bench: Bench, case: Case) -> None:
    """Challenged with Digest, the device logs in with the configured user and password.

    Accepted: a complete session with an ACS that lets nobody else in. (The arithmetic, the uri and the nonce count of
    every request are judged by wire rules.)
    """
    case.step("Let the ACS demand Digest with the configured pair; give the device a reason to connect.")
    bench.demand_login("Digest")
    case.check("lcos.acs-credentials.digest", bench.works() or "a session", equal("a session"))


@case(
    "acs-credentials.basic",
    verifies="lcos.acs-credentials.basic",
    needs=(*NEEDS, "https", "acs_url", "upload_root_ca"),
)
def basic(bench: Bench, case: Case) -> None:
    """Challenged with Basic over TLS, the device logs in with the configured user and password.

    Accepted: a complete session with an ACS that lets nobody else in.
    """
    case.step(
        "Let the ACS demand Basic over https with the configured pair; give the device a reason to connect."
    )
    bench.use_https()
    bench.demand_login("Basic")
    case.check("lcos.acs-credentials.basic", bench.works() or "a session", equal("a session"))


# --- pairs --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pair:
    """A user and a password that are hard to carry. *optional*: a device may refuse to store such a pair."""

    id: str
    username: str
    password: str
    what: str
    optional: bool = False
    basic: bool = True
    """Whether Basic can carry it, too."""


_EVERY = "".join(f"{number:02x}-{chr(65 + number % 26)}." for number in range(50))
PAIRS = (
    Pair("long-password", "cpe-long", f"{_EVERY}{'z' * 256}"[:256], "a password of 256 characters"),
    Pair(
        "long-user", f"{_EVERY}{'y' * 256}"[:256].replace(".", "_"), "secret", "a user name of 256 characters"
    ),
    Pair("colon", "cpe-colon", "pass:word:4711", "colons in the password"),
    Pair("quotes", 'cpe-"quoted"', 'a"b\\c"', "quotation marks and a backslash", optional=True),
    Pair("blank", "cpe blank", "two words", "blanks inside", optional=True),
    Pair(
        "utf-8",
        "cpe-utf8",
        "\u043f\u0430\u0440\u043e\u043b\u044c-\u5bc6\u7801",
        "a password with letters beyond Latin-1",
        optional=True,
    ),
    Pair(
        "signs",
        "cpe+1%41@isp.example",
        "a+b%20c&d#e$f;g<h>i'j",
        "signs that mean something elsewhere",
        optional=True,
    ),
    Pair("domain", "isp\\cpe@example.net", "secret", "a user name with a domain", optional=True),
    Pair("outer-blanks", " cpe-outer ", " secret ", "blanks at either end", optional=True),
    Pair("empty-password", "cpe-empty", "", "an empty password", optional=True),
)
"""Adding one is adding a row."""


def give_pair(bench: Bench, case: Case, requirement: str, pair: Pair) -> bool:
    """Give the device the pair. A device that refuses it has failed where it must take it; else there is nothing to test.

    Raises:
        NotApplicable: it need not take this one and does not.
        Inconclusive: it does not work afterwards, so that nobody knows who refused.
    """
    refusal = bench.try_acs_login(pair.username, pair.password)
    if not refusal:
        return True
    username, password = bench.acs_credentials
    bench.configure(acs_username=username, acs_password=password)
    if reason := bench.works():
        raise Inconclusive(f"the pair could not be set ({refusal}), and then: {reason}")
    if pair.optional:
        raise NotApplicable(f"the device stores no such pair: {refusal}")
    case.check(requirement, refusal, equal("", "0 to 256 characters are allowed"), what="refusal of the pair")
    return False


def _logs_in(pair: Pair, scheme: type[Basic] | type[Digest]) -> Body:
    requirement = f"lcos.acs-credentials.{scheme.__name__.lower()}"

    def body(bench: Bench, case: Case) -> None:
        case.step(f"Give the device a pair with {pair.what}; let the ACS demand it by {scheme.__name__}.")
        if scheme is Basic:
            bench.use_https()
        if give_pair(bench, case, requirement, pair):
            bench.demand(scheme(pair.username, pair.password))
            case.check(requirement, bench.works() or "a session", equal("a session"))
            bench.demand(None)

    return body


def _pair_rows(scheme: type[Basic] | type[Digest], needs: tuple[str, ...]) -> list[CaseRow]:
    name = scheme.__name__
    return [
        CaseRow(
            f"acs-credentials.{name.lower()}.{pair.id}",
            f"The device logs in by {name} with {pair.what}.\n\nAccepted: a complete session with an ACS that lets nobody else in"
            + ("; not applicable where the device refuses to store the pair." if pair.optional else "."),
            _logs_in(pair, scheme),
            f"lcos.acs-credentials.{name.lower()}",
            needs,
        )
        for pair in PAIRS
        if scheme is Digest or pair.basic
    ]


cases_from(globals(), _pair_rows(Digest, NEEDS))
cases_from(globals(), _pair_rows(Basic, (*NEEDS, "https", "acs_url", "upload_root_ca")))


# --- challenges ---------------------------------------------------------------------------------------

CHALLENGES = (
    ("no-qop", "MD5", (), "no quality of protection"),
    ("no-algorithm", None, ("auth",), "no algorithm named, which means MD5"),
    ("oldest", None, (), "neither algorithm nor quality of protection, as in RFC 2069"),
    ("auth-or-auth-int", "MD5", ("auth", "auth-int"), 'a choice of "auth" and "auth-int"'),
    ("md5-sess", "MD5-sess", ("auth",), "the algorithm MD5-sess"),
)
"""Id, algorithm, qop, what is special."""


def _challenge(algorithm: str | None, qop: tuple[str, ...]) -> Body:
    def body(bench: Bench, case: Case) -> None:
        case.step("Let the ACS send the challenge; give the device a reason to connect.")
        bench.demand(Digest(*bench.acs_credentials, algorithm=algorithm, qop=qop))
        reason = bench.works() or "a session"
        for requirement in ("lcos.acs-credentials.digest", "cwmp.auth.digest-arithmetic"):
            case.check(requirement, reason, equal("a session"))

    return body


cases_from(
    globals(),
    [
        CaseRow(
            f"acs-credentials.challenge.{name}",
            f"The device answers a Digest challenge with {what}.\n\nAccepted: a complete session with an ACS that computes the "
            "response anew.",
            _challenge(algorithm, qop),
            ("lcos.acs-credentials.digest", "cwmp.auth.digest-arithmetic"),
            NEEDS,
        )
        for name, algorithm, qop, what in CHALLENGES
    ],
)


def schemes_of(requests: list[Request]) -> set[str]:
    """The authentication schemes that were used, in lower case."""
    return {request.authorization.partition(" ")[0].lower() for request in requests if request.authorization}


@case("acs-credentials.strongest", verifies="cwmp.auth.strongest", needs=NEEDS)
def strongest(bench: Bench, case: Case) -> None:
    """Offered Basic and Digest in one answer, Basic first, the device uses Digest.

    Accepted: a session in which every Authorization is Digest.
    """
    case.step("Let the ACS offer both schemes; give the device a reason to connect.")
    bench.demand(Digest(*bench.acs_credentials, or_basic=True))
    mark = bench.traffic.mark()
    if reason := bench.works():
        raise Inconclusive(f"no session: {reason}")
    case.check("cwmp.auth.strongest", schemes_of(bench.traffic.requests(mark, Role.ACS)), equal({"digest"}))


@case("acs-credentials.basic-over-http", verifies="lcos.acs-credentials.basic-over-http", needs=NEEDS)
def basic_over_http(bench: Bench, case: Case) -> None:
    """Asked for Basic over plain http, the device does not send its password.

    Accepted: no Basic credentials; there may then be no session. With Digest there is one before and after.
    """

    def digest_works() -> str:
        bench.demand_login("Digest")
        return bench.works()

    with case.twin("with Digest there is a session", digest_works):
        case.step("Let the ACS demand Basic over http and give the device reasons to connect.")
        bench.demand(Basic(*bench.acs_credentials))
        mark = bench.traffic.mark()
        bench.provoke(5.0, restart=False)
        requests = bench.traffic.requests(mark, Role.ACS)
        if not requests:
            raise Inconclusive("the device made no request that could be challenged")
        sent = [str(each) for each in requests if each.authorization.lower().startswith("basic")]
        case.check("lcos.acs-credentials.basic-over-http", sent, nothing("request with Basic credentials"))


@case("acs-credentials.challenged-again", verifies="cwmp.auth.challenged-again", needs=NEEDS)
def challenged_again(bench: Bench, case: Case) -> None:
    """Told in mid-session that its nonce is stale, the device repeats the same message with the new nonce.

    Accepted: the same body again, with credentials that are right for the new nonce, and the session goes on to its end.
    """
    case.step(
        "In a session under Digest, answer the response to an RPC with 401, stale=true and a new nonce."
    )
    bench.demand_login("Digest")
    username, password = bench.acs_credentials
    challenge = DigestChallenge("cpecheck", f"new-nonce-{case.seed:x}", "MD5", ("auth",), stale=True)
    mark = bench.traffic.mark()
    with bench.session("challenged again") as session:
        read = GetParameterValues((f"{session.root}DeviceInfo.SoftwareVersion",))
        if session.call(read).lost:
            raise Inconclusive("the session ended before it could be challenged again")
        before = bench.traffic.requests(mark, Role.ACS)[-1].message
        repeated = session.reply(Reply(401, headers=[("WWW-Authenticate", challenge.header())]))
        following = session.call(read) if not session.ended else repeated
    after = bench.traffic.requests(mark, Role.ACS)
    again = next((seen for seen in after if challenge.nonce in seen.authorization), None)
    case.check(
        "cwmp.auth.challenged-again", repeated.lost or repeated.reason, that("no loss", lambda lost: not lost)
    )
    if again is not None:
        case.check(
            "cwmp.auth.challenged-again", again.message.body == before.body, equal(True), what="the same body"
        )
        wrong = _wrong_digest(again, challenge, username, password)
        case.check("cwmp.auth.challenged-again", wrong, nothing("wrong directive"))
    case.check(
        "cwmp.auth.challenged-again", again is not None, equal(True), what="a request with the new nonce"
    )
    case.check(
        "cwmp.auth.challenged-again", following.message is not None, equal(True), what="the next RPC answered"
    )


def _wrong_digest(request: Request, challenge: DigestChallenge, username: str, password: str) -> list[str]:
    try:
        given = parse_authorization(request.authorization)
    except AuthError as error:
        return [str(error)]
    message = request.message
    wrong = verify_digest(
        given, challenge, username=username, password=password, method=message.method, target=message.target
    )
    return [str(each) for each in wrong]
