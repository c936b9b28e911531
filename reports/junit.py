"""``junit.xml`` as GitLab and Jenkins read it: a suite per area, a test case per case."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.bundle import RequirementResult, Results
from harness.verdict.verdict import Verdict
from reports.evidence import capture_of
from reports.text import FINDINGS, one_line, repeat_command, visible

_KIND = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.INCONCLUSIVE: "error",
    Verdict.NOT_RUN: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}
"""The child that says how a case ended. ``inconclusive`` is no failure of the device, and no success."""


def render(results: Results, folder: Path | None = None) -> bytes:
    """The report as an XML document.

    *folder* is the bundle: cases that call for a reader then name their capture as an attachment, by a path that GitLab
    and Jenkins find (relative to the working directory where the bundle lies below it).
    """
    known = {each.id: each for each in results.requirements}
    root = etree.Element("testsuites", name="cpecheck", time=f"{results.seconds:.3f}")
    for area in sorted({case.area for case in results.cases}):
        cases = [case for case in results.cases if case.area == area]
        suite = etree.SubElement(root, "testsuite", name=one_line(area), timestamp=results.started)
        _count(suite, cases)
        for case in cases:
            _case(suite, case, known, results, folder)
    wire = [(case, each) for case in results.cases for each in case.wire if each.verdict in FINDINGS]
    if wire:
        _wire(root, wire, known, results, folder)
    _total(root)
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def _count(suite: etree._Element, cases: list[CaseResult]) -> None:
    kinds = [_KIND.get(case.verdict) for case in cases]
    suite.set("tests", f"{len(cases)}")
    suite.set("failures", f"{kinds.count('failure')}")
    suite.set("errors", f"{kinds.count('error')}")
    suite.set("skipped", f"{kinds.count('skipped')}")
    suite.set("time", f"{sum(case.seconds for case in cases):.3f}")


def _total(root: etree._Element) -> None:
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, f"{sum(int(suite.get(name, '0')) for suite in root)}")


def _case(
    suite: etree._Element,
    case: CaseResult,
    known: dict[str, RequirementResult],
    results: Results,
    folder: Path | None,
) -> None:
    element = etree.SubElement(
        suite, "testcase", classname=one_line(case.area), name=one_line(case.id), time=f"{case.seconds:.3f}"
    )
    properties = etree.SubElement(element, "properties")
    _property(properties, "verdict", case.verdict)
    _property(properties, "version", f"{case.version}")
    _property(properties, "seed", f"{case.seed}")
    for requirement in case.requirements:
        _requirement(properties, requirement, known)
    findings = [each for each in case.assertions if each.verdict in FINDINGS]
    kind = _KIND.get(case.verdict)
    if kind is not None:
        deciding = [each for each in findings if each.verdict is case.verdict]
        message = case.reason or (
            f"{deciding[0].requirement}: {deciding[0].observed}" if deciding else case.title
        )
        child = etree.SubElement(element, kind, message=one_line(f"{case.verdict}: {message}", 300))
        if kind != "skipped":
            child.set("type", case.verdict)
        child.text = _story(case, findings, results)
    said = [_story(case, findings, results)] if findings and kind is None else []
    if findings or kind in ("failure", "error"):
        said += _attachment(folder, case)
    if said:
        etree.SubElement(element, "system-out").text = "\n".join(said)


def _attachment(folder: Path | None, case: CaseResult) -> list[str]:
    """The capture of *case* as the line that GitLab and Jenkins' attachment plugin look for."""
    capture = capture_of(folder, case) if folder is not None else ""
    if folder is None or not capture:
        return []
    path = (folder / capture).absolute()
    here = Path.cwd()
    shown = path.relative_to(here) if path.is_relative_to(here) else path
    return [f"[[ATTACHMENT|{one_line(shown)}]]"]


def _story(case: CaseResult, findings: list[Assertion], results: Results) -> str:
    lines = [visible(case.title)]
    for each in findings:
        lines += ["", *_lines(each)]
    if case.steps:
        lines += ["", "Procedure:", *(f"  {n}. {one_line(step)}" for n, step in enumerate(case.steps, 1))]
    lines += ["", "Again: " + repeat_command(one_line(case.id), one_line(results.command), results.seed)]
    return "\n".join(lines)


def _lines(assertion: Assertion) -> list[str]:
    lines = [
        f"{assertion.verdict}: {one_line(assertion.requirement)}",
        f"  expected: {one_line(assertion.expected)}",
        f"  observed: {one_line(assertion.observed)}",
    ]
    return lines + ([f"  reason: {one_line(assertion.reason)}"] if assertion.reason else [])


def _wire(
    root: etree._Element,
    found: list[tuple[CaseResult, Assertion]],
    known: dict[str, RequirementResult],
    results: Results,
    folder: Path | None,
) -> None:
    """One test case per requirement that a wire rule found broken, whichever cases showed it."""
    suite = etree.SubElement(root, "testsuite", name="wire rules")
    requirements = sorted({each.requirement for _, each in found})
    kinds = []
    for requirement in requirements:
        mine = [(case, each) for case, each in found if each.requirement == requirement]
        worst = min((each for _, each in mine), key=lambda each: FINDINGS.index(each.verdict))
        element = etree.SubElement(
            suite, "testcase", classname="wire rules", name=one_line(requirement), time="0"
        )
        _requirement(etree.SubElement(element, "properties"), requirement, known)
        kinds.append(_KIND.get(worst.verdict, ""))
        text = "\n".join(
            line for case, each in mine[:20] for line in [f"in {one_line(case.id)}:", *_lines(each)]
        )
        again = repeat_command(one_line(mine[0][0].id), one_line(results.command), results.seed)
        text += f"\n\nAgain: {again}"
        if kinds[-1]:
            message = one_line(f"{worst.verdict}: {worst.observed}", 300)
            etree.SubElement(element, kinds[-1], message=message, type=worst.verdict).text = text
        said = ([] if kinds[-1] else [text]) + _attachment(folder, mine[0][0])
        if said:
            etree.SubElement(element, "system-out").text = "\n".join(said)
    suite.set("tests", f"{len(kinds)}")
    suite.set("failures", f"{kinds.count('failure')}")
    suite.set("errors", f"{kinds.count('error')}")
    suite.set("skipped", f"{kinds.count('skipped')}")


def _requirement(properties: etree._Element, requirement: str, known: dict[str, RequirementResult]) -> None:
    record = known.get(requirement)
    _property(properties, "requirement", requirement)
    if record is not None:
        _property(properties, f"level:{requirement}", record.level)
        _property(properties, f"source:{requirement}", record.source)
        if not record.confirmed:
            _property(properties, f"confirmed:{requirement}", "false")


def _property(properties: etree._Element, name: str, value: str) -> None:
    etree.SubElement(properties, "property", name=one_line(name), value=one_line(value))
