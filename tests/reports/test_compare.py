"""Bundles side by side: regressions, fixes, new and vanished cases, changed evidence, durations; as text, JSON, HTML."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from lxml import html
from made_up import CASES, GOOD, HEADER, HOSTILE, MIXED, assertion, hostile_run, outcome, write
from rich.console import Console

from harness.cli import main
from harness.verdict.assertion import CaseResult
from harness.verdict.bundle import Bundle, Header
from harness.verdict.verdict import Verdict
from reports import compare, compare_show
from reports.compare import Comparison

NAME = "https.reject.wrong-name"
NEED = "lcos.tls.host-name"


def held(folder: Path, *runs: tuple[CaseResult, ...]) -> Comparison:
    for number, cases in enumerate(runs):
        write(folder / str(number), cases)
    return compare.read([folder / str(number) for number in range(len(runs))])


def name_case(verdict: Verdict, observed: str = "as expected") -> CaseResult:
    return outcome(NAME, assertion(NEED, verdict, observed))


def ids(changes: list[compare.Change]) -> list[str]:
    return [change.id for change in changes]


def test_what_broke_comes_first_with_what_was_observed(tmp_path: Path) -> None:
    found = held(tmp_path, GOOD, MIXED)
    assert [(each.id, each.old, each.new) for each in found.regressions] == [
        ("cwmp.http.soapaction", "pass", "fail"),
        (NEED, "pass", "fail"),
        ("lcos.source.literal", "pass", "not-run"),
        ("cwmp.auth.order", "pass", "warn"),
    ]
    assert found.regressions[1].observed == "812 application bytes"
    assert found.regressions[1].cases == (NAME,)
    assert found.exit_code == 1


def test_the_other_way_round_they_are_fixes(tmp_path: Path) -> None:
    found = held(tmp_path, MIXED, GOOD)
    assert found.regressions == []
    assert set(ids(found.fixes)) == {"cwmp.http.soapaction", NEED, "lcos.source.literal", "cwmp.auth.order"}
    assert found.exit_code == 0


def test_a_bundle_against_itself_says_nothing(tmp_path: Path) -> None:
    found = held(tmp_path, MIXED, MIXED)
    lists = (
        found.regressions,
        found.fixes,
        found.new,
        found.vanished,
        found.evidence,
        found.durations,
        found.other,
    )
    assert [each for changes in lists for each in changes] == []
    assert found.notes == []
    assert not any(row.changed for row in found.rows)


@pytest.mark.parametrize(
    ("verdicts", "section"),
    [
        ("pass fail", "regressions"),
        ("inconclusive fail", "regressions"),
        ("not-applicable fail", "regressions"),
        ("pass error", "regressions"),
        ("pass not-run", "regressions"),
        ("pass fail fail", "regressions"),
        ("fail pass fail", "regressions"),
        ("pass not-applicable fail", "regressions"),
        ("fail pass", "fixes"),
        ("fail inconclusive", "fixes"),
        ("fail pass pass", "fixes"),
        ("pass fail pass", "fixes"),
        ("pass not-applicable", "other"),
        ("not-applicable pass", "other"),
        ("not-applicable inconclusive", "other"),
        ("not-applicable not-applicable", ""),
        ("fail fail", ""),
    ],
)
def test_which_changes_are_for_the_worse(tmp_path: Path, verdicts: str, section: str) -> None:
    runs = [(name_case(Verdict(each)),) for each in verdicts.split()]
    found = held(tmp_path, *runs)
    where = [name for name in ("regressions", "fixes", "other") if NEED in ids(getattr(found, name))]
    assert where == ([section] if section else [])
    assert found.exit_code == (1 if section == "regressions" else 0)


def test_new_and_vanished_cases_are_no_regressions(tmp_path: Path) -> None:
    found = held(tmp_path, GOOD[1:], (name_case(Verdict.FAIL), *GOOD[2:]))
    assert ids(found.new) == [NAME]
    assert found.new[0].new == "fail"
    assert ids(found.vanished) == ["https.reject.wrong-root"]
    # The requirement was "not run" before, since its case gave no result.
    assert NEED in ids(found.regressions)


def test_another_observation_with_the_same_verdict_is_told(tmp_path: Path) -> None:
    found = held(tmp_path, (name_case(Verdict.FAIL, "812 application bytes, alert none"),),
                 (name_case(Verdict.FAIL, "0 application bytes, alert unknown_ca"),))  # fmt: skip
    (change,) = found.evidence
    assert (change.before, change.observed) == (
        "812 application bytes, alert none",
        "0 application bytes, alert unknown_ca",
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [("gap 1: 60.000 s", "gap 1: 59.871 s", False), ("fault 9001", "fault 9003", True),
     ("812 application bytes", "900 application bytes", False), ("8 frames", "9 frames", False)],
)  # fmt: skip
def test_what_differs_in_every_run_is_no_change(tmp_path: Path, old: str, new: str, told: bool) -> None:
    found = held(tmp_path, (name_case(Verdict.PASS, old),), (name_case(Verdict.PASS, new),))
    assert bool(found.evidence) is told


def test_durations_that_changed_much_are_told(tmp_path: Path) -> None:
    slow, quick = name_case(Verdict.PASS), name_case(Verdict.PASS)
    slow.seconds, quick.seconds = 9.0, 1.0
    found = held(tmp_path, (quick,), (slow,))
    assert [(each.id, each.seconds) for each in found.durations] == [(NAME, (1.0, 9.0))]
    assert found.exit_code == 0


def test_another_device_and_another_case_version_are_noted(tmp_path: Path) -> None:
    header = Header(
        tool_version="0.2.0",
        seed=7,
        device={"name": "Other box"},
        requirements=HEADER.requirements,
        cases=CASES,
    )
    case = name_case(Verdict.PASS)
    case.version = 2
    write(tmp_path / "old", [name_case(Verdict.PASS)])
    write(tmp_path / "new", [case], header)
    notes = " ".join(compare.read([tmp_path / "old", tmp_path / "new"]).notes)
    assert "more than one device: LANCOM 1926VAG, Other box" in notes
    assert "0.1.0, 0.2.0" in notes
    assert f"something else than before: {NAME}" in notes


def test_fewer_than_two_are_no_comparison(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ValueError, match="two"):
        compare.compare([Bundle.read(tmp_path)])


# --- shown --------------------------------------------------------------------------------------------


def printed(comparison: Comparison) -> str:
    out = io.StringIO()
    compare_show.show(comparison, Console(file=out, width=100, color_system=None, soft_wrap=True))
    return out.getvalue()


def test_the_text_has_the_worst_first_and_ends_with_a_count(tmp_path: Path) -> None:
    text = printed(held(tmp_path, GOOD, MIXED))
    assert text.index("Regressions 4") < text.index("pass → fail  cwmp.http.soapaction  MUST")
    assert "observed: 812 application bytes" in text
    assert text.endswith("4 regressions, 0 fixes, 0 new cases, 0 vanished cases\n")


def test_the_page_has_a_column_for_each_bundle(tmp_path: Path) -> None:
    page = html.document_fromstring(compare_show.html(held(tmp_path, GOOD, MIXED, MIXED)))
    rows = {row.get("data-id"): row for row in page.xpath("//table[contains(@class, 'matrix')]/tbody/tr")}
    assert [" ".join(cell.text_content().split()) for cell in rows[NEED].xpath("./td")] == [
        "✓ pass",
        "✗ fail",
        "✗ fail",
    ]
    assert rows[NEED].get("data-changed") == "yes"
    assert rows["lcos.periodic.seconds"].get("data-changed") == "no"
    assert page.xpath("//@src") == []


def test_a_hostile_bundle_harms_neither_page_nor_terminal(tmp_path: Path) -> None:
    write(tmp_path / "old", GOOD)
    hostile_run(tmp_path / "new")
    found = compare.read([tmp_path / "old", tmp_path / "new"])
    source = compare_show.html(found)
    page = html.document_fromstring(source)
    assert source.count("<script") == 1
    assert page.xpath("//img | //iframe | //form | //link") == []
    assert HOSTILE[0] in page.text_content()
    assert not set(printed(found)) & set("\x1b\x07\x08\x00\u202e")


# --- the command --------------------------------------------------------------------------------------


def command(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def test_the_command_exits_with_1_on_a_regression_and_3_on_misuse(tmp_path: Path) -> None:
    old, new, js = tmp_path / "old", tmp_path / "new", tmp_path / "c.json"
    write(old, GOOD)
    write(new, MIXED)
    code, text = command("compare", old, new, "--json", js, "--html", tmp_path / "c.html")
    assert code == 1
    assert "Regressions 4" in text
    data = json.loads(js.read_text())
    assert [each["id"] for each in data["regressions"]][:2] == ["cwmp.http.soapaction", NEED]
    assert data["exit_code"] == 1
    assert command("compare", new, old)[0] == 0
    assert command("compare", old)[0] == 3
    assert command("compare", old, tmp_path / "nowhere")[0] == 3
    (tmp_path / "empty").mkdir()
    code, text = command("compare", old, tmp_path / "empty")
    assert code == 3
    assert "not a run bundle" in text
