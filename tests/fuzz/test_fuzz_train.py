"""Programs that share a connection at the connection-request port: nothing is judged that was not answered by itself."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice

import pytest

from harness.fuzz.connection_request import messages as m
from harness.fuzz.connection_request import train
from harness.fuzz.connection_request.client import BROKEN, Door, DoorClient
from harness.fuzz.connection_request.programs import connection_request
from harness.fuzz.evidence import Answer, End
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http.edits import edit
from harness.fuzz.mixture import mixed
from harness.fuzz.program import Origin, Program

MARKS = {"cr.target": "/t", "cr.host": "h", "cr.user": "u", "cr.basic": "dTpw"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Serve = Callable[[socket.socket, "Seen"], None]


class Seen(list[bytes]):
    """What the device was sent, a request each."""

    connections = 0


def requests(sock: socket.socket, seen: Seen) -> Iterator[bytes]:
    """The requests on a connection, by the blank line alone."""
    data = b""
    while True:
        while b"\r\n\r\n" in data:
            one, _, data = data.partition(b"\r\n\r\n")
            seen.append(one)
            yield one
        more = sock.recv(65536)
        if not more:
            return
        data += more


def answered(number: bytes, more: bytes = b"", body: bytes = b"") -> bytes:
    return b"HTTP/1.1 %b X\r\n%bContent-Length: %d\r\n\r\n%b" % (number, more, len(body), body)


@contextmanager
def device(serve: Serve, step: Callable[[float], None] | None = None) -> Iterator[tuple[DoorClient, Seen]]:
    """A device of its own behind a door."""
    seen, listener = Seen(), socket.create_server(("127.0.0.1", 0), backlog=128)

    def one(sock: socket.socket) -> None:
        with sock, suppress(OSError):
            serve(sock, seen)

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                seen.connections += 1
                threading.Thread(target=one, args=(sock,), daemon=True).start()

    def fresh() -> list[socket.socket]:
        made = [socket.socket() for _ in range(4)]
        for each in made:
            each.setblocking(False)
        return made

    threading.Thread(target=accept, daemon=True).start()
    address = listener.getsockname()[:2]
    client = DoorClient(Door(address, "h", "/t", "u", "p", fresh, time.monotonic, step))
    try:
        yield client, seen
    finally:
        client.close()
        listener.close()


def numbered(count: int, start: int = 0) -> list[Program]:
    """Plain programs that the device can tell apart."""
    return [_program(edit("add-header", "X-Number", str(start + n))) for n in range(count)]


def _program(*edits: object, half: bool = False) -> Program:
    return m.program(m.plain(edits, half=half), m.CREDENTIALS, Origin(edits=edits))  # type: ignore[arg-type]


def number_of(request: bytes) -> bytes:
    return request.partition(b"X-Number: ")[2].partition(b"\r\n")[0]


# --- which programs go together ---


@pytest.mark.parametrize(
    "lines",
    [
        b"", b"Content-Length: 0\r\nHost: h\r\n", b"Host: h\r\nHost: h\r\n", b"Host: h\r\nTransfer-Encoding: chunked\r\n",
        b"Host: h\r\nConnection: close\r\n", b"Host: h\r\nExpect: 100-continue\r\n", b"Host: h\r\nUpgrade: x\r\n",
        b"Host: h\r\n folded\r\n", b"Host: h\r\nA: \0\r\n", b"Host: h\r\nA: b\n\r\n", b"Host: h\r\nA: b\rc\r\n", b"Host : h\r\n",
        b"Host: h\r\n\r\nGET / HTTP/1.1\r\n", b"Host: h\r\nno colon\r\n",
    ],
)  # fmt: skip
def test_what_may_end_a_connection_is_not_plain(lines: bytes) -> None:
    assert not train.is_plain(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")


@pytest.mark.parametrize(
    "start", [b"HEAD / HTTP/1.1", b"CONNECT / HTTP/1.1", b"GET / HTTP/1.0", b"GET  / HTTP/1.1", b"GET / HTTP/1.1 ", b"GET /"]
)  # fmt: skip
def test_nor_is_another_start_line(start: bytes) -> None:
    assert not train.is_plain(start + b"\r\nHost: h\r\n\r\n")
    assert train.is_plain(b"GET / HTTP/1.1\r\nHost: h\r\nA: \xff\t b \r\n\r\n")


def test_what_is_judged_as_a_right_request_goes_alone() -> None:
    assert train.fare(m.program(m.plain(()), m.OPEN, Origin()), MARKS) is None
    assert train.fare(m.program(m.login(()), m.OPEN, Origin()), MARKS) is None
    assert train.fare(_program(edit("grow-target", "", "A", "5000")), MARKS) is None


def test_trains_carry_every_program_once_and_one_that_may_end_them_last() -> None:
    arms = [arm for arm in connection_request(DeviceFacts()).arms if arm.dimension != "C2-login"]
    for count in (1, 7, 40, 333):
        programs = list(islice(mixed(arms, count), count))
        fares = [each for each in (train.fare(program, MARKS) for program in programs) if each is not None]
        assert len(fares) >= count * 0.9 - 1
        trains = train.coupled(fares)
        carried = sorted(id(each.program) for one in trains for each in one)
        assert carried == sorted(id(each.program) for each in fares)
        for one in trains:
            assert 1 <= len(one) <= train.SEATS
            assert all(each.plain for each in one[:-1])
        assert train.coupled(fares) == trains


def test_the_mixture_leaves_most_connections_open_and_ends_many() -> None:
    arms = [arm for arm in connection_request(DeviceFacts()).arms if arm.dimension != "C2-login"]
    fares = [train.fare(program, MARKS) for program in islice(mixed(arms, 5), 3000)]
    plain = sum(each is not None and each.plain for each in fares) / 3000
    assert 0.65 < plain < 0.85


# --- what comes back ---


def test_each_program_gets_its_own_answer() -> None:
    def serve(sock: socket.socket, seen: Seen) -> None:
        for request in requests(sock, seen):
            number = number_of(request)
            sock.sendall(answered(b"4%02d" % int(number), b"X-Number: " + number + b"\r\n", body=b"\r\n\r\n"))

    with device(serve) as (client, seen):
        programs = numbered(30)
        observations = client.play(programs)
        book = client.take()
    assert seen.connections < 10
    assert len(seen) == 30
    messages = {each.id: each for connection in book.connections for each in connection.messages}
    for number, (program, observation) in enumerate(zip(programs, observations, strict=True)):
        assert observation.program is program
        assert (observation.end, observation.status) == (End.ANSWERED, 400 + number)
        asked, got = (messages[name] for name in observation.messages)
        assert f"X-Number: {number}\r\n".encode() in asked.head
        assert got.header("X-Number") == str(number)
        assert got.body == b"\r\n\r\n"
    for connection in book.connections:
        for each in connection.messages:
            data = connection.data(each.direction)
            assert data[each.start : each.end] == each.head + (b"" if each.is_request else each.body)


def test_answers_in_pieces_and_in_every_framing_find_their_programs() -> None:
    def serve(sock: socket.socket, seen: Seen) -> None:
        for request in requests(sock, seen):
            number = int(number_of(request))
            sock.sendall(b"HTTP/1.1 103 Early\r\n\r\n" if number % 4 == 1 else b"")
            match number % 3:
                case 0:
                    answer = answered(b"404")
                case 1:
                    answer = b"HTTP/1.1 405 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
                case _:
                    answer = b"HTTP/1.1 204 X\n\n"
            for octet in range(len(answer)):
                sock.sendall(answer[octet : octet + 1])

    with device(serve) as (client, seen):
        observations = client.play(numbered(12))
    assert [each.status for each in observations] == [404, 405, 204] * 4
    assert len(seen) == 12
    assert client.accepted == 4


def test_a_device_that_closes_after_each_answer_is_not_found_guilty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not answered is asked again alone; soon nothing is sent together any more."""
    monkeypatch.setattr(train, "SEATS", 4)

    def serve(sock: socket.socket, seen: Seen) -> None:
        for _ in requests(sock, seen):
            sock.sendall(answered(b"401", b"Connection: close\r\n"))
            return

    with device(serve) as (client, seen):
        first = client.play(numbered(40))
        assert {each.end for each in first} == {End.ANSWERED}
        assert client._no_trains >= BROKEN
        before = seen.connections
        again = client.play(numbered(20, 100))
        assert {each.end for each in again} == {End.ANSWERED}
        assert seen.connections - before == 20


def test_a_device_that_answers_only_the_first_of_many_is_not_found_silent() -> None:
    def serve(sock: socket.socket, seen: Seen) -> None:
        seen.append(sock.recv(65536))
        sock.sendall(answered(b"401"))
        sock.recv(1)

    with device(serve, step=lambda _seconds: None) as (client, _):
        observations = client.play(numbered(5))
    assert [each.end for each in observations] == [End.ANSWERED] * 5


def test_the_program_that_kills_the_device_is_not_reported_as_answered() -> None:
    """Nor are those behind it: what a device has done to one of them nobody has seen."""
    alive = [True]

    def serve(sock: socket.socket, seen: Seen) -> None:
        for request in requests(sock, seen):
            alive[0] = alive[0] and number_of(request) != b"3"
            if not alive[0]:
                return
            sock.sendall(answered(b"401"))

    with device(serve) as (client, _):
        observations = client.play(numbered(6))
    assert [each.end is End.ANSWERED for each in observations] == [True, True, True, False, False, False]
    assert observations[3].answer is Answer.NONE


def test_after_an_answer_too_many_none_is_believed() -> None:
    """It is not known whose the others were: each program is asked again alone."""

    def serve(sock: socket.socket, seen: Seen) -> None:
        asked = sock.recv(65536).split(b"\r\n\r\n")[:-1]
        seen.extend(asked)
        answers = [answered(b"4%02d" % int(number_of(request))) for request in asked]
        sock.sendall(b"".join((answers[0], OK, *answers[1:]) if len(answers) > 1 else answers))
        sock.recv(1)

    with device(serve) as (client, seen):
        observations = client.play(numbered(3))
    assert [each.status for each in observations] == [400, 401, 402]
    assert len(seen) == 6


def test_the_end_of_our_direction_goes_with_the_last() -> None:
    def serve(sock: socket.socket, seen: Seen) -> None:
        for _ in requests(sock, seen):
            sock.sendall(answered(b"401"))
        sock.sendall(answered(b"400"))

    with device(serve) as (client, seen):
        torn = _program(edit("truncate", "20"), half=True)
        observations = client.play([*numbered(3), torn])
    assert [each.status for each in observations] == [401, 401, 401, 400]
    assert seen.connections == 1
