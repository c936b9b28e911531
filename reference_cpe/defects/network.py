"""Defects of source address, masking and the IPv6 input filter."""

from __future__ import annotations

from dataclasses import replace

from reference_cpe.defects.registry import defect, rewire
from reference_cpe.parts import Parts
from reference_cpe.settings import Change, Rule


@defect(
    "source-address-ignored",
    breaks=[
        "lcos.source.network-name",
        "lcos.source.loopback-name",
        "lcos.source.literal",
        "lcos.source.long-name",
        "lcos.source.change",
        "lcos.source.every-connection",
        "lcos.loopback.unmasked",
        "lcos.loopback.unmasked-wan",
        "lcos.loopback.literal-unmasked",
        "lcos.source.unknown-name-visible",
        "lcos.source.advertised-url",
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


@defect(
    "firewall-open",
    breaks=[
        "lcos.firewall6.closed-without-rule",
        "lcos.firewall6.rule-exact",
        "lcos.firewall6.deny-wins",
    ],
)
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


@defect("firewall-inactive-rule-counts", breaks=["lcos.firewall6.rule-exact"])
def firewall_inactive_rule_counts(parts: Parts) -> None:
    """A rule that is not active opens its port as well."""
    rewire(parts.firewall, inbound_rules=lambda: parts.settings.value("ipv6_inbound_rules"))


@defect("firewall-source-ignored", breaks=["lcos.firewall6.rule-exact"])
def firewall_source_ignored(parts: Parts) -> None:
    """A rule holds for every source, whatever sources it names."""
    original = parts.firewall.rule
    rewire(parts.firewall, rule=lambda rule: original(replace(rule, sources=())))


@defect("firewall-priority-reversed", breaks=["lcos.firewall6.deny-wins"])
def firewall_priority_reversed(parts: Parts) -> None:
    """Of two rules that match, the one with the lower priority wins."""
    original = parts.firewall.inbound_rules
    rewire(parts.firewall, inbound_rules=lambda: list(original())[::-1])


@defect("firewall-first-rule-only", breaks=["lcos.firewall6.deny-wins"])
def firewall_first_rule_only(parts: Parts) -> None:
    """Rules count in the order in which they were entered, not by their priority."""
    rewire(
        parts.firewall,
        inbound_rules=lambda: [rule for rule in parts.settings.value("ipv6_inbound_rules") if rule.active],
    )


@defect("firewall-needs-restart", breaks=["lcos.firewall6.open-with-rule"])
def firewall_needs_restart(parts: Parts) -> None:
    """A new inbound rule takes effect after the next restart."""
    original = parts.settings.changed

    def changed(change: Change) -> None:
        original({key: value for key, value in change.items() if key != "ipv6_inbound_rules"})

    parts.settings.changed = changed


@defect("firewall-blocks-answers", breaks=["lcos.firewall6.outbound-free"])
def firewall_blocks_answers(parts: Parts) -> None:
    """Without a rule the device's own IPv6 connections do not work either: answers are dropped."""
    original = parts.firewall.input_filter
    rewire(parts.firewall, input_filter=lambda: [line for line in original() if "established" not in line])


@defect("firewall-port-off-by-one", breaks=["lcos.firewall6.open-with-rule", "lcos.firewall6.rule-exact"])
def firewall_port_off_by_one(parts: Parts) -> None:
    """A rule opens the port next to its own."""
    original = parts.firewall.rule
    rewire(
        parts.firewall,
        rule=lambda rule: original(replace(rule, ports=tuple(port % 65535 + 1 for port in rule.ports))),
    )


@defect("firewall-rule-stays", breaks=["lcos.firewall6.rule-exact", "lcos.firewall6.closed-without-rule"])
def firewall_rule_stays(parts: Parts) -> None:
    """A rule that is deleted or switched off stays in effect until the device restarts."""
    original = parts.firewall.inbound_rules
    known: dict[str, Rule] = {}

    def inbound_rules() -> list[Rule]:
        known.update({rule.name: rule for rule in original()})
        return list(known.values())

    rewire(parts.firewall, inbound_rules=inbound_rules)
