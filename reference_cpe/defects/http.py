"""Defects of HTTP: start line, headers, cookies, framing."""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.cwmp.cookies import CookieJar
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.http import Headers
from reference_cpe.parts import Parts
from reference_cpe.urls import Target

TR069 = "tr069 suites"


def _sent(alter: Callable[[bytes], bytes]) -> Callable[[Parts], None]:
    """Everything that is written passes through *alter*."""
    return lambda parts: rewire(parts.wire, outgoing=lambda data: (alter(data),))


def _headers(alter: Callable[[Headers, bytes], Headers]) -> Callable[[Parts], None]:
    """The headers of a POST pass through *alter*, with its body."""

    def apply(parts: Parts) -> None:
        original = parts.http.post_headers

        def post_headers(target: Target, body: bytes) -> Headers:
            return alter(original(target, body), body)

        rewire(parts.http, post_headers=post_headers)

    return apply


def _without(*names: str) -> Callable[[Headers, bytes], Headers]:
    return lambda headers, _body: [entry for entry in headers if entry[0] not in names]


def _with(name: str, value: str, *, empty: bool) -> Callable[[Headers, bytes], Headers]:
    return lambda headers, body: [*headers, (name, value)] if empty is not bool(body) else headers


def _quoted(headers: Headers, _body: bytes) -> Headers:
    return [(name, "text/plain" if name == "Content-Type" else value) for name, value in headers]


def _empty(data: bytes) -> bool:
    return data.startswith(b"POST ") and b"\r\nContent-Length: 0\r\n" in data


def _twice(data: bytes) -> bytes:
    """The empty POST once more in the same write."""
    return data * 2 if _empty(data) else data


def _line_feed(data: bytes) -> bytes:
    return data.replace(b"Content-Length: 0", b"Content-Length: 2", 1) + b"\r\n" if _empty(data) else data


POST, TYPE = "cwmp.http.post-with-host", "cwmp.http.content-type"
BARE, ACTION = "cwmp.http.empty-post-bare", "cwmp.http.soapaction"

for _name, _summary, _breaks, _apply in (
    ("http-1-0", "Requests are of HTTP/1.0.", [POST],
     _sent(lambda data: data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1))),
    ("host-missing", "Requests have no Host header.", [POST],
     _sent(lambda data: re.sub(rb"\r\nHost: [^\r]*", b"", data, count=1))),
    ("host-twice", "Requests have two Host headers.", [POST],
     _sent(lambda data: re.sub(rb"(\r\nHost: [^\r]*)", rb"\1\1", data, count=1))),
    ("put-in-place-of-post", "Requests to the ACS are PUT.", [POST],
     _sent(lambda data: b"PUT" + data[4:] if data.startswith(b"POST") else data)),
    ("pipelines", "The empty POST is sent twice in one go, before any answer.",
     ["cwmp.http.no-pipelining", "cwmp.session.no-post-after-end"], _sent(_twice)),
    ("content-type-missing", "SOAP is sent without Content-Type.", [TYPE], _headers(_without("Content-Type"))),
    ("content-type-plain", "SOAP is sent as text/plain.", [TYPE], _headers(_quoted)),
    ("soapaction-missing", "No request has a SOAPAction header.", [ACTION], _headers(_without("SOAPAction"))),
    ("soapaction-twice", "Requests with a body have two SOAPAction headers.", [ACTION],
     _headers(_with("SOAPAction", "", empty=False))),
    ("empty-post-with-soapaction", "The empty POST has a SOAPAction.", [BARE],
     _headers(_with("SOAPAction", "", empty=True))),
    ("empty-post-with-type", "The empty POST has a Content-Type.", [BARE],
     _headers(_with("Content-Type", "text/xml", empty=True))),
    ("empty-post-of-white-space", "The empty POST consists of a line feed.", [BARE],
     _sent(_line_feed)),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _apply)


class _Selective(CookieJar):
    """Takes only the cookies that `keeps` says."""

    keeps: Callable[[str], bool]

    def store(self, set_cookie: str, *, host: str, path: str, now: float) -> None:
        if type(self).keeps(set_cookie):
            super().store(set_cookie, host=host, path=path, now=now)


def _jar(keeps: Callable[[str], bool]) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        class Jar(_Selective):
            pass

        Jar.keeps = staticmethod(keeps)
        parts.new_jar = Jar

    return apply


def _altered_cookie(alter: Callable[[str], str]) -> Callable[[Parts], None]:
    """The Cookie header passes through *alter*."""

    def apply(parts: Parts) -> None:
        original = parts.http.style
        rewire(
            parts.http,
            style=lambda headers: original(
                [(name, alter(value) if name == "Cookie" else value) for name, value in headers]
            ),
        )

    return apply


for _name, _summary, _apply, _seen in (
    ("cookie-with-path-dropped", "Cookies with a Path attribute are not returned.",
     _jar(lambda text: "path=" not in text.lower()), "a CPE in the GenieACS forum"),
    ("cookie-value-cut", "Only the first eight characters of a cookie are returned.",
     _altered_cookie(lambda value: "; ".join(pair[:8] for pair in value.split("; "))), ""),
    ("cookie-upper-case", "Cookies are returned in upper case.", _altered_cookie(str.upper), ""),
):  # fmt: skip
    tabled(_name, _summary, ["cwmp.cookie.returned"], _apply, _seen)


@defect("second-cookie-dropped", breaks=["cwmp.cookie.returned"], awaiting=TR069)
def second_cookie_dropped(parts: Parts) -> None:
    """Of several cookies only the first is returned."""
    _altered_cookie(lambda value: value.partition(";")[0])(parts)


@defect("header-case-matters", breaks=["cwmp.http.response-framing"], awaiting=TR069)
def header_case_matters(parts: Parts) -> None:
    """Headers of a response are understood only in their usual spelling."""
    original = parts.wire.incoming
    rewire(parts.wire, incoming=lambda data: original(data.replace(b"content-length:", b"x-content-length:")))
