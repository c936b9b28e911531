"""Random connection requests: single faults of the grammar, stacks of edits, octet havoc. Pure, seeded."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from harness.fuzz.connection_request import messages as m
from harness.fuzz.connection_request.nasty import FIELDS, METHODS, TARGETS, nasty
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.http.edits import edit, octet_edit
from harness.fuzz.mixture import Arm, Prepared
from harness.fuzz.program import Edit, Expectation, Origin, Program

GRAMMAR, EDITS, HAVOC = "grammar/1", "edits/1", "havoc/1"
LENGTHS: Final = (
    0,
    1,
    15,
    16,
    31,
    32,
    33,
    63,
    64,
    65,
    127,
    128,
    255,
    256,
    257,
    511,
    513,
    1023,
    1025,
    2047,
    4095,
    7000,
)
"""Around the sizes of buffers; above them the hand-written table goes."""
PIECES: Final = (
    "%n", "%s%s%s%s", "\0", "\xff", "\"", "'", "\\", ";", ",", "=", "`id`", "$(id)", "../", "\t", " ", "\r", "\n",
    "<", ">", "&", "{", "}", "%00", "%0d%0a", "-1", "0", "65536", "4294967296", "A", "é", "\x80",
)  # fmt: skip
_BREAKING: Final = frozenset("\0\r\n")
_HARMLESS: Final = tuple(piece for piece in PIECES if not _BREAKING & set(piece))
_BREAKS: Final = 0.12
"""How often a text may hold what breaks the form of a head. Most devices close the connection then, and a new one costs
as much as many programs on an old one."""
HEADERS: Final = (
    "Accept", "Accept-Encoding", "Connection", "Content-Type", "Cookie", "Expect", "From", "Host", "If-Match",
    "Keep-Alive", "Pragma", "Range", "Referer", "SOAPAction", "TE", "Trailer", "Upgrade", "User-Agent", "Via",
    "Proxy-Authorization", "WWW-Authenticate", "X-Forwarded-For", "Set-Cookie", "Authorization",
)  # fmt: skip
FRAMING: Final = frozenset({"Content-Length", "Transfer-Encoding", "Expect"})


def _text(rng: random.Random) -> str:
    """A short nasty text, or a long one of a single piece."""
    pieces = PIECES if rng.random() < _BREAKS else _HARMLESS
    if rng.random() < 0.5:
        return "".join(rng.choices(pieces, k=rng.randint(1, 8)))
    return rng.choice(pieces) * rng.choice(LENGTHS[:18])


def _method(rng: random.Random) -> tuple[Edit, Expectation]:
    name = rng.choice((*METHODS[:-1], "HEAD", "PATCH", _token(rng)))
    return edit("start-line", "", f"{name} @{{cr.target}} HTTP/1.1"), m.ABUSE


def _token(rng: random.Random) -> str:
    return "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.!~*'") for _ in range(rng.randint(1, 40)))


def _target(rng: random.Random) -> tuple[Edit, Expectation]:
    if rng.random() < 0.5:
        return edit("start-line", "", f"GET {rng.choice(TARGETS)[1]} HTTP/1.1"), m.PATH
    piece = rng.choice(PIECES).replace(" ", "+").replace("\r", "r").replace("\n", "n")
    return edit("grow-target", "", piece, str(rng.choice(LENGTHS))), m.CREDENTIALS


def _version(rng: random.Random) -> tuple[Edit, Expectation]:
    version = rng.choice(
        ("HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "HTTP/", "http/1.1", "1.1", _token(rng))
    )
    return edit("start-line", "", f"GET @{{cr.target}} {version}"), m.CREDENTIALS


def _header(rng: random.Random) -> tuple[Edit, Expectation]:
    return edit("add-header", rng.choice(HEADERS), _text(rng)), m.CREDENTIALS


def _cookie(rng: random.Random) -> tuple[Edit, Expectation]:
    number = rng.choice((rng.getrandbits(31), rng.getrandbits(32), rng.randint(0, 300), -rng.getrandbits(31)))
    return edit("add-header", "Cookie", f"C{number}={_text(rng)}"), m.CREDENTIALS


def _length(rng: random.Random) -> tuple[Edit, Expectation]:
    name, value = rng.choice(
        (
            ("Content-Length", str(rng.choice((1, -1, 2**31, 2**32 - 1, 2**63, 2**64, 10**40)))),
            ("Content-Length", _text(rng)),
            ("Transfer-Encoding", rng.choice(("chunked", "gzip, chunked", "chunked, chunked", _token(rng)))),
        )
    )
    return edit("add-header", name, value), m.CREDENTIALS


def _flood(rng: random.Random) -> tuple[Edit, Expectation]:
    return edit("flood-headers", "X-%d", str(rng.randint(2, 90)), _text(rng)[:40]), m.CREDENTIALS


def _line_end(rng: random.Random) -> tuple[Edit, Expectation]:
    return edit("line-ends", "", rng.choice(("\n", "\r", "\r\r\n", "\n\r", "\0\r\n"))), m.CREDENTIALS


def _credentials(rng: random.Random) -> tuple[Edit, Expectation]:
    return edit(
        "add-header", "Authorization", f"{rng.choice(('Digest', 'Basic', 'Bearer', ''))} {_text(rng)}"
    ), (m.CREDENTIALS)


def _field(rng: random.Random) -> tuple[Edit, Expectation]:
    """One parameter of a right login made wrong."""
    name = rng.choice(FIELDS)
    what = rng.randrange(4)
    expectation = {"username": m.CREDENTIALS, "nonce": m.DIGEST, "response": m.DIGEST}.get(name, m.OPEN)
    if what == 0:
        return edit("drop-parameter", name), expectation
    if what == 1:
        # At least 65 octets, so that no value can happen to be the right one.
        return edit("set-parameter", name, rng.choice("AZ0%"), str(rng.choice(LENGTHS[9:]))), expectation
    if what == 2:
        return edit("set-parameter", name, '"' + "x" * rng.randint(0, 9) + rng.choice(PIECES) + '"'), (
            expectation if name != "response" else m.DIGEST
        )
    return edit("add-parameter", rng.choice((*FIELDS, "opaque", "algorithm", "p%d")), _text(rng), "3"), m.OPEN


Maker: TypeAlias = Callable[[random.Random], tuple[Edit, Expectation]]
PLAIN_FAULTS: Final[Sequence[tuple[str, int, Maker]]] = (
    ("C1", 3, _method),
    ("C1", 3, _target),
    ("C1", 1, _version),
    ("C2", 1, _credentials),
    ("C3", 4, _header),
    ("C3", 4, _cookie),
    ("C3", 1, _length),
    ("C3", 3, _flood),
    ("C3", 1, _line_end),
)
"""Dimension, share in it, and what makes the fault. Small shares have those that mostly end the connection."""
_MAKERS: Final = tuple(make for _, share, make in PLAIN_FAULTS for _ in range(share))


def _incomplete(edits: Sequence[Edit]) -> bool:
    """Whether the device may wait for more: our direction is then ended, which spares the wait."""
    ops = {each.op for each in edits}
    if ops & {"line-ends", "insert", "delete", "flip", "truncate"}:
        return True
    texts = "".join("".join(each.args) for each in edits)
    return bool({each.where for each in edits} & FRAMING) or any(sign in texts for sign in "\r\n\0")


def single_fault(dimension: str) -> Callable[[random.Random, int], Program]:
    """A request without a login that is wrong in one place of *dimension*."""
    makers = [make for where, share, make in PLAIN_FAULTS if where == dimension for _ in range(share)]

    def make(rng: random.Random, seed: int) -> Program:
        change, expectation = rng.choice(makers)(rng)
        edits = (change,)
        origin = Origin(GRAMMAR, dimension, seed, template=m.PLAIN, edits=edits)
        return m.program(m.plain(edits, half=_incomplete(edits)), expectation, origin)

    return make


def wrong_login(rng: random.Random, seed: int) -> Program:
    """A login of which one parameter is wrong."""
    change, expectation = _field(rng)
    origin = Origin(GRAMMAR, "C2-login", seed, template=m.FIELDS, edits=(change,))
    return m.program(m.login((change,), half=_incomplete((change,))), expectation, origin)


def stacked(rng: random.Random, seed: int) -> Program:
    """Two to six edits of a request without a login: whatever they are, no session may follow."""
    edits = tuple(rng.choice(_MAKERS)(rng)[0] for _ in range(rng.randint(2, 6)))
    origin = Origin(EDITS, "C3", seed, template=m.PLAIN, edits=edits)
    return m.program(m.plain(edits, half=_incomplete(edits)), m.CREDENTIALS, origin)


def havoc(rng: random.Random, seed: int) -> Program:
    """Octets of a request without a login flipped, inserted, deleted, cut off."""
    size = len(m.PLAIN)
    edits = tuple(octet_edit(rng, size, _text) for _ in range(rng.randint(1, 6)))
    origin = Origin(HAVOC, "C5", seed, template=m.PLAIN, edits=edits)
    return m.program(m.plain(edits, half=True), m.CREDENTIALS, origin)


def connection_request(_device: DeviceFacts) -> Prepared:
    """The surface, against any device: its marks say all that is special about one."""
    arms = (
        Arm(GRAMMAR, "C1", 3.0, single_fault("C1")),
        Arm(GRAMMAR, "C2", 3.0, single_fault("C2")),
        Arm(GRAMMAR, "C3", 5.0, single_fault("C3")),
        Arm(GRAMMAR, "C2-login", 2.0, wrong_login),
        Arm(EDITS, "C3", 1.0, stacked),
        Arm(HAVOC, "C5", 1.0, havoc),
    )
    return Prepared(nasty(), arms)
