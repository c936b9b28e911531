"""Discovery of the ACS by DHCP: the options, and who wins over whom."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from cpe_lab import Acs, ManualClock, run_device

from harness.cwmp.messages import ParameterValueStruct
from reference_cpe import dhcp
from reference_cpe.config import Config, ConfigError, Identity, Network, Web, parse_config, read_config
from reference_cpe.dhcp import BadOption, Told
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

URL = "http://acs.test:7547/acs"
EVERYTHING = Told(URL, "code-1", 7, 3000)


def options(option: int, told: Told) -> dict[str, str]:
    return {str(option): dhcp.write(option, told).hex()}


# --- the options


def test_golden_bytes() -> None:
    told = Told("http://a/", "p", 5, 2000)
    assert dhcp.write(43, told) == b"\x01\x09http://a/\x02\x01p\x03\x015\x04\x042000"
    assert dhcp.write(125, Told("http://a/")) == b"\x00\x00\x0d\xe9\x0b\x0b\x09http://a/"
    assert dhcp.write(17, Told("http://a/")) == b"\x00\x00\x0d\xe9\x00\x01\x00\x09http://a/"
    assert dhcp.vendor_class(4) == b"dslforum.org"
    assert dhcp.vendor_class(6) == b"\x00\x00\x0d\xe9\x00\x0cdslforum.org"


@pytest.mark.parametrize("option", [43, 125, 17])
@pytest.mark.parametrize("told", [EVERYTHING, Told(), Told(URL), Told(retry_minimum=1)])
def test_there_and_back(option: int, told: Told) -> None:
    assert dhcp.read(option, dhcp.write(option, told)) == told


def test_what_is_passed_over() -> None:
    own = dhcp.write(125, Told(URL))
    assert dhcp.read(125, b"\x00\x00\x00\x09\x03\x0b\x01x" + own + b"\x00\x00\x00\x09\x00") == Told(URL)
    assert dhcp.read(43, b"\x00\x00\x63\x02zz\x01\x03ab\0\xff\x01") == Told("ab")
    assert dhcp.read(17, b"\x00\x00\x00\x09\x00\x01\x00\x01x") == Told()


@pytest.mark.parametrize(
    ("option", "data"),
    [
        (43, b"\x01"),
        (43, b"\x01\x05abc"),
        (43, b"\x01\x01\xff"),
        (43, b"\x01\x03a\nb"),
        (43, b"\x03\x01x"),
        (43, b"\x03\x010"),
        (43, b"\x03\x0699999\x39"),
        (43, b"\x04\x02-1"),
        (125, b"\x00\x00\x0d"),
        (125, b"\x00\x00\x0d\xe9\x05\x0b"),
        (17, b"\x00\x00\x0d"),
        (17, b"\x00\x00\x0d\xe9\x00\x01\x00"),
        (17, b"\x00\x00\x0d\xe9\x00\x01\x00\x09abc"),
        (60, b""),
    ],
)
def test_bad_options(option: int, data: bytes) -> None:
    with pytest.raises(BadOption):
        dhcp.read(option, data)


def test_too_long() -> None:
    with pytest.raises(BadOption):
        dhcp.write(43, Told("http://" + "a" * 300))
    with pytest.raises(BadOption):
        dhcp.write(1, Told())


# --- who wins


def read(parts: Parts, name: str) -> str:
    return parts.model.text(f"Device.{name}")


def test_what_dhcp_says_counts_where_nobody_has_said_anything(parts: Parts) -> None:
    changes: list[object] = []
    parts.settings.changed = changes.append
    parts.discovery.deliver(options(43, EVERYTHING))
    assert changes == [{"acs_url": ("", URL)}]
    assert read(parts, "ManagementServer.URL") == URL
    assert read(parts, "DeviceInfo.ProvisioningCode") == "code-1"
    assert read(parts, "ManagementServer.CWMPRetryMinimumWaitInterval") == "7"
    assert read(parts, "ManagementServer.CWMPRetryIntervalMultiplier") == "3000"
    parts.discovery.deliver({})
    assert changes[1:] == [{"acs_url": (URL, "")}]
    assert read(parts, "ManagementServer.CWMPRetryMinimumWaitInterval") == "5"


def test_what_the_acs_has_set_wins(parts: Parts) -> None:
    wanted = {
        "ManagementServer.URL": "http://set.test/",
        "DeviceInfo.ProvisioningCode": "set",
        "ManagementServer.CWMPRetryMinimumWaitInterval": "9",
        "ManagementServer.CWMPRetryIntervalMultiplier": "1500",
    }
    parts.model.set([ParameterValueStruct(f"Device.{name}", value, None) for name, value in wanted.items()])
    changes: list[object] = []
    parts.settings.changed = changes.append
    parts.discovery.deliver(options(125, EVERYTHING))
    assert {name: read(parts, name) for name in wanted} == wanted
    assert changes == []
    parts.settings.change({"acs_url": ""})
    assert read(parts, "ManagementServer.URL") == URL


def test_a_factory_url_wins_too(tmp_path: Path) -> None:
    config = Config(Identity(provisioning_code="factory"), settings={"acs_url": "http://factory.test/"})
    parts = assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))
    parts.discovery.deliver(options(43, EVERYTHING))
    assert read(parts, "ManagementServer.URL") == "http://factory.test/"
    assert read(parts, "DeviceInfo.ProvisioningCode") == "code-1"


def test_of_several_options(parts: Parts) -> None:
    parts.discovery.deliver(
        options(43, Told("http://43.test/", "43")) | options(125, Told("http://125.test/"))
    )
    assert parts.settings.value("acs_url") == "http://125.test/"
    assert read(parts, "DeviceInfo.ProvisioningCode") == "43"


@pytest.mark.parametrize(
    "given",
    [
        [],
        {"42": ""},
        {"43": "xyz"},
        {"43": 1},
        {"43": "01"},
        options(43, Told("ftp://a.test/")),
        options(43, Told("http://me@a.test/")),
        options(43, Told(provisioning_code="x" * 65)),
        options(43, Told(retry_multiplier=999)),
    ],
)
def test_what_is_refused_changes_nothing(parts: Parts, given: object) -> None:
    parts.discovery.deliver(options(43, EVERYTHING))
    with pytest.raises(BadOption):
        parts.discovery.deliver(given)
    assert parts.discovery.told() == EVERYTHING.said()


# --- the device


async def test_a_device_that_dhcp_leads_to_its_acs(acs: Acs, home: Path) -> None:
    """From the file at boot; to another ACS when the first cannot be reached; the API says the same."""
    lease = home / "lease.json"
    (home / "cpe.toml").write_text('[settings]\nport = 0\n[dhcp]\nfile = "lease.json"\n')
    lease.write_text("{")
    async with run_device(home, "--config", str(home / "cpe.toml")) as device:
        assert (await device.state())["sessions"]["started"] == 0
        lease.write_text(json.dumps(options(43, Told("http://127.0.0.1:1/", retry_minimum=1))))
        await device.call("POST", "/actions/reboot")
        await acs.until(lambda: "session failed" in device.log)
        lease.write_text(json.dumps(options(43, Told(f"{acs.base}/acs"))))
        await acs.until(lambda: acs.ended)
        assert "0 BOOTSTRAP" in acs.events()[0]
        status, answer = await device.call("PUT", "/dhcp", json={"43": "00ff01"})
        assert status == 204, answer
        assert (await device.call("PUT", "/dhcp", json={"1": ""}))[0] == 422
        status, _ = await device.call("PUT", "/dhcp", json=options(17, Told(f"{acs.base}/other")))
        assert status == 204
        await acs.until(lambda: acs.ended == 2)
        assert acs.requests[-1][0] == "/other"


def test_the_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "cpe.toml").write_text('[dhcp]\nfile = "lease.json"\n')
    assert read_config(tmp_path / "cpe.toml").dhcp.file == str(tmp_path / "lease.json")


# --- the web configuration is for the LAN


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "198.51.100.2:80", "[2001:db8:100:0::2]:80"])
def test_the_web_configuration_never_listens_on_the_wan(listen: str) -> None:
    tables = {
        "network": {"wan_v4": "198.51.100.2", "wan_v6": "2001:db8:100::2"},
        "web": {"listen": listen, "user": "a", "password": "b"},
    }
    with pytest.raises(ConfigError, match="none of the WAN"):
        parse_config(tables)


@pytest.mark.parametrize(
    ("listen", "rule"),
    [
        ("192.168.77.1:80", 'iifname "wan0" ip daddr 192.168.77.1 tcp dport 80 drop'),
        ("[fd00::1]:8080", 'iifname "wan0" ip6 daddr fd00::1 tcp dport 8080 drop'),
        ("", "tcp dport 80 drop"),
    ],
)
def test_what_comes_by_the_wan_is_dropped(tmp_path: Path, listen: str, rule: str) -> None:
    config = Config(network=Network("wan0"), web=Web(listen, "a", "b"))
    parts = assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))
    ruleset = parts.firewall.ruleset()
    assert (rule in ruleset) is bool(listen)
    if listen:
        assert ruleset.index(rule) < ruleset.index("established")
