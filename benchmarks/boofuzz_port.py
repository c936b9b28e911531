"""Cases a second at the connection-request port: boofuzz, as it comes and stripped, and ours, side by side.

    python -m benchmarks.boofuzz_port --boofuzz-python PYTHON [--seconds S] [--rounds N] [--json]

PYTHON is an interpreter with boofuzz (extra ``bench``): as it comes (``stock``), with no logger and no web page
(``lean``, what its options allow), and with its database taken out as well (``stripped``). All fuzz the request of a connection request at the
same reference CPE in the same bench, in turn, and again in the next round, so that what else the machine does
falls on all alike. Ours runs as a campaign does: its own request bytes, every octet recorded, a golden session
after each batch, all oracles and wire rules over it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from harness.device.profile import reference
from harness.fuzz.connection_request.executor import ConnectionRequestExecutor
from harness.fuzz.connection_request.programs import connection_request
from harness.fuzz.evidence import End
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.mixture import mixed
from harness.fuzz.oracles import judge
from harness.fuzz.program import Program
from harness.lab.topology import WAN

CLIENT: Final = Path(__file__).with_name("boofuzz_client.py")
LIMIT: Final = 300.0
"""Real seconds for one run of boofuzz."""
MODES: Final = {"stock": 30, "lean": 250, "stripped": 450}
"""How boofuzz is run, and cases a second that are guessed at to choose how many cases fill the time."""


def single_requests(seed: int) -> Iterator[Program]:
    """Programs of one request each, as boofuzz sends them: those without a login."""
    arms = [arm for arm in connection_request(DeviceFacts()).arms if arm.dimension != "C2-login"]
    return mixed(arms, seed)


def ours(executor: ConnectionRequestExecutor, stream: Iterator[Program], seconds: float) -> float:
    """Cases a second over about *seconds*, batches, controls and oracles included.

    Raises:
        RuntimeError: an oracle found something wrong with the clean device, or the device is gone.
    """
    began, count = time.monotonic(), 0
    while (spent := time.monotonic() - began) < seconds:
        programs = list(itertools.islice(stream, executor.batch))
        evidence = executor.run(programs)
        if alarms := judge(evidence):
            raise RuntimeError(f"the reference CPE is clean, but: {alarms[0]}")
        count += sum(each.end is not End.NOT_REACHED for each in evidence.observations)
    return count / spent if count else 0.0


def theirs(executor: ConnectionRequestExecutor, python: str, mode: str, seconds: float) -> float:
    """Cases a second of boofuzz, in the bench's WAN as ours.

    Raises:
        RuntimeError: it failed; with its last line.
    """
    door, ground = executor.client.door, executor.ground
    cases = int(seconds * MODES[mode])
    host, port = door.address
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        argv = [python, str(CLIENT), mode, host, str(port), door.target, str(cases), str(result)]
        run = ground.rig.lab.run(
            WAN, argv, cwd=folder, timeout=LIMIT, env={"PATH": "/usr/bin:/bin", "HOME": folder}
        )
        done = ground.loop.call(run, deadline=LIMIT + 10)
        if not result.exists():
            raise RuntimeError(f"boofuzz ({mode}): {done.stderr.decode(errors='replace')[-400:]}")
        told = json.loads(result.read_text("utf-8"))
    if not executor.control().alive:
        raise RuntimeError("the device did not survive boofuzz")
    ground.loop.call(ground.take())
    return float(told["cases"] / told["seconds"])


def measure(python: str, seconds: float, rounds: int) -> dict[str, list[float]]:
    """Rates of every round, by name."""
    rates: dict[str, list[float]] = {name: [] for name in (*MODES, "cpecheck")}
    with tempfile.TemporaryDirectory() as folder:
        executor = ConnectionRequestExecutor(reference(), Path(folder))
        try:
            for number in range(rounds):
                for mode in MODES:
                    rates[mode].append(theirs(executor, python, mode, seconds))
                rates["cpecheck"].append(ours(executor, single_requests(number), seconds))
        finally:
            executor.close()
    return rates


def summary(rates: dict[str, list[float]]) -> dict[str, Any]:
    """Medians, and how many times faster ours is."""
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "cases_per_second": {name: round(value, 1) for name, value in medians.items()},
        **{f"times_{mode}": round(medians["cpecheck"] / medians[mode], 1) for mode in MODES},
        "rounds": {name: [round(value, 1) for value in values] for name, values in rates.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boofuzz_port")
    parser.add_argument("--boofuzz-python", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    result = summary(measure(given.boofuzz_python, given.seconds, given.rounds))
    if given.json:
        print(json.dumps(result))
        return
    for name, rate in result["cases_per_second"].items():
        print(f"{name:10} {rate:8.1f} cases/s   rounds: {result['rounds'][name]}")
    print(", ".join(f"{result[f'times_{mode}']} times {mode}" for mode in MODES))


if __name__ == "__main__":
    main()
