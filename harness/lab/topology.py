"""The bench's network, as data: hosts, addresses, names. Addresses are from documentation ranges.

::

      acs  198.51.100.10 ─┐
      files 198.51.100.20 ┤ wan (bridge) ── 198.51.100.2  cpe  192.168.77.1 ── 192.168.77.100  lan
      host2 198.51.100.30 ┘                  loopbacks 203.0.113.1 (LB0), .2 (MGMT), .3

ACS and file server are addresses of the host ``wan``; ``host2`` is a host of its own on the same link.
The WAN hosts route the LAN and the loopback prefix through the CPE, so that an unmasked packet is
answered and seen rather than lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field

WAN, HOST2, CPE, LAN = "wan", "host2", "cpe", "lan"
"""Names of the four network namespaces."""

_LOOPBACKS = {"LB0": "203.0.113.1", "MGMT": "203.0.113.2", "LOOPBACK-FOR-ACS": "203.0.113.3"}
"""A numbered name, one of a user's, and one of the 16 characters that a source address may have."""


@dataclass(frozen=True, slots=True)
class Topology:
    """Addresses and names of one bench. The defaults are those of a bench in namespaces."""

    acs_v4: str = "198.51.100.10"
    acs_v6: str = "2001:db8:100::10"
    files_v4: str = "198.51.100.20"
    files_v6: str = "2001:db8:100::20"
    host2_v4: str = "198.51.100.30"
    host2_v6: str = "2001:db8:100::30"
    cpe_wan_v4: str = "198.51.100.2"
    cpe_wan_v6: str = "2001:db8:100::2"
    cpe_lan_v4: str = "192.168.77.1"
    cpe_lan_v6: str = "2001:db8:200::1"
    lan_v4: str = "192.168.77.100"
    lan_v6: str = "2001:db8:200::100"
    network_name: str = "INTRANET"
    """Name of the CPE's IP network whose address is ``cpe_lan_v4``."""
    loopbacks: dict[str, str] = field(default_factory=lambda: dict(_LOOPBACKS))
    wan_interface: str = "wan0"
    """Interface names inside the CPE's namespace."""
    lan_interface: str = "lan0"
    acs_host: str = "acs.bench.test"
    files_host: str = "files.bench.test"
    isolated: bool = True
    """False for the loopback fallback: no namespaces, every address is 127.0.0.1 or ::1, no names."""

    @property
    def hosts(self) -> dict[str, tuple[str, ...]]:
        """Name → addresses, for the hosts file that is bound over the CPE's own.

        The names have IPv4 addresses alone: which family a device prefers must not decide which way a
        connection request has to take. IPv6 is tested by literals.
        """
        return {
            self.acs_host: (self.acs_v4,),
            self.files_host: (self.files_v4,),
            "localhost": ("127.0.0.1", "::1"),
        }


LOOPBACK = Topology(
    acs_v4="127.0.0.1", acs_v6="::1", files_v4="127.0.0.1", files_v6="::1", host2_v4="127.0.0.1",
    host2_v6="::1", cpe_wan_v4="127.0.0.1", cpe_wan_v6="::1", cpe_lan_v4="127.0.0.1", cpe_lan_v6="::1",
    lan_v4="127.0.0.1", lan_v6="::1", network_name="", loopbacks={}, wan_interface="lo", lan_interface="lo",
    acs_host="127.0.0.1", files_host="127.0.0.1", isolated=False,
)  # fmt: skip
"""The fallback where namespaces are refused."""
