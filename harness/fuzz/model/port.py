"""What the model asks of whoever carries its RPCs to a device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.cwmp.messages import Fault, Message


@dataclass(frozen=True, slots=True)
class Reply:
    """The device's answer to one RPC: a response or a fault; neither where it was ``lost``, for that reason."""

    message: Message | None
    lost: str = ""

    @property
    def fault(self) -> Fault | None:
        return self.message if isinstance(self.message, Fault) else None


class Port(Protocol):
    """Carries RPCs in sessions of its own making. Blocking; every wait has a deadline; never raises for what the
    device does."""

    def call(self, message: Message) -> Reply:
        """Send *message* in the session that runs, or in a new one where none does."""

    def renew(self) -> None:
        """End the session properly; the next RPC opens another."""
