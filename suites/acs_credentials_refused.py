"""ACS credentials: an ACS that refuses the login, at once and for good."""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.expect import nothing, that
from suites.acs_credentials import NEEDS
from suites.periodic import KNOBS, seconds, switch_on, tolerance
from suites.retry_waits import first_retry_wait

LOGIN_TRIES = 6
"""Requests to a refusing ACS in the first seconds that are still no hammering: a device may try its login on a
connection of its own and once more with a new nonce."""
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
    the shortest first retry wait (5 s, or CWMPRetryMinimumWaitInterval) has passed. With the right pair there is a session
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
        bench.pass_time(interval + tolerance(bench, interval) + shortest)
        times = [request.message.at_first for request in bench.traffic.requests(mark)]
        if not times:
            raise Inconclusive("no attempt came when a periodic Inform was due")
        passed = [at - times[0] for at in times]
        first = [wait for wait in passed if wait <= LOGIN_TIME]
        early = [round(wait, 1) for wait in passed if LOGIN_TIME < wait < shortest - 0.5]
        case.check(
            "lcos.acs-credentials.refused-login",
            len(first),
            that(f"1 to {LOGIN_TRIES} requests", lambda count: 1 <= count <= LOGIN_TRIES),
            what="in the first attempt",
        )
        case.check(
            "lcos.acs-credentials.refused-login",
            early,
            nothing(f"request earlier than {shortest:g} s after it"),
        )
        bench.demand_login("Digest")
