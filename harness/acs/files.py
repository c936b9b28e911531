"""The file server: what a CPE downloads and uploads, and the proof that it did not.

Refusing a transfer means that nothing was fetched: so requests are counted for each offer, and TCP
connections for the whole server, requests or not.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from harness.acs.auth import Basic, Digest, Gate
from harness.acs.endpoints import Endpoint, Endpoints
from harness.lab.recorder import Clock, Recorder
from harness.lab.reply import Reply
from harness.lab.stream import Stream
from harness.lab.tls import TlsSettings
from harness.verdict.transcript import HttpMessage, Role


@dataclass(slots=True)
class Offer:
    """A file that is there to be fetched."""

    path: str
    url: str
    content: bytes
    gate: Gate | None = None
    hits: list[HttpMessage] = field(default_factory=list)
    """Requests for it, challenged ones included."""
    served: int = 0
    """How often its content was sent completely."""

    @property
    def connections(self) -> int:
        """TCP connections on which it was asked for."""
        return len({hit.connection for hit in self.hits})


@dataclass(frozen=True, slots=True)
class Received:
    """A file that a CPE has uploaded."""

    path: str
    content: bytes
    request: HttpMessage


class FileServer:
    """Serves offers by GET and HEAD, takes uploads by PUT and POST, answers 404 to all else."""

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        *,
        token: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self.endpoints = Endpoints(Role.FILE_SERVER, clock, recorder, self._handle)
        self.hits: list[HttpMessage] = []
        """Every request so far."""
        self.received: list[Received] = []
        self._token = token
        self._offers: dict[str, Offer] = {}
        self._upload_gate: Gate | None = None

    def add_endpoint(
        self,
        name: str,
        sock: socket.socket,
        scheme: str,
        host_names: Sequence[str],
        tls: TlsSettings | None = None,
    ) -> Endpoint:
        """Listen on *sock* too; see `Endpoints.add`."""
        return self.endpoints.add(name, sock, scheme, host_names, tls)

    @property
    def connections(self) -> int:
        """TCP connections so far, whether or not a request came on them."""
        return self.endpoints.connections

    def url(self, path: str, endpoint: str = "", host: str | None = None) -> str:
        """The URL of *path* at *endpoint* (default: the one added first)."""
        found = self.endpoints[endpoint] if endpoint else self.endpoints.first()
        return found.url(host, path)

    def offer(
        self,
        path: str,
        content: bytes,
        *,
        auth: Basic | Digest | None = None,
        endpoint: str = "",
        host: str | None = None,
    ) -> Offer:
        """Put *content* at *path* (in place of what was there); *auth* protects it."""
        path = path if path.startswith("/") else f"/{path}"
        gate = Gate(auth, self._token) if auth else None
        self._offers[path] = offer = Offer(path, self.url(path, endpoint, host), content, gate)
        return offer

    def reset(self) -> None:
        """Withdraw all offers, forget what was received and counted."""
        self._offers.clear()
        self.hits.clear()
        self.received.clear()
        self.uploads_need(None)

    def uploads_need(self, auth: Basic | Digest | None) -> None:
        """Ask for these credentials before an upload is taken."""
        self._upload_gate = Gate(auth, self._token) if auth else None

    async def close(self) -> None:
        """Close the listeners."""
        await self.endpoints.close()

    async def _handle(self, _stream: Stream, http: HttpMessage) -> Reply | None:
        self.hits.append(http)
        path = http.target.partition("?")[0]
        if http.method in ("PUT", "POST"):
            return self._take(path, http)
        offer = self._offers.get(path)
        if offer is None:
            return Reply(404)
        offer.hits.append(http)
        if http.method not in ("GET", "HEAD"):
            return Reply(405, headers=[("Allow", "GET, HEAD")])
        challenge = offer.gate.challenge(http) if offer.gate else None
        return challenge or self._content(offer, http)

    def _content(self, offer: Offer, http: HttpMessage) -> Reply:
        def sent(message: HttpMessage | None) -> None:
            offer.served += message is not None and http.method == "GET"

        headers = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(offer.content)))]
        return replace(Reply(200, headers=headers, body=offer.content), on_sent=sent)

    def _take(self, path: str, http: HttpMessage) -> Reply:
        challenge = self._upload_gate.challenge(http) if self._upload_gate else None
        if challenge is None:
            self.received.append(Received(path, http.body, http))
        return challenge or Reply(201, "Created")
