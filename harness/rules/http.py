"""Wire rules of HTTP framing (TR-069 3.4.1, 3.4.6)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from harness.cwmp import messages as m
from harness.rules.rule import Report, rule, shown
from harness.rules.view import Turn, View, is_response
from harness.verdict.transcript import Direction, Role

_START_LINE: Final = re.compile(r"POST \S+ HTTP/1\.1")
_CLIENT_HELLO: Final = "\x16\x03"
"""How a TLS record with a handshake begins (RFC 8446 5.1)."""
_MEDIA_TYPE: Final = re.compile(r"\s*text/xml\s*(;.*)?", re.IGNORECASE | re.DOTALL)


@rule("post-with-host", verifies="cwmp.http.post-with-host")
def post_with_host(view: View, report: Report) -> None:
    """A request to the ACS is a POST of HTTP/1.1 with one Host header."""
    for turn in view.turns:
        request = turn.request
        if request.start_line.startswith(_CLIENT_HELLO):
            continue  # an https URL of a server that speaks http: TLS is right there, and no HTTP at all
        hosts = request.header_values("Host")
        if not _START_LINE.fullmatch(request.start_line):
            report.broken(request, expected="POST <target> HTTP/1.1", observed=shown(request.start_line))
        else:
            report.check(
                len(hosts) == 1 and bool(hosts[0].strip()),
                request,
                expected="one Host header",
                observed=", ".join(map(shown, hosts)) or "none",
            )


@rule("content-type", verifies="cwmp.http.content-type")
def content_type(view: View, report: Report) -> None:
    """A request with a body has Content-Type text/xml; parameters such as charset are free."""
    for turn in view.turns:
        if turn.request.complete and not turn.empty:
            values = turn.request.header_values("Content-Type")
            report.check(
                len(values) == 1 and _MEDIA_TYPE.fullmatch(values[0]) is not None,
                turn.request,
                expected="Content-Type: text/xml",
                observed=", ".join(map(shown, values)) or "none",
            )


@rule("soapaction", verifies="cwmp.http.soapaction")
def soapaction(view: View, report: Report) -> None:
    """SOAPAction stands on every SOAP request, and has no value on a response or fault."""
    for turn in view.envelopes:
        if turn.message is None:
            continue
        values = turn.request.header_values("SOAPAction")
        if is_response(turn.message) or isinstance(turn.message, m.Fault):
            _judge_response_action(turn, values, report)
        else:
            report.check(
                len(values) == 1, turn.request, expected="one SOAPAction header", observed=f"{len(values)}"
            )


def _judge_response_action(turn: Turn, values: list[str], report: Report) -> None:
    """A missing header says the same as an empty one; quotes with nothing between are an old habit."""
    if not any(values):
        report.kept()
        return
    report.broken(
        turn.request,
        expected="SOAPAction without value on a response or fault",
        observed=", ".join(map(shown, values)),
        minor=set(values) <= {"", '""'},
    )


@rule("empty-post-bare", verifies="cwmp.http.empty-post-bare")
def empty_post_bare(view: View, report: Report) -> None:
    """An empty POST has a body of length zero, and neither SOAPAction nor Content-Type."""
    for turn in view.turns:
        # An empty request that is challenged may be a client library's way to get the challenge before it
        # sends the real body.
        if not turn.empty or turn.request.method != "POST" or turn.status == 401:
            continue
        wrong = [name for name in ("SOAPAction", "Content-Type") if turn.request.header_values(name)]
        if turn.request.body:
            wrong.append(f"a body of {len(turn.request.body)} bytes of white space")
        if wrong:
            report.broken(
                turn.request,
                expected="no SOAPAction, no Content-Type, no body",
                observed=" and ".join(wrong),
            )
        else:
            _judge_length(turn, report)


def _judge_length(turn: Turn, report: Report) -> None:
    """Without any length the body is empty too (RFC 9112 6.3), but a sender should say so (RFC 9110 8.6)."""
    if turn.request.header("Content-Length") is None and turn.request.header("Transfer-Encoding") is None:
        report.broken(turn.request, expected="Content-Length: 0", observed="no length", minor=True)
    else:
        report.kept()


@rule("no-pipelining", verifies="cwmp.http.no-pipelining")
def no_pipelining(view: View, report: Report) -> None:
    """The device sends no request on a connection before the answer to the one before has begun."""
    answers = {turn.request.id: turn.response for turn in view.turns}
    for connection in view.transcript.in_role(Role.ACS):
        requests = [each for each in connection.messages if each.direction is Direction.FROM_DEVICE]
        for before, request in pairwise(requests):
            answer = answers.get(before.id)
            report.check(
                answer is not None and answer.real_first <= request.real_first,
                request,
                expected=f"no request before the answer to {before.id}",
                observed="a request while that answer had not begun",
            )
