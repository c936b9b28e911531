"""Periodic Inform and the sessions around it: the interval counts from the end of a successful periodic session."""

from __future__ import annotations

import itertools

from harness.bench import Bench, InformSeen, Session
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import GetParameterValues
from harness.expect import between, equal, nothing, that
from harness.lab.reply import CutFin, CutReset, Reply
from suites.periodic import (
    KNOBS,
    PERIODIC,
    first_periodic,
    gaps,
    nearest_wait,
    periodic,
    seconds,
    soon,
    switch_on,
    tolerance,
    until_periodic,
)
from suites.retry_waits import first_retry_wait


@case("periodic.no-duplicates", verifies=("lcos.periodic.no-duplicates", "lcos.periodic.on"), needs=KNOBS)
def no_duplicates(bench: Bench, case: Case) -> None:
    """Over many intervals there is one periodic session in each, none overlaps another, and no drift adds up.

    Accepted: every gap between two periodic sessions is one interval; no session begins before the one before has
    ended; nothing but periodic sessions is seen more often than these.
    """
    interval = seconds(bench, 60)
    rounds = 12 if bench.clock.steered else 5
    slack = tolerance(bench, interval)
    first_periodic(bench, interval)
    case.step(f"Watch for {rounds} intervals; serve every session correctly.")
    informs = bench.informs_during(rounds * (interval + 0.5 + bench.timing.tolerance) + slack)
    seen = periodic(informs)
    # Each session for another reason may put the periodic ones off by up to an interval.
    least = max(1, rounds - 1 - (len(informs) - len(seen)))
    case.check(
        "lcos.periodic.on",
        len(seen),
        that(f"{least} to {rounds + 1}", lambda count: least <= count <= rounds + 1),
        what="periodic Informs",
    )
    wrong = [round(gap, 1) for gap in gaps(informs, interval) if abs(gap - interval) > slack]
    case.check("lcos.periodic.no-duplicates", wrong, nothing("gap that is not the interval"))
    overlapping = [
        after.started_at
        for before, after in itertools.pairwise(informs)
        if after.started_at < before.ended_at
    ]
    case.check("lcos.periodic.no-duplicates", overlapping, nothing("session beside another"))


def stretched(bench: Bench, session: Session, lasting: float) -> str:
    """Keep *session* alive for so long by RPCs, less than 30 s apart; why that failed, or ``""``."""
    rounds = max(2, round(lasting / min(20.0, lasting / 3)))
    name = f"{session.root}DeviceInfo.SoftwareVersion"
    for _ in range(rounds):
        bench.advance_during(lasting / rounds)
        if session.call(GetParameterValues((name,))).lost:
            return "the device left the session while it was being stretched"
    return ""


def _stretched_session(bench: Bench, case: Case, interval: int, lasting: float) -> tuple[Session, int, str]:
    """A periodic session of *lasting* seconds: it, a mark set within it, and why it was cut short."""
    slack = tolerance(bench, interval)
    case.step(
        f"Switch the periodic Inform on with an interval of {interval} s and wait for a periodic session."
    )
    switch_on(bench, interval)
    # A session of the device's own meanwhile may start the interval anew.
    due = 2 * interval + slack
    with bench.claim("the session to be stretched", within=due, event=PERIODIC) as session:
        mark = bench.door.mark()
        case.step(f"Keep the session alive for {lasting:g} s by a chain of RPCs.")
        lost = stretched(bench, session, lasting)
    return session, mark, lost


@case("periodic.from-session-end", verifies="lcos.periodic.from-session-end", needs=KNOBS)
def from_session_end(bench: Bench, case: Case) -> None:
    """The interval starts when the session has ended, not when it began.

    A periodic session is stretched to half an interval by a chain of RPCs. Accepted: the next periodic Inform comes
    one interval after the end of that session.
    """
    interval = seconds(bench, 60)
    slack = tolerance(bench, interval)
    session, mark, lost = _stretched_session(bench, case, interval, interval / 2)
    if lost or session.ended_at - session.started_at < interval / 2 - slack:
        raise Inconclusive(lost or "the session was too short to tell its end from its start")
    case.step("Wait for the next periodic Inform.")
    informs = until_periodic(bench, mark, interval)
    seen = periodic(informs)
    if seen:
        case.observe(
            f"it came {seen[0].started_at - session.started_at:.1f} s after the start of the stretched session"
        )
    case.check(
        "lcos.periodic.from-session-end",
        _after(session, informs, interval),
        between(interval - slack, interval + slack),
        what="from the end of the session to the next periodic Inform",
    )


@case(
    "periodic.longer-than-interval",
    verifies=("lcos.periodic.long-session", "lcos.periodic.from-session-end"),
    needs=KNOBS,
)
def longer_than_interval(bench: Bench, case: Case) -> None:
    """A periodic session that lasts longer than the interval is not accompanied or followed at once by another.

    A session is stretched to one and a half intervals. Accepted: no other session while it lasts; the next periodic Inform
    comes one interval after its end, and one interval after that the next: none was queued.
    """
    interval = seconds(bench, 60)
    slack = tolerance(bench, interval)
    session, mark, lost = _stretched_session(bench, case, interval, 1.5 * interval)
    case.step("Wait for two periodic Informs.")
    informs = until_periodic(bench, mark, interval, wanted=2)
    beside = [inform.started_at for inform in informs if inform.started_at < session.ended_at]
    case.check("lcos.periodic.long-session", beside, nothing("session beside the long one"))
    if lost and not beside:
        raise Inconclusive(lost)
    for requirement in ("lcos.periodic.long-session", "lcos.periodic.from-session-end"):
        case.check(
            requirement,
            _after(session, informs, interval),
            between(interval - slack, interval + slack),
            what="from the end of the session to the next periodic Inform",
        )
    wrong = [round(gap, 1) for gap in gaps(informs, interval) if abs(gap - interval) > slack]
    case.check("lcos.periodic.long-session", wrong, nothing("gap that is not the interval"))


def _after(session: Session | InformSeen, informs: list[InformSeen], interval: float) -> float:
    """Seconds from the end of *session*, or of one for another reason since, to the first periodic Inform."""
    seen = periodic(informs)
    if not seen:
        return float("inf")
    since = [inform for inform in informs if session.ended_at <= inform.started_at < seen[0].started_at]
    return nearest_wait(seen[0], [session, *since], interval)


FAILURES = (
    ("HTTP 500", Reply(500, close=True, note="HTTP 500 to the Inform")),
    ("a TCP reset", Reply(program=(CutReset(),), note="TCP reset in place of an answer")),
    ("an end without an answer", Reply(program=(CutFin(),), note="FIN in place of an answer")),
)
"""How a periodic session is made to fail."""


@case("periodic.failed-session", verifies="lcos.periodic.failed-session", needs=KNOBS)
def failed_session(bench: Bench, case: Case) -> None:
    """A periodic session that fails is retried by the retry waits, and the interval starts after the retry's success.

    Accepted, for each kind of failure: the retry comes in the first retry wait (5 to 10 s, or as
    CWMPRetryMinimumWaitInterval and CWMPRetryIntervalMultiplier say), carries "2 PERIODIC" and a RetryCount of 1; the
    next periodic Inform comes one interval after the end of the retry. After a cut connection the device may first repeat
    the request at once, as HTTP allows; what then counts is the interval.
    """
    interval = seconds(bench, 60)
    for name, answer in FAILURES:
        case.step(f"Let a periodic session fail by {name}.")
        low, high = first_retry_wait(bench)
        switch_on(bench, interval)
        slack = tolerance(bench, interval)
        failed = bench.failed_session(soon(bench, interval), event=PERIODIC, answer=answer)
        if failed is None:
            raise Inconclusive("no periodic Inform to let fail")
        retry = bench.next_inform(2 * high + slack)
        mark = bench.door.mark()
        if not _retried(bench, case, name, failed, retry, (low, high)) or retry is None:
            continue
        informs = until_periodic(bench, mark, interval)
        case.check(
            "lcos.periodic.failed-session",
            _after(retry, informs, interval),
            between(interval - slack, interval + slack),
            what=f"{name}: from the end of the retry to the next periodic Inform",
        )


def _retried(
    bench: Bench,
    case: Case,
    name: str,
    failed: InformSeen,
    retry: InformSeen | None,
    wait: tuple[float, float],
) -> bool:
    """Judge the retry; True where there was one."""
    slack = 1.0 + bench.timing.tolerance
    waited = retry.started_at - failed.started_at if retry else float("inf")
    repeated = retry is not None and retry.inform.retry_count == 0 and waited < 1.0 and "HTTP" not in name
    if repeated:
        case.observe(f"{name}: the device repeated the request at once")
    else:
        case.check(
            "lcos.periodic.failed-session", waited, between(wait[0] - slack, wait[1] + slack), what=name
        )
    if retry is None:
        return False
    if not repeated:
        case.check(
            "lcos.periodic.failed-session",
            retry.inform.retry_count,
            equal(1),
            what=f"{name}: RetryCount",
        )
    case.check(
        "lcos.periodic.failed-session",
        PERIODIC in retry.event_codes,
        equal(True),
        what=f"{name}: {PERIODIC} in the retry",
    )
    return True


@case(
    "periodic.other-sessions",
    verifies=("lcos.periodic.not-before-interval", "lcos.periodic.other-sessions", "lcos.periodic.on"),
    needs=KNOBS,
)
def other_sessions(bench: Bench, case: Case) -> None:
    """A session for another reason between two periodic ones does not bring the next one nearer.

    Accepted: the next periodic Inform comes one interval after the last periodic session or after the other one, whichever
    the device does (recorded); never earlier, and not later.
    """
    interval = seconds(bench, 60)
    slack = tolerance(bench, interval)
    last = first_periodic(bench, interval)
    # Not half: a device that halves the rest would be right by chance.
    case.step("A third of an interval later, open a session for another reason.")
    bench.pass_time(interval / 3)
    mark = bench.door.mark()
    with bench.session("between two periodic ones") as other:
        if "restart" in bench.routes():
            raise Inconclusive("only a restart made the device connect")
    case.step("Wait for the next periodic Inform.")
    seen = periodic(until_periodic(bench, mark, interval))
    came = seen[0].started_at if seen else float("inf")
    case.check("lcos.periodic.on", bool(seen), equal(True), what="a periodic Inform came")
    case.check(
        "lcos.periodic.not-before-interval",
        came - last.ended_at,
        that(
            f"{interval - slack:g} s or more",
            lambda gap: gap >= interval - slack,
            lambda gap: f"{gap:.1f} s",
        ),
        what="after the end of the last periodic session",
    )
    restarted = abs(came - other.ended_at - interval) <= slack
    case.check(
        "lcos.periodic.other-sessions",
        "starts the interval anew" if restarted else "does not start the interval anew",
        that("either", lambda _seen: True),
    )
