"""axe-core over every page that the reports make: light and dark, wide and narrow, findings open.

axe-core is not part of this repository: ``npm install axe-core`` in its root, or CPECHECK_AXE=.../axe.min.js, or the
tox environment ``accessibility``, which does that.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from browser import BINARY, Browser, Page, open_page
from made_up import GOOD, HEADER, MIXED, hostile_run, write
from made_up_talk import hostile_talk, keep, talk

from harness.verdict.bundle import Bundle
from reports import compare, compare_show, html
from reports.build import write_all

ROOT = Path(__file__).parents[2]
AXE = Path(os.environ.get("CPECHECK_AXE") or ROOT / "node_modules" / "axe-core" / "axe.min.js")
pytestmark = [
    pytest.mark.skipif(BINARY is None, reason="chromium is not installed"),
    pytest.mark.skipif(not AXE.is_file(), reason=f"axe-core is not installed ({AXE}); npm install axe-core"),
]
SOURCE = AXE.read_text("utf-8") if AXE.is_file() else ""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    running = Browser()
    yield running
    running.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        yield await open_page(browser, session)


def mixed(folder: Path) -> Path:
    header = msgspec.structs.replace(HEADER, proven={"periodic.seconds": ("minutes", "twice")})
    write(folder, MIXED, header)
    for case in ("https.reject.wrong-name", "periodic.seconds"):
        keep(folder, case, talk(0.0, 60.0))
    write_all(folder)
    return folder / "report.html"


def hostile(folder: Path) -> Path:
    results = hostile_run(folder)
    results.cases[0].evidence = results.cases[0].id
    keep(folder, results.cases[0].id, hostile_talk())
    (folder / "report.html").write_text(html.render(Bundle(folder, results)), "utf-8")
    return folder / "report.html"


def good(folder: Path) -> Path:
    write(folder, GOOD)
    write_all(folder)
    return folder / "report.html"


def matrix(folder: Path) -> Path:
    write(folder / "old", GOOD)
    write(folder / "new", MIXED)
    path = folder / "matrix.html"
    path.write_text(compare_show.html(compare.read([folder / "old", folder / "new"])), "utf-8")
    return path


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
@pytest.mark.parametrize("make", [mixed, hostile, good, matrix], ids=lambda make: make.__name__)
async def test_axe_finds_nothing(page: Page, tmp_path: Path, make: object, look: str) -> None:
    await page.look(360 if look == "phone" else 1200, dark=look == "dark")
    assert callable(make)
    await page.show(make(tmp_path))
    await page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    await page.run(SOURCE + ";0")
    found = await page.run(
        f"axe.run({{runOnly: {RULES}}}).then(r => r.violations.flatMap(v => v.nodes.slice(0, 3).map(n => "
        "`${v.id} (${v.impact}): ${n.target} ${n.html.slice(0, 160)} ${n.failureSummary.slice(0, 300)}`)))"
    )
    assert found == [], "\n".join(found)
