"""What a listener answers: a correct HTTP response, or exactly the bytes that a case wants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.lab.http1_head import Parsed, head
from harness.verdict.transcript import HttpMessage

REASONS: Final = {
    100: "Continue", 200: "OK", 201: "Created", 204: "No Content", 301: "Moved Permanently", 302: "Found",
    304: "Not Modified", 307: "Temporary Redirect", 308: "Permanent Redirect", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    408: "Request Timeout", 413: "Content Too Large", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Send:
    """These bytes, in one write."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing for so many real seconds, or until the device ends the connection."""

    seconds: float


@dataclass(frozen=True, slots=True)
class CutFin:
    """End the connection with FIN (no close_notify)."""


@dataclass(frozen=True, slots=True)
class CutReset:
    """End the connection with a TCP reset."""


@dataclass(frozen=True, slots=True)
class Step:
    """Do something between two writes: let the device's time pass."""

    go: Callable[[], Awaitable[None]]


Action: TypeAlias = Send | Wait | CutFin | CutReset | Step


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Framing headers are added where they are missing; a *program* replaces it all.

    *note* says in words what is wrong on purpose. *on_sent* is told the recorded message, or ``None`` when
    it could not be sent.
    """

    status: int = 200
    reason: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    close: bool = False
    note: str = ""
    program: tuple[Action, ...] | None = None
    on_sent: Callable[[HttpMessage | None], None] | None = None

    def parsed(self, *, with_body: bool = True, close: bool = False) -> Parsed:
        """The message that is written, without its place in the stream."""
        names = {name.lower() for name, _ in self.headers}
        headers = list(self.headers)
        bodiless = self.status in (204, 304) or self.status < 200
        if not bodiless and not names & {"content-length", "transfer-encoding"}:
            headers.append(("Content-Length", str(len(self.body))))
        if (self.close or close) and "connection" not in names:
            headers.append(("Connection", "close"))
        start_line = f"HTTP/1.1 {self.status} {self.reason or REASONS.get(self.status, '')}"
        body = self.body if with_body and not bodiless else b""
        return Parsed(start_line, headers, body, head(start_line, headers))
