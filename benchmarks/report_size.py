"""How long ``cpecheck report`` takes over a large bundle, what memory it takes, and when the page can be used.

    python -m benchmarks.report_size                       # 5,000 cases, 200 MB of evidence, one in ten fails
    python -m benchmarks.report_size --cases 1000 --megabytes 40 --json

The bundle is made up (recorded seed) in a temporary folder. The report is made by a process of its own, whose largest
resident size is taken. Where chromium is installed, the page is opened in it: *usable* is the time from the start of the
navigation until its script has run and a frame was drawn, *filter* that from a keystroke in the search field until the rows
have changed, *evidence* that from opening the last finding that holds its evidence until that is laid out.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.verdict.assertion import Assertion, CaseResult, EvidenceRef
from harness.verdict.bundle import BundleWriter, Header, PlannedCase
from harness.verdict.requirement import Requirement
from harness.verdict.transcript import (
    Chunk,
    Closed,
    Connection,
    Direction,
    HttpMessage,
    Role,
    SessionRecord,
    Transcript,
    encode,
)
from harness.verdict.verdict import Level, Verdict

AREAS = 20
REQUIREMENTS = 600
PER_SESSION = 5_000
"""Octets of one Inform, with which the evidence is filled."""
LIMITS = {"seconds": 10.0, "megabytes": 400.0, "usable": 2.0}
"""What is demanded at 5,000 cases and 200 MB."""


def make(folder: Path, cases: int, megabytes: float, seed: int) -> None:
    """Write a bundle of *cases* cases with *megabytes* of evidence into *folder*."""
    rng = random.Random(seed)
    requirements = tuple(
        Requirement(f"area-{n % AREAS}.rule-{n}", Level.MUST if n % 5 else Level.SHOULD, f"area-{n % AREAS}",
                    f"The device does what paragraph {n} demands, every time and in this order.", f"TR-069 {n}")
        for n in range(REQUIREMENTS)
    )  # fmt: skip
    planned = tuple(
        PlannedCase(f"area-{n % AREAS}.case-{n}", (requirements[n % REQUIREMENTS].id,), f"Case number {n} of the benchmark")
        for n in range(cases)
    )  # fmt: skip
    device = {"name": "Benchmark"}
    header = Header(tool_version="0", seed=seed, device=device, requirements=requirements, cases=planned)
    writer = BundleWriter(folder, header)
    each = megabytes * 1e6 / cases
    for number, plan in enumerate(planned):
        writer.add(_result(plan, requirements[number % REQUIREMENTS], number, failed=number % 10 == 0))
        _evidence(folder / "evidence" / plan.id, each, rng)
    writer.finish()


def _result(plan: PlannedCase, requirement: Requirement, number: int, *, failed: bool) -> CaseResult:
    bad = Verdict.FAIL if requirement.level is Level.MUST else Verdict.WARN
    verdict = bad if failed else Verdict.PASS
    refs = (EvidenceRef("message", "c1.1", "/Envelope/Body"), EvidenceRef("frames", "1,2")) if failed else ()
    said = Assertion(
        requirement.id, verdict, "an answer within the range", f"value {number}" * 4, "", "", refs
    )
    steps = tuple(f"Step {step} of case {number}: set a parameter, wait, look." for step in range(5))
    return CaseResult(plan.id, 1, plan.title, requirement.area, verdict, plan.requirements, (said,), (), steps,
                      seconds=0.5, evidence=plan.id)  # fmt: skip


def _evidence(folder: Path, octets: float, rng: random.Random) -> None:
    """A transcript for two thirds of *octets* (base64 takes its share), noise as a capture for the rest."""
    folder.mkdir(parents=True)
    sessions = max(1, round(octets * 2 / 3 / (PER_SESSION * 2 * 4 / 3)))
    record = Transcript()
    for number in range(1, sessions + 1):
        value = "".join(rng.choices("abcdefghijklmnop", k=8))
        item = f"<ParameterValueStruct><Name>Device.X</Name><Value>{value}</Value></ParameterValueStruct>"
        body = f"<a>{item * (PER_SESSION // len(item))}</a>".encode()
        head = b"POST /cwmp HTTP/1.1\r\nHost: acs.bench.test\r\nContent-Length: %d\r\n\r\n" % len(body)
        message = HttpMessage(
            f"c{number}.1", f"c{number}", Direction.FROM_DEVICE, number, number, number, number, "POST /cwmp HTTP/1.1",
            [("Host", "acs.bench.test")], body, head, 0, len(head) + len(body),
        )  # fmt: skip
        record.connections.append(
            Connection(f"c{number}", Role.ACS, "acs", ("192.0.2.1", 1), ("192.0.2.2", 2), number, number,
                       Closed.BY_DEVICE, number, number, chunks=[Chunk(number, number, Direction.FROM_DEVICE, head + body)],
                       messages=[message])
        )  # fmt: skip
        record.sessions.append(
            SessionRecord(f"s{number}", [message.id], number, number, number, number, "complete")
        )
    data = encode(record)
    (folder / "transcript.json").write_bytes(data)
    (folder / "capture.pcapng").write_bytes(rng.randbytes(max(0, int(octets) - len(data))))


def measure(folder: Path) -> dict[str, Any]:
    """Make the report of *folder* in a process of its own."""
    code = f"import sys; from reports.build import write_all; from pathlib import Path; write_all(Path({str(folder)!r}))"
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True)
    seconds = time.monotonic() - began
    evidence = [each for each in (folder / "evidence").rglob("*") if each.is_file()]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "megabytes": round(used.ru_maxrss * 1024 / 1e6, 1),
        "evidence_megabytes": round(sum(each.stat().st_size for each in evidence) / 1e6, 1),
        "html_megabytes": round((folder / "report.html").stat().st_size / 1e6, 2),
    }


_USABLE = (
    """new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now() / 1000))))"""
)
_FILTER = """new Promise(done => { const began = performance.now(); const field = document.querySelector('#filters [name=q]');
field.value = 'case-4999'; field.dispatchEvent(new Event('input', {bubbles: true}));
const look = () => document.querySelectorAll('#cases li:not([hidden])').length <= 11
  ? requestAnimationFrame(() => done((performance.now() - began) / 1000)) : setTimeout(look, 2); look(); })"""
_OPEN = """new Promise(done => { const held = [...document.querySelectorAll('details.evidence')].pop(); const began = performance.now();
held.closest('details.case').open = true; held.open = true; held.scrollIntoView();
requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000))); })"""


async def look(page_file: Path) -> dict[str, Any]:
    """Open the page in chromium; nothing where there is none."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
    chromium: Any = importlib.import_module("browser")
    if chromium.BINARY is None:
        return {}
    async with chromium.browse() as page:
        await page.look(1200)
        await page.show(page_file)
        usable = await page.run(_USABLE)
        filtered = await page.run(_FILTER)
        await page.run("document.querySelector('#filters [type=reset]').click()")
        opened = await page.run(_OPEN)
        heap = await page.run("performance.memory.usedJSHeapSize / 1e6")
    return {
        "usable": round(usable, 2), "filter": round(filtered, 3), "evidence": round(opened, 3), "heap": round(heap, 1),
    }  # fmt: skip


def main() -> None:
    """Measure and print; exit status 1 where a limit of the full size is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--megabytes", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cpecheck-bench-") as name:
        folder = Path(name)
        make(folder, options.cases, options.megabytes, options.seed)
        found = {"cases": options.cases, "seed": options.seed, **measure(folder)}
        found |= asyncio.run(look(folder / "report.html"))
    print(
        json.dumps(found)
        if options.json
        else "\n".join(f"{key:>16}: {value}" for key, value in found.items())
    )
    sys.exit(any(found.get(key, 0) > limit for key, limit in LIMITS.items()))


if __name__ == "__main__":
    main()
