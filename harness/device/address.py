"""A device at an address: what may be addressed, and the bench's network as it is then."""

from __future__ import annotations

import ipaddress
import socket

from harness.device.profile import Address
from harness.lab.topology import Topology


def unusable(address: Address) -> str:
    """Why this host cannot listen where the profile says; empty when it can."""
    for listen in address.listen:
        family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((listen, 0))
        except OSError as error:
            return f"address.listen: {listen} is not an address of this host: {error.strerror}"
    return ""


def may_be_addressed(address: Address, host: str) -> bool:
    """Whether the bench may open a connection to *host*, an IP address in any spelling."""
    try:
        wanted = ipaddress.ip_address(host)
    except ValueError:
        return False
    return wanted in map(ipaddress.ip_address, (address.device, *address.listen))


def topology(address: Address) -> Topology:
    """The bench's addresses: ACS and files on the first listening address of each family, no second host.

    An address that the profile does not give is empty: nothing listens there and nothing is sent to it.
    """
    v4 = next((text for text in address.listen if ":" not in text), "")
    v6 = next((text for text in address.listen if ":" in text), "")
    device_v6 = ":" in address.device
    name = v4 or f"[{v6}]"
    return Topology(
        acs_v4=v4,
        acs_v6=v6,
        files_v4=v4,
        files_v6=v6,
        host2_v4="",
        host2_v6="",
        cpe_wan_v4="" if device_v6 else address.device,
        cpe_wan_v6=address.device if device_v6 else "",
        cpe_lan_v4="",
        cpe_lan_v6="",
        lan_v4="",
        lan_v6="",
        network_name="",
        loopbacks={},
        wan_interface="",
        lan_interface="",
        acs_host=name,
        files_host=name,
        isolated=False,
    )
