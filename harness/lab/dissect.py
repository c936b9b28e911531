"""Reads frames with scapy. Only the capture process may import this module: it loads scapy.

scapy takes most of a second to import, so `preload` is called in the background first.
"""

from __future__ import annotations

import logging
from typing import Any

from .frame import Frame

# scapy warns about the machine's interfaces and routes, which mean nothing here.
logging.getLogger("scapy").setLevel(logging.ERROR)


def preload() -> None:
    """Import scapy's layers, so that the first `dissect` is quick."""
    import scapy.layers.inet
    import scapy.layers.inet6
    import scapy.layers.l2  # noqa: F401


def dissect(number: int, time_ns: int, tap: str, direction: str, data: bytes) -> Frame:
    """What *data*, an Ethernet frame, says. A frame that scapy cannot read keeps the fields known so far."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import ARP, Ether

    frame = Frame(number, time_ns / 1e9, tap, direction, len(data))
    packet = Ether(data)
    frame.eth_src, frame.eth_dst = packet.src, packet.dst
    if IP in packet:
        _ip(frame, packet[IP])
    elif IPv6 in packet:
        _ipv6(frame, packet[IPv6])
    elif ARP in packet:
        frame.proto, frame.src, frame.dst = "arp", str(packet[ARP].psrc), str(packet[ARP].pdst)
    else:
        frame.proto = f"0x{packet.type:04x}"
    return frame


def _ip(frame: Frame, ip: Any) -> None:
    frame.ip_version, frame.src, frame.dst, frame.ttl = 4, ip.src, ip.dst, ip.ttl
    above = ip.len - 4 * ip.ihl if ip.len is not None else len(ip.payload)
    _transport(frame, ip, ip.proto, above)


def _ipv6(frame: Frame, ip: Any) -> None:
    frame.ip_version, frame.src, frame.dst, frame.ttl = 6, ip.src, ip.dst, ip.hlim
    protocol, above, layer = ip.nh, ip.plen, ip.payload
    while type(layer).__name__.startswith("IPv6ExtHdr"):
        above -= len(layer) - len(layer.payload)
        protocol, layer = layer.nh, layer.payload
    _transport(frame, ip, protocol, above)


def _transport(frame: Frame, ip: Any, protocol: int, above: int) -> None:
    from scapy.layers.inet import ICMP, TCP, UDP

    frame.proto, frame.payload_length = str(protocol), max(above, 0)
    # Layers quoted inside an ICMP error are of other classes in scapy (TCPerror): none is taken for TCP.
    if TCP in ip:
        tcp = ip[TCP]
        frame.proto, frame.sport, frame.dport, frame.flags = "tcp", tcp.sport, tcp.dport, str(tcp.flags)
        frame.payload_length = max(above - 4 * (tcp.dataofs or 5), 0)
    elif UDP in ip:
        frame.proto, frame.sport, frame.dport = "udp", ip[UDP].sport, ip[UDP].dport
        frame.payload_length = max(above - 8, 0)
    elif ICMP in ip:
        frame.proto, frame.icmp_type = "icmp", ip[ICMP].type
    elif protocol == 58:
        frame.proto = "icmp6"
        kind = bytes(ip)[-above:][:1] if above > 0 else b""
        frame.icmp_type = kind[0] if kind else -1
