"""AddObject, DeleteObject: instance numbers, defaults, limits, unique keys, references, the store."""

from __future__ import annotations

from random import Random

import pytest
from cpe_lab import ManualClock

from harness.cwmp.messages import ParameterValueStruct
from reference_cpe.config import Config
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

BOX = "Device.X_EXAMPLE-ORG_Sandbox."
ITEM = BOX + "Item."


def value(name: str, text: str, type_: str = "xsd:string") -> ParameterValueStruct:
    return ParameterValueStruct(name, text, type_)


def rebooted(parts: Parts) -> Parts:
    """The same device after a reboot."""
    return assemble(Config(), ManualClock(), Store(parts.store.path.parent), Random(1))


def instances(parts: Parts, table: str = ITEM) -> list[str]:
    return [info.name.removeprefix(table).rstrip(".") for info in parts.model.names(table, True)]


def test_a_new_row_has_its_defaults(parts: Parts) -> None:
    assert parts.model.add(ITEM, "key") == 1
    found = {item.name.removeprefix(ITEM): item.value for item in parts.model.values((ITEM,))}
    assert found == {
        "1.Enable": "false",
        "1.Name": "",
        "1.Level": "5",
        "1.NoteNumberOfEntries": "0",
        "1.Limits.Low": "-1",
        "1.Limits.High": "1",
    }
    assert parts.store.get("parameter_key") == "key"
    assert parts.model.text(BOX + "ItemNumberOfEntries") == "1"


def test_names_and_what_is_writable(parts: Parts) -> None:
    parts.model.add(ITEM, "")
    writable = {info.name: info.writable for info in parts.model.names(ITEM, False)}
    assert writable[ITEM]
    assert writable[ITEM + "1."]
    assert writable[ITEM + "1.Note."]
    assert not writable[ITEM + "1.Limits."]
    assert [i.writable for i in parts.model.names("Device.DeviceInfo.VendorLogFile.", True)] == [False]


def test_numbers_are_never_used_again(parts: Parts) -> None:
    assert [parts.model.add(ITEM, "") for _ in range(3)] == [1, 2, 3]
    parts.model.delete(ITEM + "3.", "")
    parts.model.delete(ITEM + "1.", "")
    assert parts.model.add(ITEM, "") == 4
    assert instances(parts) == ["2", "4"]
    parts.model.delete(ITEM + "4.", "")
    again = rebooted(parts)
    assert instances(again) == ["2"]
    assert again.model.add(ITEM, "") == 5


def test_values_of_rows_survive_and_go_with_them(parts: Parts) -> None:
    parts.model.add(ITEM, "")
    parts.model.add(ITEM + "1.Note.", "")
    parts.model.set((value(ITEM + "1.Name", "one"), value(ITEM + "1.Note.1.Text", "note")), "k")
    again = rebooted(parts)
    assert again.model.text(ITEM + "1.Note.1.Text") == "note"
    again.model.delete(ITEM + "1.", "gone")
    assert again.store.get("parameter_key") == "gone"
    assert not any(path.startswith(ITEM) for path in again.store.get("parameters"))
    assert set(again.store.get("rows")) == {ITEM}
    with pytest.raises(CwmpFault, match="9005"):
        again.model.values((ITEM + "1.",))
    assert again.model.values((ITEM,)) == ()


def test_a_full_table(parts: Parts) -> None:
    for _ in range(8):
        parts.model.add(ITEM, "old")
    before = dict(parts.store.values)
    with pytest.raises(CwmpFault, match="9004"):
        parts.model.add(ITEM, "new")
    assert parts.store.values == before
    parts.model.delete(ITEM + "5.", "")
    assert parts.model.add(ITEM, "") == 9


@pytest.mark.parametrize(
    "path",
    [
        "",
        "Device.",
        BOX,
        BOX + "Item",
        ITEM + "1",
        ITEM + "1.",
        ITEM + "{i}.",
        ITEM + "[alias].",
        BOX + "Text",
        "Device.DeviceInfo.VendorLogFile.",
        "Device.Nope.",
    ],
)
def test_what_cannot_be_added_to(parts: Parts, path: str) -> None:
    with pytest.raises(CwmpFault, match="9005"):
        parts.model.add(path, "key")
    assert "parameter_key" not in parts.store.values


@pytest.mark.parametrize(
    "path",
    [
        "",
        ITEM,
        ITEM + "1",
        ITEM + "2.",
        ITEM + "1.Limits.",
        BOX,
        "Device.DeviceInfo.VendorLogFile.1.",
        BOX + "Text",
    ],
)
def test_what_cannot_be_deleted(parts: Parts, path: str) -> None:
    parts.model.add(ITEM, "old")
    before = dict(parts.store.values)
    with pytest.raises(CwmpFault, match="9005"):
        parts.model.delete(path, "new")
    assert parts.store.values == before


def test_a_store_that_cannot_be_written(parts: Parts) -> None:
    def full(_data: bytes) -> None:
        raise OSError(28, "No space left on device")

    parts.store.write = full  # type: ignore[method-assign]
    with pytest.raises(CwmpFault, match="9002"):
        parts.model.add(ITEM, "key")
    assert instances(parts) == []


def test_unique_among_enabled_rows(parts: Parts) -> None:
    for _ in range(2):
        parts.model.add(ITEM, "")
    parts.model.set((value(ITEM + "1.Name", "a"), value(ITEM + "2.Name", "a")))
    parts.model.set((value(ITEM + "1.Enable", "1", "xsd:boolean"),))
    with pytest.raises(CwmpFault) as caught:
        parts.model.set((value(ITEM + "2.Enable", "true", "xsd:boolean"), value(BOX + "Text", "x")))
    assert caught.value.code == 9003
    assert [(f.parameter_name, f.fault_code) for f in caught.value.parameters] == [(ITEM + "2.Enable", 9007)]
    assert parts.model.text(BOX + "Text") == ""
    parts.model.set((value(ITEM + "2.Enable", "true", "xsd:boolean"), value(ITEM + "2.Name", "b")))
    with pytest.raises(CwmpFault, match="9003"):
        parts.model.set((value(ITEM + "2.Name", "a"),))


def test_unique_without_enable(parts: Parts) -> None:
    """The device chooses first values that differ."""
    parts.model.add(ITEM, "")
    for _ in range(2):
        parts.model.add(ITEM + "1.Note.", "")
    keys = [parts.model.text(f"{ITEM}1.Note.{n}.Key") for n in (1, 2)]
    assert keys == ["cpe-1", "cpe-2"]
    with pytest.raises(CwmpFault, match="9003"):
        parts.model.set((value(ITEM + "1.Note.2.Key", "cpe-1"),))


def test_references_to_a_deleted_row(parts: Parts) -> None:
    for _ in range(2):
        parts.model.add(ITEM, "")
    parts.model.set((value(BOX + "Reference", ITEM + "2"),))
    parts.model.delete(ITEM + "1.", "")
    assert parts.model.text(BOX + "Reference") == ITEM + "2"
    parts.model.delete(ITEM + "2.", "")
    assert parts.model.text(BOX + "Reference") == ""


def test_lists(parts: Parts) -> None:
    parts.model.set((value(BOX + "Words", "a , b,c"),))
    assert parts.model.text(BOX + "Words") == "a,b,c"
    for bad in ("x" * 17, ",".join(["word"] * 20)):
        with pytest.raises(CwmpFault, match="9003"):
            parts.model.set((value(BOX + "Words", bad),))


def test_factory_reset_forgets_rows(parts: Parts) -> None:
    parts.model.add(ITEM, "key")
    parts.store.reset(keep=("software_version",))
    again = rebooted(parts)
    assert instances(again) == []
    assert again.model.text("Device.ManagementServer.ParameterKey") == ""
