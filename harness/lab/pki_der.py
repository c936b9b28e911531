"""Certificates that no library will make: changed in their DER, and signed again or not.

Changes keep the length of what they replace, so no length field of the structure has to follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from harness.lab.pki_keys import Key

_RSA_WITH: Final = "2a864886f70d0101"
_OLD_HASHES: Final[dict[str, tuple[str, hashes.HashAlgorithm]]] = {
    "md5": ("04", hashes.MD5()),
    "sha1": ("05", hashes.SHA1()),
}
"""Last octet of the signature's object identifier under 1.2.840.113549.1.1 (RFC 8017 A.2.4), and the hash."""
_SHA256_RSA: Final = bytes.fromhex(_RSA_WITH + "0b")
SAN_OID: Final = bytes.fromhex("551d11")
SPARE_OID: Final = bytes.fromhex("551d63")
"""2.5.29.99, which nobody has given a meaning: as long as the identifier of subjectAltName, 2.5.29.17."""
SPARE: Final = x509.ObjectIdentifier("2.5.29.99")


def _length(size: int) -> bytes:
    if size < 128:
        return bytes([size])
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([0x80 | len(octets)]) + octets


def _element(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _length(len(content)) + content


def _parts(certificate: x509.Certificate) -> tuple[bytes, bytes, bytes]:
    """The signed part, the algorithm and the signature, as they stand in the file."""
    der, tbs = certificate.public_bytes(Encoding.DER), certificate.tbs_certificate_bytes
    after = der.index(tbs) + len(tbs)
    signature = certificate.signature
    return tbs, der[after : der.rindex(_element(3, b"\0" + signature))], signature


def _assembled(tbs: bytes, algorithm: bytes, signature: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(_element(0x30, tbs + algorithm + _element(3, b"\0" + signature)))


def _signature(key: Key, tbs: bytes, digest: hashes.HashAlgorithm) -> bytes:
    match key:
        case rsa.RSAPrivateKey():
            return key.sign(tbs, padding.PKCS1v15(), digest)
        case ec.EllipticCurvePrivateKey():
            return key.sign(tbs, ec.ECDSA(digest))
        case ed25519.Ed25519PrivateKey():
            return key.sign(tbs)


def replaced(
    certificate: x509.Certificate, issuer: Key, changes: Sequence[tuple[bytes, bytes]]
) -> x509.Certificate:
    """*certificate* with octets of its signed part replaced, each the first time it occurs, and signed again.

    Raises:
        ValueError: the octets do not occur, or the lengths differ.
    """
    tbs, algorithm, _ = _parts(certificate)
    for old, new in changes:
        if old not in tbs or len(old) != len(new):
            raise ValueError(f"{old.hex()} cannot be replaced by {new.hex()}")
        tbs = tbs.replace(old, new, 1)
    return _assembled(tbs, algorithm, _signature(issuer, tbs, hashes.SHA256()))


def signed_with_old_hash(certificate: x509.Certificate, issuer: Key, name: str) -> x509.Certificate:
    """*certificate*, made with SHA-256 and RSA, signed with ``md5`` or ``sha1`` instead.

    Raises:
        TypeError: the issuer's key is not RSA (there is no MD5 with ECDSA).
    """
    if not isinstance(issuer, rsa.RSAPrivateKey):
        raise TypeError(f"{name} needs an issuer with an RSA key")
    octet, digest = _OLD_HASHES[name]
    old = bytes.fromhex(_RSA_WITH + octet)
    tbs, algorithm, _ = _parts(certificate)
    tbs, algorithm = tbs.replace(_SHA256_RSA, old), algorithm.replace(_SHA256_RSA, old)
    return _assembled(tbs, algorithm, issuer.sign(tbs, padding.PKCS1v15(), digest))


def with_broken_signature(certificate: x509.Certificate) -> x509.Certificate:
    """*certificate* with the last bit of its signature turned."""
    tbs, algorithm, signature = _parts(certificate)
    return _assembled(tbs, algorithm, signature[:-1] + bytes([signature[-1] ^ 1]))


def tampered(certificate: x509.Certificate) -> x509.Certificate:
    """*certificate* with another serial number, under the signature of the old one."""
    tbs, algorithm, signature = _parts(certificate)
    serial = certificate.serial_number.to_bytes(16).lstrip(b"\0")
    other = serial[:-1] + bytes([serial[-1] ^ 2])
    return _assembled(tbs.replace(serial, other, 1), algorithm, signature)
