"""TLS messages as far as the bench reads them: what a client offers, what a server chose, names of alerts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

VERSIONS: Final = {
    0x0300: "SSLv3",
    0x0301: "TLSv1",
    0x0302: "TLSv1.1",
    0x0303: "TLSv1.2",
    0x0304: "TLSv1.3",
}
HANDSHAKE: Final = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
}
"""RFC 8446 4 and RFC 5246 7.4."""
_SUPPORTED_VERSIONS: Final = 43


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What a client offers, read from the message itself (RFC 8446 4.1.2)."""

    sni: str | None = None
    versions: tuple[str, ...] = ()
    ciphers: tuple[int, ...] = ()
    compressions: tuple[int, ...] = ()
    random: bytes = b""


def read_client_hello(message: bytes) -> ClientHello:
    """Read a ClientHello handshake message, header included; what cannot be read is left out."""
    try:
        return _read_client_hello(Cursor(message))
    except (IndexError, UnicodeDecodeError):
        return ClientHello()


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What a server chose."""

    version: str = ""
    cipher: int = 0


def read_server_hello(message: bytes) -> ServerHello:
    """Read a ServerHello handshake message, header included; what cannot be read is left out."""
    try:
        return _read_server_hello(Cursor(message))
    except IndexError:
        return ServerHello()


def version_name(number: int) -> str:
    """A protocol version in words, ``TLSv1.2``."""
    return VERSIONS.get(number, f"0x{number:04x}")


class Cursor:
    """Reads TLS vectors; raises IndexError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def take(self, count: int) -> bytes:
        if count > len(self._data):
            raise IndexError(count)
        head, self._data = self._data[:count], self._data[count:]
        return head

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def vector(self, size: int) -> Cursor:
        """A vector whose length is a number of *size* octets."""
        return Cursor(self.take(self.number(size)))

    def numbers(self, size: int) -> list[int]:
        return [int.from_bytes(self.take(size)) for _ in range(len(self._data) // size)]


def _read_client_hello(cursor: Cursor) -> ClientHello:
    cursor.take(4)
    legacy = cursor.number(2)
    random = cursor.take(32)
    cursor.vector(1)
    ciphers = tuple(cursor.vector(2).numbers(2))
    compressions = tuple(cursor.vector(1).numbers(1))
    sni, versions = None, [legacy]
    extensions = cursor.vector(2) if cursor else cursor
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == 0 and body:
            names = body.vector(2)
            names.take(1)
            sni = names.take(names.number(2)).decode("ascii")
        elif kind == _SUPPORTED_VERSIONS:
            versions = body.vector(1).numbers(2)
    known = (version_name(number) for number in versions if number & 0x0F0F != 0x0A0A)
    return ClientHello(sni, tuple(known), ciphers, compressions, random)


def _read_server_hello(cursor: Cursor) -> ServerHello:
    cursor.take(4)
    version = cursor.number(2)
    cursor.take(32)
    cursor.vector(1)
    cipher = cursor.number(2)
    cursor.take(1)
    extensions = cursor.vector(2) if cursor else cursor
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _SUPPORTED_VERSIONS:
            version = body.number(2)
    return ServerHello(version_name(version), cipher)


def alert_name(code: int) -> str:
    """Description of an alert in the words of RFC 8446 6 (``unknown_ca``)."""
    try:
        return ssl.AlertDescription(code).name.removeprefix("ALERT_DESCRIPTION_").lower()
    except ValueError:
        return _OTHER_ALERTS.get(code, f"alert_{code}")


_OTHER_ALERTS: Final = {
    21: "decryption_failed",
    30: "decompression_failure",
    41: "no_certificate",
    60: "export_restriction",
    86: "inappropriate_fallback",
    109: "missing_extension",
    116: "certificate_required",
    120: "no_application_protocol",
}
