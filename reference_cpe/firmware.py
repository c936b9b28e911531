"""Firmware images of the reference device.

Format: a text head, an empty line, then the payload of any bytes::

    REFERENCE-CPE-FIRMWARE 1
    Product: <ProductClass of the device, or * for any>
    Version: <the SoftwareVersion after the update, 1 to 64 of A-Z a-z 0-9 . _ - +>
    SHA256: <64 hexadecimal digits: checksum of the payload>

Lines of the head end with LF and stand in this order.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

MAGIC: Final = b"REFERENCE-CPE-FIRMWARE "
_HEAD = re.compile(
    rb"REFERENCE-CPE-FIRMWARE 1\n"
    rb"Product: ([^\n]{1,64})\nVersion: ([A-Za-z0-9._+-]{1,64})\nSHA256: ([0-9A-Fa-f]{64})\n\n"
)


class BadImage(ValueError):
    """Not an image this device can run; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Image:
    product: str
    version: str
    payload: bytes


def build(version: str, payload: bytes, product: str = "*") -> bytes:
    """An image of *payload*."""
    checksum = hashlib.sha256(payload).hexdigest()
    return (
        f"REFERENCE-CPE-FIRMWARE 1\nProduct: {product}\nVersion: {version}\nSHA256: {checksum}\n\n".encode()
        + payload
    )


def read(data: bytes, product_class: str) -> Image:
    """Read and check an image.

    Raises:
        BadImage: damaged, or for another product.
    """
    head = _HEAD.match(data)
    if head is None:
        raise BadImage("no firmware image: the head is missing or damaged")
    product, version, checksum = (part.decode("latin-1") for part in head.groups())
    payload = data[head.end() :]
    if not hmac.compare_digest(hashlib.sha256(payload).hexdigest(), checksum.lower()):
        raise BadImage("the checksum does not match")
    if product not in ("*", product_class):
        raise BadImage(f"an image for {product!r}, not {product_class!r}")
    return Image(product, version, payload)
