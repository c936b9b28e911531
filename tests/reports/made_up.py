"""Made-up runs to report on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from harness.verdict.assertion import Assertion, CaseResult, EvidenceRef
from harness.verdict.bundle import BundleWriter, Header, PlannedCase, Results
from harness.verdict.requirement import Requirement
from harness.verdict.verdict import Level, Verdict, worst

START = 1_763_830_000.0
MANUAL = "LCOS Refmanual, CWMP"
REQUIREMENTS = (
    Requirement(
        "lcos.tls.host-name",
        Level.MUST,
        "https",
        "The certificate names the host of the ACS URL.",
        f"{MANUAL}, “ACS URL”",
    ),
    Requirement(
        "lcos.tls.untrusted-root", Level.MUST, "https", "Another root is refused.", MANUAL, ("R-TLS-2",)
    ),
    Requirement("lcos.periodic.seconds", Level.MUST, "periodic", "The interval counts in seconds.", MANUAL),
    Requirement(
        "cwmp.http.soapaction", Level.MUST, "http", "SOAPAction is empty on a response.", "TR-069 3.4.1"
    ),
    Requirement(
        "cwmp.auth.order", Level.SHOULD, "http", "Digest goes before Basic.", "TR-069 3.4.4", (), False
    ),
    Requirement(
        "lcos.source.literal", Level.MUST, "source", "An address may stand in place of a name.", "LCOS"
    ),
    Requirement(
        "lcos.loopback.unmasked", Level.MUST, "source", "A loopback address leaves unmasked.", "LCOS"
    ),
    Requirement("lcos.port.recorded", Level.RECORD, "source", "The port is recorded.", "LCOS"),
)
CASES = (
    PlannedCase("https.reject.wrong-name", ("lcos.tls.host-name",), "A certificate that names another host"),
    PlannedCase("https.reject.wrong-root", ("lcos.tls.untrusted-root",), "A certificate of another root"),
    PlannedCase("periodic.seconds", ("lcos.periodic.seconds",), "Two intervals"),
    PlannedCase("source.literal", ("lcos.source.literal",), "An address as source"),
    PlannedCase("auth.order", ("cwmp.auth.order",), "Basic and Digest offered"),
    PlannedCase(
        "source.unmasked", ("lcos.loopback.unmasked",), "A loopback address as source", selected=False
    ),
)
HEADER = Header(
    tool_version="0.1.0",
    seed=7,
    device={"name": "LANCOM 1926VAG", "manufacturer": "LANCOM Systems", "software_version": "10.80.0155"},
    profile={"driver": "command", "profile": "lab.toml"},
    command="cpecheck run --device lab.toml",
    requirements=REQUIREMENTS,
    cases=CASES,
    rules={"soapaction": "cwmp.http.soapaction"},
)


def assertion(requirement: str, verdict: Verdict, observed: str = "as expected", by: str = "") -> Assertion:
    evidence = (EvidenceRef("message", "c4.3"), EvidenceRef("frames", "17,19", "ClientHello, Certificate"),
                EvidenceRef("file", "https.reject.wrong-name/capture.pcapng"))  # fmt: skip
    bad = verdict in (Verdict.FAIL, Verdict.WARN)
    return Assertion(requirement, verdict, "the device ends the connection and sends nothing", observed,
                     "the intended certificate was sent" if bad else "", by,
                     evidence if bad else ())  # fmt: skip


def outcome(
    case_id: str,
    *assertions: Assertion,
    wire: tuple[Assertion, ...] = (),
    reason: str = "",
    verdict: Verdict | None = None,
) -> CaseResult:
    plan = next(each for each in CASES if each.id == case_id)
    return CaseResult(
        id=case_id, version=1, title=plan.title, area=case_id.partition(".")[0],
        verdict=verdict or worst(each.verdict for each in assertions), requirements=plan.requirements,
        assertions=assertions, wire=wire, steps=("Control: the right certificate.", "The other certificate."),
        observations=("alert bad_certificate",), reason=reason, seed=12345, seconds=0.51,
        device_seconds=1200.0,
        evidence=case_id,
    )  # fmt: skip


WIRE_OK = assertion("cwmp.http.soapaction", Verdict.PASS, "kept, 9 examined", "soapaction")
WIRE_BAD = assertion("cwmp.http.soapaction", Verdict.FAIL, "'urn:dslforum-org:cwmp-1-2#x'", "soapaction")
MIXED = (
    outcome("https.reject.wrong-name", assertion("lcos.tls.host-name", Verdict.FAIL, "812 application bytes"),
            wire=(WIRE_BAD,)),
    outcome("https.reject.wrong-root", assertion("lcos.tls.untrusted-root", Verdict.PASS), wire=(WIRE_OK,)),
    outcome("periodic.seconds", assertion("lcos.periodic.seconds", Verdict.PASS), wire=(WIRE_BAD,)),
    outcome("source.literal", reason="the bench has no network namespaces here", verdict=Verdict.NOT_RUN),
    outcome("auth.order", assertion("cwmp.auth.order", Verdict.WARN, "Authorization: Basic")),
)  # fmt: skip
GOOD = tuple(
    outcome(
        each.id, *(assertion(requirement, Verdict.PASS) for requirement in each.requirements), wire=(WIRE_OK,)
    )
    for each in CASES
    if each.selected
)
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>'",
    "{{ 7*7 }}{% raw %}",
    "[bold red]markup[/] [link=http://evil.test]x[/link]",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "a\x00b\x08\x7f",
    "\ud800\udfff lone",
    "\u202etxt.exe\u2066",
    "]]>&amp;&lt;<!--",
    "line\r\nline\ttab",
    "x" * 1_000_000,
)


def clock(start: float = START, step: float = 1.5) -> Callable[[], float]:
    times = iter(start + step * n for n in range(1_000_000))
    return lambda: next(times)


def write(folder: Path, cases: Iterable[CaseResult] = MIXED, header: Header = HEADER) -> Results:
    writer = BundleWriter(folder, header, clock())
    for case in cases:
        writer.add(case)
    return writer.finish()


def hostile_run(folder: Path) -> Results:
    """A run in which everything a device can say is hostile."""
    text = " ".join(HOSTILE)
    bad = Assertion("lcos.tls.host-name", Verdict.FAIL, text, text, text, "soapaction",
                    (EvidenceRef("file", "javascript:alert(1)", text),
                     EvidenceRef("file", "../../etc/passwd"),
                     EvidenceRef("message", text, text)))  # fmt: skip
    case = outcome("https.reject.wrong-name", bad, wire=(bad,))
    case.title, case.reason, case.steps, case.observations = text, text, HOSTILE, HOSTILE
    case.evidence = "//evil.test/x"
    header = Header(tool_version="0.1.0", seed=1, device={"name": text, text: text}, profile={"x": text},
                    command=text, requirements=REQUIREMENTS, cases=CASES)  # fmt: skip
    return write(folder, [case], header)
