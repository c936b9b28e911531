"""Key pairs for certificates, by name: ``p256``, ``rsa2048``, ``ed25519``.

Elliptic-curve keys are made anew each time. RSA keys are slow to make and cost nothing to share, so there is one
of each size for a server and one for an authority. ``#`` after the kind shares a key on purpose: two certificates
with ``p256#cross`` have one key.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "p192": ec.SECP192R1,
    "p256": ec.SECP256R1,
    "p384": ec.SECP384R1,
    "p521": ec.SECP521R1,
}

_SHORT_RSA: Final = {
    "rsa512": """\
MIIBOgIBAAJBAKbHNiUNIe8ZuTsLWMCfY6Z9iTFzDc1YpjDtXF2JBPNl0lHW6yjo
DtHdzeZNAhlWDDwI3Oqo4g1dfU4uFbIBpb0CAwEAAQJANvZj86X2TvPtRXYh06kz
kATDF9bQ76GNc4Zl8DVdulCFptZEemH6JXtr8KxLXDts4e6OxxQslyEIyf8FaKBR
gQIhANtDyA7+wRpTD0NkePYvByoB+jBeYj5rETaHlapp3kDxAiEAwrhKgx4aq0xF
XKKWStMRKf3+QtkAKlzkO3Sxmg7F8Y0CIDw5rOy5eq7RW6LmKPdtyWj3bBH3CsMc
Q3kX2rsZIyvxAiEApZBlas8yBey4HWfxOnX05iudAeHZDiwls5gpWsCs9hECIBtV
Q3IJ2aYHxyq74FhihKhtjnzPlZ326FUS+ZozjMb6""",
    "rsa768": """\
MIIBygIBAAJhAMQxL1Dlz2uFWYprIG4CLhDcq4FIqnE285uY4aUlv2EGthMEYICn
yYB5Gs7a++8pb4wIMQzA7Y+2Md61M/Nc3WiybVwlR1HHmu3i0gdSs0+ju9jmFedM
UTWZUGYxI/FUOQIDAQABAmAi6hngjLVIDjgsIPppeWvXRl4jKNpkQYJC64cki74u
NzKJ2dqOqs16VpMFwwTYwAexGwmflTeFT04Hy/wecByFNlq8qGTaL/UXm/xxlyl2
7cR5vtaQWryEtvM6idTctk0CMQDldWVk7YiB8cHF7xex0FCGP+bVaESl5j8VuTx1
VkpxcgWgMvaTRJ/C0fXy/dYehncCMQDa4rh1No+8B8AUVvVq61SN6+5CtpFl3WE1
qqtraC6GBFUxOtpV/7pqeK/HqWgmts8CMQCbCXRF+nzGmAu+amsPGNqfquOUBAyG
L4kma29fNLu95TXJ5UVXggGUR/svgLVBEMcCMBwFhmPLFl+WBmsULtr/QZXhrGDy
Cm8mBjnenY9kiQAzMczZofX8hRr4VFiVQXYjVQIwfLbKSh+EGEGGM9a9uwKBVJlv
l7wGsHHo8vXW1x9/fem4iPCD8UOymME69TlSGLV1""",
}
"""Keys that libraries refuse to make and still take (PKCS#1, base64). Nothing is ever protected by them."""


def make_key(kind: str, role: str) -> Key:
    """A private key of *kind*; *role* (``server`` or ``authority``) keeps shared RSA keys apart.

    Raises:
        ValueError: no such kind.
    """
    name, _, shared = kind.partition("#")
    if name in CURVES and not shared:
        return ec.generate_private_key(CURVES[name]())
    return _shared(name, shared or role)


@cache
def _shared(name: str, _slot: str) -> Key:
    if name in _SHORT_RSA:
        key = serialization.load_der_private_key(base64.b64decode(_SHORT_RSA[name]), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key
    if name in CURVES:
        return ec.generate_private_key(CURVES[name]())
    if name == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if name.startswith("rsa") and name[3:].isdigit():
        return rsa.generate_private_key(65537, int(name[3:]))
    raise ValueError(f"no kind of key: {name!r}")


def key_pem(key: Key) -> bytes:
    """The private key, PKCS#8 without a passphrase."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def claiming(key: Key, certificate: x509.Certificate) -> bytes:
    """*key* as PEM, saying of itself that its public half is that of *certificate*.

    An EC key file carries both halves and OpenSSL believes it: so a server can be made to sign with a key that is
    not the certificate's, which it would else refuse to start with.

    Raises:
        TypeError: one of them is not an EC key.
    """
    public = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(public, ec.EllipticCurvePublicKey):
        raise TypeError("only EC keys carry their public half")
    der = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    body = base64.encodebytes(der.replace(_point(key.public_key()), _point(public)))
    return b"-----BEGIN EC PRIVATE KEY-----\n" + body + b"-----END EC PRIVATE KEY-----\n"


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
