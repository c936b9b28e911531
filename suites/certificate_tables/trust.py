"""Whose word counts: roots that are not stored, forged issuers, missing links, broken signatures."""

from __future__ import annotations

from harness.lab.pki_plan import FORGED_ROOT, HOST, OTHER_ROOT, ROOT, SELF
from suites.certificate_tables.row import Group

UNTRUSTED = "lcos.tls.untrusted-root"
FORGED = "lcos.tls.same-name-forged-root"
BROKEN = "lcos.tls.broken-signature"
MISSING = "lcos.tls.intermediate-missing"
NOT_A_CA = "lcos.tls.issuer-not-a-ca"

SIGNED_BY = (
    "RFC 5280 6.1.3 (a)(1): each signature must verify with the key of the issuer, up to a stored root"
)
NO_PATH = "RFC 5280 6.1: no chain of the certificates at hand leads to the stored root"

group = Group("trust")
reject, accept, record = group.reject, group.accept, group.record

accept(
    "under-root",
    "a leaf directly under the stored root",
    ROOT.leaf(HOST),
    "lcos.tls.good-chain-accepted",
    "RFC 5280 6.1: the chain leads to the stored root",
)
accept(
    "under-intermediate",
    "a leaf under an intermediate that is sent along",
    ROOT.ca().leaf(HOST),
    "lcos.tls.good-chain-accepted",
    "RFC 5280 6.1: the chain leads to the stored root",
)
accept(
    "under-three-intermediates",
    "a leaf under three intermediates",
    ROOT.cas(3).leaf(HOST),
    "lcos.tls.good-chain-accepted",
    "RFC 5280 6.1: the chain leads to the stored root",
)
accept(
    "root-sent-along",
    "a leaf and the stored root itself",
    ROOT.leaf(HOST).sent(0, 1),
    "lcos.tls.good-chain-accepted",
    "RFC 5246 7.4.2: the root may be sent or left out",
)
reject("other-root", "a leaf of a root that is not stored", OTHER_ROOT.leaf(HOST), UNTRUSTED, NO_PATH)
reject(
    "other-root-by-tls-12",
    "a leaf of a root that is not stored, by TLS 1.2",
    OTHER_ROOT.leaf(HOST),
    UNTRUSTED,
    NO_PATH,
    maximum="TLSv1_2",
)
reject(
    "other-root-with-rsa-key",
    "a leaf with an RSA key of a root that is not stored",
    OTHER_ROOT.leaf(HOST, key="rsa2048"),
    UNTRUSTED,
    NO_PATH,
)
reject(
    "other-root-at-address",
    "a leaf of a root that is not stored, where the ACS URL has an address",
    OTHER_ROOT.leaf(HOST),
    UNTRUSTED,
    NO_PATH,
    at="v4",
    twin=ROOT.leaf(HOST),
)
reject(
    "other-root-sent",
    "a leaf of a root that is not stored, and that root",
    OTHER_ROOT.leaf(HOST).sent(0, 1),
    UNTRUSTED,
    "RFC 5280 6.1: trust is never taken from what the server sends",
)
reject(
    "other-root-with-intermediate",
    "a leaf and an intermediate of a root that is not stored",
    OTHER_ROOT.ca().leaf(HOST),
    UNTRUSTED,
    NO_PATH,
)
reject(
    "other-root-with-chain",
    "a leaf, an intermediate and a root, none of them stored",
    OTHER_ROOT.ca().leaf(HOST).sent(0, 1, 2),
    UNTRUSTED,
    "RFC 5280 6.1: trust is never taken from what the server sends",
)
reject(
    "stored-root-beside",
    "a leaf of another root, and the stored root beside it",
    OTHER_ROOT.leaf(HOST).also(ROOT).sent(0, 2),
    UNTRUSTED,
    "RFC 5280 6.1: a trusted certificate in the message does not vouch for the others",
)
reject("self-signed", "a self-signed leaf", SELF.leaf(HOST), "lcos.tls.self-signed", NO_PATH)
reject(
    "self-signed-ca",
    "a self-signed leaf that calls itself a CA",
    SELF.leaf(HOST, is_ca=True),
    "lcos.tls.self-signed",
    NO_PATH,
)
reject(
    "same-name-root",
    "a leaf of a root of the stored one's name with another key",
    FORGED_ROOT.leaf(HOST),
    FORGED,
    SIGNED_BY,
)
reject(
    "same-name-root-sent",
    "a leaf of a root of the stored one's name, and that root",
    FORGED_ROOT.leaf(HOST).sent(0, 1),
    FORGED,
    SIGNED_BY,
)
reject(
    "same-name-root-without-identifiers",
    "a leaf of a root of the stored one's name, with no key identifier to tell them apart",
    FORGED_ROOT.leaf(HOST, identifiers=False),
    FORGED,
    SIGNED_BY,
)
reject(
    "same-name-root-with-intermediate",
    "a leaf under an intermediate of a root of the stored one's name",
    FORGED_ROOT.ca().leaf(HOST),
    FORGED,
    SIGNED_BY,
)
reject(
    "impostor-of-intermediate",
    "a leaf of an impostor of the intermediate, with the true intermediate sent along",
    OTHER_ROOT.ca("twice CA").leaf(HOST).also(ROOT.ca("twice CA")).sent(0, 3),
    FORGED,
    SIGNED_BY,
)
reject(
    "missing-intermediate",
    "a leaf whose intermediate is not sent",
    ROOT.ca("unsent CA").leaf(HOST).sent(0),
    MISSING,
    NO_PATH,
)
reject(
    "missing-upper-intermediate",
    "a leaf with the lower of two intermediates",
    ROOT.ca("unsent upper CA").ca("lower CA").leaf(HOST).sent(0, 1),
    MISSING,
    NO_PATH,
)
reject(
    "missing-lower-intermediate",
    "a leaf with the upper of two intermediates",
    ROOT.ca("upper CA").ca("unsent lower CA").leaf(HOST).sent(0, 2),
    MISSING,
    NO_PATH,
)
reject(
    "broken-signature",
    "a leaf whose signature has one wrong bit",
    ROOT.leaf(HOST, damage="signature"),
    BROKEN,
    SIGNED_BY,
)
reject(
    "broken-signature-of-intermediate",
    "an intermediate whose signature has one wrong bit",
    ROOT.ca(damage="signature").leaf(HOST),
    BROKEN,
    SIGNED_BY,
)
reject(
    "changed-after-signing",
    "a leaf whose serial number was changed after it was signed",
    ROOT.leaf(HOST, damage="content"),
    BROKEN,
    SIGNED_BY,
)
reject(
    "intermediate-changed-after-signing",
    "an intermediate whose serial number was changed after it was signed",
    ROOT.ca(damage="content").leaf(HOST),
    BROKEN,
    SIGNED_BY,
)
reject(
    "leaf-as-issuer",
    "a leaf that was issued with another server's certificate",
    ROOT.leaf("other.bench.test").issuing().leaf(HOST),
    NOT_A_CA,
    "RFC 5280 6.1.4 (k): who issues must be marked as a CA",
)
reject(
    "right-leaf-as-issuer",
    "a leaf that was issued with a server's certificate for the same name",
    ROOT.leaf(HOST).issuing().leaf(HOST),
    NOT_A_CA,
    "RFC 5280 6.1.4 (k): who issues must be marked as a CA",
)
reject(
    "intermediate-not-a-ca",
    "an intermediate with CA:FALSE",
    ROOT.ca(is_ca=False).leaf(HOST),
    NOT_A_CA,
    "RFC 5280 6.1.4 (k): who issues must be marked as a CA",
)
reject(
    "intermediate-without-constraints",
    "an intermediate without basic constraints",
    ROOT.ca(is_ca=None).leaf(HOST),
    NOT_A_CA,
    "RFC 5280 6.1.4 (k): who issues must be marked as a CA",
)
record(
    "leaf-stored-as-root",
    "a self-signed leaf that is itself stored as root",
    SELF.leaf(HOST),
    "whether a server's own certificate may be an anchor is up to the device",
    stored=SELF.leaf(HOST),
)
record(
    "intermediate-stored-as-root",
    "a leaf under an intermediate that alone is stored",
    ROOT.ca("stored intermediate").leaf(HOST),
    "a chain that ends before a root is up to the device",
    stored=ROOT.ca("stored intermediate"),
)
