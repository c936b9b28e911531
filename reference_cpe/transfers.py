"""File transfers: queueing, carrying out, reporting (TR-069 A.3.2.8, A.3.3.2, A.4.1.5, A.4.1.8)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.cwmp import events
from harness.cwmp.messages import AutonomousTransferComplete, FaultStruct, TransferComplete
from reference_cpe import backup, fetch, file_types, firmware, script, windows
from reference_cpe.clock import Work
from reference_cpe.fault import CwmpFault
from reference_cpe.model_table import COMMENT, TRANSFER_POLICY
from reference_cpe.settings import CREDENTIALS, SettingsRefused
from reference_cpe.transfer import Kind, Transfer
from reference_cpe.values import list_items

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

__all__ = ["MOST", "Kind", "Transfer", "Transfers"]

log = logging.getLogger("reference-cpe.transfers")

MOST = 10
"""Transfers that can wait at one time; TR-069 wants three at least."""
_SLACK = 0.001
"""Seconds that count as now: Unix and device time are converted into each other."""


class Transfers:
    """Seams: `kind`, `upload_kind`, `permitted`, `finish`, `carry_out`, `fetch`, `content`, `store`, `apply`, `update_firmware`,
    `run_script`, `cancel`, `report`, `reportable`.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._queue: list[Transfer] = []
        self._task: asyncio.Task[None] | None = None
        self._current: Transfer | None = None

    # --- queue

    def kind(self, file_type: str) -> Kind | None:
        """What a FileType means here, ``None`` for one that is not supported."""
        oui = self._parts.config.device.oui
        return {
            "1 Firmware Upgrade Image": Kind.FIRMWARE,
            "3 Vendor Configuration File": Kind.SCRIPT,
            f"X {oui} Script": Kind.SCRIPT,
        }.get(file_type)

    def upload_kind(self, file_type: str) -> Kind | None:
        """What a FileType of Upload means: a file that the device has, by the number of its row."""
        found = file_types.uploaded(file_type)
        if found is None:
            return None
        table, row = found
        if self._parts.model.path(f"DeviceInfo.{table}.{row}.") not in self._parts.model.objects:
            return None
        return Kind.SETTINGS if table == "VendorConfigFile" else Kind.LOG

    def permitted(self, kind: Kind) -> bool:
        """Whether the operator's switches allow such a file."""
        permissions = self._parts.permissions
        return permissions.update_firmware() if kind is Kind.FIRMWARE else permissions.transfer_files()

    def add(self, kind: Kind, key: str, url: str, user: tuple[str, str], delay: int, **more: Any) -> None:
        """Queue a transfer that begins *delay* seconds from now at the earliest, after the session.

        *more* are further fields of `Transfer`.

        Raises:
            CwmpFault: 9004, too many wait already; 9002, the store cannot be written.
        """
        if len(self._queue) >= MOST:
            raise CwmpFault(9004, f"{MOST} transfers are waiting already")
        number = 1 + max((transfer.number for transfer in self._queue), default=0)
        due = self._parts.clock.unix() + delay
        self._queue.append(Transfer(number, kind, key, url, *user, due, **more))
        try:
            self._parts.save(command_key=key)
        except OSError as error:
            self._queue.pop()
            raise CwmpFault(9002, f"the store cannot be written: {error.strerror}") from error

    def autonomous(self, url: str) -> None:
        """Fetch a script of the device's own accord, with the credentials of nobody.

        Raises:
            CwmpFault: see `add`.
        """
        self.add(
            Kind.SCRIPT,
            str(self._parts.store.get("command_key", "")),
            url,
            ("", ""),
            0,
            event=events.AUTONOMOUS_TRANSFER_COMPLETE,
            file_type="3 Vendor Configuration File",
        )

    def cancel(self, key: str) -> None:
        """Drop what waits under CommandKey *key*; nothing there is no fault.

        Raises:
            CwmpFault: 9021, one of them is in progress or done.
        """
        meant = [t for t in self._queue if t.command_key == key and not t.autonomous]
        if any(transfer.state != 1 for transfer in meant):
            raise CwmpFault(9021, "Cancelation of file transfer not permitted: it has begun")
        self._queue = [transfer for transfer in self._queue if transfer not in meant]
        self._parts.timers.cancel("transfer")
        self._parts.save()

    def forget(self) -> None:
        """Another ACS: what the old one asked for is dropped, what is under way too."""
        self._queue.clear()
        self._parts.store.update(script_done=None)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def pending(self) -> list[Transfer]:
        return list(self._queue)

    def dump(self) -> list[dict[str, Any]]:
        """For the store."""
        return [asdict(transfer) for transfer in self._queue]

    def load(self, stored: list[dict[str, Any]]) -> None:
        self._queue = [Transfer(**{**transfer, "running": False}) for transfer in stored]

    # --- carrying out

    def start_due(self) -> None:
        """Begin the first transfer that is due, or set the timer for the next one."""
        if self._task is not None:
            return
        self._give_up_late()
        waiting = sorted((t for t in self._queue if not t.done), key=lambda t: t.due)
        if not waiting:
            return
        clock = self._parts.clock
        left = waiting[0].due - clock.unix()
        if left > _SLACK:
            self._parts.timers.set("transfer", clock.now() + left, self.start_due)
            return
        self._task = clock.task(partial(self._run, waiting[0]))

    def _give_up_late(self) -> None:
        """Of what had time windows: on to the next window, or a failure where the last one is over."""
        now = self._parts.clock.unix()
        for transfer in list(self._queue):
            if transfer.windows and not transfer.done and not self._has_run(transfer):
                window = windows.current(transfer.open_windows(), now + _SLACK)
                if window is not None:
                    transfer.due = max(transfer.due, window.start)
                    continue
                self._complete(transfer, False, CwmpFault(9020, "Not completed within the time windows"))
                self._parts.connect()

    async def stop(self) -> None:
        """The device goes down; a transfer under way is begun again after boot."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self, transfer: Transfer, work: Work) -> None:
        with work:
            reboot = await self.finish(transfer)
            if not any(waiting is transfer for waiting in self._queue) and not transfer.done:
                return  # dropped meanwhile, and with it what goes on here
            self._task = None
            if transfer.done:
                self._parts.connect()
            if not reboot:
                self.start_due()

    async def finish(self, transfer: Transfer) -> bool:
        """Carry out a transfer and note the result; True when the device reboots to finish it."""
        transfer.started = self._parts.clock.unix()
        transfer.running = True
        log.info("transfer %d (%s): begins", transfer.number, transfer.kind)
        reboot, fault = False, None
        try:
            reboot = await self._in_time(transfer)
        except CwmpFault as caught:
            fault = caught
        except OSError as error:
            fault = CwmpFault(9011 if transfer.upload else 9010, f"File transfer failure: {error}")
        except Exception:
            log.exception("transfer %d failed inside", transfer.number)
            fault = CwmpFault(9002, "Internal error")
        transfer.running = False
        if not any(waiting is transfer for waiting in self._queue):
            log.info("transfer %d: forgotten, as the ACS is another one now", transfer.number)
        elif fault is None or not self._again(transfer):
            self._complete(transfer, reboot, fault)
        return reboot

    async def _in_time(self, transfer: Transfer) -> bool:
        """`carry_out` before the present time window ends, where there are windows."""
        window = windows.current(transfer.open_windows(), self._parts.clock.unix() + _SLACK)
        if window is None:
            return await self.carry_out(transfer)
        try:
            async with self._parts.clock.timeout(window.end - self._parts.clock.unix()):
                return await self.carry_out(transfer)
        except TimeoutError:
            raise CwmpFault(9020, "Not completed within the time windows") from None

    def _again(self, transfer: Transfer) -> bool:
        """Whether a transfer that has failed has a further attempt in its time windows."""
        transfer.attempts += 1
        later = windows.after_failure(transfer.open_windows(), self._parts.clock.unix(), transfer.attempts)
        if later is None:
            return False
        transfer.due, transfer.attempts = later
        self._parts.keep()
        return True

    async def carry_out(self, transfer: Transfer) -> bool:
        """Send, or fetch and apply; True when the device must reboot to finish.

        Raises:
            CwmpFault: with the code of the TransferComplete.
        """
        if self._has_run(transfer):
            return False
        kind = Kind(transfer.kind)
        if not self.permitted(kind):
            raise CwmpFault(9001, "Request denied: not allowed by the settings")
        if transfer.upload:
            await self.store(transfer, self.content(kind))
            return False
        data = await self.fetch(transfer)
        self._current = transfer
        try:
            return self.apply(kind, data)
        finally:
            self._current = None

    def _has_run(self, transfer: Transfer) -> bool:
        """Whether it is a script in effect whose result was not noted, as power failed in between."""
        return bool(transfer.mark == self._parts.store.get("script_done"))

    def content(self, kind: Kind) -> bytes:
        """A file that Upload sends."""
        return backup.script(self._parts) if kind is Kind.SETTINGS else self._parts.journal.text()

    async def store(self, transfer: Transfer, data: bytes) -> None:
        transfer.file_size = len(data)
        await fetch.store(self._parts, transfer.url, (transfer.username, transfer.password), data)

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
        device = self._parts.config.device
        try:
            image = firmware.read(data, device.product_class, device.firmware_key)
        except firmware.BadSignature as error:
            raise CwmpFault(9019, f"File authentication failure: {error}") from error
        except firmware.BadImage as error:
            raise CwmpFault(9018, f"File corrupted: {error}") from error
        log.info("firmware %s takes over after reboot", image.version)
        self._parts.store.update(next_version=image.version)
        return True

    def run_script(self, data: bytes) -> None:
        try:
            wanted = script.read(data, self._parts.settings.value("ipv6_inbound_rules"))
        except script.BadScript as error:
            raise CwmpFault(9018, f"File unusable: {error}") from error
        if CREDENTIALS & set(wanted.settings) and not self._parts.permissions.change_credentials():
            raise CwmpFault(
                9001, "Request denied: the credentials for connection requests may not be changed"
            )
        parameters = dict(self._parts.store.get("parameters", {}))
        if wanted.comment is not None:
            parameters[self._parts.model.path(COMMENT)] = wanted.comment
        try:
            # The mark is part of the same write: power may fail before the result is noted.
            done = self._current.mark if self._current is not None else None
            self._parts.settings.change(wanted.settings, parameters=parameters, script_done=done)
        except SettingsRefused as error:
            raise CwmpFault(9018, f"File unusable: {error}") from error

    def _complete(self, transfer: Transfer, reboot: bool, fault: CwmpFault | None) -> None:
        """The result, and the events that tell of it."""
        parts = self._parts
        transfer.done, transfer.completed = True, parts.clock.unix()
        if fault is not None:
            transfer.fault_code, transfer.fault_string = fault.code, fault.text
        log.info("transfer %d: %s", transfer.number, transfer.fault_string or "complete")
        parts.journal.note(f"transfer of {transfer.kind}: {transfer.fault_string or 'complete'}")
        if not transfer.autonomous:
            parts.events.add(events.TRANSFER_COMPLETE)
            parts.events.add(transfer.event, transfer.command_key, transfer.number)
        elif self.reportable(transfer):
            parts.events.add(transfer.event)
        else:
            self._queue.remove(transfer)
        if reboot:
            # The new version, the event and the result are one write: power may fail between any two.
            parts.save(software_version=parts.store.get("next_version"), next_version=None)
            parts.reboot()
        else:
            parts.keep(script_done=None)

    # --- reporting

    def reportable(self, transfer: Transfer) -> bool:
        """Whether the ACS wants to hear of a transfer that it has not asked for."""
        text, flag = self._parts.model.text, self._parts.model.flag
        direction = "Upload" if transfer.upload else "Download"
        result = "Failure" if transfer.fault_code else "Success"
        return (
            flag(TRANSFER_POLICY + "Enable")
            and text(TRANSFER_POLICY + "TransferTypeFilter") in (direction, "Both")
            and text(TRANSFER_POLICY + "ResultTypeFilter") in (result, "Both")
            and transfer.file_type in list_items(text(TRANSFER_POLICY + "FileTypeFilter"))
        )

    def reported(self) -> list[int]:
        """The transfers that a session which begins now has to report."""
        return [transfer.number for transfer in self._queue if transfer.done]

    def report(self, number: int) -> TransferComplete | AutonomousTransferComplete:
        transfer = next(t for t in self._queue if t.number == number)
        fault = FaultStruct(transfer.fault_code, transfer.fault_string[:256])
        time = self._parts.status.time
        now = self._parts.clock.unix()
        times = (
            time(now if transfer.started is None else transfer.started),
            time(now if transfer.completed is None else transfer.completed),
        )
        if not transfer.autonomous:
            return TransferComplete(transfer.command_key, fault, *times)
        return AutonomousTransferComplete(
            "",
            transfer.url,
            not transfer.upload,
            transfer.file_type,
            transfer.file_size,
            transfer.target_file_name,
            fault,
            *times,
        )

    def acknowledged(self, number: int) -> None:
        """The ACS has taken the report."""
        self._queue = [transfer for transfer in self._queue if transfer.number != number]
        self._parts.events.transfer_acknowledged(number)
        if not any(transfer.autonomous and transfer.done for transfer in self._queue):
            self._parts.events.acknowledged("AutonomousTransferCompleteResponse")
        self._parts.save()
