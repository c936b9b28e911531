"""Forms of the chain that is sent: order, surplus, second ways, length and size."""

from __future__ import annotations

from harness.lab.pki_plan import HOST, OTHER_ROOT, ROOT
from suites.certificate_tables.row import Group

FORMS = "cwmp.tls.chain-forms"
ANY_ORDER = "RFC 8446 4.4.2: devices should cope with surplus certificates and any order behind the leaf"
SECOND_WAY = "RFC 4158 2: where one way does not hold, another may"
NO_TURNING_BACK = "RFC 4158 2 would have another way tried; OpenSSL does not turn back from one it has begun"
NO_LIMIT = "no standard sets a limit"

SHARED = "p256#cross"
GOOD = ROOT.ca("cross-signed CA", key=SHARED)
OLD = OTHER_ROOT.ca("cross-signed CA", key=SHARED)
EXPIRED = OTHER_ROOT.ca("cross-signed CA", key=SHARED, not_after=-10)

group = Group("chains")
reject, accept, policy, record = group.reject, group.accept, group.policy, group.record

accept(
    "not-in-order",
    "two intermediates in the wrong order",
    ROOT.cas(2).leaf(HOST).sent(0, 2, 1),
    FORMS,
    ANY_ORDER,
)
accept(
    "in-reverse-order",
    "three intermediates in reverse order",
    ROOT.cas(3).leaf(HOST).sent(0, 3, 2, 1),
    FORMS,
    ANY_ORDER,
)
accept(
    "root-before-intermediate",
    "the root before the intermediate",
    ROOT.ca().leaf(HOST).sent(0, 2, 1),
    FORMS,
    ANY_ORDER,
)
accept(
    "surplus-in-front",
    "a certificate that has nothing to do with it, before the intermediate",
    ROOT.ca().leaf(HOST).also(OTHER_ROOT).sent(0, 3, 1),
    FORMS,
    ANY_ORDER,
)
accept(
    "surplus-at-the-end",
    "two certificates that have nothing to do with it, at the end",
    ROOT.ca().leaf(HOST).also(OTHER_ROOT, OTHER_ROOT.ca("strange CA")).sent(0, 1, 3, 4),
    FORMS,
    ANY_ORDER,
)
accept("intermediate-twice", "the intermediate twice", ROOT.ca().leaf(HOST).sent(0, 1, 1), FORMS, ANY_ORDER)
accept(
    "cross-signed",
    "an intermediate that another root has signed as well, the good way first",
    GOOD.leaf(HOST).also(OLD).sent(0, 1, 3),
    FORMS,
    SECOND_WAY,
)
record(
    "cross-signed-other-first",
    "an intermediate that another root has signed as well, the other way first",
    GOOD.leaf(HOST).also(OLD).sent(0, 3, 1),
    NO_TURNING_BACK,
)
accept(
    "cross-signed-expired",
    "an intermediate that another root has signed as well, for a time that is over",
    GOOD.leaf(HOST).also(EXPIRED).sent(0, 3, 1),
    FORMS,
    SECOND_WAY,
)
record(
    "cross-signed-with-root",
    "an intermediate that another root has signed as well, and that root",
    GOOD.leaf(HOST).also(OLD, OTHER_ROOT).sent(0, 3, 4, 1),
    NO_TURNING_BACK,
)
reject(
    "cross-signed-by-other-alone",
    "an intermediate in the form that another root has signed, and that alone",
    GOOD.leaf(HOST).also(OLD).sent(0, 3),
    "lcos.tls.untrusted-root",
    "RFC 5280 6.1: no chain of the certificates at hand leads to the stored root",
)
record("eight-intermediates", "eight intermediates", ROOT.cas(8).leaf(HOST), NO_LIMIT)
record("twenty-intermediates", "twenty intermediates", ROOT.cas(20).leaf(HOST), NO_LIMIT)
record(
    "hundred-intermediates",
    "a hundred and ten intermediates",
    ROOT.cas(110).leaf(HOST),
    NO_LIMIT,
    twin=ROOT.ca().leaf(HOST),
)
accept(
    "fifteen-kilobytes",
    "a leaf of 15,000 octets",
    ROOT.leaf(HOST, padding=15_000),
    FORMS,
    "RFC 8446 4.4.2: a certificate may have up to 16 MB",
)
record(
    "twenty-kilobytes",
    "a leaf of 20,000 octets, more than a record holds",
    ROOT.leaf(HOST, padding=20_000),
    NO_LIMIT,
)
record("two-hundred-kilobytes", "a leaf of 200,000 octets", ROOT.leaf(HOST, padding=200_000), NO_LIMIT)
