"""The ``reference`` driver: the reference device as a process in the lab, driven over its JSON API."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from harness.device import templates, toml_text
from harness.device.api import SETTINGS, Capabilities, DeviceInfo, DriverError, Names, Settings
from harness.device.profile import Profile, ReferenceOptions
from harness.device.runner import ended
from harness.lab.children import Child
from harness.lab.network import CPE, Lab, LabError

START_LIMIT: Final = 20.0
"""Real seconds in which the device's API must answer after its process was started, or after a reboot."""
ANSWER_LIMIT: Final = 15.0
"""Real seconds in which the API must answer a request."""
POLL: Final = 0.02
STOP_GRACE: Final = 2.0
SOCKET_PATH_LIMIT: Final = 100
"""Bytes; a unix socket's address takes 107."""
PRELOADED: Final = "reference_cpe.preloaded"
"""The module whose ``main`` is the device, for a lab that forks it."""
WORTH_PRELOADING: Final = 2
"""From this start on it is forked; a device that is started once gains nothing by it."""
_BOUNDARY: Final = "----cpecheck-5f0c3a2e"
_IDENTITY: Final = ("manufacturer", "oui", "product_class", "serial_number", "software_version")


class ReferenceDriver:
    """The reference device. Its time is steered when the bench gives the path of a clock server."""

    def __init__(self, profile: Profile, lab: Lab, clock: Path | None, workdir: Path) -> None:
        """*workdir* is an existing folder of this device alone; *clock* the socket of the clock server."""
        self.capabilities: Capabilities = profile.capabilities
        self.info: DeviceInfo = profile.info
        self.names: Names = _names(lab)
        self.steered = clock is not None
        self.interrupted_at = -math.inf
        self._profile = profile
        self._lab = lab
        self._clock = clock
        self._workdir = workdir
        self._log = workdir / "device.log"
        self._short: Path | None = None
        self._child: Child | None = None
        self._masked = lab.isolated
        self._stopped = "not started"
        self._http: aiohttp.ClientSession | None = None
        self._starts = 0

    # --- up and down -----------------------------------------------------------------------------------

    def prepare(self, settings: Settings, root_ca: bytes) -> None:
        """Nothing: this device starts in factory state and is configured while it runs."""

    async def start(self) -> None:
        (self._workdir / "reference.toml").write_text(toml_text.dumps(self.config()), "utf-8")
        await self._spawn()

    async def stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with suppress(LabError, OSError):
                await child.stop(STOP_GRACE)
        if self._http is not None:
            await self._http.close()
            self._http = None
        if self._short is not None:
            shutil.rmtree(self._short, ignore_errors=True)
            self._short = None
        self._stopped = "stopped"

    async def become(self, options: ReferenceOptions) -> None:
        """Take the device away as it is, and start one with other defects and variants and no state."""
        if self._child is not None:
            with suppress(LabError, OSError):
                await self._child.kill()
        await self.stop()
        shutil.rmtree(self._workdir / "state", ignore_errors=True)
        self._log.unlink(missing_ok=True)
        self._profile = replace(self._profile, options=options)
        await self.start()

    async def restart(self) -> None:
        await self._call("restart", "POST", "/actions/reboot")
        await self._until_healthy("restart")

    async def power_cycle(self) -> None:
        self.interrupted_at = time.monotonic()
        if self._child is not None:
            await self._child.signal(signal.SIGKILL)
            await self._child.wait(STOP_GRACE)
        await self._spawn()

    async def factory_reset(self) -> None:
        await self._call("factory_reset", "POST", "/actions/factory-reset")
        await self._until_healthy("factory_reset")

    # --- settings --------------------------------------------------------------------------------------

    async def configure(self, settings: Settings) -> None:
        body = {key: _to_json(value) for key, value in settings.items()}
        await self._call("configure", "PATCH", "/settings", json.dumps(body).encode(), "application/json")

    async def upload_root_ca(self, pem: bytes) -> None:
        path = "/certificates/root-ca"
        await self._call("upload_root_ca", "PUT", path, pem, "application/x-pem-file")

    async def remove_root_ca(self) -> None:
        await self._call("remove_root_ca", "DELETE", "/certificates/root-ca")

    async def upload_root_ca_otherwise(self, pem: bytes) -> None:
        await self._upload_form("upload_root_ca_otherwise", "cwmp-root-ca", pem)

    async def upload_other_ca(self, pem: bytes) -> None:
        await self._upload_form("upload_other_ca", "vpn-root-ca", pem)

    async def _upload_form(self, verb: str, kind: str, data: bytes) -> None:
        """Upload a file as the form of a web page does."""
        line = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
        head = f'{line}"type"\r\n\r\n{kind}\r\n{line}"file"; filename="ca.pem"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{_BOUNDARY}--\r\n".encode()
        await self._call(verb, "POST", "/files", body, f"multipart/form-data; boundary={_BOUNDARY}")

    async def upload_client_certificate(self, container: bytes, passphrase: str) -> None:
        verb, path = "upload_client_certificate", "/certificates/client"
        headers = {"Passphrase": quote(passphrase, safe="")}
        await self._call(verb, "PUT", path, container, "application/x-pkcs12", headers)

    async def remove_client_certificate(self) -> None:
        await self._call("remove_client_certificate", "DELETE", "/certificates/client")

    async def read_settings(self) -> Settings:
        answer = await self._call("read_settings", "GET", "/settings")
        if not isinstance(answer, dict):
            raise DriverError("read_settings: GET /settings: the answer is not a JSON object")
        given = {key: value for key, value in answer.items() if key in SETTINGS}
        return {key: templates.rules_from(v) if isinstance(v, list) else v for key, v in given.items()}

    async def wake(self) -> None:
        await self._call("wake", "POST", "/actions/wake")

    async def mask_wan(self, on: bool) -> None:
        self._masked = on
        (self._workdir / "reference.toml").write_text(toml_text.dumps(self.config()), "utf-8")
        if self._child is not None:
            await self._child.stop(STOP_GRACE)
        await self._spawn()

    async def state(self) -> Mapping[str, Any]:
        """What the device says of itself (``GET /state``), for evidence."""
        answer = await self._call("state", "GET", "/state")
        return answer if isinstance(answer, dict) else {}

    @property
    def pid(self) -> int:
        """The device's process, as seen from the bench; 0 where there is none."""
        return 0 if self._child is None or self._child.returncode is not None else self._child.pid

    def alive(self) -> str:
        if self._child is None:
            return self._stopped
        if self._child.returncode is None:
            return ""
        return f"the device's process {ended(self._child.returncode)}: {self._tail()}"

    # --- inside ----------------------------------------------------------------------------------------

    def config(self) -> dict[str, Any]:
        """The device's configuration: the lab's network, the profile's identity, settings and overrides."""
        topology = self._lab.topology
        identity = {name: value for name in _IDENTITY if (value := getattr(self._profile.info, name))}
        config = {
            "device": identity,
            "network": {
                "wan_interface": topology.wan_interface if self._lab.isolated else "",
                "wan_v4": topology.cpe_wan_v4,
                "wan_v6": topology.cpe_wan_v6,
                "networks": {topology.network_name: topology.cpe_lan_v4} if topology.network_name else {},
                "loopbacks": dict(topology.loopbacks),
                "masked": self._masked,
                "manage": self._lab.isolated,
            },
            "settings": {key: _to_json(value) for key, value in self._profile.initial().items()},
        }
        return _overlaid(config, self._profile.options.config)

    def argv(self, *, forked: bool = False) -> list[str]:
        """The device's command line."""
        options = self._profile.options
        argv = [sys.executable, "-P", "-m", "reference_cpe"] if not forked else ["reference-cpe"]
        argv += ["--config", str(self._workdir / "reference.toml"), "--state", str(self._workdir / "state")]
        argv += ["--api", f"unix:{self._socket()}"]
        if self._clock is not None:
            argv += ["--clock", str(self._clock)]
        argv += [word for name in options.defects for word in ("--defect", name)]
        argv += [word for file in options.defect_files for word in ("--defect-file", str(file))]
        return argv + [word for name in options.variants for word in ("--variant", name)]

    def _socket(self) -> Path:
        """Where the API listens: in the working directory, unless its path is too long for a unix socket."""
        path = self._workdir / "api.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
            return path
        if self._short is None:
            self._short = Path(tempfile.mkdtemp(prefix="cpecheck-"))
        return self._short / "api.sock"

    async def _spawn(self) -> None:
        self._socket().unlink(missing_ok=True)
        self._starts += 1
        try:
            if self._starts == WORTH_PRELOADING:
                await self._lab.preload([PRELOADED])
            forked = self._starts >= WORTH_PRELOADING
            self._child = await self._lab.spawn(
                CPE,
                self.argv(forked=forked),
                env=dict(os.environ),
                cwd=self._workdir,
                log=self._log,
                call=f"{PRELOADED}:main" if forked else "",
            )
        except (OSError, LabError) as error:
            raise DriverError(f"start: the reference device cannot be run: {error}") from error
        await self._until_healthy("start")

    async def _until_healthy(self, verb: str) -> None:
        """Wait until the API answers ``GET /health``."""
        last = "nothing"
        try:
            async with asyncio.timeout(START_LIMIT):
                while True:
                    if dead := self.alive():
                        raise DriverError(f"{verb}: {dead}")
                    try:
                        await self._call(verb, "GET", "/health")
                        return
                    except DriverError as error:
                        last = str(error)
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise DriverError(f"{verb}: not healthy within {START_LIMIT:g} s: {last}") from None

    async def _call(
        self,
        verb: str,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "",
        more: Mapping[str, str] | None = None,
    ) -> Any:
        """One request to the API; the JSON it answers, ``None`` for an empty answer.

        Raises:
            DriverError: no answer, or one that refuses.
        """
        headers = {**({"Content-Type": content_type} if content_type else {}), **(more or {})}
        what = f"{verb}: {method} {path}"
        try:
            async with self._session().request(
                method, f"http://reference-cpe{path}", data=body, headers=headers
            ) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError, UnicodeDecodeError) as error:
            raise DriverError(f"{what}: {self.alive() or str(error) or type(error).__name__}") from error
        if answer.status >= 400:
            raise DriverError(f"{what}: {answer.status}: {_refusal(text)}")
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            raise DriverError(f"{what}: the answer is not JSON") from None

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            self._http = aiohttp.ClientSession(
                # The device goes down and comes back on the same path: a kept connection would be a dead one.
                connector=aiohttp.UnixConnector(str(self._socket()), force_close=True),
                timeout=aiohttp.ClientTimeout(total=ANSWER_LIMIT),
            )
        return self._http

    def _tail(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return " / ".join(line.strip() for line in [line for line in lines if line.strip()][-3:])


def _names(lab: Lab) -> Names:
    topology = lab.topology
    name, address = next(iter(topology.loopbacks.items()), ("", ""))
    network = topology.network_name
    return Names(network, topology.cpe_lan_v4 if network else "", name, address)


def _to_json(value: Any) -> Any:
    return [asdict(rule) for rule in value] if isinstance(value, tuple) else value


def _overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """*above* laid over *below*, table by table."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        merged[key] = _overlaid(under, value) if both else value  # type: ignore[arg-type]
    return merged


def _refusal(text: str) -> str:
    """``{"errors": {key: reason}}`` or ``{"error": reason}`` in one line; other bodies shortened."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    match body:
        case {"errors": dict(errors)}:
            return "; ".join(f"{key}: {reason}" for key, reason in errors.items())
        case {"error": str(reason)}:
            return reason
    return " ".join(text.split())[:200] or "no reason given"
