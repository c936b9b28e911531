"""IPPing: echo requests, and what they have shown (TR-181 IP.Diagnostics.IPPing, TR-098 IPPingDiagnostics)."""

from __future__ import annotations

from collections.abc import Sequence

from reference_cpe.diagnostics.arguments import Arguments
from reference_cpe.diagnostics.probe import Echo
from reference_cpe.diagnostics.state import Outcome

INTERVAL = 1.0
"""Seconds of device time between two requests."""


async def run(arguments: Arguments) -> Outcome:
    """Send the requests one after the other.

    Raises:
        Failed: no such host, no route, no ICMP socket.
    """
    place = await arguments.place(arguments.text("Host"))
    size, seconds = arguments.number("DataBlockSize", 56), arguments.number("Timeout", 1000) / 1000
    times: list[float | None] = []
    with Echo(place, arguments.number("DSCP")) as echo:
        for number in range(arguments.number("NumberOfRepetitions", 1)):
            if number:
                await arguments.pause(INTERVAL)
            answer = await echo.send(size, seconds)
            times.append(None if answer is None else answer.seconds)
        return Outcome({**results(times), "IPAddressUsed": echo.source})


def results(times: Sequence[float | None]) -> dict[str, str]:
    """The values that tell of round-trip *times* in seconds, ``None`` for a request without reply."""
    good = [seconds for seconds in times if seconds is not None]
    found = {"SuccessCount": str(len(good)), "FailureCount": str(len(times) - len(good))}
    average = sum(good) / len(good) if good else 0.0
    for word, seconds in (
        ("Average", average),
        ("Minimum", min(good, default=0.0)),
        ("Maximum", max(good, default=0.0)),
    ):
        found[f"{word}ResponseTime"] = str(round(seconds * 1000))
        found[f"{word}ResponseTimeDetailed"] = str(round(seconds * 1_000_000))
    return found
