"""What the device itself asks of the ACS in a session, beside the Inform (TR-069 A.3.3.2, A.4.2).

A session asks for what waits when it begins; each request is made once, until it is answered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.cwmp import events, faults, versions
from harness.cwmp.messages import (
    AutonomousTransferCompleteResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
    RequestDownload,
    RequestDownloadResponse,
    TransferComplete,
    TransferCompleteResponse,
)
from reference_cpe.fault import CwmpFault

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """One request of the device's own."""

    make: Callable[[], Message]
    answer: type[Message]
    wanted: Callable[[], bool]
    """Asked again right before it is sent."""
    answered: Callable[[Any], object]
    """Called with the response."""


class Requests:
    """Seams: `pending`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._ask_methods = False
        self.acs_methods: tuple[str, ...] = ()
        """What GetRPCMethods of the ACS has said."""

    def ask_methods(self) -> None:
        """Ask the ACS in the next session which methods it has."""
        self._ask_methods = True

    def ask_download(self) -> None:
        """Ask the ACS for the file of the configuration's ``request_download``."""
        self._parts.events.add(events.REQUEST_DOWNLOAD)

    def begin(self) -> None:
        """The device has booted: what the configuration has it do of its own accord."""
        initiative = self._parts.config.initiative
        if initiative.get_rpc_methods:
            self.ask_methods()
        if initiative.request_download:
            self.ask_download()
        if initiative.autonomous_download and not any(t.autonomous for t in self._parts.transfers.pending()):
            try:
                self._parts.transfers.autonomous(initiative.autonomous_download)
            except CwmpFault as fault:
                self._parts.journal.note(f"no download of the device's own accord: {fault.text}")

    def pending(self) -> list[OwnRequest]:
        """What waits now, in the order in which it is sent; a heartbeat leaves it waiting."""
        found: list[OwnRequest] = []
        if self._parts.heartbeat.beating:
            return found
        if self._ask_methods:
            found.append(
                OwnRequest(
                    GetRPCMethods, GetRPCMethodsResponse, lambda: self._ask_methods, self._methods_told
                )
            )
        if self._download_wanted():
            file_type = self._parts.config.initiative.request_download
            found.append(
                OwnRequest(
                    partial(RequestDownload, file_type),
                    RequestDownloadResponse,
                    self._download_wanted,
                    lambda _response: self._parts.events.acknowledged("RequestDownloadResponse"),
                )
            )
        return [*found, *(self._report(transfer) for transfer in self._parts.transfers.reported())]

    def _methods_told(self, response: GetRPCMethodsResponse) -> None:
        self.acs_methods, self._ask_methods = response.method_list, False

    def _download_wanted(self) -> bool:
        return any(entry.code == events.REQUEST_DOWNLOAD for entry in self._parts.events.entries)

    def _report(self, transfer: int) -> OwnRequest:
        transfers = self._parts.transfers
        autonomous = any(t.number == transfer and t.autonomous for t in transfers.pending())
        return OwnRequest(
            lambda: transfers.report(transfer),
            AutonomousTransferCompleteResponse if autonomous else TransferCompleteResponse,
            lambda: transfer in transfers.reported(),
            lambda _response: transfers.acknowledged(transfer),
        )


def in_version(message: Message, namespace: str) -> Message | None:
    """*message* as the CWMP version of *namespace* can say it, ``None`` where it cannot at all."""
    if not versions.allows(namespace, type(message).since):
        return None
    if isinstance(message, TransferComplete):
        fault = message.fault_struct
        info = faults.CPE_FAULTS.get(fault.fault_code)
        if info is not None and not versions.allows(namespace, info.since):
            return replace(message, fault_struct=replace(fault, fault_code=faults.TRANSFER_FAILURE))
    return message
