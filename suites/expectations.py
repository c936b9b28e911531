"""Accept-sets that several areas share: refused RPCs, refused transfers, no session over TLS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.cwmp.messages import DownloadResponse, Fault, Message
from harness.expect import Allowed, Judgement, describe_attempt, failed, passed, undecided
from harness.verdict.transcript import Connection


class Reply(Protocol):
    """What came back for an RPC (`harness.acs`)."""

    @property
    def message(self) -> Message | None: ...
    @property
    def fault(self) -> Fault | None: ...
    @property
    def lost(self) -> bool: ...
    @property
    def reason(self) -> str: ...


def describe_reply(reply: Reply) -> str:
    """An answer in one line."""
    if reply.fault is not None:
        parts = [f"fault {reply.fault.fault_code} {reply.fault.fault_string}".rstrip()]
        parts += [f"{entry.parameter_name}: {entry.fault_code}" for entry in reply.fault.parameter_faults]
        return "; ".join(parts)
    if reply.message is not None:
        return type(reply.message).__name__
    return reply.reason or "no answer"


VENDOR = range(9800, 9900)
"""Fault codes to which a vendor may give a meaning (TR-069 A.5.1)."""


def fault(*codes: int, because: str = "", vendor: bool = False) -> Allowed[Reply]:
    """A CWMP fault with one of *codes*, or of the vendor's own where that will do."""
    own = f" or {VENDOR[0]} to {VENDOR[-1]}" if vendor else ""
    expected = "fault " + " or ".join(map(str, codes)) + own + (f" ({because})" if because else "")

    def judge(reply: Reply) -> Judgement:
        seen = describe_reply(reply)
        if reply.lost:
            return undecided(seen, "the session ended before an answer came")
        code = None if reply.fault is None else reply.fault.fault_code
        return (passed if code in codes or (vendor and code in VENDOR) else failed)(seen)

    return Allowed(expected, judge)


def answered(kind: type[Message]) -> Allowed[Reply]:
    """The response of type *kind*."""

    def judge(reply: Reply) -> Judgement:
        seen = describe_reply(reply)
        if reply.lost:
            return undecided(seen, "the session ended before an answer came")
        return (passed if isinstance(reply.message, kind) else failed)(seen)

    return Allowed(f"a {kind.__name__}", judge)


REFUSED_BY_POLICY = (9001, 9000, 9002, 9003)
"""How a device may word that its own settings forbid a transfer: request denied is the best word for it; method not
supported, internal error and invalid arguments are seen and tolerated (decision A-25), and so is a fault of the vendor's own."""


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """All that is known of one Download: the answer, the TransferComplete if one came, the file server's count."""

    reply: Reply
    complete_fault: int | None
    """FaultCode of the TransferComplete; ``None`` when none came."""
    hits: int
    """Requests that reached the file server."""
    command_key: str = ""
    """CommandKey of the Download."""
    reported_key: str = ""
    """CommandKey of the TransferComplete."""
    events: tuple[tuple[str, str], ...] = ()
    """Event codes with their CommandKeys, of the Inform that announced it."""

    @property
    def applied_at_once(self) -> bool:
        """The DownloadResponse says that the file has been fetched and applied: no TransferComplete follows."""
        return isinstance(self.reply.message, DownloadResponse) and self.reply.message.status == 0

    def __str__(self) -> str:
        complete = (
            "no TransferComplete"
            if self.complete_fault is None
            else f"TransferComplete with fault {self.complete_fault}"
        )
        return f"{describe_reply(self.reply)}, {complete}, {self.hits} requests at the file server"


def transfer_refused() -> Allowed[TransferOutcome]:
    """The Download is refused at once, or fails later, and nothing was fetched."""

    def judge(outcome: TransferOutcome) -> Judgement:
        seen = str(outcome)
        if outcome.hits:
            return failed(seen, "the file was fetched although the setting forbids it")
        if outcome.reply.lost:
            return undecided(seen, "the session ended before an answer came")
        if outcome.reply.fault is not None:
            code = outcome.reply.fault.fault_code
            good = code in REFUSED_BY_POLICY or code in VENDOR
            return (
                passed(seen)
                if good
                else failed(seen, "a fault that does not say that the request was refused")
            )
        if outcome.complete_fault:
            return passed(seen, "accepted and then reported as failed, with nothing fetched")
        return failed(seen, "the Download was accepted and never reported as failed")

    codes = ", ".join(map(str, REFUSED_BY_POLICY))
    return Allowed(
        f"a fault ({codes}, {VENDOR[0]} to {VENDOR[-1]}), or a TransferComplete with a fault; no request at the file server",
        judge,
    )


def transfer_fetched() -> Allowed[TransferOutcome]:
    """The Download is accepted, fetched, and its TransferComplete reports success."""

    def judge(outcome: TransferOutcome) -> Judgement:
        reported = outcome.complete_fault == 0 or (outcome.applied_at_once and outcome.complete_fault is None)
        good = outcome.reply.fault is None and outcome.hits > 0 and reported
        return (passed if good else failed)(str(outcome))

    return Allowed(
        "a DownloadResponse, the file fetched, and a TransferComplete with fault 0 (none after Status 0)",
        judge,
    )


def right_command_key() -> Allowed[TransferOutcome]:
    """TransferComplete and the event "M Download" of its Inform carry the CommandKey of the Download."""

    def judge(outcome: TransferOutcome) -> Judgement:
        if outcome.complete_fault is None:
            if outcome.applied_at_once:
                return passed("applied at once: there is no TransferComplete")
            return undecided(str(outcome), "no TransferComplete came")
        keys = [key for code, key in outcome.events if code == "M Download"]
        seen = (
            f"TransferComplete {outcome.reported_key!r}, M Download {', '.join(map(repr, keys)) or 'missing'}"
        )
        good = outcome.reported_key == outcome.command_key and outcome.command_key in keys
        return (passed if good else failed)(seen, f"the Download had {outcome.command_key!r}")

    return Allowed("the CommandKey of the Download in TransferComplete and in the event M Download", judge)


def no_session_over_tls() -> Allowed[Connection | None]:
    """No connection at all, or one that carries no application byte and is ended by the device."""

    def judge(connection: Connection | None) -> Judgement:
        if connection is None:
            return passed("the device did not connect")
        seen = describe_attempt(connection)
        if connection.bytes_from_device():
            return failed(seen, "the device talked to a server that it cannot have authenticated")
        if connection.closed == "open":
            return failed(seen, "the device neither ended the connection nor used it")
        return passed(seen)

    return Allowed("no connection, or one that the device ends with no application byte sent", judge)
