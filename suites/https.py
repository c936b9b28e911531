"""HTTPS: the device connects only to an ACS whose certificate leads to the uploaded CWMP root CA.

Every rejection is held between two accepted connections of the same shape, on the same port, so that a
device that is unplugged, slow or merely unable to speak TLS passes nothing here.
"""

from __future__ import annotations

from datetime import timedelta

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.expect import equal, nothing
from harness.lab.pki import Identity
from suites.expectations import no_session_over_tls
from suites.tls_evidence import observe, rejected

HTTPS = ("https", "acs_url", "upload_root_ca")


def rejects(bench: Bench, case: Case, requirement: str, identity: Identity, shown: str) -> None:
    """Show *identity* twice between two accepted connections; the device ends both with no application byte sent."""
    bench.use_https()
    with case.twin("a certificate of the stored root for the ACS's name leads to a session", bench.works):
        case.step(f"Show {shown}, change nothing else, and give the device a reason to connect.")
        bench.present(identity)
        mark = bench.clear_text_mark()
        for turn in ("at the first try", "at the second try"):
            attempt = bench.attempt()
            observe(case, attempt, identity)
            evidence = bench.evidence_of(attempt)
            case.check(requirement, attempt, rejected(identity), what=turn, evidence=evidence)
        case.check(
            "lcos.scheme.no-downgrade",
            bench.clear_text_since(mark),
            nothing("clear-text connection with data"),
        )
        bench.present(bench.identity())


@case("https.accept.right-root", verifies="lcos.tls.good-chain-accepted", needs=HTTPS)
def right_root(bench: Bench, case: Case) -> None:
    """A certificate of the stored root for the name in the ACS URL is accepted.

    Accepted: a complete session, for a leaf directly under the root and for one under an intermediate that the
    server sends along.
    """
    bench.use_https()
    chains = (
        ("a leaf directly under the stored root", bench.identity()),
        (
            "a leaf under an intermediate that is sent along",
            bench.root.ca("bench intermediate").leaf(*bench.acs_names),
        ),
    )
    for shown, identity in chains:
        case.step(f"Show {shown} and give the device a reason to connect.")
        bench.present(identity)
        case.check(
            "lcos.tls.good-chain-accepted", bench.works() or "a session", equal("a session"), what=shown
        )


@case(
    "https.reject.no-root-stored",
    verifies=("lcos.tls.no-root-no-session", "lcos.scheme.no-downgrade"),
    needs=(*HTTPS, "remove_root_ca"),
)
def no_root_stored(bench: Bench, case: Case) -> None:
    """With no CWMP root CA stored, no server certificate is good enough for an https URL.

    Accepted: no connection at all, or one that the device ends before any application byte; for the certificate
    that would be right if its root were stored, and for one of a root that was never stored.
    """
    bench.use_https()
    with case.twin("with the root stored there is a session", bench.works):
        case.step("Remove the CWMP root CA certificate from the device.")
        bench.device.remove_root_ca()
        mark = bench.clear_text_mark()
        for shown, identity in (
            ("the certificate that was good a moment ago", bench.identity()),
            ("a certificate of a root that the device never saw", bench.other_root.leaf(*bench.acs_names)),
        ):
            case.step(f"Show {shown} and give the device a reason to connect.")
            bench.present(identity)
            attempt = bench.attempt(expected=False)
            case.check(
                "lcos.tls.no-root-no-session",
                attempt,
                no_session_over_tls(),
                what=shown,
                evidence=bench.evidence_of(attempt),
            )
        case.check(
            "lcos.scheme.no-downgrade",
            bench.clear_text_since(mark),
            nothing("clear-text connection with data"),
        )
        case.step("Store the root again.")
        bench.present(bench.identity())
        bench.device.upload_root_ca(bench.root)


@case(
    "https.reject.untrusted-root",
    verifies=("lcos.tls.untrusted-root", "lcos.scheme.no-downgrade"),
    needs=HTTPS,
)
def untrusted_root(bench: Bench, case: Case) -> None:
    """A certificate with the right name whose root is not the stored one is rejected.

    Accepted: the connection ends with no application byte sent.
    """
    rejects(
        bench,
        case,
        "lcos.tls.untrusted-root",
        bench.other_root.leaf(*bench.acs_names),
        "a certificate of another root with the right name",
    )


@case(
    "https.reject.same-name-root",
    verifies=("lcos.tls.untrusted-root", "lcos.scheme.no-downgrade"),
    needs=HTTPS,
)
def same_name_root(bench: Bench, case: Case) -> None:
    """A certificate of a root that bears the stored root's name but another key is rejected.

    Accepted: the connection ends with no application byte sent.
    """
    rejects(
        bench,
        case,
        "lcos.tls.untrusted-root",
        bench.forged_root.leaf(*bench.acs_names),
        "a certificate of a root of the same name with another key",
    )


@case("https.reject.self-signed", verifies=("lcos.tls.self-signed", "lcos.scheme.no-downgrade"), needs=HTTPS)
def self_signed(bench: Bench, case: Case) -> None:
    """A self-signed certificate with the right name is rejected.

    Accepted: the connection ends with no application byte sent.
    """
    rejects(
        bench,
        case,
        "lcos.tls.self-signed",
        bench.self_signed(),
        "a self-signed certificate with the right name",
    )


@case("https.reject.wrong-name", verifies=("lcos.tls.host-name", "lcos.scheme.no-downgrade"), needs=HTTPS)
def wrong_name(bench: Bench, case: Case) -> None:
    """A certificate of the stored root that names another host is rejected.

    Accepted: the connection ends with no application byte sent.
    """
    rejects(
        bench,
        case,
        "lcos.tls.host-name",
        bench.root.leaf(*bench.foreign_names),
        "a certificate of the stored root for another host",
    )


def needs_right_clock(bench: Bench, case: Case) -> None:
    """Dates may be ignored by a device that does not know the time; so its clock is proven first."""
    off = bench.device_clock_error()
    if off is None:
        raise Inconclusive(
            "the device's Inform says that it does not know the time, so dates need not be checked"
        )
    case.observe(f"the device's clock differs from the bench's by {off:.0f} s")
    if abs(off) > timedelta(days=1).total_seconds():
        raise Inconclusive(f"the device's clock is off by {off:.0f} s: certificate dates prove nothing")


@case(
    "https.reject.expired",
    verifies=("lcos.tls.validity-dates", "lcos.scheme.no-downgrade"),
    needs=(*HTTPS, "absolute-time"),
)
def expired(bench: Bench, case: Case) -> None:
    """A certificate that expired ten days ago is rejected by a device that knows the time.

    Accepted: the connection ends with no application byte sent.
    """
    bench.use_https()
    needs_right_clock(bench, case)
    rejects(
        bench,
        case,
        "lcos.tls.validity-dates",
        bench.root.leaf(*bench.acs_names, not_before=-100, not_after=-10),
        "a certificate that expired ten days ago",
    )


@case(
    "https.reject.not-yet-valid",
    verifies=("lcos.tls.validity-dates", "lcos.scheme.no-downgrade"),
    needs=(*HTTPS, "absolute-time"),
)
def not_yet_valid(bench: Bench, case: Case) -> None:
    """A certificate that becomes valid in ten days is rejected by a device that knows the time.

    Accepted: the connection ends with no application byte sent.
    """
    bench.use_https()
    needs_right_clock(bench, case)
    rejects(
        bench,
        case,
        "lcos.tls.validity-dates",
        bench.root.leaf(*bench.acs_names, not_before=10, not_after=100),
        "a certificate that becomes valid in ten days",
    )
