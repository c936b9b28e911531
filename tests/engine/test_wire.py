"""Listeners over real sockets: what they answer, what they write down, and that nothing can hold them."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import pytest

from harness.lab.recorder import Recorder
from harness.lab.stream import Stream
from harness.lab.wire import (
    Client,
    ConnectFailed,
    CutFin,
    CutReset,
    Listener,
    Patience,
    Reply,
    Send,
    Wait,
    fetch,
)
from harness.verdict.transcript import Closed, Direction, HttpMessage

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
DEADLINE = 10.0


async def echo(_stream: Stream, message: HttpMessage) -> Reply:
    return Reply(200, headers=[("X-Target", message.target)], body=message.body)


async def talk(listener: Listener, data: bytes) -> bytes:
    """Send *data*, close the sending side, and read all there is."""
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(data)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


async def settled(listener: Listener) -> None:
    async with asyncio.timeout(DEADLINE):
        await listener.drained()


async def test_request_and_response_are_recorded_with_their_place(listen: Any, recorder: Recorder) -> None:
    listener = listen(echo)
    post = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    answer = await talk(listener, post + GET)
    await settled(listener)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Target: /b\r\nContent-Length: 3\r\n\r\nabc")
    (connection,) = recorder.take().connections
    requests = [m for m in connection.messages if m.is_request]
    responses = [m for m in connection.messages if not m.is_request]
    assert [m.target for m in requests] == ["/b", "/a"]
    assert [m.status for m in responses] == [200, 200]
    sent = connection.data(Direction.FROM_DEVICE)
    assert sent == post + GET
    assert sent[requests[1].start : requests[1].end] == GET
    received = connection.data(Direction.TO_DEVICE)
    assert received == answer
    assert received[responses[1].start : responses[1].end] == answer[responses[0].end :]
    assert connection.closed is Closed.BY_DEVICE


async def test_every_program_is_sent_as_written_and_read_back(listen: Any, recorder: Recorder) -> None:
    parts = (Send(b"HTTP/1.1 200 OK\r\nContent-"), Wait(0), Send(b"Length: 2\r\n\r\nok"), CutFin())

    async def wrong(_stream: Stream, _message: HttpMessage) -> Reply:
        return Reply(program=parts, note="in two pieces")

    listener = listen(wrong)
    assert await talk(listener, GET) == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    await settled(listener)
    (connection,) = recorder.take().connections
    chunks = [chunk.data for chunk in connection.chunks if chunk.direction is Direction.TO_DEVICE]
    assert chunks == [part.data for part in parts if isinstance(part, Send)]
    reply = connection.messages[1]
    assert (reply.status, reply.body, reply.note, reply.complete) == (200, b"ok", "in two pieces", True)


async def test_program_that_breaks_off_is_recorded_as_incomplete(listen: Any, recorder: Recorder) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"

    async def wrong(_stream: Stream, _message: HttpMessage) -> Reply:
        return Reply(program=(Send(cut), CutReset()))

    listener = listen(wrong)
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(GET)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
    await settled(listener)
    (connection,) = recorder.take().connections
    assert connection.messages[1].complete is False
    assert connection.messages[1].body == b"half"
    assert connection.closed is Closed.BY_BENCH


@pytest.mark.parametrize("reset", [True, False])
async def test_fin_and_reset_of_the_device_are_told_apart(
    listen: Any, recorder: Recorder, reset: bool
) -> None:
    listener = listen(echo)
    watch = listener.watch()

    def client() -> None:
        with socket.create_connection(listener.address, timeout=DEADLINE) as sock:
            sock.sendall(GET)
            sock.recv(1000)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    await asyncio.to_thread(client)
    connection = await asyncio.wait_for(watch.future, DEADLINE)
    await settled(listener)
    assert connection.closed is (Closed.BY_DEVICE_RESET if reset else Closed.BY_DEVICE)


async def test_handler_is_told_when_the_device_goes_away(listen: Any) -> None:
    told = asyncio.Event()

    async def slow(stream: Stream, _message: HttpMessage) -> Reply:
        await stream.gone.wait()
        told.set()
        return Reply(200)

    listener = listen(slow)
    with socket.create_connection(listener.address, timeout=DEADLINE) as sock:
        sock.sendall(GET)
    await asyncio.wait_for(told.wait(), DEADLINE)


@pytest.mark.parametrize(
    ("data", "status", "anomaly"),
    [
        (b"\x00\x01\x02", 400, "not HTTP: the first octet is 0x00"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300, 431, "more than 256 header fields"),
        (b"GET /" + b"a" * 70_000, 431, "the head is longer than 65536 octets"),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", 413, "longer than 16777216"),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400, "is not a number"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400, "chunk size"),
        (GET + b"\xff\xff", 400, "first octet is 0xff"),
    ],
)
async def test_garbage_gets_an_error_and_the_connection_ends(
    listen: Any, recorder: Recorder, data: bytes, status: int, anomaly: str
) -> None:
    listener = listen(echo)
    answer = await talk(listener, data)
    await settled(listener)
    assert f"HTTP/1.1 {status} ".encode() in answer
    assert b"Connection: close" in answer
    (connection,) = recorder.take().connections
    bad = [message for message in connection.messages if message.is_request][-1]
    assert not bad.complete
    assert anomaly in bad.anomalies[-1]
    assert connection.data(Direction.FROM_DEVICE) == data


async def test_slow_and_silent_devices_are_let_go(listen: Any, recorder: Recorder) -> None:
    listener = listen(echo, patience=Patience(idle=0.05, message=0.05, handshake=0.05))
    async with asyncio.timeout(DEADLINE):
        silent, one = await asyncio.open_connection(*listener.address)
        slow, two = await asyncio.open_connection(*listener.address)
        two.write(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
        assert await silent.read() == b""
        assert b"HTTP/1.1 408" in await slow.read()
        one.close()
        two.close()
    await settled(listener)
    partial = [m for c in recorder.take().connections for m in c.messages if m.is_request]
    assert [(m.body, m.complete) for m in partial] == [(b"abc", False)]


async def test_oldest_connection_makes_room(listen: Any) -> None:
    listener = listen(echo, max_connections=3)
    async with asyncio.timeout(DEADLINE):
        held = []
        for _ in range(3):
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            held.append((reader, writer))
        assert b"200 OK" in await talk(listener, GET)
        assert await held[0][0].read() == b""
        for _, writer in held:
            writer.close()


async def test_expect_continue_and_head_and_http10(listen: Any) -> None:
    listener = listen(echo)
    post = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(post)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"ok")
        assert b"Content-Length: 2" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"ok"
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        assert b"Connection: close" in await reader.read()
        writer.close()


async def test_handler_that_fails_is_our_error_and_answers_500(listen: Any) -> None:
    async def broken(_stream: Stream, _message: HttpMessage) -> Reply:
        raise RuntimeError("bug")

    listener: Listener = listen(broken)
    assert (await talk(listener, GET)).startswith(b"HTTP/1.1 500 ")
    assert [str(error) for error in listener.errors] == ["bug"]
    listener.errors.clear()


async def test_close_ends_everything_while_devices_hang(listen: Any, recorder: Recorder) -> None:
    never = asyncio.Event()

    async def hanging(_stream: Stream, _message: HttpMessage) -> Reply:
        await never.wait()
        return Reply(200)

    listener = listen(hanging)
    watch = listener.watch()
    _, writer = await asyncio.open_connection(*listener.address)
    writer.write(GET)
    connection = await asyncio.wait_for(watch.future, DEADLINE)
    async with asyncio.timeout(DEADLINE):
        await listener.close()
    writer.close()
    assert connection.closed is Closed.BY_BENCH
    assert listener.open_connections == 0


async def test_late_bytes_go_to_the_old_book(listen: Any, recorder: Recorder) -> None:
    listener = listen(echo)
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        old = recorder.take()
        writer.write(GET)
        await reader.readuntil(b"\r\n\r\n")
        assert b"200 OK" in await talk(listener, GET)
        writer.close()
    assert [len(c.messages) for c in old.connections] == [4]
    assert [len(c.messages) for c in recorder.take().connections] == [2]


async def test_session_draws_its_connections_into_its_own_book(listen: Any, recorder: Recorder) -> None:
    listener = listen(echo)
    await talk(listener, GET)
    old = recorder.take()
    session = recorder.session("mine")
    for message in old.connections[0].messages:
        recorder.session_message(session, old.connections[0], message)
    book = recorder.take()
    assert [e.response and e.response.status for e in book.exchanges(session)] == [200]
    assert book.connections == old.connections


async def test_client_records_what_it_fetched(listen: Any, recorder: Recorder) -> None:
    listener = listen(echo)
    sock = socket.socket()
    sock.setblocking(False)
    fetched = await fetch(sock, listener.address, GET, recorder=recorder)
    assert fetched.response is not None
    assert (fetched.response.status, fetched.response.direction) == (200, Direction.FROM_DEVICE)
    assert fetched.request is not None
    assert fetched.request.target == "/a"


async def test_client_tells_why_there_is_no_connection(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    sock = socket.socket()
    sock.setblocking(False)
    with pytest.raises(ConnectFailed) as caught:
        await Client.connect(sock, address, recorder=recorder)
    assert caught.value.refused
    assert str(caught.value) == "Connection refused"
