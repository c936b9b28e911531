"""One TCP connection of the bench with the device, recorded, with or without TLS.

Everything that the listeners and the client of `harness.lab.wire` send or read goes through here. Bytes are
written down as they are sent and read; the end of the connection is told apart: FIN or close_notify of the
device, its reset, or the bench.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable

from harness.lab.recorder import Recorder
from harness.lab.tls import ClientTls, TlsEngine, TlsFailed, TlsSettings
from harness.lab.tls_script import ScriptedEngine
from harness.verdict.transcript import Closed, Connection, Direction, TlsRecord

_READ = 65_536
_METHODS = (b"POST ", b"GET ", b"HEAD ", b"PUT ", b"OPTIONS ")
"""How a request begins."""
LINGER = 2.0
"""Real seconds that the device has to close after the bench has."""
SEND_DEADLINE = 30.0
"""Real seconds that a peer has to take what is sent; then the connection counts as gone."""


class Gone(ConnectionError):
    """The peer takes no more bytes: it closed, reset, or did not read for `SEND_DEADLINE`."""


class Stream:
    """A recorded connection. One task reads, any may send.

    *heard* is called once, with the first application bytes that the device has sent or when it has ended
    the connection without any.
    """

    def __init__(
        self,
        sock: socket.socket,
        record: Connection,
        recorder: Recorder,
        tls: TlsSettings | ClientTls | None = None,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self.record = record
        self.gone = asyncio.Event()
        """Set when the device has ended the connection, however it did."""
        self._sock = sock
        self._recorder = recorder
        self._heard = heard
        self._sending = asyncio.Lock()
        self._finished = False
        self._ready = b""
        self._tls: TlsEngine | ScriptedEngine | None = None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            record.tls = TlsRecord()
            scripted = isinstance(tls, TlsSettings) and tls.script is not None
            self._tls = (ScriptedEngine if scripted else TlsEngine)(tls, record.tls, self._tls_event)  # type: ignore[arg-type]

    @property
    def scheme(self) -> str:
        return "http" if self._tls is None else "https"

    @property
    def sent(self) -> int:
        """Number of application octets sent so far: where the next message starts."""
        return self._recorder.offset(self.record, Direction.TO_DEVICE)

    def _tls_event(self, direction: Direction, kind: str, name: str, fatal: bool) -> None:
        self._recorder.tls_event(self.record, direction, kind, name, fatal)

    async def start_tls(self) -> None:
        """Client side: do the handshake.

        Raises:
            Gone: it failed; ``record.tls`` says how.
        """
        if self._tls is None:
            return
        self._tls.start()
        await self._flush()
        while not self._tls.handshake_done:
            data = await self._recv()
            if not data or self._fed(data) is None:
                await self._flush_quietly()
                raise Gone(self._tls.record.error or "the TLS handshake ended early")
            await self._flush()

    async def receive(self) -> bytes:
        """The next application bytes, or ``b""`` once the device has ended the connection or broken TLS.

        After a broken TLS layer the alert is sent, and the method waits for the device's end of the
        connection, so that the record can tell who closed.
        """
        while not self._ready:
            data = await self._recv()
            if not data:
                return b""
            plain: bytes | None = data if self._tls is None else self._fed(data)
            if plain:
                self._recorder.chunk(self.record, Direction.FROM_DEVICE, plain)
                self._ready = plain  # kept, because a deadline of the caller may fall into the flush
                self._heard()
            await self._flush_quietly()
            if plain is None:
                await self._wait_for_end()
                return b""
            if self._tls is not None and self._tls.ended:
                self._device_closed(Closed.BY_DEVICE)
                break
        data, self._ready = self._ready, b""
        return data

    def _fed(self, data: bytes) -> bytes | None:
        """Application bytes out of *data*, or ``None`` when the TLS layer is over."""
        assert self._tls is not None
        try:
            return self._tls.feed(data)
        except TlsFailed:
            return None

    async def _wait_for_end(self) -> None:
        """TLS is over. Where the device said so, FIN or reset is up to it; else the bench closes its side."""
        by_device = self.record.tls is not None and bool(self.record.tls.alert_received)
        if not by_device:
            await self.finish(notify=False)
        try:
            async with asyncio.timeout(LINGER):
                while data := await self._recv():
                    self._without_tls(data)
        except TimeoutError:
            if by_device:  # its alert was the end of the connection, whatever became of TCP
                self._device_closed(Closed.BY_DEVICE)

    def _without_tls(self, data: bytes) -> None:
        """A request in clear, on a connection whose TLS is over, is said to the server like any other."""
        if data.startswith(_METHODS):
            self._recorder.chunk(self.record, Direction.FROM_DEVICE, data)
            self._heard()

    async def _recv(self) -> bytes:
        try:
            data = await asyncio.get_running_loop().sock_recv(self._sock, _READ)
        except OSError as error:  # ECONNRESET, and ETIMEDOUT of a peer that went away
            reset = isinstance(error, ConnectionResetError)
            self._device_closed(Closed.BY_DEVICE_RESET if reset else Closed.BY_DEVICE)
            return b""
        if not data:
            self._device_closed(Closed.BY_DEVICE)
        elif self._tls is not None and not self._tls.handshake_done:
            # Without session tickets nothing answers the client's Finished: a client under Nagle's algorithm
            # would hold its request back for our delayed acknowledgement, 40 ms in each connection.
            with contextlib.suppress(OSError):
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return data

    def _device_closed(self, how: Closed) -> None:
        tls = self.record.tls
        if tls is not None and not tls.handshake_done and not tls.error:
            tls.error = "the connection ended during the handshake"
        self._recorder.closed(self.record, how)
        self.gone.set()
        self._heard()

    async def send(self, data: bytes) -> None:
        """Send application bytes.

        Raises:
            Gone: they could not all be sent.
        """
        if self._finished:
            raise Gone("the bench has closed its side")
        if self._tls is None:
            await self._sendall(data)
        else:
            try:
                self._tls.send(data)
            except TlsFailed as error:
                raise Gone(str(error)) from error
            await self._flush()
        self._recorder.chunk(self.record, Direction.TO_DEVICE, data)

    async def _flush(self) -> None:
        if self._tls is not None and (data := self._tls.outgoing()):
            await self._sendall(data)
            self._tls.left(len(data))

    async def _flush_quietly(self) -> None:
        try:
            await self._flush()
        except Gone:
            pass

    async def _sendall(self, data: bytes) -> None:
        try:
            async with self._sending, asyncio.timeout(SEND_DEADLINE):
                await asyncio.get_running_loop().sock_sendall(self._sock, data)
        except TimeoutError as error:
            raise Gone(f"the device did not read for {SEND_DEADLINE:g} s") from error
        except OSError as error:
            raise Gone(str(error)) from error

    async def finish(self, *, notify: bool = True) -> None:
        """Close the bench's side: close_notify (unless not *notify*) and FIN. Reading goes on."""
        if self._finished:
            return
        if notify and self._tls is not None and self._tls.handshake_done:
            self._tls.close()
            await self._flush_quietly()
        self._finished = True
        self._recorder.closed(self.record, Closed.BY_BENCH)
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the device was faster

    def reset(self) -> None:
        """End the connection with a TCP reset. Nobody may be reading."""
        self._recorder.closed(self.record, Closed.BY_BENCH)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.release()

    def release(self) -> None:
        """Give the socket back to the system. Nobody may be reading."""
        self._finished = True
        self._recorder.closed(self.record, Closed.BY_BENCH)
        self.gone.set()
        self._heard()
        self._recorder.released(self.record)
        self._sock.close()
