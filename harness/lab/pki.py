"""Certificates for the bench: authorities, and server identities that are right or wrong in one point.

The root that devices trust is made by trustme; everything that trustme cannot make, or refuses to make wrong,
is signed with its key by `cryptography`. A defect is one keyword of one call::

    root = Authority.trusted("bench root", now=now)
    root.leaf("acs.bench.test")                                  # good
    root.ca("issuing").leaf("acs.bench.test")                    # good, under an intermediate
    root.leaf("acs.bench.test", not_before=-90, not_after=-30)   # expired for 30 days
    root.ca(path_length=0).ca().leaf("acs.bench.test")           # one intermediate too many
    self_signed("acs.bench.test", now=now)

All keywords are in `harness.lab.pki_fields`. Dates are days from ``now`` and never reach 2038 unless they are
given as they stand, so that a 32-bit clock is never the reason for a rejection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Unpack

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from harness.lab import pki_der, pki_fields
from harness.lab.pki_fields import LATEST, Fields, LeafFields, San, general_name
from harness.lab.pki_keys import Key, claiming, key_pem, make_key

__all__ = ["LATEST", "Authority", "Identity", "San", "general_name", "self_signed"]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a TLS server shows: a chain and the key of its first certificate.

    ``path`` runs from the leaf to the root, certificates that were added after it; ``order`` are the indexes into
    it that are sent. By default all but the root are.
    """

    name: str
    path: tuple[x509.Certificate, ...]
    key_pem: bytes
    order: tuple[int, ...]

    def sent(self, *order: int) -> Identity:
        """The same identity, sending these certificates of the path in this order; the leaf is 0.

        Raises:
            ValueError: the first is not the leaf (RFC 8446 4.4.2 leaves the order of the others free).
            IndexError: an index is beyond the path.
        """
        if order[:1] != (0,):
            raise ValueError("the leaf, 0, comes first in the order")
        if max(order) >= len(self.path):
            raise IndexError(f"the path of {self.name!r} has {len(self.path)} certificates")
        return replace(self, order=order, name=f"{self.name}, sent {','.join(map(str, order))}")

    def named(self, name: str) -> Identity:
        """The same identity under another name, the one that reports show."""
        return replace(self, name=name)

    def also(self, *others: Authority) -> Identity:
        """The same identity with the certificates of *others* behind its path, for `sent` to choose."""
        return replace(self, path=(*self.path, *(other.certificate for other in others)))

    def issuing(self, now: datetime) -> Authority:
        """An authority with the certificate and key of this server, which has no right to issue anything."""
        key = serialization.load_pem_private_key(self.key_pem, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return Authority(self.name, self.path, key, now)

    @property
    def leaf(self) -> x509.Certificate:
        return self.path[0]

    @property
    def leaf_pem(self) -> bytes:
        return _pem(self.leaf)

    @property
    def chain_pem(self) -> bytes:
        """The certificates that are sent, in order."""
        return b"".join(_pem(self.path[index]) for index in self.order)

    @property
    def chain_der(self) -> tuple[bytes, ...]:
        """The certificates that are sent, in order."""
        return tuple(self.path[index].public_bytes(serialization.Encoding.DER) for index in self.order)

    @property
    def leaf_sha256(self) -> str:
        """Fingerprint of the leaf, lower-case hex."""
        return hashlib.sha256(self.leaf.public_bytes(serialization.Encoding.DER)).hexdigest()

    @property
    def root_pem(self) -> bytes:
        """The end of the path: what a device has to trust to accept this identity."""
        return _pem(self.path[-1])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


@contextmanager
def _expiring_in_time() -> Iterator[None]:
    """trustme's authorities last until the year 3000, and take no other date as an argument."""
    usual = trustme.DEFAULT_EXPIRY
    trustme.DEFAULT_EXPIRY = LATEST
    try:
        yield
    finally:
        trustme.DEFAULT_EXPIRY = usual


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: a root, or one below another.

    ``path`` runs from its own certificate to the root.
    """

    name: str
    path: tuple[x509.Certificate, ...]
    key: Key
    now: datetime

    @classmethod
    def trusted(cls, name: str, *, now: datetime | None = None) -> Authority:
        """An ordinary root, made by trustme; two of one *name* have one subject and different keys."""
        with _expiring_in_time():
            made = trustme.CA(
                organization_name="cpecheck bench",
                organization_unit_name=name,
                key_type=trustme.KeyType.ECDSA,
            )
        key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        certificate = x509.load_pem_x509_certificate(made.cert_pem.bytes())
        return cls(name, (certificate,), key, now or datetime.now(UTC))

    @classmethod
    def create(cls, name: str, *, now: datetime | None = None, **fields: Unpack[Fields]) -> Authority:
        """A new root with a new key; two of one *name* differ in nothing but key and serial number.

        *now* (default: the host's clock) is what all dates below this root are counted from, in days.
        """
        now = now or datetime.now(UTC)
        key = make_key(fields.get("key", "p256"), "root")
        itself = cls(name, (), key, now)
        return itself._below(name, key, (-365, 3650), fields, issuer=pki_fields.subject(name))

    @property
    def certificate(self) -> x509.Certificate:
        return self.path[0]

    @property
    def pem(self) -> bytes:
        """The authority's own certificate; of a root, what goes into a device's CWMP root CA slot."""
        return _pem(self.certificate)

    def ca(self, name: str = "bench issuing CA", **fields: Unpack[Fields]) -> Authority:
        """A CA below this one."""
        key = make_key(fields.get("key", "p256"), "authority")
        return self._below(name, key, (-300, 3000), fields, issuer=self.certificate.subject)

    def leaf(self, *hosts: San, name: str = "", **fields: Unpack[LeafFields]) -> Identity:
        """A server identity for *hosts* (DNS names, IPv4 or IPv6 literals).

        The common name is absent by default, because RFC 9525 has no use for it; *name* is what reports call the
        identity.
        """
        key = make_key(fields.get("key", "p256"), "server")
        common_name = fields.get("common_name")
        validity = pki_fields.validity(self.now, fields, (-30, 365))
        made = pki_fields.draft(
            pki_fields.subject(common_name), self.certificate.subject, key, validity, fields
        )
        made = _with_names(pki_fields.with_extensions(made, fields, authority=False), hosts, fields)
        certificate = self._signed(made, validity, fields)
        path = (certificate, *self.path)
        shown = ", ".join(map(str, hosts)) or common_name or "nameless"
        pem = claiming(make_key("p256", "server"), certificate) if fields.get("foreign_key") else key_pem(key)
        return Identity(name or f"{shown} under {self.name}", path, pem, tuple(range(len(path) - 1)))

    def _below(
        self, name: str, key: Key, usual: tuple[float, float], fields: Fields, issuer: x509.Name
    ) -> Authority:
        validity = pki_fields.validity(self.now, fields, usual)
        made = pki_fields.draft(pki_fields.subject(name), issuer, key, validity, fields)
        made = pki_fields.with_extensions(made, fields, authority=True)
        certificate = self._signed(made, validity, fields)
        return Authority(name, (certificate, *self.path), key, self.now)

    def _signed(
        self, made: x509.CertificateBuilder, validity: tuple[datetime, datetime], fields: Fields
    ) -> x509.Certificate:
        if fields.get("identifiers", True) and self.path:
            made = made.add_extension(self._identifier(), critical=False)
        certificate = made.sign(self.key, self._hash(fields))
        return pki_fields.damaged(certificate, self.key, validity, fields)

    def _identifier(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier(
            x509.SubjectKeyIdentifier.from_public_key(self.certificate.public_key()).digest, None, None
        )

    def _hash(self, fields: Fields) -> hashes.SHA256 | hashes.SHA384 | None:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return None
        return hashes.SHA384() if fields.get("hash") == "sha384" else hashes.SHA256()


def _with_names(
    made: x509.CertificateBuilder, hosts: tuple[San, ...], fields: LeafFields
) -> x509.CertificateBuilder:
    wanted = fields.get("san")
    names = hosts if wanted is None else wanted
    if "second_san" in fields:
        content = pki_fields.names_extension(fields["second_san"]).public_bytes()
        made = made.add_extension(x509.UnrecognizedExtension(pki_der.SPARE, content), critical=False)
    if names or fields.get("empty_san"):
        made = made.add_extension(pki_fields.names_extension(names), critical=False)
    return made


def self_signed(
    *hosts: San, now: datetime | None = None, name: str = "", **fields: Unpack[LeafFields]
) -> Identity:
    """A server certificate that no authority has signed but its own key; it is no CA."""
    key = make_key(fields.get("key", "p256"), "server")
    subject = pki_fields.subject(fields.get("common_name") or (str(hosts[0]) if hosts else None))
    validity = pki_fields.validity(now or datetime.now(UTC), fields, (-30, 365))
    made = pki_fields.draft(subject, subject, key, validity, fields)
    made = _with_names(pki_fields.with_extensions(made, fields, authority=False), hosts, fields)
    certificate = made.sign(key, hashes.SHA256())
    return Identity(name or f"{', '.join(map(str, hosts))}, self-signed", (certificate,), key_pem(key), (0,))
