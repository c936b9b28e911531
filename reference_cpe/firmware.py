"""Firmware images of the reference device.

Format: a text head, an empty line, then the payload of any bytes::

    REFERENCE-CPE-FIRMWARE 1
    Product: <ProductClass of the device, or * for any>
    Version: <the SoftwareVersion after the update, 1 to 64 of A-Z a-z 0-9 . _ - +>
    SHA256: <64 hexadecimal digits: checksum of the payload>
    Signature: <128 hexadecimal digits: Ed25519 signature of the lines above; may be missing>

Lines of the head end with LF and stand in this order. A device that has a firmware key takes signed images
only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MAGIC: Final = b"REFERENCE-CPE-FIRMWARE "
_HEAD = re.compile(
    rb"(REFERENCE-CPE-FIRMWARE 1\n"
    rb"Product: ([^\n]{1,64})\nVersion: ([A-Za-z0-9._+-]{1,64})\nSHA256: ([0-9A-Fa-f]{64})\n)"
    rb"(?:Signature: ([0-9A-Fa-f]{128})\n)?\n"
)


class BadImage(ValueError):
    """Not an image this device can run; the message is the reason."""


class BadSignature(BadImage):
    """Not signed by the firmware key."""


@dataclass(frozen=True, slots=True)
class Image:
    product: str
    version: str
    payload: bytes


def build(version: str, payload: bytes, product: str = "*", key: Ed25519PrivateKey | None = None) -> bytes:
    """An image of *payload*, signed where there is a *key*."""
    checksum = hashlib.sha256(payload).hexdigest()
    head = f"REFERENCE-CPE-FIRMWARE 1\nProduct: {product}\nVersion: {version}\nSHA256: {checksum}\n".encode()
    signature = f"Signature: {key.sign(head).hex()}\n".encode() if key is not None else b""
    return head + signature + b"\n" + payload


def read(data: bytes, product_class: str, key: str = "") -> Image:
    """Read and check an image; *key* is the public key in hexadecimal digits, empty for none.

    Raises:
        BadImage: damaged, or for another product.
        BadSignature: not signed by the key.
    """
    match = _HEAD.match(data)
    if match is None:
        raise BadImage("no firmware image: the head is missing or damaged")
    head, *rest, signature = match.groups()
    product, version, checksum = (part.decode("latin-1") for part in rest)
    payload = data[match.end() :]
    if not hmac.compare_digest(hashlib.sha256(payload).hexdigest(), checksum.lower()):
        raise BadImage("the checksum does not match")
    if product not in ("*", product_class):
        raise BadImage(f"an image for {product!r}, not {product_class!r}")
    if key:
        _check_signature(head, signature, key)
    return Image(product, version, payload)


def _check_signature(head: bytes, signature: bytes | None, key: str) -> None:
    if signature is None:
        raise BadSignature("the image is not signed")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature.decode()), head)
    except (InvalidSignature, ValueError):
        raise BadSignature("the signature is not that of the firmware key") from None
