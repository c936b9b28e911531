"""Writing pcapng: section, interfaces, packets with nanoseconds, and TLS secrets (which scapy cannot write).

Source: draft-ietf-opsawg-pcapng, sections 4.1 (section header), 4.2 (interface description), 4.3 (enhanced
packet), 4.7 (decryption secrets); little endian throughout. Pure functions that return one block each.
"""

from __future__ import annotations

import struct
from typing import Final

LINKTYPE_ETHERNET: Final = 1
_SECTION, _INTERFACE, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 6, 10
_MAGIC: Final = 0x1A2B3C4D
_UNKNOWN_LENGTH: Final = 0xFFFFFFFFFFFFFFFF
_TLS_KEY_LOG: Final = 0x544C534B
_OPT_END, _SHB_USERAPPL, _IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _EPB_FLAGS = 0, 4, 2, 3, 9, 2
_NANOSECONDS: Final = 9
_INBOUND, _OUTBOUND = 1, 2


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def section_header(application: str) -> bytes:
    """The first block of a file."""
    options = _option(_SHB_USERAPPL, application.encode()) + _option(_OPT_END, b"")
    return _block(_SECTION, struct.pack("<IHHQ", _MAGIC, 1, 0, _UNKNOWN_LENGTH) + options)


def interface(name: str, description: str) -> bytes:
    """An Ethernet interface with timestamps in nanoseconds; interfaces count from 0 in order."""
    options = _option(_IF_NAME, name.encode()) + _option(_IF_DESCRIPTION, description.encode())
    options += _option(_IF_TSRESOL, bytes([_NANOSECONDS])) + _option(_OPT_END, b"")
    return _block(_INTERFACE, struct.pack("<HHI", LINKTYPE_ETHERNET, 0, 0) + options)


def packet(interface_number: int, time_ns: int, data: bytes, *, outbound: bool) -> bytes:
    """An untruncated frame; *time_ns* is Unix time in nanoseconds, *outbound* seen from the interface."""
    head = struct.pack(
        "<IIIII", interface_number, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(data)
    )  # fmt: skip
    flags = struct.pack("<I", _OUTBOUND if outbound else _INBOUND)
    return _block(_PACKET, head + _padded(data) + _option(_EPB_FLAGS, flags) + _option(_OPT_END, b""))


def tls_secrets(key_log: bytes) -> bytes:
    """TLS key log lines (NSS format), for a reader to decrypt with. To stand before the packets."""
    return _block(_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(key_log)) + _padded(key_log))
