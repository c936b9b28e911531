"""The name server's answers, octet by octet and over real sockets."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from harness.lab.dns import BadQuery, NameServer, Query, Record, answer, question_of

NAMES = {
    "acs.bench.test": Record(a=("198.51.100.10",), aaaa=("2001:db8:100::10",), ttl=7),
    "four.bench.test": Record(a=("192.0.2.1", "192.0.2.2")),
    "long.bench.test": Record(a=("192.0.2.3",), over_tcp=True),
}
HEAD = bytes.fromhex("abcd 0100 0001 0000 0000 0000")
ACS = b"\x03acs\x05bench\x04test\x00"


def query(name: bytes, kind: int) -> bytes:
    return HEAD + name + struct.pack(">HH", kind, 1)


def test_address_golden() -> None:
    found = answer(query(ACS, 1), NAMES, udp=True)
    assert found == (
        bytes.fromhex("abcd 8500 0001 0001 0000 0000")
        + ACS
        + bytes.fromhex("0001 0001  c00c 0001 0001 00000007 0004 c633640a")
    )


def test_ipv6_address_golden() -> None:
    found = answer(query(ACS, 28), NAMES, udp=True)
    assert found.endswith(bytes.fromhex("c00c 001c 0001 00000007 0010 20010db8010000000000000000000010"))


@pytest.mark.parametrize(
    ("name", "kind", "udp", "flags", "answers"),
    [
        (ACS, 255, True, 0x8500, 2),  # ANY
        (ACS, 65, True, 0x8500, 0),  # HTTPS: the name is there, that type is not
        (b"\x04four\x05bench\x04test\x00", 28, True, 0x8500, 0),
        (b"\x04four\x05bench\x04test\x00", 1, True, 0x8500, 2),
        (b"\x02no\x05bench\x04test\x00", 1, True, 0x8503, 0),
        (b"\x04LONG\x05Bench\x04test\x00", 1, True, 0x8700, 0),  # truncated: come again by TCP
        (b"\x04LONG\x05Bench\x04test\x00", 1, False, 0x8500, 1),
    ],
)
def test_answers(name: bytes, kind: int, udp: bool, flags: int, answers: int) -> None:
    found = answer(query(name, kind), NAMES, udp=udp)
    assert struct.unpack_from(">HHHHHH", found) == (0xABCD, flags, 1, answers, 0, 0)
    assert found[12:].startswith(name)  # letter case is repeated as asked


@pytest.mark.parametrize(
    ("message", "flags"),
    [
        (HEAD + b"\x3facs", 0x8501),  # a label that is longer than the message
        (HEAD + b"\xc0\x0c\x00\x01\x00\x01", 0x8501),  # a pointer in a question
        (HEAD, 0x8501),
        (bytes.fromhex("abcd 1100 0001 0000 0000 0000") + ACS, 0x9504),  # STATUS
    ],
)
def test_what_cannot_be_read_is_refused(message: bytes, flags: int) -> None:
    assert struct.unpack_from(">HH", answer(message, NAMES, udp=True)) == (0xABCD, flags)


@pytest.mark.parametrize("message", [b"", b"short", bytes.fromhex("abcd 8500 0001 0000 0000 0000") + ACS])
def test_no_answer_at_all(message: bytes) -> None:
    with pytest.raises(BadQuery):
        answer(message, NAMES, udp=True)


def test_question_ignores_what_follows() -> None:
    edns = bytes.fromhex("00 0029 1000 00000000 0000")
    assert question_of(query(ACS, 1) + edns).name == "acs.bench.test"


class Frozen:
    def now(self) -> float:
        return 42.0


def sockets() -> tuple[socket.socket, socket.socket]:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    tcp = socket.socket()
    tcp.bind(udp.getsockname())
    tcp.listen()
    for sock in (udp, tcp):
        sock.setblocking(False)
    return udp, tcp


async def test_over_udp_and_tcp() -> None:
    udp, tcp = sockets()
    where = udp.getsockname()
    server = NameServer(Frozen(), udp, tcp)
    server.names.update(NAMES)
    await server.start()
    try:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            await loop.sock_connect(client, where)
            async with asyncio.timeout(5):
                await loop.sock_sendall(client, b"junk")
                await loop.sock_sendall(client, query(ACS, 1))
                assert await loop.sock_recv(client, 512) == answer(query(ACS, 1), NAMES, udp=True)
        reader, writer = await asyncio.open_connection(*where)
        for _ in range(2):
            message = query(ACS, 28)
            writer.write(struct.pack(">H", len(message)) + message)
            async with asyncio.timeout(5):
                (length,) = struct.unpack(">H", await reader.readexactly(2))
                assert await reader.readexactly(length) == answer(message, NAMES, udp=False)
        writer.close()
    finally:
        await server.close()
        await server.close()
    seen = [(each.at, each.name, each.kind, each.transport, each.client) for each in server.queries]
    tcp_question = (42.0, "acs.bench.test", "AAAA", "TCP", "127.0.0.1")
    assert seen == [(42.0, "acs.bench.test", "A", "UDP", "127.0.0.1"), tcp_question, tcp_question]
    assert str(Query(0, 0, "a.test", "A", "UDP", "")) == "A a.test over UDP"
