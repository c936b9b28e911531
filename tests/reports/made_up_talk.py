"""Made-up evidence: a transcript, frames and a capture for the cases of `made_up`, hostile ones among them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from made_up import HOSTILE

from harness.verdict.transcript import (
    Chunk,
    Closed,
    Connection,
    Direction,
    HttpMessage,
    Role,
    SessionRecord,
    TlsEvent,
    TlsRecord,
    Transcript,
    encode,
)

DEVICE, ACS = Direction.FROM_DEVICE, Direction.TO_DEVICE
ENVELOPE = (
    '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:cwmp="urn:dslforum-org:cwmp-1-2"><soap-env:Header><cwmp:ID>1</cwmp:ID></soap-env:Header>'
    "<soap-env:Body>{}</soap-env:Body></soap-env:Envelope>"
)
INFORM = ENVELOPE.format(
    "<cwmp:Inform><DeviceId><OUI>00A057</OUI></DeviceId><Event><EventStruct><EventCode>{}</EventCode>"
    "</EventStruct></Event><ParameterList>{}</ParameterList></cwmp:Inform>"
)


def message(
    name: str, direction: Direction, start_line: str, body: bytes = b"", at: float = 0.0, real: float = 0.0
) -> HttpMessage:
    headers = [("Host", "acs.bench.test"), ("Content-Length", str(len(body)))]
    head = (start_line + "\r\n" + "".join(f"{key}: {value}\r\n" for key, value in headers) + "\r\n").encode(
        "utf-8", "surrogateescape"
    )
    return HttpMessage(
        id=name, connection=name.rpartition(".")[0], direction=direction, at_first=at, at_last=at,
        real_first=real, real_last=real, start_line=start_line, headers=headers, body=body, head=head,
        start=0, end=len(head) + len(body),
    )  # fmt: skip


def connection(number: int, at: float, *, events: str = "2 PERIODIC", inner: str = "") -> Connection:
    """An https session: Inform, its answer, the empty POST, the end."""
    real = 1000.0 + number
    name = f"c{number}"
    body = INFORM.format(events, inner).encode()
    answer = ENVELOPE.format("<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>")
    tls = TlsRecord(
        client_hello=True, certificate_sent=True, handshake_done=True,
        events=[TlsEvent(at, real + 0.001, DEVICE, "handshake", "ClientHello"),
                TlsEvent(at, real + 0.002, ACS, "handshake", "ServerHello"),
                TlsEvent(at, real + 0.003, ACS, "handshake", "Certificate"),
                TlsEvent(at, real + 0.009, DEVICE, "alert", "close_notify")],
    )  # fmt: skip
    return Connection(
        id=name, role=Role.ACS, endpoint="acs-https", device_address=("198.51.100.2", 40000 + number),
        bench_address=("198.51.100.10", 443), opened_at=at, opened_real=real, closed=Closed.BY_DEVICE,
        closed_at=at, closed_real=real + 0.01, tls=tls,
        chunks=[Chunk(at, real + 0.004, DEVICE, body)],
        messages=[
            message(f"{name}.1", DEVICE, "POST /cwmp HTTP/1.1", body, at, real + 0.004),
            message(f"{name}.2", ACS, "HTTP/1.1 200 OK", answer.encode(), at, real + 0.005),
            message(f"{name}.3", DEVICE, "POST /cwmp HTTP/1.1", b"", at, real + 0.006),
            message(f"{name}.4", ACS, "HTTP/1.1 204 No Content", b"", at, real + 0.007),
        ],
    )  # fmt: skip


def session(number: int, at: float, lasts: float = 0.0) -> SessionRecord:
    return SessionRecord(
        id=f"s{number}", messages=[f"c{number}.{part}" for part in range(1, 5)], started_at=at,
        ended_at=at + lasts, started_real=1000.0 + number, ended_real=1000.01 + number, ended="complete",
    )  # fmt: skip


def talk(*starts: float) -> Transcript:
    """A session at each of the instants."""
    numbers = range(4, 4 + len(starts))
    return Transcript(
        connections=[connection(number, at) for number, at in zip(numbers, starts, strict=True)],
        sessions=[session(number, at) for number, at in zip(numbers, starts, strict=True)],
    )


def file_transfer() -> Connection:
    asked = message("c9.1", DEVICE, "GET /fw.bin HTTP/1.1", at=2.0, real=2000.0)
    return Connection(
        id="c9", role=Role.FILE_SERVER, endpoint="files", device_address=("198.51.100.2", 45000),
        bench_address=("198.51.100.20", 80), opened_at=2.0, opened_real=1999.9, messages=[asked],
    )  # fmt: skip


def hostile_talk() -> Transcript:
    """Messages in which everything is hostile: start lines, headers, bodies, XML text, names and attributes."""
    texts = [each.encode("utf-8", "replace") for each in HOSTILE] + [
        b"\xff\xfe\x00\x80<script>alert(1)</script>"
    ]
    markup = (
        '<x onload="alert(1)"><![CDATA[<script>alert(1)</script>]]>&lt;img src=x onerror=alert(1)&gt;</x>'
        '<script xmlns="http://www.w3.org/1999/xhtml" src="http://evil.test/x.js">alert(1)</script>'
    )
    bomb = (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "'
        + b"A" * 5000
        + b'"><!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;&a;</x>'
    )
    bodies = [INFORM.format("2 &lt;script&gt;alert(1)&lt;/script&gt;", markup).encode(), bomb, *texts]
    messages = []
    for number, body in enumerate(bodies, 1):
        each = message(
            f"c4.{number}", DEVICE, f"POST /{HOSTILE[number % 6]} HTTP/1.1", body, 0.0, number / 100
        )
        each.headers.append(("X-<script>alert(1)</script>", HOSTILE[4]))
        each.head += b"X-\x1b[2J: <img src=x onerror=alert(1)>\r\n"
        each.anomalies = (HOSTILE[0], HOSTILE[4])
        each.note = HOSTILE[1]
        messages.append(each)
    hostile = connection(4, 0.0)
    hostile.messages = messages
    hostile.tls = TlsRecord(
        events=[TlsEvent(0.0, 0.5, DEVICE, "alert", "<script>alert(1)</script>\x1b", True)]
    )
    hostile.device_address = ("<b>x</b>", 1)
    return Transcript([hostile], [SessionRecord("s", [each.id for each in messages])])


FRAME = {
    "number": 17, "time": 5.0, "tap": "wan", "direction": "from-device", "length": 60, "src": "198.51.100.2",
    "dst": "198.51.100.10", "proto": "tcp", "sport": 40004, "dport": 443, "flags": "S", "payload_length": 0,
}  # fmt: skip


def keep(
    bundle: Path, case: str, transcript: Transcript, *, frames: int = 30, src: str = "198.51.100.2"
) -> None:
    """Write the evidence of *case* into *bundle*."""
    folder = bundle / "evidence" / case
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "transcript.json").write_bytes(encode(transcript))
    rows = [
        {
            "file_number": number,
            "frame": {**FRAME, "number": 100 + number, "time": 5 + number / 10, "src": src},
        }
        for number in range(1, frames + 1)
    ]
    saved = {"pcapng": "capture.pcapng", "offset": 100, "dropped": 0, "total": frames + 5, "frames": rows}
    (folder / "frames.json").write_bytes(msgspec.json.encode(saved))
    (folder / "capture.pcapng").write_bytes(b"\x0a\x0d\x0d\x0a" + bytes(28))
