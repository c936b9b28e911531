"""How long a device waits before it tries a failed session again (TR-069 3.2.1.1)."""

from __future__ import annotations

from harness.bench import Bench
from suites.parameters import get_server


def first_retry_wait(bench: Bench) -> tuple[float, float]:
    """The limits of the first retry wait in seconds (TR-069 3.2.1.1: m to m times k/1000; 5 to 10 by default)."""
    with bench.session("reading the retry parameters") as session:
        minimum = float(get_server(session, "CWMPRetryMinimumWaitInterval") or 5)
        multiplier = float(get_server(session, "CWMPRetryIntervalMultiplier") or 2000)
    return minimum, minimum * multiplier / 1000
