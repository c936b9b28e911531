"""Keys and signatures: kinds in use, kinds that are too weak, keys that do not fit."""

from __future__ import annotations

from harness.lab.pki_plan import HOST, ROOT, fresh_root
from suites.certificate_tables.row import Group

KINDS = "cwmp.tls.key-kinds"
SHORT = "cwmp.tls.short-key"
SHA1 = "cwmp.tls.sha1-signature"
MD5 = "cwmp.tls.md5-signature"
PROOF = "cwmp.tls.key-proof"

USUAL = "in general use; RFC 8446 9.1"
TOO_SHORT = "RFC 9325 4.5: RSA of 2048 bits or more; TR-069 names no length"
OLD_SHA1 = "RFC 9155 and RFC 8446 4.4.2.4: SHA-1 is not to be relied on; TR-069 names no hash"
OLD_MD5 = "RFC 8446 4.4.2.4: a certificate signed with MD5 ends the handshake"

group = Group("cryptography")
reject, accept, policy, record = group.reject, group.accept, group.policy, group.record

accept("rsa-2048", "a leaf with an RSA key of 2048 bits", ROOT.leaf(HOST, key="rsa2048"), KINDS, USUAL)
accept("rsa-3072", "a leaf with an RSA key of 3072 bits", ROOT.leaf(HOST, key="rsa3072"), KINDS, USUAL)
accept(
    "rsa-2048-intermediate",
    "a leaf under an intermediate with an RSA key of 2048 bits",
    ROOT.ca(key="rsa2048").leaf(HOST),
    KINDS,
    USUAL,
)
accept("p384", "a leaf with a key on P-384", ROOT.leaf(HOST, key="p384"), KINDS, USUAL)
accept(
    "p384-intermediate",
    "a leaf signed with SHA-384 by an intermediate with a key on P-384",
    ROOT.ca(key="p384").leaf(HOST, hash="sha384"),
    KINDS,
    USUAL,
)
record("p521", "a leaf with a key on P-521", ROOT.leaf(HOST, key="p521"), "not every stack has the curve")
record("ed25519", "a leaf with an Ed25519 key", ROOT.leaf(HOST, key="ed25519"), "not every stack has it")
policy(
    "rsa-512",
    "a leaf with an RSA key of 512 bits",
    ROOT.leaf(HOST, key="rsa512"),
    SHORT,
    TOO_SHORT,
    maximum="TLSv1_2",
)
policy("rsa-768", "a leaf with an RSA key of 768 bits", ROOT.leaf(HOST, key="rsa768"), SHORT, TOO_SHORT)
policy("rsa-1024", "a leaf with an RSA key of 1024 bits", ROOT.leaf(HOST, key="rsa1024"), SHORT, TOO_SHORT)
policy("rsa-1536", "a leaf with an RSA key of 1536 bits", ROOT.leaf(HOST, key="rsa1536"), SHORT, TOO_SHORT)
policy(
    "rsa-1024-intermediate",
    "a leaf under an intermediate with an RSA key of 1024 bits",
    ROOT.ca(key="rsa1024").leaf(HOST),
    SHORT,
    TOO_SHORT,
)
policy(
    "rsa-1024-root",
    "a leaf under a stored root with an RSA key of 1024 bits",
    fresh_root(key="rsa1024").leaf(HOST),
    SHORT,
    TOO_SHORT,
    stored=fresh_root(key="rsa1024"),
)
policy(
    "p192",
    "a leaf with a key on P-192",
    ROOT.leaf(HOST, key="p192"),
    SHORT,
    "RFC 9325 4.5: curves of 224 bits or more",
    by_hand=True,
)
policy("sha1", "a leaf signed with SHA-1", ROOT.ca(key="rsa2048").leaf(HOST, hash="sha1"), SHA1, OLD_SHA1)
policy(
    "sha1-intermediate",
    "an intermediate signed with SHA-1",
    ROOT.ca("upper CA", key="rsa2048").ca("lower CA", hash="sha1").leaf(HOST),
    SHA1,
    OLD_SHA1,
)
reject("md5", "a leaf signed with MD5", ROOT.ca(key="rsa2048").leaf(HOST, hash="md5"), MD5, OLD_MD5)
reject(
    "md5-intermediate",
    "an intermediate signed with MD5",
    ROOT.ca("upper CA", key="rsa2048").ca("lower CA", hash="md5").leaf(HOST),
    MD5,
    OLD_MD5,
)
accept(
    "sha1-root",
    "a leaf of a stored root that signed itself with SHA-1",
    fresh_root(key="rsa2048", hash="sha1").leaf(HOST),
    "cwmp.tls.chain-forms",
    "RFC 8446 4.4.2.4: the signature of a root on itself is of no account",
    stored=fresh_root(key="rsa2048", hash="sha1"),
    twin=ROOT.leaf(HOST),
)
reject(
    "other-key",
    "a good certificate, by a server that has another key",
    ROOT.leaf(HOST, foreign_key=True),
    PROOF,
    "RFC 8446 4.4.3: the server proves that it has the key",
)
reject(
    "other-key-tls12",
    "a good certificate, by a server that has another key and speaks TLS 1.2",
    ROOT.leaf(HOST, foreign_key=True),
    PROOF,
    "RFC 5246 7.4.3: the server proves that it has the key",
    maximum="TLSv1_2",
)
reject(
    "other-key-under-intermediate",
    "a good chain, by a server that has another key than its leaf's",
    ROOT.ca().leaf(HOST, foreign_key=True),
    PROOF,
    "RFC 8446 4.4.3: the server proves that it has the key",
)
