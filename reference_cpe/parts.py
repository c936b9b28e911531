"""The device, put together from named parts.

Every part is a small object with small methods; the methods are the seams. A function given the `Parts`
may replace a part, wrap one of its methods or set one of its attributes, before the device starts. The
parts, their methods and what they are good for are listed in docs/reference-cpe.md; names there are stable.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from harness.cwmp.cookies import CookieJar
from harness.cwmp.messages import Message
from reference_cpe.aliases import Aliases
from reference_cpe.attributes import Attributes
from reference_cpe.client import open_connection
from reference_cpe.clock import Clock
from reference_cpe.config import Config
from reference_cpe.diagnostics.part import Diagnostics
from reference_cpe.discovery import Discovery
from reference_cpe.envelope import EnvelopeReader, EnvelopeWriter
from reference_cpe.events import Events
from reference_cpe.exchange import Exchange, HttpStyle
from reference_cpe.gate import Gate
from reference_cpe.heartbeat import Heartbeat
from reference_cpe.http import HttpConnection
from reference_cpe.journal import Journal
from reference_cpe.listener import Listener
from reference_cpe.login import Digest
from reference_cpe.model import Model
from reference_cpe.models import choose
from reference_cpe.network import Firewall, Source
from reference_cpe.permissions import Permissions
from reference_cpe.reboots import Reboots
from reference_cpe.requests import Requests
from reference_cpe.retry import Retry
from reference_cpe.rim import Wire
from reference_cpe.rpc import PROFILES
from reference_cpe.session import Session
from reference_cpe.settings import Settings
from reference_cpe.status import Informer, Status
from reference_cpe.store import Store
from reference_cpe.timers import Timers
from reference_cpe.transfers import Transfers
from reference_cpe.trust import Trust
from reference_cpe.urls import Target

Handler = Callable[["Parts", Any], Message]
"""Carries out one RPC and gives its response; refuses by raising `CwmpFault`."""


@dataclass(slots=True)
class AfterSession:
    """What an RPC has put off until the session is over."""

    reboot_keys: list[str] = field(default_factory=list)
    """CommandKeys of the Reboots asked for."""
    factory_reset: bool = False


@dataclass(slots=True)
class Parts:
    """All parts of one device, from boot to reboot."""

    config: Config
    clock: Clock
    store: Store
    random: Random
    settings: Settings = field(init=False)
    permissions: Permissions = field(init=False)
    trust: Trust = field(init=False)
    model: Model = field(init=False)
    aliases: Aliases = field(init=False)
    attributes: Attributes = field(init=False)
    status: Status = field(init=False)
    informer: Informer = field(init=False)
    events: Events = field(init=False)
    retry: Retry = field(init=False)
    timers: Timers = field(init=False)
    transfers: Transfers = field(init=False)
    requests: Requests = field(init=False)
    diagnostics: Diagnostics = field(init=False)
    reboots: Reboots = field(init=False)
    discovery: Discovery = field(init=False)
    heartbeat: Heartbeat = field(init=False)
    journal: Journal = field(init=False)
    source: Source = field(init=False)
    firewall: Firewall = field(init=False)
    digest: Digest = field(init=False)
    gate: Gate = field(init=False)
    listener: Listener = field(init=False)
    http: HttpStyle = field(init=False)
    wire: Wire = field(init=False)
    envelope: EnvelopeWriter = field(init=False)
    reader: EnvelopeReader = field(init=False)
    session: type[Session] = Session
    exchange: type[Exchange] = Exchange
    new_jar: Callable[[], CookieJar] = CookieJar
    rpc: dict[str, Handler] = field(default_factory=dict)
    after_session: AfterSession = field(default_factory=AfterSession)
    dial: Callable[[Parts, Target], Awaitable[HttpConnection]] = open_connection
    """Opens a connection to the ACS."""
    contacted: str = ""
    """ACS URL of the session that runs."""
    connect: Callable[[], None] = lambda: None
    """Open a session, unless one runs or CWMP is off. Set by the device."""
    connection_requested: Callable[[], bool] = lambda: False
    """Take a good connection request; False when it must be turned away. Set by the device."""
    active: Callable[[], bool] = lambda: True
    """Whether the device may open a session at all. Set by the device."""
    in_session: Callable[[], bool] = lambda: False
    """Whether a session runs. Set by the device."""
    reboot: Callable[[], object] = lambda: None
    """Restart the device as soon as no session runs. Set by the device."""

    def put_off(self, *, reboot_key: str | None = None, factory_reset: bool = False) -> None:
        """Note what is to be done after the session, on disk too: power may fail before it is."""
        waiting = self.after_session
        if reboot_key is not None:
            waiting.reboot_keys.append(reboot_key)
        waiting.factory_reset = waiting.factory_reset or factory_reset
        self.store.update(after_session=asdict(waiting))

    def save(self, **changes: Any) -> None:
        """Write *changes* to the store together with the events and transfers that wait."""
        self.store.update(events=self.events.dump(), transfers=self.transfers.dump(), **changes)


def assemble(config: Config, clock: Clock, store: Store, random: Random) -> Parts:
    """A correct device."""
    parts = Parts(config, clock, store, random)
    parts.rpc.update(PROFILES[config.profile.name])
    parts.settings = Settings(store, config.settings)
    parts.permissions = Permissions(parts.settings)
    parts.trust = Trust(store, clock)
    parts.attributes = Attributes(parts)
    parts.aliases = Aliases(parts)
    profile = config.profile
    parts.model = Model(parts, choose(profile.data_model, config.model.file, profile.alias_based_addressing))
    parts.status = Status(parts)
    parts.informer = Informer(parts)
    parts.events = Events()
    parts.retry = Retry(random)
    parts.timers = Timers(parts)
    parts.transfers = Transfers(parts)
    parts.requests = Requests(parts)
    parts.diagnostics = Diagnostics(parts)
    parts.reboots = Reboots(parts)
    parts.discovery = Discovery(parts, config.dhcp.file)
    parts.heartbeat = Heartbeat(parts)
    parts.journal = Journal(parts)
    parts.source = Source(config.network, parts.settings)
    parts.firewall = Firewall(config.network, parts.settings, config.web)
    parts.digest = Digest()
    parts.gate = Gate(parts.settings, clock)
    parts.listener = Listener(parts)
    parts.settings.port_obstacle = parts.listener.obstacle
    parts.http = HttpStyle()
    parts.wire = Wire()
    parts.envelope = EnvelopeWriter()
    parts.reader = EnvelopeReader()
    return parts
