"""The device's own certificate: the PKCS#12 container, when it is presented, and what it must not bring with it."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import serialization

from harness.acs.auth import Digest
from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import GetParameterValues
from harness.expect import Allowed, Judgement, equal, failed, nothing, passed, undecided
from harness.lab.pki import Authority, Identity
from harness.lab.pki_container import container
from harness.verdict.transcript import Connection, Direction
from suites.https import HTTPS
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, no_application_byte, observe

CLIENT = (*HTTPS, "upload_client_certificate")
REMOVAL = (*CLIENT, "remove_client_certificate")
PRESENTED = "lcos.client-certificate.presented"
FORMATS = "lcos.client-certificate.container-formats"
CLOSED = "lcos.client-certificate.none-fails-closed"
PASSPHRASE = "Correct-Horse-7"


def clients(bench: Bench, name: str = "client root") -> Authority:
    """A root for client certificates, which nobody trusts as a server's."""
    return Authority.create(name, now=bench.root.now)


def client(authority: Authority, name: str = "cpe client", **dates: float) -> Identity:
    """A client certificate."""
    identity = authority.leaf(common_name=name, san=(), purposes=("client",), **dates)  # type: ignore[arg-type]
    return identity.named(name)


def ask(bench: Bench, authority: Authority, *, required: bool) -> None:
    """Let the ACS ask for a client certificate of *authority*."""
    settings = bench.https.settings(bench.identity(), client_ca=authority.pem, require_client_cert=required)
    bench.https.serve(settings)


def presents(identity: Identity) -> Allowed[Connection | None]:
    """The device presents exactly this certificate, proves its key, and has a session."""

    def judge(connection: Connection | None) -> Judgement:
        tls = connection.tls if connection is not None else None
        if connection is None or tls is None:
            return undecided("the device opened no TLS connection", "there was nobody to present it to")
        shown = tls.client_certificate_sha256
        seen = f"{shown[:16] or 'no certificate'}, {connection.bytes_from_device()} application bytes; {tls.error}"
        if shown == identity.leaf_sha256 and connection.bytes_from_device():
            return passed(seen)
        return failed(seen, "another certificate" if shown else "no certificate that the ACS could verify")

    return Allowed(f"client certificate {identity.leaf_sha256[:16]} and a session", judge)


def asked_for_it(connection: Connection | None) -> bool:
    """The bench's CertificateRequest really went out."""
    tls = connection.tls if connection is not None else None
    return tls is not None and any(
        event.name == "CertificateRequest" and event.direction is Direction.TO_DEVICE for event in tls.events
    )


def present_once(bench: Bench, case: Case, requirement: str, identity: Identity, what: str = "") -> None:
    """Give the device a reason to connect to the ACS that asks, and judge what it presents."""
    attempt = bench.attempt()
    observe(case, attempt)
    if attempt is not None and attempt.tls is not None and not asked_for_it(attempt):
        raise Inconclusive("the handshake ended before the ACS had asked for a certificate")
    case.check(requirement, attempt, presents(identity), what=what, evidence=bench.evidence_of(attempt))


@case("client-certificate.presented", verifies=(PRESENTED, NO_DOWNGRADE), needs=CLIENT)
def presented(bench: Bench, case: Case) -> None:
    """The certificate of the uploaded container is presented to an ACS that asks for it.

    Accepted: a session in which the ACS has verified exactly this certificate, under a CA that it names.
    """
    authority = clients(bench)
    mine = client(authority)
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload a container and let the ACS demand a certificate of its CA.")
        bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
        ask(bench, authority, required=True)
        present_once(bench, case, PRESENTED, mine)
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case("client-certificate.presented-with-chain", verifies=PRESENTED, needs=CLIENT)
def presented_with_chain(bench: Bench, case: Case) -> None:
    """The intermediate certificate in the container is presented along with the device's own.

    The ACS has the root alone. Accepted: a session in which it has verified the certificate.
    """
    authority = clients(bench)
    mine = client(authority.ca("client CA"))
    bench.use_https()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload a container with an intermediate in it; the ACS knows the root alone.")
        bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
        ask(bench, authority, required=True)
        present_once(bench, case, PRESENTED, mine)
        bench.present(bench.identity())


@case("client-certificate.kept", verifies=PRESENTED, needs=CLIENT)
def kept(bench: Bench, case: Case) -> None:
    """The certificate is still presented after a restart, and after another root was stored for the ACS's certificate.

    Accepted: each time a session in which the ACS has verified exactly the certificate of the uploaded container.
    """
    authority = clients(bench)
    mine = client(authority)
    bench.use_https()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload a container and see its certificate presented.")
        bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
        ask(bench, authority, required=True)
        present_once(bench, case, PRESENTED, mine, "at first")
        if "restart" in bench.device.capabilities.verbs:
            case.step("Restart the device.")
            bench.device.restart()
            present_once(bench, case, PRESENTED, mine, "after a restart")
        case.step("Store the root for the ACS's certificate again.")
        bench.device.upload_root_ca(bench.other_root)
        bench.device.upload_root_ca(bench.root)
        present_once(bench, case, PRESENTED, mine, "after another root")
        bench.present(bench.identity())


@case("client-certificate.not-unasked", verifies="lcos.client-certificate.not-unasked", needs=CLIENT)
def not_unasked(bench: Bench, case: Case) -> None:
    """An ACS that does not ask gets no client certificate, and the session works.

    Accepted: a session, and no certificate from the device.
    """
    authority = clients(bench)
    bench.use_https()
    case.step("Upload a container and connect to an ACS that asks for nothing.")
    bench.device.upload_client_certificate(container(client(authority), PASSPHRASE), PASSPHRASE)
    mark = bench.https.mark()
    requirement = "lcos.client-certificate.not-unasked"
    case.check(requirement, bench.works() or "a session", equal("a session"))
    shown = [
        each.tls.client_certificate_sha256
        for each in bench.https.since(mark)
        if each.tls is not None and each.tls.client_certificate_sha256
    ]
    case.check(requirement, shown, nothing("client certificate"))


@case("client-certificate.replaced", verifies=(PRESENTED, FORMATS), needs=CLIENT)
def replaced(bench: Bench, case: Case) -> None:
    """A second container replaces the first.

    Accepted: the certificate of the second is presented.
    """
    authority = clients(bench)
    first, second = client(authority, "first client"), client(authority, "second client")
    bench.use_https()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        ask(bench, authority, required=True)
        for identity in (first, second):
            case.step(f"Upload the container of the {identity.name}.")
            bench.device.upload_client_certificate(container(identity, PASSPHRASE), PASSPHRASE)
            present_once(bench, case, PRESENTED, identity, identity.name)
        case.check(FORMATS, "the second is used", equal("the second is used"))
        bench.present(bench.identity())


def _fails_closed(bench: Bench, case: Case, authority: Authority) -> None:
    """Demand a certificate of a device that has none."""
    mark = bench.clear_text_mark()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Demand a certificate.")
        ask(bench, authority, required=True)
        attempt = bench.attempt()
        observe(case, attempt)
        if not asked_for_it(attempt):
            raise Inconclusive("the handshake ended before the ACS had asked for a certificate")
        case.check(CLOSED, attempt, no_application_byte(), evidence=bench.evidence_of(attempt))
        shown = attempt.tls.client_certificate_sha256 if attempt is not None and attempt.tls else ""
        case.check(CLOSED, shown or "none", equal("none"), what="client certificate")
        case.check(CLOSED, bench.clear_text_since(mark), nothing("clear-text connection with data"))
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case("client-certificate.none-fails-closed", verifies=(CLOSED, NO_DOWNGRADE), needs=HTTPS)
def none_fails_closed(bench: Bench, case: Case) -> None:
    """A device without a client certificate does not turn to http when the ACS demands one.

    Accepted: no application byte and no clear text; the session comes about again when nothing is demanded.
    """
    if "remove_client_certificate" in bench.device.capabilities.verbs:
        bench.device.remove_client_certificate()
    bench.use_https()
    _fails_closed(bench, case, clients(bench))


@case("client-certificate.removed", verifies=(CLOSED, NO_DOWNGRADE), needs=REMOVAL)
def removed(bench: Bench, case: Case) -> None:
    """A client certificate that was removed is presented no more.

    Accepted: no application byte, no clear text and no certificate once it is removed.
    """
    authority = clients(bench)
    bench.use_https()
    case.step("Upload a container, and remove it again.")
    bench.device.upload_client_certificate(container(client(authority), PASSPHRASE), PASSPHRASE)
    bench.device.remove_client_certificate()
    _fails_closed(bench, case, authority)


@case("client-certificate.none-when-asked-politely", verifies="cwmp.tls.no-client-certificate", needs=HTTPS)
def none_when_asked_politely(bench: Bench, case: Case) -> None:
    """A device without a client certificate goes on when the ACS asks for one but does not insist.

    Accepted: a session with HTTP authentication, and no certificate.
    """
    if "remove_client_certificate" in bench.device.capabilities.verbs:
        bench.device.remove_client_certificate()
    bench.use_https()
    login = {"acs_username", "acs_password"} <= bench.device.capabilities.settings
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Ask for a certificate, take none for an answer, and demand a login by HTTP.")
        ask(bench, clients(bench), required=False)
        if login:
            bench.demand(Digest(*bench.acs_credentials))
        mark = bench.https.mark()
        case.check("cwmp.tls.no-client-certificate", bench.works() or "a session", equal("a session"))
        for connection in bench.https.since(mark):
            observe(case, connection)
        bench.demand(None)
        bench.present(bench.identity())


@case(
    "client-certificate.with-http-login",
    verifies="lcos.client-certificate.with-http-login",
    needs=(*CLIENT, "acs_username", "acs_password"),
)
def with_http_login(bench: Bench, case: Case) -> None:
    """A device that has presented its certificate still answers a challenge for a login.

    Accepted: a session with an ACS that demands both.
    """
    authority = clients(bench)
    mine = client(authority)
    bench.use_https()
    with case.twin("an ACS that demands nothing leads to a session", bench.works):
        case.step("Upload a container; the ACS demands its certificate and a Digest login.")
        bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
        ask(bench, authority, required=True)
        bench.demand(Digest(*bench.acs_credentials))
        requirement = "lcos.client-certificate.with-http-login"
        case.check(requirement, bench.works() or "a session", equal("a session"))
        bench.demand(None)
        bench.present(bench.identity())


@case(
    "client-certificate.other-ca-asked",
    verifies=("lcos.client-certificate.other-ca-asked", NO_DOWNGRADE),
    needs=CLIENT,
)
def other_ca_asked(bench: Bench, case: Case) -> None:
    """What the device presents to an ACS that names another CA than its certificate's is recorded.

    Accepted: anything but clear text.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("an ACS that does not ask leads to a session", bench.works):
        case.step("Upload a container and name another CA in the request for a certificate.")
        mine = client(clients(bench))
        bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
        ask(bench, clients(bench, "another client root"), required=False)
        attempt = bench.attempt()
        observe(case, attempt)
        tls = attempt.tls if attempt is not None else None
        sent = bool(tls and (tls.client_certificate_sha256 or "VERIFY" in tls.error))
        case.observe(
            f"lcos.client-certificate.other-ca-asked: {'its certificate' if sent else 'no certificate'}"
        )
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case(
    "client-certificate.key-not-readable", verifies="lcos.client-certificate.key-not-readable", needs=CLIENT
)
def key_not_readable(bench: Bench, case: Case) -> None:
    """The private key of the client certificate is in no parameter.

    Accepted: no value of the whole data model holds the key, in PEM, base64 or hexadecimal digits, nor the container's
    passphrase.
    """
    mine = client(clients(bench))
    case.step("Upload a container and read the whole data model.")
    bench.device.upload_client_certificate(container(mine, PASSPHRASE), PASSPHRASE)
    with bench.session("reading everything") as session:
        answer = session.call(GetParameterValues((session.root,)))
    values = answer.values()
    if not values:
        raise Inconclusive(f"the data model could not be read: {answer.reason or answer.fault}")
    found = [name for name, value in values.items() if _holds_secret(value, mine)]
    case.observe(f"{len(values)} values read")
    case.check("lcos.client-certificate.key-not-readable", found, nothing("value with the key"))


def _holds_secret(value: str, identity: Identity) -> bool:
    key = serialization.load_pem_private_key(identity.key_pem, None)
    secret = key.private_numbers().private_value.to_bytes(32)  # type: ignore[union-attr]
    packed = "".join(value.split())
    forms = [secret.hex(), secret.hex().upper(), PASSPHRASE]
    # in base64 the octets may begin at any of three places in a group
    forms += [base64.b64encode(bytes(lead) + secret).decode()[4:40] for lead in range(3)]
    return any(form in packed for form in forms)
