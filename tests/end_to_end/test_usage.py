"""What a person gets wrong is told in one line, with exit status 3; what is asked for is listed."""

from __future__ import annotations

import json
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ('name = "x"\ndriver = "comand"\n', "device.toml:2: driver: expected"),
        ('name = "x"\ndriver = "command"\n[comands]\n', "device.toml:3: comands: "),
        ('name = "x"\ndriver = \n', "device.toml:2: driver: expected TOML"),
    ],
)
def test_a_bad_profile_names_line_key_and_what_was_expected(cpecheck: Any, profile: str, said: str) -> None:
    (cpecheck.folder / "device.toml").write_text(profile)
    done = cpecheck.run("--device", "device.toml")
    assert done.status == 3
    assert said in done.output
    assert "Traceback" not in done.output
    assert not done.folder.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "--select", "no.such.case"], "--select no.such.case"),
        (["run", "--select", "cwmp.soap.id-echo"], "wire rule"),
        (["run", "--exclude", "*"], "--exclude leaves no case"),
        (["run", "--device", "nowhere.toml"], "nowhere.toml"),
        (["run", "--defect-file", "nowhere.py"], "nowhere.py"),
        (["run", "--no-such-option"], "--no-such-option"),
        (["report", "nowhere"], "nowhere"),
    ],
)
def test_usage_errors_end_with_3(cpecheck: Any, arguments: list[str], said: str) -> None:
    done = cpecheck(*arguments)
    assert done.status == 3, done.output
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_folder_that_is_in_use_is_refused(cpecheck: Any) -> None:
    cpecheck.folder.joinpath("out").mkdir()
    cpecheck.folder.joinpath("out", "precious").write_text("x")
    done = cpecheck.run("--workers", "1")
    assert done.status == 3
    assert "not empty" in done.output


def test_list_names_every_requirement_with_its_cases_and_rules(cpecheck: Any) -> None:
    listed = json.loads(cpecheck("list", "--json").output)["requirements"]
    by_id = {entry["id"]: entry for entry in listed}
    assert "https.reject.wrong-name" in by_id["lcos.tls.host-name"]["cases"]
    assert by_id["cwmp.soap.id-echo"]["rules"] == ["id-echo"]
    uncovered = json.loads(cpecheck("list", "--json", "--uncovered").output)["requirements"]
    assert all(not entry["cases"] and not entry["rules"] for entry in uncovered)
    assert len(uncovered) < len(listed)


def test_doctor_says_what_is_lacking_and_what_it_costs(cpecheck: Any) -> None:
    done = cpecheck("doctor", "--json")
    found = json.loads(done.output)
    assert done.status == (0 if found["complete"] else 2)
    assert all(check["ok"] or (check["costs"] and check["remedy"]) for check in found["checks"])


def test_without_namespaces_packet_cases_are_not_run_with_the_reason(cpecheck: Any) -> None:
    done = cpecheck.run(
        "--select",
        "source.automatic",
        "--select",
        "https.reject.wrong-name",
        env={"CPECHECK_NO_NAMESPACES": "1"},
    )
    assert done.cases() == {"source.automatic": "not-run", "https.reject.wrong-name": "pass"}, done.output
    assert done.status == 2
    (reason,) = {entry["reason"] for entry in done.results["cases"] if entry["verdict"] == "not-run"}
    assert "namespaces" in reason


def test_the_same_from_pytest(cpecheck: Any) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        f"{sys.executable} -P -m pytest --pyargs suites --select https.reject.wrong-name --cpecheck-out out".split(),
        cwd=cpecheck.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((cpecheck.folder / "out" / "results.json").read_text())
    assert [entry["id"] for entry in results["cases"]] == ["https.reject.wrong-name"]
