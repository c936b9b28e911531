"""The harness itself under the fire it is made to give: nothing raises, hangs, leaks, or grows faster than its input."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hostile import CORPUS, HAZARDS, HTTP, INFORM, havoc, post, shapes

from harness.acs.acs import Acs, Timing
from harness.acs.auth import Digest
from harness.cwmp import soap
from harness.cwmp.messages import Envelope
from harness.cwmp.soap import Limits
from harness.fuzz.evidence import Answer, Control, End, Evidence, Observation
from harness.fuzz.oracles import judge as alarms_of
from harness.fuzz.program import Program, Surface
from harness.fuzz.program import Reply as SendReply
from harness.lab.http1 import HttpError, Kind, Reader
from harness.lab.pki import Authority
from harness.lab.recorder import Recorder
from harness.lab.tls import TlsSettings
from harness.rules.engine import judge
from harness.verdict.transcript import Transcript

DEADLINE = 20.0
SEED = 69
HOST = "acs.bench.test"


# --- codec


@pytest.mark.parametrize("name", HAZARDS)
def test_hazards_are_refused_with_their_name(name: str) -> None:
    data, code = HAZARDS[name]
    reading = soap.read(data)
    assert reading.envelope is None
    assert [problem.code for problem in reading.problems if problem.fatal] == [code]
    assert len(str(reading.problems[-1])) < 1000, "a hostile text is not told at its full length"


@pytest.mark.parametrize("base", range(len(CORPUS)))
def test_mutated_envelopes_are_read_without_raising(base: int) -> None:
    chance = random.Random(SEED + base)
    limits = Limits()
    understood = 0
    for _ in range(250):
        reading = soap.read(havoc(CORPUS[base], chance, chance.choice((1, 1, 2, 8))), limits)
        assert reading.envelope is not None or reading.problems
        assert len(reading.problems) <= limits.problems + 2
        understood += reading.envelope is not None
        if reading.envelope is not None:
            assert soap.read(soap.encode(_writable(reading))).envelope is not None
    assert 10 < understood < 245, (
        "some are read, some are refused: the mutations are neither too tame nor too wild"
    )


def _writable(reading: soap.Reading) -> Envelope:
    """The envelope that was read, in the namespace that is always written."""
    assert reading.envelope is not None
    return replace(reading.envelope, namespace="urn:dslforum-org:cwmp-1-2")


def _work(run: Callable[[], object]) -> int:
    """Calls that *run* makes, of Python and C functions."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def test_work_grows_no_faster_than_the_document() -> None:
    few, many = dict(shapes(500)), dict(shapes(2000))
    for name, data in few.items():
        small, large = _work(lambda d=data: soap.read(d)), _work(lambda d=many[name]: soap.read(d))  # type: ignore[misc]
        assert large <= 4.5 * small + 2000, f"{name}: {small} calls, then {large} for four times as much"


# --- HTTP


def _fed(data: bytes, chance: random.Random) -> list[str]:
    reader, at = Reader(Kind.REQUEST), 0
    found: list[str] = []
    try:
        while at < len(data):
            size = chance.choice((1, 7, 100, 65_536))
            found += [
                f"{message.start_line} {len(message.body)}" for message in reader.feed(data[at : at + size])
            ]
            at += size
        found += [message.start_line for message in reader.end()]
    except HttpError as error:
        found.append(f"refused with {error.status}")
    return found


@pytest.mark.parametrize("name", HTTP)
def test_http_reader_stands_hostile_requests(name: str) -> None:
    chance = random.Random(SEED)
    once, again = _fed(HTTP[name], chance), _fed(HTTP[name], random.Random(SEED + 1))
    refused = [each for each in once if each.startswith("refused")]
    assert set(refused) <= {"refused with 400", "refused with 413", "refused with 431"}
    assert once == again, "how the octets are cut makes no difference"


def test_http_reader_stands_mutated_requests() -> None:
    chance = random.Random(SEED)
    seeds = [data for data in HTTP.values() if len(data) < 5_000]
    for _ in range(400):
        _fed(havoc(chance.choice(seeds) or post(b""), chance), chance)


# --- the ACS over real sockets


class StillClock:
    def now(self) -> float:
        return 7.0


def _listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@pytest.fixture(scope="module")
def root() -> Authority:
    return Authority.create("bench root", now=datetime.now(UTC))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(StillClock())


@pytest.fixture
async def acs(recorder: Recorder, root: Authority, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Acs]:
    """An ACS with a login, by http and https; afterwards nothing of it is left, and nothing went wrong inside."""
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    before = len(asyncio.all_tasks())
    timing = Timing(watchdog=1.0, after_device_closed=0.5, after_bench_closed=1.0)
    acs = Acs(StillClock(), recorder, timing=timing)
    acs.add_endpoint("http", _listening(), "http", ["127.0.0.1"])
    acs.add_endpoint("https", _listening(), "https", [HOST], TlsSettings(root.leaf(HOST)))
    with caplog.at_level(logging.WARNING):
        yield acs
        async with asyncio.timeout(DEADLINE):
            for endpoint in acs.endpoints:
                await endpoint.listener.drained()
        await acs.close()
    assert acs.endpoints.errors == []
    assert len(asyncio.all_tasks()) == before
    assert told == []
    assert not any(record.exc_info for record in caplog.records)


async def _thrown(port: int, data: bytes, *, end: bool = True) -> bytes:
    """What the ACS answers to *data* before it closes, or before the peer does."""
    answer = b""
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            if end:
                writer.write_eof()
                answer = await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
    return answer


async def _session(port: int, context: ssl.SSLContext | None = None) -> str:
    """An Inform and an empty POST as a correct device sends them; why it did not work, or ``""``."""
    async with asyncio.timeout(DEADLINE):
        host = HOST if context is not None else None
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
        try:
            cookie, text = b"", b'Content-Type: text/xml; charset="utf-8"'
            for body, status in ((INFORM, b"200"), (b"", b"204")):
                writer.write(
                    post(body, *([text, b"SOAPAction:"] if body else []), *([cookie] if cookie else []))
                )
                head = await reader.readuntil(b"\r\n\r\n")
                if head.split()[1] != status:
                    return f"status {head.split()[1]!r} where {status!r} was due"
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                found = re.search(rb"(?i)set-cookie: *([^;\r]*)", head)
                cookie = b"Cookie: " + found[1] if found else cookie
        finally:
            writer.close()
    return ""


def _judged(transcript: Transcript, observations: tuple[Observation, ...] = ()) -> list[str]:
    """What broke inside wire rules and oracles over *transcript*."""
    wrong = [each.error for each in judge(transcript, credentials=[("u", "p")]) if each.error]
    alive = Control(alive=True, seconds=0.01, route="periodic")
    evidence = Evidence(observations, alive, alive, transcript, credentials=(("u", "p"),))
    assert alarms_of(evidence, wrong.append) is not None
    return wrong


async def test_hostile_http_at_the_acs(acs: Acs, recorder: Recorder) -> None:
    port = acs.endpoints["http"].port
    for data in HTTP.values():
        await _thrown(port, data)
    assert await _session(port) == ""
    assert _judged(recorder.take()) == []


async def test_mutated_sessions_at_the_acs(acs: Acs, recorder: Recorder) -> None:
    chance, port = random.Random(SEED), acs.endpoints["http"].port
    acs.auth = Digest("u", "p")
    login = b'Authorization: Digest username="u", realm="r", nonce="n", uri="/", response="x", nc=1, qop=auth'
    whole = [
        post(body, *extra) for body in (*CORPUS, b"") for extra in ((), (login,), (b"Cookie: session=x",))
    ]
    for _ in range(150):
        await _thrown(port, havoc(b"".join(chance.choices(whole, k=chance.randint(1, 3))), chance, 4))
    acs.auth = None
    assert await _session(port) == ""
    assert _judged(recorder.take()) == []


async def test_half_requests_do_not_keep_others_out(acs: Acs) -> None:
    port = acs.endpoints["http"].port
    slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(60)]
    for at, (_, writer) in enumerate(slow):
        writer.write(post(INFORM)[: 5 * at + 1])
    assert await _session(port) == ""
    for _, writer in slow:
        writer.transport.abort()
    async with asyncio.timeout(DEADLINE):
        await acs.endpoints["http"].listener.drained()


async def test_broken_tls_at_the_acs(acs: Acs, recorder: Recorder, root: Authority) -> None:
    port = acs.endpoints["https"].port
    context = ssl.create_default_context(cadata=root.pem.decode())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello, chance = outgoing.read(), random.Random(SEED)
    for at in range(0, len(hello), 23):
        await _thrown(port, hello[:at])
    for _ in range(40):
        await _thrown(port, havoc(hello, chance, 3))
    for data in (
        post(INFORM),
        b"\x15\x03\x03\x00\x02\x02\x28",
        hello * 2,
        b"\x16\x03\x03\xff\xff" + b"a" * 70_000,
    ):
        await _thrown(port, data)
        await _thrown(port, data, end=False)
    async with asyncio.timeout(DEADLINE):
        await acs.endpoints["https"].listener.drained()
    assert await _session(port, context) == ""
    assert _judged(recorder.take()) == []


# --- judgement over hostile transcripts


async def test_judgement_of_mutated_transcripts(acs: Acs, recorder: Recorder) -> None:
    """Good sessions are recorded, then what was recorded is mutated octet for octet before it is judged."""
    port, chance = acs.endpoints["http"].port, random.Random(SEED)
    for _ in range(3):
        assert await _session(port) == ""
    good = recorder.take()
    made = Program(Surface.SOAP, (SendReply(CORPUS[1]),))
    for _ in range(25):
        bad = msgspec.json.decode(msgspec.json.encode(good), type=Transcript)
        for connection in bad.connections:
            for message in connection.messages:
                if chance.random() < 0.7:
                    message.body = havoc(message.body or b"x", chance, 3)
                if chance.random() < 0.3 and message.headers:
                    at = chance.randrange(len(message.headers))
                    name = havoc(b"Set-Cookie", chance, 1).decode("latin-1")
                    headers = [*message.headers]
                    headers[at] = (name, havoc(b'Digest a="b", c=d', chance, 3).decode("latin-1"))
                    message.headers = headers
        ids = tuple(message.id for connection in bad.connections for message in connection.messages)
        end = chance.choice([*End])
        seen = Observation(
            made, end, chance.choice([*Answer]), rpc="X\0", fault_code=-1, messages=(*ids, "none")
        )
        assert _judged(bad, (seen,)) == []
