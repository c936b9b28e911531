"""Defects of the slot "CWMP container as PKCS#12 file"."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from reference_cpe.container import BadContainer, ClientCertificate
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.http import HttpConnection
from reference_cpe.model_table import COMMENT
from reference_cpe.parts import Parts
from reference_cpe.rim import ConnectFailed
from reference_cpe.urls import Target

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


@defect("client-certificate-removal-ignored", breaks=["lcos.client-certificate.none-fails-closed"])
def client_certificate_removal_ignored(parts: Parts) -> None:
    """A client certificate that is removed stays in use."""
    rewire(parts.trust, remove_client=lambda: None)


class _NotWanted(ssl.SSLError):
    """What the server wants of client certificates is not what the device has."""


def watching(objects: Callable[[bool, bool], bool]) -> Callable[[Parts], None]:
    """*objects* is told whether the server has asked for a certificate and whether there is one; true ends the handshake."""

    def apply(parts: Parts) -> None:
        original, trust = parts.trust.context, parts.trust

        def context() -> ssl.SSLContext:
            made = original()
            read: list[int] = []

            class Watching(ssl.SSLObject):
                def do_handshake(self) -> None:
                    super().do_handshake()
                    if objects(_CERTIFICATE_REQUEST in read, trust.client_certificate() is not None):
                        raise _NotWanted(1, "client certificate")

            def seen(
                _tls: object, direction: str, _version: object, content: int, kind: int, _data: bytes
            ) -> None:
                if direction == "read" and int(content) == _HANDSHAKE:
                    read.append(int(kind))

            made._msg_callback = seen  # type: ignore[attr-defined]
            made.sslobject_class = Watching
            return made

        rewire(trust, context=context)

    return apply


_HANDSHAKE, _CERTIFICATE_REQUEST = 22, 13
"""Content type of records, and kind of the message (RFC 8446 5.1 and 4)."""

for _name, _summary, _breaks, _objects in (
    ("asked-for-certificate-ends", "A device without a client certificate ends the handshake when it is asked for one.",
     "cwmp.tls.no-client-certificate", lambda asked, has: asked and not has),
    ("client-certificate-insisted", "A device with a client certificate ends the handshake when nobody asks for it.",
     "lcos.client-certificate.not-unasked", lambda asked, has: has and not asked),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], watching(_objects))


def unread(forgets: Callable[[bytes, str], bool]) -> Callable[[Parts], None]:
    """A container for which *forgets* is true is answered with success and not stored."""

    def apply(parts: Parts) -> None:
        original = parts.trust.store_client

        def store(container: bytes, passphrase: str) -> None:
            original(container, passphrase)
            if forgets(container, passphrase):
                parts.trust.remove_client()

        rewire(parts.trust, store_client=store)

    return apply


_PBES2 = bytes.fromhex("2A864886F70D01050D")
"""Object identifier of the encryption that came with PKCS#5 v2.0 (RFC 8018)."""

FORMATS, PRESENTED = "lcos.client-certificate.container-formats", "lcos.client-certificate.presented"

for _name, _summary, _broken, _forgets in (
    ("container-modern-lost", "A container with AES encryption is taken without a word and not used.",
     [FORMATS, PRESENTED], lambda container, _passphrase: _PBES2 in container),
    ("container-legacy-lost", "A container with 3DES encryption is taken without a word and not used.",
     [FORMATS], lambda container, _passphrase: _PBES2 not in container),
    ("container-passphrase-ascii", "A container whose passphrase is not plain ASCII is taken without a word and not used.",
     [FORMATS], lambda _container, passphrase: not passphrase.isascii()),
):  # fmt: skip
    tabled(_name, _summary, _broken, unread(_forgets))


@defect("container-passphrase-readable", breaks=["lcos.client-certificate.key-not-readable"])
def container_passphrase_readable(parts: Parts) -> None:
    """The passphrase of the container can be read in the comment of the device."""
    original = parts.trust.store_client

    def store(container: bytes, passphrase: str) -> None:
        original(container, passphrase)
        parameters = dict(parts.store.get("parameters") or {})
        parts.store.update(parameters={**parameters, COMMENT: passphrase})

    rewire(parts.trust, store_client=store)


@defect("client-certificate-demand-falls-back", breaks=["lcos.client-certificate.none-fails-closed"])
def client_certificate_demand_falls_back(parts: Parts) -> None:
    """Asked for a client certificate that it lacks, the device goes on without TLS on the same port."""
    watching(lambda asked, has: asked and not has)(parts)
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        try:
            return await original(parts, target)
        except ConnectFailed as failure:
            if not isinstance(failure.__cause__, _NotWanted):
                raise
            return await original(parts, replace(target, scheme="http"))

    rewire(parts, dial=dial)
