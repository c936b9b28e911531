"""By which seeded defects a verdict is proven: the file kept with the suites, and what a report shows of it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from lxml import html
from made_up import GOOD, HEADER, HOSTILE, write

from harness import catalogue
from harness.case import CaseSpec
from harness.verdict import proof
from reports.build import write_all

SHOWN = {
    "lcos.tls.host-name": {
        "https.reject.wrong-name": ("no-host-name-check", "trusts-cn"),
        "https.reject.wrong-name (soapaction)": ("seen-by-a-rule",),
    },
    "lcos.tls.untrusted-root": {"https.reject.wrong-name": ("trusts-all",), "gone.case": ("x",)},
}
VERSIONS = {"https.reject.wrong-name": 3, "periodic.seconds": 1}


def test_the_file_holds_cases_versions_and_defects_alone() -> None:
    data = proof.encode(proof.make(SHOWN, VERSIONS))
    assert json.loads(data) == {
        "format": 1,
        "cases": {
            "https.reject.wrong-name": {
                "version": 3,
                "defects": ["no-host-name-check", "trusts-all", "trusts-cn"],
            }
        },
    }
    assert data == proof.encode(proof.read(data))
    assert json.loads(proof.encode({})) == {"format": 1, "cases": {}}


def test_a_case_of_another_version_is_not_proven() -> None:
    known = proof.make(SHOWN, VERSIONS)
    assert proof.of_versions(known, VERSIONS) == {
        "https.reject.wrong-name": ("no-host-name-check", "trusts-all", "trusts-cn")
    }
    assert proof.of_versions(known, {"https.reject.wrong-name": 4}) == {}
    assert proof.of_versions(known, {}) == {}


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"format": 2, "cases": {}}', b"\xff", b'{"format": 1, "cases": 1}']
)
def test_a_damaged_file_proves_nothing(data: bytes) -> None:
    assert proof.read(data) == {}


def test_the_suites_are_asked_for_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = [
        CaseSpec(name, 1, "a", ("x.y",), (), False, "title", "purpose", "module", "function")
        for name in ("a.b", "c.d")
    ]
    monkeypatch.setattr(catalogue, "cases", lambda: specs)
    monkeypatch.setattr(catalogue, "files", lambda _name: tmp_path)
    assert catalogue.proven(specs) == {}
    (tmp_path / "selftest.json").write_bytes(
        catalogue.proof_of({"r": {specs[0].id: ("a-defect",), "b (rule)": ("x",)}})
    )
    assert catalogue.proven(specs) == {specs[0].id: ("a-defect",)}


def report(folder: Path, proven: dict[str, tuple[str, ...]]) -> html.HtmlElement:
    write(folder, GOOD, msgspec.structs.replace(HEADER, proven=proven))
    write_all(folder)
    return html.document_fromstring((folder / "report.html").read_text("utf-8"))


def test_the_report_names_the_defects(tmp_path: Path) -> None:
    many = tuple(f"defect-{number}" for number in range(20))
    page = report(
        tmp_path, {"https.reject.wrong-name": many, "periodic.seconds": ("minutes",), "gone": ("x",)}
    )
    said = {each.getparent().get("id"): each.text_content() for each in page.find_class("proof")}
    assert set(said) == {"c-https.reject.wrong-name", "c-periodic.seconds"}
    assert said["c-periodic.seconds"] == "Proven: a seeded defect turns this case red: minutes"
    assert said["c-https.reject.wrong-name"].startswith(
        "Proven: 20 seeded defects turn this case red: defect-0,"
    )
    assert said["c-https.reject.wrong-name"].endswith("defect-11 and 8 more")
    assert (
        "2 of 5 cases that passed are known to turn red" in page.get_element_by_id("summary").text_content()
    )
    results = json.loads((tmp_path / "results.json").read_text())
    assert {case["id"]: case.get("proven") for case in results["cases"]}["periodic.seconds"] == ["minutes"]
    assert "proven" not in next(case for case in results["cases"] if case["id"] == "auth.order")


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path) -> None:
    page = report(tmp_path, {})
    assert page.find_class("proof") == []
    assert "known to turn red" not in page.get_element_by_id("summary").text_content()


def test_hostile_names_are_shown_and_never_run(tmp_path: Path) -> None:
    page = report(tmp_path, {"periodic.seconds": HOSTILE})
    (said,) = page.find_class("proof")
    assert {each.tag for each in said.iterdescendants()} == {"code"}
    assert "\x1b" not in said.text_content()
