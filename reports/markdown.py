"""``summary.md``: a run in a page of Markdown, for the comment that a CI leaves beside a change.

Texts of the device stand in code spans, where neither markup nor mentions work.
"""

from __future__ import annotations

import re
from typing import Final

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.bundle import Bundle, Results
from harness.verdict.verdict import Level, Verdict
from reports import summary
from reports.text import MARKS, one_line, repeat_command

SHOWN: Final = 25
"""Findings that are listed."""
LIMIT: Final = 60_000
"""Characters of the page; a comment on GitHub ends at 65,536."""
_TEXT: Final = 240


def span(text: object, limit: int = _TEXT) -> str:
    """*text* as a code span, whatever is in it."""
    shown = one_line(text, limit) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def render(bundle: Bundle) -> str:
    """The page."""
    results = bundle.results
    lines = [
        f"## {MARKS[results.verdict]} {results.verdict}: {span(results.device.get('name', 'device'), 80)}",
        "",
        _facts(results),
        "",
        *(f"> {span(note)}\n" for note in bundle.notes),
        *_gate(results),
        *_counts(results),
        "",
        *_findings(results),
        *_gaps(results),
        f"<sub>cpecheck {span(results.tool_version, 20)}, `report.html` in the bundle has the evidence.</sub>",
        "",
    ]
    whole = "\n".join(lines)
    return (
        whole if len(whole) <= LIMIT else whole[:LIMIT].rpartition("\n")[0] + "\n\n… cut: see the report.\n"
    )


def _facts(results: Results) -> str:
    firmware = results.device.get("software_version", "")
    parts = [f"firmware {span(firmware, 80)}"] if firmware else []
    parts += [f"{len(results.cases)} cases", f"{results.seconds:.1f} s", f"seed {results.seed}"]
    return " · ".join(parts)


def _gate(results: Results) -> list[str]:
    gate = results.gate
    if not gate.file:
        return []
    verdict = "everything is as expected" if gate.exit_code == 0 else "**not as expected**"
    found = [f"Gate {span(gate.file, 120)}: {verdict}, {len(gate.met)} known findings.", ""]
    return found + [f"- {span(each)}" for each in gate.broken[:SHOWN]] + ([""] if gate.broken else [])


def _counts(results: Results) -> list[str]:
    shown = [each for each in Verdict if each is not Verdict.NOT_APPLICABLE]
    lines = ["| | " + " | ".join(shown) + " | not tested |", "|---" * (len(shown) + 2) + "|"]
    for level in (Level.MUST, Level.SHOULD):
        counts = summary.counts(results.requirements, level)
        untested = sum(each.level is level for each in results.untested)
        cells = [
            f"**{counts[each]}**" if counts[each] and each is not Verdict.PASS else f"{counts[each]}"
            for each in shown
        ]
        lines.append(f"| {level} | " + " | ".join(cells) + f" | {untested} |")
    return lines


def _findings(results: Results) -> list[str]:
    found: list[tuple[str, str, list[Assertion], CaseResult]] = [
        (str(case.verdict), case.id, summary.findings(case), case) for case in summary.troubled_cases(results)
    ]
    for wire in summary.wire_findings(results):
        first = wire.examples[0][0]
        name = f"on the wire, {len(wire.cases)} {'case' if len(wire.cases) == 1 else 'cases'}"
        found.append((str(wire.assertion.verdict), name, [wire.assertion], first))
    if not found:
        return []
    lines = ["### Findings", ""]
    for verdict, name, assertions, case in found[:SHOWN]:
        lines.append(f"- **{MARKS[Verdict(verdict)]} {verdict}** {span(name, 120)}")
        for each in assertions[:3]:
            lines.append(
                f"  - {span(each.requirement, 120)}: expected {span(each.expected)}, observed {span(each.observed)}"
            )
        if case.reason and not assertions:
            lines.append(f"  - {span(case.reason)}")
        lines.append(f"  - again: {span(repeat_command(case.id, results.command, results.seed))}")
    if len(found) > SHOWN:
        lines.append(f"- and {len(found) - SHOWN} more")
    return [*lines, ""]


def _gaps(results: Results) -> list[str]:
    gaps = summary.gaps(results)
    if not gaps:
        return []
    lines = ["<details><summary>What this run does not say</summary>", ""]
    lines += [f"- {gap.number} {gap.what}: {span(gap.reason)}" for gap in gaps]
    return [*lines, "", "</details>", ""]
