"""Source addresses and the rules given to nft."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest
from cpe_lab import ManualClock

from reference_cpe.config import Config, Network
from reference_cpe.network import NoSource
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

NETWORK = Network(
    wan_interface="wan0",
    wan_v4="198.51.100.2",
    wan_v6="2001:db8:100::2",
    networks={"INTRANET": "127.0.0.2", "INTRANET2": "192.0.2.77"},
    loopbacks={"LB0": "127.0.0.3", "SIX": "::1"},
    masked=True,
)
RULES = [
    {"name": "low", "ports": [7547], "action": "accept", "priority": 1},
    {"name": "high", "ports": [7547, 80], "action": "drop", "priority": 9, "sources": ["2001:db8::/32"]},
    {"name": "off", "active": False},
    {"name": "all", "action": "reject"},
]


@pytest.fixture
def wired(tmp_path: Path) -> Parts:
    return assemble(Config(network=NETWORK), ManualClock(), Store(tmp_path), Random(1))


@pytest.mark.parametrize(
    ("name", "address"),
    [("", ""), ("INTRANET", "127.0.0.2"), ("LB0", "127.0.0.3"), ("127.0.0.9", "127.0.0.9"), ("SIX", "::1")],
)
def test_source(wired: Parts, name: str, address: str) -> None:
    wired.settings.change({"source_address": name})
    assert wired.source.address() == address


@pytest.mark.parametrize("name", ["INTRANET2", "LB2", "intranet", "192.0.2.1", "LB", "300.0.0.1"])
def test_unknown_source(wired: Parts, name: str) -> None:
    wired.settings.change({"source_address": name})
    with pytest.raises(NoSource, match=name):
        wired.source.address()
    assert wired.source.advertised("http://192.0.2.1/") == ""


def test_advertised(wired: Parts) -> None:
    source = wired.source
    assert source.advertised("http://192.0.2.1/") == "198.51.100.2"
    assert source.advertised("http://[2001:db8::1]/") == "2001:db8:100::2"
    source.last_used = "198.51.100.9"
    assert source.advertised("http://192.0.2.1/") == "198.51.100.9"
    wired.settings.change({"source_address": "LB0"})
    assert source.advertised("http://192.0.2.1/") == "127.0.0.3"


def test_ruleset(wired: Parts) -> None:
    wired.settings.change({"ipv6_inbound_rules": RULES})
    lines = wired.firewall.ruleset().splitlines()
    wan = 'iifname "wan0" meta nfproto ipv6'
    assert lines[:3] == [
        "table inet reference_cpe {}",
        "delete table inet reference_cpe",
        "table inet reference_cpe {",
    ]
    assert 'oifname "wan0" ip saddr { 127.0.0.3, 198.51.100.2 } accept' in lines
    assert lines[lines.index(f"{wan} meta l4proto ipv6-icmp accept") + 1 : -3] == [
        f"{wan} ip6 saddr {{ 2001:db8::/32 }} tcp dport {{ 7547, 80 }} drop",
        f"{wan} tcp dport {{ 7547 }} accept",
        f"{wan} meta l4proto tcp reject",
    ]
    assert lines[-3] == f"{wan} drop"


def test_unmasked_network(tmp_path: Path) -> None:
    parts = assemble(Config(network=Network(wan_interface="wan0")), ManualClock(), Store(tmp_path), Random(1))
    assert parts.firewall.masking() == []


async def test_nothing_is_loaded_unless_managed(wired: Parts) -> None:
    async def load(_rules: str) -> None:
        raise AssertionError("nft was called")

    wired.firewall.load = load  # type: ignore[method-assign]
    await wired.firewall.apply()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft"), reason="needs root and nft")
def test_nft_takes_the_rules(wired: Parts) -> None:
    """In a network namespace of its own, which ends with the command."""
    wired.settings.change({"ipv6_inbound_rules": RULES})
    script = "nft -f - && nft list table inet reference_cpe"
    result = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        input=wired.firewall.ruleset(), capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "masquerade" in result.stdout
