"""The connection-request listener against raw bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from cpe_lab import DEADLINE, ManualClock, free_port

from harness.cwmp import digest
from reference_cpe.listener import REQUEST_TIME
from reference_cpe.parts import Parts


@pytest.fixture
async def listening(parts: Parts) -> AsyncIterator[Parts]:
    parts.settings.change({"connection_request_username": "u", "connection_request_password": "p"})
    await parts.listener.start(free_port())
    yield parts
    await parts.listener.stop()


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, data: bytes) -> bytes:
        """Send bytes; the head of what is answered, empty when the connection is closed."""
        self.writer.write(data)
        async with asyncio.timeout(DEADLINE):
            try:
                return await self.reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return b""


async def connect(parts: Parts) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", parts.listener.port))


def get(parts: Parts, authorization: str = "", target: str = "") -> bytes:
    head = f"GET {target or parts.status.connection_request_path()} HTTP/1.1\r\nHost: x\r\n"
    return (head + (f"Authorization: {authorization}\r\n" if authorization else "") + "\r\n").encode()


def answer(parts: Parts, challenged: bytes, target: str = "", nc: int = 1) -> str:
    line = next(line for line in challenged.decode().splitlines() if line.lower().startswith("www-auth"))
    (challenge,) = digest.parse_challenges([line.partition(":")[2]])
    return digest.digest_authorization(
        digest.digest_challenge(challenge),
        username="u",
        password="p",
        method="GET",
        uri=target or parts.status.connection_request_path(),
        nc=nc,
        cnonce="c",
    )


async def test_challenge_and_success_on_one_connection(listening: Parts) -> None:
    """The event waits before the 200 goes out, and the session is opened after it."""
    order: list[str] = []
    listening.connection_requested = lambda: not order.append("event")  # type: ignore[func-returns-value]
    listening.connect = lambda: order.append("session")
    client = await connect(listening)
    first = await client.ask(get(listening))
    assert first.startswith(b"HTTP/1.1 401")
    assert b'qop="auth"' in first
    second = await client.ask(get(listening, answer(listening, first)))
    assert second.startswith(b"HTTP/1.1 200")
    assert b"ontent-Length: 0" in second
    third = await client.ask(get(listening, answer(listening, first)))
    assert third.startswith(b"HTTP/1.1 401")
    assert b"stale=true" in third
    assert order == ["event", "session"]
    client.writer.close()


async def test_query_and_absolute_target(listening: Parts) -> None:
    listening.connection_requested = lambda: True
    path = listening.status.connection_request_path()
    for target in (f"{path}?a=b", f"http://x{path}"):
        client = await connect(listening)
        challenged = await client.ask(get(listening, target=target))
        right = answer(listening, challenged, target)
        assert (await client.ask(get(listening, right, target))).startswith(b"HTTP/1.1 200")
        client.writer.close()


async def test_turned_away(listening: Parts) -> None:
    client = await connect(listening)
    challenged = await client.ask(get(listening))
    turned = await client.ask(get(listening, answer(listening, challenged)))
    assert turned.startswith(b"HTTP/1.1 503")
    assert b"Retry-After" not in turned
    client.writer.close()


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (b"\r\n\r\n", (b"400",)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", (b"400",)),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", (b"400",)),
        (b"GET / HTTP/1.1\r\n" + b"A: " + b"x" * 70000 + b"\r\n\r\n", (b"400", b"431", b"")),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", (b"404",)),
        (b"GET //[ HTTP/1.1\r\nHost: x\r\n\r\n", (b"404", b"400")),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", (b"404",)),
        (b"GET / HTTP/1.0\r\n\r\n", (b"404",)),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 90000, (b"400", b"")),
    ],
)
async def test_bad_requests(listening: Parts, data: bytes, statuses: tuple[bytes, ...]) -> None:
    client = await connect(listening)
    head = await client.ask(data)
    assert head[9:12] in statuses
    client.writer.close()
    again = await connect(listening)
    assert (await again.ask(get(listening))).startswith(b"HTTP/1.1 401")
    again.writer.close()


async def test_half_a_request_is_dropped_in_time(listening: Parts, clock: ManualClock) -> None:
    client = await connect(listening)
    client.writer.write(b"GET / HTTP/1.1\r\nHo")
    await client.writer.drain()
    async with asyncio.timeout(DEADLINE):
        while clock.next_timer() is None:  # noqa: ASYNC110 - the clock has no event
            await asyncio.sleep(0.001)
    clock.advance(REQUEST_TIME)
    assert await client.ask(b"") == b""
    client.writer.close()


async def test_moves_to_another_port(listening: Parts) -> None:
    old, new = listening.listener.port, free_port()
    await listening.listener.start(new)
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", old)
    client = await connect(listening)
    client.writer.close()
    taken = await asyncio.start_server(lambda _r, _w: None, "0.0.0.0", 0)
    with pytest.raises(OSError, match=r"in use|permission"):
        await listening.listener.start(taken.sockets[0].getsockname()[1])
    taken.close()
    assert listening.listener.port == new


async def test_ipv6(listening: Parts) -> None:
    client = Client(*await asyncio.open_connection("::1", listening.listener.port))
    assert (await client.ask(get(listening))).startswith(b"HTTP/1.1 401")
    client.writer.close()
