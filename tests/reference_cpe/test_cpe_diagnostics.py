"""Diagnostics: the state machine, what probes are made into, and whole tests against servers of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cpe_lab import Acs, ManualClock, Process, run_device

from harness.cwmp.messages import (
    GetParameterValues,
    GetParameterValuesResponse,
    ParameterValueStruct,
    SetParameterValues,
)
from reference_cpe.diagnostics import ping, probe, route, speed, state
from reference_cpe.diagnostics.arguments import Arguments
from reference_cpe.diagnostics.probe import Answer
from reference_cpe.diagnostics.route import Hop
from reference_cpe.diagnostics.state import Failed, Outcome
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts

TESTS = "Device.IP.Diagnostics."
PING = TESTS + "IPPing."
ROUTE = TESTS + "TraceRoute."


def values(test: str, **wanted: object) -> tuple[ParameterValueStruct, ...]:
    return tuple(ParameterValueStruct(test + name, str(value), None) for name, value in wanted.items())


# --- the state machine


def test_what_a_write_does_to_the_state() -> None:
    known = {PING + "DiagnosticsState", PING + "Host", "Device.Other"}

    def settled(**wanted: str) -> dict[str, str]:
        return state.settled(known, {PING + name: value for name, value in wanted.items()})

    assert settled(Host="a") == {PING + "DiagnosticsState": "None"}
    assert settled(Host="a", DiagnosticsState="Requested") == {}
    assert settled(DiagnosticsState="Requested") == {}
    assert settled(DiagnosticsState="Canceled") == {PING + "DiagnosticsState": "None"}
    assert state.settled(known, {"Device.Other": "1"}) == {}


def test_how_a_test_ends() -> None:
    gateway = ("None", "Requested", "Completed", "Error_CannotResolveHostName", "Error_Other")
    assert state.end_state(("None", "Complete", "Error_Other"), ()) == "Complete"
    assert state.end_state(gateway, ()) == "Completed"
    assert state.end_state(gateway, ("Error_NoRouteToHost", "Error_Other")) == "Error_Other"
    assert state.end_state(gateway, ("Error_NoRouteToHost",)) == "Error_Other"
    assert state.end_state(("None", "Error_NoResponse"), ("Error_Timeout",)) == "Error_NoResponse"
    assert state.end_state(("None",), ("Error_Timeout",)) == "None"


def test_the_state_in_the_model(parts: Parts) -> None:
    def read() -> str:
        return parts.model.text(PING + "DiagnosticsState")

    assert read() == "None"
    for refused in ("None", "Complete", "Error_Other", "requested"):
        with pytest.raises(CwmpFault) as caught:
            parts.model.set(values(PING, DiagnosticsState=refused))
        assert [fault.fault_code for fault in caught.value.parameters] == [9007]
    parts.model.set(values(PING, DiagnosticsState="Requested", Host="a.test"))
    assert read() == "Requested"
    assert parts.diagnostics.waiting() == [PING]
    parts.model.set(values(PING, Timeout=5))
    assert (read(), parts.diagnostics.waiting()) == ("None", [])
    parts.model.set(values(PING, DiagnosticsState="Requested"))
    parts.model.set(values(PING, DiagnosticsState="Canceled"))
    assert read() == "None"
    parts.model.set(values(PING, DiagnosticsState="Requested"))
    parts.diagnostics.forget()
    assert read() == "None"


# --- results


def test_results_of_pings() -> None:
    found = ping.results([0.0101, None, 0.0303, 0.0004])
    assert (found["SuccessCount"], found["FailureCount"]) == ("3", "1")
    times = [found[f"{word}ResponseTime"] for word in ("Minimum", "Average", "Maximum")]
    assert times == ["0", "14", "30"]
    assert found["MaximumResponseTimeDetailed"] == "30300"
    assert found["MinimumResponseTimeDetailed"] == "400"
    nothing = ping.results([None, None])
    assert (nothing["SuccessCount"], nothing["FailureCount"]) == ("0", "2")
    assert {value for name, value in nothing.items() if "Time" in name} == {"0"}


def test_checksum() -> None:
    assert probe.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071 3: the sum is ddf2
    assert probe.checksum(b"\x01") == 0xFEFF
    assert probe.checksum(b"") == 0xFFFF


def router(address: str, seconds: float = 0.0123, code: int = 0) -> Answer:
    return Answer(address, seconds, False, expired=code == 0, code=code)


def test_results_of_a_route() -> None:
    hops = [
        Hop([router("192.0.2.1"), None, router("192.0.2.1", 0.0001)]),
        Hop([None, None, None]),
        Hop([Answer("192.0.2.9", 0.02, True, code=3), None, Answer("192.0.2.9", 0.03, True, code=3)]),
    ]
    found = route.outcome(hops)
    assert found.errors == ()
    assert found.values["ResponseTime"] == "25"
    first, silent, last = found.rows
    assert (first["Host"], first["RTTimes"], first["ErrorCode"]) == ("192.0.2.1", "12,0,1", "0")
    assert (silent["Host"], silent["HostAddress"], silent["RTTimes"]) == ("", "", "0,0,0")
    assert (last["HopHost"], last["HopErrorCode"]) == ("192.0.2.9", "3")
    assert route.outcome(hops[:2]).errors[0] == "Error_MaxHopCountExceeded"
    dead = route.outcome([hops[0], Hop([router("192.0.2.5", code=1)])])
    assert dead.errors[0] == "Error_NoRouteToHost"
    assert dead.values["ResponseTime"] == "0"


def test_reading_the_error_queue() -> None:
    def entry(origin: int, kind: int, code: int, address: str) -> bytes:
        head = probe._EXTENDED_ERROR.pack(113, origin, kind, code, 0, 0)
        if ":" in address:
            packed = socket.inet_pton(socket.AF_INET6, address)
            return head + socket.AF_INET6.to_bytes(2, "little") + bytes(6) + packed + bytes(4)
        return head + socket.AF_INET.to_bytes(2, "little") + bytes(2) + socket.inet_aton(address) + bytes(8)

    def judged(origin: int, kind: int, code: int, address: str) -> Answer | None:
        return probe._judged(entry(origin, kind, code, address), 0.5)

    assert judged(2, 11, 0, "192.0.2.1") == Answer("192.0.2.1", 0.5, False, expired=True)
    assert judged(2, 3, 3, "192.0.2.1") == Answer("192.0.2.1", 0.5, True, code=3)
    assert judged(2, 3, 1, "192.0.2.1") == Answer("192.0.2.1", 0.5, False, code=1)
    assert judged(3, 3, 0, "2001:db8::1") == Answer("2001:db8::1", 0.5, False, expired=True)
    assert judged(3, 1, 4, "2001:db8::1") == Answer("2001:db8::1", 0.5, True, code=4)
    with pytest.raises(Failed):
        judged(1, 0, 0, "192.0.2.1")


# --- tests of this machine's own addresses


async def carried_out(
    parts: Parts, clock: ManualClock, test: str, run: Callable[[Arguments], Any], **wanted: object
) -> Outcome:
    parts.model.set(values(test, **wanted))

    async def pause(seconds: float) -> None:
        clock.time += seconds

    return await run(Arguments(parts, test, pause))  # type: ignore[no-any-return]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_ping(parts: Parts, clock: ManualClock, host: str) -> None:
    found = await carried_out(parts, clock, PING, ping.run, Host=host, NumberOfRepetitions=3, DSCP=10)
    assert (found.values["SuccessCount"], found.values["FailureCount"]) == ("3", "0")
    assert found.values["IPAddressUsed"] == host
    assert clock.time == 2.0
    assert int(found.values["MinimumResponseTimeDetailed"]) > 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_route(parts: Parts, clock: ManualClock, host: str) -> None:
    found = await carried_out(parts, clock, ROUTE, route.run, Host=host, NumberOfTries=2)
    assert found.errors == ()
    assert [(row["Host"], len(row["RTTimes"].split(","))) for row in found.rows] == [(host, 2)]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"Host": ""}, "Error_CannotResolveHostName"),
        ({"Host": "name.invalid"}, "Error_CannotResolveHostName"),
        ({"Host": "a b"}, "Error_CannotResolveHostName"),
        ({"Host": "::1", "ProtocolVersion": "IPv4"}, "Error_CannotResolveHostName"),
        ({"Host": "127.0.0.1", "Interface": "Device.IP.Interface.9"}, "Error_Other"),
        ({"Host": "127.0.0.1", "Interface": "Device.IP.Interface.1."}, "Error_NoRouteToHost"),
    ],
)
async def test_what_cannot_be_reached(
    parts: Parts, clock: ManualClock, wanted: dict[str, str], error: str
) -> None:
    for test, run in ((PING, ping.run), (ROUTE, route.run)):
        with pytest.raises(Failed) as caught:
            await carried_out(parts, clock, test, run, **wanted)
        assert caught.value.states[0] == error


async def test_a_lost_ping(parts: Parts, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_ECHO", {socket.AF_INET: (8, 99)})
    found = await carried_out(
        parts, clock, PING, ping.run, Host="127.0.0.1", NumberOfRepetitions=2, Timeout=20
    )
    assert (found.values["SuccessCount"], found.values["FailureCount"]) == ("0", "2")


# --- the whole device


async def session(acs: Acs, device: Process, *messages: Any) -> list[Any]:
    """A session in which the ACS sends *messages*; what it got for them."""
    before, ended = len(acs.got), acs.ended
    acs.queue += messages
    await device.call("POST", "/actions/wake")
    await acs.until(lambda: acs.ended > ended and not acs.queue)
    return acs.got[before:]


async def results(acs: Acs, device: Process, path: str) -> dict[str, str]:
    answers = await session(acs, device, GetParameterValues((path,)))
    found = next(answer for answer in answers if isinstance(answer, GetParameterValuesResponse))
    return {item.name.removeprefix(path): item.value for item in found.parameter_list}


def completed(acs: Acs) -> int:
    return sum("8 DIAGNOSTICS COMPLETE" in events for events in acs.events())


async def test_two_tests_of_one_session(acs: Acs, home: Path) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended)
        wanted = (
            *values(PING, Host="127.0.0.1", NumberOfRepetitions=1, DiagnosticsState="Requested"),
            *values(ROUTE, Host="127.0.0.1", DiagnosticsState="Requested"),
        )
        await session(acs, device, SetParameterValues(wanted, "k"), GetParameterValues((PING,)))
        during = next(m for m in acs.got if isinstance(m, GetParameterValuesResponse))
        assert ParameterValueStruct(PING + "DiagnosticsState", "Requested", "xsd:string") in (
            during.parameter_list
        )
        await acs.until(lambda: completed(acs))
        found = await results(acs, device, TESTS)
        while found["TraceRoute.DiagnosticsState"] == "Requested":
            found = await results(acs, device, TESTS)
        assert found["IPPing.DiagnosticsState"] == found["TraceRoute.DiagnosticsState"] == "Complete"
        assert found["IPPing.SuccessCount"] == "1"
        assert found["TraceRoute.RouteHopsNumberOfEntries"] == "1"
        assert found["TraceRoute.RouteHops.1.HostAddress"] == "127.0.0.1"
        await device.call("POST", "/actions/reboot")
        again = await results(acs, device, TESTS)
        assert again["TraceRoute.RouteHops.1.HostAddress"] == "127.0.0.1"


async def test_a_write_ends_a_running_test(acs: Acs, home: Path) -> None:
    """So many pings, a second apart, that the test can only be running; then it is changed, and begun anew."""
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended)
        many = values(PING, Host="127.0.0.1", NumberOfRepetitions=10**6, DiagnosticsState="Requested")
        await session(acs, device, SetParameterValues(many, "k"))
        await acs.until(lambda: "IPPing. begins" in device.log)
        await session(acs, device, SetParameterValues(values(PING, DSCP=1), "k"))
        assert "is given up" in device.log
        assert (await results(acs, device, PING))["DiagnosticsState"] == "None"
        await session(acs, device, SetParameterValues(values(PING, DiagnosticsState="Requested"), "k"))
        await acs.until(lambda: device.log.count("IPPing. begins") == 2)
        again = values(PING, DiagnosticsState="Requested", NumberOfRepetitions=1)
        await session(acs, device, SetParameterValues(again, "k"))
        await acs.until(lambda: completed(acs))
        assert (await results(acs, device, PING))["SuccessCount"] == "1"
        assert completed(acs) == 1


async def test_a_running_test_ends_with_a_reboot(acs: Acs, home: Path) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended)
        many = values(PING, Host="127.0.0.1", NumberOfRepetitions=10**6, DiagnosticsState="Requested")
        await session(acs, device, SetParameterValues(many, "k"))
        await acs.until(lambda: "IPPing. begins" in device.log)
        await device.call("POST", "/actions/reboot")
        assert (await results(acs, device, PING))["DiagnosticsState"] == "None"
        assert not completed(acs)


async def test_download_and_upload(acs: Acs, home: Path) -> None:
    """What the server sent and got; the times are in order."""
    acs.files["/files/big"] = bytes(300_000)
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        taken.append(await request.read())
        return web.Response(status=201 if request.path != "/full" else 507)

    app = web.Application(client_max_size=2**20)
    app.router.add_put("/{name}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    place = f"http://127.0.0.1:{runner.addresses[0][1]}"
    down, up = TESTS + "DownloadDiagnostics.", TESTS + "UploadDiagnostics."

    async def both(device: Process, source: str, target: str) -> dict[str, str]:
        before = device.log.count("Diagnostics.:")
        wanted = (
            *values(down, DownloadURL=source, DiagnosticsState="Requested"),
            *values(up, UploadURL=target, TestFileLength=200_000, DiagnosticsState="Requested"),
        )
        await session(acs, device, SetParameterValues(wanted, "k"))
        await acs.until(lambda: device.log.count("Diagnostics.:") == before + 2)
        return await results(acs, device, TESTS)

    try:
        async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
            await acs.until(lambda: acs.ended)
            found = await both(device, f"{acs.base}/files/big", f"{place}/file")
            assert found["DownloadDiagnostics.DiagnosticsState"] == "Complete"
            assert found["UploadDiagnostics.DiagnosticsState"] == "Complete"
            assert taken == [bytes(200_000)]
            assert 300_000 < int(found["DownloadDiagnostics.TestBytesReceived"]) < 301_000
            assert int(found["UploadDiagnostics.TestBytesSent"]) == 200_000
            for name in ("Download", "Upload"):
                order = ("TCPOpenRequestTime", "TCPOpenResponseTime", "ROMTime", "BOMTime", "EOMTime")
                times = [found[f"{name}Diagnostics.{moment}"] for moment in order]
                assert times == sorted(times)
                assert all(len(time) == len("2026-01-01T00:00:00.000000Z") for time in times)
            failed = await both(device, f"{acs.base}/files/none", f"{place}/full")
            assert failed["DownloadDiagnostics.DiagnosticsState"] == "Error_TransferFailed"
            assert failed["UploadDiagnostics.DiagnosticsState"] == "Error_NoTransferComplete"
            with socket.socket() as nobody:
                nobody.bind(("127.0.0.1", 0))
                gone = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
                failed = await both(device, gone, gone)
            assert failed["DownloadDiagnostics.DiagnosticsState"] == "Error_InitConnectionFailed"
            assert failed["UploadDiagnostics.DiagnosticsState"] == "Error_InitConnectionFailed"
    finally:
        await runner.cleanup()


async def test_a_download_that_breaks_off(parts: Parts, clock: ManualClock) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(broken, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        with pytest.raises(Failed, match="Error_TransferFailed"):
            await carried_out(parts, clock, TESTS + "DownloadDiagnostics.", speed.download, DownloadURL=url)


@pytest.mark.parametrize("url", ["ftp://a.test/x", "https://a.test/", "http://me:x@a.test/", "http:"])
def test_urls_of_tests(parts: Parts, url: str) -> None:
    with pytest.raises(CwmpFault) as caught:
        parts.model.set(values(TESTS + "DownloadDiagnostics.", DownloadURL=url))
    assert [fault.fault_code for fault in caught.value.parameters] == [9007]


def test_times_without_a_clock(parts: Parts, clock: ManualClock) -> None:
    assert speed.written(parts, clock.unix() + 0.5) == "2025-11-22T16:46:40.500000Z"
    clock.absolute = False
    clock.time = 2.25
    assert speed.written(parts, clock.unix() - 1) == "0001-01-01T00:00:01.250000"
