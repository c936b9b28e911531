"""The parts that are data in, data out: pcapng blocks, nft text, hosts file, doctor."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import replace

import pytest

from harness.lab import doctor, pcapng
from harness.lab.etc import NOBODY_PEM, hosts_text
from harness.lab.nat import router_ruleset
from harness.lab.topology import Topology


def test_pcapng_blocks_to_the_byte() -> None:
    """Written by hand from draft-ietf-opsawg-pcapng, sections 4.1 to 4.3 and 4.7."""
    assert pcapng.section_header("x") == bytes.fromhex(
        "0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0100 78000000 0000 0000 28000000"
    )
    assert pcapng.interface("wan", "") == bytes.fromhex(
        "01000000 2c000000 0100 0000 00000000 "
        "0200 0300 77616e00 0300 0000 0900 0100 09000000 0000 0000 2c000000"
    )
    assert pcapng.packet(1, 0x1_0000_0002, b"\x01\x02\x03", outbound=True) == bytes.fromhex(
        "06000000 30000000 01000000 01000000 02000000 03000000 03000000 01020300 "
        "0200 0400 02000000 0000 0000 30000000"
    )
    assert pcapng.tls_secrets(b"abcde") == bytes.fromhex(
        "0a000000 1c000000 4b534c54 05000000 6162636465000000 1c000000"
    )


@pytest.mark.parametrize("length", range(5))
def test_pcapng_blocks_are_padded(length: int) -> None:
    block = pcapng.packet(0, 1, bytes(length), outbound=False)
    assert len(block) % 4 == 0
    assert struct.unpack("<I", block[4:8])[0] == len(block) == struct.unpack("<I", block[-4:])[0]


def test_router_ruleset() -> None:
    topology = replace(Topology(), wan_interface="ppp0")
    masked = router_ruleset(
        topology, masked=True, unmasked_sources=["203.0.113.2", "203.0.113.1", "2001:db8::1"]
    )
    exempt = masked.index('oifname "ppp0" ip saddr { 203.0.113.1, 203.0.113.2 } accept')
    assert exempt < masked.index('oifname "ppp0" masquerade')
    assert "saddr" not in router_ruleset(topology, masked=True)
    assert "masquerade" not in router_ruleset(topology, masked=False, unmasked_sources=["203.0.113.1"])


def test_hosts_text_has_one_line_an_address() -> None:
    assert hosts_text({"a.test": ("192.0.2.1", "::1"), "b.test": ("192.0.2.1",)}) == (
        "192.0.2.1\ta.test b.test\n::1\ta.test\n"
    )


def test_the_store_of_nobody_can_be_loaded() -> None:
    read = subprocess.run(
        ["openssl", "x509", "-noout", "-subject"],
        input=NOBODY_PEM,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Trusted by nobody" in read.stdout


def test_doctor_says_what_a_lack_costs() -> None:
    found = doctor.checks()
    assert {"Python", "Namespaces", "nft", "AF_PACKET", "IPv6", "/proc/sys"} <= {
        check.name for check in found
    }
    for check in found:
        assert check.found
        assert check.ok == (not check.costs) == (not check.remedy)


def test_doctor_names_apparmor(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1): denied"
    monkeypatch.setattr(doctor, "probe", lambda: {"why_not": why, "rootless": True})
    by_name = {check.name: check for check in doctor.checks()}
    assert not by_name["Namespaces"].ok
    assert by_name["Namespaces"].found == why
    assert "apparmor_restrict_unprivileged_userns=0" in by_name["Namespaces"].remedy
    assert "not-run" in by_name["AF_PACKET"].costs
