"""The packet filter of a router, as nftables text, for a device that is a plain program and no router.

A real CPE brings its own. Source: nft(8), statements ``masquerade`` and ``accept``; LANCOM's rule that a
loopback address as the source address of CWMP is not masked, on a masked WAN either.
"""

from __future__ import annotations

from collections.abc import Sequence

from .topology import Topology

TABLE = "cpecheck_router"


def router_ruleset(topology: Topology, *, masked: bool, unmasked_sources: Sequence[str] = ()) -> str:
    """Ruleset for the CPE's namespace that masquerades IPv4 on its WAN, or does not.

    Packets from *unmasked_sources* (IPv4 addresses; others are left out: nothing masks IPv6) keep it.
    Loading it again replaces it whole.
    """
    exempt = sorted({source for source in unmasked_sources if ":" not in source})
    rules = []
    if masked:
        out = f'oifname "{topology.wan_interface}"'
        if exempt:
            rules.append(f"{out} ip saddr {{ {', '.join(exempt)} }} accept")
        rules.append(f"{out} masquerade")
    body = "".join(f"\n    {rule}" for rule in rules)
    return (
        f"table ip {TABLE} {{}}\n"
        f"delete table ip {TABLE}\n"
        f"table ip {TABLE} {{\n"
        f"  chain postrouting {{\n"
        f"    type nat hook postrouting priority srcnat; policy accept;{body}\n"
        f"  }}\n"
        f"}}\n"
    )
