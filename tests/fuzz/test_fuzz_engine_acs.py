"""The fuzzer's ACS against scripted devices on loopback: what each kind of behaviour is observed as."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from harness.cwmp.messages import (
    DeviceIdStruct,
    Envelope,
    EventStruct,
    GetParameterValues,
    GetParameterValuesResponse,
    Header,
    Inform,
    Message,
    ParameterValueStruct,
)
from harness.cwmp.soap import encode
from harness.fuzz.engine.acs import BatchAcs, Deadlines
from harness.fuzz.evidence import Answer, End, Observation
from harness.fuzz.program import Cut, Expectation, Program, Raw, Repeat, Reply, Surface, Wanted
from harness.lab.clock import RealClock
from harness.lab.recorder import Recorder
from harness.rules.engine import judge

QUICK = Deadlines(answer=0.5, longest=1.5)


def envelope(message: Message, identity: str) -> bytes:
    return encode(Envelope(message, Header(id=identity)))


def asking(identity: str = "7") -> Program:
    return Program(Surface.SOAP, (Reply(envelope(GetParameterValues(("Device.A",)), identity)),))


INFORM = Inform(
    DeviceIdStruct("Maker", "0200C9", "Product", "1"),
    (EventStruct("6 CONNECTION REQUEST", ""),),
    1,
    "2026-01-01T00:00:00Z",
    0,
    (ParameterValueStruct("Device.RootDataModelVersion", "2.12"),),
)
ANSWER = GetParameterValuesResponse((ParameterValueStruct("Device.A", "1"),))


class Device:
    """The client's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def post(self, body: bytes) -> None:
        soap = b'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction:\r\n' if body else b""
        head = b"POST /cwmp HTTP/1.1\r\nHost: acs\r\n%sContent-Length: %d\r\n\r\n" % (soap, len(body))
        self.writer.write(head + body)

    async def heard(self) -> tuple[int, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        return int(head.split()[1]), await self.reader.readexactly(length)

    async def begin(self) -> tuple[int, bytes]:
        """Inform, InformResponse, empty POST; what the ACS says then."""
        self.post(envelope(INFORM, "1"))
        assert (await self.heard())[0] == 200
        self.post(b"")
        return await self.heard()


Script = Callable[[Device], Awaitable[None]]


class Rig:
    def __init__(self, acs: BatchAcs, recorder: Recorder) -> None:
        self.acs, self.recorder = acs, recorder


@asynccontextmanager
async def rig(*scripts: Script) -> AsyncIterator[Rig]:
    """The ACS, and a device that does one script after the other, each time it is summoned."""
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    loop = asyncio.get_running_loop()
    left, running = list(scripts), []

    async def accept() -> None:
        while True:
            sock, peer = await loop.sock_accept(server)
            acs.accept(sock, peer, "acs")

    async def one(script: Script) -> None:
        reader, writer = await asyncio.open_connection(*server.getsockname())
        try:
            await script(Device(reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the ACS has ended it
        finally:
            writer.close()

    async def summon(_last: str, heard: asyncio.Future[None]) -> bool:
        if left:
            running.append(loop.create_task(one(left.pop(0))))
        await asyncio.wait({heard}, timeout=0.3)
        return heard.done()

    async def step(_seconds: float) -> None:
        return None

    clock = RealClock()
    recorder = Recorder(clock)
    acs = BatchAcs(recorder, summon=summon, step=step, marks={"canary": "c.test"}, deadlines=QUICK)
    accepting = loop.create_task(accept())
    try:
        yield Rig(acs, recorder)
    finally:
        accepting.cancel()
        acs.close()
        for task in running:
            task.cancel()
        await asyncio.gather(accepting, *running, return_exceptions=True)
        server.close()


async def obedient(device: Device) -> None:
    status, body = await device.begin()
    while status == 200:
        identity = body.split(b'mustUnderstand="1">')[1].split(b"<")[0].decode()
        device.post(envelope(ANSWER, identity))
        status, body = await device.heard()


async def observe(*scripts: Script, programs: list[Program]) -> list[Observation]:
    async with rig(*scripts) as one:
        return await one.acs.run(programs)


async def test_a_whole_batch_runs_in_one_session_that_the_rules_can_read() -> None:
    async with rig(obedient) as one:
        seen = await one.acs.run([asking(str(number)) for number in range(20)])
        await one.acs.finish()
        book = one.recorder.take()
    assert {each.end for each in seen} == {End.ANSWERED}
    assert {each.answer for each in seen} == {Answer.RESPONSE}
    assert [each.id_got for each in seen] == [str(number) for number in range(20)]
    assert seen[0].values == (("Device.A", "1"),)
    assert [session.ended for session in book.sessions] == ["complete"]
    found = judge(book)
    assert not [each for each in found if each.error]
    # This device is too simple for cookies and the forced parameters; all else is in order on both sides.
    broken = {each.rule for each in found if each.breaches}
    assert broken <= {"cookie-returned", "forced-parameters"}, broken


async def test_every_message_is_a_range_of_the_recorded_bytes() -> None:
    async with rig(obedient) as one:
        await one.acs.run([asking()])
        await one.acs.finish()
        book = one.recorder.take()
    for connection in book.connections:
        for message in connection.messages:
            data = connection.data(message.direction)
            assert data[message.start : message.end] == message.head + message.body


async def test_a_device_that_leaves_is_closed_and_the_rest_goes_on_in_its_next_session() -> None:
    async def leaves(device: Device) -> None:
        await device.begin()

    seen = await observe(leaves, obedient, programs=[asking("1"), asking("2"), asking("3")])
    assert [each.end for each in seen] == [End.CLOSED, End.ANSWERED, End.ANSWERED]


async def test_an_answer_on_another_connection_is_still_the_answer() -> None:
    async def elsewhere(device: Device) -> None:
        await device.begin()

    async def goes_on(device: Device) -> None:
        device.post(envelope(ANSWER, "7"))
        await device.heard()

    (seen,) = await observe(elsewhere, goes_on, programs=[asking("7")])
    assert (seen.end, seen.answer) == (End.ANSWERED, Answer.RESPONSE)


async def test_a_silent_device_is_silent_and_does_not_hold_the_batch() -> None:
    async def silent(device: Device) -> None:
        await device.begin()
        await device.reader.read()

    seen = await observe(silent, obedient, programs=[asking("1"), asking("2")])
    assert [each.end for each in seen] == [End.SILENT, End.ANSWERED]


async def test_a_reset_is_told_from_a_close() -> None:
    async def resets(device: Device) -> None:
        await device.begin()
        device.writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
        )
        device.writer.transport.abort()

    (seen,) = await observe(resets, programs=[asking()])
    assert seen.end is End.RESET


async def test_a_device_that_never_comes_is_not_reached() -> None:
    assert [each.end for each in await observe(programs=[asking(), asking()])] == [End.NOT_REACHED] * 2


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"garbage", Answer.UNREADABLE),
        (b"\0" * 5000, Answer.UNREADABLE),
        (envelope(INFORM, "9"), Answer.REQUEST),
    ],
)
async def test_what_is_no_answer(body: bytes, answer: Answer) -> None:
    async def odd(device: Device) -> None:
        await device.begin()
        device.post(body)
        await device.reader.read()

    (seen,) = await observe(odd, programs=[asking()])
    assert seen.answer is answer


async def test_garbage_in_place_of_http_is_evidence_and_never_an_exception() -> None:
    async def garbage(device: Device) -> None:
        await device.begin()
        device.writer.write(b"\xff\xfe\r\n\r\n" + b"POST\n\n" * 50 + b"x" * 70_000)
        await device.reader.read()

    (seen,) = await observe(garbage, programs=[asking()])
    assert seen.end in (End.ANSWERED, End.SILENT, End.EMPTY)


async def test_an_empty_post_in_place_of_an_answer_is_empty() -> None:
    async def empty(device: Device) -> None:
        await device.begin()
        device.post(b"")
        await device.reader.read()

    (seen,) = await observe(empty, programs=[asking()])
    assert seen.end is End.EMPTY


async def test_several_answers_in_a_row_are_one_program() -> None:
    actions = asking("1").actions + asking("2").actions
    (seen,) = await observe(obedient, programs=[Program(Surface.SOAP, actions)])
    assert (seen.end, seen.id_got) == (End.ANSWERED, "2")
    assert len(seen.messages) == 4


async def test_octets_that_are_written_as_they_are_become_a_noted_message() -> None:
    raw = Program(Surface.SOAP, (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), Cut()), says="raw")
    async with rig(obedient) as one:
        await one.acs.run([raw])
        book = one.recorder.take()
    notes = [message.note for message in book.connections[0].messages if message.note]
    assert notes == ["fuzz: raw"]


async def test_a_flood_at_a_device_that_does_not_read_ends() -> None:
    async def deaf(device: Device) -> None:
        device.reader._transport.pause_reading()  # type: ignore[attr-defined]
        device.post(envelope(INFORM, "1"))
        device.post(b"")
        await asyncio.sleep(10)

    (seen,) = await observe(deaf, programs=[Program(Surface.SOAP, (Repeat(b"x" * 1000, 100_000),))])
    assert seen.end is End.SILENT


async def test_a_legal_message_bears_no_note_and_others_do() -> None:
    legal = Program(Surface.SOAP, asking("1").actions, Expectation(Wanted.SUCCESS))
    async with rig(obedient) as one:
        await one.acs.run([legal, asking("2")])
        book = one.recorder.take()
    sent = [
        each
        for each in book.connections[0].messages
        if not each.is_request and b"GetParameterValues" in each.body
    ]
    assert [bool(each.note) for each in sent] == [False, True]


async def test_marks_are_filled_in() -> None:
    text = envelope(GetParameterValues(("@{canary}",)), "@{request.id}")
    async with rig(obedient) as one:
        (seen,) = await one.acs.run([Program(Surface.SOAP, (Reply(text),))])
    assert seen.id_sent == seen.id_got == "1"


async def test_a_boot_in_the_midst_of_a_batch_is_told() -> None:
    from dataclasses import replace

    async def boots(device: Device) -> None:
        device.post(envelope(replace(INFORM, event=(EventStruct("1 BOOT", ""),)), "1"))
        await device.heard()
        device.post(b"")
        await device.heard()

    async with rig(boots) as one:
        await one.acs.run([asking()])
        assert one.acs.told.unexpected == [("1 BOOT",)]
