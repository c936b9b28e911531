"""Single bad messages of the ACS: each must leave a device that still opens sessions, without a restart."""

from __future__ import annotations

from harness.bench import Answer, Bench
from harness.case import Case, CaseRow, Inconclusive, cases_from
from harness.expect import Allowed, Judgement, equal, failed, passed
from harness.lab.reply import Reply
from suites.periodic import PERIODIC, seconds, soon

BOTH = ("cwmp.robust.fault-or-clean-end", "cwmp.robust.next-session-works")
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:c="{namespace}"><s:Header>'
    '<c:ID s:mustUnderstand="1">bad</c:ID></s:Header><s:Body>{body}</s:Body></s:Envelope>'
)

BAD: tuple[tuple[str, str, bytes], ...] = (
    ("not-xml", "text that is no XML", b"this is not XML"),
    ("cut-off", "an envelope that ends in the middle", b'<?xml version="1.0"?>\n<s:Envelope xmlns:s="http://sch'),
    ("empty-envelope", "an envelope without a body", b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"/>'),
    ("other-root", "well-formed XML that is no envelope", b"<html><body>503</body></html>"),
    ("nul-bytes", "bytes that no XML may hold", b"<s:Envelope>\x00\x01\xff\xfe</s:Envelope>"),
    ("two-methods", "two methods in one body", ENVELOPE.replace("{body}", "<c:GetRPCMethods/><c:GetRPCMethods/>").encode()),
    ("deep", "elements nested ten thousand deep", b"<a>" * 10_000 + b"</a>" * 10_000),
)  # fmt: skip
"""Name, what is wrong, the body of the ACS's answer."""


def not_obeyed() -> Allowed[Answer]:
    """A fault, an empty POST, or the end of the session; never the response to an RPC."""

    def judge(answer: Answer) -> Judgement:
        if answer.fault is not None:
            return passed(f"fault {answer.fault.fault_code}")
        if answer.lost:
            return passed("the session ended")
        if answer.empty:
            return passed("an empty POST")
        if answer.message is not None:
            return failed(type(answer.message).__name__, "the message was carried out")
        return failed(answer.reason or "an answer that cannot be read")

    return Allowed("a fault, an empty POST or the end of the session", judge)


def _bad(name: str, shown: str, data: bytes) -> CaseRow:
    def body(bench: Bench, case: Case) -> None:
        with case.twin("a session works", bench.works):
            case.step(f"Send {shown} in place of an RPC.")
            with bench.session(shown) as session:
                envelope = data.replace(b"{namespace}", session.namespace.encode())
                answer = session.call_raw(envelope, note=shown)
            case.check("cwmp.robust.fault-or-clean-end", answer, not_obeyed())
            case.step("Open a session, without a restart.")
            case.check("cwmp.robust.next-session-works", bench.survives() or "a session", equal("a session"))

    return CaseRow(
        f"robustness.bad-message.{name}",
        f"The ACS sends {shown}.\n\n"
        "Accepted: a fault, an empty POST or the end of the session; the device lives, and opens its next session without a "
        "restart.",
        body,
        BOTH,
    )


BAD_ANSWERS = (
    ("fault", "a SOAP fault in place of the InformResponse", Reply(
        500, headers=[("Content-Type", "text/xml")], close=True, note="SOAP fault",
        body=b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>Server'
             b"</faultcode><faultstring>CWMP fault</faultstring></s:Fault></s:Body></s:Envelope>")),
    ("html", "an HTML page in place of the InformResponse", Reply(
        200, headers=[("Content-Type", "text/html")], body=b"<html>login</html>", close=True, note="HTML")),
    ("http-404", "404 to the Inform", Reply(404, close=True, note="HTTP 404")),
    ("http-503", "503 to the Inform", Reply(503, close=True, note="HTTP 503")),
)  # fmt: skip


def _bad_answer(name: str, shown: str, reply: Reply) -> CaseRow:
    def body(bench: Bench, case: Case) -> None:
        interval = seconds(bench, 60)
        bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
        case.step(f"Answer a periodic Inform with {shown}.")
        if bench.failed_session(soon(bench, interval), event=PERIODIC, answer=reply) is None:
            raise Inconclusive("no periodic Inform to answer")
        bench.configure(periodic_inform_active=False)
        case.step("Open a session, without a restart.")
        case.check("cwmp.robust.next-session-works", bench.survives() or "a session", equal("a session"))

    return CaseRow(
        f"robustness.bad-answer.{name}",
        f"The ACS sends {shown}.\n\nAccepted: the device lives, and opens its next session without a restart.",
        body,
        "cwmp.robust.next-session-works",
        ("periodic_inform_active", "periodic_inform_interval"),
    )


cases_from(globals(), (*(_bad(*row) for row in BAD), *(_bad_answer(*row) for row in BAD_ANSWERS)))
