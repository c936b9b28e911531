"""Source address: it governs every kind of CWMP connection, not only the first."""

from __future__ import annotations

from collections.abc import Callable

from harness.bench import Bench
from harness.case import Case, CaseRow, Inconclusive, NotApplicable, case, cases_from
from harness.expect import equal, that
from harness.lab.reply import Reply
from suites.parameters import clear_reference_time
from suites.periodic import PERIODIC, seconds, soon
from suites.permissions import run_script
from suites.port import VALUE_CHANGE
from suites.source import LOOPBACK, WAN_FIRST, leaves_from_wan, only_from

RETRY_LIMITS = (10.0, 20.0, 40.0)
"""Seconds within which the first, second and third retry come (TR-069 3.2.1.1)."""

Stimulus = Callable[[Bench], str]
"""Causes the connection; why it did not come about, or ``""``. What does not speak of the source address is inconclusive."""


def _first(bench: Bench) -> str:
    mark = bench.door.mark()
    bench.device.restart()
    return "" if bench.door.sessions(mark, bench.timing.contact) else "no session after a restart"


def _request(bench: Bench) -> str:
    outcome = bench.connection_request()
    return "" if outcome.session else f"status {outcome.status}, no session"


def _periodic(bench: Bench) -> str:
    interval = seconds(bench, 60)
    clear_reference_time(bench)
    bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
    seen = bench.next_inform(soon(bench, interval), event=PERIODIC)
    return "" if seen else "no periodic Inform"


def _retry(bench: Bench) -> str:
    return _retried(bench, 1)


def _later_retry(bench: Bench) -> str:
    return _retried(bench, 3)


def _retried(bench: Bench, failures: int) -> str:
    """Let a periodic session fail so many times running; the retry after the last one succeeds."""
    interval = seconds(bench, 60)
    bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
    answer = Reply(500, close=True, note="HTTP 500 to the Inform")
    within = soon(bench, interval)
    for failed in range(failures):
        if bench.failed_session(within, event=PERIODIC, answer=answer) is None:
            raise Inconclusive(f"only {failed} of {failures} periodic sessions came that could be let fail")
        within = RETRY_LIMITS[failed] + bench.timing.contact
    return "" if bench.next_inform(within) else "no retry"


def _redirect(bench: Bench) -> str:
    bench.redirect_to("https")
    return bench.works()


def _other_url(bench: Bench) -> str:
    bench.use_https()
    return bench.works()


def _reconnect(bench: Bench) -> str:
    with bench.session("to be continued on another connection") as session:
        answer = session.call_element("GetRPCMethods", close=True)
    if answer.lost:
        raise Inconclusive(f"the device does not go on with a session on another connection: {answer.reason}")
    return ""


def _value_change(bench: Bench) -> str:
    mark = bench.door.mark()
    bench.configure(port=bench.spare_port())
    told = bench.door.sessions(mark, bench.timing.contact)
    if not any(VALUE_CHANGE in seen.event_codes for seen in told):
        raise Inconclusive(f"the changed ConnectionRequestURL led to no session with {VALUE_CHANGE}")
    return ""


def _transfer_report(bench: Bench) -> str:
    bench.configure(allow_file_transmission=True)
    outcome, _marked = run_script(bench)
    if outcome.applied_at_once:
        raise NotApplicable("the device applies a file at once, and has nothing to report")
    if outcome.complete_fault is None:
        raise Inconclusive(f"there was no session that reports a transfer: {outcome}")
    return ""


KINDS: tuple[tuple[str, str, Stimulus, tuple[str, ...]], ...] = (
    ("first", "the first connection after a restart", _first, ("restart",)),
    ("connection-request", "that which a connection request causes", _request, ("connection-request",)),
    ("periodic", "a periodic one", _periodic, ("periodic_inform_active", "periodic_inform_interval")),
    ("retry", "the retry of a failed one", _retry, ("periodic_inform_active", "periodic_inform_interval")),
    (
        "later-retry",
        "every retry of one that fails three times",
        _later_retry,
        ("periodic_inform_active", "periodic_inform_interval"),
    ),
    ("reconnect", "the second of a session, when the ACS has ended the first", _reconnect, ()),
    ("value-change", "that which tells a changed value", _value_change, ("port",)),
    (
        "transfer-report",
        "that which reports a transfer",
        _transfer_report,
        ("allow_file_transmission", "download", "script"),
    ),
    ("redirect", "that to which a redirect leads", _redirect, ("https", "acs_url")),
    ("other-url", "those to a changed ACS URL", _other_url, ("https", "acs_url")),
)
"""Name, kind of connection, what causes it, what it needs."""


def _kind(name: str, shown: str, cause: Stimulus, needs: tuple[str, ...]) -> CaseRow:
    def body(bench: Bench, case: Case) -> None:
        names = bench.device.names
        with case.twin(WAN_FIRST, lambda: leaves_from_wan(bench)):
            case.step(f"Set the source address to {names.loopback}.")
            bench.configure(source_address=names.loopback)
            mark = bench.wire.mark()
            case.step(f"Cause {shown}.")
            missing = cause(bench)
            frames = bench.wire.opened(mark, bench.topology.acs_v4)
            bench.use_http()
            if not frames:
                raise Inconclusive(f"no connection to the ACS on the WAN link ({missing or 'none was seen'})")
            evidence = bench.wire.evidence(frames)
            case.check(
                "lcos.source.every-connection", frames, only_from(names.loopback_address), evidence=evidence
            )
            case.check("lcos.source.every-connection", missing, equal(""), what=shown)

    return CaseRow(
        f"source.every-connection.{name}",
        f"The source address holds for {shown}.\n\n"
        "Accepted: every connection that the device opens to the ACS meanwhile comes from the loopback address, and the "
        "session takes place.",
        body,
        "lcos.source.every-connection",
        (*LOOPBACK, *needs),
        packets=True,
    )


cases_from(globals(), (_kind(*row) for row in KINDS))


@case(
    "source.changed-meanwhile",
    verifies="lcos.source.change",
    needs=(*LOOPBACK, "periodic_inform_active", "periodic_inform_interval"),
    packets=True,
)
def changed_meanwhile(bench: Bench, case: Case) -> None:
    """A source address that changes while a periodic Inform or a retry is awaited holds for it.

    Accepted: every connection to the ACS after the change comes from the address then in force, those of the periodic Inform and
    of the retry among them.
    """
    names, interval = bench.device.names, seconds(bench, 60)
    answer = Reply(500, close=True, note="HTTP 500 to the Inform")
    with case.twin(WAN_FIRST, lambda: leaves_from_wan(bench)):
        case.step("Switch the periodic Inform on and wait for one.")
        bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)
        if bench.next_inform(soon(bench, interval), event=PERIODIC) is None:
            raise Inconclusive("no periodic Inform to begin with")
        case.step(f"Set the source address to {names.loopback} and wait for the next.")
        bench.configure(source_address=names.loopback)
        mark = bench.wire.mark()
        seen = bench.next_inform(soon(bench, interval), event=PERIODIC)
        _judge_change(bench, case, mark, names.loopback_address, "the periodic Inform" if seen else "")
        case.step("Let a periodic session fail, clear the source address, and wait for the retry.")
        if bench.failed_session(soon(bench, interval), event=PERIODIC, answer=answer) is None:
            raise Inconclusive("no periodic session came that could be let fail")
        bench.configure(source_address="")
        mark = bench.wire.mark()
        seen = bench.next_inform(soon(bench, interval), event=PERIODIC)
        _judge_change(bench, case, mark, bench.topology.cpe_wan_v4, "the retry" if seen else "")


def _judge_change(bench: Bench, case: Case, mark: int, address: str, shown: str) -> None:
    frames = bench.wire.opened(mark, bench.topology.acs_v4)
    if not frames or not shown:
        raise Inconclusive("no periodic Inform came after the change")
    evidence = bench.wire.evidence(frames)
    case.check("lcos.source.change", frames, only_from(address), what=shown, evidence=evidence)


@case(
    "source.downloads",
    verifies=("lcos.source.downloads", "lcos.file.executed-when-on"),
    needs=(*LOOPBACK, "allow_file_transmission", "download", "script"),
    packets=True,
)
def downloads(bench: Bench, case: Case) -> None:
    """Which address a file is fetched from while a source address is set: recorded, not judged.

    What is judged: the script is executed, so that the record means something.
    """
    bench.configure(allow_file_transmission=True, source_address=bench.device.names.loopback)
    mark = bench.wire.mark()
    case.step("Order the download of a script.")
    outcome, marked = run_script(bench)
    frames = bench.wire.to(mark, bench.topology.files_v4, bench.files.port)
    case.check(
        "lcos.source.downloads",
        f"the file was fetched from {', '.join(sorted({frame.src for frame in frames})) or 'nowhere'}",
        that("any address", lambda _seen: True),
    )
    case.check("lcos.file.executed-when-on", marked, equal(True), what=f"marker set ({outcome})")
