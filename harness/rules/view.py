"""What wire rules look at: a transcript with every message read once and every request beside its answer."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp.soap import Limits, Problem, Reading, read, recall
from harness.verdict.transcript import Connection, Direction, HttpMessage, Role, SessionRecord, Transcript

LIMITS: Final = Limits(size=64 * 1024 * 1024, depth=255)
"""Wide on purpose: a rule never holds its own reader's limits against the device."""
OWN_LIMITS: Final = frozenset({"too-large", "too-deep"})
"""Problem codes that speak of the reader's limits, not of the message."""
CPE_REQUESTS: Final = (
    m.Inform,
    m.TransferComplete,
    m.AutonomousTransferComplete,
    m.DUStateChangeComplete,
    m.AutonomousDUStateChangeComplete,
    m.RequestDownload,
    m.Kicked,
    m.GetRPCMethods,
)
"""The methods of an ACS, which a CPE calls (A.3.3, A.4.2; GetRPCMethods goes both ways)."""
_CHARSET: Final = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")
_UNREAD: Final = Reading(None)


@dataclass(frozen=True, eq=False)
class Turn:
    """A request of the device with the bench's final answer, if there was one.

    Everything is worked out when it is first asked for, and once: what nobody reads costs nothing.
    """

    request: HttpMessage
    response: HttpMessage | None
    reading: Callable[[HttpMessage | None], Reading]

    @cached_property
    def sent(self) -> Reading:
        """What the device sent, read as SOAP."""
        return self.reading(self.request)

    @cached_property
    def got(self) -> Reading:
        """What the bench answered, read as SOAP."""
        return self.reading(self.response)

    @cached_property
    def status(self) -> int:
        return self.response.status if self.response is not None else 0

    @cached_property
    def message(self) -> m.Message | None:
        """What the device sent, as far as it could be read."""
        return self.sent.envelope.message if self.sent.envelope is not None else None

    @cached_property
    def answer(self) -> m.Message | None:
        """What the bench answered, as far as it could be read."""
        return self.got.envelope.message if self.got.envelope is not None else None

    @cached_property
    def empty(self) -> bool:
        """The device sent nothing, or nothing but white space."""
        return self.request.complete and not self.request.body.strip()

    @property
    def costs_nothing(self) -> bool:
        """The same request has to be sent again: a challenge, or a redirect (3.4.1, 3.4.4)."""
        return self.status in (301, 302, 303, 307, 308, 401, 407)

    @cached_property
    def clean(self) -> bool:
        """The bench answered fully, with success, and with nothing wrong on purpose."""
        response = self.response
        if response is None or response.note or self.request.note or not response.complete:
            return False
        return response.status == 204 or (
            response.status == 200 and (not response.body or self.answer is not None)
        )

    @cached_property
    def bench_request(self) -> m.Message | None:
        """The RPC that the bench called in its answer, if it did."""
        answer = self.answer
        if answer is None or isinstance(answer, m.Fault) or is_response(answer):
            return None
        return answer


def is_response(message: m.Message) -> bool:
    return name(message).endswith("Response")


def name(message: m.Message) -> str:
    """The element name of *message*."""
    return message.name if isinstance(message, m.UnknownMessage) else type(message).__name__


def is_cpe_request(message: m.Message | None) -> bool:
    return isinstance(message, CPE_REQUESTS)


class Session:
    """A CWMP session: the record and its turns."""

    def __init__(self, record: SessionRecord, turns: tuple[Turn, ...]) -> None:
        self.record = record
        self.turns = turns

    @cached_property
    def effective(self) -> tuple[Turn, ...]:
        """The turns that count: those that a challenge or redirect did not undo."""
        return tuple(turn for turn in self.turns if not turn.costs_nothing)

    @cached_property
    def flow(self) -> tuple[Turn, ...]:
        """The effective turns up to and including the first that the bench did not answer cleanly.

        Within them the device has no excuse: everything it had seen before each of its requests was right.
        """
        flow: list[Turn] = []
        for turn in self.turns:
            if turn.costs_nothing:
                if turn.response is not None and turn.response.note:
                    break
                continue
            flow.append(turn)
            if not turn.clean:
                break
        return tuple(flow)

    @cached_property
    def undisturbed(self) -> bool:
        """The bench answered every request of the session, and nothing was wrong on purpose."""
        noted = any(turn.response is not None and turn.response.note for turn in self.turns)
        return not noted and all(turn.clean for turn in self.effective)


class View:
    """A transcript as rules see it.

    Args:
        credentials: (username, password) pairs that the device may use towards the ACS. With none given, what
            needs a password is not judged; a username that is not among them is not judged either.
    """

    def __init__(self, transcript: Transcript, credentials: Collection[tuple[str, str]] = ()) -> None:
        self.transcript = transcript
        self.credentials = tuple(credentials)
        self._readings: dict[str, Reading] = {}

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """Every request that the device sent to an ACS, in the order in which they began to arrive."""
        turns = [turn for connection in self.transcript.in_role(Role.ACS) for turn in self._pair(connection)]
        return tuple(sorted(turns, key=lambda turn: turn.request.real_first))

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions in the order of the record; messages of unrecorded connections are left out."""
        by_id = {turn.request.id: turn for turn in self.turns}
        return tuple(
            Session(record, tuple(by_id[each] for each in record.messages if each in by_id))
            for record in self.transcript.sessions
        )

    @cached_property
    def envelopes(self) -> tuple[Turn, ...]:
        """The turns in which the device sent a complete body that our own limits let us read."""
        return tuple(
            turn
            for turn in self.turns
            if turn.request.complete
            and not turn.empty
            and not any(p.code in OWN_LIMITS for p in turn.sent.problems)
        )

    @cached_property
    def informs(self) -> tuple[tuple[Turn, m.Inform], ...]:
        """Every readable Inform, repetitions after a challenge included."""
        return tuple((turn, turn.message) for turn in self.envelopes if isinstance(turn.message, m.Inform))

    def secure(self, message: HttpMessage) -> bool:
        """Whether *message* went through TLS."""
        return self.transcript.connection(message.connection).tls is not None

    def connection_requests(self) -> Iterator[tuple[HttpMessage, HttpMessage]]:
        """Connection requests of the bench that are right in form, with the device's complete answers."""
        for connection in self.transcript.in_role(Role.CONNECTION_REQUEST):
            if all(each.note or each.direction is not Direction.TO_DEVICE for each in connection.messages):
                continue  # a fuzzer's, mostly
            for request, response in _pairs(connection, Direction.TO_DEVICE):
                if response is not None and response.complete and not request.note and not response.note:
                    yield request, response

    def reading(self, message: HttpMessage | None) -> Reading:
        """The body of *message* as SOAP, read once; an empty reading where there is no body."""
        if message is None or not message.body.strip():
            return _UNREAD
        if message.id not in self._readings:
            self._readings[message.id] = _read(message)
        return self._readings[message.id]

    def _pair(self, connection: Connection) -> Iterator[Turn]:
        for request, response in _pairs(connection, Direction.FROM_DEVICE):
            yield Turn(request, response, self.reading)


def _pairs(connection: Connection, asking: Direction) -> Iterator[tuple[HttpMessage, HttpMessage | None]]:
    """Requests in the direction *asking* with their answers: the n-th final one answers the n-th request."""
    requests = [each for each in connection.messages if each.direction is asking]
    responses = [
        each
        for each in connection.messages
        if each.direction is not asking and not each.is_request and not 100 <= each.status < 200
    ]
    for index, request in enumerate(requests):
        yield request, responses[index] if index < len(responses) else None


def _read(message: HttpMessage) -> Reading:
    data = _decoded(message)
    reading = recall(data, LIMITS)
    charset = _CHARSET.search(message.header("Content-Type") or "")
    if reading.envelope is None and charset and charset[1].lower() not in ("utf-8", "utf8"):
        # RFC 7303 3: the charset parameter counts where the document itself says nothing.
        try:
            text = data.decode(charset[1])
        except (UnicodeDecodeError, LookupError):
            return reading
        return read(_DECLARATION.sub("", text).encode("utf-8", "replace"), LIMITS)
    return reading


def _decoded(message: HttpMessage) -> bytes:
    """The body without its content coding (gzip, deflate); as it is where it cannot be decoded."""
    if (message.header("Content-Encoding") or "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return message.body
    try:
        return zlib.decompressobj(wbits=47).decompress(message.body, LIMITS.size)
    except zlib.error:
        return message.body


def problems(turn: Turn, *codes: str) -> Iterator[Problem]:
    """Problems of what the device sent; a code that ends in a dot stands for all that begin with it."""
    for problem in turn.sent.problems:
        if any(
            problem.code == code or (code.endswith(".") and problem.code.startswith(code)) for code in codes
        ):
            yield problem
