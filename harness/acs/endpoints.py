"""The listeners of one server of the bench, and the URLs that lead to them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.lab.recorder import Clock, Recorder
from harness.lab.reply import Reply
from harness.lab.stream import Stream
from harness.lab.tls import TlsSettings
from harness.lab.wire import Handler, Listener
from harness.verdict.transcript import HttpMessage, Role


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listener, the scheme it speaks, and the names and addresses under which a device reaches it."""

    name: str
    scheme: str
    hosts: tuple[str, ...]
    listener: Listener

    @property
    def port(self) -> int:
        return self.listener.address[1]

    def url(self, host: str | None = None, path: str = "/") -> str:
        """A URL of this endpoint; *host* defaults to its first name, an IPv6 literal gets its brackets."""
        name = host or self.hosts[0]
        if ":" in name and not name.startswith("["):
            name = f"[{name}]"
        return f"{self.scheme}://{name}:{self.port}{path if path.startswith('/') else '/' + path}"


class Endpoints:
    """Endpoints by name; all of them lead to one handler."""

    def __init__(self, role: Role, clock: Clock, recorder: Recorder, handler: Handler) -> None:
        self._role = role
        self._clock = clock
        self._recorder = recorder
        self._handler = handler
        self.takeover: Handler | None = None
        """Answers in the handler's place while it is set."""
        self._by_name: dict[str, Endpoint] = {}

    def add(
        self, name: str, sock: socket.socket, scheme: str, hosts: Sequence[str], tls: TlsSettings | None
    ) -> Endpoint:
        """Start to serve *sock* (non-blocking, listening) in the running loop.

        Raises:
            ValueError: the name is taken, there is no host, or https comes without TLS settings.
        """
        if name in self._by_name or not hosts or (scheme == "https") != (tls is not None):
            raise ValueError(f"endpoint {name!r}: a new name, a host, and TLS settings for https alone")
        listener = Listener(
            sock,
            name=name,
            role=self._role,
            clock=self._clock,
            recorder=self._recorder,
            handler=self._handle,
            tls=tls,
        )
        listener.start()
        self._by_name[name] = endpoint = Endpoint(name, scheme, tuple(hosts), listener)
        return endpoint

    async def _handle(self, stream: Stream, http: HttpMessage) -> Reply | None:
        return await (self.takeover or self._handler)(stream, http)

    def __getitem__(self, name: str) -> Endpoint:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._by_name.values())

    def first(self) -> Endpoint:
        """The endpoint added first.

        Raises:
            LookupError: there is none yet.
        """
        for endpoint in self._by_name.values():
            return endpoint
        raise LookupError("no endpoint yet")

    @property
    def connections(self) -> int:
        """TCP connections accepted so far, requests or not."""
        return sum(endpoint.listener.connections for endpoint in self._by_name.values())

    @property
    def errors(self) -> list[BaseException]:
        """Exceptions of our own code while it served: the harness is at fault."""
        return [error for endpoint in self._by_name.values() for error in endpoint.listener.errors]

    async def close(self) -> None:
        """Close all listeners and their connections."""
        for endpoint in self._by_name.values():
            await endpoint.listener.close()
