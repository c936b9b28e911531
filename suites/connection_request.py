"""Connection request: who may wake the device, and what follows."""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, case
from harness.expect import equal, one_of

NEEDS = ("connection-request", "connection_request_username", "connection_request_password")
EVENT = "6 CONNECTION REQUEST"


@case("connection-request.accepted", verifies="lcos.connection-request.session", needs=NEEDS)
def accepted(bench: Bench, case: Case) -> None:
    """The right user and password, under Digest, lead to a session with the event "6 CONNECTION REQUEST".

    Accepted: 200 or 204, then a session with the configured ACS within 30 s; from the ACS and from another host.
    """
    for host, shown in (("wan", "the ACS"), ("host2", "another host on the WAN")):
        if host != "wan" and not bench.topology.isolated:
            case.observe("no second host in this bench")
            continue
        case.step(f"Send a connection request from {shown} with the right credentials.")
        outcome = bench.connection_request(host=host)
        case.check(
            "lcos.connection-request.session",
            outcome.status,
            one_of((200, 204)),
            what=f"status, from {shown}",
        )
        case.check(
            "lcos.connection-request.session",
            outcome.session,
            equal(True),
            what=f"session within 30 s, from {shown}",
        )
        if outcome.inform is not None:
            case.check(
                "lcos.connection-request.session",
                EVENT in outcome.inform.event_codes,
                equal(True),
                what=f"event {EVENT}",
            )


@case("connection-request.wrong-credentials", verifies="lcos.connection-request.credentials", needs=NEEDS)
def wrong_credentials(bench: Bench, case: Case) -> None:
    """A wrong user, a wrong password, no credentials, an empty password or the ACS's own pair wake nobody.

    Accepted: status 401 and no session within 30 s, for each; the right pair works before and after. (A device that
    limits failed logins may answer 503 or close; what counts then is that no session follows.)
    """
    username, password = bench.connection_request_credentials
    acs_username, acs_password = bench.acs_credentials
    attempts = (
        ("a wrong password", username, password + "x"),
        ("a wrong user", username + "x", password),
        ("no credentials", None, None),
        ("an empty password", username, ""),
        ("the pair for the ACS", acs_username, acs_password),
    )

    def right_pair_works() -> str:
        outcome = bench.connection_request()
        return "" if outcome.session else f"status {outcome.status}, no session"

    with case.twin("the right pair leads to a session", right_pair_works):
        for shown, user, secret in attempts:
            case.step(f"Send a connection request with {shown}.")
            outcome = bench.connection_request(username=user, password=secret)
            case.check(
                "lcos.connection-request.credentials",
                outcome.status,
                one_of((401, 403, 503, 0)),
                what=f"status, {shown}",
            )
            case.check(
                "lcos.connection-request.credentials", outcome.session, equal(False), what=f"session, {shown}"
            )
