"""The device: boots, connects when there is a reason, and does what a session has put off to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from random import Random

from harness.cwmp import events
from reference_cpe import client, schedule
from reference_cpe.client import Outcome
from reference_cpe.clock import Clock, Work
from reference_cpe.config import Config
from reference_cpe.model_table import CONNECTION_REQUEST_ENABLE, RETRY_MINIMUM, RETRY_MULTIPLIER
from reference_cpe.notification import Notifier
from reference_cpe.parts import Parts, assemble
from reference_cpe.settings import Change
from reference_cpe.store import Store

log = logging.getLogger("reference-cpe")

MERGED_REQUESTS = 5
"""Connection requests that one waiting session may serve; further ones are answered 503 (TR-069 3.2.2)."""
_PERIODIC = {"periodic_inform_active", "periodic_inform_interval"}
_NETWORK = {"port", "cwmp_active", "source_address", "ipv6_inbound_rules"}

Alteration = Callable[[Parts], object]
"""Changes a part at assembly."""


class Device:
    """One device. *alterations* are applied to the parts at every boot."""

    def __init__(
        self, config: Config, clock: Clock, directory: Path, alterations: Sequence[Alteration], random: Random
    ) -> None:
        self.store = Store(directory)
        self._config = config
        self._clock = clock
        self._alterations = alterations
        self._random = random
        self.parts = self._assemble()
        self._session: asyncio.Task[None] | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._network: asyncio.Task[None] | None = None
        self._merged = 0
        self._wanted = False
        self._beat_owed = False
        self._up = False
        self._leaving = False
        self.booted = asyncio.Event()
        """Set while the device is up."""
        self.sessions = {"started": 0, "successful": 0, "failed": 0}
        self.last_error = ""
        self.last_session: tuple[float, bool] | None = None
        """Unix time of the end of the last session, and whether it was successful."""

    # --- boot and shutdown

    def _assemble(self) -> Parts:
        parts = assemble(self._config, self._clock, self.store, self._random)
        parts.connect = self.connect
        parts.connection_requested = self._connection_requested
        parts.active = lambda: bool(parts.settings.value("cwmp_active"))
        parts.in_session = lambda: self._session is not None
        parts.reboot = self.restart
        parts.settings.changed = self._settings_changed
        parts.timers.periodic_due = self._periodic_due
        parts.heartbeat.due = self._heartbeat_due
        parts.model.changed = self._parameters_set
        self._notifier = Notifier(parts)
        for alter in self._alterations:
            alter(parts)
        return parts

    async def boot(self) -> None:
        """Start from what is stored. Returns when the network is set up; the first session has begun."""
        with self._clock.work():
            reboot_keys = self._left_over()
            self.parts = parts = self._assemble()
            parts.events.load(self.store.get("events", []))
            parts.transfers.load(self.store.get("transfers", []))
            parts.events.rebooted()
            parts.diagnostics.forget()
            for key in reboot_keys:
                parts.events.add(events.M_REBOOT, key)
            parts.discovery.refresh()
            if self._new_acs():
                self._bootstrap()
            parts.events.add(events.BOOT)
            parts.save(after_session=None)
            await self._set_up_network()
            self._up = True
            self.booted.set()
            schedule.arm(parts)
            parts.timers.booted()
            parts.reboots.booted()
            parts.heartbeat.arm()
            parts.requests.begin()
            parts.transfers.start_due()
            parts.journal.note("booted")
            self.check_certificates()
            self.connect()

    def check_certificates(self) -> None:
        """Warn of stored certificates that are out of date: at boot, and when one is stored."""
        for warning in self.parts.trust.warnings():
            log.warning("%s", warning)
            self.parts.journal.note(warning)

    def _left_over(self) -> list[str]:
        """Do what a session that power cut short has put off; the CommandKeys of its Reboots."""
        left = self.store.get("after_session") or {}
        if left.get("factory_reset"):
            self.store.reset(keep=("software_version",))
        return list(left.get("reboot_keys", []))

    @property
    def up(self) -> bool:
        """Booted: changes of settings have their effect."""
        return self._up

    async def down(self) -> None:
        """Stop everything at once, as when power fails, but for the store."""
        self._up = self._wanted = self._beat_owed = False
        self.booted.clear()
        tasks = [task for task in (self._session, self._network) if task is not None]
        self._session = self._network = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.parts.transfers.stop()
        await self.parts.diagnostics.stop()
        await self.parts.listener.stop()
        self._clock.drop_timers()

    async def close(self) -> None:
        """The process ends."""
        await self.down()
        if self._restarting is not None:
            self._restarting.cancel()
        await self.parts.firewall.remove()

    def restart(self, factory: bool = False, at_once: bool = False) -> asyncio.Task[None]:
        """Reboot when no session runs, or *at_once*; *factory* empties the store on the way."""
        if self._restarting is None:
            self._leaving = True
            self._restarting = self._clock.task(partial(self._restart, factory, at_once))
        return self._restarting

    async def _restart(self, factory: bool, at_once: bool, work: Work) -> None:
        with work:
            if self._session is not None and not at_once:
                await asyncio.wait([self._session])
            log.info("factory reset" if factory else "reboot")
            await self.down()
            if factory:
                self.store.reset(keep=("software_version",))
            self.store.load()
            self._leaving = False
            await self.boot()
            self._restarting = None

    # --- sessions

    def connect(self) -> None:
        """Open a session now, unless one runs or there is nobody to talk to."""
        if self._session is not None:
            self._wanted = True
        if not self._may_connect():
            return
        self.parts.timers.cancel("retry")
        self._begin(beating=False)

    def _may_connect(self) -> bool:
        active = self.parts.active() and self.parts.settings.value("acs_url")
        return bool(self._up and not self._leaving and self._session is None and active)

    def _begin(self, beating: bool) -> None:
        self._wanted = False
        self._session = self._clock.task(partial(self._run, beating))

    async def _run(self, beating: bool, work: Work) -> None:
        with work:
            self._merged = 0
            self.sessions["started"] += 1
            self.parts.heartbeat.beating = beating
            if self.parts.informer.names_rows():
                self.parts.model.refresh()
            if not beating:
                self.parts.events.attempt()
                self._notifier.session_started()
            url = self.parts.contacted = self.parts.settings.value("acs_url")
            try:
                outcome = await client.run_session(self.parts, url)
            except Exception as error:
                log.exception("session broke inside")
                outcome = Outcome(False, False, f"internal error: {error}")
            self._session = None
            self.parts.heartbeat.beating = False
            self._ended(outcome, beating)

    def _ended(self, outcome: Outcome, beating: bool) -> None:
        """A session is over: events, timers, and what was put off."""
        parts = self.parts
        self.last_session = (self._clock.unix(), outcome.successful)
        self.sessions["successful" if outcome.successful else "failed"] += 1
        if outcome.successful:
            log.info("session ended")
        else:
            self.last_error = outcome.reason
            log.warning("session failed: %s", outcome.reason)
        parts.journal.note(f"session {'ended' if outcome.successful else 'failed: ' + outcome.reason}")
        if not beating:
            self._delivered(outcome)
        for key in parts.after_session.reboot_keys:
            parts.events.add(events.M_REBOOT, key)
        # The keys are events now; a factory reset stays noted until it is done.
        factory = parts.after_session.factory_reset
        parts.keep(after_session={"factory_reset": True} if factory else None)
        if parts.after_session.factory_reset or parts.after_session.reboot_keys:
            self.restart(parts.after_session.factory_reset)
            return
        parts.transfers.start_due()
        parts.diagnostics.start()
        parts.reboots.session_ended()
        parts.heartbeat.arm()
        self._value_changed()
        if parts.events.fresh() or (beating and self._wanted):
            self.connect()
        elif not (outcome.successful or beating or self._session):
            self._retry_later(outcome)
        if self._beat_owed and self._session is None:
            self._heartbeat_due()

    def _delivered(self, outcome: Outcome) -> None:
        """What the end of a session means for retries, events and timers; a heartbeat touches none of them."""
        parts = self.parts
        if outcome.successful:
            parts.retry.succeeded()
        else:
            parts.retry.failed()
            parts.events.session_failed()
            parts.discovery.refresh()
        parts.timers.session_ended(outcome.successful)
        self._notifier.session_ended(outcome.successful)

    def _retry_later(self, outcome: Outcome) -> None:
        """The retry ladder; with every event discarded there is nothing left to retry for."""
        parts = self.parts
        if not (parts.events.entries or outcome.informed):
            parts.retry.succeeded()
            return
        wait = parts.retry.wait(int(parts.model.text(RETRY_MINIMUM)), int(parts.model.text(RETRY_MULTIPLIER)))
        log.info("next attempt in %.1f s", wait)
        parts.timers.set("retry", self._clock.now() + wait, self.connect)

    # --- reasons to connect

    def _periodic_due(self) -> None:
        self.parts.events.add(events.PERIODIC)
        self.parts.keep()  # it must be reported even if power fails before it is (TR-069 3.7.1.5)
        self.connect()

    def _heartbeat_due(self) -> None:
        """A session of its own, after the one that runs. First contact with an ACS is no heartbeat's."""
        self._beat_owed = self._session is not None
        if self._may_connect() and not self._new_acs():
            self._begin(beating=True)

    def _connection_requested(self) -> bool:
        """Take one, where a session can follow from it: a reboot would forget it, and without an ACS there is none."""
        put_off = self.parts.after_session
        if self._leaving or put_off.reboot_keys or put_off.factory_reset:
            return False
        if not self.parts.settings.value("acs_url"):
            return False
        if self._session is not None or events.CONNECTION_REQUEST in (
            e.code for e in self.parts.events.entries
        ):
            self._merged += 1
            if self._merged > MERGED_REQUESTS:
                return False
        self.parts.events.add(events.CONNECTION_REQUEST)
        return True

    def wake(self) -> None:
        """The operator wants a session now."""
        self.parts.events.add(f"X {self._config.device.oui} WAKE")
        self.connect()

    def _new_acs(self) -> bool:
        url = self.parts.settings.value("acs_url")
        return bool(url) and self.store.get("bootstrapped") != url

    def _bootstrap(self) -> None:
        """A new ACS: it learns of nothing that was meant for the old one (TR-069 3.7.1.5)."""
        self.parts.events.bootstrap()
        self.parts.transfers.forget()
        self.parts.diagnostics.forget()
        self.parts.timers.cancel("scheduled")
        self.parts.save(reported={}, attributes={}, scheduled=[], bootstrapped="")

    # --- changes of settings

    def _settings_changed(self, change: Change) -> None:
        """Called with every change, whoever made it; busy before this returns if anything follows from it."""
        if not self._up:
            return
        log.info("settings changed: %s", ", ".join(change))
        if "acs_url" in change and change["acs_url"][1]:
            self._bootstrap()
            self.connect()
        if "cwmp_active" in change:
            self._switched(change["cwmp_active"][1])
        if _PERIODIC & set(change) and self.parts.settings.value("cwmp_active"):
            self._periodic_changed()
        if _NETWORK & set(change):
            self.parts.model.refresh()
            self._follow_network()
        self._value_changed()

    def _parameters_set(self, paths: Collection[str]) -> None:
        """The ACS has set parameters; those that are settings are told of by `_settings_changed`."""
        self.parts.diagnostics.changed(paths)
        self.parts.reboots.changed(paths)
        if self._up and self.parts.model.path(CONNECTION_REQUEST_ENABLE) in paths:
            self._follow_network()

    def _value_changed(self) -> None:
        """Open a session where a change of value calls for one."""
        if self._up and self._session is None and self._notifier.due(self._value_changed):
            self.connect()

    def _periodic_changed(self) -> None:
        """A new interval counts from now; from the session's end where one runs or is still owed."""
        if self._session is None and not self.parts.retry.count:
            self.parts.timers.start_periodic()

    def _switched(self, on: bool) -> None:
        for name in ("retry", "periodic"):
            self.parts.timers.cancel(name)
        if on:
            self.parts.events.add(events.BOOT)
            self.connect()

    def _follow_network(self) -> None:
        previous = self._network

        async def follow(work: Work) -> None:
            with work:
                if previous is not None:
                    await asyncio.wait([previous])
                await self._set_up_network()
                self._value_changed()

        self._network = self._clock.task(follow)

    async def network_settled(self) -> None:
        """Wait until the last change of settings is in effect on the network."""
        if self._network is not None:
            await asyncio.wait([self._network])

    async def _set_up_network(self) -> None:
        active = self.parts.settings.value("cwmp_active")
        wanted = self.parts.model.flag(CONNECTION_REQUEST_ENABLE)
        port = self.parts.settings.value("port") if active and wanted else 0
        for step in (self.parts.firewall.apply(), self.parts.listener.start(port)):
            try:
                await step
            except OSError as error:
                self.last_error = f"network: {error}"
                log.error("network: %s", error)
