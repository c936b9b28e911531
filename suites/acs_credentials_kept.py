"""Who gets to know the ACS credentials: the ACS after a challenge, and nobody else."""

from __future__ import annotations

from harness.acs.auth import Basic, Digest
from harness.bench import Bench
from harness.bench.traffic import Mark, Request
from harness.case import Body, Case, CaseRow, Inconclusive, NotApplicable, NotRun, case, cases_from
from harness.cwmp.digest import (
    basic_credentials,
    parse_authorization,
)
from harness.cwmp.http_auth_syntax import AuthError
from harness.cwmp.messages import (
    Download,
    ParameterValueStruct,
    SetParameterValues,
    Upload,
)
from harness.expect import Allowed, Judgement, equal, failed, nothing, passed
from harness.verdict.transcript import Role
from harness.verdict.verdict import Verdict
from suites.acs_credentials import NEEDS, schemes_of


@case(
    "acs-credentials.nothing-volunteered",
    verifies="lcos.acs-credentials.nothing-volunteered",
    needs=(*NEEDS, "acs_url"),
)
def nothing_volunteered(bench: Bench, case: Case) -> None:
    """An ACS that asks for no login gets no credentials over http, and a session all the same.

    The ACS is one that has never asked, after another one has: what was learnt there is for there (RFC 7616 3.6).
    Accepted: a session without any Authorization header.
    """
    case.step("Run a session with an ACS that demands Digest.")
    bench.demand_login("Digest")
    if reason := bench.works():
        raise Inconclusive(f"no session with the ACS that asks: {reason}")
    case.step("Set the ACS URL to an ACS on another port, which asks for nothing.")
    bench.demand(None)
    mark = bench.traffic.mark()
    bench.configure(acs_url=bench.acs_url("acs-http-odd"))
    case.check("lcos.acs-credentials.nothing-volunteered", bench.works() or "a session", equal("a session"))
    volunteered = [str(seen) for seen in bench.traffic.requests(mark, Role.ACS) if seen.authorization]
    case.check("lcos.acs-credentials.nothing-volunteered", volunteered, nothing("request with Authorization"))


def users_of(requests: list[Request]) -> set[str]:
    """The user names in Authorization headers, Basic and Digest."""
    found = set()
    for request in requests:
        if not request.authorization:
            continue
        try:
            given = parse_authorization(request.authorization)
            found.add(
                basic_credentials(given)[0]
                if given.scheme == "basic"
                else given.parameters.get("username", "")
            )
        except AuthError:
            continue
    return found


def _judge_new_pair(bench: Bench, case: Case, username: str, password: str, what: str) -> None:
    """Only the new pair is let in: the next session has it, and no request has another."""
    bench.demand(Digest(username, password))
    mark = bench.traffic.mark()
    reason = bench.survives()
    case.check("lcos.acs-credentials.change", reason or "a session", equal("a session"), what=what)
    users = users_of(bench.traffic.requests(mark, Role.ACS))
    case.check("lcos.acs-credentials.change", users, equal({username}), what=f"{what}: users seen")


@case("acs-credentials.change.local", verifies="lcos.acs-credentials.change", needs=NEEDS)
def change_local(bench: Bench, case: Case) -> None:
    """A pair that the operator changes is used from the next session on.

    Accepted: a session with an ACS that knows the new pair only, after a change of both and of the password alone; the old
    user appears in no request.
    """
    bench.demand_login("Digest")
    if reason := bench.works():
        raise Inconclusive(f"no session with the old pair: {reason}")
    username = f"new-user-{bench.fresh()}"
    for password, what in (
        (f"new-{bench.fresh()}", "both changed"),
        (f"newer-{bench.fresh()}", "password changed"),
    ):
        case.step(f"Change the pair on the device ({what}) and let the ACS demand the new one.")
        if refusal := bench.try_acs_login(username, password):
            raise Inconclusive(f"the pair could not be set: {refusal}")
        _judge_new_pair(bench, case, username, password, what)


@case("acs-credentials.change.by-acs", verifies="lcos.acs-credentials.change", needs=NEEDS)
def change_by_acs(bench: Bench, case: Case) -> None:
    """A pair that the ACS changes by SetParameterValues is used from the next session on.

    Accepted: a session with an ACS that knows the new pair only. (A device that does not let the ACS change it leaves
    nothing to judge.)
    """
    username, password = f"set-user-{bench.fresh()}", f"set-{bench.fresh()}"
    case.step(
        "Set ManagementServer.Username and Password in a session; then let the ACS demand the new pair."
    )
    with bench.session("change of the pair") as session:
        bench.device.doubt(*NEEDS)
        server = f"{session.root}ManagementServer."
        values = (
            ParameterValueStruct(f"{server}Username", username),
            ParameterValueStruct(f"{server}Password", password),
        )
        reply = session.call(SetParameterValues(values))
    if reply.fault is not None:
        raise NotApplicable(
            f"the device does not let the ACS change the pair: fault {reply.fault.fault_code}"
        )
    bench.know_pair(username, password)
    _judge_new_pair(bench, case, username, password, "set by the ACS")


@case(
    "acs-credentials.not-connection-request-pair",
    verifies="lcos.acs-credentials.not-connection-request-pair",
    needs=(*NEEDS, "connection_request_username", "connection_request_password"),
)
def not_connection_request_pair(bench: Bench, case: Case) -> None:
    """At an ACS that would let in the connection-request pair alone, the device does not get in.

    Accepted: no session, and the connection-request user in no request; with the right pair there is a session before and
    after.
    """
    requirement = "lcos.acs-credentials.not-connection-request-pair"

    def right_pair_works() -> str:
        bench.demand_login("Digest")
        return bench.works()

    with case.twin("with the right pair there is a session", right_pair_works):
        case.step("Let the ACS demand the connection-request pair and give the device reasons to connect.")
        user, secret = bench.connection_request_credentials
        bench.demand(Digest(user, secret))
        mark = bench.traffic.mark()
        bench.provoke(5.0, restart=False)
        requests = bench.traffic.requests(mark, Role.ACS)
        if not requests:
            raise Inconclusive("the device made no request that could be challenged")
        case.check(requirement, bench.traffic.arrivals(mark), nothing("session"))
        case.check(requirement, users_of(requests) & {user}, nothing("use of the connection-request user"))
        case.step("The same while the device has no pair for the ACS at all.")
        if refusal := bench.try_acs_login("", ""):
            case.observe(f"the pair cannot be emptied: {refusal}")
        else:
            mark = bench.traffic.mark()
            bench.provoke(5.0, restart=False)
            case.check(requirement, bench.traffic.arrivals(mark), nothing("session without a pair"))
            users = users_of(bench.traffic.requests(mark, Role.ACS))
            case.check(
                requirement, users & {user}, nothing("use of the connection-request user"), what="no pair set"
            )
            bench.configure(acs_username=bench.acs_credentials[0], acs_password=bench.acs_credentials[1])


def _other_host(bench: Bench) -> None:
    if not bench.topology.isolated:
        raise NotRun("without namespaces the bench has no second host")


def _credentials_at(bench: Bench, since: Mark, endpoint: str) -> list[Request]:
    """Requests since the mark to *endpoint*.

    Raises:
        Inconclusive: there is none.
    """
    found = [seen for seen in bench.traffic.requests(since) if seen.endpoint == endpoint]
    if not found:
        raise Inconclusive("the device made no request to the other host")
    return found


KEPT = "lcos.acs-credentials.kept-from-others"
OTHER = "acs-http-second"


@case("acs-credentials.kept.redirect", verifies=KEPT, needs=NEEDS)
def kept_from_redirect(bench: Bench, case: Case) -> None:
    """What the device has answered the ACS with, it does not carry along when it is redirected to another host.

    Accepted: the first request to the other host has no Authorization. (What it answers when that host asks for Digest is
    recorded: a response is not a password.) A device that does not follow the redirect is not judged.
    """
    _other_host(bench)
    case.step("Let the ACS demand Digest, and redirect to another host once the device has logged in.")
    bench.demand_login("Digest")
    mark = bench.traffic.mark()
    bench.redirect_next(bench.acs_url(OTHER, path="/other-host"), 1.0)
    requests = _credentials_at(bench, mark, OTHER)
    case.check(
        KEPT,
        requests[0].authorization,
        equal(""),
        what="Authorization of the first request to the other host",
    )
    case.observe(f"schemes used at the other host: {', '.join(sorted(schemes_of(requests))) or 'none'}")


@case("acs-credentials.kept.redirect-basic", verifies=KEPT, needs=NEEDS)
def kept_from_redirect_basic(bench: Bench, case: Case) -> None:
    """A redirect target on another host that asks for Basic does not get the password for the ACS.

    Accepted: no Basic credentials in any request to the other host. A password that is sent without being asked for is a
    failure; one that answers the other host's own challenge a warning, for the rules of redirects (TR-069) let a device log
    in where it is asked to. A device that does not follow the redirect is not judged.
    """
    _other_host(bench)
    case.step("Redirect the device to another host that demands Basic.")
    parts = bench.acs_url(OTHER, path="/other-host")
    bench.redirect("/redirected", parts)
    bench.demand(Basic(*bench.acs_credentials))
    mark = bench.traffic.mark()
    bench.configure(acs_url=bench.acs_url("acs-http-v4", path="/redirected"))
    bench.provoke(1.0, restart=False)
    case.check(KEPT, _credentials_at(bench, mark, OTHER), no_password_for_the_asking())


def no_password_for_the_asking() -> Allowed[list[Request]]:
    """No Basic credentials: unasked they are a failure, on demand of the server a warning."""

    def judge(requests: list[Request]) -> Judgement:
        sent = [seen for seen in requests if seen.authorization.lower().startswith("basic")]
        if not sent:
            return passed("no request with Basic credentials")
        shown = f"{len(sent)} of {len(requests)} requests with Basic credentials: {sent[0]}"
        if sent[0] is requests[0]:
            return failed(shown, "the password was sent before anybody asked for it")
        return Judgement(Verdict.WARN, shown, "the other host had asked for Basic")

    return Allowed("no request with Basic credentials", judge)


FILE_LOGINS = (
    ("open", None, "", "asks for nothing"),
    ("basic", Basic, "", "asks for Basic"),
    ("digest", Digest, "", "asks for Digest"),
    ("refusing", Digest, "file-user", "refuses the pair of the Download"),
)
"""Id, what it asks for, the user in the Download, in words."""


def _kept_from_files(scheme: type[Basic] | type[Digest] | None, user: str) -> Body:
    def body(bench: Bench, case: Case) -> None:
        pair = bench.acs_credentials
        case.step(f"In a session under Digest, order the download of a file, with {user or 'no user'}.")
        bench.demand_login("Digest")
        content = bench.files.script(f"marker-{bench.fresh()}")
        auth = scheme(*pair) if scheme is not None else None
        offer = bench.files.offer(f"protected-{bench.fresh()}", content, auth=auth)
        key = f"key-{bench.fresh()}"
        mark, door = bench.traffic.mark(), bench.door.mark()
        secret = f"file-{bench.fresh()}" if user else ""
        with bench.session("a Download") as session:
            order = Download(key, bench.files.script_type, offer.url, user, secret, len(content))
            if session.call(order).fault is not None:
                raise Inconclusive("the device does not take the Download")
        bench.transfer_report(door, within=bench.timing.transfer)
        requests = bench.traffic.requests(mark, Role.FILE_SERVER)
        if not requests:
            raise Inconclusive("the device made no request to the file server")
        case.check(KEPT, users_of(requests) & {pair[0]}, nothing("use of the ACS user at the file server"))
        case.check(
            KEPT,
            [str(seen) for seen in requests if pair[1] in seen.authorization],
            nothing("ACS password at the file server"),
        )

    return body


cases_from(
    globals(),
    [
        CaseRow(
            f"acs-credentials.kept.file-server-{name}",
            f"A file server that {what} does not get the credentials for the ACS.\n\nAccepted: the ACS user in no request to the "
            "file server; the transfer may fail.",
            _kept_from_files(scheme, user),
            KEPT,
            (*NEEDS, "download", "script", "allow_file_transmission"),
        )
        for name, scheme, user, what in FILE_LOGINS
    ],
)


@case("acs-credentials.kept.upload", verifies=KEPT, needs=NEEDS)
def kept_from_upload(bench: Bench, case: Case) -> None:
    """A file server to which the device uploads does not get the credentials for the ACS.

    Accepted: the ACS user in no request to the file server; the transfer may fail. Not applicable where the device refuses
    the Upload.
    """
    pair = bench.acs_credentials
    offer = bench.files.offer(f"upload-{bench.fresh()}", b"")
    bench.files.uploads_need(Digest(*pair))
    case.step("Order an upload with no user to a file server that the ACS pair would open.")
    mark, door = bench.traffic.mark(), bench.door.mark()
    with bench.session("an Upload without user") as session:
        reply = session.call(Upload(f"key-{bench.fresh()}", "1 Vendor Configuration File", offer.url))
    if reply.fault is not None:
        raise NotApplicable(f"the device refuses the Upload: fault {reply.fault.fault_code}")
    bench.transfer_report(door, within=bench.timing.transfer)
    requests = bench.traffic.requests(mark, Role.FILE_SERVER)
    if not requests:
        raise Inconclusive("the device made no request to the file server")
    case.check(KEPT, users_of(requests) & {pair[0]}, nothing("use of the ACS user at the file server"))
