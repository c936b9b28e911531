"""The events that wait to be reported, and when each is delivered or discarded (TR-069 3.7.1.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from harness.cwmp import events as table
from harness.cwmp.events import EventInfo, Undelivered
from harness.cwmp.messages import EventStruct

MOST: Final = 64
"""An Inform holds at most so many events; beyond, the oldest of the multiple kind are dropped."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A waiting event; ``transfer`` is the number of the transfer it reports."""

    code: str
    key: str = ""
    transfer: int | None = None

    @property
    def multiple(self) -> bool:
        return self.code.startswith("M ")


class Events:
    """The queue. Seams: `add`, `policy`, `attempt`, `announce`, `inform_acknowledged`, `session_failed`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._announced: list[Entry] = []

    def policy(self, code: str) -> EventInfo:
        """Who acknowledges an event and what becomes of it undelivered; a vendor's own lasts until reboot."""
        return table.EVENTS.get(code) or EventInfo(code, False, "InformResponse", Undelivered.UNTIL_REBOOT)

    def add(self, code: str, key: str = "", transfer: int | None = None) -> None:
        """Queue an event; one of the single kind only once."""
        entry = Entry(code, key, transfer)
        if entry.multiple or all(waiting.code != code for waiting in self._unannounced()):
            if not entry.multiple:
                self._drop(lambda waiting: waiting.code == code)
            self.entries.append(entry)

    def bootstrap(self) -> None:
        """First contact with an ACS: everything else that waited is discarded."""
        self.entries = [Entry(table.BOOTSTRAP)]
        self._announced = []

    def attempt(self) -> None:
        """A session is attempted with what waits now; it may fail before there is an Inform."""
        self._announced = list(self.entries)

    def announce(self) -> tuple[EventStruct, ...]:
        """The event list of an Inform that is sent now."""
        while len(self.entries) > MOST:
            self.entries.remove(next(entry for entry in self.entries if entry.multiple))
        self._announced = list(self.entries)
        return tuple(EventStruct(entry.code, entry.key) for entry in self.entries)

    def inform_acknowledged(self) -> None:
        """InformResponse came: what it acknowledges is delivered."""
        done = [e for e in self._announced if self.policy(e.code).acknowledged_by == "InformResponse"]
        self._drop(lambda entry: any(entry is one for one in done))

    def transfer_acknowledged(self, number: int) -> None:
        """TransferCompleteResponse came for one transfer."""
        self._drop(lambda entry: entry.transfer == number)
        if all(entry.transfer is None for entry in self.entries):
            self._drop(lambda entry: entry.code == table.TRANSFER_COMPLETE)

    def acknowledged(self, response: str) -> None:
        """A response came that acknowledges events as a whole, RequestDownloadResponse say."""
        self._drop(lambda entry: self.policy(entry.code).acknowledged_by == response)

    def session_failed(self) -> None:
        lost = [e for e in self._announced if self.policy(e.code).undelivered is Undelivered.NOT_RETRIED]
        self._drop(lambda entry: any(entry is one for one in lost))

    def rebooted(self) -> None:
        self._drop(lambda entry: self.policy(entry.code).undelivered is not Undelivered.KEPT)

    def fresh(self) -> bool:
        """Whether something waits that the last attempt of a session did not have."""
        return bool(self._unannounced())

    def _unannounced(self) -> list[Entry]:
        return [entry for entry in self.entries if all(entry is not one for one in self._announced)]

    def _drop(self, unwanted: Callable[[Entry], bool]) -> None:
        self.entries = [entry for entry in self.entries if not unwanted(entry)]

    def dump(self) -> list[dict[str, Any]]:
        """For the store."""
        return [asdict(entry) for entry in self.entries]

    def load(self, stored: list[dict[str, Any]]) -> None:
        self.entries = [Entry(**entry) for entry in stored]
        self._announced = []
