"""IP addresses as host of the ACS URL: only a subject alternative name of the kind iPAddress counts."""

from __future__ import annotations

from harness.lab.pki_plan import HOST, ROOT, Name, dns, uri
from suites.certificate_tables.row import Group

ADDRESS = "lcos.tls.ip-address"
OCTETS = "RFC 6125 and RFC 9525 6.5: an address is compared, octet by octet, with iPAddress names"

v4 = Group("addresses.v4", at="v4")
v6 = Group("addresses.v6", at="v6")

v4.accept("right", "a leaf for the address", ROOT.leaf(HOST), ADDRESS, OCTETS)
v4.accept(
    "last-of-several",
    "a leaf for names and addresses, the right one last",
    ROOT.leaf("acs.bench.test", "192.0.2.77", "2001:db8:100::77", HOST),
    ADDRESS,
    OCTETS,
)
v4.reject("other", "a leaf for another address", ROOT.leaf("192.0.2.77"), ADDRESS, OCTETS)
v4.reject(
    "of-other-server",
    "a leaf for the address of another server in the net",
    ROOT.leaf("198.51.100.11"),
    ADDRESS,
    OCTETS,
)
v4.reject(
    "as-dns-name",
    "a leaf with the address written as a DNS name",
    ROOT.leaf(dns("{v4}")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v4.reject(
    "as-wildcard",
    "a leaf with a wildcard in the address, as a DNS name",
    ROOT.leaf(dns("*.{parent}")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v4.reject(
    "as-wildcard-for-all",
    "a leaf with a wildcard as DNS name",
    ROOT.leaf(dns("*")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v4.reject(
    "in-uri",
    "a leaf with a URI of the address",
    ROOT.leaf(uri("https://{v4}/")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v4.reject(
    "mapped-to-v6",
    "a leaf for the address mapped into IPv6",
    ROOT.leaf("::ffff:{v4}"),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v4.reject(
    "only-dns-names",
    "a leaf for the name that stands for the address",
    ROOT.leaf(dns("acs.bench.test")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v4.reject("no-name", "a leaf without any name", ROOT.leaf(), ADDRESS, OCTETS, twin=ROOT.leaf(HOST))
v4.reject(
    "common-name-against-alternative",
    "a leaf for another address whose common name is the right one",
    ROOT.leaf("192.0.2.77", common_name="{v4}"),
    ADDRESS,
    OCTETS,
)
v4.policy(
    "common-name-alone",
    "a leaf with the address as its common name and no other name",
    ROOT.leaf(common_name="{v4}"),
    "cwmp.tls.name-policy",
    "RFC 9525 6.5; the first four amendments of TR-069 asked for it, so old devices take it",
    twin=ROOT.leaf(HOST),
)

v6.accept("right", "a leaf for the address", ROOT.leaf(HOST), ADDRESS, OCTETS)
v6.reject("other", "a leaf for another address", ROOT.leaf("2001:db8:100::77"), ADDRESS, OCTETS)
v6.reject(
    "other-network",
    "a leaf for an address that ends like the right one, in another network",
    ROOT.leaf("2001:db8:dead::10"),
    ADDRESS,
    OCTETS,
)
v6.reject(
    "as-dns-name",
    "a leaf with the address written as a DNS name",
    ROOT.leaf(dns("{v6}")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v6.reject(
    "only-v4",
    "a leaf for the server's IPv4 address",
    ROOT.leaf(Name("ip", "{v4}")),
    ADDRESS,
    OCTETS,
    twin=ROOT.leaf(HOST),
)
v6.policy(
    "common-name-alone",
    "a leaf with the address as its common name and no other name",
    ROOT.leaf(common_name="{v6}"),
    "cwmp.tls.name-policy",
    "RFC 9525 6.5; the first four amendments of TR-069 asked for it, so old devices take it",
    twin=ROOT.leaf(HOST),
)
