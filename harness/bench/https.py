"""HTTPS as a case sees it: URLs and names, what TLS servers of the bench show and do, and the device's own stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.acs.endpoints import Endpoint
from harness.acs.files import Offer
from harness.bench.contact import settle_sockets
from harness.case import Inconclusive, NotApplicable, NotRun
from harness.lab.etc import NOBODY_PEM
from harness.lab.pki import Authority, Identity
from harness.lab.pki_plan import World
from harness.lab.tls import TlsSettings
from harness.lab.topology import WAN
from harness.verdict.transcript import Connection

if TYPE_CHECKING:
    from harness.bench.bench import Bench
    from harness.bench.names import Names
    from harness.bench.rig import Rig

Call = Callable[..., Any]

SECOND, FILES = "acs-https-second", "files-https"
"""Names of the endpoints that exist from their first use on."""
_FILES_PORT = 8443
_SECOND_PORT = 443
_HELLO = 10.0
"""Real seconds in which a device that was given a reason to connect has sent its ClientHello."""


@dataclass(frozen=True, slots=True)
class Stall:
    """What became of a handshake in which the server fell silent."""

    connection: Connection
    given_up: bool
    waited: float
    """Seconds of device time for which the bench was silent."""


class Https:
    """The TLS servers of the bench. What a case sets up here is taken back by `restore`."""

    def __init__(
        self,
        call: Call,
        rig: Rig,
        names: Names,
        roots: dict[str, Authority],
    ) -> None:
        self._call = call
        self._rig = rig
        self._names = names
        self._roots = roots

    # --- where the device is sent to ---

    def url(self, at: str = "", path: str = "/cwmp") -> tuple[str, str]:
        """An https URL of the ACS and the host in it.

        *at* is ``name`` (a DNS name), ``deep`` (a name of four labels), ``v4``, ``v6``, or empty for the usual.

        Raises:
            NotRun: the bench has no such name or address.
            NotApplicable: the device does not speak IPv6.
        """
        top = self._rig.topology
        host = {"": top.acs_host, "name": top.acs_host, "v4": top.acs_v4, "v6": top.acs_v6}.get(at, "")
        if at == "deep":
            host = self._names.new(a=(top.acs_v4,))
        if not host or (at == "name" and not top.isolated):
            raise NotRun(f"the bench cannot give the ACS a {at or 'name'}: no network namespaces")
        if at == "v6" and "ipv6" not in self._rig.driver.capabilities.features:
            raise NotApplicable("the device has no IPv6")
        endpoint = "acs-https-v6" if at == "v6" or not top.acs_v4 else "acs-https-v4"
        return self._rig.acs.url(endpoint, host, path), host

    def world(self, host: str) -> World:
        """Where plans of chains come true, for that host."""
        top = self._rig.topology
        return World(self._roots, host, top.acs_v4, top.acs_v6)

    def second(self, identity: Identity) -> tuple[str, str]:
        """The URL of a second https host of the ACS, and that host; it shows *identity* (see `show_second`)."""
        return self._call(self._second(identity))  # type: ignore[no-any-return]

    async def _second(self, identity: Identity) -> tuple[str, str]:
        top = self._rig.topology
        if SECOND not in self._endpoint_names():
            port = _SECOND_PORT if top.isolated else 0
            sock = self._rig.lab.listen(WAN, top.files_v4 or top.files_v6, port)
            host = top.files_host if top.isolated else top.acs_host
            self._rig.acs.add_endpoint(SECOND, sock, "https", (host,), self.settings(identity))
        endpoint = self._rig.acs.endpoints[SECOND]
        endpoint.listener.tls = self.settings(identity)
        return endpoint.url(path="/cwmp"), endpoint.hosts[0]

    def _endpoint_names(self) -> set[str]:
        return {endpoint.name for endpoint in self._rig.acs.endpoints}

    # --- what they show ---

    def settings(self, identity: Identity, **changes: Any) -> TlsSettings:
        """Settings that serve any certificate, also one that OpenSSL finds too weak; see `TlsSettings`."""
        given = {"ciphers": "DEFAULT:@SECLEVEL=0", "keylog": self._rig.keylog, **changes}
        return TlsSettings(identity, **given)

    def serve(self, settings: TlsSettings) -> None:
        """Let every https endpoint of the ACS do TLS like this from the next connection on."""
        if not self._call(self._rig.idle()):
            raise Inconclusive("the device did not end its sessions")
        self._call(self._serve(settings))

    def serve_during(self, settings: TlsSettings) -> None:
        """The same in the middle of a session, for the connections that the device opens after this one."""
        self._call(self._serve(settings))

    async def _serve(self, settings: TlsSettings) -> None:
        for endpoint in self._endpoints():
            endpoint.listener.tls = settings

    def _endpoints(self) -> list[Endpoint]:
        return [endpoint for endpoint in self._rig.acs.endpoints if endpoint.scheme == "https"]

    def show_second(self, identity: Identity) -> None:
        """Let the second host show *identity*, and nothing change at the first."""
        self.second(identity)

    # --- what came ---

    def mark(self) -> int:
        """A mark for `since`."""
        return len(self._rig.recorder.transcript.connections)

    def since(self, mark: int, endpoint: str = "") -> list[Connection]:
        """Connections since the mark, at one endpoint or at all https endpoints of the ACS."""
        wanted = {endpoint} if endpoint else {each.name for each in self._endpoints()}
        return [
            connection
            for connection in self._rig.recorder.transcript.connections[mark:]
            if connection.endpoint in wanted
        ]

    def bootstrap(self, bench: Bench) -> Connection | None:
        """Change the path of the ACS URL: the device has something to deliver, and must try again where that fails.

        Its first connection at the new URL, or one that it is given another reason for.
        """
        mark = self.mark()
        path = f"/bootstrap-{bench.fresh()}"
        bench.configure(acs_url=self.url(path=path)[0])
        seen = self.since(mark)
        return seen[0] if seen else bench.attempt()

    def arrived(self, mark: int, endpoint: str, within: float) -> list[Connection]:
        """Connections since the mark at *endpoint*, once one of them is used or over, at the latest after *within* s."""
        return self._call(self._arrived(mark, endpoint, within), deadline=within + 60)  # type: ignore[no-any-return]

    async def _arrived(self, mark: int, endpoint: str, within: float) -> list[Connection]:
        clock = self._rig.clock
        end = clock.now() + within
        if clock.steered:
            await self._rig.idle()
            return self.since(mark, endpoint)
        while clock.now() < end:
            found = self.since(mark, endpoint)
            if any(each.closed != "open" or each.bytes_from_device() for each in found):
                break
            await asyncio.sleep(0.1)
        return self.since(mark, endpoint)

    def stall(self, settings: TlsSettings) -> Stall:
        """Fall silent in the middle of a handshake, as the script of *settings* says, until the device gives up.

        Raises:
            Inconclusive: the device sent no ClientHello.
        """
        patience = 300.0 if self._rig.clock.steered else 2 * self._rig.timing.session
        self.serve(settings)
        return self._call(self._stall(patience), deadline=patience + 120)  # type: ignore[no-any-return]

    async def _stall(self, patience: float) -> Stall:
        mark = self.mark()
        waking = asyncio.ensure_future(self._rig.attempt())
        try:
            connection = await self._hello(mark)
            began = self._rig.clock.now()
            await self._until_given_up(connection, began + patience)
            waited = self._rig.clock.now() - began
            given_up = connection.closed != "open"
        finally:
            await self._serve(self.settings(self._rig.identity))
            for endpoint in self._endpoints():
                if not waking.done():
                    await endpoint.listener.drop()
            await asyncio.gather(waking, return_exceptions=True)
        return Stall(connection, given_up, waited)

    async def _hello(self, mark: int) -> Connection:
        loop = asyncio.get_running_loop()
        end = loop.time() + _HELLO + (0 if self._rig.clock.steered else self._rig.timing.contact)
        while loop.time() < end:
            for connection in self.since(mark):
                if connection.tls is not None and connection.tls.client_hello:
                    return connection
            await asyncio.sleep(0.01)
        raise Inconclusive("the device sent no ClientHello")

    async def _until_given_up(self, connection: Connection, end: float) -> None:
        while connection.closed == "open" and self._rig.clock.now() < end:
            step = 10.0 if self._rig.clock.steered else 0.5
            await self._rig.clock.advance_during(min(step, end - self._rig.clock.now()))
            await settle_sockets()

    # --- the device's stores ---

    @contextmanager
    def system_store(self, *authorities: Authority) -> Iterator[None]:
        """Put roots into the device's system certificate store, where the bench can.

        Raises:
            NotRun: the device has no file system of the bench's.
        """
        etc = self._rig.lab.etc
        if etc is None:
            raise NotRun("the bench cannot reach the system certificate store of this device")
        text = "".join(authority.pem.decode("ascii") for authority in authorities)
        etc.ca_bundle.write_text(NOBODY_PEM + text, encoding="ascii")
        try:
            yield
        finally:
            etc.ca_bundle.write_text(NOBODY_PEM, encoding="ascii")

    # --- files ---

    def offer(self, name: str, content: bytes, identity: Identity) -> Offer:
        """Put *content* on the https file server, which shows *identity*."""
        return self._call(self._offer(name, content, identity))  # type: ignore[no-any-return]

    async def _offer(self, name: str, content: bytes, identity: Identity) -> Offer:
        server, top = self._rig.file_server, self._rig.topology
        if FILES not in {endpoint.name for endpoint in server.endpoints}:
            port = _FILES_PORT if top.isolated else 0
            sock = self._rig.lab.listen(WAN, top.files_v4 or top.files_v6, port)
            server.add_endpoint(FILES, sock, "https", (top.files_host,), self.settings(identity))
        server.endpoints[FILES].listener.tls = self.settings(identity)
        return server.offer(f"/{name}", content, endpoint=FILES)

    @property
    def files_host(self) -> str:
        """The host in the URLs of the https file server."""
        return self._rig.topology.files_host
