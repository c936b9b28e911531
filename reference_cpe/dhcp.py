"""What DHCP tells of the ACS: the options of TR-069 3.1, read and written, without I/O.

DHCPv4: option 43 (RFC 2132 8.4) with sub-options 1 to 4, or option 125 (RFC 3925) with enterprise 3561 and
sub-options 11 to 14. DHCPv6: option 17 (RFC 8415 21.17) with enterprise 3561 and options 1 to 4. In each the
URL, the provisioning code, the least wait before a retry in seconds, and the retry multiplier follow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

ENTERPRISE: Final = 3561
"""The Broadband Forum's, once the DSL Forum's, number."""
VENDOR_CLASS: Final = "dslforum.org"
_NAMES: Final = ("acs_url", "provisioning_code", "retry_minimum", "retry_multiplier")
_FIRST: Final = {43: 1, 125: 11, 17: 1}
"""Option to the number of the sub-option that holds the URL; the others follow it."""
_MOST: Final = 65535


class BadOption(ValueError):
    """An option that cannot be read; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an option says; what it does not say is empty or ``None``. Waits are seconds."""

    acs_url: str = ""
    provisioning_code: str = ""
    retry_minimum: int | None = None
    retry_multiplier: int | None = None

    def over(self, other: Told) -> Told:
        """This, and from *other* what this does not say."""
        values: dict[str, Any] = {
            f.name: getattr(self, f.name) or getattr(other, f.name) for f in fields(self)
        }
        return Told(**values)

    def said(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value}


def read(option: int, data: bytes) -> Told:
    """Read option 43 or 125 of DHCPv4, or 17 of DHCPv6; *data* is what follows its length.

    Sub-options and enterprises that mean nothing here are passed over.

    Raises:
        BadOption: no such option, cut off, not text, or a number beyond its range.
    """
    if option not in _FIRST:
        raise BadOption(f"option {option} says nothing of an ACS, expected 43, 125 or 17")
    first = _FIRST[option]
    found: dict[str, Any] = {}
    for code, value in _SPLIT[option](data):
        if 0 <= code - first < len(_NAMES):
            name = _NAMES[code - first]
            found[name] = _number(name, value) if name.startswith("retry") else _text(name, value)
    return Told(**found)


def write(option: int, told: Told) -> bytes:
    """The same as bytes: what a server sends.

    Raises:
        BadOption: no such option, or more than fits in it.
    """
    if option not in _FIRST:
        raise BadOption(f"option {option} says nothing of an ACS, expected 43, 125 or 17")
    said = told.said()
    pairs = [
        (_FIRST[option] + at, str(said[name]).encode()) for at, name in enumerate(_NAMES) if name in said
    ]
    head = "!HH" if option == 17 else "!BB"
    try:
        data = b"".join(struct.pack(head, code, len(value)) + value for code, value in pairs)
        if option == 125:
            return struct.pack("!IB", ENTERPRISE, len(data)) + data
    except struct.error:
        raise BadOption("longer than the option can hold") from None
    return struct.pack("!I", ENTERPRISE) + data if option == 17 else data


def vendor_class(version: int) -> bytes:
    """What the client says of itself: option 60 of DHCPv4, 16 of DHCPv6 (RFC 8415 21.16)."""
    name = VENDOR_CLASS.encode("ascii")
    return name if version == 4 else struct.pack("!IH", ENTERPRISE, len(name)) + name


def _pairs(data: bytes, wide: bool) -> Iterator[tuple[int, bytes]]:
    """Code and value of each sub-option; with one octet each for code and length, 0 is padding, 255 the end."""
    head = struct.Struct("!HH" if wide else "!BB")
    at = 0
    while at < len(data):
        if not wide and data[at] in (0, 255):
            if data[at] == 255:
                return
            at += 1
            continue
        if at + head.size > len(data):
            raise BadOption("cut off in the head of a sub-option")
        code, length = head.unpack_from(data, at)
        at += head.size
        if at + length > len(data):
            raise BadOption(f"sub-option {code} is cut off")
        yield code, data[at : at + length]
        at += length


def _of_enterprise(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Of option 125 the sub-options of our enterprise, of which there may be several blocks."""
    at = 0
    while at < len(data):
        if at + 5 > len(data):
            raise BadOption("cut off in the head of an enterprise")
        enterprise, length = struct.unpack_from("!IB", data, at)
        at += 5
        if at + length > len(data):
            raise BadOption(f"enterprise {enterprise} is cut off")
        if enterprise == ENTERPRISE:
            yield from _pairs(data[at : at + length], wide=False)
        at += length


def _of_v6(data: bytes) -> Iterable[tuple[int, bytes]]:
    if len(data) < 4:
        raise BadOption("cut off in the enterprise number")
    (enterprise,) = struct.unpack_from("!I", data)
    return _pairs(data[4:], wide=True) if enterprise == ENTERPRISE else ()


_SPLIT: Final = {43: lambda data: _pairs(data, wide=False), 125: _of_enterprise, 17: _of_v6}


def _text(name: str, value: bytes) -> str:
    try:
        text = value.rstrip(b"\0").decode("utf-8")  # some servers send C strings
    except UnicodeDecodeError:
        raise BadOption(f"{name} is not UTF-8") from None
    if not text.isprintable():
        raise BadOption(f"{name} holds control characters")
    return text


def _number(name: str, value: bytes) -> int:
    text = _text(name, value)
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= _MOST):
        raise BadOption(f"{name} is {text[:20]!r}, expected 1 to {_MOST}")
    return int(text)
