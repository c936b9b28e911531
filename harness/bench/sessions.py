"""Sessions as a case sees them: an RPC is a call that returns an answer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from harness.acs.session import SOAP_HEADERS, WATCHDOG, SessionOver
from harness.acs.session import Answer as AcsAnswer
from harness.acs.session import Session as AcsSession
from harness.bench.records import InformSeen
from harness.case import Inconclusive
from harness.cwmp.messages import Fault, GetParameterValues, GetParameterValuesResponse, Inform, Message
from harness.lab.reply import Reply

Call = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for an RPC.

    ``lost``: the device left the session instead of answering; ``empty``: it sent an empty POST.
    """

    message: Message | None
    fault: Fault | None
    lost: bool
    empty: bool
    reason: str

    @classmethod
    def of(cls, answer: AcsAnswer) -> Answer:
        """The bench's view of the ACS's answer."""
        empty = answer.http is not None and not answer.http.body
        return cls(answer.message, answer.fault, answer.lost, empty, answer.reason)

    def values(self) -> dict[str, str]:
        """Name → value of a GetParameterValuesResponse; empty for any other answer."""
        if not isinstance(self.message, GetParameterValuesResponse):
            return {}
        return {entry.name: entry.value for entry in self.message.parameter_list}

    def value_of(self, name: str) -> str:
        """The value of *name*, or words that say why there is none."""
        if name in self.values():
            return self.values()[name]
        if self.fault is not None:
            return f"(fault {self.fault.fault_code})"
        return f"(no value: {self.reason or 'another answer'})"


class Session:
    """An interactive session: the device waits while the case thinks."""

    def __init__(self, call: Call, session: AcsSession) -> None:
        self._call = call
        self._session = session

    @property
    def inform(self) -> Inform:
        return self._session.inform

    @property
    def namespace(self) -> str:
        """The CWMP namespace that the device speaks."""
        return self._session.envelope.namespace

    @property
    def root(self) -> str:
        """The root object of the device's data model, with its dot: ``Device.`` or ``InternetGatewayDevice.``."""
        return root_of(self.inform)

    @property
    def started_at(self) -> float:
        """Device time at which the ACS saw the first byte of the Inform."""
        return self._session.record.started_at

    @property
    def ended_at(self) -> float:
        """Device time at which the session ended; 0 while it lasts."""
        return self._session.record.ended_at

    @property
    def seen(self) -> InformSeen:
        return InformSeen(self.inform, self.started_at, self.ended_at)

    @property
    def ended_real(self) -> float:
        """Real time, as in the transcript, at which the session ended; 0 while it lasts."""
        return self._session.record.ended_real

    @property
    def complete(self) -> bool:
        """The session came to its proper end: the ACS's empty answer to an empty POST, nothing owed."""
        return self._session.record.ended == "complete"

    @property
    def ended(self) -> bool:
        """The session is over, properly or not."""
        return self._session.ended.is_set()

    def call(self, message: Message) -> Answer:
        """Send an RPC and wait for the answer.

        Raises:
            Inconclusive: the session was over before.
        """
        return self._answered(self._session.call(message))

    def read(self, name: str) -> str:
        """The value of a parameter, or words in parentheses that say why there is none.

        Raises:
            Inconclusive: the session was over before.
        """
        return self.call(GetParameterValues((name,))).value_of(name)

    def call_raw(self, envelope: bytes, note: str) -> Answer:
        """Send these bytes as the body in place of an RPC; *note* says what is wrong with them.

        Raises:
            Inconclusive: the session was over before.
        """
        return self._answered(self._session.reply(Reply(200, headers=SOAP_HEADERS, body=envelope, note=note)))

    def reply(self, reply: Reply, within: float = WATCHDOG) -> Answer:
        """Answer the device's waiting POST with any HTTP response, and wait *within* real seconds for the next.

        Raises:
            Inconclusive: the session was over before.
        """
        return self._answered(self._session.reply(reply, timeout_s=within))

    def _answered(self, work: Coroutine[Any, Any, AcsAnswer]) -> Answer:
        try:
            return Answer.of(self._call(work))
        except SessionOver as over:
            raise Inconclusive(str(over)) from None

    def call_element(self, name: str, *, close: bool = False) -> Answer:
        """Call an RPC without arguments by its element name; with *close* the ACS ends the connection after it."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" '
            f'xmlns:cwmp="{self.namespace}"><soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">unknown-rpc</cwmp:ID>'
            f"</soap-env:Header><soap-env:Body><cwmp:{name}/></soap-env:Body></soap-env:Envelope>"
        )
        return self.reply(Reply(200, headers=SOAP_HEADERS, body=body.encode(), close=close))

    def finish(self) -> None:
        """End the session with the ACS's empty answer and wait until it is over."""
        self._call(self._session.finish())


ROOTS: Final = ("Device.", "InternetGatewayDevice.")
"""The root objects of the data models of TR-181 and TR-098."""


def rooted(name: str, root: str) -> str:
    """A parameter's *name* below *root*, whichever of the two root objects it was written for.

    Which of them a device has may be a setting of its own (LCOS: Setup/CWMP/Data-Model).
    """
    for other in ROOTS:
        if name.startswith(other) and root in ROOTS:
            return root + name.removeprefix(other)
    return name


def root_of(inform: Inform) -> str:
    """The root object that the Inform's parameters live under; ``Device.`` where it names none."""
    for entry in inform.parameter_list:
        root, dot, _ = entry.name.partition(".")
        if dot:
            return f"{root}."
    return "Device."
