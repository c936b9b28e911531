"""An ACS that answers rubbish: every session fails in order, and the next good one works."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from cpe_lab import Acs, run_device

RUBBISH = (
    b"",
    b"\x00" * 2000,
    b"220 ftp.test ready\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a><b></a>",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
    b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: gopher://x\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="x", nonce=", qop=\r\nContent-Length: 0\r\n\r\n',
    b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nSet-Cookie: \xff=;;;\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20000,
)


async def test_rubbish(acs: Acs, home: Path) -> None:
    waiting = list(RUBBISH)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(waiting.pop(0) if waiting else b"")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with run_device(home) as device:
        await device.configure(acs_username="u", acs_password="p")
        for number in range(len(RUBBISH)):
            await device.configure(acs_url=f"http://127.0.0.1:{port}/{number}")
            await acs.until(lambda n=number: device.log.count("session failed") == n + 1)
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
        assert (await device.state())["sessions"]["failed"] == len(RUBBISH)
        assert "Traceback" not in device.log
    server.close()
