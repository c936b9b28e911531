"""HTTPS elsewhere and again: where a redirect leads, the https file server, what follows a rejection."""

from __future__ import annotations

from contextlib import nullcontext

from harness.bench import Bench
from harness.case import Case, Inconclusive, NotApplicable, case
from harness.cwmp.messages import Download, Message, Upload
from harness.expect import Allowed, between, equal, failed, nothing, passed
from harness.lab.pki import Identity
from harness.lab.pki_plan import FORGED_ROOT, HOST, OTHER_ROOT, ROOT, Plan, World
from harness.lab.reply import Reply
from harness.verdict.transcript import Connection
from suites.expectations import TransferOutcome, describe_reply, transfer_fetched
from suites.https import HTTPS, needs_right_clock
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, observe, rejected

TARGET = "lcos.tls.redirect-target"
FILES = "lcos.tls.file-server"
RETRY = "lcos.tls.retry-after-rejection"
AWAY = "/away"
"""A path of the ACS that is redirected."""


# --- redirects ---


def follows(bench: Bench, second: str) -> str:
    """The control: a redirect to the second host, with its right certificate, leads to a session there."""
    mark = bench.https.mark()
    bench.attempt()
    there = bench.https.arrived(mark, second, bench.timing.session)
    return "" if any(each.bytes_from_device() for each in there) else "the redirect was not followed"


def _redirected(bench: Bench, case: Case, bad: Plan, shown: str) -> None:
    """Redirect to a second host that shows *bad*, between two redirects to it with a right certificate."""
    second = "acs-https-second"
    top = bench.topology
    host = top.files_host if top.isolated else top.acs_host
    world: World = bench.https.world(host)
    right = world.identity(ROOT.leaf(HOST))
    bench.use_https()
    target, _ = bench.https.second(right)
    bench.redirect(AWAY, target)
    bench.configure(acs_url=bench.https.url(path=AWAY)[0])
    mark = bench.clear_text_mark()
    with case.twin(
        "a redirect to a host with a right certificate is followed", lambda: follows(bench, second)
    ):
        case.step(f"Redirect to the same host while it shows {shown}.")
        wrong = world.identity(bad)
        bench.https.second(wrong)
        first = bench.https.mark()
        bench.attempt()
        there = bench.https.arrived(first, second, bench.timing.session)
        for connection in there:
            observe(case, connection, wrong)
        spoke = [connection for connection in there if connection.bytes_from_device()]
        attempt: Connection | None = spoke[0] if spoke else there[0] if there else None
        if attempt is None:
            raise Inconclusive("the device did not come to the redirect's host")
        case.check(TARGET, attempt, rejected(wrong), what=shown, evidence=bench.evidence_of(attempt))
        check_no_clear_text(bench, case, mark)
        bench.https.second(right)


@case("https.redirect.target-of-other-root", verifies=(TARGET, NO_DOWNGRADE), needs=HTTPS)
def target_of_other_root(bench: Bench, case: Case) -> None:
    """The certificate of a redirect's target must lead to the stored root too.

    Accepted: no application byte reaches the target.
    """
    _redirected(bench, case, OTHER_ROOT.leaf(HOST), "a certificate of another root")


@case("https.redirect.target-with-old-name", verifies=(TARGET, NO_DOWNGRADE), needs=HTTPS)
def target_with_old_name(bench: Bench, case: Case) -> None:
    """The certificate of a redirect's target must name the target; the name in the ACS URL does not do.

    Accepted: no application byte reaches the target.
    """
    if not bench.topology.isolated:
        raise NotApplicable("in this bench both hosts have one address")
    _redirected(bench, case, ROOT.leaf(bench.topology.acs_host), "a certificate for the host of the ACS URL")


@case("https.redirect.target-expired", verifies=(TARGET, NO_DOWNGRADE), needs=(*HTTPS, "absolute-time"))
def target_expired(bench: Bench, case: Case) -> None:
    """The certificate of a redirect's target must be valid now.

    Accepted: no application byte reaches the target.
    """
    needs_right_clock(bench, case)
    _redirected(bench, case, ROOT.leaf(HOST, not_after=-10), "a certificate that expired ten days ago")


def _to_http(bench: Bench, case: Case, status: int, endpoint: str) -> None:
    """Redirect from https to http."""
    bench.use_https()
    with case.twin("without the redirect there is a session", bench.works):
        case.step(f"Answer the Inform with {status} and an http URL.")
        mark = bench.clear_text_mark()
        first = bench.https.mark()
        bench.redirect(AWAY, bench.acs_url(endpoint), status)
        bench.configure(acs_url=bench.https.url(path=AWAY)[0])
        observe(case, bench.attempt())
        bench.pass_time(bench.timing.settle)
        if not any(each.bytes_from_device() for each in bench.https.since(first)):
            raise Inconclusive("the device sent no Inform that could be redirected")
        check_no_clear_text(bench, case, mark)
        bench.use_https()


@case("https.redirect.to-http-302", verifies=NO_DOWNGRADE, needs=HTTPS)
def to_http_302(bench: Bench, case: Case) -> None:
    """A redirect with 302 from https to http is not followed.

    Accepted: nothing is sent without TLS to any server of the bench.
    """
    _to_http(bench, case, 302, "acs-http-v4")


@case("https.redirect.to-http-307", verifies=NO_DOWNGRADE, needs=HTTPS)
def to_http_307(bench: Bench, case: Case) -> None:
    """A redirect with 307 from https to http on another port is not followed.

    Accepted: nothing is sent without TLS to any server of the bench.
    """
    _to_http(bench, case, 307, "acs-http-odd")


@case("https.redirect.to-http-301", verifies=NO_DOWNGRADE, needs=HTTPS)
def to_http_301(bench: Bench, case: Case) -> None:
    """A redirect with 301 from https to http on another host is not followed.

    Accepted: nothing is sent without TLS to any server of the bench.
    """
    _to_http(bench, case, 301, "acs-http-second")


# --- the file server ---

DOWNLOAD = (*HTTPS, "download", "script", "allow_file_transmission")


def _fetch(bench: Bench, identity: Identity, kind: str = "script") -> TransferOutcome:
    """Order the transfer of a script, firmware or upload from or to the https file server, which shows *identity*."""
    script = bench.files.script(f"tls-{bench.fresh()}")
    content = bench.files.unusable_firmware() if kind == "firmware" else script
    offer = bench.https.offer(f"{kind}-{bench.fresh()}", content, identity)
    since = bench.door.mark()
    file_type = bench.files.firmware_type if kind == "firmware" else bench.files.script_type
    order: Message = Download(f"key-{bench.fresh()}", file_type, offer.url, file_size=len(offer.content))
    if kind == "upload":
        order = Upload(f"key-{bench.fresh()}", "1 Vendor Configuration File", offer.url)
    with bench.session("transfer over https") as session:
        reply = session.call(order)
    complete = None
    if reply.fault is None and not reply.lost:
        report = bench.transfer_report(since, within=bench.timing.transfer)
        complete = report.complete.fault_struct.fault_code if report is not None else None
    return TransferOutcome(reply, complete, len(offer.hits))


def not_fetched() -> Allowed[TransferOutcome]:
    """Nothing is asked of the server, and the transfer is not reported as done."""
    return Allowed(
        "no request at the file server, and no TransferComplete with fault 0",
        lambda seen: (failed if seen.hits or seen.complete_fault == 0 else passed)(str(seen)),
    )


def _bad_file_server(bench: Bench, case: Case, bad: Plan, shown: str, kind: str = "script") -> None:
    """Download from an https file server that shows *bad*, between two downloads with a right certificate.

    The right root is in both stores of the device, the bad one's in neither: whichever store it uses for files.
    """
    bench.configure(allow_file_transmission=True)
    world = bench.https.world(bench.https.files_host)
    right, wrong = world.identity(ROOT.leaf(HOST)), world.identity(bad)

    def fetches() -> str:
        outcome = _fetch(bench, right, kind)
        if kind == "upload" and outcome.reply.fault is not None:
            raise NotApplicable(f"the device refuses the Upload: {describe_reply(outcome.reply)}")
        fetched = transfer_fetched().judge(outcome).verdict == "pass"
        good = {"script": fetched, "firmware": outcome.hits > 0, "upload": outcome.complete_fault == 0}[kind]
        return "" if good else f"{describe_reply(outcome.reply)}: {outcome}"

    both = bench.https.system_store(bench.root) if bench.topology.isolated else nullcontext()
    with both, case.twin("a file is fetched over https with a right certificate", fetches):
        case.step(f"Order a download while the file server shows {shown}.")
        mark = bench.https.mark()
        clear = bench.clear_text_mark()
        outcome = _fetch(bench, wrong, kind)
        for connection in bench.https.since(mark, "files-https"):
            observe(case, connection, wrong)
        case.check(FILES, outcome, not_fetched(), what=shown)
        in_clear = [text for text in bench.clear_text_since(clear) if "to files" in text]
        case.check(FILES, in_clear, nothing("clear-text connection with data"))


@case("https.file-server.other-root", verifies=FILES, needs=DOWNLOAD)
def file_server_of_other_root(bench: Bench, case: Case) -> None:
    """No file is fetched from an https server whose certificate leads to no root of the device's.

    Accepted: no request at the file server, and a fault at once or in the TransferComplete.
    """
    _bad_file_server(bench, case, OTHER_ROOT.leaf(HOST), "a certificate of another root")


@case("https.file-server.other-name", verifies=FILES, needs=DOWNLOAD)
def file_server_of_other_name(bench: Bench, case: Case) -> None:
    """No file is fetched from an https server whose certificate names another host.

    Accepted: no request at the file server, and a fault at once or in the TransferComplete.
    """
    _bad_file_server(bench, case, ROOT.leaf(*bench.foreign_names), "a certificate for another host")


@case("https.file-server.expired", verifies=FILES, needs=(*DOWNLOAD, "absolute-time"))
def file_server_expired(bench: Bench, case: Case) -> None:
    """No file is fetched from an https server whose certificate has expired.

    Accepted: no request at the file server, and a fault at once or in the TransferComplete.
    """
    needs_right_clock(bench, case)
    _bad_file_server(bench, case, ROOT.leaf(HOST, not_after=-10), "a certificate that expired ten days ago")


@case("https.file-server.firmware", verifies=FILES, needs=(*DOWNLOAD, "allow_firmware_updates"))
def file_server_for_firmware(bench: Bench, case: Case) -> None:
    """No firmware is fetched from an https server whose certificate leads to no root of the device's.

    Accepted: no request at the file server, and a fault at once or in the TransferComplete.
    """
    bench.configure(allow_firmware_updates=True)
    _bad_file_server(bench, case, OTHER_ROOT.leaf(HOST), "a certificate of another root", "firmware")


@case("https.file-server.upload", verifies=FILES, needs=DOWNLOAD)
def file_server_for_uploads(bench: Bench, case: Case) -> None:
    """Nothing is uploaded to an https server whose certificate leads to no root of the device's.

    Accepted: no request at the file server, and a fault at once or in the TransferComplete; not applicable where the device
    refuses the Upload.
    """
    _bad_file_server(bench, case, OTHER_ROOT.leaf(HOST), "a certificate of another root", "upload")


@case("https.file-server.which-store", verifies=("lcos.tls.file-server-store", FILES), needs=DOWNLOAD)
def which_store(bench: Bench, case: Case) -> None:
    """Whether a certificate of the CWMP root, or one of the system store, is good for a file server is recorded.

    Accepted: every answer, but a file from a server whose root is in neither.
    """
    bench.configure(allow_file_transmission=True)
    world = bench.https.world(bench.https.files_host)
    case.step("Download with a certificate of the CWMP root.")
    mine = _fetch(bench, world.identity(ROOT.leaf(HOST)))
    case.observe(f"lcos.tls.file-server-store: the CWMP root: {mine}")
    with bench.https.system_store(bench.other_root):
        case.step("Download with a certificate whose root is in the system store alone.")
        theirs = _fetch(bench, world.identity(OTHER_ROOT.leaf(HOST)))
        case.observe(f"lcos.tls.file-server-store: the system store: {theirs}")
    if not mine.hits and not theirs.hits:
        raise Inconclusive("the device fetches nothing over https")
    case.step("Download with a certificate of a root that is in neither.")
    case.check(FILES, _fetch(bench, world.identity(FORGED_ROOT.leaf(HOST))), not_fetched())


# --- a second connection of the same session ---


@case("https.reject.on-reconnect", verifies="lcos.tls.untrusted-root", needs=HTTPS)
def on_reconnect(bench: Bench, case: Case) -> None:
    """A connection that is opened anew within a session is verified like the first one.

    The ACS redirects the empty POST to its own URL and closes the connection. Accepted: no application byte on a connection
    with a certificate of another root. A device that does not come back is not judged.
    """
    bench.use_https()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step(
            "In a session, show a certificate of another root from the next connection on; then make it reconnect."
        )
        wrong = bench.other_root.leaf(*bench.acs_names)
        with bench.session("whose connection is closed") as session:
            first = bench.https.mark()
            bench.https.serve_during(bench.https.settings(wrong))
            location = [("Location", bench.acs_url("acs-https-v4"))]
            back = Reply(307, headers=location, close=True, note="redirect to the same URL")
            session.reply(back, within=2.0 if bench.clock.steered else bench.timing.session)
        there = bench.https.since(first)
        for connection in there:
            observe(case, connection, wrong)
        if not there:
            raise Inconclusive("the device did not come back within the session")
        spoke = [connection for connection in there if connection.bytes_from_device()]
        attempt = spoke[0] if spoke else there[0]
        case.check("lcos.tls.untrusted-root", attempt, rejected(wrong), evidence=bench.evidence_of(attempt))
        bench.https.serve(bench.https.settings(bench.identity()))


# --- retries ---

LATER = 400.0
"""Seconds in which a device that keeps to the waits of TR-069 has tried some five times."""


@case(
    "https.retry.after-rejection",
    verifies=(RETRY, NO_DOWNGRADE, "lcos.tls.untrusted-root", "lcos.tls.host-name"),
    needs=HTTPS,
)
def retry_after_rejection(bench: Bench, case: Case) -> None:
    """After a rejected certificate the device comes back at the session retry waits, and recovers.

    Accepted: one to eight connections in the next 60 s (four are due at most: 5, 10 and 20 s apart at least; twice as
    many for a device that tries two ways each time), none with an application byte, and a session once the
    certificate is right; for a certificate of another root, and for one that names another host.
    """
    for shown, requirement, identity in (
        (
            "a certificate of another root",
            "lcos.tls.untrusted-root",
            bench.other_root.leaf(*bench.acs_names),
        ),
        ("a certificate for another host", "lcos.tls.host-name", bench.root.leaf(*bench.foreign_names)),
    ):
        _retried(bench, case, shown, requirement, identity)


def _retried(bench: Bench, case: Case, shown: str, requirement: str, identity: Identity) -> None:
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step(f"Show {shown} and watch for 60 s.")
        first = bench.https.mark()
        bench.present(identity)
        attempt = bench.https.bootstrap(bench)
        observe(case, attempt, identity)
        case.check(RETRY, attempt, rejected(identity), evidence=bench.evidence_of(attempt))
        bench.pass_time(60)
        seen = bench.https.since(first)
        case.observe(
            "connections at " + ", ".join(f"{each.opened_at - seen[0].opened_at:.1f} s" for each in seen)
        )
        case.check(RETRY, float(len(seen)), between(1, 8, "connections"))
        more = LATER if bench.clock.steered else 0.0
        bench.pass_time(more)
        spoke = sum(each.bytes_from_device() for each in bench.https.since(first))
        for which in (RETRY, requirement):
            case.check(which, spoke, equal(0), what="application bytes on all of them")
        check_no_clear_text(bench, case, mark)
        case.step("Show the right certificate and wait for the next retry.")
        bench.present(bench.identity())
        recovered = bench.next_inform(within=200 + 4 * more + bench.timing.tolerance)
        case.check(RETRY, "a session" if recovered else "no session", equal("a session"), what="recovery")


@case("https.accept.expired-without-time", verifies="cwmp.tls.dates-ignored-without-time", needs=HTTPS)
def expired_without_time(bench: Bench, case: Case) -> None:
    """A device that does not know the time does not refuse a certificate for its dates.

    Accepted: a session with a certificate that expired ten days ago, as long as the device's Inform says that it
    does not know the time.
    """
    bench.use_https()
    if bench.device_clock_error() is not None:
        raise NotApplicable("the device knows the time")
    case.step("Show a certificate that expired ten days ago.")
    bench.present(bench.root.leaf(*bench.acs_names, not_after=-10))
    case.check("cwmp.tls.dates-ignored-without-time", bench.works() or "a session", equal("a session"))
