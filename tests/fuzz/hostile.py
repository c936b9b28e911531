"""What a hostile device may send: octets for codec, HTTP reader, ACS and TLS; every random choice has its seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp import soap

WHO = m.DeviceIdStruct("Maker", "001122", "Box", "S1")
INFORM: Final = soap.encode(
    m.Envelope(
        m.Inform(
            WHO,
            (m.EventStruct("2 PERIODIC"),),
            1,
            "2026-01-01T00:00:00Z",
            0,
            (m.ParameterValueStruct("Device.DeviceInfo.HardwareVersion", "1"),),
        ),
        m.Header(id="1"),
    )
)
CORPUS: Final = (
    INFORM,
    soap.encode(m.Envelope(m.GetRPCMethodsResponse(("GetRPCMethods", "Reboot")), m.Header(id="2"))),
    soap.encode(
        m.Envelope(
            m.GetParameterValuesResponse(
                (
                    m.ParameterValueStruct("Device.A", "1", "xsd:int"),
                    m.ParameterValueStruct("Device.B", "true"),
                )
            ),
            m.Header(id="3"),
        )
    ),
    soap.encode(
        m.Envelope(
            m.Fault(9003, "no", (m.SetParameterValuesFault("Device.A", 9005, "none"),)), m.Header(id="4")
        )
    ),
    soap.encode(
        m.Envelope(m.TransferComplete("k", m.FaultStruct(0), "2026-01-01T00:00:00Z", ""), m.Header(id="5"))
    ),
)
TOKENS: Final = (
    b"<", b">", b"&", b"]]>", b"<!--", b"-->", b"<![CDATA[", b"<?xml version='1.0' encoding='utf-16'?>", b"&#0;",
    b"&amp;", b"&x;", b"<!DOCTYPE a>", b' xmlns=""', b' xmlns:cwmp="urn:x"', b' xsi:nil="1"', b"\x00", b"\xff\xfe",
    b"\xef\xbb\xbf", b"[4294967296]", b"[-1]", b"99999999999999999999", b"urn:dslforum-org:cwmp-1-4", b"/>", b'"',
    b"<soap-env:Body>", b"</soap-env:Body>", b"\xc0\x80", b"\xed\xa0\x80",
)  # fmt: skip


def havoc(data: bytes, chance: random.Random, most: int = 8) -> bytes:
    """*data* after up to *most* changes: octets, pieces taken out, doubled or moved, tokens put in."""
    found = bytearray(data)
    for _ in range(chance.randint(1, most)):
        at = chance.randrange(len(found) + 1)
        piece = bytes(found[at : at + chance.choice((1, 4, 30, 200))])
        match chance.randrange(6):
            case 0:
                found[at : at + 1] = chance.randbytes(1)
            case 1:
                del found[at : at + len(piece)]
            case 2:
                found[at:at] = piece * chance.choice((1, 2, 50))
            case 3:
                found[at:at] = chance.choice(TOKENS)
            case 4:
                to = chance.randrange(len(found) + 1)
                found[to:to] = piece
            case _:
                found[at:] = found[at:].replace(piece[:3] or b"\0", chance.choice(TOKENS), 1)
    return bytes(found)


def wrapped(inner: bytes, header: bytes = b"") -> bytes:
    return (
        b'<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
        b' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
        b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        b' xmlns:cwmp="urn:dslforum-org:cwmp-1-2"><soap-env:Header>'
        + header
        + b"</soap-env:Header><soap-env:Body>"
        + inner
        + b"</soap-env:Body></soap-env:Envelope>"
    )


EMPTY: Final = wrapped(b"<cwmp:GetRPCMethods/>")
_BLANKS: Final = b" " * 600
_LAUGHS: Final = b"".join(
    b'<!ENTITY l%d "%s">' % (n, (b"&l%d;" % (n - 1)) * 10 if n else b"lol") for n in range(9)
)

HAZARDS: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b"", "not-xml"),
    "blanks": (b" \r\n", "not-xml"),
    "doctype": (b"<!DOCTYPE a>" + EMPTY, "doctype"),
    "doctype-after-comments": (
        b"<?xml version='1.0'?>" + b"<!--a-->" * 500 + b"<!DOCTYPE a>" + EMPTY,
        "doctype",
    ),
    "doctype-in-utf-16": ("<!DOCTYPE a []>".encode("utf-16") + EMPTY.decode().encode("utf-16-le"), "doctype"),
    "external-dtd": (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">' + EMPTY, "doctype"),
    "external-entity": (b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + EMPTY, "doctype"),
    "parameter-entity": (b'<!DOCTYPE a [<!ENTITY % e SYSTEM "http://127.0.0.1:9/"> %e;]>' + EMPTY, "doctype"),
    "billion-laughs": (b"<!DOCTYPE a [" + _LAUGHS + b"]><a>&l8;</a>", "doctype"),
    "quadratic": (b'<!DOCTYPE a [<!ENTITY e "' + b"x" * 50_000 + b'">]><a>' + b"&e;" * 20_000, "doctype"),
    "undeclared-entity": (EMPTY.replace(b"<cwmp:GetRPCMethods/>", b"&e;"), "not-xml"),
    "xml-1-1": (b'<?xml version="1.1"?>' + EMPTY, "xml.version"),
    "xml-1-1-out-of-sight": (b"<?xml " + _BLANKS + b'version="1.1"?>' + EMPTY, "not-xml"),
    "utf-7": (b'<?xml version="1.0" encoding="UTF-7"?>' + EMPTY, "encoding"),
    "utf-7-out-of-sight": (b'<?xml version="1.0"' + _BLANKS + b'encoding="UTF-7"?>' + EMPTY, "not-xml"),
    "utf-32": (EMPTY.decode().encode("utf-32"), "encoding"),
    "ebcdic": (b'<?xml version="1.0" encoding="cp037"?>'.decode().encode("cp037") + b"\0", "encoding"),
    "unknown-encoding": (b'<?xml version="1.0" encoding="nothing"?>' + EMPTY, "encoding"),
    "overlong-utf-8": (wrapped(b"<a>\xc0\x80</a>"), "not-xml"),
    "surrogate": (wrapped(b"<a>\xed\xa0\x80</a>"), "not-xml"),
    "nul": (wrapped(b"<a>\0</a>"), "not-xml"),
    "nul-reference": (wrapped(b"<a>&#0;</a>"), "not-xml"),
    "control-character": (wrapped(b"<a>&#x1;</a>"), "not-xml"),
    "two-roots": (EMPTY * 2, "not-xml"),
    "junk-behind": (EMPTY + b"junk", "not-xml"),
    "unclosed": (EMPTY[:-9], "not-xml"),
    "same-attribute-twice": (wrapped(b'<a b="" b=""/>'), "not-xml"),
    "same-attribute-by-namespace": (wrapped(b'<a xmlns:p="u" xmlns:q="u" p:b="" q:b=""/>'), "not-xml"),
    "undeclared-prefix": (wrapped(b"<zz:a/>"), "not-xml"),
    "depth-200": (wrapped(b"<a>" * 200 + b"</a>" * 200), "too-deep"),
    "depth-100000": (b"<a>" * 100_000, "too-deep"),
    "attributes": (
        wrapped(b"<cwmp:GetRPCMethods " + b" ".join(b'a%d=""' % n for n in range(10_000)) + b"/>"),
        "too-large",
    ),
    "large": (wrapped(b"<a>" + b"x" * (8 * 1024 * 1024) + b"</a>"), "too-large"),
    "long-attribute": (wrapped(b'<cwmp:GetRPCMethods a="' + b"x" * 11_000_000 + b'"/>'), "too-large"),
    "no-body": (EMPTY.replace(b"soap-env:Body", b"soap-env:Torso"), "envelope.children"),
    "two-in-body": (wrapped(b"<cwmp:GetRPCMethods/>" * 2), "body.children"),
}
"""Name: document, and the problem that reading it must end with."""


def shapes(size: int) -> Iterator[tuple[str, bytes]]:
    """Documents of that many of one thing, for measuring how work grows."""
    string = b"<string>a</string>"
    value = (
        b'<ParameterValueStruct><Name>a</Name><Value xsi:type="xsd:string">b</Value></ParameterValueStruct>'
    )
    answer = b"<cwmp:GetParameterValuesResponse><ParameterList>%s</ParameterList></cwmp:GetParameterValuesResponse>"
    names = b"<cwmp:GetParameterValues><ParameterNames>%s</ParameterNames></cwmp:GetParameterValues>"
    yield "siblings", wrapped(b"<cwmp:GetRPCMethods/>" + b"<a/>" * size)
    yield "names", wrapped(names % (string * size))
    yield "values", wrapped(answer % (value * size))
    yield "wrong items", wrapped(answer % (b"<X/>" * size))
    yield "namespaces", wrapped(answer % b"".join(b'<p%d:a xmlns:p%d="u"/>' % (n, n) for n in range(size)))
    yield "headers", wrapped(b"<cwmp:GetRPCMethods/>", b"<a/>" * size)
    yield "texts", wrapped(b"<cwmp:GetRPCMethods>" + b"a<b/>" * size + b"</cwmp:GetRPCMethods>")
    yield (
        "digits",
        wrapped(
            b"<cwmp:ScheduleInform><DelaySeconds>" + b"9" * size + b"</DelaySeconds></cwmp:ScheduleInform>"
        ),
    )


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /cwmp HTTP/1.1", b"Host: a", *headers, b"Content-Length: %d" % len(body), b"", b""]
    return b"\r\n".join(lines) + body


_HEAD: Final = b"POST /cwmp HTTP/1.1\r\nHost: a\r\n"
HTTP: Final[dict[str, bytes]] = {
    "nothing": b"",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http-0-9": b"GET /\r\n",
    "http-9-9": b"POST / HTTP/9.9\r\nHost: a\r\n\r\n",
    "long-target": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "long-header": _HEAD + b"A: " + b"x" * 200_000 + b"\r\n\r\n",
    "many-headers": _HEAD + b"A: b\r\n" * 5_000 + b"\r\n",
    "no-colon": _HEAD + b"junk\r\n\r\n",
    "folded": _HEAD + b"A: b\r\n c\r\n\r\n",
    "nul": _HEAD + b"A: \0\r\n\r\n",
    "line-feeds": _HEAD.replace(b"\r", b"") + b"\n",
    "length-negative": _HEAD + b"Content-Length: -1\r\n\r\n",
    "length-plus": _HEAD + b"Content-Length: +5\r\n\r\nabcde",
    "length-hex": _HEAD + b"Content-Length: 0x5\r\n\r\nabcde",
    "length-huge": _HEAD + b"Content-Length: 18446744073709551616\r\n\r\n",
    "length-digits": _HEAD + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    "length-twice": _HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "length-too-large": _HEAD + b"Content-Length: 500\r\n\r\nabc",
    "both-lengths": _HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk-zero-first": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunk-huge": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
    "chunk-negative": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabcde\r\n",
    "chunk-junk": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "chunk-extension": _HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n1;"
    + b"x" * 70_000
    + b"\r\na\r\n0\r\n\r\n",
    "chunks-of-one": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 5_000 + b"0\r\n\r\n",
    "trailers": _HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 10_000 + b"\r\n",
    "coding-unknown": _HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "pipelined": post(INFORM) * 20,
    "cookie-large": _HEAD + b"Cookie: " + b"a=b; " * 10_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "cookie-odd": _HEAD + b"Cookie: \xff=;;;=;session\r\nContent-Length: 0\r\n\r\n",
    "login-odd": post(INFORM, b'Authorization: Digest username="' + b"\\" * 9_999),
    "login-many": post(INFORM, b"Authorization: Digest " + b'a="b",' * 5_000),
    "expect": _HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    "connect": b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "gzip-bomb": post(b"\x1f\x8b\x08" + b"\0" * 2_000, b"Content-Encoding: gzip"),
    **{f"soap-{name}": post(data) for name, (data, _) in HAZARDS.items() if len(data) < 200_000},
}
