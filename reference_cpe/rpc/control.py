"""Reboot, FactoryReset, ScheduleInform (TR-069 A.3.2.9, A.4.1.6, A.4.1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.messages import (
    FactoryReset,
    FactoryResetResponse,
    Reboot,
    RebootResponse,
    ScheduleInform,
    ScheduleInformResponse,
)
from reference_cpe import schedule
from reference_cpe.fault import CwmpFault

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def reboot(parts: Parts, message: Reboot) -> RebootResponse:
    """After the session; one reboot reports every CommandKey."""
    parts.put_off(reboot_key=message.command_key)
    return RebootResponse()


def factory_reset(parts: Parts, _message: FactoryReset) -> FactoryResetResponse:
    """After the session."""
    parts.put_off(factory_reset=True)
    return FactoryResetResponse()


def schedule_inform(parts: Parts, message: ScheduleInform) -> ScheduleInformResponse:
    """Several may wait; each is kept over a reboot and reported with its own CommandKey."""
    if message.delay_seconds < 1:
        raise CwmpFault(9003, "DelaySeconds must be greater than 0")
    schedule.add(parts, message.delay_seconds, message.command_key)
    return ScheduleInformResponse()
