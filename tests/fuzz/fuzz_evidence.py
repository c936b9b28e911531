"""Evidence written by hand: programs, observations, controls, and the session in which they ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.fuzz.evidence import Answer, Control, End, Evidence, Observation, Snapshot
from harness.fuzz.oracles.told import envelope
from harness.fuzz.program import Action, Expectation, Program, Reply, Surface, Wanted
from harness.verdict.transcript import (
    Chunk,
    Connection,
    Direction,
    HttpMessage,
    Role,
    SessionRecord,
    Transcript,
)

BASE = "Device.X_EXAMPLE-ORG_Sandbox."
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soap-env:Envelope'
    ' xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:cwmp="urn:dslforum-org:cwmp-1-2"><soap-env:Header>{header}</soap-env:Header>'
    "<soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
)
FORCED = {
    "Device.RootDataModelVersion": "2.17",
    "Device.DeviceInfo.HardwareVersion": "A",
    "Device.DeviceInfo.SoftwareVersion": "10.80",
    "Device.DeviceInfo.ProvisioningCode": "",
    "Device.ManagementServer.ParameterKey": "",
    "Device.ManagementServer.ConnectionRequestURL": "http://198.51.100.2:7547/cr/8d2f",
}


def soap(body: str, id_: str | None = "7", header: str = "") -> bytes:
    known = "" if id_ is None else f'<cwmp:ID soap-env:mustUnderstand="1">{id_}</cwmp:ID>'
    return ENVELOPE.format(header=known + header, body=body).encode()


def values(parameters: Mapping[str, str], type_: str = "xsd:string") -> str:
    items = "".join(
        f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="{type_}">{value}</Value></ParameterValueStruct>'
        for name, value in parameters.items()
    )
    count = f"cwmp:ParameterValueStruct[{len(parameters)}]"
    return f'<ParameterList soap-enc:arrayType="{count}">{items}</ParameterList>'


def set_values(type_: str = "xsd:string", key: str = "k", **parameters: str) -> bytes:
    named = values({BASE + name: value for name, value in parameters.items()}, type_)
    body = f"<cwmp:SetParameterValues>{named}<ParameterKey>{key}</ParameterKey></cwmp:SetParameterValues>"
    return soap(body)


def get_values(*names: str) -> bytes:
    listed = "".join(f"<string>{name}</string>" for name in names)
    return soap(
        f'<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType="xsd:string[{len(names)}]">{listed}'
        "</ParameterNames></cwmp:GetParameterValues>"
    )


def fault(code: int, id_: str = "7") -> bytes:
    return soap(
        "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        f"<FaultCode>{code}</FaultCode><FaultString>no</FaultString></cwmp:Fault></detail></soap-env:Fault>",
        id_,
    )


def inform(*events: str) -> bytes:
    listed = "".join(
        f"<EventStruct><EventCode>{code}</EventCode><CommandKey></CommandKey></EventStruct>"
        for code in events
    )
    return soap(
        "<cwmp:Inform><DeviceId><Manufacturer>LANCOM</Manufacturer><OUI>00A057</OUI>"
        "<ProductClass>LC</ProductClass><SerialNumber>1</SerialNumber></DeviceId>"
        f'<Event soap-enc:arrayType="cwmp:EventStruct[{len(events)}]">{listed}</Event>'
        "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-03-01T10:00:00+01:00</CurrentTime>"
        f"<RetryCount>0</RetryCount>{values(FORCED)}</cwmp:Inform>",
        "1",
    )


INFORM_RESPONSE = soap("<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>", "1")


def program(
    body: bytes | tuple[Action, ...],
    wanted: Wanted = Wanted.ANYTHING,
    *codes: int,
    requirement: str = "",
    surface: Surface = Surface.SOAP,
    **origin: Any,
) -> Program:
    actions = (Reply(body),) if isinstance(body, bytes) else body
    made = Program(surface, actions, Expectation(wanted, codes, requirement, "A.3"), says="as it stands")
    return msgspec.structs.replace(made, origin=msgspec.structs.replace(made.origin, **origin))


def seen(made: Program, end: End = End.ANSWERED, answer: Answer | None = None, **more: Any) -> Observation:
    """What followed *made*; IDs are right unless *more* says otherwise."""
    if answer is None:
        answer = Answer.RESPONSE if end is End.ANSWERED else Answer.NONE
    found = envelope(made).envelope
    given = found.header.id if found is not None else None
    known = {"id_sent": given, "id_got": given if end is End.ANSWERED else None}
    return Observation(made, end, answer, **{**known, **more})


def faulted(made: Program, code: int, **more: Any) -> Observation:
    return seen(made, answer=Answer.FAULT, rpc="Fault", fault_code=code, **more)


def control(alive: bool = True, **snapshot: Any) -> Control:
    return Control(
        alive=alive,
        reason="" if alive else "no session within 30 s",
        seconds=0.01,
        route="connection-request" if alive else "",
        snapshot=Snapshot(**{"events": ("6 CONNECTION REQUEST",), "up_time": 100, **snapshot}),
    )


def evidence(*observations: Observation, **more: Any) -> Evidence:
    given = {"before": control(), "after": control(up_time=130), "transcript": Transcript(), **more}
    return Evidence(observations=observations, **given)


class Typist:
    """Writes a session down: what the device posts and what the bench answers, a second apart."""

    def __init__(self) -> None:
        self.now = 0.0
        self.connection = Connection(
            "c1", Role.ACS, "acs", ("198.51.100.2", 40000), ("198.51.100.10", 80), 0.0, 0.0
        )
        self.record = SessionRecord("s1", [], 0.0)
        self.transcript = Transcript([self.connection], [self.record])

    def device(self, body: bytes = b"") -> str:
        head = "POST / HTTP/1.1\r\nHost: acs.bench.test\r\n"
        head += 'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction:\r\n' if body else ""
        return self._write(Direction.FROM_DEVICE, head, body, "")

    def bench(self, body: bytes = b"", note: str = "") -> str:
        return self._write(Direction.TO_DEVICE, f"HTTP/1.1 {200 if body else 204} Fine\r\n", body, note)

    def _write(self, direction: Direction, head: str, body: bytes, note: str) -> str:
        self.now += 1.0
        head += f"Content-Length: {len(body)}\r\n"
        lines = head.split("\r\n")
        headers = [
            (key, value.strip()) for key, _, value in (line.partition(":") for line in lines[1:] if line)
        ]
        data = head.encode() + b"\r\n"
        self.connection.chunks.append(Chunk(self.now, self.now, direction, data + body))
        message = HttpMessage(
            f"c1.{len(self.connection.messages) + 1}", "c1", direction, self.now, self.now, self.now, self.now,
            lines[0], headers, body, data, 0, len(data) + len(body), note=note,
        )  # fmt: skip
        self.connection.messages.append(message)
        self.record.messages.append(message.id)
        return message.id

    def end(self, how: str = "complete") -> Transcript:
        self.record.ended, self.record.ended_at, self.record.ended_real = how, self.now, self.now
        return self.transcript


def session(
    *programs: tuple[Program, bytes], note: str = "fuzz", event: str = "6 CONNECTION REQUEST"
) -> Evidence:
    """A session in which each program was answered with these octets, written as an executor writes it."""
    typist = Typist()
    typist.device(inform(event))
    typist.bench(INFORM_RESPONSE)
    typist.device()
    observations = []
    for made, answer in programs:
        action = made.actions[-1]
        assert isinstance(action, Reply)
        legal = made.expectation.wanted is Wanted.SUCCESS
        sent = typist.bench(action.body, "" if legal else note)
        got = typist.device(answer)
        observations.append(seen(made, messages=(sent, got)))
    typist.bench()
    return evidence(*observations, transcript=typist.end())
