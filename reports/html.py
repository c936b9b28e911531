"""``report.html``: one file, no network, no script; whatever a device said is shown, never executed."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined

from harness.verdict.assertion import CaseResult, EvidenceRef
from harness.verdict.bundle import EVIDENCE, Bundle
from harness.verdict.verdict import Level, Verdict
from reports import summary
from reports.text import MARKS, one_line, repeat_command, visible


def render(bundle: Bundle) -> str:
    """The report as the text of an HTML document."""
    results = bundle.results
    musts = [each for each in results.requirements if each.level is Level.MUST]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            notes=bundle.notes,
            results=results,
            levels=[
                (level, summary.counts(results.requirements, level)) for level in (Level.MUST, Level.SHOULD)
            ],
            passed=sum(each.verdict in (Verdict.PASS, Verdict.WARN) for each in musts),
            judged=sum(each.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL) for each in musts),
            areas=summary.areas(results),
            requirements={each.id: each for each in results.requirements},
            reported={case.id for case in results.cases},
            troubled=summary.troubled_cases(results),
            wire=summary.wire_findings(results),
            Verdict=Verdict,
        )
    )


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
    if not path or any(part in ("", ".", "..") for part in path.rstrip("/").split("/")):
        return ""
    return f"{EVIDENCE}/{quote(path, safe='/', errors='replace')}"


def _environment() -> Environment:
    templates = files("reports") / "templates"
    environment = Environment(
        loader=FunctionLoader(lambda name: (templates / name).read_text("utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "one_line": one_line,
        "mark": MARKS.__getitem__,
        "repeat": repeat_command,
        "findings": summary.findings,
    }
    environment.globals |= {"evidence_link": evidence_link, "evidence_folder": evidence_folder}
    return environment
