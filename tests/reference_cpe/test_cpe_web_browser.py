"""The web configuration in a real browser, with scripts and without."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme
from browser import browse
from cpe_lab import free_port, run_device


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
async def test_a_visit(home: Path, scripts: bool) -> None:
    port = free_port()
    (home / "cpe.toml").write_text(
        f'[settings]\nport = 0\n[web]\nlisten = "127.0.0.1:{port}"\nuser = "admin"\npassword = "secret"\n'
    )
    (home / "root.pem").write_bytes(trustme.CA(organization_name="Bench root").cert_pem.bytes())
    (home / "junk.p12").write_bytes(b"junk")
    async with run_device(home, "--config", str(home / "cpe.toml")) as device, browse(scripts) as page:
        await page.open(f"http://127.0.0.1:{port}/")
        await page.type("#user", "admin")
        await page.type("#password", "wrong")
        await page.submit("button.primary")
        assert await page.text("#login-error") == "User name or password is wrong."
        await page.type("#user", "admin")
        await page.type("#password", "secret")
        await page.submit("button.primary")
        assert await page.text("h1") == "CWMP"

        await page.type("#periodic_inform_interval", "300")
        await page.click("#allow_firmware_updates")
        await page.submit("#settings button.primary")
        assert await page.text(".notice.good") == "The settings are stored and in effect."
        now = (await device.call("GET", "/settings"))[1]
        assert (now["periodic_inform_interval"], now["allow_firmware_updates"]) == (300, False)

        await page.type("#periodic_inform_interval", "0")
        await page.type("#acs_username", "not this")
        await page.submit("#settings button.primary")
        assert "expected 1 to 2147483647" in await page.text("#periodic_inform_interval-error")
        assert (await device.call("GET", "/settings"))[1] == now

        await page.open(f"http://127.0.0.1:{port}/")
        await page.choose_file("#root-file", home / "root.pem")
        await page.submit("form[action='/certificates/root-ca'] button")
        assert "Bench root" in await page.text("#certificates dl")
        await page.choose_file("#client-file", home / "junk.p12")
        await page.submit("form[action='/certificates/client'] button")
        assert "not a PKCS#12 container" in await page.text("#client-error")
        state = await device.state()
        assert (state["root_ca_stored"], state["client_certificate_stored"]) == (True, False)

        await page.submit("header button")
        assert await page.text("h2") == "Log in"
