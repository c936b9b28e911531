"""Many devices in one process (``--count``): consecutive serial numbers and ports, a state folder each."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

from reference_cpe.clock import RealClock
from reference_cpe.config import Config, ConfigError
from reference_cpe.device import Alteration, Device
from reference_cpe.settings import SETTINGS


def configs(config: Config, count: int) -> list[Config]:
    """*count* devices after the pattern of *config*: the first has its serial number and port.

    Port 0, no listener, stays 0.

    Raises:
        ConfigError: the serial number does not end in digits, or numbers or ports do not suffice.
    """
    serial = config.device.serial_number
    match = re.fullmatch(r"(.*?)([0-9]+)", serial, re.ASCII)
    if match is None:
        raise ConfigError(f"[device] serial_number: expected one that ends in digits, found {serial!r}")
    prefix, first = match[1], match[2]
    if len(str(int(first) + count - 1)) > len(first):
        raise ConfigError(f"[device] serial_number: {len(first)} digits do not suffice for {count} devices")
    port = config.settings.get("port", SETTINGS["port"].default)
    if port and port + count - 1 > 65535:
        raise ConfigError(f"[settings] port: from {port} on there are not {count} ports")
    return [
        dataclasses.replace(
            config,
            device=dataclasses.replace(
                config.device, serial_number=f"{prefix}{int(first) + at:0{len(first)}}"
            ),
            settings={**config.settings, "port": port + at if port else 0},
        )
        for at in range(count)
    ]


class Fleet:
    """Devices that share code and event loop, and nothing else: each has its own clock, timers and store."""

    def __init__(
        self, wanted: Sequence[Config], state: Path, alterations: Sequence[Alteration], random: Random
    ) -> None:
        """One device for each of *wanted*, its store in *state* below its serial number.

        Raises:
            OSError: a folder cannot be used.
        """
        self.devices = [
            Device(config, _clock(config), state / config.device.serial_number, alterations, random)
            for config in wanted
        ]

    async def boot(self) -> None:
        for device in self.devices:
            await device.boot()

    async def close(self) -> None:
        """All at one time: one after the other, the rest would go on with their sessions meanwhile."""
        await asyncio.gather(*(device.close() for device in self.devices))

    def totals(self) -> dict[str, int]:
        """Sessions of all devices: started, successful, failed."""
        return {
            name: sum(device.sessions[name] for device in self.devices)
            for name in ("started", "successful", "failed")
        }


def _clock(config: Config) -> RealClock:
    clock = RealClock()
    clock.absolute = config.time.set
    return clock
