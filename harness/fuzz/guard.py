"""Which addresses the fuzzer may touch: loopback, the bench's namespaces, and what the profile names."""

from __future__ import annotations

import ipaddress
from typing import Final

from harness.device.profile import Profile

PERMISSION: Final = "this device is mine and may be attacked"
"""What ``fuzz.permission`` of a profile says where the device is at a public address."""


def refusal(profile: Profile) -> str:
    """Why the device of *profile* is not fuzzed, in one line; empty where it may be.

    A device in the bench's namespaces or on this host's loopback always may. One at an address may where that is
    private (RFC 1918, RFC 4193, link-local, documentation); at a public address only by the owner's own words. That
    nothing else is addressed is the bench's affair: it takes no address from the device that the profile does not name.
    """
    if profile.address is None:
        return ""
    named = (profile.address.device, *profile.address.listen)
    public = [text for text in named if _is_public(text)]
    if not public or " ".join(profile.permission.lower().split()) == PERMISSION:
        return ""
    return (
        f"{', '.join(public)} is a public address: fuzzing it needs the words "
        f'permission = "{PERMISSION}" under [fuzz] in the profile'
    )


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global
