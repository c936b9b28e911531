"""Defects of transfers, reboots and the factory reset, which the TR-069 suites are to see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.cwmp import datatypes
from harness.cwmp.messages import DownloadResponse, Message, TransferCompleteResponse
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.parts import Parts
from reference_cpe.session import Action, Session
from reference_cpe.transfers import Kind

AWAITING = "tr069 suites"


@defect("failed-transfer-unreported", breaks=["cwmp.download.failure-codes"], awaiting=AWAITING)
def failed_transfer_unreported(parts: Parts) -> None:
    """A transfer that fails is never reported."""
    original = parts.transfers.reported
    rewire(
        parts.transfers,
        reported=lambda: [
            number
            for number in original()
            if not any(t.number == number and t.fault_code for t in parts.transfers.pending())
        ],
    )


@defect("transfer-complete-twice", breaks=["cwmp.download.complete-once"], awaiting=AWAITING)
def transfer_complete_twice(parts: Parts) -> None:
    """TransferComplete is sent a second time after it was acknowledged."""

    class Insistent(Session):
        sent_again = False

        def answered(self, envelope: Any) -> Action:
            own = self._request
            if (
                isinstance(envelope.message, TransferCompleteResponse)
                and not self.sent_again
                and own is not None
            ):
                self.sent_again = True
                return self.request(own[0])
            return super().answered(envelope)

    parts.session = Insistent


@defect("unknown-time-as-1970", breaks=["cwmp.download.response", "cwmp.model.date-time"], awaiting=AWAITING)
def unknown_time_as_1970(parts: Parts) -> None:
    """A time that is not known yet is written as the first of January 1970."""
    original = parts.rpc["Download"]

    def download(parts: Parts, message: Any) -> Message:
        answer = original(parts, message)
        assert isinstance(answer, DownloadResponse)
        epoch = datatypes.format_time(0)
        return replace(answer, start_time=epoch, complete_time=epoch)

    parts.rpc["Download"] = download


@defect("reboots-before-its-answer", breaks=["cwmp.reboot.after-session"], awaiting=AWAITING)
def reboots_before_its_answer(parts: Parts) -> None:
    """A Reboot is carried out at once, without RebootResponse and with the session cut off."""

    class Hasty(Session):
        async def take(self, status: int, body: bytes) -> Action:
            action = await super().take(status, body)
            if parts.after_session.reboot_keys:
                return self.end(True)
            return action

    parts.session = Hasty


@defect("parameter-key-survives-reset", breaks=["cwmp.factory-reset.complete"], awaiting=AWAITING)
def parameter_key_survives_reset(parts: Parts) -> None:
    """A factory reset leaves the ParameterKey as it was."""
    original = parts.store.reset
    rewire(parts.store, reset=lambda keep=(): original(keep=(*keep, "parameter_key")))


def _any_type(parts: Parts) -> None:
    original = parts.transfers.kind
    rewire(parts.transfers, kind=lambda file_type: original(file_type) or Kind.SCRIPT)


def _without_windows(parts: Parts) -> None:
    original = parts.transfers.add

    def add(*arguments: Any, **more: Any) -> None:
        if more.get("windows"):
            more["windows"] = []
            arguments = (*arguments[:4], 0)
        original(*arguments, **more)

    rewire(parts.transfers, add=add)


for _name, _summary, _requirement, _apply in (
    ("any-file-type", "Download takes a FileType that there is not.", "cwmp.download.unknown-type", _any_type),
    ("windows-ignored", "ScheduleDownload begins at once, whatever its time windows.",
     "cwmp.schedule-download.windows", _without_windows),
):  # fmt: skip
    tabled(_name, _summary, [_requirement], _apply, awaiting=AWAITING)
