"""The JSON API for whoever drives the device in a lab: settings, certificate slots, state, actions."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from reference_cpe.clock import Clock
from reference_cpe.container import BadContainer
from reference_cpe.device import Device
from reference_cpe.dhcp import BadOption
from reference_cpe.model_table import COMMENT
from reference_cpe.settings import SettingsRefused, schema, to_json
from reference_cpe.trust import BadCertificate

log = logging.getLogger("reference-cpe.api")

_LONGEST = 1024 * 1024


class BadAddress(ValueError):
    """``--api`` names no place to listen at."""


class Api:
    """The handlers. Every request counts as work until it is answered."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device = device
        self._clock = clock
        self._runner: web.AppRunner | None = None

    async def start(self, address: str) -> None:
        """Listen at ``unix:PATH`` or ``HOST:PORT``.

        Raises:
            BadAddress: neither.
            OSError: it cannot be had.
        """
        app = web.Application(middlewares=[self._guard], client_max_size=_LONGEST)
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/settings", self._get_settings),
                web.patch("/settings", self._patch_settings),
                web.get("/settings/schema", self._schema),
                web.put("/certificates/root-ca", self._put_root),
                web.delete("/certificates/root-ca", self._delete_root),
                web.post("/files", self._post_file),
                web.put("/dhcp", self._put_dhcp),
                web.put("/certificates/client", self._put_client),
                web.delete("/certificates/client", self._delete_client),
                web.get("/state", self._state),
                web.post("/actions/{action}", self._action),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await _site(self._runner, address).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        with self._clock.work():
            try:
                await self._device.booted.wait()
                return await handler(request)
            except web.HTTPException as error:
                return web.json_response({"error": error.reason}, status=error.status)
            except Exception:
                log.exception("%s %s", request.method, request.path)
                return web.json_response({"error": "internal error"}, status=500)

    async def _health(self, _request: web.Request) -> web.Response:
        if not self._device.up:
            return web.json_response({"status": "booting"}, status=503)
        return web.json_response({"status": "up"})

    # --- settings

    async def _get_settings(self, _request: web.Request) -> web.Response:
        return web.json_response({key: to_json(v) for key, v in self._device.parts.settings.all().items()})

    async def _schema(self, _request: web.Request) -> web.Response:
        return web.json_response(schema())

    async def _patch_settings(self, request: web.Request) -> web.Response:
        wanted = await _json_object(request)
        settings = self._device.parts.settings
        try:
            settings.change(wanted)
        except SettingsRefused as error:
            return web.json_response({"errors": error.errors}, status=422)
        await self._device.network_settled()
        return web.json_response({key: to_json(settings.value(key)) for key in wanted})

    # --- certificates

    async def _put_root(self, request: web.Request) -> web.Response:
        try:
            self._device.parts.trust.store_root(await request.read())
        except BadCertificate as error:
            return web.json_response({"error": str(error)}, status=422)
        self._device.check_certificates()
        return web.Response(status=204)

    async def _put_dhcp(self, request: web.Request) -> web.Response:
        """What a DHCP client of the system has got."""
        try:
            self._device.parts.discovery.deliver(await _json_object(request))
        except BadOption as error:
            return web.json_response({"error": str(error)}, status=422)
        return web.Response(status=204)

    async def _post_file(self, request: web.Request) -> web.Response:
        """A form with the fields ``type`` and ``file``: the upload of all files, by their type."""
        form = await request.post()
        trust, kind, file = self._device.parts.trust, form.get("type"), form.get("file")
        stores = {"cwmp-root-ca": trust.store_uploaded, "vpn-root-ca": trust.store_other}
        if kind not in stores or not isinstance(file, web.FileField):
            raise web.HTTPBadRequest(reason=f"a form with type ({' or '.join(stores)}) and file")
        try:
            stores[str(kind)](file.file.read())
        except BadCertificate as error:
            return web.json_response({"error": str(error)}, status=422)
        return web.Response(status=204)

    async def _delete_root(self, _request: web.Request) -> web.Response:
        self._device.parts.trust.remove_root()
        return web.Response(status=204)

    async def _put_client(self, request: web.Request) -> web.Response:
        try:
            passphrase = unquote(request.headers.get("Passphrase", ""), errors="strict")
            self._device.parts.trust.store_client(await request.read(), passphrase)
        except UnicodeDecodeError:
            raise web.HTTPBadRequest(reason="Passphrase is not percent-encoded UTF-8") from None
        except BadContainer as error:
            return web.json_response({"error": str(error)}, status=422)
        self._device.check_certificates()
        return web.Response(status=204)

    async def _delete_client(self, _request: web.Request) -> web.Response:
        self._device.parts.trust.remove_client()
        return web.Response(status=204)

    # --- state and actions

    async def _state(self, _request: web.Request) -> web.Response:
        device, parts = self._device, self._device.parts
        return web.json_response(
            {
                "software_version": parts.status.software_version(),
                "hardware_version": parts.config.device.hardware_version,
                "serial_number": parts.config.device.serial_number,
                "parameter_key": parts.store.get("parameter_key", ""),
                "command_key": parts.store.get("command_key", ""),
                "comment": parts.model.text(COMMENT),
                "connection_request_url": parts.status.connection_request_url(),
                "root_ca_stored": bool(parts.store.get("root_ca")),
                "client_certificate_stored": parts.trust.client_certificate() is not None,
                "uptime": parts.status.uptime(),
                "sessions": dict(device.sessions),
                "retry_count": parts.retry.count,
                "pending_events": [entry.code for entry in parts.events.entries],
                "pending_transfers": [
                    {
                        "command_key": transfer.command_key,
                        "kind": transfer.kind,
                        "done": transfer.done,
                        "fault_code": transfer.fault_code,
                    }
                    for transfer in parts.transfers.pending()
                ],
                "last_error": device.last_error,
            }
        )

    async def _action(self, request: web.Request) -> web.Response:
        match request.match_info["action"]:
            case "reboot":
                await self._device.restart(at_once=True)
            case "factory-reset":
                await self._device.restart(factory=True, at_once=True)
            case "wake":
                self._device.wake()
            case _:
                raise web.HTTPNotFound(reason="actions are reboot, factory-reset, wake")
        return web.Response(status=204)


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        value = json.loads(await request.read())
    except ValueError:
        raise web.HTTPBadRequest(reason="the body is not JSON") from None
    if not isinstance(value, dict):
        raise web.HTTPBadRequest(reason="the body is not a JSON object")
    return value


def _site(runner: web.AppRunner, address: str) -> web.BaseSite:
    if address.startswith("unix:"):
        return web.UnixSite(runner, address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise BadAddress(f"{address!r} is neither unix:PATH nor HOST:PORT")
    return web.TCPSite(runner, host.strip("[]"), int(port))
