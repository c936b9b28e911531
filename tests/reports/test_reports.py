"""HTML, JUnit and terminal reports of made-up runs, hostile ones among them."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from lxml import etree, html
from made_up import CASES, GOOD, HEADER, HOSTILE, MIXED, assertion, clock, hostile_run, outcome, write
from made_up_talk import keep, talk
from rich.console import Console

from harness.verdict.bundle import BundleError, BundleWriter, Results
from harness.verdict.verdict import Verdict
from reports.build import write_all
from reports.html import read_template
from reports.markdown import span
from reports.terminal import show
from reports.text import one_line, visible

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def page(folder: Path) -> html.HtmlElement:
    write_all(folder)
    return html.document_fromstring((folder / "report.html").read_text("utf-8"))


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def printed(results: Results, width: int = 100, color: bool = False) -> str:
    out = io.StringIO()
    show(
        results,
        Console(file=out, width=width, force_terminal=color, color_system="standard" if color else None),
    )
    return out.getvalue()


# --- HTML ---------------------------------------------------------------------------------------------


def test_the_page_says_who_what_and_how_it_went(tmp_path: Path) -> None:
    write(tmp_path)
    document = page(tmp_path)
    top = words(document.find(".//header"))
    for said in ("LANCOM 1926VAG", "10.80.0155", "fail", "2 of 4 judged MUST requirements kept", "lab.toml"):
        assert said in top
    rows = [[words(cell) for cell in row] for row in document.xpath("//section[@id='summary']//tbody/tr")]
    #                  fail error inconclusive not-run warn pass n/a untested
    assert rows == [
        ["MUST", "2", "0", "0", "1", "0", "2", "0", "1"],
        ["SHOULD", "0", "0", "0", "0", "1", "0", "0", "0"],
    ]


def test_a_finding_stands_on_its_own(tmp_path: Path) -> None:
    write(tmp_path)
    document = page(tmp_path)
    case = words(document.get_element_by_id("f-https.reject.wrong-name"))
    for said in (
        "The certificate names the host of the ACS URL.",
        "MUST",
        "LCOS Refmanual",
        "the device ends the connection and sends nothing",
        "812 application bytes",
        "the intended certificate was sent",
        "Control: the right certificate.",
        "alert bad_certificate",
        "cpecheck run --select https.reject.wrong-name",
    ):
        assert said in case
    links = document.get_element_by_id("f-https.reject.wrong-name").xpath(".//dd//a/@href")
    assert "evidence/https.reject.wrong-name/capture.pcapng" in links
    assert "unconfirmed" in words(document.get_element_by_id("f-auth.order"))


def test_findings_come_worst_first_and_passed_cases_are_not_among_them(tmp_path: Path) -> None:
    write(tmp_path)
    ids = page(tmp_path).xpath("//section[@id='findings']/details/@id")
    assert ids == ["f-https.reject.wrong-name", "f-source.literal", "f-auth.order"]


def test_one_wire_finding_for_all_the_cases_that_show_it(tmp_path: Path) -> None:
    write(tmp_path)
    wire = page(tmp_path).get_element_by_id("wire")
    assert len(wire.xpath("./details")) == 1
    assert "https.reject.wrong-name, periodic.seconds" in words(wire)


def test_breaches_that_differ_only_in_what_was_observed_are_one_finding(tmp_path: Path) -> None:
    ids = tuple(assertion("cwmp.http.soapaction", Verdict.FAIL, f"ID {n}", "soapaction") for n in range(5))
    results = write(tmp_path, [outcome("https.reject.wrong-root", wire=ids)])
    assert printed(results).count("wire rule soapaction") == 1
    assert "and 4 more that differ" in printed(results)
    wire = page(tmp_path).get_element_by_id("wire")
    assert len(wire.xpath(".//section")) == 3
    assert "and 2 more that differ" in words(wire)


def test_what_was_not_tested_is_listed_with_its_reason(tmp_path: Path) -> None:
    write(tmp_path)
    untested = words(page(tmp_path).get_element_by_id("untested"))
    assert "lcos.loopback.unmasked" in untested
    assert "not selected: source.unmasked" in untested


def test_a_good_run_has_no_findings(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    document = page(tmp_path)
    assert document.xpath("//section[@id='findings' or @id='wire']") == []
    assert "5 of 5 judged MUST requirements kept" in words(document)


def test_every_link_inside_the_page_has_a_target(tmp_path: Path) -> None:
    write(tmp_path)
    document = page(tmp_path)
    ids = set(document.xpath("//@id"))
    inner = {href[1:] for href in document.xpath("//a/@href") if href.startswith("#")}
    views = {each for each in inner if "=" in each}
    assert "level=MUST&verdict=fail" in views
    assert inner - ids - views == set()
    assert len(document.xpath("//@id")) == len(ids)


@pytest.mark.parametrize("run", [write, hostile_run])
def test_the_page_refers_to_nothing_outside(tmp_path: Path, run: object) -> None:
    run(tmp_path)  # type: ignore[operator]
    document = page(tmp_path)
    references = document.xpath(
        "//@href | //@src | //@action | //@data | //@srcset | //@poster | //@background"
    )
    assert [each for each in references if not each.startswith(("#", "evidence/"))] == []
    assert [each for each in references if ".." in each or ":" in each.split("/")[0]] == []
    style = "".join(document.xpath("//style/text()"))
    assert "url(" not in style
    assert "@import" not in style


def test_hostile_text_is_shown_and_never_markup(tmp_path: Path) -> None:
    hostile_run(tmp_path)
    document = page(tmp_path)
    assert document.xpath("//img | //iframe | //object | //link | //base | //form") == []
    (script,) = document.xpath("//script")
    assert script.text == read_template("report.js")
    assert [name for element in document.iter() for name in element.attrib if name.startswith("on")] == []
    shown = document.text_content()
    for text in HOSTILE[:4]:
        assert text in shown
    assert "\\x1b[2J" in shown
    assert "\\ud800" in shown
    source = (tmp_path / "report.html").read_text("utf-8")
    assert UNSEEN.search(source) is None
    assert source.count("<script") == 1
    assert len(source) < 200_000


def test_an_unfinished_run_says_so(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path, HEADER, clock())
    writer.add(MIXED[0])
    writer.close()
    assert "the run did not end" in words(page(tmp_path))


def test_no_bundle_no_report(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        write_all(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- JUnit --------------------------------------------------------------------------------------------


def junit(folder: Path) -> etree._Element:
    write_all(folder)
    return etree.parse(folder / "junit.xml").getroot()


def test_junit_has_a_suite_per_area_and_counts_that_add_up(tmp_path: Path) -> None:
    write(tmp_path)
    root = junit(tmp_path)
    assert [suite.get("name") for suite in root] == ["auth", "https", "periodic", "source", "wire rules"]
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "0", "skipped": "1",
    }  # fmt: skip
    for element, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        for suite in root:
            assert len(suite.findall(f"testcase/{element}")) == int(suite.get(attribute, "0"))


@pytest.mark.parametrize(
    ("verdict", "element"),
    [("fail", "failure"), ("error", "error"), ("inconclusive", "error"), ("not-run", "skipped"),
     ("not-applicable", "skipped"), ("pass", None), ("warn", None)],
)  # fmt: skip
def test_junit_words_for_verdicts(tmp_path: Path, verdict: str, element: str | None) -> None:
    case = MIXED[3]
    changed = type(case)(**{field: getattr(case, field) for field in case.__struct_fields__})
    changed.verdict = Verdict(verdict)
    write(tmp_path, [changed])
    found = junit(tmp_path).xpath("//testcase[@name='source.literal']/*[not(self::properties)]")
    assert [each.tag for each in found] == ([element] if element else [])
    if element:
        assert "no network namespaces" in found[0].get("message")


def test_junit_properties_name_requirement_and_level(tmp_path: Path) -> None:
    write(tmp_path)
    case = junit(tmp_path).xpath("//testcase[@name='auth.order']")[0]
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert properties["requirement"] == "cwmp.auth.order"
    assert properties["level:cwmp.auth.order"] == "SHOULD"
    assert properties["confirmed:cwmp.auth.order"] == "false"


def test_junit_of_hostile_texts_is_well_formed(tmp_path: Path) -> None:
    hostile_run(tmp_path)
    text = "".join(junit(tmp_path).xpath("//failure//text()"))
    assert HOSTILE[0] in text
    assert "\\x1b[2J" in text


def test_junit_attaches_the_capture_of_what_calls_for_a_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "run"
    write(bundle)
    for case in ("https.reject.wrong-name", "https.reject.wrong-root"):
        keep(bundle, case, talk(0.0))
    monkeypatch.chdir(tmp_path)
    root = junit(bundle)
    attached = "[[ATTACHMENT|run/evidence/https.reject.wrong-name/capture.pcapng]]"
    assert [text.splitlines()[-1] for text in root.xpath("//testcase/system-out/text()") if "[[" in text] == [
        attached,
        attached,
    ]
    assert root.xpath("//testcase[@name='https.reject.wrong-root']/system-out") == []
    monkeypatch.chdir("/")
    assert f"|{tmp_path.relative_to('/')}/run/evidence/" in etree.tostring(junit(bundle)).decode()


# --- Markdown -----------------------------------------------------------------------------------------


def summary_of(folder: Path) -> str:
    write_all(folder)
    return (folder / "summary.md").read_text("utf-8")


def test_the_markdown_summary_has_counts_findings_and_what_was_not_said(tmp_path: Path) -> None:
    write(tmp_path)
    text = summary_of(tmp_path)
    assert text.startswith("## ✗ fail: `LANCOM 1926VAG`\n")
    assert "| MUST | **2** | 0 | 0 | **1** | 0 | 2 | 1 |" in text
    assert "- **✗ fail** `https.reject.wrong-name`" in text
    assert "observed `812 application bytes`" in text
    assert "`on the wire, 2 cases`" in text
    assert "cpecheck run --select https.reject.wrong-name --device lab.toml --seed 7" in text
    assert "1 requirement not tested: `not selected`" in text


def test_hostile_text_stays_inside_the_code_spans_of_the_summary(tmp_path: Path) -> None:
    hostile_run(tmp_path)
    text = summary_of(tmp_path)
    outside = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert "<script" not in outside
    assert "evil.test" not in outside
    assert UNSEEN.search(text) is None
    assert len(text) < 60_100


def test_a_code_span_holds_any_number_of_backticks() -> None:
    assert span("a") == "`a`"
    assert span("a``b") == "```a``b```"
    assert span("`a`") == "`` `a` ``"
    assert span("") == "` `"
    assert span("a\nb") == "`a\\nb`"


# --- terminal -----------------------------------------------------------------------------------------

TABLE = """\
 Area       Verdict    pass  fail  warn  inconclusive  not-run  error
 ────────────────────────────────────────────────────────────────────
 http       ✗ fail        ·     1     1             ·        ·      ·
 https      ✗ fail        1     1     ·             ·        ·      ·
 periodic   ✓ pass        1     ·     ·             ·        ·      ·
 source     – not-run     ·     ·     ·             ·        1      ·

 all areas  ✗ fail        2     2     1             ·        1      ·


✗ fail  https.reject.wrong-name  A certificate that names another host
    ✗ lcos.tls.host-name
      The certificate names the host of the ACS URL.
      MUST, LCOS Refmanual, CWMP, “ACS URL”
      Expected: the device ends the connection and sends nothing
      Observed: 812 application bytes
        Reason: the intended certificate was sent
      Evidence: message c4.3, frames 17,19, file https.reject.wrong-name/capture.pcapng
    cpecheck run --select https.reject.wrong-name --device lab.toml --seed 7

– not-run  source.literal  An address as source
        Reason: the bench has no network namespaces here
    cpecheck run --select source.literal --device lab.toml --seed 7
"""


def test_the_table_and_the_findings_on_a_terminal(tmp_path: Path) -> None:
    lines = [line.rstrip() for line in printed(write(tmp_path)).strip("\n").splitlines()]
    text = "\n".join(lines[1 if not lines[0] else 0 :])
    assert text.startswith(TABLE)
    assert lines[-1] == (
        "✗ fail  5 cases in 10.5 s; MUST: 2 fail, 1 not-run, 2 pass; 2 requirements not tested"
    )


def test_colours_are_there_only_for_a_terminal(tmp_path: Path) -> None:
    results = write(tmp_path)
    assert "\x1b[" in printed(results, color=True)
    assert "\x1b" not in printed(results)


def test_a_device_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    out = printed(hostile_run(tmp_path), color=True)
    without_our_colours = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert UNSEEN.search(without_our_colours) is None
    assert "[bold red]markup[/]" in "".join(line.strip() for line in without_our_colours.splitlines())
    assert "owned" in without_our_colours
    assert len(out) < 40_000


@pytest.mark.parametrize("width", [20, 40, 200])
def test_any_width_is_wide_enough(tmp_path: Path, width: int) -> None:
    out = printed(write(tmp_path), width=width)
    assert max(map(len, out.splitlines())) <= width


# --- text ---------------------------------------------------------------------------------------------


def test_what_cannot_be_seen_is_escaped_and_what_is_long_is_cut() -> None:
    assert visible("a\x1bb\u202ec\ud800d\te\n") == "a\\x1bb\\u202ec\\ud800d\te\n"
    assert one_line("a\tb\n") == "a\\tb\\n"
    assert visible("x" * 5000, 10) == "xxxxxxxxxx … (5,000 characters in all)"
    assert visible("Grüße, 世界 😀") == "Grüße, 世界 😀"


def test_the_sample_knows_every_case() -> None:
    assert {case.id for case in MIXED} == {case.id for case in CASES if case.selected}
