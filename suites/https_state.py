"""HTTPS over time: another root, a session that is resumed, the device's other stores."""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.expect import equal
from harness.lab.pki import Authority, Identity
from harness.lab.pki_plan import HOST, OTHER_ROOT, ROOT, Plan
from suites.expectations import no_session_over_tls
from suites.https import HTTPS
from suites.tls_evidence import NO_DOWNGRADE, check_no_clear_text, observe, rejected

REMOVED = "lcos.tls.root-removed"
DEDICATED = "lcos.tls.dedicated-trust"


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
    """When the root is deleted, its certificates count no more, after a restart neither.

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
        if "restart" in bench.device.capabilities.verbs:
            case.step("Restart the device.")
            bench.device.restart()
            attempt = bench.attempt(expected=False)
            observe(case, attempt)
            evidence = bench.evidence_of(attempt)
            case.check(REMOVED, attempt, no_session_over_tls(), what="after a restart", evidence=evidence)
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
