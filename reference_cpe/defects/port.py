"""Defects of the port for connection requests."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from reference_cpe.defects.acs_url import checked
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.parts import Parts
from reference_cpe.settings import Change, Refused

DEFAULT = 7547


@defect("port-hard-wired", breaks=["lcos.port.listens", "lcos.port.change"])
def port_hard_wired(parts: Parts) -> None:
    """The device listens on 7547 whatever the setting says."""
    original = parts.listener.start

    async def start(port: int) -> None:
        await original(DEFAULT if port else 0)

    rewire(parts.listener, start=start)


@defect(
    "port-advertised-wrong",
    breaks=["lcos.port.advertised", "lcos.port.change"],
    seen="icwmp, after its fallback",
)
def port_advertised_wrong(parts: Parts) -> None:
    """The ConnectionRequestURL says 7547 whatever port the device listens on."""
    original = parts.status.connection_request_url
    rewire(
        parts.status,
        connection_request_url=lambda: re.sub(r":\d+(/[^/]*)$", rf":{DEFAULT}\1", original()),
    )


@defect("port-change-needs-restart", breaks=["lcos.port.change", "lcos.port.listens"])
def port_change_needs_restart(parts: Parts) -> None:
    """A changed port takes effect after the next restart."""
    original = parts.settings.changed

    def changed(change: Change) -> None:
        original({key: value for key, value in change.items() if key != "port"})

    parts.settings.changed = changed


@defect("old-port-stays-open", breaks=["lcos.port.change"])
def old_port_stays_open(parts: Parts) -> None:
    """After a change of the port the device goes on listening on the old one too."""
    original = parts.listener.start
    kept: dict[int, asyncio.Server] = {}

    async def start(port: int) -> None:
        listener = parts.listener
        if port and listener.port and port != listener.port and listener._server is not None:
            kept[listener.port] = listener._server
            listener._server = None
        if port in kept:
            listener._server, listener.port = kept.pop(port), port
            return
        await original(port)

    rewire(parts.listener, start=start)
    obstacle = parts.listener.obstacle
    rewire(parts.listener, obstacle=lambda port: "" if port in kept else obstacle(port))


@defect("port-change-unreported", breaks=["lcos.port.change", "cwmp.connection-request.url-change-reported"])
def port_change_unreported(parts: Parts) -> None:
    """The ACS is not told that the ConnectionRequestURL has changed."""
    original = parts.model.changes

    def changes() -> dict[str, str]:
        return {
            path: value for path, value in original().items() if not path.endswith("ConnectionRequestURL")
        }

    rewire(parts.model, changes=changes)


@defect("port-65536-wraps", breaks=["lcos.port.boundaries"])
def port_65536_wraps(parts: Parts) -> None:
    """A port above 65535 is taken modulo 65536."""
    checked(parts, lambda key, value: value % 65536 if key == "port" and isinstance(value, int) else value)


@defect("port-below-1024-refused", breaks=["lcos.port.boundaries"])
def port_below_1024_refused(parts: Parts) -> None:
    """Ports below 1024 are refused."""

    def alter(key: str, value: Any) -> Any:
        if key == "port" and isinstance(value, int) and 0 < value < 1024:
            raise Refused("expected 1024 to 65535")
        return value

    checked(parts, alter)


@defect("port-0-is-default", breaks=["lcos.port.boundaries"])
def port_0_is_default(parts: Parts) -> None:
    """Port 0 makes the device listen on 7547."""
    original = parts.listener.start

    async def start(port: int) -> None:
        await original(port or (DEFAULT if parts.settings.value("cwmp_active") else 0))

    rewire(parts.listener, start=start)


@defect("port-collision-silent", breaks=["lcos.port.collision"])
def port_collision_silent(parts: Parts) -> None:
    """A port that another service has is taken without a word and advertised, and nobody answers there."""
    original = parts.listener.start

    async def start(port: int) -> None:
        try:
            await original(port)
        except OSError:
            await parts.listener.stop()
            parts.listener.port = port

    rewire(parts.listener, start=start)
    rewire(parts.settings, port_obstacle=lambda _port: "")
