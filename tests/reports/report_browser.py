"""Headless chromium over its DevTools protocol. Nothing but loopback is used; one browser serves all tests of a module."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

BINARY = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
    "--remote-debugging-port=0", "--remote-debugging-address=127.0.0.1",
)  # fmt: skip
_START = 30.0
"""Seconds within which the browser has to be there."""


class Browser:
    """A running chromium with a profile of its own."""

    def __init__(self) -> None:
        assert BINARY is not None
        self._home = tempfile.mkdtemp(prefix="cpecheck-browser-")
        self._process = subprocess.Popen(
            [BINARY, *_FLAGS, f"--user-data-dir={self._home}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            self.port = self._wait()
        except BaseException:
            self.close()
            raise

    def _wait(self) -> int:
        deadline = time.monotonic() + _START
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
        self.troubles: list[str] = []
        self.requests: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call *method* of the protocol and return its result."""
        self._number += 1
        number = self._number
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(20):
            async for frame in self._socket:
                said = json.loads(frame.data)
                if said.get("id") == number:
                    assert "error" not in said, said
                    return dict(said["result"])
                self._note(said)
        raise RuntimeError("the browser has gone")

    def _note(self, said: dict[str, Any]) -> None:
        method, params = said.get("method"), said.get("params", {})
        if method == "Network.requestWillBeSent":
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

    async def show(self, path: Path, fragment: str = "", *, scripts: bool = True) -> None:
        """Load a file and wait until its own script is done."""
        await self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=path.as_uri() + fragment)
        ready = (
            "document.documentElement?.dataset.ready === 'yes'"
            if scripts
            else "document.readyState === 'complete'"
        )
        await self.until(f"location.protocol === 'file:' && {ready}")


async def open_page(browser: Browser, session: aiohttp.ClientSession) -> Page:
    """A new tab of *browser* that tells of its console and its requests."""
    async with session.put(f"http://127.0.0.1:{browser.port}/json/new?about:blank") as answer:
        target = json.loads(await answer.text())
    page = Page(await session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0))
    for domain in ("Page", "Runtime", "Log", "Network"):
        await page.call(f"{domain}.enable")
    return page
