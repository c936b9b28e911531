"""The command driver over real processes: what a device gets, how it is run, what is said when it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from harness.device.api import Driver, DriverError, FirewallRule, Verb
from harness.device.command import CommandDriver, parse_settings
from harness.device.profile import Profile
from harness.lab.network import Lab

MakeProfile = Callable[[str], Profile]
MakeDriver = Callable[[str], CommandDriver]

HEAD = 'name = "x"\ndriver = "command"\n'
SETTINGS = """
[settings]
acs_url = true
port = { initial = 7547 }
periodic_inform_active = { true = "enabled", false = "disabled" }
cwmp_active = true
source_address = true
acs_password = { secret = true, initial = "hunter2" }
ipv6_inbound_rules = true
[timing]
start = 0.05
"""
FOREGROUND = (
    HEAD
    + 'root_ca = "file"\n'
    + SETTINGS
    + """
[commands]
start = 'cd $CPECHECK_WORKDIR; echo $$ >> pids; env > env.new; mv env.new env; exec sleep 60'
"""
)


@pytest.fixture
async def make_driver(plain_lab: Lab, make_profile: MakeProfile, workdir: Path) -> AsyncIterator[MakeDriver]:
    drivers: list[CommandDriver] = []

    def make(text: str) -> CommandDriver:
        drivers.append(CommandDriver(make_profile(text), plain_lab, workdir))
        return drivers[-1]

    yield make
    for driver in drivers:
        await driver.stop()


async def environment(workdir: Path) -> dict[str, str]:
    """What the process that was started last found in its environment; each is read once."""
    file = workdir / "env"
    await until(file.exists)
    lines = file.read_text().splitlines()
    file.unlink()
    return {
        key: value for key, _, value in (line.partition("=") for line in lines) if key.startswith("CPECHECK")
    }


def runs(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


async def fails(work: Awaitable[object]) -> str:
    with pytest.raises(DriverError) as caught:
        await work
    text = str(caught.value)
    assert "\n" not in text
    return text


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - a process outside of the loop is waited for
            await asyncio.sleep(0.02)


async def test_settings_reach_the_device_as_environment(make_driver: MakeDriver, workdir: Path) -> None:
    driver: Driver = make_driver(FOREGROUND)
    await driver.start()
    assert driver.alive() == ""
    first = await environment(workdir)
    assert first["CPECHECK_PORT"] == "7547"
    assert first["CPECHECK_CHANGED"] == ""
    assert "CPECHECK_ACS_URL" not in first
    assert "CPECHECK_ROOT_CA" not in first
    rules = (
        FirewallRule("cr", (7547, 80)),
        FirewallRule("no", (81,), "drop"),
        FirewallRule("off", (82,), active=False),
    )
    await driver.configure(
        {
            "acs_url": "http://a/",
            "cwmp_active": True,
            "periodic_inform_active": False,
            "ipv6_inbound_rules": rules,
        }
    )
    second = await environment(workdir)
    assert second["CPECHECK_ACS_URL"] == "http://a/"
    assert second["CPECHECK_CHANGED"] == "acs_url cwmp_active ipv6_inbound_rules periodic_inform_active"
    assert (second["CPECHECK_CWMP_ACTIVE"], second["CPECHECK_PERIODIC_INFORM_ACTIVE"]) == ("1", "0")
    assert second["CPECHECK_IPV6_OPEN_PORTS"] == "7547 80"
    assert json.loads(second["CPECHECK_IPV6_INBOUND_RULES"])[1]["action"] == "drop"
    assert second["CPECHECK_WAN_IPV4"] == "127.0.0.1"
    assert second["CPECHECK_ISOLATED"] == "0"
    assert second["CPECHECK_WORKDIR"] == str(workdir)
    await driver.configure({"source_address": "192.0.2.7"})
    third = await environment(workdir)
    assert (third["CPECHECK_ACS_URL"], third["CPECHECK_SOURCE_IPV4"]) == ("http://a/", "192.0.2.7")


async def test_root_ca_as_a_file(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(FOREGROUND)
    await driver.start()
    assert "CPECHECK_ROOT_CA" not in await environment(workdir)
    await driver.upload_root_ca(b"PEM\n")
    assert (await environment(workdir))["CPECHECK_ROOT_CA"] == str(workdir / "root-ca.pem")
    assert (workdir / "root-ca.pem").read_bytes() == b"PEM\n"
    await driver.remove_root_ca()
    assert "CPECHECK_ROOT_CA" not in await environment(workdir)


async def test_root_ca_by_command(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(
        FOREGROUND.replace('root_ca = "file"\n', "")
        + "upload_root_ca = 'cp $CPECHECK_ROOT_CA $CPECHECK_WORKDIR/stored'\n"
        + "remove_root_ca = 'test -z \"$CPECHECK_ROOT_CA\" && rm $CPECHECK_WORKDIR/stored'\n"
    )
    await driver.start()
    await driver.upload_root_ca(b"PEM\n")
    assert (workdir / "stored").read_bytes() == b"PEM\n"
    await driver.remove_root_ca()
    assert not (workdir / "stored").exists()


async def test_restart_power_cycle_and_stop_really_end_the_process(
    make_driver: MakeDriver, workdir: Path
) -> None:
    driver = make_driver(FOREGROUND)
    await driver.start()
    await environment(workdir)
    await driver.restart()
    await environment(workdir)
    await driver.power_cycle()
    await environment(workdir)
    await driver.stop()
    pids = (workdir / "pids").read_text().split()
    assert len(set(pids)) == 3
    assert not [pid for pid in pids if runs(pid)]
    assert driver.alive() == "stopped"
    await driver.stop()


async def test_factory_reset_forgets_what_was_set(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(FOREGROUND + "factory_reset = 'touch $CPECHECK_WORKDIR/reset'\n")
    await driver.start()
    await driver.configure({"acs_url": "http://a/", "port": 1})
    await driver.upload_root_ca(b"PEM\n")
    (workdir / "env").unlink(missing_ok=True)
    await driver.factory_reset()
    assert (workdir / "reset").exists()
    after = await environment(workdir)
    assert after["CPECHECK_PORT"] == "7547"
    assert not {"CPECHECK_ACS_URL", "CPECHECK_ROOT_CA"} & set(after)


async def test_templates(make_driver: MakeDriver, tmp_path: Path, workdir: Path) -> None:
    (tmp_path / "conf.in").write_text(
        "url={{ acs_url | shell }} {{ acs_url | json }}\n"
        "mode={{ periodic_inform_active }}/{{ cwmp_active }}\n"
        "{% if periodic_inform_active %}on{% else %}off{% endif %}\n{{ ipv6_inbound_rules }}\n"
        "{% for rule in ipv6_inbound_rules %}<{{ rule.name }}>{% endfor %} {{ ipv6_open_ports }}\n"
        "{{ wan_interface }} {{ root_ca }} {{ changed | join(',') }} {{ environment.EXTRA }}\n"
    )
    driver = make_driver(
        FOREGROUND
        + '[[template]]\nsource = "conf.in"\ntarget = "etc/conf"\n[environment]\nEXTRA = "e"\n'
        + '[rendering]\ntrue = "yes"\nrule = "{{ action }} {{ ports | join(\'+\') }}"\nrule_separator = ";"\n'
    )
    await driver.start()
    rules = (FirewallRule("a", (1, 2)), FirewallRule("b", (3,), "drop"))
    settings = {"acs_url": "http://a/'", "cwmp_active": True, "periodic_inform_active": False}
    await driver.configure({**settings, "ipv6_inbound_rules": rules})
    assert (workdir / "etc/conf").read_text().splitlines() == [
        "url='http://a/'\"'\"'' \"http://a/'\"",
        "mode=disabled/yes",
        "off",
        "accept 1+2;drop 3",
        "<a><b> 1 2",
        "lo  acs_url,cwmp_active,ipv6_inbound_rules,periodic_inform_active e",
    ]


async def test_a_template_that_fails_on_the_values(make_driver: MakeDriver, tmp_path: Path) -> None:
    (tmp_path / "conf.in").write_text("{{ 10 // port }}")
    driver = make_driver(FOREGROUND + '[[template]]\nsource = "conf.in"\ntarget = "conf"\n')
    await driver.start()
    assert "conf.in cannot be rendered: " in await fails(driver.configure({"port": 0}))


LIVE = (
    HEAD
    + SETTINGS
    + """
[commands]
start = "exec sleep 60"
configure = 'echo "$CPECHECK_CHANGED" >> $CPECHECK_WORKDIR/calls'
wake = "echo one >&2; echo pass hunter2 >&2; exit 3"
factory_reset = "kill -9 $$"
read_settings = "echo port=80; echo 'cwmp_active = no'; echo other=1"
power_cycle = ["/nowhere/cycle"]
restart = "sleep 60"
[timeouts]
restart = 0.2
"""
)


async def test_live_device_is_told_what_changed(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(LIVE)
    await driver.start()
    await driver.configure({"port": 1, "acs_url": "http://a/"})
    await driver.configure({"port": 1})
    assert (workdir / "calls").read_text() == "acs_url port\nport\n"
    assert await driver.read_settings() == {"port": 80, "cwmp_active": False}


async def test_failures_say_what_failed(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(LIVE)
    await driver.start()
    assert (await fails(driver.wake())).endswith("exit 3` exited with status 3: pass *******")
    assert "hunter2" not in (workdir / "commands.log").read_text()
    assert (await fails(driver.factory_reset())).endswith("was killed by SIGKILL")
    assert await fails(driver.restart()) == "restart: `sleep 60` did not end within 0.2 s"
    assert await fails(driver.power_cycle()) == (
        "power_cycle: `/nowhere/cycle` cannot be run: No such file or directory: /nowhere/cycle"
    )
    unknown = await fails(driver.configure({"acs_username": "u"}))
    assert unknown == "configure: the profile does not list the setting acs_username"


async def test_a_start_that_dies_at_once(make_driver: MakeDriver) -> None:
    driver = make_driver(HEAD + "[commands]\nstart = 'echo first; echo no config >&2; exit 4'\n")
    assert await fails(driver.start()) == (
        "start: `echo first; echo no config >&2; exit 4` exited with status 4 at once: first / no config"
    )


async def test_a_device_that_dies_later(make_driver: MakeDriver) -> None:
    driver = make_driver(HEAD + "[timing]\nstart = 0.1\n[commands]\nstart = 'sleep 0.3; echo oops; exit 5'\n")
    await driver.start()
    assert driver.alive() == ""
    await until(driver.alive)
    assert driver.alive() == "the device's process exited with status 5: oops"
    await driver.restart()
    assert driver.alive() == ""


DAEMON = (
    HEAD
    + """
[commands]
start = 'setsid sleep 60 < /dev/null > /dev/null 2>&1 & echo $! > $CPECHECK_WORKDIR/daemon'
stop = 'kill $(cat $CPECHECK_WORKDIR/daemon)'
alive = 'kill -0 $(cat $CPECHECK_WORKDIR/daemon)'
[timeouts]
start = 0.5
"""
)


async def test_a_daemon(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(DAEMON)
    assert Verb.POWER_CYCLE in driver.capabilities.verbs
    await driver.start()
    assert driver.alive() == ""
    first = (workdir / "daemon").read_text().strip()
    await driver.restart()
    await until(lambda: not runs(first))
    assert "needs a command" in await fails(driver.power_cycle())
    await driver.stop()


async def test_a_daemon_that_never_comes_up(make_driver: MakeDriver) -> None:
    driver = make_driver(HEAD + "[commands]\nstart = 'true'\nalive = 'exit 7'\n[timeouts]\nstart = 0.3\n")
    assert await fails(driver.start()) == "alive: `exit 7` said no for 0.3 s: alive: exited with status 7"


async def test_a_process_that_ends_politely_is_no_daemon(make_driver: MakeDriver, workdir: Path) -> None:
    start = "cd $CPECHECK_WORKDIR; trap 'exit 0' TERM; env > new; mv new env; while :; do sleep 0.05; done"
    driver = make_driver(HEAD + f'[timing]\nstart = 0.05\n[commands]\nstart = "{start}"\n')
    await driver.start()
    await environment(workdir)
    await driver.restart()
    await environment(workdir)
    assert driver.alive() == ""


async def test_a_failing_stop_still_ends_the_process(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(FOREGROUND + "stop = 'exit 1'\n")
    await driver.start()
    await environment(workdir)
    await driver.stop()
    assert not runs((workdir / "pids").read_text().strip())


async def test_a_device_at_an_address_needs_no_start(make_driver: MakeDriver, workdir: Path) -> None:
    driver = make_driver(
        HEAD + "where = \"address\"\n[commands]\nconfigure = 'echo $CPECHECK_PORT > $CPECHECK_WORKDIR/port'\n"
        '[settings]\nport = true\n[address]\ndevice = "192.0.2.1"\nlisten = ["127.0.0.1"]\n'
    )
    await driver.start()
    await driver.configure({"port": 8})
    assert (workdir / "port").read_text() == "8\n"
    assert driver.alive() == ""
    assert driver.names.network == ""


async def test_in_the_namespace(lab: Lab, make_profile: MakeProfile, workdir: Path) -> None:
    profile = make_profile(
        HEAD
        + '[capabilities]\nfeatures = ["masked-wan", "loopback-source"]\n[settings]\nsource_address = true\n'
        "[timing]\nstart = 0.05\n"
        "[commands]\nstart = 'cd $CPECHECK_WORKDIR; ip -o addr > ip; env > new; mv new env; exec sleep 60'\n"
    )
    driver = CommandDriver(profile, lab, workdir)
    topology = lab.topology
    assert (driver.names.network, driver.names.network_address) == (
        topology.network_name,
        topology.cpe_lan_v4,
    )
    assert driver.names.loopback_address == topology.loopbacks[driver.names.loopback]
    await driver.start()
    await environment(workdir)
    await driver.configure({"source_address": driver.names.loopback})
    told = await environment(workdir)
    assert told["CPECHECK_WAN_IPV4"] in (workdir / "ip").read_text()
    assert told["CPECHECK_SOURCE_IPV4"] == driver.names.loopback_address
    assert told["CPECHECK_ISOLATED"] == "1"
    rules = await lab.run("cpe", ["nft", "list", "ruleset"], timeout=5)
    assert b"masquerade" in rules.stdout
    assert driver.names.loopback_address.encode() in rules.stdout
    await driver.stop()


async def test_a_daemon_in_the_namespace_needs_no_stop(
    lab: Lab, make_profile: MakeProfile, workdir: Path
) -> None:
    start = DAEMON.splitlines()[4]
    driver = CommandDriver(make_profile(HEAD + "[commands]\n" + start + "\n"), lab, workdir)
    await driver.start()
    first = int((workdir / "daemon").read_text())
    await driver.power_cycle()
    second = int((workdir / "daemon").read_text())
    assert first != second
    await driver.stop()
    assert await lab.kill_all("cpe") == 0


async def test_a_host_device_refuses_an_isolated_lab(
    lab: Lab, make_profile: MakeProfile, workdir: Path
) -> None:
    profile = make_profile(HEAD + 'where = "host"\n[commands]\nstart = "x"\n')
    with pytest.raises(DriverError, match="needs a bench without namespaces"):
        CommandDriver(profile, lab, workdir)


@pytest.mark.parametrize(
    ("output", "settings"),
    [
        ('{"port": 1, "cwmp_active": true, "x": 2}', {"port": 1, "cwmp_active": True}),
        (
            "# c\n\nacs_url = http://a/?b=c\nport=2\ncwmp_active=ON\n",
            {"acs_url": "http://a/?b=c", "port": 2, "cwmp_active": True},
        ),
        (
            '{"ipv6_inbound_rules": [{"name": "a", "ports": [1]}]}',
            {"ipv6_inbound_rules": (FirewallRule("a", (1,)),)},
        ),
    ],
)
def test_parse_settings(output: str, settings: dict[str, object]) -> None:
    assert parse_settings(output) == settings


@pytest.mark.parametrize(
    "output", ["nonsense", "port=x", '{"port": true}', "cwmp_active=maybe", "{", '{"acs_url": 1}']
)
def test_parse_settings_refuses(output: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_settings(output)
