"""Secrets leave the frames, across segments too; checksums stay what they were, and headers are not touched."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import RawPcapNgReader

from harness.lab import pcapng
from harness.lab.pcapng_redact import PcapngError, redact
from harness.verdict.redact import Redactor

SECRET = b"hunter2!"
CLEAN = Redactor([SECRET.decode()]).data
MAC = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}


def file_of(*packets: Any, number: int = 0) -> bytes:
    blocks = [pcapng.section_header("test"), pcapng.interface("wan", "x"), pcapng.interface("lan", "y")]
    blocks.append(pcapng.tls_secrets(b"CLIENT_RANDOM 00 11\n"))
    blocks += [
        pcapng.packet(number, index, bytes(each), outbound=False) for index, each in enumerate(packets)
    ]
    return b"".join(blocks)


def frames(data: bytes, tmp_path: Path) -> list[Any]:
    path = tmp_path / "x.pcapng"
    path.write_bytes(data)
    with RawPcapNgReader(str(path)) as reader:
        return [Ether(raw) for raw, _ in reader]


def segment(sequence: int, data: bytes, flags: str = "PA", ip: Any = None, port: int = 40000) -> Any:
    below = ip or IP(src="198.51.100.2", dst="198.51.100.10")
    return Ether(**MAC) / below / TCP(sport=port, dport=7547, seq=sequence % 2**32, flags=flags) / Raw(data)


def right(frame: Any) -> bool:
    """Whether the checksum of the layer above IP is right (scapy computes it anew)."""
    again = frame.copy()
    layer = next(each for each in (TCP, UDP) if each in again)
    was = again[layer].chksum
    del again[layer].chksum
    return bool(Ether(bytes(again))[layer].chksum == was)


def test_a_secret_in_one_segment_goes_and_the_checksum_is_right(tmp_path: Path) -> None:
    data = file_of(segment(1, b"odd " + SECRET + b" end."), segment(1, b"even" + SECRET))
    clean = redact(data, CLEAN)
    assert len(clean) == len(data)
    found = frames(clean, tmp_path)
    assert [bytes(each[TCP].payload) for each in found] == [b"odd ******** end.", b"even********"]
    assert all(map(right, found))


@pytest.mark.parametrize("start", [1, 2**32 - 10], ids=["plain", "the number wraps"])
def test_a_secret_across_segments_goes_in_any_order_and_repeated(tmp_path: Path, start: int) -> None:
    text = b"Authorization: x " + SECRET + b"\r\n"
    cuts = [0, 5, 18, 19, 22, len(text)]
    parts = [(one, text[one:two]) for one, two in itertools.pairwise(cuts)]
    order = [parts[at] for at in (2, 0, 1, 4, 3, 2, 3)] + [(15, text[15:24])]
    sent = [segment(start + at, data) for at, data in order]
    found = frames(redact(file_of(segment(start - 1, b"", "S"), *sent), CLEAN), tmp_path)
    wanted = CLEAN(text)
    assert wanted == b"Authorization: x ********\r\n"
    for (at, data), frame in zip(order, found[1:], strict=True):
        assert bytes(frame[TCP].payload) == wanted[at : at + len(data)]
        assert right(frame)


def test_streams_are_kept_apart(tmp_path: Path) -> None:
    half, rest = SECRET[:4], SECRET[4:]
    data = file_of(
        segment(1, half),
        segment(5, rest, port=40001),
        segment(9, rest),
        segment(1, b"", "S"),
        segment(5, rest),
    )
    assert redact(data, CLEAN) == data
    two = file_of(segment(1, half)) + b"".join([pcapng.packet(1, 9, bytes(segment(5, rest)), outbound=True)])
    assert redact(two, CLEAN) == two, "another interface is another recording"


def test_numbers_that_leap_take_no_memory() -> None:
    data = file_of(*(segment(number, b"x" + SECRET) for number in (1, 2**31 - 5, 2**31 + 7, 2**32 - 1)))
    assert SECRET not in redact(data, CLEAN)


@pytest.mark.parametrize(
    "packet",
    [
        Ether(**MAC) / IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP(seq=1) / Raw(b"a" + SECRET),
        Ether(**MAC) / IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrDestOpt() / TCP() / Raw(SECRET),
        Ether(**MAC)
        / Dot1Q(vlan=7)
        / IP(src="10.0.0.1", dst="10.0.0.2")
        / TCP(options=[("MSS", 1460)])
        / Raw(SECRET),
        Ether(**MAC) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=514) / Raw(b"log " + SECRET),
    ],
    ids=["ipv6", "ipv6 options", "vlan", "udp"],
)
def test_every_transport(packet: Any, tmp_path: Path) -> None:
    (frame,) = frames(redact(file_of(packet), CLEAN), tmp_path)
    assert SECRET not in bytes(frame)
    assert right(frame)
    assert bytes(frame)[: -len(SECRET) - 1].startswith(bytes(Ether(bytes(packet)))[:16])


def test_a_wrong_checksum_stays_wrong_and_none_stays_none(tmp_path: Path) -> None:
    wrong = Ether(bytes(segment(1, SECRET)))
    wrong[TCP].chksum ^= 0x0101
    none = Ether(**MAC) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(chksum=0) / Raw(SECRET)
    found = frames(redact(file_of(wrong, none), CLEAN), tmp_path)
    assert not right(found[0])
    assert found[1][UDP].chksum == 0


def test_anything_else_is_read_above_its_header() -> None:
    fragment = Ether(**MAC) / IP(src="10.0.0.1", dst="10.0.0.2", frag=3, proto=6) / Raw(SECRET)
    ping = Ether(**MAC) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP() / Raw(SECRET)
    strange = Ether(**MAC, type=0x88B5) / Raw(SECRET)
    torn = [bytes(segment(1, SECRET))[:size] for size in range(0, 62, 3)]
    clean = redact(file_of(fragment, ping, strange, ARP(), *torn), CLEAN)
    assert SECRET not in clean


def test_octets_to_overwrite_as_they_are(tmp_path: Path) -> None:
    packed = bytes(range(200, 240))
    data = file_of(segment(1, b"head" + packed[:13]), segment(18, packed[13:] + b"tail"))
    found = frames(redact(data, CLEAN, [packed, b""]), tmp_path)
    assert b"".join(bytes(each[TCP].payload) for each in found) == b"head" + b"*" * 40 + b"tail"
    assert all(map(right, found))


def test_other_blocks_stay_as_they_are() -> None:
    data = file_of(segment(1, b"nothing"))
    assert redact(data, CLEAN) == data


@pytest.mark.parametrize(
    "data",
    [b"\x0a\x0d", struct.pack("<II", 6, 0) + bytes(8), struct.pack("<II", 6, 4096) + bytes(20),
     struct.pack("<II", 6, 16) + bytes(8), struct.pack("<IIIIIII", 6, 32, 0, 0, 0, 99, 99) + bytes(4)],
    ids=["torn", "no length", "too long", "too short", "frame too long"],
)  # fmt: skip
def test_what_is_no_file_of_ours_is_refused(data: bytes) -> None:
    with pytest.raises(PcapngError):
        redact(data, CLEAN)
