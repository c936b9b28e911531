"""Session: after every Inform the ACS may ask, whatever the session was opened for."""

from __future__ import annotations

from harness.bench import Bench, Session
from harness.case import Body, Case, CaseRow, case, cases_from
from harness.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
)
from harness.expect import equal
from suites.expectations import answered

REQUIREMENT = "lcos.session.acs-may-query"
PERIODIC, REQUESTED, BOOT = "2 PERIODIC", "6 CONNECTION REQUEST", "1 BOOT"
OCCASIONS = (
    ("periodic", PERIODIC, "the periodic Inform", ("periodic_inform_active", "periodic_inform_interval")),
    (
        "connection-request",
        REQUESTED,
        "a connection request",
        ("connection-request", "connection_request_username", "connection_request_password"),
    ),
    ("boot", BOOT, "a restart", ("restart",)),
)
"""Id, event, what the session is opened for, needs."""


def _queries(session: Session) -> tuple[tuple[Message, type[Message]], ...]:
    return (
        (GetRPCMethods(), GetRPCMethodsResponse),
        (GetParameterNames(session.root, True), GetParameterNamesResponse),
        (GetParameterValues((f"{session.root}DeviceInfo.SoftwareVersion",)), GetParameterValuesResponse),
    )


def _may_query(event: str) -> Body:
    def body(bench: Bench, case: Case) -> None:
        case.step(f"Wait for a session with {event}; ask for methods, names and a value in it.")
        within = bench.timing.contact
        if event == PERIODIC:
            interval = int(bench.timing.interval)
            bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
            within += 2 * interval
        with bench.session_on(event, within=within) as session:
            for message, response in _queries(session):
                case.check(
                    REQUIREMENT, session.call(message), answered(response), what=type(message).__name__
                )
        case.step("End it with an empty answer.")
        case.check(REQUIREMENT, session.complete, equal(True), what="the session came to its proper end")

    return body


MANY = 24
"""RPCs in one session: more than devices have been seen to bear, and little for an ACS."""


@case("session.acs-may-query.many", verifies=REQUIREMENT)
def many(bench: Bench, case: Case) -> None:
    """The ACS gets its answers for as long as it asks.

    Accepted: a response to each of two dozen RPCs in one session, the same ones several times, and then its proper end.
    """
    case.step(f"Send {MANY} RPCs in one session.")
    with bench.session("many questions") as session:
        queries = _queries(session)
        for number in range(MANY):
            message, response = queries[number % len(queries)]
            reply = session.call(message)
            if reply.lost or session.ended:
                case.check(REQUIREMENT, f"the device left after {number}", equal(f"{MANY} answers"))
                return
            case.check(REQUIREMENT, reply, answered(response), what=f"RPC {number + 1}")
    case.check(REQUIREMENT, session.complete, equal(True), what="ended by the ACS's empty answer")


cases_from(
    globals(),
    [
        CaseRow(
            f"session.acs-may-query.{name}",
            f"In a session opened for {what}, the ACS gets its questions answered and then ends it.\n\nAccepted: a response to each of "
            "three RPCs in the same session, then its proper end at the ACS's empty answer.",
            _may_query(event),
            REQUIREMENT,
            needs,
        )
        for name, event, what, needs in OCCASIONS
    ],
)
