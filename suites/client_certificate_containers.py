"""PKCS#12 containers: forms that are to be used, and damaged ones that must not be passed over in silence."""

from __future__ import annotations

from collections.abc import Callable

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.device.api import DriverError
from harness.expect import Allowed, Judgement, failed, passed
from harness.lab.pki import Authority, Identity
from harness.lab.pki_container import container, container_with_other_key
from harness.verdict.transcript import Connection
from suites.client_certificate import CLIENT, CLOSED, FORMATS, PASSPHRASE, ask, client, clients, present_once
from suites.expectations import no_session_over_tls
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, no_application_byte, observe, rejected


def _format(bench: Bench, case: Case, make: Callable[[Identity], bytes], passphrase: str) -> None:
    """Upload a sound container: it is used, or refused in words."""
    authority = clients(bench)
    mine = client(authority)
    bench.use_https()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload the container.")
        try:
            bench.device.upload_client_certificate(make(mine), passphrase)
        except DriverError as refusal:
            case.check(FORMATS, f"refused: {refusal}", _any_refusal())
            return
        ask(bench, authority, required=True)
        present_once(bench, case, FORMATS, mine)
        bench.present(bench.identity())


def _any_refusal() -> Allowed[str]:
    return Allowed("used, or refused with a report", passed)


@case("client-certificate.container.modern", verifies=FORMATS, needs=CLIENT)
def container_modern(bench: Bench, case: Case) -> None:
    """A container encrypted with AES-256 and SHA-256 is used, or refused with a report.

    Accepted: its certificate is presented, or the upload says that it cannot be used.
    """
    _format(bench, case, lambda mine: container(mine, PASSPHRASE), PASSPHRASE)


@case("client-certificate.container.legacy", verifies=FORMATS, needs=CLIENT)
def container_legacy(bench: Bench, case: Case) -> None:
    """A container encrypted with 3DES and SHA-1 is used, or refused with a report.

    Accepted: its certificate is presented, or the upload says that it cannot be used.
    """
    _format(bench, case, lambda mine: container(mine, PASSPHRASE, encryption="legacy"), PASSPHRASE)


@case("client-certificate.container.odd-passphrase", verifies=FORMATS, needs=CLIENT)
def container_odd_passphrase(bench: Bench, case: Case) -> None:
    """A container whose passphrase has blanks, quotes and letters beyond ASCII is used, or refused with a report.

    Accepted: its certificate is presented, or the upload says that it cannot be used.
    """
    odd = 'gr\u00fc\u00df\' "Gott" & 100 %'
    _format(bench, case, lambda mine: container(mine, odd), odd)


def _unusable(
    bench: Bench, case: Case, make: Callable[[Identity, Authority], bytes], passphrase: str = PASSPHRASE
) -> None:
    """With a sound container stored, upload one that cannot be used: it is refused, or at least not passed over."""
    authority = clients(bench)
    old, new = client(authority, "old client"), client(authority, "new client")
    bench.use_https()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload a sound container, and see its certificate presented.")
        bench.device.upload_client_certificate(container(old, PASSPHRASE), PASSPHRASE)
        ask(bench, authority, required=False)
        if reason := bench.works():
            raise Inconclusive(f"no session with the sound container: {reason}")
        case.step("Upload one that cannot be used.")
        try:
            bench.device.upload_client_certificate(make(new, authority), passphrase)
        except DriverError as refusal:
            case.check(FORMATS, f"refused: {refusal}", _any_refusal())
        else:
            attempt = bench.attempt()
            observe(case, attempt)
            case.check(FORMATS, attempt, _not_passed_over(old), evidence=bench.evidence_of(attempt))
        bench.present(bench.identity())


def _not_passed_over(old: Identity) -> Allowed[Connection | None]:
    """The older certificate is not presented as if nothing had happened."""

    def judge(connection: Connection | None) -> Judgement:
        tls = connection.tls if connection is not None else None
        shown = tls.client_certificate_sha256 if tls is not None else ""
        seen = f"taken without a word; presented afterwards: {shown[:16] or 'nothing'}"
        if shown == old.leaf_sha256:
            return failed(seen, "the device goes on with the older certificate in silence")
        return passed(seen)

    return Allowed("refused with a report, or the older certificate is not presented", judge)


@case("client-certificate.container.wrong-passphrase", verifies=FORMATS, needs=CLIENT)
def wrong_passphrase(bench: Bench, case: Case) -> None:
    """A container is not passed over in silence when the passphrase is wrong.

    Accepted: the upload is refused, or the older certificate is presented no more.
    """
    _unusable(bench, case, lambda new, _root: container(new, PASSPHRASE), "not the passphrase")


@case("client-certificate.container.truncated", verifies=FORMATS, needs=CLIENT)
def truncated(bench: Bench, case: Case) -> None:
    """A container that ends in its middle is not passed over in silence.

    Accepted: the upload is refused, or the older certificate is presented no more.
    """

    def half(new: Identity, _root: Authority) -> bytes:
        whole = container(new, PASSPHRASE)
        return whole[: len(whole) // 2]

    _unusable(bench, case, half)


@case("client-certificate.container.damaged", verifies=FORMATS, needs=CLIENT)
def damaged(bench: Bench, case: Case) -> None:
    """A container with one wrong octet in its middle is not passed over in silence.

    Accepted: the upload is refused, or the older certificate is presented no more.
    """

    def spoilt(new: Identity, _root: Authority) -> bytes:
        whole = bytearray(container(new, PASSPHRASE))
        whole[len(whole) // 2] ^= 0x55
        return bytes(whole)

    _unusable(bench, case, spoilt)


@case("client-certificate.container.other-key", verifies=FORMATS, needs=CLIENT)
def other_key(bench: Bench, case: Case) -> None:
    """A container whose key is not that of its certificate is not passed over in silence.

    Accepted: the upload is refused, or the older certificate is presented no more.
    """
    _unusable(
        bench, case, lambda new, root: container_with_other_key(new, client(root, "third client"), PASSPHRASE)
    )


@case("client-certificate.container.no-container", verifies=FORMATS, needs=CLIENT)
def no_container(bench: Bench, case: Case) -> None:
    """A PEM file in place of a container is not passed over in silence.

    Accepted: the upload is refused, or the older certificate is presented no more (a device may also read PEM and
    present the new one).
    """
    _unusable(bench, case, lambda new, _root: new.key_pem + new.chain_pem)


@case("client-certificate.container.expired", verifies=(CLOSED, NO_DOWNGRADE), needs=CLIENT)
def expired(bench: Bench, case: Case) -> None:
    """A client certificate that has expired is no way in, and no reason to turn to http.

    Whether the device presents it, or takes it at all, is recorded. Accepted: no application byte and no clear text
    with an ACS that demands a valid one.
    """
    authority = clients(bench)
    mine = client(authority, "expired client", not_after=-10)
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload a container with an expired certificate and demand a valid one.")
        try:
            bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
        except DriverError as refusal:
            case.observe(f"the device does not take it: {refusal}")
        ask(bench, authority, required=True)
        attempt = bench.attempt()
        observe(case, attempt)
        case.check(CLOSED, attempt, no_application_byte(), evidence=bench.evidence_of(attempt))
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case(
    "client-certificate.container.ca-inside",
    verifies=("lcos.client-certificate.container-ca-not-trusted", NO_DOWNGRADE),
    needs=CLIENT,
)
def ca_inside(bench: Bench, case: Case) -> None:
    """A CA certificate in the container does not make the device trust that CA's servers.

    Accepted: an ACS certificate of that CA is rejected with no application byte; a device that takes it gets a warning.
    """
    authority = bench.other_root
    mine = client(authority)
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step("Upload a container with its root inside; show an ACS certificate of that root.")
        bench.device.upload_client_certificate(container(mine, PASSPHRASE, also=(authority,)), PASSPHRASE)
        shown = authority.leaf(*bench.acs_names)
        bench.present(shown)
        attempt = bench.attempt()
        observe(case, attempt, shown)
        requirement = "lcos.client-certificate.container-ca-not-trusted"
        case.check(requirement, attempt, rejected(shown), evidence=bench.evidence_of(attempt))
        if "remove_root_ca" in bench.device.capabilities.verbs:
            case.step("Delete the CWMP root; show it again.")
            bench.device.remove_root_ca()
            attempt = bench.attempt(expected=False)
            observe(case, attempt)
            evidence = bench.evidence_of(attempt)
            case.check(requirement, attempt, no_session_over_tls(), what="no root stored", evidence=evidence)
            bench.device.upload_root_ca(bench.root)
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())
