"""A change of the ACS URL: what becomes of the old ACS, and of what the new one is told."""

from __future__ import annotations

from harness.bench import Bench
from harness.bench.traffic import Arrival, Mark
from harness.case import Case, Inconclusive, NotApplicable, case
from harness.expect import Allowed, equal, nothing, that
from suites.acs_url import BOOTSTRAP, ODD, SECOND, URL, right_url_works, set_url, watch


def judge_change(
    bench: Bench, case: Case, since: Mark, new: str, *, known: int = 0, ended: float = 0.0
) -> None:
    """Since the mark the device has informed the new ACS with "0 BOOTSTRAP", and the old one of nothing.

    *known* sessions since the mark were still with the old ACS; the last ended at *ended* (real time).
    """
    if not bench.traffic.arrivals(since)[known:]:
        bench.next_inform(bench.timing.contact)
    if not bench.traffic.arrivals(since)[known:]:
        case.observe("the change alone brought no session; the device was given a reason to connect")
        bench.provoke(bench.timing.contact)
    case.step("Watch for two periodic intervals.")
    bench.pass_time(2 * bench.timing.interval)
    case.check("lcos.acs-url.change", bench.traffic.arrivals(since)[known : known + 1], starts_anew(SECOND))
    elsewhere = [
        f"connection to {each.endpoint}"
        for each in bench.traffic.connections(since)
        if each.opened_real > ended and each.endpoint != SECOND
    ]
    case.check("lcos.acs-url.change", elsewhere, nothing(f"contact with any other than {new}"))


def right_and_second(bench: Bench) -> tuple[str, str]:
    """The URL in force, shown to work, and one of a second ACS; with periodic Informs where the device has them."""
    if {"periodic_inform_active", "periodic_inform_interval"} <= bench.device.capabilities.settings:
        bench.configure(periodic_inform_active=True, periodic_inform_interval=int(bench.timing.interval))
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session with the first ACS: {reason}")
    return str(bench.device.baseline["acs_url"]), bench.acs_url(SECOND, path="/second-acs")


@case("acs-url.change.local", verifies="lcos.acs-url.change", needs=URL)
def change_local(bench: Bench, case: Case) -> None:
    """When the operator changes the ACS URL, the next session goes to the new ACS and starts anew with "0 BOOTSTRAP".

    Accepted: the first session after the change is at the new ACS and has the event "0 BOOTSTRAP"; in two intervals the old
    ACS sees no connection.
    """
    old, new = right_and_second(bench)
    case.step(f"With a session at {old} behind it, change the ACS URL to {new}.")
    mark = bench.traffic.mark()
    bench.configure(acs_url=new)
    judge_change(bench, case, mark, new)


def first_arrival(bench: Bench, since: Mark) -> list[Arrival]:
    """The first session since the mark; the device is given a reason to connect where it needs one."""
    if not bench.traffic.arrivals(since):
        bench.next_inform(bench.timing.contact)
    if not bench.traffic.arrivals(since):
        bench.provoke(bench.timing.contact)
    return bench.traffic.arrivals(since)[:1]


def starts_anew(endpoint: str) -> Allowed[list[Arrival]]:
    """One session at *endpoint*, with "0 BOOTSTRAP"."""
    return that(
        f"a session at {endpoint}, with {BOOTSTRAP}",
        lambda seen: bool(seen) and seen[0].endpoint == endpoint and BOOTSTRAP in seen[0].event_codes,
        lambda seen: "; ".join(map(str, seen)) or "no session",
    )


@case("acs-url.change.in-any-way", verifies="lcos.acs-url.change", needs=URL)
def change_in_any_way(bench: Bench, case: Case) -> None:
    """A URL of which only the port, the path or the query has changed is that of a new ACS, and so is one known from before.

    TR-069 table 8: "after the ACS URL has been modified in any way". Accepted, for each change: the next session is at the
    server of the new URL and has the event "0 BOOTSTRAP".
    """
    first = bench.acs_url(ODD, path="/one-acs")
    rows = (
        ("another port and path", ODD, first),
        ("another path", ODD, bench.acs_url(ODD, path="/other-acs")),
        ("another query", ODD, bench.acs_url(ODD, path="/other-acs?id=2")),
        ("one that it had before", ODD, first),
    )
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session to begin with: {reason}")
    for shown, endpoint, url in rows:
        case.step(f"Change the ACS URL to {url}: {shown}.")
        mark = bench.traffic.mark()
        bench.configure(acs_url=url)
        seen = first_arrival(bench, mark)
        case.check("lcos.acs-url.change", seen, starts_anew(endpoint), what=shown)
        bench.works()


@case("acs-url.change.first-session-fails", verifies="lcos.acs-url.change", needs=URL)
def change_and_failure(bench: Bench, case: Case) -> None:
    """Where the first session with a new ACS fails, the next one still starts anew.

    "0 BOOTSTRAP" is kept until an InformResponse has acknowledged it (TR-069 3.7.1.5). Accepted: with the ACS reachable
    again, a session with "0 BOOTSTRAP".
    """
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session to begin with: {reason}")
    name = bench.names.new()
    case.step(f"Change the ACS URL to one with the name {name}, which does not exist yet.")
    mark = bench.traffic.mark()
    bench.configure(acs_url=bench.acs_url(ODD, host=name, path="/later"))
    bench.provoke(watch(bench), restart=False)
    if not bench.names.queries(mark.queries, name):
        raise Inconclusive("the device did not try to connect")
    case.step("Give the name its address and wait for the next attempt.")
    bench.names.set(name, a=(bench.topology.acs_v4,))
    bench.pass_time(60.0 if bench.clock.steered else bench.timing.settle)
    seen = first_arrival(bench, mark)
    case.check("lcos.acs-url.change", seen, starts_anew(ODD))


@case("acs-url.change.by-acs", verifies="lcos.acs-url.change", needs=URL)
def change_by_acs(bench: Bench, case: Case) -> None:
    """When the ACS changes ManagementServer.URL, the session ends where it is; the next goes to the new ACS.

    Accepted: SetParameterValues is answered and the session comes to its end with the old ACS; then as for a change by
    the operator. (A device that does not let the ACS change the URL leaves nothing to judge.)
    """
    old, new = right_and_second(bench)
    case.step(f"Set ManagementServer.URL to {new} in a session at {old}, and end it.")
    mark = bench.traffic.mark()
    with bench.session("change of the URL") as session:
        known = len(bench.traffic.arrivals(mark))
        reply = session.call(set_url(session.root, new))
        bench.device.doubt("acs_url")
    if reply.fault is not None:
        raise NotApplicable(f"the device does not let the ACS change its URL: fault {reply.fault.fault_code}")
    case.check(
        "lcos.acs-url.change", session.complete, equal(True), what="the session with the old ACS completed"
    )
    judge_change(bench, case, mark, new, known=known, ended=session.ended_real)
