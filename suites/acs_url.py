"""ACS URL: the device connects where the URL says, as the URL says, and nowhere else.

What is not judged by the session alone is read off the bench's own record of all connections, off the WAN link
(connection attempts of the device) and off the bench's name server. A URL is a row of a table here.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from harness.bench import Bench
from harness.bench.traffic import Mark, Request
from harness.case import Body, Case, CaseRow, NotApplicable, case, cases_from
from harness.cwmp.messages import ParameterValueStruct, SetParameterValues
from harness.expect import Allowed, equal, failed, nothing, passed, that

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


def set_url(root: str, url: str) -> SetParameterValues:
    return SetParameterValues((ParameterValueStruct(f"{root}ManagementServer.URL", url),), "")


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
