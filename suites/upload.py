"""Upload of the CWMP root CA certificate: what is taken, what is refused, what stays.

That a root is trusted is shown by a session with an ACS whose certificate it has signed; that it is not, by a rejection
of the very same certificate.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from harness.bench import Bench
from harness.case import Body, Case, CaseRow, Inconclusive, case, cases_from
from harness.device.api import DriverError
from harness.expect import equal, rejected_silently, that
from harness.lab.pki import Authority, Identity
from suites.expectations import no_session_over_tls

HTTPS = ("https", "acs_url", "upload_root_ca")
JUDGED = (*HTTPS, "certificate-check")


def trusts(bench: Bench, identity: Identity) -> str:
    """Whether a session comes about with an ACS that shows *identity*: empty, or why not."""
    bench.use_https(identity)
    return bench.works()


def trusts_bench_root(bench: Bench) -> str:
    """The control: with the right root stored there is a session."""
    bench.device.upload_root_ca(bench.root)
    return trusts(bench, bench.identity())


def der(authority: Authority) -> bytes:
    """The authority's certificate in DER."""
    return x509.load_pem_x509_certificate(authority.pem).public_bytes(Encoding.DER)


def upload(bench: Bench, data: bytes) -> str:
    """Hand *data* to the upload; what the device said against it, or ``""``."""
    try:
        bench.device.upload_root_certificate(data)
    except DriverError as refusal:
        return str(refusal) or "refused"
    return ""


# --- what is taken ------------------------------------------------------------------------------------

FORMS: tuple[tuple[str, str, Callable[[Authority], bytes]], ...] = (
    ("pem", "in PEM", lambda authority: authority.pem),
    (
        "pem-with-text",
        "in PEM, with text around it",
        lambda authority: b"A certificate\n" + authority.pem + b"\nthe end\n",
    ),
    (
        "pem-crlf",
        "in PEM, with lines that end in CR LF",
        lambda authority: authority.pem.replace(b"\n", b"\r\n"),
    ),
    ("der", "in DER", der),
)
"""Id, how the certificate is written, how to write it."""


def _form(write: Callable[[Authority], bytes], shown: str) -> Body:
    requirement = "lcos.upload.bad-file-refused"

    def body(bench: Bench, case: Case) -> None:
        with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
            case.step(f"Upload another root {shown}.")
            refusal = upload(bench, write(bench.other_root))
            case.observe(f"refused: {refusal}" if refusal else "taken")
            now = bench.identity() if refusal else bench.other_root.leaf(*bench.acs_names)
            what = "the old root still trusted" if refusal else "the new root trusted"
            case.check(requirement, trusts(bench, now) or "a session", equal("a session"), what=what)
            if not refusal and "restart" in bench.device.capabilities.verbs:
                case.step("Restart the device.")
                bench.device.restart()
                reason = trusts(bench, now)
                case.check("lcos.upload.persistent", reason or "a session", equal("a session"))

    return body


cases_from(
    globals(),
    [
        CaseRow(
            f"upload.taken.{name}",
            f"A root certificate {shown} is taken and then trusted, or refused with the old one left as it was.\n\nAccepted: taken, and a "
            "session with an ACS under the new root, after a restart too; or an error, and one with an ACS under the old root.",
            _form(write, shown),
            ("lcos.upload.bad-file-refused", "lcos.upload.persistent"),
            JUDGED,
        )
        for name, shown, write in FORMS
    ],
)


@case("upload.taken.two-certificates", verifies="lcos.upload.bad-file-refused", needs=JUDGED)
def two_certificates(bench: Bench, case: Case) -> None:
    """A file with two root certificates is refused, or works for one of them; it never leaves a device that trusts nobody.

    Accepted: an error, and a session under the old root; or taken, and a session under one of the two.
    """
    requirement = "lcos.upload.bad-file-refused"
    with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
        case.step("Upload a file that holds two other roots.")
        refusal = upload(bench, bench.other_root.pem + bench.forged_root.pem)
        case.observe(f"refused: {refusal}" if refusal else "taken")
        trusted = (bench.root,) if refusal else (bench.other_root, bench.forged_root)
        reasons = []
        for authority in trusted:
            reasons.append(trusts(bench, authority.leaf(*bench.acs_names)))
            if not reasons[-1]:
                break
        case.check(
            requirement, reasons[-1] or "a session", equal("a session"), what="one of the roots trusted"
        )


# --- what is refused ----------------------------------------------------------------------------------


def _key(bench: Bench) -> bytes:
    return bench.identity().key_pem


JUNK: tuple[tuple[str, str, Callable[[Bench], bytes]], ...] = (
    ("empty", "an empty file", lambda _bench: b""),
    ("text", "a text", lambda _bench: b"this is no certificate\n" * 20),
    ("octets", "octets that are no certificate", lambda _bench: bytes(range(256)) * 4),
    (
        "half-pem",
        "half a certificate in PEM",
        lambda bench: bench.other_root.pem[: len(bench.other_root.pem) // 2],
    ),
    ("half-der", "half a certificate in DER", lambda bench: der(bench.other_root)[:200]),
    (
        "broken-base64",
        "a certificate in PEM with a foreign character in it",
        lambda bench: bench.other_root.pem.replace(b"\n", b"\n*!", 2),
    ),
    ("key", "a private key", _key),
)
"""Id, what the file is, its octets."""


def _junk(make: Callable[[Bench], bytes], shown: str) -> Body:
    requirement = "lcos.upload.bad-file-refused"

    def body(bench: Bench, case: Case) -> None:
        with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
            case.step(f"Upload {shown}.")
            refusal = upload(bench, make(bench))
            case.check(requirement, refusal, that("an error", bool, lambda said: said or "no error"))
            case.step("Show the certificate of the root that was stored before.")
            reason = trusts(bench, bench.identity())
            case.check(
                requirement, reason or "a session", equal("a session"), what="the old root still trusted"
            )

    return body


cases_from(
    globals(),
    [
        CaseRow(
            f"upload.refused.{name}",
            f"{shown[0].upper()}{shown[1:]} is refused with an error, and the stored root stays.\n\nAccepted: an error, and a session with an ACS "
            "under the root that was stored before, without storing it again.",
            _junk(make, shown),
            "lcos.upload.bad-file-refused",
            JUDGED,
        )
        for name, shown, make in JUNK
    ],
)


@case("upload.refused.then-restart", verifies="lcos.upload.bad-file-refused", needs=(*JUDGED, "restart"))
def refused_then_restart(bench: Bench, case: Case) -> None:
    """What was refused does not come into force with a restart either.

    Accepted: after uploads that were refused and a restart, a session with an ACS under the root that was stored before.
    """
    requirement = "lcos.upload.bad-file-refused"
    with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
        case.step("Upload every kind of file that is no certificate, and restart.")
        for name, _shown, make in JUNK:
            case.observe(f"{name}: {upload(bench, make(bench)) or 'taken'}")
        bench.device.restart()
        case.step("Show the certificate of the root that was stored before.")
        reason = trusts(bench, bench.identity())
        case.check(requirement, reason or "a session", equal("a session"), what="the old root still trusted")


# --- what stays ---------------------------------------------------------------------------------------


@case("upload.replaced", verifies=("lcos.upload.replaced", "lcos.upload.effective-at-once"), needs=HTTPS)
def replaced(bench: Bench, case: Case) -> None:
    """A root certificate that is uploaded takes the place of the stored one.

    Accepted: a session with an ACS under the new root; a certificate of the old root is rejected before any application
    byte; the other way round after the old root is stored again. Whether that takes a restart is recorded.
    """
    new = bench.other_root.leaf(*bench.acs_names)
    with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
        case.step("Upload another root.")
        bench.device.upload_root_ca(bench.other_root)
        at_once = not trusts(bench, new)
        case.check("lcos.upload.effective-at-once", at_once, equal(True))
        if not at_once and "restart" in bench.device.capabilities.verbs:
            case.step("It is not trusted yet: restart.")
            bench.device.restart()
        reason = trusts(bench, new)
        case.check("lcos.upload.replaced", reason or "a session", equal("a session"), what="the new root")
        if reason:
            raise Inconclusive(f"no session under the new root: {reason}")
        case.step("Show a certificate of the old root.")
        bench.present(bench.identity())
        attempt = bench.attempt()
        case.check(
            "lcos.upload.replaced",
            attempt,
            rejected_silently(),
            what="the old root",
            evidence=bench.evidence_of(attempt),
        )
        bench.present(new)


@case(
    "upload.persistent",
    verifies=("lcos.upload.persistent", "lcos.upload.replaced"),
    needs=(*HTTPS, "restart"),
)
def persistent(bench: Bench, case: Case) -> None:
    """The uploaded root certificate still works after a restart, and after a power cut where the device can have one.

    Accepted: a session with an ACS under it; one under the root that was stored before it is rejected.
    """
    requirement = "lcos.upload.persistent"
    new = bench.other_root.leaf(*bench.acs_names)
    ways = [("restart", bench.device.restart)]
    if "power_cycle" in bench.device.capabilities.verbs:
        ways.append(("power cut", bench.device.power_cycle))
    with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
        case.step("Upload another root.")
        bench.device.upload_root_ca(bench.other_root)
        for shown, act in ways:
            case.step(f"{shown.capitalize()}; show a certificate of the new root, then one of the old.")
            bench.present(new)
            act()
            case.check(
                requirement, bench.works() or "a session", equal("a session"), what=f"new root, {shown}"
            )
            bench.present(bench.identity())
            attempt = bench.attempt()
            case.check("lcos.upload.replaced", attempt, rejected_silently(), what=f"old root, {shown}")


@case("upload.factory-reset", verifies="lcos.upload.persistent", needs=(*HTTPS, "factory_reset"))
def factory_reset(bench: Bench, case: Case) -> None:
    """Whether a reset to factory settings removes the uploaded root certificate is recorded.

    Accepted: anything; uploaded again, the root works.
    """
    requirement = "lcos.upload.persistent"
    if reason := trusts_bench_root(bench):
        raise Inconclusive(f"no session under the stored root: {reason}")
    case.step("Reset the device to factory settings, set the baseline, but store no root.")
    bench.device.factory_reset(store_root=False)
    bench.use_https()
    attempt = bench.attempt(expected=False)
    kept = attempt is not None and attempt.bytes_from_device() > 0
    judgement = no_session_over_tls().judge(attempt)
    case.observe(f"after the reset the root is {'still there' if kept else 'gone'}: {judgement.observed}")
    case.step("Upload the root again.")
    case.check(requirement, trusts_bench_root(bench) or "a session", equal("a session"))


@case(
    "upload.other-way",
    verifies="lcos.upload.channels-equal",
    needs=(*HTTPS, "upload_root_ca_otherwise"),
)
def other_way(bench: Bench, case: Case) -> None:
    """Uploaded by the device's other way, a root certificate gets into the same slot, with the same effect.

    Accepted: after an upload by the other way a session under the new root, and a rejection of the old one; after an
    upload by the first way the reverse.
    """
    requirement = "lcos.upload.channels-equal"
    new, old = bench.other_root.leaf(*bench.acs_names), bench.identity()
    with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
        for shown, store, authority, right, wrong in (
            ("other way", bench.device.upload_root_ca_otherwise, bench.other_root, new, old),
            ("first way", bench.device.upload_root_ca, bench.root, old, new),
        ):
            case.step(
                f"Upload a root by the {shown}; show a certificate under it, then one under the root before."
            )
            store(authority)
            case.check(requirement, trusts(bench, right) or "a session", equal("a session"), what=shown)
            bench.present(wrong)
            case.check(requirement, bench.attempt(), rejected_silently(), what=f"{shown}: the root before")
            bench.present(right)


@case(
    "upload.other-type",
    verifies="lcos.upload.other-type-untrusted",
    needs=(*HTTPS, "upload_other_ca"),
)
def other_type(bench: Bench, case: Case) -> None:
    """A CA certificate that is stored for something else than CWMP makes no ACS trusted.

    Accepted: an ACS under it is rejected before any application byte, with the CWMP root in its slot and, where the device
    can empty the slot, without it. An ACS under the CWMP root is accepted before and after.
    """
    requirement = "lcos.upload.other-type-untrusted"
    elsewhere = bench.new_authority("root for another purpose")
    foreign = elsewhere.leaf(*bench.acs_names)
    with case.twin("with the right root stored there is a session", lambda: trusts_bench_root(bench)):
        case.step("Store another root under another file type; show a certificate under it.")
        bench.device.upload_other_ca(elsewhere)
        bench.present(foreign)
        case.check(requirement, bench.attempt(), rejected_silently(), what="beside the CWMP root")
        if "restart" in bench.device.capabilities.verbs:
            case.step("Restart the device; show it again.")
            bench.device.restart()
            case.check(requirement, bench.attempt(), rejected_silently(), what="after a restart")
        if "remove_root_ca" in bench.device.capabilities.verbs:
            case.step("Empty the slot of the CWMP root; show it again.")
            bench.device.remove_root_ca()
            attempt = bench.attempt(expected=False)
            case.check(requirement, attempt, no_session_over_tls(), what="without a CWMP root")
