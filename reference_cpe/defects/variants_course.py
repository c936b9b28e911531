"""Benign variants of transfers, of changes, of the data model and of when sessions come. No check may fail on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.cwmp import events
from harness.cwmp.messages import (
    DownloadResponse,
    Message,
)
from reference_cpe.defects.registry import rewire, variant
from reference_cpe.fault import CwmpFault
from reference_cpe.model import Model
from reference_cpe.models import choose
from reference_cpe.parts import Handler, Parts
from reference_cpe.session import Action, Post, Session, fault_message
from reference_cpe.transfers import Kind, Transfer

DOWNLOAD_FAULTS = frozenset({9000, 9001, 9002, 9003, 9004, 9010, 9012, 9013})
"""What a DownloadResponse's place may be taken by; the finer codes belong to TransferComplete."""


class _Prompt(Session):
    """Holds the answer to a Download back until a script that may begin at once has been dealt with."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._answer: Any = None

    def respond(self, message: Message, request_id: str | None) -> Post:
        self._answer = (message, request_id)
        return super().respond(message, request_id)

    async def take(self, status: int, body: bytes) -> Action:
        self._answer = None
        before = {transfer.number for transfer in self.parts.transfers.pending()}
        action = self.receive(status, body)
        new = [t for t in self.parts.transfers.pending() if t.number not in before]
        if self._answer is None or not new or not self._prompt(new[0]):
            return action
        return await self.deal_with(new[0], self._answer[1], action)

    def _prompt(self, transfer: Transfer) -> bool:
        download = transfer.event == events.M_DOWNLOAD and transfer.kind == Kind.SCRIPT
        return download and transfer.due <= self.parts.clock.unix()

    async def deal_with(self, transfer: Transfer, request_id: str | None, action: Action) -> Action:
        raise NotImplementedError


class _AtOnce(_Prompt):
    async def deal_with(self, transfer: Transfer, request_id: str | None, action: Action) -> Action:
        parts = self.parts
        started = parts.clock.unix()
        answer: Message
        try:
            await parts.transfers.carry_out(transfer)
            times = (parts.status.time(started), parts.status.time(parts.clock.unix()))
            answer = DownloadResponse(0, *times)
        except CwmpFault as fault:
            code = fault.code if fault.code in DOWNLOAD_FAULTS else 9010
            answer = fault_message(CwmpFault(code, fault.text))
        except OSError as error:
            answer = fault_message(CwmpFault(9010, f"File transfer failure: {error}"))
        parts.transfers.acknowledged(transfer.number)
        parts.save(script_done=None)
        return self.respond(answer, request_id)


@variant("download-at-once")
def download_at_once(parts: Parts) -> None:
    """A script is fetched and run before the Download is answered: Status 0, and no TransferComplete."""
    parts.session = _AtOnce


class _InSession(_Prompt):
    """While the ACS holds requests the device may still make some; afterwards it may not (TR-069 3.7.1.3)."""

    async def deal_with(self, transfer: Transfer, request_id: str | None, action: Action) -> Action:
        if not self.no_more:
            before = {own.answer for own in self._pending}
            await self.parts.transfers.finish(transfer)
            reports = self.parts.requests.pending()
            self._pending += [own for own in reports if own.answer not in before]
        return action


@variant("transfer-complete-in-session")
def transfer_complete_in_session(parts: Parts) -> None:
    """Where the ACS holds requests, a script is run at once and its TransferComplete sent in the same session."""
    parts.session = _InSession


@variant("status-1")
def status_1(parts: Parts) -> None:
    """Changes are answered with Status 1: they are committed, and in effect soon."""
    for name in {"SetParameterValues", "AddObject", "DeleteObject"} & set(parts.rpc):
        parts.rpc[name] = _in_a_while(parts.rpc[name])


def _in_a_while(handler: Handler) -> Handler:
    def handle(parts: Parts, message: Any) -> Message:
        response: Any = handler(parts, message)
        return replace(response, status=1)  # type: ignore[no-any-return]

    return handle


@variant("gateway-data-model")
def gateway_data_model(parts: Parts) -> None:
    """The device has the older data model, whose root is InternetGatewayDevice."""
    changed = parts.model.changed
    parts.config = replace(parts.config, profile=replace(parts.config.profile, data_model="TR-098"))
    parts.model = Model(parts, choose("TR-098", ""))
    parts.model.changed = changed


@variant("sparse-instance-numbers")
def sparse_instance_numbers(parts: Parts) -> None:
    """Every new row of a table has a number seven above the last."""
    parts.model._numbers.step = 7


@variant("second-session-after-boot")
def second_session_after_boot(parts: Parts) -> None:
    """Three seconds after the first session since boot there is one more, as an address has changed."""
    original, booted = parts.timers.session_ended, [True]

    def again() -> None:
        parts.events.add(events.VALUE_CHANGE)
        parts.connect()

    def ended(successful: bool) -> None:
        original(successful)
        if successful and booted and parts.active():
            booted.clear()
            parts.timers.set("afterthought", parts.clock.now() + 3, again)

    rewire(parts.timers, session_ended=ended)
