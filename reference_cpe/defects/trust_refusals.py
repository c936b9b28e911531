"""Defects that refuse what is legal: OpenSSL is content with the server's certificate, and the device then is not."""

from __future__ import annotations

import _ssl
import ipaddress
import itertools
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, NameOID

from reference_cpe.defects.registry import rewire, tabled
from reference_cpe.parts import Parts

Chain = Sequence[x509.Certificate]
"""What the server has sent, its own certificate first."""
Objection = Callable[[Chain, str, str], bool]
"""Says of a chain, the host and the stored root in PEM whether the device takes offence."""


def presented(tls: ssl.SSLObject) -> Chain:
    """The chain as the server has sent it; ssl tells it in its own words from Python 3.13 on only."""
    sent = tls._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
    return [x509.load_der_x509_certificate(each.public_bytes(_ssl.ENCODING_DER)) for each in sent]


def refusing(objection: Objection) -> Callable[[Parts], None]:
    """After a good handshake *objection* looks at the chain, and where it is raised the connection ends."""

    def apply(parts: Parts) -> None:
        original, trust = parts.trust.context, parts.trust

        class Finicky(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                if objection(presented(self), self.server_hostname or "", trust.anchors()):
                    raise ssl.SSLCertVerificationError(1, "certificate refused")

        def context() -> ssl.SSLContext:
            made = original()
            made.sslobject_class = Finicky
            return made

        rewire(trust, context=context)

    return apply


def has(certificate: x509.Certificate, extension: x509.ObjectIdentifier) -> bool:
    return any(each.oid == extension for each in certificate.extensions)


def names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """The subject alternative names."""
    if not has(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME):
        return []
    return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _dns_names(certificate: x509.Certificate) -> list[str]:
    return [str(name.value) for name in names(certificate) if isinstance(name, x509.DNSName)]


def _common_names(certificate: x509.Certificate) -> list[str]:
    return [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _purposes(certificate: x509.Certificate) -> list[x509.ObjectIdentifier]:
    if not has(certificate, ExtensionOID.EXTENDED_KEY_USAGE):
        return []
    return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# --- what they take offence at --------------------------------------------------------------------------


def _other_letters(chain: Chain, host: str, _root: str) -> bool:
    given = _dns_names(chain[0])
    return host not in given and host.lower() in (name.lower() for name in given)


def _more_than_one_name(chain: Chain, _host: str, _root: str) -> bool:
    return len(names(chain[0])) > 1


def _unknown_extension(chain: Chain, _host: str, _root: str) -> bool:
    return any(isinstance(each.value, x509.UnrecognizedExtension) for one in chain for each in one.extensions)


def _lacks(extension: x509.ObjectIdentifier) -> Objection:
    return lambda chain, _host, _root: not has(chain[0], extension)


def _another_purpose(chain: Chain, _host: str, _root: str) -> bool:
    return any(len(_purposes(one)) > 1 for one in chain)


def _ends_after(limit: datetime) -> Objection:
    return lambda chain, _host, _root: any(one.not_valid_after_utc > limit for one in chain)


def _begins_before(limit: datetime) -> Objection:
    return lambda chain, _host, _root: any(one.not_valid_before_utc < limit for one in chain)


def _self_signed_sent(chain: Chain, _host: str, _root: str) -> bool:
    return any(one.issuer == one.subject for one in chain)


def _alone(chain: Chain, _host: str, _root: str) -> bool:
    return len(chain) == 1


def _longer_than(count: int) -> Objection:
    return lambda chain, _host, _root: len(chain) > count


def _no_ca_allowed(chain: Chain, _host: str, _root: str) -> bool:
    given = [one.extensions for one in chain[1:] if has(one, ExtensionOID.BASIC_CONSTRAINTS)]
    return any(each.get_extension_for_class(x509.BasicConstraints).value.path_length == 0 for each in given)


def _not_a_row(chain: Chain, _host: str, _root: str) -> bool:
    """Somewhere the next certificate is not the issuer of the one before."""
    return any(one.issuer != above.subject for one, above in itertools.pairwise(chain))


def _strangers(chain: Chain, _host: str, _root: str) -> bool:
    """More certificates than the way to the root needs, the root itself excepted."""
    used, below = 1, chain[0]
    while used <= len(chain):
        above = next((one for one in chain[1:] if one.subject == below.issuer != one.issuer), None)
        if above is None:
            break
        used, below = used + 1, above
    return sum(one.issuer != one.subject for one in chain) > used


def _bigger_than(octets: int) -> Objection:
    return lambda chain, _host, _root: any(len(one.public_bytes(Encoding.DER)) > octets for one in chain)


def _sha1_root(_chain: Chain, _host: str, root: str) -> bool:
    stored = x509.load_pem_x509_certificate(root.encode())
    return isinstance(stored.signature_hash_algorithm, hashes.SHA1)


def _rsa(chain: Chain, _host: str, _root: str) -> bool:
    return any(isinstance(one.public_key(), rsa.RSAPublicKey) for one in chain)


def _other_curve(chain: Chain, _host: str, _root: str) -> bool:
    keys = [one.public_key() for one in chain]
    return any(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name != "secp256r1" for key in keys)


def _constrained(chain: Chain, _host: str, _root: str) -> bool:
    return any(has(one, ExtensionOID.NAME_CONSTRAINTS) for one in chain)


def _common_name_differs(chain: Chain, host: str, _root: str) -> bool:
    given = _common_names(chain[0])
    return bool(given) and host not in given


def _address(_chain: Chain, host: str, _root: str) -> bool:
    return _is_address(host)


def _first_name_differs(chain: Chain, host: str, _root: str) -> bool:
    """The first name is another address."""
    first = names(chain[0])[:1]
    return bool(first) and _is_address(host) and str(first[0].value) != host


HARMLESS, GOOD, FORMS = (
    "cwmp.tls.harmless-certificate",
    "lcos.tls.good-chain-accepted",
    "cwmp.tls.chain-forms",
)
KINDS, ADDRESS = "cwmp.tls.key-kinds", "lcos.tls.ip-address"
END_OF_32_BITS = datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)

for _name, _summary, _breaks, _objection, _seen in (
    ("names-compared-with-case", "A name in the certificate in other letters than the URL's is another name.",
     HARMLESS, _other_letters, ""),
    ("several-names-refused", "A certificate with more than one name is refused.",
     HARMLESS, _more_than_one_name, ""),
    ("unknown-extension-refused", "An unknown extension is a reason to refuse, whether it is critical or not.",
     HARMLESS, _unknown_extension, ""),
    ("one-purpose-only", "A certificate with another purpose beside that of a server is refused.",
     HARMLESS, _another_purpose, ""),
    ("key-usage-demanded", "A certificate without key usage is refused.",
     HARMLESS, _lacks(ExtensionOID.KEY_USAGE), ""),
    ("constraints-demanded", "A server's certificate without basic constraints is refused.",
     HARMLESS, _lacks(ExtensionOID.BASIC_CONSTRAINTS), ""),
    ("dates-in-32-bits", "A certificate that is valid beyond January 2038 counts as expired.",
     HARMLESS, _ends_after(END_OF_32_BITS), "devices with a time_t of 32 bits"),
    ("generalized-time-unread", "A date after 2049, which is written in the longer form, cannot be read.",
     HARMLESS, _ends_after(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)), ""),
    ("two-digit-years-of-this-century", "A year of two digits is always taken for one of this century.",
     HARMLESS, _begins_before(datetime(2000, 1, 1, tzinfo=UTC)), ""),
    ("root-sent-along-refused", "A chain with a self-signed certificate in it is refused, even if it is the stored root.",
     GOOD, _self_signed_sent, ""),
    ("intermediate-demanded", "A server that sends one certificate alone is refused: its chain counts as incomplete.",
     GOOD, _alone, ""),
    ("verify-depth-one", "No more than one intermediate certificate is followed.",
     GOOD, _longer_than(2), "netcwmp, gSOAP"),
    ("path-length-off-by-one", "A CA that may have no CA below it counts as one that may issue nothing.",
     GOOD, _no_ca_allowed, ""),
    ("chain-in-order-only", "Each certificate must be issued by the one that is sent next.",
     FORMS, _not_a_row, "TLS 1.2 to the letter: RFC 5246 7.4.2"),
    ("surplus-certificates-refused", "A certificate that the chain does not need is a reason to refuse.",
     FORMS, _strangers, ""),
    ("certificate-buffer", "A certificate of more than 8 KB does not fit into the buffer.",
     FORMS, _bigger_than(8192), ""),
    ("sha1-root-refused", "A stored root that has signed itself with SHA-1 makes no server trusted.",
     FORMS, _sha1_root, ""),
    ("rsa-unknown", "RSA is left out of the TLS library.", KINDS, _rsa, "small builds of TLS libraries"),
    ("curve-p256-only", "P-256 is the only curve of the TLS library.", KINDS, _other_curve, "small builds of TLS libraries"),
    ("name-constraints-refused", "Every chain with name constraints is refused.",
     "cwmp.tls.name-constraints-understood", _constrained, "mbedTLS 2.28"),
    ("common-name-must-fit-too", "A common name that is another than the host's is a reason to refuse.",
     "lcos.tls.common-name-ignored", _common_name_differs, ""),
    ("addresses-never-match", "A certificate is never good for an IP address, even if it bears it.",
     ADDRESS, _address, "mbedTLS 2.28"),
    ("first-address-counts", "Of the names in a certificate only the first is compared with an address.",
     ADDRESS, _first_name_differs, ""),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], refusing(_objection), _seen)
