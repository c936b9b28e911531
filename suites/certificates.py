"""The certificate matrix: what a device does with each certificate of the tables in `suites.certificate_tables`.

Every case is made from one entry. All chains lead to the one root that the device has stored, except where the root
is the case; one point is wrong, and the valid chain of the same shape is shown before and after on the same port.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import partial

from cryptography.hazmat.primitives.asymmetric import ec

from harness.bench import Bench
from harness.case import Case, CaseRow, cases_from
from harness.device.api import DriverError, FirewallRule
from harness.lab.pki import Identity
from harness.lab.pki_plan import World
from harness.lab.tls_flight import Flight
from harness.verdict.transcript import Connection
from harness.verdict.verdict import Verdict
from suites.certificate_tables import addresses, chains, cryptography, extensions, names, time, trust
from suites.certificate_tables.row import Expect, Row
from suites.https import HTTPS, needs_right_clock
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, observe, rejected, seen_either_way, used

TABLE: tuple[Row, ...] = tuple(
    row
    for group in (
        trust.group,
        time.group,
        names.group,
        addresses.v4,
        addresses.v6,
        extensions.group,
        cryptography.group,
        chains.group,
    )
    for row in group.rows
)

_OUTCOMES = {
    Expect.REJECT: "Accepted: the connection ends with no application byte sent.",
    Expect.POLICY: (
        "Accepted: the connection ends with no application byte sent. A device that goes on gets a warning."
    ),
    Expect.ACCEPT: "Accepted: the device goes on to its Inform.",
    Expect.RECORD: "Recorded: whether the device goes on; nothing is sent in clear in either case.",
}
_TITLES = {
    Expect.REJECT: "{} is rejected.",
    Expect.POLICY: "{} should be rejected.",
    Expect.ACCEPT: "{} is accepted.",
    Expect.RECORD: "{}: whether it is accepted is recorded.",
}
_REFUSED = (Expect.REJECT, Expect.POLICY)
BY_HAND = 0xC02B, "ECDHE-ECDSA-AES128-GCM-SHA256"
"""The suite of handshakes made by hand: what every device with TLS 1.2 and elliptic curves offers."""


def newest(row: Row) -> ssl.TLSVersion:
    """The newest version that the server speaks."""
    return ssl.TLSVersion[row.maximum] if row.maximum else ssl.TLSVersion.TLSv1_3


def perform(row: Row, bench: Bench, case: Case) -> None:
    """The procedure of every case."""
    url, host = bench.https.url(row.control_at)
    control = bench.https.settings(bench.https.world(host).identity(row.control), maximum_version=newest(row))
    case.step(f"Show a valid chain and set the ACS URL to {url}.")
    bench.https.serve(control)
    let_requests_in(bench, row.at)
    bench.configure(acs_url=url)
    if row.dates:
        needs_right_clock(bench, case)
    mark = bench.clear_text_mark()
    with case.twin("the valid chain leads to a session", bench.works):
        world = bench.https.world(bench.https.url(row.at)[1] if row.control_at != row.at else host)
        if store(row, world, bench, case):
            stimulus(row, world, bench, case)
        check_no_clear_text(bench, case, mark)
        bench.https.serve(control)
        if row.control_at != row.at:
            bench.configure(acs_url=url)


def let_requests_in(bench: Bench, at: str) -> None:
    """Open the IPv6 firewall for connection requests, where the device is to be woken over IPv6."""
    if at == "v6" and "ipv6_inbound_rules" in bench.device.capabilities.settings:
        rule = FirewallRule("cr", (bench.device_port,))
        bench.configure(ipv6_inbound_rules=(rule,))


def store(row: Row, world: World, bench: Bench, case: Case) -> bool:
    """Put the row's own root into the device's slot; False where the device does not take it, which settles the case."""
    if row.stored is None:
        return True
    case.step("Store the root of this case in place of the usual one.")
    pem = world.authority(row.stored).pem if ends_at_authority(row) else world.identity(row.stored).leaf_pem
    try:
        bench.device.upload_root_certificate(pem)
    except DriverError as refusal:
        case.observe(f"the device does not store this root: {refusal}")
        verdict = Verdict.FAIL if row.expect is Expect.ACCEPT else Verdict.PASS
        case.note(row.requirement, verdict, row.expect, f"refused when it was stored: {refusal}", row.reason)
        return False
    return True


def ends_at_authority(row: Row) -> bool:
    """Whether what is stored is a CA, not a server's certificate."""
    return row.stored is not None and not any(step[0] == "leaf" for step in row.stored.steps)


def stimulus(row: Row, world: World, bench: Bench, case: Case) -> None:
    """Show the chain of the row once, and judge what the device does."""
    identity = world.identity(row.chain)
    by_hand = row.by_hand
    case.step(f"Show {row.shown}, change nothing else, and give the device a reason to connect.")
    attempt = shown(row, identity, bench, by_hand=by_hand)
    if row.expect in _REFUSED and not by_hand and unsent(attempt) and on_curve(identity):
        case.step(
            "A TLS library does not show this chain to a device that offers no other version: do it by hand."
        )
        by_hand = True
        attempt = shown(row, identity, bench, by_hand=by_hand)
    observe(case, attempt, identity)
    allowed = {
        Expect.REJECT: rejected(identity, by_hand=by_hand),
        Expect.POLICY: rejected(identity, by_hand=by_hand),
        Expect.ACCEPT: used(row.reason),
        Expect.RECORD: seen_either_way(),
    }[row.expect]
    case.check(row.requirement, attempt, allowed, what=row.shown, evidence=bench.evidence_of(attempt))
    if row.stored is not None:
        bench.device.upload_root_ca(bench.root)


def shown(row: Row, identity: Identity, bench: Bench, *, by_hand: bool) -> Connection | None:
    """The connection to a server with *identity*, whose first flight is made *by_hand* or by the TLS library."""
    script = Flight(*BY_HAND, key_exchange="ecdhe") if by_hand else None
    bench.https.serve(bench.https.settings(identity, maximum_version=newest(row), script=script))
    if row.control_at != row.at:
        bench.configure(acs_url=bench.https.url(row.at)[0])
    return bench.attempt()


def unsent(attempt: Connection | None) -> bool:
    """Whether there was a handshake in which the server could not show its certificate."""
    return attempt is not None and attempt.tls is not None and not attempt.tls.certificate_sent


def on_curve(identity: Identity) -> bool:
    """Whether the key is one for the suite of `BY_HAND`."""
    return isinstance(identity.leaf.public_key(), ec.EllipticCurvePublicKey)


def purpose(row: Row) -> str:
    """The docstring of a case."""
    title = _TITLES[row.expect].format(row.shown[0].upper() + row.shown[1:])
    return f"{title}\n\nReason: {row.reason}.\n{_OUTCOMES[row.expect]}"


def needs(row: Row) -> tuple[str, ...]:
    """What a device must have for the case."""
    return (*HTTPS, *(("absolute-time",) if row.dates else ()), *(("ipv6",) if row.at == "v6" else ()))


def rows() -> Iterator[CaseRow]:
    """The cases of all tables."""
    for row in TABLE:
        verifies = tuple(dict.fromkeys((row.requirement, NO_DOWNGRADE)))
        yield CaseRow(row.id, purpose(row), partial(perform, row), verifies, needs(row))


cases_from(globals(), rows())
