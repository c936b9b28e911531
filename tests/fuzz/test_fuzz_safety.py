"""What a campaign never touches: hosts that nobody has named, whatever a device or a program says."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from fuzz_soap_facts import device

from harness.bench.rig import Rig
from harness.device.address import Address
from harness.device.profile import Profile, reference
from harness.fuzz.generators import SOURCES
from harness.fuzz.program import Ask, Raw, Repeat, Reply, Surface

_URL = re.compile(rb"\b(?:https?|ftps?|sftp|ldap|gopher)://(?:[^/@\s<>\"']*@)?(\[[^\]/]*\]?|[^/:\s<>\"'?#]+)")
_NAMESPACES = {b"schemas.xmlsoap.org", b"www.w3.org", b"www.w3."}
"""Names of XML namespaces, which nobody looks up; one of them is cut off by its message's length."""
_OURS = re.compile(
    rb"@?\{(?:canary|acs\.host)\}|127\.0\.0\.1|\[(?:::1\s*|fe80::1%25eth0\])?|[a-z]|a{60,}|[a-z0-9.-]+\.(?:test|invalid|example)"
)
"""Marks of the bench, loopback, link-local, what is no name of a host in the network, and reserved names (RFC 6761)."""


@pytest.mark.parametrize("surface", SOURCES)
def test_no_case_of_the_tables_sends_a_device_to_a_host_outside(surface: Surface) -> None:
    facts = msgspec.structs.replace(device(), destructive=True)
    seen = 0
    for program in SOURCES[surface](facts).nasty:
        for action in program.actions:
            if isinstance(action, Reply | Ask | Raw | Repeat):
                data = action.body if isinstance(action, Reply | Ask) else action.data
                hosts = {found for found in _URL.findall(data) if found not in _NAMESPACES}
                strange = {host for host in hosts if not _OURS.fullmatch(host)}
                assert not strange, f"{program.origin.name}: {strange}"
                seen += len(data) > 0
    assert seen > 10


def at(address: str) -> Profile:
    return replace(reference(), address=Address(address, ("192.0.2.1",)))


def judged(profile: Profile, url: str, *, isolated: bool = False) -> str:
    rig: Any = SimpleNamespace(
        lab=SimpleNamespace(isolated=isolated), profile=profile, named=lambda _url: None
    )
    return Rig.not_ours(rig, url)


def test_a_device_does_not_lead_the_bench_to_another_host() -> None:
    """A ConnectionRequestURL is the device's word."""
    assert judged(at("192.0.2.9"), "http://192.0.2.9:7547/cr") == ""
    for other in (
        "http://192.0.2.10:7547/cr",
        "http://8.8.8.8/",
        "http://127.0.0.1:22/",
        "http://[2001:db8::9]/",
    ):
        assert "neither in the bench nor named by the profile" in judged(at("192.0.2.9"), other)
    assert judged(replace(reference(), address=None), "http://127.0.0.1:7547/") == ""
    assert judged(replace(reference(), address=None), "http://8.8.8.8/")
    assert judged(at("192.0.2.9"), "http://198.51.100.2/", isolated=True) == "", (
        "there is nothing but the bench"
    )
