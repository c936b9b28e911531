"""The certificate tables are whole: ids, twins of the same shape, levels that fit, every group of the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from harness import catalogue
from harness.case import spec_of
from harness.lab.pki import Identity
from harness.lab.pki_plan import World
from harness.verdict.requirement import ID
from harness.verdict.verdict import Level
from suites import certificates
from suites.certificate_tables.row import Expect, Row
from suites.certificates import TABLE

Worlds = Callable[[str], World]
OTHER_SHAPE = {
    "certificates.chains.hundred-intermediates",  # its twin has one intermediate: so long a chain has no valid twin
    "certificates.cryptography.sha1-root",
}
rows = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.id)


def test_there_are_enough_and_their_ids_are_words_and_unique() -> None:
    assert len(TABLE) >= 90
    counts = Counter(row.id for row in TABLE)
    assert [name for name, count in counts.items() if count > 1] == []
    assert [row.id for row in TABLE if not ID.fullmatch(row.id)] == []


def test_every_row_is_a_case_with_its_purpose() -> None:
    specs = {spec.id: spec for member in vars(certificates).values() if (spec := spec_of(member))}
    assert set(specs) == {row.id for row in TABLE}
    for row in TABLE:
        assert row.reason in specs[row.id].purpose
        assert row.requirement in specs[row.id].verifies


def test_the_word_of_a_row_fits_the_level_of_its_requirement() -> None:
    levels = {
        Expect.REJECT: {Level.MUST},
        Expect.POLICY: {Level.SHOULD},
        Expect.RECORD: {Level.RECORD},
        Expect.ACCEPT: {Level.MUST, Level.SHOULD},
    }
    records = catalogue.requirements()
    assert [row.id for row in TABLE if records[row.requirement].level not in levels[row.expect]] == []


@pytest.mark.parametrize(
    "group",
    ["trust", "time", "names", "addresses.v4", "addresses.v6", "extensions", "cryptography", "chains"],
)
def test_every_group_has_rows_that_reject_and_rows_that_accept(group: str) -> None:
    words = {row.expect for row in TABLE if row.id.startswith(f"certificates.{group}.")}
    assert {Expect.REJECT, Expect.ACCEPT} <= words


@pytest.mark.parametrize(
    "requirement",
    [
        "lcos.tls.good-chain-accepted", "lcos.tls.untrusted-root", "lcos.tls.self-signed", "lcos.tls.host-name",
        "lcos.tls.validity-dates", "lcos.tls.same-name-forged-root", "lcos.tls.issuer-not-a-ca",
        "lcos.tls.intermediate-missing", "lcos.tls.broken-signature", "lcos.tls.wrong-purpose", "lcos.tls.ip-address",
        "lcos.tls.wildcard", "lcos.tls.common-name-ignored",
    ],
)  # fmt: skip
def test_every_requirement_about_certificates_has_a_row_that_fails_it(requirement: str) -> None:
    assert any(row.requirement == requirement for row in TABLE)


def kind_of_key(certificate: x509.Certificate) -> type:
    key = certificate.public_key()
    return rsa.RSAPublicKey if isinstance(key, rsa.RSAPublicKey) else ec.EllipticCurvePublicKey


def kinds_of_names(identity: Identity) -> set[type]:
    try:
        extension = identity.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension):
        return set()
    return {type(name) for name in extension.value}


@rows
def test_a_twin_has_the_shape_of_its_case(row: Row, world: Worlds) -> None:
    here = world(row.at)
    case, twin = here.identity(row.chain), here.identity(row.control)
    assert twin.leaf_sha256 != case.leaf_sha256 or row.chain == row.control or row.expect is Expect.ACCEPT
    if row.id in OTHER_SHAPE or row.expect in (Expect.ACCEPT, Expect.RECORD):
        return  # there the shape itself may be what the device refuses
    assert row.control.depth == row.chain.depth
    if "ed25519" not in row.id:
        assert kind_of_key(twin.leaf) is kind_of_key(case.leaf)
    if row.twin is None:
        assert (
            kinds_of_names(twin) == kinds_of_names(case)
            or "twice" in row.id
            or "beside" in row.id
            or "last-of" in row.id
        )


@rows
def test_the_twin_is_valid_and_names_the_host(row: Row, world: Worlds) -> None:
    here = world(row.at)
    twin = here.identity(row.control)
    names = twin.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert here.host in {str(getattr(name, "value", "")) for name in names}
    for below, above in zip(twin.path, twin.path[1:], strict=False):
        below.verify_directly_issued_by(above)
