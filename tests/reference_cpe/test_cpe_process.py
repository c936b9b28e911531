"""The device as a process against a small ACS over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cpe_lab import DEADLINE, Acs, free_port, reply, run_device, serve_acs

from harness.cwmp import digest, soap
from harness.cwmp.inform import FORCED, Root
from harness.cwmp.messages import (
    Download,
    Fault,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    Reboot,
    SetParameterValues,
    TransferComplete,
    UnknownMessage,
)
from reference_cpe.firmware import build

CWMP = "urn:dslforum-org:cwmp-1-2"


async def test_first_session(acs: Acs, home: Path) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended)
        assert acs.events() == [["0 BOOTSTRAP", "1 BOOT"]]
        assert [item.name for item in acs.informs[0].parameter_list] == [
            forced.path for forced in FORCED[Root.DEVICE_2] if not forced.if_implemented
        ]
        (_, first, _), (_, second, body) = acs.requests
        assert first["SOAPAction"] == ""
        assert first["Content-Type"].startswith("text/xml")
        assert body == b""
        assert second["Content-Length"] == "0"
        assert "Content-Type" not in second
        assert "SOAPAction" not in second
        assert second["Cookie"] == "session=1"
        assert await device.end() == 0


async def test_bootstrap_only_for_a_new_acs(acs: Acs, home: Path) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs"):
        await acs.until(lambda: acs.ended == 1)
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 2)
        await device.configure(acs_url=f"{acs.base}/other")
        await acs.until(lambda: acs.ended == 3)
    assert acs.events() == [["0 BOOTSTRAP", "1 BOOT"], ["1 BOOT"], ["0 BOOTSTRAP"]]


async def test_parameters(acs: Acs, home: Path) -> None:
    acs.queue += [
        GetParameterNames("", True),
        GetParameterValues(("Device.ManagementServer.Password", "Device.ManagementServer.Username")),
        SetParameterValues(
            (
                ParameterValueStruct("Device.ManagementServer.Username", "changed"),
                ParameterValueStruct("Device.DeviceInfo.UpTime", "1", "xsd:unsignedInt"),
                ParameterValueStruct("Device.Nothing", "1"),
            ),
            "bad",
        ),
        SetParameterValues((ParameterValueStruct("Device.ManagementServer.Username", "<&>"),), "good"),
        GetParameterValues(("Device.ManagementServer.Username", "Device.ManagementServer.ParameterKey")),
        UnknownMessage(CWMP, "X_NOSUCH"),
    ]
    async with run_device(home, "--acs-url", f"{acs.base}/acs"):
        await acs.until(lambda: acs.ended)
    names, secret, refused, _, after, unknown = acs.got[1:]
    assert isinstance(names, GetParameterNamesResponse)
    assert [item.name for item in names.parameter_list] == ["Device."]
    assert isinstance(secret, GetParameterValuesResponse)
    assert [item.value for item in secret.parameter_list] == ["", ""]
    assert isinstance(refused, Fault)
    assert refused.fault_code == 9003
    codes = {item.parameter_name.rpartition(".")[2]: item.fault_code for item in refused.parameter_faults}
    assert codes == {"UpTime": 9008, "Nothing": 9005}
    assert isinstance(after, GetParameterValuesResponse)
    assert [item.value for item in after.parameter_list] == ["<&>", "good"]
    assert isinstance(unknown, Fault)
    assert unknown.fault_code == 9000


async def test_script(acs: Acs, home: Path) -> None:
    acs.files["/files/a.lcs"] = b'# a script\nset /Setup/Comment "was here"\nset /Setup/CWMP/Local-Port 0\n'
    acs.queue.append(Download("key", "3 Vendor Configuration File", f"{acs.base}/files/a.lcs"))
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 2)
        state = await device.state()
    assert state["comment"] == "was here"
    assert state["connection_request_url"] == ""
    assert {"7 TRANSFER COMPLETE", "M Download"} <= set(acs.events()[1])
    report = acs.got[-1]
    assert isinstance(report, TransferComplete)
    assert (report.command_key, report.fault_struct.fault_code) == ("key", 0)


async def test_firmware(acs: Acs, home: Path) -> None:
    acs.files["/files/f"] = build("9.9", b"payload")
    acs.queue.append(Download("up", "1 Firmware Upgrade Image", f"{acs.base}/files/f"))
    async with run_device(home, "--acs-url", f"{acs.base}/acs"):
        await acs.until(lambda: acs.ended == 2)
    assert {"1 BOOT", "7 TRANSFER COMPLETE", "M Download", "4 VALUE CHANGE"} == set(acs.events()[1])
    version = next(i.value for i in acs.informs[1].parameter_list if i.name.endswith("SoftwareVersion"))
    assert version == "9.9"


@pytest.mark.parametrize(
    ("settings", "file_type"),
    [
        ({"allow_file_transmission": False}, "3 Vendor Configuration File"),
        ({"allow_file_transmission": False}, "1 Firmware Upgrade Image"),
        ({"allow_firmware_updates": False}, "1 Firmware Upgrade Image"),
    ],
)
async def test_refused_transfers(acs: Acs, home: Path, settings: dict[str, bool], file_type: str) -> None:
    async with run_device(home) as device:
        await device.configure(**settings)
        acs.queue.append(Download("key", file_type, f"{acs.base}/files/f"))
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
    fault = acs.got[-1]
    assert isinstance(fault, Fault)
    assert fault.fault_code == 9001
    assert acs.fetched == []


@pytest.mark.parametrize(
    ("path", "data", "code"),
    [
        ("/files/none", None, 9016),
        ("/files/bad", b"not a firmware image", 9018),
        ("/files/bad", build("2", b"x")[:-1] + b"y", 9018),
    ],
)
async def test_failed_transfers(acs: Acs, home: Path, path: str, data: bytes | None, code: int) -> None:
    if data is not None:
        acs.files[path] = data
    acs.queue.append(Download("key", "1 Firmware Upgrade Image", acs.base + path))
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 2)
        assert (await device.state())["software_version"] == "1.0.0"
    report = acs.got[-1]
    assert isinstance(report, TransferComplete)
    assert report.fault_struct.fault_code == code


async def test_reboot_with_command_key(acs: Acs, home: Path) -> None:
    acs.queue += [Reboot("one"), Reboot("two <&>")]
    async with run_device(home, "--acs-url", f"{acs.base}/acs"):
        await acs.until(lambda: acs.ended == 2)
    keys = [(event.event_code, event.command_key) for event in acs.informs[1].event]
    assert sorted(keys) == [("1 BOOT", ""), ("M Reboot", "one"), ("M Reboot", "two <&>")]


async def test_digest_challenge_and_redirect(acs: Acs, home: Path) -> None:
    challenge = digest.DigestChallenge("acs", "nonce-1", "MD5-sess", ("auth", "auth-int"), opaque="o")
    counts: list[str] = []

    async def guard(request: web.Request, body: bytes) -> web.Response | None:
        if request.path == "/acs":
            return web.Response(status=307, headers={"Location": "/other"})
        given = request.headers.get("Authorization")
        if given is None:
            return web.Response(status=401, headers={"WWW-Authenticate": challenge.header()})
        parsed = digest.parse_authorization(given)
        wrong = digest.verify_digest(
            parsed, challenge, username="user", password='pa"ss', method="POST", target="/other"
        )
        assert wrong == ()
        counts.append(parsed.parameters["nc"])
        return None

    acs.intercept = guard
    async with run_device(home) as device:
        await device.configure(acs_username="user", acs_password='pa"ss', acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
        assert (await device.call("GET", "/settings"))[1]["acs_url"] == f"{acs.base}/acs"
    assert counts == ["00000001", "00000002"]
    bodies = [body for path, _, body in acs.requests[:3]]
    assert bodies[0] == bodies[1] == bodies[2] != b""


async def test_closed_connections_do_not_end_the_session(acs: Acs, home: Path) -> None:
    peers: list[object] = []

    async def close(request: web.Request, body: bytes) -> web.Response | None:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        if not body:
            return None
        envelope = soap.decode(body)
        answer = reply(soap_answer(), envelope.header.id)
        answer.force_close()
        return answer

    def soap_answer() -> object:
        from harness.cwmp.messages import InformResponse

        return InformResponse()

    acs.intercept = close
    async with run_device(home, "--acs-url", f"{acs.base}/acs"):
        await acs.until(lambda: acs.ended)
    assert len(acs.requests) == 2
    assert len(set(peers)) == 2


async def test_unreadable_message_fails_the_session(acs: Acs, home: Path) -> None:
    acs.queue.append(b"<not xml")
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: len(acs.requests) == 2)
        await acs.until(lambda: "session failed" in device.log)
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended)
    assert [inform.retry_count for inform in acs.informs] == [0, 1]


async def test_connection_request(acs: Acs, home: Path) -> None:
    async with run_device(home) as device:
        await device.configure(
            connection_request_username="wake", connection_request_password="up", port=free_port()
        )
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
        url = next(i.value for i in acs.informs[0].parameter_list if i.name.endswith("RequestURL"))
        async with aiohttp.ClientSession() as client:
            assert (await client.get(url)).status == 401
            for user, password in (("wake", "down"), ("nobody", "up")):
                middleware = aiohttp.DigestAuthMiddleware(user, password)
                assert (await client.get(url, middlewares=(middleware,))).status == 401
            good = aiohttp.DigestAuthMiddleware("wake", "up")
            answer = await client.get(url, middlewares=(good,))
            assert (answer.status, await answer.read()) == (200, b"")
            await acs.until(lambda: acs.ended == 2)
            assert (await client.get(url + "x", middlewares=(good,))).status == 404
            assert (await client.post(url, middlewares=(good,))).status == 405
    assert acs.events()[1:] == [["6 CONNECTION REQUEST"]]


async def test_nobody_wakes_a_device_without_credentials(acs: Acs, home: Path) -> None:
    async with run_device(home) as device:
        await device.configure(port=free_port(), acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
        url = (await device.state())["connection_request_url"]
        async with aiohttp.ClientSession() as client:
            middleware = aiohttp.DigestAuthMiddleware("", "")
            assert (await client.get(url, middlewares=(middleware,))).status == 401
    assert len(acs.informs) == 1


async def test_settings_api(acs: Acs, home: Path) -> None:
    async with run_device(home) as device, serve_acs() as other:
        before = (await device.call("GET", "/settings"))[1]
        taken = int(other.base.rpartition(":")[2])
        for wanted, bad in (
            ({"periodic_inform_interval": 0, "acs_username": "x"}, {"periodic_inform_interval"}),
            ({"acs_url": "ftp://x", "port": 70000}, {"acs_url", "port"}),
            ({"nonsense": 1}, {"nonsense"}),
            ({"port": taken}, {"port"}),
            ({"ipv6_inbound_rules": [{"name": "a b"}]}, {"ipv6_inbound_rules"}),
        ):
            status, answer = await device.call("PATCH", "/settings", json=wanted)
            assert (status, set(answer["errors"])) == (422, bad)
        for body in (b"", b"[]", b"\xff"):
            assert (await device.call("PATCH", "/settings", data=body))[0] == 400
        assert (await device.call("POST", "/actions/explode"))[0] == 404
        assert (await device.call("GET", "/settings"))[1] == before
        schema = (await device.call("GET", "/settings/schema"))[1]
        assert {row["key"] for row in schema} == set(before)


async def test_state_survives_a_kill(acs: Acs, home: Path) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended)
        await device.configure(periodic_inform_interval=77)
        device.process.kill()
        await device.process.wait()
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        assert (await device.call("GET", "/settings"))[1]["periodic_inform_interval"] == 77
        await device.call("POST", "/actions/factory-reset")
        assert (await device.call("GET", "/settings"))[1]["periodic_inform_interval"] == 1200
        await acs.until(lambda: len(acs.informs) == 3)
    assert "0 BOOTSTRAP" in acs.events()[-1]


async def test_secrets_stay_out_of_the_log(acs: Acs, home: Path) -> None:
    secret = hashlib.sha256(b"secret").hexdigest()
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--verbose") as device:
        await device.configure(acs_password=secret, connection_request_password=secret)
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 2)
        assert secret not in device.log


async def test_ends_while_the_acs_is_silent(acs: Acs, home: Path) -> None:
    silent = asyncio.Event()

    async def hold(_request: web.Request, _body: bytes) -> None:
        silent.set()
        await asyncio.Event().wait()

    acs.intercept = hold
    async with run_device(home) as device:
        await device.configure(acs_url=f"{acs.base}/acs")
        await asyncio.wait_for(silent.wait(), DEADLINE)
        assert await device.end() == 0


async def test_reboot_by_the_operator_breaks_a_session(acs: Acs, home: Path) -> None:
    silent = asyncio.Event()

    async def hold(_request: web.Request, _body: bytes) -> None:
        if not silent.is_set():
            silent.set()
            await asyncio.Event().wait()

    acs.intercept = hold
    async with run_device(home) as device:
        await device.configure(acs_url=f"{acs.base}/acs")
        await asyncio.wait_for(silent.wait(), DEADLINE)
        assert (await device.call("POST", "/actions/reboot"))[0] == 204
        await acs.until(lambda: acs.ended)
    assert acs.events() == [["0 BOOTSTRAP", "1 BOOT"]]
    assert acs.informs[0].retry_count == 0
