"""Connection requests against a listener that behaves as a CPE's, right and wrong."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from harness.acs.auth import Basic, Digest, Gate
from harness.acs.connection_request import Outcome, Variation, request
from harness.lab.recorder import Recorder
from harness.lab.stream import Stream
from harness.lab.wire import CutFin, Listener, Reply, Send
from harness.verdict.transcript import HttpMessage, Role


class StillClock:
    def now(self) -> float:
        return 0.0


def client_socket(family: socket.AddressFamily) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


class Device:
    """A connection-request listener; it stands on the engine, its records go to a book of its own."""

    def __init__(self, answer: Callable[[HttpMessage], Reply | None]) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        server.setblocking(False)

        async def handle(_stream: Stream, message: HttpMessage) -> Reply | None:
            self.requests.append(message)
            return answer(message)

        self.requests: list[HttpMessage] = []
        self.listener = Listener(
            server,
            name="cpe",
            role=Role.OTHER,
            clock=StillClock(),
            recorder=Recorder(StillClock()),
            handler=handle,
        )
        self.listener.start()
        self.url = f"http://127.0.0.1:{self.listener.address[1]}/wake?x=1"


@pytest.fixture
async def device() -> AsyncIterator[Callable[[Any], Device]]:
    made: list[Device] = []

    def make(answer: Any) -> Device:
        made.append(Device(answer))
        return made[-1]

    yield make
    for one in made:
        await one.listener.close()


def guarded(scheme: Basic | Digest) -> Callable[[HttpMessage], Reply]:
    gate = Gate(scheme)
    return lambda message: gate.challenge(message) or Reply(204)


async def ask(recorder: Recorder, device: Device, password: str = "pw", **variation: Any) -> Outcome:
    return await request(
        client_socket,
        device.url,
        recorder=recorder,
        username="acs",
        password=password,
        variation=Variation(**variation),
    )


@pytest.mark.parametrize(
    "scheme", [Digest("acs", "pw"), Digest("acs", "pw", algorithm="MD5-sess"), Basic("acs", "pw")]
)
@pytest.mark.parametrize("new_connection", [True, False])
async def test_right_credentials_are_accepted(
    device: Any, recorder: Recorder, scheme: Basic | Digest, new_connection: bool
) -> None:
    cpe = device(guarded(scheme))
    outcome = await ask(recorder, cpe, new_connection=new_connection)
    assert (outcome.status, outcome.accepted, outcome.reached, outcome.reason) == (204, True, True, "")
    assert outcome.challenge.startswith(type(scheme).__name__)
    assert outcome.first is not None
    assert outcome.first.status == 401
    connections = recorder.take().connections
    assert [c.role for c in connections] == [Role.CONNECTION_REQUEST] * (2 if new_connection else 1)
    assert [m.target for m in cpe.requests] == ["/wake?x=1"] * 2


async def test_variations_are_refused(device: Any, recorder: Recorder) -> None:
    cpe = device(guarded(Digest("acs", "pw")))
    right = await ask(recorder, cpe)
    assert (await ask(recorder, cpe, password="wrong")).status == 401
    none = await ask(recorder, cpe, credentials=False)
    assert (none.status, none.second) == (401, None)
    replay = await ask(recorder, cpe, authorization='Digest username="acs", realm="cpecheck", nonce="n"')
    assert (replay.status, replay.second) == (401, None)
    again = await ask(recorder, cpe, authorization=right.authorization)
    assert again.first is not None
    assert cpe.requests[-1].header("Authorization") == right.authorization
    other = await ask(recorder, cpe, method="POST", target="/else")
    assert (other.status, cpe.requests[-1].start_line) == (204, "POST /else HTTP/1.1")


async def test_device_that_closes_after_its_challenge_gets_the_second_request_anew(
    device: Any, recorder: Recorder
) -> None:
    gate = Gate(Digest("acs", "pw"))

    def answer(message: HttpMessage) -> Reply:
        challenge = gate.challenge(message)
        if challenge is None:
            return Reply(200)
        parsed = challenge.parsed()
        return Reply(program=(Send(parsed.head), CutFin()))

    outcome = await ask(recorder, device(answer))
    assert outcome.status == 200


@pytest.mark.parametrize(
    ("reply", "status", "reason"),
    [
        (None, 0, "the device closed without a response"),
        (Reply(503), 503, ""),
        (Reply(program=(Send(b"\x00garbage\r\n\r\n"), CutFin())), 0, "not HTTP: the first octet is 0x00"),
        (Reply(401, headers=[("WWW-Authenticate", "Bearer x")]), 401, "no challenge that can be answered"),
        (Reply(401), 401, "no challenge that can be answered"),
    ],
)
async def test_odd_answers_are_told(
    device: Any, recorder: Recorder, reply: Reply | None, status: int, reason: str
) -> None:
    outcome = await ask(recorder, device(lambda _message: reply))
    assert (outcome.status, outcome.reason, outcome.reached) == (status, reason, True)


async def test_closed_port_is_refused(recorder: Recorder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    outcome = await request(client_socket, f"http://127.0.0.1:{port}/", recorder=recorder)
    assert (outcome.reached, outcome.refused, outcome.reason) == (False, True, "Connection refused")


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "127.0.0.1", "http://", "http://name/"])
async def test_urls_that_cannot_be_asked_are_named(recorder: Recorder, url: str) -> None:
    with pytest.raises(ValueError, match=r"ConnectionRequestURL|does not appear to be an IPv4"):
        await request(client_socket, url, recorder=recorder)
