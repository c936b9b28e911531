"""Parameters that show the device's own state: interfaces, routes, masking, inbound rules; loopbacks by place."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from cpe_lab import ManualClock

from harness.cwmp.messages import ParameterValueStruct
from reference_cpe import interfaces, live
from reference_cpe.config import Config, Network, Profile
from reference_cpe.fault import CwmpFault
from reference_cpe.network import NoSource
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store
from reference_cpe.values import value_problem

NETWORK = Network(
    wan_interface="wan0",
    wan_v4="198.51.100.2",
    wan_v6="2001:db8::2",
    networks={"INTRANET": "192.168.77.1"},
    loopbacks={"MGMT": "127.0.0.2", "LB7": "127.0.0.3", "SIX": "::1"},
    masked=True,
)
ROUTES = """Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wan0	00000000	016433C6	0003	0	0	0	00000000	0	0	0
lan0	004DA8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
lan0	004EA8C0	00000000	0201	0	0	100	00FFFFFF	0	0	0
"""
NOTHING = "0" * 32
ROUTES_6 = "".join(
    f"{to} {bits} {NOTHING} 00 {gateway} {metric} 00000001 00000000 {flags} {device:>8}\n"
    for to, bits, gateway, metric, flags, device in (
        ("20010db8000000000000000000000000", "20", NOTHING, "00000100", "00000001", "wan0"),
        (NOTHING, "00", "fe800000000000000000000000000001", "00000400", "00000003", "wan0"),
        ("00000000000000000000000000000001", "80", NOTHING, "00000000", "80200001", "lo"),
        ("ff000000000000000000000000000000", "08", NOTHING, "00000100", "00000001", "wan0"),
        (NOTHING, "00", NOTHING, "ffffffff", "00200200", "lo"),
    )
)


@pytest.fixture
def router(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    (tmp_path / "route").write_text(ROUTES)
    (tmp_path / "ipv6_route").write_text(ROUTES_6)
    monkeypatch.setattr(live, "_NET", tmp_path)
    return assemble(Config(network=NETWORK), ManualClock(), Store(tmp_path / "store"), Random(1))


def read(parts: Parts, path: str) -> dict[str, str]:
    return {item.name.removeprefix(path): item.value for item in parts.model.values((path,))}


def test_interfaces(router: Parts) -> None:
    found = read(router, "Device.IP.Interface.")
    assert read(router, "Device.IP.")["InterfaceNumberOfEntries"] == "5"
    assert [found[f"{n}.Name"] for n in range(1, 6)] == ["wan0", "INTRANET", "MGMT", "LB7", "SIX"]
    assert [found[f"{n}.Type"] for n in (1, 2, 3)] == ["Normal", "Normal", "Loopback"]
    assert found["1.IPv4Address.1.IPAddress"] == "198.51.100.2"
    assert found["1.IPv6Address.1.IPAddress"] == "2001:db8::2"
    assert found["5.IPv4AddressNumberOfEntries"] == "0"
    assert found["5.IPv6Address.1.IPAddress"] == "::1"


def test_routes(router: Parts) -> None:
    found = read(router, "Device.Routing.Router.1.")
    assert found["IPv4ForwardingNumberOfEntries"] == found["IPv6ForwardingNumberOfEntries"] == "2"
    first, second = (f"IPv4Forwarding.{n}." for n in (1, 2))
    assert found[first + "GatewayIPAddress"] == "198.51.100.1"
    assert (found[first + "DestIPAddress"], found[first + "DestSubnetMask"]) == ("", "")
    assert found[first + "Interface"] == "Device.IP.Interface.1"
    assert found[second + "DestIPAddress"] == "192.168.77.0"
    assert found[second + "DestSubnetMask"] == "255.255.255.0"
    assert (found[second + "Interface"], found[second + "ForwardingMetric"]) == ("", "100")
    assert found["IPv6Forwarding.1.DestIPPrefix"] == "2001:db8::/32"
    assert found["IPv6Forwarding.2.NextHop"] == "fe80::1"


def test_routes_that_come_and_go(router: Parts) -> None:
    (live._NET / "route").write_text(
        ROUTES + "lan0	004FA8C0	00000000	0001	0	0	1	00FFFFFF	0	0	0\n"
    )
    before = read(router, "Device.Routing.")
    assert "Router.1.IPv4Forwarding.3.Enable" not in before
    router.model.refresh()
    assert read(router, "Device.Routing.")["Router.1.IPv4Forwarding.3.DestIPAddress"] == "192.168.79.0"
    (live._NET / "route").unlink()
    for parameter in router.model.parameters.values():
        assert value_problem(parameter.syntax, router.model.read(parameter)) is None, parameter.path
    router.model.refresh()
    assert read(router, "Device.Routing.")["Router.1.IPv4ForwardingNumberOfEntries"] == "0"


def test_masking(router: Parts, parts: Parts) -> None:
    assert read(router, "Device.NAT.InterfaceSetting.1.")["Interface"] == "Device.IP.Interface.1"
    assert read(parts, "Device.NAT.") == {"InterfaceSettingNumberOfEntries": "0"}


def test_inbound_rules(router: Parts) -> None:
    router.settings.changed = lambda _change: router.model.refresh()
    rules = [
        {"name": "cwmp", "ports": [7547, 80], "sources": ["2001:db8::/32"]},
        {"name": "off", "active": False, "action": "reject"},
    ]
    router.settings.change({"ipv6_inbound_rules": rules})
    found = read(router, "Device.Firewall.Service.")
    assert (found["1.DestPort"], found["1.SourcePrefixes"]) == ("7547,80", "2001:db8::/32")
    assert (found["1.Action"], found["1.Status"], found["1.Protocol"]) == ("Accept", "Enabled", "6")
    assert (found["2.DestPort"], found["2.Action"], found["2.Status"]) == ("-1", "Reject", "Disabled")
    router.settings.change({"ipv6_inbound_rules": []})
    assert read(router, "Device.Firewall.") == {"ServiceNumberOfEntries": "0"}


def test_nobody_changes_them_over_cwmp(router: Parts) -> None:
    listing = {item.name: item.writable for item in router.model.names("Device.IP.Interface.", False)}
    assert not any(
        writable for name, writable in listing.items() if not name.endswith(("Loopback", "Enable"))
    )
    for table in ("Device.IP.Interface.", "Device.NAT.InterfaceSetting.", "Device.Firewall.Service."):
        with pytest.raises(CwmpFault, match="9005"):
            router.model.add(table, "")
    with pytest.raises(CwmpFault, match="9005"):
        router.model.delete("Device.IP.Interface.1.", "")
    with pytest.raises(CwmpFault) as caught:
        router.model.set([ParameterValueStruct("Device.IP.Interface.1.Enable", "false", None)])
    assert [fault.fault_code for fault in caught.value.parameters] == [9008]


def test_loopbacks_by_place(router: Parts) -> None:
    """LB0 is the first, whatever its name; a name that a user has given to one of them counts before its place."""
    resolve = router.source.resolve
    assert resolve("LB0") == resolve("MGMT") == "127.0.0.2"
    assert resolve("LB1") == resolve("LB7") == "127.0.0.3"
    assert resolve("LB2") == "::1"
    for none in ("LB3", "LBF", "lb0", "LB00"):
        with pytest.raises(NoSource):
            resolve(none)


# --- the same below InternetGatewayDevice

WAN = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANIPConnection."
LAN = "InternetGatewayDevice.LANDevice."
ROUTES_OF_A_GATEWAY = "InternetGatewayDevice.Layer3Forwarding."


@pytest.fixture
def gateway(router: Parts, tmp_path: Path) -> Parts:
    """The same device with the root of TR-098."""
    config = Config(network=NETWORK, profile=Profile(data_model="TR-098"))
    return assemble(config, ManualClock(), Store(tmp_path / "other"), Random(1))


def test_the_wan_of_a_gateway(gateway: Parts) -> None:
    found = read(gateway, WAN + "1.")
    assert (found["ExternalIPAddress"], found["DefaultGateway"]) == ("198.51.100.2", "198.51.100.1")
    assert (found["NATEnabled"], found["ConnectionStatus"]) == ("true", "Connected")
    assert WAN + "1.ExternalIPAddress" in gateway.model.forced
    assert read(gateway, "InternetGatewayDevice.WANDevice.")["1.WANConnectionNumberOfEntries"] == "1"


def test_the_networks_of_a_gateway(gateway: Parts, tmp_path: Path) -> None:
    found = read(gateway, LAN + "1.LANHostConfigManagement.")
    assert found["IPInterfaceNumberOfEntries"] == "1"
    assert found["IPInterface.1.IPInterfaceIPAddress"] == "192.168.77.1"
    path = LAN + "1.LANHostConfigManagement.IPInterface.1"
    assert interfaces.named(gateway, path) == interfaces.Interface("INTRANET", "192.168.77.1")
    assert interfaces.named(gateway, path[:-1] + "2") is None
    assert interfaces.named(gateway, WAN + "1") == interfaces.of(NETWORK)[0]
    bare = Config(profile=Profile(data_model="TR-098"))
    nothing = assemble(bare, ManualClock(), Store(tmp_path / "bare"), Random(1))
    assert read(nothing, LAN) == {}
    assert read(nothing, WAN + "1.")["ExternalIPAddress"] == ""


def test_the_routes_of_a_gateway(gateway: Parts) -> None:
    found = read(gateway, ROUTES_OF_A_GATEWAY)
    assert found["ForwardNumberOfEntries"] == "2"
    assert (found["Forwarding.1.Type"], found["Forwarding.1.GatewayIPAddress"]) == ("Default", "198.51.100.1")
    assert found["Forwarding.1.Interface"] == WAN + "1"
    assert (found["Forwarding.2.Type"], found["Forwarding.2.DestSubnetMask"]) == ("Network", "255.255.255.0")
    host = "lan0	054DA8C0	00000000	0005	0	0	1	FFFFFFFF	0	0	0\n"
    (live._NET / "route").write_text(ROUTES + host)
    gateway.model.refresh()
    assert read(gateway, ROUTES_OF_A_GATEWAY)["Forwarding.3.Type"] == "Host"


def test_nobody_changes_those_of_a_gateway_either(gateway: Parts) -> None:
    for table in (WAN, "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.", LAN):
        with pytest.raises(CwmpFault, match="9005"):
            gateway.model.add(table, "")
    with pytest.raises(CwmpFault, match="9005"):
        gateway.model.delete(WAN + "1.", "")
    with pytest.raises(CwmpFault) as caught:
        gateway.model.set([ParameterValueStruct(WAN + "1.ExternalIPAddress", "192.0.2.1", None)])
    assert [fault.fault_code for fault in caught.value.parameters] == [9008]
    for parameter in gateway.model.parameters.values():
        assert value_problem(parameter.syntax, gateway.model.read(parameter)) is None, parameter.path
