"""ACS URLs that cannot be used: refused or harmless, set by the operator or by the ACS."""

from __future__ import annotations

from dataclasses import dataclass

from harness.bench import Bench
from harness.case import Body, Case, CaseRow, Inconclusive, NotApplicable, case, cases_from
from harness.cwmp.messages import SetParameterValuesResponse
from harness.device.api import DriverError
from harness.expect import equal, nothing, that
from suites.acs_url import (
    LONGEST,
    ODD,
    REFUSED_VALUE,
    URL,
    authority,
    exactly,
    place,
    right_url_works,
    set_url,
    strays,
    watch,
)
from suites.expectations import answered, fault
from suites.parameters import get_server


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
