"""ACS credentials: an ACS that refuses the login, at once and for good."""

from __future__ import annotations

from itertools import pairwise

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.expect import equal, nothing, that
from suites.acs_credentials import NEEDS
from suites.periodic import KNOBS, seconds, switch_on, tolerance
from suites.retry_waits import first_retry_wait

LOGIN_TRIES = 6
"""Requests to a refusing ACS in the first seconds that are still no hammering: a device may try its login on a
connection of its own and once more with a new nonce."""
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
        passed = [at - times[0] for at in times]
        first = [wait for wait in passed if wait <= LOGIN_TIME]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        early = [round(gap, 1) for gap in gaps if LOGIN_TIME < gap < shortest - 0.5]
        case.check(
            "lcos.acs-credentials.refused-login",
            len(first),
            that(f"1 to {LOGIN_TRIES} requests", lambda count: 1 <= count <= LOGIN_TRIES),
            what="in the first attempt",
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
