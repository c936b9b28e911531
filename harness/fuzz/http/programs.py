"""Random HTTP answers of the ACS: one fault in a right answer, stacks of edits, octet havoc. Pure, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from harness.fuzz.connection_request.programs import PIECES
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http import messages as h
from harness.fuzz.http.edits import edit, octet_edit
from harness.fuzz.http.nasty import nasty
from harness.fuzz.mixture import Arm, Prepared
from harness.fuzz.program import Edit, Origin, Program

GRAMMAR, EDITS, HAVOC = "grammar/1", "edits/1", "havoc/1"
HEADERS: Final = (
    "Connection", "Keep-Alive", "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding", "Trailer",
    "Set-Cookie", "Set-Cookie2", "Location", "WWW-Authenticate", "Authentication-Info", "Retry-After", "Server", "Date",
    "Upgrade", "SOAPAction", "Refresh", "ETag", "Strict-Transport-Security", "Alt-Svc", "Proxy-Authenticate",
)  # fmt: skip
STATUS: Final = (
    100, 101, 102, 200, 201, 202, 203, 204, 205, 206, 300, 304, 400, 401, 403, 404, 405, 407, 408, 409, 410, 411, 413,
    415, 417, 426, 429, 431, 500, 501, 502, 503, 504, 505, 511, 600, 999, 0, 1000,
)  # fmt: skip
LENGTHS: Final = (1, 16, 64, 255, 256, 257, 1024, 4096, 8192, 16_385, 65_537)


def _text(rng: random.Random) -> str:
    return (
        rng.choice(PIECES) * rng.choice(LENGTHS[:8])
        if rng.random() < 0.4
        else "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 8)))
    )


def _status(rng: random.Random) -> Edit:
    version = rng.choice(("HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/1.", "http/1.1"))
    return edit("start-line", "", f"{version} {rng.choice(STATUS)} {rng.choice(('OK', '', _text(rng)))}")


def _length(rng: random.Random) -> Edit:
    value = rng.choice((-1, 0, 1, 10, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, "", "x", "1,2", "0x5", "+5"))
    return edit("set-header", "Content-Length", str(value))


def _header(rng: random.Random) -> Edit:
    return edit("add-header", rng.choice(HEADERS), _text(rng))


def _grown(rng: random.Random) -> Edit:
    return edit("grow-header", rng.choice(HEADERS), rng.choice("A %;,="), str(rng.choice(LENGTHS)))


def _flood(rng: random.Random) -> Edit:
    return edit(
        "flood-headers", rng.choice(("X-%d", "Set-Cookie")), str(rng.randint(2, 300)), f"a={_text(rng)[:40]}"
    )


def _missing(rng: random.Random) -> Edit:
    return edit("drop-header", rng.choice(("Content-Length", "Content-Type")))


def _ends(rng: random.Random) -> Edit:
    return edit("line-ends", "", rng.choice(("\n", "\r", "\r\r\n", "\n\r")))


def _chunks(rng: random.Random) -> Edit:
    size = rng.choice(("0", "5", "ffffffff", "ffffffffffffffff", "-1", "zz", "", "5;x=y", "0005"))
    return edit("body", "", f"{size}\r\nhello\r\n0\r\n\r\n", "1")


FAULTS: Final[tuple[tuple[str, Callable[[random.Random], Edit]], ...]] = (
    ("H1", _status), ("H2", _length), ("H2", _missing), ("H3", _chunks), ("H5", _header), ("H5", _grown),
    ("H5", _flood), ("H5", _ends),
)  # fmt: skip


def _made(device: DeviceFacts, generator: str, dimension: str, seed: int, edits: tuple[Edit, ...]) -> Program:
    origin = Origin(generator, dimension, seed, template=h.template(device), edits=edits)
    return h.program(h.edited(device, edits), h.ANYTHING, origin)


def single_fault(device: DeviceFacts, dimension: str) -> Callable[[random.Random, int], Program]:
    """The right answer with one fault of *dimension*; chunks come with their header."""
    makers = [make for where, make in FAULTS if where == dimension]

    def make(rng: random.Random, seed: int) -> Program:
        chosen = rng.choice(makers)(rng)
        edits: tuple[Edit, ...] = (chosen,)
        if dimension == "H3":
            edits = (
                edit("drop-header", "Content-Length"),
                edit("add-header", "Transfer-Encoding", "chunked"),
                chosen,
            )
        return _made(device, GRAMMAR, dimension, seed, edits)

    return make


def stacked(device: DeviceFacts) -> Callable[[random.Random, int], Program]:
    """Two to six faults together."""

    def make(rng: random.Random, seed: int) -> Program:
        edits = tuple(rng.choice(FAULTS)[1](rng) for _ in range(rng.randint(2, 6)))
        return _made(device, EDITS, "H5", seed, edits)

    return make


def havoc(device: DeviceFacts) -> Callable[[random.Random, int], Program]:
    """Octets of the head flipped, inserted, deleted, cut off: the body is the surface ``soap``'s."""
    head = h.template(device).index(b"\r\n\r\n") + 4

    def make(rng: random.Random, seed: int) -> Program:
        edits = tuple(octet_edit(rng, head, _text) for _ in range(rng.randint(1, 6)))
        return _made(device, HAVOC, "H10", seed, edits)

    return make


def http(device: DeviceFacts) -> Prepared:
    """The surface against one device."""
    arms = (
        *(
            Arm(GRAMMAR, dimension, 1.0, single_fault(device, dimension))
            for dimension in ("H1", "H2", "H3", "H5")
        ),
        Arm(EDITS, "H5", 1.0, stacked(device)),
        Arm(HAVOC, "H10", 1.0, havoc(device)),
    )
    return Prepared(nasty(device), arms)
