"""Defects of a source address that holds for some connections, ports, protocols or boots, and not for others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.http import HttpConnection
from reference_cpe.network import NoSource
from reference_cpe.parts import Parts
from reference_cpe.urls import Target

EVERY, UNMASKED = "lcos.source.every-connection", "lcos.loopback.unmasked"
LAN, NETWORK = "lcos.loopback.lan-still-masked", "lcos.loopback.network-masked"

When = Callable[[Parts, Target], bool]


def _unbound(when: When) -> Callable[[Parts], None]:
    """Connections for which *when* holds have no source address."""

    def alter(parts: Parts) -> None:
        dial = parts.dial

        async def dialled(parts: Parts, target: Target) -> HttpConnection:
            if not when(parts, target):
                return await dial(parts, target)
            address = parts.source.address
            rewire(parts.source, address=lambda: "")
            try:
                return await dial(parts, target)
            finally:
                rewire(parts.source, address=address)

        parts.dial = dialled

    return alter


def _reports(parts: Parts, _target: Target) -> bool:
    return any(event.code == "7 TRANSFER COMPLETE" for event in parts.events.entries)


for _name, _summary, _when in (
    ("source-not-on-later-retry", "From the second retry on sessions come from the automatic address.",
     lambda parts, _target: parts.retry.count >= 2),
    ("source-not-on-value-change", "Sessions that tell a changed value come from the automatic address.",
     lambda parts, _target: bool(parts.model.changes())),
    ("source-not-on-transfer-report", "The session that reports a transfer comes from the automatic address.", _reports),
):  # fmt: skip
    tabled(_name, _summary, [EVERY], _unbound(_when))


@defect("source-not-on-reconnect", breaks=[EVERY])
def source_not_on_reconnect(parts: Parts) -> None:
    """A connection that is opened again because the ACS has ended it comes from the automatic address."""
    dialled = set[str]()

    class Forgetful(parts.exchange):  # type: ignore[misc, name-defined]
        """An exchange is one session's: what it has dialled is forgotten when the next one begins."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            dialled.clear()

    def again(_parts: Parts, target: Target) -> bool:
        place = f"{target.scheme}://{target.authority}"
        known = place in dialled
        dialled.add(place)
        return known

    parts.exchange = Forgetful
    _unbound(again)(parts)


@defect("source-of-the-timer", breaks=["lcos.source.change"])
def source_of_the_timer(parts: Parts) -> None:
    """A periodic session comes from the source address that was in force when its timer was started."""
    started, address = parts.timers.start_periodic, parts.source.address
    noted: dict[str, str] = {}

    def start_periodic() -> None:
        noted["then"] = address()
        started()

    def periodic_now() -> bool:
        return "then" in noted and any(event.code == "2 PERIODIC" for event in parts.events.entries)

    rewire(parts.timers, start_periodic=start_periodic)
    rewire(parts.source, address=lambda: noted["then"] if periodic_now() else address())


# --- masking ------------------------------------------------------------------------------------------


def _masking(change: Callable[[Parts, str], str]) -> Callable[[Parts], None]:
    """The chain of the masking with each line as *change* makes it."""

    def alter(parts: Parts) -> None:
        masking = parts.firewall.masking
        rewire(parts.firewall, masking=lambda: [change(parts, line) for line in masking()])

    return alter


def _exempt_by_port(_parts: Parts, line: str) -> str:
    return line.replace("} accept", "} tcp dport 80 accept")


def _leaking(protocol: str) -> Callable[[Parts, str], str]:
    everything = "meta nfproto ipv4 masquerade"
    return lambda _parts, line: line.replace(everything, f"meta l4proto != {protocol} {everything}")


def _acs_by_port(parts: Parts, line: str) -> str:
    exempt = f'oifname "{parts.config.network.wan_interface}" tcp dport 443 accept'
    return f"{exempt}\n{line}" if "masquerade" in line else line


for _name, _summary, _breaks, _change in (
    ("loopback-masked-but-for-port-80", "From a loopback address only packets to port 80 leave unmasked.",
     [UNMASKED], _exempt_by_port),
    ("lan-udp-unmasked", "UDP of LAN clients leaves the masked WAN unmasked.", [LAN], _leaking("udp")),
    ("lan-icmp-unmasked", "ICMP of LAN clients leaves the masked WAN unmasked.", [LAN], _leaking("icmp")),
    ("https-unmasked", "Whatever goes to port 443 leaves the masked WAN unmasked, so that CWMP does.",
     [LAN, NETWORK], _acs_by_port),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _masking(_change))


@defect("loopback-masked-after-restart", breaks=[UNMASKED])
def loopback_masked_after_restart(parts: Parts) -> None:
    """From the second start on, loopback addresses are masked."""
    if parts.store.get("bootstrapped"):
        rewire(parts.firewall, unmasked=lambda: [parts.config.network.wan_v4])


@defect("network-name-lost-at-restart", breaks=["lcos.source.network-name"])
def network_name_lost_at_restart(parts: Parts) -> None:
    """A device that starts with the name of an IP network as source address connects from the automatic one."""
    name = str(parts.settings.value("source_address"))
    resolve = parts.source.resolve
    if name in parts.config.network.networks:
        rewire(parts.source, resolve=lambda wanted: "" if wanted == name else resolve(wanted))


# --- a name that nothing bears ------------------------------------------------------------------------


@defect("source-unknown-tolerated-later", breaks=["lcos.source.unknown-name-visible"])
def source_unknown_tolerated_later(parts: Parts) -> None:
    """Where a source address names nothing of the device's, sessions fail twice and then take the automatic one."""
    resolve = parts.source.resolve

    def patient(name: str) -> str:
        try:
            return resolve(name)
        except NoSource:
            if parts.retry.count < 2:
                raise
            return ""

    rewire(parts.source, resolve=patient)


# --- what is advertised -------------------------------------------------------------------------------


@defect("advertised-wan-for-a-name", breaks=["lcos.source.advertised-url"])
def advertised_wan_for_a_name(parts: Parts) -> None:
    """The ConnectionRequestURL has the address of the WAN where the source address is given by name."""
    advertised, network = parts.source.advertised, parts.config.network

    def named(acs_url: str) -> str:
        by_name = parts.settings.value("source_address") in {**network.loopbacks, **network.networks}
        return network.wan_v4 if by_name else advertised(acs_url)

    rewire(parts.source, advertised=named)


@defect(
    "advertised-after-next-session",
    breaks=["lcos.source.advertised-url", "cwmp.connection-request.url-change-reported"],
)
def advertised_after_next_session(parts: Parts) -> None:
    """The ConnectionRequestURL follows a change of the source address when the next session comes, and not before."""
    advertised = parts.source.advertised
    rewire(parts.source, advertised=lambda acs_url: parts.source.last_used or advertised(acs_url))
