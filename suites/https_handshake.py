"""Handshakes that the server breaks off, answers with nonsense, or lets hang: nothing is sent, and the device recovers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from harness.bench import Bench
from harness.case import Case, CaseRow, Inconclusive, NotApplicable, case, cases_from
from harness.expect import Allowed, failed, nothing, passed
from harness.lab.tls import Script, TlsSettings
from harness.lab.tls_script import Cut, Say
from harness.verdict.transcript import Connection, Direction
from suites.https import HTTPS
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, no_application_byte, observe

BROKEN = "cwmp.tls.broken-handshake"
STALLED = "cwmp.tls.stalled-handshake"
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

WARNING = b"\x15\x03\x03\x00\x02\x01\x70"
"""A warning: unrecognized_name."""
CLOSE_NOTIFY = b"\x15\x03\x03\x00\x02\x01\x00"
HTTP_ANSWER = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
HTTP_REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://acs.bench.test/cwmp\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Break:
    """What the server does with a handshake: an entry of the table. *version* is the only one that it speaks."""

    id: str
    what: str
    script: Script
    version: ssl.TLSVersion = TLS12


def _cuts(version: ssl.TLSVersion, *messages: str) -> Iterator[Break]:
    number = "12" if version is TLS12 else "13"
    for message in messages:
        name = "".join(f"-{char.lower()}" if char.isupper() else char for char in message).strip("-")
        for then, words in (("close", "the connection is closed"), ("alert", "a fatal alert comes")):
            if then == "alert" and version is TLS13:
                continue  # it would have to be encrypted; the end of the connection is the same to the device
            yield Break(
                f"tls{number}-{then}-after-{name}", f"after {message} {words}", Cut(message, then), version
            )


BREAKS = (
    *_cuts(TLS12, "ClientHello", "ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone"),
    *_cuts(TLS13, "ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify"),
    Break("http-answer", "plain HTTP comes in place of TLS", Say(HTTP_ANSWER)),
    Break("http-redirect", "a redirect in plain HTTP comes in place of TLS", Say(HTTP_REDIRECT)),
    Break("garbage", "octets that are no TLS come", Say(bytes(range(256)))),
    Break(
        "half-a-server-hello",
        "the ServerHello ends in its middle",
        Say(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"),
    ),
    Break(
        "record-too-long",
        "a record comes that says it has 65,535 octets",
        Say(b"\x16\x03\x03\xff\xff" + bytes(64)),
    ),
    Break("empty-records", "empty handshake records come", Say(b"\x16\x03\x03\x00\x00" * 40)),
    Break("warning-and-end", "a warning comes, and the end of the connection", Say(WARNING)),
    Break("close-notify", "close_notify comes in place of a ServerHello", Say(CLOSE_NOTIFY)),
    Break(
        "hello-request",
        "a HelloRequest comes in place of a ServerHello",
        Say(b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"),
    ),
    Break(
        "finished-at-once",
        "Finished comes in place of a ServerHello",
        Say(b"\x16\x03\x03\x00\x10\x14\x00\x00\x0c" + bytes(12)),
    ),
)


def break_off(entry: Break, bench: Bench, case: Case) -> None:
    """The procedure of every entry of `BREAKS`."""
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a whole handshake leads to a session", bench.works):
        case.step(f"Break the handshake: {entry.what}. Give the device a reason to connect.")
        bench.https.serve(_scripted(bench, entry.script, entry.version))
        attempt = bench.attempt()
        observe(case, attempt)
        delivered(entry, attempt)
        case.check(
            BROKEN, attempt, no_application_byte(), what=entry.what, evidence=bench.evidence_of(attempt)
        )
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


def _scripted(bench: Bench, script: Script, version: ssl.TLSVersion = TLS12) -> TlsSettings:
    return bench.https.settings(
        bench.identity(), script=script, minimum_version=version, maximum_version=version
    )


def delivered(entry: Break, attempt: Connection | None) -> None:
    """The handshake came as far as the entry says, else nothing was tested.

    Raises:
        NotApplicable: the device does not offer TLS 1.3, which the entry is about.
        Inconclusive: the server could not get that far with this device.
    """
    tls = attempt.tls if attempt is not None else None
    if tls is None or not isinstance(entry.script, Cut) or entry.script.after == "ClientHello":
        return
    if entry.version is TLS13 and "TLSv1.3" not in tls.offered_versions:
        raise NotApplicable("the device does not offer TLS 1.3")
    sent = [event.name for event in tls.events if event.direction is Direction.TO_DEVICE]
    if entry.script.after not in sent:
        raise Inconclusive(
            f"the server could not get as far as {entry.script.after}: no common version or suite"
        )


def _rows() -> Iterator[CaseRow]:
    for entry in BREAKS:
        purpose = (
            f"A handshake is broken: {entry.what}.\n\n"
            "Accepted: no application byte and no clear text is sent, and once the server is whole again, the device "
            "has a session. Neither an alert nor any order of closing is asked for."
        )
        yield CaseRow(
            f"https.handshake.{entry.id}", purpose, partial(break_off, entry), (BROKEN, NO_DOWNGRADE), HTTPS
        )


cases_from(globals(), _rows())


def gives_up() -> Allowed[tuple[bool, float]]:
    """The device ends a handshake that stands still."""
    return Allowed(
        "the device ends the connection by itself",
        lambda seen: (passed if seen[0] else failed)(
            f"{'ended' if seen[0] else 'still open'} after {seen[1]:.0f} s of silence"
        ),
    )


def stall(script: Script, bench: Bench, case: Case, shown: str) -> None:
    """The procedure of the stalled handshakes."""
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a whole handshake leads to a session", bench.works):
        case.step(f"Fall silent {shown} and wait for the device to give up.")
        stalled = bench.https.stall(_scripted(bench, script))
        observe(case, stalled.connection)
        case.check(
            STALLED,
            (stalled.given_up, stalled.waited),
            gives_up(),
            evidence=bench.evidence_of(stalled.connection),
        )
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case("https.handshake.silence-after-client-hello", verifies=(STALLED, NO_DOWNGRADE), needs=HTTPS)
def silence_after_client_hello(bench: Bench, case: Case) -> None:
    """A server that takes the ClientHello and never answers does not hold the device for ever.

    Accepted: the device ends the connection within five minutes (a device that holds it gets a warning), sends nothing
    in clear, and has a session once the server is whole again.
    """
    stall(Cut("ClientHello", "wait"), bench, case, "after the ClientHello")


@case("https.handshake.silence-after-server-hello", verifies=(STALLED, NO_DOWNGRADE), needs=HTTPS)
def silence_after_server_hello(bench: Bench, case: Case) -> None:
    """A server that falls silent after its ServerHello does not hold the device for ever.

    Accepted: as for the silence after the ClientHello.
    """
    stall(Cut("ServerHello", "wait"), bench, case, "after the ServerHello")


@case(
    "https.handshake.alert-counts-as-failure",
    verifies=("cwmp.tls.failure-fails-session", NO_DOWNGRADE),
    needs=HTTPS,
)
def alert_counts_as_failure(bench: Bench, case: Case) -> None:
    """A session that ends in a TLS alert has failed: the device tries again and says so in the RetryCount.

    Accepted: an Inform within 60 s of the alert whose RetryCount is 1 or more.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a whole handshake leads to a session", bench.works):
        case.step("Answer the ClientHello with a fatal alert.")
        bench.https.serve(_scripted(bench, Cut("ClientHello", "alert")))
        attempt = bench.https.bootstrap(bench)
        observe(case, attempt)
        if attempt is None or attempt.tls is None or not attempt.tls.client_hello:
            raise Inconclusive("the device sent no ClientHello")
        case.step("Be whole again and wait for the retry.")
        bench.present(bench.identity())
        seen = bench.next_inform(within=60 + bench.timing.tolerance)
        retries = seen.inform.retry_count if seen is not None else None
        allowed: Allowed[int | None] = Allowed(
            "an Inform with a RetryCount of 1 or more",
            lambda count: (passed if count else failed)(
                "no Inform within 60 s" if count is None else f"RetryCount {count}"
            ),
        )
        case.check("cwmp.tls.failure-fails-session", retries, allowed)
        check_no_clear_text(bench, case, mark)


@case(
    "https.handshake.no-old-version-after-failure",
    verifies=("cwmp.tls.safe-offer", NO_DOWNGRADE),
    needs=HTTPS,
)
def no_old_version_after_failure(bench: Bench, case: Case) -> None:
    """A device whose handshakes fail does not come back with SSL.

    Accepted: no ClientHello after three broken handshakes offers SSL 2 or 3. Whether the device then leaves out its
    newest version is recorded.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a whole handshake leads to a session", bench.works):
        case.step("Close the connection after each of three ClientHellos.")
        bench.https.serve(_scripted(bench, Cut("ClientHello")))
        first = bench.https.mark()
        for _ in range(3):
            observe(case, bench.attempt())
        offers = [each.tls.offered_versions for each in bench.https.since(first) if each.tls is not None]
        old = [version for offer in offers for version in offer if version in ("SSLv2", "SSLv3")]
        case.check("cwmp.tls.safe-offer", old, nothing("offer of SSL"))
        case.observe("versions offered: " + "; ".join(" ".join(offer) for offer in offers))
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())
