"""Port: the device listens for connection requests on the configured port, advertises it, and on no other."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.bench import Bench, InformSeen
from harness.bench.doorbell import with_port
from harness.case import Case, CaseRow, Inconclusive, case, cases_from
from harness.device.api import FirewallRule
from harness.expect import Allowed, Judgement, equal, failed, nothing, one_of, passed, that, undecided
from suites.connection_request import wakes

NEEDS = ("port", "connection-request")
CLOSED = ("silent", "refused")
VALUE_CHANGE = "4 VALUE CHANGE"
LOCAL = ("127.0.0.1", "::1")


def advertised_port(url: str) -> int:
    """The port that a ConnectionRequestURL names; 0 where there is no URL."""
    parts = urlsplit(url)
    return (parts.port or 80) if parts.hostname else 0


def url_in(inform: InformSeen) -> str:
    """The ConnectionRequestURL of an Inform."""
    for entry in inform.inform.parameter_list:
        if entry.name.endswith(".ManagementServer.ConnectionRequestURL"):
            return entry.value
    return ""


def fresh_url(bench: Bench) -> str:
    """The ConnectionRequestURL that the device tells in a session of its own."""
    with bench.session("reading the ConnectionRequestURL") as session:
        told = session.read(f"{session.root}ManagementServer.ConnectionRequestURL")
    return "" if told.startswith("(") else told


def probe(bench: Bench, port: int) -> str:
    """A TCP connection to the device over IPv4: ``open``, ``refused`` or ``silent``."""
    return bench.probe("wan", bench.topology.cpe_wan_v4, port)


def includes(wanted: object) -> Allowed[object]:
    """A collection that holds *wanted*."""
    return that(f"{wanted} among them", lambda seen: wanted in seen)


# --- where it listens ---------------------------------------------------------------------------------

KNOWN = (
    *(7547, 7548, 5060, 5555, 4567, 7170, 8080, 8081, 8089, 8443, 8888, 9000, 10000, 30005),
    *(37215, 50805, 51005, 51007, 58000, 60001),
)
"""Ports on which CPEs have been seen to listen for an ACS."""


def sample(case: Case, port: int) -> list[int]:
    """The ports that are looked at: the well-known ones, the neighbours, and some at random."""
    near = range(max(1, port - 10), min(65535, port + 10) + 1)
    return sorted({*range(1, 1024), *KNOWN, *near, *case.random.sample(range(1024, 65536), 300)} - {port})


@case("port.listens", verifies=("lcos.port.listens", "lcos.port.advertised"), needs=NEEDS)
def listens(bench: Bench, case: Case) -> None:
    """The device listens on exactly the configured port, and its ConnectionRequestURL says so.

    Accepted: the port answers; the URL in the Inform carries it; a connection request leads to a session; the neighbouring
    ports are closed; of some 1,300 other ports CWMP opens none: those that are open with CWMP on are open with it off, too.
    """
    port = bench.device_port
    case.step(f"Read the ConnectionRequestURL and probe port {port} and its neighbours.")
    with bench.session("reading the Inform") as session:
        url = url_in(session.seen)
    case.check("lcos.port.advertised", advertised_port(url), equal(port), what=f"port of {url}")
    case.check("lcos.port.listens", probe(bench, port), equal("open"), what=f"port {port}")
    case.check("lcos.port.listens", wakes(bench) or "a session", equal("a session"))
    if not bench.topology.isolated:
        case.observe("other ports belong to the host, not to the device: not looked at")
        return
    others = sample(case, port)
    opened = bench.scan("wan", bench.topology.cpe_wan_v4, others)
    if opened and "cwmp_active" in bench.device.capabilities.settings:
        case.step("Switch CWMP off and look at the open ports again.")
        bench.configure(cwmp_active=False)
        opened = sorted(set(opened) - set(bench.scan("wan", bench.topology.cpe_wan_v4, opened)))
    elif opened:
        raise Inconclusive(f"ports {opened} are open, and whether by CWMP cannot be told")
    case.check("lcos.port.listens", opened, nothing("port that CWMP opens beside it"))


@case("port.change", verifies=("lcos.port.change", "lcos.port.advertised"), needs=NEEDS)
def change(bench: Bench, case: Case) -> None:
    """A changed port moves the listener: the new port answers, the old one is closed, and the ACS is told.

    Accepted, there and back: an Inform with the new URL and "4 VALUE CHANGE" that the device sends by itself; a connection
    request at the new URL leads to a session; the old port has no listener.
    """
    old = bench.device_port
    new = bench.spare_port()
    over_v6 = not bench.device.capabilities.lacks(("ipv6", "ipv6_inbound_rules"))
    if over_v6:
        bench.configure(ipv6_inbound_rules=(FirewallRule("both", (old, new)),))
    for before, after in ((old, new), (new, old)):
        case.step(f"Change the port from {before} to {after} and watch for the Inform that tells it.")
        mark = bench.door.mark()
        bench.configure(port=after)
        informs = bench.door.sessions(mark, 0.0)
        if not any(advertised_port(url_in(seen)) == after for seen in informs):
            informs = bench.door.sessions(mark, bench.timing.contact)
        telling = [seen for seen in informs if advertised_port(url_in(seen)) == after]
        case.check(
            "lcos.port.advertised",
            [advertised_port(url_in(seen)) for seen in informs],
            includes(after),
            what="ports in the Informs since",
        )
        events = telling[0].event_codes if telling else ()
        case.check(
            "lcos.port.change",
            list(events),
            includes(VALUE_CHANGE),
            what="events",
        )
        case.check("lcos.port.change", probe(bench, after), equal("open"), what=f"new port {after}")
        case.check("lcos.port.change", probe(bench, before), one_of(CLOSED), what=f"old port {before}")
        if over_v6:
            seen = bench.probe("wan", bench.topology.cpe_wan_v6, before)
            case.check("lcos.port.change", seen, one_of(CLOSED), what=f"old port {before} over IPv6")
        case.check("lcos.port.change", wakes(bench) or "a session", equal("a session"), what=f"port {after}")


@case(
    "port.kept",
    verifies=("lcos.port.change", "lcos.port.advertised"),
    needs=(*NEEDS, "restart"),
)
def kept(bench: Bench, case: Case) -> None:
    """A changed port counts after a restart, and after CWMP was switched off and on, too.

    Accepted: the new port is listened on and stands in the first Inform after the restart, the old one is closed; the same
    for a port that is changed while CWMP is off.
    """
    old = bench.device_port
    new = bench.spare_port()
    case.step(f"Change the port to {new} and restart the device.")
    bench.configure(port=new)
    bench.pass_time(bench.timing.settle)
    mark = bench.door.mark()
    bench.device.restart()
    informs = bench.door.sessions(mark, 0.0) or bench.door.sessions(mark, bench.timing.contact)
    if not informs:
        raise Inconclusive("no session after the restart")
    told = advertised_port(url_in(informs[0]))
    case.check("lcos.port.advertised", told, equal(new), what="first Inform after a restart")
    case.check("lcos.port.change", probe(bench, new), equal("open"), what=f"new port {new}, restarted")
    case.check("lcos.port.change", probe(bench, old), one_of(CLOSED), what=f"old port {old}, restarted")
    if "cwmp_active" not in bench.device.capabilities.settings:
        return
    case.step(f"Switch CWMP off, change the port to {old}, switch CWMP on.")
    bench.configure(cwmp_active=False)
    bench.configure(port=old)
    bench.configure(cwmp_active=True)
    bench.pass_time(bench.timing.settle)
    case.check("lcos.port.change", probe(bench, old), equal("open"), what=f"port {old}, changed while off")
    case.check("lcos.port.change", probe(bench, new), one_of(CLOSED), what=f"port {new}, changed while off")


# --- boundaries ---------------------------------------------------------------------------------------


def _served(port: int) -> CaseRow:
    """The row: the port is usable."""

    def body(bench: Bench, case: Case) -> None:
        if not bench.topology.isolated and port < 1024:
            raise Inconclusive("below 1024 on a host that the device shares with others")
        case.step(f"Set the port to {port}, probe it and send a connection request to it.")
        refusal = bench.device.try_configure(port=port)
        case.check("lcos.port.boundaries", refusal or "taken", _taken_unless_in_use(bench, port))
        if refusal:
            return
        bench.pass_time(bench.timing.settle)
        case.check(
            "lcos.port.boundaries", advertised_port(fresh_url(bench)), equal(port), what="port of the URL"
        )
        case.check("lcos.port.boundaries", probe(bench, port), equal("open"), what=f"port {port}")
        case.check("lcos.port.boundaries", wakes(bench) or "a session", equal("a session"))

    return CaseRow(
        f"port.boundary.{port}",
        f"Port {port} can be used.\n\n"
        "Accepted: the setting is taken, the URL carries the port, the port answers, and a connection request leads to a "
        "session. A device whose own service has the port may refuse it.",
        body,
        "lcos.port.boundaries",
        NEEDS,
    )


def _taken_unless_in_use(bench: Bench, port: int) -> Allowed[str]:
    def judge(said: str) -> Judgement:
        if said == "taken":
            return passed(said)
        if probe(bench, port) == "open":
            return undecided(said, f"something else on the device listens on port {port}")
        return failed(said)

    return Allowed("the setting is taken", judge)


def _off_or_refused(port: int) -> CaseRow:
    """The row: the port does not exist."""

    def body(bench: Bench, case: Case) -> None:
        old = bench.device_port
        with case.twin(f"on port {old} a connection request leads to a session", lambda: _on(bench, old)):
            case.step(f"Set the port to {port}.")
            if refusal := bench.device.try_configure(port=port):
                case.check("lcos.port.boundaries", "refused", equal("refused"), what=refusal)
                return
            bench.pass_time(bench.timing.settle)
            url = fresh_url(bench)
            case.observe(f"taken; ConnectionRequestURL is {url or 'empty'}")
            named = advertised_port(url)
            if port:
                case.check("lcos.port.boundaries", "taken", equal("refused"))
            case.check("lcos.port.boundaries", named, one_of((0,)), what="port that is advertised")
            for number in sorted({old, named, port % 65536} - {0}):
                case.check(
                    "lcos.port.boundaries", probe(bench, number), one_of(CLOSED), what=f"port {number}"
                )

    return CaseRow(
        f"port.boundary.{port}",
        f"Port {port} is {'refused' if port else 'refused, or switches the listener off'}.\n\n"
        + (
            "Accepted: a visible refusal."
            if port
            else "Accepted: a visible refusal; or an empty ConnectionRequestURL and no listener."
        )
        + " A usable port works before and after.",
        body,
        "lcos.port.boundaries",
        NEEDS,
    )


def _on(bench: Bench, port: int) -> str:
    bench.device.try_configure(port=port)
    return wakes(bench)


cases_from(globals(), (*map(_served, (1, 80, 65535)), *map(_off_or_refused, (0, 65536))))


# --- collision ----------------------------------------------------------------------------------------


@case("port.collision", verifies="lcos.port.collision", needs=NEEDS)
def collision(bench: Bench, case: Case) -> None:
    """A port that another service of the device has is refused, or served all the same, but never advertised in vain.

    The bench plays the other service, in the device's own namespace. Accepted: a visible refusal; or an empty
    ConnectionRequestURL; or a URL at which a connection request leads to a session. A free port works before and after.
    """
    port = bench.spare_port()
    with case.twin("a free port works", lambda: _on(bench, bench.device_port)):
        case.step(f"Take port {port} and set it as the port for connection requests.")
        with bench.listen_on_the_device(port):
            refusal = bench.device.try_configure(port=port)
            bench.pass_time(bench.timing.settle)
            url = fresh_url(bench)
            case.observe(f"{refusal or 'taken'}; ConnectionRequestURL is {url or 'empty'}")
            served = wakes(bench) if url else "nothing is advertised"
        case.check(
            "lcos.port.collision",
            "" if refusal or not url else served,
            equal(""),
            what=f"connection request at {url or 'no URL'}",
        )
        if url and advertised_port(url) != port:
            case.observe(f"the device stays on port {advertised_port(url)}")


@case("port.url-is-whole", verifies="cwmp.connection-request.url-form", needs=NEEDS)
def url_is_whole(bench: Bench, case: Case) -> None:
    """The ConnectionRequestURL is an http URL with a host that is not the device itself, a port and a path.

    Accepted: scheme http, an address or name that is no loopback of the host where the bench has a network of its own; the
    same URL with the configured port written out leads to a session.
    """
    url = fresh_url(bench)
    parts = urlsplit(url)
    case.check("cwmp.connection-request.url-form", parts.scheme, equal("http"), what=f"scheme of {url}")
    if bench.topology.isolated:
        usable = that("a host that the ACS can reach", lambda host: bool(host) and host not in LOCAL)
        case.check("cwmp.connection-request.url-form", parts.hostname or "", usable, what="host")
    outcome = bench.connection_request(url=with_port(url, bench.device_port))
    case.check("cwmp.connection-request.url-form", outcome.session, equal(True), what="session at that URL")
