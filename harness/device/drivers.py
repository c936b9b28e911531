"""From a profile to its driver."""

from __future__ import annotations

from pathlib import Path

from harness.device.api import Driver, DriverError
from harness.device.command import CommandDriver
from harness.device.profile import Profile
from harness.device.reference import ReferenceDriver
from harness.lab.clock import Clock, SteeredClock
from harness.lab.network import Lab


def make(profile: Profile, lab: Lab, clock: Clock, workdir: Path) -> Driver:
    """The driver of *profile*'s device. *workdir* is an existing folder of this device alone.

    The bench chooses lab and clock by ``profile.needs_namespaces`` and ``profile.steered`` before.

    Raises:
        DriverError: lab or clock are not of the kind that the profile needs.
    """
    steered = isinstance(clock, SteeredClock)
    if steered != profile.steered:
        found, needed = ("steered", "real") if steered else ("real", "steered")
        raise DriverError(f"start: {profile.info.name} needs a {needed} clock, and the bench's is {found}")
    if profile.driver == "reference":
        path = clock.path if isinstance(clock, SteeredClock) else None
        return ReferenceDriver(profile, lab, path, workdir)
    return CommandDriver(profile, lab, workdir)
