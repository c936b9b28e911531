"""Each row against two clients: one that checks nothing must fail it, Python's own verification must pass it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import HOSTS
from tls_talk import blind, stock, talk

from harness.lab.pki import Authority
from harness.lab.pki_plan import World
from harness.lab.tls import TlsSettings
from harness.lab.tls_flight import Flight
from harness.verdict.transcript import Connection
from harness.verdict.verdict import Verdict
from suites.certificate_tables.row import Expect, Row
from suites.certificates import BY_HAND, TABLE, ends_at_authority, newest
from suites.tls_evidence import rejected, used

Worlds = Callable[[str], World]
REFUSALS = [row for row in TABLE if row.expect in (Expect.REJECT, Expect.POLICY)]
ACCEPTED = [row for row in TABLE if row.expect is Expect.ACCEPT]
COMMON_NAMES = {
    "certificates.names.common-name-alone",
    "certificates.names.wildcard-in-common-name",
    "certificates.names.common-name-beside-address",
    "certificates.names.common-name-beside-email",
}
"""Policy that Python's verification does not have: it looks at the common name where there is no DNS name."""


def settings(row: Row, world: World) -> TlsSettings:
    script = Flight(*BY_HAND, key_exchange="ecdhe") if row.by_hand else None
    return TlsSettings(
        world.identity(row.chain), maximum_version=newest(row), ciphers="DEFAULT:@SECLEVEL=0", script=script
    )


def stored(row: Row, world: World) -> bytes:
    if row.stored is None:
        return world.roots["root"].pem
    return world.authority(row.stored).pem if ends_at_authority(row) else world.identity(row.stored).leaf_pem


def judged(row: Row, world: World, connection: Connection) -> Verdict:
    if row.expect is Expect.ACCEPT:
        return used(row.reason).judge(connection).verdict
    return rejected(world.identity(row.chain), by_hand=row.by_hand).judge(connection).verdict


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row.id)
def test_a_client_that_checks_nothing_fails(row: Row, world: Worlds) -> None:
    here = world(row.at)
    if row.requirement == "cwmp.tls.key-proof":
        pytest.skip("OpenSSL checks the proof of the key whatever it is told")
    if row.id == "certificates.cryptography.p192":
        pytest.skip("OpenSSL takes no curve that it has not offered")
    connection = talk(settings(row, here), blind(), HOSTS[row.at])
    assert judged(row, here, connection) is Verdict.FAIL


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: row.id)
def test_usual_verification_passes(row: Row, world: Worlds) -> None:
    here = world(row.at)
    connection = talk(settings(row, here), stock(stored(row, here)), HOSTS[row.at])
    if row.id in COMMON_NAMES:
        assert judged(row, here, connection) is Verdict.FAIL
    else:
        assert judged(row, here, connection) is Verdict.PASS
        assert connection.tls is not None
        assert connection.tls.certificate_sent


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.id)
def test_usual_verification_accepts(row: Row, world: Worlds) -> None:
    here = world(row.at)
    connection = talk(settings(row, here), stock(stored(row, here)), HOSTS[row.at])
    assert judged(row, here, connection) is Verdict.PASS


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: row.id)
def test_a_client_without_a_root_fails_what_must_be_accepted(row: Row, world: Worlds) -> None:
    here = world(row.at)
    nobody = Authority.create("nobody", now=here.roots["root"].now)
    connection = talk(settings(row, here), stock(nobody.pem), HOSTS[row.at])
    assert judged(row, here, connection) is Verdict.FAIL


@pytest.mark.parametrize("row", [row for row in TABLE if not row.by_hand], ids=lambda row: row.id)
def test_every_twin_is_accepted(row: Row, world: Worlds) -> None:
    here = world(row.at)
    twin = TlsSettings(here.identity(row.control), maximum_version=newest(row), ciphers="DEFAULT:@SECLEVEL=0")
    connection = talk(twin, stock(here.roots["root"].pem), HOSTS[row.at])
    assert connection.bytes_from_device() > 0
