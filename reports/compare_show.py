"""A comparison for people: on a terminal, and as a page with the matrix of all bundles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup
from rich.console import Console
from rich.text import Text

from harness.verdict.verdict import Verdict
from reports.compare import Change, Comparison
from reports.html import make_environment, read_template, script_hash
from reports.terminal import STYLES
from reports.text import MARKS, one_line

_SECTIONS: Final = (
    ("regressions", "Regressions", "worse than before"),
    ("fixes", "Fixes", "better than before"),
    ("new", "New cases", "not in any bundle before"),
    ("vanished", "Vanished cases", "in a bundle before, not in the last"),
    ("other", "Other verdicts", "neither better nor worse"),
    ("evidence", "Changed evidence", "the same verdict, another observation"),
    ("durations", "Durations", "much longer or shorter"),
)
_SHOWN: Final = 60
"""Lines of a section on the terminal, and entries of a section of the page."""


def console() -> Console:
    """A console for standard output: coloured on a terminal, plain in a pipe."""
    return Console(highlight=False, soft_wrap=True)


def show(comparison: Comparison, console: Console) -> None:
    """Print *comparison*."""
    for number, column in enumerate(comparison.bundles, 1):
        verdict = column.verdict
        line = Text(f"{number}  ")
        line.append(f"{MARKS[verdict]} {verdict:<14}", style=STYLES[verdict])
        named = " ".join(part for part in (column.device, column.firmware) if part)
        line.append(f" {one_line(column.folder, 80)}  {one_line(named, 80)}  {one_line(column.started, 30)}")
        console.print(line)
    for note in comparison.notes:
        console.print(Text(f"note: {one_line(note, 400)}", style="yellow"))
    for name, title, meaning in _SECTIONS:
        _section(console, getattr(comparison, name), title, meaning, name)
    console.print()
    console.print(_last(comparison))


def _section(console: Console, changes: Sequence[Change], title: str, meaning: str, name: str) -> None:
    if not changes:
        return
    console.print(Text.assemble("\n", (f"{title} {len(changes)}", "bold"), (f"  {meaning}", "bright_black")))
    for change in changes[:_SHOWN]:
        console.print(_line(change))
        for text in _details(change, name):
            console.print(Text(f"      {one_line(text, 400)}", style="bright_black"))
    if len(changes) > _SHOWN:
        console.print(Text(f"  and {len(changes) - _SHOWN} more", style="bright_black"))


def _line(change: Change) -> Text:
    line = Text("  ")
    if change.seconds is not None:
        line.append(f"{change.seconds[0]:.1f} s → {change.seconds[1]:.1f} s")
    else:
        for verdict in dict.fromkeys((change.old, change.new)):
            arrow = " → " if len(line.plain) > 2 else ""
            line.append(arrow).append(
                verdict or "not there", style=STYLES[Verdict(verdict)] if verdict else ""
            )
    line.append(f"  {one_line(change.id, 120)}", style="bold")
    return line.append(f"  {change.level}" if change.level else "", style="bright_black")


def _details(change: Change, section: str) -> list[str]:
    if section == "evidence":
        return [change.text, f"was: {change.before}", f"now: {change.observed}"]
    if section not in ("regressions", "fixes", "new"):
        return []
    lines = [change.text] if change.text else []
    if section == "regressions":
        lines += [f"observed: {change.observed}"] if change.observed else []
        cases = ", ".join(change.cases[:6]) + (
            f" and {len(change.cases) - 6} more" if len(change.cases) > 6 else ""
        )
        lines += [f"cases: {cases}"] if change.cases else []
    return lines


def _last(comparison: Comparison) -> Text:
    parts = [f"{number} {word}" for number, word in counted(comparison)]
    return Text(", ".join(parts), style="bold red" if comparison.exit_code else "green")


def counted(comparison: Comparison) -> list[tuple[int, str]]:
    """How many regressions, fixes, new and vanished cases there are, with the word that fits the number."""
    words = (
        ("regressions", "regression"),
        ("fixes", "fix"),
        ("new", "new case"),
        ("vanished", "vanished case"),
    )
    plural = {"fix": "fixes"}
    found = []
    for name, word in words:
        number = len(getattr(comparison, name))
        found.append((number, word if number == 1 else plural.get(word, word + "s")))
    return found


def html(comparison: Comparison) -> str:
    """The comparison as the text of an HTML document: what changed, and the matrix of all bundles."""
    script = read_template("compare.js")
    return (
        make_environment()
        .get_template("compare.html.j2")
        .render(
            comparison=comparison,
            sections=[
                (name, title, meaning, getattr(comparison, name)) for name, title, meaning in _SECTIONS
            ],
            shown=_SHOWN * 5,
            counted=", ".join(f"{number} {word}" for number, word in counted(comparison)),
            Verdict=Verdict,
            script=Markup(script),
            script_hash=script_hash(script),
        )
    )
