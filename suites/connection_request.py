"""Connection request: who may wake the device, and what follows.

Failed logins come at most four in a row, then a right one: a device may lock a login after five (LCOS does).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.bench import Bench, ConnectionRequestOutcome, InformSeen
from harness.bench.doorbell import Outcome, Variation
from harness.bench.rig import QUIET
from harness.case import Case, Inconclusive, NotApplicable, case
from harness.cwmp.digest import basic_authorization
from harness.expect import Allowed, Judgement, equal, failed, nothing, one_of, passed

NEEDS = ("connection-request", "connection_request_username", "connection_request_password")
FAILING = 400.0
"""Seconds of device time after which the wait before the next retry is 80 s at least."""
EVENT = "6 CONNECTION REQUEST"
GOOD = (200, 204)


@dataclass(frozen=True, slots=True)
class Rung:
    """What came of a request: the exchange, and the sessions that it caused."""

    sent: Outcome
    sessions: tuple[InformSeen, ...]

    def __str__(self) -> str:
        answer = f"status {self.sent.status}" if self.sent.status else self.sent.reason or "no answer"
        return f"{answer}, {len(self.sessions) or 'no'} session{'s' if len(self.sessions) > 1 else ''}"


def ring(
    bench: Bench,
    *,
    pair: tuple[str, str] | None = None,
    variation: Variation | None = None,
    host: str = "wan",
) -> Rung:
    """Send a request and watch for the session that follows, or does not (see `Bench.connection_request`)."""
    outcome = bench.connection_request(given=pair, variation=variation, host=host)
    sessions = (outcome.inform,) if outcome.session and outcome.inform else ()
    return Rung(outcome.sent or Outcome(outcome.status), sessions)


def refused() -> Allowed[Rung]:
    """No success is answered, and no session follows."""

    def judge(rung: Rung) -> Judgement:
        if rung.sessions:
            return failed(str(rung), "a session followed")
        if 200 <= rung.sent.status < 300:
            return failed(str(rung), "the device says that it accepts the request")
        return passed(str(rung))

    return Allowed("a refusal (401; no answer, 400, 403, 404, 405 and 503 are tolerated), no session", judge)


def wakes(bench: Bench, pair: tuple[str, str] | None = None) -> str:
    """The control: the right pair (or *pair*) leads to a session."""
    outcome: ConnectionRequestOutcome = (
        bench.connection_request(username=pair[0], password=pair[1]) if pair else bench.connection_request()
    )
    return "" if outcome.session else f"status {outcome.status}, no session {outcome.reason}".rstrip()


# --- the right credentials ----------------------------------------------------------------------------


@case(
    "connection-request.accepted",
    verifies=(
        "lcos.connection-request.session",
        "lcos.connection-request.any-source",
        "cwmp.connection-request.no-other-refusal",
    ),
    needs=NEEDS,
)
def accepted(bench: Bench, case: Case) -> None:
    """The right user and password, under Digest, lead to a session with the event "6 CONNECTION REQUEST".

    Accepted: 200 or 204, then a session with the configured ACS within 30 s; from the ACS and from another host. The device
    opens no connection to the host that asked, only to the ACS. A device that limits the rate of requests may refuse one with
    503, but none that comes after a quiet minute.
    """
    _accepted(bench, case, "lcos.connection-request.session", "wan")
    if not bench.topology.isolated:
        case.observe("no second host in this bench")
        return
    mark = 0 if bench.no_packets() else bench.wire.mark()
    _accepted(bench, case, "lcos.connection-request.any-source", "host2")
    if mark:
        strayed = bench.wire.opened(mark, bench.topology.host2_v4, bench.topology.host2_v6)
        case.check("lcos.connection-request.session", strayed, nothing("connection to the host that asked"))


def _accepted(bench: Bench, case: Case, requirement: str, host: str) -> None:
    shown = "the ACS" if host == "wan" else "another host on the WAN"
    case.step(f"Send a connection request from {shown} with the right credentials.")
    outcome = bench.connection_request(host=host)
    if outcome.limited and outcome.session:
        case.step(
            "It was refused with 503, and accepted after a quiet minute: send one more after another minute."
        )
        bench.pass_time(QUIET)
        outcome = bench.connection_request(host=host)
        case.check(
            "cwmp.connection-request.no-other-refusal",
            503 if outcome.limited else outcome.status,
            one_of(GOOD),
            what=f"status after a quiet minute, from {shown}",
        )
    for which in (requirement, "cwmp.connection-request.no-other-refusal"):
        case.check(which, outcome.status, one_of(GOOD), what=f"status, from {shown}")
    case.check(requirement, outcome.session, equal(True), what=f"session within 30 s, from {shown}")
    if outcome.inform is not None:
        case.check(requirement, EVENT in outcome.inform.event_codes, equal(True), what=f"event {EVENT}")


# --- wrong credentials --------------------------------------------------------------------------------


@case("connection-request.wrong-credentials", verifies="lcos.connection-request.credentials", needs=NEEDS)
def wrong_credentials(bench: Bench, case: Case) -> None:
    """A wrong user, a wrong password, no credentials, an empty password or the ACS's own pair wake nobody.

    Accepted: a refusal (401) and no session within 30 s, for each; the right pair works before, between and after. (A device
    that limits failed logins may answer 503 or close; what counts then is that no session follows.)
    """
    username, password = bench.connection_request_credentials
    attempts = (
        ("a wrong password", (username, password + "x"), None),
        ("a wrong user", (username + "x", password), None),
        ("no credentials", None, Variation(credentials=False)),
        ("an empty password", (username, ""), None),
        ("an empty user", ("", password), None),
        ("the pair for the ACS", bench.acs_credentials, None),
        ("a password in another case", (username, password.swapcase()), None),
        ("a user in another case", (username.swapcase(), password), None),
        ("the beginning of the user", (username[:-1], password), None),
        ("the user for the ACS", (bench.acs_credentials[0], password), None),
        ("the password for the ACS", (username, bench.acs_credentials[1]), None),
        ("the login admin, without a password", ("admin", ""), None),
        ("Basic and a wrong user", None, Variation(authorization=basic_authorization(username + "x", "x"))),
        ("Basic and a wrong password", None, Variation(authorization=basic_authorization(username, "x"))),
    )
    for begin in range(0, len(attempts), 4):
        with case.twin("the right pair leads to a session", lambda: wakes(bench)):
            for shown, pair, variation in attempts[begin : begin + 4]:
                if pair == (username, password):
                    continue  # it has no letters, or both pairs share it
                case.step(f"Send a connection request with {shown}.")
                rung = ring(bench, pair=pair, variation=variation)
                case.check("lcos.connection-request.credentials", rung, refused(), what=shown)


ADMINISTRATORS = (("admin", "admin"), ("admin", ""), ("root", "root"), ("root", ""))
"""Logins that devices are delivered with."""


@case(
    "connection-request.other-administrators",
    verifies="lcos.connection-request.other-administrators",
    needs=NEEDS,
)
def other_administrators(bench: Bench, case: Case) -> None:
    """The logins with which devices are delivered wake nobody: only the pair for connection requests does.

    Accepted: a refusal and no session for each; the right pair works before and after.
    """
    with case.twin("the right pair leads to a session", lambda: wakes(bench)):
        for pair in ADMINISTRATORS:
            case.step(f"Send a connection request as {pair[0]}, password {pair[1] or 'empty'}.")
            rung = ring(bench, pair=pair)
            case.check("lcos.connection-request.other-administrators", rung, refused(), what="/".join(pair))


UNSET = (
    ("neither user nor password set", "", ""),
    ("no password set", "user", ""),
    ("no user set", "", "password"),
)


@case("connection-request.unset-is-closed", verifies="lcos.connection-request.unset-closed", needs=NEEDS)
def unset_is_closed(bench: Bench, case: Case) -> None:
    """While user or password for connection requests is not set, nobody can wake the device.

    Accepted, for each of the three ways: no session and no success for a request without credentials, with empty ones,
    with those that are set, and with the pair that was set before; with both set the pair works, before and after each.
    """
    username, password = bench.connection_request_credentials

    def set_and_right() -> str:
        bench.configure(connection_request_username=username, connection_request_password=password)
        return wakes(bench)

    for shown, user, secret in UNSET:
        with case.twin("with user and password set the pair leads to a session", set_and_right):
            case.step(f"With {shown}, send requests with no, with empty and with the remaining credentials.")
            pair = (username if user else "", password if secret else "")
            if bench.device.try_configure(
                connection_request_username=pair[0], connection_request_password=pair[1]
            ):
                case.check("lcos.connection-request.unset-closed", "refused", equal("refused"), what=shown)
                continue
            for attempt in (
                ring(bench, variation=Variation(credentials=False)),
                ring(bench, pair=("", "")),
                ring(bench, pair=pair),
                ring(bench, pair=(username, password)),
            ):
                case.check("lcos.connection-request.unset-closed", attempt, refused(), what=shown)


LONGEST = 256
"""Characters of user and password (LCOS: 0 to 256; TR-181: string(256))."""
CUTS = (31, 64, 128, 255)
"""Lengths at which devices have been seen to cut texts."""


@case("connection-request.long-credentials", verifies="lcos.connection-request.credentials", needs=NEEDS)
def long_credentials(bench: Bench, case: Case) -> None:
    """User and password count in their full length.

    Accepted: with 256 characters each, the pair wakes the device, and one that is cut at a usual length does not; or a
    visible refusal to store it.
    """
    requirement = "lcos.connection-request.credentials"
    letters = "".join(f"{number:02x}{chr(97 + number % 26)}" for number in range(100))
    username, password = f"u{letters}"[:LONGEST], f"P{letters}"[:LONGEST]
    case.step(f"Set a user and a password of {LONGEST} characters each.")
    refusal = bench.device.try_configure(
        connection_request_username=username, connection_request_password=password
    )
    if refusal:
        raise NotApplicable(f"the device stores no such pair: {refusal}")
    case.check(requirement, wakes(bench, (username, password)) or "a session", equal("a session"))
    for cut in CUTS:
        case.step(f"Send a connection request with the password cut after {cut} characters.")
        rung = ring(bench, pair=(username, password[:cut]))
        case.check(requirement, rung, refused(), what=f"password cut after {cut} characters")
    case.check(requirement, wakes(bench, (username, password)) or "a session", equal("a session"))


@case(
    "connection-request.while-a-retry-waits",
    verifies="lcos.connection-request.session",
    needs=(*NEEDS, "acs_url"),
)
def while_a_retry_waits(bench: Bench, case: Case) -> None:
    """While the device waits to try a failed session again, a connection request is served at once, not with the retry.

    After some failures that wait exceeds half a minute (TR-069 3.2.1.1). Accepted: 200 or 204 and a session within 30 s, or
    503.
    """
    name = bench.names.new()
    case.step("Let the ACS's name not exist for the time of some retries.")
    before = bench.names.mark()
    bench.configure(acs_url=bench.acs_url("acs-http-v4", host=name))
    bench.provoke(FAILING if bench.clock.steered else bench.timing.contact, restart=False)
    if not bench.names.queries(before, name):
        raise Inconclusive("the device did not try to connect, so no retry waits")
    case.step("Give the name its address and send a connection request.")
    bench.names.set(name, a=(bench.topology.acs_v4,))
    outcome = bench.connection_request()
    if outcome.status == 503:
        case.observe("503: the device does not accept the request now")
        return
    requirement = "lcos.connection-request.session"
    case.check(requirement, outcome.status, one_of(GOOD), what="status")
    case.check(requirement, outcome.session, equal(True), what="session within 30 s")


# --- load ---------------------------------------------------------------------------------------------

FLOOD, FLOOD_SECONDS = 60, 5.0
IN_SESSION = 20
"""Requests that come during one session."""


@case(
    "connection-request.flood",
    verifies=("lcos.connection-request.flood", "cwmp.connection-request.busy-503"),
    needs=NEEDS,
)
def flood(bench: Bench, case: Case) -> None:
    """Sixty right connection requests in five seconds: the device serves some, refuses others politely, and lives on.

    Accepted: every answer is 200, 204 or 503; at least one session and not more than there were accepted requests; a request
    afterwards is served as usual.
    """
    with case.twin("a single request leads to a session", lambda: wakes(bench)):
        case.step(f"Send {FLOOD} requests with the right credentials in {FLOOD_SECONDS:g} s.")
        mark = bench.door.mark()
        outcomes = bench.door.burst(FLOOD, FLOOD_SECONDS)
        sessions = [seen for seen in bench.door.sessions(mark, 61.0) if EVENT in seen.event_codes]
        accepted = sum(outcome.status in GOOD for outcome in outcomes)
        wrong = sorted({outcome.status for outcome in outcomes} - {*GOOD, 503})
        case.observe(f"{accepted} of {FLOOD} accepted, {len(sessions)} sessions")
        for requirement in ("lcos.connection-request.flood", "cwmp.connection-request.busy-503"):
            case.check(requirement, wrong, nothing("answer but 200, 204 and 503"))
        case.check("lcos.connection-request.flood", bool(sessions), equal(True), what="a session followed")
        case.check(
            "lcos.connection-request.flood",
            len(sessions) <= accepted,
            equal(True),
            what="no more sessions than accepted requests",
        )
        after = wakes(bench)
        if after:
            bench.pass_time(60)
            after = wakes(bench)
        case.check("lcos.connection-request.flood", after or "a session", equal("a session"), what="after it")


@case(
    "connection-request.flood-during-session",
    verifies=("lcos.connection-request.flood", "cwmp.connection-request.busy-503"),
    needs=NEEDS,
)
def flood_during_session(bench: Bench, case: Case) -> None:
    """Twenty right connection requests within one session are each accepted or refused with 503, and the session goes on.

    Accepted: every answer is 200, 204 or 503; an RPC in that session is answered; a request afterwards is served.
    """
    name = bench.software_version_name()
    case.step(f"Open a session and send {IN_SESSION} requests with the right credentials while it lasts.")
    with bench.session("during which connection requests come") as session:
        outcomes = bench.door.burst(IN_SESSION, 2.0)
        answer = session.read(name)
    wrong = sorted({outcome.status for outcome in outcomes} - {*GOOD, 503})
    case.observe(f"{sum(outcome.status in GOOD for outcome in outcomes)} of {IN_SESSION} accepted")
    for requirement in ("lcos.connection-request.flood", "cwmp.connection-request.busy-503"):
        case.check(requirement, wrong, nothing("answer but 200, 204 and 503"))
    disturbed = answer if answer.startswith("(") else ""
    case.check("lcos.connection-request.flood", disturbed, equal(""), what="the session was disturbed")
    bench.door.sessions(bench.door.mark(), 61.0)
    after = wakes(bench) or "a session"
    case.check("lcos.connection-request.flood", after, equal("a session"), what="after it")


@case(
    "connection-request.answered-first",
    verifies="cwmp.connection-request.answer-before-session",
    needs=NEEDS,
)
def answered_first(bench: Bench, case: Case) -> None:
    """A connection request has its answer while the session that it leads to is still open: it was sent before it.

    Accepted: 200 or 204 before the session is let go, or within three seconds of its Inform; a device that opens no session
    for the request is judged elsewhere.
    """
    case.step("Send a right connection request and hold the session that follows open.")
    outcome, began = bench.door.ring_into_session(within=31.0 + bench.timing.tolerance)
    if not began:
        raise Inconclusive("the connection request led to no session")
    case.check(
        "cwmp.connection-request.answer-before-session",
        outcome.status if outcome is not None else 0,
        one_of(GOOD),
        what="status answered while the session was open",
    )


@case(
    "connection-request.during-session",
    verifies=(
        "lcos.connection-request.flood",
        "cwmp.connection-request.session-undisturbed",
        "cwmp.connection-request.during-session",
    ),
    needs=NEEDS,
)
def during_session(bench: Bench, case: Case) -> None:
    """A connection request during a session leaves that session alone and is refused with 503 or served afterwards.

    Accepted: the session goes on (an RPC is answered) and ends; then, after 200 or 204, one session with the event within
    30 s, or, after 503, none.
    """
    name = bench.software_version_name()
    case.step("Open a session, send a connection request, and read a parameter in the session.")
    with bench.session("during which a connection request comes") as session:
        mark = bench.door.mark()
        outcome = bench.door.ring()
        answer = session.read(name)
    for requirement in ("lcos.connection-request.flood", "cwmp.connection-request.session-undisturbed"):
        case.check(
            requirement, answer.startswith("("), equal(False), what=f"the session was disturbed: {answer}"
        )
    case.check("cwmp.connection-request.during-session", outcome.status, one_of((*GOOD, 503)), what="status")
    case.step("Watch for 31 s.")
    sessions = bench.door.sessions(mark, 31.0 + bench.timing.tolerance)
    caused = [seen for seen in sessions if EVENT in seen.event_codes]
    wanted = 1 if outcome.status in GOOD else 0
    if outcome.status in (*GOOD, 503):
        case.check(
            "cwmp.connection-request.during-session",
            len(caused),
            equal(wanted),
            what=f"sessions after {outcome.status}",
        )
    if not outcome.status:
        raise Inconclusive(f"the connection request had no answer: {outcome.reason}")
