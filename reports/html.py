"""``report.html``: one file, no network; whatever a device said is shown, never executed.

The only script is ours, named by its hash in the content security policy. Without it everything but the evidence of
very large bundles can be read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from harness.verdict.assertion import Assertion, CaseResult, EvidenceRef
from harness.verdict.bundle import EVIDENCE, Bundle
from harness.verdict.verdict import Level, Verdict
from reports import exhibit, plot, summary
from reports.advice import advice_for
from reports.evidence import capture_of, inside, load
from reports.text import MARKS, one_line, repeat_command, visible

EXHIBITS: Final = 120
"""Findings whose evidence is in the page."""
PLOTS: Final = 40
OPEN: Final = 3
"""Failed findings whose evidence is open from the start."""
INLINE: Final = 700_000
"""Characters of evidence that are in the document from the start; what follows waits in templates."""
WHOLE: Final = 6_000_000
"""Characters of evidence in the page; what follows is only linked to."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Evidence as markup. ``how``: ``open``, ``closed``, ``held`` (in a template until asked for) or ``left out``."""

    html: Markup
    how: str
    said: str
    key: str = ""
    """What the ids of its messages begin with."""
    ids: frozenset[str] = frozenset()
    """Messages that are shown."""


def render(bundle: Bundle) -> str:
    """The report as the text of an HTML document."""
    results = bundle.results
    musts = [each for each in results.requirements if each.level is Level.MUST]
    environment = make_environment()
    troubled, wire = summary.troubled_cases(results), summary.wire_findings(results)
    script = read_template("report.js")
    level = {each.id: each.level for each in results.requirements}
    return environment.get_template("report.html.j2").render(
        notes=bundle.notes,
        results=results,
        levels=[(each, summary.counts(results.requirements, each)) for each in (Level.MUST, Level.SHOULD)],
        passed=sum(each.verdict in (Verdict.PASS, Verdict.WARN) for each in musts),
        judged=sum(each.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL) for each in musts),
        proven=sum(bool(case.proven) for case in results.cases if case.verdict is Verdict.PASS),
        passed_cases=sum(case.verdict is Verdict.PASS for case in results.cases),
        areas=summary.areas(results),
        area_names=summary.area_names(results),
        gaps=summary.gaps(results),
        requirements={each.id: each for each in results.requirements},
        reported={case.id for case in results.cases},
        troubled=troubled,
        wire=wire,
        exhibits=_exhibits(bundle, environment, troubled, wire),
        plots=_plots(bundle),
        capture_of=partial(capture_of, bundle.folder),
        repeat=partial(repeat_command, command=results.command, seed=results.seed),
        levels_of=lambda case: " ".join(sorted({level[each] for each in case.requirements if each in level})),
        script=Markup(script),
        script_hash=script_hash(script),
        Verdict=Verdict,
    )


def _exhibits(
    bundle: Bundle,
    environment: Environment,
    troubled: list[CaseResult],
    wire: list[summary.WireFinding],
) -> dict[str, Rendered]:
    """The evidence of the findings, by the key of the finding, within the limits of a page."""
    macro = environment.get_template("exhibit.html.j2").module.exhibit  # type: ignore[attr-defined]
    found: dict[str, Rendered] = {}
    used = opened = 0
    for number, (key, case, assertions, narrow) in enumerate(_wanted(troubled, wire)):
        if number >= EXHIBITS or used > WHOLE:
            found[key] = Rendered(Markup(), "left out", "")
            continue
        shown = exhibit.make(assertions, load(bundle.folder, case), narrow=narrow)
        if not shown:
            continue
        html = Markup(macro(shown, f"e{number}"))
        used += len(html)
        how = "held" if used > INLINE else "closed"
        if how == "closed" and opened < OPEN and any(each.verdict is Verdict.FAIL for each in assertions):
            how, opened = "open", opened + 1
        ids = frozenset(each.message.id for each in shown.messages)
        found[key] = Rendered(html, how, _said(shown), f"e{number}", ids)
    return found


def _wanted(
    troubled: list[CaseResult], wire: list[summary.WireFinding]
) -> Iterator[tuple[str, CaseResult, list[Assertion], bool]]:
    for case in troubled:
        yield f"f-{case.id}", case, summary.findings(case), False
    for number, each in enumerate(wire):
        case, example = each.examples[0]
        yield f"w-{number}", case, [example], True


def _said(shown: exhibit.Exhibit) -> str:
    parts = [
        "ladder diagram" if shown.ladder else "",
        f"{len(shown.messages)} messages" if shown.messages else "",
        f"{len(shown.packets)} packets" if shown.packets else "",
    ]
    return ", ".join(part for part in parts if part) or "could not be read"


def _plots(bundle: Bundle) -> dict[str, plot.Plot]:
    found: dict[str, plot.Plot] = {}
    for case in bundle.results.cases:
        if len(found) < PLOTS and plot.measured(case):
            drawn = plot.draw(case, load(bundle.folder, case).transcript)
            if drawn is not None:
                found[case.id] = drawn
    return found


def evidence_link(ref: EvidenceRef, case: CaseResult) -> str:
    """Where a piece of evidence lies, relative to the report; empty where it can only be named."""
    if ref.kind == "file":
        return _inside(ref.ref)
    return evidence_folder(case)


def evidence_folder(case: CaseResult) -> str:
    """The folder of a case, relative to the report; empty where it has none."""
    return _inside(case.evidence)


def _inside(path: str) -> str:
    """*path* below the folder of evidence as a URL, or empty where it would lead out of it."""
    return f"{EVIDENCE}/{quote(path, safe='/', errors='replace')}" if inside(path) else ""


def script_hash(script: str) -> str:
    """The script as a content security policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")


@cache
def read_template(name: str) -> str:
    """The text of a file of ``reports/templates``."""
    return (files("reports") / "templates" / name).read_text("utf-8")


def make_environment() -> Environment:
    """Templates that escape everything and know how texts of a device are shown."""
    environment = Environment(
        loader=FunctionLoader(read_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "one_line": one_line,
        "mark": MARKS.__getitem__,
        "findings": summary.findings,
    }
    environment.globals |= {
        "evidence_link": evidence_link,
        "evidence_folder": evidence_folder,
        "capture_link": lambda path: quote(path, safe="/"),
        "advice_for": advice_for,
    }
    return environment
