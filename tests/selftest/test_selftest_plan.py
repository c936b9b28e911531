"""Choice of cases, and what counts as killed: pure functions, on made-up outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import catalogue as suites
from harness.selftest import alterations, verdicts
from harness.selftest.alterations import Alteration, SelftestError
from harness.selftest.plan import PRODUCERS, Plan, chunks
from harness.selftest.records import Finding, Outcome
from harness.selftest.report import Cell, DefectResult, Lost, Red, VariantResult, exit_code
from harness.verdict.verdict import Level, Verdict

CATALOGUE = suites.requirements()
PLAN = Plan(suites.cases(), suites.rules())
NAME = "lcos.tls.host-name"
COOKIE = "cwmp.cookie.returned"
SHOULD = next(record.id for record in CATALOGUE if record.level is Level.SHOULD)


def outcome(
    *findings: Finding, verdict: Verdict = Verdict.PASS, case: str = "a.b", seconds: float = 1
) -> Outcome:
    return Outcome(case, verdict, findings, seconds=seconds)


def reds(found: Outcome, plain: Outcome) -> list[Red]:
    return verdicts.reds(found, {plain.case: plain}, CATALOGUE)


def test_only_a_fail_that_is_not_there_without_the_defect_is_red() -> None:
    good = outcome(Finding(NAME, Verdict.PASS))
    bad = outcome(Finding(NAME, Verdict.FAIL), verdict=Verdict.FAIL)
    assert [red.requirement for red in reds(bad, good)] == [NAME]
    assert reds(good, good) == []
    assert reds(bad, bad) == []
    for lost in (Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.NOT_RUN):
        assert reds(outcome(Finding(NAME, lost), verdict=lost), good) == []
        assert reds(bad, outcome(verdict=lost)) == []
    assert verdicts.reds(bad, {}, CATALOGUE) == []


def test_a_warning_is_red_for_a_should_only() -> None:
    plain = outcome()
    assert reds(outcome(Finding(NAME, Verdict.WARN)), plain) == []
    assert [red.requirement for red in reds(outcome(Finding(SHOULD, Verdict.WARN)), plain)] == [SHOULD]


def test_kills_what_follows_collateral_and_the_field_of_the_matrix() -> None:
    plain = outcome()
    found = outcome(
        Finding(NAME, Verdict.FAIL),
        Finding(COOKIE, Verdict.FAIL, by="cookie-returned"),
        Finding("lcos.connection-request.any-source", Verdict.FAIL),
    )
    parted = verdicts.split(reds(found, plain), (NAME, "lcos.connection-request.session"), CATALOGUE)
    assert [red.requirement for red in parted.kills] == [NAME]
    assert [red.requirement for red in parted.explained] == ["lcos.connection-request.any-source"]
    assert [(red.requirement, red.by) for red in parted.collateral] == [(COOKIE, "cookie-returned")]
    assert verdicts.cell(found, parted.kills, parted.collateral) is Cell.KILL
    assert verdicts.cell(found, [], parted.collateral) is Cell.OTHER
    assert verdicts.cell(plain, kills=[], others=[]) is Cell.CLEAN
    assert verdicts.cell(outcome(verdict=Verdict.ERROR), [], []) is Cell.LOST


def test_relevant_are_cases_that_verify_it_and_a_few_that_a_rule_can_read() -> None:
    assert "https.reject.wrong-name" in PLAN.relevant([NAME])
    assert PLAN.further([NAME], []) == []
    kept = Finding(COOKIE, Verdict.PASS, by="cookie-returned")
    names = [spec.id for spec in PLAN.specs][: PRODUCERS + 3]
    baseline = {name: outcome(kept, case=name, seconds=at) for at, name in enumerate(names)}
    plan = Plan(PLAN.specs, PLAN.rules, baseline)
    assert plan.relevant([COOKIE]) == names[:PRODUCERS]
    further = plan.further([COOKIE], names[:PRODUCERS])
    assert further[:3] == names[PRODUCERS:]
    assert len(further) == len(PLAN.specs) - PRODUCERS
    assert plan.judged([COOKIE])
    assert not plan.judged(["nobody.checks-this"])


def test_one_case_for_each_requirement() -> None:
    first, second, third = (spec.id for spec in PLAN.specs[:3])
    baseline = {
        first: outcome(Finding(NAME, Verdict.PASS), case=first),
        second: outcome(Finding(NAME, Verdict.PASS), Finding(COOKIE, Verdict.PASS), case=second),
        third: outcome(Finding(SHOULD, Verdict.INCONCLUSIVE), case=third),
    }
    assert Plan(PLAN.specs, PLAN.rules, baseline).one_for_each_requirement() == [second]


def test_chunks() -> None:
    assert chunks(["a", "b", "c"], 2) == [("a", "b"), ("c",)]


def _defect(**changes: object) -> DefectResult:
    fields: dict[str, object] = {
        "id": "d", "requirements": (NAME,), "level": "MUST", "summary": "", "seen": "", "killed": True,
        "killed_by": ("a.b",), "collateral": (), "judged": True,
    }  # fmt: skip
    return DefectResult(**{**fields, **changes})  # type: ignore[arg-type]


def test_exit_codes() -> None:
    alarm = VariantResult("v", "", "", (Red("a.b", NAME, "fail"),))
    assert exit_code((_defect(),), (), True) == 0
    assert exit_code((_defect(killed=False),), (), True) == 1
    assert exit_code((_defect(killed=False, level="SHOULD"),), (), True) == 0
    assert exit_code((_defect(killed=False, judged=False),), (), True) == 2
    assert exit_code((), (alarm,), True) == 1
    assert exit_code((_defect(),), (), False) == 2
    assert exit_code((_defect(lost=(Lost("a.b", "error", ""),)),), (), True) == 2
    assert exit_code((_defect(lost=(Lost("a.b", "inconclusive", ""),)),), (), True) == 0
    assert exit_code((_defect(),), (), True, gaps=("a.b",)) == 1
    assert exit_code((_defect(),), (), False, gaps=("a.b",)) == 1


# --- which defects


def test_every_built_in_defect_names_requirements_that_exist() -> None:
    found = alterations.everything((), CATALOGUE)
    gated = [each for each in found if each.defect and not each.awaiting]
    assert len(gated) >= 130
    assert sum(not each.defect for each in found) >= 25
    assert all(each.requirements for each in gated)


def _file(folder: Path, breaks: str, name: str) -> Path:
    path = folder / "own.py"
    path.write_text(
        "from reference_cpe.defects.registry import defect\n"
        f"@defect({name!r}, breaks=[{breaks!r}])\n"
        'def own(parts):\n    """Nothing is wrong."""\n'
    )
    return path


def test_a_file_alone_is_a_whole_choice_and_rows_are_requirements(tmp_path: Path) -> None:
    own = alterations.everything((_file(tmp_path, "R-FT-2", "own-by-row"),), CATALOGUE)
    assert [(each.name, each.requirements) for each in own] == [
        ("own-by-row", ("lcos.file.refused-when-off",))
    ]
    assert own[0].files
    with pytest.raises(SelftestError, match=r"no requirement 'no\.such'"):
        alterations.everything((_file(tmp_path, "no.such", "own-by-nothing"),), CATALOGUE)
    with pytest.raises(SelftestError, match="not a Python file"):
        alterations.everything((tmp_path / "missing.py",), CATALOGUE)


def _named(*names: str, **fields: object) -> list[Alteration]:
    return [Alteration(name, True, (NAME,), "", **fields) for name in names]  # type: ignore[arg-type]


def test_selection() -> None:
    found = [*_named("one", "two"), *_named("later", awaiting="suites")]
    choose = alterations.selected
    assert [each.name for each in choose(found, (), CATALOGUE, PLAN.specs)] == ["one", "two"]
    assert [each.name for each in choose(found, ("later",), CATALOGUE, PLAN.specs)] == ["later"]
    for pattern in ("lcos.tls.*", "R-TLS-4", "https.reject.wrong-name", "https"):
        assert [each.name for each in choose(found, (pattern,), CATALOGUE, PLAN.specs)] == ["one", "two"]
    with pytest.raises(SelftestError, match="nothing-such"):
        choose(found, ("nothing-such",), CATALOGUE, PLAN.specs)


def test_what_a_change_touches() -> None:
    found = [*_named("one", origin="/w/reference_cpe/defects/trust.py"), *_named("two")]
    touched = alterations.touched

    def names(file: str) -> list[str]:
        return [each.name for each in touched(found, [Path(file)], PLAN.specs, PLAN.rules)]

    assert names("/w/reference_cpe/defects/trust.py") == ["one"]
    assert names("/w/suites/https.py") == ["one", "two"]
    assert names("/w/suites/periodic.py") == []
    assert names("/w/docs/defects.md") == []
    assert names("/w/tests/suites/test_x.py") == []
