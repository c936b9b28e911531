"""The assembled bench, on its own event loop: lab, clock, ACS, file server, PKI and driver.

Cases never see it; `harness.bench.bench.Bench` is its blocking face.
"""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from harness.acs.acs import Acs, Basic, Claim, Digest
from harness.acs.connection_request import Outcome, Variation
from harness.acs.connection_request import request as connection_request
from harness.acs.endpoints import Endpoint
from harness.acs.files import FileServer
from harness.acs.session import Session as AcsSession
from harness.acs.session import Timing as SessionTiming
from harness.bench.contact import Waker, idle, pass_time, settle_sockets, wait_for
from harness.bench.records import ConnectionRequestOutcome, InformSeen, TransferReport
from harness.bench.sessions import root_of
from harness.cwmp.messages import Inform, TransferComplete
from harness.device.address import may_be_addressed, unusable
from harness.device.address import topology as address_topology
from harness.device.api import DeviceInfo, Driver, DriverError, SettingValue, Verb
from harness.device.drivers import make
from harness.device.profile import Profile, ReferenceOptions, Timing
from harness.device.reference import ReferenceDriver
from harness.lab.client import Client, ConnectFailed
from harness.lab.clock import Clock, RealClock, SteeredClock
from harness.lab.dns import PORT as DNS
from harness.lab.dns import NameServer
from harness.lab.network import Lab
from harness.lab.pki import Authority, Identity
from harness.lab.recorder import Recorder
from harness.lab.reply import Reply
from harness.lab.tls import TlsSettings
from harness.lab.topology import LOOPBACK, WAN, Topology
from harness.verdict.transcript import Connection, HttpMessage, Role

EVENT = "6 CONNECTION REQUEST"
PORTS = {"http": 80, "https": 443, "files": 8080, "odd": 7548}
"""Where the bench's servers listen in namespaces of their own; on a shared host any free port does."""
RINGS = 4
"""Connection requests that a session is asked for with, while they are refused."""
STARTING = 0.5
"""Real seconds between two connection requests to a device that is starting."""
QUIET = 60.0
"""Seconds without a connection request after which a limit to their rate is no reason to refuse one any more."""
REFUSED_WATCH = 31.0
"""Seconds of device time for which nothing may follow a refused connection request."""
LOCAL_CONNECT = 1.0
"""Real seconds for a TCP connection within the bench's own network."""
REACH = "cpecheck_reach"
"""The table of `Rig.reach_only`."""
SCANNERS = 32
"""Ports that are tried at a time."""
PROBE, FAR_PROBE = 0.6, 1.5
"""Real seconds that a SYN may stay unanswered: in the bench, whose links have no delay but whose processors may be
busy; and elsewhere."""


class Rig:
    """Everything of one bench. Made by `open`, ended by `close`."""

    def __init__(
        self, profile: Profile, lab: Lab, clock: Clock, driver: Driver, workdir: Path, now: datetime
    ) -> None:
        self.profile = profile
        self.lab = lab
        self.clock = clock
        self.driver = driver
        self.now = now
        self.timing: Timing = profile.timing
        self.recorder = Recorder(clock, wall_clock_start=clock.wall() - clock.now())
        self.acs = Acs(
            clock, self.recorder, timing=SessionTiming(after_device_closed=0.3 if clock.steered else 2.0)
        )
        self.acs.interrupted_at = lambda: driver.interrupted_at
        self.file_server = FileServer(clock, self.recorder)
        self.names: NameServer | None = None
        """The name server; ``None`` where the device is not in a namespace of the bench."""
        self.root = Authority.trusted("bench root", now=now)
        self.connection_request_credentials = self._pair("connection_request", "cr")
        self.acs_credentials = self._pair("acs", "cpe")
        self._informs: list[tuple[AcsSession, Inform]] = []
        self._last_inform: Inform | None = None
        self.keylog = workdir / "tls-secrets.log"
        self._stack = AsyncExitStack()
        self._waker = Waker(
            clock,
            driver,
            self._wake_by_request,
            self._periodic_within,
            profile.timing.contact,
            profile.timing.settle,
        )
        self.identity: Identity = self.root.leaf(*self.acs_names)

    def _pair(self, which: str, prefix: str) -> tuple[str, str]:
        """User and password of a kind: the profile's, which the baseline sets too, else fresh ones."""
        given = self.profile.initial()
        user, password = given.get(f"{which}_username"), given.get(f"{which}_password")
        return (
            f"{prefix}-{secrets.token_hex(4)}" if user is None else str(user),
            secrets.token_hex(8) if password is None else str(password),
        )

    # --- building and taking down ---

    @classmethod
    async def open(cls, profile: Profile, workdir: Path) -> Rig:
        """Build the bench and bring the device up, up to the point where it can be configured.

        Raises:
            DriverError: the device does not start.
            OSError: a port that the profile names is in use.
        """
        if profile.address is not None and (reason := unusable(profile.address)):
            raise DriverError(reason)
        stack = AsyncExitStack()
        try:
            lab = await Lab.create(workdir=workdir, plain=_plain(profile))
            stack.push_async_callback(lab.close)
            clock: Clock = RealClock()
            if profile.steered:
                clock = steered = SteeredClock(workdir / "clock")
                await steered.start()
                stack.push_async_callback(steered.close)
            driver = make(profile, lab, clock, workdir)
            rig = cls(profile, lab, clock, driver, workdir, datetime.now(UTC))
            rig._stack = stack
            await rig._serve()
            stack.push_async_callback(driver.stop)
            driver.prepare(rig.baseline(), rig.root.pem)
            await driver.start()
        except BaseException:
            await stack.aclose()
            raise
        return rig

    async def _serve(self) -> None:
        """Start every listener: ACS by http and https over both address families, file server."""
        top = self.topology
        for family, address, host in (
            ("v4", top.acs_v4, top.acs_host),
            ("v6", top.acs_v6, f"[{top.acs_v6}]"),
        ):
            for scheme in ("http", "https") if address else ():
                port = PORTS[scheme] if top.isolated else 0
                sock = self.lab.listen(WAN, address, port)
                tls = self._tls(self.identity) if scheme == "https" else None
                self.acs.add_endpoint(f"acs-{scheme}-{family}", sock, scheme, (host,), tls)
        self._stack.push_async_callback(self.acs.close)
        await self._serve_elsewhere()
        sock = self.lab.listen(WAN, top.files_v4 or top.files_v6, PORTS["files"] if top.isolated else 0)
        self.file_port = self.file_server.add_endpoint("files", sock, "http", (top.files_host,)).port
        self._stack.push_async_callback(self.file_server.close)
        self.acs.on_session(self._session_started)

    async def _serve_elsewhere(self) -> None:
        """The ACS on an unusual port, a second ACS on the same port of another host, and the name server."""
        top = self.topology
        port = PORTS["odd"] if top.isolated else 0
        for name, address, host in (
            ("acs-http-odd", top.acs_v4 or top.acs_v6, top.acs_host),
            ("acs-http-second", top.files_v4 or top.files_v6, top.files_host),
        ):
            self.acs.add_endpoint(name, self.lab.listen(WAN, address, port), "http", (host,))
        if top.acs_v4 and top.acs_v6:
            sock = self.lab.listen(WAN, top.acs_v6, port)
            self.acs.add_endpoint("acs-http-odd-v6", sock, "http", (f"[{top.acs_v6}]",))
        if top.isolated:
            udp, tcp = self.lab.datagram_socket(WAN, top.acs_v4, DNS), self.lab.listen(WAN, top.acs_v4, DNS)
            self.names = NameServer(self.clock, udp, tcp)
            await self.names.start()
            self._stack.push_async_callback(self.names.close)

    def _tls(self, identity: Identity) -> TlsSettings:
        return TlsSettings(identity, keylog=self.keylog)

    async def close(self) -> None:
        await self._stack.aclose()

    # --- what there is ---

    @property
    def topology(self) -> Topology:
        return self.lab.topology

    @property
    def acs_names(self) -> tuple[str, ...]:
        top = self.topology
        return tuple(name for name in dict.fromkeys((top.acs_host, top.acs_v4, top.acs_v6)) if name)

    @property
    def server_addresses(self) -> tuple[str, ...]:
        """The addresses of the bench's servers and of its second host."""
        top = self.topology
        return (top.acs_v4, top.acs_v6, top.files_v4, top.files_v6, top.host2_v4, top.host2_v6)

    def url(self, scheme: str, *, v6: bool = False) -> str:
        """The URL of an ACS endpoint, over IPv4 where there is a choice."""
        v6 = v6 or not self.topology.acs_v4
        return self.acs.url(f"acs-{scheme}-{'v6' if v6 else 'v4'}")

    def redirect_to(self, scheme: str) -> None:
        """Redirect the path of the present ACS URL to another path of the ACS, by *scheme*."""
        path = urlsplit(str(self._current_url())).path or "/"
        other = urlsplit(self.url(scheme))._replace(path="/redirected").geturl()
        self.acs.redirect(path, other)

    def acs_address(self) -> tuple[str, int]:
        """Address and port of the endpoint that the ACS URL in force names."""
        parts = urlsplit(str(self._current_url()))
        v6 = (parts.hostname or "") == self.topology.acs_v6
        return (self.topology.acs_v6 if v6 else self.topology.acs_v4), parts.port or (
            443 if parts.scheme == "https" else 80
        )

    def _current_url(self) -> SettingValue:
        return self.current_settings().get("acs_url", self.url("http"))

    current_settings: Callable[[], dict[str, SettingValue]] = staticmethod(dict)
    """Replaced by the blocking face, which knows what it has set."""

    def no_packets(self) -> str:
        if not self.lab.isolated:
            return f"no network namespaces: {self.lab.why_not}"
        return "" if self.lab.capture.available else f"no capture: {self.lab.capture.why_not}"

    def tls_secrets(self) -> bytes:
        return self.keylog.read_bytes() if self.keylog.exists() else b""

    def baseline(self) -> dict[str, SettingValue]:
        """The settings between cases: the bench's own and those of the profile, as far as the device has them."""
        username, password = self.connection_request_credentials
        acs_username, acs_password = self.acs_credentials
        wanted: dict[str, SettingValue] = {
            "cwmp_active": True,
            "acs_url": self.url("http"),
            "acs_username": acs_username,
            "acs_password": acs_password,
            "connection_request_username": username,
            "connection_request_password": password,
            "source_address": "",
            "periodic_inform_active": False,
            "periodic_inform_interval": 1200,
            "allow_file_transmission": True,
            "allow_firmware_updates": True,
            "allow_credential_change": True,
            "ipv6_inbound_rules": (),
        }
        wanted["port"] = 7547 if self.topology.isolated else free_port()
        wanted.update(self.profile.initial())
        return {key: value for key, value in wanted.items() if key in self.driver.capabilities.settings}

    # --- sessions ---

    def _session_started(self, session: AcsSession) -> None:
        self._last_inform = session.inform
        self._informs.append((session, session.inform))

    def root_object(self) -> str:
        return root_of(self._last_inform) if self._last_inform is not None else "Device."

    def connection_request_url(self) -> str:
        """The ConnectionRequestURL of the last Inform; empty where there was none."""
        for entry in self._last_inform.parameter_list if self._last_inform is not None else ():
            if entry.name.endswith(".ManagementServer.ConnectionRequestURL"):
                return entry.value
        return ""

    def device_info(self) -> DeviceInfo:
        """Who is tested: the profile's word, completed from the last Inform."""
        info, inform = self.driver.info, self._last_inform
        if inform is None:
            return info
        who = inform.device_id
        version = next(
            (
                entry.value
                for entry in inform.parameter_list
                if entry.name.endswith(".DeviceInfo.SoftwareVersion")
            ),
            "",
        )
        return replace(
            info,
            manufacturer=who.manufacturer,
            oui=who.oui,
            product_class=who.product_class,
            serial_number=who.serial_number,
            software_version=version or info.software_version,
        )

    def can_wake(self) -> bool:
        """Whether the device can be made to open a session without a restart."""
        return self._waker.can_wake()

    def last_routes(self) -> list[str]:
        """The routes of the last waking, in words."""
        return list(self._waker.routes)

    def _periodic_within(self) -> float:
        settings = self.current_settings()
        if not settings.get("periodic_inform_active"):
            return 1.0
        return float(settings.get("periodic_inform_interval", 0)) + self.timing.contact  # type: ignore[arg-type]

    async def _wake_by_request(self) -> str:
        """A connection request from the ACS; why it led to nothing, or ``""``."""
        if "connection-request" not in self.driver.capabilities.features:
            return "the device has none"
        url = self.connection_request_url()
        if not url:
            return "its URL is not known"
        outcome = await self.ring(url, self.connection_request_credentials, WAN)
        return "" if outcome.status in (200, 204) else f"status {outcome.status} {outcome.reason}".rstrip()

    async def ring(
        self, url: str, pair: tuple[str | None, str | None], host: str, variation: Variation | None = None
    ) -> Outcome:
        """Send a connection request and nothing else; without a pair no credentials are given."""
        if reason := self.not_ours(url):
            return Outcome(reason=reason)
        try:
            return await connection_request(
                lambda family: self.lab.stream_socket(host, family),
                url,
                username=pair[0] or "",
                password=pair[1] or "",
                variation=variation or Variation(credentials=pair[0] is not None),
                address=self.named(url),
                recorder=self.recorder,
                connect_timeout_s=LOCAL_CONNECT if self.lab.isolated else 5.0,
            )
        except (ValueError, OSError) as error:
            return Outcome(reason=str(error))

    def not_ours(self, url: str) -> str:
        """Why the bench must not connect to *url*; a device's word never leads out of the bench."""
        host = urlsplit(url).hostname or ""
        if self.lab.isolated or self.named(url) is not None:
            return ""
        if self.profile.address is not None:
            ours = may_be_addressed(self.profile.address, host)
        else:
            ours = ipaddress.ip_address(host).is_loopback
        return "" if ours else f"{host} is neither in the bench nor named by the profile"

    def named(self, url: str) -> tuple[str, int] | None:
        """Where to connect for a URL whose host is a name: nothing is resolved, the device is where it is."""
        parts = urlsplit(url)
        try:
            ipaddress.ip_address(parts.hostname or "")
        except ValueError:
            return self.topology.cpe_wan_v4 or self.topology.cpe_wan_v6, parts.port or 80
        return None

    async def open_session(self, why: str, *, restart: bool = True) -> AcsSession | None:
        """Wake the device, by a *restart* too; its session, or ``None`` where no route led to one."""
        self._waker.routes.clear()
        claim = self.acs.claim(why)
        try:
            session: AcsSession | None = await self._waker.until(claim.future, restart=restart)
            return session
        finally:
            claim.withdraw()

    async def claim_session(self, why: str, within: float, event: str) -> AcsSession | None:
        """Wait for a session with *event* that the device opens by itself."""
        claim = self.acs.claim(why, matches=lambda inform: _has(inform, event))
        try:
            return await wait_for(self.clock, claim.future, within)
        finally:
            claim.withdraw()

    async def next_inform(self, within: float, event: str) -> InformSeen | None:
        """Wait for a session with *event*, serve it and wait for its end."""
        session = await self.claim_session("watching", within, event)
        if session is None:
            return None
        await session.finish()
        return InformSeen(session.inform, session.record.started_at, session.record.ended_at)

    def informs_so_far(self) -> int:
        """How many sessions have begun since the last case; a mark for `informs_during`."""
        return len(self._informs)

    def informs_since(self, mark: int) -> list[Inform]:
        """The Informs of the sessions since a mark of `informs_so_far`, those that still run too."""
        return [inform for _, inform in self._informs[mark:]]

    async def informs_during(self, seconds: float, since: int | None = None) -> list[InformSeen]:
        """The sessions of the next *seconds*, and those from *since* on, served correctly, once they have ended."""
        first = len(self._informs) if since is None else since
        await pass_time(self.clock, seconds)
        await self.idle()
        return [
            InformSeen(inform, session.record.started_at, session.record.ended_at)
            for session, inform in self._informs[first:]
        ]

    async def failed_session(self, within: float, event: str, answer: Reply) -> InformSeen | None:
        """Wait for a session with *event* and answer its Inform with *answer*, which makes it fail."""
        claim = self.acs.claim("to fail", matches=lambda inform: _has(inform, event), inform_reply=answer)
        try:
            session = await wait_for(self.clock, claim.future, within)
        finally:
            claim.withdraw()
        if session is None:
            return None
        # A later request begins a session of its own, on the same connection or with the same cookie too.
        session.lose(answer.note or f"answered with {answer.status}", "aborted-by-bench")
        return InformSeen(session.inform, session.record.started_at, self.clock.now())

    async def transfer_report(self, since: int, within: float) -> TransferReport | None:
        """The first TransferComplete of the sessions from *since* on, whatever its CommandKey."""
        end = self.clock.now() + within
        while True:
            found = self._reported(since)
            if found is not None or self.clock.now() >= end:
                await self.idle()
                return self._reported(since)
            claim = self.acs.claim("TransferComplete", matches=lambda _inform: True)
            try:
                session = await wait_for(self.clock, claim.future, end - self.clock.now())
            finally:
                claim.withdraw()
            if session is not None:
                await session.finish()

    def _reported(self, since: int) -> TransferReport | None:
        for session, inform in self._informs[since:]:
            for sent in session.requests:
                if isinstance(sent, TransferComplete):
                    seen = InformSeen(inform, session.record.started_at, session.record.ended_at)
                    return TransferReport(sent, seen)
        return None

    async def session_on(self, event: str, within: float) -> AcsSession | None:
        """Give the device the occasion for *event*, where the bench can, and wait for its session."""
        claim = self.acs.claim(f"session with {event}", matches=lambda inform: _has(inform, event))
        try:
            if event == EVENT:
                for _ in range(RINGS):
                    if not await self._wake_by_request():
                        break
                    # In a session, at a limited rate, or still booting: it is asked once more in a moment.
                    early = await wait_for(self.clock, claim.future, self.timing.settle)
                    if early is not None:
                        return early
            elif event == "1 BOOT":
                await self.driver.restart()
            session: AcsSession | None = await wait_for(self.clock, claim.future, within)
            return session
        finally:
            claim.withdraw()

    async def stake(self, event: str) -> Claim:
        """Claim the next session with *event*, before it is given an occasion."""
        return self.acs.claim(f"session with {event}", matches=lambda inform: _has(inform, event))

    async def claimed(self, claim: Claim, within: float) -> AcsSession | None:
        """The session of a `stake`, waited for."""
        session: AcsSession | None = await wait_for(self.clock, claim.future, within)
        return session

    async def withdraw(self, claim: Claim) -> None:
        """Leave sessions to themselves again; one that was claimed stays so."""
        claim.withdraw()

    async def redirect_next(self, to: str, seconds: float) -> None:
        """Answer the next Inform, its login done, with a redirect to *to*; what follows is served."""
        claim = self.acs.claim("redirected", inform_reply=Reply(302, headers=[("Location", to)]))
        try:
            await self.provoke(seconds, restart=False)
        finally:
            claim.withdraw()

    async def provoke(self, seconds: float, *, restart: bool = True) -> list[str]:
        """Give the device every reason to connect that there is, then *seconds*; the reasons, in words.

        Nothing is waited for: sessions that come are served. A verb that fails is one of the words: what was done to the
        device may be why. Real time bounds the wait, should the device never rest.
        """
        verbs, tried = self.driver.capabilities.verbs, []
        tried.append(f"connection request: {await self._wake_by_request() or 'accepted'}")
        for verb, act in ((Verb.WAKE, self.driver.wake), (Verb.RESTART, self.driver.restart)):
            if verb in verbs and (restart or verb != Verb.RESTART):
                try:
                    await act()
                    tried.append(verb)
                except DriverError as error:
                    tried.append(f"{verb}, which failed: {error}")
                await self.idle()
        try:
            async with asyncio.timeout(max(seconds, 0 if not self.clock.steered else 10.0) + 1.0):
                await pass_time(self.clock, seconds)
        except TimeoutError:
            pass
        return tried

    async def pass_time(self, seconds: float) -> None:
        await pass_time(self.clock, seconds)

    async def idle(self) -> bool:
        """Wait until no session is under way; False when one still is after the device's contact time."""
        return await idle(self.clock, lambda: len(self.acs.open_sessions), self.timing.contact)

    async def calm(self) -> None:
        """Wait until no session is under way but what a case leads; a device in real time may need its contact time."""
        if not self.clock.steered:
            await idle(
                self.clock, lambda: sum(not s.claimed for s in self.acs.open_sessions), self.timing.contact
            )

    async def reset(self) -> None:
        """Put the bench's own side back to correct behaviour."""
        self.acs.reset()
        self.file_server.reset()
        if self.names is not None:
            self.names.names.clear()
        await self.present(self.identity)
        await self.idle()
        self._informs.clear()

    def forget_sessions(self) -> None:
        """Forget the sessions that are over, or a long campaign keeps them all; marks taken before are void.

        What a device still sends in one of them is no longer written into the book that was open when it began:
        that book, with all that the fuzzer did meanwhile, would live as long as the ACS remembers the session.
        """
        still_open = self.acs.open_sessions
        for session in self.acs.sessions:
            if session not in still_open:
                self.recorder.forget_session(session.record)
        self.acs.sessions[:] = still_open
        self._informs.clear()

    async def exchange(self, options: ReferenceOptions) -> None:
        """Put another reference device in the place of the one that runs; the bench stays up."""
        if not isinstance(self.driver, ReferenceDriver):
            raise DriverError("only the reference device can be exchanged")
        await self.driver.stop()
        await self.reset()
        self._last_inform = None
        self.recorder.take()
        await self.driver.become(options)

    # --- logins ---

    def demand_login(self, scheme: str, username: str, password: str) -> None:
        """Let the ACS demand a login from the next session on."""
        self.acs.auth = {"Basic": Basic, "Digest": Digest}[scheme](username, password)

    async def knock(self, seconds: float) -> tuple[int, list[str]]:
        """Send a connection request; how many requests reached the ACS in *seconds* of device time, and which sessions.

        Real time bounds it too: a device that never stops is watched no longer than that.
        """
        first, seen = len(self._requests()), len(self.acs.sessions)
        self._waker.routes.clear()
        if await self._wake_by_request() and Verb.WAKE in self.driver.capabilities.verbs:
            await self.driver.wake()
        try:
            async with asyncio.timeout(max(seconds, 3.0)):
                await pass_time(self.clock, seconds)
        except TimeoutError:
            pass
        return len(self._requests()) - first, [session.record.id for session in self.acs.sessions[seen:]]

    def _requests(self) -> list[HttpMessage]:
        connections = self.recorder.transcript.in_role(Role.ACS)
        return [
            message for connection in connections for message in connection.messages if message.is_request
        ]

    # --- connections ---

    async def present(self, identity: Identity) -> None:
        """Show *identity* from the next TLS connection on."""
        for endpoint in self._https():
            endpoint.listener.tls = self._tls(identity)

    def _https(self) -> list[Endpoint]:
        return [endpoint for endpoint in self.acs.endpoints if endpoint.scheme == "https"]

    async def attempt(self) -> Connection | None:
        """Give the device a reason to connect by https; its connection, decided, or ``None``."""
        self._waker.routes.clear()
        await self.idle()
        watches = [endpoint.listener.watch() for endpoint in self._https()]
        decided: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        for watch in watches:
            watch.future.add_done_callback(
                lambda done: None if decided.done() or done.cancelled() else decided.set_result(done.result())
            )
        try:
            connection = await self._waker.until(decided)
            if connection is None:
                connection = next(
                    (watch.connection for watch in watches if watch.connection is not None), None
                )
        finally:
            for watch in watches:
                watch.future.cancel()
        await self.idle()
        return connection

    async def connection_request(
        self,
        url: str,
        pair: tuple[str | None, str | None],
        host: str,
        variation: Variation | None = None,
        *,
        again: bool = False,
    ) -> ConnectionRequestOutcome:
        """Send a connection request and watch for the session that follows, or does not.

        With *again* one that is refused with 503 is sent once more after `QUIET`: a device should limit the rate of those
        that it accepts, and has to refuse the others so (TR-069 3.2.2).
        """
        outcome = await self._connection_request(url, pair, host, variation)
        while again and outcome.sent is not None and outcome.sent.refused and self._starting():
            await asyncio.sleep(STARTING)
            outcome = await self._connection_request(url, pair, host, variation)
        if outcome.status != 503 or outcome.session or not again:
            return outcome
        await pass_time(self.clock, QUIET)
        return replace(await self._connection_request(url, pair, host, variation), limited=True)

    def _starting(self) -> bool:
        """Whether the bench has restarted the device so lately that its listener may still be to come."""
        settled = self.driver.interrupted_at + self.timing.contact
        return not self.clock.steered and time.monotonic() < settled

    async def _connection_request(
        self, url: str, pair: tuple[str | None, str | None], host: str, variation: Variation | None
    ) -> ConnectionRequestOutcome:
        await self.idle()
        claim = self.acs.claim("connection request")
        try:
            sent = await self.ring(url, pair, host, variation)
            accepted = sent.status in (200, 204)
            within = 30.0 + self.timing.tolerance if accepted else self._refused_watch()
            session = await wait_for(self.clock, claim.future, within)
        finally:
            claim.withdraw()
        if session is None:
            return ConnectionRequestOutcome(sent.status, False, None, sent.reason, sent)
        await session.finish()
        seen = InformSeen(session.inform, session.record.started_at, session.record.ended_at)
        caused = accepted or EVENT in seen.event_codes
        return ConnectionRequestOutcome(sent.status, caused, seen, sent.reason, sent)

    def _refused_watch(self) -> float:
        return REFUSED_WATCH if self.clock.steered else self.timing.settle

    async def scan(self, host: str, address: str, ports: Sequence[int]) -> list[int]:
        """Those of *ports* that answer a SYN; ports that stay silent are taken for closed."""
        found: list[int] = []
        waiting = iter(ports)

        async def walk() -> None:
            for port in waiting:
                if await self.probe(host, address, port) == "open":
                    found.append(port)

        await asyncio.gather(*(walk() for _ in range(SCANNERS)))
        return sorted(found)

    async def reach_only(self, address: str) -> None:
        """Refuse, on the ACS's host, what opens a connection to another IPv4 address of the device than *address*."""
        top = self.topology
        others = {top.cpe_wan_v4, top.cpe_lan_v4, *top.loopbacks.values()} - {address}
        await self.lab.nft(
            WAN,
            f"table ip {REACH} {{\n chain output {{\n  type filter hook output priority 0;\n"
            f"  ip daddr {{ {', '.join(sorted(others))} }} tcp flags & (syn | ack) == syn"
            " reject with icmp type host-unreachable\n }\n}\n",
        )

    async def reach_all(self) -> None:
        """The end of `reach_only`."""
        await self.lab.nft(WAN, f"table ip {REACH} {{}}\ndelete table ip {REACH}\n")

    async def probe(self, host: str, address: str, port: int) -> str:
        """One TCP connection attempt: ``open``, ``refused`` or ``silent``."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        source = self.topology.acs_v6 if family is socket.AF_INET6 else self.topology.acs_v4
        sock = self.lab.stream_socket(host, family, source if host == WAN and self.lab.isolated else None)
        try:
            client = await Client.connect(
                sock,
                (address, port),
                recorder=self.recorder,
                role=Role.OTHER,
                name=f"probe-{host}",
                timeout=PROBE if self.lab.isolated else FAR_PROBE,
            )
        except ConnectFailed as error:
            return "refused" if error.refused else "silent"
        await client.close()
        await settle_sockets()
        return "open"


def _plain(profile: Profile) -> Topology | None:
    """The addresses of a bench without namespaces, where the profile wants one."""
    if profile.needs_namespaces:
        return None
    if profile.address is None:
        return LOOPBACK
    return address_topology(profile.address)


def free_port() -> int:
    """A TCP port of this host that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _has(inform: Inform, event: str) -> bool:
    return not event or any(entry.event_code == event for entry in inform.event)
