"""Source addresses, masking and the IPv6 input filter.

Sources: LCOS reference manual, "CWMP" page (source address; loopback addresses are used unmasked) and
"IPv6 firewall" (inbound rules; IPv4 access to the device itself is not filtered).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
from collections.abc import Iterable

from reference_cpe import urls
from reference_cpe.config import Network, Web
from reference_cpe.settings import Rule, Settings

log = logging.getLogger("reference-cpe.network")

TABLE = "reference_cpe"


class NoSource(ValueError):
    """The source address setting names nothing that the device owns; the message says so."""


class Source:
    """Which address the device's own connections come from. Seam: `address`."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self._network = network
        self._settings = settings
        self.last_used = ""
        """Local address of the last connection to the ACS."""

    def address(self) -> str:
        """The address to bind to, empty for the automatic choice.

        Raises:
            NoSource: the setting names no network, loopback or address of this device.
        """
        return self.resolve(self._settings.value("source_address"))

    def resolve(self, name: str) -> str:
        """The address that *name* (network, loopback, or a literal the device owns) stands for."""
        if not name:
            return ""
        named = {**self._by_position(), **self._network.networks, **self._network.loopbacks}
        address = named.get(name, name)
        try:
            address = str(ipaddress.ip_address(address))
        except ValueError:
            raise NoSource(
                f"source address {name!r} is no network, loopback or address of this device"
            ) from None
        if not owned(address):
            raise NoSource(f"source address {name!r}: {address} is not an address of this device")
        return address

    def _by_position(self) -> dict[str, str]:
        """The loopback addresses by the names that LCOS gives each place of its table: LB0 to LBF."""
        return {f"LB{place:X}": address for place, address in enumerate(self._network.loopbacks.values())}

    def advertised(self, acs_url: str) -> str:
        """The address under which the ACS can reach the device, empty when none is known."""
        with contextlib.suppress(NoSource):
            return self.address() or self.last_used or self._automatic(acs_url)
        return ""

    def _automatic(self, acs_url: str) -> str:
        """The WAN address of the ACS's family; else what the routing table gives (no packet is sent)."""
        try:
            target = urls.parse(acs_url)
        except urls.BadUrl:
            return self._network.wan_v4
        six = ":" in target.host
        configured = self._network.wan_v6 if six else self._network.wan_v4
        if configured:
            return configured
        with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                ipaddress.ip_address(target.host)
                probe.connect((target.host, target.port))
            except (OSError, ValueError):
                return ""
            return str(probe.getsockname()[0])


def owned(address: str) -> bool:
    """Whether *address* is one of this host's: a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def port_obstacle(port: int) -> str:
    """Why nobody can listen on TCP *port* of all addresses now, empty when one can."""
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
                probe.listen(1)
        except OSError as error:
            if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                return f"port {port}: {error.strerror}"
    return ""


class Firewall:
    """The device's nftables rules. Seams: `masking`, `input_filter`, `rule`, `load`."""

    def __init__(self, network: Network, settings: Settings, web: Web | None = None) -> None:
        self._network = network
        self._web = web
        self._settings = settings
        self._loaded = ""

    def ruleset(self) -> str:
        """What nft is given: the device's own table, replaced as a whole."""
        chains = [*self.masking(), *self.input_filter()]
        return "\n".join(
            [
                f"table inet {TABLE} {{}}",
                f"delete table inet {TABLE}",
                f"table inet {TABLE} {{",
                *chains,
                "}",
                "",
            ]
        )

    def unmasked(self) -> list[str]:
        """Addresses that leave the WAN as they are: the loopbacks, and the WAN's own."""
        addresses = [*self._network.loopbacks.values(), self._network.wan_v4]
        return [address for address in addresses if address and ":" not in address]

    def masking(self) -> list[str]:
        """IPv4 masquerading on the WAN."""
        if not self._network.masked:
            return []
        wan = f'oifname "{self._network.wan_interface}"'
        kept = ", ".join(self.unmasked())
        return [
            "chain postrouting { type nat hook postrouting priority srcnat; policy accept;",
            *([f"{wan} ip saddr {{ {kept} }} accept"] if kept else []),
            f"{wan} meta nfproto ipv4 masquerade",
            "}",
        ]

    def input_filter(self) -> list[str]:
        """What may reach the device itself over IPv6 on the WAN: answers, ICMPv6, and the inbound rules."""
        wan = f'iifname "{self._network.wan_interface}" meta nfproto ipv6'
        return [
            "chain input { type filter hook input priority filter; policy accept;",
            *self.web_from_wan(),
            f"{wan} ct state established,related accept",
            f"{wan} meta l4proto ipv6-icmp accept",
            *(f"{wan} {self.rule(rule)}" for rule in self.inbound_rules()),
            f"{wan} drop",
            "}",
        ]

    def web_from_wan(self) -> list[str]:
        """The web configuration is for the LAN: what comes by the WAN to its address is dropped."""
        if self._web is None or not self._web.listen:
            return []
        host, port = self._web.place
        family = "ip6" if ":" in host else "ip"
        return [f'iifname "{self._network.wan_interface}" {family} daddr {host} tcp dport {port} drop']

    def inbound_rules(self) -> Iterable[Rule]:
        """The active rules, the one that decides first in front."""
        rules = [rule for rule in self._settings.value("ipv6_inbound_rules") if rule.active]
        return sorted(rules, key=lambda rule: -rule.priority)

    def rule(self, rule: Rule) -> str:
        sources = f"ip6 saddr {{ {', '.join(rule.sources)} }} " if rule.sources else ""
        ports = f"tcp dport {{ {', '.join(map(str, rule.ports))} }}" if rule.ports else "meta l4proto tcp"
        return f"{sources}{ports} {rule.action}"

    async def apply(self) -> None:
        """Load the rules where the device manages its network and they have changed.

        Raises:
            OSError: nft is missing or refused them.
        """
        if not self._network.manage:
            return
        wanted = self.ruleset()
        if wanted != self._loaded:
            await self.load(wanted)
            self._loaded = wanted

    async def load(self, ruleset: str) -> None:
        nft = await asyncio.create_subprocess_exec(
            "nft", "-f", "-", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await nft.communicate(ruleset.encode("ascii"))
        if nft.returncode:
            raise OSError(
                f"nft refused the rules: {errors.decode(errors='replace').strip().splitlines()[:1]}"
            )

    async def remove(self) -> None:
        """Take the rules out again: the device ends."""
        if self._network.manage and self._loaded:
            self._loaded = ""
            with contextlib.suppress(OSError):
                await self.load(f"table inet {TABLE} {{}}\ndelete table inet {TABLE}\n")
