"""The Node CPE of ``examples/`` under the command driver, against a minimal ACS, with a strict reader."""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from minimal_acs import MinimalAcs, Request, Session

from harness.cwmp.messages import (
    Download,
    DownloadResponse,
    Fault,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
    ParameterValueStruct,
    Reboot,
    RebootResponse,
    ScheduleInform,
    SetParameterValues,
    SetParameterValuesResponse,
    TransferComplete,
    UnknownMessage,
)
from harness.device.command import CommandDriver
from harness.device.profile import load
from harness.lab.network import Lab
from harness.lab.pki import Authority

PROFILE = Path(__file__).parents[2] / "examples" / "node-cpe" / "profile.toml"
CODE = "Device.DeviceInfo.ProvisioningCode"
INTERVAL = "Device.ManagementServer.PeriodicInformInterval"
CREDENTIALS = {"connection_request_username": "cr", "connection_request_password": "secret"}

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
async def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    monkeypatch.setenv("CPECHECK_NO_NAMESPACES", "1")
    (tmp_path / "lab").mkdir()
    lab = await Lab.create(workdir=tmp_path / "lab")
    yield lab
    await lab.close()


class Bench:
    """Device and ACS, and the URL under which the one finds the other."""

    def __init__(self, acs: MinimalAcs, device: CommandDriver, url: str, workdir: Path) -> None:
        self.acs, self.device, self.url, self.workdir = acs, device, url, workdir
        self.port = free_port()

    async def boot(self, **settings: object) -> Session:
        """The session that a device with these settings opens first."""
        await self.device.start()
        await self.device.configure({"acs_url": self.url, "port": self.port, **CREDENTIALS, **settings})  # type: ignore[dict-item]
        return await self.acs.session()

    async def asked(self, *calls: Message) -> list[Message]:
        """What the device replies to *calls* in a session that a connection request opened."""
        self.acs.ask.extend(calls)
        assert await connection_request(self.port, await self.path()) == 200
        session = await self.acs.session()
        assert ("6 CONNECTION REQUEST", "") in session.events
        return session.replies

    async def path(self) -> str:
        log = (self.workdir / "state.json").read_text()
        found = re.search(r'"path":"(\w+)"', log)
        assert found
        return f"/{found[1]}"


@pytest.fixture
async def bench(lab: Lab, tmp_path: Path) -> AsyncIterator[Bench]:
    acs = MinimalAcs()
    listener = socket.create_server(("127.0.0.1", 0))
    await acs.start(listener)
    workdir = tmp_path / "device"
    workdir.mkdir()
    device = CommandDriver(load(PROFILE), lab, workdir)
    yield Bench(acs, device, f"http://127.0.0.1:{listener.getsockname()[1]}/acs?x=1", workdir)
    await device.stop()
    await acs.stop()
    assert acs.problems == []


async def http(port: int, request: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{request}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    answer = (await asyncio.wait_for(reader.read(), 10)).decode()
    writer.close()
    return int(answer.split()[1]), answer


async def connection_request(
    port: int, path: str, password: str = "secret", replay: list[str] | None = None
) -> int:
    """A digest-protected GET, done by hand (RFC 2617 3.2.2)."""
    status, answer = await http(port, f"GET {path} HTTP/1.1")
    if status != 401:
        return status
    given = dict(re.findall(r'(\w+)="?([^",\s]+)"?', answer.split("Digest ")[1].splitlines()[0]))
    assert (given["qop"], given["algorithm"]) == ("auth", "MD5")
    md5 = lambda *parts: hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: E731
    response = md5(
        md5("cr", given["realm"], password), given["nonce"], "00000001", "c0", "auth", md5("GET", path)
    )
    authorization = (
        f'Authorization: Digest username="cr", realm="{given["realm"]}", nonce="{given["nonce"]}", '
        f'uri="{path}", response="{response}", qop=auth, nc=00000001, cnonce="c0", algorithm=MD5'
    )
    if replay is not None:
        replay.append(authorization)
    status, answer = await http(port, f"GET {path} HTTP/1.1\r\n{authorization}")
    if status == 200:
        assert answer.endswith("\r\n\r\n")
        assert "content-length: 0" in answer.lower()
    return status


async def test_first_session(bench: Bench) -> None:
    session = await bench.boot()
    assert session.events == [("0 BOOTSTRAP", ""), ("1 BOOT", "")]
    inform = session.inform
    assert (inform.device_id.oui, inform.max_envelopes, inform.retry_count) == ("0200C9", 1, 0)
    forced = {item.name: item.value for item in inform.parameter_list}
    assert forced["Device.RootDataModelVersion"] == "2.11"
    assert forced["Device.ManagementServer.ConnectionRequestURL"] == (
        f"http://127.0.0.1:{bench.port}{await bench.path()}"
    )
    post, empty = session.requests
    assert post.line == "POST /acs?x=1 HTTP/1.1"
    assert post.header("Content-Type") == "text/xml; charset=utf-8"
    assert post.header("SOAPAction") == ""
    assert post.header("Cookie") is None
    assert (empty.body, empty.header("Content-Length")) == (b"", "0")
    assert (empty.header("Content-Type"), empty.header("SOAPAction")) == (None, None)
    assert empty.header("Cookie") == "a=1; b=two"
    await bench.device.configure({"periodic_inform_active": False})
    assert (await bench.acs.session()).events == [("1 BOOT", "")]


async def test_rpcs(bench: Bench) -> None:
    await bench.boot()
    code = ParameterValueStruct(CODE, "a<b & 'ü'", "xsd:string")
    replies = await bench.asked(
        GetRPCMethods(),
        SetParameterValues((code, ParameterValueStruct(INTERVAL, "77", "xsd:unsignedInt")), "key-1"),
        GetParameterValues(("Device.ManagementServer.", CODE)),
        GetParameterNames("Device.", next_level=True),
        GetParameterNames(CODE, next_level=False),
        GetParameterNames("", next_level=True),
    )
    methods, done, values, children, one, root = replies
    assert isinstance(methods, GetRPCMethodsResponse)
    assert "GetParameterValues" in methods.method_list
    assert done == SetParameterValuesResponse(0)
    assert isinstance(values, GetParameterValuesResponse)
    got = {item.name: item.value for item in values.parameter_list}
    assert got[CODE] == "a<b & 'ü'"
    assert got["Device.ManagementServer.ParameterKey"] == "key-1"
    assert got[INTERVAL] == "77"
    assert got["Device.ManagementServer.ConnectionRequestPassword"] == ""
    assert isinstance(children, GetParameterNamesResponse)
    assert [item.name for item in children.parameter_list] == [
        "Device.RootDataModelVersion", "Device.DeviceInfo.", "Device.ManagementServer.",
    ]  # fmt: skip
    assert isinstance(one, GetParameterNamesResponse)
    assert [(item.name, item.writable) for item in one.parameter_list] == [(CODE, True)]
    assert isinstance(root, GetParameterNamesResponse)
    assert [item.name for item in root.parameter_list] == ["Device."]


REFUSED: list[tuple[Message, int]] = [
    (ScheduleInform(5, "x"), 9000),
    (UnknownMessage("urn:dslforum-org:cwmp-1-0", "NoSuch"), 9000),
    (UnknownMessage("urn:example", "GetRPCMethods"), 9000),
    (GetParameterValues((CODE, "Device.Nothing")), 9005),
    (GetParameterValues(("Device.DeviceInfo",)), 9005),
    (GetParameterNames("Device.Nothing.", next_level=False), 9005),
    (GetParameterNames(CODE, next_level=True), 9003),
    (SetParameterValues((ParameterValueStruct(CODE, "a"), ParameterValueStruct(CODE, "b")), "k"), 9003),
    (Download("k", "1 Firmware Upgrade Image", "http://127.0.0.1/x"), 9003),
    (Download("k", "3 Vendor Configuration File", "ftp://127.0.0.1/x"), 9013),
]


async def test_faults_leave_the_session_going(bench: Bench) -> None:
    await bench.boot()
    replies = await bench.asked(*(call for call, _ in REFUSED), GetRPCMethods())
    assert [reply.fault_code for reply in replies[:-1] if isinstance(reply, Fault)] == [
        code for _, code in REFUSED
    ]
    assert isinstance(replies[-1], GetRPCMethodsResponse)


async def test_set_is_all_or_nothing(bench: Bench) -> None:
    await bench.boot()
    bad = {
        "Device.Nothing": ("1", 9005),
        "Device.DeviceInfo.SerialNumber": ("1", 9008),
        INTERVAL: ("0", 9007),
    }
    items = [
        ParameterValueStruct(CODE, "new"),
        *(ParameterValueStruct(name, raw) for name, (raw, _) in bad.items()),
    ]
    fault, values = await bench.asked(SetParameterValues(tuple(items), "k"), GetParameterValues((CODE,)))
    assert isinstance(fault, Fault)
    assert fault.fault_code == 9003
    found = {item.parameter_name: item.fault_code for item in fault.parameter_faults}
    assert found == {name: code for name, (_, code) in bad.items()}
    assert isinstance(values, GetParameterValuesResponse)
    assert values.parameter_list[0].value == ""


async def test_connection_requests(bench: Bench) -> None:
    await bench.boot()
    path = await bench.path()
    assert await connection_request(bench.port, "/elsewhere") == 404
    assert await connection_request(bench.port, path, password="wrong") == 401
    seen: list[str] = []
    assert await connection_request(bench.port, path, replay=seen) == 200
    assert (await bench.acs.session()).events == [("6 CONNECTION REQUEST", "")]
    assert (await http(bench.port, f"GET {path} HTTP/1.1\r\n{seen[0]}"))[0] == 401


async def test_reboot(bench: Bench) -> None:
    await bench.boot()
    assert await bench.asked(Reboot("key & <1>")) == [RebootResponse()]
    assert (await bench.acs.session()).events == [("1 BOOT", ""), ("M Reboot", "key & <1>")]


async def test_download_of_a_script(bench: Bench) -> None:
    await bench.boot()
    bench.acs.files["/script"] = bench.device._profile.files.script_for("marked")
    url = bench.url.replace("/acs?x=1", "/script")
    order = Download("dl-1", "3 Vendor Configuration File", url, file_size=len(bench.acs.files["/script"]))
    (reply,) = await bench.asked(order)
    assert isinstance(reply, DownloadResponse)
    assert reply.status == 1
    session = await bench.acs.session()
    assert session.events == [("7 TRANSFER COMPLETE", ""), ("M Download", "dl-1")]
    (complete,) = session.replies
    assert isinstance(complete, TransferComplete)
    assert (complete.command_key, complete.fault_struct.fault_code) == ("dl-1", 0)
    assert complete.start_time <= complete.complete_time
    assert len(bench.acs.fetched) == 1
    assert bench.acs.fetched[0].header("Cookie") is None
    (values,) = await bench.asked(GetParameterValues((CODE,)))
    assert isinstance(values, GetParameterValuesResponse)
    assert values.parameter_list[0].value == "marked"


async def test_a_download_that_fails_is_reported(bench: Bench) -> None:
    await bench.boot()
    bench.acs.files["/script"] = b"reticulate splines\n"
    await bench.asked(
        Download("dl-2", "3 Vendor Configuration File", bench.url.replace("/acs?x=1", "/script"))
    )
    (complete,) = (await bench.acs.session()).replies
    assert isinstance(complete, TransferComplete)
    assert complete.fault_struct.fault_code == 9018


async def test_download_is_refused_when_not_permitted(bench: Bench) -> None:
    await bench.boot(allow_file_transmission=False)
    url = bench.url.replace("/acs?x=1", "/script")
    (fault,) = await bench.asked(Download("dl-1", "3 Vendor Configuration File", url))
    assert isinstance(fault, Fault)
    assert fault.fault_code == 9001
    assert bench.acs.fetched == []


async def test_periodic_inform(bench: Bench) -> None:
    session = await bench.boot(periodic_inform_active=True, periodic_inform_interval=1)
    assert ("2 PERIODIC", "") not in session.events
    assert (await bench.acs.session()).events == [("2 PERIODIC", "")]


async def test_factory_reset_brings_the_bootstrap_back(bench: Bench) -> None:
    await bench.boot()
    await bench.device.factory_reset()
    await bench.device.configure({"acs_url": bench.url, "port": bench.port})
    assert (await bench.acs.session()).events == [("0 BOOTSTRAP", ""), ("1 BOOT", "")]


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess"])
async def test_the_acs_asks_for_digest(bench: Bench, algorithm: str) -> None:
    challenge = (
        "HTTP/1.1 401 X\r\nContent-Length: 0\r\nWWW-Authenticate: Basic realm=basic\r\n"
        f'WWW-Authenticate: Digest realm="a, b", nonce="n1", qop="auth-int,auth", algorithm={algorithm}, '
        'opaque="o"\r\n\r\n'
    ).encode()
    seen: list[dict[str, str]] = []

    def challenged(request: Request) -> bytes | None:
        given = request.header("Authorization")
        if given is None:
            return challenge
        seen.append(
            {
                key: quoted or plain
                for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', given)
            }
        )
        return None

    bench.acs.first_answer = challenged
    session = await bench.boot(acs_username="dev", acs_password="pw")
    assert len(session.requests) == 2
    assert [item["nc"] for item in seen] == ["00000001", "00000002"]
    for item in seen:
        assert item["response"] == digest_response(item, "dev", "pw", algorithm)
        assert (item["uri"], item["qop"], item["opaque"]) == ("/acs?x=1", "auth", "o")


def digest_response(given: dict[str, str], user: str, password: str, algorithm: str) -> str:
    """RFC 2617 3.2.2.1, for POST."""
    md5: Callable[[str], str] = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
    a1 = md5(f"{user}:{given['realm']}:{password}")
    if algorithm == "MD5-sess":
        a1 = md5(f"{a1}:{given['nonce']}:{given['cnonce']}")
    a2 = md5(f"POST:{given['uri']}")
    return md5(f"{a1}:{given['nonce']}:{given['nc']}:{given['cnonce']}:auth:{a2}")


async def test_redirect_repeats_the_post(bench: Bench) -> None:
    seen: list[Request] = []

    def redirect(request: Request) -> bytes | None:
        seen.append(request)
        if request.line.startswith("POST /acs"):
            return b"HTTP/1.1 307 X\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n"
        return None

    bench.acs.first_answer = redirect
    session = await bench.boot()
    assert [request.line for request in session.requests] == ["POST /moved HTTP/1.1"] * 2
    assert seen[0].body == seen[1].body


@pytest.mark.parametrize("body", [b"<a>", b"\xff", b"<!DOCTYPE x []><x/>"])
async def test_garbage_ends_the_session_and_the_next_one_works(bench: Bench, body: bytes) -> None:
    await bench.boot()
    left = [body]

    def garbage(request: Request) -> bytes | None:
        if request.body or not left:
            return None
        return b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(left[0]), left.pop())

    bench.acs.first_answer = garbage
    assert await connection_request(bench.port, await bench.path()) == 200
    async with asyncio.timeout(10):
        while b"session failed" not in (bench.workdir / "device.log").read_bytes():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await bench.asked(GetRPCMethods())
    assert bench.device.alive() == ""


async def test_https_needs_the_stored_root(lab: Lab, tmp_path: Path) -> None:
    root, other = Authority.create("root"), Authority.create("other")
    acs = MinimalAcs()
    listener = socket.create_server(("127.0.0.1", 0))
    await acs.start(listener, server_context(root, "127.0.0.1", tmp_path))
    workdir = tmp_path / "device"
    workdir.mkdir()
    device = CommandDriver(load(PROFILE), lab, workdir)
    log = workdir / "device.log"
    try:
        await device.start()
        await device.configure(
            {"acs_url": f"https://127.0.0.1:{listener.getsockname()[1]}/", "port": free_port()}
        )
        await told(log, "session failed: unable to verify the first certificate")
        log.write_bytes(b"")
        await device.upload_root_ca(other.pem)
        await told(log, "session failed: unable to verify the first certificate")
        assert acs.sessions.empty()
        await device.upload_root_ca(root.pem)
        assert (await acs.session()).events[0] == ("0 BOOTSTRAP", "")
    finally:
        await device.stop()
        await acs.stop()


async def told(log: Path, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in log.read_text():  # noqa: ASYNC110, ASYNC240 - another process writes it
            await asyncio.sleep(0.02)


def server_context(root: Authority, host: str, folder: Path) -> ssl.SSLContext:
    identity = root.leaf(host)
    (folder / "chain.pem").write_bytes(identity.chain_pem)
    (folder / "key.pem").write_bytes(identity.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context


async def test_source_address_in_the_namespace(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "device").mkdir()
    lab = await Lab.create(workdir=tmp_path / "lab")
    acs = MinimalAcs()
    device = CommandDriver(load(PROFILE), lab, tmp_path / "device") if lab.isolated else None
    try:
        if device is None:
            pytest.skip(lab.why_not)
        await acs.start(lab.listen("wan", lab.topology.acs_v4, 7547))
        await device.start()
        await device.configure({"acs_url": f"http://{lab.topology.acs_host}:7547/"})
        assert (await acs.session()).requests[0].peer == lab.topology.cpe_wan_v4
        for name, seen in (
            (device.names.loopback, device.names.loopback_address),
            (device.names.network, lab.topology.cpe_wan_v4),
        ):
            await device.configure({"source_address": name})
            assert (await acs.session()).requests[0].peer == seen
    finally:
        if device is not None:
            await device.stop()
        await acs.stop()
        await lab.close()
    assert acs.problems == []
