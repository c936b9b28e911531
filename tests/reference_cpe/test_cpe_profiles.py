"""Profiles, HTTP compression, parameters of the Inform on the ACS's wish, headers that are tolerated."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiohttp import web
from cpe_lab import Acs, ManualClock, free_port, run_device

from harness.cwmp import events, soap
from harness.cwmp.messages import (
    Envelope,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Header,
    Inform,
    InformResponse,
    Message,
    ParameterValueStruct,
    SetParameterValues,
)
from reference_cpe import coding
from reference_cpe.coding import BadCoding
from reference_cpe.config import Config, ConfigError, Profile, parse_config, read_config
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts, assemble
from reference_cpe.rpc import HANDLERS, PROFILES
from reference_cpe.session import End, Post, Session
from reference_cpe.store import Store

SERVER = "Device.ManagementServer."
ROWS = SERVER + "InformParameter."


def value(name: str, text: str, type_: str | None = None) -> ParameterValueStruct:
    return ParameterValueStruct(name, text, type_)


# --- profiles


def test_methods_of_a_profile(tmp_path: Path) -> None:
    parts = assemble(
        Config(profile=Profile("lancom", "TR-098")), ManualClock(), Store(tmp_path / "store"), Random(1)
    )
    answer: GetRPCMethodsResponse = parts.rpc["GetRPCMethods"](parts, GetRPCMethods())  # type: ignore[assignment]
    assert set(answer.method_list) == set(PROFILES["lancom"])
    assert {"Download", "Reboot", "FactoryReset"} <= set(answer.method_list)
    assert not {"AddObject", "ScheduleInform", "Upload"} & set(answer.method_list)
    assert set(PROFILES["full"]) == set(HANDLERS)


@pytest.mark.parametrize(
    "tables",
    [
        {"profile": {"name": "other"}},
        {"profile": {"data_model": "TR-181i2"}},
        {"model": {"path": "x"}},
        {"initiative": {"get_rpc_methods": "yes"}},
        {"initiative": {"autonomous_download": "ftp://x.test/"}},
        {"device": {"firmware_key": "12"}},
    ],
)
def test_bad_configuration(tables: dict[str, dict[str, object]]) -> None:
    with pytest.raises(ConfigError):
        parse_config(tables)


def test_the_model_stands_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "cpe.toml").write_text('[model]\nfile = "mine.xml"\n')
    assert read_config(tmp_path / "cpe.toml").model.file == str(tmp_path / "mine.xml")


# --- HTTP compression


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_codings(name: str) -> None:
    body = b"<a/>" * 1000
    packed = coding.encode(name, body)
    assert len(packed) < len(body)
    assert coding.decode(name.upper(), packed) == body
    assert coding.decode(f"identity, {name}", packed) == body
    with pytest.raises(BadCoding):
        coding.decode(name, packed[:-10])
    with pytest.raises(BadCoding):
        coding.decode(name, b"nonsense")
    assert coding.decode(name, b"") == b""


def test_other_codings() -> None:
    assert coding.decode(None, b"x") == b"x"
    raw = zlib.compressobj(wbits=-15)
    assert coding.decode("deflate", raw.compress(b"hello") + raw.flush()) == b"hello"
    with pytest.raises(BadCoding, match="br"):
        coding.decode("br", b"x")
    with pytest.raises(BadCoding, match="too long"):
        coding.decode("gzip", gzip.compress(bytes(65 * 1024 * 1024)))


async def test_compression(acs: Acs, home: Path) -> None:
    """Off from the factory; on from the session after the one that switches it on; 415 switches it off."""
    seen: list[tuple[str | None, bytes]] = []
    refuse: list[bool] = []

    async def look(request: web.Request, body: bytes) -> web.Response | None:
        encoding = request.headers.get("Content-Encoding")
        if encoding is not None and refuse:
            return web.Response(status=415)
        message = soap.decode(body).message if body else None
        seen.append((encoding, body))
        if isinstance(message, Inform):
            acs.informs.append(message)
            answer = soap.encode(Envelope(InformResponse(), Header(id=soap.decode(body).header.id)))
            if encoding is not None:
                return web.Response(body=gzip.compress(answer), headers={"Content-Encoding": "gzip"})
            return web.Response(body=answer)
        return None

    acs.intercept = look
    acs.queue += [
        SetParameterValues((value(SERVER + "HTTPCompression", "GZIP"),), "k"),
        SetParameterValues((value(SERVER + "HTTPCompression", "Compress"),), "k"),
    ]
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 1)
        assert {encoding for encoding, _ in seen} == {None}
        seen.clear()
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 2)
        assert [encoding for encoding, _ in seen] == ["gzip", None]
        assert acs.requests[-1][1]["Accept-Encoding"] == "gzip"
        seen.clear()
        refuse.append(True)
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 3)
        assert [encoding for encoding, _ in seen] == [None, None]
    assert [inform.retry_count for inform in acs.informs] == [0, 0, 0]


# --- InformParameter


def asked(parts: Parts, name: str, listed: str = "", enable: str = "true") -> None:
    number = parts.model.add(ROWS, "")
    row = f"{ROWS}{number}."
    parts.model.set(
        (value(row + "ParameterName", name), value(row + "EventList", listed), value(row + "Enable", enable))
    )


@pytest.mark.parametrize(
    ("codes", "extra"),
    [
        ((events.BOOT,), {"Time.Status", "DeviceInfo.VendorLogFile.1.Name"}),
        ((events.PERIODIC,), {"DeviceInfo.UpTime", "DeviceInfo.VendorLogFile.1.Name"}),
        ((events.CONNECTION_REQUEST,), {"DeviceInfo.VendorLogFile.1.Name"}),
    ],
)
def test_parameters_on_the_acs_wish(parts: Parts, codes: tuple[str, ...], extra: set[str]) -> None:
    asked(parts, "Device.Time.Status", "1 BOOT, 0 BOOTSTRAP")
    asked(parts, "Device.DeviceInfo.UpTime", "2 PERIODIC")
    asked(parts, "Device.DeviceInfo.VendorLogFile.*.Name")
    asked(parts, "Device.DeviceInfo.Manufacturer", enable="false")
    for code in codes:
        parts.events.add(code)
    names = {item.name for item in parts.informer.message().parameter_list}
    assert names - set(parts.model.forced) == {f"Device.{name}" for name in extra}


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("ParameterName", "Device.DeviceInfo.SoftwareVersion"),
        ("ParameterName", "Device.DeviceInfo."),
        ("ParameterName", "Device.*.UpTime"),
        ("ParameterName", "Device.DeviceInfo.*"),
        ("ParameterName", "Device.DeviceInfo.VendorLogFile.x.Name"),
        ("ParameterName", "UpTime"),
        ("EventList", "4 VALUE CHANGE"),
        ("EventList", "1 BOOT,1 Boot"),
    ],
)
def test_what_cannot_be_asked_for(parts: Parts, field: str, text: str) -> None:
    parts.model.add(ROWS, "")
    with pytest.raises(CwmpFault) as caught:
        parts.model.set((value(f"{ROWS}1.{field}", text),))
    assert [fault.fault_code for fault in caught.value.parameters] == [9007]


# --- headers and odd ACSs


def acs_says(message: Message, **header: object) -> bytes:
    return soap.encode(Envelope(message, Header(id="1", **header)))  # type: ignore[arg-type]


def test_session_timeout_header(parts: Parts) -> None:
    session = Session(parts)
    assert soap.decode(session.start().body).header.session_timeout == 30
    session.receive(200, acs_says(InformResponse()))
    answer = session.receive(200, acs_says(GetRPCMethods()))
    assert isinstance(answer, Post)
    assert soap.decode(answer.body).header.session_timeout is None


@pytest.mark.parametrize("most", [0, 1, 5])
@pytest.mark.parametrize("no_more", [None, False, True])
def test_old_acs(parts: Parts, most: int, no_more: bool | None) -> None:
    """MaxEnvelopes other than 1 and NoMoreRequests change nothing."""
    session = Session(parts)
    session.start()
    assert session.receive(200, acs_says(InformResponse(most), no_more_requests=no_more)) == Post(b"")
    answer = session.receive(200, acs_says(GetRPCMethods(), no_more_requests=no_more))
    assert isinstance(answer, Post)
    assert isinstance(soap.decode(answer.body).message, GetRPCMethodsResponse)
    assert session.receive(204, b"") == End(True)


async def test_no_connection_requests(acs: Acs, home: Path) -> None:
    """HTTPConnectionRequestEnable off: no URL and no listener, and the ACS is told so; on again: as before."""
    name = SERVER + "HTTPConnectionRequestEnable"
    acs.queue.append(SetParameterValues((value(name, "false"),), "k"))
    async with run_device(home) as device:
        await device.configure(port=free_port())
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended == 2)
        assert (await device.state())["connection_request_url"] == ""
        before = next(i.value for i in acs.informs[0].parameter_list if i.name.endswith("RequestURL"))
        async with aiohttp.ClientSession() as client:
            with pytest.raises(aiohttp.ClientConnectionError):
                await client.get(before)
        acs.queue.append(SetParameterValues((value(name, "true"),), "k"))
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 4)
    urls = [i.value for inform in acs.informs for i in inform.parameter_list if i.name.endswith("RequestURL")]
    assert [bool(url) for url in urls] == [True, False, False, True]
    assert acs.events()[1] == acs.events()[3] == ["4 VALUE CHANGE"]
