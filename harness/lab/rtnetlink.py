"""Links, addresses and routes by rtnetlink, in the network namespace the caller is in.

Only what the bench's network needs, on the standard library: importing pyroute2 alone takes five times as
long as the whole lab. Sources: rtnetlink(7), the kernel's uapi headers if_link.h, if_addr.h, rtnetlink.h.
"""

from __future__ import annotations

import os
import socket
import struct
from types import TracebackType
from typing import Final

_REQUEST, _ACK, _EXCL, _CREATE = 0x1, 0x4, 0x200, 0x400
_NEWLINK, _NEWADDR, _NEWROUTE = 16, 20, 24
_NLMSG_ERROR: Final = 2
_IFF_UP: Final = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_NET_NS_FD = 1, 3, 10, 18, 28
_INFO_KIND, _INFO_DATA, _VETH_PEER = 1, 2, 1
_BR_FORWARD_DELAY, _BR_STP_STATE, _BR_MCAST_SNOOPING = 1, 5, 23
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS, _IFA_F_NODAD = 1, 2, 8, 0x02
_RTA_DST, _RTA_OIF, _RTA_GATEWAY = 1, 4, 5
_TABLE_MAIN, _PROTOCOL_STATIC, _UNICAST, _UNREACHABLE = 254, 4, 1, 7


def _attribute(kind: int, value: bytes) -> bytes:
    length = 4 + len(value)
    return struct.pack("HH", length, kind) + value + bytes(-length % 4)


def _link(index: int = 0, flags: int = 0) -> bytes:
    return struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


def family_of(address: str) -> socket.AddressFamily:
    """Address family of an IP address in text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Rtnetlink:
    """A netlink socket of the namespace that was current when it was made. Methods raise `OSError`."""

    def __init__(self) -> None:
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._sequence = 0

    def __enter__(self) -> Rtnetlink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def _request(self, what: str, kind: int, payload: bytes, flags: int = 0) -> None:
        self._sequence += 1
        header = struct.pack(
            "IHHII", 16 + len(payload), kind, _REQUEST | _ACK | flags, self._sequence, 0
        )  # fmt: skip
        self._sock.send(header + payload)
        answer = self._sock.recv(65536)
        _, answer_kind, _, sequence, _, error = struct.unpack_from("IHHIIi", answer)
        if answer_kind != _NLMSG_ERROR or sequence != self._sequence:
            raise OSError(f"{what}: unexpected netlink answer of type {answer_kind}")
        if error:
            raise OSError(-error, f"{what}: {os.strerror(-error)}")

    def _create_link(self, name: str, kind: str, mac: str, data: bytes) -> None:
        info = _attribute(_INFO_KIND, _text(kind)) + _attribute(_INFO_DATA, data)
        payload = _link() + _attribute(_IFLA_IFNAME, _text(name)) + _attribute(_IFLA_ADDRESS, _mac(mac))
        self._request(
            f"add {kind} {name}", _NEWLINK, payload + _attribute(_IFLA_LINKINFO, info), _CREATE | _EXCL
        )

    def add_bridge(self, name: str, mac: str) -> None:
        """A bridge that forwards at once: no spanning tree, no multicast snooping."""
        data = _attribute(_BR_FORWARD_DELAY, struct.pack("I", 0))
        data += _attribute(_BR_STP_STATE, struct.pack("I", 0))
        data += _attribute(_BR_MCAST_SNOOPING, struct.pack("B", 0))
        self._create_link(name, "bridge", mac, data)

    def add_veth(self, name: str, mac: str, peer: str, peer_mac: str, peer_namespace: int) -> None:
        """A pair of links, one end here, the other in the namespace of descriptor *peer_namespace*."""
        other = _link() + _attribute(_IFLA_IFNAME, _text(peer)) + _attribute(_IFLA_ADDRESS, _mac(peer_mac))
        other += _attribute(_IFLA_NET_NS_FD, struct.pack("I", peer_namespace))
        self._create_link(name, "veth", mac, _attribute(_VETH_PEER, other))

    def join_bridge(self, name: str, bridge: str) -> None:
        """Make *name* a port of *bridge*."""
        payload = _link(socket.if_nametoindex(name))
        payload += _attribute(_IFLA_MASTER, struct.pack("I", socket.if_nametoindex(bridge)))
        self._request(f"bridge {name}", _NEWLINK, payload)

    def up(self, name: str) -> None:
        """Bring the link up."""
        self._request(f"up {name}", _NEWLINK, _link(socket.if_nametoindex(name), _IFF_UP))

    def add_address(self, name: str, address: str, prefix: int) -> None:
        """Give *name* an address, usable at once (no duplicate address detection)."""
        family = family_of(address)
        packed = socket.inet_pton(family, address)
        payload = struct.pack("BBBBI", family, prefix, 0, 0, socket.if_nametoindex(name))
        payload += _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed)
        payload += _attribute(_IFA_FLAGS, struct.pack("I", _IFA_F_NODAD))
        self._request(f"address {address} on {name}", _NEWADDR, payload, _CREATE | _EXCL)

    def add_route(self, destination: str, prefix: int, gateway: str) -> None:
        """Route *destination*/*prefix* through *gateway*; prefix 0 is the default route."""
        self._route(destination, prefix, _UNICAST, _attribute(_RTA_GATEWAY, self._packed(gateway)))

    def add_unreachable(self, destination: str, prefix: int) -> None:
        """Answer packets for *destination*/*prefix* with ICMP unreachable."""
        # IPv6 wants to know a link for it, IPv4 refuses one.
        loopback = _attribute(_RTA_OIF, struct.pack("I", socket.if_nametoindex("lo")))
        self._route(destination, prefix, _UNREACHABLE, loopback if ":" in destination else b"")

    @staticmethod
    def _packed(address: str) -> bytes:
        return socket.inet_pton(family_of(address), address)

    def _route(self, destination: str, prefix: int, kind: int, attributes: bytes) -> None:
        family = family_of(destination)
        payload = struct.pack("BBBBBBBBI", family, prefix, 0, 0, _TABLE_MAIN, _PROTOCOL_STATIC, 0, kind, 0)
        if prefix:
            payload += _attribute(_RTA_DST, self._packed(destination))
        self._request(f"route {destination}/{prefix}", _NEWROUTE, payload + attributes, _CREATE | _EXCL)
