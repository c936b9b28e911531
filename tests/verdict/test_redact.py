"""Secrets are overwritten in every form, at the same length, and nothing else is."""

from __future__ import annotations

import base64
import gzip
import html
import json
import urllib.parse
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.verdict import redact_records
from harness.verdict.assertion import Assertion, CaseResult, EvidenceRef
from harness.verdict.redact import Redactor
from harness.verdict.transcript import Chunk, Connection, Direction, HttpMessage, Role, Transcript
from harness.verdict.verdict import Verdict

SECRET = "Pä$s&w<o>r\"d' /%x+9\\"
IN, OUT = Direction.FROM_DEVICE, Direction.TO_DEVICE


def forms(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "plain": secret,
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "quote": urllib.parse.quote(secret),
        "quote all": urllib.parse.quote(secret, safe=""),
        "quote lower": "".join(f"%{octet:02x}" for octet in raw),
        "form": urllib.parse.quote_plus(secret),
        "quoted twice": urllib.parse.quote(urllib.parse.quote(secret, safe=""), safe=""),
        "xml": escape(secret),
        "xml attribute": escape(secret, {'"': "&quot;", "'": "&apos;"}),
        "html": html.escape(secret),
        "xml decimal": "".join(f"&#{ord(each)};" for each in secret),
        "xml hexadecimal": "".join(f"&#x0{ord(each):X};" for each in secret),
        "xml twice": escape(escape(secret)),
        "json": json.dumps(secret)[1:-1],
        "python": repr(secret)[1:-1],
        "python bytes": repr(raw)[2:-1],
        "base64": base64.b64encode(raw).decode(),
        "base64 url": base64.urlsafe_b64encode(raw).decode(),
        "base64 +1": base64.b64encode(b"?" + raw + b"??").decode(),
        "base64 +2": base64.b64encode(b"??" + raw + b"?").decode(),
        "basic": "Basic " + base64.b64encode(b"user:" + raw).decode(),
        "wrapped": base64.encodebytes(b"x" * 50 + raw + b"y" * 50).decode(),
    }


@pytest.mark.parametrize("form", sorted(forms(SECRET)))
def test_every_form_goes(form: str) -> None:
    hidden = forms(SECRET)[form]
    redact = Redactor([SECRET])
    for text in (hidden, f"before {hidden} after", f"<a>{hidden}</a>"):
        clean = redact.text(text)
        assert len(clean) == len(text)
        assert clean != text
        octets = redact.data(text.encode())
        assert len(octets) == len(text.encode())
        for other in forms(SECRET).values():
            assert other not in clean
            assert other.encode() not in octets
    if form in ("base64 +1", "base64 +2", "base64"):
        plain = base64.b64decode(redact.text(hidden))
        assert plain.strip(b"?") == b"*" * len(SECRET.encode())


def test_what_stands_beside_a_basic_password_stays() -> None:
    for password in ("ab", "hunter2", "x" * 90):
        token = base64.b64encode(f"user:{password}".encode()).decode()
        clean = Redactor([password]).text(f"Authorization: Basic {token}")
        assert base64.b64decode(clean.rpartition(" ")[2]) == b"user:" + b"*" * len(password)


def test_latin_1_octets_go_too() -> None:
    assert Redactor(["schlüssel"]).data("<v>schlüssel</v>".encode("latin-1")) == b"<v>*********</v>"


def test_longer_secrets_go_before_their_parts() -> None:
    assert Redactor(["pass", "password", ""]).text("password pass pas") == "******** **** pas"


def test_without_secrets_nothing_changes() -> None:
    assert not Redactor()
    assert not Redactor([""])
    assert Redactor().data(b"\xff\x00abc") == b"\xff\x00abc"
    assert Redactor().text("Basic YTpi") == "Basic YTpi"


@given(st.binary(max_size=200), st.text(min_size=1, max_size=12), st.integers(0, 5))
@example(b"", "\ud800", 0)
@example(b"x", "%", 1)
@example(b"y", "&amp;", 2)
def test_no_secret_survives_and_lengths_stay(around: bytes, secret: str, lead: int) -> None:
    raw = secret.encode("utf-8", "surrogatepass")
    redact = Redactor([secret.encode("utf-8", "replace").decode()])
    data = around[:lead] + raw + around[lead:]
    clean = redact.data(data)
    assert len(clean) == len(data)
    if raw == secret.encode("utf-8", "replace") and b"*" not in raw:
        assert raw not in clean
    assert redact.data(clean) == clean or b"*" in raw


def test_a_megabyte_without_the_secret_is_left_alone() -> None:
    noise = bytes(range(256)) * 4096
    assert Redactor([SECRET, "hunter2"]).data(noise) == noise


# --- records ------------------------------------------------------------------------------------------


def test_a_result_keeps_its_ids() -> None:
    secret = "cwmp"
    said = Assertion("cwmp.x", Verdict.FAIL, "no cwmp", "a cwmp", "cwmp!", "cwmp-rule",
                     (EvidenceRef("message", "c1.1", "cwmp"),))  # fmt: skip
    result = CaseResult("cwmp.a", 1, "cwmp case", "cwmp", Verdict.FAIL, ("cwmp.x",), (said,), (said,),
                        ("do cwmp",), ("saw cwmp",), "since cwmp", evidence="cwmp.a")  # fmt: skip
    clean = redact_records.case(result, Redactor([secret]))
    assert (clean.id, clean.title, clean.area, clean.requirements, clean.evidence) == (
        "cwmp.a", "cwmp case", "cwmp", ("cwmp.x",), "cwmp.a",
    )  # fmt: skip
    assert clean.reason == "since ****"
    assert (clean.steps, clean.observations) == (("do ****",), ("saw ****",))
    for each in (*clean.assertions, *clean.wire):
        assert (each.requirement, each.by) == ("cwmp.x", "cwmp-rule")
        assert (each.expected, each.observed, each.reason) == ("no ****", "a ****", "****!")
        assert each.evidence == (EvidenceRef("message", "c1.1", "****"),)


def post(head: bytes, raw: bytes, body: bytes, *, start: int = 0, name: str = "c1.1") -> HttpMessage:
    lines = head.decode().strip().split("\r\n")
    headers = [(line.partition(":")[0], line.partition(":")[2].strip()) for line in lines[1:]]
    return HttpMessage(
        name, "c1", IN, 0, 0, 0, 0, lines[0], headers, body, head, start, start + len(head) + len(raw)
    )


def carried(message: HttpMessage, raw: bytes, *sizes: int) -> Transcript:
    stream, chunks = message.head + raw, []
    for size in sizes:
        chunks += [Chunk(0, 0, IN, stream[:size]), Chunk(0, 0, OUT, b"answer")]
        stream = stream[size:]
    chunks.append(Chunk(0, 0, IN, stream))
    connection = Connection(
        "c1", Role.ACS, "acs", ("a", 1), ("b", 2), 0, 0, chunks=chunks, messages=[message]
    )
    return Transcript([connection])


def test_a_secret_across_chunks_of_the_stream_goes() -> None:
    head = b"POST / HTTP/1.1\r\nX: hunter2\r\n\r\n"
    raw = b"<v>hunter2</v>"
    record = carried(post(head, raw, raw), raw, 19, 4, len(head) - 20)
    clean, whole = redact_records.transcript(record, Redactor(["hunter2"]))
    (connection,) = clean.connections
    assert whole == []
    assert [len(each.data) for each in connection.chunks] == [
        len(each.data) for each in record.connections[0].chunks
    ]
    assert connection.data(IN) == b"POST / HTTP/1.1\r\nX: *******\r\n\r\n<v>*******</v>"
    (message,) = connection.messages
    assert message.headers == [("X", "*******")]
    assert (message.head + message.body) == connection.data(IN)
    assert record.connections[0].data(IN) == head + raw, "the record that the rules read is another"


def test_a_secret_that_the_chunked_coding_divides_takes_the_body_with_it() -> None:
    head = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = b"4\r\nhunt\r\n3\r\ner2\r\n0\r\n\r\n"
    record = carried(post(head, raw, b"hunter2"), raw)
    clean, whole = redact_records.transcript(record, Redactor(["hunter2"]))
    assert whole == [raw]
    assert clean.connections[0].data(IN) == head + b"*" * len(raw)
    assert clean.connections[0].messages[0].body == b"*" * 7


@pytest.mark.parametrize("said", ["hunter2", "other"])
def test_a_compressed_body_with_a_secret_goes_as_a_whole(said: str) -> None:
    body = gzip.compress(f"<v>{said}</v>".encode())
    head = b"POST / HTTP/1.1\r\nContent-Encoding: gzip\r\n\r\n"
    record = carried(post(head, body, body), body)
    clean, whole = redact_records.transcript(record, Redactor(["hunter2"]))
    gone = said == "hunter2"
    assert whole == ([body] if gone else [])
    assert clean.connections[0].data(IN) == head + (b"*" * len(body) if gone else body)
