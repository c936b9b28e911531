"""The gate of known findings, and the file to begin with."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from made_up import CASES, GOOD, HEADER, HOSTILE, MIXED, assertion, hostile_run, outcome, write

from harness.verdict.bundle import Bundle, BundleWriter, Results
from harness.verdict.verdict import Verdict
from reports import expected
from reports.expected import Entry, ExpectedError

NAME, NEED = "https.reject.wrong-name", "lcos.tls.host-name"
KNOWN = (
    Entry(NAME, Verdict.FAIL, NEED, "application bytes", "ticket 12"),
    Entry("*", Verdict.FAIL, "cwmp.http.soapaction", "urn:dslforum", "ticket 13"),
    Entry("source.literal", Verdict.NOT_RUN, "lcos.source.literal", "no network namespaces", "no root in CI"),
)


def mixed(folder: Path) -> Results:
    """A run whose case that did not run says so in an assertion, as the runner writes it."""
    unrun = assertion("lcos.source.literal", Verdict.NOT_RUN, "none")
    bad = outcome(
        "source.literal",
        type(unrun)(
            unrun.requirement, unrun.verdict, "a verdict", "none", "the bench has no network namespaces here"
        ),
    )
    return write(folder, [case if case.id != "source.literal" else bad for case in MIXED])


def test_a_run_that_fails_exactly_as_known_keeps_the_gate(tmp_path: Path) -> None:
    gate = expected.judge(mixed(tmp_path), KNOWN, "known.toml")
    assert (gate.exit_code, gate.broken, len(gate.met)) == (0, [], 3)
    assert "ticket 12" in gate.met[0]


@pytest.mark.parametrize(
    ("left_out", "code", "line"),
    [(0, 1, f"not expected: {NAME}: {NEED} fail: 812 application bytes"),
     (1, 1, "not expected: https.reject.wrong-name: cwmp.http.soapaction fail"),
     (2, 2, "not expected: source.literal: lcos.source.literal not-run: none (the bench has no")],
)  # fmt: skip
def test_what_is_not_known_breaks_the_gate(tmp_path: Path, left_out: int, code: int, line: str) -> None:
    entries = [entry for number, entry in enumerate(KNOWN) if number != left_out]
    gate = expected.judge(mixed(tmp_path), entries, "known.toml")
    assert gate.exit_code == code
    assert gate.broken[0].startswith(line)


def test_failing_in_another_way_is_not_what_is_known(tmp_path: Path) -> None:
    other = Entry(NAME, Verdict.FAIL, NEED, "alert unknown_ca", "ticket 12")
    gate = expected.judge(mixed(tmp_path), [other, *KNOWN[1:]], "known.toml")
    assert gate.exit_code == 1
    assert [line.split(":")[0] for line in gate.broken] == ["not expected", "did not show"]


def test_an_unexpected_pass_breaks_the_gate(tmp_path: Path) -> None:
    gate = expected.judge(write(tmp_path, GOOD), KNOWN[:1], "known.toml")
    assert gate.exit_code == 1
    assert gate.broken == [f"did not show: {NAME}: {NEED} fail with 'application bytes' (pass)"]


def test_an_entry_whose_case_was_not_chosen_says_nothing(tmp_path: Path) -> None:
    gate = expected.judge(write(tmp_path, [GOOD[2]]), KNOWN[:1], "known.toml")
    # The plan has the case, so it is missing, not merely unselected.
    assert gate.exit_code == 2
    assert all(line.endswith("no result") for line in gate.broken)


def test_a_warning_that_went_away_breaks_the_gate_and_a_new_one_does_not(tmp_path: Path) -> None:
    warned = Entry("auth.order", Verdict.WARN, "cwmp.auth.order", "Basic", "old firmware")
    assert expected.judge(mixed(tmp_path / "a"), [*KNOWN, warned], "f").exit_code == 0
    assert expected.judge(write(tmp_path / "b", GOOD), [warned], "f").exit_code == 1


# --- the file -----------------------------------------------------------------------------------------

GOOD_FILE = """
[[expected]]
case = "https.reject.wrong-name"
verdict = "fail"
requirement = "lcos.tls.host-name"
contains = "application bytes"
reason = "ticket 12"
"""


def test_a_file_is_read_into_entries(tmp_path: Path) -> None:
    path = tmp_path / "known.toml"
    path.write_text(GOOD_FILE)
    cases, needs = [case.id for case in CASES], [each.id for each in HEADER.requirements]
    assert expected.load(path, cases, needs) == KNOWN[:1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("wrong-name", "no-such", "entry 1: case: there is no case https.reject.no-such"),
        ("lcos.tls.host-name", "lcos.no", "entry 1: requirement: there is no requirement lcos.no"),
        ('"fail"', '"pass"', "entry 1: verdict: expected one of fail, error"),
        ('"fail"', '"splendid"', "splendid"),
        ('"application bytes"', '" "', "entry 1: contains: expected a text"),
        ('reason = "ticket 12"', "", "reason"),
        ("reason", "reasons", "reasons"),
        ("[[expected]]", "[[expected]", "known.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_a_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "known.toml"
    path.write_text(GOOD_FILE.replace(old, new, 1))
    with pytest.raises(ExpectedError) as caught:
        expected.load(path, [case.id for case in CASES], [each.id for each in HEADER.requirements])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match="No such file"):
        expected.load(tmp_path / "nothing.toml")


def test_the_skeleton_of_a_run_is_kept_by_that_run(tmp_path: Path) -> None:
    results = mixed(tmp_path)
    path = tmp_path / "known.toml"
    path.write_text(expected.skeleton(results))
    entries = expected.load(path, [case.id for case in CASES])
    assert len(entries) == 4
    gate = expected.judge(results, entries, "known.toml")
    assert (gate.exit_code, gate.broken) == (0, [])
    assert "812" not in path.read_text()


def test_the_skeleton_of_a_hostile_run_is_toml_and_fits(tmp_path: Path) -> None:
    hostile_run(tmp_path)
    results = Bundle.read(tmp_path).results
    path = tmp_path / "known.toml"
    path.write_text(expected.skeleton(results), "utf-8")
    assert tomllib.loads(path.read_text("utf-8"))["expected"]
    broken = expected.judge(results, expected.load(path), "f").broken
    assert [line for line in broken if not line.endswith("no result")] == []


@pytest.mark.parametrize("text", HOSTILE[:10])
def test_any_text_can_be_known(tmp_path: Path, text: str) -> None:
    clean = text.encode("utf-8", "backslashreplace").decode("utf-8")
    results = write(tmp_path, [outcome(NAME, assertion(NEED, Verdict.FAIL, clean))])
    path = tmp_path / "known.toml"
    path.write_text(expected.skeleton(results), "utf-8")
    assert len(expected.judge(results, expected.load(path), "f").met) == 1


def test_what_the_gate_said_is_part_of_the_results(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path, HEADER)
    for case in GOOD:
        writer.add(case)
    writer.finish(lambda results: expected.judge(results, KNOWN[:1], "known.toml"))
    results = Bundle.read(tmp_path).results
    assert (results.gate.file, results.gate.exit_code, results.exit_code) == ("known.toml", 1, 0)
    assert results.gate.broken[0].startswith("did not show")
