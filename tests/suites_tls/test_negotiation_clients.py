"""Insisting servers and broken handshakes, against a client that takes everything and one that does not."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from tls_talk import blind, stock, talk

from harness.lab.pki_plan import HOST, ROOT, World
from harness.lab.tls import TlsSettings
from harness.verdict.transcript import Connection, TlsRecord
from harness.verdict.verdict import Verdict
from suites.https_handshake import BREAKS, Break, delivered
from suites.https_negotiation import SERVERS, Server, unsafe_offers
from suites.tls_evidence import negotiated, no_application_byte, not_negotiated

Worlds = Callable[[str], World]
SPOKEN_BY_OPENSSL = {
    "tls10", "tls11", "no-encryption", "anonymous", "anonymous-by-hand", "no-encryption-by-hand", "dh-1024",
}  # fmt: skip
"""What an OpenSSL that is told to take everything still speaks; the others it has not been built with."""


def connect(server: Server, world: World, context: ssl.SSLContext) -> Connection:
    identity = world.identity(ROOT.leaf(HOST, key="rsa2048"))
    settings = TlsSettings(identity, **{"ciphers": "DEFAULT:@SECLEVEL=0", **server.settings})
    return talk(settings, context, world.host)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.id)
def test_a_sound_client_passes(server: Server, world: Worlds) -> None:
    here = world("")
    connection = connect(server, here, stock(here.roots["root"].pem))
    assert server.judge(server.what).judge(connection).verdict is Verdict.PASS


@pytest.mark.parametrize(
    "server", [each for each in SERVERS if each.id in SPOKEN_BY_OPENSSL], ids=lambda each: each.id
)
def test_a_client_that_takes_everything_fails(server: Server, world: Worlds) -> None:
    connection = connect(server, world(""), blind(ssl.TLSVersion.TLSv1))
    assert not_negotiated(server.what).judge(connection).verdict is Verdict.FAIL


def test_a_client_of_old_versions_fails_the_modern_servers(world: Worlds) -> None:
    context = blind(ssl.TLSVersion.TLSv1)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = next(each for each in SERVERS if each.id == "tls13")
    assert negotiated(server.what).judge(connect(server, world(""), context)).verdict is Verdict.FAIL


def test_unsafe_offers_are_named() -> None:
    tls = TlsRecord(
        offered_versions=("TLSv1.2", "SSLv3"),
        offered_ciphers=(0x1301, 0x0005, 0x003B, 0x0003),
        offered_compressions=(0, 1),
    )
    connection = Connection("c", "acs", "e", ("a", 1), ("b", 2), 0, 0, tls=tls)  # type: ignore[arg-type]
    assert unsafe_offers(connection) == [
        "version SSLv3", "compression 1", "NULL suite 0x003b", "EXPORT suite 0x0003", "RC4 suite 0x0005",
    ]  # fmt: skip


@pytest.mark.parametrize("entry", BREAKS, ids=lambda entry: entry.id)
def test_a_broken_handshake_is_delivered_and_passed(entry: Break, world: Worlds) -> None:
    here = world("")
    settings = TlsSettings(
        here.identity(ROOT.leaf(HOST)),
        minimum_version=entry.version,
        maximum_version=entry.version,
        script=entry.script,
    )
    connection = talk(settings, stock(here.roots["root"].pem), here.host)
    delivered(entry, connection)
    assert no_application_byte().judge(connection).verdict is Verdict.PASS
    assert connection.tls is not None
    assert connection.tls.client_hello
