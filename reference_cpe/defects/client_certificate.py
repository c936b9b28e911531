"""Defects of the slot "CWMP container as PKCS#12 file"."""

from __future__ import annotations

import re
import ssl
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from reference_cpe.container import BadContainer, ClientCertificate
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.parts import Parts

_ONE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)


@defect("client-certificate-not-sent", breaks=["lcos.client-certificate.presented"])
def client_certificate_not_sent(parts: Parts) -> None:
    """The uploaded client certificate is stored and never presented."""
    original = parts.trust.client_certificate
    stored = parts.trust.context

    def context() -> ssl.SSLContext:
        rewire(parts.trust, client_certificate=lambda: None)
        try:
            return stored()
        finally:
            rewire(parts.trust, client_certificate=original)

    rewire(parts.trust, context=context)


@defect("client-certificate-without-chain", breaks=["lcos.client-certificate.presented"])
def client_certificate_without_chain(parts: Parts) -> None:
    """The client certificate is presented without the certificates above it."""
    original = parts.trust.client_certificate

    def first() -> ClientCertificate | None:
        own = original()
        return None if own is None else ClientCertificate(own.key, _ONE.findall(own.chain)[0])

    rewire(parts.trust, client_certificate=first)


@defect("client-certificate-old-kept", breaks=["lcos.client-certificate.container-formats"])
def client_certificate_old_kept(parts: Parts) -> None:
    """A container that cannot be used is taken without a word, and the old one stays in use."""
    original = parts.trust.store_client

    def store(container: bytes, passphrase: str) -> None:
        try:
            original(container, passphrase)
        except BadContainer:
            return

    rewire(parts.trust, store_client=store)


@defect("client-certificate-first-kept", breaks=["lcos.client-certificate.presented"])
def client_certificate_first_kept(parts: Parts) -> None:
    """Of several containers the first that was uploaded stays in use."""
    original, client = parts.trust.store_client, parts.trust.client_certificate

    def store(container: bytes, passphrase: str) -> None:
        if client() is None:
            original(container, passphrase)

    rewire(parts.trust, store_client=store)


@defect(
    "client-container-ca-trusted",
    breaks=["lcos.client-certificate.container-ca-not-trusted"],
)
def client_container_ca_trusted(parts: Parts) -> None:
    """A CA certificate that comes with the client certificate is trusted for servers too."""
    original, trust = parts.trust.context, parts.trust
    kept: list[str] = []
    store = trust.store_client

    def store_client(container: bytes, passphrase: str) -> None:
        store(container, passphrase)
        found = load_pkcs12(container, passphrase.encode() or None)
        kept[:] = [
            item.certificate.public_bytes(Encoding.PEM).decode()
            for item in found.additional_certs
            if _is_ca(item.certificate)
        ]

    def context() -> ssl.SSLContext:
        made = original()
        if kept and made.verify_mode != ssl.CERT_NONE:
            made.load_verify_locations(cadata="".join(kept))
        return made

    rewire(trust, store_client=store_client, context=context)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        constraints: Any = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    return bool(constraints.ca)


@defect("login-skipped-with-client-certificate", breaks=["lcos.client-certificate.with-http-login"])
def login_skipped_with_client_certificate(parts: Parts) -> None:
    """A device that has a client certificate answers no HTTP challenge."""
    original = parts.digest.choose

    def choose(headers: Any) -> Any:
        return None if parts.trust.client_certificate() is not None else original(headers)

    rewire(parts.digest, choose=choose)
