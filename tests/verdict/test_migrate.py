"""Bundles of earlier versions of the schema are read; what is newer is refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.verdict import migrate
from harness.verdict.bundle import EVENTS, RESULTS, Bundle, BundleError
from harness.verdict.results import SCHEMA_VERSION
from harness.verdict.verdict import Verdict
from reports.build import write_all
from reports.compare import read

GOLDEN = Path(__file__).parents[1] / "reports" / "golden"
"""``bundle-N``: what the tool wrote when N was the version."""


@pytest.fixture(params=range(1, SCHEMA_VERSION))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return shutil.copytree(GOLDEN / f"bundle-{request.param}", tmp_path / "old")


def test_an_old_bundle_is_read(old: Path) -> None:
    results = Bundle.read(old).results
    assert results.schema_version == SCHEMA_VERSION
    assert results.verdict is Verdict.FAIL
    assert results.device["name"] == "LANCOM 1926VAG"
    assert [case.id for case in results.cases if case.verdict is Verdict.FAIL] == ["https.reject.wrong-name"]
    assert (results.redaction.keys, results.redaction.tls_secrets) == ((), True)


def test_the_events_of_an_old_bundle_say_the_same(old: Path) -> None:
    finished = Bundle.read(old).results
    (old / RESULTS).unlink()
    bundle = Bundle.read(old)
    assert not bundle.results.complete
    assert bundle.results.cases == finished.cases
    assert bundle.results.requirements == finished.requirements


def test_reports_and_comparison_of_an_old_bundle(old: Path, tmp_path: Path) -> None:
    write_all(old)
    assert "812 application bytes" in (old / "report.html").read_text("utf-8")
    assert read([old, old]).exit_code == 0


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, 0, -1])
def test_other_versions_are_refused_in_one_line(tmp_path: Path, version: int) -> None:
    shutil.copytree(GOLDEN / "bundle-1", tmp_path / "b")
    results = json.loads((tmp_path / "b" / RESULTS).read_text())
    (tmp_path / "b" / RESULTS).write_text(
        json.dumps({**results, "schema_version": version, "cases": "unknown"})
    )
    with pytest.raises(BundleError) as refused:
        Bundle.read(tmp_path / "b")
    assert f"schema version {version}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_events_of_a_newer_version_are_refused(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "bundle-1", tmp_path / "b")
    (tmp_path / "b" / RESULTS).unlink()
    events = [json.loads(line) for line in (tmp_path / "b" / EVENTS).read_text().splitlines()]
    events[0]["header"]["schema_version"] = SCHEMA_VERSION + 1
    (tmp_path / "b" / EVENTS).write_text("\n".join(map(json.dumps, events)))
    with pytest.raises(BundleError, match="newer than this tool"):
        Bundle.read(tmp_path / "b")


def test_there_is_a_step_and_a_golden_bundle_for_every_earlier_version() -> None:
    assert set(migrate.STEPS) == set(range(1, SCHEMA_VERSION))
    assert {path.name for path in GOLDEN.iterdir()} >= {f"bundle-{each}" for each in migrate.STEPS}
