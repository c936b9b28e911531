"""One TCP connection of the device to the fuzzer's ACS: bytes are recorded as they are, read leniently, written exactly.

Built for speed: a request in the usual form is read by two searches; whatever is odd goes to the engine's `Reader`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Final, cast

from harness.lab.http1 import HttpError, Kind, Reader
from harness.lab.http1_head import Parsed, check_request, read_headers
from harness.lab.recorder import Recorder
from harness.verdict.transcript import Closed, Connection, Direction, HttpMessage

SOAP_TYPE: Final = ("Content-Type", 'text/xml; charset="utf-8"')
_UNUSUAL: Final = frozenset({"transfer-encoding", "expect"})
_LINGER: Final = struct.pack("ii", 1, 0)
"""Unsent octets are thrown away, and the end is a reset."""
Headers = tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def _head(head: bytes) -> tuple[str, Headers, tuple[str, ...], int] | None:
    """Start line, headers, anomalies and length of the body; ``None`` where the head is not of the usual form."""
    if head.count(b"\n") != head.count(b"\r\n") or head.count(b"\r") != head.count(b"\r\n"):
        return None
    lines = head[:-4].split(b"\r\n")
    if not all(lines):
        return None
    found: list[str] = []
    headers = read_headers(lines[1:], found.append)
    names = [name.lower() for name, _ in headers]
    if _UNUSUAL & set(names) or names.count("content-length") != 1:
        return None
    length = headers[names.index("content-length")][1]
    if not (length.isascii() and length.isdigit() and len(length) < 9):
        return None
    start_line = lines[0].decode("latin-1")
    check_request(Parsed(start_line=start_line, headers=headers), found.append)
    return start_line, tuple(headers), tuple(dict.fromkeys(found)), int(length)


class Line(asyncio.Protocol):
    """A connection. *heard* gets every message, and ``None`` once when the connection has ended."""

    def __init__(
        self, recorder: Recorder, record: Connection, heard: Callable[[Line, HttpMessage | None], None]
    ) -> None:
        self.record = record
        self.ended = False
        self._recorder = recorder
        self._heard = heard
        self._transport: asyncio.Transport | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._buffer = bytearray()
        self._taken = 0
        """Octets of the device that messages before have used up."""
        self._written = 0
        self._reader: Reader | None = None
        self._reader_base = 0
        self._deaf = False
        """What comes cannot be read as HTTP any more; it is recorded and no more."""

    # --- asyncio.Protocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._recorder.chunk(self.record, Direction.FROM_DEVICE, data)
        if self._deaf:
            return
        if self._reader is not None:
            self._slowly(data)
            return
        self._buffer += data
        while self._buffer:
            parsed = self._usual()
            if parsed is None:
                return
            self._tell(parsed)

    def connection_lost(self, exc: Exception | None) -> None:
        how = Closed.BY_DEVICE_RESET if isinstance(exc, ConnectionError) else Closed.BY_DEVICE
        self._end(how)

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def eof_received(self) -> bool:
        return False

    # --- reading ---

    def _usual(self) -> Parsed | None:
        """The next message in the buffer, if it is whole and of the usual form."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > 65_536 or b"\n\n" in self._buffer:
                self._to_reader()
            return None
        head = bytes(self._buffer[: end + 4])
        known = _head(head)
        if known is None:
            self._to_reader()
            return None
        start_line, headers, anomalies, length = known
        size = len(head) + length
        if len(self._buffer) < size:
            return None
        body = bytes(self._buffer[len(head) : size])
        del self._buffer[:size]
        start = self._taken
        self._taken += size
        return Parsed(start_line, list(headers), body, head, start, self._taken, True, anomalies)

    def _to_reader(self) -> None:
        """Let the lenient reader go on from here, for the rest of the connection."""
        self._reader, self._reader_base = Reader(Kind.REQUEST), self._taken
        data = bytes(self._buffer)
        self._buffer.clear()
        self._slowly(data)

    def _slowly(self, data: bytes) -> None:
        assert self._reader is not None
        try:
            messages = self._reader.feed(data)
            for parsed in messages:
                parsed.start += self._reader_base
                parsed.end += self._reader_base
                self._tell(parsed)
            if messages:
                self._reader.feed(b"")
        except HttpError as error:
            self._deaf = True
            if rest := self._reader.unfinished(str(error)):
                rest.start += self._reader_base
                rest.end += self._reader_base
                self._tell(rest)

    def _tell(self, parsed: Parsed) -> None:
        message = self._recorder.message(self.record, Direction.FROM_DEVICE, parsed)
        self._heard(self, message)

    # --- writing ---

    def reply(self, body: bytes, note: str, *cookies: str) -> HttpMessage:
        """Write a correct answer with this body: 200, or 204 where it is empty."""
        start_line = "HTTP/1.1 200 OK" if body else "HTTP/1.1 204 No Content"
        headers = [SOAP_TYPE, ("Content-Length", str(len(body)))] if body else []
        headers += [("Set-Cookie", cookie) for cookie in cookies]
        lines = [start_line, *(f"{name}: {value}" for name, value in headers), "", ""]
        head = "\r\n".join(lines).encode("latin-1")
        start = self._written
        self.write(head + body)
        parsed = Parsed(start_line, headers, body, head, start, self._written)
        return self._recorder.message(self.record, Direction.TO_DEVICE, parsed, note)

    def write(self, data: bytes) -> None:
        """Write octets as they are."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        self._written += len(data)
        self._recorder.chunk(self.record, Direction.TO_DEVICE, data)

    def note(self, start: int, sent: bytes, note: str) -> list[HttpMessage]:
        """Write down, as the messages they make, the octets *sent* that began at offset *start*."""
        reader = Reader(Kind.RESPONSE)
        found: list[Parsed] = []
        try:
            found += reader.feed(sent)
            found += reader.feed(b"") or reader.end()
        except HttpError as error:
            rest = reader.unfinished(str(error))
            found += [rest] if rest else []
        for parsed in found:
            parsed.start += start
            parsed.end += start
        return [self._recorder.message(self.record, Direction.TO_DEVICE, each, note) for each in found]

    @property
    def written(self) -> int:
        """Octets written so far."""
        return self._written

    async def drained(self) -> None:
        """Wait until the device has taken so much that there is room for more, or is gone."""
        await self._room.wait()

    def half(self) -> None:
        """End our direction alone."""
        if (
            self._transport is not None
            and not self._transport.is_closing()
            and self._transport.can_write_eof()
        ):
            self._transport.write_eof()

    def close(self) -> None:
        """End the connection when what was written has gone out."""
        self._end(Closed.BY_BENCH)
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once, with a reset."""
        self._end(Closed.BY_BENCH)
        if self._transport is not None:
            with suppress(OSError):
                sock = self._transport.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            self._transport.abort()

    def _end(self, how: Closed) -> None:
        if self.ended:
            return
        self.ended = True
        self._room.set()
        if self._reader is not None and not self._deaf:
            self._unfinished(self._reader.unfinished("the connection ended inside the message"))
        self._recorder.closed(self.record, how)
        self._recorder.released(self.record)
        self._heard(self, None)

    def _unfinished(self, rest: Parsed | None) -> None:
        """Write down what had come of a message that has no end."""
        if rest is not None:
            rest.start += self._reader_base
            rest.end += self._reader_base
            self._recorder.message(self.record, Direction.FROM_DEVICE, rest)
