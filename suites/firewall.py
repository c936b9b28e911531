"""IPv6 firewall: the connection-request port is closed over IPv6 until a rule opens it, and only it.

"Closed" means that no SYN is answered by a SYN-ACK; dropping and rejecting are both right. That something
listens behind the firewall, and that the path carries IPv6, is shown by opening it before and after.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.bench import Bench
from harness.case import Case, CaseRow, case, cases_from
from harness.device.api import FirewallRule
from harness.expect import equal, one_of

NEEDS = ("ipv6_inbound_rules", "port", "ipv6", "connection-request")
CLOSED = ("silent", "refused")
HOSTS = (("wan", "the ACS's host"), ("host2", "another host on the WAN"))

Rules = tuple[FirewallRule, ...]


def probe(bench: Bench, host: str, port: int) -> str:
    """A TCP connection attempt over IPv6: ``open``, ``refused`` or ``silent``."""
    return bench.probe(host, bench.topology.cpe_wan_v6, port)


def allow(port: int, **changes: object) -> Rules:
    """One rule that accepts *port*."""
    return (FirewallRule("cwmp", (port,), **changes),)  # type: ignore[arg-type]


def opens(bench: Bench, port: int) -> str:
    """The control: with a rule for *port*, it answers over IPv6."""
    bench.configure(ipv6_inbound_rules=allow(port), port=port)
    for host, shown in HOSTS:
        seen = probe(bench, host, port)
        if seen != "open":
            return f"port {port} is {seen} over IPv6 from {shown}, although a rule allows it"
    return ""


def closed(bench: Bench, case: Case, requirement: str, port: int, what: str) -> None:
    """Neither host reaches *port* over IPv6."""
    seen = bench.probe_from([host for host, _ in HOSTS], bench.topology.cpe_wan_v6, port)
    for host, shown in HOSTS:
        case.check(requirement, seen[host], one_of(CLOSED), what=f"{what}, port {port} from {shown}")


# --- closed by itself ---------------------------------------------------------------------------------


@case(
    "firewall.closed-without-rule", verifies="lcos.firewall6.closed-without-rule", needs=NEEDS, packets=True
)
def closed_without_rule(bench: Bench, case: Case) -> None:
    """Without an inbound rule nobody reaches the connection-request port over IPv6.

    Accepted: no SYN-ACK for a probe from the ACS's host or from another; with a rule, before and after, there is one.
    """
    port = bench.device_port
    with case.twin("with a rule the port answers over IPv6", lambda: opens(bench, port)):
        case.step("Remove every inbound rule and probe the port over IPv6.")
        bench.configure(ipv6_inbound_rules=())
        closed(bench, case, "lcos.firewall6.closed-without-rule", port, "no rule")


@case(
    "firewall.not-opened-by-cwmp",
    verifies="lcos.firewall6.closed-without-rule",
    needs=(*NEEDS, "cwmp_active"),
    packets=True,
)
def not_opened_by_cwmp(bench: Bench, case: Case) -> None:
    """Neither switching CWMP on nor moving its port opens the IPv6 firewall.

    Accepted: no SYN-ACK over IPv6 after CWMP was switched off and on, nor after the port was changed, while there is no rule.
    """
    port, other = bench.device_port, bench.spare_port()
    with case.twin("with a rule the port answers over IPv6", lambda: opens(bench, port)):
        bench.configure(ipv6_inbound_rules=())
        case.step("Switch CWMP off and on and probe the port.")
        bench.configure(cwmp_active=False)
        bench.configure(cwmp_active=True)
        closed(bench, case, "lcos.firewall6.closed-without-rule", port, "CWMP switched on")
        case.step(f"Move the port to {other} and probe both.")
        bench.configure(port=other)
        for number in (port, other):
            closed(bench, case, "lcos.firewall6.closed-without-rule", number, "port moved")


@case(
    "firewall.answers-only",
    verifies=("lcos.firewall6.closed-without-rule", "lcos.firewall6.outbound-free"),
    needs=(*NEEDS, "acs_url"),
    packets=True,
)
def answers_only(bench: Bench, case: Case) -> None:
    """A session of the device's own with the ACS over IPv6 needs no rule, and lets nobody in, not even the ACS.

    Connection tracking lets the ACS's answers through. Accepted: the session takes place; while it lasts, and after it, a
    probe of the connection-request port from the ACS's own address, and from another, gets no SYN-ACK.
    """
    port = bench.device_port
    with case.twin("with a rule the port answers over IPv6", lambda: opens(bench, port)):
        case.step("Remove every rule and let the device open a session over IPv6.")
        bench.configure(ipv6_inbound_rules=())
        bench.use_http(v6=True)
        with bench.session("over IPv6") as session:
            told = session.read(f"{session.root}DeviceInfo.SoftwareVersion")
            closed(bench, case, "lcos.firewall6.closed-without-rule", port, "during a session")
        closed(bench, case, "lcos.firewall6.closed-without-rule", port, "after a session")
        case.check(
            "lcos.firewall6.outbound-free", told.startswith("("), equal(False), what="the session failed"
        )
        bench.use_http()


# --- opened by a rule ---------------------------------------------------------------------------------


@case("firewall.open-with-rule", verifies="lcos.firewall6.open-with-rule", needs=NEEDS, packets=True)
def open_with_rule(bench: Bench, case: Case) -> None:
    """With an inbound rule for its port a connection request over IPv6 leads to a session, without a restart.

    Accepted: the port answers as soon as the rule is set, and a connection request with the right credentials is followed by
    a session; from the ACS's host and from another.
    """
    port = bench.device_port
    bench.configure(ipv6_inbound_rules=())
    case.step("Set a rule for the port and probe it over IPv6.")
    bench.configure(ipv6_inbound_rules=allow(port))
    for host, shown in HOSTS:
        case.check(
            "lcos.firewall6.open-with-rule", probe(bench, host, port), equal("open"), what=f"from {shown}"
        )
        case.step(f"Send a connection request to the device's IPv6 address from {shown}.")
        outcome = bench.connection_request(address=bench.topology.cpe_wan_v6, host=host)
        case.check("lcos.firewall6.open-with-rule", outcome.session, equal(True), what=f"session, {shown}")


def _not_opened(name: str, shown: str, make: Callable[[int, int], Rules]) -> CaseRow:
    """The row: the listener stands on the neighbouring port, and the rules of the row do not open it."""

    def body(bench: Bench, case: Case) -> None:
        port, neighbour = bench.device_port, bench.spare_port()
        with case.twin("a rule for the listener's port opens it", lambda: opens(bench, neighbour)):
            case.step(f"Leave the listener on port {neighbour} and set {shown}.")
            bench.configure(ipv6_inbound_rules=make(port, neighbour))
            closed(bench, case, "lcos.firewall6.rule-exact", neighbour, shown)

    return CaseRow(
        f"firewall.rule-exact.{name}",
        f"The listener's port stays closed with {shown}.\n\n"
        "The listener is moved to another port first, because a port without one would look closed behind any firewall. "
        "Accepted: no SYN-ACK from it; with a rule of its own, before and after, there is one.",
        body,
        "lcos.firewall6.rule-exact",
        NEEDS,
        packets=True,
    )


NOT_OPENED: tuple[tuple[str, str, Callable[[int, int], Rules]], ...] = (
    ("other-port", "a rule for the port that it had before", lambda port, _: allow(port)),
    (
        "neighbouring-ports",
        "rules for the ports beside it",
        lambda _, port: (FirewallRule("below", (port - 1,)), FirewallRule("above", (port + 1,))),
    ),
    ("inactive", "a rule that is not active", lambda _, port: allow(port, active=False)),
    ("dropping", "a rule that drops", lambda _, port: allow(port, action="drop")),
)
cases_from(globals(), (_not_opened(*row) for row in NOT_OPENED))


@case("firewall.rule-exact.source", verifies="lcos.firewall6.rule-exact", needs=NEEDS, packets=True)
def rule_for_a_source(bench: Bench, case: Case) -> None:
    """A rule with a source address opens the port to that source and to no other.

    Accepted, for either host in turn: it gets a SYN-ACK, the other does not.
    """
    port, top = bench.device_port, bench.topology
    rows = (("wan", top.acs_v6, "host2"), ("host2", top.host2_v6, "wan"))
    with case.twin("a rule without a source opens the port", lambda: opens(bench, port)):
        for host, address, other in rows:
            case.step(f"Set a rule for the source {address}.")
            bench.configure(ipv6_inbound_rules=allow(port, sources=(address,)))
            case.check(
                "lcos.firewall6.rule-exact", probe(bench, host, port), equal("open"), what=f"from {address}"
            )
            case.check(
                "lcos.firewall6.rule-exact",
                probe(bench, other, port),
                one_of(CLOSED),
                what=f"from another than {address}",
            )


@case("firewall.rule-exact.withdrawn", verifies="lcos.firewall6.rule-exact", needs=NEEDS, packets=True)
def withdrawn(bench: Bench, case: Case) -> None:
    """A rule that is deactivated or removed closes the port again, and moving the port leaves its rule behind.

    Accepted: each time no SYN-ACK for a new connection.
    """
    port, other = bench.device_port, bench.spare_port()
    with case.twin("with a rule the port answers over IPv6", lambda: opens(bench, port)):
        for shown, rules in (("deactivated", allow(port, active=False)), ("removed", ())):
            case.check("lcos.firewall6.rule-exact", opens(bench, port), equal(""), what="opened by the rule")
            case.step(f"The rule is {shown}.")
            bench.configure(ipv6_inbound_rules=rules)
            closed(bench, case, "lcos.firewall6.rule-exact", port, f"rule {shown}")
        case.step(f"With the rule for port {port}, move the port to {other}.")
        bench.configure(ipv6_inbound_rules=allow(port), port=other)
        closed(bench, case, "lcos.firewall6.rule-exact", other, "port moved")


@case("firewall.deny-wins", verifies="lcos.firewall6.deny-wins", needs=NEEDS, packets=True)
def deny_wins(bench: Bench, case: Case) -> None:
    """Of an accepting and a denying rule for the same port, the one with the better priority decides.

    Accepted: closed where the denying rule has the higher number, in either order of the list and for both kinds of denial;
    open where the accepting rule has it.
    """
    port = bench.device_port

    def pair(accept: int, deny: int, action: str) -> Rules:
        return (
            FirewallRule("let-in", (port,), priority=accept),
            FirewallRule("keep-out", (port,), action=action, priority=deny),
        )

    with case.twin("an accepting rule alone opens the port", lambda: opens(bench, port)):
        for action in ("drop", "reject"):
            for rules in (pair(10, 200, action), tuple(reversed(pair(10, 200, action)))):
                case.step(f"Set an accepting rule and one with a better priority that says {action}.")
                bench.configure(ipv6_inbound_rules=rules)
                case.check("lcos.firewall6.deny-wins", probe(bench, "wan", port), one_of(CLOSED), what=action)
        case.step("Let the accepting rule have the better priority.")
        bench.configure(ipv6_inbound_rules=pair(200, 10, "drop"))
        case.check(
            "lcos.firewall6.deny-wins", probe(bench, "wan", port), equal("open"), what="accept is better"
        )


# --- what needs no rule -------------------------------------------------------------------------------


@case(
    "firewall.ipv4-untouched",
    verifies=("lcos.firewall6.ipv4-untouched", "lcos.firewall6.outbound-free"),
    needs=(*NEEDS, "acs_url"),
    packets=True,
)
def ipv4_untouched(bench: Bench, case: Case) -> None:
    """Without any IPv6 rule, connection requests over IPv4 work and so do the device's own sessions over IPv6.

    Accepted: the port answers over IPv4, a connection request leads to a session, and with an ACS URL of an IPv6 address
    there is a session too.
    """
    case.step("Remove every inbound rule; send a connection request over IPv4.")
    bench.configure(ipv6_inbound_rules=())
    seen = bench.probe("host2", bench.topology.cpe_wan_v4, bench.device_port)
    case.check("lcos.firewall6.ipv4-untouched", seen, equal("open"), what="port over IPv4")
    outcome = bench.connection_request(address=bench.topology.cpe_wan_v4)
    case.check("lcos.firewall6.ipv4-untouched", outcome.session, equal(True), what="session")
    case.step("Set the ACS URL to an IPv6 address and wait for a session.")
    bench.use_http(v6=True)
    case.check("lcos.firewall6.outbound-free", bench.works() or "a session", equal("a session"))
