"""What people read on terminals and in pipes, as it looks (``pytest --snapshot-update`` after a change that is meant)."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from made_up import GOOD, HEADER, MIXED, hostile_run, write
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from harness import listing
from harness.lab.doctor import Check
from harness.listing import Listed
from harness.verdict.bundle import Bundle, Gate, Results
from reports import compare, compare_show, markdown, terminal

ROWS = [
    Listed("lcos.tls.host-name", "MUST", "https", "The certificate names the host.", "LCOS", ("R-TLS-1",), True,
           ("https.reject.wrong-name", "https.accept.right-name"), ()),
    Listed("cwmp.http.soapaction", "MUST", "http", "SOAPAction is empty | on a response.", "TR-069 3.4.1", (), True, (), ("soapaction",)),
    Listed("cwmp.auth.order", "SHOULD", "http", "Digest goes before Basic.", "TR-069 3.4.4", (), False, (), ()),
]  # fmt: skip
CHECKS = [
    Check("Python", True, "3.11.7"),
    Check(
        "namespaces",
        False,
        "unshare: operation not permitted",
        "packet cases are not-run",
        "sysctl kernel.x=0",
    ),
]


def printed(what: object, *, width: int = 100, color: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, color_system="standard" if color else None, highlight=False,
        soft_wrap=True, legacy_windows=False,
    )  # fmt: skip
    if isinstance(what, Results):
        terminal.show(what, console, Path("cpecheck-run"))
    else:
        assert isinstance(what, compare.Comparison)
        compare_show.show(what, console)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


@pytest.mark.parametrize("cases", [MIXED, GOOD], ids=["mixed", "good"])
def test_the_summary_of_a_run(tmp_path: Path, snapshot: SnapshotAssertion, cases: tuple[object, ...]) -> None:
    results = write(tmp_path, cases)  # type: ignore[arg-type]
    assert printed(results) == snapshot(name="pipe")
    assert printed(results, color=True) == snapshot(name="terminal")


def test_the_summary_with_a_gate_of_a_run_that_did_not_end(
    tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    results = write(tmp_path, MIXED)
    results.complete = False
    results.gate = Gate(file="known.toml", exit_code=1, met=["one"], broken=["a case passes now: x"] * 2)
    assert printed(results) == snapshot


def test_hostile_words_on_the_terminal(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    shown = printed(hostile_run(tmp_path))
    assert "\x1b" not in shown
    assert shown == snapshot


def test_the_markdown_summary(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    write(tmp_path, MIXED)
    assert markdown.render(Bundle.read(tmp_path)) == snapshot


def test_a_comparison(tmp_path: Path, snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = msgspec.structs.replace(HEADER, device={**HEADER.device, "software_version": "10.92"})
    write(tmp_path / "fw-1", GOOD)
    write(tmp_path / "fw-2", MIXED, newer)
    write(tmp_path / "fw-3", GOOD[:3], newer)
    monkeypatch.chdir(tmp_path)
    for name, bundles in (
        ("worse", ["fw-1", "fw-2"]),
        ("better", ["fw-2", "fw-1"]),
        ("three", ["fw-1", "fw-2", "fw-3"]),
    ):
        assert printed(compare.read(list(map(Path, bundles)))) == snapshot(name=name)


def test_the_list(snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "listed", lambda: ROWS)
    assert listing.listing(as_json=False, uncovered=False) == snapshot(name="text")
    assert listing.listing(as_json=False, uncovered=True) == snapshot(name="uncovered")
    assert listing.listing(as_json=True, uncovered=False) == snapshot(name="json")
    assert listing.listing(as_json=False, uncovered=False, markdown=True) == snapshot(name="markdown")


@pytest.mark.parametrize("checks", [CHECKS, CHECKS[:1]], ids=["lacking", "complete"])
def test_the_doctor(
    snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch, checks: list[Check]
) -> None:
    monkeypatch.setattr(listing.doctor, "checks", lambda: checks)
    assert listing.doctor_report(as_json=False) == snapshot(name="text")
    assert listing.doctor_report(as_json=True) == snapshot(name="json")
