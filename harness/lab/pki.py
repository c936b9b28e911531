"""Certificates for the bench: authorities, and server identities that are right or wrong in one point.

The root that devices trust is made by trustme; everything that trustme cannot make, or refuses to make wrong,
is signed with its key by `cryptography`. A defect is one keyword of one call::

    root = Authority.trusted("bench root", now=now)
    root.leaf("acs.bench.test")                                  # good
    root.ca("issuing").leaf("acs.bench.test")                    # good, under an intermediate
    root.leaf("acs.bench.test", not_before=-90, not_after=-30)   # expired for 30 days
    self_signed("acs.bench.test", now=now)

Dates are days from ``now`` and never reach 2038, so that a 32-bit clock is never the reason for a rejection.
Everything else is what RFC 5280 wants of a server certificate, strictly (key identifiers, critical CA bit).
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LATEST: Final = datetime(2037, 12, 31, tzinfo=UTC)
"""No default date is later: 2^31 seconds end on 2038-01-19."""

San = x509.GeneralName | str
"""A name for subjectAltName; a string is an address where it reads as one, else a DNS name."""


def general_name(host: San) -> x509.GeneralName:
    """*host* as a subjectAltName entry: iPAddress for a literal (brackets allowed), else dNSName."""
    if not isinstance(host, str):
        return host
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a TLS server shows: a chain and the key of its first certificate.

    ``path`` runs from the leaf to the root; ``order`` are the indexes into it that are sent. By default all
    but the root are.
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

    @property
    def leaf(self) -> x509.Certificate:
        return self.path[0]

    @property
    def chain_pem(self) -> bytes:
        """The certificates that are sent, in order."""
        return b"".join(_pem(self.path[index]) for index in self.order)

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


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _subject(common_name: str | None) -> x509.Name:
    if common_name is None:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cpecheck bench")])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, dates: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(os.urandom(16)) >> 1 | 1)
        .not_valid_before(dates[0])
        .not_valid_after(dates[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _dates(now: datetime, not_before: float, not_after: float) -> tuple[datetime, datetime]:
    now = now.astimezone(UTC).replace(microsecond=0)
    first, last = now + timedelta(days=not_before), now + timedelta(days=not_after)
    return min(first, LATEST), min(last, LATEST)


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _as_ca(draft: x509.CertificateBuilder) -> x509.CertificateBuilder:
    return draft.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).add_extension(
        _usage(ca=True), critical=True
    )


def _as_server(draft: x509.CertificateBuilder, san: Sequence[San]) -> x509.CertificateBuilder:
    draft = (
        draft.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    if san:
        draft = draft.add_extension(
            x509.SubjectAlternativeName([general_name(host) for host in san]), critical=False
        )
    return draft


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
    key: ec.EllipticCurvePrivateKey
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
    def create(
        cls,
        name: str,
        *,
        now: datetime | None = None,
        not_before: float = -365,
        not_after: float = 3650,
    ) -> Authority:
        """A new root with a new key; two of one *name* differ in nothing but key and serial number.

        *now* (default: the host's clock) is what all dates below this root are counted from, in days.
        """
        now = now or datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        draft = _as_ca(_draft(_subject(name), _subject(name), key, _dates(now, not_before, not_after)))
        return cls(name, (draft.sign(key, hashes.SHA256()),), key, now)

    @property
    def certificate(self) -> x509.Certificate:
        return self.path[0]

    @property
    def pem(self) -> bytes:
        """The authority's own certificate; of a root, what goes into a device's CWMP root CA slot."""
        return _pem(self.certificate)

    def ca(
        self, name: str = "bench issuing CA", *, not_before: float = -300, not_after: float = 3000
    ) -> Authority:
        """A CA below this one."""
        key = ec.generate_private_key(ec.SECP256R1())
        draft = _as_ca(_draft(_subject(name), self._issuer, key, _dates(self.now, not_before, not_after)))
        return Authority(name, (self._sign(draft), *self.path), key, self.now)

    def leaf(
        self,
        *hosts: str,
        san: Sequence[San] | None = None,
        common_name: str | None = None,
        not_before: float = -30,
        not_after: float = 365,
        name: str = "",
    ) -> Identity:
        """A server identity for *hosts* (DNS names, IPv4 or IPv6 literals).

        *san* replaces the names made from *hosts*, ``()`` leaves the extension out; *common_name* is absent
        by default, because RFC 9525 has no use for it; *name* is what reports call the identity.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        dates = _dates(self.now, not_before, not_after)
        draft = _draft(_subject(common_name), self._issuer, key, dates)
        certificate = self._sign(_as_server(draft, hosts if san is None else san))
        path = (certificate, *self.path)
        label = name or f"{', '.join(hosts) or common_name or 'nameless'} under {self.name}"
        return Identity(label, path, _key_pem(key), tuple(range(len(path) - 1)))

    @property
    def _issuer(self) -> x509.Name:
        return self.certificate.subject

    def _sign(self, draft: x509.CertificateBuilder) -> x509.Certificate:
        identifier = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return draft.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        ).sign(self.key, hashes.SHA256())


def self_signed(
    *hosts: str,
    now: datetime | None = None,
    common_name: str | None = None,
    not_before: float = -30,
    not_after: float = 365,
    name: str = "",
) -> Identity:
    """A server certificate that no authority has signed but its own key; it is no CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(common_name or (hosts[0] if hosts else None))
    dates = _dates(now or datetime.now(UTC), not_before, not_after)
    certificate = _as_server(_draft(subject, subject, key, dates), hosts).sign(key, hashes.SHA256())
    return Identity(name or f"{', '.join(hosts)}, self-signed", (certificate,), _key_pem(key), (0,))
