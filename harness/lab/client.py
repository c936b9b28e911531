"""The client side of the engine: connections that the bench opens, recorded like the others."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass

from harness.lab.http1 import HttpError, Kind, Reader
from harness.lab.http1_head import Parsed
from harness.lab.recorder import Recorder
from harness.lab.stream import LINGER, Gone, Stream
from harness.lab.tls import ClientTls
from harness.verdict.transcript import Connection, Direction, HttpMessage, Role


class ConnectFailed(ConnectionError):
    """No TCP (or TLS) connection came about; ``refused`` where the other side said no to TCP."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


@dataclass(slots=True)
class Fetched:
    """What came of one request of the bench's client; ``reason`` says why there is no response."""

    connection: Connection | None = None
    request: HttpMessage | None = None
    response: HttpMessage | None = None
    reason: str = ""


class Client:
    """A connection that the bench opens to the device."""

    def __init__(self, stream: Stream, recorder: Recorder) -> None:
        self.stream = stream
        self._recorder = recorder
        self._reader = Reader(Kind.RESPONSE)
        self.exchanges = 0

    @property
    def used_before(self) -> bool:
        """More than one request has been sent on this connection."""
        return self.exchanges > 1

    @classmethod
    async def connect(
        cls,
        sock: socket.socket,
        address: tuple[str, int],
        *,
        recorder: Recorder,
        role: Role = Role.CONNECTION_REQUEST,
        name: str = "client",
        tls: ClientTls | None = None,
        timeout: float = 5.0,
    ) -> Client:
        """Connect *sock* (non-blocking; it may belong to another namespace) to the literal *address*.

        Raises:
            ConnectFailed: refused, unreachable, no answer within *timeout* real seconds, or TLS failed.
                The socket is closed.
        """
        try:
            async with asyncio.timeout(timeout):
                await asyncio.get_running_loop().sock_connect(sock, address)
        except TimeoutError as error:
            sock.close()
            raise ConnectFailed(f"no answer to the TCP connection within {timeout:g} s") from error
        except OSError as error:
            sock.close()
            refused = isinstance(error, ConnectionRefusedError)
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ConnectFailed(reason, refused=refused) from error
        record = recorder.connection(role, name, address, sock.getsockname()[:2])
        stream = Stream(sock, record, recorder, tls)
        try:
            async with asyncio.timeout(timeout):
                await stream.start_tls()
        except (TimeoutError, Gone) as error:
            stream.release()
            raise ConnectFailed(str(error) or "the TLS handshake took too long") from error
        return cls(stream, recorder)

    async def exchange(self, request: bytes, *, timeout: float = 10.0, note: str = "") -> Fetched:
        """Send *request* as it is and wait *timeout* real seconds for the response.

        Never raises for anything that a device does: ``reason`` tells why there is no response.
        """
        self.exchanges += 1
        result = Fetched(self.stream.record)
        parsed = _read_request(request)
        parsed.start = self.stream.sent
        parsed.end = parsed.start + len(request)
        try:
            async with asyncio.timeout(timeout):
                await self.stream.send(request)
                result.request = self._recorder.message(self.stream.record, Direction.TO_DEVICE, parsed, note)
                self._reader.expect(parsed.start_line.partition(" ")[0])
                result.response = await self._response()
        except TimeoutError:
            result.reason = f"no response within {timeout:g} s"
        except (Gone, HttpError) as error:
            result.reason = str(error)
        if result.response is None:
            result.reason = result.reason or "the device closed without a response"
            if rest := self._reader.unfinished(result.reason):
                self._keep([rest])
        return result

    async def _response(self) -> HttpMessage | None:
        while True:
            data = await self.stream.receive()
            found = self._reader.feed(data) if data else self._reader.end()
            whole = [message for message in self._keep(found) if message.complete]
            final = [message for message in whole if not 100 <= message.status < 200]
            if final or not data:
                return final[0] if final else None

    def _keep(self, found: list[Parsed]) -> list[HttpMessage]:
        record = self.stream.record
        return [self._recorder.message(record, Direction.FROM_DEVICE, parsed) for parsed in found]

    async def close(self) -> None:
        """End the connection: FIN, the device's end (at most `LINGER`), release."""
        try:
            await self.stream.finish()
            async with asyncio.timeout(LINGER):
                while await self.stream.receive():
                    pass
        except TimeoutError:
            pass
        finally:
            self.stream.release()


def _read_request(request: bytes) -> Parsed:
    """*request* as a message, whatever it is: a case may send nonsense on purpose."""
    reader = Reader(Kind.REQUEST)
    try:
        found = reader.feed(request)
    except HttpError:
        found = []
    if found:
        return found[0]
    rest = reader.unfinished("not a whole message")
    return rest or Parsed(head=request, complete=False)


async def fetch(
    sock: socket.socket,
    address: tuple[str, int],
    request: bytes,
    *,
    recorder: Recorder,
    role: Role = Role.CONNECTION_REQUEST,
    name: str = "client",
    tls: ClientTls | None = None,
    timeout: float = 10.0,
    note: str = "",
) -> Fetched:
    """One request on a connection of its own. A device never makes it raise."""
    try:
        client = await Client.connect(sock, address, recorder=recorder, role=role, name=name, tls=tls)
    except ConnectFailed as error:
        return Fetched(reason=str(error))
    try:
        return await client.exchange(request, timeout=timeout, note=note)
    finally:
        await client.close()
