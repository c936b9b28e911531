"""What a certificate may be used for: purposes, rights of a CA, path lengths, name constraints, unknown extensions."""

from __future__ import annotations

from harness.lab.pki_plan import HOST, ROOT, fresh_root
from suites.certificate_tables.row import Group

PURPOSE = "lcos.tls.wrong-purpose"
NOT_A_CA = "lcos.tls.issuer-not-a-ca"
LENGTH = "cwmp.tls.path-length"
USAGE = "cwmp.tls.issuer-key-usage"
NAMES = "cwmp.tls.name-constraints"
UNDERSTOOD = "cwmp.tls.name-constraints-understood"
CRITICAL = "cwmp.tls.critical-extension"
HARMLESS = "cwmp.tls.harmless-certificate"
POLICY = "cwmp.tls.usage-policy"

FOR_THESE = "RFC 5280 4.2.1.12: where purposes are named, the certificate is for these alone"
TOO_LONG = "RFC 5280 6.1.4 (l), (m): no more intermediates than the constraint allows"
CONSTRAINED = "RFC 5280 6.1.3 (b), (c): each name must be permitted and none excluded by every CA above"
MAY_REFUSE = "RFC 5280 4.2.1.10: a device that cannot process a constraint may refuse the chain"

group = Group("extensions")
reject, accept, policy, record = group.reject, group.accept, group.policy, group.record

reject(
    "for-clients",
    "a leaf for client authentication alone",
    ROOT.leaf(HOST, purposes=("client",)),
    PURPOSE,
    FOR_THESE,
)
reject("for-code", "a leaf for code signing alone", ROOT.leaf(HOST, purposes=("code",)), PURPOSE, FOR_THESE)
reject(
    "for-mail",
    "a leaf for e-mail and clients",
    ROOT.leaf(HOST, purposes=("email", "client")),
    PURPOSE,
    FOR_THESE,
)
accept(
    "for-servers-and-clients",
    "a leaf for servers and clients",
    ROOT.leaf(HOST, purposes=("server", "client")),
    HARMLESS,
    FOR_THESE,
)
record(
    "without-purposes",
    "a leaf that names no purposes",
    ROOT.leaf(HOST, purposes=()),
    "RFC 5280 4.2.1.12: nothing is restricted then, but an application may demand the purpose",
)
accept(
    "without-key-usage",
    "a leaf without key usage",
    ROOT.leaf(HOST, usage="none"),
    HARMLESS,
    "RFC 5280 4.2.1.3: without the extension nothing is restricted",
)
record(
    "for-any-purpose",
    "a leaf for any purpose, but not for servers by name",
    ROOT.leaf(HOST, purposes=("any",)),
    "RFC 5280 4.2.1.12: a device may insist on the particular purpose",
)
policy(
    "intermediate-for-clients",
    "a leaf under an intermediate for client authentication alone",
    ROOT.ca(purposes=("client",)).leaf(HOST),
    POLICY,
    "CA/Browser Forum rules: the purposes of a CA bound those below it; RFC 5280 does not say so",
)
accept(
    "intermediate-for-servers",
    "a leaf under an intermediate for servers and clients",
    ROOT.ca(purposes=("server", "client")).leaf(HOST),
    HARMLESS,
    FOR_THESE,
)
policy(
    "key-for-certificates-alone",
    "a leaf whose key may sign certificates and nothing else",
    ROOT.leaf(HOST, usage="certificates"),
    POLICY,
    "RFC 5280 4.2.1.3: the key must be good for signatures",
)
record(
    "leaf-is-ca", "a leaf that is marked as a CA", ROOT.leaf(HOST, is_ca=True), "RFC 5280 does not forbid it"
)
accept(
    "leaf-without-constraints",
    "a leaf without basic constraints",
    ROOT.leaf(HOST, is_ca=None),
    HARMLESS,
    "RFC 5280 4.2.1.9: who has none is no CA",
)

reject(
    "intermediate-may-not-sign",
    "a leaf under a CA whose key may sign revocation lists alone",
    ROOT.ca(usage="lists").leaf(HOST),
    USAGE,
    "RFC 5280 6.1.4 (n): keyCertSign must be set",
)
reject(
    "intermediate-for-signatures",
    "a leaf under a CA whose key may sign data alone",
    ROOT.ca(usage="sign").leaf(HOST),
    USAGE,
    "RFC 5280 6.1.4 (n): keyCertSign must be set",
)
reject(
    "upper-intermediate-may-not-sign",
    "a leaf under two CAs, of which the upper one may not sign certificates",
    ROOT.ca(usage="lists").ca("lower CA").leaf(HOST),
    USAGE,
    "RFC 5280 6.1.4 (n): keyCertSign must be set",
)
reject(
    "upper-intermediate-not-a-ca",
    "a leaf under two intermediates, of which the upper one has CA:FALSE",
    ROOT.ca(is_ca=False).ca("lower CA").leaf(HOST),
    NOT_A_CA,
    "RFC 5280 6.1.4 (k): who issues must be a CA",
)
record(
    "intermediate-without-key-usage",
    "a leaf under a CA without key usage",
    ROOT.ca(usage="none").leaf(HOST),
    "RFC 5280 4.2.1.3 wants it of CAs, but without it nothing is restricted",
)

reject(
    "path-length-zero",
    "a leaf under two CAs, of which the upper one may have none below it",
    ROOT.ca(path_length=0).ca("lower CA").leaf(HOST),
    LENGTH,
    TOO_LONG,
)
reject(
    "path-length-one",
    "a leaf under three CAs, of which the upmost may have one below it",
    ROOT.ca(path_length=1).ca("middle CA").ca("lower CA").leaf(HOST),
    LENGTH,
    TOO_LONG,
)
reject(
    "path-length-inside",
    "a leaf under three CAs, of which the middle one may have none below it",
    ROOT.ca("upper CA").ca("middle CA", path_length=0).ca("lower CA").leaf(HOST),
    LENGTH,
    TOO_LONG,
)
accept(
    "path-length-kept",
    "a leaf under a CA that may have no CA below it",
    ROOT.ca(path_length=0).leaf(HOST),
    "lcos.tls.good-chain-accepted",
    TOO_LONG,
)
accept(
    "path-lengths-kept",
    "a leaf under two CAs, each with exactly the length it needs",
    ROOT.ca(path_length=1).ca("lower CA", path_length=0).leaf(HOST),
    "lcos.tls.good-chain-accepted",
    TOO_LONG,
)
record(
    "path-length-of-root",
    "a leaf under a CA, of a stored root that may have no CA below it",
    fresh_root(path_length=0).ca().leaf(HOST),
    "RFC 5280 6.1: constraints of the anchor are up to the device",
    stored=fresh_root(path_length=0),
)

reject(
    "name-not-permitted",
    "a leaf under a CA for another domain alone",
    ROOT.ca(permitted=("elsewhere.test",)).leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="name",
)
reject(
    "name-excluded",
    "a leaf under a CA that excludes the host",
    ROOT.ca(excluded=("{host}",)).leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="name",
)
reject(
    "domain-excluded",
    "a leaf under a CA that excludes the host's domain",
    ROOT.ca(excluded=("{parent}",)).leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="name",
)
reject(
    "excluded-though-permitted",
    "a leaf under a CA that permits the domain and excludes the host",
    ROOT.ca(permitted=("{parent}",), excluded=("{host}",)).leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="name",
)
reject(
    "name-not-permitted-further-up",
    "a leaf under two CAs, of which the upper one is for another domain alone",
    ROOT.ca(permitted=("elsewhere.test",)).ca("lower CA").leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="name",
)
reject(
    "wildcard-not-permitted",
    "a leaf with a wildcard under a CA for another domain alone",
    ROOT.ca(permitted=("elsewhere.test",)).leaf("*.{parent}"),
    NAMES,
    CONSTRAINED,
    at="name",
)
reject(
    "common-name-around-constraint",
    "a leaf with a permitted name whose common name is the forbidden host",
    ROOT.ca(permitted=("elsewhere.test",)).leaf("acs.elsewhere.test", common_name=HOST),
    "lcos.tls.common-name-ignored",
    "RFC 6125 6.4.4 and RFC 5280 4.2.1.10: the common name is no way around",
    at="name",
)
reject(
    "address-not-permitted",
    "a leaf under a CA for other addresses alone",
    ROOT.ca(permitted=("192.0.2.0/24",)).leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="v4",
)
reject(
    "address-excluded",
    "a leaf under a CA that excludes the address",
    ROOT.ca(excluded=("{v4}/32",)).leaf(HOST),
    NAMES,
    CONSTRAINED,
    at="v4",
)
accept(
    "name-permitted",
    "a leaf under a CA for the host's domain",
    ROOT.ca(permitted=("{parent}",)).leaf(HOST),
    UNDERSTOOD,
    MAY_REFUSE,
    at="name",
)
accept(
    "exact-name-permitted",
    "a leaf under a CA for the host alone",
    ROOT.ca(permitted=("{host}",)).leaf(HOST),
    UNDERSTOOD,
    MAY_REFUSE,
    at="name",
)
accept(
    "other-name-excluded",
    "a leaf under a CA that excludes another domain",
    ROOT.ca(excluded=("elsewhere.test",)).leaf(HOST),
    UNDERSTOOD,
    MAY_REFUSE,
    at="name",
)
accept(
    "address-permitted",
    "a leaf under a CA for the address's network",
    ROOT.ca(permitted=("{v4}/32",)).leaf(HOST),
    UNDERSTOOD,
    MAY_REFUSE,
    at="v4",
)

reject(
    "unknown-critical",
    "a leaf with a critical extension that nobody knows",
    ROOT.leaf(HOST, unknown="critical"),
    CRITICAL,
    "RFC 5280 4.2: what is critical and unknown is refused",
)
reject(
    "unknown-critical-in-intermediate",
    "an intermediate with a critical extension that nobody knows",
    ROOT.ca(unknown="critical").leaf(HOST),
    CRITICAL,
    "RFC 5280 6.1.4 (o): what is critical and unknown is refused",
)
accept(
    "unknown",
    "a leaf with an extension that nobody knows, not critical",
    ROOT.leaf(HOST, unknown="not critical"),
    HARMLESS,
    "RFC 5280 4.2: it is ignored",
)
accept(
    "unknown-in-intermediate",
    "an intermediate with an extension that nobody knows, not critical",
    ROOT.ca(unknown="not critical").leaf(HOST),
    HARMLESS,
    "RFC 5280 4.2: it is ignored",
)
record(
    "without-key-identifiers",
    "a leaf and an intermediate without key identifiers",
    ROOT.ca(identifiers=False).leaf(HOST, identifiers=False),
    "RFC 5280 4.2.1.1 wants CAs to write them, and devices to do without",
)
record(
    "stapling-demanded",
    "a leaf that demands a revocation answer, which the server does not give",
    ROOT.leaf(HOST, must_staple=True),
    "RFC 7633: for those who support it",
    requirement="lcos.tls.revocation",
)
