"""DownloadDiagnostics and UploadDiagnostics: one file over HTTP, without login, and when what happened (TR-143)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import h11

from reference_cpe import rim, urls
from reference_cpe.diagnostics.arguments import Arguments
from reference_cpe.diagnostics.state import Failed, Outcome
from reference_cpe.rim import ConnectFailed, Rim, Wire
from reference_cpe.urls import Target

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_TIME = 600.0
"""Seconds of device time for the whole of a test."""
_CONNECT_TIME = 30.0
_PIECE: Final = 65536
_STATISTICS: Final = Path("/sys/class/net")


def url_problem(_parts: Parts, text: str) -> str | None:
    """Why *text* can be no URL of a test: the one transport is HTTP, and no login is made."""
    if not text:
        return None
    try:
        target = urls.parse(text)
    except urls.BadUrl as error:
        return str(error)
    return "only http, without a user name, is supported" if target.secure or target.user_info else None


@dataclass(slots=True)
class Meter(Wire):
    """Counts the bytes of a connection, and notes when the first and the last of a direction passed."""

    parts: Parts
    received: int = 0
    sent: int = 0
    moments: dict[str, float] = field(default_factory=dict)
    """Unix times by the names of the parameters that tell of them."""

    def now(self, name: str) -> None:
        self.moments[name] = self.parts.clock.unix()

    def incoming(self, data: bytes) -> bytes:
        if data:
            self.received += len(data)
        return data


def written(parts: Parts, unix: float) -> str:
    """A dateTime with microseconds; relative to boot where the device has no clock (TR-106 3.2)."""
    if not parts.clock.absolute:
        since = parts.status.uptime() - (parts.clock.unix() - unix)
        return (datetime(1, 1, 1) + timedelta(seconds=max(0.0, since))).isoformat(timespec="microseconds")
    return datetime.fromtimestamp(unix, UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class Exchange:
    """One request and its response, on a connection of its own."""

    def __init__(self, arguments: Arguments, target: Target, made: Rim, meter: Meter) -> None:
        self._arguments = arguments
        self._target = target
        self._rim = made
        self._meter = meter
        self._h11 = h11.Connection(h11.CLIENT)

    async def send(self, event: h11.Event) -> None:
        data = self._h11.send(event) or b""
        if data:
            await self._rim.write(data)
            self._meter.sent += len(data)

    async def head(self, method: str, *more: tuple[str, str]) -> None:
        """The head of the request; ROMTime is when it goes out."""
        headers = [("Host", self._target.authority), ("User-Agent", "reference-cpe"), *more]
        self._meter.now("ROMTime")
        await self.send(h11.Request(method=method, target=self._target.target, headers=headers))

    async def event(self) -> object:
        while True:
            event = self._h11.next_event()
            if event is not h11.NEED_DATA:
                return event
            data = await self._rim.read()
            if data and "response" not in self._meter.moments:
                self._meter.now("response")
            self._h11.receive_data(data)

    async def response(self) -> tuple[int, int]:
        """Status and length of the body, which is thrown away as it comes.

        Raises:
            Failed: nothing came, or not the whole of it.
        """
        status, length = 0, 0
        while True:
            try:
                event = await self.event()
            except (h11.RemoteProtocolError, OSError) as error:
                names = ("Error_TransferFailed", "Error_IncorrectSize") if status else ("Error_NoResponse",)
                raise Failed(*names) from error
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                length += len(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, length
            elif isinstance(event, h11.ConnectionClosed):
                raise Failed("Error_NoResponse")


@asynccontextmanager
async def _connection(arguments: Arguments, url: str) -> AsyncIterator[tuple[Exchange, Meter, str]]:
    """A connection to the server of *url*, its meter, and the own address.

    Raises:
        Failed: no URL, no such host, nobody there.
    """
    if not url:
        raise Failed("Error_InitConnectionFailed")
    parts, target = arguments.parts, urls.parse(url)
    place = await arguments.place(target.host)
    meter = Meter(parts)
    meter.now("TCPOpenRequestTime")
    try:
        async with parts.clock.timeout(_CONNECT_TIME):
            made = await rim.connect(meter, place.address, target.port, place.source)
    except (ConnectFailed, TimeoutError) as error:
        raise Failed("Error_InitConnectionFailed") from error
    meter.now("TCPOpenResponseTime")
    try:
        async with parts.clock.timeout(_TIME):
            yield Exchange(arguments, target, made, meter), meter, made.local_address
    except TimeoutError as error:
        raise Failed("Error_Timeout", "Error_TransferFailed", "Error_NoTransferComplete") from error
    finally:
        with contextlib.suppress(OSError):
            await made.close()


def _interface_bytes(arguments: Arguments) -> tuple[int, int]:
    """Bytes that the test's interface has received and sent so far; without one nobody knows."""
    interface = arguments.interface
    if interface is None or not interface.name or interface.loopback:
        return 0, 0
    folder = _STATISTICS / interface.name / "statistics"
    try:
        return int((folder / "rx_bytes").read_text()), int((folder / "tx_bytes").read_text())
    except (OSError, ValueError):
        return 0, 0


def _values(meter: Meter, address: str, before: tuple[int, int], after: tuple[int, int]) -> dict[str, str]:
    times = {name: written(meter.parts, unix) for name, unix in meter.moments.items() if name != "response"}
    total = {
        "TotalBytesReceived": str(after[0] - before[0]),
        "TotalBytesSent": str(after[1] - before[1]),
    }
    return {**times, **total, "IPAddressUsed": address}


async def download(arguments: Arguments) -> Outcome:
    """GET the file and throw it away.

    Raises:
        Failed: see `_connection`; or the file did not come.
    """
    async with _connection(arguments, arguments.text("DownloadURL")) as (exchange, meter, address):
        before = _interface_bytes(arguments)
        await exchange.head("GET")
        await exchange.send(h11.EndOfMessage())
        status, _ = await exchange.response()
        if status != 200:
            names = ("Error_LoginFailed",) if status == 401 else ("Error_TransferFailed",)
            raise Failed(*names)
        meter.now("EOMTime")
        meter.moments["BOMTime"] = meter.moments["response"]
        found = _values(meter, address, before, _interface_bytes(arguments))
        return Outcome({**found, "TestBytesReceived": str(meter.received)})


async def upload(arguments: Arguments) -> Outcome:
    """PUT a file of TestFileLength bytes.

    Raises:
        Failed: see `_connection`; or the server did not take it.
    """
    length = arguments.number("TestFileLength")
    async with _connection(arguments, arguments.text("UploadURL")) as (exchange, meter, address):
        before = _interface_bytes(arguments)
        await exchange.head(
            "PUT", ("Content-Type", "application/octet-stream"), ("Content-Length", str(length))
        )
        meter.now("BOMTime")
        start, left = meter.sent, length
        try:
            while left:
                piece = min(left, _PIECE)
                await exchange.send(h11.Data(data=bytes(piece)))
                left -= piece
            await exchange.send(h11.EndOfMessage())
        except OSError as error:
            raise Failed("Error_NoTransferComplete", "Error_NoResponse") from error
        status, _ = await exchange.response()
        meter.now("EOMTime")
        if not 200 <= status < 300:
            names = ("Error_LoginFailed",) if status == 401 else ("Error_NoTransferComplete",)
            raise Failed(*names, "Error_NoResponse")
        found = _values(meter, address, before, _interface_bytes(arguments))
        return Outcome({**found, "TestBytesSent": str(meter.sent - start)})
