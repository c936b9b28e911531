"""The CWMP session as a state machine without I/O (TR-069 3.7.1).

`Session.start` gives the first POST, `Session.receive` takes each HTTP response and gives the next POST or
the `End`. What happens on HTTP level in between (401, redirect, lost connection) is `reference_cpe.exchange`.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from harness.cwmp import namespaces as ns
from harness.cwmp import versions
from harness.cwmp.messages import (
    Envelope,
    Fault,
    GetRPCMethods,
    Header,
    Inform,
    InformResponse,
    Message,
    TransferCompleteResponse,
    UnknownMessage,
)
from harness.cwmp.soap import Reading
from reference_cpe.fault import CwmpFault
from reference_cpe.requests import OwnRequest, in_version

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

log = logging.getLogger("reference-cpe.session")

RESPONSE_TIME = 30
"""Seconds for a response of the ACS (TR-069 3.4.2: at least 30); the Inform says so as SessionTimeout."""
_RETRIES_ON_8005 = 3
"""How often one request is sent again when the ACS asks for it."""
_BAD_ARGUMENTS = frozenset(
    {
        "argument.missing",
        "argument.unknown",
        "argument.duplicate",
        "argument.value",
        "argument.nil",
        "array.items",
    }
)
"""Problems of a request that make it a fault 9003."""
_UNUSABLE = frozenset({"envelope.namespace", "envelope.children", "header.value", "header.duplicate"})
"""Problems of an envelope after which nothing in it can be relied on."""
_CLIENT_FAULTS = frozenset({9003, 9005, 9006, 9007, 9008})
"""Codes that TR-069 A.5.1 gives the SOAP faultcode Client; the others are Server."""


@dataclass(frozen=True, slots=True)
class Post:
    """Send this. An empty ``body`` is the empty POST."""

    body: bytes = b""


@dataclass(frozen=True, slots=True)
class End:
    """The session is over."""

    successful: bool
    reason: str = ""


Action: TypeAlias = Post | End


class State(Enum):
    INFORM = "waiting for InformResponse"
    REQUEST = "waiting for the answer to a request of the device's own"
    SERVING = "answering the ACS"
    OVER = "over"


class Session:
    """One session. Seams for defects: every method; `parts.new_session` makes it."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.state = State.INFORM
        self.namespace = ns.CWMP_1_2
        self.hold = False
        """HoldRequests of the latest envelope."""
        self.no_more = False
        """An empty POST went out with no hold: the device makes no more requests."""
        self.informed = False
        """InformResponse came: the Inform's events are delivered."""
        self._ids = itertools.count(1)
        self._again = 0
        self._request: tuple[Message, str] | None = None
        self._pending: list[OwnRequest] = []
        self._own: OwnRequest | None = None
        self._looked = False
        """The model has been told of rows that have come or gone since the last session."""

    # --- out

    def start(self) -> Post:
        """The Inform."""
        self._pending = self.parts.requests.pending()
        return self.request(self.parts.informer.message())

    def request(self, message: Message) -> Post:
        """A request of the device's own."""
        self._request = (message, f"{next(self._ids)}")
        self._again = 0
        return self._post_request()

    def _post_request(self) -> Post:
        assert self._request is not None
        message, own_id = self._request
        offered = versions.VERSIONS if isinstance(message, Inform) else None
        timeout = RESPONSE_TIME if isinstance(message, Inform) else None
        header = Header(id=own_id, supported_cwmp_versions=offered, session_timeout=timeout)
        return Post(self.parts.envelope.write(Envelope(message, header, self.namespace)))

    def respond(self, message: Message, request_id: str | None) -> Post:
        """The answer to a request of the ACS."""
        self.state = State.SERVING
        return Post(
            self.parts.envelope.write(Envelope(message, self.response_header(request_id), self.namespace))
        )

    def response_header(self, request_id: str | None) -> Header:
        return Header(id=request_id)

    def proceed(self) -> Action:
        """The device's turn: a pending request, or the empty POST."""
        while self._pending and not self.hold and not self.no_more:
            self._own = self._pending.pop(0)
            message = in_version(self._own.make(), self.namespace) if self._own.wanted() else None
            if message is not None:
                self.state = State.REQUEST
                return self.request(message)
        self.state = State.SERVING
        self.no_more = self.no_more or not self.hold
        return Post()

    def end(self, successful: bool, reason: str = "") -> End:
        self.state = State.OVER
        return End(successful, reason)

    # --- in

    async def take(self, status: int, body: bytes) -> Action:
        """`receive`, for a device that does something else before it answers."""
        return self.receive(status, body)

    def receive(self, status: int, body: bytes) -> Action:
        """An HTTP response came that is neither 401 nor a redirect."""
        if not 200 <= status < 300:
            return self.end(False, f"HTTP status {status}")
        if not body:
            return self.empty()
        reading = self.parts.reader.read(body)
        unusable = [p for p in reading.problems if p.fatal or (p.must and p.code in _UNUSABLE)]
        if reading.envelope is None or unusable:
            return self.end(
                False, f"the ACS's message cannot be used: {unusable[0] if unusable else 'unreadable'}"[:256]
            )
        self.hold = bool(reading.envelope.header.hold_requests)
        if self.state is State.SERVING:
            return self.serve(reading)
        return self.answered(reading.envelope)

    def empty(self) -> Action:
        """The ACS has nothing to say."""
        if self.state is not State.SERVING:
            return self.end(False, f"empty response while {self.state.value}")
        self.hold = False
        return self.end(True) if self.no_more else self.proceed()

    # --- answers to the device's own requests

    def answered(self, envelope: Envelope) -> Action:
        assert self._request is not None
        message, header = envelope.message, envelope.header
        if any(entry.must_understand for entry in header.unknown):
            return self.end(False, "a header that must be understood is not known")
        if header.id is not None and header.id != self._request[1]:
            return self.end(False, f"the answer has another ID than the request: {header.id[:40]!r}")
        if isinstance(message, Fault):
            return self.refused(message)
        if self.state is State.INFORM and isinstance(message, InformResponse):
            return self.inform_response(envelope)
        if self.state is State.REQUEST and self._own is not None and isinstance(message, self._own.answer):
            self._own.answered(message)
            acknowledged = isinstance(message, TransferCompleteResponse)
            return self.transfer_acknowledged() if acknowledged else self.proceed()
        return self.end(False, f"{_name(message)} while {self.state.value}")

    def inform_response(self, envelope: Envelope) -> Action:
        try:
            agreed = versions.cpe_agrees(envelope.namespace, envelope.header.use_cwmp_version)
        except versions.VersionError as error:
            return self.end(False, str(error))
        self.namespace = agreed.namespace
        self.informed = True
        self.parts.informer.delivered()
        return self.proceed()

    def transfer_acknowledged(self) -> Action:
        """The result of a transfer is delivered."""
        return self.proceed()

    def refused(self, fault: Fault) -> Action:
        """The ACS answered with a fault: 8005 asks for the same request again.

        Any other fails the session when it answers the Inform; another request stays for the next session.
        """
        assert self._request is not None
        if fault.fault_code == 8005 and self._again < _RETRIES_ON_8005:
            self._again += 1
            return self._post_request()
        reason = f"{_name(self._request[0])} refused: {fault.fault_code} {fault.fault_string[:80]}"
        if isinstance(self._request[0], Inform):
            return self.end(False, reason)
        log.warning("%s", reason)
        return self.proceed()

    # --- requests of the ACS

    def serve(self, reading: Reading) -> Action:
        assert reading.envelope is not None
        message, header = reading.envelope.message, reading.envelope.header
        if isinstance(message, Fault) or _name(message).endswith("Response"):
            return self.end(False, f"{_name(message)} while {self.state.value}")
        return self.respond(self.execute(reading), header.id)

    def execute(self, reading: Reading) -> Message:
        """Carry out one request; whatever goes wrong is a fault."""
        assert reading.envelope is not None
        message = reading.envelope.message
        if any(entry.must_understand for entry in reading.envelope.header.unknown):
            return must_understand()
        try:
            return self.call(message, reading)
        except CwmpFault as fault:
            log.info("%s: fault %.120s", _name(message)[:64], fault)
            return fault_message(fault)
        except Exception:
            log.exception("%s failed inside", _name(message))
            return fault_message(CwmpFault(9002, "Internal error"))

    def call(self, message: Message, reading: Reading) -> Message:
        handler = self.parts.rpc.get(_name(message))
        if handler is None or isinstance(message, UnknownMessage):
            raise CwmpFault(9000, f"Method not supported: {_name(message)[:64]}")
        wrong = next((p for p in reading.problems if p.must and p.code in _BAD_ARGUMENTS), None)
        if wrong is not None and not isinstance(message, GetRPCMethods):
            raise CwmpFault(
                9003, f"Invalid arguments: {wrong.where.rpartition('/')[2]}: expected {wrong.expected}"[:256]
            )
        log.info("%s", _name(message))
        if not self._looked:
            self._looked = True
            self.parts.model.refresh()
        return handler(self.parts, message)


def fault_message(fault: CwmpFault) -> Fault:
    side = "Client" if fault.code in _CLIENT_FAULTS else "Server"
    return Fault(fault.code, fault.text, fault.parameters, soap_faultcode=side)


def must_understand() -> Fault:
    """SOAP 1.1 4.4.1: a header entry that had to be understood was not."""
    return Fault(None, soap_faultcode="MustUnderstand", soap_faultstring="a header entry is not understood")


def _name(message: Message) -> str:
    return message.name if isinstance(message, UnknownMessage) else type(message).__name__
