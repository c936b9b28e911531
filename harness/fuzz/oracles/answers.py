"""Oracles over what came back for each program: class of answer, fault code, ID, silence, time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from harness.cwmp import faults
from harness.cwmp.messages import Fault, UnknownMessage
from harness.cwmp.soap import Reading
from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, End, Evidence, Observation
from harness.fuzz.oracles.told import alarm, asked, envelope, gone, last_reply, obeyed, shown
from harness.fuzz.program import Surface, Wanted

BOUNDED: Final = "cwmp.robust.bounded-wait"
SLOW: Final = 10.0
"""Times the median that is slow."""
FLOOR: Final = 3.0
"""Real seconds below which nothing counts as slow: a busy machine is not a slow device."""
PER_OCTET: Final = 1 / 100_000
"""Seconds that each octet sent or received adds to the floor."""
FROZEN: Final = 30.0
"""Real seconds after which a slow answer counts as a hang."""
LONGEST_ID: Final = 1024
"""Characters of a cwmp:ID beyond which a device may refuse to handle it."""
BUSY: Final = 503

_Found = Iterator[Alarm]


def _each(evidence: Evidence, judge: Callable[[int, Observation], Alarm | None]) -> list[Alarm]:
    found = (
        judge(index, each)
        for index, each in enumerate(evidence.observations)
        if each.end is not End.NOT_REACHED
    )
    return [each for each in found if each is not None]


def silent_acceptance(evidence: Evidence) -> list[Alarm]:
    """A message that must not be obeyed is not answered with success (O7)."""

    def judge(index: int, seen: Observation) -> Alarm | None:
        expectation = seen.program.expectation
        if expectation.wanted not in (Wanted.FAULT, Wanted.NOT_OBEYED) or not expectation.requirement:
            return None
        if not obeyed(seen):
            return None
        return _against(
            "silent-acceptance",
            seen.rpc or f"{seen.status // 100}xx",
            index,
            seen,
            _answer(seen),
            Confidence.CERTAIN,
        )

    return _each(evidence, judge)


def wrong_fault(evidence: Evidence) -> list[Alarm]:
    """The fault is one of those that the standard names for the mistake (O6)."""

    def judge(index: int, seen: Observation) -> Alarm | None:
        expectation = seen.program.expectation
        if expectation.wanted is not Wanted.FAULT or not expectation.requirement or not expectation.codes:
            return None
        if seen.answer is not Answer.FAULT or _acceptable(seen):
            return None
        return _against("wrong-fault", f"{seen.fault_code}", index, seen, _answer(seen), Confidence.CERTAIN)

    return _each(evidence, judge)


def _acceptable(seen: Observation) -> bool:
    codes = seen.program.expectation.codes
    if seen.fault_code in codes or seen.fault_code in faults.CPE_VENDOR:
        return True
    # SetParameterValues tells its reasons one parameter at a time.
    inner = {code for _, code in seen.parameter_faults}
    return seen.fault_code == faults.INVALID_ARGUMENTS and any(
        code in codes or code in faults.CPE_VENDOR for code in inner
    )


def no_fault(evidence: Evidence) -> list[Alarm]:
    """Where a fault is due, the device neither hangs up nor keeps silent (O8)."""
    if gone(evidence):
        return []

    def judge(index: int, seen: Observation) -> Alarm | None:
        expectation = seen.program.expectation
        if expectation.wanted is not Wanted.FAULT or not expectation.requirement:
            return None
        if seen.end is End.ANSWERED and seen.answer is not Answer.REQUEST:
            return None
        return _against("no-fault", _how(seen), index, seen, _answer(seen), Confidence.LIKELY)

    return _each(evidence, judge)


def refused(evidence: Evidence) -> list[Alarm]:
    """What is legal, however odd it looks, is carried out (O6, O8)."""
    lost = gone(evidence)

    def judge(index: int, seen: Observation) -> Alarm | None:
        expectation = seen.program.expectation
        if expectation.wanted is not Wanted.SUCCESS or not expectation.requirement or _served(seen):
            return None
        if seen.answer is Answer.UNREADABLE:
            return None  # an answer it is; what is wrong with it, the wire rules say
        if seen.answer is Answer.FAULT:
            return _against("refused", f"{seen.fault_code}", index, seen, _answer(seen), Confidence.CERTAIN)
        if lost:
            return None
        return _against("refused", _how(seen), index, seen, _answer(seen), Confidence.LIKELY)

    return _each(evidence, judge)


def _served(seen: Observation) -> bool:
    """The legal message was taken for what it is."""
    if obeyed(seen):
        return seen.answer is not Answer.OTHER_RESPONSE
    match seen.program.surface:
        case Surface.SOAP:
            return False
        case Surface.CONNECTION_REQUEST:
            return seen.status == BUSY  # it may limit connection requests (3.2.2)
        case _:
            if seen.end in (End.EMPTY, End.ANSWERED):
                return seen.answer not in (Answer.FAULT, Answer.UNREADABLE)
            # After an empty answer of the ACS the session is over.
            return seen.end is not End.RESET and last_reply(seen.program) == b""


def _against(
    oracle: str, symptom: str, index: int, seen: Observation, observed: str, confidence: Confidence
) -> Alarm:
    """A conformance alarm from the program's own accept-set."""
    expectation = seen.program.expectation
    return alarm(
        oracle,
        f"{expectation.requirement}:{symptom}",
        _wanted(seen),
        observed,
        kind=Kind.CONFORMANCE,
        confidence=confidence,
        requirement=expectation.requirement,
        index=index,
        messages=seen.messages,
    )


def _wanted(seen: Observation) -> str:
    expectation = seen.program.expectation
    codes = " or ".join(map(str, expectation.codes))
    text = {
        Wanted.SUCCESS: "the message is legal and is carried out",
        Wanted.FAULT: f"fault {codes}" if codes else "a fault",
        Wanted.NOT_OBEYED: "a fault or the end of the session, never success",
        Wanted.ANYTHING: "any correct answer",
    }[expectation.wanted]
    return f"{text} ({expectation.because})" if expectation.because else text


def _how(seen: Observation) -> str:
    """How it went without an answer, as a word of a key."""
    return f"{seen.answer}" if seen.answer is not Answer.NONE else f"{seen.end}"


def _answer(seen: Observation) -> str:
    """What came back, in a line."""
    if seen.answer is Answer.FAULT:
        details = "".join(f"; {shown(name)}: {code}" for name, code in seen.parameter_faults[:5])
        return (
            f"fault {seen.fault_code}" if seen.fault_code else "a SOAP fault without a CWMP fault code"
        ) + details
    if seen.answer is Answer.HTTP or (seen.status and not seen.rpc):
        return f"HTTP status {seen.status}"
    if seen.answer is not Answer.NONE:
        return f"{seen.answer.replace('-', ' ')}" + (f" {shown(seen.rpc)}" if seen.rpc else "")
    return {
        End.EMPTY: "an empty POST",
        End.CLOSED: "the device closed the connection",
        End.RESET: "the device reset the connection",
        End.SILENT: "nothing",
    }.get(seen.end, f"{seen.end}")


def hang(evidence: Evidence) -> list[Alarm]:
    """To a complete message there is an answer or an end within the time that the device has (O4)."""
    if gone(evidence):
        return []

    def judge(index: int, seen: Observation) -> Alarm | None:
        if seen.end is not End.SILENT or not _owes(seen):
            return None
        return alarm(
            "hang", "silent", "an answer, or the end of the connection", f"nothing for {seen.seconds:.1f} s",
            requirement=BOUNDED, index=index, messages=seen.messages,
        )  # fmt: skip

    return _each(evidence, judge)


def _owes(seen: Observation) -> bool:
    """The program ended with a complete message in a session that goes on, so that it is the device's turn.

    On a connection that holds half a message, waiting is right; it shows in the next session whether the
    device still lives.
    """
    if seen.program.surface not in (Surface.SOAP, Surface.SESSION):
        return False
    body = last_reply(seen.program)
    return bool(body and body.strip()) and envelope(seen.program).envelope is not None


def slow(evidence: Evidence) -> list[Alarm]:
    """No answer takes very much longer than answers usually do (O4)."""
    if gone(evidence) or evidence.median_seconds <= 0:
        return []

    def judge(index: int, seen: Observation) -> Alarm | None:
        if seen.end is End.SILENT or seen.seconds <= max(FLOOR, SLOW * evidence.median_seconds):
            return None
        if seen.seconds <= FLOOR + _octets(evidence, seen) * PER_OCTET:
            return None
        frozen = seen.seconds > FROZEN
        return alarm(
            "hang", "slow", f"an answer in about the usual time, {evidence.median_seconds * 1000:.1f} ms",
            f"{seen.seconds:.1f} s", confidence=Confidence.LIKELY if frozen else Confidence.HINT,
            requirement=BOUNDED if frozen else "", index=index, messages=seen.messages,
        )  # fmt: skip

    return _each(evidence, judge)


def _octets(evidence: Evidence, seen: Observation) -> int:
    """Octets of the program and of what answered it."""
    sizes = {
        each.id: each.end - each.start
        for connection in evidence.transcript.connections
        for each in connection.messages
    }
    return seen.program.octets + sum(sizes.get(each, 0) for each in seen.messages)


def id_echo(evidence: Evidence) -> list[Alarm]:
    """The answer carries the ID of the request, character for character, and none where there was none (O9)."""

    def judge(index: int, seen: Observation) -> Alarm | None:
        if seen.id_sent == seen.id_got or seen.end is not End.ANSWERED:
            return None
        if seen.answer not in (Answer.RESPONSE, Answer.FAULT) or seen.program.surface is not Surface.SOAP:
            return None
        return _judge_id(index, seen, envelope(seen.program))

    return _each(evidence, judge)


def _judge_id(index: int, seen: Observation, reading: Reading) -> Alarm | None:
    """Only a header that the codec has nothing against obliges the device."""
    sent = reading.envelope
    if sent is None or any(
        each.code.startswith(("header.", "envelope.", "namespace.")) for each in reading.problems
    ):
        return None
    given = sent.header.id
    if given != seen.id_sent or isinstance(sent.message, Fault):
        return None  # the executor and the codec read it differently: it is not clear what was asked
    if given is None:
        return alarm(
            "id-echo", "none-sent", "no cwmp:ID, as the request has none", f"cwmp:ID {shown(seen.id_got or '')}",
            kind=Kind.CONFORMANCE, requirement="cwmp.soap.no-id-no-echo", index=index, messages=seen.messages,
            confidence=Confidence.CERTAIN,
        )  # fmt: skip
    if not given or len(given) > LONGEST_ID:
        return None
    return alarm(
        "id-echo", "missing" if seen.id_got is None else "other", f"cwmp:ID {shown(given)}",
        "none" if seen.id_got is None else f"cwmp:ID {shown(seen.id_got)}", kind=Kind.CONFORMANCE,
        requirement="cwmp.soap.id-echo", index=index, messages=seen.messages, confidence=Confidence.CERTAIN,
    )  # fmt: skip


def other_response(evidence: Evidence) -> list[Alarm]:
    """The answer to an RPC is the response of that RPC (O6)."""

    def judge(index: int, seen: Observation) -> Alarm | None:
        if seen.answer is not Answer.OTHER_RESPONSE or seen.program.surface is not Surface.SOAP:
            return None
        method = asked(seen.program)
        if not method or seen.rpc == f"{method}Response" or _invented(seen):
            return None
        return alarm(
            "other-response", f"{method}", f"{method}Response or a fault", shown(seen.rpc),
            kind=Kind.CONFORMANCE, requirement="cwmp.session.answers-each-request", index=index,
            messages=seen.messages, confidence=Confidence.CERTAIN,
        )  # fmt: skip

    return _each(evidence, judge)


def _invented(seen: Observation) -> bool:
    """The program calls what no standard defines; what its response is called is not written anywhere."""
    found = envelope(seen.program).envelope
    return found is not None and isinstance(found.message, UnknownMessage)
