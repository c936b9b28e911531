"""The device's HTTP/1.1 client: one request at a time on one connection, h11 over the `Rim`."""

from __future__ import annotations

from dataclasses import dataclass

import h11

from reference_cpe.rim import Rim

Headers = list[tuple[str, str]]


class HttpFailed(OSError):
    """No complete response. ``stale``: the connection had been closed before the request reached the peer."""

    def __init__(self, message: str, stale: bool = False) -> None:
        super().__init__(message)
        self.stale = stale


@dataclass(frozen=True, slots=True)
class Response:
    """A response; header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


class HttpConnection:
    """HTTP on one TCP connection. ``used`` counts the responses that came on it."""

    def __init__(self, rim: Rim) -> None:
        self.rim = rim
        self.used = 0
        self._h11 = h11.Connection(h11.CLIENT)

    def reusable(self) -> bool:
        """Whether a further request may go on this connection."""
        fresh = self._h11.our_state is h11.IDLE and self._h11.their_state is h11.IDLE
        return fresh and not self.rim.ended()

    async def request(self, method: str, target: str, headers: Headers, body: bytes, limit: int) -> Response:
        """Send a request and wait for the response, of at most *limit* bytes.

        Raises:
            HttpFailed: connection lost, not HTTP, or too long.
        """
        # A user name may have any letter; h11 itself writes ASCII alone.
        octets = [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers]
        try:
            sent = (
                self._h11.send(h11.Request(method=method, target=target, headers=octets)) or b"",
                self._h11.send(h11.Data(data=body)) or b"" if body else b"",
                self._h11.send(h11.EndOfMessage()) or b"",
            )
        except h11.LocalProtocolError as error:
            raise HttpFailed(f"request cannot be sent: {error}") from error
        try:
            await self.rim.write(b"".join(sent))
        except OSError as error:
            raise HttpFailed(f"request not sent: {error}", stale=self.used > 0) from error
        response = await self._response(limit)
        self.used += 1
        if self._h11.our_state is h11.DONE and self._h11.their_state is h11.DONE:
            self._h11.start_next_cycle()
        return response

    async def _response(self, limit: int) -> Response:
        head: h11.Response | None = None
        body = bytearray()
        while True:
            event = await self._event(nothing_yet=head is None)
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > limit:
                    raise HttpFailed(f"response longer than {limit} bytes")
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                headers = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers)
                return Response(head.status_code, headers, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise HttpFailed("connection closed without a response")

    async def _event(self, nothing_yet: bool) -> object:
        """The next h11 event; reads until there is one."""
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise self._broken(error, nothing_yet) from error
            if event is not h11.NEED_DATA:
                return event
            try:
                data = await self.rim.read()
            except OSError as error:
                raise self._broken(error, nothing_yet) from error
            try:
                self._h11.receive_data(data)
            except h11.RemoteProtocolError as error:
                raise self._broken(error, nothing_yet) from error

    def _broken(self, error: Exception, nothing_yet: bool) -> HttpFailed:
        stale = nothing_yet and self.used > 0 and self.rim.reset()
        return HttpFailed(f"no complete response: {error}", stale)

    async def close(self) -> None:
        await self.rim.close()
