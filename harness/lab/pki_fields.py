"""What a certificate may be told to have other than usual, and the extensions that follow from it.

Every keyword is one deviation; without any, a certificate is what RFC 5280 wants of a CA or of a server, strictly.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypedDict

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from harness.lab import pki_der
from harness.lab.pki_keys import Key

LATEST: Final = datetime(2037, 12, 31, tzinfo=UTC)
"""No default date is later: 2^31 seconds end on 2038-01-19."""

San = x509.GeneralName | str
"""A name for subjectAltName; a string is an address where it reads as one, else a DNS name."""
Date = float | datetime
"""Days from the bench's now, or a date as it stands."""

UNKNOWN: Final = ObjectIdentifier("1.3.6.1.4.1.99999.1")
"""An extension that nobody knows."""
PADDING: Final = ObjectIdentifier("1.3.6.1.4.1.99999.2")

PURPOSES: Final = {
    "server": ExtendedKeyUsageOID.SERVER_AUTH,
    "client": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code": ExtendedKeyUsageOID.CODE_SIGNING,
    "email": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
"""Extended key usage, RFC 5280 4.2.1.12."""


class Fields(TypedDict, total=False):
    """Deviations of a certificate. Dates are days from now."""

    not_before: Date
    not_after: Date
    key: str
    """Kind of its own key (`harness.lab.pki_keys`)."""
    hash: Literal["sha256", "sha384", "sha1", "md5"]
    """What its issuer signs it with; the old ones need an issuer with an RSA key."""
    damage: Literal["signature", "content"]
    """The signature broken, or the content changed after it was signed."""
    is_ca: bool | None
    """CA bit of basicConstraints; ``None`` leaves the extension out."""
    path_length: int | None
    usage: Literal["usual", "sign", "encipher", "certificates", "lists", "none"]
    """keyUsage: usual for its kind, one bit alone, or no extension."""
    purposes: tuple[str, ...]
    """extendedKeyUsage by names of `PURPOSES`; empty leaves the extension out."""
    permitted: tuple[str, ...]
    excluded: tuple[str, ...]
    """Name constraints: DNS names, or networks."""
    unknown: Literal["critical", "not critical"]
    """An extension that nobody knows."""
    padding: int
    """Octets of an extension that is there to be large."""
    must_staple: bool
    identifiers: bool
    """subjectKeyIdentifier and authorityKeyIdentifier; usually there."""


class LeafFields(Fields, total=False):
    """Deviations of a server's certificate."""

    san: Sequence[San] | None
    """In place of the names; empty leaves the extension out."""
    common_name: str | None
    empty_san: bool
    """A subjectAltName with no name in it."""
    second_san: Sequence[San]
    """A second subjectAltName extension, with these names."""
    foreign_key: bool
    """The server signs with another key than the certificate's."""


def general_name(host: San) -> x509.GeneralName:
    """*host* as a subjectAltName entry: iPAddress for a literal (brackets allowed), else dNSName."""
    if not isinstance(host, str):
        return host
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def names_extension(names: Sequence[San]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([general_name(name) for name in names])


def subject(common_name: str | None) -> x509.Name:
    """A name with this common name, or with an organisation alone."""
    if common_name is None:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "cpecheck bench")])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def validity(now: datetime, fields: Fields, usual: tuple[float, float]) -> tuple[datetime, datetime]:
    """The two dates of a certificate; *usual* are days. Days never lead beyond `LATEST`.

    Where only the end is given and lies before the usual beginning, the certificate was good for the time before.
    """
    now = now.astimezone(UTC).replace(microsecond=0)

    def date(given: Date) -> datetime:
        return given if isinstance(given, datetime) else min(now + timedelta(days=given), LATEST)

    first, last = date(fields.get("not_before", usual[0])), date(fields.get("not_after", usual[1]))
    if first >= last and "not_before" not in fields:
        first = last - timedelta(days=usual[1] - usual[0])
    return first, last


def draft(
    name: x509.Name, issuer: x509.Name, key: Key, dates: tuple[datetime, datetime], fields: Fields
) -> x509.CertificateBuilder:
    """A certificate without extensions, but for the identifier of its key. Dates in the wrong order are swapped."""
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(os.urandom(16)) >> 1 | 1 << 126 | 1)
        .not_valid_before(min(dates))
        .not_valid_after(max(dates))
    )
    if fields.get("identifiers", True):
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        made = made.add_extension(identifier, critical=False)
    return made


def with_extensions(
    made: x509.CertificateBuilder, fields: Fields, *, authority: bool
) -> x509.CertificateBuilder:
    """The extensions of a CA or of a server, with the deviations of *fields*."""
    ca = fields.get("is_ca", authority)
    if ca is not None:
        constraints = x509.BasicConstraints(ca=ca, path_length=fields.get("path_length"))
        made = made.add_extension(constraints, critical=True)
    usage = _usage(fields.get("usage", "usual"), authority=authority)
    if usage is not None:
        made = made.add_extension(usage, critical=True)
    purposes = fields.get("purposes", () if authority else ("server",))
    if purposes:
        allowed = x509.ExtendedKeyUsage([PURPOSES[name] for name in purposes])
        made = made.add_extension(allowed, critical=False)
    return _with_rare_extensions(made, fields)


def _with_rare_extensions(made: x509.CertificateBuilder, fields: Fields) -> x509.CertificateBuilder:
    permitted, excluded = fields.get("permitted", ()), fields.get("excluded", ())
    if permitted or excluded:
        constraints = x509.NameConstraints(_constraints(permitted), _constraints(excluded))
        made = made.add_extension(constraints, critical=True)
    if "unknown" in fields:
        extension = x509.UnrecognizedExtension(UNKNOWN, b"\x05\x00")
        made = made.add_extension(extension, critical=fields["unknown"] == "critical")
    if "padding" in fields:
        size = fields["padding"]
        content = x509.UnrecognizedExtension(PADDING, b"\x04\x83" + size.to_bytes(3) + bytes(size))
        made = made.add_extension(content, critical=False)
    if fields.get("must_staple"):
        made = made.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    return made


def _constraints(names: Sequence[str]) -> list[x509.GeneralName] | None:
    def constraint(name: str) -> x509.GeneralName:
        return x509.IPAddress(ipaddress.ip_network(name)) if "/" in name else x509.DNSName(name)

    return [constraint(name) for name in names] or None


def _usage(kind: str, *, authority: bool) -> x509.KeyUsage | None:
    if kind == "none":
        return None
    usual = {"certificates", "lists"} if authority else {"sign"}
    bits = usual if kind == "usual" else {kind}
    return x509.KeyUsage(
        digital_signature="sign" in bits,
        key_cert_sign="certificates" in bits,
        crl_sign="lists" in bits,
        key_encipherment="encipher" in bits,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def damaged(
    certificate: x509.Certificate, issuer: Key, dates: tuple[datetime, datetime], fields: Fields
) -> x509.Certificate:
    """The deviations of *fields* that come after signing, done to *certificate*."""
    changes = _changes(dates, fields)
    if changes:
        certificate = pki_der.replaced(certificate, issuer, changes)
    algorithm = fields.get("hash", "sha256")
    if algorithm in ("md5", "sha1"):
        certificate = pki_der.signed_with_old_hash(certificate, issuer, algorithm)
    match fields.get("damage"):
        case "signature":
            return pki_der.with_broken_signature(certificate)
        case "content":
            return pki_der.tampered(certificate)
        case _:
            return certificate


def _changes(dates: tuple[datetime, datetime], fields: Fields) -> list[tuple[bytes, bytes]]:
    changes = []
    if dates[0] > dates[1]:
        first, last = (_utc_time(date) for date in sorted(dates))
        changes.append((first + last, last + first))
    if "second_san" in fields:
        changes.append((pki_der.SPARE_OID, pki_der.SAN_OID))
    return changes


def _utc_time(date: datetime) -> bytes:
    return b"\x17\x0d" + date.strftime("%y%m%d%H%M%SZ").encode()
