"""A minimal CPE, written here with nothing of the harness but its codec."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import socket
from collections.abc import Callable

from harness.cwmp import messages as m
from harness.cwmp import soap

DEADLINE = 10.0
WHO = m.DeviceIdStruct("Maker", "001122", "Box", "S1")
INFORM = m.Inform(
    WHO,
    (m.EventStruct("2 PERIODIC"),),
    1,
    "2026-01-01T00:00:00Z",
    0,
    (m.ParameterValueStruct("Device.DeviceInfo.HardwareVersion", "1"),),
)


def listening_socket() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


class Cpe:
    """Just enough of a CPE: cookies, Digest (arithmetic of its own), one TCP connection at a time."""

    def __init__(self, port: int, *, username: str = "", password: str = "") -> None:
        self.port = port
        self.credentials = (username, password)
        self.cookies: dict[str, str] = {}
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None
        self.authorization: Callable[[], str] | None = None

    async def post(self, body: bytes, *, path: str = "/cwmp") -> tuple[int, dict[str, str], bytes]:
        """POST *body*, answering one challenge."""
        status, headers, answer = await self.send(body, path)
        if status == 401 and self.credentials[0]:
            self._learn(headers["www-authenticate"], path)
            status, headers, answer = await self.send(body, path)
        return status, headers, answer

    async def send(self, body: bytes, path: str = "/cwmp") -> tuple[int, dict[str, str], bytes]:
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(body)}"]
        if body:
            lines += ['Content-Type: text/xml; charset="utf-8"', "SOAPAction:"]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if self.authorization:
            lines.append(f"Authorization: {self.authorization()}")
        return await self.raw("\r\n".join([*lines, "", ""]).encode() + body)

    async def raw(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(DEADLINE):
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            assert self.reader is not None
            self.writer.write(data)
            await self.writer.drain()
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = [line.split(": ", 1) for line in head[1:] if line]
            headers = {name.lower(): value for name, value in pairs}
            for name, value in pairs:
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    self.cookies[key] = rest.split(";")[0]
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
            if headers.get("connection") == "close":
                await self.close()
            return int(head[0].split()[1]), headers, body

    def _learn(self, challenge: str, uri: str) -> None:
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', challenge))
        username, password = self.credentials
        counter = itertools.count(1)

        def md5(text: str) -> str:
            return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

        def header() -> str:
            nc, nonce, realm = f"{next(counter):08x}", given["nonce"], given["realm"]
            secret = md5(f"{username}:{realm}:{password}")
            if given.get("algorithm", "").lower() == "md5-sess":
                secret = md5(f"{secret}:{nonce}:abc")
            middle = f"{nonce}:{nc}:abc:auth" if "qop" in given else nonce
            response = md5(f"{secret}:{middle}:{md5(f'POST:{uri}')}")
            text = f'Digest username="{username}", realm="{realm}", nonce="{nonce}"'
            text += f', uri="{uri}", response="{response}"'
            if "algorithm" in given:
                text += f", algorithm={given['algorithm']}"
            return text + (f', qop=auth, nc={nc}, cnonce="abc"' if "qop" in given else "")

        self.authorization = header

    async def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            try:
                await self.writer.wait_closed()
            except ConnectionError:
                pass
        self.reader = self.writer = None


def envelope(message: m.Message, identifier: str | None = "1", **header: object) -> bytes:
    return soap.encode(m.Envelope(message, m.Header(id=identifier, **header), "urn:dslforum-org:cwmp-1-2"))  # type: ignore[arg-type]


def opened(body: bytes) -> m.Envelope:
    found = soap.read(body).envelope
    assert found is not None
    return found


async def answer_rpcs(cpe: Cpe, respond: Callable[[m.Message], m.Message]) -> list[m.Message]:
    """Inform, empty POST, then answer RPCs until the 204; return the RPCs."""
    status, _, body = await cpe.post(envelope(INFORM))
    assert (status, opened(body).message) == (200, m.InformResponse(1))
    seen: list[m.Message] = []
    status, _, body = await cpe.post(b"")
    while status == 200:
        request = opened(body)
        seen.append(request.message)
        status, _, body = await cpe.post(envelope(respond(request.message), request.header.id))
    assert (status, body) == (204, b"")
    return seen
