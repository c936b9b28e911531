"""The bench's name server: names with the addresses that a case wants, and a book of every question.

It answers A and AAAA (RFC 1035, RFC 3596) over UDP and TCP, with authority and without SOA: what it denies is not
to be remembered (RFC 2308 5), so that a repaired name is found at the next question. A name that the hosts file of
the CPE has never gets here.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.lab.recorder import Clock

PORT: Final = 53
A, AAAA, ANY = 1, 28, 255
_KINDS: Final = {A: "A", AAAA: "AAAA", 5: "CNAME", 12: "PTR", 15: "MX", 33: "SRV", 65: "HTTPS", ANY: "ANY"}
_INTERNET: Final = 1
_HEAD: Final = struct.Struct(">HHHHHH")
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION = 0x8000, 0x0400, 0x0200, 0x0100
_NO_ERROR, _FORMAT_ERROR, _NO_SUCH_NAME, _NOT_IMPLEMENTED = 0, 1, 3, 4
_OPCODE: Final = 0x7800
_LONGEST_LABEL: Final = 63
_LONGEST_QUERY: Final = 4096
_TCP_PATIENCE: Final = 5.0
"""Real seconds that a question over TCP may take."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a name stands for; *ttl* in seconds. With *over_tcp* a question over UDP is told to come by TCP."""

    a: tuple[str, ...] = ()
    aaaa: tuple[str, ...] = ()
    ttl: int = 1
    over_tcp: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A question that came: device time and real time in seconds, name in lower case, ``A``, ``AAAA`` ..."""

    at: float
    real: float
    name: str
    kind: str
    transport: str
    client: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name} over {self.transport}"


@dataclass(frozen=True, slots=True)
class Question:
    """The first question of a message; ``raw`` are its octets, as they are repeated in the answer."""

    name: str
    kind: int
    raw: bytes


class BadQuery(ValueError):
    """Not a question that can be read; the message says what is wrong."""


def question_of(message: bytes) -> Question:
    """The question of *message*.

    Raises:
        BadQuery: too short, a response, or a name that ends nowhere.
    """
    if len(message) < _HEAD.size:
        raise BadQuery("shorter than a header")
    _, flags, questions, *_ = _HEAD.unpack_from(message)
    if flags & _RESPONSE or questions != 1:
        raise BadQuery("not one question")
    labels, at = [], _HEAD.size
    while True:
        length = message[at] if at < len(message) else _LONGEST_LABEL + 1
        if length > _LONGEST_LABEL or at + 1 + length > len(message):
            raise BadQuery("a name that ends nowhere")
        at += 1
        if not length:
            break
        labels.append(message[at : at + length].decode("latin-1").lower())
        at += length
    if at + 4 > len(message):
        raise BadQuery("no type and class")
    kind, _ = struct.unpack_from(">HH", message, at)
    return Question(".".join(labels), kind, message[_HEAD.size : at + 4])


def answer(message: bytes, names: Mapping[str, Record], *, udp: bool) -> bytes:
    """The response to *message*: the addresses, none of that type, or no such name.

    Raises:
        BadQuery: nothing can be answered.
    """
    if len(message) < _HEAD.size:
        raise BadQuery("shorter than a header")
    identifier, flags, *_ = _HEAD.unpack_from(message)
    if flags & _RESPONSE:
        raise BadQuery("a response")
    said = _RESPONSE | _AUTHORITATIVE | (flags & _RECURSION)
    if flags & _OPCODE:
        return _HEAD.pack(identifier, said | (flags & _OPCODE) | _NOT_IMPLEMENTED, 0, 0, 0, 0)
    try:
        question = question_of(message)
    except BadQuery:
        return _HEAD.pack(identifier, said | _FORMAT_ERROR, 0, 0, 0, 0)
    record = names.get(question.name)
    if record is None:
        return _HEAD.pack(identifier, said | _NO_SUCH_NAME, 1, 0, 0, 0) + question.raw
    if udp and record.over_tcp:
        return _HEAD.pack(identifier, said | _TRUNCATED, 1, 0, 0, 0) + question.raw
    found = _resources(question, record)
    return _HEAD.pack(identifier, said | _NO_ERROR, 1, len(found), 0, 0) + question.raw + b"".join(found)


def _resources(question: Question, record: Record) -> list[bytes]:
    wanted = [(A, address) for address in record.a] + [(AAAA, address) for address in record.aaaa]
    return [
        # 0xc00c points to the name in the question.
        struct.pack(">HHHIH", 0xC00C, kind, _INTERNET, record.ttl, len(packed)) + packed
        for kind, packed in ((kind, ipaddress.ip_address(address).packed) for kind, address in wanted)
        if question.kind in (kind, ANY)
    ]


class NameServer:
    """Serves two sockets (non-blocking, bound to port 53; the TCP one listening), which it owns from now on."""

    def __init__(self, clock: Clock, udp: socket.socket, tcp: socket.socket) -> None:
        self.names: dict[str, Record] = {}
        """Name in lower case → what it stands for. May be changed at any time; all else does not exist."""
        self.queries: list[Query] = []
        """Every question that could be read, in order."""
        self._clock = clock
        self._udp = udp
        self._tcp = tcp
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Answer from now on, in the running loop."""
        asyncio.get_running_loop().add_reader(self._udp.fileno(), self._datagrams)
        self._server = await asyncio.start_server(self._conversation, sock=self._tcp)

    async def close(self) -> None:
        """Close both sockets. Safe to call twice."""
        if self._server is None:
            return
        asyncio.get_running_loop().remove_reader(self._udp.fileno())
        self._udp.close()
        self._server.close()
        self._server = None

    def _datagrams(self) -> None:
        while True:
            try:
                message, client = self._udp.recvfrom(_LONGEST_QUERY)
            except OSError:  # none left, or an ICMP error of an earlier answer
                return
            reply = self._reply(message, str(client[0]), udp=True)
            try:
                if reply is not None:
                    self._udp.sendto(reply, client)
            except OSError:
                continue  # the device is gone; it will ask again

    async def _conversation(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = str((writer.get_extra_info("peername") or ("",))[0])
        try:
            while True:
                async with asyncio.timeout(_TCP_PATIENCE):
                    (length,) = struct.unpack(">H", await reader.readexactly(2))
                    reply = self._reply(await reader.readexactly(length), client, udp=False)
                if reply is None:
                    break
                writer.write(struct.pack(">H", len(reply)) + reply)
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            pass
        finally:
            writer.close()

    def _reply(self, message: bytes, client: str, *, udp: bool) -> bytes | None:
        try:
            reply = answer(message, self.names, udp=udp)
            question = question_of(message)
        except BadQuery:
            return None
        at, real = self._clock.now(), asyncio.get_running_loop().time()
        kind = _KINDS.get(question.kind, f"type {question.kind}")
        self.queries.append(Query(at, real, question.name, kind, "UDP" if udp else "TCP", client))
        return reply
