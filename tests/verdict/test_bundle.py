"""The run bundle: adding up, surviving a kill, reading back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.bundle import (
    EVENTS,
    RESULTS,
    Bundle,
    BundleError,
    BundleWriter,
    Header,
    PlannedCase,
    json_schema,
)
from harness.verdict.requirement import Requirement
from harness.verdict.verdict import Level, Verdict

START = 1_763_830_000.0


def ticking() -> Callable[[], float]:
    times = iter(range(10_000))
    return lambda: START + next(times)


def need(id_: str, level: Level = Level.MUST) -> Requirement:
    return Requirement(id_, level, id_.partition(".")[0], f"text of {id_}", "a document")


def header(*requirements: Requirement, cases: tuple[PlannedCase, ...] = (), **rules: str) -> Header:
    return Header(
        tool_version="1", seed=3, device={"name": "d"}, requirements=requirements, cases=cases, rules=rules
    )


def result(
    id_: str, *assertions: Assertion, wire: tuple[Assertion, ...] = (), verdict: str = "pass"
) -> CaseResult:
    return CaseResult(id_, 1, f"title of {id_}", "a", Verdict(verdict), ("a.b",), assertions, wire)


def says(verdict: str, requirement: str = "a.b", by: str = "") -> Assertion:
    return Assertion(requirement, Verdict(verdict), "this", "that", by=by)


def run(folder: Path, head: Header, *cases: CaseResult) -> dict[str, Any]:
    writer = BundleWriter(folder, head, ticking())
    for case in cases:
        writer.add(case)
    writer.finish()
    loaded: dict[str, Any] = json.loads((folder / RESULTS).read_text())
    return loaded


def test_a_requirement_is_as_bad_as_its_worst_assertion_case_or_rule(tmp_path: Path) -> None:
    plan = (PlannedCase("one", ("a.b",)), PlannedCase("two", ("a.b",)))
    cases = (
        result("one", says("pass")),
        result("two", says("pass"), wire=(says("warn", by="r"), says("fail", "a.w", "r"))),
    )
    data = run(tmp_path, header(need("a.b"), need("a.w"), cases=plan, r="a.w"), *cases)
    found = {each["id"]: each for each in data["requirements"]}
    assert found["a.b"]["verdict"] == "warn"
    assert found["a.b"]["cases"] == ["one", "two"]
    assert found["a.b"]["decided_by"] == ["two"]
    assert (found["a.w"]["verdict"], found["a.w"]["rules"], found["a.w"]["cases"]) == ("fail", ["r"], [])
    assert (data["verdict"], data["exit_code"]) == ("fail", 1)
    assert [case["id"] for case in data["cases"]] == ["one", "two"]


@pytest.mark.parametrize(
    ("level", "said", "verdict", "code"),
    [
        (Level.MUST, "pass", "pass", 0),
        (Level.MUST, "warn", "warn", 0),
        (Level.MUST, "fail", "fail", 1),
        (Level.MUST, "error", "error", 2),
        (Level.MUST, "inconclusive", "inconclusive", 2),
        (Level.MUST, "not-applicable", "not-applicable", 0),
        (Level.SHOULD, "warn", "warn", 0),
        (Level.SHOULD, "error", "not-applicable", 0),
    ],
)
def test_only_musts_decide_the_exit_status(
    tmp_path: Path, level: Level, said: str, verdict: str, code: int
) -> None:
    data = run(
        tmp_path, header(need("a.b", level), cases=(PlannedCase("one", ("a.b",)),)), result("one", says(said))
    )
    assert (data["verdict"], data["exit_code"]) == (verdict, code)


def test_a_selected_case_that_never_reported_is_not_run(tmp_path: Path) -> None:
    data = run(tmp_path, header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),)))
    assert data["requirements"][0]["verdict"] == "not-run"
    assert data["exit_code"] == 2


def test_a_case_that_broke_off_speaks_for_its_requirements_though_a_rule_passed(tmp_path: Path) -> None:
    broke_off = result("one", wire=(says("pass", by="r"),), verdict="error")
    data = run(tmp_path, header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),), r="a.b"), broke_off)
    assert data["requirements"][0]["verdict"] == "error"


def test_what_is_not_tested_says_why(tmp_path: Path) -> None:
    plan = (
        PlannedCase("one", ("a.unselected",), selected=False),
        PlannedCase("two", ("a.silent", "a.record")),
    )
    head = header(
        need("a.b"), need("a.unselected"), need("a.silent"), need("a.wire"), need("a.record", Level.RECORD),
        cases=plan, r="a.wire",
    )  # fmt: skip
    data = run(tmp_path, head, result("two", says("pass", "a.record")))
    assert {each["id"]: each["reason"] for each in data["untested"]} == {
        "a.b": "no case or rule checks it yet",
        "a.unselected": "not selected: one",
        "a.silent": "its case ended without a word about it: two",
        "a.wire": "no message came that its rule reads",
        "a.record": "it is recorded, never judged",
    }
    assert data["requirements"] == []
    assert data["exit_code"] == 0


def test_a_verdict_of_an_unknown_requirement_is_not_lost(tmp_path: Path) -> None:
    data = run(tmp_path, header(), result("one", says("fail", "z.z")))
    assert (data["requirements"][0]["id"], data["exit_code"]) == ("z.z", 1)


def test_fields_that_others_rely_on_are_there_though_empty(tmp_path: Path) -> None:
    data = run(
        tmp_path, header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),)), result("one", verdict="not-run")
    )
    assert data["cases"][0].keys() >= {"id", "verdict", "requirements", "assertions"}
    assert data["requirements"][0].keys() >= {"id", "level", "verdict", "confirmed"}
    assert data["started"] == "2025-11-22T16:46:40Z"


def test_reading_back_what_was_written(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path, header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),)), ticking())
    writer.add(result("one", says("fail")))
    unfinished = Bundle.read(tmp_path)
    assert not unfinished.results.complete
    assert "did not end" in unfinished.notes[0]
    written = writer.finish()
    bundle = Bundle.read(tmp_path)
    assert bundle.results == written
    assert bundle.notes == []
    assert unfinished.results.requirements == written.requirements


def test_what_is_learnt_of_the_device_joins_what_was_known(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path, header(), ticking())
    writer.describe({"serial_number": "1", "name": "the same device"})
    known = {"name": "the same device", "serial_number": "1"}
    assert Bundle.read(tmp_path).results.device == known
    assert writer.finish().device == known


def test_a_torn_last_line_is_tolerated_and_mended_by_the_next_run(tmp_path: Path) -> None:
    head = header(need("a.b"), cases=(PlannedCase("one", ("a.b",)), PlannedCase("two", ("a.b",))))
    writer = BundleWriter(tmp_path, head, ticking())
    writer.add(result("one", says("pass")))
    writer.close()
    with (tmp_path / EVENTS).open("ab") as file:
        file.write(b'{"at":1,"kind":"case","result":{"id":"tw\xc3')
    torn = Bundle.read(tmp_path)
    assert [case.id for case in torn.results.cases] == ["one"]
    assert any("torn" in note for note in torn.notes)
    again = BundleWriter(tmp_path, head, ticking())
    again.add(result("two", says("pass")))
    again.close()
    assert [case.id for case in Bundle.read(tmp_path).results.cases] == ["one", "two"]


def test_a_second_outcome_replaces_the_first(tmp_path: Path) -> None:
    head = header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),))
    data = run(tmp_path, head, result("one", says("error"), verdict="error"), result("one", says("pass")))
    assert [case["verdict"] for case in data["cases"]] == ["pass"]
    assert len((tmp_path / EVENTS).read_text().splitlines()) == 4


def test_old_results_do_not_outlive_the_start_of_a_run(tmp_path: Path) -> None:
    run(tmp_path, header())
    BundleWriter(tmp_path, header(), ticking()).close()
    assert not (tmp_path / RESULTS).exists()
    assert not Bundle.read(tmp_path).results.complete


def test_unreadable_folders_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="not a run bundle"):
        Bundle.read(tmp_path)
    (tmp_path / EVENTS).write_text('{"at":1,"kind":"x"}\nrubbish\n')
    with pytest.raises(BundleError, match="no header"):
        Bundle.read(tmp_path)
    (tmp_path / RESULTS).write_text('{"schema_version": 99}')
    with pytest.raises(BundleError, match="version 99"):
        Bundle.read(tmp_path)


def test_damaged_results_are_read_from_the_events(tmp_path: Path) -> None:
    run(tmp_path, header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),)), result("one", says("pass")))
    (tmp_path / RESULTS).write_bytes(b'{"schema_version": 1, "cas')
    bundle = Bundle.read(tmp_path)
    assert [case.id for case in bundle.results.cases] == ["one"]
    assert RESULTS in bundle.notes[0]


def test_any_text_and_any_object_can_be_an_event(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path, header(), ticking())
    writer.event("odd", text="\ud800\x00\n", path=tmp_path, key={"\udc80": 1}, big="x" * 1_000_000)
    writer.finish()
    line = json.loads((tmp_path / EVENTS).read_text().splitlines()[1])
    assert line["text"] == "\\ud800\x00\n"
    assert line["path"] == str(tmp_path)
    assert Bundle.read(tmp_path).results.complete


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_bundle import *
writer = BundleWriter(Path(sys.argv[1]), header(need("a.b"), cases=(PlannedCase("one", ("a.b",)),)))
writer.add(result("one", says("fail")))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_results_so_far_survive_kill_9(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), os.path.dirname(__file__)], check=False, timeout=60
    )
    assert child.returncode == -signal.SIGKILL
    results = Bundle.read(tmp_path).results
    assert (results.complete, results.exit_code, [case.id for case in results.cases]) == (False, 1, ["one"])


# --- the published schema ------------------------------------------------------------------------------

PUBLISHED = Path(__file__).parents[2] / "reports" / "schema" / "results-2.json"


def misfits(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "$") -> list[str]:
    """What of *value* the schema does not allow; knows the keywords that the published schema uses."""
    if "$ref" in schema:
        return misfits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, where)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value!r} is none of {schema['enum']}"]
    types = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    if not isinstance(value, types[schema["type"]]):  # type: ignore[arg-type]
        return [f"{where}: not {schema['type']}"]
    found = []
    if schema["type"] == "object":
        found += [f"{where}: lacks {key}" for key in schema.get("required", ()) if key not in value]
        for key, each in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
            if isinstance(inner, dict):
                found += misfits(each, inner, root, f"{where}.{key}")
            elif "properties" in schema:
                found.append(f"{where}: the schema does not know {key}")
    elif schema["type"] == "array" and "items" in schema:
        for index, each in enumerate(value):
            found += misfits(each, schema["items"], root, f"{where}[{index}]")
    return found


def test_the_published_schema_is_the_one_in_use() -> None:
    assert json.loads(PUBLISHED.read_text()) == json.loads(json.dumps(json_schema()))


def test_results_keep_the_published_schema(tmp_path: Path) -> None:
    head = header(need("a.b"), need("a.c"), cases=(PlannedCase("one", ("a.b",)),))
    data = run(tmp_path, head, result("one", says("fail"), wire=(says("warn", by="r"),)))
    schema = json.loads(PUBLISHED.read_text())
    assert misfits(data, schema, schema) == []
    del data["cases"][0]["assertions"]
    data["verdict"] = "splendid"
    data["extra"] = 1
    assert len(misfits(data, schema, schema)) == 3
