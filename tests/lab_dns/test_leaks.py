"""What can be read in a capture: streams put together, and markers found in every form."""

from __future__ import annotations

import base64
import gzip
import random
import struct
import zlib
from ipaddress import ip_address

import pytest

from harness.lab import pcapng
from harness.lab.leaks import leaks
from harness.lab.payloads import Flow, flows, frames

MARKER = "s3cret-4711"
SYN, ACK = 0x02, 0x10
DEVICE, BENCH = "198.51.100.2", "198.51.100.10"


def ethernet(src: str, dst: str, proto: int, above: bytes) -> bytes:
    ends = ip_address(src).packed + ip_address(dst).packed
    if ":" in src:
        head = struct.pack(">IHBB", 6 << 28, len(above), proto, 64)
        return bytes(12) + b"\x86\xdd" + head + ends + above
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(above), 0, 0, 64, proto, 0)
    frame = bytes(12) + b"\x08\x00" + head + ends + above
    return frame.ljust(60, b"\0")


def tcp(src: str, sport: int, dst: str, dport: int, sequence: int, flags: int, data: bytes = b"") -> bytes:
    head = struct.pack(">HHIIBBHHH", sport, dport, sequence % 2**32, 0, 5 << 4, flags, 0, 0, 0)
    return ethernet(src, dst, 6, head + data)


def udp(src: str, sport: int, dst: str, dport: int, data: bytes) -> bytes:
    return ethernet(src, dst, 17, struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data)


def capture(*packets: tuple[bytes, bool], tap: int = 0) -> bytes:
    """A file with the taps wan and lan; packets are (octets, sent by the device)."""
    file = pcapng.section_header("test") + pcapng.interface("wan", "x") + pcapng.interface("lan", "y")
    return file + b"".join(pcapng.packet(tap, 1, data, outbound=not by_device) for data, by_device in packets)


def test_a_stream_is_put_together() -> None:
    near_the_end = 2**32 - 3  # the sequence number wraps
    file = capture(
        (tcp(DEVICE, 1000, BENCH, 80, near_the_end, SYN), True),
        (tcp(BENCH, 80, DEVICE, 1000, 500, SYN | ACK), False),
        (tcp(DEVICE, 1000, BENCH, 80, near_the_end + 5, ACK, b"rld"), True),  # out of order
        (tcp(DEVICE, 1000, BENCH, 80, near_the_end + 1, ACK, b"o wo"), True),
        (tcp(DEVICE, 1000, BENCH, 80, near_the_end + 1, ACK, b"o wo"), True),  # again
        (tcp(BENCH, 80, DEVICE, 1000, 501, ACK, b"answer"), False),
    )
    there, back = flows(file)
    assert (there.data, there.from_device, there.opened_by_device) == (b"o world", True, True)
    assert (back.data, back.from_device, back.opened_by_device) == (b"answer", False, True)
    assert there.frames == [1, 3, 4, 5]
    assert there.begun
    assert back.begun
    assert str(there) == "TCP 198.51.100.2:1000 to 198.51.100.10:80"


def test_what_is_left_of_an_older_connection_is_told_apart() -> None:
    file = capture(
        (tcp(DEVICE, 1000, BENCH, 443, 700, ACK, b"\x15\x03\x03"), True),
        (tcp(DEVICE, 1001, BENCH, 443, 1, SYN), True),
        (tcp(DEVICE, 1001, BENCH, 443, 2, ACK, b"POST"), True),
    )
    assert [(bytes(flow.data), flow.begun) for flow in flows(file)] == [
        (b"\x15\x03\x03", False),
        (b"POST", True),
    ]


def test_the_bench_opens_connections_too() -> None:
    file = capture(
        (tcp(BENCH, 2000, DEVICE, 7547, 1, SYN), False),
        (tcp(DEVICE, 7547, BENCH, 2000, 9, SYN | ACK), True),
        (tcp(DEVICE, 7547, BENCH, 2000, 10, ACK, b"401"), True),
    )
    _, answer = flows(file)
    assert (answer.from_device, answer.opened_by_device, answer.data) == (True, False, b"401")


def test_the_same_ports_again_are_another_stream() -> None:
    file = capture(
        (tcp(DEVICE, 1000, BENCH, 80, 10, SYN), True),
        (tcp(DEVICE, 1000, BENCH, 80, 10, SYN), True),  # the same one, sent again
        (tcp(DEVICE, 1000, BENCH, 80, 11, ACK, b"one"), True),
        (tcp(DEVICE, 1000, BENCH, 80, 9000, SYN), True),
        (tcp(DEVICE, 1000, BENCH, 80, 9001, ACK, b"two"), True),
    )
    assert [bytes(flow.data) for flow in flows(file)] == [b"one", b"two"]


def test_datagrams_other_frames_and_taps() -> None:
    file = capture(
        (udp("2001:db8::2", 500, "2001:db8::10", 514, b"log"), True),
        (b"\x01" * 12 + b"\x08\x06" + b"arp-ish", True),
        (bytes(12) + b"\x08\x00\x45", False),  # cut off
    )
    assert [(flow.proto, bytes(flow.data), flow.from_device) for flow in flows(file)] == [
        ("UDP", b"log", True),
        ("frame", b"\x01" * 12 + b"\x08\x06" + b"arp-ish", True),
        ("frame", bytes(12) + b"\x08\x00\x45", False),
    ]
    assert flows(capture((b"x" * 60, True), tap=1)) == []
    assert [frame.tap for frame in frames(capture((b"x" * 60, True), tap=1))] == ["lan"]


@pytest.mark.parametrize("cut", [5, 30])
def test_a_damaged_file_is_an_error(cut: int) -> None:
    with pytest.raises(ValueError, match="capture"):
        flows(capture((b"x" * 60, True))[:-cut])


def flow(data: bytes) -> Flow:
    return Flow("TCP", DEVICE, 1000, BENCH, 80, True, True, bytearray(data), [7])


def base64_of(text: str) -> bytes:
    return base64.b64encode(text.encode())


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"..." + MARKER.encode() + b"...", "plain"),
        (base64_of(f"u:{MARKER}"), "Base64"),
        (base64_of(f"us:{MARKER}"), "Base64"),
        (base64_of(f"usr:{MARKER}"), "Base64"),
        (base64_of(f"usr:{MARKER}!"), "Base64"),
        (base64_of(f"usr:{MARKER}!!"), "Base64"),
        (MARKER.encode().hex().encode(), "hexadecimal"),
        (MARKER.encode().hex().upper().encode(), "hexadecimal"),
        (MARKER.encode("utf-16-le"), "UTF-16"),
        (b"head" + gzip.compress(b"body with " + MARKER.encode(), mtime=0) + b"tail", "compressed, plain"),
        (zlib.compress(base64_of(f"u:{MARKER}"), 9), "compressed, Base64"),
    ],
)
def test_a_marker_is_found(data: bytes, form: str) -> None:
    (leak,) = leaks([flow(data)], {"password": MARKER, "other": "not-there-at-all"})
    assert (leak.marker, leak.form) == ("password", form)
    assert str(leak) == f"password ({form}) in TCP 198.51.100.2:1000 to 198.51.100.10:80, frames 7"


def test_noise_holds_no_marker() -> None:
    noise = random.Random(1).randbytes(300_000)
    assert leaks([flow(noise), flow(b"")], {"password": MARKER}) == []
