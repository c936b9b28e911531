"""Source address: which address the CWMP connection leaves from, read off the wire.

The tap is on the WAN link, behind the device's masquerading. A loopback address must appear there as it is; an
address of an IP network must not.
"""

from __future__ import annotations

from harness.bench import Bench, Frame
from harness.case import Case, Inconclusive, case
from harness.expect import Allowed, Judgement, failed, passed

SOURCE = ("source_address",)


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


def judged_source(bench: Bench, case: Case, requirement: str, address: str, shown: str) -> None:
    """Run a session under the present settings; every frame of it must come from *address*."""
    case.step(f"Give the device a reason to connect and read the WAN link: {shown}.")
    frames = session_frames(bench)
    case.check(requirement, frames, only_from(address), evidence=bench.wire.evidence(frames))


def leaves_from_wan(bench: Bench) -> str:
    """The control: with an automatic source the device connects from its WAN address."""
    bench.configure(source_address="")
    frames = session_frames(bench)
    sources = {frame.src for frame in frames}
    return "" if sources == {bench.topology.cpe_wan_v4} else f"frames from {', '.join(sorted(sources))}"


@case("source.automatic", verifies="lcos.source.automatic", needs=SOURCE, packets=True)
def automatic(bench: Bench, case: Case) -> None:
    """With no source address set, the device connects from the address of its WAN.

    Accepted: every frame to the ACS bears the WAN address.
    """
    bench.configure(source_address="")
    judged_source(bench, case, "lcos.source.automatic", bench.topology.cpe_wan_v4, "no source address set")


@case(
    "source.loopback.unmasked",
    verifies=("lcos.loopback.unmasked", "lcos.source.loopback-name"),
    needs=(*SOURCE, "loopback-source", "masked-wan"),
    packets=True,
)
def loopback_unmasked(bench: Bench, case: Case) -> None:
    """A loopback address as the source leaves the masked WAN unmasked.

    Accepted: the wire shows the loopback address itself, in every frame, and the session completes, so the answers
    found their way back.
    """
    with case.twin(
        "with no source address the device connects from its WAN address", lambda: leaves_from_wan(bench)
    ):
        case.step(f"Set the source address to the loopback address {bench.device.names.loopback}.")
        bench.configure(source_address=bench.device.names.loopback)
        frames = session_frames(bench)
        for requirement in ("lcos.loopback.unmasked", "lcos.source.loopback-name"):
            case.check(
                requirement,
                frames,
                only_from(bench.device.names.loopback_address),
                evidence=bench.wire.evidence(frames),
            )


@case(
    "source.network.masked",
    verifies="lcos.loopback.network-masked",
    needs=(*SOURCE, "network-source", "masked-wan"),
    packets=True,
)
def network_masked(bench: Bench, case: Case) -> None:
    """The address of an IP network as the source is masked on the masked WAN.

    Accepted: the wire shows the WAN address in every frame, the network's address in none, and the session takes
    place, as it does with no source address set.
    """
    with case.twin(
        "with no source address the device connects from its WAN address", lambda: leaves_from_wan(bench)
    ):
        names = bench.device.names
        case.step(f"Set the source address to the IP network {names.network} ({names.network_address}).")
        bench.configure(source_address=names.network)
        judged_source(
            bench, case, "lcos.loopback.network-masked", bench.topology.cpe_wan_v4, "network as the source"
        )


@case(
    "source.loopback.lan-still-masked",
    verifies="lcos.loopback.lan-still-masked",
    needs=(*SOURCE, "loopback-source", "masked-wan"),
    packets=True,
)
def lan_still_masked(bench: Bench, case: Case) -> None:
    """While the device's own CWMP connections leave unmasked, its LAN clients are masked as before.

    Accepted: a TCP connection from a LAN client appears on the WAN link under the WAN address only.
    """
    case.step(f"Set the source address to {bench.device.names.loopback} and run a session.")
    bench.configure(source_address=bench.device.names.loopback)
    case.observe(f"session: {bench.works() or 'complete'}")
    case.step("Connect from the LAN client to a host on the WAN.")
    mark = bench.wire.mark()
    reached = bench.probe("lan", bench.topology.files_v4, bench.files.port)
    frames = bench.wire.to(mark, bench.topology.files_v4, bench.files.port)
    if not frames:
        raise Inconclusive(
            f"no frame of the LAN client's connection on the WAN link (the connection was {reached})"
        )
    case.check(
        "lcos.loopback.lan-still-masked",
        frames,
        only_from(bench.topology.cpe_wan_v4),
        evidence=bench.wire.evidence(frames),
    )
