"""Content codings of HTTP (TR-069 3.4.7, RFC 7230 4.2), without I/O."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

CODINGS: Final = {"GZIP": "gzip", "Deflate": "deflate"}
"""Values of HTTPCompression to the names of HTTP; ``Disabled`` is none of them."""
_LARGEST: Final = 64 * 1024 * 1024
"""Bytes that a body may become when it is unpacked."""


class BadCoding(ValueError):
    """A body that cannot be unpacked."""


def encode(coding: str, body: bytes) -> bytes:
    """*body* in *coding*: ``gzip``, or ``deflate`` as RFC 7230 means it, with zlib's head."""
    return gzip.compress(body, mtime=0) if coding == "gzip" else zlib.compress(body)


def decode(codings: str | None, body: bytes) -> bytes:
    """What a body with this Content-Encoding holds.

    Raises:
        BadCoding: a coding that nobody asked for, a damaged body, or one that grows beyond all measure.
    """
    for coding in reversed([name.strip().lower() for name in (codings or "").split(",")]):
        if coding in ("gzip", "x-gzip"):
            body = _unpack(body, 16 + zlib.MAX_WBITS)
        elif coding == "deflate":
            # Some servers leave zlib's head out.
            zlibs = len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
            body = _unpack(body, zlib.MAX_WBITS if zlibs else -zlib.MAX_WBITS)
        elif coding not in ("", "identity"):
            raise BadCoding(f"Content-Encoding {coding[:40]!r} is not supported")
    return body


def _unpack(body: bytes, window: int) -> bytes:
    if not body:
        return b""
    unpacker = zlib.decompressobj(window)
    try:
        data = unpacker.decompress(body, _LARGEST)
    except zlib.error as error:
        raise BadCoding(f"a damaged body: {error}") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise BadCoding("a body that is too long or not complete")
    return data
