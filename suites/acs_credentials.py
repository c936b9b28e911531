"""ACS credentials: the user and password with which the device logs in at the ACS, by Digest and by Basic."""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, case
from harness.expect import equal, nothing, that

NEEDS = ("acs_username", "acs_password")
LOGIN_TRIES = 6
"""Requests to a refusing ACS in the first seconds that are still no hammering: a device may try its login on a
connection of its own and once more with a new nonce."""


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
