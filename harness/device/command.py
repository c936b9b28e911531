"""The ``command`` driver: the device is whatever the profile's shell commands start (docs/profiles.md)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import time
from collections.abc import Set
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.device import templates
from harness.device.api import SETTINGS, Capabilities, DeviceInfo, DriverError, Names, Settings, SettingValue
from harness.device.profile import Profile
from harness.device.runner import Runner, ended
from harness.lab.children import Child
from harness.lab.nat import router_ruleset
from harness.lab.network import CPE, Lab, LabError

ALIVE_EVERY = 5.0
"""Real seconds between two runs of the command ``alive`` for a device that has daemonised."""
POLL = 0.05
STOP_GRACE = 5.0
"""Real seconds that the device's process has after its command ``stop``, or after SIGTERM."""


class CommandDriver:
    """A device behind shell commands. It lives in real time."""

    steered = False

    def __init__(self, profile: Profile, lab: Lab, workdir: Path) -> None:
        """*workdir* is an existing folder of this device alone.

        Raises:
            DriverError: the lab's network is not of the kind that the profile needs.
        """
        if lab.isolated and not profile.needs_namespaces:
            raise DriverError(f'start: where = "{profile.where}" needs a bench without namespaces')
        self.capabilities: Capabilities = profile.capabilities
        self.info: DeviceInfo = profile.info
        self.names: Names = _names(profile, lab)
        self._profile = profile
        self._lab = lab
        self._workdir = workdir
        self._runner = Runner(profile, lab, workdir)
        self.interrupted_at = -math.inf
        self._settings: dict[str, SettingValue] = profile.initial()
        self._root_ca = workdir / "root-ca.pem"
        self._container = workdir / "client.p12"
        self._child: Child | None = None
        self._up = False
        self._started = False
        self._seen = "not started"
        self._watch: asyncio.Task[None] | None = None

    # --- up and down -----------------------------------------------------------------------------------

    def prepare(self, settings: Settings, root_ca: bytes) -> None:
        self._settings.update(
            {key: value for key, value in settings.items() if key in self.capabilities.settings}
        )
        if self._profile.root_ca == "file":
            self._root_ca.write_bytes(root_ca)

    async def start(self) -> None:
        if self._profile.needs_namespaces and self._profile.router == "bench" and self._lab.isolated:
            await self._load_router(masked="masked-wan" in self.capabilities.features)
        self._render(frozenset())
        self._started = True
        await self._bring_up()

    async def stop(self) -> None:
        self._started = False
        with contextlib.suppress(DriverError, LabError, OSError):
            await self._take_down()
        self._seen = "stopped"

    async def restart(self) -> None:
        if self._runner.has("restart"):
            self.interrupted_at = time.monotonic()
            await self._run("restart")
            await self._until_alive()
        else:
            await self._take_down()
            await self._bring_up()
        await self._applied()

    async def power_cycle(self) -> None:
        self.interrupted_at = time.monotonic()
        if self._runner.has("power_cycle"):
            await self._run("power_cycle")
            await self._until_alive()
            return
        self._unwatch()
        if self._lab.isolated:
            await self._kill_all("power_cycle")
        elif self._child is not None and self._child.returncode is None:
            await self._child.signal(signal.SIGKILL)
        else:
            raise DriverError(
                "power_cycle: the device has daemonised; outside of a namespace it needs a command"
            )
        if self._child is not None:
            await self._child.wait(STOP_GRACE)
        await self._bring_up()

    async def factory_reset(self) -> None:
        down = self._profile.apply == "restart" and self._runner.has("start")
        if down:
            await self._take_down()
        await self._run("factory_reset")
        self._settings = self._profile.initial()
        self._root_ca.unlink(missing_ok=True)
        self._container.unlink(missing_ok=True)
        self._render(frozenset())
        if down:
            await self._bring_up()
        await self._applied()

    # --- settings --------------------------------------------------------------------------------------

    async def configure(self, settings: Settings) -> None:
        unknown = sorted(set(settings) - self.capabilities.settings)
        if unknown:
            raise DriverError(f"configure: the profile does not list the setting {', '.join(unknown)}")
        changed = {key for key, value in settings.items() if self._settings.get(key) != value}
        self._settings.update(settings)
        if changed or not self._taken_at_start():
            await self._apply(frozenset(settings))

    async def upload_root_ca(self, pem: bytes) -> None:
        stored = self._root_ca.exists() and self._root_ca.read_bytes() == pem
        self._root_ca.write_bytes(pem)
        if stored and self._profile.root_ca == "file" and self._taken_at_start():
            return
        if self._profile.root_ca == "command":
            await self._run("upload_root_ca")
            await self._applied()
        else:
            await self._apply(frozenset({"root_ca"}))

    async def remove_root_ca(self) -> None:
        self._root_ca.unlink(missing_ok=True)
        if self._profile.root_ca == "command":
            await self._run("remove_root_ca")
            await self._applied()
        else:
            await self._apply(frozenset({"root_ca"}))

    async def upload_root_ca_otherwise(self, pem: bytes) -> None:
        self._root_ca.write_bytes(pem)
        await self._run("upload_root_ca_otherwise")
        await self._applied()

    async def upload_other_ca(self, pem: bytes) -> None:
        other = self._workdir / "other-ca.pem"
        other.write_bytes(pem)
        await self._runner.run("upload_other_ca", {**self._environment(), "CPECHECK_OTHER_CA": str(other)})
        await self._applied()

    async def upload_client_certificate(self, container: bytes, passphrase: str) -> None:
        self._container.write_bytes(container)
        passed = {"CPECHECK_PASSPHRASE": passphrase}
        await self._runner.run("upload_client_certificate", {**self._environment(), **passed}, (passphrase,))
        await self._applied()

    async def remove_client_certificate(self) -> None:
        self._container.unlink(missing_ok=True)
        await self._run("remove_client_certificate")
        await self._applied()

    async def read_settings(self) -> Settings:
        output = await self._run("read_settings")
        try:
            return parse_settings(output)
        except ValueError as error:
            raise self._runner.error("read_settings", f"printed {error}") from error

    async def wake(self) -> None:
        await self._run("wake")

    async def mask_wan(self, on: bool) -> None:
        await self._load_router(masked=on)

    def alive(self) -> str:
        if not self._up or not self._runner.has("start"):
            return self._seen
        if self._child is None or self._child.returncode in (None, 0):
            return self._seen
        return f"the device's process {ended(self._child.returncode)}: {self._runner.device_tail()}"

    # --- inside ----------------------------------------------------------------------------------------

    def _taken_at_start(self) -> bool:
        """Whether the running device has the settings as they are, because it takes them when it starts."""
        return self._up and self._profile.apply == "restart"

    async def _apply(self, changed: Set[str]) -> None:
        """Put the settings as they now are into effect."""
        # A device that ended over the last settings is started again with these.
        restart = self._profile.apply == "restart" and (self._up or self._started)
        own_restart = restart and not self._runner.has("restart")
        if own_restart:
            # Down first: a program that writes its file when it ends must not undo ours.
            await self._take_down()
        self._render(changed)
        if self._runner.has("configure"):
            await self._run("configure", changed)
        if own_restart:
            await self._bring_up(changed)
        elif restart:
            self.interrupted_at = time.monotonic()
            await self._run("restart", changed)
            await self._until_alive()
        await self._applied()

    async def _applied(self) -> None:
        await asyncio.sleep(self._profile.timing.apply)

    async def _bring_up(self, changed: Set[str] = frozenset()) -> None:
        self._seen = ""
        if self._runner.has("start"):
            self._child = await self._runner.spawn(self._environment(changed))
            await self._watch_start(self._child)
        self._up = True
        await self._until_alive()
        if self._runner.has("alive"):
            self._watch = asyncio.create_task(self._keep_watching())

    async def _watch_start(self, child: Child) -> None:
        """See whether the starting command ends early, and how."""
        try:
            status = await child.wait(self._profile.timing.start)
        except TimeoutError:
            return
        if status:
            tail = self._runner.device_tail()
            raise self._runner.error("start", f"{ended(status)} at once{': ' + tail if tail else ''}")

    async def _until_alive(self) -> None:
        """Wait until the command ``alive``, if there is one, says so."""
        if not self._runner.has("alive"):
            return
        limit = self._profile.timeout("start")
        try:
            async with asyncio.timeout(limit):
                while self._seen_now(await self._is_alive()):
                    if self._child is not None and self._child.returncode:
                        raise self._runner.error("start", f"{ended(self._child.returncode)}: {self.alive()}")
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise self._runner.error("alive", f"said no for {limit:g} s: {self._seen}") from None

    def _seen_now(self, what: str) -> str:
        self._seen = what
        return what

    async def _is_alive(self) -> str:
        done = await self._runner.attempt("alive", self._environment())
        return f"alive: {ended(done.returncode)}" if done.returncode else ""

    async def _keep_watching(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY)
            try:
                self._seen = await self._is_alive()
            except DriverError as error:
                self._seen = str(error)

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _take_down(self) -> None:
        self._unwatch()
        if not self._up:
            return
        self.interrupted_at = time.monotonic()
        self._up = False
        child, self._child = self._child, None
        daemonised = child is not None and child.returncode == 0
        try:
            if self._runner.has("stop"):
                await self._run("stop")
                if child is not None:
                    await _ends(child, STOP_GRACE)
        finally:
            if child is not None and child.returncode is None:
                await child.stop(STOP_GRACE)
            # What it began while it was being ended was cut off too.
            self.interrupted_at = time.monotonic()
        if daemonised and not self._runner.has("stop"):
            await self._end_daemon()

    async def _end_daemon(self) -> None:
        """What has daemonised ends with everything else in its namespace."""
        if not self._lab.isolated:
            raise DriverError("stop: it has daemonised; outside of a namespace it needs a command")
        await self._kill_all("stop")

    async def _kill_all(self, verb: str) -> None:
        """Kill everything in the device's namespace; returns when nothing of it is left."""
        try:
            async with asyncio.timeout(STOP_GRACE):
                while await self._lab.kill_all(CPE):  # noqa: ASYNC110 - what dies is no task of ours
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise DriverError(
                f"{verb}: processes of the device outlive SIGKILL by {STOP_GRACE:g} s"
            ) from None

    async def _load_router(self, *, masked: bool) -> None:
        topology = self._lab.topology
        ruleset = router_ruleset(
            topology,
            masked=masked,
            unmasked_sources=tuple(topology.loopbacks.values()),
        )
        try:
            await self._lab.nft(CPE, ruleset)
        except LabError as error:
            raise DriverError(f"start: the bench cannot be the router: {error}") from error

    async def _run(self, name: str, changed: Set[str] = frozenset()) -> str:
        return await self._runner.run(name, self._environment(changed))

    def _network(self) -> dict[str, str]:
        return network_names(self._lab, self.names, str(self._settings.get("source_address", "")))

    def _environment(self, changed: Set[str] = frozenset()) -> dict[str, str]:
        ours = templates.environment_of(self._settings)
        ours |= {f"CPECHECK_{name.upper()}": value for name, value in self._network().items()}
        ours |= {"CPECHECK_WORKDIR": str(self._workdir), "CPECHECK_CHANGED": " ".join(sorted(changed))}
        if self._root_ca.exists():
            ours["CPECHECK_ROOT_CA"] = str(self._root_ca)
        if self._container.exists():
            ours["CPECHECK_CLIENT_CERTIFICATE"] = str(self._container)
        return {**os.environ, **self._profile.environment, **ours}

    def _render(self, changed: Set[str]) -> None:
        """Write the files of the profile's templates.

        Raises:
            DriverError: a template fails on the present settings, or its file cannot be written.
        """
        words = {key: (spec.true, spec.false) for key, spec in self._profile.settings.items()}
        names: dict[str, Any] = {
            **self._network(),
            **templates.names_of(self._settings, words, self._profile.rendering),
            "root_ca": str(self._root_ca) if self._root_ca.exists() else "",
            "workdir": str(self._workdir),
            "changed": sorted(changed),
            "environment": self._profile.environment,
        }
        for template in self._profile.templates:
            target = self._workdir / template.target
            try:
                text = templates.text(template.source.read_text("utf-8"), names)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, "utf-8")
            except Exception as error:  # a template may raise anything
                raise DriverError(f"configure: {template.source} cannot be rendered: {error}") from error


async def _ends(child: Child, within: float) -> None:
    try:
        await child.wait(within)
    except TimeoutError:
        pass


def _names(profile: Profile, lab: Lab) -> Names:
    """The profile's names, completed by the bench's where the device is in its namespace."""
    topology = lab.topology
    if not profile.needs_namespaces:
        return profile.names
    loopback = next(iter(topology.loopbacks), "")
    bench = Names(topology.network_name, topology.cpe_lan_v4, loopback, topology.loopbacks.get(loopback, ""))
    given = {name: value for name in Names.__slots__ if (value := getattr(profile.names, name))}
    return replace(bench, **given)


def network_names(lab: Lab, names: Names, source: str) -> dict[str, str]:
    """What a device in *lab* is told of its network; without a value a name is left out.

    ``source_ipv4`` is the address of *source*: the name of a network or loopback, or an address itself.
    """
    topology = lab.topology
    loopbacks = {**topology.loopbacks, **({names.loopback: names.loopback_address} if names.loopback else {})}
    networks = {names.network: names.network_address} if names.network else {}
    values = {
        "wan_interface": topology.wan_interface,
        "wan_ipv4": topology.cpe_wan_v4,
        "wan_ipv6": topology.cpe_wan_v6,
        "lan_interface": topology.lan_interface,
        "lan_ipv4": topology.cpe_lan_v4,
        "lan_ipv6": topology.cpe_lan_v6,
        "networks": " ".join(f"{name}={address}" for name, address in networks.items()),
        "loopbacks": " ".join(f"{name}={address}" for name, address in loopbacks.items()),
        "isolated": "1" if lab.isolated else "0",
        "source_ipv4": {**networks, **loopbacks}.get(source, source if source.count(".") == 3 else ""),
    }
    return {name: value for name, value in values.items() if value}


def parse_settings(output: str) -> dict[str, SettingValue]:
    """What ``read_settings`` printed: a JSON object, or lines ``key=value``; other keys are skipped.

    Raises:
        ValueError: neither form, or a value that is not of the setting's type; says what was there.
    """
    if output.lstrip().startswith("{"):
        pairs: dict[str, Any] = json.loads(output)
    else:
        lines = [line for line in output.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if bad := [line for line in lines if "=" not in line]:
            raise ValueError(f"a line that is not key=value: {bad[0].strip()!r}")
        pairs = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return {key: _setting(key, value) for key, value in pairs.items() if key in SETTINGS}


def _setting(key: str, value: Any) -> SettingValue:
    kind = SETTINGS[key].type
    if kind is bool and str(value).lower() in _BOOLEANS:
        return _BOOLEANS[str(value).lower()]
    if kind is int and (type(value) is int or (isinstance(value, str) and value.isdecimal())):
        return int(value)
    if kind is str and isinstance(value, str):
        return value
    if kind is tuple:
        return templates.rules_from(json.loads(value) if isinstance(value, str) else value)
    raise ValueError(f"{key} = {value!r}, which is not a {kind.__name__}")


_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
