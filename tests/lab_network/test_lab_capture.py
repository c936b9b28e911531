"""Packets really sent, really seen, with their numbers; what NAT makes of a source address on the wire."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from harness.lab.frame import Frame
from harness.lab.nat import router_ruleset
from harness.lab.network import CPE, HOST2, LAN, WAN, Lab, LabError

DEADLINE = 10.0


async def exchange(
    lab: Lab, client: str, source: str | None, server: str, address: str, payload: bytes
) -> int:
    """One TCP connection that carries *payload* to the server; returns the server's port."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    async with asyncio.timeout(DEADLINE):
        with lab.listen(server, address) as listener, lab.stream_socket(client, family, source) as sock:
            port: int = listener.getsockname()[1]
            await loop.sock_connect(sock, (address, port))
            peer, _ = await loop.sock_accept(listener)
            with peer:
                sender = asyncio.create_task(loop.sock_sendall(sock, payload))
                received = 0
                while received < len(payload):
                    received += len(await loop.sock_recv(peer, 65536))
                await sender
    return port


def of_port(frames: list[Frame], port: int) -> list[Frame]:
    return [frame for frame in frames if frame.proto == "tcp" and port in {frame.sport, frame.dport}]


async def syn(lab: Lab, client: str, source: str | None, tap: str = "wan") -> Frame:
    """The SYN of a connection from *client* to the ACS, as the tap saw it."""
    since = await lab.capture.mark()
    port = await exchange(lab, client, source, WAN, lab.topology.acs_v4, b"x")
    until = await lab.capture.mark()
    frames = of_port(await lab.capture.frames(since, until, tap), port)
    return next(frame for frame in frames if frame.flags == "S")


async def test_a_connection_is_seen_from_syn_to_data(lab: Lab) -> None:
    since = await lab.capture.mark()
    port = await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"twelve bytes")
    until = await lab.capture.mark()
    frames = of_port(await lab.capture.frames(since, until), port)
    assert [f.flags for f in frames[:3]] == ["S", "SA", "A"]
    assert [f.direction for f in frames[:2]] == ["from-device", "to-device"]
    first = frames[0]
    assert (first.src, first.dst, first.dport) == ("198.51.100.2", "198.51.100.10", port)
    assert (first.ip_version, first.ttl, first.payload_length, first.tap) == (4, 64, 0, "wan")
    assert first.eth_src == "02:00:5e:10:00:02"
    assert [f.payload_length for f in frames if f.payload_length] == [12]
    numbers = [f.number for f in frames]
    assert numbers == sorted(set(numbers))
    assert since <= numbers[0] < numbers[-1] < until
    assert lab.capture.drops() == 0


async def test_ipv6_and_the_other_taps(lab: Lab) -> None:
    since = await lab.capture.mark()
    v6 = await exchange(lab, CPE, None, WAN, lab.topology.acs_v6, b"6")
    second = await exchange(lab, LAN, None, HOST2, lab.topology.host2_v4, b"2")
    until = await lab.capture.mark()
    frame = of_port(await lab.capture.frames(since, until), v6)[0]
    assert (frame.ip_version, frame.src, frame.flags) == (6, "2001:db8:100::2", "S")
    for tap, direction in (("host2", "from-device"), ("lan", "to-device")):
        seen = of_port(await lab.capture.frames(since, until, tap), second)
        assert (seen[0].src, seen[0].flags, seen[0].direction) == ("192.168.77.100", "S", direction)
    assert {f.tap for f in await lab.capture.frames(since, until, "")} == {"wan", "host2", "lan"}
    assert not of_port(await lab.capture.frames(since, until, "host2"), v6), "a bridge, not a hub"


async def test_masked_and_unmasked_sources_on_the_wire(lab: Lab) -> None:
    loopback, network = lab.topology.loopbacks["LB0"], lab.topology.cpe_lan_v4
    assert (await syn(lab, CPE, network)).src == network, "no ruleset: nothing is masked"
    await lab.nft(CPE, router_ruleset(lab.topology, masked=True, unmasked_sources=[loopback]))
    masked, unmasked = await syn(lab, CPE, network), await syn(lab, CPE, loopback)
    assert (masked.src, unmasked.src) == (lab.topology.cpe_wan_v4, loopback)
    assert 0 < masked.number < unmasked.number
    lan = await syn(lab, LAN, None)
    assert lan.src == lab.topology.cpe_wan_v4
    await lab.nft(CPE, router_ruleset(lab.topology, masked=True))
    assert (await syn(lab, CPE, loopback)).src == lab.topology.cpe_wan_v4
    await lab.nft(CPE, router_ruleset(lab.topology, masked=False))
    assert (await syn(lab, CPE, network)).src == network
    assert (await syn(lab, LAN, None)).src == lab.topology.lan_v4


async def test_icmp_and_udp_are_named(lab: Lab) -> None:
    since = await lab.capture.mark()
    script = "from socket import *; socket(AF_INET, SOCK_DGRAM).sendto(b'hello', ('198.51.100.10', 9))"
    done = await lab.run(CPE, [sys.executable, "-S", "-c", script], timeout=DEADLINE)
    assert done.returncode == 0, done.stderr
    frames = await lab.capture.frames(since, await lab.capture.mark())
    datagram = next(f for f in frames if f.proto == "udp" and f.dport == 9)
    refusal = next(f for f in frames if f.proto == "icmp")
    assert (datagram.payload_length, datagram.src) == (5, "198.51.100.2")
    assert (refusal.icmp_type, refusal.src, refusal.number > datagram.number) == (3, "198.51.100.10", True)


async def test_frames_of_a_bulk_transfer_fit_the_wire(lab: Lab) -> None:
    for address in (lab.topology.acs_v4, lab.topology.acs_v6):
        for client, server, where in ((CPE, WAN, address), (HOST2, WAN, address)):
            since = await lab.capture.mark()
            port = await exchange(lab, client, None, server, where, bytes(300_000))
            until = await lab.capture.mark()
            tap = "wan" if client == CPE else "host2"
            frames = of_port(await lab.capture.frames(since, until, tap), port)
            assert max(f.length for f in frames) <= 1514
            assert sum(f.payload_length for f in frames) >= 300_000
    assert lab.capture.drops() == 0


async def test_a_mark_is_a_barrier_each_time(lab: Lab) -> None:
    for _ in range(50):
        since = await lab.capture.mark()
        port = await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"now")
        frames = of_port(await lab.capture.frames(since, await lab.capture.mark()), port)
        assert [f.payload_length for f in frames if f.payload_length] == [3]


async def test_marks_are_seen_with_the_links_of_the_device_down(lab: Lab) -> None:
    down = await lab.run(CPE, ["ip", "link", "set", "wan0", "down"], timeout=DEADLINE)
    assert down.returncode == 0, down.stderr
    number = await lab.capture.mark()
    up = await lab.run(CPE, ["ip", "link", "set", "wan0", "up"], timeout=DEADLINE)
    assert up.returncode == 0
    assert await lab.capture.mark() >= number
    assert (await syn(lab, CPE, None)).src == lab.topology.cpe_wan_v4


async def test_save_writes_a_file_that_others_read(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    folder.mkdir()
    await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"before")
    since = await lab.capture.mark()
    port = await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"in the file")
    until = await lab.capture.mark()
    await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"after")
    offset = await lab.capture.save(folder / "case.pcapng", since, until, b"CLIENT_RANDOM 00 11\n", 1000)
    document = json.loads((folder / "frames.json").read_bytes())
    assert (document["offset"], document["pcapng"], document["dropped"]) == (offset, "case.pcapng", 0)
    assert document["total"] == until - since
    assert [line["file_number"] for line in document["frames"]] == list(range(1, until - since + 1))
    assert [line["frame"]["number"] for line in document["frames"]] == list(range(since, until))
    wanted = of_port(await lab.capture.frames(since, until), port)[0]
    read = await lab.run(WAN, [sys.executable, "-c", READ, str(folder / "case.pcapng")], timeout=30)
    assert read.returncode == 0, read.stderr
    packets = json.loads(read.stdout)
    assert len(packets) == until - since
    assert packets[wanted.in_file(offset) - 1] == [wanted.src, wanted.dport, wanted.length]
    data = (folder / "case.pcapng").read_bytes()
    assert b"in the file" in data
    assert b"before" not in data
    assert b"after" not in data
    assert b"CLIENT_RANDOM 00 11\n" in data


READ = """
import json, sys
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import PcapNgReader
rows = []
for packet in PcapNgReader(sys.argv[1]):
    source, port = packet[IP].src if IP in packet else "", packet[TCP].dport if TCP in packet else 0
    rows.append([source, port, len(packet)])
print(json.dumps(rows))
"""


async def test_saving_a_long_range_tells_what_was_asked_for(lab: Lab, tmp_path: Path) -> None:
    since = await lab.capture.mark()
    first = await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"first")
    for _ in range(40):
        await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"between")
    late = await lab.capture.mark()
    last = await exchange(lab, CPE, None, WAN, lab.topology.acs_v4, b"last")
    until = await lab.capture.mark()
    asked = of_port(await lab.capture.frames(late, until), last)
    await lab.capture.save(tmp_path / "quiet.pcapng", since, until)
    document = json.loads((tmp_path / "frames.json").read_bytes())
    numbers = {line["frame"]["number"] for line in document["frames"]}
    assert {frame.number for frame in asked} <= numbers <= set(range(late, until))
    await lab.capture.save(tmp_path / "long.pcapng", since, until, unasked=200)
    document = json.loads((tmp_path / "frames.json").read_bytes())
    assert document["total"] == until - since > len(document["frames"])
    told = {line["frame"]["number"]: line["frame"] for line in document["frames"]}
    assert {frame.number for frame in asked} <= told.keys()
    assert told[asked[0].number]["sport"] == asked[0].sport
    assert any(frame["dport"] == first for frame in told.values())


async def test_garbage_frames_are_frames_too(lab: Lab) -> None:
    since = await lab.capture.mark()
    head = bytes.fromhex("02005e100010 02005e100002")
    with lab.packet_socket(CPE, "wan0", receive=False) as sock:
        for rest in ("0800 45", "0800 4f000003", "86dd 60000000ffff06", "0806 00", "88b5 00", "ffff"):
            sock.send((head + bytes.fromhex(rest)).ljust(14, b"\0"))
        sock.send(head + bytes.fromhex("0800 46000018 00000000 4006 0000 c6336402 c633640a ffffffff 0001"))
    frames = [f for f in await lab.capture.frames(since, await lab.capture.mark()) if f.eth_src != ""]
    assert len([f for f in frames if f.direction == "from-device" and f.eth_dst == "02:00:5e:10:00:10"]) >= 7


async def test_capture_killed_is_told(lab: Lab) -> None:
    await lab.capture.mark()
    child = lab.capture._child
    assert child is not None
    os.kill(child.pid, signal.SIGKILL)
    await child.wait(DEADLINE)
    with pytest.raises(LabError, match="capture process"):
        await lab.capture.mark()
    assert not lab.capture.available
    assert (await lab.run(CPE, ["true"], timeout=DEADLINE)).returncode == 0


async def test_save_into_nowhere_is_an_error_and_no_more(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="No such file"):
        await lab.capture.save(tmp_path / "missing" / "x.pcapng", 1)
    assert lab.capture.available
