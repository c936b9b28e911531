"""What is written down of every TLS connection a case provokes, and what may be seen on it."""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case
from harness.expect import Allowed, Judgement, describe_attempt, failed, passed, undecided
from harness.expect import judge_rejection as judge_any_rejection
from harness.lab.pki import Identity
from harness.verdict.transcript import Closed, Connection

NO_DOWNGRADE = "lcos.scheme.no-downgrade"
_BY_DEVICE = (Closed.BY_DEVICE, Closed.BY_DEVICE_RESET)


def observe(case: Case, connection: Connection | None, identity: Identity | None = None) -> None:
    """Write down what was really sent, what came back, and how far the handshake went."""
    if connection is None:
        case.observe("the device did not connect")
        return
    tls = connection.tls
    if tls is None:
        case.observe(f"{describe_attempt(connection)} (no TLS)")
        return
    facts = [
        f"certificate {identity.leaf_sha256[:16] if identity else tls.certificate_sha256[:16]}"
        f" {'sent' if tls.certificate_sent else 'not sent'}",
        f"version {tls.version or 'none chosen'}",
        f"cipher {tls.cipher or 'none chosen'}",
        "resumed" if tls.resumed else "",
        f"last handshake message {tls.last_handshake_message or 'none'}",
        f"alert from the device {tls.alert_received}" if tls.alert_received else "no alert from the device",
        f"{connection.bytes_from_device()} application bytes from the device",
        f"connection closed {connection.closed}",
        f"bench: {tls.error}" if tls.error else "",
    ]
    case.observe("; ".join(fact for fact in facts if fact))


def keys_exchanged(connection: Connection) -> bool:
    """The device went on to its ClientKeyExchange, which it does when nothing before was wrong to it."""
    tls = connection.tls
    return tls is not None and any(event.name == "ClientKeyExchange" for event in tls.events)


def rejected(identity: Identity, *, by_hand: bool = False) -> Allowed[Connection | None]:
    """The device ends the connection without an application byte, having been sent this certificate.

    In a handshake made *by_hand* the device has gone on when it exchanges keys: there is no more to come.
    """

    def judge(connection: Connection | None) -> Judgement:
        tls = connection.tls if connection is not None else None
        if connection is not None and tls is not None and tls.certificate_sha256 != identity.leaf_sha256:
            return undecided(describe_attempt(connection), "another certificate was on the wire")
        if by_hand and connection is not None and keys_exchanged(connection):
            return failed(describe_attempt(connection), "the device went on to exchange keys")
        return judge_any_rejection(connection)

    return Allowed("the device ends the connection and sends no application byte", judge)


def used(reason: str) -> Allowed[Connection | None]:
    """The device goes on to its Inform; *reason* is why it has to."""

    def judge(connection: Connection | None) -> Judgement:
        if connection is None:
            return undecided("the device opened no connection", "nothing was there to accept")
        seen = describe_attempt(connection)
        if connection.bytes_from_device():
            return passed(seen)
        if connection.tls is None or not connection.tls.certificate_sent:
            return undecided(seen, "the certificate did not reach the device: no common version or key kind")
        return failed(seen, f"refused, although: {reason}")

    return Allowed(f"the device accepts the certificate and sends its Inform ({reason})", judge)


def negotiated(what: str) -> Allowed[Connection | None]:
    """The device goes on to its Inform over a handshake with *what*."""

    def judge(connection: Connection | None) -> Judgement:
        if connection is None or connection.tls is None or not connection.tls.client_hello:
            return undecided("no ClientHello of the device", "nothing was negotiated")
        return (passed if connection.bytes_from_device() else failed)(describe_attempt(connection))

    return Allowed(f"a session over {what}", judge)


def seen_either_way() -> Allowed[Connection | None]:
    """Either is right; the words say which."""

    def judge(connection: Connection | None) -> Judgement:
        if connection is None:
            return passed("the device did not connect")
        went_on = connection.bytes_from_device() or keys_exchanged(connection)
        word = "accepted" if went_on else "refused"
        return passed(f"{word}: {describe_attempt(connection)}")

    return Allowed("recorded", judge)


def not_negotiated(what: str) -> Allowed[Connection | None]:
    """The device does not complete a handshake with *what*; before or after the server's Certificate is all one.

    Here the negotiation is the object: a device that never offers what the server insists on has done right, whoever
    ends the connection then. It must have spoken TLS with the server at all.
    """

    def judge(connection: Connection | None) -> Judgement:
        if connection is None or connection.tls is None:
            return undecided("the device opened no TLS connection", "nothing was negotiated")
        seen, tls = describe_attempt(connection), connection.tls
        if connection.bytes_from_device() or tls.handshake_done:
            return failed(seen, f"the device went on with {what}")
        if keys_exchanged(connection):
            return failed(seen, f"the device went on with {what}, up to its key exchange")
        if not tls.client_hello:
            return undecided(seen, "the device sent no ClientHello")
        if tls.alert_received or tls.alert_sent or connection.closed in _BY_DEVICE:
            return passed(seen)
        return undecided(seen, "neither side ended the handshake")

    return Allowed(f"no handshake is completed with {what}", judge)


def no_application_byte() -> Allowed[Connection | None]:
    """Nothing was sent over the broken handshake."""

    def judge(connection: Connection | None) -> Judgement:
        if connection is None:
            return undecided("the device opened no connection", "there was no handshake to break")
        seen = describe_attempt(connection)
        if connection.tls is not None and not connection.tls.client_hello:
            return undecided(seen, "the device sent no ClientHello")
        return (failed if connection.bytes_from_device() else passed)(seen)

    return Allowed("no application byte", judge)


def check_no_clear_text(bench: Bench, case: Case, mark: int) -> None:
    """Nothing was said without TLS since the mark."""
    found = bench.clear_text_since(mark)
    allowed: Allowed[list[str]] = Allowed(
        "no clear-text connection with data",
        lambda seen: failed("; ".join(seen[:5])) if seen else passed("no clear-text connection with data"),
    )
    case.check(NO_DOWNGRADE, found, allowed)
