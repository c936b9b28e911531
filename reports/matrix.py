"""``matrix.html``: the kill matrix of a self-test as a heat map; one file, no network, no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from reports.text import visible

Row = Mapping[str, Any]


def render(report: Row) -> str:
    """The matrix of *report* (``selftest.json`` as plain values) as the text of an HTML document."""
    defects, variants = report["defects"], report["variants"]
    cases = _columns(report["baseline"], (*defects, *variants))
    return (
        _environment()
        .get_template("matrix.html.j2")
        .render(
            report=report,
            cases=cases,
            killed=sum(each["killed"] for each in defects),
            spared=sum(not each["false_alarms"] for each in variants),
            by_case={case: sum(case in each["killed_by"] for each in defects) for case in cases},
            median=_median([each["seconds"] for each in defects]),
        )
    )


def _columns(baseline: Sequence[Row], rows: Sequence[Row]) -> list[str]:
    """Cases in the order of the suites, as far as any row has them."""
    used = {case for row in rows for case in row["cells"]}
    return [case["id"] for case in baseline if case["id"] in used]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _environment() -> Environment:
    templates = files("reports") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    return environment
