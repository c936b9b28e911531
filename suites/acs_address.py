"""ACS URL: its host as an IPv4 address, an IPv6 address in brackets or a name, and its scheme.

Which addresses a name has is up to the bench's name server; who was asked for what is read off its book.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from harness.bench import Bench
from harness.bench.traffic import Mark
from harness.case import Body, Case, CaseRow, Inconclusive, case, cases_from
from harness.device.api import FirewallRule
from harness.expect import equal, nothing, that
from harness.lab.payloads import Flow
from harness.lab.reply import Reply
from suites.acs_url import ODD, SECOND, URL, exactly, place, right_url_works, strays, uses, watch

HTTPS = (*URL, "https", "upload_root_ca")
ODD_V6 = "acs-http-odd-v6"
TTL = 1
"""Seconds that a record of these cases may be remembered."""
NAME, AGAIN = "lcos.acs-url.host-name", "lcos.acs-url.name-resolved-again"
TLS_FIRST = (0x16, 0x80)
"""First octet of a TLS record with a handshake, and of an SSL 2 ClientHello."""


def let_in(bench: Bench) -> None:
    """Let connection requests in over IPv6, where the device has a firewall: it may be woken by the way it came."""
    if "ipv6_inbound_rules" in bench.device.capabilities.settings:
        bench.configure(ipv6_inbound_rules=(FirewallRule("cwmp", (bench.device_port,)),))


def forget(bench: Bench) -> None:
    """Let the time pass after which a record may not be remembered any more."""
    bench.pass_time(TTL + (60.0 if bench.clock.steered else bench.timing.settle))


# --- literals -----------------------------------------------------------------------------------------


def no_question(bench: Bench, case: Case, requirement: str, since: Mark, literal: str) -> None:
    """The literal was not looked up: no question since the mark names it."""
    asked = [str(each) for each in bench.names.queries(since.queries, literal)]
    case.check(requirement, asked, nothing(f"DNS question for {literal}"))


@case("acs-url.address.ipv4", verifies="lcos.acs-url.ipv4-literal", needs=URL, packets=True)
def ipv4(bench: Bench, case: Case) -> None:
    """With an IPv4 address in the ACS URL the device connects to it and asks no name server.

    Accepted: a session at exactly that address and port, no contact elsewhere, no DNS question for the address.
    """
    address = bench.topology.acs_v4
    mark = bench.traffic.mark()
    uses(bench, case, "lcos.acs-url.ipv4-literal", bench.acs_url(ODD, host=address, path="/literal"), ODD)
    no_question(bench, case, "lcos.acs-url.ipv4-literal", mark, address)


LITERALS = (
    ("port", "[{v6}]:80", "and a port", "acs-http-v6"),
    ("no-port", "[{v6}]", "and no port", "acs-http-v6"),
    ("odd-port", "[{v6}]:{odd}", "and an unusual port", ODD_V6),
    ("long-form", "[{long}]:80", "in upper case with all its digits, and a port", "acs-http-v6"),
)
"""Id, host and port in the URL, what is special, the server that is meant."""


def _literal(form: str, endpoint: str) -> Body:
    def body(bench: Bench, case: Case) -> None:
        v6 = bench.topology.acs_v6
        let_in(bench)
        odd = urlsplit(bench.acs_url(ODD_V6)).port if endpoint == ODD_V6 else None
        host = form.format(v6=v6, long=_long(v6), odd=odd)
        mark = bench.traffic.mark()
        uses(bench, case, "lcos.acs-url.ipv6-literal", f"http://{host}/literal?v=6", endpoint)
        no_question(bench, case, "lcos.acs-url.ipv6-literal", mark, v6.partition("::")[0])

    return body


def _long(address: str) -> str:
    """An IPv6 address with all of its digits, in upper case."""
    return ipaddress.IPv6Address(address).exploded.upper()


cases_from(
    globals(),
    [
        CaseRow(
            f"acs-url.address.ipv6.{name}",
            f"With an IPv6 address in brackets {why}, the device connects to it over IPv6.\n\nAccepted: a session at that "
            "address, the brackets in every Host header, no contact elsewhere, no DNS question for the address.",
            _literal(form, endpoint),
            "lcos.acs-url.ipv6-literal",
            (*URL, "ipv6"),
            packets=True,
        )
        for name, form, why, endpoint in LITERALS
    ],
)


@case(
    "acs-url.address.ipv6.https", verifies="lcos.acs-url.ipv6-literal", needs=(*HTTPS, "ipv6"), packets=True
)
def ipv6_https(bench: Bench, case: Case) -> None:
    """With https and an IPv6 address in brackets, the device connects to it over IPv6.

    The certificate names the address. Accepted: a session at that address, the brackets in every Host header, no contact
    elsewhere.
    """
    let_in(bench)
    bench.use_https()
    url = f"https://[{bench.topology.acs_v6}]/literal?v=6"
    uses(bench, case, "lcos.acs-url.ipv6-literal", url, "acs-https-v6")


@case("acs-url.address.ipv6.unbracketed", verifies="lcos.acs-url.ipv6-unbracketed", needs=URL, packets=True)
def unbracketed(bench: Bench, case: Case) -> None:
    """With an IPv6 address that has no brackets, nobody else is taken for the ACS.

    Accepted: refused, with every contact at the old URL; or no contact; or the address that was meant.
    """
    with case.twin("the right URL leads to a session", lambda: right_url_works(bench)):
        url = f"http://{bench.topology.acs_v6}:80/cwmp-junk"
        case.step(f"Set the ACS URL to {url} and give the device reasons to connect.")
        mark = bench.traffic.mark()
        refusal = bench.device.try_configure(acs_url=url)
        case.observe(f"the device refused it: {refusal}" if refusal else "the device took it")
        bench.provoke(watch(bench))
        meant = bench.acs_url("acs-http-v6", path="/cwmp-junk")
        case.check(
            "lcos.acs-url.ipv6-unbracketed",
            strays(
                bench, mark, *(place(bench, each) for each in (str(bench.device.baseline["acs_url"]), meant))
            ),
            nothing("contact with any other server"),
        )


# --- names --------------------------------------------------------------------------------------------

RECORDS = (
    ("a", "an IPv4 address", NAME, ("acs_v4",), (), ()),
    ("aaaa", "an IPv6 address", NAME, (), ("acs_v6",), ("ipv6",)),
    ("both", "addresses of both kinds", NAME, ("acs_v4",), ("acs_v6",), ()),
    (
        "dead-aaaa",
        "an IPv4 address and an IPv6 address that refuses",
        "cwmp.ipv6.dead-address",
        ("acs_v4",),
        ("files_v6",),
        (),
    ),
)
"""Id, what the name has, the requirement, its IPv4 and IPv6 addresses (of the topology), needs."""


def _record(requirement: str, a: tuple[str, ...], aaaa: tuple[str, ...]) -> Body:
    def body(bench: Bench, case: Case) -> None:
        if aaaa:
            let_in(bench)
        name = bench.names.new(
            a=tuple(getattr(bench.topology, each) for each in a),
            aaaa=tuple(getattr(bench.topology, each) for each in aaaa),
            ttl=TTL,
        )
        case.step(f"Set the ACS URL to http://{name}/by-name and give the device a reason to connect.")
        mark = bench.traffic.mark()
        bench.configure(acs_url=f"http://{name}/by-name")
        case.check(requirement, bench.works() or "a session", equal("a session"))
        reached = {seen.endpoint for seen in bench.traffic.arrivals(mark)}
        right = {
            f"acs-http-{'v4' if each == 'acs_v4' else 'v6'}" for each in (*a, *aaaa) if each.startswith("acs")
        }
        case.check(
            requirement,
            reached,
            that(f"sessions at {' or '.join(sorted(right))}", lambda seen: bool(seen) and seen <= right),
        )
        hosts = {seen.host.lower() for seen in bench.traffic.requests(mark)}
        case.check(requirement, hosts, that(f"Host {name}", lambda seen: seen <= {name, f"{name}:80"}))

    return body


cases_from(
    globals(),
    [
        CaseRow(
            f"acs-url.name.{row}",
            f"The device reaches an ACS whose name has {why}.\n\nAccepted: a session at an address of the name, with the name "
            "in the Host header.",
            _record(requirement, a, aaaa),
            requirement,
            (*URL, *needs),
            packets=True,
        )
        for row, why, requirement, a, aaaa, needs in RECORDS
    ],
)


@case("acs-url.name.changed", verifies=AGAIN, needs=URL, packets=True)
def name_changed(bench: Bench, case: Case) -> None:
    """When the address of the ACS's name has changed and the old record has expired, the device follows.

    Accepted: sessions at the first address before, at the second after, and at no other, without a restart.
    """
    name = bench.names.new(a=(bench.topology.acs_v4,), ttl=TTL)
    case.step(f"Give {name} the address {bench.topology.acs_v4} and run a session.")
    bench.configure(acs_url=bench.acs_url(ODD, host=name, path="/by-name"))
    if reason := bench.works():
        raise Inconclusive(f"no session at the first address: {reason}")
    for address, endpoint in ((bench.topology.files_v4, SECOND), (bench.topology.acs_v4, ODD)):
        case.step(f"Change the address to {address}, let the old record expire, run a session.")
        bench.names.set(name, a=(address,), ttl=TTL)
        forget(bench)
        mark = bench.traffic.mark()
        reason = bench.works()
        case.check(AGAIN, reason or "a session", equal("a session"))
        reached = {seen.endpoint for seen in bench.traffic.arrivals(mark)}
        case.check(AGAIN, reached, equal({endpoint}), what="servers reached")
    case.step(f"Change the address to one where nobody listens, then to {bench.topology.files_v4}.")
    bench.names.set(name, a=(bench.topology.host2_v4,), ttl=TTL)
    forget(bench)
    bench.provoke(watch(bench), restart=False)
    bench.names.set(name, a=(bench.topology.files_v4,), ttl=TTL)
    forget(bench)
    mark = bench.traffic.mark()
    case.check(AGAIN, bench.works() or "a session", equal("a session"), what="after failures")
    reached = {seen.endpoint for seen in bench.traffic.arrivals(mark)}
    case.check(AGAIN, reached, equal({SECOND}), what="servers reached after failures")


@case("acs-url.name.repaired", verifies=(AGAIN, "lcos.acs-url.used-exactly"), needs=URL, packets=True)
def name_repaired(bench: Bench, case: Case) -> None:
    """While the ACS's name does not exist the device contacts nobody; when it exists again there is a session.

    Accepted: no contact with any server while the name server denies the name; a session once it has an address, without
    a restart; what is sent after the failures has the URL's path, query, host and port like any other request.
    """
    name = bench.names.new()
    url = bench.acs_url(ODD, host=name, path="/by-name?try=2")
    case.step(
        f"Set the ACS URL to the name {name}, which does not exist, and give the device reasons to connect."
    )
    mark = bench.traffic.mark()
    bench.configure(acs_url=url)
    bench.provoke(watch(bench), restart=False)
    if not bench.names.queries(mark.queries, name):
        raise Inconclusive("the device has not asked for the name")
    case.check(AGAIN, strays(bench, mark), nothing("contact"))
    case.step("Give the name an address and wait for a session.")
    bench.names.set(name, a=(bench.topology.acs_v4,), ttl=TTL)
    forget(bench)
    case.check(AGAIN, bench.works() or "a session", equal("a session"))
    case.check(
        AGAIN, {seen.endpoint for seen in bench.traffic.arrivals(mark)}, equal({ODD}), what="servers reached"
    )
    case.check("lcos.acs-url.used-exactly", bench.traffic.requests(mark), exactly(url, ODD))


# --- schemes ------------------------------------------------------------------------------------------


@case("acs-url.scheme.both", verifies="lcos.scheme.both-work", needs=HTTPS)
def both_schemes(bench: Bench, case: Case) -> None:
    """An http URL leads to a session, and an https URL does.

    Accepted: a session under each; without TLS under http, with TLS under https.
    """
    for scheme, use in (("http", bench.use_http), ("https", bench.use_https)):
        case.step(f"Set an {scheme} URL and give the device a reason to connect.")
        use()
        mark = bench.traffic.mark()
        case.check("lcos.scheme.both-work", bench.works() or "a session", equal("a session"), what=scheme)
        secure = {seen.connection.tls is not None for seen in bench.traffic.requests(mark)}
        case.check("lcos.scheme.both-work", secure, equal({scheme == "https"}), what=f"TLS under {scheme}")


@case("acs-url.scheme.http-honoured", verifies="lcos.scheme.http-honoured", needs=URL)
def http_honoured(bench: Bench, case: Case) -> None:
    """An http URL means http: the device neither tries https first nor changes over.

    Accepted: a session without TLS, and no other connection, not even an attempt.
    """
    if not bench.device.capabilities.lacks(("https", "upload_root_ca")):
        case.step("Open a session by https with the same host: nothing of it may stick.")
        bench.use_https()
        if reason := bench.works():
            raise Inconclusive(f"no session by https to begin with: {reason}")
    url = bench.acs_url("acs-http-v4", path="/plain")
    case.step(f"Set the ACS URL to {url} and give the device reasons to connect.")
    mark = bench.traffic.mark()
    bench.configure(acs_url=url)
    case.check("lcos.scheme.http-honoured", bench.works() or "a session", equal("a session"))
    bench.provoke(watch(bench), restart=False)
    case.check("lcos.scheme.http-honoured", bench.traffic.requests(mark), exactly(url, "acs-http-v4"))
    case.check(
        "lcos.scheme.http-honoured",
        strays(bench, mark, place(bench, url)),
        nothing("contact other than by http"),
    )


def in_clear(bench: Bench, since: Mark) -> list[Flow]:
    """TCP streams that the device has opened to hosts of the bench, DNS apart, and that do not begin as TLS does.

    The last words of a connection from before the mark are not the beginning of anything.
    """
    return [
        flow
        for flow in bench.traffic.flows(since)
        if flow.proto == "TCP"
        and flow.from_device
        and flow.opened_by_device
        and flow.begun
        and flow.dport != 53
        and flow.data
        and flow.data[0] not in TLS_FIRST
    ]


def first_octets(bench: Bench, since: Mark, port: int) -> set[str]:
    """How the TCP streams of the device to *port* began: as TLS does, or in clear."""
    return {
        "TLS" if flow.data[0] in TLS_FIRST else "in clear"
        for flow in bench.traffic.flows(since)
        if flow.proto == "TCP" and flow.opened_by_device and flow.from_device and flow.begun
        if flow.dport == port and flow.data
    }


@case(
    "acs-url.scheme.not-by-port",
    verifies=("lcos.scheme.http-honoured", "lcos.scheme.no-downgrade"),
    needs=HTTPS,
    packets=True,
)
def not_by_port(bench: Bench, case: Case) -> None:
    """Whether there is TLS follows from the scheme alone, not from the port, and not from how the scheme is written.

    The servers of those ports speak the other language, so there need be no session. Accepted: with http and port 443 the
    device begins in clear, with https and port 80, and with HTTPS in capitals, with a TLS handshake; or it refuses the URL
    and keeps to the old one. The right URL leads to a session before and after.
    """
    bench.use_https()
    host = bench.topology.acs_host
    rows = (
        ("lcos.scheme.http-honoured", f"http://{host}:443/plain", 443, "in clear"),
        ("lcos.scheme.no-downgrade", f"https://{host}:80/secure", 80, "TLS"),
        ("lcos.scheme.no-downgrade", f"HTTPS://{host}/secure", 443, "TLS"),
    )
    for requirement, url, port, wanted in rows if bench.topology.isolated else ():
        with case.twin("the right URL leads to a session", lambda: right_url_works(bench)):
            case.step(f"Set the ACS URL to {url} and give the device reasons to connect.")
            mark = bench.traffic.mark()
            refusal = bench.device.try_configure(acs_url=url)
            bench.provoke(watch(bench), restart=False)
            if refusal:
                case.observe(f"{url} was refused: {refusal}")
                continue
            seen = first_octets(bench, mark, port) if port != 80 else _begun(bench, mark)
            if not seen:
                case.observe(f"{url}: the device sent nothing")
                continue
            case.check(requirement, seen, equal({wanted}), what=url)


def _begun(bench: Bench, since: Mark) -> set[str]:
    return {"in clear"} if in_clear(bench, since) else first_octets(bench, since, 80)


@case("acs-url.scheme.no-downgrade.retries", verifies="lcos.scheme.no-downgrade", needs=HTTPS, packets=True)
def no_downgrade_retries(bench: Bench, case: Case) -> None:
    """However often TLS fails, an https URL never leads to clear text, on any port.

    Accepted: over several session retries with a certificate of a foreign root, no TCP stream of the device that does not
    begin with a TLS handshake; with the right certificate there is a session before and after.
    """
    bench.use_https()
    with case.twin("with the right certificate there is a session", bench.works):
        case.step(
            "Show a certificate of a foreign root; give the device reasons to connect, and time for retries."
        )
        bench.present(bench.other_root.leaf(*bench.acs_names))
        mark = bench.traffic.mark()
        bench.provoke(1500.0 if bench.clock.steered else bench.timing.contact)
        tried = [
            each
            for each in bench.traffic.connections(mark)
            if each.tls is not None and each.tls.certificate_sent
        ]
        if not tried:
            raise Inconclusive("the device did not get as far as the certificate")
        case.observe(f"{len(tried)} connections were refused by the device")
        case.check("lcos.scheme.no-downgrade", in_clear(bench, mark), nothing("stream in clear"))
        bench.present(bench.identity())


@case("acs-url.scheme.no-downgrade.redirect", verifies="lcos.scheme.no-downgrade", needs=HTTPS, packets=True)
def no_downgrade_redirect(bench: Bench, case: Case) -> None:
    """A redirect from https to http is not followed.

    Accepted: no TCP stream of the device that does not begin with a TLS handshake, neither at once nor on retries; without
    the redirect there is a session before and after.
    """
    bench.use_https()
    with case.twin("without the redirect there is a session", lambda: _plain_https(bench)):
        case.step("Let the ACS redirect to an http URL and give the device reasons to connect.")
        for status, path in ((302, "/moved"), (307, "/moved-too")):
            bench.redirect(path, bench.acs_url("acs-http-v4", path="/in-clear"), status)
            mark = bench.traffic.mark()
            bench.configure(acs_url=bench.acs_url("acs-https-v4", path=path))
            bench.provoke(watch(bench), restart=False)
            if not bench.traffic.requests(mark):
                raise Inconclusive("the device made no request that could be redirected")
            clear = in_clear(bench, mark)
            case.check(
                "lcos.scheme.no-downgrade",
                clear,
                nothing("stream in clear"),
                what=f"redirected with {status}",
            )
        case.step("Redirect to another https URL first, and from there to http.")
        bench.redirect("/moved-twice", bench.acs_url("acs-https-v4", path="/moved-too"), 302)
        mark = bench.traffic.mark()
        bench.configure(acs_url=bench.acs_url("acs-https-v4", path="/moved-twice"))
        bench.provoke(watch(bench), restart=False)
        case.check(
            "lcos.scheme.no-downgrade",
            in_clear(bench, mark),
            nothing("stream in clear"),
            what="second redirect",
        )
        case.step("Redirect to http in the middle of a session.")
        bench.use_https()
        mark = bench.traffic.mark()
        with bench.session("redirected in the middle") as session:
            location = [("Location", bench.acs_url("acs-http-v4", path="/in-clear"))]
            session.reply(Reply(302, headers=location, note="redirect from https to http"))
        bench.pass_time(bench.timing.settle)
        case.check(
            "lcos.scheme.no-downgrade",
            in_clear(bench, mark),
            nothing("stream in clear"),
            what="in the middle",
        )


def _plain_https(bench: Bench) -> str:
    bench.use_https()
    return bench.works()
