"""What the device says of itself: versions, times, its connection request URL, the Inform."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from harness.cwmp import datatypes
from harness.cwmp.events import VALUE_CHANGE
from harness.cwmp.messages import DeviceIdStruct, Inform, ParameterValueStruct
from reference_cpe import inform_parameters
from reference_cpe.model_table import PROVISIONING_CODE
from reference_cpe.urls import bracketed

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


class Status:
    """Seams: each of the methods."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._booted = parts.clock.now()

    def uptime(self) -> float:
        """Seconds of device time since boot."""
        return self._parts.clock.now() - self._booted

    def current_time(self) -> str:
        """Now as a dateTime: UTC, or since boot where the time is not known (TR-106 3.2)."""
        return self.time(self._parts.clock.unix())

    def time(self, unix: float) -> str:
        if not self._parts.clock.absolute:
            return datatypes.format_since_boot(self.uptime() - (self._parts.clock.unix() - unix))
        return datatypes.format_time(unix)

    def software_version(self) -> str:
        return str(self._parts.store.get("software_version", self._parts.config.device.software_version))

    def provisioning_code(self) -> str:
        stored = self._parts.store.get("parameters", {})
        path = self._parts.model.path(PROVISIONING_CODE)
        told = self._parts.discovery.told().get("provisioning_code")
        return str(stored.get(path, told or self._parts.config.device.provisioning_code))

    def connection_request_path(self) -> str:
        """Random, and the same for the life of the store (TR-069 3.2.2.2)."""
        path = self._parts.store.get("connection_request_path")
        if not path:
            path = "/" + secrets.token_urlsafe(12)
            self._parts.store.update(connection_request_path=path)
        return str(path)

    def connection_request_url(self) -> str:
        """Where the listener really is, empty while there is none."""
        port = self._parts.listener.port
        address = self._parts.source.advertised(self._parts.settings.value("acs_url")) if port else ""
        return f"http://{bracketed(address)}:{port}{self.connection_request_path()}" if address else ""


class Informer:
    """Makes Informs, and notes what an Inform that arrived has told. Seams: `message`, `parameters`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told: dict[str, str] = {}

    def message(self) -> Inform:
        """The Inform of a session that begins now."""
        parts = self._parts
        if parts.heartbeat.beating:
            return parts.heartbeat.message()
        changes = parts.model.changes()
        if changes:
            parts.events.add(VALUE_CHANGE)
        self._told = parts.model.marks()
        events = parts.events.announce()
        asked = inform_parameters.wanted(parts.model, [event.event_code for event in events])
        return Inform(
            device_id=self.device_id(),
            event=events,
            max_envelopes=1,
            current_time=parts.status.current_time(),
            retry_count=parts.retry.count,
            parameter_list=parts.aliases.renamed(self.parameters({**asked, **changes}), {}),
        )

    def device_id(self) -> DeviceIdStruct:
        device = self._parts.config.device
        return DeviceIdStruct(device.manufacturer, device.oui, device.product_class, device.serial_number)

    def parameters(self, changes: dict[str, str]) -> tuple[ParameterValueStruct, ...]:
        """The forced parameters, and those that have changed or that the ACS wants to see."""
        model = self._parts.model
        names = dict.fromkeys((*model.forced, *changes))
        return tuple(model.value(model.parameters[name]) for name in names if name in model.parameters)

    def delivered(self) -> None:
        """InformResponse came."""
        parts = self._parts
        if parts.heartbeat.beating:
            return
        parts.events.inform_acknowledged()
        parts.store.update(
            events=parts.events.dump(),
            reported={**parts.store.get("reported", {}), **self._told},
            bootstrapped=parts.contacted,
        )
