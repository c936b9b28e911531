"""The head of an HTTP/1.x message: read as written, judged in words, written byte for byte (RFC 9112 2-5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110 5.6.2."""
_VERSION = re.compile(r"HTTP/\d\.\d")
_STATUS = re.compile(r"\d{3}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(slots=True)
class Parsed:
    """One message. ``start`` and ``end`` are offsets in all bytes fed; ``head`` includes the blank line."""

    start_line: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    head: bytes = b""
    start: int = 0
    end: int = 0
    complete: bool = True
    anomalies: tuple[str, ...] = ()

    def values(self, name: str) -> list[str]:
        """All values of the header *name*, compared without case."""
        wanted = name.lower()
        return [value for key, value in self.headers if key.lower() == wanted]


def request_line(start_line: str) -> tuple[str, str, str]:
    """Method, target and version of a request line, however it is spaced; missing parts are ``""``."""
    words = start_line.split()
    if len(words) > 2:
        return words[0], " ".join(words[1:-1]), words[-1]
    method, target, *_ = *words, "", ""
    return method, target, ""


def list_members(values: Iterable[str]) -> list[str]:
    """Members of a comma-separated header, lower case, over all its fields (RFC 9110 5.6.1)."""
    return [part.strip().lower() for value in values for part in value.split(",") if part.strip()]


def head(start_line: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A head exactly as given, CRLF ended; characters are written as latin-1.

    Raises:
        ValueError: a character does not fit in latin-1.
    """
    lines = [start_line, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


# --- what a strict reader would have refused in a head ---


def read_headers(lines: Iterable[bytes], note: Callable[[str], None]) -> list[tuple[str, str]]:
    """Header fields of *lines* (without their ends), as written; *note* is told what is odd."""
    headers: list[tuple[str, str]] = []
    for raw in lines:
        line = raw.decode("latin-1")
        if line[0] in " \t":
            note("a header line is folded, or begins with a blank (RFC 9112 5.2)")
            if headers:
                name, value = headers[-1]
                headers[-1] = (name, f"{value} {line.strip()}".strip())
                continue
        name, colon, value = line.partition(":")
        if not colon:
            note(f"a header line has no colon: {line[:40]!r}")
        elif name != name.strip():
            note("blanks around a header name (RFC 9112 5.1)")
        name, value = name.strip(), value.strip(" \t")
        if not TOKEN.fullmatch(name):
            note(f"header name {name[:40]!r} is not a token (RFC 9110 5.1)")
        if _CONTROL.search(value):
            note(f"a control character in header {name[:40]!r} (RFC 9110 5.5)")
        headers.append((name, value))
    return headers


def check_request(message: Parsed, note: Callable[[str], None]) -> None:
    """Tell *note* what a strict server would refuse in the head of *message*."""
    method, target, version = request_line(message.start_line)
    if message.start_line != f"{method} {target} {version}" or " " in target:
        note(f"request line {message.start_line[:80]!r} is not METHOD SP target SP version (RFC 9112 3)")
    if not TOKEN.fullmatch(method):
        note(f"method {method[:40]!r} is not a token (RFC 9110 9.1)")
    if not _VERSION.fullmatch(version):
        note(f"version {version[:40]!r} is not HTTP/1.1 (RFC 9112 2.3)")
    if _CONTROL.search(target) or not target.isascii():
        note("a control or non-ASCII character in the target (RFC 9112 3.2)")
    hosts = message.values("Host")
    if len(hosts) > 1:
        note("more than one Host header (RFC 9112 3.2)")
    elif not hosts and version != "HTTP/1.0":
        note("no Host header (RFC 9112 3.2)")


def check_response(message: Parsed, note: Callable[[str], None]) -> None:
    """Tell *note* what a strict client would refuse in the head of *message*."""
    words = message.start_line.split(" ", 2)
    if not _VERSION.fullmatch(words[0]):
        note(f"version {words[0][:40]!r} is not HTTP/1.1 (RFC 9112 2.3)")
    if len(words) < 2 or not _STATUS.fullmatch(words[1]):
        note(f"status line {message.start_line[:80]!r} is not version SP status SP reason (RFC 9112 4)")
    elif len(words) < 3:
        note("no blank after the status code (RFC 9112 4)")
