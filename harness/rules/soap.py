"""Wire rules of the SOAP envelope (TR-069 3.5, SOAP 1.1, cwmp-1-*.xsd)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp import namespaces as ns
from harness.cwmp.soap import Problem
from harness.rules.rule import Report, rule, shown
from harness.rules.view import Turn, View, is_cpe_request, is_response, problems

_INFORM: Final = "/cwmp:Inform/"
_OWNED: Final = tuple(_INFORM + part for part in ("DeviceId", "Event", "MaxEnvelopes", "CurrentTime"))
"""Parts of the Inform whose values other rules judge; each defect turns one requirement, not two."""
_ID_PATH: Final = "/cwmp:ID"


def _vendor(turn: Turn) -> bool:
    """A vendor's own RPC: its name begins with X_ and its namespace is the vendor's affair."""
    return isinstance(turn.message, m.UnknownMessage) and turn.message.name.startswith("X_")


def _invented(turn: Turn) -> bool:
    """The envelope uses a namespace that looks like CWMP's but does not exist."""
    envelope = turn.sent.envelope
    return (
        envelope is not None and ns.looks_like_cwmp(envelope.namespace) and envelope.namespace not in ns.CWMP
    )


def _envelope_problems(turn: Turn) -> Iterator[Problem]:
    yield from problems(turn, "not-xml", "xml.version", "encoding", "doctype", "envelope.", "message.version")
    yield from problems(turn, "header.unqualified", "header.duplicate", "header.value")
    if not _invented(turn):
        yield from problems(turn, "header.namespace")
        if not _vendor(turn):
            yield from problems(turn, "namespace.unknown")


@rule("soap-envelope", verifies="cwmp.soap.envelope")
def envelope(view: View, report: Report) -> None:
    """A body is one SOAP 1.1 envelope, well-formed, its message in a CWMP namespace."""
    for turn in view.envelopes:
        report.problems(turn.request, _envelope_problems(turn))


@rule("one-body-child", verifies="cwmp.soap.one-body-child")
def one_body_child(view: View, report: Report) -> None:
    """The Body has exactly one child."""
    for turn in view.envelopes:
        found = list(problems(turn, "body.children"))
        if found or turn.sent.envelope is not None:
            report.problems(turn.request, found)


@rule("unqualified-children", verifies="cwmp.soap.unqualified-children")
def unqualified_children(view: View, report: Report) -> None:
    """The arguments of a message are those of the schema, in its order, without a namespace."""
    for turn in view.envelopes:
        if turn.sent.envelope is None or isinstance(turn.message, m.UnknownMessage):
            continue
        found = problems(turn, "argument.", "text.unexpected", "array.")
        report.problems(turn.request, (each for each in found if not _judged_elsewhere(each)))


def _judged_elsewhere(problem: Problem) -> bool:
    return problem.code in ("argument.value", "array.items") and any(part in problem.where for part in _OWNED)


@rule("array-type", verifies="cwmp.soap.array-type")
def array_type(view: View, report: Report) -> None:
    """An array carries soapenc:arrayType with the type and the number of its items."""
    for turn in view.envelopes:
        if turn.message is not None and _has_array(turn.message):
            report.problems(turn.request, problems(turn, "array-type."))


_WITH_ARRAYS: Final = (
    m.Inform,
    m.GetRPCMethodsResponse,
    m.GetParameterValuesResponse,
    m.GetParameterNamesResponse,
    m.GetParameterAttributesResponse,
    m.GetQueuedTransfersResponse,
    m.GetAllQueuedTransfersResponse,
    m.GetOptionsResponse,
    m.RequestDownload,
)


def _has_array(message: m.Message) -> bool:
    return isinstance(message, _WITH_ARRAYS)


@rule("value-type", verifies="cwmp.soap.value-type")
def value_type(view: View, report: Report) -> None:
    """The Value of a parameter names its type with xsi:type and is of that type."""
    for turn in view.envelopes:
        if isinstance(turn.message, m.Inform | m.GetParameterValuesResponse) and turn.message.parameter_list:
            report.problems(turn.request, problems(turn, "value."))


@rule("namespace", verifies="cwmp.soap.namespace")
def namespace(view: View, report: Report) -> None:
    """The CWMP namespace is cwmp-1-0, cwmp-1-1 or cwmp-1-2: there is no cwmp-1-3 or cwmp-1-4."""
    for turn in view.envelopes:
        if turn.sent.envelope is not None:
            report.check(
                not _invented(turn),
                turn.request,
                expected="one of " + ", ".join(ns.CWMP),
                observed=shown(turn.sent.envelope.namespace),
            )


@rule("id-echo", verifies="cwmp.soap.id-echo")
def id_echo(view: View, report: Report) -> None:
    """A response or fault carries the ID of the request it answers, with mustUnderstand="1"."""
    for session in view.sessions:
        for before, turn in pairwise(session.flow):
            asked = before.got.envelope
            if asked is None or before.bench_request is None or not asked.header.id:
                continue
            if turn.sent.envelope is None or not _answers(turn.message):
                continue
            _judge_id(turn, asked.header.id, report)


def _answers(message: m.Message | None) -> bool:
    return message is not None and (isinstance(message, m.Fault) or is_response(message))


def _judge_id(turn: Turn, wanted: str, report: Report) -> None:
    assert turn.sent.envelope is not None
    given = turn.sent.envelope.header.id
    if given != wanted:
        report.broken(turn.request, expected=f"cwmp:ID {shown(wanted)}", observed=shown(given))
    else:
        _judge_must_understand(turn, report)


def _judge_must_understand(turn: Turn, report: Report) -> None:
    found = [each for each in problems(turn, "header.must-understand") if _ID_PATH in each.where]
    # In an Envelope of another SOAP version the attribute cannot have the right name; that is one mistake.
    other_soap = any(problems(turn, "envelope.namespace"))
    report.problems(turn.request, [] if other_soap else found)


@rule("own-id", verifies="cwmp.soap.own-id")
def own_id(view: View, report: Report) -> None:
    """A request of the device carries an ID with mustUnderstand="1"."""
    for turn in view.envelopes:
        if turn.sent.envelope is None or not is_cpe_request(turn.message):
            continue
        if not turn.sent.envelope.header.id:
            report.broken(
                turn.request,
                expected="a header cwmp:ID with a value",
                observed=shown(turn.sent.envelope.header.id),
            )
        else:
            _judge_must_understand(turn, report)


@rule("fault-form", verifies="cwmp.soap.fault-form")
def fault_form(view: View, report: Report) -> None:
    """A fault has faultcode Client or Server, faultstring "CWMP fault" and one cwmp:Fault as detail."""
    for turn in view.envelopes:
        if isinstance(turn.message, m.Fault):
            report.problems(turn.request, problems(turn, "fault."))
