"""Defects of source address, masking and the IPv6 input filter."""

from __future__ import annotations

from reference_cpe.defects.registry import defect, rewire
from reference_cpe.parts import Parts


@defect(
    "source-address-ignored",
    breaks=[
        "lcos.source.network-name",
        "lcos.source.loopback-name",
        "lcos.source.literal",
        "lcos.loopback.unmasked",
    ],
    seen="easycwmp",
)
def source_address_ignored(parts: Parts) -> None:
    """The source address is stored, but connections come from the automatic one."""
    rewire(parts.source, address=lambda: "")


@defect("loopback-masked", breaks=["lcos.loopback.unmasked", "lcos.source.loopback-name"])
def loopback_masked(parts: Parts) -> None:
    """Loopback addresses are masked like any other on a masked WAN."""
    rewire(parts.firewall, unmasked=list)


@defect("masking-off", breaks=["lcos.loopback.network-masked", "lcos.loopback.lan-still-masked"])
def masking_off(parts: Parts) -> None:
    """Nothing is masked on the WAN, neither the device's networks nor the LAN behind it."""
    rewire(parts.firewall, masking=list)


@defect("firewall-open", breaks=["lcos.firewall6.closed-without-rule", "lcos.firewall6.rule-exact"])
def firewall_open(parts: Parts) -> None:
    """There is no IPv6 input filter at all."""
    rewire(parts.firewall, input_filter=list)


@defect(
    "firewall-opens-cwmp-port",
    breaks=["lcos.firewall6.closed-without-rule", "lcos.firewall6.rule-exact"],
    seen="icwmp",
)
def firewall_opens_cwmp_port(parts: Parts) -> None:
    """The connection request port is opened to IPv6 without being told."""
    original = parts.firewall.input_filter

    def opened() -> list[str]:
        wan = f'iifname "{parts.config.network.wan_interface}" meta nfproto ipv6'
        port = parts.settings.value("port")
        head, *rest = original()
        return [head, f"{wan} tcp dport {port} accept", *rest]

    rewire(parts.firewall, input_filter=opened)


@defect("firewall-rule-opens-all-ports", breaks=["lcos.firewall6.rule-exact"])
def firewall_rule_opens_all_ports(parts: Parts) -> None:
    """An inbound rule opens every port, not only its own."""
    rewire(parts.firewall, rule=lambda rule: f"meta l4proto tcp {rule.action}")


@defect("firewall-rules-ignored", breaks=["lcos.firewall6.open-with-rule"])
def firewall_rules_ignored(parts: Parts) -> None:
    """Inbound rules are stored and have no effect."""
    rewire(parts.firewall, inbound_rules=list)


@defect("firewall-blocks-ipv4", breaks=["lcos.firewall6.ipv4-untouched"])
def firewall_blocks_ipv4(parts: Parts) -> None:
    """The IPv6 input filter drops IPv4 as well."""
    original = parts.firewall.input_filter
    rewire(
        parts.firewall, input_filter=lambda: [line.replace(" meta nfproto ipv6", "") for line in original()]
    )
