"""A case of the fuzzer: an immutable wire program, content-addressed, replayable without the fuzzer.

A program says byte for byte what the bench does to the device and where it waits for it. What only the
running bench knows (a path, a nonce, an address) stands in the bytes as a mark, ``@{cr.target}``, and is
filled in when the program runs; see `MARKS`. Nothing else changes between two runs of a program.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

FORMAT: Final = 1
"""Version of the encoded form. A newer cpecheck reads every older one."""

MARKS: Final[Mapping[str, str]] = {
    "acs.url": "the ACS URL that the device has",
    "acs.host": "host and port of that URL",
    "canary": "a host name of the bench that nobody has a reason to look up or to call",
    "cr.target": "path and query of the ConnectionRequestURL",
    "cr.host": "host and port of the ConnectionRequestURL",
    "cr.authorization": "the right value of Authorization for the challenge that came last on this connection",
    "cr.user": "user name of the connection request",
    "cr.basic": "user and password of the connection request, as Basic authentication writes them",
    "cr.realm": "realm of the challenge that came last on this connection",
    "cr.response": "the right response for that challenge: GET of cr.target, nc 00000001, cnonce 0a4f113b",
    "cr.response.post": "the same for a POST",
    "cr.response.nul": "the same for cr.target with %00x behind it",
    "cr.echo": "its algorithm and opaque, as further parameters of Authorization",
    "cr.nonce": "nonce of the challenge that came last on this connection",
    "file.url": "a URL of the bench's file server, of a file of its own for this program",
    "file.content": "a file that the device takes (surface file)",
    "file.length": "its octets, counted",
    "file.grown": "that file with 300 letters more at the end of each line of its head",
    "tls.hello": "the right ServerHello for the ClientHello that came (surface tls)",
    "tls.flight": "all that a right server sends after it, the ServerHello included",
    "request.id": "the cwmp:ID of the device's last request",
    "request.namespace": "the CWMP namespace in which the device's Inform is answered",
}
"""What may stand in the bytes as ``@{name}``. Others are left as they are."""
_MARK: Final = re.compile(rb"@\{([a-z.]+)\}")


class Surface(StrEnum):
    """Where a program meets the device."""

    SOAP = "soap"
    SESSION = "session"
    HTTP = "http"
    CONNECTION_REQUEST = "connection-request"
    TLS = "tls"
    FILE = "file"


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """Answer the device's waiting request with 200, correct HTTP, and these octets as body; none is a 204."""

    body: bytes


class Ask(msgspec.Struct, frozen=True, omit_defaults=True, tag="ask"):
    """Call this RPC in a session, in lock-step with the model of a CPE (`harness.fuzz.model`): the answer, and what can
    be read back after it, are compared with what the model says. A program has nothing else, or no `Ask` at all.

    ``number`` is the instance number that this AddObject was given where the program was found: paths of later
    messages that name it mean the row that is made now.
    """

    body: bytes
    number: int = 0


class Raw(msgspec.Struct, frozen=True, omit_defaults=True, tag="raw"):
    """Write these octets to the connection as they are (above TLS, where there is TLS).

    On the surface ``tls`` they are what follows the ClientHello. There and on ``file``, of what the marks become,
    ``keep`` octets are written (-1: all), with the octet at ``flip`` inverted (-1: none).
    """

    data: bytes
    keep: int = -1
    flip: int = -1


class Repeat(msgspec.Struct, frozen=True, tag="repeat"):
    """Write *data* *times* times: floods and bombs that would not fit a file."""

    data: bytes
    times: int


class Expect(msgspec.Struct, frozen=True, tag="expect"):
    """Wait for the device's next HTTP message on this connection, at most *seconds* of its time."""

    seconds: float = 30.0


class Pause(msgspec.Struct, frozen=True, tag="pause"):
    """Do nothing for *seconds* of the device's time (a clock step where its clock is steered)."""

    seconds: float


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """End the connection: ``fin``, ``reset``, or ``half`` (our direction alone)."""

    how: str = "fin"


class Connect(msgspec.Struct, frozen=True, tag="connect"):
    """Open a (further) connection to the device's connection-request port; what follows goes there."""


Action: TypeAlias = Reply | Ask | Raw | Repeat | Expect | Pause | Cut | Connect


class Edit(msgspec.Struct, frozen=True):
    """One change that was made to a valid message: the unit in which a case is shrunk and explained.

    ``op`` and ``args`` belong to the editor of the surface (`harness.fuzz.soap.edits`), ``where`` is the place in
    words of its own (an XPath, an offset, an index of an action); ``says`` is one clause for people.
    """

    op: str
    where: str = ""
    args: tuple[str, ...] = ()
    says: str = ""


class Wanted(StrEnum):
    """What a correct device may do with the program, beyond staying alive and correct on the wire."""

    ANYTHING = "anything"
    """Only the general oracles judge."""
    SUCCESS = "success"
    """The message is legal: it has to be obeyed (odd but right)."""
    FAULT = "fault"
    """A CWMP fault out of ``codes`` (any, when empty), or a SOAP fault where the standard allows it."""
    NOT_OBEYED = "not-obeyed"
    """A fault, an end of the session, an HTTP error, an empty POST; never a success, never an effect."""


class Expectation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The accept-set of a program, with the requirement it rests on; without one only robustness is judged."""

    wanted: Wanted = Wanted.ANYTHING
    codes: tuple[int, ...] = ()
    requirement: str = ""
    """Id in the requirement catalogue; empty where no clause says so."""
    because: str = ""
    """Source: document and section."""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where the program comes from; not part of its identity."""

    generator: str = ""
    """``nasty``, ``grammar``, ``edits``, ``havoc``, ``model`` ... with its version: ``edits/1``."""
    dimension: str = ""
    """Short name of the dimension: ``S3`` types and arrays."""
    seed: int = 0
    name: str = ""
    """Id of a hand-written case, ``soap.long-string-3073``."""
    template: bytes = b""
    """The nearest valid message, before the edits."""
    edits: tuple[Edit, ...] = ()
    destructive: bool = False
    """It may reboot, reset or reconfigure the device: run only when that is allowed."""


class Program(msgspec.Struct, frozen=True, omit_defaults=True):
    """The case. ``says`` is one line for people."""

    surface: Surface
    actions: tuple[Action, ...]
    expectation: Expectation = Expectation()
    says: str = ""
    origin: Origin = Origin()
    format: int = FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what is done to the device and of what is expected of it; names and seeds do not count."""
        content = (self.surface, self.actions, self.expectation)
        return hashlib.sha256(msgspec.json.encode(content)).hexdigest()

    @property
    def octets(self) -> int:
        """Octets that the program writes, marks not filled in."""
        return sum(map(_size, self.actions))


def _size(action: Action) -> int:
    match action:
        case Reply(body=data) | Ask(body=data) | Raw(data=data):
            return len(data)
        case Repeat(data=data, times=times):
            return len(data) * times
        case _:
            return 0


def fill(data: bytes, values: Mapping[str, str]) -> bytes:
    """*data* with its marks filled in; a mark that *values* does not know stays."""
    if b"@{" not in data:
        return data
    return _MARK.sub(
        lambda found: values.get(found[1].decode(), found[0].decode()).encode("utf-8", "surrogateescape"),
        data,
    )


def written(raw: Raw, data: bytes) -> bytes:
    """What of *data*, the octets of *raw* with the marks filled in, goes out: ``keep`` and ``flip`` applied."""
    whole = data if raw.keep < 0 else data[: raw.keep]
    if not 0 <= raw.flip < len(whole):
        return whole
    return whole[: raw.flip] + bytes((whole[raw.flip] ^ 0xFF,)) + whole[raw.flip + 1 :]


def encode(program: Program) -> bytes:
    """The program as JSON, octets as base64."""
    return msgspec.json.encode(program)


def decode(data: bytes) -> Program:
    """Read what `encode` wrote, in this version or an older one.

    Raises:
        ValueError: not a program, or of a newer format; says where.
    """
    try:
        program = msgspec.json.decode(data, type=Program)
    except msgspec.DecodeError as error:
        raise ValueError(f"not a fuzz program: {error}") from None
    if program.format > FORMAT:
        raise ValueError(f"fuzz program of format {program.format}; this cpecheck reads up to {FORMAT}")
    return program
