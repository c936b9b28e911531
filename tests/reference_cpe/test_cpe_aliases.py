"""Alias-based addressing: rows called by their alias, and made where AutoCreateInstances lets them be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cpe_lab import Acs, ManualClock, run_device

from harness.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    GetParameterAttributes,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
    SetParameterValuesResponse,
)
from reference_cpe.config import Config, Profile
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

SERVER = "ManagementServer."
ITEM = "Device.X_EXAMPLE-ORG_Sandbox.Item."


def start(tmp_path: Path, data_model: str = "TR-181", on: bool = True) -> Parts:
    config = Config(profile=Profile(data_model=data_model, alias_based_addressing=on))
    return assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))


@pytest.fixture
def device(tmp_path: Path) -> Parts:
    return start(tmp_path)


def call(parts: Parts, message: Message) -> Any:
    return parts.rpc[type(message).__name__](parts, message)


def get(parts: Parts, *names: str) -> dict[str, str]:
    answer = call(parts, GetParameterValues(names))
    return {item.name: item.value for item in answer.parameter_list}


def put(parts: Parts, key: str = "k", **values: str) -> None:
    struct = tuple(ParameterValueStruct(name, value, None) for name, value in values.items())
    assert call(parts, SetParameterValues(struct, key)) == SetParameterValuesResponse(0)


def faults(what: Callable[[], object]) -> tuple[int, dict[str, int]]:
    with pytest.raises(CwmpFault) as caught:
        what()
    return caught.value.code, {bad.parameter_name: bad.fault_code for bad in caught.value.parameters}


def auto_create(parts: Parts, value: str = "true") -> None:
    put(parts, **{parts.model.path("Device." + SERVER + "AutoCreateInstances"): value})


def by_alias(parts: Parts) -> None:
    put(parts, **{parts.model.path("Device." + SERVER + "InstanceMode"): "InstanceAlias"})


def test_a_device_without_it(tmp_path: Path) -> None:
    parts = start(tmp_path, on=False)
    assert not any(name.endswith(("Alias", "InstanceMode", "Addressing")) for name in parts.model.parameters)
    call(parts, AddObject(ITEM, ""))
    assert faults(lambda: get(parts, ITEM + "[cpe-1].Name")) == (9005, {})
    assert faults(lambda: call(parts, AddObject(ITEM + "[a].", ""))) == (9005, {})


@pytest.mark.parametrize("data_model", ["TR-181", "TR-098"])
def test_the_inform_says_so(tmp_path: Path, data_model: str) -> None:
    parts = start(tmp_path, data_model)
    told = {item.name.partition(".")[2]: item.value for item in parts.informer.message().parameter_list}
    assert told[SERVER + "AliasBasedAddressing"] == "true"


def test_a_row_is_called_by_its_alias(device: Parts) -> None:
    assert call(device, AddObject(ITEM, "")) == AddObjectResponse(1, 0)
    assert get(device, ITEM + "[cpe-1].Level") == {ITEM + "[cpe-1].Level": "5"}
    put(device, **{ITEM + "[cpe-1].Level": "7"})
    assert get(device, ITEM + "1.Level") == {ITEM + "1.Level": "7"}
    assert ITEM + "[cpe-1].Limits.Low" in get(device, ITEM + "[cpe-1].")
    names = call(device, GetParameterNames(ITEM + "[cpe-1].", next_level=True)).parameter_list
    assert ITEM + "[cpe-1].Note." in [item.name for item in names]
    struct = SetParameterAttributesStruct(ITEM + "[cpe-1].Level", True, 1, False, ())
    call(device, SetParameterAttributes((struct,)))
    (attributes,) = call(device, GetParameterAttributes((ITEM + "[cpe-1].Level",))).parameter_list
    assert (attributes.name, attributes.notification) == (ITEM + "[cpe-1].Level", 1)
    call(device, DeleteObject(ITEM + "[cpe-1].", "gone"))
    assert faults(lambda: get(device, ITEM + "1.")) == (9005, {})


@pytest.mark.parametrize(
    "wrong", ["[cpe-2].Level", "[CPE-1].Level", "[].Level", "[1].Level", "[cpe-1.Level", "[cpe-1]Level"]
)
def test_an_alias_that_leads_nowhere(device: Parts, wrong: str) -> None:
    call(device, AddObject(ITEM, ""))
    assert faults(lambda: get(device, ITEM + wrong)) == (9005, {})
    assert faults(lambda: put(device, **{ITEM + wrong: "1"})) == (9003, {ITEM + wrong: 9005})


def test_add_object_with_an_alias(device: Parts) -> None:
    assert call(device, AddObject(ITEM + "[mine.own].", "key")) == AddObjectResponse(1, 0)
    assert get(device, ITEM + "1.Alias") == {ITEM + "1.Alias": "mine.own"}
    assert get(device, ITEM + "[mine.own].Alias")
    call(device, AddObject(ITEM + "[mine.own].Note.[first].", ""))
    assert get(device, ITEM + "1.Note.1.Alias") == {ITEM + "1.Note.1.Alias": "first"}
    for bad in ("mine.own", "", "1st", "x" * 65):
        assert faults(lambda bad=bad: call(device, AddObject(f"{ITEM}[{bad}].", "other"))) == (9003, {})  # type: ignore[misc]
    assert faults(lambda: call(device, AddObject("Device.DeviceInfo.[a].", ""))) == (9005, {})
    assert faults(lambda: call(device, AddObject("Device.IP.Interface.[a].", ""))) == (9005, {})
    assert device.model.rows(ITEM) == [ITEM + "1."]
    assert device.store.get("parameter_key") == ""


def test_an_alias_of_the_devices_own_clashes_with_none(device: Parts) -> None:
    call(device, AddObject(ITEM + "[cpe-2].", ""))
    call(device, AddObject(ITEM, ""))
    assert len(set(get(device, ITEM + "1.Alias", ITEM + "2.Alias").values())) == 2


def test_who_may_change_an_alias(tmp_path: Path) -> None:
    """Device:2 has it written once, at the row's creation; InternetGatewayDevice:1 lets the ACS change it."""
    device = start(tmp_path / "device")
    call(device, AddObject(ITEM, ""))
    assert faults(lambda: put(device, **{ITEM + "1.Alias": "mine"})) == (9003, {ITEM + "1.Alias": 9008})
    gateway = start(tmp_path / "gateway", "TR-098")
    table = "InternetGatewayDevice.User."
    call(gateway, AddObject(table, ""))
    call(gateway, AddObject(table, ""))
    put(gateway, **{table + "1.Alias": "mine"})
    assert get(gateway, table + "[mine].Alias") == {table + "[mine].Alias": "mine"}
    for bad in ("", "1", "a]", "cpe-2"):
        assert faults(lambda bad=bad: put(gateway, **{table + "[mine].Alias": bad})) == (  # type: ignore[misc]
            9003,
            {table + "[mine].Alias": 9007},
        )


def test_instance_mode(device: Parts) -> None:
    call(device, AddObject(ITEM + "[box].", ""))
    call(device, AddObject(ITEM + "1.Note.", ""))
    by_alias(device)
    found = get(device, ITEM)
    assert ITEM + "[box].Note.[cpe-1].Alias" in found
    assert not any(name.startswith(ITEM + "1.") for name in found)
    # What the ACS has written itself comes back as it was written.
    assert ITEM + "1.Note.[cpe-1].Alias" in get(device, ITEM + "1.")
    assert list(get(device, ITEM + "1.Level")) == [ITEM + "1.Level"]
    names = call(device, GetParameterNames(ITEM, next_level=True)).parameter_list
    assert [item.name for item in names] == [ITEM + "[box]."]
    assert ITEM + "[box]." in [
        i.name for i in call(device, GetParameterNames("", next_level=False)).parameter_list
    ]


def test_instance_mode_in_the_inform(tmp_path: Path) -> None:
    parts = start(tmp_path, "TR-098")
    by_alias(parts)
    names = [item.name for item in parts.informer.message().parameter_list]
    wan = "InternetGatewayDevice.WANDevice.[cpe-1].WANConnectionDevice.[cpe-1].WANIPConnection.[cpe-1]."
    assert wan + "ExternalIPAddress" in names


def test_rows_are_made(device: Parts) -> None:
    new = {ITEM + "[box].Level": "3", ITEM + "[box].Note.[n].Text": "hello"}
    assert faults(lambda: put(device, **new)) == (9003, dict.fromkeys(new, 9005))
    auto_create(device)
    put(device, "made", **new)
    assert get(device, *new) == new
    assert get(device, ITEM + "1.Alias") == {ITEM + "1.Alias": "box"}
    assert device.store.get("parameter_key") == "made"
    put(device, **{ITEM + "[box].Level": "4"})
    assert device.model.rows(ITEM) == [ITEM + "1."]
    again = assemble(device.config, ManualClock(), Store(device.store.path.parent), Random(1))
    assert get(again, ITEM + "[box].Note.[n].Text") == {ITEM + "[box].Note.[n].Text": "hello"}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        (ITEM + "[new].Nothing", "1", 9005),
        (ITEM + "[new].Level", "eleven", 9006),
        (ITEM + "[1st].Level", "1", 9005),
        (ITEM + "[new].", "1", 9005),
        ("Device.IP.Interface.[new].Enable", "true", 9005),
        ("Device.DeviceInfo.[new].Enable", "true", 9005),
    ],
)
def test_no_row_is_made_by_half(device: Parts, name: str, value: str, code: int) -> None:
    """A fault leaves neither row nor value nor ParameterKey, in memory and on disk."""
    auto_create(device)
    before = device.store.path.read_bytes()
    good = ITEM + "[good].Level"
    assert faults(lambda: put(device, "no", **{good: "1", name: value})) == (9003, {name: code})
    assert device.store.path.read_bytes() == before
    assert device.model.rows(ITEM) == []
    assert get(device, "Device.X_EXAMPLE-ORG_Sandbox.ItemNumberOfEntries") == {
        "Device.X_EXAMPLE-ORG_Sandbox.ItemNumberOfEntries": "0"
    }


def test_a_full_table_points_at_no_parameter(device: Parts) -> None:
    auto_create(device)
    many = {f"{ITEM}[n{n}].Level": "1" for n in range(9)}
    assert faults(lambda: put(device, **many)) == (9004, {})
    assert device.model.rows(ITEM) == []
    put(device, **dict(list(many.items())[:8]))
    assert len(device.model.rows(ITEM)) == 8


def test_a_store_that_cannot_be_written(device: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    auto_create(device)

    def full(_data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(device.store, "write", full)
        assert faults(lambda: put(device, **{ITEM + "[box].Level": "1"})) == (9002, {})
    assert device.model.rows(ITEM) == []
    put(device, **{ITEM + "[box].Level": "1"})
    assert device.model.rows(ITEM) == [ITEM + "1."]


def test_a_reference_by_alias(device: Parts) -> None:
    """What is stored leads to the row whatever the alias; the ACS reads the path with numbers."""
    call(device, AddObject(ITEM + "[box].", ""))
    name = "Device.IP.Diagnostics.IPPing.Interface"
    put(device, **{name: "Device.IP.Interface.[cpe-1]"})
    assert get(device, name) == {name: "Device.IP.Interface.1"}


async def test_over_the_wire(acs: Acs, home: Path) -> None:
    (home / "cpe.toml").write_text(
        f'[settings]\nport = 0\nacs_url = "{acs.base}/acs"\n[profile]\nalias_based_addressing = true\n'
    )
    acs.queue += [
        SetParameterValues(
            (ParameterValueStruct("Device.ManagementServer.AutoCreateInstances", "1", None),), ""
        ),
        SetParameterValues((ParameterValueStruct("Device.Users.User.[zoë].Username", "zoë", None),), ""),
        GetParameterValues(("Device.Users.User.[zoë].Username",)),
        GetParameterNames("Device.Users.User.", next_level=True),
    ]
    async with run_device(home, "--config", str(home / "cpe.toml")):
        await acs.until(lambda: acs.ended)
    (values,) = (m for m in acs.got if isinstance(m, GetParameterValuesResponse))
    assert [(v.name, v.value) for v in values.parameter_list] == [("Device.Users.User.[zoë].Username", "zoë")]
    (names,) = (m for m in acs.got if isinstance(m, GetParameterNamesResponse))
    assert [item.name for item in names.parameter_list] == ["Device.Users.User.1."]
