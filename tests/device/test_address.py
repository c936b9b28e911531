"""Devices at an address: what may be addressed, and where the bench then is."""

from __future__ import annotations

import pytest

from harness.device.address import may_be_addressed, topology, unusable
from harness.device.profile import Address

HOME = Address("192.0.2.1", ("192.0.2.9", "2001:db8::9"))


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("192.0.2.1", True),
        ("192.0.2.9", True),
        ("2001:DB8:0::9", True),
        ("192.0.2.2", False),
        ("127.0.0.1", False),
        ("cpe.example", False),
        ("", False),
    ],
)
def test_only_what_the_profile_names(host: str, may: bool) -> None:
    assert may_be_addressed(HOME, host) is may


def test_topology() -> None:
    bench = topology(HOME)
    assert (bench.acs_v4, bench.acs_v6, bench.acs_host) == ("192.0.2.9", "2001:db8::9", "192.0.2.9")
    assert (bench.cpe_wan_v4, bench.cpe_wan_v6, bench.isolated) == ("192.0.2.1", "", False)
    assert (bench.host2_v4, bench.lan_v4, bench.loopbacks) == ("", "", {})
    six = topology(Address("2001:db8::1", ("2001:db8::9",)))
    assert (six.acs_host, six.acs_v4, six.cpe_wan_v4, six.cpe_wan_v6) == (
        "[2001:db8::9]",
        "",
        "",
        "2001:db8::1",
    )


def test_this_host_must_own_what_it_listens_on() -> None:
    assert unusable(Address("192.0.2.1", ("127.0.0.1",))) == ""
    assert unusable(HOME).startswith("address.listen: 192.0.2.9 is not an address of this host: ")
