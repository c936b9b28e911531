"""Executor of the surface ``connection-request``: programs for the device's HTTP server (TR-069 3.2.2)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.device.profile import Profile
from harness.fuzz.connection_request.client import Door, DoorClient
from harness.fuzz.engine.ground import REFUSED, Ground
from harness.fuzz.evidence import Control, Evidence
from harness.fuzz.executor import ExecutorError
from harness.fuzz.program import Program, Surface
from harness.lab.topology import WAN

BATCH: Final = 800
"""Programs between two golden sessions: they meet on nothing but the device."""
WATCH: Final = 31.0
"""Seconds of device time after a batch in which a session may begin that somebody asked for (3.2.2.1: 30 s)."""


class ConnectionRequestExecutor:
    """`harness.fuzz.executor.Executor` of this surface. End it with `close`.

    Raises:
        DriverError, OSError: the bench or the device does not come up.
        ExecutorError: the device has not told a ConnectionRequestURL that may be addressed.
    """

    surface = Surface.CONNECTION_REQUEST
    batch = BATCH

    def __init__(self, profile: Profile, workdir: Path) -> None:
        self.ground = Ground(profile, workdir)
        # Nobody reads packets here, and a million cases would fill the disk with them.
        self.ground.loop.call(self.ground.rig.lab.capture.close())
        try:
            self._last: Control | None = None
            self._settled()
            self.client = DoorClient(self._door())
        except BaseException:
            self.ground.close()
            raise

    def _settled(self) -> None:
        """The first session tells the URL; what came before it is nobody's evidence."""
        control = self.control()
        if not control.alive:
            raise ExecutorError(f"no session to begin with: {control.reason}")
        self.ground.loop.call(self.ground.take())

    def _door(self) -> Door:
        rig = self.ground.rig
        url = rig.connection_request_url()
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or (reason := rig.not_ours(url)):
            raise ExecutorError(f"no connection request to {url!r}: {reason if url else 'none was told'}")
        address = rig.named(url) or (parts.hostname, parts.port or 80)
        family = socket.AF_INET6 if ipaddress.ip_address(address[0]).version == 6 else socket.AF_INET
        username, password = rig.connection_request_credentials
        return Door(
            address=address,
            host=parts.netloc.rpartition("@")[2],
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            username=username,
            password=password,
            sockets=lambda: rig.lab.stream_sockets(WAN, family),
            now=rig.clock.now,
            step=self._step if rig.clock.steered else None,
            marks={"acs.url": rig.url("http"), "acs.host": urlsplit(rig.url("http")).netloc},
        )

    def _step(self, seconds: float) -> None:
        try:
            self.ground.bench.advance_during(seconds)
        except REFUSED as error:
            self.client.door.stuck = str(error)

    # --- Executor ---

    def control(self) -> Control:
        """A golden session now."""
        self._last = self.ground.control()
        return self._last

    def run(self, programs: Sequence[Program]) -> Evidence:
        """Run *programs*, several at a time, each on connections of its own.

        The control before them is the one after the batch before, where nothing has happened since.
        """
        before = self._last or self.control()
        mark = self.ground.mark()
        accepted, canary = self.client.accepted, self.ground.canary()
        self.client.door.marks = {**self.client.door.marks, "canary": canary}
        observations = self.client.play(programs)
        self._last = None
        if stuck := self.client.door.stuck:
            # It does not even answer its clock: waiting for a session would be in vain.
            gone = self.ground.bench.device.gone()
            after = Control(alive=False, reason=gone or stuck, process=gone)
            return self.ground.evidence(observations, before, after, (), self.client.take())
        unexpected = self.ground.unexpected(mark, self._watch(), self.client.accepted - accepted)
        after = self.control()
        if after.alive:
            self.client.door = self._door()
        return self.ground.evidence(observations, before, after, unexpected, self.client.take(), canary)

    def _watch(self) -> float:
        return WATCH if self.ground.rig.clock.steered else self.ground.rig.timing.settle

    def reset(self) -> str:
        """As `harness.fuzz.executor.Executor.reset`."""
        self._last = None
        how = self.ground.reset()
        self.client.door = self._door()
        return how

    def close(self) -> None:
        """Take bench and device down."""
        self.client.close()
        self.ground.close()
