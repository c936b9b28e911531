"""A small typewriter for transcripts: raw bytes in, a `Transcript` out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from harness.rules.engine import RuleResult, judge
from harness.verdict.transcript import (
    Chunk,
    Connection,
    Direction,
    HttpMessage,
    Role,
    SessionRecord,
    TlsRecord,
    Transcript,
)

USER, PASSWORD = "00A057-LC-1", "s3cret"
Replacements = Iterable[tuple[str, str]]

ENVELOPE = (
    '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns:cwmp="urn:dslforum-org:cwmp-1-2">'
    '<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">{id}</cwmp:ID>{header}</soap-env:Header>'
    "<soap-env:Body>{body}</soap-env:Body></soap-env:Envelope>"
)
PARAMETERS = {
    "Device.RootDataModelVersion": "2.17",
    "Device.DeviceInfo.HardwareVersion": "A",
    "Device.DeviceInfo.SoftwareVersion": "10.80",
    "Device.DeviceInfo.ProvisioningCode": "",
    "Device.ManagementServer.ParameterKey": "",
    "Device.ManagementServer.ConnectionRequestURL": "http://198.51.100.2:7547/cr/8d2f",
}


def envelope(body: str, id_: str = "1", header: str = "") -> str:
    return ENVELOPE.format(id=id_, body=body, header=header)


def values(parameters: dict[str, str]) -> str:
    items = "".join(
        f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="xsd:string">{value}</Value>'
        "</ParameterValueStruct>"
        for name, value in parameters.items()
    )
    count = f"cwmp:ParameterValueStruct[{len(parameters)}]"
    return f'<ParameterList soap-enc:arrayType="{count}">{items}</ParameterList>'


def inform(*events: tuple[str, str], parameters: dict[str, str] | None = None, id_: str = "1") -> str:
    listed = "".join(
        f"<EventStruct><EventCode>{code}</EventCode><CommandKey>{key}</CommandKey></EventStruct>"
        for code, key in events
    )
    return envelope(
        "<cwmp:Inform><DeviceId><Manufacturer>LANCOM</Manufacturer><OUI>00A057</OUI>"
        "<ProductClass>LC</ProductClass><SerialNumber>1</SerialNumber></DeviceId>"
        f'<Event soap-enc:arrayType="cwmp:EventStruct[{len(events)}]">{listed}</Event>'
        "<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>2026-03-01T10:00:00+01:00</CurrentTime>"
        f"<RetryCount>0</RetryCount>{values(PARAMETERS if parameters is None else parameters)}</cwmp:Inform>",
        id_,
    )


INFORM_RESPONSE = envelope("<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>")
TRANSFER_COMPLETE = envelope(
    "<cwmp:TransferComplete><CommandKey>k</CommandKey><FaultStruct><FaultCode>0</FaultCode>"
    "<FaultString></FaultString></FaultStruct><StartTime>2026-03-01T09:00:00Z</StartTime>"
    "<CompleteTime>2026-03-01T09:00:05Z</CompleteTime></cwmp:TransferComplete>",
    "2",
)
TRANSFER_COMPLETE_RESPONSE = envelope("<cwmp:TransferCompleteResponse/>", "2")
GET_VALUES = envelope(
    '<cwmp:GetParameterValues><ParameterNames soap-enc:arrayType="xsd:string[1]"><string>Device.X</string>'
    "</ParameterNames></cwmp:GetParameterValues>",
    "42",
)
GET_VALUES_RESPONSE = envelope(
    f"<cwmp:GetParameterValuesResponse>{values({'Device.X': 'v'})}</cwmp:GetParameterValuesResponse>", "42"
)
SET_VALUES = envelope(
    f"<cwmp:SetParameterValues>{values({'Device.X': 'w'})}<ParameterKey/></cwmp:SetParameterValues>",
    "43",
)
SET_FAULT = envelope(
    "<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
    "<FaultCode>9003</FaultCode><FaultString>Invalid arguments</FaultString><SetParameterValuesFault>"
    "<ParameterName>Device.X</ParameterName><FaultCode>9008</FaultCode><FaultString>read-only</FaultString>"
    "</SetParameterValuesFault></cwmp:Fault></detail></soap-env:Fault>",
    "43",
)
GET_METHODS = envelope("<cwmp:GetRPCMethods/>", "44")
GET_METHODS_RESPONSE = envelope(
    '<cwmp:GetRPCMethodsResponse><MethodList soap-enc:arrayType="xsd:string[1]"><string>Reboot</string>'
    "</MethodList></cwmp:GetRPCMethodsResponse>",
    "44",
)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def digest(nc: int, nonce: str = "n1", uri: str = "/", user: str = USER, password: str = PASSWORD) -> str:
    ha1, ha2 = md5(f"{user}:acs:{password}"), md5(f"POST:{uri}")
    response = md5(f"{ha1}:{nonce}:{nc:08x}:c0:auth:{ha2}")
    return (
        f'Digest username="{user}", realm="acs", nonce="{nonce}", uri="{uri}", qop=auth, nc={nc:08x}, '
        f'cnonce="c0", response="{response}", opaque="o"'
    )


CHALLENGE = 'WWW-Authenticate: Digest realm="acs", nonce="n1", qop="auth", algorithm=MD5, opaque="o"'


class Talk:
    """Writes down connections, messages and sessions; every message takes a second of both clocks.

    *changes* are applied to the text of everything the device sends, before its length is counted.
    """

    def __init__(self, changes: Replacements = ()) -> None:
        self.transcript = Transcript()
        self.changes = tuple(changes)
        self.now = 0.0
        self.record: SessionRecord | None = None

    def connect(self, role: Role = Role.ACS, tls: bool = False) -> Talk:
        number = len(self.transcript.connections) + 1
        address = ("198.51.100.2", 40000), ("198.51.100.10", 80)
        connection = Connection(f"c{number}", role, "acs", *address, self.now, self.now)
        connection.tls = TlsRecord() if tls else None
        self.transcript.connections.append(connection)
        return self

    def session(self) -> Talk:
        self.record = SessionRecord(f"s{len(self.transcript.sessions) + 1}", [], self.now, self.now)
        self.transcript.sessions.append(self.record)
        return self

    def end(self, how: str = "complete", after: float = 0.0) -> Talk:
        assert self.record is not None
        self.now += after
        self.record.ended, self.record.ended_at, self.record.ended_real = how, self.now, self.now
        self.record = None
        return self

    def raw(
        self,
        direction: Direction,
        head: str,
        body: bytes,
        note: str = "",
        pause: float = 1.0,
        complete: bool = True,
    ) -> HttpMessage:
        """A message of the current connection, exactly as given."""
        self.now += pause
        connection = self.transcript.connections[-1]
        lines = head.split("\r\n")
        headers = [(k, v.strip()) for k, _, v in (line.partition(":") for line in lines[1:])]
        data = head.encode("latin-1") + b"\r\n\r\n"
        start = len(connection.data(direction))
        connection.chunks.append(Chunk(self.now, self.now, direction, data + body))
        message = HttpMessage(
            f"{connection.id}.{len(connection.messages) + 1}", connection.id, direction, self.now, self.now,
            self.now, self.now, lines[0], headers, body, data, start,
            start + len(data) + len(body), complete, (), note,
        )  # fmt: skip
        connection.messages.append(message)
        if self.record is not None and connection.role is Role.ACS:
            self.record.messages.append(message.id)
        return message

    def device(self, body: str = "", *headers: str, pause: float = 1.0, complete: bool = True) -> Talk:
        """A POST of the device; Content-Type and SOAPAction as they should be, unless *headers* say so."""
        head = ["POST / HTTP/1.1", "Host: acs.bench.test", *headers]
        if body:
            head += ['Content-Type: text/xml; charset="utf-8"', "SOAPAction:"]
        self._write(Direction.FROM_DEVICE, head, body, self.changes, "", pause, complete)
        return self

    def bench(
        self, body: str = "", *headers: str, status: int = 0, note: str = "", pause: float = 1.0
    ) -> Talk:
        """An answer of the ACS."""
        code = status or (200 if body else 204)
        self._write(Direction.TO_DEVICE, [f"HTTP/1.1 {code} Reason", *headers], body, (), note, pause, True)
        return self

    def _write(
        self,
        direction: Direction,
        head: list[str],
        body: str,
        changes: Replacements,
        note: str,
        pause: float,
        complete: bool,
    ) -> None:
        text = "\r\n".join(head)
        for old, new in changes:
            text, body = text.replace(old, new), body.replace(old, new)
        data = body.encode()
        if "Content-Length" not in text and "Transfer-Encoding" not in text:
            text += f"\r\nContent-Length: {len(data)}"
        self.raw(direction, text, data, note, pause, complete)

    def knock(self, head: str, answer: str, body: bytes = b"", note: str = "") -> Talk:
        """A connection request of the bench and the device's answer, on a connection of their own."""
        self.connect(Role.CONNECTION_REQUEST)
        self.raw(Direction.TO_DEVICE, head, b"", note)
        self.raw(Direction.FROM_DEVICE, answer, body)
        return self


COOKIES = ("Set-Cookie: a=1", "Set-Cookie: b=x=y; Path=/")
COOKIE = "Cookie: a=1; b=x=y"


def dialogue(*changes: tuple[str, str]) -> Transcript:
    """A correct day of a device: a connection request, a long session, a short one."""
    talk = Talk(changes)
    talk.knock(
        "GET /cr/8d2f HTTP/1.1\r\nHost: x", 'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="1"'
    )
    talk.knock("GET /cr/8d2f HTTP/1.1\r\nHost: x\r\nAuthorization: Digest x", "HTTP/1.1 204 No Content")
    events = ("6 CONNECTION REQUEST", ""), ("7 TRANSFER COMPLETE", ""), ("M Download", "k")
    talk.connect().session()
    talk.device(inform(*events)).bench("", CHALLENGE, status=401)
    talk.device(inform(*events), f"Authorization: {digest(1)}").bench(INFORM_RESPONSE, *COOKIES)
    talk.device(TRANSFER_COMPLETE, COOKIE, f"Authorization: {digest(2)}").bench(TRANSFER_COMPLETE_RESPONSE)
    talk.device("", COOKIE, f"Authorization: {digest(3)}").bench(GET_VALUES)
    talk.device(GET_VALUES_RESPONSE, COOKIE, f"Authorization: {digest(4)}").bench(SET_VALUES)
    talk.device(SET_FAULT, COOKIE, f"Authorization: {digest(5)}").bench(GET_METHODS)
    talk.device(GET_METHODS_RESPONSE, COOKIE, f"Authorization: {digest(6)}").bench().end()
    talk.connect().session()
    talk.device(inform(("2 PERIODIC", "")), f"Authorization: {digest(7)}").bench(INFORM_RESPONSE)
    talk.device("", f"Authorization: {digest(8)}").bench().end()
    return talk.transcript


BOOT = inform(("1 BOOT", ""))


def start(*headers: str) -> Talk:
    return Talk().connect().session().device(BOOT).bench(INFORM_RESPONSE, *headers)


def results(transcript: Transcript) -> dict[str, RuleResult]:
    found = {each.rule: each for each in judge(transcript, credentials=[(USER, PASSWORD)])}
    assert not [each.error for each in found.values() if each.error]
    return found


def broken(transcript: Transcript) -> set[str]:
    return {rule for rule, each in results(transcript).items() if any(not b.minor for b in each.breaches)}


def blemished(transcript: Transcript) -> set[str]:
    return {rule for rule, each in results(transcript).items() if any(b.minor for b in each.breaches)}
