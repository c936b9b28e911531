"""TLS versions and cipher suites: what the device offers, and what it goes on with when the server insists.

A device that never offers what the server wants is right, whoever ends the connection then. What OpenSSL does not
choose any more is chosen by a handshake made by hand, which ends at the device's reaction.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from harness.bench import Bench
from harness.case import Case, CaseRow, NotApplicable, case, cases_from
from harness.expect import Allowed, failed, nothing, passed
from harness.lab.pki_plan import HOST, ROOT
from harness.lab.tls_flight import Flight
from harness.verdict.transcript import Connection
from suites.https import HTTPS
from suites.tls_evidence import (
    NO_DOWNGRADE,
    check_no_clear_text,
    negotiated,
    not_negotiated,
    observe,
    seen_either_way,
)

WEAK = "cwmp.tls.strong-negotiation"
BROKEN = "cwmp.tls.no-broken-cipher"
POLICY = "lcos.tls.version-policy"
ANONYMOUS = "cwmp.tls.no-anonymous-server"
TLS10, TLS11, TLS12, TLS13 = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)
SSL3_VERSION = 0x0300

Judge = Callable[[str], Allowed[Connection | None]]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that insists: its entry in the table. *settings* are those of `TlsSettings`."""

    id: str
    what: str
    requirement: str
    reason: str
    settings: dict[str, Any] = field(default_factory=dict)
    judge: Judge = not_negotiated
    needs_tls13: bool = False
    """Means something only to a device that offers TLS 1.3."""


def _only(version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> dict[str, Any]:
    return {"minimum_version": version, "maximum_version": version, "ciphers": ciphers}


def _made(cipher: int, name: str, **more: Any) -> dict[str, Any]:
    return {"script": Flight(cipher, name, **more)}


SERVERS = (
    Server("tls10", "TLS 1.0 alone", WEAK, "RFC 8996: not to be used any more", _only(TLS10)),
    Server("tls11", "TLS 1.1 alone", WEAK, "RFC 8996: not to be used any more", _only(TLS11)),
    Server(
        "tls12",
        "TLS 1.2 alone",
        "cwmp.tls.version",
        "what devices in the field speak",
        _only(TLS12, "DEFAULT:@SECLEVEL=0"),
        negotiated,
    ),
    Server(
        "tls13",
        "TLS 1.3 alone",
        "cwmp.tls.version-13",
        "what a modern server may speak",
        _only(TLS13),
        negotiated,
    ),
    Server(
        "no-encryption",
        "a suite that does not encrypt",
        POLICY,
        "RFC 9325 4.1: never",
        _only(TLS12, "eNULL:@SECLEVEL=0"),
    ),
    Server(
        "anonymous",
        "a suite without certificates",
        ANONYMOUS,
        "RFC 9325 4.1: never",
        _only(TLS12, "aNULL:@SECLEVEL=0"),
    ),
    Server(
        "anonymous-by-hand",
        "TLS_DH_anon_WITH_AES_128_CBC_SHA",
        ANONYMOUS,
        "RFC 9325 4.1: never",
        _made(0x0034, "ADH-AES128-SHA", key_exchange="anonymous", bits=1024),
    ),
    Server(
        "no-encryption-by-hand",
        "TLS_RSA_WITH_NULL_SHA256",
        POLICY,
        "RFC 9325 4.1: never",
        _made(0x003B, "NULL-SHA256"),
    ),
    Server(
        "no-encryption-md5", "TLS_RSA_WITH_NULL_MD5", POLICY, "RFC 9325 4.1: never", _made(0x0001, "NULL-MD5")
    ),
    Server("ssl3", "SSL 3.0", BROKEN, "RFC 7568: never", _made(0x002F, "AES128-SHA", version=SSL3_VERSION)),
    Server(
        "ssl3-rc4",
        "SSL 3.0 with RC4",
        BROKEN,
        "RFC 7568 and RFC 7465: never",
        _made(0x0005, "RC4-SHA", version=SSL3_VERSION),
    ),
    Server("rc4", "TLS_RSA_WITH_RC4_128_SHA", BROKEN, "RFC 7465: never", _made(0x0005, "RC4-SHA")),
    Server(
        "rc4-ecdhe",
        "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
        BROKEN,
        "RFC 7465: never",
        _made(0xC011, "ECDHE-RSA-RC4-SHA", key_exchange="ecdhe"),
    ),
    Server(
        "export-rc4",
        "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
        BROKEN,
        "FREAK; RFC 9325 4.1: never",
        _made(0x0003, "EXP-RC4-MD5", version=0x0301, key_exchange="export"),
    ),
    Server(
        "export-des",
        "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
        BROKEN,
        "FREAK; RFC 9325 4.1: never",
        _made(0x0008, "EXP-DES-CBC-SHA", version=0x0301, key_exchange="export"),
    ),
    Server(
        "export-key-in-plain-suite",
        "a temporary RSA key of 512 bits in TLS_RSA_WITH_AES_128_CBC_SHA",
        BROKEN,
        "FREAK, CVE-2015-0204: no suite of this kind has such a key",
        _made(0x002F, "AES128-SHA", key_exchange="export"),
    ),
    Server(
        "export-dhe",
        "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
        BROKEN,
        "Logjam; RFC 9325 4.1: never",
        _made(0x0014, "EXP-EDH-RSA-DES-CBC-SHA", version=0x0301, key_exchange="dhe", bits=512),
    ),
    Server("des", "TLS_RSA_WITH_DES_CBC_SHA", BROKEN, "RFC 5469: never", _made(0x0009, "DES-CBC-SHA")),
    Server(
        "triple-des",
        "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
        WEAK,
        "Sweet32; RFC 9325 4.1",
        _made(0x000A, "DES-CBC3-SHA"),
    ),
    Server(
        "dh-512",
        "a Diffie-Hellman group of 512 bits",
        WEAK,
        "Logjam; RFC 9325 4.1",
        _made(0x009E, "DHE-RSA-AES128-GCM-SHA256", key_exchange="dhe", bits=512),
    ),
    Server(
        "dh-1024",
        "a Diffie-Hellman group of 1024 bits",
        WEAK,
        "RFC 9325 4.1: 2048 bits or more",
        _made(0x009E, "DHE-RSA-AES128-GCM-SHA256", key_exchange="dhe", bits=1024),
    ),
    Server(
        "wrong-exchange-signature",
        "a signature over the key exchange that does not verify",
        "cwmp.tls.key-proof",
        "RFC 5246 7.4.3: the handshake ends with decrypt_error",
        _made(0xC02F, "ECDHE-RSA-AES128-GCM-SHA256", key_exchange="ecdhe", broken=True),
    ),
    Server(
        "downgraded",
        "TLS 1.2, by a server whose random says that it could do better",
        "cwmp.tls.downgrade-noticed",
        "RFC 8446 4.1.3: the handshake ends with illegal_parameter",
        _made(0xC02F, "ECDHE-RSA-AES128-GCM-SHA256", key_exchange="ecdhe", downgraded=True),
        needs_tls13=True,
    ),
    Server(
        "old-mandatory-suite",
        "TLS_RSA_WITH_AES_128_CBC_SHA alone",
        "cwmp.tls.old-mandatory-suite",
        "TR-069 demands it, modern stacks do not offer it",
        _only(TLS12, "AES128-SHA:@SECLEVEL=0"),
        lambda _what: seen_either_way(),
    ),
)


def insist(server: Server, bench: Bench, case: Case) -> None:
    """The procedure of every entry."""
    url, host = bench.https.url()
    identity = bench.https.world(host).identity(ROOT.leaf(HOST, key="rsa2048"))
    case.step(f"Show a good RSA certificate and set the ACS URL to {url}.")
    bench.https.serve(bench.https.settings(identity))
    bench.configure(acs_url=url)
    mark = bench.clear_text_mark()
    with case.twin("a server with the usual versions and suites leads to a session", bench.works):
        case.step(f"Insist on {server.what}, change nothing else, and give the device a reason to connect.")
        bench.https.serve(bench.https.settings(identity, **server.settings))
        attempt = bench.attempt()
        observe(case, attempt, identity)
        offered = attempt.tls.offered_versions if attempt is not None and attempt.tls is not None else ()
        if server.needs_tls13 and offered and "TLSv1.3" not in offered:
            raise NotApplicable("the device does not offer TLS 1.3")
        case.check(
            server.requirement,
            attempt,
            server.judge(server.what),
            what=server.what,
            evidence=bench.evidence_of(attempt),
        )
        check_no_clear_text(bench, case, mark)
        bench.https.serve(bench.https.settings(identity))


def _purpose(server: Server) -> str:
    if server.judge is negotiated:
        return f"A server that speaks {server.what} is talked to.\n\nReason: {server.reason}.\nAccepted: a session."
    if server.judge is not not_negotiated:
        return f"Whether the device goes on with {server.what} is recorded.\n\nReason: {server.reason}."
    return (
        f"No handshake is completed with {server.what}.\n\nReason: {server.reason}.\n"
        "Accepted: the device never offers it, or ends the handshake; no application byte is sent."
    )


def _rows() -> Iterator[CaseRow]:
    for server in SERVERS:
        verifies = (server.requirement, NO_DOWNGRADE)
        body = partial(insist, server)
        yield CaseRow(f"https.negotiation.{server.id}", _purpose(server), body, verifies, HTTPS)


cases_from(globals(), _rows())


NULL_SUITES = frozenset((0x0000, 0x0001, 0x0002, 0x002C, 0x002D, 0x002E, 0x003B, 0x00B0, 0x00B1, 0x00B4, 0x00B5,
                         0x00B8, 0x00B9, 0xC001, 0xC006, 0xC00B, 0xC010, 0xC015, 0xC039, 0xC03A, 0xC03B))  # fmt: skip
EXPORT_SUITES = frozenset((0x0003, 0x0006, 0x0008, 0x000B, 0x000E, 0x0011, 0x0014, 0x0017, 0x0019, *range(0x0026, 0x002C),
                           *range(0x0062, 0x0066)))  # fmt: skip
RC4_SUITES = frozenset((0x0004, 0x0005, 0x0018, 0x0020, 0x0024, 0x0066, 0x008A, 0x008E, 0x0092, 0xC002, 0xC007, 0xC00C,
                        0xC011, 0xC016, 0xC033))  # fmt: skip
"""Cipher suites that nobody should offer, by their IANA numbers."""


def unsafe_offers(connection: Connection) -> list[str]:
    """What the device offers and should not."""
    tls = connection.tls
    if tls is None:
        return []
    kinds = (("NULL", NULL_SUITES), ("EXPORT", EXPORT_SUITES), ("RC4", RC4_SUITES))
    found = [f"version {version}" for version in tls.offered_versions if version in ("SSLv2", "SSLv3")]
    found += [f"compression {number}" for number in tls.offered_compressions if number]
    for kind, suites in kinds:
        found += [f"{kind} suite 0x{number:04x}" for number in tls.offered_ciphers if number in suites]
    return found


def _hello(bench: Bench, case: Case, at: str) -> Connection:
    """A good connection to the ACS under a name or an address."""
    url, host = bench.https.url(at)
    case.step(f"Set the ACS URL to {url}, show a good certificate, and read the ClientHello.")
    bench.https.serve(bench.https.settings(bench.https.world(host).identity(ROOT.leaf(HOST))))
    bench.configure(acs_url=url)
    attempt = bench.attempt()
    if attempt is None or attempt.tls is None or not attempt.tls.client_hello:
        raise NotApplicable("the device sent no ClientHello")
    observe(case, attempt)
    case.observe(f"offered versions {', '.join(attempt.tls.offered_versions)}; server name {attempt.tls.sni}")
    return attempt


@case(
    "https.client-hello.safe-offer",
    verifies=("cwmp.tls.safe-offer", "cwmp.tls.version"),
    needs=HTTPS,
)
def safe_offer(bench: Bench, case: Case) -> None:
    """The ClientHello offers TLS 1.2 or later and nothing that was never safe.

    Accepted: TLS 1.2 or 1.3 among the versions (a device without gets a warning); no SSL, no compression, no suite
    with NULL, EXPORT or RC4.
    """
    attempt = _hello(bench, case, "")
    case.check("cwmp.tls.safe-offer", unsafe_offers(attempt), nothing("unsafe offer"))
    versions = attempt.tls.offered_versions if attempt.tls is not None else ()
    modern: Allowed[tuple[str, ...]] = Allowed(
        "TLS 1.2 or 1.3 is offered",
        lambda seen: (passed if {"TLSv1.2", "TLSv1.3"} & set(seen) else failed)(", ".join(seen)),
    )
    case.check("cwmp.tls.version", versions, modern)


@case("https.client-hello.server-name", verifies="cwmp.tls.server-name", needs=HTTPS)
def server_name(bench: Bench, case: Case) -> None:
    """The ClientHello names the host of the ACS URL, and no address.

    Accepted: the name of the URL in the server name extension, in letters of any case; with an address in the URL, no
    such extension.
    """
    for at in ("name", "v4"):
        _url, host = bench.https.url(at)
        tls = _hello(bench, case, at).tls
        wanted = host if at == "name" else None
        allowed: Allowed[str | None] = Allowed(
            f"server name {wanted or 'absent'}",
            lambda seen, wanted=wanted: (  # type: ignore[misc]
                passed if (seen.lower() if seen else None) == wanted else failed
            )(f"{seen or 'absent'}"),
        )
        case.check("cwmp.tls.server-name", tls.sni if tls else None, allowed, what=f"ACS URL with {host}")
