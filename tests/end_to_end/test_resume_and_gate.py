"""``cpecheck run --resume`` and ``--expected`` as a user starts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CASES = "periodic.o*"


def cut_off(bundle: Path) -> str:
    """Leave of the bundle what a kill after its first case would have left; the id of that case."""
    (bundle / "results.json").unlink()
    lines = (bundle / "events.ndjson").read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["kind"] in ("header", "device")]
    case = next(line for line in lines if json.loads(line)["kind"] == "case")
    (bundle / "events.ndjson").write_bytes(b"".join([*kept, case, case[: len(case) // 2]]))
    return str(json.loads(case)["result"]["id"])


def test_a_run_that_was_cut_off_is_finished(cpecheck: Any) -> None:
    whole = cpecheck.run("--select", CASES)
    assert whole.status == 0, whole.output
    cases = whole.cases()
    done = cut_off(whole.folder)
    refused = cpecheck("run", "--resume", "out", "--defect", "array-type-missing")
    assert refused.status == 3
    assert "the profile or the defects differ" in refused.output
    resumed = cpecheck("run", "--resume", "out")
    assert resumed.status == 0, resumed.output
    assert resumed.cases() == cases
    assert len(cases) > 1
    assert f" {done} " not in resumed.output
    assert resumed.results["resumed"] == 1
    assert resumed.results["complete"]
    again = cpecheck("run", "--resume", "out")
    assert again.status == 3
    assert "nothing is left to do" in again.output


def test_known_findings_turn_the_exit_status(cpecheck: Any) -> None:
    known = cpecheck.folder / "known.toml"
    defect = ("--defect", "array-type-missing", "--select", CASES)
    assert cpecheck.run(*defect).status == 1
    assert cpecheck("report", "out", "--expected-skeleton", str(known)).status == 0
    kept = cpecheck("run", "--out", "kept", "--seed", "1", *defect, "--expected", str(known))
    assert kept.status == 0, kept.output
    assert "everything is as expected" in kept.output
    mended = cpecheck("run", "--out", "mended", "--seed", "1", "--select", CASES, "--expected", str(known))
    assert mended.status == 1, mended.output
    assert "did not show" in mended.output
    known.write_text(known.read_text().replace("array-type", "no-such"))
    wrong = cpecheck("run", "--out", "wrong", "--expected", str(known))
    assert wrong.status == 3
    assert "there is no requirement cwmp.soap.no-such" in wrong.output
    compared = cpecheck("compare", "mended", "kept")
    assert compared.status == 1
    assert "pass → fail  cwmp.soap.array-type" in compared.output
