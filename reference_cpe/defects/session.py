"""Defects of the course of a session."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from harness.cwmp import events
from harness.cwmp.messages import (
    Envelope,
    Fault,
    GetParameterValues,
    GetRPCMethods,
    Header,
    Message,
    UnknownMessage,
)
from harness.cwmp.soap import Reading
from reference_cpe.client import run_session
from reference_cpe.defects.registry import defect
from reference_cpe.parts import Parts
from reference_cpe.session import Action, End, Post, Session, State

TR069 = "tr069 suites"


@defect("second-inform", breaks=["cwmp.session.one-inform"])
def second_inform(parts: Parts) -> None:
    """After the InformResponse the device sends its Inform once more."""

    class Repeating(Session):
        repeated = False

        def proceed(self) -> Action:
            if self.repeated or self.state is not State.INFORM:
                return super().proceed()
            self.repeated = True
            assert self._request is not None
            return self.request(self._request[0])

    parts.session = Repeating


@defect("inform-not-first", breaks=["cwmp.session.inform-first"])
def inform_not_first(parts: Parts) -> None:
    """The session begins with an empty POST; the Inform follows."""

    class Knocking(Session):
        knocked = False

        def start(self) -> Post:
            return Post()

        def receive(self, status: int, body: bytes) -> Action:
            if self.knocked:
                return super().receive(status, body)
            self.knocked = True
            return super().start()

    parts.session = Knocking


@defect(
    "request-after-end",
    breaks=["cwmp.session.no-request-after-empty-post", "cwmp.session.no-post-after-end"],
)
def request_after_end(parts: Parts) -> None:
    """After its empty POST the device still calls a method of the ACS."""

    class Late(Session):
        asked = False

        def empty(self) -> Action:
            action = super().empty()
            if self.asked or isinstance(action, Post) or not action.successful:
                return action
            self.asked = True
            self.state = State.REQUEST
            return self.request(GetRPCMethods())

        def answered(self, envelope: Envelope) -> Action:
            return self.end(True) if self.asked else super().answered(envelope)

    parts.session = Late


@defect("unknown-rpc-ignored", breaks=["cwmp.session.answers-each-request", "cwmp.robust.fault-or-clean-end"])
def unknown_rpc_ignored(parts: Parts) -> None:
    """A method that the device does not know is answered with an empty POST."""

    class Silent(Session):
        def serve(self, reading: Reading) -> Action:
            assert reading.envelope is not None
            if isinstance(reading.envelope.message, UnknownMessage):
                return Post()
            return super().serve(reading)

    parts.session = Silent


@defect(
    "unknown-rpc-ends-session",
    breaks=["cwmp.robust.fault-or-clean-end", "cwmp.session.answers-each-request"],
)
def unknown_rpc_ends_session(parts: Parts) -> None:
    """A method that the device does not know ends the session instead of drawing fault 9000."""

    class Leaving(Session):
        def serve(self, reading: Reading) -> Action:
            assert reading.envelope is not None
            if isinstance(reading.envelope.message, UnknownMessage):
                return self.end(False, "unknown method")
            return super().serve(reading)

    parts.session = Leaving


@defect("unknown-rpc-9002", breaks=["cwmp.robust.fault-or-clean-end"])
def unknown_rpc_9002(parts: Parts) -> None:
    """A method that the device does not know is answered with fault 9002, internal error."""

    class Confused(Session):
        def execute(self, reading: Reading) -> Message:
            answer = super().execute(reading)
            if isinstance(answer, Fault) and answer.fault_code == 9000:
                return replace(answer, fault_code=9002)
            return answer

    parts.session = Confused


@defect("two-sessions-at-a-time", breaks=["cwmp.session.one-at-a-time"])
def two_sessions_at_a_time(parts: Parts) -> None:
    """While one session runs the device opens another on a second connection."""
    beside: set[asyncio.Task[object]] = set()

    class Twofold(Session):
        def answered(self, envelope: Envelope) -> Action:
            if self.state is State.INFORM and not beside:
                work = self.parts.clock.work()
                self.parts.events.add(events.PERIODIC)
                task: asyncio.Task[object] = asyncio.create_task(
                    run_session(self.parts, self.parts.contacted)
                )
                beside.add(task)
                task.add_done_callback(lambda _done: work.done())
                task.add_done_callback(beside.discard)
            return super().answered(envelope)

    parts.session = Twofold


@defect("closes-after-inform-response", breaks=["lcos.session.acs-may-query", "cwmp.session.empty-post"])
def closes_after_inform_response(parts: Parts) -> None:
    """A session without news is closed as soon as the InformResponse has come."""

    class Hasty(Session):
        def proceed(self) -> Action:
            action = super().proceed()
            boring = len(self.parts.events.entries) == 0
            return self.end(True) if boring and isinstance(action, Post) and not action.body else action

    parts.session = Hasty


@defect("one-request-a-session", breaks=["lcos.session.acs-may-query", "cwmp.session.answers-each-request"])
def one_request_a_session(parts: Parts) -> None:
    """After three requests of the ACS the device closes the session instead of answering."""

    class Impatient(Session):
        served = 0

        def serve(self, reading: Reading) -> Action:
            self.served += 1
            return self.end(True) if self.served > 3 else super().serve(reading)

    parts.session = Impatient


@defect("response-without-id", breaks=["cwmp.soap.id-echo"])
def response_without_id(parts: Parts) -> None:
    """Responses carry no ID at all."""

    class Headless(Session):
        def response_header(self, request_id: str | None) -> Header:
            return Header()

    parts.session = Headless


@defect("id-cut", breaks=["cwmp.soap.id-echo"])
def id_cut(parts: Parts) -> None:
    """Only the first four characters of the request's ID are returned."""

    class Cutting(Session):
        def response_header(self, request_id: str | None) -> Header:
            return Header(id=request_id[:4] if request_id else request_id)

    parts.session = Cutting


# --- what nobody sees before there are cases for it ---------------------------------------------------------


@defect("hold-requests-ignored", breaks=["cwmp.session.hold-requests"], awaiting=TR069)
def hold_requests_ignored(parts: Parts) -> None:
    """TransferComplete is sent although the ACS asks to hold requests."""

    class Deaf(Session):
        def proceed(self) -> Action:
            self.hold = False
            return super().proceed()

    parts.session = Deaf


@defect("fault-8005-gives-up", breaks=["cwmp.session.retry-request"], awaiting=TR069)
def fault_8005_gives_up(parts: Parts) -> None:
    """Fault 8005 of the ACS ends the session instead of making the device send its request again."""

    class Resigned(Session):
        def refused(self, fault: Fault) -> Action:
            if fault.fault_code == 8005:
                return self.end(False, "8005")
            return super().refused(fault)

    parts.session = Resigned


@defect("http-error-is-success", breaks=["cwmp.http.error-fails-session"], awaiting=TR069)
def http_error_is_success(parts: Parts) -> None:
    """An HTTP status of 500 counts as a successful end of the session."""

    class Content(Session):
        def end(self, successful: bool, reason: str = "") -> End:
            return super().end(successful or reason.startswith("HTTP status 5"), reason)

    parts.session = Content


@defect("mixed-body-obeyed", breaks=["cwmp.robust.fault-or-clean-end"], awaiting=TR069)
def mixed_body_obeyed(parts: Parts) -> None:
    """GetParameterValues with arguments that nobody knows is obeyed."""

    class Lenient(Session):
        def call(self, message: Message, reading: Reading) -> Message:
            if isinstance(message, GetParameterValues):
                return self.parts.rpc["GetParameterValues"](self.parts, message)
            return super().call(message, reading)

    parts.session = Lenient


@defect("must-understand-ignored", breaks=["cwmp.soap.must-understand"], awaiting=TR069)
def must_understand_ignored(parts: Parts) -> None:
    """A header entry that has to be understood and is not known is ignored."""

    class Careless(Session):
        def execute(self, reading: Reading) -> Message:
            envelope = reading.envelope
            assert envelope is not None
            plain = replace(envelope, header=replace(envelope.header, unknown=()))
            return super().execute(replace(reading, envelope=plain))

    parts.session = Careless
