"""Fuzzed SOAP: whatever the ACS sends, the answer is a correct fault or a clean end, and the next session works."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, given, seed, settings

from harness.bench import Answer, Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import GetParameterValues
from harness.device.api import DriverError
from harness.expect import equal, nothing
from suites.fuzzed_envelopes import FuzzedEnvelope, envelopes

EXAMPLES = 80
"""Envelopes of one run of the fuzz case; `cpecheck fuzz` is the place for millions."""


@dataclass
class Finding(Exception):
    """What the oracle has against one envelope. Raised so that Hypothesis shrinks it."""

    envelope: FuzzedEnvelope
    complaint: str

    def __str__(self) -> str:
        shown = self.envelope.data.decode("utf-8", "backslashreplace")
        return f"{self.complaint}; envelope ({self.envelope.what}): {shown[:600]}"


def complaint(answer: Answer, fuzzed: FuzzedEnvelope) -> str:
    """Why *answer* is wrong, or ``""``: a response that was asked for, a SOAP fault, and a clean end are right."""
    if answer.lost or answer.fault is not None or (answer.empty and fuzzed.must_not_succeed):
        return ""
    if answer.message is None:
        return f"neither an RPC response nor a fault: {answer.reason or 'empty or unreadable'}"
    if fuzzed.must_not_succeed:
        return f"{type(answer.message).__name__} in answer to an envelope that must not be obeyed"
    return ""


@case("robustness.fuzzed-soap", verifies=("cwmp.robust.fault-or-clean-end", "cwmp.robust.next-session-works"))
def fuzzed_soap(bench: Bench, case: Case) -> None:
    """Fuzzed RPC envelopes are answered by a correct fault or a response, or end the session; the next session works.

    Envelopes come from a grammar with one fault each (structure, types, lengths, arrays, headers), nothing that
    changes the device for good. Accepted: as the title says; every answer passes through the wire rules as well.
    """
    sent = 0
    ended = 0
    broken_liveness: list[str] = []
    name = bench.software_version_name()

    @seed(case.seed)
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=False, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck), report_multiple_bugs=False, print_blob=False,
    )  # fmt: skip
    @given(envelopes(name))
    def attack(fuzzed: FuzzedEnvelope) -> None:
        nonlocal sent, ended
        if broken_liveness:
            return
        try:
            with bench.fuzz_session() as session:
                answer = session.call_raw(fuzzed.data, note=f"fuzzed: {fuzzed.what}")
                sent += 1
        except (Inconclusive, DriverError) as lost:
            broken_liveness.append(f"after an envelope that seemed to do no harm: {lost}")
            return
        if answer.lost:
            ended += 1
            if reason := bench.survives():
                # Nothing is raised: every further envelope, shrunk or new, would only meet the dead device.
                broken_liveness.append(f"after {fuzzed.what}: {reason}")
                return
        wrong = complaint(answer, fuzzed)
        if wrong:
            raise Finding(fuzzed, wrong)

    case.step(f"Send up to {EXAMPLES} fuzzed envelopes, seed {case.seed}, and judge every answer.")
    findings: list[str] = []
    try:
        attack()
    except Finding as finding:
        findings.append(str(finding))
    finally:
        bench.end_fuzz_session()
    case.observe(f"{sent} envelopes sent, {ended} of them ended the session")
    case.check("cwmp.robust.fault-or-clean-end", findings, nothing("wrong answer"))
    case.step("Open a session and read a parameter.")
    reason = broken_liveness[0] if broken_liveness else bench.survives()
    case.check("cwmp.robust.next-session-works", reason or "a session", equal("a session"))


@case("robustness.unknown-rpc", verifies=("cwmp.robust.fault-or-clean-end", "cwmp.robust.next-session-works"))
def unknown_rpc(bench: Bench, case: Case) -> None:
    """An RPC that does not exist is answered by fault 9000, and the session goes on.

    Accepted: a CWMP fault with code 9000, then a normal answer to the next RPC of the same session, and a next session.
    """
    case.step("Call an RPC that no version of CWMP has, then read a parameter, in one session.")
    name = bench.software_version_name()
    with bench.session("unknown RPC") as session:
        answer = session.call_element("NoSuchMethod")
        following = session.call(GetParameterValues((name,)))
    code = (answer.fault.fault_code if answer.fault is not None else None) or 0
    case.check("cwmp.robust.fault-or-clean-end", code, equal(9000, "method not supported"), what="fault code")
    case.check("cwmp.robust.fault-or-clean-end", following.lost, equal(False), what="session lost")
    case.check("cwmp.robust.next-session-works", bench.survives() or "a session", equal("a session"))


ENTITY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE e [<!ENTITY name "{name}">]>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:e="http://schemas.xmlsoap.org/soap/encoding/"
 xmlns:c="{namespace}" xmlns:x="http://www.w3.org/2001/XMLSchema"><s:Header>
<c:ID s:mustUnderstand="1">entity-probe</c:ID></s:Header><s:Body><c:GetParameterValues><ParameterNames e:arrayType="x:string[1]">
<string>&name;</string></ParameterNames></c:GetParameterValues></s:Body></s:Envelope>"""


@case(
    "robustness.entity-not-expanded",
    verifies=("cwmp.robust.no-entity-expansion", "cwmp.robust.next-session-works"),
)
def entity_not_expanded(bench: Bench, case: Case) -> None:
    """An envelope with a document type and an internal entity is not obeyed.

    SOAP 1.1 forbids a document type. Accepted: a fault, or the end of the session; never the value of the parameter whose
    name stood only in the entity. The same request without the entity is answered before and after.
    """
    name = bench.software_version_name()

    def plain_request() -> str:
        with bench.session("the request without an entity") as session:
            reply = session.call(GetParameterValues((name,)))
        return "" if name in reply.values() else f"no value for {name}: {reply.reason}"

    with case.twin("the same request without an entity is answered", plain_request):
        case.step("Ask for a parameter whose name is given as an internal entity.")
        with bench.session("entity probe") as session:
            body = ENTITY.format(name=name, namespace=session.namespace)
            answer = session.call_raw(body.encode(), note="document type with an internal entity")
        obeyed = name in answer.values()
        case.check(
            "cwmp.robust.no-entity-expansion",
            obeyed,
            equal(False),
            what="the entity was expanded and the request obeyed",
        )
    case.check("cwmp.robust.next-session-works", bench.survives() or "a session", equal("a session"))
