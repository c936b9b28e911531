"""ACS URL: the device connects where the URL says, as the URL says, and nowhere else.

What is not judged by the session alone is read off the bench's own record of all connections, off the WAN link
(connection attempts of the device) and off the bench's name server. A URL is a row of a table here.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.bench import Bench
from harness.bench.traffic import Arrival, Mark, Request
from harness.case import Body, Case, CaseRow, Inconclusive, NotApplicable, case, cases_from
from harness.cwmp.messages import ParameterValueStruct, SetParameterValues, SetParameterValuesResponse
from harness.device.api import DriverError
from harness.expect import Allowed, equal, failed, nothing, passed, that
from suites.expectations import answered, fault
from suites.parameters import get_server

URL = ("acs_url",)
LONGEST = 256
"""Characters of an ACS URL (LCOS: 0 to 256; TR-181: string(256))."""
ODD, SECOND = "acs-http-odd", "acs-http-second"
BOOTSTRAP = "0 BOOTSTRAP"
DEFAULT_PORTS = {"http": 80, "https": 443}
REFUSED_VALUE = (9003, 9007, 9001, 9008)
"""An ACS URL that is refused: invalid arguments or value; request denied and not writable where the ACS may not set it."""


# --- what was seen ------------------------------------------------------------------------------------


def authority(bench: Bench, endpoint: str) -> str:
    """Host and port under which an endpoint is reached, as a URL has them."""
    return urlsplit(bench.acs_url(endpoint)).netloc


def host_headers(url: str) -> set[str]:
    """The Host headers that are right for *url*, in lower case: the port may be left out where it is the default."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    default = DEFAULT_PORTS[parts.scheme]
    port = parts.port or default
    return {f"{host}:{port}"} | ({host} if port == default else set())


def target_of(url: str) -> str:
    """The request target for *url*: path and query as they are written, ``/`` for an empty path."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def exactly(url: str, endpoint: str) -> Allowed[list[Request]]:
    """Every request goes to *endpoint*, for the path and query of *url*, with its host and port in the Host header."""
    target, hosts = target_of(url), host_headers(url)

    def wrong(request: Request) -> str:
        if request.endpoint != endpoint:
            return f"{request}: another server"
        if request.message.target != target:
            return f"{request}: another target"
        return (
            ""
            if _canonical(request.host) in {_canonical(host) for host in hosts}
            else f"{request}: another Host"
        )

    def judge(requests: list[Request]) -> object:
        found = [text for request in requests if (text := wrong(request))]
        if found:
            return failed("; ".join(found[:3]))
        return passed(f"{len(requests)} requests, {requests[0]}") if requests else failed("no request")

    expected = f"every request at {endpoint}, for {target}, with Host {' or '.join(sorted(hosts))}"
    return Allowed(expected, judge)  # type: ignore[arg-type]


def _canonical(host: str) -> str:
    """A Host header for comparison: lower case, an IPv6 address in its one short form."""
    address, bracket, rest = host.lower().removeprefix("[").partition("]")
    if not bracket:
        return host.lower()
    try:
        return f"[{ipaddress.IPv6Address(address)}]{rest}"
    except ValueError:
        return host.lower()


def strays(bench: Bench, since: Mark, *allowed: tuple[str, str]) -> list[str]:
    """Contacts since the mark, in words, other than those *allowed*: pairs of endpoint and request target."""
    found = [
        str(seen)
        for seen in bench.traffic.requests(since)
        if (seen.endpoint, seen.message.target) not in allowed
    ]
    endpoints = {endpoint for endpoint, _ in allowed}
    connections = bench.traffic.connections(since)
    found += [f"connection to {each.endpoint}" for each in connections if each.endpoint not in endpoints]
    places = {each.bench_address for each in connections}
    found += [
        f"connection attempt at {frame.dst} port {frame.dport} (frame {frame.number})"
        for frame in bench.traffic.attempts(since, anywhere=True)
        if (frame.dst, frame.dport) not in places
    ]
    return found


def place(bench: Bench, url: str) -> tuple[str, str]:
    """The endpoint that *url*, one of the bench's own, leads to, and its request target."""
    parts = urlsplit(url)
    for name in bench.acs_endpoints():
        known = urlsplit(bench.acs_url(name))
        if (known.scheme, known.netloc.lower()) == (parts.scheme, parts.netloc.lower()):
            return name, target_of(url)
    raise ValueError(f"{url} is no URL of the bench")


def right_url_works(bench: Bench) -> str:
    """The control: the URL that is in force between cases leads to a session."""
    bench.configure(acs_url=str(bench.device.baseline["acs_url"]))
    return bench.works()


def watch(bench: Bench) -> float:
    """Seconds of device time in which nothing may be seen."""
    return 60.0 if bench.clock.steered else bench.timing.settle


# --- used exactly -------------------------------------------------------------------------------------


def uses(bench: Bench, case: Case, requirement: str, url: str, endpoint: str) -> None:
    """Set *url*; the session that follows goes exactly there."""
    case.step(f"Set the ACS URL to {url} and give the device a reason to connect.")
    mark = bench.traffic.mark()
    bench.configure(acs_url=url)
    reason = bench.works()
    case.check(requirement, reason or "a session", equal("a session"))
    case.check(requirement, bench.traffic.requests(mark), exactly(url, endpoint))
    case.check(requirement, strays(bench, mark, (endpoint, target_of(url))), nothing("contact elsewhere"))


EXACT = (
    ("long-path", "/Device/Management/cwmp.cgi;v=1/acs", "a path of several steps on an unusual port"),
    ("query", "/cwmp?id=4711&realm=a%20b&x=%2F", "a query"),
    ("empty-path", "", "no path: the target is /"),
    ("query-signs", "/cwmp?id=a+b;c=1,2&d=~e:f@g/h?i", "signs in the query that need no encoding"),
    ("query-without-path", "?id=4711", "a query and no path: the target is /?id=4711"),
    ("trailing-slash", "/cwmp/", "a path that ends in a slash"),
    ("letter-case", "/CwMp/ACS", "a path in mixed case"),
    ("percent", "/a%2Fb%20c/cwmp", "a path with percent-encoded delimiters"),
    ("longest", "/" + "long-path/" * 40, f"{LONGEST} characters"),
)
"""Id, what follows host and port, what is special."""


def _exact(rest: str) -> Body:
    def body(bench: Bench, case: Case) -> None:
        url = f"http://{authority(bench, ODD)}{rest}"[:LONGEST]
        uses(bench, case, "lcos.acs-url.used-exactly", url, ODD)

    return body


cases_from(
    globals(),
    [
        CaseRow(
            f"acs-url.exact.{name}",
            f"An ACS URL with {why} is used exactly.\n\nAccepted: a session; every request bears the URL's path and "
            "query as written and its host and port in the Host header; no contact elsewhere.",
            _exact(rest),
            "lcos.acs-url.used-exactly",
            URL,
        )
        for name, rest, why in EXACT
    ],
)


@case("acs-url.exact.default-port", verifies="lcos.acs-url.used-exactly", needs=URL, packets=True)
def default_port(bench: Bench, case: Case) -> None:
    """Without a port in it, an http URL means port 80.

    Accepted: a session on port 80; a Host header with or without ":80".
    """
    url = f"http://{bench.topology.acs_host}/cwmp?p"
    uses(bench, case, "lcos.acs-url.used-exactly", url, "acs-http-v4")


HIGH_PORT = 50123
"""A port in the upper half of the range, where a signed 16-bit number is negative; nobody listens there."""


@case("acs-url.exact.high-port", verifies="lcos.acs-url.used-exactly", needs=URL, packets=True)
def high_port(bench: Bench, case: Case) -> None:
    """A port in the upper half of the range is used as it is.

    Nobody listens there. Accepted: the device tries to connect to that port of the ACS, and nowhere else.
    """
    if not bench.topology.isolated:
        raise NotApplicable("the port may belong to somebody else on this host")
    with case.twin("the right URL leads to a session", lambda: right_url_works(bench)):
        case.step(f"Set a URL with port {HIGH_PORT} and give the device reasons to connect.")
        mark = bench.traffic.mark()
        bench.configure(acs_url=f"http://{bench.topology.acs_host}:{HIGH_PORT}/cwmp")
        bench.provoke(watch(bench), restart=False)
        seen = {f"{frame.dst} port {frame.dport}" for frame in bench.traffic.attempts(mark, anywhere=True)}
        right = {f"{address} port {HIGH_PORT}" for address in (bench.topology.acs_v4, bench.topology.acs_v6)}
        case.check(
            "lcos.acs-url.used-exactly",
            seen,
            that(f"attempts at port {HIGH_PORT} of the ACS alone", lambda found: found and found <= right),
        )


@case(
    "acs-url.exact.https",
    verifies="lcos.acs-url.used-exactly",
    needs=(*URL, "https", "upload_root_ca"),
    packets=True,
)
def exact_https(bench: Bench, case: Case) -> None:
    """Without a port in it, an https URL means port 443, and TLS is told the URL's host name.

    Accepted: a session on port 443, a Host header with or without ":443", and the server name of every TLS handshake, where
    the device sends one, is the host of the URL.
    """
    bench.use_https()
    url = f"https://{bench.topology.acs_host}/Secure/cwmp?id=1"
    mark = bench.traffic.mark()
    uses(bench, case, "lcos.acs-url.used-exactly", url, "acs-https-v4")
    names = {
        each.tls.sni for each in bench.traffic.connections(mark) if each.tls is not None and each.tls.sni
    }
    case.check(
        "lcos.acs-url.used-exactly",
        names,
        that(
            f"no other server name than {bench.topology.acs_host}",
            lambda seen: seen <= {bench.topology.acs_host},
        ),
        what="server name in TLS",
    )


# --- changed ------------------------------------------------------------------------------------------


def judge_change(
    bench: Bench, case: Case, since: Mark, new: str, *, known: int = 0, ended: float = 0.0
) -> None:
    """Since the mark the device has informed the new ACS with "0 BOOTSTRAP", and the old one of nothing.

    *known* sessions since the mark were still with the old ACS; the last ended at *ended* (real time).
    """
    if not bench.traffic.arrivals(since)[known:]:
        bench.next_inform(bench.timing.contact)
    if not bench.traffic.arrivals(since)[known:]:
        case.observe("the change alone brought no session; the device was given a reason to connect")
        bench.provoke(bench.timing.contact)
    case.step("Watch for two periodic intervals.")
    bench.pass_time(2 * bench.timing.interval)
    case.check("lcos.acs-url.change", bench.traffic.arrivals(since)[known : known + 1], starts_anew(SECOND))
    elsewhere = [
        f"connection to {each.endpoint}"
        for each in bench.traffic.connections(since)
        if each.opened_real > ended and each.endpoint != SECOND
    ]
    case.check("lcos.acs-url.change", elsewhere, nothing(f"contact with any other than {new}"))


def right_and_second(bench: Bench) -> tuple[str, str]:
    """The URL in force, shown to work, and one of a second ACS; with periodic Informs where the device has them."""
    if {"periodic_inform_active", "periodic_inform_interval"} <= bench.device.capabilities.settings:
        bench.configure(periodic_inform_active=True, periodic_inform_interval=int(bench.timing.interval))
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session with the first ACS: {reason}")
    return str(bench.device.baseline["acs_url"]), bench.acs_url(SECOND, path="/second-acs")


def set_url(root: str, url: str) -> SetParameterValues:
    return SetParameterValues((ParameterValueStruct(f"{root}ManagementServer.URL", url),), "")


@case("acs-url.change.local", verifies="lcos.acs-url.change", needs=URL)
def change_local(bench: Bench, case: Case) -> None:
    """When the operator changes the ACS URL, the next session goes to the new ACS and starts anew with "0 BOOTSTRAP".

    Accepted: the first session after the change is at the new ACS and has the event "0 BOOTSTRAP"; in two intervals the old
    ACS sees no connection.
    """
    old, new = right_and_second(bench)
    case.step(f"With a session at {old} behind it, change the ACS URL to {new}.")
    mark = bench.traffic.mark()
    bench.configure(acs_url=new)
    judge_change(bench, case, mark, new)


def first_arrival(bench: Bench, since: Mark) -> list[Arrival]:
    """The first session since the mark; the device is given a reason to connect where it needs one."""
    if not bench.traffic.arrivals(since):
        bench.next_inform(bench.timing.contact)
    if not bench.traffic.arrivals(since):
        bench.provoke(bench.timing.contact)
    return bench.traffic.arrivals(since)[:1]


def starts_anew(endpoint: str) -> Allowed[list[Arrival]]:
    """One session at *endpoint*, with "0 BOOTSTRAP"."""
    return that(
        f"a session at {endpoint}, with {BOOTSTRAP}",
        lambda seen: bool(seen) and seen[0].endpoint == endpoint and BOOTSTRAP in seen[0].event_codes,
        lambda seen: "; ".join(map(str, seen)) or "no session",
    )


@case("acs-url.change.in-any-way", verifies="lcos.acs-url.change", needs=URL)
def change_in_any_way(bench: Bench, case: Case) -> None:
    """A URL of which only the port, the path or the query has changed is that of a new ACS, and so is one known from before.

    TR-069 table 8: "after the ACS URL has been modified in any way". Accepted, for each change: the next session is at the
    server of the new URL and has the event "0 BOOTSTRAP".
    """
    first = bench.acs_url(ODD, path="/one-acs")
    rows = (
        ("another port and path", ODD, first),
        ("another path", ODD, bench.acs_url(ODD, path="/other-acs")),
        ("another query", ODD, bench.acs_url(ODD, path="/other-acs?id=2")),
        ("one that it had before", ODD, first),
    )
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session to begin with: {reason}")
    for shown, endpoint, url in rows:
        case.step(f"Change the ACS URL to {url}: {shown}.")
        mark = bench.traffic.mark()
        bench.configure(acs_url=url)
        seen = first_arrival(bench, mark)
        case.check("lcos.acs-url.change", seen, starts_anew(endpoint), what=shown)
        bench.works()


@case("acs-url.change.first-session-fails", verifies="lcos.acs-url.change", needs=URL)
def change_and_failure(bench: Bench, case: Case) -> None:
    """Where the first session with a new ACS fails, the next one still starts anew.

    "0 BOOTSTRAP" is kept until an InformResponse has acknowledged it (TR-069 3.7.1.5). Accepted: with the ACS reachable
    again, a session with "0 BOOTSTRAP".
    """
    if bench.names is None:
        raise NotApplicable("this bench has no name server")
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session to begin with: {reason}")
    name = bench.names.new()
    case.step(f"Change the ACS URL to one with the name {name}, which does not exist yet.")
    mark = bench.traffic.mark()
    bench.configure(acs_url=bench.acs_url(ODD, host=name, path="/later"))
    bench.provoke(watch(bench), restart=False)
    if not bench.names.queries(mark.queries, name):
        raise Inconclusive("the device did not try to connect")
    case.step("Give the name its address and wait for the next attempt.")
    bench.names.set(name, a=(bench.topology.acs_v4,))
    bench.pass_time(60.0 if bench.clock.steered else bench.timing.settle)
    seen = first_arrival(bench, mark)
    case.check("lcos.acs-url.change", seen, starts_anew(ODD))


@case("acs-url.change.by-acs", verifies="lcos.acs-url.change", needs=URL)
def change_by_acs(bench: Bench, case: Case) -> None:
    """When the ACS changes ManagementServer.URL, the session ends where it is; the next goes to the new ACS.

    Accepted: SetParameterValues is answered and the session comes to its end with the old ACS; then as for a change by
    the operator. (A device that does not let the ACS change the URL leaves nothing to judge.)
    """
    old, new = right_and_second(bench)
    case.step(f"Set ManagementServer.URL to {new} in a session at {old}, and end it.")
    mark = bench.traffic.mark()
    with bench.session("change of the URL") as session:
        known = len(bench.traffic.arrivals(mark))
        reply = session.call(set_url(session.root, new))
        bench.device.doubt("acs_url")
    if reply.fault is not None:
        raise NotApplicable(f"the device does not let the ACS change its URL: fault {reply.fault.fault_code}")
    case.check(
        "lcos.acs-url.change", session.complete, equal(True), what="the session with the old ACS completed"
    )
    judge_change(bench, case, mark, new, known=known, ended=session.ended_real)


# --- invalid ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Junk:
    """An ACS URL that is none. ``{at}`` is host and port of the ACS, ``{host}`` its host, ``{name}`` a name of its own."""

    id: str
    url: str
    what: str
    requirement: str = "lcos.acs-url.invalid-harmless"
    by_acs: bool = False
    """Also tried by SetParameterValues."""

    def text(self, bench: Bench) -> str:
        name = bench.names.new(a=(bench.topology.acs_v4,)) if "{name}" in self.url else ""
        return self.url.format(at=authority(bench, ODD), host=bench.topology.acs_host, name=name)


OVERLONG = "http://{at}/" + "too-long/" * 40
JUNK = (
    Junk("empty", "", "empty"),
    Junk("words", "no URL at all", "words with blanks", by_acs=True),
    Junk("no-host", "http:///cwmp-junk", "a URL without a host", by_acs=True),
    Junk("scheme-alone", "http://", "a scheme and nothing else"),
    Junk("port-too-high", "http://{host}:99999/cwmp-junk", "a port above 65535", by_acs=True),
    Junk("port-zero", "http://{host}:0/cwmp-junk", "port 0"),
    Junk("port-word", "http://{host}:port/cwmp-junk", "a port that is no number", by_acs=True),
    Junk(
        "open-bracket", "http://[2001:db8:100::10/cwmp-junk", "an IPv6 address with one bracket", by_acs=True
    ),
    Junk("octet-too-high", "http://198.51.100.999/cwmp-junk", "an IPv4 address with an octet above 255"),
    Junk("blank-in-host", "http://acs bench/cwmp-junk", "a blank in the host", by_acs=True),
)
SCHEMES = (
    Junk("ftp", "ftp://{name}/cwmp-junk", "the scheme ftp", "lcos.scheme.others-unused", by_acs=True),
    Junk("file", "file:///cwmp-junk", "the scheme file", "lcos.scheme.others-unused", by_acs=True),
    Junk("ldap", "ldap://{name}/cwmp-junk", "the scheme ldap", "lcos.scheme.others-unused"),
    Junk(
        "httpx",
        "httpx://{name}:7548/cwmp-junk",
        "a scheme that begins like http",
        "lcos.scheme.others-unused",
        by_acs=True,
    ),
    Junk("htt", "htt://{name}:7548/cwmp-junk", "a scheme that http begins with", "lcos.scheme.others-unused"),
    Junk("no-scheme", "://{name}:7548/cwmp-junk", "no scheme before ://", "lcos.scheme.others-unused"),
)
"""Rows of refused URLs. Paths differ from the right URL's, so that a shortened or mended URL is told from the old one."""


def stays_harmless(bench: Bench, case: Case, row: Junk) -> None:
    """Set the URL of *row*; the device refuses it and keeps the old one, or leaves everybody alone, and survives it."""
    case.step("Control: the right URL leads to a session.")
    if reason := right_url_works(bench):
        raise Inconclusive(f"control before the stimulus failed: {reason}")
    old, url = str(bench.device.baseline["acs_url"]), row.text(bench)
    case.step(f"Set the ACS URL to {url[:300] or 'nothing'}.")
    mark = bench.traffic.mark()
    refusal = bench.device.try_configure(acs_url=url)
    case.observe(f"the device refused it: {refusal}" if refusal else "the device took it")
    tried = bench.provoke(watch(bench))
    case.step(f"Give it reasons to connect ({'; '.join(tried)}) and watch.")
    seen = strays(bench, mark, place(bench, old))
    case.check(row.requirement, seen, nothing("contact other than with the old URL"))
    if "{name}" in row.url:
        asked = [str(each) for each in bench.names.queries(mark.queries, bench.names.last)]
        case.check(row.requirement, asked, nothing("question for its name"))
    case.step("Set the right URL again.")
    reason = back_at_work(bench)
    case.check(row.requirement, reason or "a session", equal("a session"), what="with the right URL again")


def back_at_work(bench: Bench) -> str:
    """As `right_url_works`; that the device cannot even be configured is an answer, too."""
    try:
        return right_url_works(bench)
    except DriverError as error:
        return bench.device.gone() or str(error)


def _junk(row: Junk) -> Body:
    return lambda bench, case: stays_harmless(bench, case, row)


def _junk_rows(kind: str, rows: tuple[Junk, ...], *, packets: bool) -> list[CaseRow]:
    return [
        CaseRow(
            f"acs-url.{kind}.{row.id}",
            f"An ACS URL with {row.what} is refused, or leaves the device silent.\n\nAccepted: refused, and every contact is "
            "with the old URL; or taken, and there is none. The right URL leads to a session before and after.",
            _junk(row),
            row.requirement,
            URL,
            packets,
        )
        for row in rows
    ]


cases_from(globals(), _junk_rows("invalid", JUNK, packets=False))
cases_from(globals(), _junk_rows("scheme", SCHEMES, packets=True))


@case("acs-url.invalid.overlong", verifies="lcos.acs-url.invalid-harmless", needs=URL)
def overlong(bench: Bench, case: Case) -> None:
    """An ACS URL of 257 characters is refused, or leaves the device silent; above all it is never shortened.

    Accepted: refused, with every contact at the old URL; taken, with no contact; or taken and used in its full length (a
    device whose own limit is higher harms nobody). With 256 characters there is a session before and after.
    """

    def longest_works() -> str:
        bench.configure(acs_url=long_url(bench, LONGEST))
        return bench.works()

    with case.twin("a URL of 256 characters leads to a session", longest_works):
        old, url = long_url(bench, LONGEST), long_url(bench, LONGEST + 1)
        case.step("Set an ACS URL with one character more.")
        mark = bench.traffic.mark()
        refusal = bench.device.try_configure(acs_url=url)
        case.observe(f"the device refused it: {refusal}" if refusal else "the device took it")
        bench.provoke(watch(bench))
        # The old URL is what the new one is when shortened: it is right only where the device has refused the new one.
        right = [place(bench, each) for each in ((old, url) if refusal else (url,))]
        case.check(
            "lcos.acs-url.invalid-harmless", strays(bench, mark, *right), nothing("contact with another URL")
        )


def long_url(bench: Bench, length: int) -> str:
    return OVERLONG.format(at=authority(bench, ODD))[:length]


@case("acs-url.scheme.bare-host", verifies="lcos.acs-url.bare-host", needs=URL)
def bare_host(bench: Bench, case: Case) -> None:
    """What the device does with a host and no scheme at all is recorded; it is back at work with the right URL.

    Accepted: anything; LANCOM's page does not say whether a bare address is meant.
    """
    mark = bench.traffic.mark()
    url = f"{authority(bench, ODD)}/bare-host"
    case.step(f"Set the ACS URL to {url} and give the device a reason to connect.")
    refusal = bench.device.try_configure(acs_url=url)
    bench.provoke(watch(bench))
    seen = "; ".join(map(str, bench.traffic.requests(mark)[:2])) or "no request"
    case.check(
        "lcos.acs-url.bare-host", f"{refusal or 'taken'}; {seen}", that("anything", lambda _seen: True)
    )
    if reason := right_url_works(bench):
        raise Inconclusive(f"no session with the right URL afterwards: {reason}")


def refused_by_rpc(bench: Bench, case: Case, url: str, requirement: str) -> None:
    """SetParameterValues of *url* is answered by a fault and leaves ManagementServer.URL as it is."""
    with case.twin("the right URL leads to a session", lambda: right_url_works(bench)):
        case.step(f"Set ManagementServer.URL to {url[:300]} by SetParameterValues, read it, end the session.")
        mark = bench.traffic.mark()
        with bench.session("an invalid URL") as session:
            bench.device.doubt("acs_url")
            before = get_server(session, "URL")
            reply = session.call(set_url(session.root, url))
            after = get_server(session, "URL")
        case.check(requirement, reply, fault(*REFUSED_VALUE))
        case.check(requirement, after, equal(before), what="ManagementServer.URL")
        bench.provoke(watch(bench), restart=False)
        case.check(
            requirement,
            strays(bench, mark, place(bench, str(bench.device.baseline["acs_url"]))),
            nothing("contact other than with the old URL"),
        )


def _by_rpc(row: Junk) -> Body:
    return lambda bench, case: refused_by_rpc(bench, case, row.text(bench), row.requirement)


cases_from(
    globals(),
    [
        CaseRow(
            f"acs-url.set-by-acs.{row.id}",
            f"ManagementServer.URL cannot be set to a value with {row.what}.\n\nAccepted: fault 9003 or 9007 (9001, 9008 where "
            "the ACS may not set it at all); the value reads as before, and the next session is at the old URL.",
            _by_rpc(row),
            row.requirement,
            URL,
            "{name}" in row.url,
        )
        for row in (*JUNK, *SCHEMES, Junk("overlong", OVERLONG, "more than 256 characters", by_acs=True))
        if row.by_acs
    ],
)


@case("acs-url.set-by-acs.longest", verifies="lcos.acs-url.used-exactly", needs=URL)
def longest_by_acs(bench: Bench, case: Case) -> None:
    """ManagementServer.URL takes 256 characters, and the device then uses all of them.

    Accepted: SetParameterValuesResponse; the next session is at exactly that URL. (A device that does not let the ACS
    change the URL leaves nothing to judge.)
    """
    url = long_url(bench, LONGEST)
    case.step("Set ManagementServer.URL to the value that it has, then to 256 characters.")
    with bench.session("the longest URL") as session:
        bench.device.doubt("acs_url")
        unchanged = session.call(set_url(session.root, str(bench.device.baseline["acs_url"])))
        if unchanged.fault is not None:
            raise NotApplicable(
                f"the device does not let the ACS set its URL: fault {unchanged.fault.fault_code}"
            )
        reply = session.call(set_url(session.root, url))
    case.check("lcos.acs-url.used-exactly", reply, answered(SetParameterValuesResponse))
    mark = bench.traffic.mark()
    reason = bench.works()
    case.check("lcos.acs-url.used-exactly", reason or "a session", equal("a session"))
    later = [
        seen for seen in bench.traffic.requests(mark) if seen.connection.opened_real > session.ended_real
    ]
    case.check("lcos.acs-url.used-exactly", later, exactly(url, ODD))
