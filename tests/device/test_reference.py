"""The reference driver against the real reference device, and against an API that answers nonsense."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from harness.device import drivers, toml_text
from harness.device import profile as profiles
from harness.device.api import Driver, DriverError, FirewallRule
from harness.device.profile import Profile
from harness.device.reference import ReferenceDriver
from harness.lab.clock import RealClock, SteeredClock
from harness.lab.network import Lab
from harness.lab.pki import Authority

MakeProfile = Callable[[str], Profile]

HEAD = 'name = "Reference"\ndriver = "reference"\n'
CONFIG = """
[settings.port]
initial = 7600
[reference]
steered = false
defects = ["d1", "d2"]
defect_files = ["mine.py"]
variants = ["odd"]
[reference.config.device]
serial_number = "42"
[reference.config.network]
masked = true
"""


@pytest.fixture
async def clock(tmp_path: Path) -> AsyncIterator[SteeredClock]:
    clock = SteeredClock(tmp_path / "clock.sock")
    await clock.start()
    yield clock
    await clock.close()


@pytest.fixture
async def driver(plain_lab: Lab, clock: SteeredClock, workdir: Path) -> AsyncIterator[Driver]:
    driver = drivers.make(profiles.reference(), plain_lab, clock, workdir)
    await driver.start()
    yield driver
    await driver.stop()


async def test_settings_and_certificates(driver: Driver, clock: SteeredClock) -> None:
    assert driver.steered
    assert driver.alive() == ""
    assert clock.connected
    rules = (FirewallRule("cr", (7547,), sources=("2001:db8::/32",)),)
    wanted = {"acs_url": "http://127.0.0.1:1/", "periodic_inform_interval": 90, "ipv6_inbound_rules": rules}
    await driver.configure({**wanted, "cwmp_active": False})
    assert wanted.items() <= dict(await driver.read_settings()).items()
    assert isinstance(driver, ReferenceDriver)
    assert (await driver.state())["root_ca_stored"] is False
    await driver.upload_root_ca(Authority.create("root").pem)
    assert (await driver.state())["root_ca_stored"] is True
    await driver.remove_root_ca()
    assert (await driver.state())["root_ca_stored"] is False


async def test_what_survives_what(driver: Driver, clock: SteeredClock) -> None:
    await driver.configure({"cwmp_active": False, "periodic_inform_interval": 91})
    await driver.restart()
    assert (await driver.read_settings())["periodic_inform_interval"] == 91
    await driver.power_cycle()
    assert (await driver.read_settings())["periodic_inform_interval"] == 91
    await driver.factory_reset()
    assert (await driver.read_settings())["periodic_inform_interval"] == 1200
    await clock.quiescent(10)


async def test_a_refused_setting(driver: Driver) -> None:
    with pytest.raises(DriverError, match=r"^configure: PATCH /settings: 422: port: expected 0 to 65535$"):
        await driver.configure({"port": 70000})
    with pytest.raises(DriverError, match=r"^upload_root_ca: PUT /certificates/root-ca: 422: "):
        await driver.upload_root_ca(b"no certificate")


async def test_a_device_that_is_gone(driver: Driver) -> None:
    assert isinstance(driver, ReferenceDriver)
    assert driver._child is not None
    os.kill(driver._child.pid, 9)
    await driver._child.wait(5)
    assert driver.alive().startswith("the device's process was killed by SIGKILL")
    with pytest.raises(DriverError, match="configure: PATCH /settings: the device's process was killed by"):
        await driver.configure({"port": 1})
    await driver.stop()
    assert driver.alive() == "stopped"
    await driver.stop()


async def test_in_the_namespace(lab: Lab, clock: SteeredClock, workdir: Path) -> None:
    driver = drivers.make(profiles.reference(), lab, clock, workdir)
    try:
        await driver.start()
        assert driver.names.network_address == lab.topology.cpe_lan_v4
        assert driver.names.loopback_address == lab.topology.loopbacks[driver.names.loopback]
        rules = (FirewallRule("cr", (7547,)),)
        await driver.configure({"source_address": driver.names.loopback, "ipv6_inbound_rules": rules})
        listed = await lab.run("cpe", ["nft", "list", "ruleset"], timeout=5)
        assert b"masquerade" in listed.stdout
        assert b"7547" in listed.stdout
    finally:
        await driver.stop()


async def test_a_bad_configuration_is_told(
    plain_lab: Lab, clock: SteeredClock, workdir: Path, make_profile: MakeProfile
) -> None:
    profile = make_profile(HEAD + '[reference.config.device]\noui = "xyz"\n')
    with pytest.raises(
        DriverError, match=r"start: the device's process exited with status 3: .*oui: expected"
    ):
        await drivers.make(profile, plain_lab, clock, workdir).start()


def test_command_line_and_configuration(plain_lab: Lab, workdir: Path, make_profile: MakeProfile) -> None:
    (workdir.parent / "mine.py").write_text("")
    driver = drivers.make(make_profile(HEAD + CONFIG), plain_lab, RealClock(), workdir)
    assert isinstance(driver, ReferenceDriver)
    assert not driver.steered
    argv = " ".join(driver.argv())
    assert argv.startswith(f"{sys.executable} -P -m reference_cpe --config {workdir}/reference.toml")
    assert argv.endswith(f"--defect d1 --defect d2 --defect-file {workdir.parent}/mine.py --variant odd")
    assert "--clock" not in argv
    config = driver.config()
    assert config["settings"] == {"port": 7600}
    assert config["device"] == {"serial_number": "42"}
    assert (config["network"]["masked"], config["network"]["manage"]) == (True, False)
    assert tomllib.loads(toml_text.dumps(config)) == config


def test_a_long_path_gets_a_short_socket(plain_lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    driver = ReferenceDriver(profiles.reference(), plain_lab, None, folder)
    assert len(str(driver._socket())) < 100
    assert driver._socket() == driver._socket()


async def test_the_clock_must_fit_the_profile(plain_lab: Lab, clock: SteeredClock, workdir: Path) -> None:
    with pytest.raises(DriverError, match="needs a steered clock"):
        drivers.make(profiles.reference(), plain_lab, RealClock(), workdir)


async def test_answers_that_are_not_the_api(plain_lab: Lab, workdir: Path) -> None:
    driver = ReferenceDriver(profiles.reference(), plain_lab, None, workdir)
    answers = [
        (500, "<html>\nbroken", "GET /settings: 500: <html> broken"),
        (200, "nonsense", "the answer is not JSON"),
        (200, "[1]", "the answer is not a JSON object"),
        (404, '{"error": "no such place"}', "404: no such place"),
        (400, "", "400: no reason given"),
    ]
    left = iter(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        status, body, _ = next(left)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write((head + body).encode())
        writer.close()

    server = await asyncio.start_unix_server(serve, driver._socket())
    async with server:
        for _, _, words in answers:
            with pytest.raises(DriverError) as caught:
                await driver.read_settings()
            assert words in str(caught.value)
    await driver.stop()


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"a": 1, "b": True, "c": 'x"\\\n\x7f\u2028é𝄞', "d": [1, 2], "e": 1.5},
        {"t": {"key with space": "v", "u": {"deep": [{"x": 1}]}}, "a": []},
    ],
)
def test_toml_text_reads_back(table: dict[str, object]) -> None:
    assert tomllib.loads(toml_text.dumps(table)) == table


def test_toml_text_refuses_what_toml_has_not() -> None:
    with pytest.raises(TypeError, match="NoneType"):
        toml_text.dumps({"a": None})


def test_the_device_is_a_process_and_never_an_import() -> None:
    code = "import sys, harness.device.drivers; print(sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "'harness'" in done.stdout
    assert "reference_cpe" not in done.stdout
