"""Seeded fuzz defects of the order of a session (surface session): what comes too early, twice, or is cut."""

from __future__ import annotations

from collections.abc import Callable

from harness.cwmp import namespaces as ns
from harness.cwmp.messages import Envelope, InformResponse, Message
from harness.cwmp.soap import Reading
from reference_cpe.defects import fuzz_seeded as seed
from reference_cpe.defects.fuzz_seeded import Effect, seeded
from reference_cpe.defects.registry import rewire
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts
from reference_cpe.session import Action, Post, Session, State
from reference_cpe.transfers import Transfer

_ALIVE = ["cwmp.robust.stays-alive", "cwmp.robust.next-session-works"]


@seeded(
    "rpc-before-inform-response",
    "session",
    Effect.ACCEPTS,
    ["cwmp.robust.fault-or-clean-end"],
)
def rpc_before_inform_response(parts: Parts) -> None:
    """A request that comes in place of the InformResponse is carried out (surface session)."""

    class Obedient(Session):
        def receive(self, status: int, body: bytes) -> Action:
            if self.state is State.INFORM and body and status == 200:
                reading = self.parts.reader.read(body)
                message = reading.envelope.message if reading.envelope is not None else None
                if message is not None and type(message).__name__ in self.parts.rpc:
                    return self.early(reading)
            return super().receive(status, body)

        def early(self, reading: Reading) -> Action:
            assert reading.envelope is not None
            answer = self.respond(self.execute(reading), reading.envelope.header.id)
            self.state = State.INFORM
            return answer

    parts.session = Obedient


@seeded("crash-second-inform-response", "session", Effect.CRASH, _ALIVE)
def crash_second_inform_response(parts: Parts) -> None:
    """An InformResponse that comes once more kills the process (surface session)."""

    class Startled(Session):
        def serve(self, reading: Reading) -> Action:
            assert reading.envelope is not None
            if isinstance(reading.envelope.message, InformResponse):
                seed.die()
            return super().serve(reading)

    parts.session = Startled


@seeded("hang-unasked-response", "session", Effect.HANG, [*_ALIVE, "cwmp.robust.bounded-wait"])
def hang_unasked_response(parts: Parts) -> None:
    """A response to something that the device has not asked makes it stand still (surface session)."""

    class Puzzled(Session):
        def serve(self, reading: Reading) -> Action:
            assert reading.envelope is not None
            message: Message = reading.envelope.message
            if type(message).__name__.endswith("Response") and not isinstance(message, InformResponse):
                seed.hang()
            return super().serve(reading)

    parts.session = Puzzled


@seeded("crash-other-id", "session", Effect.CRASH, _ALIVE)
def crash_other_id(parts: Parts) -> None:
    """An answer that bears another ID than the device's request kills the process (surface session)."""

    class Startled(Session):
        def answered(self, envelope: Envelope) -> Action:
            expected = self._request[1] if self._request is not None else None
            if envelope.header.id is not None and envelope.header.id != expected:
                seed.die()
            return super().answered(envelope)

    parts.session = Startled


@seeded("crash-unknown-version", "session", Effect.CRASH, _ALIVE)
def crash_unknown_version(parts: Parts) -> None:
    """An InformResponse in a namespace of CWMP that does not exist kills the process (surface session)."""

    class Startled(Session):
        def inform_response(self, envelope: Envelope) -> Action:
            if envelope.namespace not in ns.CWMP:
                seed.die()
            return super().inform_response(envelope)

    parts.session = Startled


def _on_cut(parts: Parts, then: Callable[[], object]) -> None:
    """*then* happens when a session breaks after its InformResponse."""
    informed = [False]

    class Noting(Session):
        def start(self) -> Post:
            informed[0] = False
            return super().start()

        def inform_response(self, envelope: Envelope) -> Action:
            informed[0] = True
            return super().inform_response(envelope)

    parts.session = Noting
    failed = parts.retry.failed

    def noted() -> None:
        failed()
        if informed[0]:
            then()

    rewire(parts.retry, failed=noted)


@seeded("state-lost-after-cut", "session", Effect.LOSES, ["cwmp.robust.stays-alive", "cwmp.set.persistent"])
def state_lost_after_cut(parts: Parts) -> None:
    """A session that breaks takes all with it that ACSs have ever set (surface session)."""

    def lose() -> None:
        parts.store.update(parameters={}, rows={}, parameter_key="")
        parts.model._grow()

    _on_cut(parts, lose)


@seeded("stuck-after-cut", "session", Effect.LOSES, _ALIVE)
def stuck_after_cut(parts: Parts) -> None:
    """After a session that broke the device opens none any more (surface session)."""

    def stick() -> None:
        parts.active = lambda: False

    _on_cut(parts, stick)


@seeded("transfer-complete-lost", "file", Effect.LOSES, ["cwmp.download.reported"])
def transfer_complete_lost(parts: Parts) -> None:
    """A file that breaks off is never reported by TransferComplete (surface file)."""
    original = parts.transfers._complete

    def complete(transfer: Transfer, reboot: bool, fault: CwmpFault | None) -> None:
        if fault is None or fault.code != 9017:
            original(transfer, reboot, fault)
            return
        parts.transfers._queue.remove(transfer)
        parts.save()

    rewire(parts.transfers, _complete=complete)
