"""The listener's short way answers octet for octet as its long way does, and keeps its bounds."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator

import h11
import pytest
from cpe_lab import DEADLINE, ManualClock, free_port
from test_cpe_listener import answer, connect, get

from reference_cpe import plain_lane
from reference_cpe.http import Headers
from reference_cpe.listener import REQUEST_TIME, Listener
from reference_cpe.parts import Parts

NONCE = re.compile(rb'nonce="[0-9a-f]{32}"')


@pytest.fixture
async def listening(parts: Parts) -> AsyncIterator[Parts]:
    parts.settings.change({"connection_request_username": "u", "connection_request_password": "p"})
    await parts.listener.start(free_port())
    yield parts
    await parts.listener.stop()


async def exchange(parts: Parts, *pieces: bytes) -> bytes:
    """All that the device answers to *pieces*, each sent on its own, until it closes or our end does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", parts.listener.port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.005)
    try:
        writer.write_eof()
    except OSError:
        pass  # it has closed already
    async with asyncio.timeout(DEADLINE):
        try:
            got = await reader.read()
        except ConnectionError:
            got = b"reset"
    writer.close()
    return NONCE.sub(b"nonce", got)


def long_way(parts: Parts) -> None:
    parts.listener._refuse = parts.listener._refuse  # type: ignore[method-assign]


def odd_requests(path: bytes) -> list[bytes]:
    """Requests of every form that a server has to tell apart, plain ones among them."""
    good = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n"
    lines = (
        b"", b"A: b\r\n", b"Authorization: Digest\r\n", b"authorization:\t Basic eDp5 \r\n", b"A:\r\n", b"A:  \t\r\n",
        b"Authorization: Basic eDp5\r\nAuthorization: Basic eDp5\r\n", b"HOST: y\r\n", b" folded\r\n", b"A : b\r\n",
        b"A: \x00\r\n", b"A: \x01\r\n", b"A: \xe9\xff\r\n", b"A: b\rc\r\n", b"A: b\nc: d\r\n", b"no colon\r\n", b": x\r\n",
        b"Content-Length: 0\r\n", b"Content-Length: 3\r\n", b"content-length: x\r\n", b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Upgrade: h2c\r\n",
        b"Expect: 100-continue\r\n", b"Cookie: C107373883=" + b"x" * 3000 + b"\r\n", b"A: " + b"x" * 5000 + b"\r\n",
        b"X: y\r\n" * 90, b"A\x7f: b\r\n", b"A: \x7f\r\n", b"A: \x0b\r\n",
    )  # fmt: skip
    starts = (
        b"HEAD " + path + b" HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT x:1 HTTP/1.1", b"POST " + path + b" HTTP/1.1",
        b"get " + path + b" HTTP/1.1", b"GET / HTTP/1.1", b"GET  / HTTP/1.1", b"GET / HTTP/1.0", b"GET / HTTP/2.0",
        b"GET / http/1.1", b"GET /\xe9 HTTP/1.1", b"GET //[ HTTP/1.1", b"GET http://x" + path + b" HTTP/1.1",
        b"GET " + path + b"?a=b HTTP/1.1", b"GET /", b"G\"T / HTTP/1.1", b"GET / HTTP/1.10", b"GET / HTTP/1.1 ",
        b"GET " + path + b"/%00 HTTP/1.1", b"\r\nGET / HTTP/1.1",
    )  # fmt: skip
    return [
        *(good + line + b"\r\n" for line in lines),
        *(start + b"\r\nHost: x\r\n\r\n" for start in starts),
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        good,
        b"",
        b"\x16\x03\x01",
    ]


async def test_both_ways_say_the_same(listening: Parts) -> None:
    path = listening.status.connection_request_path().encode()
    everything = odd_requests(path)
    short = [await exchange(listening, each) for each in everything]
    assert sum(plain_lane.plain(each, 0) is not None for each in everything) > 15
    long_way(listening)
    for data, said in zip(everything, short, strict=True):
        assert await exchange(listening, data) == said, data


async def test_both_ways_say_the_same_of_many_requests_on_one_connection(listening: Parts) -> None:
    path = listening.status.connection_request_path().encode()
    rng = random.Random(6)
    everything = odd_requests(path)
    trains = [b"".join(rng.choices(everything, k=rng.randint(2, 9))) for _ in range(60)]
    cuts = [rng.randint(1, len(train)) for train in trains]
    short = [
        await exchange(listening, train[:cut], train[cut:]) for train, cut in zip(trains, cuts, strict=True)
    ]
    assert max(each.count(b"HTTP/1.1 ") for each in short) > 3
    long_way(listening)
    for train, cut, said in zip(trains, cuts, short, strict=True):
        assert await exchange(listening, train[:cut], train[cut:]) == said, train


async def test_a_replaced_step_is_never_passed_by(listening: Parts) -> None:
    asked = []
    original = listening.listener.judge

    def judge(request: object) -> tuple[int, list[tuple[str, str]]]:
        asked.append(request)
        return original(request)  # type: ignore[arg-type]

    listening.listener.judge = judge  # type: ignore[method-assign]
    client = await connect(listening)
    assert (await client.ask(get(listening))).startswith(b"HTTP/1.1 401")
    assert len(asked) == 1
    client.writer.close()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n"])
async def test_the_time_for_a_request_does_not_begin_anew(
    listening: Parts, clock: ManualClock, begun: bytes
) -> None:
    """Neither when half a request comes late, nor when nothing ever comes; a whole one has its own time."""
    client = await connect(listening)
    assert (await client.ask(get(listening))).startswith(b"HTTP/1.1 401")
    clock.advance(REQUEST_TIME - 1)
    assert (await client.ask(get(listening))).startswith(b"HTTP/1.1 401")
    clock.advance(REQUEST_TIME - 1)
    client.writer.write(begun)
    await asyncio.sleep(0.05)
    assert not client.reader.at_eof()
    clock.advance(1)
    async with asyncio.timeout(DEADLINE):
        assert await client.reader.read() == b""
    client.writer.close()


async def test_no_timer_is_left_when_nobody_is_connected(listening: Parts, clock: ManualClock) -> None:
    before = clock.next_timer()
    client = await connect(listening)
    await client.ask(get(listening))
    assert clock.next_timer() is not None
    client.writer.close()
    await client.writer.wait_closed()
    async with asyncio.timeout(DEADLINE):
        while clock.next_timer() != before:  # noqa: ASYNC110 - the clock has no event for it
            await asyncio.sleep(0.005)


async def test_no_more_than_so_many_connections_on_either_way(listening: Parts) -> None:
    clients = [await connect(listening) for _ in range(66)]
    for number, client in enumerate(clients[:64]):
        half = b"GET" if number % 2 else get(listening)
        client.writer.write(half)
    async with asyncio.timeout(DEADLINE):
        assert await clients[64].reader.read() == b""
        assert await clients[65].reader.read() == b""
    clients[0].writer.close()
    await asyncio.sleep(0.05)
    late = await connect(listening)
    assert (await late.ask(get(listening))).startswith(b"HTTP/1.1 401")
    for client in (*clients, late):
        client.writer.close()


async def test_a_client_that_does_not_read_is_not_read_from(listening: Parts, clock: ManualClock) -> None:
    """What it is owed does not grow without bound, and in the end it is given up."""
    sent = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", listening.listener.port, limit=1024)
    request = get(listening) * 200
    try:
        async with asyncio.timeout(1.0):
            for _ in range(2000):
                writer.write(request)
                sent += 200
                await writer.drain()
    except TimeoutError:
        pass
    assert sent < 400_000
    (lane,) = listening.listener._lanes
    assert lane._transport is not None
    assert lane._transport.get_write_buffer_size() < 256 * 1024
    other = await connect(listening)
    assert (await other.ask(get(listening))).startswith(b"HTTP/1.1 401")
    clock.advance(REQUEST_TIME)
    assert lane not in listening.listener._lanes
    for each in (other.writer, writer):
        each.transport.abort()
    del reader


async def test_a_success_is_announced_before_it_is_told(listening: Parts, clock: ManualClock) -> None:
    """The device is busy before the 200 goes out (clock contract), the session begins after it (TR-069 3.2.2)."""
    order: list[str] = []
    listening.connection_requested = lambda: not order.append("event")  # type: ignore[func-returns-value]
    listening.connect = lambda: order.append(f"session, busy {clock.busy}")
    client = await connect(listening)
    challenged = await client.ask(get(listening))
    assert (await client.ask(get(listening, answer(listening, challenged)))).startswith(b"HTTP/1.1 200")
    assert order == ["event", "session, busy 1"]
    assert clock.busy == 0
    client.writer.close()


async def test_a_subclass_is_asked_too(parts: Parts) -> None:
    class Shut(Listener):
        def judge(self, request: h11.Request) -> tuple[int, Headers]:
            return 403, []

    parts.listener = Shut(parts)
    await parts.listener.start(free_port())
    try:
        assert (await exchange(parts, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 403 ")
    finally:
        await parts.listener.stop()
