"""The bench: lab, ACS, file server, PKI and device put together; what a case is handed."""

from __future__ import annotations

from pathlib import Path

from harness.bench.bench import Bench
from harness.bench.loop import LoopThread
from harness.bench.records import ConnectionRequestOutcome, InformSeen
from harness.bench.rig import Rig
from harness.bench.sessions import Answer, Session
from harness.device.profile import Profile
from harness.lab.frame import Frame

__all__ = ["Answer", "Bench", "ConnectionRequestOutcome", "Frame", "InformSeen", "Session", "open_bench"]


def open_bench(profile: Profile, workdir: Path) -> Bench:
    """Build a bench for the device of *profile* and bring the device to the baseline.

    Raises:
        DriverError: the device cannot be started or configured.
        OSError: a port that the profile names is in use; the message names it.
    """
    loop = LoopThread()
    try:
        rig = loop.call(Rig.open(profile, workdir))
        bench = Bench(loop, rig)
        try:
            bench.set_up()
        except BaseException:
            bench.close()
            raise
    except BaseException:
        loop.stop()
        raise
    return bench
