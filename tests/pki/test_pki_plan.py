"""Plans: they read like chains, come true once in a world, and know their valid twins."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

import pytest
from cryptography import x509

from harness.lab.pki import Authority
from harness.lab.pki_plan import FORGED_ROOT, HOST, OTHER_ROOT, ROOT, SELF, Plan, World, dns, fresh_root

NOW = datetime.now(UTC)
ROOTS = {
    "root": Authority.create("root", now=NOW),
    "other": Authority.create("other", now=NOW),
    "forged": Authority.create("root", now=NOW),
}


@pytest.fixture
def world() -> World:
    return World(ROOTS, "acs.bench.test", "198.51.100.10", "2001:db8::10")


def names(world: World, plan: Plan) -> list[object]:
    extension = world.identity(plan).leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [name.value for name in extension.value]


def test_names_are_filled_in(world: World) -> None:
    plan = ROOT.leaf(HOST, "*.{parent}", "{label}.x", "{v4}", dns("{v4}"), "{v6}")
    assert names(world, plan) == [
        "acs.bench.test", "*.bench.test", "acs.x", ipaddress.ip_address("198.51.100.10"), "198.51.100.10",
        ipaddress.ip_address("2001:db8::10"),
    ]  # fmt: skip


def test_equal_plans_are_one_chain(world: World) -> None:
    assert world.identity(ROOT.ca().leaf(HOST)) is world.identity(ROOT.ca().leaf(HOST))
    assert world.identity(ROOT.ca().leaf(HOST)).path[1] == world.identity(ROOT.ca().leaf("x.test")).path[1]
    assert world.identity(ROOT.leaf(HOST)) is not world.identity(ROOT.leaf(HOST, not_after=-1))


def test_bases(world: World) -> None:
    assert world.authority(OTHER_ROOT) is ROOTS["other"]
    forged = world.identity(FORGED_ROOT.leaf(HOST)).path[1]
    assert forged.subject == ROOTS["root"].certificate.subject
    assert forged.public_key() != ROOTS["root"].certificate.public_key()
    alone = world.identity(SELF.leaf(HOST)).leaf
    assert alone.issuer == alone.subject
    made = world.authority(fresh_root(key="rsa2048", hash="sha1")).certificate
    assert made.signature_hash_algorithm is not None
    assert made.signature_hash_algorithm.name == "sha1"


def test_order_and_strangers(world: World) -> None:
    identity = world.identity(ROOT.cas(2).leaf(HOST).also(OTHER_ROOT).sent(0, 4, 2, 1))
    assert identity.order == (0, 4, 2, 1)
    assert identity.path[4] == ROOTS["other"].certificate
    assert identity.path[3] == ROOTS["root"].certificate


@pytest.mark.parametrize(
    ("plan", "twin"),
    [
        (OTHER_ROOT.leaf(HOST), ROOT.leaf(HOST)),
        (SELF.leaf(HOST), ROOT.leaf(HOST)),
        (ROOT.leaf("other.test"), ROOT.leaf(HOST)),
        (ROOT.ca(path_length=0).ca("x").leaf(HOST).sent(0, 1), ROOT.ca().ca().leaf(HOST)),
        (ROOT.leaf(HOST, key="rsa1024"), ROOT.leaf(HOST, key="rsa2048")),
        (ROOT.leaf(HOST, key="p384", not_after=-1), ROOT.leaf(HOST, key="p384")),
        (ROOT.ca(key="rsa2048").leaf(HOST, hash="md5"), ROOT.ca(key="rsa2048").leaf(HOST)),
        (ROOT.leaf("x.test").issuing().leaf(HOST), ROOT.ca().leaf(HOST)),
        (fresh_root(not_after=-1).leaf(HOST), ROOT.leaf(HOST)),
    ],
    ids=str,
)
def test_the_valid_twin_has_the_shape_and_nothing_else(plan: Plan, twin: Plan) -> None:
    assert plan.twin() == twin
    assert plan.twin().depth == plan.depth


def test_a_plan_without_leaf_is_no_identity(world: World) -> None:
    with pytest.raises(TypeError):
        world.identity(ROOT.ca())
    with pytest.raises(TypeError):
        world.authority(ROOT.leaf(HOST))
    with pytest.raises(TypeError):
        world.identity(ROOT.leaf(HOST).ca())
