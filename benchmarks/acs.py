"""A small fast ACS for the benchmark: InformResponse to an Inform, 204 to the empty POST, nothing else.

It looks at no more than it must (Content-Length and the ID), so that the device is what is measured.
``python -m benchmarks.acs`` prints the port it listens on at 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import gc
import re
from typing import Final

_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*([0-9]+)", re.IGNORECASE)
_ID: Final = re.compile(rb"<(?:[\w.-]+:)?ID\b[^>]*>([^<]*)<")
_NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
_ANSWER: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
    b'xmlns:cwmp="urn:dslforum-org:cwmp-1-2">'
    b'<soap:Header><cwmp:ID soap:mustUnderstand="1">%s</cwmp:ID></soap:Header>'
    b"<soap:Body><cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse></soap:Body>"
    b"</soap:Envelope>"
)


class Connection(asyncio.Protocol):
    """One connection of a device."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        assert self._transport is not None
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._data, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < whole:
                return
            body, self._data = self._data[end + 4 : whole], self._data[whole:]
            self._transport.write(_reply(body))


def _reply(body: bytes) -> bytes:
    if not body:
        return _NO_CONTENT
    own_id = _ID.search(body)
    answer = _ANSWER % (own_id[1] if own_id else b"")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % len(answer)
    return head + answer


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    gc.freeze()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
