"""Defects of a path validation that the maker has written: it finds the way to the root, and one thing it does not check."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from reference_cpe.defects.registry import rewire, tabled
from reference_cpe.defects.trust_chain import current, named
from reference_cpe.defects.trust_refusals import presented
from reference_cpe.parts import Parts


@dataclass(frozen=True, slots=True)
class Checks:
    """What the validation looks at. Path lengths, name constraints and critical extensions it never heard of."""

    ca_flag: bool = True
    signing: bool = True
    """Whether the key usage of an issuer lets it sign certificates."""
    server: bool = True
    """Whether the purposes of the server's certificate include that of a server."""
    upper_dates: bool = True
    """Whether those above the server's certificate are valid now."""

    def leads(self, chain: Sequence[x509.Certificate], host: str, root: str) -> bool:
        """Whether the chain is good for the host and leads to the root (PEM)."""
        if not root or not named(chain[0], host) or not current(chain[0]) or not self._serves(chain[0]):
            return False
        anchor = x509.load_pem_x509_certificate(root.encode())
        below, left = chain[0], list(chain[1:])
        while not _issued(below, anchor):
            above = next((one for one in left if _issued(below, one) and self._issues(one)), None)
            if above is None:
                return False
            left.remove(above)
            below = above
        return True

    def _serves(self, certificate: x509.Certificate) -> bool:
        if not self.server:
            return True
        found = [
            each.value for each in certificate.extensions if isinstance(each.value, x509.ExtendedKeyUsage)
        ]
        return all(ExtendedKeyUsageOID.SERVER_AUTH in purposes for purposes in found)

    def _issues(self, certificate: x509.Certificate) -> bool:
        values = [each.value for each in certificate.extensions]
        ca = any(isinstance(value, x509.BasicConstraints) and value.ca for value in values)
        signs = all(value.key_cert_sign for value in values if isinstance(value, x509.KeyUsage))
        return (
            (ca or not self.ca_flag)
            and (signs or not self.signing)
            and (current(certificate) or not self.upper_dates)
        )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def validating(checks: Checks) -> Callable[[Parts], None]:
    """In place of OpenSSL's verification, *checks* look at the chain after the handshake."""

    def apply(parts: Parts) -> None:
        original, trust = parts.trust.context, parts.trust

        class Own(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                if not checks.leads(presented(self), self.server_hostname or "", trust.anchors()):
                    raise ssl.SSLCertVerificationError(1, "certificate refused")

        def context() -> ssl.SSLContext:
            made = original()
            made.check_hostname = False
            made.verify_mode = ssl.CERT_NONE
            made.sslobject_class = Own
            return made

        rewire(trust, context=context)

    return apply


UNKNOWN = ["cwmp.tls.path-length", "cwmp.tls.name-constraints", "cwmp.tls.critical-extension"]

for _name, _summary, _breaks, _checks, _seen in (
    ("constraints-unheard-of", "Path lengths, name constraints, the purposes of CAs and critical extensions are not looked at.",
     [*UNKNOWN, "cwmp.tls.usage-policy"], Checks(), "wolfSSL 5.5.4, in part"),
    ("issuer-need-not-be-ca", "Any certificate may issue others, marked as a CA or not.",
     ["lcos.tls.issuer-not-a-ca"], Checks(ca_flag=False, signing=False), "CVE-2002-0862"),
    ("issuer-key-usage-ignored", "Whether the key of a CA may sign certificates is not looked at.",
     ["cwmp.tls.issuer-key-usage"], Checks(signing=False), ""),
    ("any-purpose-good", "What a certificate is for is not looked at.",
     ["lcos.tls.wrong-purpose"], Checks(server=False), ""),
    ("upper-dates-ignored", "The dates of the server's own certificate are checked, those of the CAs above it not.",
     ["lcos.tls.validity-dates"], Checks(upper_dates=False), ""),
):  # fmt: skip
    tabled(_name, _summary, _breaks, validating(_checks), _seen)
