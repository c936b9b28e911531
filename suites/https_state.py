"""HTTPS over time and place: another root, a resumed session, other stores, redirects, the file server, retries."""

from __future__ import annotations

from contextlib import nullcontext

from harness.bench import Bench
from harness.case import Case, Inconclusive, NotApplicable, case
from harness.cwmp.messages import Download
from harness.expect import Allowed, between, equal, failed, passed
from harness.lab.pki import Authority, Identity
from harness.lab.pki_plan import HOST, OTHER_ROOT, ROOT, Plan, World
from harness.verdict.transcript import Connection
from suites.expectations import TransferOutcome, describe_reply, no_session_over_tls, transfer_fetched
from suites.https import HTTPS, needs_right_clock
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, observe, rejected

REMOVED = "lcos.tls.root-removed"
DEDICATED = "lcos.tls.dedicated-trust"
TARGET = "lcos.tls.redirect-target"
FILES = "lcos.tls.file-server"
RETRY = "lcos.tls.retry-after-rejection"
AWAY = "/away"
"""A path of the ACS that is redirected."""


def of(bench: Bench, root: Authority) -> Identity:
    """A good certificate for the ACS, of that root."""
    return root.leaf(*bench.acs_names)


def refused(bench: Bench, case: Case, requirement: str, identity: Identity, what: str) -> None:
    """Show *identity* once; no application byte may come."""
    bench.present(identity)
    attempt = bench.attempt()
    observe(case, attempt, identity)
    case.check(requirement, attempt, rejected(identity), what=what, evidence=bench.evidence_of(attempt))


@case("https.root.replaced", verifies=(REMOVED, NO_DOWNGRADE), needs=HTTPS)
def root_replaced(bench: Bench, case: Case) -> None:
    """With another root stored, the new one's certificates count and the old one's no more; and back again.

    Accepted: in both directions a session with the certificate of the stored root, and no application byte for that of
    the other.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        for stored, gone, words in (
            (bench.other_root, bench.root, "Store another root in place of the first."),
            (bench.root, bench.other_root, "Store the first root again."),
        ):
            case.step(words)
            bench.device.upload_root_ca(stored)
            bench.present(of(bench, stored))
            case.check(REMOVED, bench.works() or "a session", equal("a session"), what="the new root")
            refused(bench, case, REMOVED, of(bench, gone), "the old root")
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case("https.root.replaced-over-power-cycle", verifies=(REMOVED, NO_DOWNGRADE), needs=(*HTTPS, "power_cycle"))
def root_replaced_over_power_cycle(bench: Bench, case: Case) -> None:
    """A root that was replaced stays replaced when the power fails.

    Accepted: after the power cycle a session with a certificate of the new root, none with one of the old root.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step("Store another root and cut the power.")
        bench.device.upload_root_ca(bench.other_root)
        bench.present(of(bench, bench.other_root))
        bench.device.power_cycle()
        case.check(REMOVED, bench.works() or "a session", equal("a session"), what="the new root")
        refused(bench, case, REMOVED, of(bench, bench.root), "the old root")
        check_no_clear_text(bench, case, mark)
        bench.device.upload_root_ca(bench.root)
        bench.present(bench.identity())


@case("https.root.removed", verifies=(REMOVED, NO_DOWNGRADE), needs=(*HTTPS, "remove_root_ca"))
def root_removed(bench: Bench, case: Case) -> None:
    """When the root is deleted, its certificates count no more.

    Accepted: no connection, or one that the device ends before any application byte.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("with the root stored there is a session", bench.works):
        case.step("Delete the root and give the device a reason to connect.")
        bench.device.remove_root_ca()
        attempt = bench.attempt(expected=False)
        observe(case, attempt)
        case.check(REMOVED, attempt, no_session_over_tls(), evidence=bench.evidence_of(attempt))
        check_no_clear_text(bench, case, mark)
        case.step("Store the root again.")
        bench.device.upload_root_ca(bench.root)


def _resume(bench: Bench, case: Case, identity: Identity, *, delete: bool) -> None:
    """Have a session with tickets, take the root away, and offer to resume."""
    settings = bench.https.settings(identity, tickets=True)
    bench.https.serve(settings)
    first = bench.https.mark()
    for _ in range(2):
        if reason := bench.works():
            raise Inconclusive(f"no session with a server that has tickets: {reason}")
    resumed = any(each.tls.resumed for each in bench.https.since(first) if each.tls is not None)
    case.observe(
        f"the device {'resumes' if resumed else 'does not resume'} sessions of a server with tickets"
    )
    case.step("Delete the root." if delete else "Store another root in place of the first.")
    if delete:
        bench.device.remove_root_ca()
    else:
        bench.device.upload_root_ca(bench.other_root)
    attempt = bench.attempt(expected=False)
    observe(case, attempt)
    case.check(REMOVED, attempt, no_session_over_tls(), evidence=bench.evidence_of(attempt))


@case("https.resumption.after-root-replaced", verifies=(REMOVED, NO_DOWNGRADE), needs=HTTPS)
def resumption_after_root_replaced(bench: Bench, case: Case) -> None:
    """A TLS session made under the old root is no way around the new one.

    The server keeps its tickets and would resume; the report says whether the device resumes at all. Accepted: no
    application byte once the root is another.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step("Have two sessions with a server that gives out tickets.")
        _resume(bench, case, bench.identity(), delete=False)
        check_no_clear_text(bench, case, mark)
        bench.device.upload_root_ca(bench.root)
        bench.present(bench.identity())


@case(
    "https.resumption.after-root-removed", verifies=(REMOVED, NO_DOWNGRADE), needs=(*HTTPS, "remove_root_ca")
)
def resumption_after_root_removed(bench: Bench, case: Case) -> None:
    """A TLS session made under a root is of no use when the root is deleted.

    Accepted: no connection, or one that the device ends before any application byte.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("with the root stored there is a session", bench.works):
        case.step("Have two sessions with a server that gives out tickets.")
        _resume(bench, case, bench.identity(), delete=True)
        check_no_clear_text(bench, case, mark)
        bench.device.upload_root_ca(bench.root)
        bench.present(bench.identity())


def _swapped(bench: Bench, case: Case, plan: Plan, requirement: str, shown: str) -> None:
    """Have a session with tickets; then another server, that cannot resume it, shows a bad certificate."""
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step("Have a session with a server that gives out tickets.")
        bench.https.serve(bench.https.settings(bench.identity(), tickets=True))
        if reason := bench.works():
            raise Inconclusive(f"no session with a server that has tickets: {reason}")
        _url, host = bench.https.url()
        identity = bench.https.world(host).identity(plan)
        case.step(f"Put a server in its place that knows none of the tickets and shows {shown}.")
        bench.https.serve(bench.https.settings(identity, tickets=True))
        attempt = bench.attempt()
        observe(case, attempt, identity)
        if attempt is not None and attempt.tls is not None and attempt.tls.resumed:
            raise Inconclusive("the server resumed a session that it cannot know")
        case.check(requirement, attempt, rejected(identity), what=shown, evidence=bench.evidence_of(attempt))
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case(
    "https.resumption.server-of-other-root", verifies=("lcos.tls.untrusted-root", NO_DOWNGRADE), needs=HTTPS
)
def server_of_other_root(bench: Bench, case: Case) -> None:
    """A device that offers to resume a session still judges the certificate of a server that does not resume it.

    Accepted: the connection ends with no application byte; the server proves that nothing was resumed.
    """
    _swapped(bench, case, OTHER_ROOT.leaf(HOST), "lcos.tls.untrusted-root", "a certificate of another root")


@case(
    "https.resumption.server-of-other-name",
    verifies=("lcos.tls.host-name", NO_DOWNGRADE),
    needs=HTTPS,
)
def server_of_other_name(bench: Bench, case: Case) -> None:
    """A device that offers to resume a session still compares the name where the server does not resume it.

    Accepted: the connection ends with no application byte; the server proves that nothing was resumed.
    """
    foreign = ROOT.leaf(*bench.foreign_names)
    _swapped(bench, case, foreign, "lcos.tls.host-name", "a certificate for another host")


@case("https.store.system-root", verifies=(DEDICATED, NO_DOWNGRADE), needs=HTTPS)
def system_root(bench: Bench, case: Case) -> None:
    """A certificate whose root is in the device's system store alone is rejected.

    Accepted: the connection ends with no application byte sent.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with (
        bench.https.system_store(bench.other_root),
        case.twin("a certificate of the stored root leads to a session", bench.works),
    ):
        case.step("Show a certificate whose root is in the system store and not in the CWMP slot.")
        refused(bench, case, DEDICATED, of(bench, bench.other_root), "a root of the system store")
        check_no_clear_text(bench, case, mark)
        bench.present(bench.identity())


@case(
    "https.store.system-root-with-empty-slot",
    verifies=(DEDICATED, NO_DOWNGRADE),
    needs=(*HTTPS, "remove_root_ca"),
)
def system_root_with_empty_slot(bench: Bench, case: Case) -> None:
    """With no CWMP root CA stored, the device does not fall back on its system store.

    Accepted: no connection, or one that the device ends before any application byte.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with (
        bench.https.system_store(bench.root, bench.other_root),
        case.twin("with the root stored there is a session", bench.works),
    ):
        case.step("Delete the CWMP root CA certificate; the system store still has it.")
        bench.device.remove_root_ca()
        attempt = bench.attempt(expected=False)
        observe(case, attempt)
        case.check(DEDICATED, attempt, no_session_over_tls(), evidence=bench.evidence_of(attempt))
        check_no_clear_text(bench, case, mark)
        bench.device.upload_root_ca(bench.root)


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


def _fetch(bench: Bench, identity: Identity) -> TransferOutcome:
    """Order the download of a script from the https file server, which shows *identity*."""
    offer = bench.https.offer(f"script-{bench.fresh()}", bench.files.script(f"tls-{bench.fresh()}"), identity)
    since = bench.door.mark()
    order = Download(f"key-{bench.fresh()}", bench.files.script_type, offer.url, file_size=len(offer.content))
    with bench.session("Download over https") as session:
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


def _bad_file_server(bench: Bench, case: Case, bad: Plan, shown: str) -> None:
    """Download from an https file server that shows *bad*, between two downloads with a right certificate.

    The right root is in both stores of the device, the bad one's in neither: whichever store it uses for files.
    """
    bench.configure(allow_file_transmission=True)
    world = bench.https.world(bench.https.files_host)
    right, wrong = world.identity(ROOT.leaf(HOST)), world.identity(bad)

    def fetches() -> str:
        outcome = _fetch(bench, right)
        good = transfer_fetched().judge(outcome).verdict == "pass"
        return "" if good else f"{describe_reply(outcome.reply)}: {outcome}"

    both = bench.https.system_store(bench.root) if bench.topology.isolated else nullcontext()
    with both, case.twin("a file is fetched over https with a right certificate", fetches):
        case.step(f"Order a download while the file server shows {shown}.")
        mark = bench.https.mark()
        outcome = _fetch(bench, wrong)
        for connection in bench.https.since(mark, "files-https"):
            observe(case, connection, wrong)
        case.check(FILES, outcome, not_fetched(), what=shown)


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
    case.check(FILES, _fetch(bench, world.identity(Plan("forged").leaf(HOST))), not_fetched())


# --- retries ---


@case("https.retry.after-rejection", verifies=(RETRY, NO_DOWNGRADE), needs=HTTPS)
def retry_after_rejection(bench: Bench, case: Case) -> None:
    """After a rejected certificate the device comes back at the session retry waits, and recovers.

    Accepted: one to eight connections in the next 60 s (four are due at most: 5, 10 and 20 s apart at least; twice as
    many for a device that tries two ways each time), none with an application byte, and a session once the
    certificate is right.
    """
    bench.use_https()
    mark = bench.clear_text_mark()
    with case.twin("a certificate of the stored root leads to a session", bench.works):
        case.step("Show a certificate of another root and watch for 60 s.")
        first = bench.https.mark()
        identity = of(bench, bench.other_root)
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
        spoke = sum(each.bytes_from_device() for each in seen)
        case.check(RETRY, spoke, equal(0), what="application bytes on all of them")
        check_no_clear_text(bench, case, mark)
        case.step("Show the right certificate and wait for the next retry.")
        bench.present(bench.identity())
        recovered = bench.next_inform(within=200 + bench.timing.tolerance)
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
