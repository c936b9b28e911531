"""Findings made up for tests: a half-applied set with edits, and hostile octets everywhere."""

from __future__ import annotations

from typing import Any

import msgspec
from fuzz_evidence import BASE, control, fault, program, session, set_values

from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer
from harness.fuzz.findings.finding import make
from harness.fuzz.program import Connect, Cut, Edit, Expect, Pause, Raw, Repeat, Surface, Wanted
from harness.verdict.finding import Finding
from harness.verdict.requirement import Catalogue, Requirement
from harness.verdict.verdict import Level

TEXT = "SetParameterValues applies either all of its parameters or none of them."
CATALOGUE = Catalogue(
    [
        Requirement("cwmp.set.atomic", Level.MUST, "rpc-values", TEXT, "TR-069 Amendment 6, A.3.2.1"),
        Requirement("cwmp.robust.stays-alive", Level.MUST, "robustness", "It stays alive.", "Robustness"),
        Requirement("cwmp.robust.next-session-works", Level.MUST, "robustness", "It goes on.", "Robustness"),
    ]
)
HOSTILE = "<script>alert(1)</script>\x00\u202e\x1b[31m"


def atomicity(number: int = 1, **more: Any) -> Finding:
    made = program(
        set_values(A="x" * 40, Int="no number"), Wanted.FAULT, 9003,
        requirement="cwmp.set.fault-codes", generator="edits/1", dimension="S6", seed=4711,
        template=set_values(A="x" * 40, Int="12"),
        edits=(Edit("text", "//Value[2]", ("no number",), "the second value is no number"),),
    )  # fmt: skip
    found = session((made, fault(9003)))
    seen = msgspec.structs.replace(found.observations[0], answer=Answer.FAULT, rpc="Fault", fault_code=9003)
    found = msgspec.structs.replace(
        found, observations=(seen,), before=control(values={BASE + "A": "old"}), median_seconds=0.002
    )
    alarm = Alarm(
        "atomicity", Kind.CONFORMANCE, Confidence.CERTAIN, "a request that is answered with a fault changes nothing",
        f"'{BASE}A' was 'old', is 'xxx'", "atomicity:cwmp.set.atomic", "cwmp.set.atomic", 0, seen.messages,
    )  # fmt: skip
    original = program(set_values(A="x" * 400, Int="no number", B="y"), Wanted.FAULT, 9003)
    return make(
        number, alarm, found, confirmed=(3, 3), catalogue=CATALOGUE, original=original, seed=4711, now=1.8e9,
        device={"name": "Reference CPE", "software_version": "1.0.0"}, command="cpecheck fuzz --seed 4711", **more,
    )  # fmt: skip


def crash(number: int = 2) -> Finding:
    """A program of raw octets on the port of connection requests, and a device that says hostile things."""
    made = program(
        (
            Connect(), Raw(b"GET @{cr.target} HTTP/1.1\r\nCookie: C1=" + bytes(range(256)) + b"\r\n\r\n"),
            Repeat(b"X-Pad: " + b"A" * 120 + b"\r\n", 5000), Expect(5.0), Pause(2.0), Cut("reset"),
        ),
        surface=Surface.CONNECTION_REQUEST, name="cr.numbered-cookie", generator="nasty/1", destructive=True,
    )  # fmt: skip
    found = session(
        (
            program(set_values(A=HOSTILE.replace("<", "&lt;").replace("\x00", "").replace("\x1b", ""))),
            b"<x>" + HOSTILE.encode(),
        )
    )
    observed = msgspec.structs.replace(found.observations[0], program=made)
    found = msgspec.structs.replace(found, observations=(observed,))
    alarm = Alarm(
        "liveness", Kind.ROBUSTNESS, Confidence.CERTAIN, "the device lives on", f"ended by signal 11 {HOSTILE}",
        "liveness:process-ended", "cwmp.robust.stays-alive", 0, observed.messages,
    )  # fmt: skip
    other = Alarm("wire", Kind.CONFORMANCE, Confidence.CERTAIN, HOSTILE, HOSTILE, f"wire:{HOSTILE}")
    return make(
        number, alarm, found, confirmed=(2, 3), catalogue=CATALOGUE, others=(other,), now=1.8e9,
        device={"name": HOSTILE}, notes=(f"cut {HOSTILE}",),
    )  # fmt: skip
