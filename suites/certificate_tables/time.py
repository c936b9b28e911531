"""Validity dates, for devices that know the time. Every date is days away from the edge."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.lab.pki_plan import HOST, ROOT, fresh_root
from suites.certificate_tables.row import Group

DATES = "lcos.tls.validity-dates"
FORMS = "cwmp.tls.harmless-certificate"
NOW = "RFC 5280 6.1.3 (a)(2): the time now must lie within the validity"

group = Group("time", dates=True)
reject, accept, record = group.reject, group.accept, group.record

reject("expired", "a leaf that expired ten days ago", ROOT.leaf(HOST, not_after=-10), DATES, NOW)
reject("expired-yesterday", "a leaf that expired a day ago", ROOT.leaf(HOST, not_after=-1), DATES, NOW)
reject(
    "expired-long-ago",
    "a leaf that was good for a year and expired ten years ago",
    ROOT.leaf(HOST, not_before=-4015, not_after=-3650),
    DATES,
    NOW,
)
reject("not-yet-valid", "a leaf that becomes valid in ten days", ROOT.leaf(HOST, not_before=10), DATES, NOW)
reject("valid-tomorrow", "a leaf that becomes valid in a day", ROOT.leaf(HOST, not_before=1), DATES, NOW)
reject(
    "expired-intermediate",
    "a good leaf under an intermediate that expired ten days ago",
    ROOT.ca(not_after=-10).leaf(HOST),
    DATES,
    NOW,
)
reject(
    "intermediate-not-yet-valid",
    "a good leaf under an intermediate that becomes valid in ten days",
    ROOT.ca(not_before=10).leaf(HOST),
    DATES,
    NOW,
)
reject(
    "expired-upper-intermediate",
    "a good leaf under two intermediates of which the upper one has expired",
    ROOT.ca(not_after=-10).ca("lower CA").leaf(HOST),
    DATES,
    NOW,
)
reject(
    "end-before-beginning",
    "a leaf whose validity ends before it begins",
    ROOT.leaf(HOST, not_before=30, not_after=-30),
    DATES,
    NOW,
)
accept(
    "until-2049",
    "a leaf valid until 2049, beyond 32-bit seconds",
    ROOT.leaf(HOST, not_after=datetime(2049, 12, 30, tzinfo=UTC)),
    FORMS,
    "RFC 5280 4.1.2.5.1: UTCTime reaches to 2049",
)
accept(
    "until-2051",
    "a leaf valid until 2051, a date in the longer form",
    ROOT.leaf(HOST, not_after=datetime(2051, 1, 1, tzinfo=UTC)),
    FORMS,
    "RFC 5280 4.1.2.5.2: later dates are GeneralizedTime",
)
accept(
    "without-end",
    "a leaf valid until the last second of 9999",
    ROOT.leaf(HOST, not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    FORMS,
    "RFC 5280 4.1.2.5: so is written that there is no end",
)
accept(
    "since-1970",
    "a leaf valid since 1970",
    ROOT.leaf(HOST, not_before=datetime(1970, 1, 2, tzinfo=UTC)),
    FORMS,
    "RFC 5280 4.1.2.5.1: UTCTime",
)
accept(
    "intermediate-until-2051",
    "a leaf under an intermediate valid until 2051",
    ROOT.ca(not_after=datetime(2051, 1, 1, tzinfo=UTC)).leaf(HOST),
    FORMS,
    "RFC 5280 4.1.2.5.2: later dates are GeneralizedTime",
)
record(
    "expired-root",
    "a good leaf of a stored root that has expired",
    fresh_root(not_after=-10).leaf(HOST),
    "RFC 5280 6.1: whether the anchor's own dates count is up to the device",
    stored=fresh_root(not_after=-10),
)
record(
    "root-not-yet-valid",
    "a good leaf of a stored root that becomes valid in ten days",
    fresh_root(not_before=10).leaf(HOST),
    "RFC 5280 6.1: whether the anchor's own dates count is up to the device",
    stored=fresh_root(not_before=10),
)
