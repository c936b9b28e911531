"""Whom the device trusts, and as whom it shows itself: the two certificate slots, and the TLS client's rules."""

from __future__ import annotations

import ssl
from dataclasses import asdict

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from reference_cpe.clock import Clock
from reference_cpe.container import ClientCertificate, read_container
from reference_cpe.store import Store

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL: a device that does not know the time cannot judge dates."""
_MOST = 64 * 1024
_SHORTEST_RSA = 2048
"""Bits; OpenSSL's security level 2 refuses shorter ones."""


class BadCertificate(ValueError):
    """An upload that is not one root CA certificate; the message is the reason."""


class Trust:
    """The slots for the CWMP root CA and the client certificate, and what a TLS client does with them.

    Seams: `verify`, `check_host_name`, `check_dates`, `empty_trusts_all` (attributes), `anchors`,
    `client_certificate`, `context`.
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

    def store_uploaded(self, data: bytes) -> None:
        """As `store_root`, for the way by which all files are uploaded.

        Raises:
            BadCertificate: see there.
        """
        self.store_root(data)

    def store_other(self, data: bytes) -> None:
        """Put a CA certificate into the slot of the VPN, which is none of CWMP's business.

        Raises:
            BadCertificate: it is none; the old one is kept.
        """
        self._store.update(vpn_root_ca=read_certificate(data))

    def remove_root(self) -> None:
        self._store.update(root_ca="")

    def anchors(self) -> str:
        """The trusted certificates in PEM, empty when there is none. Only the CWMP slot counts."""
        return str(self._store.get("root_ca", ""))

    def store_client(self, container: bytes, passphrase: str) -> None:
        """Put the content of a PKCS#12 container into the slot in place of the old one.

        Raises:
            BadContainer: it cannot be used; the old one is kept.
        """
        self._store.update(client_certificate=asdict(read_container(container, passphrase)))

    def remove_client(self) -> None:
        self._store.update(client_certificate=None)

    def client_certificate(self) -> ClientCertificate | None:
        """What is presented to a server that asks. CA certificates of the container are never trusted."""
        stored = self._store.get("client_certificate")
        return ClientCertificate(**stored) if stored else None

    def warnings(self) -> list[str]:
        """What is stored and out of date; nothing while the device does not know the time."""
        own = self.client_certificate()
        slots = {"CWMP root CA certificate": self.anchors(), "CWMP container": own.chain if own else ""}
        now = self._clock.unix() if self._clock.absolute else None
        found = {label: out_of_date(pem, now) for label, pem in slots.items()}
        return [f"{label}: {problem}" for label, problem in found.items() if problem]

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later, strict X.509, names from the SAN alone; trusting nothing but `anchors`.

        Every connection has a context of its own, so that no session is resumed and no ticket outlives the
        root that it was granted under.
        """
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
        own = self.client_certificate()
        if own is not None:
            own.load_into(context)
        return context


def out_of_date(pem: str, now: float | None) -> str:
    """Why the first certificate of *pem* is not valid at *now* (Unix time, ``None`` for unknown), else empty."""
    if not pem or now is None:
        return ""
    found = x509.load_pem_x509_certificates(pem.encode("ascii"))[0]
    if now > found.not_valid_after_utc.timestamp():
        return f"expired on {found.not_valid_after_utc:%Y-%m-%d}"
    if now < found.not_valid_before_utc.timestamp():
        return f"not valid before {found.not_valid_before_utc:%Y-%m-%d}"
    return ""


def read_certificate(data: bytes) -> str:
    """One root CA certificate, PEM or DER, as PEM.

    What could never make a server trusted is refused here, not in the next handshake.

    Raises:
        BadCertificate: not a certificate, more than one, or not that of a root CA.
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
    _check_root(found[0])
    return found[0].public_bytes(Encoding.PEM).decode("ascii")


def _check_root(certificate: x509.Certificate) -> None:
    try:
        extensions = certificate.extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        raise BadCertificate("not a CA certificate: no basic constraints") from None
    if not constraints.ca:
        raise BadCertificate("not a CA certificate")
    usage = next((item.value for item in extensions if isinstance(item.value, x509.KeyUsage)), None)
    if usage is not None and not usage.key_cert_sign:
        raise BadCertificate("not a CA certificate: its key may not sign certificates")
    if certificate.issuer != certificate.subject:
        raise BadCertificate("not a root certificate: issued by another CA")
    try:
        certificate.verify_directly_issued_by(certificate)
    except InvalidSignature:
        raise BadCertificate("damaged: its signature is wrong") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass  # made with a hash that is not checked any more: what a root says of itself proves nothing
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SHORTEST_RSA:
        raise BadCertificate(f"its RSA key has {key.key_size} bits, expected {_SHORTEST_RSA} or more")
