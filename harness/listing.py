"""What ``cpecheck list`` and ``cpecheck doctor`` print."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from harness import catalogue as suites
from harness.lab import doctor
from harness.verdict.requirement import Catalogue, Requirement

MANY = 4
"""Cases that a row of the page names; `cpecheck list` names all."""


class Listed(msgspec.Struct):
    """One requirement and what checks it."""

    id: str
    level: str
    area: str
    text: str
    source: str
    catalogue: tuple[str, ...]
    confirmed: bool
    cases: tuple[str, ...]
    rules: tuple[str, ...]


def listed() -> list[Listed]:
    """Every requirement with its cases and wire rules."""
    records: Catalogue = suites.requirements()
    cases: defaultdict[str, list[str]] = defaultdict(list)
    rules: defaultdict[str, list[str]] = defaultdict(list)
    for spec in suites.cases():
        for requirement in spec.verifies:
            cases[requirement].append(spec.id)
    for rule in suites.rules():
        rules[rule.verifies].append(rule.id)
    return [_row(record, cases[record.id], rules[record.id]) for record in records]


def _row(record: Requirement, cases: list[str], rules: list[str]) -> Listed:
    return Listed(
        record.id,
        str(record.level),
        record.area,
        record.text,
        record.source,
        record.catalogue,
        record.confirmed,
        tuple(cases),
        tuple(rules),
    )


def listing(*, as_json: bool, uncovered: bool, markdown: bool = False) -> str:
    """The list as text, Markdown or JSON (``{"requirements": [...]}``)."""
    rows = [row for row in listed() if not (uncovered and (row.cases or row.rules))]
    if markdown:
        return as_markdown(rows).rstrip("\n")
    if as_json:
        return msgspec.json.format(msgspec.json.encode({"requirements": rows}), indent=2).decode()
    return "\n".join(_lines(rows, uncovered=uncovered))


def as_markdown(rows: list[Listed]) -> str:
    """The rows as the page ``docs/requirements.md``: by area, each with level, source and what checks it."""
    lines = [
        "# Requirements",
        "",
        "Made by `cpecheck list --markdown`. A level in brackets was not confirmed in the text of the standard.",
    ]
    area = ""
    for row in sorted(rows, key=lambda row: (row.area, row.id)):
        if row.area != area:
            area = row.area
            lines += [
                "",
                f"## {area}",
                "",
                "| requirement | level | what is demanded | source | checked by |",
                "|---|---|---|---|---|",
            ]
        level = row.level if row.confirmed else f"({row.level})"
        by = [f"`{name}`" for name in row.cases] + [f"rule `{name}`" for name in row.rules]
        shown = ", ".join(by[:MANY]) + (f" and {len(by) - MANY} more" if len(by) > MANY else "")
        cells = (f"`{row.id}`", level, row.text, row.source, shown or "nothing yet")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _lines(rows: list[Listed], *, uncovered: bool) -> Iterable[str]:
    area = ""
    for row in sorted(rows, key=lambda row: row.area):
        if row.area != area:
            area = row.area
            yield f"\n{area}"
        doubt = "" if row.confirmed else "  (level not confirmed in the text)"
        yield f"  {row.level:<6}  {row.id}{doubt}"
        yield f"          {row.text}"
        for kind, names in (("case", row.cases), ("rule", row.rules)):
            for name in names:
                yield f"          {kind} {name}"
    yield f"\n{len(rows)} requirements" + (" that nothing checks yet" if uncovered else "")


def doctor_report(*, as_json: bool) -> tuple[str, bool]:
    """The doctor's findings as text or JSON, and whether nothing is lacking."""
    checks = doctor.checks()
    complete = all(check.ok for check in checks)
    if as_json:
        return msgspec.json.format(
            msgspec.json.encode({"complete": complete, "checks": checks}), indent=2
        ).decode(), complete
    lines = []
    for check in checks:
        lines.append(f"  {'ok     ' if check.ok else 'lacking'}  {check.name}: {check.found}")
        if not check.ok:
            lines += [f"           costs:  {check.costs}", f"           remedy: {check.remedy}"]
    lines.append(
        "\nThis machine can run everything."
        if complete
        else "\nWhat is lacking is reported as not-run, never as pass."
    )
    return "\n".join(lines), complete
