"""The slot "CWMP container as PKCS#12 file": the device's own certificate, its private key and chain."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12

MOST = 256 * 1024
"""Bytes of the largest container that is read."""


class BadContainer(ValueError):
    """An upload that is no usable container; the message is the reason."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a container gave, in PEM. ``chain`` begins with the device's own certificate."""

    key: str
    chain: str

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have *context* present it when the server asks.

        ``ssl`` reads keys from files only; a memory file keeps this one off every disk.

        Raises:
            ssl.SSLError: OpenSSL does not take the key or certificate.
        """
        file = os.memfd_create("client-certificate")
        try:
            os.write(file, f"{self.key}{self.chain}".encode("ascii"))
            context.load_cert_chain(f"/proc/self/fd/{file}")
        finally:
            os.close(file)


def read_container(data: bytes, passphrase: str) -> ClientCertificate:
    """The key, its certificate and the certificates above that, out of a PKCS#12 container.

    Both old (RC2, 3DES) and present-day (AES) encryption are read. Root certificates in it are left out:
    they are neither needed in a handshake nor trusted.

    Raises:
        BadContainer: not a container, truncated, wrong passphrase, no key, or a key of another certificate.
    """
    _check_frame(data)
    found = _decrypt(data, passphrase)
    if found.key is None:
        raise BadContainer("no private key in it")
    certificates = [item.certificate for item in (found.cert, *found.additional_certs) if item is not None]
    if not certificates:
        raise BadContainer("no certificate in it")
    public = found.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = next((item for item in certificates if _public_key(item) == public), None)
    if own is None:
        raise BadContainer("the private key does not belong to the certificate")
    key = found.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = [item.public_bytes(Encoding.PEM) for item in _chain(own, certificates)]
    made = ClientCertificate(key.decode("ascii"), b"".join(chain).decode("ascii"))
    _check_usable(made)
    return made


def _check_frame(data: bytes) -> None:
    """The outermost SEQUENCE says how long the container is: what is missing is seen without the passphrase."""
    if not data:
        raise BadContainer("empty file")
    if len(data) > MOST:
        raise BadContainer(f"more than {MOST} bytes")
    if data[0] != 0x30 or len(data) < 2:
        raise BadContainer("not a PKCS#12 container")
    if data[1] == 0x80:
        return  # BER with indefinite length: the end shows only when it is read
    octets = data[1] & 0x7F if data[1] & 0x80 else 0
    length = int.from_bytes(data[2 : 2 + octets], "big") if octets else data[1]
    if octets > 4 or len(data) < 2 + octets + length:
        raise BadContainer("truncated, or not a PKCS#12 container")


def _decrypt(data: bytes, passphrase: str) -> PKCS12KeyAndCertificates:
    try:
        return load_pkcs12(data, passphrase.encode("utf-8") or None)
    except UnsupportedAlgorithm as error:
        raise BadContainer(f"encrypted in a way that is not supported: {error}") from None
    except (ValueError, TypeError):
        pass
    if not passphrase:
        try:
            return load_pkcs12(data, b"")  # the empty passphrase and none differ in PKCS#12
        except (ValueError, TypeError, UnsupportedAlgorithm):
            pass
    raise BadContainer("wrong passphrase, or not a PKCS#12 container")


def _public_key(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return b""


def _chain(own: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """*own* and its issuers from *others*, in order, without the root and whatever does not belong to it."""
    chain = [own]
    while True:
        above = next((item for item in others if item not in chain and _issued(item, chain[-1])), None)
        if above is None or above.issuer == above.subject:
            return chain
        chain.append(above)


def _issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _check_usable(made: ClientCertificate) -> None:
    """What OpenSSL would refuse in the next handshake is refused now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    try:
        made.load_into(context)
    except ssl.SSLError as error:
        raise BadContainer(f"cannot be used: {error.reason or error}") from None
