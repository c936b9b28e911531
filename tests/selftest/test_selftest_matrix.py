"""The heat map: every defect, every case that was run, and nothing that a page could trip over."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from reports import matrix


def _report() -> dict[str, Any]:
    red = {
        "case": "a.kills",
        "requirement": "r.one",
        "verdict": "fail",
        "by": "",
        "expected": "<x>",
        "observed": "y",
    }
    defect = {
        "id": "bad", "requirements": ("r.one",), "level": "MUST", "summary": "It is <b>wrong</b>.", "seen": "",
        "killed": True, "killed_by": ("a.kills",), "collateral": (), "judged": True, "kills": [red],
        "collateral_seen": [], "lost": [], "cells": {"a.kills": "kill", "b.sees-nothing": "clean"}, "seconds": 1.5,
    }  # fmt: skip
    variant = {
        "id": "odd", "summary": "It is odd.", "seen": "", "false_alarms": [red], "lost": [],
        "cells": {"a.kills": "other"}, "seconds": 1.0,
    }  # fmt: skip
    return {
        "tool_version": "1", "seed": 1, "workers": 2, "seconds": 3.0, "exit_code": 1, "defects": [defect],
        "variants": [variant], "survivors": (), "idle_cases": ("b.sees-nothing",), "unproven": (), "awaiting": [],
        "baseline": [{"id": name} for name in ("a.kills", "b.sees-nothing", "c.not-run")],
    }  # fmt: skip


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "td":
            given = dict(attrs)
            self.cells.append((given.get("class") or "", given.get("title") or ""))


def test_matrix_page() -> None:
    page = matrix.render(_report())
    reader = _Cells()
    reader.feed(page)
    assert reader.cells == [("kill", "a.kills"), ("clean", "b.sees-nothing"), ("other", "a.kills"), ("", "")]
    assert "c.not-run" not in page
    assert "<b>wrong</b>" not in page
    assert "&lt;x&gt;" in page


def test_nothing_was_run() -> None:
    empty = {**_report(), "defects": [], "variants": [], "baseline": []}
    assert "Kill matrix" in matrix.render(empty)
