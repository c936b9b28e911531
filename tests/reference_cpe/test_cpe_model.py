"""The data model: listing, reading, and the all-or-nothing setting of parameters."""

from __future__ import annotations

import pytest

from harness.cwmp import datatypes
from harness.cwmp.inform import Root, missing
from harness.cwmp.messages import ParameterValueStruct, SetParameterValuesFault
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import COMMENT
from reference_cpe.parts import Parts
from reference_cpe.values import value_problem

BOX = "Device.X_EXAMPLE-ORG_Sandbox."
SERVER = "Device.ManagementServer."


def value(name: str, text: str, type_: str | None = "xsd:string") -> ParameterValueStruct:
    return ParameterValueStruct(name, text, type_)


def faults(parts: Parts, *wanted: ParameterValueStruct) -> list[tuple[str, int]]:
    with pytest.raises(CwmpFault) as caught:
        parts.model.set(wanted, "key")
    assert caught.value.code == 9003
    found: tuple[SetParameterValuesFault, ...] = caught.value.parameters
    return [(item.parameter_name, item.fault_code) for item in found]


def test_every_value_is_of_its_type(parts: Parts) -> None:
    for parameter in parts.model.parameters.values():
        assert value_problem(parameter.syntax, parts.model.read(parameter)) is None, parameter.path


def test_forced_parameters(parts: Parts) -> None:
    assert missing(Root.DEVICE_2, parts.model.forced) == ()


def test_names(parts: Parts) -> None:
    model = parts.model
    everything = [item.name for item in model.names("", False)]
    assert len(everything) == len(set(everything)) == len(model.names("Device.", False))
    assert [item.name for item in model.names("", True)] == ["Device."]
    children = [item.name for item in model.names("Device.", True)]
    assert "Device." not in children
    assert {"Device.DeviceInfo.", COMMENT, "Device.RootDataModelVersion"} <= set(children)
    assert all(name.rstrip(".").count(".") == 1 for name in children)
    (only,) = model.names(BOX + "Text", False)
    assert (only.name, only.writable) == (BOX + "Text", True)
    assert model.names("Device.Users.User.", True) == ()


@pytest.mark.parametrize(
    ("path", "next_level", "code"),
    [
        (BOX + "Text", True, 9003),
        ("Device", False, 9005),
        ("Device.Nope.", False, 9005),
        ("device.", True, 9005),
        ("Device.DeviceInfo", True, 9005),
    ],
)
def test_bad_names(parts: Parts, path: str, next_level: bool, code: int) -> None:
    with pytest.raises(CwmpFault) as caught:
        parts.model.names(path, next_level)
    assert caught.value.code == code


def test_values(parts: Parts) -> None:
    model = parts.model
    assert len(model.values(("",))) == len(model.parameters)
    assert [item.name for item in model.values((BOX + "Flag", BOX + "Text"))] == [BOX + "Flag", BOX + "Text"]
    assert model.values(("Device.Users.User.",)) == ()
    assert {item.name for item in model.values((BOX,))} == {
        path for path in model.parameters if path.startswith(BOX)
    }
    for bad in (("Device.Nope",), (BOX + "Text", "Device.DeviceInfo"), ("Device.deviceinfo.",)):
        with pytest.raises(CwmpFault, match="9005"):
            model.values(bad)


def test_hidden_values_read_empty_and_work(parts: Parts) -> None:
    parts.model.set((value(SERVER + "Password", "secret"),))
    assert parts.model.values((SERVER + "Password",))[0].value == ""
    assert parts.settings.value("acs_password") == "secret"


@pytest.mark.parametrize(
    ("name", "text", "type_", "code"),
    [
        (BOX + "Nope", "x", "xsd:string", 9005),
        (BOX, "x", "xsd:string", 9005),
        ("Device.DeviceInfo.UpTime", "1", "xsd:unsignedInt", 9008),
        (SERVER + "ParameterKey", "x", "xsd:string", 9008),
        (BOX + "Text", "x" * 33, "xsd:string", 9007),
        (BOX + "Choice", "red", "xsd:string", 9007),
        (BOX + "Flag", "maybe", "xsd:boolean", 9006),
        (BOX + "Flag", "true", "xsd:string", 9006),
        (BOX + "Number", "101", "xsd:int", 9007),
        (BOX + "Number", "12", "xsd:unsignedInt", 9006),
        (BOX + "Unsigned", "-1", "xsd:unsignedInt", 9007),
        (BOX + "Unsigned", "4294967296", "xsd:unsignedInt", 9007),
        (BOX + "Unsigned", "1.5", "xsd:unsignedInt", 9006),
        (BOX + "Moment", "2024-02-30T00:00:00Z", "xsd:dateTime", 9006),
        (BOX + "Octets", "A", "soapenc:base64", 9006),
        (BOX + "Hex", "00" * 17, "xsd:hexBinary", 9007),
        (SERVER + "PeriodicInformInterval", "0", "xsd:unsignedInt", 9007),
        (SERVER + "URL", "ftp://x.test/", "xsd:string", 9007),
        (SERVER + "URL", "x" * 257, "xsd:string", 9007),
        (SERVER + "UpgradesManaged", "0", "xsd:boolean", 9001),
    ],
)
def test_refused_values(parts: Parts, name: str, text: str, type_: str, code: int) -> None:
    before = dict(parts.store.values)
    assert faults(parts, value(BOX + "Secret", "good"), value(name, text, type_)) == [(name, code)]
    assert parts.store.values == before


@pytest.mark.parametrize(
    ("name", "text", "type_", "stored"),
    [
        (BOX + "Text", "<&>\"' ä", "xsd:string", "<&>\"' ä"),
        (BOX + "Text", "x" * 32, None, "x" * 32),
        (BOX + "Flag", "1", "xsd:boolean", "true"),
        (BOX + "Flag", " false ", "xsd:boolean", "false"),
        (BOX + "Number", "-100", "xsd:int", "-100"),
        (BOX + "Number", "+007", "xsd:int", "7"),
        (BOX + "Long", "18446744073709551615", "xsd:unsignedLong", "18446744073709551615"),
        (BOX + "Octets", "AAEC", "xsd:base64Binary", "AAEC"),
        (SERVER + "UpgradesManaged", "1", "xsd:boolean", "true"),
        ("Device.DeviceInfo.ProvisioningCode", "abc", "xsd:string", "abc"),
    ],
)
def test_taken_values(parts: Parts, name: str, text: str, type_: str | None, stored: str) -> None:
    parts.model.set((value(name, text, type_),), "key")
    assert parts.model.text(name) == stored
    assert parts.store.get("parameter_key") == "key"
    assert parts.model.changes() == {}


def test_the_same_twice(parts: Parts) -> None:
    assert faults(parts, value(BOX + "Text", "a"), value(BOX + "Text", "b")) == []
    assert parts.model.text(BOX + "Text") == ""


def test_credentials_switch(parts: Parts) -> None:
    names = [SERVER + "ConnectionRequestUsername", SERVER + "ConnectionRequestPassword"]
    parts.settings.change({"allow_credential_change": False, "connection_request_username": "old"})
    for name in names:
        assert faults(parts, value(BOX + "Text", "x"), value(name, "new")) == [(name, 9008)]
        assert not parts.model.names(name, False)[0].writable
    assert parts.model.text(names[0]) == "old"
    parts.model.set((value(SERVER + "Username", "acs"),))
    parts.settings.change({"allow_credential_change": True})
    parts.model.set(tuple(value(name, "new") for name in names))
    assert parts.settings.value("connection_request_password") == "new"


def test_changes_of_active_parameters(parts: Parts) -> None:
    parts.informer.message()
    parts.informer.delivered()
    assert parts.model.changes() == {}
    parts.store.update(software_version="2.0")
    assert parts.model.changes() == {"Device.DeviceInfo.SoftwareVersion": "2.0"}
    inform = parts.informer.message()
    assert [event.event_code for event in inform.event] == ["4 VALUE CHANGE"]
    parts.informer.delivered()
    assert parts.model.changes() == {}


def test_time_without_a_clock(parts: Parts) -> None:
    parts.clock.absolute = False
    text = parts.status.current_time()
    assert datatypes.parse_time(text).kind is not datatypes.TimeKind.ABSOLUTE
    assert datatypes.time_problem(text) is None
    assert parts.model.text("Device.Time.Status") == "Unsynchronized"
