"""Defects of TLS: whom the device believes."""

from __future__ import annotations

from reference_cpe.defects.registry import defect
from reference_cpe.exchange import Exchange
from reference_cpe.parts import Parts
from reference_cpe.urls import Target


@defect(
    "no-certificate-check",
    breaks=[
        "lcos.tls.no-root-no-session",
        "lcos.tls.untrusted-root",
        "lcos.tls.self-signed",
        "lcos.tls.host-name",
        "lcos.tls.validity-dates",
    ],
    seen="netcwmp",
)
def no_certificate_check(parts: Parts) -> None:
    """Neither the chain nor the name nor the dates of the ACS's certificate are checked."""
    parts.trust.verify = False


@defect("empty-store-trusts-all", breaks=["lcos.tls.no-root-no-session"], seen="Orange tr069agent")
def empty_store_trusts_all(parts: Parts) -> None:
    """As long as no CWMP root CA certificate is stored, every certificate is accepted."""
    parts.trust.empty_trusts_all = True


@defect("no-host-name-check", breaks=["lcos.tls.host-name"])
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
