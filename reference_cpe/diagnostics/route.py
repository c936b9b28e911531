"""TraceRoute: which routers lie on the way (TR-181 IP.Diagnostics.TraceRoute, TR-098 TraceRouteDiagnostics)."""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_cpe.diagnostics import probe
from reference_cpe.diagnostics.arguments import Arguments
from reference_cpe.diagnostics.probe import Answer
from reference_cpe.diagnostics.state import Outcome

INTERVAL = 0.1
"""Seconds of device time between two hops."""


@dataclass(slots=True)
class Hop:
    """What the probes with one number of hops have brought."""

    answers: list[Answer | None] = field(default_factory=list)

    @property
    def last(self) -> Answer | None:
        return next((answer for answer in reversed(self.answers) if answer is not None), None)

    @property
    def arrived(self) -> bool:
        return any(answer is not None and answer.arrived for answer in self.answers)

    @property
    def dead_end(self) -> bool:
        """A router says that it knows no way on."""
        return self.last is not None and not (self.arrived or self.last.expired)

    def row(self) -> dict[str, str]:
        """The row of RouteHops, by the names of TR-181 and of TR-098."""
        last = self.last
        times = ",".join("0" if a is None else str(milliseconds(a.seconds)) for a in self.answers)
        values = {
            # Names of routers are not asked for: without one, Host is the address.
            "Host": last.address if last is not None else "",
            "HostAddress": last.address if last is not None else "",
            "ErrorCode": str(last.code if last is not None else 0),
            "RTTimes": times,
        }
        return {**values, **{f"Hop{name}": value for name, value in values.items()}}


def milliseconds(seconds: float) -> int:
    """Rounded, and up to 1 at least: 0 stands for a reply that has not come."""
    return max(1, round(seconds * 1000))


def outcome(hops: list[Hop]) -> Outcome:
    """The result of a trace that is over; of a route that was not found the table stays empty (TR-181)."""
    rows = [hop.row() for hop in hops]
    if not hops or not hops[-1].arrived:
        dead = bool(hops) and hops[-1].dead_end
        errors = ("Error_NoRouteToHost",) if dead else ("Error_MaxHopCountExceeded",)
        return Outcome({"ResponseTime": "0"}, errors=(*errors, "Error_Other"))
    times = [a.seconds for a in hops[-1].answers if a is not None]
    return Outcome({"ResponseTime": str(milliseconds(sum(times) / len(times)))}, rows)


async def run(arguments: Arguments) -> Outcome:
    """Send probes with one hop, two hops and so on, until one arrives or the limit is reached.

    Raises:
        Failed: no such host, no route.
    """
    place = await arguments.place(arguments.text("Host"))
    size, dscp = arguments.number("DataBlockSize", 38), arguments.number("DSCP")
    seconds, tries = arguments.number("Timeout", 5000) / 1000, arguments.number("NumberOfTries", 3)
    hops: list[Hop] = []
    for limit in range(1, arguments.number("MaxHopCount", 30) + 1):
        if hops:
            await arguments.pause(INTERVAL)
        hops.append(Hop())
        for at in range(tries):
            number = (limit - 1) * tries + at
            answer = await probe.datagram(place, limit, size, dscp, seconds, number)
            hops[-1].answers.append(answer)
        if hops[-1].arrived or hops[-1].dead_end:
            break
    used = {"IPAddressUsed": probe.own_address(place)}
    found = outcome(hops)
    found.values.update(used)
    return found
