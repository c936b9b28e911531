"""What a program did to the device, as far as the bench could see it: the only input of the oracles.

The executor writes it, nobody changes it afterwards. A batch is a row of programs run in one session (soap) or
one after the other (the other surfaces), with controls before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from harness.fuzz.program import Program
from harness.verdict.transcript import Transcript


class End(StrEnum):
    """How the device left the program."""

    ANSWERED = "answered"
    """With a message (see `Observation.answer`)."""
    EMPTY = "empty"
    """With an empty POST, which ends what it has to say."""
    CLOSED = "closed"
    RESET = "reset"
    SILENT = "silent"
    """The deadline passed and the connection was still open."""
    NOT_REACHED = "not-reached"
    """The program could not be delivered: no session, refused, an earlier program of the batch ended it."""


class Answer(StrEnum):
    """What kind of message answered."""

    NONE = "none"
    RESPONSE = "response"
    """The response of the RPC that was asked for, or a 2xx where the device is the server."""
    OTHER_RESPONSE = "other-response"
    FAULT = "fault"
    REQUEST = "request"
    """The device asked something itself."""
    UNREADABLE = "unreadable"
    HTTP = "http"
    """An HTTP message that carries no CWMP: status is what counts."""


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What followed one program."""

    program: Program
    end: End
    answer: Answer = Answer.NONE
    rpc: str = ""
    """Local name of the element in the answer's Body."""
    fault_code: int = 0
    parameter_faults: tuple[tuple[str, int], ...] = ()
    status: int = 0
    """HTTP status of the answer where the device is the server."""
    id_sent: str | None = None
    id_got: str | None = None
    seconds: float = 0.0
    """Real seconds from the last octet written to the answer or the end."""
    device_seconds: float = 0.0
    messages: tuple[str, ...] = ()
    """Ids of the messages in `Evidence.transcript` that belong to this program."""
    problems: tuple[str, ...] = ()
    """What the strict codec has against the answer."""
    values: tuple[tuple[str, str], ...] = ()
    """Parameter values in the answer, as far as it has any."""


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state that controls read through CWMP itself: a golden session's GetParameterValues and Inform."""

    values: Mapping[str, str] = {}
    """Watched parameters that must not change by themselves or by a refused request."""
    events: tuple[str, ...] = ()
    """Event codes of the control's Inform."""
    retry_count: int = 0
    up_time: int | None = None
    memory_free: int | None = None
    """Kilobytes, by ``DeviceInfo.MemoryStatus.Free``."""
    resident: int | None = None
    """Kilobytes of the device's process, where the driver can see it."""
    software_version: str = ""


class Control(msgspec.Struct, frozen=True, omit_defaults=True):
    """A golden session: could the device be woken, did it answer, what was its state."""

    alive: bool
    reason: str = ""
    """Why it was not."""
    seconds: float = 0.0
    route: str = ""
    """How it was woken: ``connection-request``, ``wake``, ``restart``, ``periodic``."""
    snapshot: Snapshot = Snapshot()
    process: str = ""
    """What the driver says of the device's process; empty while it lives."""


class CanaryHit(msgspec.Struct, frozen=True):
    """Somebody looked up or called a name that only a program of this batch had mentioned."""

    name: str
    how: str
    """``dns``, ``tcp`` or ``http``."""


class Disagreement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The device did something else than the model of a CPE, in the program at ``index`` of the batch."""

    index: int
    key: str
    """What is wrong, and after which RPC; without values."""
    expected: str
    observed: str
    requirement: str
    because: str = ""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """One batch and its controls. ``history`` holds the memory readings of the campaign so far, oldest first:
    (cases run, kilobytes resident or, with the sign turned, free)."""

    observations: tuple[Observation, ...]
    before: Control
    after: Control
    transcript: Transcript
    canaries: tuple[CanaryHit, ...] = ()
    history: tuple[tuple[int, int], ...] = ()
    median_seconds: float = 0.0
    """Median of `Observation.seconds` over the campaign so far; 0 while unknown."""
    unexpected_informs: tuple[tuple[str, ...], ...] = ()
    """Event codes of sessions that started by themselves while the batch ran."""
    disagreements: tuple[Disagreement, ...] = ()
    """Of the programs that ran in lock-step with the model."""
    credentials: tuple[tuple[str, str], ...] = ()
    """Pairs with which wire rules may recompute a digest."""
