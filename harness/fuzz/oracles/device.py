"""Oracles that look at the device as a whole: is it alive, has it restarted, has it forgotten something.

They speak only where the control before the batch succeeded: what was broken before is nobody's finding.
"""

from __future__ import annotations

from typing import Final

from harness.fuzz.alarm import Alarm, Confidence
from harness.fuzz.evidence import Answer, End, Evidence
from harness.fuzz.oracles.told import (
    alarm,
    events_seen,
    forbidden,
    kind_of,
    octets,
    only,
    reached,
    restart_excused,
)
from harness.fuzz.program import Surface, Wanted

ALIVE: Final = "cwmp.robust.stays-alive"
NEXT: Final = "cwmp.robust.next-session-works"
STORM: Final = 10
"""Sessions nobody asked for, beyond two a program, that are no accident any more."""


def liveness(evidence: Evidence) -> list[Alarm]:
    """After the batch the device can be woken and serves a session (O1, O2)."""
    before, after = evidence.before, evidence.after
    if not before.alive or not reached(evidence):
        return []
    if after.process:
        symptom, observed, confidence = "process-ended", after.process, Confidence.CERTAIN
    elif not after.alive:
        symptom, observed, confidence = "no-session", after.reason or "no session", Confidence.LIKELY
    else:
        return _another_way(evidence)
    messages = [each for found in evidence.observations for each in found.messages]
    return [
        alarm(
            "liveness", symptom, "the device lives on and serves its next session", observed,
            confidence=confidence, requirement=ALIVE if after.process else NEXT, index=only(evidence),
            messages=messages[-4:],
        )
    ]  # fmt: skip


def _another_way(evidence: Evidence) -> list[Alarm]:
    """It came back, but no longer by the way in which it could be woken before."""
    was, now = evidence.before.route, evidence.after.route
    if was != "connection-request" or now in (was, ""):
        return []
    # A device may refuse connection requests that come too fast: only the need to restart it says more.
    confidence = Confidence.LIKELY if now == "restart" else Confidence.HINT
    observed = f"it could be woken by {now} alone"
    return [
        alarm(
            "liveness", f"woken-by-{now}", "the device can still be woken by a connection request", observed,
            confidence=confidence, requirement=NEXT, index=only(evidence),
        )
    ]  # fmt: skip


def restarted(evidence: Evidence) -> list[Alarm]:
    """The device does not restart by itself (O3): no 1 BOOT, and UpTime goes on."""
    before, after = evidence.before, evidence.after
    if not before.alive or not reached(evidence) or after.route == "restart":
        return []
    booted = "1 BOOT" in events_seen(evidence)
    was, now = before.snapshot.up_time, after.snapshot.up_time
    fell = was is not None and now is not None and now < was
    if not (booted or fell) or restart_excused(evidence):
        return []
    said = [f"the event 1 BOOT after {_events(evidence)}"] if booted else []
    said += [f"UpTime {was} s before, {now} s after"] if fell else []
    # UpTime alone may fall where it is reckoned from a wall clock that was set.
    confidence = Confidence.CERTAIN if booted else Confidence.LIKELY
    return [
        alarm(
            "restarted", "boot" if booted else "up-time", "the device does not restart", "; ".join(said),
            confidence=confidence, requirement=ALIVE, index=only(evidence),
        )
    ]  # fmt: skip


def _events(evidence: Evidence) -> str:
    sent = reached(evidence)
    return "the program" if len(sent) == 1 else f"{len(sent)} programs"


def reset(evidence: Evidence) -> list[Alarm]:
    """The device does not forget its ACS or fall back to another firmware."""
    before, after = evidence.before, evidence.after
    if not before.alive or not reached(evidence):
        return []
    found = []
    if "0 BOOTSTRAP" in events_seen(evidence):
        found.append(("bootstrap", "no 0 BOOTSTRAP", "the event 0 BOOTSTRAP"))
    was, now = before.snapshot.software_version, after.snapshot.software_version
    if was and now and was != now:
        found.append(("firmware", f"SoftwareVersion {was!r}", f"SoftwareVersion {now!r}"))
    if found and restart_excused(evidence):
        return []
    return [
        alarm(
            "lost-state", symptom, expected, observed, confidence=Confidence.CERTAIN,
            requirement=ALIVE, index=only(evidence),
        )
        for symptom, expected, observed in found
    ]  # fmt: skip


def retries(evidence: Evidence) -> list[Alarm]:
    """Where every program was legal and was answered, the device counts no failed session."""
    if not evidence.before.alive or not evidence.after.alive or evidence.before.snapshot.retry_count:
        return []
    count = evidence.after.snapshot.retry_count
    legal = all(
        each.program.surface is Surface.SOAP
        and each.program.expectation.wanted is Wanted.SUCCESS
        and each.end is End.ANSWERED
        and each.answer is Answer.RESPONSE
        for each in evidence.observations
    )
    complete = all(session.ended == "complete" for session in evidence.transcript.sessions)
    if not count or not legal or not complete or not evidence.observations:
        return []
    return [
        alarm(
            "retry-count", "", "RetryCount 0: no session has failed", f"RetryCount {count}",
            confidence=Confidence.HINT, requirement="cwmp.retry.count", index=only(evidence),
        )
    ]  # fmt: skip


def session_storm(evidence: Evidence) -> list[Alarm]:
    """The device does not open one session after another of its own accord."""
    count = len(evidence.unexpected_informs)
    if count <= STORM + 2 * len(evidence.observations):
        return []
    return [
        alarm(
            "session-storm", "", "a session now and then", f"{count} sessions that nobody asked for",
            requirement="cwmp.robust.fault-or-clean-end", index=only(evidence),
        )
    ]  # fmt: skip


def unasked_effect(evidence: Evidence) -> list[Alarm]:
    """What must not be obeyed does not show as an event of a later Inform either (O7)."""
    found = []
    for event, (surface, element) in _EFFECTS.items():
        # The control's own connection request brings its event along.
        own = surface is Surface.CONNECTION_REQUEST
        seen = (code for each in evidence.unexpected_informs for code in each)
        if event not in (tuple(seen) if own else events_seen(evidence)):
            continue
        doers = [
            (index, each)
            for index, each in enumerate(evidence.observations)
            if each.end is not End.NOT_REACHED
            and each.program.surface is surface
            and element in octets(each.program)
        ]
        if not doers or any(not forbidden(each.program) for _, each in doers):
            continue
        index, first = doers[0]
        requirement = first.program.expectation.requirement
        found.append(
            alarm(
                "silent-acceptance", f"event:{event}", "no effect: the message must not be obeyed",
                f"the event {event}", kind=kind_of(requirement), requirement=requirement,
                index=index if len(doers) == 1 else -1, messages=first.messages,
            )
        )  # fmt: skip
    return found


_EFFECTS: Final = {
    "6 CONNECTION REQUEST": (Surface.CONNECTION_REQUEST, b""),
    "M Reboot": (Surface.SOAP, b"Reboot"),
    "M ScheduleInform": (Surface.SOAP, b"ScheduleInform"),
    "M Download": (Surface.SOAP, b"Download"),
    "M Upload": (Surface.SOAP, b"Upload"),
}
"""Event code to the surface and the RPC that lead to it."""
