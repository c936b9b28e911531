"""The bench: what a case is handed. Every method blocks until it is done or its deadline has passed."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from harness.acs.auth import Basic, Digest
from harness.acs.session import Session as AcsSession
from harness.bench.device import DeviceUnderTest
from harness.bench.doorbell import Doorbell, Variation
from harness.bench.files import Files
from harness.bench.https import Https
from harness.bench.lan import LanClient
from harness.bench.loop import LoopThread
from harness.bench.names import Names
from harness.bench.records import ConnectionRequestOutcome, InformSeen, TransferReport
from harness.bench.rig import QUIET, Rig, free_port
from harness.bench.sessions import Answer, Session, rooted
from harness.bench.traffic import Traffic
from harness.bench.wiretap import Wiretap
from harness.case import Inconclusive, NotRun
from harness.cwmp.datatypes import TimeKind, parse_time
from harness.cwmp.messages import GetParameterValues
from harness.device.api import DeviceInfo, DriverError, SettingValue
from harness.device.profile import ReferenceOptions, Timing
from harness.lab.clock import Clock
from harness.lab.errors import ClockError
from harness.lab.pki import Authority, Identity, self_signed
from harness.lab.reply import Reply
from harness.lab.topology import CPE, Topology
from harness.verdict.assertion import EvidenceRef
from harness.verdict.transcript import Closed, Connection, Role, Transcript


class Bench:
    """Lab, ACS, file server and device, ready for a case."""

    def __init__(self, loop: LoopThread, rig: Rig) -> None:
        self._loop = loop
        self._rig = rig
        self._numbers = itertools.count(1)
        self._clear_from = 0
        self._fuzz: Session | None = None
        self.root: Authority = rig.root
        """The authority whose certificate is the device's CWMP root CA certificate."""
        self.other_root = Authority.trusted("another root", now=rig.now)
        self.forged_root = Authority.trusted(rig.root.name, now=rig.now)
        """An authority of the same name as `root`, with another key."""
        self.device = DeviceUnderTest(loop.call, rig.driver, rig.baseline(), rig.root, self._idle, rig.calm)
        self.wire = Wiretap(loop.call, rig)
        self.lan = LanClient(rig)
        self.files = Files(rig, self.fresh)
        self.names = Names(rig, self.fresh)
        roots = {"root": self.root, "other": self.other_root, "forged": self.forged_root}
        self.https = Https(loop.call, rig, self.names, roots)
        self.traffic = Traffic(loop.call, rig)
        self._pairs: list[tuple[str, str]] = []
        self.door = Doorbell(loop.call, rig)

    # --- what there is ---

    @property
    def clock(self) -> Clock:
        return self._rig.clock

    @property
    def topology(self) -> Topology:
        return self._rig.topology

    @property
    def timing(self) -> Timing:
        return self._rig.timing

    @property
    def acs_names(self) -> tuple[str, ...]:
        """The names and addresses of the ACS, as a right certificate bears them."""
        return self._rig.acs_names

    @property
    def foreign_names(self) -> tuple[str, ...]:
        """Names of a host that is not the ACS."""
        return ("other.bench.test",) if self.topology.isolated else ("other.bench.test", "192.0.2.77")

    @property
    def device_port(self) -> int:
        """The connection-request port between cases."""
        return int(self.device.baseline.get("port", 7547))  # type: ignore[arg-type]

    @property
    def connection_request_credentials(self) -> tuple[str, str]:
        """User and password that wake the device, between cases."""
        return self._rig.connection_request_credentials

    @property
    def acs_credentials(self) -> tuple[str, str]:
        """User and password of the device at the ACS, between cases."""
        return self._rig.acs_credentials

    def known_credentials(self) -> tuple[tuple[str, str], ...]:
        """Pairs with which wire rules may recompute a digest."""
        return (self.acs_credentials, *self._pairs)

    def no_packets(self) -> str:
        """Why packets cannot be judged here; empty where they can."""
        return self._rig.no_packets()

    def fresh(self) -> str:
        """A word not used before in this bench."""
        return f"{next(self._numbers)}"

    # --- between cases (for the runner) ---

    def begin(self) -> None:
        """Start a case: a mark in the capture. What the controls before it recorded is judged with it."""
        self._pairs.clear()
        self.wire.begin()

    def restore(self) -> None:
        """Put back what the case changed on the bench and on the device."""
        self.end_fuzz_session()
        self._loop.call(self._rig.reset())
        if not self.device.gone():
            self.device.restore()

    def revive(self) -> None:
        """Bring back a device that does not answer."""
        self._loop.call(self._rig.reset())
        self.device.bring_back()

    def take_transcript(self) -> Transcript:
        return self._rig.recorder.take()

    def save_capture(self, folder: Path, *, tls_secrets: bool = True, in_words: bool = True) -> None:
        """Keep the case's frames in *folder* (`Wiretap.save`), and with *tls_secrets* what decrypts them.

        Raises:
            LabError: the capture is lost.
        """
        self.wire.save(folder, tls_secrets=tls_secrets, in_words=in_words)

    def set_up(self) -> None:
        """Bring the device to the baseline and see its first session.

        Raises:
            DriverError, Inconclusive: the device could not be configured, or did not get idle.
        """
        self.device.set_up()
        self._rig.current_settings = lambda: self.device.settings

    def exchange(self, options: ReferenceOptions) -> None:
        """Put a reference device with other defects in the place of the one that runs, at the baseline.

        Raises:
            DriverError, Inconclusive: it could not be brought up.
        """
        self._loop.call(self._rig.exchange(options))
        self.set_up()

    def device_info(self) -> DeviceInfo:
        """Who is tested, as profile and Inform tell."""
        return self._rig.device_info()

    def close(self) -> None:
        """Take everything down; never raises for a device that is gone."""
        try:
            self._loop.call(self._rig.close())
        finally:
            self._loop.stop()

    def _idle(self) -> None:
        if not self._loop.call(self._rig.idle()):
            raise Inconclusive(f"the device did not end its sessions within {self.timing.contact:g} s")

    # --- settings and identities ---

    def configure(self, **settings: SettingValue) -> None:
        """Turn settings of the device; see `DeviceUnderTest.configure`."""
        self.device.configure(**settings)

    def use_https(self, identity: Identity | None = None) -> None:
        """Let the ACS URL be https, with the right certificate or *identity*."""
        self.present(identity or self.identity())
        self.configure(acs_url=self._rig.url("https"))

    def use_http(self, *, v6: bool = False) -> None:
        """Let the ACS URL be http, over IPv6 where *v6*."""
        self.configure(acs_url=self._rig.url("http", v6=v6))

    def redirect_to(self, scheme: str) -> None:
        """Answer what comes to the present ACS URL with a redirect to the ACS by *scheme*, until the case is over."""
        self._rig.redirect_to(scheme)

    def identity(self) -> Identity:
        """The right server identity: under the stored root, for the ACS's names."""
        return self._rig.identity

    def new_authority(self, name: str) -> Authority:
        """An authority that no device has ever seen."""
        return Authority.trusted(name, now=self._rig.now)

    def self_signed(self) -> Identity:
        """A self-signed identity with the right names."""
        return self_signed(*self.acs_names, now=self._rig.now)

    def present(self, identity: Identity) -> None:
        """Show *identity* to TLS clients from the next connection on; waits for sessions under way."""
        self._idle()
        self._loop.call(self._rig.present(identity))

    def demand_login(self, scheme: str, *, password: str = "") -> None:
        """Let the ACS demand ``Digest`` or ``Basic`` with the device's pair, or with another password."""
        username, right = self.acs_credentials
        self._rig.demand_login(scheme, username, password or right)

    def demand(self, login: Basic | Digest | None) -> None:
        """Let the ACS demand exactly this login from the next session on; ``None`` for none."""
        self._idle()
        self._rig.acs.auth = login

    def try_acs_login(self, username: str, password: str) -> str:
        """Give the device another pair for the ACS; why it does not take it, or ``""``. Wire rules know the pair."""
        self._pairs.append((username, password))
        return self.device.try_configure(acs_username=username, acs_password=password)

    def know_pair(self, username: str, password: str) -> None:
        """The device has this pair for the ACS, whoever gave it: wire rules may recompute with it."""
        self._pairs.append((username, password))

    def redirect_next(self, to: str, seconds: float) -> None:
        """Redirect the next session to *to* when it has logged in, and give the device *seconds* and reasons to connect."""
        self._loop.call(self._rig.redirect_next(to, seconds), deadline=seconds + 300)

    def acs_url(self, endpoint: str, *, host: str | None = None, path: str = "/cwmp") -> str:
        """A URL of one of the bench's ACS endpoints.

        ``acs-http-v4``, ``acs-https-v4`` (and ``-v6``) on the usual ports, ``acs-http-odd`` on an unusual one,
        ``acs-http-second`` on another host of the bench.
        """
        return self._rig.acs.url(endpoint, host, path)

    def acs_endpoints(self) -> tuple[str, ...]:
        """The names of the bench's ACS endpoints."""
        return tuple(endpoint.name for endpoint in self._rig.acs.endpoints)

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        """Let the ACS answer every request for *path* with a redirect, until the case is over."""
        self._rig.acs.redirect(path, to, status)

    def provoke(self, seconds: float, *, restart: bool = True) -> list[str]:
        """Give the device every reason to connect that there is, then *seconds* of device time; what was tried.

        Where the device has none, time passes all the same. Sessions that come are served correctly.
        """
        return self._loop.call(self._rig.provoke(seconds, restart=restart), deadline=seconds + 300)

    def knock(self, seconds: float) -> tuple[int, list[str]]:
        """Give the device a reason to connect; requests at the ACS and sessions in the next *seconds*."""
        return self._loop.call(self._rig.knock(seconds))

    # --- sessions ---

    @contextmanager
    def session(self, why: str) -> Iterator[Session]:
        """Get the device to open a session and talk with it; ends it on the way out.

        Raises:
            Inconclusive: no route led to a session.
        """
        session = self._open(why)
        try:
            yield session
        finally:
            session.finish()

    def _open(self, why: str) -> Session:
        session = self._loop.call(self._rig.open_session(why))
        if session is None:
            raise Inconclusive(f"no session ({why}); tried: {', '.join(self._rig.last_routes())}")
        return Session(self._loop.call, session)

    @contextmanager
    def _talk(self, found: AcsSession | None, missing: str) -> Iterator[Session]:
        """Talk in a session and end it in order; without one, *missing* says what did not come."""
        if found is None:
            raise Inconclusive(missing)
        session = Session(self._loop.call, found)
        try:
            yield session
        finally:
            session.finish()

    @contextmanager
    def claim(self, why: str, *, within: float, event: str = "") -> Iterator[Session]:
        """Wait for a session that the device opens by itself, with *event* in its Inform, and talk with it.

        Raises:
            Inconclusive: none came within *within* seconds of device time.
        """
        found = self._loop.call(self._rig.claim_session(why, within, event))
        with self._talk(
            found, f"no session with {event or 'any event'} within {within:g} s ({why})"
        ) as session:
            yield session

    def routes(self) -> list[str]:
        """How the device was last made to open a session, in words, the last one being the one that worked."""
        return self._rig.last_routes()

    @contextmanager
    def session_on(self, event: str, *, within: float) -> Iterator[Session]:
        """Talk in a session with *event*: after a restart, a connection request, or what is waited for.

        Raises:
            Inconclusive: none came within *within* seconds of device time.
        """
        found = self._loop.call(self._rig.session_on(event, within), deadline=within + 120)
        with self._talk(found, f"no session with {event} within {within:g} s") as session:
            yield session

    @contextmanager
    def session_by(self, act: Callable[[], None], *, within: float, event: str) -> Iterator[Session]:
        """Talk in the session with *event* that the device opens because of *act*.

        *act* must not wait for the device to come to rest (`DeviceUnderTest.configure_during`): the session may be open by then.

        Raises:
            Inconclusive: none came within *within* seconds of device time.
        """
        claim = self._loop.call(self._rig.stake(event))
        try:
            act()
            found = self._loop.call(self._rig.claimed(claim, within), deadline=within + 120)
        finally:
            self._loop.call(self._rig.withdraw(claim))
        with self._talk(found, f"no session with {event} within {within:g} s") as session:
            yield session

    def works(self) -> str:
        """The liveness control: a session in which a parameter can be read. Why it failed, or ``""``."""
        try:
            with self.session("liveness control") as session:
                name = f"{session.root}DeviceInfo.SoftwareVersion"
                answer = session.call(GetParameterValues((name,)))
        except (Inconclusive, DriverError, ClockError) as reason:
            return str(reason)
        return "" if name in answer.values() else f"{name} could not be read: {answer.value_of(name)}"

    def survives(self) -> str:
        """The liveness control after an attack: as `works`, but nothing that would heal the device is done.

        A device that has ended, or opens no session without a restart, does not survive; ``""`` where it does. A device
        that only a restart makes connect is asked to connect by one: then all that can be told is that it still runs.
        """
        try:
            if gone := self.device.gone():
                return gone
            opened = self._loop.call(
                self._rig.open_session("liveness control", restart=not self._rig.can_wake())
            )
            if opened is None:
                return self.device.gone() or f"no session; tried: {', '.join(self._rig.last_routes())}"
            session = Session(self._loop.call, opened)
            name = f"{session.root}DeviceInfo.SoftwareVersion"
            answer = session.call(GetParameterValues((name,)))
            session.finish()
        except (Inconclusive, DriverError, ClockError) as reason:
            return self.device.gone() or str(reason)
        return "" if name in answer.values() else f"{name} could not be read: {answer.value_of(name)}"

    def software_version_name(self) -> str:
        """Full name of the device's SoftwareVersion parameter, a read-only string every device has."""
        return f"{self._rig.root_object()}DeviceInfo.SoftwareVersion"

    def software_version(self) -> str:
        """The software version that the device reports now."""
        return self.read(self.software_version_name())

    def read(self, name: str) -> str:
        """The value of a parameter, read in a session of its own, below whichever root object the device has.

        Raises:
            Inconclusive: there was no session, or no value.
        """
        with self.session(f"reading {name}") as session:
            name = rooted(name, session.root)
            answer = session.call(GetParameterValues((name,)))
        if name not in answer.values():
            raise Inconclusive(f"{name} could not be read: {answer.value_of(name)}")
        return answer.values()[name]

    def marker(self) -> str:
        """The value of the parameter that a script sets."""
        return self.read(self.files.marker_parameter)

    def next_inform(self, within: float, *, event: str = "") -> InformSeen | None:
        """Wait for a session with *event*; it is served correctly and its end is waited for."""
        return self._loop.call(self._rig.next_inform(within, event))

    def informs_during(self, seconds: float) -> list[InformSeen]:
        """Let *seconds* of device time pass, serve every session correctly, and tell which there were."""
        return self._loop.call(self._rig.informs_during(seconds), deadline=seconds + 300)

    def transfer_report(self, since: int, within: float) -> TransferReport | None:
        """Wait for a TransferComplete; one in a session since the mark (`Doorbell.mark`) counts."""
        return self._loop.call(self._rig.transfer_report(since, within), deadline=within + 300)

    def failed_session(self, within: float, *, event: str, answer: Reply) -> InformSeen | None:
        """Wait for a session with *event* and make it fail: *answer* stands in place of the InformResponse."""
        return self._loop.call(self._rig.failed_session(within, event, answer), deadline=within + 300)

    def pass_time(self, seconds: float) -> None:
        """Let *seconds* of device time pass."""
        self._loop.call(self._rig.pass_time(seconds), deadline=seconds + 300)

    def advance_during(self, seconds: float) -> None:
        """Let *seconds* pass inside a session."""
        self._loop.call(self._rig.clock.advance_during(seconds), deadline=seconds + 60)

    # --- connection attempts ---

    def attempt(self, *, expected: bool = True) -> Connection | None:
        """Give the device a reason to connect by https and return its connection, ended or used.

        ``None`` where it did not connect; with *expected* that is inconclusive.

        Raises:
            Inconclusive: *expected*, and there was no connection.
        """
        connection = self._loop.call(self._rig.attempt(), deadline=self.timing.contact * 4 + 120)
        if connection is None and expected:
            raise Inconclusive(f"the device did not connect; tried: {', '.join(self._rig.last_routes())}")
        return connection

    def clear_text_mark(self) -> int:
        """A mark for `clear_text_since`."""
        return len(self._rig.recorder.transcript.connections)

    def clear_text_since(self, mark: int) -> list[str]:
        """Connections of the device, since the mark, that carried data without TLS to any server of the bench."""
        theirs = [
            connection
            for connection in self._rig.recorder.transcript.connections[mark:]
            if connection.role is not Role.CONNECTION_REQUEST
        ]
        return [
            f"{connection.bytes_from_device()} bytes to {connection.endpoint}"
            for connection in theirs
            if connection.tls is None and connection.bytes_from_device()
        ] + [
            f"HTTP without TLS to {connection.endpoint}"
            for connection in theirs
            if connection.tls is not None
            and (
                connection.tls.error == "HTTP_REQUEST"
                or (connection.bytes_from_device() and not connection.tls.handshake_done)
            )
        ]

    @staticmethod
    def evidence_of(connection: Connection | None) -> tuple[EvidenceRef, ...]:
        """A reference to the connection, for an assertion."""
        return () if connection is None else (EvidenceRef("connection", connection.id),)

    def connection_request(
        self,
        *,
        username: str | None = "",
        password: str | None = "",
        host: str = "wan",
        address: str = "",
        url: str = "",
        variation: Variation | None = None,
        given: tuple[str, str] | None = None,
    ) -> ConnectionRequestOutcome:
        """Send a connection request and watch what follows.

        Args:
            username, password: empty name for the right pair, ``None`` for no credentials at all.
            host: the bench's host that sends it, ``wan`` or ``host2``.
            address: an address of the device in place of the one it advertises.
            url: a URL in place of the one it advertises.
            variation: how the request departs from the right one.
            given: user and password, empty ones too, in place of *username* and *password*.
        """
        right = self.connection_request_credentials
        pair = given or (right if username == "" and password == "" else (username, password))
        url = url or self._rig.connection_request_url()
        if not url:
            raise Inconclusive("the device has not told its ConnectionRequestURL")
        if address:
            url = _with_host(url, address)
        return self._loop.call(
            # Users and passwords that are tried out have no second try: a device may lock the login.
            self._rig.connection_request(
                url, pair, host, variation, again=given is None and variation is None
            ),
            deadline=2 * (self.timing.contact * 2 + 60) + QUIET,
        )

    def credentials_may_have_changed(self) -> None:
        """The case tried to change the connection-request credentials by CWMP: set them again when restoring."""
        self.device.doubt(
            "connection_request_username", "connection_request_password", "periodic_inform_interval"
        )

    @contextmanager
    def reaching_only(self, address: str) -> Iterator[None]:
        """Leave the ACS's host a way to one IPv4 *address* of the device; from there, it opens no connection to the others.

        Raises:
            LabError: this bench has no namespaces.
        """
        self._loop.call(self._rig.reach_only(address))
        try:
            yield
        finally:
            self._loop.call(self._rig.reach_all())

    def probe(self, host: str, address: str, port: int) -> str:
        """Try a TCP connection from *host* of the bench: ``open``, ``refused`` or ``silent``."""
        return self._loop.call(self._rig.probe(host, address, port))

    def probe_from(self, hosts: Sequence[str], address: str, port: int) -> dict[str, str]:
        """The same from several hosts at a time; host → what came of it."""

        async def probes() -> list[str]:
            return await asyncio.gather(*(self._rig.probe(host, address, port) for host in hosts))

        return dict(zip(hosts, self._loop.call(probes()), strict=True))

    def scan(self, host: str, address: str, ports: Sequence[int]) -> list[int]:
        """Those of *ports* that answer a TCP connection from *host* of the bench."""
        return self._loop.call(self._rig.scan(host, address, ports))

    def spare_port(self) -> int:
        """A port that nothing on the device should have: the next one, or on a shared host any free one."""
        return self.device_port + 1 if self.topology.isolated else free_port()

    def listen_on_the_device(self, port: int) -> socket.socket:
        """Take *port* on every IPv4 address of the device's namespace, as another service of the device would.

        Raises:
            NotRun: the device has no namespace of the bench.
            OSError: the port is taken.
        """
        if not self.topology.isolated:
            raise NotRun("the bench can be a service of the device only in a namespace of its own")
        return self._rig.lab.listen(CPE, "0.0.0.0", port)

    # --- the device's clock ---

    def device_clock_error(self) -> float | None:
        """Seconds by which the device's CurrentTime is ahead; ``None`` where it does not know the time."""
        with self.session("reading the clock") as session:
            text = session.inform.current_time
        try:
            told = parse_time(text)
        except ValueError:
            return None
        if told.kind is not TimeKind.ABSOLUTE or told.instant is None:
            return None
        return told.instant.timestamp() - self._rig.clock.wall()

    # --- fuzzing ---

    @contextmanager
    def fuzz_session(self) -> Iterator[Session]:
        """A session that is kept open from one use to the next, and opened anew where the device has left it."""
        if self._fuzz is None or self._fuzz.ended:
            self._fuzz = self._open("fuzzing")
        yield self._fuzz
        if self._fuzz.ended:
            self._fuzz = None

    def end_fuzz_session(self) -> None:
        """End the session of `fuzz_session`, if there is one."""
        session, self._fuzz = self._fuzz, None
        if session is not None and not session.ended:
            session.finish()


def _with_host(url: str, address: str) -> str:
    parts = urlsplit(url)
    host = f"[{address}]" if ":" in address else address
    return urlunsplit(parts._replace(netloc=host + (f":{parts.port}" if parts.port else "")))


__all__ = ["Answer", "Bench", "Closed", "Session"]
