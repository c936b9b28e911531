"""Periodic Inform: on, off, in seconds, 1200 by default, counted from the end of the session.

Instants are those at which the ACS saw the bytes. The interval is short where the device runs in real time
(profile, ``timing.interval``) and a minute where the bench steers the clock.
"""

from __future__ import annotations

import itertools

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import GetParameterValues
from harness.expect import between, equal, nothing, that

PERIODIC = "2 PERIODIC"
KNOBS = ("periodic_inform_active", "periodic_inform_interval")
DEFAULT = 1200


def tolerance(bench: Bench, interval: float) -> float:
    """Seconds by which an instant may be off: 1 s and 1 %, and what the profile grants the device."""
    return 1.0 + interval / 100 + bench.timing.tolerance


@case("periodic.on", verifies=("lcos.periodic.on", "lcos.periodic.seconds"), needs=KNOBS)
def periodic_on(bench: Bench, case: Case) -> None:
    """With the periodic Inform on, the device informs by itself with the event "2 PERIODIC", every interval.

    Accepted: in three and a half intervals three periodic Informs (one more or less where the device was not at a
    known point of its interval), each gap from the end of one session to the start of the next being the
    interval, taken as seconds.
    """
    interval = int(bench.timing.interval)
    slack = tolerance(bench, interval)
    case.step(f"Switch the periodic Inform on with an interval of {interval} s.")
    bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
    case.step("Watch for three and a half intervals; serve every session correctly.")
    seen = [
        inform for inform in bench.informs_during(3.5 * interval + slack) if PERIODIC in inform.event_codes
    ]
    case.check("lcos.periodic.on", len(seen), that("2 to 4 periodic Informs", lambda count: 2 <= count <= 4))
    gaps = [after.started_at - before.ended_at for before, after in itertools.pairwise(seen)]
    if not gaps:
        raise Inconclusive("fewer than two periodic Informs: no gap to measure")
    for number, gap in enumerate(gaps, 1):
        case.check(
            "lcos.periodic.seconds", gap, between(interval - slack, interval + slack), what=f"gap {number}"
        )


@case("periodic.off", verifies=("lcos.periodic.off", "lcos.periodic.runtime-toggle"), needs=KNOBS)
def periodic_off(bench: Bench, case: Case) -> None:
    """With the periodic Inform off there is none, and sessions for other reasons still take place.

    Accepted: no "2 PERIODIC" in three intervals; a session on request before and after; periodic Informs again as
    soon as the switch is on, without a restart.
    """
    interval = int(bench.timing.interval)
    slack = tolerance(bench, interval)

    def informs_periodically() -> str:
        bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
        seen = bench.next_inform(interval + slack, event=PERIODIC)
        return "" if seen else f"no periodic Inform within {interval + slack:.1f} s"

    with case.twin("with the switch on a periodic Inform comes", informs_periodically):
        case.step("Switch the periodic Inform off and watch for three intervals.")
        bench.configure(periodic_inform_active=False)
        seen = [inform for inform in bench.informs_during(3 * interval) if PERIODIC in inform.event_codes]
        case.check("lcos.periodic.off", seen, nothing("periodic Inform"))
        case.step("Give the device another reason to connect.")
        case.check(
            "lcos.periodic.off", bench.works() or "a session", equal("a session"), what="other sessions"
        )
        case.step("Switch it on again, without a restart.")
        again = informs_periodically()
        case.check("lcos.periodic.runtime-toggle", again or "informs again", equal("informs again"))


@case(
    "periodic.default-interval",
    verifies="lcos.periodic.default-1200",
    needs=(*KNOBS, "factory_reset"),
)
def default_interval(bench: Bench, case: Case) -> None:
    """A device in factory state informs every 1200 seconds once its periodic Inform is on.

    Accepted: PeriodicInformInterval reads 1200 after a factory reset in which nobody set it; where the bench steers
    the clock, the next periodic Inform comes 1200 s after the end of a session, too.
    """
    case.step("Reset the device to factory settings; set everything but the periodic interval.")
    bench.device.factory_reset(keep_unset=("periodic_inform_interval",))
    with bench.session("reading the interval") as session:
        name = f"{session.root}ManagementServer.PeriodicInformInterval"
        value = session.call(GetParameterValues((name,))).value_of(name)
    case.check("lcos.periodic.default-1200", value, equal(str(DEFAULT)), what=name)
    if not bench.clock.steered:
        case.observe("the interval was read, not waited for: the device runs in real time")
        return
    case.step("Switch the periodic Inform on and wait for the second periodic Inform.")
    bench.configure(periodic_inform_active=True)
    slack = tolerance(bench, DEFAULT)
    first = bench.next_inform(DEFAULT + slack, event=PERIODIC)
    second = bench.next_inform(DEFAULT + slack, event=PERIODIC) if first else None
    gap = second.started_at - first.ended_at if first and second else float("inf")
    case.check("lcos.periodic.default-1200", gap, between(DEFAULT - slack, DEFAULT + slack), what="gap")


@case("periodic.from-session-end", verifies="lcos.periodic.from-session-end", needs=KNOBS)
def from_session_end(bench: Bench, case: Case) -> None:
    """The interval starts when the session has ended, not when it began.

    A periodic session is stretched to half an interval by a chain of RPCs. Accepted: the next periodic Inform comes
    one interval after the end of that session.
    """
    interval = int(bench.timing.interval)
    slack = tolerance(bench, interval)
    case.step(
        f"Switch the periodic Inform on with an interval of {interval} s and wait for a periodic session."
    )
    bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
    with bench.claim("the session to be stretched", within=interval + slack, event=PERIODIC) as session:
        step = min(10.0, interval / 6)
        rounds = round(interval / 2 / step)
        case.step(f"Keep the session alive for {rounds * step:g} s: an RPC every {step:g} s.")
        name = f"{session.root}DeviceInfo.SoftwareVersion"
        for _ in range(rounds):
            bench.advance_during(step)
            if session.call(GetParameterValues((name,))).lost:
                raise Inconclusive("the device left the session while it was being stretched")
    lasted = session.ended_at - session.started_at
    if lasted < interval / 2 - slack:
        raise Inconclusive(f"the session lasted {lasted:.1f} s: too short to tell its end from its start")
    case.step("Wait for the next periodic Inform.")
    following = bench.next_inform(2 * interval + slack, event=PERIODIC)
    if following is not None:
        case.observe(
            f"it came {following.started_at - session.started_at:.1f} s after the start of the stretched session"
        )
    case.check(
        "lcos.periodic.from-session-end",
        following.started_at - session.ended_at if following else float("inf"),
        between(interval - slack, interval + slack),
        what="from the end of the session to the next periodic Inform",
    )
