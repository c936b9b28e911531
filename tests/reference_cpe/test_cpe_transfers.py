"""Transfers: uploads, time windows, the queue, their codes, what survives; requests of the device's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web
from cpe_lab import Acs, ManualClock, reply, run_device
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.cwmp import digest, soap
from harness.cwmp import namespaces as ns
from harness.cwmp.messages import (
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    CancelTransfer,
    CancelTransferResponse,
    Download,
    Envelope,
    Fault,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Header,
    InformResponse,
    Message,
    ParameterValueStruct,
    RequestDownload,
    RequestDownloadResponse,
    ScheduleDownload,
    SetParameterValues,
    TimeWindowStruct,
    TransferComplete,
    TransferCompleteResponse,
    Upload,
)
from reference_cpe import firmware, script, windows
from reference_cpe.config import Config, Identity, Initiative
from reference_cpe.fault import CwmpFault
from reference_cpe.file_types import upload_type
from reference_cpe.parts import Parts, assemble
from reference_cpe.session import End, Post, Session
from reference_cpe.store import Store
from reference_cpe.transfers import Kind, Transfer
from reference_cpe.windows import Window

SCRIPT = "3 Vendor Configuration File"
USER = ("<user>", "p ä:ss")


def window(start: int, end: int, mode: str = "1 At Any Time", retries: int = 0) -> TimeWindowStruct:
    return TimeWindowStruct(start, end, mode, "", retries)


def call(parts: Parts, message: Message) -> Any:
    return parts.rpc[type(message).__name__](parts, message)


def schedule(
    *wanted: TimeWindowStruct, key: str = "key", url: str = "http://files.test/a"
) -> ScheduleDownload:
    return ScheduleDownload(key, SCRIPT, url, "", "", 0, "", wanted)


# --- time windows


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ((window(0, 10), window(10, 20)), None),
        ((window(50, 60), window(0, 10, "2 Immediately", -1)), None),
        ((window(0, 10, "3 When Idle", 5),), None),
        ((window(10, 10),), 9003),
        ((window(10, 5),), 9003),
        ((window(0, 11), window(10, 20)), 9003),
        ((window(10, 20), window(0, 11)), 9003),
        ((window(0, 10, "5 Whenever"),), 9003),
        ((window(0, 10, retries=-2),), 9003),
        ((window(0, 10, "4 Confirmation Needed"),), 9001),
    ],
)
def test_windows_are_judged(wanted: tuple[TimeWindowStruct, ...], code: int | None) -> None:
    if code is None:
        found = windows.judge(wanted, 1000)
        assert [w.start for w in found] == sorted(1000 + w.window_start for w in wanted)
    else:
        with pytest.raises(CwmpFault) as caught:
            windows.judge(wanted, 1000)
        assert caught.value.code == code


def test_attempts_in_windows() -> None:
    two = (Window(100, 200, 1), Window(300, 400, -1))
    assert windows.current(two, 0) == windows.current(two, 150) == two[0]
    assert windows.current(two, 200) == windows.current(two, 350) == two[1]
    assert windows.current(two, 400) is None
    assert windows.after_failure(two, 150, 1) == (155, 1)
    assert windows.after_failure(two, 150, 2) == (300, 0)
    assert windows.after_failure(two, 197, 1) == (300, 0)
    assert windows.after_failure(two, 350, 99) == (355, 99)
    assert windows.after_failure(two, 397, 1) is None
    assert windows.after_failure((), 0, 1) is None


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def faking(parts: Parts, answers: list[bytes | CwmpFault | Callable[[], Any]]) -> list[float]:
    """Let `fetch` give *answers* one after the other; gives the times it was called."""
    begun: list[float] = []

    async def fetch(_transfer: Transfer) -> bytes:
        begun.append(parts.clock.now())
        answer = answers.pop(0)
        if isinstance(answer, CwmpFault):
            raise answer
        if callable(answer):
            await answer()
            raise AssertionError
        return answer

    parts.transfers.fetch = fetch  # type: ignore[method-assign]
    return begun


GOOD = b"set /Setup/Comment x\n"


def result(parts: Parts) -> tuple[int, list[str]]:
    (number,) = parts.transfers.reported()
    report = parts.transfers.report(number)
    return report.fault_struct.fault_code, [entry.code for entry in parts.events.entries]


async def test_only_inside_its_window(parts: Parts, clock: ManualClock) -> None:
    begun = faking(parts, [GOOD])
    call(parts, schedule(window(60, 120)))
    parts.transfers.start_due()
    await settle()
    assert begun == []
    assert clock.next_timer() == 60
    clock.advance(60)
    await settle()
    assert begun == [60]
    assert result(parts) == (0, ["7 TRANSFER COMPLETE", "M ScheduleDownload"])


async def test_retries_and_the_next_window(parts: Parts, clock: ManualClock) -> None:
    failed = CwmpFault(9015, "not there")
    begun = faking(parts, [failed, failed, failed, GOOD])
    call(parts, schedule(window(10, 100, retries=1), window(200, 300, retries=2)))
    parts.transfers.start_due()
    for seconds in (10, 5, 185, 5):
        clock.advance(seconds)
        await settle()
    assert begun == [10, 15, 200, 205]
    assert result(parts)[0] == 0


async def test_the_last_failure_is_reported(parts: Parts, clock: ManualClock) -> None:
    faking(parts, [CwmpFault(9016, "no such file")])
    call(parts, schedule(window(10, 100)))
    parts.transfers.start_due()
    clock.advance(10)
    await settle()
    assert result(parts)[0] == 9016


async def test_a_window_that_ends_under_way(parts: Parts, clock: ManualClock) -> None:
    faking(parts, [lambda: asyncio.Event().wait()])
    call(parts, schedule(window(10, 100)))
    parts.transfers.start_due()
    clock.advance(10)
    await settle()
    clock.advance(90)
    await settle()
    assert result(parts)[0] == 9020


async def test_windows_missed_while_switched_off(parts: Parts, clock: ManualClock) -> None:
    call(parts, schedule(window(10, 100)))
    stored = parts.transfers.dump()
    clock.advance(200)
    parts.transfers.load(stored)
    parts.transfers.start_due()
    assert result(parts)[0] == 9020


# --- the queue


async def test_a_script_is_run_once_though_power_fails_before_its_result_is_noted(tmp_path: Path) -> None:
    """It even forbids itself: what it has done is done, and is reported as such."""
    clock, store = ManualClock(), Store(tmp_path / "store")
    parts = assemble(Config(), clock, store, Random(1))
    runs = faking(parts, [b"set /Setup/Comment once\nset /Setup/CWMP/Allow-File-Download no\n"])
    call(parts, schedule(window(0, 10)))
    (transfer,) = parts.transfers.pending()
    assert await parts.transfers.carry_out(transfer) is False
    assert len(runs) == 1

    after = assemble(Config(), clock, Store(tmp_path / "store"), Random(1))
    after.transfers.load(after.store.get("transfers"))
    again = faking(after, [b"set /Setup/Comment twice\n"])
    clock.time = 100
    after.transfers.start_due()
    await settle()
    assert (again, after.model.text("Device.X_EXAMPLE-ORG_Comment")) == ([], "once")
    assert result(after)[0] == 0
    after.transfers.acknowledged(transfer.number)
    after.settings.change({"allow_file_transmission": True})
    call(after, schedule(window(0, 10)))
    after.transfers.start_due()
    await settle()
    assert (len(again), after.model.text("Device.X_EXAMPLE-ORG_Comment")) == (1, "twice")


async def test_a_script_that_names_another_acs(tmp_path: Path) -> None:
    """The mark of what was run goes with the transfer: the new ACS's first script is run."""
    parts = assemble(Config(), ManualClock(), Store(tmp_path / "store"), Random(1))
    parts.settings.changed = lambda _change: parts.transfers.forget()
    faking(parts, [b"set /Setup/CWMP/ACS-URL http://other.test/\n"])
    call(parts, schedule(window(0, 10)))
    parts.transfers.start_due()
    await settle()
    assert parts.transfers.pending() == []
    assert parts.store.get("script_done") is None
    assert parts.events.entries == []


def test_queued_transfers(parts: Parts) -> None:
    call(parts, Download("d", SCRIPT, "http://x.test/", "", "", 77, "name", 30))
    call(parts, Upload("u", "4 Vendor Log File 1", "http://x.test/", delay_seconds=60))
    parts.transfers.autonomous("http://x.test/own")
    parts.transfers.pending()[0].running = True
    parts.transfers.pending()[1].done = True
    short: GetQueuedTransfersResponse = call(parts, GetQueuedTransfers())
    assert [(item.command_key, item.state) for item in short.transfer_list] == [("d", 2), ("u", 3)]
    long: GetAllQueuedTransfersResponse = call(parts, GetAllQueuedTransfers())
    assert [
        (i.is_download, i.file_type, i.file_size, i.target_file_name, i.state) for i in long.transfer_list
    ] == [
        (True, SCRIPT, 77, "name", 2),
        (False, "7 Vendor Log File 1", 0, "", 3),
        (True, SCRIPT, 0, "", 1),
    ]


def test_the_queue_is_full(parts: Parts) -> None:
    for number in range(10):
        call(parts, Download(str(number), SCRIPT, "http://x.test/", delay_seconds=1000))
    for message in (
        Download("x", SCRIPT, "http://x.test/"),
        Upload("x", "4 Vendor Log File 1", "http://x.test/"),
        schedule(window(1, 2)),
    ):
        with pytest.raises(CwmpFault, match="9004"):
            call(parts, message)
    assert len(parts.transfers.pending()) == 10


def test_cancel(parts: Parts) -> None:
    for key in ("a", "b", "a"):
        call(parts, Download(key, SCRIPT, "http://x.test/", delay_seconds=1000))
    assert call(parts, CancelTransfer("none")) == CancelTransferResponse()
    assert call(parts, CancelTransfer("a")) == CancelTransferResponse()
    assert [t.command_key for t in parts.transfers.pending()] == ["b"]
    assert parts.events.entries == []
    parts.transfers.pending()[0].running = True
    with pytest.raises(CwmpFault, match="9021"):
        call(parts, CancelTransfer("b"))
    assert len(parts.transfers.pending()) == 1


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (Upload("", "3 Vendor Configuration File 2", "http://x.test/"), 9003),
        (Upload("", "3 Vendor Configuration File", "http://x.test/"), 9003),
        (Upload("", "1 Vendor Configuration File 1", "http://x.test/"), 9003),
        (Upload("", "4 Vendor Configuration File 1", "http://x.test/"), 9003),
        (Upload("", "1 Firmware Upgrade Image", "http://x.test/"), 9003),
        (Upload("", "4 Vendor Log File 1", "gopher://x.test/"), 9013),
        (Upload("", "4 Vendor Log File 1", "http://u:p@x.test/"), 9003),
        (Download("", SCRIPT, "http://x.test/", file_size=2**31), 9004),
    ],
)
def test_refused_at_once(parts: Parts, message: Message, code: int) -> None:
    with pytest.raises(CwmpFault) as caught:
        call(parts, message)
    assert caught.value.code == code
    assert parts.transfers.pending() == []


def test_uploads_need_the_switch(parts: Parts) -> None:
    parts.settings.change({"allow_file_transmission": False})
    with pytest.raises(CwmpFault, match="9001"):
        call(parts, Upload("", "4 Vendor Log File 1", "http://x.test/"))


@pytest.mark.parametrize("file_type", ["1 Vendor Configuration File", "3 Vendor Configuration File 1"])
def test_the_configuration_file_comes_back(parts: Parts, file_type: str) -> None:
    parts.settings.change({"acs_username": 'b c#"', "acs_password": "secret", "source_address": "a b"})
    kind = parts.transfers.upload_kind(file_type)
    assert kind is Kind.SETTINGS
    data = parts.transfers.content(kind)
    assert b"secret" not in data
    wanted = script.read(data).settings
    assert wanted["source_address"] == "a b"
    assert "acs_password" not in wanted
    assert wanted == {key: parts.settings.value(key) for key in wanted}
    assert upload_type(file_type)[0] in "36"


def test_a_signed_image(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw().hex()
    parts = assemble(
        Config(Identity(firmware_key=public)), ManualClock(), Store(tmp_path / "store"), Random(1)
    )
    good = firmware.build("2.0", b"payload", key=key)
    assert parts.transfers.update_firmware(good)
    other = firmware.build("2.0", b"payload", key=Ed25519PrivateKey.generate())
    for bad, code in (
        (other, 9019),
        (firmware.build("2.0", b"payload"), 9019),
        (good.replace(b"2.0", b"2.1"), 9019),
        (good + b"x", 9018),
    ):
        with pytest.raises(CwmpFault) as caught:
            parts.transfers.update_firmware(bad)
        assert caught.value.code == code


# --- in a session


def acs_says(message: Message, own_id: str | None = "1", namespace: str = ns.CWMP_1_2) -> bytes:
    return soap.encode(Envelope(message, Header(id=own_id), namespace))


def finished(parts: Parts, code: int) -> None:
    parts.transfers.add(Kind.SCRIPT, "key", "http://x.test/", ("", ""), 0)
    parts.transfers._complete(parts.transfers.pending()[-1], False, CwmpFault(code, "why") if code else None)


@pytest.mark.parametrize(
    ("namespace", "code", "said"),
    [
        (ns.CWMP_1_2, 9020, 9020),
        (ns.CWMP_1_1, 9020, 9010),
        (ns.CWMP_1_1, 9015, 9015),
        (ns.CWMP_1_0, 9015, 9010),
        (ns.CWMP_1_0, 9012, 9012),
        (ns.CWMP_1_0, 0, 0),
    ],
)
def test_codes_of_the_agreed_version(parts: Parts, namespace: str, code: int, said: int) -> None:
    finished(parts, code)
    session = Session(parts)
    session.start()
    action = session.receive(200, acs_says(InformResponse(), namespace=namespace))
    assert isinstance(action, Post)
    report = soap.decode(action.body).message
    assert isinstance(report, TransferComplete)
    assert report.fault_struct.fault_code == said


def test_own_requests_in_order(tmp_path: Path) -> None:
    config = Config(
        initiative=Initiative(
            get_rpc_methods=True,
            request_download="1 Firmware Upgrade Image",
            autonomous_download="http://x.test/own",
        )
    )
    parts = assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))
    policy = "Device.ManagementServer.AutonomousTransferCompletePolicy.Enable"
    parts.model.set((ParameterValueStruct(policy, "1", "xsd:boolean"),))
    parts.requests.begin()
    parts.transfers._complete(parts.transfers.pending()[0], False, None)
    finished(parts, 0)
    session = Session(parts)
    session.start()
    assert [entry.code for entry in parts.events.entries] == [
        "9 REQUEST DOWNLOAD",
        "10 AUTONOMOUS TRANSFER COMPLETE",
        "7 TRANSFER COMPLETE",
        "M Download",
    ]
    answers = {
        GetRPCMethods: GetRPCMethodsResponse(("Inform",)),
        RequestDownload: RequestDownloadResponse(),
        AutonomousTransferComplete: AutonomousTransferCompleteResponse(),
        TransferComplete: TransferCompleteResponse(),
    }
    action, sent = session.receive(200, acs_says(InformResponse())), []
    while isinstance(action, Post) and action.body:
        envelope = soap.decode(action.body)
        sent.append(type(envelope.message))
        action = session.receive(200, acs_says(answers[type(envelope.message)], envelope.header.id))
    assert sent == list(answers)
    assert session.receive(204, b"") == End(True)
    assert parts.events.entries == []
    assert parts.transfers.pending() == []
    assert parts.requests.acs_methods == ("Inform",)
    assert parts.requests.pending() == []


def test_a_full_queue_leaves_the_device_alone(tmp_path: Path) -> None:
    config = Config(initiative=Initiative(autonomous_download="http://x.test/own"))
    parts = assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))
    for number in range(10):
        parts.transfers.add(Kind.SCRIPT, str(number), "http://x.test/", ("", ""), 1000)
    parts.requests.begin()
    assert len(parts.transfers.pending()) == 10
    assert b"no download" in parts.journal.text()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, False),
        ({"Enable": "true"}, True),
        ({"Enable": "true", "TransferTypeFilter": "Upload"}, False),
        ({"Enable": "true", "ResultTypeFilter": "Failure"}, False),
        ({"Enable": "true", "ResultTypeFilter": "Success", "TransferTypeFilter": "Download"}, True),
        ({"Enable": "true", "FileTypeFilter": "1 Firmware Upgrade Image"}, False),
        ({"Enable": "true", "FileTypeFilter": "X 0200C9 A, 3 Vendor Configuration File"}, True),
        ({"Enable": "true", "FileTypeFilter": ""}, False),
    ],
)
def test_which_autonomous_transfers_are_told(parts: Parts, settings: dict[str, str], told: bool) -> None:
    for name, text in settings.items():
        path = f"Device.ManagementServer.AutonomousTransferCompletePolicy.{name}"
        parts.model.set((ParameterValueStruct(path, text, None),))
    parts.transfers.autonomous("http://x.test/own")
    parts.transfers._complete(parts.transfers.pending()[0], False, None)
    assert bool(parts.events.entries) is bool(parts.transfers.pending()) is told


def test_what_an_old_acs_cannot_be_asked_waits(parts: Parts) -> None:
    path = "Device.ManagementServer.AutonomousTransferCompletePolicy.Enable"
    parts.model.set((ParameterValueStruct(path, "true", None),))
    parts.transfers.autonomous("http://x.test/own")
    parts.transfers._complete(parts.transfers.pending()[0], False, None)
    session = Session(parts)
    session.start()
    assert session.receive(200, acs_says(InformResponse(), namespace=ns.CWMP_1_0)) == Post(b"")
    assert len(parts.transfers.pending()) == 1


@pytest.mark.parametrize("code", [8000, 8003])
def test_a_refused_report_waits_for_the_next_session(parts: Parts, code: int) -> None:
    finished(parts, 0)
    session = Session(parts)
    session.start()
    session.receive(200, acs_says(InformResponse()))
    assert session.receive(200, acs_says(Fault(code, "no"), "2")) == Post(b"")
    assert session.receive(204, b"") == End(True)
    assert parts.transfers.reported() == [1]


# --- over HTTP


@dataclass
class FileServer:
    base: str = ""
    challenge: str = ""
    status: int = 201
    redirect: str = ""
    stored: list[tuple[str, str, bytes]] = field(default_factory=list)
    attempts: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.attempts += 1
        assert "Cookie" not in request.headers
        if request.path == "/start":
            return web.Response(status=307, headers={"Location": self.redirect})
        if self.challenge and not self._knows(request):
            return web.Response(status=401, headers={"WWW-Authenticate": self.challenge})
        assert request.headers["Content-Length"] == str(len(body))
        self.stored.append((request.method, request.path, body))
        return web.Response(status=self.status)

    def _knows(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization")
        if given is None:
            return False
        authorization = digest.parse_authorization(given)
        if authorization.scheme.lower() == "basic":
            return digest.basic_credentials(authorization) == USER
        challenge = digest.choose(digest.parse_challenges([self.challenge]))
        assert isinstance(challenge, digest.DigestChallenge)
        expected = digest.digest_authorization(
            challenge,
            username=USER[0],
            password=USER[1],
            method="PUT",
            uri=request.path,
            nc=1,
            cnonce=authorization.parameters["cnonce"],
        )
        return authorization == digest.parse_authorization(expected)


@asynccontextmanager
async def file_server() -> AsyncIterator[FileServer]:
    server = FileServer()
    app = web.Application()
    app.router.add_route("*", "/{path}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    server.redirect = f"{server.base}/end"
    try:
        yield server
    finally:
        await runner.cleanup()


def reports(acs: Acs) -> list[int]:
    return [m.fault_struct.fault_code for m in acs.got if isinstance(m, TransferComplete)]


@pytest.mark.parametrize(
    "challenge", ["", 'Basic realm="files"', 'Digest realm="files", nonce="abc", qop="auth", algorithm=MD5']
)
async def test_upload(acs: Acs, home: Path, challenge: str) -> None:
    async with file_server() as files, run_device(home) as device:
        files.challenge = challenge
        acs.queue.append(Upload("up", "3 Vendor Configuration File 1", f"{files.base}/start", *USER))
        await device.configure(acs_url=f"{acs.base}/acs", acs_username="acs", acs_password="never")
        await acs.until(lambda: acs.ended == 2)
        ((method, path, body),) = files.stored
    assert (method, path) == ("PUT", "/end")
    assert script.read(body).settings["acs_username"] == "acs"
    assert acs.events()[1] == ["7 TRANSFER COMPLETE", "M Upload"]
    assert reports(acs) == [0]


@pytest.mark.parametrize(
    ("path", "user", "challenge", "status", "code"),
    [
        ("/a", ("", ""), "Basic realm=x", 201, 9012),
        ("/a", ("other", "x"), "Basic realm=x", 201, 9012),
        ("/a", USER, "", 403, 9011),
        ("/a", USER, "", 500, 9011),
        (None, USER, "", 201, 9015),
    ],
)
async def test_upload_failures(
    acs: Acs, home: Path, path: str | None, user: tuple[str, str], challenge: str, status: int, code: int
) -> None:
    async with file_server() as files:
        files.challenge, files.status = challenge, status
        url = "http://127.0.0.1:1/" if path is None else files.base + path
        acs.queue.append(Upload("up", "4 Vendor Log File 1", url, *user))
        async with run_device(home, "--acs-url", f"{acs.base}/acs"):
            await acs.until(lambda: acs.ended == 2)
    assert reports(acs) == [code]
    assert files.attempts <= 3


async def test_a_kill_while_a_transfer_runs(acs: Acs, home: Path) -> None:
    """It is done again after the restart and reported once, with its own CommandKey."""
    begun = asyncio.Event()
    held = asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        begun.set()
        await held.wait()
        return web.Response(body=GOOD)

    app = web.Application()
    app.router.add_get("/slow", hold)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slow"
        acs.queue.append(Download("key", SCRIPT, url))
        async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
            await asyncio.wait_for(begun.wait(), 20)
            device.process.kill()
            await device.process.wait()
        held.set()
        async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
            await acs.until(lambda: reports(acs))
            await acs.until(lambda: acs.ended == len(acs.informs))
            assert (await device.state())["comment"] == "x"
            assert (await device.state())["pending_transfers"] == []
    finally:
        held.set()
        await runner.cleanup()
    assert [m.command_key for m in acs.got if isinstance(m, TransferComplete)] == ["key"]


async def test_an_autonomous_download(acs: Acs, home: Path) -> None:
    acs.files["/files/own"] = GOOD
    (home / "cpe.toml").write_text(
        f'[initiative]\nautonomous_download = "{acs.base}/files/own"\n[settings]\nport = 0\n'
    )

    async def answer(_request: web.Request, body: bytes) -> web.Response | None:
        message = soap.decode(body).message if body else None
        if isinstance(message, AutonomousTransferComplete):
            acs.got.append(message)
            return reply(AutonomousTransferCompleteResponse(), soap.decode(body).header.id)
        return None

    acs.intercept = answer
    policy = "Device.ManagementServer.AutonomousTransferCompletePolicy.Enable"
    acs.queue.append(SetParameterValues((ParameterValueStruct(policy, "1", "xsd:boolean"),), ""))
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--config", str(home / "cpe.toml")) as device:
        await acs.until(lambda: acs.ended)
        await device.call("POST", "/actions/reboot")
        await acs.until(lambda: any("10 AUTONOMOUS TRANSFER COMPLETE" in codes for codes in acs.events()))
        await acs.until(lambda: isinstance(acs.got[-1], AutonomousTransferComplete))
    report = acs.got[-1]
    assert isinstance(report, AutonomousTransferComplete)
    assert (report.transfer_url, report.is_download, report.file_type) == (
        f"{acs.base}/files/own",
        True,
        SCRIPT,
    )
    assert report.fault_struct.fault_code == 0
