"""The steps of which session programs are made: what the ACS does next, by name. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.program import Action, Connect, Cut, Expect, Pause, Raw, Reply

ANSWER: Final = 30.0
"""Seconds of device time for the device's next message."""
_SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMESPACE: Final = "@{request.namespace}"
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<soap:Envelope xmlns:soap="{_SOAP}" xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:cwmp="{namespace}">{header}<soap:Body>{body}</soap:Body>'
    "</soap:Envelope>"
)
_FAULT: Final = (
    "<soap:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
    "<FaultCode>{code}</FaultCode><FaultString>fuzz</FaultString></cwmp:Fault></detail></soap:Fault>"
)


def envelope(
    body: str, identity: str | None = "@{request.id}", more: str = "", namespace: str = _NAMESPACE
) -> bytes:
    """An envelope of the ACS; without *identity* there is no ID, *more* are further header elements."""
    identified = (
        f'<cwmp:ID soap:mustUnderstand="1">{identity}</cwmp:ID>' if identity is not None else ""
    ) + more
    header = f"<soap:Header>{identified}</soap:Header>" if identified else ""
    return _ENVELOPE.format(namespace=namespace, header=header, body=body).encode()


def inform_response(envelopes: str = "1") -> str:
    """The body of an InformResponse."""
    return f"<cwmp:InformResponse><MaxEnvelopes>{envelopes}</MaxEnvelopes></cwmp:InformResponse>"


def fault(code: int) -> bytes:
    """A fault of the ACS in answer to the device's request."""
    return envelope(_FAULT.format(code=code))


def get_values(device: DeviceFacts, more: str = "", namespace: str = _NAMESPACE) -> bytes:
    """GetParameterValues of the parameter that every device has."""
    names = (
        f'<ParameterNames soapenc:arrayType="xsd:string[1]"><string>{device.known}</string></ParameterNames>'
    )
    return envelope(f"<cwmp:GetParameterValues>{names}</cwmp:GetParameterValues>", "fuzz", more, namespace)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP response, its length written for a body without marks."""
    lines = [f"HTTP/1.1 {status}", 'Content-Type: text/xml; charset="utf-8"', *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body


_HOLD: Final = '<cwmp:HoldRequests soap:mustUnderstand="1">{}</cwmp:HoldRequests>'
_UNASKED: Final = "<cwmp:TransferCompleteResponse/>"


def steps(device: DeviceFacts) -> Mapping[str, tuple[Action, ...]]:
    """Steps by name; each but the cuts ends by waiting for what the device says."""
    next_message = Expect(ANSWER)
    said: dict[str, bytes] = {
        "inform-response": envelope(inform_response()),
        "inform-response-0": envelope(inform_response("0")),
        "inform-response-2": envelope(inform_response("2")),
        "inform-response-huge": envelope(inform_response("4294967296")),
        "inform-response-text": envelope(inform_response("many")),
        "inform-response-other-id": envelope(inform_response(), "no-such-id"),
        "inform-response-no-id": envelope(inform_response(), None),
        "inform-response-no-argument": envelope("<cwmp:InformResponse/>"),
        "inform-response-twice": envelope(inform_response() * 2),
        "inform-response-future": envelope(inform_response(), namespace="urn:dslforum-org:cwmp-9-9"),
        "inform-response-hold": envelope(inform_response(), more=_HOLD.format(1)),
        "inform-response-hold-text": envelope(inform_response(), more=_HOLD.format("maybe")),
        "inform-response-no-more": envelope(inform_response(), more="<cwmp:NoMoreRequests>1</cwmp:NoMoreRequests>"),
        "inform-response-understand": envelope(
            inform_response(), more='<f:Unknown xmlns:f="urn:x-fuzz" soap:mustUnderstand="1">1</f:Unknown>'
        ),
        "fault-8005": fault(8005),
        "fault-8001": fault(8001),
        "fault-9999": fault(9999),
        "get-values": get_values(device),
        "get-values-hold": get_values(device, _HOLD.format(1)),
        "get-values-release": get_values(device, _HOLD.format(0)),
        "get-methods": envelope("<cwmp:GetRPCMethods/>", "fuzz-2"),
        "unknown-method": envelope("<cwmp:X_000000_NoSuchMethod/>", "fuzz-3"),
        "inform-request": envelope("<cwmp:Inform><MaxEnvelopes>1</MaxEnvelopes></cwmp:Inform>", "fuzz-4"),
        "unasked-response": envelope(_UNASKED, "fuzz-5"),
        "unasked-values": envelope("<cwmp:GetParameterValuesResponse/>", "fuzz-6"),
        "empty-body": envelope("", "fuzz-7"),
        "two-requests": envelope("<cwmp:GetRPCMethods/><cwmp:GetRPCMethods/>", "fuzz-8"),
        "end": b"",
    }  # fmt: skip
    bare = b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n"
    raw: dict[str, bytes] = {
        "empty-200": bare % b"200 OK",
        "status-500": bare % b"500 Internal Server Error",
        "status-503": bare % b"503 Service Unavailable",
        "status-404": bare % b"404 Not Found",
        "blank-200": http(b" \r\n"),
        "end-and-request": b"HTTP/1.1 204 No Content\r\n\r\n"
        + http(get_values(device, namespace=device.namespace)),
    }
    ends: dict[str, tuple[Action, ...]] = {f"cut-{how}": (Cut(how),) for how in ("fin", "reset", "half")}
    others: dict[str, tuple[Action, ...]] = {
        "pause-10": (Pause(10.0),),
        "pause-100": (Pause(100.0),),
        "ring": (Connect(),),
        "half-head": (Raw(b"HTTP/1.1 200 O"),),
        "half-body": (Raw(http(get_values(device, namespace=device.namespace))[:-40]),),
    }
    replies = {name: (Reply(body), next_message) for name, body in said.items()}
    return {**replies, **{name: (Raw(data), next_message) for name, data in raw.items()}, **ends, **others}


def actions(device: DeviceFacts, names: Sequence[str]) -> tuple[Action, ...]:
    """The actions of these steps; a cut ends a program, what stands behind it is left out.

    Raises:
        KeyError: a step that nobody knows.
    """
    known = steps(device)
    done: list[Action] = []
    for name in names:
        done += known[name]
        if name.startswith("cut-"):
            break
    return tuple(done)
