"""ACS credentials: an ACS that refuses the login, at once and for good."""

from __future__ import annotations

from itertools import pairwise

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.expect import equal, nothing, that
from harness.lab.reply import Reply
from harness.verdict.transcript import Role
from suites.acs_credentials import NEEDS
from suites.periodic import KNOBS, PERIODIC, seconds, soon, switch_on, tolerance
from suites.retry_waits import first_retry_wait

LOGIN_TRIES = 6
"""Requests to a refusing ACS in the first seconds that are still no hammering: a device may try its login on a
connection of its own and once more with a new nonce."""
RETRY = 30.0
"""Seconds in which a failed session is tried again for the first time (TR-069 3.2.1.1: 5 to 10), with some to spare."""
LATER = 60.0
"""Seconds in which a second and a third retry come, by the default waits of TR-069 3.2.1.1 (10 to 20, 20 to 40)."""
LOGIN_TIME = 2.0
"""Seconds that a device may take over the requests of one attempt."""


@case("acs-credentials.refused", verifies="lcos.acs-credentials.refused-login", needs=NEEDS)
def refused(bench: Bench, case: Case) -> None:
    """An ACS that refuses the login gets no session, and is not hammered.

    Accepted: no Inform is taken, and no more than six requests come in the first three seconds; with the right pair
    there is a session before and after.
    """
    bench.demand_login("Digest")
    with case.twin("with the right pair there is a session", bench.works):
        case.step("Let the ACS want another password and give the device a reason to connect.")
        bench.demand_login("Digest", password="another password")
        requests, sessions = bench.knock(3.0)
        case.check("lcos.acs-credentials.refused-login", sessions, nothing("session"))
        case.check(
            "lcos.acs-credentials.refused-login",
            requests,
            that(f"1 to {LOGIN_TRIES} requests", lambda count: 1 <= count <= LOGIN_TRIES),
            what="within 3 s",
        )
        bench.demand_login("Digest")


@case(
    "acs-credentials.refused.spaced",
    verifies="lcos.acs-credentials.refused-login",
    needs=(*NEEDS, *KNOBS),
)
def refused_spaced(bench: Bench, case: Case) -> None:
    """After a refused login the device waits as it does after any failed session.

    Accepted: when a periodic Inform is due, a first attempt of no more than six requests within two seconds; then none before
    the shortest first retry wait (5 s, or CWMPRetryMinimumWaitInterval) has passed, nor sooner after a later attempt; and
    once the right password is wanted again, a session by a retry. With the right pair there is a session
    before and after.
    """
    bench.demand_login("Digest")
    with case.twin("with the right pair there is a session", bench.works):
        shortest, _ = first_retry_wait(bench)
        if shortest <= LOGIN_TIME:
            raise Inconclusive(
                f"the device's shortest retry wait is {shortest:g} s: too short to be told from one attempt"
            )
        interval = seconds(bench, 60)
        switch_on(bench, interval)
        case.step("Let the ACS want another password and wait for the next periodic Inform.")
        bench.demand_login("Digest", password="another password")
        mark = bench.traffic.mark()
        more = LATER if bench.clock.steered else 0.0
        bench.pass_time(interval + tolerance(bench, interval) + shortest + more)
        times = [request.message.at_first for request in bench.traffic.requests(mark)]
        if not times:
            raise Inconclusive("no attempt came when a periodic Inform was due")
        attempts = [[times[0]]]
        for later in times[1:]:
            if later - attempts[-1][0] <= LOGIN_TIME:
                attempts[-1].append(later)
            else:
                attempts.append([later])
        gaps = [later[0] - earlier[-1] for earlier, later in pairwise(attempts)]
        early = [round(gap, 1) for gap in gaps if gap < shortest - 0.5]
        case.check(
            "lcos.acs-credentials.refused-login",
            max(map(len, attempts)),
            that(f"1 to {LOGIN_TRIES} requests", lambda count: 1 <= count <= LOGIN_TRIES),
            what="in one attempt",
        )
        case.check(
            "lcos.acs-credentials.refused-login",
            early,
            nothing(f"attempt earlier than {shortest:g} s after another"),
        )
        bench.demand_login("Digest")
        if more:
            case.step("Let the ACS want the right password again and wait for the next retry.")
            recovered = bench.next_inform(within=3 * LATER)
            case.check(
                "lcos.acs-credentials.refused-login",
                "a session" if recovered else "no session",
                equal("a session"),
                what="recovery",
            )


@case(
    "acs-credentials.nothing-volunteered.retry",
    verifies="lcos.acs-credentials.nothing-volunteered",
    needs=(*NEEDS, *KNOBS),
)
def nothing_volunteered_on_retry(bench: Bench, case: Case) -> None:
    """Nor does a device volunteer its credentials when it tries a failed session again.

    Accepted: a session by retry, without any Authorization header.
    """
    requirement = "lcos.acs-credentials.nothing-volunteered"
    interval = seconds(bench, 60)
    switch_on(bench, interval)
    case.step("Let a periodic session fail with HTTP 500 and wait for the retry.")
    answer = Reply(500, close=True, note="HTTP 500 to the Inform")
    if bench.failed_session(soon(bench, interval), event=PERIODIC, answer=answer) is None:
        raise Inconclusive("no periodic session came that could be let fail")
    mark = bench.traffic.mark()
    if bench.next_inform(RETRY) is None:
        raise Inconclusive(f"no retry within {RETRY:g} s")
    volunteered = [str(seen) for seen in bench.traffic.requests(mark, Role.ACS) if seen.authorization]
    case.check(requirement, volunteered, nothing("request with Authorization"))
