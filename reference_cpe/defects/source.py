"""Defects of the source address, beside those of masking in `network`."""

from __future__ import annotations

from reference_cpe.defects.acs_url import checked
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.network import NoSource
from reference_cpe.parts import Parts

NETWORK, LOOPBACK, LITERAL = "lcos.source.network-name", "lcos.source.loopback-name", "lcos.source.literal"
UNMASKED = "lcos.loopback.unmasked"


@defect("source-first-connection-only", breaks=["lcos.source.every-connection"])
def source_first_connection_only(parts: Parts) -> None:
    """Only the first session after a change comes from the configured source address."""
    original, started = parts.source.address, parts.timers.session_started
    sessions: dict[str, int] = {}

    def name() -> str:
        return str(parts.settings.value("source_address"))

    def session_started() -> None:
        for other in set(sessions) - {name()}:
            del sessions[other]
        sessions[name()] = sessions.get(name(), 0) + 1
        started()

    rewire(parts.timers, session_started=session_started)
    rewire(parts.source, address=lambda: original() if sessions.get(name(), 0) < 1 else "")


@defect(
    "source-advertised-only",
    breaks=[
        NETWORK,
        LOOPBACK,
        LITERAL,
        UNMASKED,
        "lcos.source.every-connection",
        "lcos.source.unknown-name-visible",
    ],
    seen="easycwmp",
)
def source_advertised_only(parts: Parts) -> None:
    """The source address stands in the ConnectionRequestURL, but connections come from the automatic one."""
    original, advertised = parts.source.address, parts.source.advertised

    def with_address(url: str) -> str:
        rewire(parts.source, address=original)
        try:
            return advertised(url)
        finally:
            rewire(parts.source, address=lambda: "")

    rewire(parts.source, address=lambda: "", advertised=with_address)


@defect("source-sticky", breaks=["lcos.source.change"])
def source_sticky(parts: Parts) -> None:
    """A source address that is cleared stays in use until the device restarts."""
    original, last = parts.source.address, [""]

    def address() -> str:
        last[0] = original() or last[0]
        return last[0]

    rewire(parts.source, address=address)


@defect("source-change-needs-restart", breaks=["lcos.source.change"])
def source_change_needs_restart(parts: Parts) -> None:
    """Once a source address has been used, another one takes effect after the next restart."""
    original, first = parts.source.address, [""]

    def address() -> str:
        now = original()
        first[0] = first[0] or now
        return first[0] if now else ""

    rewire(parts.source, address=address)


@defect("source-unknown-ignored", breaks=["lcos.source.unknown-name-visible"])
def source_unknown_ignored(parts: Parts) -> None:
    """A source address that names nothing of the device's is silently replaced by the automatic one."""
    original = parts.source.resolve

    def resolve(name: str) -> str:
        try:
            return original(name)
        except NoSource:
            return ""

    rewire(parts.source, resolve=resolve)


def _refusing(parts: Parts, refused: set[str]) -> None:
    original = parts.source.resolve

    def resolve(name: str) -> str:
        if name in refused:
            raise NoSource(f"unknown name {name!r}")
        return original(name)

    rewire(parts.source, resolve=resolve)


@defect("source-network-unknown", breaks=[NETWORK, "lcos.loopback.network-masked"])
def source_network_unknown(parts: Parts) -> None:
    """The name of an IP network is not understood as source address."""
    _refusing(parts, set(parts.config.network.networks))


@defect("source-loopback-unknown", breaks=[LOOPBACK, UNMASKED])
def source_loopback_unknown(parts: Parts) -> None:
    """The name of a loopback address is not understood as source address."""
    _refusing(parts, set(parts.config.network.loopbacks))


@defect("source-literal-unknown", breaks=[LITERAL])
def source_literal_unknown(parts: Parts) -> None:
    """An address of the device is not understood as source address."""
    network = parts.config.network
    _refusing(parts, {*network.networks.values(), *network.loopbacks.values(), network.wan_v4})


@defect("source-name-cut", breaks=["lcos.source.long-name", "lcos.source.loopback-name"])
def source_name_cut(parts: Parts) -> None:
    """Only the first fifteen characters of the source address are kept."""
    checked(parts, lambda key, value: value[:15] if key == "source_address" else value)


@defect("source-automatic-loopback", breaks=["lcos.source.automatic"])
def source_automatic_loopback(parts: Parts) -> None:
    """Without a source address connections come from the first loopback address."""
    original = parts.source.address
    first = next(iter(parts.config.network.loopbacks.values()), "")
    rewire(parts.source, address=lambda: original() or first)


@defect("source-automatic-sticks-to-lan", breaks=["lcos.source.automatic"])
def source_automatic_sticks_to_lan(parts: Parts) -> None:
    """Without a source address connections come from the LAN, and leave unmasked."""
    original, unmasked = parts.source.address, parts.firewall.unmasked
    lan = next(iter(parts.config.network.networks.values()), "")
    rewire(parts.source, address=lambda: original() or lan)
    rewire(parts.firewall, unmasked=lambda: [*unmasked(), lan] if lan else unmasked())


@defect("network-address-unmasked", breaks=["lcos.loopback.network-masked"])
def network_address_unmasked(parts: Parts) -> None:
    """The addresses of the device's networks leave a masked WAN unmasked, as loopbacks do."""
    original = parts.firewall.unmasked
    own = [address for address in parts.config.network.networks.values() if ":" not in address]
    rewire(parts.firewall, unmasked=lambda: [*original(), *own])
