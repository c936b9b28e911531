"""Known-nasty answers to a ClientHello, by hand: a permanent case of every campaign each.

After each the connection ends. Whatever was said, the device sends no application data, in clear neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.fuzz.program import Action, Cut, Expectation, Origin, Program, Raw, Repeat, Surface, Wanted

GENERATOR: Final = "nasty/1"
BROKEN: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="cwmp.tls.broken-handshake",
    because="TR-069 Amendment 6, 3.3 and 3.2.1.1",
)
FLIGHT: Final = b"@{tls.flight}"
HELLO: Final = b"@{tls.hello}"
CUTS: Final = (
    1,
    2,
    3,
    4,
    5,
    6,
    8,
    9,
    10,
    11,
    42,
    43,
    44,
    60,
    75,
    76,
    78,
    80,
    90,
    120,
    127,
    130,
    200,
    500,
    800,
    1000,
)
"""Octets of the right flight after which the connection ends: in the record's head, the handshake head, version,
random, session id, cipher, extensions, the next records."""
FLIPS: Final = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
    43,
    44,
    76,
    77,
    78,
    79,
    80,
    81,
    82,
    90,
    100,
    126,
    127,
    128,
    129,
    130,
)


def record(kind: int, data: bytes, version: int = 0x0303, length: int | None = None) -> bytes:
    """A record, with a length of its own where *length* lies."""
    return bytes((kind,)) + version.to_bytes(2) + (len(data) if length is None else length).to_bytes(2) + data


def message(kind: int, data: bytes, length: int | None = None) -> bytes:
    """A handshake message."""
    return bytes((kind,)) + (len(data) if length is None else length).to_bytes(3) + data


ALERTS: Final = (
    0,
    10,
    20,
    22,
    40,
    42,
    46,
    47,
    48,
    49,
    50,
    51,
    70,
    71,
    80,
    86,
    90,
    109,
    110,
    112,
    116,
    120,
    255,
)


def _rows() -> Iterator[tuple[str, tuple[Action, ...], str]]:
    yield "nothing", (), "the end in place of an answer"
    yield "nothing-reset", (Cut("reset"),), "a reset in place of an answer"
    for at in CUTS:
        yield f"cut-after-{at}", (Raw(FLIGHT, keep=at),), f"the right flight cut off after {at} octets"
    for at in FLIPS:
        yield f"flip-{at}", (Raw(FLIGHT, flip=at),), f"octet {at} of the right flight inverted"
    for code in ALERTS:
        for level in (1, 2):
            yield (
                f"alert-{level}-{code}",
                (Raw(record(21, bytes((level, code)))),),
                f"alert {code}, level {level}",
            )
    yield "alerts-100", (Repeat(record(21, b"\x01\x5a"), 100),), "a hundred warnings"
    yield "alert-long", (Raw(record(21, b"\x02" * 200)),), "an alert of 200 octets"
    yield "alert-empty", (Raw(record(21, b"")),), "an alert of no octets"
    yield "hello-twice", (Raw(HELLO), Raw(HELLO)), "two ServerHellos"
    yield "flight-twice", (Raw(FLIGHT), Raw(FLIGHT)), "the right flight twice"
    for version in (0x0002, 0x0300, 0x0301, 0x0305, 0x7F00, 0xFFFF):
        yield (
            f"record-version-{version:04x}",
            (Raw(record(22, message(2, bytes(70)), version)),),
            f"a record of version {version:#06x}",
        )
    for kind in (0, 19, 23, 24, 25, 128, 255):
        yield f"record-type-{kind}", (Raw(record(kind, bytes(64))),), f"a record of type {kind}"
    for kind in (0, 1, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22, 24, 67, 254):
        yield (
            f"message-type-{kind}",
            (Raw(record(22, message(kind, bytes(64)))),),
            f"a handshake message of type {kind} first",
        )
    yield "record-oversize", (Raw(record(22, bytes(65_535))),), "a record of 65535 octets"
    yield "record-longer", (Raw(record(22, bytes(100), length=16_384)),), "a record that promises more"
    yield "record-empty", (Repeat(record(22, b""), 64),), "empty records"
    yield (
        "message-16-mb",
        (Raw(record(22, message(2, bytes(64), 0xFFFFFF))), Repeat(record(22, bytes(16_000)), 64)),
        "a ServerHello of 16 MB, begun",
    )
    yield (
        "certificate-16-mb",
        (
            Raw(HELLO),
            Raw(record(22, message(11, b"\xff\xff\xff" + bytes(64), 0xFFFFFF))),
            Repeat(record(22, bytes(16_000)), 64),
        ),
        "a Certificate of 16 MB, begun",
    )
    yield (
        "one-octet-records",
        tuple(Raw(record(22, bytes((octet,)))) for octet in message(2, bytes(70))),
        "a ServerHello in records of one octet",
    )
    yield (
        "hello-random-only",
        (Raw(record(22, message(2, b"\x03\x03" + bytes(32)))),),
        "a ServerHello that ends after its random",
    )
    yield (
        "hello-session-id-255",
        (Raw(record(22, message(2, b"\x03\x03" + bytes(32) + b"\xff" + bytes(255) + b"\x13\x01\0"))),),
        "a session id of 255 octets",
    )
    yield (
        "hello-null-cipher",
        (Raw(record(22, message(2, b"\x03\x03" + bytes(32) + b"\0\0\0\0"))),),
        "the cipher suite NULL",
    )
    yield (
        "hello-extensions-lie",
        (Raw(record(22, message(2, b"\x03\x03" + bytes(32) + b"\0\x13\x01\0\xff\xff\0\x2b\0\x02\x03\x04"))),),
        "extensions longer than the message",
    )
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    yield (
        "retry-requests",
        (Repeat(record(22, message(2, b"\x03\x03" + retry + b"\0\x13\x01\0\0\x06\0\x2b\0\x02\x03\x04")), 4),),
        "HelloRetryRequests without end",
    )
    yield "hello-requests", (Repeat(record(22, message(0, b"")), 1000),), "a thousand HelloRequests"
    yield "change-cipher-spec", (Repeat(record(20, b"\x01"), 1000),), "a thousand ChangeCipherSpecs"
    yield "ssl-2", (Raw(b"\x80\x2e\x04\0\x01\0\x02\0\0\0\x03\0\x10" + bytes(40)),), "an SSL 2 ServerHello"
    yield "http", (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),), "HTTP in clear"
    yield (
        "http-redirect",
        (Raw(b"HTTP/1.1 302 Found\r\nLocation: http://@{acs.host}/\r\nContent-Length: 0\r\n\r\n"),),
        "a redirect to http in clear",
    )
    yield "ssh", (Raw(b"SSH-2.0-OpenSSH\r\n"),), "an SSH banner"
    yield "zeros", (Raw(bytes(4096)),), "zeros"
    yield "binary", (Raw(bytes(range(256)) * 16),), "every octet there is"
    yield "text", (Repeat(b"A", 100_000),), "a hundred thousand letters"


def nasty() -> Iterator[Program]:
    """The table as programs."""
    for name, actions, words in _rows():
        yield program(actions, Origin(GENERATOR, "tls", name=f"tls.{name}"), words)


def program(actions: tuple[Action, ...], origin: Origin, words: str) -> Program:
    """A program of the surface ``tls``; the end of the connection stands behind it."""
    last = actions[-1:] and isinstance(actions[-1], Cut)
    return Program(Surface.TLS, actions if last else (*actions, Cut("fin")), BROKEN, words, origin)
