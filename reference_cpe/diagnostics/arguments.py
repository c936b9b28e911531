"""The arguments of one test as the ACS has set them, and the address that it is carried out from."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reference_cpe import interfaces
from reference_cpe.diagnostics.state import Failed

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_FAMILIES: Final = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
_RESOLVE_TIME = 10.0
"""Seconds of real time for the name server: device time may stand still meanwhile."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test goes: an address, and the own address that it starts from (empty: what the routes say)."""

    address: str
    source: str

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


class Arguments:
    """The parameters of the test object at *path*, by name; a model that lacks one has its default."""

    def __init__(self, parts: Parts, path: str, pause: Callable[[float], Awaitable[None]]) -> None:
        self.parts = parts
        self.path = path
        self.pause = pause
        """Waits some seconds of device time, idle: nothing is on its way meanwhile."""

    def text(self, name: str, default: str = "") -> str:
        parameter = self.parts.model.parameters.get(self.path + name)
        return default if parameter is None else self.parts.model.read(parameter)

    def number(self, name: str, default: int = 0) -> int:
        return int(self.text(name, str(default)))

    @property
    def interface(self) -> interfaces.Interface | None:
        """The interface that the test is bound to.

        Raises:
            Failed: it is none of the device's.
        """
        path = self.text("Interface")
        if not path:
            return None
        found = interfaces.named(self.parts, path)
        if found is None:
            raise Failed("Error_Other", "Error_InitConnectionFailed")
        return found

    async def place(self, host: str) -> Place:
        """The first address of *host* that the protocol version and the interface allow.

        Raises:
            Failed: no such host; no own address of the family.
        """
        interface = self.interface
        for address in await self._addresses(host):
            if interface is None:
                return Place(address, "")
            source = interface.v6 if ":" in address else interface.v4
            if source:
                return Place(address, source)
        raise Failed("Error_NoRouteToHost", "Error_Other", "Error_InitConnectionFailed")

    async def _addresses(self, host: str) -> list[str]:
        family = _FAMILIES.get(self.text("ProtocolVersion", "Any"), socket.AF_UNSPEC)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_RESOLVE_TIME):
                found = await loop.getaddrinfo(host, None, family=family, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError, TimeoutError):
            found = []
        if not host or not found:
            raise Failed("Error_CannotResolveHostName", "Error_InitConnectionFailed")
        return [str(address[0]) for *_, address in found]
