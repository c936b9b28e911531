"""Wire rules of the course of a session (TR-069 3.7.1).

They judge the device within `Session.flow` only: up to the first thing that the bench did wrong on purpose
or left unanswered. What a session that the bench cut short still owed is nobody's debt.
"""

from __future__ import annotations

from typing import Final

from harness.cwmp import messages as m
from harness.rules.rule import Report, rule
from harness.rules.view import Session, Turn, View, is_cpe_request, is_response, name

SILENCE: Final = 30.0
"""Seconds after which a device that owes the next request has given up (3.4.2 lets it wait as long)."""


def _informed(session: Session) -> int | None:
    """Index in the flow of the turn in which the ACS answered an Inform with an InformResponse."""
    for index, turn in enumerate(session.flow):
        if isinstance(turn.message, m.Inform) and isinstance(turn.answer, m.InformResponse) and turn.clean:
            return index
    return None


def _what(turn: Turn) -> str:
    """What the device sent, in a word or two."""
    if turn.empty:
        return "an empty POST"
    return name(turn.message) if turn.message is not None else "a body that is no envelope"


@rule("one-inform", verifies="cwmp.session.one-inform")
def one_inform(view: View, report: Report) -> None:
    """Once the ACS has answered the Inform, no other Inform follows in the session."""
    for session in view.sessions:
        start = _informed(session)
        if start is None:
            continue
        again = [turn for turn in session.flow[start + 1 :] if isinstance(turn.message, m.Inform)]
        again += _restarted(view, session)
        for turn in again:
            report.broken(turn.request, expected="one Inform in the session", observed="another Inform")
        if not again:
            report.kept()


@rule("inform-first", verifies="cwmp.session.inform-first")
def inform_first(view: View, report: Report) -> None:
    """A session begins with an Inform, and nothing else is sent before its InformResponse."""
    ends = _ends(view)
    for session in view.sessions:
        if not session.flow or session.turns[0].request.id in ends:
            continue
        first = session.flow[0]
        if first.request.complete and (first.empty or first.message is not None):
            report.check(
                isinstance(first.message, m.Inform),
                first.request,
                expected="Inform as the first message of a session",
                observed=_what(first),
            )


def _restarted(view: View, session: Session) -> list[Turn]:
    """The Inform with which the device began anew on the same connection, while this session was not over."""
    if session.record.ended == "complete" or not session.undisturbed:
        return []
    connection, last = session.turns[-1].request.connection, session.turns[-1].request.real_first
    later = (t for t in view.turns if t.request.connection == connection and t.request.real_first > last)
    following = next(later, None)
    return [following] if following is not None and isinstance(following.message, m.Inform) else []


def _ends(view: View) -> dict[str, Session]:
    """Requests that follow a completed session on its own connection and begin none: id → that session."""
    found: dict[str, Session] = {}
    over: dict[str, Session] = {}
    last = {
        session.turns[-1].request.id: session
        for session in view.sessions
        if session.turns and session.record.ended == "complete" and session.undisturbed
    }
    for turn in view.turns:
        ended = over.pop(turn.request.connection, None)
        if ended is not None and not isinstance(turn.message, m.Inform) and turn.request.complete:
            found[turn.request.id] = ended
            over[turn.request.connection] = ended
        if turn.request.id in last:
            over[turn.request.connection] = last[turn.request.id]
    return found


@rule("empty-post", verifies="cwmp.session.empty-post")
def empty_post(view: View, report: Report) -> None:
    """After the InformResponse the device sends what it has to send, and then an empty POST."""
    for session in view.sessions:
        start = _informed(session)
        if start is None:
            continue
        if any(turn.empty for turn in session.flow[start + 1 :]):
            report.kept()
        elif session.undisturbed and _given_up(session):
            report.broken(
                session.effective[-1].request,
                expected="an empty POST after the InformResponse",
                observed=f"none; the session is {session.record.ended}",
            )


def _given_up(session: Session) -> bool:
    """The bench had answered everything, and the device went away or stayed silent."""
    record = session.record
    if record.ended == "aborted-by-device":
        return True
    response = session.effective[-1].response
    if record.ended == "complete" or response is None:
        return False
    # Device time stands still while a steered device works, so either clock may be the one that tells.
    return max(record.ended_at - response.at_last, record.ended_real - response.real_last) >= SILENCE


@rule("no-post-after-end", verifies="cwmp.session.no-post-after-end")
def no_post_after_end(view: View, report: Report) -> None:
    """After the ACS's empty answer to the empty POST the device sends nothing more in that session."""
    ends = _ends(view)
    broken = {id(session) for session in ends.values()}
    by_id = {turn.request.id: turn for turn in view.turns}
    for message_id, session in ends.items():
        turn = by_id[message_id]
        # An empty request that is challenged may be the way of a client library to begin the next session.
        if not (turn.empty and turn.status == 401):
            report.broken(
                turn.request,
                expected=f"nothing after the end of session {session.record.id}",
                observed=_what(turn),
            )
    for session in view.sessions:
        if not session.undisturbed or session.record.ended != "complete" or id(session) in broken:
            continue
        late = _after_end(session)
        if late is None:
            report.kept()
        else:
            report.broken(late.request, expected="nothing after the end of the session", observed=_what(late))


def _after_end(session: Session) -> Turn | None:
    """The first turn of the session after the one that ended it, or ``None``."""
    holds = False
    for index, turn in enumerate(session.flow):
        if turn.empty and turn.answer is None and not holds:
            return session.flow[index + 1] if index + 1 < len(session.flow) else None
        holds = _holds(turn)
    return None


def _holds(turn: Turn) -> bool:
    """The ACS's latest envelope asks the device to hold its requests; no header means no (3.7.1.3)."""
    envelope = turn.got.envelope
    return envelope is not None and envelope.header.hold_requests is True


@rule("no-request-after-empty-post", verifies="cwmp.session.no-request-after-empty-post")
def no_request_after_empty_post(view: View, report: Report) -> None:
    """After an empty POST that was not held back the device only answers; it calls no method."""
    for session in view.sessions:
        done = holds = False
        for turn in session.flow:
            # A second Inform is the affair of one-inform.
            if done and is_cpe_request(turn.message) and not isinstance(turn.message, m.Inform):
                report.broken(
                    turn.request, expected="no new request after the empty POST", observed=_what(turn)
                )
            elif done and turn.message is not None:
                report.kept()
            if turn.empty and not holds:
                if not done:
                    report.kept()
                done = True
            holds = _holds(turn)


@rule("answers-each-request", verifies="cwmp.session.answers-each-request")
def answers_each_request(view: View, report: Report) -> None:
    """The next thing that the device sends after a request of the ACS is its response, or a fault."""
    for session in view.sessions:
        for index, turn in enumerate(session.flow):
            asked = turn.bench_request
            if asked is None or not turn.clean:
                continue
            wanted = f"{name(asked)}Response or a fault"
            if index + 1 < len(session.flow):
                _judge_answer(session.flow[index + 1], name(asked), wanted, report)
            elif turn is session.effective[-1] and session.undisturbed and _given_up(session):
                report.broken(
                    turn.request,
                    expected=wanted,
                    observed=f"nothing; the session is {session.record.ended}",
                )


def _judge_answer(turn: Turn, method: str, wanted: str, report: Report) -> None:
    message = turn.message
    if not turn.request.complete or (message is None and not turn.empty):
        return  # what it is cannot be told; the rules of SOAP say so
    right = message is not None and (
        isinstance(message, m.Fault) or (is_response(message) and name(message) == f"{method}Response")
    )
    report.check(right, turn.request, expected=wanted, observed=_what(turn))


@rule("one-at-a-time", verifies="cwmp.session.one-at-a-time")
def one_at_a_time(view: View, report: Report) -> None:
    """The device has one session at a time."""
    sessions = sorted(
        (each for each in view.sessions if each.turns), key=lambda each: each.turns[0].request.real_first
    )
    for index, session in enumerate(sessions):
        begun = session.turns[0].request.real_first
        running = next((each for each in sessions[:index] if _runs_at(each, begun)), None)
        report.check(
            running is None,
            session.turns[0].request,
            expected="no session before the one before is over",
            observed=f"session {running.record.id if running else ''} is still running",
        )


def _runs_at(session: Session, moment: float) -> bool:
    """Whether the session goes on after *moment*: the device still speaks, or its last answer is to come."""
    if any(turn.request.real_first > moment for turn in session.turns):
        return True
    response = session.turns[-1].response
    return session.record.ended == "complete" and response is not None and response.real_last > moment
