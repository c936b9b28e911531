"""DSSE envelopes with Ed25519 (Dead Simple Signing Envelope, protocol and envelope version 1).

Pure functions of bytes. What is signed is the pre-authentication encoding of the payload, never the JSON around it;
the key id is a hint and decides nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


class KeyFileError(ValueError):
    """A key cannot be used; the message is one line."""


class EnvelopeError(ValueError):
    """Bytes are no envelope; the message is one line."""


class Signature(msgspec.Struct, frozen=True):
    """``sig`` is base64; ``keyid`` names the key, unauthenticated."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """The JSON envelope; ``payload`` is base64."""

    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]

    def body(self) -> bytes:
        """The payload.

        Raises:
            EnvelopeError: it is not base64.
        """
        return _unbase64(self.payload, "payload")

    def signed_by(self, key: Ed25519PublicKey) -> Signature | None:
        """The first signature that *key* has made over the payload, whatever its key id says."""
        message = pae(self.payload_type, self.body())
        for each in self.signatures:
            try:
                key.verify(_unbase64(each.sig, "sig"), message)
            except (InvalidSignature, EnvelopeError):
                continue
            return each
        return None


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding (DSSE protocol 1.0.0, "Signature Definition")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, key: Ed25519PrivateKey, beside: tuple[Signature, ...] = ()) -> Envelope:
    """An envelope of *payload*; *beside* are signatures over the same payload that it keeps."""
    name = key_id(key.public_key())
    made = base64.b64encode(key.sign(pae(PAYLOAD_TYPE, payload))).decode()
    kept = tuple(each for each in beside if each.keyid != name)
    return Envelope(base64.b64encode(payload).decode(), PAYLOAD_TYPE, (*kept, Signature(made, name)))


def encode(envelope: Envelope) -> bytes:
    """The one form in which envelopes are written: compact, without a line end."""
    return msgspec.json.encode(
        {
            "payload": envelope.payload,
            "payloadType": envelope.payload_type,
            "signatures": [{"keyid": each.keyid, "sig": each.sig} for each in envelope.signatures],
        }
    )


def decode(data: bytes) -> Envelope:
    """Read an envelope in any form; fields that nobody knows are ignored, as the specification says.

    Raises:
        EnvelopeError: it is none.
    """
    try:
        return msgspec.json.decode(data, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"not a DSSE envelope ({error})") from None


def _unbase64(text: str, what: str) -> bytes:
    """Standard or URL-safe alphabet; readers must take either."""
    try:
        return base64.b64decode(text.translate({45: "+", 95: "/"}), validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError(f"{what}: not base64") from None


# --- keys ---------------------------------------------------------------------------------------------


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hex: ``openssl pkey -pubin -outform DER | sha256sum``."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """Read an unencrypted Ed25519 key, PKCS#8 in PEM.

    Raises:
        KeyFileError: it is something else.
    """
    try:
        key = serialization.load_pem_private_key(pem, None)
    except TypeError:
        raise KeyFileError(
            "the key is encrypted: hand it over opened, --sign <(openssl pkey -in KEY)"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError("expected a private key in PEM (PKCS#8)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError("expected an Ed25519 key: openssl genpkey -algorithm ed25519")
    return key


def public_key(pem: bytes) -> Ed25519PublicKey:
    """Read an Ed25519 public key in PEM.

    Raises:
        KeyFileError: it is something else.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyFileError("expected a public key in PEM: openssl pkey -in KEY -pubout") from None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError("expected an Ed25519 public key")
    return key
