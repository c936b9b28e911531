"""What seeded fuzz defects have in common: how they are registered, how a device dies, hangs, or calls a host.

No case of the suites is to see them (``awaiting="fuzz"``); the fuzzer is. `SEEDED` says where and as what.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from harness.cwmp.soap import Reading
from reference_cpe.defects.registry import Alteration, defect, rewire
from reference_cpe.parts import Parts

AWAITING: Final = "fuzz"


class Effect(StrEnum):
    """What can be observed when the defect is met."""

    CRASH = "crash"
    """The process is gone."""
    HANG = "hang"
    """The process is there and does nothing any more, or one session or port of it never ends."""
    RESTART = "restart"
    MEMORY = "memory"
    ACCEPTS = "accepts"
    """What had to be refused is carried out."""
    STORES_OTHER = "stores-other"
    """A success after which another value can be read than was sent, or a refusal after which one has changed."""
    WRONG_ANSWER = "wrong-answer"
    """A fault of the wrong code, or an answer that is wrong in itself."""
    LOSES = "loses"
    """State, an event, or the ability to open sessions is gone."""
    CALLS = "calls"
    """A host is looked up that only the attacker has named."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """A defect that the fuzzer has to find. ``edits``: how few changes of a valid message reach it."""

    name: str
    surface: str
    effect: Effect
    edits: int = 1


SEEDED: Final[dict[str, Seeded]] = {}


def seeded(
    name: str, surface: str, effect: Effect, breaks: Sequence[str], *, seen: str = "", edits: int = 1
) -> Callable[[Alteration], Alteration]:
    """Register a function as the fuzz defect ``fuzz-<name>``.

    *surface* is one of the fuzzer's: ``soap``, ``session``, ``http``, ``connection-request``, ``tls``, ``file``.

    Raises:
        ValueError: see `reference_cpe.defects.registry.defect`.
    """
    full = f"fuzz-{name}"
    SEEDED[full] = Seeded(full, surface, effect, edits)
    return defect(full, breaks, seen, AWAITING)


# --- what happens to the device


def die() -> None:
    """The process ends as after a segmentation fault: at once, with nothing written or closed."""
    os._exit(139)


def hang() -> None:
    """The process stands still until it is killed."""
    while True:
        time.sleep(3600)


_HOST = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.test\b")
_calls: set[asyncio.Task[None]] = set()


def call_hosts(parts: Parts, text: str) -> None:
    """Look up and call every host of the reserved domain ``test`` that *text* names; no shell ever runs."""
    for host in dict.fromkeys(_HOST.findall(text)):
        task = asyncio.get_running_loop().create_task(_call(parts, host))
        _calls.add(task)
        task.add_done_callback(_calls.discard)


async def _call(parts: Parts, host: str) -> None:
    with parts.clock.work(), contextlib.suppress(OSError, TimeoutError, UnicodeError):
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(host, 80)
            writer.close()


# --- where defects look


def before_reading(parts: Parts, alter: Callable[[bytes], bytes]) -> None:
    """Every message of the ACS passes through *alter* before it is read."""
    original = parts.reader.read
    rewire(parts.reader, read=lambda data: original(alter(data)))


def on_reading(parts: Parts, alter: Callable[[bytes, Reading], Reading]) -> None:
    """Every message of the ACS, raw and read, passes through *alter*."""
    original = parts.reader.read
    rewire(parts.reader, read=lambda data: alter(data, original(data)))


_KEPT: Final = 512 * 1024


def on_response(parts: Parts, look: Callable[[bytes], object]) -> None:
    """*look* is given what has come of a server's answers since the last request, after every piece of it."""
    seen = bytearray()
    outgoing, incoming = parts.wire.outgoing, parts.wire.incoming

    def sent(data: bytes) -> object:
        seen.clear()
        return outgoing(data)

    def came(data: bytes) -> bytes:
        if len(seen) < _KEPT:
            seen.extend(data[: _KEPT - len(seen)])
            look(bytes(seen))
        return incoming(data)

    rewire(parts.wire, outgoing=sent, incoming=came)


class WatchedReader:
    """The one method of a stream reader that the listener uses; all that came is shown to *look*."""

    def __init__(self, reader: asyncio.StreamReader, look: Callable[[bytes], object]) -> None:
        self._reader = reader
        self._look = look
        self._seen = bytearray()

    async def read(self, size: int) -> bytes:
        data = await self._reader.read(size)
        self._seen += data[: _KEPT - len(self._seen)]
        self._look(bytes(self._seen))
        return data


def on_request(parts: Parts, look: Callable[[bytes], object]) -> None:
    """*look* is given all that has come on a connection to the connection-request port, after every piece."""
    original = parts.listener._serve

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await original(WatchedReader(reader, look), writer)  # type: ignore[arg-type]

    rewire(parts.listener, _serve=serve)


def dies_of(pattern: bytes, flags: int = 0) -> Callable[[bytes], object]:
    """A look that kills the device when *pattern* occurs."""
    compiled = re.compile(pattern, flags)

    def look(data: bytes) -> None:
        if compiled.search(data):
            die()

    return look
