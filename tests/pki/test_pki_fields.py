"""Each deviation of a certificate is there when it is asked for, alone, and OpenSSL says of it what it should."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from harness.lab.pki import LATEST, Authority, Identity, self_signed
from harness.lab.pki_container import container, container_with_other_key
from harness.lab.tls import TlsSettings

HOST = "acs.bench.test"
NOW = datetime.now(UTC).replace(microsecond=0)
ROOT = Authority.create("root", now=NOW)


def verdict(identity: Identity, root: Authority = ROOT, host: str = HOST) -> str:
    """What OpenSSL says of *identity*: ``""``, or the reason in its words."""
    client_context = ssl.create_default_context(cadata=root.pem.decode())
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = (
        TlsSettings(identity, ciphers="DEFAULT:@SECLEVEL=0")
        .context()
        .wrap_bio(to_server, to_client, server_side=True)
    )
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
            except ssl.SSLError as error:
                return str(error.reason)
    return ""


def of_extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    return certificate.extensions.get_extension_for_class(kind).value


def test_the_usual_certificate_is_strict_and_good() -> None:
    identity = ROOT.ca().leaf(HOST)
    assert verdict(identity) == ""
    leaf, issuer = identity.path[:2]
    assert of_extension(leaf, x509.BasicConstraints).ca is False
    assert of_extension(issuer, x509.BasicConstraints).ca is True
    assert of_extension(issuer, x509.KeyUsage).key_cert_sign
    assert of_extension(leaf, x509.ExtendedKeyUsage)._usages == [ExtendedKeyUsageOID.SERVER_AUTH]
    identifier = of_extension(issuer, x509.SubjectKeyIdentifier).digest
    assert of_extension(leaf, x509.AuthorityKeyIdentifier).key_identifier == identifier
    assert leaf.not_valid_after_utc <= LATEST
    assert identity.order == (0, 1)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"not_after": -10}, "certificate has expired"),
        ({"not_before": 10}, "certificate is not yet valid"),
        ({"not_before": 30, "not_after": -30}, "certificate is not yet valid"),
        ({"damage": "signature"}, "certificate signature failure"),
        ({"damage": "content"}, "certificate signature failure"),
        ({"purposes": ("client",)}, "unsuitable certificate purpose"),
        ({"purposes": ("server", "client")}, ""),
        ({"purposes": ()}, ""),
        ({"usage": "none"}, ""),
        ({"usage": "certificates"}, "unsuitable certificate purpose"),
        ({"unknown": "critical"}, "unhandled critical extension"),
        ({"unknown": "not critical"}, ""),
        ({"padding": 15_000}, ""),
        ({"must_staple": True}, ""),
        ({"is_ca": None}, ""),
        ({"key": "rsa1024"}, "EE certificate key too weak"),
        ({"key": "rsa2048"}, ""),
        ({"key": "p384"}, ""),
        ({"foreign_key": True}, "BAD_SIGNATURE"),
        ({"san": ("other.bench.test",)}, f"Hostname mismatch, certificate is not valid for '{HOST}'."),
    ],
    ids=str,
)
def test_a_deviation_of_a_leaf(fields: dict[str, Any], says: str) -> None:
    assert verdict(ROOT.leaf(HOST, **fields)) == says


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"is_ca": False}, "invalid CA certificate"),
        ({"is_ca": None}, "invalid CA certificate"),
        ({"usage": "lists"}, "invalid CA certificate"),
        ({"purposes": ("client",)}, "unsuitable certificate purpose"),
        ({"permitted": ("elsewhere.test",)}, "permitted subtree violation"),
        ({"permitted": ("bench.test",)}, ""),
        ({"excluded": ("bench.test",)}, "excluded subtree violation"),
        ({"excluded": ("192.0.2.0/24",)}, ""),
        ({"not_after": -10}, "certificate has expired"),
        ({"damage": "signature"}, "certificate signature failure"),
        ({"key": "rsa1024"}, "CA certificate key too weak"),
        ({"unknown": "critical"}, "unhandled critical extension"),
    ],
    ids=str,
)
def test_a_deviation_of_an_intermediate(fields: dict[str, Any], says: str) -> None:
    assert verdict(ROOT.ca(**fields).leaf(HOST)) == says


def test_a_path_length_is_kept_and_exceeded() -> None:
    assert verdict(ROOT.ca(path_length=0).leaf(HOST)) == ""
    assert verdict(ROOT.ca(path_length=0).ca("lower").leaf(HOST)) == "path length constraint exceeded"


@pytest.mark.parametrize(("name", "digest"), [("md5", "md5"), ("sha1", "sha1"), ("sha384", "sha384")])
def test_a_hash_is_that_of_the_signature(name: Any, digest: str) -> None:
    identity = ROOT.ca(key="rsa2048").leaf(HOST, hash=name)
    assert identity.leaf.signature_hash_algorithm is not None
    assert identity.leaf.signature_hash_algorithm.name == digest
    says = {"md5": "CA signature digest algorithm too weak", "sha1": "CA signature digest algorithm too weak"}
    assert verdict(identity) == says.get(name, "")


def test_old_hashes_need_an_issuer_with_rsa() -> None:
    with pytest.raises(TypeError, match="RSA"):
        ROOT.leaf(HOST, hash="md5")


def test_a_broken_signature_is_the_only_thing_broken() -> None:
    good, bad = ROOT.leaf(HOST), ROOT.leaf(HOST, damage="signature").leaf
    with pytest.raises(InvalidSignature):
        bad.verify_directly_issued_by(ROOT.certificate)
    good.leaf.verify_directly_issued_by(ROOT.certificate)
    assert [each.oid for each in bad.extensions] == [each.oid for each in good.leaf.extensions]


@pytest.mark.parametrize(
    ("kind", "type_", "bits"),
    [
        ("rsa512", rsa.RSAPublicKey, 512), ("rsa768", rsa.RSAPublicKey, 768), ("rsa1024", rsa.RSAPublicKey, 1024),
        ("p192", ec.EllipticCurvePublicKey, 192), ("p521", ec.EllipticCurvePublicKey, 521),
        ("ed25519", ed25519.Ed25519PublicKey, 0),
    ],
)  # fmt: skip
def test_kinds_of_keys(kind: str, type_: type, bits: int) -> None:
    key = ROOT.leaf(HOST, key=kind).leaf.public_key()
    assert isinstance(key, type_)
    assert getattr(key, "key_size", 0) == bits


def test_a_shared_key_is_the_same_and_others_are_not() -> None:
    other = Authority.create("other", now=NOW)
    one, two = ROOT.ca(key="p256#x").certificate, other.ca(key="p256#x").certificate
    assert one.public_key() == two.public_key()
    assert ROOT.ca().certificate.public_key() != ROOT.ca().certificate.public_key()


def test_dates_as_they_stand_and_in_the_wrong_order() -> None:
    far = datetime(2051, 1, 1, tzinfo=UTC)
    assert ROOT.leaf(HOST, not_after=far).leaf.not_valid_after_utc == far
    assert ROOT.leaf(HOST, not_after=99_999).leaf.not_valid_after_utc == LATEST
    turned = ROOT.leaf(HOST, not_before=30, not_after=-30).leaf
    assert turned.not_valid_before_utc == NOW + timedelta(days=30)
    assert turned.not_valid_after_utc == NOW - timedelta(days=30)
    past = ROOT.leaf(HOST, not_after=-100).leaf
    assert past.not_valid_before_utc < past.not_valid_after_utc == NOW - timedelta(days=100)


def test_forms_of_the_alternative_names() -> None:
    assert (
        list(of_extension(ROOT.leaf(empty_san=True, common_name=HOST).leaf, x509.SubjectAlternativeName))
        == []
    )
    with pytest.raises(x509.ExtensionNotFound):
        of_extension(ROOT.leaf(common_name=HOST).leaf, x509.SubjectAlternativeName)
    with pytest.raises(x509.DuplicateExtension):
        _ = ROOT.leaf(HOST, second_san=("other.test",)).leaf.extensions
    names = of_extension(ROOT.leaf(x509.DNSName(f"{HOST}\0.evil.test")).leaf, x509.SubjectAlternativeName)
    assert names[0].value == f"{HOST}\0.evil.test"


def test_without_identifiers_there_are_none() -> None:
    extensions = ROOT.leaf(HOST, identifiers=False).leaf.extensions
    found = {each.oid for each in extensions}
    assert not found & {ExtensionOID.SUBJECT_KEY_IDENTIFIER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER}


def test_what_is_sent_can_be_chosen_with_strangers_among_it() -> None:
    stranger = Authority.create("stranger", now=NOW)
    identity = ROOT.ca().leaf(HOST).also(stranger).sent(0, 3, 1)
    sent = x509.load_pem_x509_certificates(identity.chain_pem)
    assert sent == [identity.leaf, stranger.certificate, identity.path[1]]
    assert verdict(identity) == ""


def test_a_leaf_as_issuer_is_refused() -> None:
    assert verdict(ROOT.leaf("other.test").issuing(NOW).leaf(HOST)) == "invalid CA certificate"


def test_self_signed() -> None:
    identity = self_signed(HOST, now=NOW)
    assert identity.leaf.issuer == identity.leaf.subject
    assert verdict(identity) == "self-signed certificate"


@pytest.mark.parametrize("encryption", ["modern", "legacy"])
def test_a_container_holds_key_certificate_and_chain(encryption: Any) -> None:
    identity = ROOT.ca().leaf(common_name="client", san=(), purposes=("client",))
    found = pkcs12.load_pkcs12(container(identity, "secret", encryption=encryption, also=(ROOT,)), b"secret")
    assert found.cert is not None
    assert found.cert.certificate == identity.leaf
    assert [each.certificate for each in found.additional_certs] == [identity.path[1], ROOT.certificate]
    assert found.key is not None
    assert found.key.public_key() == identity.leaf.public_key()
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(container(identity, "secret", encryption=encryption), b"wrong")


def test_a_container_with_the_key_of_another() -> None:
    one, two = ROOT.leaf(common_name="one", san=()), ROOT.leaf(common_name="two", san=())
    found = pkcs12.load_pkcs12(container_with_other_key(one, two, "secret"), b"secret")
    assert found.key is not None
    assert found.key.public_key() == two.leaf.public_key()
    assert [each.certificate for each in found.additional_certs] == [one.leaf]
