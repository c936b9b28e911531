"""Finds a text in what was on the wire, in the forms in which texts travel: plain, Base64, hexadecimal, percent-encoded, compressed.

A marker has to be long and random enough not to occur by itself; that is the caller's business.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from harness.lab.payloads import Flow

SHORTEST: Final = 6
"""Characters below which a marker may well occur by chance."""
_MOST: Final = 4 * 1024 * 1024
"""Octets that one compressed stream may unfold to."""
_LOWER: Final = ("hexadecimal", "percent-encoded")
"""Forms whose digits may be of either case."""
_TRIES: Final = 256
"""Places of one stream that may look like the head of a compressed one."""
_HEADS: Final = (
    (b"\x1f\x8b\x08", 31),
    (b"\x78\x01", 15),
    (b"\x78\x5e", 15),
    (b"\x78\x9c", 15),
    (b"\x78\xda", 15),
)


@dataclass(frozen=True, slots=True)
class Leak:
    """A marker that can be read: which, in what form, where."""

    marker: str
    form: str
    flow: Flow

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.flow.frames[:5]))
        return f"{self.marker} ({self.form}) in {self.flow}, frames {shown}"


def forms(text: str) -> dict[str, tuple[bytes, ...]]:
    """The octets to look for, by the name of the form. Hexadecimal digits are looked for in lower case."""
    octets = text.encode("utf-8")
    return {
        "plain": (octets,),
        "UTF-16": (text.encode("utf-16-le"), text.encode("utf-16-be")),
        "hexadecimal": (octets.hex().encode(), octets.hex(":").encode()),
        "percent-encoded": (("%" + octets.hex("%")).encode(),),
        "Base64": tuple(_inside_base64(octets, before) for before in range(3)),
    }


def _inside_base64(octets: bytes, before: int) -> bytes:
    """What Base64 makes of *octets* after *before* (modulo 3) others, without the characters that depend on neighbours."""
    encoded = base64.b64encode(bytes(before) + octets).rstrip(b"=")
    begin = (0, 2, 3)[before]
    return encoded[begin : len(encoded) - (1 if (before + len(octets)) % 3 else 0)]


def leaks(flows: Iterable[Flow], markers: dict[str, str]) -> list[Leak]:
    """Every marker (name → text) that can be read in *flows*, the first form of it in each flow."""
    wanted = {name: forms(text) for name, text in markers.items()}
    found = []
    for flow in flows:
        data = bytes(flow.data)
        readable = [("", data), *(("compressed, ", each) for each in _unfolded(data))]
        for name, looked_for in wanted.items():
            form = next((form for prefix, text in readable if (form := _form(text, looked_for, prefix))), "")
            if form:
                found.append(Leak(name, form, flow))
    return found


def _form(data: bytes, looked_for: dict[str, tuple[bytes, ...]], prefix: str) -> str:
    lower = data.lower()
    for form, texts in looked_for.items():
        if any(text in (lower if form in _LOWER else data) for text in texts):
            return prefix + form
    return ""


def _unfolded(data: bytes) -> Iterator[bytes]:
    """What gzip and zlib streams inside *data* hold, as far as they can be read."""
    for head, bits in _HEADS:
        at = data.find(head)
        for _ in range(_TRIES):
            if at < 0:
                break
            try:
                text = zlib.decompressobj(bits).decompress(data[at:], _MOST)
            except zlib.error:
                text = b""
            if text:
                yield text
            at = data.find(head, at + 1)
