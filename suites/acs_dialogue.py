"""Session: after every Inform the ACS may ask, whatever the session was opened for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from harness.bench import Bench, Session
from harness.case import Body, Case, CaseRow, Inconclusive, case, cases_from
from harness.cwmp.messages import (
    Download,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
)
from harness.expect import equal
from harness.lab.reply import Reply
from suites.expectations import answered, describe_reply

REQUIREMENT = "lcos.session.acs-may-query"
PERIODIC, REQUESTED, BOOT, BOOTSTRAP = "2 PERIODIC", "6 CONNECTION REQUEST", "1 BOOT", "0 BOOTSTRAP"
VALUE_CHANGE, TRANSFERRED = "4 VALUE CHANGE", "7 TRANSFER COMPLETE"
Opening = Callable[[Bench], AbstractContextManager[Session]]
PERIODICALLY = ("periodic_inform_active", "periodic_inform_interval")
RETRY_WITHIN = 30.0
"""Seconds: the first retry comes within 10 s (TR-069 table 3)."""


def _with_periods(bench: Bench) -> float:
    """Switch the periodic Inform on; within what time one comes."""
    interval = int(bench.timing.interval)
    bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
    return bench.timing.contact + 2 * interval


def _periodic(bench: Bench) -> AbstractContextManager[Session]:
    return bench.session_on(PERIODIC, within=_with_periods(bench))


def _requested(bench: Bench) -> AbstractContextManager[Session]:
    return bench.session_on(REQUESTED, within=bench.timing.contact)


def _boot(bench: Bench) -> AbstractContextManager[Session]:
    return bench.session_on(BOOT, within=bench.timing.contact)


def _retry(bench: Bench) -> AbstractContextManager[Session]:
    within, answer = _with_periods(bench), Reply(500, close=True, note="HTTP 500 to the Inform")
    if bench.failed_session(within, event=PERIODIC, answer=answer) is None:
        raise Inconclusive("no periodic session came that could be let fail")
    return bench.claim("retry", within=RETRY_WITHIN, event=PERIODIC)


def _value_change(bench: Bench) -> AbstractContextManager[Session]:
    port = bench.spare_port()
    return bench.session_by(
        lambda: bench.device.configure_during(port=port), within=bench.timing.contact, event=VALUE_CHANGE
    )


def _bootstrap(bench: Bench) -> AbstractContextManager[Session]:
    url = bench.acs_url("acs-http-v4", path="/another-acs")
    return bench.session_by(
        lambda: bench.device.configure_during(acs_url=url), within=bench.timing.contact, event=BOOTSTRAP
    )


def _transfer(bench: Bench) -> AbstractContextManager[Session]:
    bench.configure(allow_file_transmission=True)
    offer = bench.files.offer(f"script-{bench.fresh()}", bench.files.script(f"marker-{bench.fresh()}"))
    order = Download(f"key-{bench.fresh()}", bench.files.script_type, offer.url, delay_seconds=LATER)
    with bench.session("Download of a script") as session:
        answer = session.call(order)
    if answer.fault is not None or answer.lost:
        raise Inconclusive(f"the Download was not accepted: {describe_reply(answer)}")
    return bench.claim("transfer", within=LATER + bench.timing.transfer, event=TRANSFERRED)


LATER = 5
"""Seconds by which the Download is delayed, so that its report comes in a session of its own."""

OCCASIONS: tuple[tuple[str, str, Opening, tuple[str, ...]], ...] = (
    ("periodic", "the periodic Inform", _periodic, PERIODICALLY),
    (
        "connection-request",
        "a connection request",
        _requested,
        ("connection-request", "connection_request_username", "connection_request_password"),
    ),
    ("boot", "a restart", _boot, ("restart",)),
    ("retry", "the retry of one that failed", _retry, PERIODICALLY),
    ("value-change", "a change of the connection-request URL", _value_change, ("port",)),
    ("bootstrap", "the first contact with another ACS", _bootstrap, ("acs_url",)),
    (
        "transfer",
        "the report of a transfer",
        _transfer,
        ("allow_file_transmission", "download", "script"),
    ),
)
"""Id, what the session is opened for, how, needs."""


def _queries(session: Session) -> tuple[tuple[Message, type[Message]], ...]:
    return (
        (GetRPCMethods(), GetRPCMethodsResponse),
        (GetParameterNames(session.root, True), GetParameterNamesResponse),
        (GetParameterValues((f"{session.root}DeviceInfo.SoftwareVersion",)), GetParameterValuesResponse),
    )


def _may_query(occasion: str, opening: Opening) -> Body:
    def body(bench: Bench, case: Case) -> None:
        case.step(f"Wait for a session opened for {occasion}; ask for methods, names and a value in it.")
        with opening(bench) as session:
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
            _may_query(what, opening),
            REQUIREMENT,
            needs,
        )
        for name, what, opening, needs in OCCASIONS
    ],
)
