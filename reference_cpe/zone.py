"""The local time zone, as the ACS sets it: a rule in the format of POSIX (IEEE 1003.1, the variable TZ)."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_HEAD: Final = struct.Struct(">4s1s15x6L")
_TYPE: Final = struct.pack(">lBB", 0, 0, 0)
"""One kind of time, as a zone file must have one; the rule behind it is what counts."""

_MOST: Final = 14 * 60
"""Minutes of the largest offset of a dateTime (XML Schema Part 2, 3.2.7)."""


@lru_cache(maxsize=64)
def of(rule: str) -> tzinfo:
    """The time zone of *rule*; UTC for an empty rule, and for one that is none."""
    if not rule.isascii() or "\n" in rule or rule in ("", "UTC0", "GMT0"):
        return UTC
    # ZoneInfo knows such rules as the last line of a zone file (RFC 8536 3.3), so it is given one without tables.
    block = _HEAD.pack(b"TZif", b"2", 0, 0, 0, 0, 1, 4) + _TYPE + b"UTC\0"
    try:
        return ZoneInfo.from_file(io.BytesIO(block + block + b"\n" + rule.encode() + b"\n"))
    except ValueError:
        return UTC


def offset(unix: float, rule: str) -> int:
    """Minutes that the zone is ahead of UTC at *unix*; none where a dateTime could not say how many."""
    try:
        ahead = datetime.fromtimestamp(int(unix), of(rule)).utcoffset()
    except ValueError:  # a whole day or more
        return 0
    minutes, rest = divmod(round(ahead.total_seconds()) if ahead else 0, 60)
    return minutes if rest == 0 and abs(minutes) <= _MOST else 0
