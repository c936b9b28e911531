"""Headless chromium over its DevTools protocol, for tests. Nothing but loopback and files can be reached."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DEADLINE = 30.0
"""Seconds of real time after which a wait has failed."""
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking",
    "--no-first-run", "--no-default-browser-check", "--disable-component-update", "--disable-sync",
    "--disable-extensions", "--disable-dev-shm-usage", "--proxy-server=direct://",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0", "--remote-debugging-address=127.0.0.1",
)  # fmt: skip


class Browser:
    """A running chromium with a profile of its own."""

    def __init__(self) -> None:
        assert BINARY is not None
        self._home = tempfile.mkdtemp(prefix="cpecheck-browser-")
        self._process = subprocess.Popen(
            [BINARY, *_FLAGS, f"--user-data-dir={self._home}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            self.port = self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> int:
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                return int((Path(self._home) / "DevToolsActivePort").read_text().split()[0])
            except (OSError, IndexError, ValueError):
                time.sleep(0.05)
        raise RuntimeError("chromium did not start")

    def close(self) -> None:
        """End the browser and all its processes."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait(timeout=10)
        shutil.rmtree(self._home, ignore_errors=True)


class Page:
    """A tab. ``troubles`` are errors of console and scripts, ``requests`` every URL that was asked for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._loads = 0
        self.troubles: list[str] = []
        self.requests: list[str] = []

    # --- the protocol ---

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call *method* of the protocol and return its result."""
        self._number += 1
        number = self._number
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(DEADLINE):
            while True:
                said = await self._message()
                if said.get("id") == number:
                    assert "error" not in said, said
                    return dict(said["result"])

    async def _message(self) -> dict[str, Any]:
        frame = await self._socket.receive()
        assert frame.type is aiohttp.WSMsgType.TEXT, f"the browser has gone: {frame.type.name}"
        said: dict[str, Any] = json.loads(frame.data)
        self._note(said)
        return said

    def _note(self, said: dict[str, Any]) -> None:
        method, params = said.get("method"), said.get("params", {})
        if method == "Page.loadEventFired":
            self._loads += 1
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.troubles.append(json.dumps(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.troubles.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.troubles.append(json.dumps(params["args"]))

    async def run(self, script: str) -> Any:
        """The value of *script*; a promise is awaited."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 10.0) -> None:
        """Wait until *script* is true."""
        deadline = time.monotonic() + seconds
        while not await self.run(script):
            assert time.monotonic() < deadline, f"it never came true: {script}"
            await asyncio.sleep(0.02)

    # --- going somewhere ---

    async def scripts(self, on: bool) -> None:
        """Whether pages may run scripts."""
        await self.call("Emulation.setScriptExecutionDisabled", value=not on)

    async def open(self, url: str) -> None:
        """Go to *url*; returns when it is loaded."""
        before = self._loads
        await self.call("Page.navigate", url=url)
        await self._loaded(before)

    async def _loaded(self, before: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while self._loads == before:
                await self._message()

    async def show(self, path: Path, fragment: str = "", *, scripts: bool = True) -> None:
        """Load a report and wait until its own script is done."""
        await self.scripts(scripts)
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=path.as_uri() + fragment)
        ready = (
            "document.documentElement?.dataset.ready === 'yes'"
            if scripts
            else "document.readyState === 'complete'"
        )
        await self.until(f"location.protocol === 'file:' && {ready}", DEADLINE)

    # --- what a visitor does ---

    async def text(self, selector: str) -> str:
        """What is to be read in the first element of a CSS selector, empty where there is none."""
        return str(await self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def type(self, selector: str, text: str) -> None:
        """Type into a field, in place of what it holds."""
        await self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.run(f"document.querySelector({json.dumps(selector)}).select()")
        if text:
            await self.call("Input.insertText", text=text)
        else:
            await self.run(f"document.querySelector({json.dumps(selector)}).value = ''")

    async def click(self, selector: str) -> None:
        """Press the mouse on the middle of an element that leads to no other page."""
        where = await self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1
            )

    async def submit(self, selector: str) -> None:
        """The same on a button that sends a form; returns when the answer is shown."""
        before = self._loads
        await self.click(selector)
        await self._loaded(before)

    async def choose_file(self, selector: str, path: Path) -> None:
        root = await self.call("DOM.getDocument")
        node = await self.call("DOM.querySelector", nodeId=root["root"]["nodeId"], selector=selector)
        await self.call("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(path)])

    # --- how it looks ---

    async def look(self, width: int = 1200, *, dark: bool = False, media: str = "") -> None:
        """Show the page in a window *width* pixels wide, in a colour scheme, for ``screen`` or ``print``."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )

    async def screenshot(self, *, whole: bool = True) -> bytes:
        """The page as PNG; its first screen where not *whole*."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])


async def open_page(browser: Browser, session: aiohttp.ClientSession) -> Page:
    """A new tab of *browser* that tells of its console and its requests."""
    async with session.put(f"http://127.0.0.1:{browser.port}/json/new?about:blank") as answer:
        target = json.loads(await answer.text())
    page = Page(await session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0))
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.call(f"{domain}.enable")
    return page


@asynccontextmanager
async def browse(scripts: bool = True) -> AsyncIterator[Page]:
    """A tab of a browser of its own; *scripts* off is a visitor without JavaScript."""
    if BINARY is None:
        pytest.skip("chromium is not installed")
    browser = await asyncio.to_thread(Browser)
    try:
        async with aiohttp.ClientSession() as session:
            page = await open_page(browser, session)
            await page.scripts(scripts)
            yield page
    finally:
        await asyncio.to_thread(browser.close)
