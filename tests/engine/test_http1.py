"""The lenient HTTP reader: against h11 where valid, in words where odd, bounded where hostile."""

from __future__ import annotations

import itertools

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.lab.http1 import HttpError, Kind, Limits, Reader
from harness.lab.http1_head import Parsed, head, request_line

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).map(lambda name: f"X-{name}")
VALUES = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def read_all(kind: Kind, parts: list[bytes], limits: Limits | None = None, methods: str = "") -> list[Parsed]:
    reader = Reader(kind, limits)
    for method in methods.split():
        reader.expect(method)
    found = [message for part in parts for message in reader.feed(part)]
    return found + reader.end()


def one(data: bytes, kind: Kind = Kind.REQUEST) -> Parsed:
    (message,) = read_all(kind, [data])
    return message


def h11_requests(data: bytes) -> list[tuple[str, str, list[tuple[str, str]], bytes]]:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    found = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            return found
        if isinstance(event, h11.Request):
            request, body = event, b""
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            headers = [(n.decode(), v.decode()) for n, v in request.headers]
            found.append((request.method.decode(), request.target.decode(), headers, body))
            connection.send(h11.Response(status_code=204, headers=[]))
            connection.send(h11.EndOfMessage())
            connection.start_next_cycle()


@given(HEADERS, st.binary(max_size=40), st.booleans(), st.lists(st.integers(0, 500), max_size=6))
def test_valid_requests_are_read_as_h11_reads_them(
    headers: list[tuple[str, str]], body: bytes, chunked: bool, cuts: list[int]
) -> None:
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(body)))
    start = head("POST /a?b HTTP/1.1", [("Host", "h"), *headers, framing])
    coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
    data = start + (coded if chunked else body)
    found = read_all(Kind.REQUEST, pieces(data * 2, cuts))
    theirs = h11_requests(data * 2)
    ours = [(*request_line(m.start_line)[:2], [(n.lower(), v) for n, v in m.headers], m.body) for m in found]
    assert ours == theirs
    assert [m.anomalies for m in found] == [(), ()]
    assert [(m.start, m.end) for m in found] == [(0, len(data)), (len(data), 2 * len(data))]
    assert all(m.head == start for m in found)


@given(
    st.sampled_from([200, 204, 304, 401]), st.binary(max_size=30), st.lists(st.integers(0, 200), max_size=5)
)
def test_valid_responses_are_read_as_h11_reads_them(status: int, body: bytes, cuts: list[int]) -> None:
    body = b"" if status in (204, 304) else body
    framing = [] if status in (204, 304) else [("Content-Length", str(len(body)))]
    data = head(f"HTTP/1.1 {status} reason", framing) + body
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    theirs = b""
    while isinstance(event := client.next_event(), h11.Data):
        theirs += bytes(event.data)
    (ours,) = read_all(Kind.RESPONSE, pieces(data, cuts), methods="GET")
    assert (ours.body, ours.anomalies, ours.complete) == (theirs, (), True)


@pytest.mark.parametrize(
    ("data", "anomaly", "body"),
    [
        (b"GET / HTTP/1.1\nHost: h\n\n", "LF alone", b""),
        (b"GET / HTTP/1.1\r\n\r\n", "no Host header", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "more than one Host", b""),
        (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "blanks around a header name", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "folded", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "no colon: 'nonsense'", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\xe9: 1\r\n\r\n", "is not a token", b""),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "control character in header 'X'", b""),
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "an empty line precedes", b""),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "is not METHOD SP target", b""),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "is not METHOD SP target", b""),
        (b"GET /\r\nHost: a\r\n\r\n", "version ''", b""),
        (b"GET / HTTP/9\r\nHost: a\r\n\r\n", "version 'HTTP/9'", b""),
        (b"P HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nok", "more than once", b"ok"),
        (b"P / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\nok", "differ", b"ok"),
        (b"P / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nok", "has a sign", b"ok"),
        (
            b"P / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nok\r\n0\r\n\r\n",
            "Content-Length beside Transfer-Encoding",
            b"ok",
        ),
        (
            b"P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
            b"2 ;x=1\r\nok\r\n0\r\nT: 1\r\n\r\n",
            "chunked, once, alone",
            b"ok",
        ),
        (
            b"P / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok0\r\n\r\n",
            "no CRLF after",
            b"ok",
        ),
    ],
)
def test_odd_requests_are_read_and_told(data: bytes, anomaly: str, body: bytes) -> None:
    message = one(data)
    assert any(anomaly in text for text in message.anomalies), message.anomalies
    assert (message.body, message.complete, message.end) == (body, True, len(data))


def test_odd_header_syntax_keeps_what_is_written() -> None:
    message = one(b"GET / HTTP/1.1\r\nhOST:a\r\nX:  one\r\n\ttwo \r\nEmpty:\r\nY: a:b\r\n\r\n")
    assert message.headers == [("hOST", "a"), ("X", "one two"), ("Empty", ""), ("Y", "a:b")]


def test_response_until_close_and_interim_and_head() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    data += b"HTTP/1.1 200 OK\r\n\r\nrest"
    found = read_all(Kind.RESPONSE, [data], methods="HEAD GET")
    assert [(m.start_line, m.body) for m in found] == [
        ("HTTP/1.1 100 Continue", b""),
        ("HTTP/1.1 200 OK", b""),
        ("HTTP/1.1 200 OK", b"rest"),
    ]


def test_204_with_a_length_is_told() -> None:
    message = one(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Kind.RESPONSE)
    assert message.anomalies == (
        "Content-Length or Transfer-Encoding in a 204 response (RFC 9110 8.6, 9112 6.1)",
    )


@pytest.mark.parametrize(
    "data", [b"GET", b"GET / HTTP/1.1\r\nHo", b"P / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"]
)
def test_cut_message_is_incomplete(data: bytes) -> None:
    message = one(data)
    assert not message.complete
    assert message.anomalies[-1] == "the connection ended inside the message"
    assert message.end == len(data)


def test_stray_line_end_after_a_message_is_no_message() -> None:
    data = b"P / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n\r\n"
    assert len(read_all(Kind.REQUEST, [data])) == 1


def test_good_messages_come_before_the_error() -> None:
    reader = Reader(Kind.REQUEST)
    assert len(reader.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x00")) == 1
    with pytest.raises(HttpError):
        reader.feed(b"")


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=60), max_size=8), st.sampled_from(Kind))
def test_hostile_bytes_give_messages_or_the_documented_error(parts: list[bytes], kind: Kind) -> None:
    reader = Reader(kind, Limits(head=100, headers=4, body=50))
    failed: HttpError | None = None
    try:
        for part in parts:
            reader.feed(part)
        reader.end()
    except HttpError as error:
        failed = error
    rest = reader.unfinished("over")
    assert failed is None or failed.status in (400, 413, 431)
    assert rest is None or (failed is not None and rest.anomalies[-1] == "over")


TOKENS = st.sampled_from(
    (
        *(
            b"POST / HTTP/1.1",
            b"HTTP/1.1 200 OK",
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"Content-Length: 3",
            b"abc",
            b":",
        ),
        *(b"Transfer-Encoding: chunked", b"3", b"0", b" ", b"\x00", b"Expect: 100-continue"),
        b"Content-Length: -1",
    )
)


@settings(max_examples=400)
@given(st.lists(TOKENS, max_size=14), st.integers(1, 7), st.sampled_from(Kind))
def test_how_the_bytes_are_cut_does_not_matter(tokens: list[bytes], size: int, kind: Kind) -> None:
    data = b"".join(tokens)

    def read(parts: list[bytes]) -> tuple[list[Parsed], str]:
        reader, found = Reader(kind), []
        try:
            for part in parts:
                found += reader.feed(part)
            reader.feed(b"")
        except HttpError as error:
            return found, str(error)
        return found + reader.end(), ""

    assert read([data]) == read([data[i : i + size] for i in range(0, len(data), size)])


def test_long_messages_may_come_octet_by_octet() -> None:
    # Quadratic work would take minutes here.
    data = head("POST / HTTP/1.1", [("Host", "a"), ("X", "y" * 60_000), ("Transfer-Encoding", "chunked")])
    data += b"1\r\na\r\n" * 40_000 + b"0\r\n\r\n"
    reader = Reader(Kind.REQUEST)
    found = []
    for octet in data:
        assert not reader.wants_continue
        found += reader.feed(bytes([octet]))
    assert [(len(m.body), m.end) for m in found] == [(40_000, len(data))]
