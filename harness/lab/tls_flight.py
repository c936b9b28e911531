"""ServerHellos made by hand, for what OpenSSL will not choose any more: SSLv3, export suites, RC4, short DH groups.

The flight is complete and its signatures are right, so that a client which accepts the choice goes on to its
ClientKeyExchange. There the bench ends the connection: the reaction is all that is judged, and no key is ever made.

Sources: RFC 5246 7.4 (TLS 1.2), RFC 2246 7.4.3 (export), RFC 6101 (SSL 3.0), RFC 8446 4.1.3 (downgrade protection).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from harness.lab.pki import Identity
from harness.lab.pki_keys import make_key
from harness.lab.tls import Answer, TlsSettings
from harness.lab.tls_messages import ClientHello, ServerHello, version_name
from harness.lab.tls_script import HANDSHAKE_RECORD, record_of

GROUPS: Final = {
    512: 0xF3B6C63505A86904F4B353E0A92DF3B0C2B527C72FBA88A8BB133C759C1F6A7FB663D0601AAC5064BC68647499B4D1290706DCE7CA0C7179CB66B9A253CA03B7,
    1024: int(
        "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
        "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
        "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF",
        16,
    ),
}
"""Diffie-Hellman primes by their bits; that of 1024 bits is group 2 of RFC 2409."""
DOWNGRADED: Final = b"DOWNGRD\x01"
"""Last octets of the random of a server that could do better than TLS 1.2 (RFC 8446 4.1.3)."""
_TLS12: Final = 0x0303


def _vector(size: int, content: bytes) -> bytes:
    return len(content).to_bytes(size) + content


def _message(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + _vector(3, content)


def _number(value: int) -> bytes:
    return _vector(2, value.to_bytes((value.bit_length() + 7) // 8))


@dataclass(frozen=True, slots=True)
class Flight:
    """A server's first flight with a choice of its own.

    *key_exchange*: ``none`` (static RSA: no ServerKeyExchange), ``ecdhe``, ``dhe``, ``anonymous`` (DH without
    certificate or signature), ``export`` (a temporary RSA key). *bits* are those of the DH group or export key.
    *broken* spoils the signature over the key exchange.
    """

    cipher: int
    name: str
    version: int = _TLS12
    key_exchange: str = "none"
    bits: int = 512
    downgraded: bool = False
    broken: bool = False

    def answer(self, settings: TlsSettings, _records: bytes, hello: ClientHello) -> Answer:
        """The flight for this client."""
        random = os.urandom(32)
        if self.downgraded:
            random = random[: -len(DOWNGRADED)] + DOWNGRADED
        parts = [("ServerHello", self._server_hello(random))]
        if self.key_exchange != "anonymous":
            parts.append(("Certificate", _certificate(settings.identity)))
        if self.key_exchange != "none":
            parts.append(("ServerKeyExchange", self._exchange(settings.identity, hello.random + random)))
        parts.append(("ServerHelloDone", _message(14, b"")))
        data = b"".join(record_of(HANDSHAKE_RECORD, message, self.version) for _, message in parts)
        chosen = ServerHello(version_name(self.version), self.cipher)
        return Answer(data, "watch", tuple(name for name, _ in parts), chosen, self.name)

    def _server_hello(self, random: bytes) -> bytes:
        body = self.version.to_bytes(2) + random + b"\0" + self.cipher.to_bytes(2) + b"\0"
        if self.version > 0x0300:
            extensions = (
                b"\xff\x01\x00\x01\x00"  # renegotiation_info, RFC 5746: clients refuse servers without
            )
            if self.key_exchange == "ecdhe":
                extensions += b"\x00\x0b\x00\x02\x01\x00"
            body += _vector(2, extensions)
        return _message(2, body)

    def _exchange(self, identity: Identity, randoms: bytes) -> bytes:
        parameters = self._parameters()
        if self.key_exchange == "anonymous":
            return _message(12, parameters)
        signature = _signature(identity, randoms + parameters, self.version)
        if self.broken:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return _message(12, parameters + signature)

    def _parameters(self) -> bytes:
        match self.key_exchange:
            case "ecdhe":
                point = (
                    ec.generate_private_key(ec.SECP256R1())
                    .public_key()
                    .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
                )
                return b"\x03\x00\x17" + _vector(1, point)
            case "export":
                key = make_key(f"rsa{self.bits}", "export")
                assert isinstance(key, rsa.RSAPrivateKey)
                public = key.public_key().public_numbers()
                return _number(public.n) + _number(public.e)
            case _:
                prime = GROUPS[self.bits]
                return _number(prime) + _number(2) + _number(pow(2, int.from_bytes(os.urandom(32)), prime))


def _certificate(identity: Identity) -> bytes:
    return _message(11, _vector(3, b"".join(_vector(3, der) for der in identity.chain_der)))


def _signature(identity: Identity, data: bytes, version: int) -> bytes:
    """The signature over a key exchange, with its algorithm where the version names one."""
    key = serialization.load_pem_private_key(identity.key_pem, None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return b"\x04\x03" + _vector(2, key.sign(data, ec.ECDSA(hashes.SHA256())))
    assert isinstance(key, rsa.RSAPrivateKey)
    if version >= _TLS12:
        return b"\x04\x01" + _vector(2, key.sign(data, padding.PKCS1v15(), hashes.SHA256()))
    return _vector(2, _old_signature(key, data))


def _old_signature(key: rsa.RSAPrivateKey, data: bytes) -> bytes:
    """MD5 and SHA-1 one after the other, signed without saying so (RFC 2246 7.4.3); no library does that any more."""
    size = key.key_size // 8
    digests = hashlib.md5(data).digest() + hashlib.sha1(data).digest()
    block = b"\0\x01" + b"\xff" * (size - 3 - len(digests)) + b"\0" + digests
    return pow(int.from_bytes(block), key.private_numbers().d, key.public_key().public_numbers().n).to_bytes(
        size
    )
