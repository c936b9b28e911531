"""HTTP/1.x read leniently and written byte for byte, sans-IO (RFC 9110, RFC 9112).

`Reader` takes whatever bytes come and gives messages: it reads all that can be read and lists, in words,
what a strict reader would have refused. Only where the end of a message cannot be known, or a bound is
passed, it gives up with `HttpError`. Its work is linear in the bytes fed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from harness.lab.http1_head import Parsed, check_request, check_response, list_members, read_headers

_HEX = re.compile(rb"[0-9A-Fa-f]{1,16}")
_CHUNK_LINE = 4096
"""Longest chunk-size line that is read, extensions included."""


class Kind(Enum):
    REQUEST = "request"
    RESPONSE = "response"


class HttpError(ValueError):
    """The bytes cannot be read as HTTP/1.x any further.

    ``status`` is what a server answers: 400 malformed, 413 body too large, 431 head too large.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one message: octets of the head, number of header fields, octets of the decoded body."""

    head: int = 65_536
    headers: int = 256
    body: int = 16 * 1024 * 1024


class _State(Enum):
    HEAD = "head"
    LENGTH = "body by Content-Length"
    CLOSE = "body until close"
    CHUNK_SIZE = "chunk size"
    CHUNK_DATA = "chunk data"
    CHUNK_END = "end of chunk"
    TRAILERS = "trailers"


class Reader:
    """Incremental reader of one direction of a connection.

    For responses, `expect` tells the method of each request, in order, because a response to HEAD has no
    body (RFC 9112 6.3).
    """

    def __init__(self, kind: Kind, limits: Limits | None = None) -> None:
        self._kind = kind
        self._limits = limits or Limits()
        self._buffer = bytearray()
        self._position = 0
        self._methods: list[str] = []
        self._failed: HttpError | None = None
        self._reset()

    def _reset(self) -> None:
        self._state = _State.HEAD
        self._scanned = 0
        self._lines: list[bytes] = []
        self._head_size = 0
        self._trailer_size = 0
        self._message = Parsed(start=self._position)
        self._anomalies: dict[str, None] = {}
        self._head_bytes = bytearray()
        self._body = bytearray()
        self._left = 0

    # --- what the outside sees ---

    def expect(self, method: str) -> None:
        """A request with *method* has been sent; the next unanswered response belongs to it."""
        self._methods.append(method)

    @property
    def in_message(self) -> bool:
        """A message has begun and is not complete."""
        return (
            self._state is not _State.HEAD or bool(self._lines) or bytes(self._buffer[:2]) not in (b"", b"\r")
        )

    @property
    def wants_continue(self) -> bool:
        """The sender of a request waits for ``100 Continue`` before its body (RFC 9110 10.1.1)."""
        return (
            self._state not in (_State.HEAD, _State.TRAILERS)
            and not self._body
            and not self._buffer
            and "100-continue" in list_members(self._message.values("Expect"))
        )

    def feed(self, data: bytes) -> list[Parsed]:
        """Take *data*; return the messages that it completed.

        Raises:
            HttpError: the stream cannot be read any further; `unfinished` gives what was read of the
                message, and each later call raises the same error.
        """
        if self._failed is not None:
            raise self._failed
        self._buffer += data
        done: list[Parsed] = []
        try:
            while self._step():
                if self._message.end:
                    done.append(self._message)
                    self._reset()
        except HttpError as error:
            self._failed = error
            if done:  # give the good ones first; the error comes with the next call
                return done
            raise
        return done

    def end(self) -> list[Parsed]:
        """The sender has closed: a body read until close is complete, anything else begun is not."""
        if self._state is _State.CLOSE and self._failed is None:
            self._finish()
            message = self._message
            self._reset()
            return [message]
        rest = self.unfinished("the connection ended inside the message")
        return [rest] if rest else []

    def unfinished(self, reason: str) -> Parsed | None:
        """What was read of a message that will not become complete, with *reason* as an anomaly."""
        if not self.in_message:
            return None
        message = self._message
        if not message.head:
            message.head = bytes(self._head_bytes + self._buffer)
            first = self._lines[0] if self._lines else bytes(self._buffer[:_CHUNK_LINE])
            message.start_line = first.decode("latin-1").strip("\r\n")
            message.headers = read_headers(self._lines[1:], self._note)
        message.body = bytes(self._body)
        message.complete = False
        self._note(reason)
        message.anomalies = tuple(self._anomalies)
        message.end = self._position + len(self._buffer)
        self._position = message.end
        self._buffer.clear()
        self._reset()
        return message

    # --- the machine ---

    def _note(self, anomaly: str) -> None:
        self._anomalies[anomaly] = None

    def _consume(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._position += count
        self._scanned = 0
        return data

    def _line(self, limit: int, what: str, status: int) -> bytes | None:
        """The next line, without its end; ``None`` until it is there."""
        found = self._buffer.find(b"\n", self._scanned)
        if (len(self._buffer) if found < 0 else found) > limit:
            raise HttpError(f"{what} is longer than {limit} octets", status)
        if found < 0:
            self._scanned = len(self._buffer)
            return None
        line = self._consume(found + 1)
        if self._state is _State.HEAD:
            self._head_bytes += line
        if not line.endswith(b"\r\n"):
            self._note("a line ends with LF alone; CRLF is wanted (RFC 9112 2.2)")
            return line[:-1]
        return line[:-2]

    def _step(self) -> bool:
        """Do one piece of work; False when more bytes are needed."""
        match self._state:
            case _State.HEAD:
                return self._step_head()
            case _State.LENGTH | _State.CHUNK_DATA | _State.CLOSE:
                return self._step_body()
            case _State.CHUNK_SIZE:
                return self._step_chunk_size()
            case _State.CHUNK_END:
                return self._step_chunk_end()
            case _State.TRAILERS:
                return self._step_trailer()

    def _step_head(self) -> bool:
        if not self._lines and self._buffer:
            self._check_first_octet(self._buffer[0])
        left = self._limits.head - len(self._head_bytes)
        line = self._line(left, "the head", 431)
        if line is None:
            return False
        if line:
            self._lines.append(line)
            if len(self._lines) > self._limits.headers + 1:
                raise HttpError(f"more than {self._limits.headers} header fields", 431)
        elif not self._lines:
            self._note("an empty line precedes the start line (RFC 9112 2.2)")
        else:
            self._end_head()
        return True

    def _check_first_octet(self, octet: int) -> None:
        if octet == 0x16:
            raise HttpError("not HTTP: a TLS record on a plain-text port")
        if octet not in b"\r\n\t " and not 0x21 <= octet < 0x7F:
            raise HttpError(f"not HTTP: the first octet is 0x{octet:02x}")

    def _end_head(self) -> None:
        message = self._message
        message.head = bytes(self._head_bytes)
        message.start_line = self._lines[0].decode("latin-1")
        message.headers = read_headers(self._lines[1:], self._note)
        if self._kind is Kind.REQUEST:
            check_request(message, self._note)
        else:
            check_response(message, self._note)
        self._begin_body(message)

    def _begin_body(self, message: Parsed) -> None:
        codings = list_members(message.values("Transfer-Encoding"))
        lengths = [part.strip() for value in message.values("Content-Length") for part in value.split(",")]
        if self._bodiless(message, bool(codings or lengths)):
            self._finish()
        elif "chunked" in codings:
            self._check_codings(message, codings, bool(lengths))
            self._state = _State.CHUNK_SIZE
        elif lengths:
            if codings:
                self._note("Transfer-Encoding without chunked beside Content-Length; the latter is used")
            self._left = self._length(lengths)
            self._state = _State.LENGTH
            if not self._left:
                self._finish()
        elif self._kind is Kind.RESPONSE:
            self._state = _State.CLOSE
            self._left = -1
        elif codings and codings != ["identity"]:
            raise HttpError(f"Transfer-Encoding {', '.join(codings)!r}: the end of the body cannot be known")
        else:
            self._finish()

    def _bodiless(self, message: Parsed, framed: bool) -> bool:
        """Whether the message is a response that never has a body (RFC 9112 6.3, first two points)."""
        if self._kind is Kind.REQUEST:
            return False
        words = message.start_line.split()
        status = words[1] if len(words) > 1 else ""
        interim = status.startswith("1") and len(status) == 3
        method = "" if interim or not self._methods else self._methods.pop(0)
        if (interim or status == "204") and framed:
            self._note(f"Content-Length or Transfer-Encoding in a {status} response (RFC 9110 8.6, 9112 6.1)")
        return interim or status in ("204", "304") or method == "HEAD"

    def _check_codings(self, message: Parsed, codings: list[str], length: bool) -> None:
        if length:
            self._note("Content-Length beside Transfer-Encoding; the latter is used (RFC 9112 6.3)")
        if codings != ["chunked"]:
            self._note(f"Transfer-Encoding is {', '.join(codings)}; chunked, once, alone is wanted")
        if "HTTP/1.0" in message.start_line:
            self._note("Transfer-Encoding in an HTTP/1.0 message (RFC 9112 6.1)")

    def _length(self, values: list[str]) -> int:
        if len(set(values)) > 1:
            self._note("Content-Length fields differ; the first is used (RFC 9112 6.3)")
        elif len(values) > 1:
            self._note("Content-Length is given more than once (RFC 9110 8.6)")
        digits = values[0]
        if digits.startswith("+"):
            self._note("Content-Length has a sign; digits alone are wanted")
            digits = digits[1:].strip()
        if not (digits.isascii() and digits.isdigit()):
            raise HttpError(f"Content-Length {values[0][:40]!r} is not a number")
        if len(digits.lstrip("0")) > 15 or int(digits) > self._limits.body:
            raise HttpError(f"a body of {digits[:20]} octets is longer than {self._limits.body}", 413)
        return int(digits)

    def _step_body(self) -> bool:
        if not self._buffer:
            return False
        count = len(self._buffer) if self._left < 0 else min(self._left, len(self._buffer))
        if len(self._body) + count > self._limits.body:
            raise HttpError(f"the body is longer than {self._limits.body} octets", 413)
        self._body += self._consume(count)
        if self._left < 0:
            return False
        self._left -= count
        if self._left:
            return False
        if self._state is _State.CHUNK_DATA:
            self._state = _State.CHUNK_END
        else:
            self._finish()
        return True

    def _step_chunk_size(self) -> bool:
        line = self._line(_CHUNK_LINE, "a chunk-size line", 400)
        if line is None:
            return False
        size = line.partition(b";")[0]
        if size != size.strip():
            self._note("blanks beside a chunk size (RFC 9112 7.1)")
        size = size.strip()
        if not _HEX.fullmatch(size):
            raise HttpError(f"chunk size {size[:20]!r} is not a hexadecimal number")
        self._left = int(size, 16)
        if len(self._body) + self._left > self._limits.body:
            raise HttpError(f"the body is longer than {self._limits.body} octets", 413)
        self._state = _State.CHUNK_DATA if self._left else _State.TRAILERS
        return True

    def _step_chunk_end(self) -> bool:
        if not self._buffer or (self._buffer == b"\r"):
            return False
        if self._buffer[0] not in b"\r\n":
            self._note("no CRLF after a chunk's data (RFC 9112 7.1)")
            self._state = _State.CHUNK_SIZE
            return True
        line = self._line(_CHUNK_LINE, "the end of a chunk", 400)
        if line is None:
            return False
        if line:
            raise HttpError("a chunk is longer than its size")
        self._state = _State.CHUNK_SIZE
        return True

    def _step_trailer(self) -> bool:
        line = self._line(self._limits.head - self._trailer_size, "the trailer section", 431)
        if line is None:
            return False
        self._trailer_size += len(line)
        if not line:
            self._finish()
        return True

    def _finish(self) -> None:
        message = self._message
        message.body = bytes(self._body)
        message.end = self._position
        message.anomalies = tuple(self._anomalies)
