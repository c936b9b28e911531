"""The one defect that needs a variant to be seen: a device without a clock that judges dates all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CASE = "https.accept.expired-without-time"
OWN = '''
from reference_cpe.defects.registry import DEFECTS, VARIANTS, defect, load_builtin

load_builtin()

@defect("own-clockless", breaks=["cwmp.tls.dates-ignored-without-time"])
def own_clockless(parts):
    """A device that does not know the time, with or without the defect."""
    VARIANTS["no-clock"].apply(parts)
    for name in {defects!r}:
        DEFECTS[name].apply(parts)
'''


@pytest.mark.parametrize(
    ("defects", "verdict", "status"),
    [((), "pass", 0), (("dates-judged-without-time",), "fail", 1)],
    ids=["as it should be", "with the defect"],
)
def test_dates_without_time(tmp_path: Path, defects: tuple[str, ...], verdict: str, status: int) -> None:
    (tmp_path / "own.py").write_text(OWN.format(defects=defects))
    command = [str(Path(sys.executable).with_name("cpecheck")), "run", "--out", "out", "--select", CASE]
    done = subprocess.run(
        [*command, "--defect-file", "own.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {each["id"]: each["verdict"] for each in results["cases"]} == {CASE: verdict}
