"""Whom the device trusts: the one slot for the CWMP root CA certificate, and the TLS client's rules."""

from __future__ import annotations

import ssl

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from reference_cpe.clock import Clock
from reference_cpe.store import Store

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL: a device that does not know the time cannot judge dates."""
_MOST = 64 * 1024


class BadCertificate(ValueError):
    """An upload that is not one CA certificate; the message is the reason."""


class Trust:
    """The CWMP root CA slot and what a TLS client does with it.

    Seams: `verify`, `check_host_name`, `check_dates`, `empty_trusts_all` (attributes), `anchors`, `context`.
    """

    verify = True
    """Whether the server's chain is checked at all."""
    check_host_name = True
    check_dates = True
    """Whether dates are judged when the device knows the time."""
    empty_trusts_all = False
    """Whether an empty slot means that nothing is checked."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def store_root(self, data: bytes) -> None:
        """Put one certificate, PEM or DER, into the slot in place of the old one.

        Raises:
            BadCertificate: it is none; the old one is kept.
        """
        self._store.update(root_ca=read_certificate(data))

    def remove_root(self) -> None:
        self._store.update(root_ca="")

    def anchors(self) -> str:
        """The trusted certificates in PEM, empty when there is none. Only the CWMP slot counts."""
        return str(self._store.get("root_ca", ""))

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later, strict X.509, names from the SAN alone; trusting nothing but `anchors`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("DEFAULT:@SECLEVEL=2")
        context.hostname_checks_common_name = False
        anchors = self.anchors()
        check = self.verify and not (self.empty_trusts_all and not anchors)
        context.check_hostname = check and self.check_host_name
        context.verify_mode = ssl.CERT_REQUIRED if check else ssl.CERT_NONE
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if not (self.check_dates and self._clock.absolute):
            context.verify_flags |= _NO_CHECK_TIME
        if anchors:
            context.load_verify_locations(cadata=anchors)
        return context


def read_certificate(data: bytes) -> str:
    """One CA certificate, PEM or DER, as PEM.

    Raises:
        BadCertificate: not a certificate, more than one, or not a CA's.
    """
    if not data.strip():
        raise BadCertificate("empty file")
    if len(data) > _MOST:
        raise BadCertificate(f"more than {_MOST} bytes")
    try:
        if b"-----BEGIN" in data:
            found = x509.load_pem_x509_certificates(data)
        else:
            found = [x509.load_der_x509_certificate(data)]
    except ValueError:
        raise BadCertificate("neither a PEM nor a DER certificate") from None
    if len(found) != 1:
        raise BadCertificate(f"{len(found)} certificates, expected one")
    try:
        constraints = found[0].extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        raise BadCertificate("not a CA certificate: no basic constraints") from None
    if not constraints.ca:
        raise BadCertificate("not a CA certificate")
    return found[0].public_bytes(Encoding.PEM).decode("ascii")
