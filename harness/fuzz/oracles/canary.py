"""The oracle of canaries: somebody looked up or called a host that only a program had mentioned (O10)."""

from __future__ import annotations

import re
from typing import Final

from harness.fuzz.alarm import Alarm, Confidence
from harness.fuzz.evidence import End, Evidence, Observation
from harness.fuzz.oracles.told import alarm, obeyed, octets
from harness.fuzz.program import Surface

MARK: Final = b"@{canary}"
_PLAIN: Final = re.compile(rb">\s*(?:[a-z]{2,8}://)?@\{canary\}(?::\d+)?(?:/[\w./-]*)?\s*<")
"""The canary as the host of a URL, or alone, as the whole text of an element."""
_ADDRESSED: Final = frozenset(
    f"{name}Response"
    for name in ("Download", "Upload", "ScheduleDownload", "ChangeDUState", "SetParameterValues")
)
"""Responses of RPCs whose arguments a device may rightly call."""


def injection(evidence: Evidence) -> list[Alarm]:
    """No text of a message is run as a command, loaded as an entity or looked up as a host."""
    if not evidence.canaries:
        return []
    suspects = [
        (index, each)
        for index, each in enumerate(evidence.observations)
        if each.end is not End.NOT_REACHED and MARK in octets(each.program) and not _asked_for(each)
    ]
    if not suspects:
        return []
    index, first = suspects[0]
    entity = any(b"<!" in octets(each.program) for _, each in suspects)
    hows = ", ".join(sorted({each.how for each in evidence.canaries}))
    return [
        alarm(
            "injection", "entity" if entity else hows, "the host is neither looked up nor called",
            f"{len(evidence.canaries)} times, by {hows}", confidence=Confidence.CERTAIN,
            requirement="cwmp.robust.no-entity-expansion" if entity else "cwmp.robust.no-injection",
            index=index if len(suspects) == 1 else -1, messages=first.messages,
        )
    ]  # fmt: skip


def _asked_for(seen: Observation) -> bool:
    """The device was told to call this host, and said that it would (a redirect is such an order too)."""
    data = octets(seen.program)
    if seen.program.surface in (Surface.HTTP, Surface.SESSION) and re.search(
        rb"(?i)\nlocation:[^\n]*@\{canary\}", data
    ):
        return True
    return obeyed(seen) and seen.rpc in _ADDRESSED and len(_PLAIN.findall(data)) == data.count(MARK)
