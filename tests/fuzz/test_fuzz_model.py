"""The stateful model: silent on a correct device and on odd ones, and it sees what a device does wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from defect_lab import BOX, Workshop
from inprocess_port import InProcessPort

from harness.fuzz.model import Knowledge, learn, of_mismatch, replay, run_model, shrunk, steps
from harness.fuzz.program import Surface, decode, encode

ITEM = BOX + "Item."
SEED = 8


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


def test_it_learns_what_may_be_changed(shop: Workshop) -> None:
    model = learn(InProcessPort(shop.make()))
    assert model.root == "Device."
    assert BOX + "Text" in model.parameters
    assert not any("ManagementServer" in name or "Secret" in name for name in model.parameters)
    assert model.tables[ITEM].counter == BOX + "ItemNumberOfEntries"
    assert model.key == ""


@pytest.mark.parametrize("seed", [2])
def test_a_correct_device_agrees_and_is_put_back(seed: int, shop: Workshop) -> None:
    lab = shop.make()
    port = InProcessPort(lab)
    before = {v.name: v.value for v in lab.parts.model.values([BOX])}
    assert run_model(port, seed, 100, Knowledge(destructive=True)) == []
    assert port.calls > 200, "every write was read back"
    assert port.renewals > 1
    assert {v.name: v.value for v in lab.parts.model.values([BOX])} == before
    assert lab.parts.transfers.pending() == []


def test_the_same_seed_is_the_same_course(shop: Workshop) -> None:
    calls = []
    for _ in range(2):
        port = InProcessPort(shop.make())
        run_model(port, 7, 25)
        calls.append(port.calls)
    assert calls[0] == calls[1]


FOUND = {
    "set-half-applied": {"cwmp.set.atomic"},
    "instance-number-reused": {"cwmp.add.numbers-not-reused"},
    "parameter-key-on-fault": {"cwmp.set.parameter-key"},
    "delete-twice": {"cwmp.delete.bad-name"},
    "attribute-lost": {"cwmp.attributes.change-flags", "cwmp.attributes.out-of-range"},
    "attributes-half-applied": {"cwmp.attributes.atomic"},
    "integer-wraps": {"cwmp.set.fault-codes"},
    "long-text-cut": {"cwmp.robust.stored-as-sent"},
    "crash-format-string": {"cwmp.session.answers-each-request"},
}
"""Defect to the requirements, one of which the first mismatch names."""


@pytest.mark.parametrize("name", FOUND)
def test_defects_are_found(name: str, shop: Workshop) -> None:
    (found,) = run_model(InProcessPort(shop.make(f"fuzz-{name}")), SEED, 400, most=1)
    assert found.requirement in FOUND[name]


def test_a_mismatch_shrinks_replays_and_is_a_program(shop: Workshop) -> None:
    found = run_model(InProcessPort(shop.make("fuzz-set-half-applied")), SEED, 400, most=1)
    whole = next(each for each in found if each.requirement == "cwmp.set.atomic")
    port = InProcessPort(shop.make("fuzz-set-half-applied"))
    least = shrunk(port, whole, lambda: None)
    assert len(least.steps) == 1
    assert [each.key for each in replay(port, least.steps)] == [whole.key]
    assert replay(InProcessPort(shop.make()), least.steps) == []
    made = of_mismatch(least, 3)
    assert made.surface is Surface.SOAP
    assert decode(encode(made)) == made
    assert steps(made) == least.steps


def test_rows_are_followed_when_numbers_differ(shop: Workshop) -> None:
    found = run_model(InProcessPort(shop.make("fuzz-delete-twice")), SEED, 400, most=1)
    whole = next(each for each in found if each.requirement == "cwmp.delete.bad-name")
    other = shop.make("fuzz-delete-twice")
    for _ in range(3):
        other.parts.model.delete(f"{ITEM}{other.parts.model.add(ITEM, '')}.", "")
    least = shrunk(InProcessPort(other), whole, lambda: None)
    assert len(least.steps) <= 3
    assert steps(of_mismatch(least, 3)) == least.steps
