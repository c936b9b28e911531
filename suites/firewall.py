"""IPv6 firewall: the connection-request port is closed over IPv6 until a rule opens it, and only it.

"Closed" means that no SYN is answered by a SYN-ACK; dropping and rejecting are both right. That something
listens behind the firewall, and that the path carries IPv6, is shown by opening it before and after.
"""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, case
from harness.device.api import FirewallRule
from harness.expect import equal, one_of

NEEDS = ("ipv6_inbound_rules", "port", "ipv6", "connection-request")
CLOSED = ("silent", "refused")
HOSTS = (("wan", "the ACS's host"), ("host2", "another host on the WAN"))


def probe(bench: Bench, host: str, port: int) -> str:
    """A TCP connection attempt over IPv6: ``open``, ``refused`` or ``silent``."""
    return bench.probe(host, bench.topology.cpe_wan_v6, port)


def allow(port: int) -> tuple[FirewallRule, ...]:
    return (FirewallRule("cwmp", (port,)),)


def opens(bench: Bench, port: int) -> str:
    """The control: with a rule for *port*, it answers over IPv6."""
    bench.configure(ipv6_inbound_rules=allow(port), port=port)
    seen = probe(bench, "wan", port)
    return "" if seen == "open" else f"port {port} is {seen} over IPv6 although a rule allows it"


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
        for host, shown in HOSTS:
            case.check(
                "lcos.firewall6.closed-without-rule",
                probe(bench, host, port),
                one_of(CLOSED),
                what=f"from {shown}",
            )


@case("firewall.open-with-rule", verifies="lcos.firewall6.open-with-rule", needs=NEEDS, packets=True)
def open_with_rule(bench: Bench, case: Case) -> None:
    """With an inbound rule for its port a connection request over IPv6 leads to a session.

    Accepted: the port answers, and a connection request with the right credentials is followed by a session.
    """
    port = bench.device_port
    case.step("Set a rule for the port and probe it over IPv6.")
    bench.configure(ipv6_inbound_rules=allow(port))
    for host, shown in HOSTS:
        case.check(
            "lcos.firewall6.open-with-rule", probe(bench, host, port), equal("open"), what=f"from {shown}"
        )
    case.step("Send a connection request to the device's IPv6 address.")
    outcome = bench.connection_request(address=bench.topology.cpe_wan_v6)
    case.check("lcos.firewall6.open-with-rule", outcome.session, equal(True), what="session")


@case("firewall.rule-exact", verifies="lcos.firewall6.rule-exact", needs=NEEDS, packets=True)
def rule_exact(bench: Bench, case: Case) -> None:
    """A rule opens its own port and no other: the listener, moved next door, is closed again.

    The listener is moved because a port without one would look closed behind any firewall. Accepted: no SYN-ACK from
    the neighbouring port while the rule names the old one, nor from the port of a rule that is not active.
    """
    port, neighbour = bench.device_port, bench.device_port + 1
    with case.twin("a rule for the neighbouring port opens it", lambda: opens(bench, neighbour)):
        case.step(f"Leave the listener on port {neighbour} and set a rule for port {port}.")
        bench.configure(ipv6_inbound_rules=allow(port))
        for host, shown in HOSTS:
            case.check(
                "lcos.firewall6.rule-exact",
                probe(bench, host, neighbour),
                one_of(CLOSED),
                what=f"neighbouring port, from {shown}",
            )
        case.step(f"Set a rule for port {neighbour} that is not active.")
        bench.configure(ipv6_inbound_rules=(FirewallRule("cwmp", (neighbour,), active=False),))
        case.check(
            "lcos.firewall6.rule-exact", probe(bench, "wan", neighbour), one_of(CLOSED), what="inactive rule"
        )


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
