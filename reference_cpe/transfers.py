"""File transfers for the ACS: queueing, fetching, applying, reporting (TR-069 A.3.2.8, A.3.3.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from harness.cwmp import events
from harness.cwmp.messages import FaultStruct, TransferComplete
from reference_cpe import fetch, firmware, script
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import COMMENT
from reference_cpe.settings import CREDENTIALS, SettingsRefused

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

log = logging.getLogger("reference-cpe.transfers")

MOST = 10
"""Transfers that can wait at one time; TR-069 wants three at least."""
_SLACK = 0.001
"""Seconds that count as now: Unix and device time are converted into each other."""


class Kind(StrEnum):
    """What a file is to the device."""

    FIRMWARE = "firmware"
    SCRIPT = "script"


@dataclass(slots=True)
class Transfer:
    """One transfer, as it is stored. Times are Unix seconds; ``due`` is the earliest moment to begin."""

    number: int
    kind: str
    command_key: str
    url: str
    username: str
    password: str
    due: float
    done: bool = False
    fault_code: int = 0
    fault_string: str = ""
    started: float | None = None
    completed: float | None = None


class Transfers:
    """Seams: `kind`, `permitted`, `fetch`, `apply`, `update_firmware`, `run_script`, `report`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: list[Transfer] = []
        self._task: asyncio.Task[None] | None = None

    # --- queue

    def kind(self, file_type: str) -> Kind | None:
        """What a FileType means here, ``None`` for one that is not supported."""
        oui = self._parts.config.device.oui
        return {
            "1 Firmware Upgrade Image": Kind.FIRMWARE,
            "3 Vendor Configuration File": Kind.SCRIPT,
            f"X {oui} Script": Kind.SCRIPT,
        }.get(file_type)

    def permitted(self, kind: Kind) -> bool:
        """Whether the operator's switches allow such a file."""
        permissions = self._parts.permissions
        return permissions.update_firmware() if kind is Kind.FIRMWARE else permissions.transfer_files()

    def add(self, kind: Kind, key: str, url: str, user: tuple[str, str], delay: int) -> None:
        """Queue a transfer that begins *delay* seconds from now at the earliest, after the session.

        Raises:
            CwmpFault: 9004, too many wait already.
        """
        if len(self._queue) >= MOST:
            raise CwmpFault(9004, f"{MOST} transfers are waiting already")
        number = 1 + max((transfer.number for transfer in self._queue), default=0)
        due = self._parts.clock.unix() + delay
        self._queue.append(Transfer(number, kind, key, url, *user, due))
        self._parts.save(command_key=key)

    def forget(self) -> None:
        """Another ACS: what the old one asked for is dropped."""
        self._queue.clear()

    def pending(self) -> list[Transfer]:
        return list(self._queue)

    def dump(self) -> list[dict[str, Any]]:
        """For the store."""
        return [asdict(transfer) for transfer in self._queue]

    def load(self, stored: list[dict[str, Any]]) -> None:
        self._queue = [Transfer(**transfer) for transfer in stored]

    # --- carrying out

    def start_due(self) -> None:
        """Begin the first transfer that is due, or set the timer for the next one."""
        if self._task is not None:
            return
        waiting = sorted((t for t in self._queue if not t.done), key=lambda t: t.due)
        if not waiting:
            return
        clock = self._parts.clock
        left = waiting[0].due - clock.unix()
        if left > _SLACK:
            self._parts.timers.set("transfer", clock.now() + left, self.start_due)
            return
        work = clock.work()
        self._task = asyncio.create_task(self._run(waiting[0], work.done))

    async def stop(self) -> None:
        """The device goes down; a transfer under way is begun again after boot."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, transfer: Transfer, done: Callable[[], None]) -> None:
        try:
            transfer.started = self._parts.clock.unix()
            log.info("transfer %d (%s): begins", transfer.number, transfer.kind)
            try:
                reboot = await self.carry_out(transfer)
            except CwmpFault as fault:
                reboot = False
                transfer.fault_code, transfer.fault_string = fault.code, fault.text
            except Exception:
                log.exception("transfer %d failed inside", transfer.number)
                reboot = False
                transfer.fault_code, transfer.fault_string = 9002, "Internal error"
            self._task = None
            self._complete(transfer, reboot)
        finally:
            done()

    async def carry_out(self, transfer: Transfer) -> bool:
        """Fetch and apply; True when the device must reboot to finish.

        Raises:
            CwmpFault: with the code of the TransferComplete.
        """
        kind = Kind(transfer.kind)
        if not self.permitted(kind):
            raise CwmpFault(9001, "Request denied: not allowed by the settings")
        data = await self.fetch(transfer)
        return self.apply(kind, data)

    async def fetch(self, transfer: Transfer) -> bytes:
        return await fetch.fetch(self._parts, transfer.url, (transfer.username, transfer.password))

    def apply(self, kind: Kind, data: bytes) -> bool:
        """Put a fetched file into effect; the permission is asked again, as it may have been withdrawn."""
        if not self.permitted(kind):
            raise CwmpFault(9001, "Request denied: not allowed by the settings")
        if kind is Kind.FIRMWARE:
            return self.update_firmware(data)
        self.run_script(data)
        return False

    def update_firmware(self, data: bytes) -> bool:
        try:
            image = firmware.read(data, self._parts.config.device.product_class)
        except firmware.BadImage as error:
            raise CwmpFault(9018, f"File corrupted: {error}") from error
        log.info("firmware %s takes over after reboot", image.version)
        self._parts.store.update(next_version=image.version)
        return True

    def run_script(self, data: bytes) -> None:
        try:
            wanted = script.read(data)
        except script.BadScript as error:
            raise CwmpFault(9018, f"File unusable: {error}") from error
        if CREDENTIALS & set(wanted.settings) and not self._parts.permissions.change_credentials():
            raise CwmpFault(
                9001, "Request denied: the credentials for connection requests may not be changed"
            )
        parameters = dict(self._parts.store.get("parameters", {}))
        if wanted.comment is not None:
            parameters[COMMENT] = wanted.comment
        try:
            self._parts.settings.change(wanted.settings, parameters=parameters)
        except SettingsRefused as error:
            raise CwmpFault(9018, f"File unusable: {error}") from error

    def _complete(self, transfer: Transfer, reboot: bool) -> None:
        parts = self._parts
        transfer.done, transfer.completed = True, parts.clock.unix()
        log.info("transfer %d: %s", transfer.number, transfer.fault_string or "complete")
        parts.events.add(events.TRANSFER_COMPLETE)
        parts.events.add(events.M_DOWNLOAD, transfer.command_key, transfer.number)
        if reboot:
            # The new version, the event and the result are one write: power may fail between any two.
            parts.save(software_version=parts.store.get("next_version"), next_version=None)
            parts.reboot()
            return
        parts.save()
        self.start_due()
        parts.connect()

    # --- reporting

    def reported(self) -> list[int]:
        """The transfers that a session which begins now has to report."""
        return [transfer.number for transfer in self._queue if transfer.done]

    def report(self, number: int) -> TransferComplete:
        transfer = next(t for t in self._queue if t.number == number)
        time = self._parts.status.time
        now = self._parts.clock.unix()
        return TransferComplete(
            transfer.command_key,
            FaultStruct(transfer.fault_code, transfer.fault_string[:256]),
            time(now if transfer.started is None else transfer.started),
            time(now if transfer.completed is None else transfer.completed),
        )

    def acknowledged(self, number: int) -> None:
        """TransferCompleteResponse came."""
        self._queue = [transfer for transfer in self._queue if transfer.number != number]
        self._parts.events.transfer_acknowledged(number)
        self._parts.save()
