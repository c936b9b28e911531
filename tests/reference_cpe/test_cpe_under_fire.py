"""The reference device under fire: hostile answers, connection requests and messages end in order, and nothing leaks."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest
from cpe_lab import DEADLINE, Acs, Process, free_port, run_device

from harness.cwmp import digest, soap
from harness.cwmp.messages import (
    Envelope,
    Fault,
    GetParameterValues,
    Header,
    InformResponse,
    Message,
    ParameterValueStruct,
    SetParameterValues,
)
from harness.fuzz.facts import learned
from harness.fuzz.generators import programs
from harness.fuzz.program import Program, Reply, Surface
from reference_cpe.parts import Parts
from reference_cpe.session import Post, Session

OK = b"HTTP/1.1 200 OK\r\n"
ANSWER = soap.encode(Envelope(InformResponse(1), Header(id="1")))
FRAMED = b"Content-Length: %d\r\n\r\n" % len(ANSWER)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
DIGEST = b'HTTP/1.1 401 No\r\nContent-Length: 0\r\nWWW-Authenticate: Digest realm="r", '
BOMB = gzip.compress(gzip.compress(bytes(100_000_000), 1), 1)

HOSTILE: dict[str, bytes] = {
    "status 9.9": b"HTTP/9.9 200 OK\r\n" + FRAMED + ANSWER,
    "four digits": b"HTTP/1.1 2000 OK\r\n" + FRAMED + ANSWER,
    "long reason": b"HTTP/1.1 200 " + b"x" * 500_000 + b"\r\n\r\n",
    "interim flood": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "length too large": OK + b"Content-Length: 9999\r\n\r\n" + ANSWER,
    "length overflow": OK + b"Content-Length: 18446744073709551617\r\n\r\n" + ANSWER,
    "length list": OK + b"Content-Length: 5,6\r\n\r\nabcde",
    "length twice": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length hex": OK + b"Content-Length: 0x10\r\n\r\n" + ANSWER,
    "chunk zero first": CHUNKED + b"0\r\n\r\n",
    "chunk huge": CHUNKED + b"FFFFFFFFFFFFFFFF\r\n" + ANSWER,
    "chunk negative": CHUNKED + b"-5\r\nabcde\r\n",
    "chunk extension": CHUNKED + b"5;" + b"x" * 70_000 + b"\r\nabcde\r\n",
    "chunk truncated": CHUNKED + b"50\r\nabc",
    "trailers": CHUNKED + b"1\r\na\r\n0\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    "two codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "gzip broken": OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde",
    "gzip bomb": OK + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,
    "coding unknown": OK + b"Content-Encoding: br\r\nContent-Length: 1\r\n\r\na",
    "header of a megabyte": OK + b"A: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "headers": OK + b"A: b\r\n" * 50_000 + b"\r\n",
    "nul in header": OK + b"A: \0\r\n" + FRAMED + ANSWER[:-5],
    "cookies": OK + b"Set-Cookie: a=%s\r\n" % (b"x" * 4000) * 50 + b"Content-Length: 1\r\n\r\na",
    "nonce missing": DIGEST[:-2] + b"\r\n\r\n",
    "nonce large": DIGEST + b'nonce="' + b"n" * 65_000 + b'", qop="auth"\r\n\r\n',
    "algorithm unknown": DIGEST + b'nonce="n", qop="auth", algorithm=X\r\n\r\n',
    "location missing": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "location large": b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: /" + b"x" * 60_000 + b"\r\n\r\n",
    "location split": b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: http://a\x0b:1/\r\n\r\n",
    "location file": b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: file:///etc/passwd\r\n\r\n",
    "redirect loop": b"HTTP/1.1 302 F\r\nContent-Length: 0\r\nLocation: /loop\r\n\r\n",
    "bytes of nothing": os.urandom(0) + bytes(range(256)) * 40,
    "tls": b"\x15\x03\x03\x00\x02\x02\x28",
}


async def test_hostile_answers_fail_the_session_and_no_more(acs: Acs, home: Path) -> None:
    answer = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
                if b"/loop" not in answer and answer[:12] != DIGEST[:12]:
                    break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with run_device(home) as device:
        await device.configure(acs_username="u", acs_password="p")
        before = _resident(device)
        for number, answer in enumerate(HOSTILE.values()):  # noqa: B007 - served above
            await device.configure(acs_url=f"http://127.0.0.1:{port}/{number}")
            failed = partial(_failed, device, number + 1)
            await acs.until(failed, [*HOSTILE][number])
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
        assert (await device.state())["sessions"]["failed"] == len(HOSTILE)
        assert "Traceback" not in device.log
        assert _resident(device) - before < 150_000, "kilobytes: no bomb was unpacked and kept"
    server.close()


def _failed(device: Process, times: int) -> bool:
    return device.log.count("session failed") >= times


def _resident(device: Process) -> int:
    """Kilobytes of memory of the device's process."""
    pages = Path(f"/proc/{device.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") // 1024


# --- the connection-request port

HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\n"
KNOCKS: tuple[bytes, ...] = (
    *(method + b" /x HTTP/1.1\r\nHost: a\r\n\r\n" for method in (b"POST", b"TRACE", b"CONNECT", b"get")),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /%00/../..//x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    bytes(range(256)) * 8,
    HEAD + b"Authorization: Digest " + b'a="b",' * 2_000 + b"\r\n\r\n",
    *(HEAD + b'Authorization: Digest username="u", %s="%s"\r\n\r\n' % (name, b"\\" * 9_000)
      for name in (b"realm", b"nonce", b"uri", b"response", b"opaque", b"cnonce")),
    HEAD + b'Authorization: Digest username="u\r\n\r\n',
    HEAD + b"Authorization: Basic !!!\r\n\r\n",
    HEAD + b'Authorization: Digest username="%n%s", nc=zz, qop=auth-int\r\n\r\n',
    HEAD + b"Cookie: C107373883=/x\r\n\r\n",
    HEAD + b"Cookie: " + b"a" * 1_000_000 + b"\r\n\r\n",
    HEAD + b"A: b\r\n" * 1_000 + b"\r\n",
    HEAD + b"Content-Length: 99999999999999999999\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFF\r\n",
    b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 49\r\n\r\n<NewNTPServer1>`ping c.test`</NewNTPServer1>12345",
)  # fmt: skip


async def _knock(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(DEADLINE):
            writer.write(data)
            writer.write_eof()
            return await reader.read()
    except OSError:
        return b""
    finally:
        writer.close()


async def test_hostile_connection_requests(acs: Acs, home: Path) -> None:
    port = free_port()
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 1)
        await device.configure(connection_request_username="u", connection_request_password="p", port=port)
        url = (await device.state())["connection_request_url"]
        path = "/" + url.partition("//")[2].partition("/")[2]
        for data in KNOCKS:
            answer = await _knock(port, data.replace(b" /x ", f" {path} ".encode()))
            assert answer[:12] not in (b"HTTP/1.1 200", b"HTTP/1.1 204"), data[:60]
        stalled = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        for _, writer in stalled:
            writer.write(HEAD)
        plain = f"GET {path} HTTP/1.1\r\nHost: a\r\n"
        refused = await _knock(port, f"{plain}\r\n".encode())
        challenge = digest.choose(digest.parse_challenges([_header(refused, "www-authenticate")]))
        assert isinstance(challenge, digest.DigestChallenge)
        right = digest.digest_authorization(
            challenge, username="u", password="p", method="GET", uri=path, nc=1, cnonce="c"
        )
        assert not _woken(acs), "nothing so far has opened a session"
        answer = await _knock(port, f"{plain}Authorization: {right}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200")
        await acs.until(lambda: _woken(acs))
        for _, writer in stalled:
            writer.close()
        assert "Traceback" not in device.log


def _woken(acs: Acs) -> bool:
    return any("6 CONNECTION REQUEST" in events for events in acs.events())


def _header(answer: bytes, name: str) -> str:
    lines = answer.decode("latin-1").split("\r\n")
    return next(line.partition(":")[2].strip() for line in lines if line.lower().startswith(name + ":"))


# --- messages


def test_fuzzed_messages_are_answered_or_end_the_session(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    """The fuzzer's own programs: never an internal error, and what is answered is a right envelope."""
    facts = learned(parts.model.names("", False), parts.model.values([""]), tuple(parts.rpc))
    session, answered = _session(parts), 0
    with caplog.at_level(logging.ERROR):
        for body in _bodies(programs(Surface.SOAP, 1, facts), 200):
            action = session.receive(200, body)
            if not isinstance(action, Post):
                session = _session(parts)
                continue
            reading = soap.read(action.body)
            assert reading.violations == ()
            assert reading.envelope is not None
            message = reading.envelope.message
            assert not (isinstance(message, Fault) and message.fault_code == 9002)
            answered += 1
    assert caplog.records == []
    assert answered > 60


def _bodies(source: Iterable[Program], many: int) -> Iterator[bytes]:
    for program in islice(source, many):
        yield from (action.body for action in program.actions if isinstance(action, Reply))


def _session(parts: Parts) -> Session:
    session = parts.session(parts)
    session.start()
    session.receive(200, ANSWER)
    return session


# --- memory

MANY = int(os.environ.get("CPECHECK_LEAK_RPCS", "0"))


@pytest.mark.skipif(not MANY, reason="CPECHECK_LEAK_RPCS says how many RPCs; 20000 take a minute")
async def test_nothing_leaks(acs: Acs, home: Path) -> None:
    """Resident memory after a tenth of the RPCs and after all of them."""
    text = "Device.X_EXAMPLE-ORG_Sandbox.Text"
    pair: list[Message | bytes] = [
        GetParameterValues(("Device.DeviceInfo.",)),
        SetParameterValues((ParameterValueStruct(text, "a"), ParameterValueStruct("Device.No", "b")), "k"),
    ]
    acs.queue = pair * (MANY // 2)
    resident = []
    async with asyncio.timeout(1200), run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        for left in (MANY - MANY // 10, 0):
            while len(acs.queue) > left or (left == 0 and not acs.ended):
                await asyncio.sleep(0.05)
                acs.got.clear()
                acs.requests.clear()
            resident.append(_resident(device))
    assert resident[1] - resident[0] < 2_000, f"kilobytes: {resident}"
