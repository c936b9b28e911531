"""DNS names: the host of the ACS URL against what the certificate names."""

from __future__ import annotations

from harness.lab.pki_plan import HOST, ROOT, dns, email, uri
from suites.certificate_tables.row import Group

NAME = "lcos.tls.host-name"
WILDCARD = "lcos.tls.wildcard"
COMMON = "lcos.tls.common-name-ignored"
POLICY = "cwmp.tls.name-policy"
FORMS = "cwmp.tls.harmless-certificate"

WHOLE = "RFC 6125 6.4.1: the whole name is compared, label by label"
ONE_LABEL = "RFC 6125 6.4.3: the wildcard stands for exactly one label, the leftmost"
NOT_CN = "RFC 9525 2: the common name is never looked at; RFC 6125 6.4.4 allows it as a last resort"

group = Group("names", at="name")
reject, accept, policy, record = group.reject, group.accept, group.policy, group.record

reject("other-host", "a leaf for another host", ROOT.leaf("other.{parent}"), NAME, WHOLE)
reject(
    "other-domain",
    "a leaf for the same host of another domain",
    ROOT.leaf("{label}.elsewhere.test"),
    NAME,
    WHOLE,
)
reject("parent", "a leaf for the domain of the host", ROOT.leaf("{parent}"), NAME, WHOLE)
reject("child", "a leaf for a host below the host", ROOT.leaf("www.{host}"), NAME, WHOLE)
reject(
    "host-as-prefix",
    "a leaf for a name that begins with the host's",
    ROOT.leaf("{host}.evil.test"),
    NAME,
    WHOLE,
)
reject("host-as-suffix", "a leaf for a name that ends with the host's", ROOT.leaf("evil{host}"), NAME, WHOLE)
reject("first-label-alone", "a leaf for the first label alone", ROOT.leaf("{label}"), NAME, WHOLE)
reject("leading-dot", "a leaf for the domain with a leading dot", ROOT.leaf(dns(".{parent}")), NAME, WHOLE)
reject(
    "leading-dot-before-host",
    "a leaf for the host with a leading dot",
    ROOT.leaf(dns(".{host}")),
    NAME,
    WHOLE,
)
reject(
    "other-host-by-tls-12",
    "a leaf for another host, by TLS 1.2",
    ROOT.leaf("other.bench.test"),
    NAME,
    WHOLE,
    maximum="TLSv1_2",
)
accept(
    "first-of-several",
    "a leaf for the host and two others behind it",
    ROOT.leaf(HOST, "www.example.net", "mail.example.net"),
    "cwmp.tls.harmless-certificate",
    "RFC 9525 6.2: one name that matches suffices",
)
reject(
    "no-name",
    "a leaf without any name",
    ROOT.leaf(),
    NAME,
    "RFC 6125 6.2: no name matches none",
    twin=ROOT.leaf(HOST),
)
reject(
    "address-of-host",
    "a leaf for the address that the host's name stands for",
    ROOT.leaf("{v4}"),
    NAME,
    "RFC 6125 6.4: a DNS name is compared with DNS names",
    twin=ROOT.leaf(HOST),
)
reject(
    "name-cut-by-nul",
    "a leaf for a name that goes on behind a NUL",
    ROOT.leaf(dns("{host}\0.evil.test")),
    NAME,
    "CVE-2009-2408: the name does not end at the NUL",
)
reject(
    "common-name-cut-by-nul",
    "a leaf with a common name that goes on behind a NUL, and no other",
    ROOT.leaf(common_name="{host}\0.evil.test"),
    NAME,
    "CVE-2009-2408: the name does not end at the NUL",
    twin=ROOT.leaf(HOST),
)
reject(
    "email-of-host",
    "a leaf with an e-mail address at the host",
    ROOT.leaf(email("acs@{host}")),
    NAME,
    "RFC 6125 6.4: an e-mail address is no DNS name",
    twin=ROOT.leaf(HOST),
)
reject(
    "uri-of-host",
    "a leaf with a URI of the host",
    ROOT.leaf(uri("https://{host}/cwmp")),
    NAME,
    "RFC 6125 6.4: a URI is no DNS name",
    twin=ROOT.leaf(HOST),
)
reject(
    "common-name-against-alternative",
    "a leaf for another host whose common name is the host's",
    ROOT.leaf("other.{parent}", common_name=HOST),
    COMMON,
    "RFC 6125 6.4.4: with DNS names present the common name does not count",
)
reject(
    "common-name-of-wildcard-against-alternative",
    "a leaf for another host whose common name covers the host",
    ROOT.leaf("other.{parent}", common_name="*.{parent}"),
    COMMON,
    "RFC 6125 6.4.4: with DNS names present the common name does not count",
)
accept(
    "wrong-common-name",
    "a leaf for the host whose common name is another host's",
    ROOT.leaf(HOST, common_name="other.bench.test"),
    COMMON,
    "RFC 6125 6.4.4: with DNS names present the common name does not count",
)
accept("wildcard", "a wildcard for the domain of the host", ROOT.leaf("*.{parent}"), WILDCARD, ONE_LABEL)
accept(
    "wildcard-deep",
    "a wildcard in a name of four labels",
    ROOT.leaf("*.{parent}"),
    WILDCARD,
    ONE_LABEL,
    at="deep",
)
reject(
    "wildcard-over-two-labels",
    "a wildcard two labels above the host",
    ROOT.leaf("*.bench.test"),
    WILDCARD,
    ONE_LABEL,
    at="deep",
)
reject("wildcard-below", "a wildcard for hosts below the host", ROOT.leaf("*.{host}"), WILDCARD, ONE_LABEL)
reject(
    "wildcard-of-other-domain", "a wildcard for another domain", ROOT.leaf("*.elsewhere.test"), NAME, WHOLE
)
reject(
    "wildcard-for-top-level",
    "a wildcard directly under the top level",
    ROOT.leaf("*.test"),
    WILDCARD,
    ONE_LABEL,
)
reject("wildcard-alone", "a wildcard and nothing else", ROOT.leaf(dns("*")), WILDCARD, ONE_LABEL)
reject("wildcard-everywhere", "a wildcard in each label", ROOT.leaf(dns("*.*.*")), WILDCARD, ONE_LABEL)
reject(
    "wildcard-in-the-middle",
    "a wildcard in the second label",
    ROOT.leaf(dns("{label}.*.test")),
    WILDCARD,
    ONE_LABEL,
)
reject(
    "wildcard-at-the-end",
    "a wildcard in the last label",
    ROOT.leaf(dns("{label}.bench.*")),
    WILDCARD,
    ONE_LABEL,
)
policy(
    "wildcard-behind-letter",
    "a wildcard behind the first letter of the label",
    ROOT.leaf(dns("a*.{parent}")),
    POLICY,
    "RFC 9525 6.3: a wildcard is a whole label; RFC 6125 6.4.3 allows part of one",
)
policy(
    "wildcard-before-letter",
    "a wildcard before the last letter of the label",
    ROOT.leaf(dns("*s.{parent}")),
    POLICY,
    "RFC 9525 6.3: a wildcard is a whole label; RFC 6125 6.4.3 allows part of one",
)
policy(
    "wildcard-between-letters",
    "a wildcard between two letters of the label",
    ROOT.leaf(dns("a*s.{parent}")),
    POLICY,
    "RFC 9525 6.3: a wildcard is a whole label; RFC 6125 6.4.3 allows part of one",
)
reject(
    "wildcard-in-a-label",
    "a wildcard in an A-label",
    ROOT.leaf(dns("xn--*.{parent}")),
    WILDCARD,
    "RFC 6125 6.4.3: never in a label of an internationalised name, and the host has none",
)
policy(
    "common-name-alone",
    "a leaf with the host as its common name and no other name",
    ROOT.leaf(common_name=HOST),
    POLICY,
    NOT_CN,
    twin=ROOT.leaf(HOST),
)
policy(
    "wildcard-in-common-name",
    "a leaf with a wildcard as its common name and no other name",
    ROOT.leaf(common_name="*.{parent}"),
    POLICY,
    NOT_CN,
    twin=ROOT.leaf(HOST),
)
policy(
    "common-name-beside-address",
    "a leaf with the host as its common name beside an IP address",
    ROOT.leaf("192.0.2.77", common_name=HOST),
    POLICY,
    NOT_CN,
    twin=ROOT.leaf(HOST),
)
policy(
    "common-name-beside-email",
    "a leaf with the host as its common name beside an e-mail address",
    ROOT.leaf(email("acs@bench.test"), common_name=HOST),
    POLICY,
    NOT_CN,
    twin=ROOT.leaf(HOST),
)
reject(
    "other-common-name-alone",
    "a leaf with another host as its common name and no other name",
    ROOT.leaf(common_name="other.bench.test"),
    NAME,
    WHOLE,
    twin=ROOT.leaf(HOST),
)
accept(
    "capital-letters",
    "a leaf for the host in capital letters",
    ROOT.leaf(dns("ACS.Bench.TEST")),
    FORMS,
    "RFC 6125 6.4.1: letters are compared without regard to case",
)
accept(
    "last-of-many",
    "a leaf for fifty hosts, the right one last",
    ROOT.leaf(*(f"host-{number}.bench.test" for number in range(49)), HOST),
    FORMS,
    "RFC 6125 6.3: any of the names may match",
)
accept(
    "same-name-twice",
    "a leaf that names the host twice",
    ROOT.leaf(HOST, HOST),
    FORMS,
    "RFC 6125 6.3: any of the names may match",
)
accept(
    "beside-other-kinds",
    "a leaf that names an address, an e-mail address and the host",
    ROOT.leaf("192.0.2.77", email("acs@bench.test"), HOST),
    FORMS,
    "RFC 6125 6.3: any of the names may match",
)
record(
    "trailing-dot",
    "a leaf for the host with a trailing dot",
    ROOT.leaf(dns("{host}.")),
    "the dot of an absolute name is not said to be compared or dropped",
)
record(
    "empty-alternative-names",
    "a leaf with an empty list of names, the host as its common name",
    ROOT.leaf(empty_san=True, common_name=HOST),
    "RFC 5280 4.2.1.6 forbids an empty list; what follows is open",
    twin=ROOT.leaf(HOST),
)
record(
    "alternative-names-twice",
    "a leaf with two lists of names, the host in the second",
    ROOT.leaf("other.bench.test", second_san=("{host}",)),
    "RFC 5280 4.2 forbids an extension to occur twice",
    by_hand=True,
)
record(
    "alternative-names-twice-right-first",
    "a leaf with two lists of names, the host in the first",
    ROOT.leaf(HOST, second_san=("other.bench.test",)),
    "RFC 5280 4.2 forbids an extension to occur twice",
    by_hand=True,
)
