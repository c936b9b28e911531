"""The web configuration over HTTP: who gets in, what is refused, what is stored."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from cpe_lab import DEADLINE, Acs, Process, free_port, run_device

from harness.device.api import SETTINGS
from reference_cpe.web import form
from reference_cpe.web.doorkeeper import FAILURES, IDLE, LOCK, MOST_VISITORS, Doorkeeper

# --- the doorkeeper, without I/O


def test_sessions_end_by_idleness() -> None:
    door = Doorkeeper("admin", "word")
    visitor = door.log_in(door.welcome(0), "admin", "word", 0)
    assert visitor is not None
    assert visitor.logged_in
    assert door.visitor(visitor.token, IDLE) is visitor
    assert door.visitor(visitor.token, 2 * IDLE) is visitor
    assert door.visitor(visitor.token, 3 * IDLE + 1) is None
    assert door.visitor(visitor.token, 0) is None
    assert door.visitor("", 0) is None


def test_login_gives_a_new_session() -> None:
    door = Doorkeeper("admin", "word")
    before = door.welcome(0)
    after = door.log_in(before, "admin", "word", 0)
    assert after is not None
    assert (after.token, after.proof) != (before.token, before.proof)
    assert door.visitor(before.token, 0) is None
    assert after.proves(after.proof)
    assert not after.proves(before.proof)
    assert not after.proves("\udc80é")


def test_lock_after_wrong_logins() -> None:
    door = Doorkeeper("admin", "wörd")
    visitor = door.welcome(0)
    for wrong in ("", "word", "WÖRD", "wörd ", "x" * 10_000):
        assert not door.locked_for(10)
        assert door.log_in(visitor, "admin", wrong, 10) is None
    assert door.locked_for(10) == LOCK
    assert door.log_in(visitor, "admin", "wörd", 10 + LOCK - 1) is None
    assert door.log_in(visitor, "admin", "wörd", 10 + LOCK) is not None


def test_a_right_login_forgets_the_wrong_ones() -> None:
    door = Doorkeeper("admin", "word")
    for _ in range(FAILURES - 1):
        assert door.log_in(door.welcome(0), "root", "word", 0) is None
    visitor = door.log_in(door.welcome(0), "admin", "word", 0)
    assert visitor is not None
    assert door.log_in(visitor, "admin", "", 0) is None
    assert not door.locked_for(0)


def test_strangers_do_not_push_out_the_operator() -> None:
    door = Doorkeeper("admin", "word")
    operator = door.log_in(door.welcome(0), "admin", "word", 0)
    assert operator is not None
    for at in range(3 * MOST_VISITORS):
        door.welcome(float(at % 100))
    assert door.visitor(operator.token, 1) is operator


# --- forms


def test_the_page_has_every_setting_with_its_label() -> None:
    keys = [key for group in form.GROUPS for key in group.help]
    assert [*keys, "ipv6_inbound_rules"] == list(SETTINGS)
    settings = dict.fromkeys(SETTINGS, "")
    shown = {f.key: f.label for _, fields in form.fields(settings, settings, None, {}) for f in fields}
    assert shown == {key: SETTINGS[key].label for key in keys}


def test_a_form_is_read_as_changes() -> None:
    now: dict[str, Any] = {key: "" for group in form.GROUPS for key in group.help}
    now |= {"port": 7547, "periodic_inform_interval": 60, "cwmp_active": True, "acs_password": "old"}
    now |= {key: False for key in now if key.startswith("allow_")} | {"periodic_inform_active": False}
    same = {"port": "7547", "periodic_inform_interval": " 60 ", "cwmp_active": "on", "acs_password": ""}
    assert form.read_settings(same, now) == ({}, {})
    changed, errors = form.read_settings({**same, "port": "1e3", "clear-acs_password": "on"}, now)
    assert changed == {"acs_password": ""}
    assert set(errors) == {"port"}
    assert form.read_settings({**same, "acs_password": " new "}, now)[0] == {"acs_password": " new "}


# --- over HTTP

USER, PASSWORD = "admin", "long secret"


class Visitor:
    """A browser without scripts or pictures."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base, self._session = base, session
        self.text = ""

    async def get(self, path: str = "/") -> int:
        async with self._session.get(self.base + path) as answer:
            self.text = await answer.text()
            self.headers = answer.headers
            self.path = answer.url.path_qs
            return answer.status

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: Any) -> int:
        """Send a form, with the proof of the page read last unless another is given."""
        found = re.search(r'name="proof" value="([^"]+)"', self.text)
        data = aiohttp.FormData({"proof": found[1] if found else ""})
        for name, value in fields.items():
            data.add_field(name, value, filename="upload" if isinstance(value, bytes) else None)
        async with self._session.post(self.base + path, data=data, headers=headers) as answer:
            self.text = await answer.text()
            self.path = answer.url.path_qs
            return answer.status

    def shown(self, element: str) -> str:
        """The text of the element with this id, empty where there is none."""
        found = re.search(rf'id="{element}"[^>]*>(.*?)</(?:p|dl)>', self.text, re.DOTALL)
        return re.sub(r"<[^>]*>|&#9888;", "", found[1]).strip() if found else ""


@asynccontextmanager
async def visited(home: Path, more: str = "", login: bool = True) -> AsyncIterator[tuple[Process, Visitor]]:
    port = free_port()
    config = home / "cpe.toml"
    config.write_text(
        f"[settings]\nport = 0\n{more}"
        f'[web]\nlisten = "127.0.0.1:{port}"\nuser = "{USER}"\npassword = "{PASSWORD}"\n'
    )
    jar = aiohttp.CookieJar(unsafe=True)
    async with (
        run_device(home, "--config", str(config)) as device,
        aiohttp.ClientSession(cookie_jar=jar) as session,
    ):
        visitor = Visitor(f"http://127.0.0.1:{port}", session)
        if login:
            assert await visitor.get("/login") == 200
            assert await visitor.post("/login", user=USER, password=PASSWORD) == 200
        yield device, visitor


def settings_of(page: str) -> dict[str, str]:
    """What a browser would send back of the settings form as it stands."""
    texts = re.findall(r'<input type="text" id="\w+" name="(\w+)" value="([^"]*)"', page)
    fields = {name: unescape(value) for name, value in texts}
    checked = re.findall(r'<input type="checkbox" id="\w+" name="(\w+)" value="on" checked', page)
    return {**fields, **dict.fromkeys(checked, "on")}


async def test_nothing_without_login(home: Path) -> None:
    async with visited(home, login=False) as (device, visitor):
        before = (await device.call("GET", "/settings"))[1]
        for path in ("/", "/settings", "/nonsense"):
            await visitor.get(path)
            assert visitor.path == "/login"
        await visitor.get("/login")
        for path in ("/settings", "/certificates/root-ca", "/rules/add", "/certificates/client/delete"):
            await visitor.post(path, acs_url="http://evil.test/", name="x")
            assert visitor.path == "/login"
        assert (await device.call("GET", "/settings"))[1] == before
        assert visitor.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert visitor.headers["Cache-Control"] == "no-store"


async def test_wrong_logins_lock(home: Path) -> None:
    async with visited(home, login=False) as (_, visitor):
        await visitor.get("/login")
        for _ in range(FAILURES - 1):
            assert await visitor.post("/login", user=USER, password="wrong") == 401
        assert await visitor.post("/login", user=USER, password="wrong") == 429
        assert await visitor.post("/login", user=USER, password=PASSWORD) == 429
        assert "Try again in" in visitor.shown("login-error")


async def test_logout(home: Path) -> None:
    async with visited(home) as (_, visitor):
        assert visitor.path == "/"
        await visitor.post("/logout")
        await visitor.get("/")
        assert visitor.path == "/login"


async def test_forged_forms_are_refused(home: Path) -> None:
    async with visited(home) as (device, visitor):
        page, wanted = visitor.text, {**settings_of(visitor.text), "acs_username": "forged"}
        visitor.text = ""
        assert await visitor.post("/settings", **wanted) == 403
        visitor.text = page
        assert await visitor.post("/settings", {"Origin": "http://evil.test"}, **wanted) == 403
        visitor.text = page
        assert await visitor.post("/settings", {"Origin": visitor.base}, **wanted) == 200
        assert (await device.call("GET", "/settings"))[1]["acs_username"] == "forged"


async def test_settings(home: Path) -> None:
    async with visited(home) as (device, visitor):
        form_ = settings_of(visitor.text)
        wanted = {
            **form_,
            "acs_username": 'a"<b>',
            "acs_password": "n0t-shown",
            "periodic_inform_interval": "300",
        }
        del wanted["allow_firmware_updates"]
        assert await visitor.post("/settings", **wanted) == 200
        assert visitor.path == "/?done=settings"
        now = (await device.call("GET", "/settings"))[1]
        assert (now["acs_username"], now["acs_password"]) == ('a"<b>', "n0t-shown")
        assert (now["periodic_inform_interval"], now["allow_firmware_updates"]) == (300, False)
        assert "n0t-shown" not in visitor.text
        assert "<b>" not in visitor.text
        assert await visitor.post("/settings", **settings_of(visitor.text)) == 200
        assert visitor.path == "/?done=nothing"


async def test_bad_values_are_refused_beside_their_fields(home: Path) -> None:
    async with visited(home) as (device, visitor):
        before = (await device.call("GET", "/settings"))[1]
        taken = visitor.base.rpartition(":")[2]
        bad = {"acs_url": "ftp://x", "periodic_inform_interval": "0", "port": "70000"}
        assert (
            await visitor.post("/settings", **{**settings_of(visitor.text), **bad, "acs_username": "u"})
            == 422
        )
        assert visitor.shown("acs_url-error") == "neither http:// nor https://"
        assert visitor.shown("periodic_inform_interval-error") == "expected 1 to 2147483647"
        assert visitor.shown("port-error") == "expected 0 to 65535"
        assert visitor.shown("acs_username-error") == ""
        assert settings_of(visitor.text)["acs_username"] == "u"
        good = {**settings_of(visitor.text), "acs_url": "", "periodic_inform_interval": "9"}
        assert await visitor.post("/settings", **{**good, "port": taken}) == 422
        assert visitor.shown("port-error") == f"port {taken}: Address already in use"
        assert (await device.call("GET", "/settings"))[1] == before


async def test_inbound_rules(home: Path) -> None:
    async with visited(home) as (device, visitor):
        rule = {
            "name": "cr",
            "priority": "5",
            "action": "drop",
            "ports": "7547, 80",
            "sources": "2001:db8::/32",
        }
        for bad in (
            {"ports": "http"},
            {"priority": ""},
            {"name": "a b"},
            {"sources": "192.0.2.1"},
            {"ports": "0"},
        ):
            assert await visitor.post("/rules/add", **{**rule, **bad}) == 422
        assert (await device.call("GET", "/settings"))[1]["ipv6_inbound_rules"] == []
        assert await visitor.post("/rules/add", **rule) == 200
        assert await visitor.post("/rules/add", **rule) == 422
        assert "two rules" in visitor.shown("rule-name-error")
        assert (await device.call("GET", "/settings"))[1]["ipv6_inbound_rules"] == [
            {"name": "cr", "ports": [7547, 80], "action": "drop", "active": False, "priority": 5,
             "sources": ["2001:db8::/32"]}
        ]  # fmt: skip
        assert await visitor.post("/rules/delete", name="cr") == 200
        assert (await device.call("GET", "/settings"))[1]["ipv6_inbound_rules"] == []


async def test_certificates(home: Path) -> None:
    root = trustme.CA(organization_name="Root & all")
    async with visited(home) as (device, visitor):
        assert await visitor.post("/certificates/root-ca", file=root.cert_pem.bytes()) == 200
        assert "Root &amp; all" in visitor.text
        assert await visitor.post("/certificates/root-ca", file=b"junk") == 422
        assert visitor.shown("root-error") == "neither a PEM nor a DER certificate"
        assert await visitor.post("/certificates/root-ca") == 422
        assert await visitor.post("/certificates/client", file=b"junk", passphrase="x") == 422
        assert visitor.shown("client-error") == "not a PKCS#12 container"
        assert (await device.state())["root_ca_stored"]
        assert await visitor.post("/certificates/root-ca/delete") == 200
        assert not (await device.state())["root_ca_stored"]


@pytest.mark.parametrize("body", [b"", b"\xff" * 100, b"--x\r\n", b"a" * 3_000_000])
async def test_strange_bodies(home: Path, body: bytes) -> None:
    async with visited(home) as (device, visitor):
        for kind in (
            "multipart/form-data; boundary=x",
            "application/x-www-form-urlencoded; charset=no",
            "text/plain",
        ):
            async with visitor._session.post(
                visitor.base + "/settings", data=body, headers={"Content-Type": kind}
            ) as answer:
                assert 400 <= answer.status < 500
        assert await visitor.get("/") == 200
        assert "Traceback" not in device.log


async def test_status(home: Path, acs: Acs) -> None:
    async with visited(home) as (device, visitor):
        assert "none since the device was started" in visitor.text
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended)
        async with asyncio.timeout(DEADLINE):
            while not (await device.state())["sessions"]["successful"]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        await visitor.get("/")
        assert re.search(r"successful, 20\d\d-", visitor.text)
        assert re.search(r"in (20 min|19 min \d+ s) \(20", visitor.text)
        await device.configure(acs_url="http://127.0.0.1:9/")
        async with asyncio.timeout(DEADLINE):
            while not (await device.state())["sessions"]["failed"]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        await visitor.get("/")
        assert re.search(r"failed, 20\d\d-", visitor.text)
        assert "port 9: " in visitor.text
