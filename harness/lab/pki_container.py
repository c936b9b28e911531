"""PKCS#12 containers for a device's own certificate: old and present-day encryption, damaged, with too much inside.

Source: RFC 7292; the old form is what OpenSSL before 3.0 wrote (3DES, SHA-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from harness.lab.pki import Authority, Identity

Encryption = Literal["modern", "legacy", "none"]


def container(
    identity: Identity,
    passphrase: str,
    *,
    encryption: Encryption = "modern",
    also: Sequence[Authority] = (),
    chain: bool = True,
) -> bytes:
    """*identity* with its key, the certificates that it sends (unless not *chain*), and those of *also*."""
    key = serialization.load_pem_private_key(identity.key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    above = [identity.path[index] for index in identity.order[1:]] if chain else []
    others: list[x509.Certificate] = [*above, *(authority.certificate for authority in also)]
    return pkcs12.serialize_key_and_certificates(
        identity.name.encode(), key, identity.leaf, others or None, _protection(encryption, passphrase)
    )


def container_with_other_key(identity: Identity, other: Identity, passphrase: str) -> bytes:
    """The certificate of *identity* beside the key of *other*, each whole in itself.

    A key that does not belong is refused by who writes containers: so the certificate goes in as one of a CA's.
    """
    key = serialization.load_pem_private_key(other.key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    return pkcs12.serialize_key_and_certificates(
        identity.name.encode(), key, None, [identity.leaf], _protection("modern", passphrase)
    )


def _protection(encryption: Encryption, passphrase: str) -> serialization.KeySerializationEncryption:
    secret = passphrase.encode("utf-8")
    match encryption:
        case "none":
            return serialization.NoEncryption()
        case "legacy":
            return (
                serialization.PrivateFormat.PKCS12.encryption_builder()
                .kdf_rounds(2048)
                .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
                .hmac_hash(hashes.SHA1())
                .build(secret)
            )
        case _:
            return (
                serialization.PrivateFormat.PKCS12.encryption_builder()
                .kdf_rounds(2048)
                .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
                .hmac_hash(hashes.SHA256())
                .build(secret)
            )
