"""What a case gets back from the bench: an Inform seen, a connection request's outcome."""

from __future__ import annotations

from dataclasses import dataclass

from harness.acs.connection_request import Outcome
from harness.cwmp.messages import Inform, TransferComplete


@dataclass(frozen=True, slots=True)
class InformSeen:
    """A session that the device opened: its Inform and its instants in seconds of device time."""

    inform: Inform
    started_at: float
    ended_at: float

    @property
    def event_codes(self) -> tuple[str, ...]:
        return tuple(event.event_code for event in self.inform.event)


@dataclass(frozen=True, slots=True)
class ConnectionRequestOutcome:
    """What came of a connection request: the last HTTP status (0: no answer), and the session that followed."""

    status: int
    session: bool
    inform: InformSeen | None
    reason: str = ""
    sent: Outcome | None = None
    """The exchange itself: challenge, Authorization, both responses."""
    limited: bool = False
    """The first answer was 503; this one is to the same request after a quiet minute."""


@dataclass(frozen=True, slots=True)
class TransferReport:
    """A TransferComplete and the Inform of the session that carried it."""

    complete: TransferComplete
    session: InformSeen
