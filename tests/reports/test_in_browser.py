"""The report as chromium shows it: filters, links, evidence, dark, print, phones; and that nothing leaves the file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from browser import BINARY, Browser, Page, open_page
from made_up import GOOD, MIXED, hostile_run, write
from made_up_talk import hostile_talk, keep, talk

from harness.verdict.bundle import Bundle
from reports import compare, compare_show, html
from reports.build import write_all

pytestmark = pytest.mark.skipif(BINARY is None, reason="chromium is not installed")
CASE = "https.reject.wrong-name"
SHOWN = "[...document.querySelectorAll('#requirements li, #cases li, #untested li')].filter(e => e.checkVisibility()).map(e => e.id)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    running = Browser()
    yield running
    running.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with aiohttp.ClientSession() as session:
        tab = await open_page(browser, session)
        yield tab
        assert tab.troubles == []
        assert [url for url in tab.requests if not url.startswith("file:") and url != "about:blank"] == []


@pytest.fixture
def report(tmp_path: Path) -> Path:
    write(tmp_path)
    keep(tmp_path, CASE, talk(0.0, 60.0))
    keep(tmp_path, "periodic.seconds", talk(0.0, 60.0))
    write_all(tmp_path)
    return tmp_path / "report.html"


async def fill(page: Page, name: str, value: str) -> None:
    await page.run(
        f"{{const f = document.querySelector('#filters [name={name}]'); f.value = '{value}';"
        "f.dispatchEvent(new Event('input', {bubbles: true}))}"
    )


async def test_filters_narrow_what_is_shown_and_are_kept_in_the_fragment(page: Page, report: Path) -> None:
    await page.show(report)
    everything = await page.run(SHOWN)
    assert "r-lcos.tls.host-name" in everything
    assert "c-auth.order" in everything
    await page.run("document.querySelector('#filters [value=fail]').click()")
    assert await page.run(SHOWN) == ["r-cwmp.http.soapaction", "r-lcos.tls.host-name", f"c-{CASE}"]
    await fill(page, "area", "https")
    assert await page.run(SHOWN) == ["r-lcos.tls.host-name", f"c-{CASE}"]
    assert await page.run("location.hash") == "#area=https&verdict=fail"
    assert await page.run("document.getElementById('count').textContent") == "1 requirements, 1 cases"
    await fill(page, "q", "nowhere to be found")
    assert await page.run(SHOWN) == []
    await page.run("document.querySelector('#filters [type=reset]').click()")
    assert await page.run(SHOWN) == everything
    assert await page.run("location.hash") == ""


@pytest.mark.parametrize(
    ("fragment", "shown"),
    [
        ("#level=SHOULD", ["r-cwmp.auth.order", "c-auth.order"]),
        ("#requirement=untrusted", ["r-lcos.tls.untrusted-root", "c-https.reject.wrong-root"]),
        ("#q=address+stand", ["r-lcos.source.literal"]),
        ("#verdict=not-tested&level=MUST", ["u-lcos.loopback.unmasked"]),
        ("#q=%3Cscript%3E", []),
        ("#level=nonsense&verdict=%27%22", None),
    ],
)
async def test_a_view_can_be_linked(page: Page, report: Path, fragment: str, shown: list[str] | None) -> None:
    await page.show(report, fragment)
    found = await page.run(SHOWN)
    assert found == shown if shown is not None else found


async def test_a_link_to_something_hidden_by_filters_shows_it(page: Page, report: Path) -> None:
    await page.show(report, "#verdict=warn")
    assert "r-lcos.tls.host-name" not in await page.run(SHOWN)
    await page.run(f"document.querySelector('#f-{CASE.replace('.', chr(92) * 2 + '.')} h3 a').click()")
    await page.until("document.querySelector('[id=\"r-lcos.tls.host-name\"]').checkVisibility()")


async def test_a_row_of_the_ladder_leads_to_its_message(page: Page, report: Path) -> None:
    await page.show(report)
    rows = await page.run("[...document.querySelectorAll('.ladder')][0].querySelectorAll('.row').length")
    assert rows > 10
    marked = await page.run(
        "[...document.querySelectorAll('.ladder .row.bad .said')].map(e => e.textContent)"
    )
    assert set(marked) == {"✗ POST /cwmp · empty"}
    link = "document.querySelector('.ladder a[href$=\"c4.2\"]')"
    await page.run(f"{link}.dispatchEvent(new MouseEvent('click', {{bubbles: true, cancelable: true}}))")
    await page.until("document.querySelector('details.message[id$=\"c4.2\"]').open")
    assert "InformResponse" in await page.run(
        "document.querySelector('details.message[id$=\"c4.2\"] pre').textContent"
    )


async def test_evidence_of_a_large_report_waits_until_it_is_asked_for(
    page: Page, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "INLINE", 0)
    write_all(report.parent)
    await page.show(report)
    assert await page.run("document.querySelectorAll('.ladder').length") == 0
    await page.run("document.querySelector('details.evidence').open = true")
    await page.until("document.querySelectorAll('details.evidence .ladder').length === 1")
    await page.show(report, "#e0-c4.2")
    await page.until("document.getElementById('e0-c4.2')?.checkVisibility()")


async def test_timing_plots_have_a_band_a_point_and_the_sessions(page: Page, tmp_path: Path) -> None:
    from test_evidence import timed

    write(tmp_path, [timed("gap 1: 60.000 s")])
    keep(tmp_path, "periodic.seconds", talk(0.0, 60.0))
    write_all(tmp_path)
    await page.show(tmp_path / "report.html")
    inside = await page.run(
        "{const b = document.querySelector('#timing .allowed').getBoundingClientRect(),"
        "p = document.querySelector('#timing .point').getBoundingClientRect();"
        "b.left < p.left && p.right < b.right && document.querySelectorAll('#timing .session').length}"
    )
    assert inside == 2


async def test_dark_and_light_have_enough_contrast(page: Page, report: Path) -> None:
    ratio = """(() => {
      const light = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map(x => { x /= 255;
        return x <= .04045 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4; }); return .2126*v[0] + .7152*v[1] + .0722*v[2]; };
      const back = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
        if (!/rgba\\(.*, 0\\)|transparent|color/.test(c)) return c; } return 'rgb(255,255,255)'; };
      return Math.min(...[...document.querySelectorAll('.chip, p, code, small, dt, dd, summary, mark, nav a, td:not(.none), th')]
        .filter(e => e.checkVisibility() && e.textContent.trim())
        .map(e => { const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
          return (a + .05) / (b + .05); }));
    })()"""
    backgrounds = []
    for scheme in ("light", "dark"):
        await page.call(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        await page.show(report)
        assert await page.run(ratio) >= 4.5, scheme
        backgrounds.append(await page.run("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] != backgrounds[1]


async def test_nothing_is_wider_than_a_phone(page: Page, report: Path) -> None:
    await page.call(
        "Emulation.setDeviceMetricsOverride", width=360, height=700, deviceScaleFactor=1, mobile=True
    )
    await page.show(report)
    assert await page.run("document.documentElement.scrollWidth") <= 360


async def test_on_paper_findings_are_open_and_the_tools_are_gone(page: Page, report: Path) -> None:
    await page.show(report)
    await page.run("for (const each of document.querySelectorAll('details')) each.open = false")
    await page.call("Emulation.setEmulatedMedia", media="print")
    assert not await page.run("document.getElementById('filters').checkVisibility()")
    assert not await page.run("document.querySelector('nav').checkVisibility()")
    assert await page.run("document.querySelector('.finding .observed').getBoundingClientRect().height") > 0
    printed = await page.call("Page.printToPDF")
    assert len(printed["data"]) > 10_000


async def test_everything_can_be_reached_by_keyboard(page: Page, report: Path) -> None:
    await page.show(report)
    for kind, text in (("keyDown", "/"), ("keyUp", "/")):
        await page.call("Input.dispatchKeyEvent", type=kind, key=text, text=text if kind == "keyDown" else "")
    assert await page.run("document.activeElement.name") == "q"
    assert await page.run("document.activeElement.value") == ""
    reach = "[...document.querySelectorAll('.scroll')].every(e => e.tabIndex === 0 && e.getAttribute('aria-label'))"
    assert await page.run(reach)


async def test_without_scripts_everything_is_readable(page: Page, report: Path) -> None:
    await page.show(report, scripts=False)
    assert len(await page.run(SHOWN)) > 10
    assert await page.run("document.querySelector('.ladder').checkVisibility()")
    assert not await page.run("document.getElementById('filters').checkVisibility()")


async def test_hostile_evidence_is_shown_and_never_run(page: Page, tmp_path: Path) -> None:
    results = hostile_run(tmp_path)
    case = results.cases[0]
    # The device also reached the name of a folder: made right here, so that its messages are shown.
    case.evidence = case.id
    keep(tmp_path, case.id, hostile_talk(), src="<script>alert(1)</script>")
    (tmp_path / "report.html").write_text(html.render(Bundle(tmp_path, results)), "utf-8")
    await page.run("window.alert = () => { throw new Error('executed') }")
    await page.show(tmp_path / "report.html")
    await page.run("for (const each of document.querySelectorAll('details')) each.open = true")
    assert await page.run("document.querySelectorAll('script').length") == 1
    assert await page.run("document.querySelectorAll('img, iframe, object, [onload], [onerror]').length") == 0
    shown = await page.run("[...document.querySelectorAll('.message pre')].map(e => e.textContent).join('')")
    assert '<x onload="alert(1)">' in shown
    assert "<script>alert(1)</script>" in shown


async def test_the_matrix_filters_rows(page: Page, tmp_path: Path) -> None:
    write(tmp_path / "old", GOOD)
    write(tmp_path / "new", MIXED)
    path = tmp_path / "matrix.html"
    path.write_text(compare_show.html(compare.read([tmp_path / "old", tmp_path / "new"])), "utf-8")
    rows = "[...document.querySelectorAll('#matrix tbody tr')].filter(e => e.checkVisibility()).map(e => e.dataset.id)"
    await page.show(path)
    changed = await page.run(rows)
    assert "lcos.tls.host-name" in changed
    assert "lcos.tls.untrusted-root" not in changed
    await page.show(path, "#q=untrusted")
    assert await page.run(rows) == ["lcos.tls.untrusted-root"]
