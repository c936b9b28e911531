"""The end of a run on a terminal: a table of areas, what was found wrong, one line of summary.

Texts of the device are `rich.text.Text` without markup, their control characters escaped.
"""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.verdict.assertion import Assertion
from harness.verdict.bundle import Results
from harness.verdict.verdict import Level, Verdict
from reports import summary
from reports.text import MARKS, one_line, repeat_command

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.WARN: "yellow",
    Verdict.ERROR: "bold magenta",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.NOT_RUN: "cyan",
    Verdict.NOT_APPLICABLE: "bright_black",
}
_SHOWN = 600
"""Characters of one text; the report shows more, ``results.json`` all."""
_BROKEN = 40
"""Lines of a broken gate."""
_COLUMNS = (Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.ERROR)


def show(results: Results, console: Console, folder: Path | None = None) -> None:
    """Print *results* to *console*; *folder* is named as the place of the reports."""
    console.print(render(results, folder))


def render(results: Results, folder: Path | None = None) -> RenderableType:
    """What `show` prints."""
    parts: list[RenderableType] = [_table(results)]
    for case in summary.troubled_cases(results):
        parts.append(_heading(case.verdict, case.id, case.title))
        parts += [_finding(each, results) for each in summary.findings(case)]
        if case.reason and not case.assertions:
            parts.append(Padding(_pair("Reason", case.reason), (0, 0, 0, 4)))
        again = repeat_command(one_line(case.id), one_line(results.command), results.seed)
        parts.append(Text("    " + again, style="bright_black"))
    for found in summary.wire_findings(results):
        where = (
            found.cases[0] if len(found.cases) == 1 else f"{found.cases[0]} and {len(found.cases) - 1} more"
        )
        parts.append(_heading(found.assertion.verdict, f"wire rule {found.rule}", f"seen in {where}"))
        parts.append(_finding(found.assertion, results))
        if len(found.examples) > 1:
            more = f"    and {len(found.examples) - 1} more that differ in what was observed"
            parts.append(Text(more, style="bright_black"))
    parts += [Text(), _summary(results), *_gate(results)]
    if folder is not None:
        parts.append(Text(f"Report: {folder / 'report.html'}", style="bright_black"))
    return Group(*parts)


def _gate(results: Results) -> list[Text]:
    """What the file of expected findings made of the run, a line each."""
    gate = results.gate
    if not gate.file:
        return []
    kept = gate.exit_code == 0
    said = "everything is as expected" if kept else "not as expected"
    lines = [Text.assemble(f"Gate {one_line(gate.file, 200)}: ", (said, "green" if kept else "bold red"),
                           f", {len(gate.met)} known findings")]  # fmt: skip
    lines += [Text(f"  {one_line(each, _SHOWN)}") for each in gate.broken[:_BROKEN]]
    if len(gate.broken) > _BROKEN:
        lines.append(Text(f"  and {len(gate.broken) - _BROKEN} more"))
    return lines


def _table(results: Results) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("Area", no_wrap=True)
    table.add_column("Verdict")
    for verdict in _COLUMNS:
        table.add_column(verdict, justify="right")
    for area in summary.areas(results):
        counts = summary.counts(area.requirements)
        table.add_row(Text(one_line(area.name, 40)), _mark(area.verdict), *_cells(counts))
    table.add_section()
    counts = summary.counts(results.requirements)
    table.add_row(Text("all areas"), _mark(results.verdict), *_cells(counts))
    return table


def _cells(counts: dict[Verdict, int]) -> list[Text]:
    return [
        Text(
            f"{counts[each]}" if counts[each] else "·", style=STYLES[each] if counts[each] else "bright_black"
        )
        for each in _COLUMNS
    ]


def _mark(verdict: Verdict) -> Text:
    return Text(f"{MARKS[verdict]} {verdict}", style=STYLES[verdict])


def _heading(verdict: Verdict, name: str, title: str) -> Text:
    return Text.assemble(
        "\n", _mark(verdict), "  ", (one_line(name, 120), "bold"), "  ", one_line(title, 200)
    )


def _finding(assertion: Assertion, results: Results) -> Padding:
    record = next((each for each in results.requirements if each.id == assertion.requirement), None)
    lines = [
        Text.assemble(
            (f"{MARKS[assertion.verdict]} ", STYLES[assertion.verdict]), one_line(assertion.requirement)
        )
    ]
    if record is not None:
        unconfirmed = "" if record.confirmed else ", unconfirmed"
        lines.append(Text(f"  {one_line(record.text, 300)}"))
        lines.append(
            Text(f"  {record.level}, {one_line(record.source, 120)}{unconfirmed}", style="bright_black")
        )
    lines.append(_pair("Expected", assertion.expected))
    lines.append(_pair("Observed", assertion.observed, STYLES[assertion.verdict]))
    if assertion.reason:
        lines.append(_pair("Reason", assertion.reason))
    if assertion.evidence:
        refs = ", ".join(f"{each.kind} {each.ref}" for each in assertion.evidence[:4])
        lines.append(_pair("Evidence", refs, "bright_black"))
    return Padding(Group(*lines), (0, 0, 0, 4))


def _pair(name: str, value: str, style: str = "") -> Text:
    return Text.assemble((f"  {name:>8}: ", "bright_black"), (one_line(value, _SHOWN), style))


def _summary(results: Results) -> Text:
    musts = summary.counts(results.requirements, Level.MUST)
    said = [f"{number} {verdict}" for verdict, number in musts.items() if number]
    text = Text.assemble(
        _mark(results.verdict), f"  {_number(len(results.cases), 'case')} in {results.seconds:.1f} s; MUST: "
    )
    text.append(", ".join(said) or "none")
    if results.untested:
        text.append(f"; {_number(len(results.untested), 'requirement')} not tested")
    if not results.complete:
        text.append("; the run did not end", style="yellow")
    return text


def _number(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
