"""Defects of TLS: whom the device believes."""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable

from cryptography import x509

from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.exchange import Exchange
from reference_cpe.parts import Parts
from reference_cpe.transfers import Transfer
from reference_cpe.trust import _NO_CHECK_TIME, BadCertificate
from reference_cpe.urls import Target


@defect(
    "no-certificate-check",
    breaks=[
        "lcos.tls.no-root-no-session",
        "lcos.tls.untrusted-root",
        "lcos.tls.self-signed",
        "lcos.tls.host-name",
        "lcos.tls.validity-dates",
        "lcos.tls.same-name-forged-root",
        "lcos.tls.issuer-not-a-ca",
        "lcos.tls.intermediate-missing",
        "lcos.tls.broken-signature",
        "lcos.tls.wrong-purpose",
        "lcos.tls.root-removed",
        "lcos.tls.dedicated-trust",
        "lcos.tls.ip-address",
        "lcos.tls.common-name-ignored",
        "lcos.tls.redirect-target",
        "lcos.tls.file-server",
        "lcos.upload.replaced",
        "lcos.upload.other-type-untrusted",
        "lcos.tls.retry-after-rejection",
        "lcos.client-certificate.container-ca-not-trusted",
        "lcos.tls.wildcard",
        "cwmp.tls.critical-extension",
        "cwmp.tls.issuer-key-usage",
        "cwmp.tls.md5-signature",
        "cwmp.tls.name-constraints",
        "cwmp.tls.path-length",
    ],
    seen="netcwmp",
)
def no_certificate_check(parts: Parts) -> None:
    """Neither the chain nor the name nor the dates of the ACS's certificate are checked."""
    parts.trust.verify = False


@defect(
    "empty-store-trusts-all",
    breaks=["lcos.tls.no-root-no-session", "lcos.tls.root-removed"],
    seen="Orange tr069agent",
)
def empty_store_trusts_all(parts: Parts) -> None:
    """As long as no CWMP root CA certificate is stored, every certificate is accepted."""
    parts.trust.empty_trusts_all = True


@defect(
    "no-host-name-check",
    breaks=[
        "lcos.tls.host-name",
        "lcos.tls.ip-address",
        "lcos.tls.common-name-ignored",
        "lcos.tls.redirect-target",
        "lcos.tls.wildcard",
        "lcos.tls.file-server",
    ],
)
def no_host_name_check(parts: Parts) -> None:
    """The chain is checked, but not whether the certificate names the host of the ACS URL."""
    parts.trust.check_host_name = False


@defect("dates-ignored", breaks=["lcos.tls.validity-dates"])
def dates_ignored(parts: Parts) -> None:
    """Expired certificates and those of the future are accepted although the device knows the time."""
    parts.trust.check_dates = False


@defect("follows-redirect-to-http", breaks=["lcos.scheme.no-downgrade"])
def follows_redirect_to_http(parts: Parts) -> None:
    """A redirect from https to http is followed."""

    class Downgrading(Exchange):
        def may_follow(self, target: Target) -> bool:
            return True

    parts.exchange = Downgrading


def _contexts(alter: Callable[[ssl.SSLContext, Parts], object]) -> Callable[[Parts], None]:
    """Every TLS context passes through *alter*."""

    def apply(parts: Parts) -> None:
        original = parts.trust.context

        def context() -> ssl.SSLContext:
            made = original()
            alter(made, parts)
            return made

        rewire(parts.trust, context=context)

    return apply


def _old_versions(context: ssl.SSLContext, _parts: Parts) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1


def _system_store(context: ssl.SSLContext, _parts: Parts) -> None:
    if context.verify_mode != ssl.CERT_NONE:
        context.load_default_certs()


def _no_wildcards(context: ssl.SSLContext, _parts: Parts) -> None:
    class Strict(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            names = (self.getpeercert() or {}).get("subjectAltName", ())
            if any(str(entry[1]).startswith("*") for entry in names):
                raise ssl.SSLCertVerificationError(1, "wildcard certificate")

    context.sslobject_class = Strict


for _name, _summary, _breaks, _alter, _seen in (
    ("old-tls-accepted", "TLS 1.0 and its ciphers are accepted.",
     ["cwmp.tls.strong-negotiation", "cwmp.tls.no-anonymous-server", "cwmp.tls.md5-signature"], _old_versions, ""),
    ("system-store-trusted", "The CAs of the system's own store are trusted too.",
     ["lcos.tls.dedicated-trust"], _system_store, "icwmp, CAPATH"),
    ("common-name-accepted", "The common name of a certificate counts where no alternative name fits.",
     ["cwmp.tls.name-policy"], lambda context, _parts: setattr(context, "hostname_checks_common_name", True), ""),
    ("wildcard-refused", "A certificate with a wildcard is refused.", ["lcos.tls.wildcard"], _no_wildcards, ""),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _contexts(_alter), _seen)


@defect("root-removal-ignored", breaks=["lcos.tls.root-removed", "lcos.tls.no-root-no-session"])
def root_removal_ignored(parts: Parts) -> None:
    """A CWMP root CA certificate that is removed stays trusted."""
    rewire(parts.trust, remove_root=lambda: None)


@defect("root-appended", breaks=["lcos.upload.replaced", "lcos.tls.root-removed"])
def root_appended(parts: Parts) -> None:
    """A new CWMP root CA certificate is added to the old ones instead of replacing them."""
    store, anchors = parts.trust.store_root, parts.trust.anchors
    old: dict[str, None] = {}

    def store_root(data: bytes) -> None:
        old[anchors()] = None
        store(data)

    rewire(parts.trust, store_root=store_root)
    rewire(parts.trust, anchors=lambda: "".join({**old, anchors(): None}))


@defect("root-lost-at-restart", breaks=["lcos.upload.persistent"])
def root_lost_at_restart(parts: Parts) -> None:
    """The CWMP root CA certificate is gone after a restart."""
    parts.store.update(root_ca="")


@defect("bad-root-empties-slot", breaks=["lcos.upload.bad-file-refused"])
def bad_root_empties_slot(parts: Parts) -> None:
    """A file that is no certificate is taken, and the slot is empty afterwards."""
    original = parts.trust.store_root

    def store_root(data: bytes) -> None:
        try:
            original(data)
        except BadCertificate:
            parts.trust.remove_root()

    rewire(parts.trust, store_root=store_root)


@defect("intermediate-unsupported", breaks=["lcos.tls.good-chain-accepted"])
def intermediate_unsupported(parts: Parts) -> None:
    """Only a certificate directly under the stored root is accepted, none under an intermediate."""

    def alter(context: ssl.SSLContext, _parts: Parts) -> None:
        class Flat(ssl.SSLObject):
            def do_handshake(self) -> None:
                super().do_handshake()
                anchors = parts.trust.anchors().encode()
                shown = self.getpeercert(binary_form=True)
                if not anchors or shown is None:
                    return
                root = x509.load_pem_x509_certificates(anchors)[0]
                if x509.load_der_x509_certificate(shown).issuer != root.subject:
                    raise ssl.SSLCertVerificationError(1, "intermediate not supported")

        context.sslobject_class = Flat

    _contexts(alter)(parts)


@defect("redirect-target-unchecked", breaks=["lcos.tls.redirect-target"])
def redirect_target_unchecked(parts: Parts) -> None:
    """After a redirect the new server's name is not checked."""

    class Following(Exchange):
        def __init__(self, parts: Parts, target: Target) -> None:
            super().__init__(parts, target)
            parts.trust.check_host_name = True

        def redirected(self, location: str | None) -> None:
            super().redirected(location)
            self.parts.trust.check_host_name = False

    parts.exchange = Following


@defect("file-server-unchecked", breaks=["lcos.tls.file-server"], seen="easycwmp, wget")
def file_server_unchecked(parts: Parts) -> None:
    """The certificate of a file server is not checked."""
    original = parts.transfers.fetch

    async def fetch(transfer: Transfer) -> bytes:
        parts.trust.verify = False
        try:
            return await original(transfer)
        finally:
            parts.trust.verify = True

    rewire(parts.transfers, fetch=fetch)


@defect(
    "accepted-at-second-try", breaks=["lcos.tls.untrusted-root", "lcos.tls.self-signed", "lcos.tls.host-name"]
)
def accepted_at_second_try(parts: Parts) -> None:
    """A certificate that was refused is accepted when the session is tried again."""
    original = parts.events.session_failed

    def session_failed() -> None:
        parts.trust.verify = False
        original()

    rewire(parts.events, session_failed=session_failed)


@defect("tls-failure-gives-up", breaks=["lcos.tls.retry-after-rejection"])
def tls_failure_gives_up(parts: Parts) -> None:
    """After a session that failed the device tries no more until it restarts."""
    rewire(parts.retry, wait=lambda _minimum, _multiplier: 10.0**9)


@defect("tls-failure-storm", breaks=["lcos.tls.retry-after-rejection"])
def tls_failure_storm(parts: Parts) -> None:
    """Failed sessions are tried again five times a second."""
    rewire(parts.retry, wait=lambda _minimum, _multiplier: 0.2)


@defect(
    "dates-judged-without-time",
    breaks=["cwmp.tls.dates-ignored-without-time"],
    awaiting="a device that does not know the time: the variant no-clock, together with which it is tested",
)
def dates_judged_without_time(parts: Parts) -> None:
    """Certificates are refused for their dates even while the device does not know the time."""

    def alter(context: ssl.SSLContext, _parts: Parts) -> None:
        context.verify_flags &= ~_NO_CHECK_TIME

    _contexts(alter)(parts)
