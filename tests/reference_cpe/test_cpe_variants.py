"""Variants of transfers, of changes and of the data model: that they do what they say, and correctly."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from cpe_lab import Acs, run_device

from harness.cwmp import soap
from harness.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    Download,
    DownloadResponse,
    Envelope,
    Fault,
    Header,
    Inform,
    InformResponse,
    ParameterValueStruct,
    SetParameterValues,
    SetParameterValuesResponse,
    TransferComplete,
)

SCRIPT = "3 Vendor Configuration File"
ITEMS = "Device.X_EXAMPLE-ORG_Sandbox.Item."


@pytest.mark.parametrize(("content", "code"), [(b"set /Setup/Comment there\n", 0), (b"nonsense\n", 9010)])
async def test_download_at_once(acs: Acs, home: Path, content: bytes, code: int) -> None:
    """The response says how it went: nothing is left to report, neither now nor after a reboot."""
    acs.files["/files/a"] = content
    acs.queue.append(Download("key", SCRIPT, f"{acs.base}/files/a"))
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--variant", "download-at-once") as device:
        await acs.until(lambda: acs.ended)
        assert (await device.state())["comment"] == ("there" if code == 0 else "")
        assert (await device.state())["pending_transfers"] == []
        await device.call("POST", "/actions/reboot")
        await acs.until(lambda: acs.ended == 2)
    answer = acs.got[1]
    if code == 0:
        assert isinstance(answer, DownloadResponse)
        assert answer.status == 0
        assert "0001-" < answer.start_time <= answer.complete_time
    else:
        assert isinstance(answer, Fault)
        assert answer.fault_code == code
    assert acs.events()[1:] == [["1 BOOT"]]


async def test_a_delayed_download_is_reported_as_ever(acs: Acs, home: Path) -> None:
    acs.files["/files/a"] = b"set /Setup/Comment there\n"
    acs.queue.append(Download("key", SCRIPT, f"{acs.base}/files/a", delay_seconds=1))
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--variant", "download-at-once"):
        await acs.until(lambda: any(isinstance(message, TransferComplete) for message in acs.got))
    assert isinstance(acs.got[1], DownloadResponse)
    assert acs.got[1].status == 1


async def test_transfer_complete_in_session(acs: Acs, home: Path) -> None:
    """Only where the ACS holds requests; when it lets go, the report comes before the session ends."""
    acs.files["/files/a"] = b"set /Setup/Comment there\n"
    sent = False

    async def hold(_request: web.Request, body: bytes) -> web.Response | None:
        nonlocal sent
        message = soap.decode(body).message if body else None
        if isinstance(message, Inform) and not sent:
            acs.informs.append(message)
            header = Header(id=soap.decode(body).header.id, hold_requests=True)
            return web.Response(body=soap.encode(Envelope(InformResponse(), header)))
        if not body and not sent:
            sent = True
            wanted = Download("key", SCRIPT, f"{acs.base}/files/a")
            return web.Response(body=soap.encode(Envelope(wanted, Header(id="1", hold_requests=True))))
        return None

    acs.intercept = hold
    arguments = ("--acs-url", f"{acs.base}/acs", "--variant", "transfer-complete-in-session")
    async with run_device(home, *arguments) as device:
        await acs.until(lambda: any(isinstance(message, TransferComplete) for message in acs.got))
        await acs.until(lambda: acs.ended > 1)
        assert (await device.state())["pending_events"] == []
    assert [type(message).__name__ for message in acs.got[:2]] == ["DownloadResponse", "TransferComplete"]
    assert len(acs.informs) == 1


async def test_status_1_and_sparse_numbers(acs: Acs, home: Path) -> None:
    acs.queue += [AddObject(ITEMS, "k"), AddObject(ITEMS, "k")]
    acs.queue.append(SetParameterValues((ParameterValueStruct(ITEMS + "7.Level", "3", None),), "k"))
    variants = ("--variant", "status-1", "--variant", "sparse-instance-numbers")
    async with run_device(home, "--acs-url", f"{acs.base}/acs", *variants):
        await acs.until(lambda: acs.ended)
    assert acs.got[1:] == [AddObjectResponse(7, 1), AddObjectResponse(14, 1), SetParameterValuesResponse(1)]


async def test_the_other_root_and_one_more_session(acs: Acs, home: Path) -> None:
    variants = ("--variant", "gateway-data-model", "--variant", "second-session-after-boot")
    async with run_device(home, "--acs-url", f"{acs.base}/acs", *variants):
        await acs.until(lambda: acs.ended == 2)
    assert acs.events() == [["0 BOOTSTRAP", "1 BOOT"], ["4 VALUE CHANGE"]]
    assert acs.informs[0].parameter_list[0].name.startswith("InternetGatewayDevice.")
