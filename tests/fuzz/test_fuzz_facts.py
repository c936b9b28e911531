"""What a campaign learns of a device, and what it takes for safe."""

from __future__ import annotations

import pytest

from harness.cwmp.messages import ParameterInfoStruct, ParameterValueStruct
from harness.fuzz.facts import DeviceFacts, learned

NAMES = {
    "InternetGatewayDevice.": False,
    "InternetGatewayDevice.DeviceInfo.": False,
    "InternetGatewayDevice.DeviceInfo.SoftwareVersion": False,
    "InternetGatewayDevice.DeviceInfo.ProvisioningCode": True,
    "InternetGatewayDevice.ManagementServer.URL": True,
    "InternetGatewayDevice.X_A_Sandbox.Text": True,
    "InternetGatewayDevice.X_A_Sandbox.Secret": True,
    "InternetGatewayDevice.X_A_Sandbox.Fixed": False,
    "InternetGatewayDevice.X_A_Sandbox.Item.": True,
    "InternetGatewayDevice.X_A_Sandbox.Item.3.": True,
    "InternetGatewayDevice.LANDevice.": True,
}


def facts(**more: object) -> DeviceFacts:
    infos = [ParameterInfoStruct(name, writable) for name, writable in NAMES.items()]
    values = [ParameterValueStruct(name, "v") for name in NAMES if not name.endswith(".")]
    return learned(infos, values, ("GetRPCMethods",), **more)  # type: ignore[arg-type]


def test_root_and_kinds() -> None:
    found = facts()
    assert found.root == "InternetGatewayDevice."
    assert found.known == "InternetGatewayDevice.DeviceInfo.SoftwareVersion"
    assert len(found.parameters) == 6
    assert [o.path for o in found.objects if o.row] == ["InternetGatewayDevice.X_A_Sandbox.Item.3."]
    assert not found.destructive


def test_safe_is_writable_named_and_not_forbidden() -> None:
    found = facts()
    assert [p.name.rpartition(".")[2] for p in found.safe] == ["ProvisioningCode", "Text"]
    assert [o.path for o in found.objects if o.safe and not o.row] == [
        "InternetGatewayDevice.X_A_Sandbox.Item."
    ]


@pytest.mark.parametrize("glob", ["*", "*.ManagementServer.URL", "*Secret"])
def test_no_glob_makes_the_way_back_safe(glob: str) -> None:
    names = [p.name for p in facts(safe=(glob,)).safe]
    assert not any("ManagementServer" in name or "Secret" in name for name in names)


def test_nothing_known_still_names_a_parameter() -> None:
    assert DeviceFacts().known == "Device.DeviceInfo.SoftwareVersion"
    assert learned((), ()).known == "Device.DeviceInfo.SoftwareVersion"
