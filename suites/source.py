"""Source address: which address the CWMP connection leaves from, read off the wire; every form of the setting.

The tap is on the WAN link, behind the device's masquerading. A loopback address must appear there as it is; an
address of an IP network must not, unless the WAN does not mask.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from harness.bench import Bench, Frame
from harness.bench.lan import DATAGRAM_PORT, ECHO_REQUEST
from harness.case import Case, CaseRow, Inconclusive, NotApplicable, case, cases_from
from harness.device.api import Names
from harness.expect import Allowed, Judgement, equal, failed, nothing, passed
from suites.connection_request import wakes
from suites.port import advertised_port, fresh_url, includes, url_in

SOURCE = ("source_address",)
LOOPBACK = (*SOURCE, "loopback-source", "masked-wan")
NETWORK = (*SOURCE, "network-source", "masked-wan")


def only_from(address: str) -> Allowed[list[Frame]]:
    """Every frame comes from *address*."""

    def judge(frames: list[Frame]) -> Judgement:
        others = sorted({frame.src for frame in frames} - {address})
        seen = f"{len(frames)} frames, from " + ", ".join(sorted({frame.src for frame in frames}))
        return failed(seen, f"also seen: {', '.join(others)}") if others else passed(seen)

    return Allowed(f"every frame of the device's connections comes from {address}", judge)


def session_frames(bench: Bench) -> list[Frame]:
    """Run a session that the device starts; the frames from the device to the ACS on the WAN link."""
    mark = bench.wire.mark()
    reason = bench.works()
    frames = bench.wire.to_acs(mark)
    if not frames:
        raise Inconclusive(
            f"no frame from the device to the ACS on the WAN link ({reason or 'though a session took place'})"
        )
    return frames


def judged_source(bench: Bench, case: Case, requirements: tuple[str, ...], address: str, shown: str) -> None:
    """Run a session under the present settings; it takes place, and every frame of it comes from *address*."""
    case.step(f"Give the device a reason to connect and read the WAN link: {shown}.")
    mark = bench.wire.mark()
    reason = bench.works()
    frames = bench.wire.to_acs(mark)
    for requirement in requirements:
        if frames:
            case.check(requirement, frames, only_from(address), evidence=bench.wire.evidence(frames))
        case.check(requirement, reason or "a session", equal("a session"), what=shown)


def leaves_from_wan(bench: Bench) -> str:
    """The control: with an automatic source the device connects from its WAN address."""
    bench.configure(source_address="")
    frames = session_frames(bench)
    sources = {frame.src for frame in frames}
    return "" if sources == {bench.topology.cpe_wan_v4} else f"frames from {', '.join(sorted(sources))}"


WAN_FIRST = "with no source address the device connects from its WAN address"


@case("source.automatic", verifies="lcos.source.automatic", needs=SOURCE, packets=True)
def automatic(bench: Bench, case: Case) -> None:
    """With no source address set, the device connects from the address of its WAN.

    Accepted: every frame to the ACS bears the WAN address.
    """
    bench.configure(source_address="")
    wan = bench.topology.cpe_wan_v4
    judged_source(bench, case, ("lcos.source.automatic",), wan, "no source address set")


# --- the forms of the setting -------------------------------------------------------------------------


def _user_loopback(bench: Bench, names: Names) -> tuple[str, str]:
    """A loopback address that bears a user's name, of the bench's own topology."""
    known = bench.topology.loopbacks
    for name, address in known.items() if names.loopback in known else ():
        if name != names.loopback and len(name) < 16:
            return name, address
    raise NotApplicable("the device has one loopback address only")


def _long_loopback(bench: Bench, names: Names) -> tuple[str, str]:
    """A loopback address with a name of 16 characters, of the bench's own topology."""
    known = bench.topology.loopbacks
    for name, address in known.items() if names.loopback in known else ():
        if len(name) == 16:
            return name, address
    raise NotApplicable("the device has no loopback address with a name of 16 characters")


Pick = Callable[[Bench, Names], tuple[str, str]]
FORMS: tuple[tuple[str, str, Pick, tuple[str, ...]], ...] = (
    (
        "loopback.unmasked",
        "the name of a loopback address",
        lambda _bench, names: (names.loopback, names.loopback_address),
        ("lcos.loopback.unmasked", "lcos.source.loopback-name"),
    ),
    (
        "loopback.user-named",
        "the name that a user has given to a loopback address",
        _user_loopback,
        ("lcos.loopback.unmasked", "lcos.source.loopback-name"),
    ),
    (
        "loopback.long-name",
        "a name of 16 characters",
        _long_loopback,
        ("lcos.source.long-name", "lcos.source.loopback-name"),
    ),
    (
        "loopback.literal",
        "the digits of a loopback address",
        lambda _bench, names: (names.loopback_address, names.loopback_address),
        ("lcos.loopback.literal-unmasked",),
    ),
    (
        "network.masked",
        "the name of an IP network",
        lambda bench, names: (names.network, bench.topology.cpe_wan_v4),
        ("lcos.loopback.network-masked",),
    ),
    (
        "network.literal-masked",
        "the digits of the device's address in an IP network",
        lambda bench, names: (names.network_address, bench.topology.cpe_wan_v4),
        ("lcos.loopback.network-masked",),
    ),
)
"""Case, form, (value of the setting, address on the WAN link), requirements."""


def _form(name: str, shown: str, pick: Pick, requirements: tuple[str, ...]) -> CaseRow:
    def body(bench: Bench, case: Case) -> None:
        value, expected = pick(bench, bench.device.names)
        with case.twin(WAN_FIRST, lambda: leaves_from_wan(bench)):
            case.step(f"Set the source address to {value}.")
            bench.configure(source_address=value)
            judged_source(bench, case, requirements, expected, f"{value} as the source")

    loopback = name.startswith("loopback")
    return CaseRow(
        f"source.{name}",
        f"The source address may be {shown}; it leaves the masked WAN {'as it is' if loopback else 'masked'}.\n\n"
        "Accepted: the session takes place, so the answers found their way back, and in every frame the wire shows "
        + ("the loopback address itself." if loopback else "the WAN address."),
        body,
        requirements,
        LOOPBACK if loopback else NETWORK,
        packets=True,
    )


cases_from(globals(), (_form(*row) for row in FORMS))


# --- the same on other ports, to another host, after a restart ------------------------------------------


def _elsewhere(bench: Bench) -> Iterator[tuple[str, str, str, int]]:
    """Endpoints of the bench by other ports, scheme and host: in words, URL, address, port."""
    top = bench.topology
    for shown, endpoint, address in (
        ("https", "acs-https-v4", top.acs_v4),
        ("an unusual port", "acs-http-odd", top.acs_v4),
        ("another host", "acs-http-second", top.files_v4),
    ):
        url = bench.acs_url(endpoint)
        parts = urlsplit(url)
        yield shown, url, address, parts.port or (443 if parts.scheme == "https" else 80)


def _everywhere(name: str, requirement: str, needs: tuple[str, ...]) -> CaseRow:
    loopback = needs is LOOPBACK

    def body(bench: Bench, case: Case) -> None:
        names, top = bench.device.names, bench.topology
        with case.twin(WAN_FIRST, lambda: leaves_from_wan(bench)):
            bench.present(bench.identity())
            bench.configure(source_address=names.loopback if loopback else names.network)
            for shown, url, address, port in _elsewhere(bench):
                case.step(f"Set the ACS URL to {url}: {shown}; run a session.")
                bench.configure(acs_url=url)
                mark = bench.wire.mark()
                missing = bench.works()
                _judge_everywhere(bench, case, bench.wire.to(mark, address, port), missing, shown)
            bench.use_http()
            if "restart" not in bench.device.capabilities.verbs:
                return
            case.step("Restart the device and run a session.")
            mark = bench.wire.mark()
            bench.device.restart()
            missing = bench.works()
            # What the device that goes down still sends of older connections is none of the new one's.
            opened = bench.wire.opened(mark, top.acs_v4)
            _judge_everywhere(bench, case, opened, missing, "after a restart")

    def _judge_everywhere(bench: Bench, case: Case, frames: list[Frame], missing: str, shown: str) -> None:
        expected = bench.device.names.loopback_address if loopback else bench.topology.cpe_wan_v4
        if not frames:
            raise Inconclusive(
                f"{shown}: no frame from the device on the WAN link ({missing or 'none seen'})"
            )
        evidence = bench.wire.evidence(frames)
        case.check(requirement, frames, only_from(expected), what=shown, evidence=evidence)
        case.check(requirement, missing or "a session", equal("a session"), what=shown)

    return CaseRow(
        name,
        f"A source address that is {'a loopback' if loopback else 'of an IP network'} leaves the masked WAN "
        f"{'as it is' if loopback else 'masked'} for every port and host of the ACS, and after a restart.\n\n"
        "Accepted, by https, on an unusual port, at another host and after a restart: a session takes place, and the wire "
        f"shows {'the loopback address' if loopback else 'the WAN address'} alone.",
        body,
        requirement,
        (*needs, "acs_url", "https"),
        packets=True,
    )


cases_from(
    globals(),
    (
        _everywhere("source.loopback.everywhere", "lcos.loopback.unmasked", LOOPBACK),
        _everywhere("source.network.everywhere", "lcos.loopback.network-masked", NETWORK),
    ),
)


@case(
    "source.unmasked-wan",
    verifies=(
        "lcos.loopback.unmasked-wan",
        "lcos.source.network-name",
        "lcos.source.literal",
        "lcos.source.automatic",
    ),
    needs=(*NETWORK, "loopback-source", "mask_wan"),
    packets=True,
)
def unmasked_wan(bench: Bench, case: Case) -> None:
    """Where the WAN does not mask, the wire shows each source address as it is: network, literal, loopback, none.

    Accepted: every frame of a session comes from the network's address for its name and for its digits, from the loopback
    address for a loopback name, and from the WAN address with nothing set; each session takes place. After a restart, the network's
    name and digits still stand for its address.
    """
    names = bench.device.names
    rows = (
        ("lcos.source.network-name", names.network, names.network_address),
        ("lcos.source.literal", names.network_address, names.network_address),
        ("lcos.loopback.unmasked-wan", names.loopback, names.loopback_address),
        ("lcos.source.automatic", "", bench.topology.cpe_wan_v4),
    )
    with case.twin(WAN_FIRST, lambda: leaves_from_wan(bench)):
        case.step("Switch the masking of the WAN off.")
        bench.device.mask_wan(False)
        for requirement, value, expected in rows:
            case.step(f"Set the source address to {value or 'nothing'}.")
            bench.configure(source_address=value)
            judged_source(bench, case, (requirement,), expected, f"source {value or 'automatic'}, unmasked")
        for requirement, value, expected in rows[:2] if "restart" in bench.device.capabilities.verbs else ():
            case.step(f"Set the source address to {value} and restart the device.")
            bench.configure(source_address=value)
            mark = bench.wire.mark()
            bench.device.restart()
            judged_source(bench, case, (requirement,), expected, f"source {value}, after a restart")
            frames = bench.wire.opened(mark, bench.topology.acs_v4)
            evidence = bench.wire.evidence(frames)
            case.check(requirement, frames, only_from(expected), what="since the restart", evidence=evidence)
        bench.device.mask_wan(True)


# --- names and addresses that are not the device's ----------------------------------------------------


WHILE = 80.0
"""Seconds in which a device has tried a failed session again three times (TR-069 3.2.1.1: 10 + 20 + 40 s at most)."""


def _unknown(bench: Bench) -> tuple[tuple[str, str], ...]:
    """Settings that name nothing of the device's, and what is wrong with each."""
    names = bench.device.names
    return (
        ("NO-SUCH-NETWORK", "a name that nothing bears"),
        (names.loopback[:-1], "the beginning of a loopback's name"),
        (names.loopback + "X", "a loopback's name and a letter more"),
        ("198.51.100.77", "an address of the WAN's network that is not the device's"),
        ("192.0.2.77", "an address of nobody"),
    )


@case(
    "source.unknown",
    verifies=(
        "lcos.source.unknown-name-visible",
        "lcos.source.foreign-address-unused",
        "lcos.source.long-name",
    ),
    needs=LOOPBACK,
    packets=True,
)
def unknown(bench: Bench, case: Case) -> None:
    """A source address that names nothing of the device's is not used, and not silently replaced by another.

    Accepted, for each: the setting is refused; or no session takes place; or (a warning, as the bench cannot see whether the
    device shows an error) the automatic address is used. For the first this holds while the device tries again, and after a
    restart. Never: the foreign address, or the address of something whose
    name is merely like it.
    """
    for value, shown in _unknown(bench):
        with case.twin(WAN_FIRST, lambda: leaves_from_wan(bench)):
            case.step(f"Set the source address to {value}, {shown}.")
            mark = bench.wire.mark()
            refusal = bench.device.try_configure(source_address=value)
            if not refusal:
                bench.knock(bench.timing.settle)
                if value == _unknown(bench)[0][0]:
                    case.step("Let the device try again, and again after a restart.")
                    bench.pass_time(WHILE)
                    if "restart" in bench.device.capabilities.verbs:
                        bench.device.restart()
                        bench.pass_time(bench.timing.settle)
            frames = bench.wire.opened(mark)
            sources = sorted({frame.src for frame in frames})
            case.observe(f"{value}: {refusal or 'taken'}; connections from {', '.join(sources) or 'nowhere'}")
            _judge_unknown(bench, case, value, frames, refusal)


def _judge_unknown(bench: Bench, case: Case, value: str, frames: list[Frame], refusal: str) -> None:
    wan, known = bench.topology.cpe_wan_v4, set(bench.topology.loopbacks.values())
    evidence = bench.wire.evidence(frames)
    foreign = [frame.src for frame in frames if frame.src == value]
    alike = [frame.src for frame in frames if frame.src in known]
    silent = [frame.src for frame in frames if frame.src == wan and not refusal]
    for requirement, wrong, what in (
        ("lcos.source.foreign-address-unused", foreign, "connection from the foreign address"),
        ("lcos.source.long-name", alike, "connection from an address of another name"),
        ("lcos.source.unknown-name-visible", silent, "connection from the automatic address instead"),
    ):
        case.check(requirement, wrong, nothing(what), what=value, evidence=evidence)


# --- change, and what is advertised -------------------------------------------------------------------


@case("source.changed", verifies="lcos.source.change", needs=LOOPBACK, packets=True)
def changed(bench: Bench, case: Case) -> None:
    """A changed or cleared source address is in effect from the next session on.

    Accepted: with one loopback address after the other and then none, each session's frames come from the address in force
    and from no earlier one.
    """
    names = bench.device.names
    second, second_address = _user_loopback(bench, names)
    wan = bench.topology.cpe_wan_v4
    for value, expected in (
        (names.loopback, names.loopback_address),
        (second, second_address),
        ("", wan),
        (names.loopback, names.loopback_address),
    ):
        bench.configure(source_address=value)
        judged_source(bench, case, ("lcos.source.change",), expected, f"source {value or 'automatic'}")


URL_TOLD = "cwmp.connection-request.url-change-reported"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _hosts_told(bench: Bench, mark: int, seconds: float) -> list[str | None]:
    """The hosts of the ConnectionRequestURLs in the Informs since the mark, once so many seconds have passed."""
    return [urlsplit(url_in(seen)).hostname for seen in bench.door.sessions(mark, seconds)]


@case(
    "source.advertised-url",
    verifies=("lcos.source.advertised-url", URL_TOLD),
    needs=(*LOOPBACK, "connection-request"),
)
def advertised_url(bench: Bench, case: Case) -> None:
    """While the source address can be reached from the ACS, so can the ConnectionRequestURL.

    Accepted, for loopback addresses by name and by digits, one after the other, and for a network's: a connection request at the
    URL that the device tells then leads to a session, from the ACS and from another host. For the loopback addresses also from an
    ACS that has a way to the source address and to no other of the device's, as where the WAN's address is a private one. Where the
    URL has another host than before, the device has told so by itself.
    """
    names = bench.device.names
    rows = [(names.loopback, names.loopback_address)]
    rows += [(value, value) for value in sorted(set(bench.topology.loopbacks.values()) - {rows[0][1]})[:1]]
    if "network-source" in bench.device.capabilities.features:
        rows.append((names.network, names.network_address))
    for value, address in rows:
        case.step(f"Set the source address to {value} and read the ConnectionRequestURL.")
        before, mark = urlsplit(bench.door.url).hostname, bench.door.mark()
        bench.configure(source_address=value)
        told = _hosts_told(bench, mark, 0.0)
        if set(told) <= {before}:
            told = _hosts_told(bench, mark, bench.timing.contact)
        url = fresh_url(bench)
        if (host := urlsplit(url).hostname) != before:
            for requirement in ("lcos.source.advertised-url", URL_TOLD):
                case.check(requirement, told, includes(host), what="hosts of the URLs told unasked")
        reachable = bench.probe("wan", address, bench.device_port)
        case.observe(f"source {value}: {url or 'no URL'}; {address} is {reachable}")
        if reachable != "open":
            raise Inconclusive(f"{address} cannot be reached from the ACS: {reachable}")
        case.check(
            "lcos.source.advertised-url",
            advertised_port(url),
            equal(bench.device_port),
            what="port of the URL",
        )
        case.check("lcos.source.advertised-url", wakes(bench) or "a session", equal("a session"), what=url)
        outcome = bench.connection_request(host="host2")
        case.check("lcos.source.advertised-url", outcome.session, equal(True), what="from another host")
        if value != names.network:
            case.step(
                f"Leave the ACS no way to the device but to {address}; send a connection request to its URL."
            )
            with bench.reaching_only(address):
                missing = wakes(bench)
            case.check(
                "lcos.source.advertised-url",
                missing or "a session",
                equal("a session"),
                what=f"{bench.door.url} where only {address} has a route",
            )


# --- the others on the WAN ----------------------------------------------------------------------------

CONTROL = "TCP to a host"
"""What a router must let through; the rest its firewall may keep back."""
SERVICE = 443
"""A port by which a device may tell its own connections from those of its LAN."""


@case(
    "source.loopback.lan-still-masked",
    verifies="lcos.loopback.lan-still-masked",
    needs=LOOPBACK,
    packets=True,
)
def lan_still_masked(bench: Bench, case: Case) -> None:
    """While the device's own CWMP connections leave unmasked, its LAN clients are masked as before.

    Accepted, before and after a session: a LAN client's TCP connection, UDP datagram and ICMP echo request, to a host on the
    WAN and to the ACS itself, appear on the WAN link under the WAN address only.
    """
    case.step(f"Set the source address to {bench.device.names.loopback} and run a session.")
    bench.configure(source_address=bench.device.names.loopback)
    for when in ("before", "after"):
        if when == "after":
            case.observe(f"session: {bench.works() or 'complete'}")
        case.step(f"Let the LAN client send TCP, UDP and ICMP by the WAN, {when} a session.")
        for what, frames in _from_the_lan(bench):
            if not frames and what == CONTROL:
                raise Inconclusive(f"no frame of the LAN client's {what} on the WAN link")
            if not frames:
                case.observe(f"{what}, {when} a session: the device lets none through")
                continue
            case.check(
                "lcos.loopback.lan-still-masked",
                frames,
                only_from(bench.topology.cpe_wan_v4),
                what=f"{what}, {when} a session",
                evidence=bench.wire.evidence(frames),
            )


def _from_the_lan(bench: Bench) -> Iterator[tuple[str, list[Frame]]]:
    """What the LAN client sends, and the frames of it on the WAN link."""
    top = bench.topology
    mark = bench.wire.mark()
    bench.probe("lan", top.files_v4, bench.files.port)
    yield CONTROL, bench.wire.to(mark, top.files_v4, bench.files.port)
    for shown, address in (("a host", top.files_v4), ("the ACS", top.acs_v4)):
        mark = bench.wire.mark()
        bench.probe("lan", address, SERVICE)
        yield f"TCP to {shown}, port {SERVICE}", bench.wire.to(mark, address, SERVICE)
        bench.lan.datagram(address)
        yield (
            f"UDP to {shown}",
            [frame for frame in bench.wire.out(mark, address, "udp") if frame.dport == DATAGRAM_PORT],
        )
        bench.lan.ping(address)
        yield (
            f"ICMP to {shown}",
            [frame for frame in bench.wire.out(mark, address, "icmp") if frame.icmp_type == ECHO_REQUEST],
        )
