"""Defects of judging a server's certificate that OpenSSL has no switch for: the handshake ends, then the device looks."""

from __future__ import annotations

import fnmatch
import ipaddress
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from reference_cpe.defects.registry import rewire, tabled
from reference_cpe.parts import Parts

Judge = Callable[[x509.Certificate, str, str], bool]
"""Says of a server's certificate, the host and the stored root in PEM whether it will do."""


def named(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate bears the name or address *host*."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return host.lower() in (name.lower() for name in names.get_values_for_type(x509.DNSName))


def current(certificate: x509.Certificate) -> bool:
    """Whether it is valid now."""
    return certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc


def _issuer_named(certificate: x509.Certificate, root: str) -> bool:
    return bool(root) and certificate.issuer == x509.load_pem_x509_certificate(root.encode()).subject


def judged_by(judge: Judge) -> Callable[[Parts], None]:
    """In place of OpenSSL's verification, *judge* looks at the server's certificate after the handshake."""

    def apply(parts: Parts) -> None:
        original, trust = parts.trust.context, parts.trust

        class Looking(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                shown = self.getpeercert(binary_form=True)
                assert shown is not None
                if not judge(
                    x509.load_der_x509_certificate(shown), self.server_hostname or "", trust.anchors()
                ):
                    raise ssl.SSLCertVerificationError(1, "certificate refused")

        def context() -> ssl.SSLContext:
            made = original()
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
            made.sslobject_class = Looking
            return made

        rewire(parts.trust, context=context)

    return apply


_CHAIN = (
    "lcos.tls.no-root-no-session",
    "lcos.tls.untrusted-root",
    "lcos.tls.self-signed",
    "lcos.tls.same-name-forged-root",
    "lcos.tls.issuer-not-a-ca",
    "lcos.tls.intermediate-missing",
    "lcos.tls.broken-signature",
    "lcos.tls.wrong-purpose",
    "lcos.tls.root-removed",
    "lcos.tls.dedicated-trust",
    "lcos.tls.redirect-target",
    "lcos.tls.file-server",
    "lcos.upload.replaced",
    "lcos.upload.other-type-untrusted",
    "lcos.tls.retry-after-rejection",
    "lcos.client-certificate.container-ca-not-trusted",
)

for _name, _summary, _breaks, _judge, _seen in (
    ("name-checked-chain-not", "The certificate's name is checked, and not who has issued it.",
     (*_CHAIN, "lcos.tls.validity-dates"), lambda shown, host, _root: named(shown, host),
     "easycwmp's default, Orange tr069agent"),
    ("issuer-compared-by-name", "Issuer and root are compared by their names; signatures are not checked.",
     ("lcos.tls.same-name-forged-root", "lcos.tls.untrusted-root", "lcos.tls.broken-signature"),
     lambda shown, host, root: named(shown, host) and current(shown) and _issuer_named(shown, root), ""),
    ("any-issuer-but-itself", "Every certificate is accepted that is not self-signed.",
     tuple(name for name in _CHAIN if name != "lcos.tls.self-signed"),
     lambda shown, host, _root: named(shown, host) and current(shown) and shown.issuer != shown.subject, ""),
):  # fmt: skip
    tabled(_name, _summary, _breaks, judged_by(_judge), _seen)


def names_by(fits: Callable[[x509.Certificate, str], bool]) -> Callable[[Parts], None]:
    """OpenSSL checks the chain; whether the certificate bears the host's name is up to *fits*."""

    def apply(parts: Parts) -> None:
        original = parts.trust.context

        class Naming(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                shown = self.getpeercert(binary_form=True)
                if shown is None or not fits(
                    x509.load_der_x509_certificate(shown), self.server_hostname or ""
                ):
                    raise ssl.SSLCertVerificationError(1, "host name mismatch")

        def context() -> ssl.SSLContext:
            made = original()
            made.check_hostname = False
            made.sslobject_class = Naming
            return made

        rewire(parts.trust, context=context)

    return apply


def _by_pattern(certificate: x509.Certificate, host: str) -> bool:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return named(certificate, host) or any(
        fnmatch.fnmatchcase(host.lower(), name.lower()) for name in names.get_values_for_type(x509.DNSName)
    )


def _by_common_name(certificate: x509.Certificate, host: str) -> bool:
    given = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return named(certificate, host) or host in [str(each.value) for each in given]


for _name, _summary, _broken, _fits, _seen in (
    ("names-as-patterns", "A star in a name stands for any characters, dots included, wherever it is.",
     ["cwmp.tls.name-policy", "lcos.tls.wildcard", "lcos.tls.ip-address"], _by_pattern, "wolfSSL 5.5.4"),
    ("address-in-common-name", "A common name counts as much as an alternative name, also for an address.",
     ["cwmp.tls.name-policy", "lcos.tls.common-name-ignored", "lcos.tls.ip-address"], _by_common_name,
     "devices after the first four amendments of TR-069"),
):  # fmt: skip
    tabled(_name, _summary, _broken, names_by(_fits), _seen)
