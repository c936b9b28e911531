"""A real browser for tests: headless Chromium over its DevTools protocol, loopback only."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

DEADLINE = 30.0
"""Seconds of real time after which a wait has failed."""
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--no-default-browser-check", "--proxy-server=direct://"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._events: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One DevTools command; its result."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(DEADLINE):
            while True:
                message = await self._message()
                if message.get("id") == number:
                    assert "error" not in message, message
                    return message["result"]  # type: ignore[no-any-return]

    async def _message(self) -> dict[str, Any]:
        received = await self._socket.receive()
        assert received.type is aiohttp.WSMsgType.TEXT, f"the browser has gone: {received.type.name}"
        message: dict[str, Any] = json.loads(received.data)
        if "method" in message:
            self._events.append(message["method"])
        return message

    async def _loaded(self) -> None:
        async with asyncio.timeout(DEADLINE):
            while "Page.loadEventFired" not in self._events:
                await self._message()

    async def open(self, url: str) -> None:
        self._events.clear()
        await self.call("Page.navigate", url=url)
        await self._loaded()

    async def script(self, expression: str) -> Any:
        """The value of a JavaScript expression (the page itself needs none)."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def text(self, selector: str) -> str:
        """What is to be read in the first element of a CSS selector, empty where there is none."""
        found = await self.script(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    async def type(self, selector: str, text: str) -> None:
        """Type into a field, in place of what it holds."""
        await self.script(f"document.querySelector({json.dumps(selector)}).focus()")
        await self.script(f"document.querySelector({json.dumps(selector)}).select()")
        if text:
            await self.call("Input.insertText", text=text)
        else:
            await self.script(f"document.querySelector({json.dumps(selector)}).value = ''")

    async def click(self, selector: str) -> None:
        """Press the mouse on the middle of an element that leads to no other page."""
        await self._press(selector)

    async def submit(self, selector: str) -> None:
        """The same on a button that sends a form; returns when the answer is shown."""
        self._events.clear()
        await self._press(selector)
        await self._loaded()

    async def _press(self, selector: str) -> None:
        where = await self.script(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1], button="left", clickCount=1
            )

    async def choose_file(self, selector: str, path: Path) -> None:
        root = await self.call("DOM.getDocument")
        node = await self.call("DOM.querySelector", nodeId=root["root"]["nodeId"], selector=selector)
        await self.call("DOM.setFileInputFiles", nodeId=node["nodeId"], files=[str(path)])

    async def screenshot(self, width: int = 1200, dark: bool = False) -> bytes:
        """The whole page as PNG."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])


@asynccontextmanager
async def browse(scripts: bool = True) -> AsyncIterator[Page]:
    """A browser with a profile of its own; *scripts* off is a visitor without JavaScript."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed")
    profile = tempfile.mkdtemp(prefix="chromium-")
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        port = await _port(Path(profile) / "DevToolsActivePort", process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [target for target in await answer.json() if target["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                await page.call("Page.enable")
                if not scripts:
                    await page.call("Emulation.setScriptExecutionDisabled", value=True)
                yield page
                await page.call("Browser.close")
    finally:
        await _end(process)
        shutil.rmtree(profile, ignore_errors=True)


async def _port(file: Path, process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(DEADLINE):
        while not (line := _first_line(file)):
            assert process.returncode is None, "chromium ended at once"
            await asyncio.sleep(0.02)
    return int(line)


def _first_line(file: Path) -> str:
    """The first line of a file once it is whole."""
    text = file.read_text() if file.exists() else ""
    return text.partition("\n")[0] if "\n" in text else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        process.kill()
        await process.wait()
