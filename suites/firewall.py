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


@case(
    "firewall.open-with-rule",
    verifies=("lcos.firewall6.open-with-rule", "lcos.connection-request.credentials"),
    needs=NEEDS,
    packets=True,
)
def open_with_rule(bench: Bench, case: Case) -> None:
    """With an inbound rule for its port a connection request over IPv6 leads to a session, without a restart.

    Accepted: the port answers as soon as the rule is set, and a connection request with the right credentials is followed by
    a session; from the ACS's host and from another; without credentials there is none.
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
        case.step(f"Send one without credentials over IPv6 from {shown}.")
        outcome = bench.connection_request(
            username=None, password=None, address=bench.topology.cpe_wan_v6, host=host
        )
        uninvited = outcome.session or 200 <= outcome.status < 300
        case.check(
            "lcos.connection-request.credentials",
            uninvited,
            equal(False),
            what=f"accepted without credentials over IPv6, {shown} (status {outcome.status})",
        )


def _opened(name: str, shown: str, make: Callable[[Bench, int], Rules]) -> CaseRow:
    """The row: the rules open the listener's port to both hosts."""

    def body(bench: Bench, case: Case) -> None:
        port = bench.device_port
        case.step(f"Set {shown}.")
        bench.configure(ipv6_inbound_rules=make(bench, port))
        for host, where in HOSTS:
            case.check(
                "lcos.firewall6.open-with-rule", probe(bench, host, port), equal("open"), what=f"from {where}"
            )

    return CaseRow(
        f"firewall.open-with-rule.{name}",
        f"The port is open with {shown}.\n\nAccepted: it answers over IPv6, from the ACS's host and from another.",
        body,
        "lcos.firewall6.open-with-rule",
        NEEDS,
        packets=True,
    )


def _both_hosts(bench: Bench) -> tuple[str, str]:
    return bench.topology.acs_v6, bench.topology.host2_v6


OPENED: tuple[tuple[str, str, Callable[[Bench, int], Rules]], ...] = (
    ("ports", "a rule for several ports", lambda _, port: (FirewallRule("several", (9, port)),)),
    ("sources", "a rule for several sources", lambda bench, port: allow(port, sources=_both_hosts(bench))),
    (
        "inactive-denial",
        "a rule for it and a better one that denies, but is not active",
        lambda _, port: (
            FirewallRule("keep-out", (port,), action="drop", active=False, priority=200),
            *allow(port, priority=10),
        ),
    ),
)
cases_from(globals(), (_opened(*row) for row in OPENED))


@case(
    "firewall.over-restart",
    verifies=(
        "lcos.firewall6.open-with-rule",
        "lcos.firewall6.closed-without-rule",
        "lcos.firewall6.rule-exact",
    ),
    needs=(*NEEDS, "restart"),
    packets=True,
)
def over_restart(bench: Bench, case: Case) -> None:
    """A restart leaves the IPv6 firewall as it was: open with a rule, closed with an inactive one, closed without.

    Accepted, after a restart each: a SYN-ACK with the rule, none otherwise.
    """
    port = bench.device_port
    with case.twin("with a rule the port answers over IPv6", lambda: opens(bench, port)):
        case.step("Restart the device with the rule.")
        bench.device.restart()
        bench.pass_time(bench.timing.settle)
        seen = probe(bench, "wan", port)
        case.check("lcos.firewall6.open-with-rule", seen, equal("open"), what="after a restart")
        for shown, requirement, rules in (
            ("an inactive rule", "lcos.firewall6.rule-exact", allow(port, active=False)),
            ("no rule", "lcos.firewall6.closed-without-rule", ()),
        ):
            case.step(f"Restart the device with {shown}.")
            bench.configure(ipv6_inbound_rules=rules)
            bench.device.restart()
            bench.pass_time(bench.timing.settle)
            closed(bench, case, requirement, port, f"{shown}, after a restart")


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
    (
        "ports-around",
        "one rule for the two ports around it",
        lambda _, port: (FirewallRule("around", (port - 1, port + 1)),),
    ),
    (
        "other-sources",
        "rules for two sources that are nobody here",
        lambda _, port: (
            FirewallRule("one", (port,), sources=("2001:db8:dead::1",)),
            FirewallRule("two", (port,), sources=("2001:db8:beef::/48",)),
        ),
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


DENIALS = (("drop", 10, 200), ("reject", 9, 10), ("drop", 255, 256), ("reject", 99, 30000))
"""Action, the worse and the better priority: pairs that compare otherwise as text, or by their low octet."""


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
        for action, low, high in DENIALS:
            for rules in (pair(low, high, action), tuple(reversed(pair(low, high, action)))):
                shown = f"accept {low}, {action} {high}"
                case.step(f"Set two rules: {shown}.")
                bench.configure(ipv6_inbound_rules=rules)
                case.check("lcos.firewall6.deny-wins", probe(bench, "wan", port), one_of(CLOSED), what=shown)
        for denial in (
            FirewallRule("keep-out", (port,), action="drop", priority=200, sources=(bench.topology.acs_v6,)),
            FirewallRule("keep-out", (), action="drop", priority=200),
        ):
            shown = f"a denial of {'one source' if denial.sources else 'every port'}"
            case.step(f"Set an accepting rule and, with a better priority, {shown}.")
            bench.configure(ipv6_inbound_rules=(*allow(port, priority=10), denial))
            case.check("lcos.firewall6.deny-wins", probe(bench, "wan", port), one_of(CLOSED), what=shown)
        case.step("Let the accepting rule have the better priority.")
        for _, low, high in DENIALS:
            bench.configure(ipv6_inbound_rules=pair(high, low, "drop"))
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
    there is a session too; and likewise with rules that let somebody in or keep everybody out over IPv6.
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
    port = bench.device_port
    for shown, rules in (
        ("a rule that accepts", allow(port)),
        ("one that denies", allow(port, action="drop")),
    ):
        case.step(f"Set {shown} and try both again.")
        bench.configure(ipv6_inbound_rules=rules)
        seen = bench.probe("host2", bench.topology.cpe_wan_v4, port)
        case.check("lcos.firewall6.ipv4-untouched", seen, equal("open"), what=f"port over IPv4, {shown}")
        case.check(
            "lcos.firewall6.outbound-free", bench.works() or "a session", equal("a session"), what=shown
        )
