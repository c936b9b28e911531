"""What a broken or hostile device may send: it gets an error, is recorded, and the next session works."""

from __future__ import annotations

import asyncio
import random

import pytest
from minimal_cpe import DEADLINE, INFORM, Cpe, answer_rpcs, envelope, opened

from harness.acs.acs import Acs
from harness.cwmp import messages as m
from harness.cwmp import soap
from harness.cwmp.namespaces import CWMP
from harness.lab.recorder import Recorder


def methods(_request: m.Message) -> m.Message:
    return m.GetRPCMethodsResponse(("GetRPCMethods",))


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: a", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (post(b"<xml"), 400),
        (post(b"\xff\xfe\x00" * 50), 400),
        (post(b""), 204),
        (post(b"<a/>"), 400),
        (post(envelope(m.RebootResponse())), 400),
        (post(envelope(m.Fault(9001, "no"))), 400),
        (post(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), 400),
        (post(b"<a>" * 2000), 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"\x16\x03\x01\x00", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 9999999999\r\n\r\n", 413),
    ],
)
async def test_garbage_is_refused_and_the_next_session_works(
    acs: Acs, cpe: Cpe, recorder: Recorder, data: bytes, status: int
) -> None:
    assert (await cpe.raw(data))[0] == status
    await cpe.close()
    assert recorder.take().connections[0].messages
    assert acs.sessions == []
    assert await answer_rpcs(cpe, methods) == []


@pytest.mark.parametrize(
    "message", [m.TransferComplete("k", m.FaultStruct(0), "", ""), m.GetRPCMethods(), m.Reboot()]
)
async def test_request_without_inform_is_fault_8003(acs: Acs, cpe: Cpe, message: m.Message) -> None:
    status, _, body = await cpe.post(envelope(message, "5"))
    fault = opened(body)
    assert isinstance(fault.message, m.Fault)
    assert (status, fault.message.fault_code, fault.header.id) == (200, 8003, "5")
    assert acs.sessions == []


async def test_second_inform_in_a_session_is_refused_and_the_next_works(acs: Acs, cpe: Cpe) -> None:
    claim = acs.claim("twice")
    await cpe.post(envelope(INFORM))
    session = await claim.started(5)
    call = asyncio.create_task(session.call(m.GetRPCMethods()))
    _, _, body = await cpe.post(envelope(INFORM, "2"))
    fault = opened(body).message
    assert isinstance(fault, m.Fault)
    assert fault.fault_code == 8003
    assert (await call).reason == "a second Inform in the session"
    assert session.record.ended == "aborted-by-bench"
    assert len(session.record.messages) == 4
    cpe.cookies.clear()
    assert await answer_rpcs(cpe, methods) == []


async def test_inform_with_the_cookie_of_an_ended_session_starts_another(acs: Acs, cpe: Cpe) -> None:
    await answer_rpcs(cpe, methods)
    assert cpe.cookies
    await answer_rpcs(cpe, methods)
    assert [s.record.ended for s in acs.sessions] == ["complete", "complete"]


async def test_answer_that_nobody_asked_for_ends_an_unclaimed_session(acs: Acs, cpe: Cpe) -> None:
    await cpe.post(envelope(INFORM))
    assert (await cpe.post(envelope(m.RebootResponse())))[0] == 400
    assert acs.sessions[0].record.ended == "aborted-by-bench"


@pytest.mark.parametrize("namespace", ["urn:dslforum-org:cwmp-1-3", "urn:dslforum-org:cwmp-}", "urn:x", ""])
async def test_odd_namespaces_never_break_the_acs(acs: Acs, cpe: Cpe, namespace: str) -> None:
    body = envelope(INFORM).replace(b"urn:dslforum-org:cwmp-1-2", namespace.encode())
    status, _, answer = await cpe.post(body)
    assert status in (200, 400)
    if status == 200:
        expected = [namespace] if namespace.endswith("1-3") else CWMP
        assert opened(answer).namespace in expected


async def send_and_hang_up(port: int, data: bytes) -> None:
    """Send *data*, close the sending side, and read until the ACS has closed too."""
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            writer.write_eof()
            await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def test_mutated_sessions_neither_raise_nor_hang(acs: Acs) -> None:
    choose = random.Random(69)
    seeds = [envelope(INFORM), envelope(m.RebootResponse()), envelope(m.Fault(9002, "x")), b""]
    whole = [post(body, 'Cookie: session="x"') for body in seeds]
    port = acs.endpoints["http"].port
    for _ in range(150):
        data = bytearray(b"".join(choose.choices(whole, k=choose.randint(1, 3))))
        for _ in range(choose.randint(0, 6)):
            at = choose.randrange(len(data))
            data[at : at + choose.randint(0, 3)] = choose.randbytes(choose.randint(0, 3))
        await send_and_hang_up(port, bytes(data))
    last = Cpe(port)
    assert await answer_rpcs(last, methods) == []
    await last.close()


async def test_fault_bodies_of_the_acs_are_strictly_right(acs: Acs, cpe: Cpe) -> None:
    _, headers, body = await cpe.post(envelope(m.GetRPCMethods()))
    assert headers["content-type"] == 'text/xml; charset="utf-8"'
    assert soap.read(body).problems == ()


async def test_an_empty_post_before_the_inform_is_kept_with_the_session_that_follows(
    acs: Acs, cpe: Cpe, recorder: Recorder
) -> None:
    assert (await cpe.post(b""))[0] == 204
    assert await answer_rpcs(cpe, methods) == []
    transcript = recorder.take()
    first = next(iter(transcript.exchanges(transcript.sessions[0])))
    assert (first.request.body, len(acs.sessions)) == (b"", 1)
