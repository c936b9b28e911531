"""Every seeded fuzz defect of the other surfaces shows on the input that is meant for it."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
from collections.abc import Callable
from pathlib import Path

import h11
import pytest
from defect_lab import Dead, Hung, Lab, Workshop, encoded, fate, opened

from harness.cwmp import digest
from harness.cwmp.messages import GetParameterValues, InformResponse, ParameterValueStruct, UnknownMessage
from harness.fuzz.program import Surface
from harness.verdict.requirement import Catalogue
from reference_cpe import urls
from reference_cpe.coding import BadCoding
from reference_cpe.defects import fuzz_seeded, registry
from reference_cpe.defects.fuzz_seeded import SEEDED
from reference_cpe.exchange import ExchangeFailed
from reference_cpe.fault import CwmpFault
from reference_cpe.http import Response
from reference_cpe.listener import REQUEST_TIME
from reference_cpe.session import RESPONSE_TIME, End
from reference_cpe.transfers import Kind

GET = encoded(GetParameterValues(("Device.DeviceInfo.SoftwareVersion",)))
STRAY = encoded(UnknownMessage("urn:dslforum-org:cwmp-1-2", "RebootResponse"))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


# --- the whole table


def test_seeded_defects_are_registered_for_the_fuzzer_alone(request: pytest.FixtureRequest) -> None:
    known = Catalogue.load(request.config.rootpath / "suites" / "requirements")
    assert len(SEEDED) >= 60
    for name, each in SEEDED.items():
        entry = registry.DEFECTS[name]
        assert entry.awaiting == "fuzz"
        assert each.surface in set(Surface)
        assert f"surface {each.surface})" in entry.summary
        assert each.edits <= 3
        assert [r for r in entry.breaks if r not in known] == []
    assert {each.surface for each in SEEDED.values()} == set(Surface)


# --- session


def instead_of_inform_response(body: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> object:
        session = lab.parts.session(lab.parts)
        session.start()
        try:
            action = session.receive(200, body)
        except Dead:
            return "dead"
        return "end" if isinstance(action, End) else action.body and type(opened(action.body)).__name__

    return run


VERSION = encoded(InformResponse(1), "1").replace(b"cwmp-1-2", b"cwmp-1-99")

SESSION: dict[str, tuple[Callable[[Lab], object], object, object]] = {
    "rpc-before-inform-response": (instead_of_inform_response(GET), "GetParameterValuesResponse", "end"),
    "crash-second-inform-response": (
        lambda lab: fate(lambda: lab.send(encoded(InformResponse(1)))),
        "dead",
        "alive",
    ),
    "hang-unasked-response": (lambda lab: fate(lambda: lab.send(STRAY)), "hung", "alive"),
    "crash-other-id": (instead_of_inform_response(encoded(InformResponse(1), "other")), "dead", "end"),
    "crash-unknown-version": (instead_of_inform_response(VERSION), "dead", "end"),
}


@pytest.mark.parametrize("name", SESSION)
def test_session_defect(name: str, shop: Workshop) -> None:
    run, broken, correct = SESSION[name]
    assert (run(shop.make()), run(shop.make(f"fuzz-{name}"))) == (correct, broken)


def test_early_request_leaves_the_inform_unanswered(shop: Workshop) -> None:
    session = shop.make("fuzz-rpc-before-inform-response").session()
    assert not isinstance(session.receive(200, GET), End), "an ordinary session still works"


def test_cut_takes_the_state(shop: Workshop) -> None:
    for name, left in (((), "kept"), (("fuzz-state-lost-after-cut",), "")):
        lab = shop.make(*name)
        text = "Device.X_EXAMPLE-ORG_Sandbox.Text"
        lab.parts.model.set([ParameterValueStruct(text, "kept")], "key")
        lab.parts.retry.failed()
        assert lab.read(text) == "kept", "the session had not got as far as the InformResponse"
        lab.session()
        lab.parts.retry.failed()
        assert lab.read(text) == left


def test_cut_sticks(shop: Workshop) -> None:
    lab = shop.make("fuzz-stuck-after-cut")
    lab.session()
    assert lab.parts.active()
    lab.parts.retry.failed()
    assert not lab.parts.active()


def test_broken_off_file_is_not_reported(shop: Workshop) -> None:
    for name, waiting in (((), 1), (("fuzz-transfer-complete-lost",), 0)):
        lab = shop.make(*name)
        transfers = lab.parts.transfers
        transfers.add(Kind.SCRIPT, "key", "http://a.test/", ("", ""), 60)
        transfers._complete(transfers.pending()[0], False, CwmpFault(9017, "cut"))
        assert len(transfers.reported()) == waiting


# --- http

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\n\r\n"

HTTP = {
    "crash-interim-flood": (b"HTTP/1.1 100 Continue\r\n\r\n" * 51, b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "crash-long-reason": (b"HTTP/1.1 200 " + b"x" * 1025 + END, b"HTTP/1.1 200 " + b"x" * 1000 + END),
    "crash-header-count": (OK + b"A: b\r\n" * 257 + b"\r\n", OK + b"A: b\r\n" * 256 + b"\r\n"),
    "crash-long-header": (OK + b"A: " + b"x" * 16400 + END, OK + b"A: " + b"x" * 16000 + END),
    "crash-cookie-flood": (OK + b"Set-Cookie: a=b\r\n" * 65 + b"\r\n", OK + b"Set-Cookie: a=b\r\n" * 64),
    "crash-long-cookie": (OK + b"Set-Cookie: a=" + b"x" * 4100 + END, OK + b"Set-Cookie: a=" + b"x" * 512),
    "crash-long-location": (
        OK + b"Location: http://a/" + b"x" * 2048 + END,
        OK + b"Location: /x" + END,
    ),
    "crash-long-challenge": (
        OK + b'WWW-Authenticate: Digest realm="a", nonce="' + b"x" * 1025 + b'"' + END,
        OK + b'WWW-Authenticate: Digest realm="a", nonce="' + b"x" * 512 + b'"' + END,
    ),
    "crash-negative-length": (OK + b"Content-Length: -1" + END, OK + b"Content-Length: 1" + END + b"-"),
    "crash-chunk-size": (CHUNKED + b"FFFFFFFFF\r\n", CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n"),
    "hang-first-chunk-empty": (CHUNKED + b"0\r\n\r\n", CHUNKED + b"5\r\nabcde\r\n0\r\n\r\n"),
    "hang-length-overflow": (
        OK + b"Content-Length: 2147483648" + END,
        OK + b"Content-Length: 2147483647" + END,
    ),
}


@pytest.mark.parametrize("name", HTTP)
def test_http_defect(name: str, shop: Workshop) -> None:
    bad, good = HTTP[name]
    lab = shop.make(f"fuzz-{name}")
    expected = "hung" if name.startswith("hang") else "dead"
    assert fate(lambda: lab.parts.wire.incoming(good)) == "alive"
    lab.parts.wire.outgoing(b"POST")
    assert fate(lambda: lab.parts.wire.incoming(bad)) == expected
    lab.parts.wire.outgoing(b"POST")
    assert fate(lambda: lab.parts.wire.incoming(bad[:9])) == "alive"
    assert fate(lambda: lab.parts.wire.incoming(bad[9:])) == expected, "in two pieces"


@pytest.mark.parametrize("large", ["2147483648", "3000000000", "9999999999", "18446744073709551616"])
def test_large_lengths_hang(large: str, shop: Workshop) -> None:
    lab = shop.make("fuzz-hang-length-overflow")
    assert fate(lambda: lab.parts.wire.incoming(OK + f"Content-Length: {large}".encode() + END)) == "hung"


def test_bomb(shop: Workshop) -> None:
    bomb = gzip.compress(bytes(65 * 1024 * 1024), 1)
    packed = (("content-encoding", "gzip"),)
    target = urls.parse("http://a.test/")
    good = shop.make().parts
    with pytest.raises(BadCoding):
        good.exchange(good, target).decode(Response(200, packed, bomb))
    bad = shop.make("fuzz-bomb-unpacked").parts
    exchange = bad.exchange(bad, target)
    assert exchange.decode(Response(200, packed, gzip.compress(b"abc"))) == b"abc"
    assert exchange.decode(Response(200, (), b"abc")) == b"abc"
    with pytest.raises(Dead):
        exchange.decode(Response(200, packed, bomb))


def test_redirects(shop: Workshop) -> None:
    def follow(parts: object, times: int) -> None:
        exchange = parts.exchange(parts, urls.parse("http://a.test/"))  # type: ignore[attr-defined]
        for _ in range(times):
            exchange.redirected("/b")

    with pytest.raises(ExchangeFailed):
        follow(shop.make().parts, 6)
    follow(shop.make("fuzz-redirects-for-ever").parts, 1000)


async def test_patience(shop: Workshop) -> None:
    for name, seconds in (("waits-for-ever", RESPONSE_TIME), ("slow-client-blocks", REQUEST_TIME)):
        lab = shop.make(f"fuzz-{name}")
        async with lab.parts.clock.timeout(seconds):
            assert lab.parts.clock.next_timer() == 1e9


# --- TLS


def test_failed_handshakes(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = shop.make()
    monkeypatch.setattr(type(lab.parts.trust), "context", lambda _self: None)
    for name in ("crash-failed-handshake", "stuck-after-handshake"):
        lab = shop.make(f"fuzz-{name}")
        lab.parts.trust.context()
        lab.parts.timers.session_started()
        lab.parts.retry.failed()
        assert lab.parts.active(), "the handshake was good, what came later was not"
        lab.parts.trust.context()
        crashed = fate(lab.parts.retry.failed)
        assert (crashed, lab.parts.active()) == (("dead", True) if "crash" in name else ("alive", False))


# --- connection requests

HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\n"
LOGIN = HEAD + b'Authorization: Digest username="u", '

LISTENER = {
    "crash-numbered-cookie": (HEAD + b"Cookie: a=b; C107373883=x\r\n\r\n", HEAD + b"Cookie: Cat=x\r\n\r\n"),
    "crash-long-digest": (
        LOGIN + b'response="' + b"a" * 513 + b'"\r\n\r\n',
        LOGIN + b'response="' + b"a" * 32 + b'"\r\n\r\n',
    ),
    "crash-digest-quoting": (LOGIN + b'realm="r\r\n\r\n', LOGIN + b'realm="r"\r\n\r\n'),
    "crash-long-target": (
        b"GET /" + b"a" * 2060 + b" HTTP/1.1\r\n",
        b"GET /" + b"a" * 255 + b" HTTP/1.1\r\n",
    ),
    "crash-many-request-headers": (HEAD + b"A: b\r\n" * 101, HEAD + b"A: b\r\n" * 50),
    "crash-tls-hello": (b"\x16\x03\x01\x02\x00", HEAD),
    "crash-nul-in-request": (b"GET /\x00 HTTP/1.1\r\n\r\n", HEAD + b"\r\n"),
    "crash-user-format": (
        HEAD + b'Authorization: Digest username="%n"\r\n\r\n',
        LOGIN + b'realm="%"\r\n\r\n',
    ),
    "hang-http-2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", HEAD + b"\r\n"),
}


async def served(lab: Lab, data: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()

    class Nobody:
        def write(self, _data: bytes) -> None: ...

        async def drain(self) -> None: ...

    await lab.parts.listener._serve(reader, Nobody())  # type: ignore[arg-type]


async def fate_served(lab: Lab, data: bytes) -> str:
    try:
        await served(lab, data)
    except Dead:
        return "dead"
    except Hung:
        return "hung"
    except h11.ProtocolError:
        pass
    return "alive"


@pytest.mark.parametrize("name", LISTENER)
async def test_listener_defect(name: str, shop: Workshop) -> None:
    bad, good = LISTENER[name]
    lab = shop.make(f"fuzz-{name}")
    assert await fate_served(lab, good) == "alive"
    assert await fate_served(lab, bad) == ("hung" if "hang" in name else "dead")
    assert await fate_served(shop.make(), bad) == "alive"


def login(lab: Lab, method: str, target: str) -> bytes:
    challenge = digest.choose(digest.parse_challenges([lab.parts.gate.challenge()]))
    assert isinstance(challenge, digest.DigestChallenge)
    return digest.digest_authorization(
        challenge, username="u", password="p", method=method, uri=target, nc=1, cnonce="c"
    ).encode()


def judged(lab: Lab, method: str, target: str, authorization: bytes) -> int:
    headers = [(b"Host", b"a"), (b"Authorization", authorization)]
    return lab.parts.listener.judge(h11.Request(method=method, target=target, headers=headers))[0]


def test_replay_path_and_method(shop: Workshop) -> None:
    for name, replayed, cut, posted in (
        ((), 401, 404, 405),
        (("fuzz-replay-accepted",), 200, 404, 405),
        (("fuzz-path-ends-at-nul",), 401, 200, 405),
        (("fuzz-any-method-wakes",), 401, 404, 200),
    ):
        lab = shop.make(*name)
        lab.parts.connection_requested = lambda: True
        path = lab.parts.status.connection_request_path()
        once = login(lab, "GET", path)
        assert judged(lab, "GET", path, once) == 200
        assert judged(lab, "GET", path, once) == replayed
        assert judged(lab, "GET", path + "%00x", login(lab, "GET", path + "%00x")) == cut
        assert judged(lab, "POST", path, login(lab, "POST", path)) == posted
        assert judged(lab, "GET", "/other", login(lab, "GET", "/other")) == 404
        assert lab.parts.status.connection_request_path() == path


async def test_slow_client_keeps_others_out(shop: Workshop) -> None:
    lab = shop.make("fuzz-slow-client-blocks")
    slow = asyncio.create_task(lab.parts.listener._serve(asyncio.StreamReader(), None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    other = asyncio.create_task(served(lab, HEAD + b"\r\n"))
    done, waiting = await asyncio.wait([slow, other], timeout=0.05)
    assert (len(done), len(waiting)) == (0, 2)
    for task in waiting:
        task.cancel()
    await asyncio.gather(slow, other, return_exceptions=True)


async def test_time_server(shop: Workshop) -> None:
    body = b"<NewNTPServer1>`ping c3.canary.test`</NewNTPServer1>"
    request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    for name, expected in (((), []), (("fuzz-time-server-command",), ["c3.canary.test"])):
        lab = shop.make(*name)
        await served(lab, request)
        assert sorted(set(lab.called)) == expected


# --- files

FILES = {
    "crash-empty-file": (b"", b"# nothing\n"),
    "crash-long-line": (b"# " + b"a" * 4096, b"# a\n" * 2000),
    "crash-long-version": (b"Version: " + b"1" * 65 + b"\n", b"Version: 1\n"),
    "crash-short-image": (b"REFERENCE-CPE-FIRMWARE 1\n", b"REFERENCE-CPE-FIRMWARE 1\n\n"),
}


@pytest.mark.parametrize("name", FILES)
async def test_file_defect(name: str, shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = shop.make()

    async def fetch(_self: object, data: bytes) -> bytes:
        return data

    monkeypatch.setattr(type(lab.parts.transfers), "fetch", fetch)
    lab = shop.make(f"fuzz-{name}")
    bad, good = FILES[name]
    assert await lab.parts.transfers.fetch(good) == good  # type: ignore[arg-type]
    with pytest.raises(Dead):
        await lab.parts.transfers.fetch(bad)  # type: ignore[arg-type]
    cutting = shop.make("fuzz-file-ends-at-nul")
    assert await cutting.parts.transfers.fetch(b"set a b\n\0rubbish") == b"set a b\n"  # type: ignore[arg-type]


# --- really


@pytest.mark.parametrize(("what", "status"), [("die", 139), ("hang", None)])
def test_processes_really_die_and_hang(what: str, status: int | None) -> None:
    child = os.fork()
    if child == 0:
        getattr(fuzz_seeded, what)()
        os._exit(0)
    if status is None:
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGKILL)
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == (-signal.SIGKILL if status is None else status)


def test_every_defect_is_tried() -> None:
    single = {
        "state-lost-after-cut", "stuck-after-cut", "transfer-complete-lost", "bomb-unpacked", "redirects-for-ever",
        "waits-for-ever", "slow-client-blocks", "crash-failed-handshake", "stuck-after-handshake", "replay-accepted",
        "path-ends-at-nul", "any-method-wakes", "time-server-command", "file-ends-at-nul",
    }  # fmt: skip
    tried = {f"fuzz-{name}" for name in {*SESSION, *HTTP, *LISTENER, *FILES, *single}}
    assert tried == {name for name, each in SEEDED.items() if each.surface != "soap"}
