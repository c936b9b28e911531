"""Builds the network of `harness.lab.topology`: namespaces, links, addresses, routes, /etc of the CPE.

Runs in the keeper, as real root or as root of a user namespace. Standard library only. What cannot be had
but can be done without goes into a list of notes; everything else raises `OSError`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final

from . import linux
from .rtnetlink import Rtnetlink

HOSTS: Final = ("wan", "host2", "cpe", "lan")
BRIDGE: Final = "br0"
CPE_PORT: Final = "cpe0"
"""Port of the bridge at which the CPE's WAN hangs: the wire."""
HOST2_PORT: Final = "host2p"
HOST_INTERFACE: Final = "eth0"
"""The only link of ``host2`` and of ``lan``."""

_MAC: Final = {
    "br0": "02:00:5e:10:00:10",
    "cpe0": "02:00:5e:10:00:01",
    "host2p": "02:00:5e:10:00:03",
    "cpe-wan": "02:00:5e:10:00:02",
    "host2": "02:00:5e:10:00:30",
    "cpe-lan": "02:00:5e:20:00:01",
    "lan": "02:00:5e:20:00:64",
}
_V4_PREFIX: Final = 24
_V6_PREFIX: Final = 64

# (path below /proc/sys/net, value); ipv6 entries are skipped on a kernel without IPv6.
_SYSCTLS: Final = (
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/dad_transmits", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
)
_FORWARDING: Final = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")
# The WAN side forwards only to say "unreachable" at once to a device that looks for the internet.
_FORWARDERS: Final = ("cpe", "wan")


def has_ipv6() -> bool:
    """Whether this kernel speaks IPv6."""
    return os.path.isdir("/proc/sys/net/ipv6")


def _sysctl(path: str, value: str) -> None:
    try:
        with open(f"/proc/sys/net/{path}", "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        raise OSError(error.errno, f"/proc/sys/net/{path}: {error.strerror}") from None


def _new_network_namespace(host: str) -> int:
    linux.unshare(linux.CLONE_NEWNET)
    for path, value in _SYSCTLS:
        if has_ipv6() or not path.startswith("ipv6/"):
            _sysctl(path, value)
    for path in _FORWARDING:
        if has_ipv6() or not path.startswith("ipv6/"):
            _sysctl(path, "1" if host in _FORWARDERS else "0")
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Network:
    """The namespaces by host name, and what was noted while they were made."""

    def __init__(self, topology: Mapping[str, Any]) -> None:
        self.topology = topology
        self.ipv6 = has_ipv6()
        self.notes: list[str] = [] if self.ipv6 else ["this kernel has no IPv6"]
        self.namespaces = {host: _new_network_namespace(host) for host in HOSTS}
        self._links()
        self._addresses_and_routes()

    def enter(self, host: str) -> None:
        """Make *host* the current network namespace."""
        linux.setns(self.namespaces[host], linux.CLONE_NEWNET)

    def _links(self) -> None:
        wan_interface, lan_interface = self.topology["wan_interface"], self.topology["lan_interface"]
        cpe, host2, lan = (self.namespaces[host] for host in ("cpe", "host2", "lan"))
        self.enter("wan")
        with Rtnetlink() as route:
            route.add_bridge(BRIDGE, _MAC["br0"])
            route.add_veth(CPE_PORT, _MAC["cpe0"], wan_interface, _MAC["cpe-wan"], cpe)
            route.add_veth(HOST2_PORT, _MAC["host2p"], HOST_INTERFACE, _MAC["host2"], host2)
            for port in (CPE_PORT, HOST2_PORT):
                route.join_bridge(port, BRIDGE)
        self.enter("cpe")
        with Rtnetlink() as route:
            route.add_veth(lan_interface, _MAC["cpe-lan"], HOST_INTERFACE, _MAC["lan"], lan)
        self._up("wan", (CPE_PORT, HOST2_PORT, BRIDGE))
        self._up("host2", (HOST_INTERFACE,))
        self._up("cpe", (wan_interface, lan_interface))
        self._up("lan", (HOST_INTERFACE,))

    def _up(self, host: str, interfaces: Iterable[str]) -> None:
        self.enter(host)
        with Rtnetlink() as route:
            route.up("lo")
            for name in interfaces:
                refused = linux.offloads_off(name)
                if refused and name != BRIDGE:
                    self.notes.append(f"{host}/{name}: offloads stay on: {', '.join(refused)}")
                route.up(name)

    def _addresses_and_routes(self) -> None:
        t, loopbacks = self.topology, sorted(set(self.topology["loopbacks"].values()))
        prefixes = [
            (_network(t["cpe_lan_v4"], _V4_PREFIX), _V4_PREFIX),
            (_network(t["cpe_lan_v6"], _V6_PREFIX), _V6_PREFIX),
        ]
        prefixes += [(address, 128 if ":" in address else 32) for address in loopbacks]
        by_cpe = [(net, bits, t["cpe_wan_v6"] if ":" in net else t["cpe_wan_v4"]) for net, bits in prefixes]
        everything = ("0.0.0.0", "::")
        self._configure(
            "wan",
            BRIDGE,
            [t["acs_v4"], t["acs_v6"], t["files_v4"], t["files_v6"]],
            by_cpe,
            unreachable=everything,
        )
        self._configure("host2", HOST_INTERFACE, [t["host2_v4"], t["host2_v6"]], by_cpe)
        to_acs = [("0.0.0.0", 0, t["acs_v4"]), ("::", 0, t["acs_v6"])]
        self._configure("cpe", t["wan_interface"], [t["cpe_wan_v4"], t["cpe_wan_v6"]], to_acs)
        self._configure("cpe", t["lan_interface"], [t["cpe_lan_v4"], t["cpe_lan_v6"]], [])
        self._configure("cpe", "lo", loopbacks, [], whole=True)
        to_cpe = [("0.0.0.0", 0, t["cpe_lan_v4"]), ("::", 0, t["cpe_lan_v6"])]
        self._configure("lan", HOST_INTERFACE, [t["lan_v4"], t["lan_v6"]], to_cpe)

    def _configure(
        self,
        host: str,
        interface: str,
        addresses: Iterable[str],
        routes: Iterable[tuple[str, int, str]],
        *,
        unreachable: Iterable[str] = (),
        whole: bool = False,
    ) -> None:
        self.enter(host)
        with Rtnetlink() as route:
            for address in filter(self._usable, dict.fromkeys(addresses)):
                narrow, wide = (128, _V6_PREFIX) if ":" in address else (32, _V4_PREFIX)
                route.add_address(interface, address, narrow if whole else wide)
            for destination, prefix, gateway in routes:
                if self._usable(destination):
                    route.add_route(destination, prefix, gateway)
            for destination in filter(self._usable, unreachable):
                route.add_unreachable(destination, 0)

    def _usable(self, address: str) -> bool:
        return self.ipv6 or ":" not in address


def _network(address: str, prefix: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    return socket.inet_ntop(family, packed[: prefix // 8] + bytes(len(packed) - prefix // 8))


def private_mounts(notes: list[str]) -> None:
    """Keep mounts of the current mount namespace to itself and show only our own processes in /proc."""
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    try:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except OSError as error:
        notes.append(f"/proc stays the machine's: {error.strerror}")


def device_mounts(network: Network, etc: Mapping[str, str], notes: list[str]) -> int:
    """Make the mount namespace of the CPE and return its descriptor; the caller stays in its own.

    *etc* maps paths of the machine to the files or folders that are to stand there. Paths that do not exist
    on this machine are left alone: nothing reads them then.
    """
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    linux.unshare(linux.CLONE_NEWNS)
    network.enter("cpe")
    try:
        # /sys/class/net shows the interfaces of the namespace that mounted it.
        linux.mount("sysfs", "/sys", "sysfs", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except OSError as error:
        notes.append(f"/sys stays the machine's: {error.strerror}")
    for target, source in etc.items():
        if os.path.exists(target):
            linux.mount(source, os.path.realpath(target), None, linux.MS_BIND)
        else:
            notes.append(f"{target} does not exist on this machine and is not replaced")
    device = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    linux.setns(own, linux.CLONE_NEWNS)
    os.close(own)
    return device
