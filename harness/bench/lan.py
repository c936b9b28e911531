"""The LAN client: what a host behind the device sends through it, beside TCP (`Bench.probe`)."""

from __future__ import annotations

import itertools
import struct
from typing import TYPE_CHECKING, Final

from harness.lab.topology import LAN

if TYPE_CHECKING:
    from harness.bench.rig import Rig

ECHO_REQUEST: Final = 8
"""The ICMP type of a ping (RFC 792)."""
DATAGRAM_PORT: Final = 5004
"""Where the client's datagrams go; nobody listens there."""
FIRST_PORT, EPHEMERAL = 20000, 32768
"""The ports that they come from lie below those that the kernel gives."""


class LanClient:
    """Packets of a host on the device's LAN. Nothing is waited for but that they were sent.

    Each is the first of a flow: a router goes on with the masking that a flow began with, whatever its rules say now.

    Raises (all methods):
        LabError: this bench has no namespaces, and so no LAN.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._flows = itertools.count()

    def datagram(self, address: str, port: int = DATAGRAM_PORT) -> None:
        """Send one UDP datagram."""
        port_of_flow = FIRST_PORT + next(self._flows) % (EPHEMERAL - FIRST_PORT)
        with self._rig.lab.datagram_socket(LAN, self._rig.topology.lan_v4, port_of_flow) as sock:
            sock.sendto(b"from a LAN client", (address, port))

    def ping(self, address: str) -> None:
        """Send one ICMP echo request."""
        with self._rig.lab.icmp_socket(LAN) as sock:
            sock.sendto(echo_request(next(self._flows) & 0xFFFF), (address, 0))


def echo_request(identifier: int) -> bytes:
    """An ICMP echo request without data (RFC 792)."""
    head = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, 1)
    total = sum(struct.unpack("!4H", head))
    return head[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[4:]
