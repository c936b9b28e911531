"""The local time zone: rules in the format of POSIX, and what the device says the time is."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from cpe_lab import ManualClock

from harness.cwmp.messages import ParameterValueStruct
from reference_cpe import zone
from reference_cpe.config import Config, Profile
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

WINTER, SUMMER = 1_763_830_000, 1_751_328_000
"""2025-11-22 and 2025-07-01."""


@pytest.mark.parametrize(
    ("rule", "winter", "summer"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", 60, 120),
        ("EST5EDT,M3.2.0,M11.1.0", -300, -240),
        ("<+0530>-5:30", 330, 330),
        ("UTC0", 0, 0),
        ("", 0, 0),
        ("nonsense", 0, 0),
        ("CET-1CEST,M13.5.0,M10.5.0", 0, 0),
        ("CET-1\nCET-1", 0, 0),
        ("MEZ-1é", 0, 0),
        ("LMT-0:53:28", 0, 0),
        ("XYZ-24", 0, 0),
        ("A" * 256, 0, 0),
    ],
)
def test_rules(rule: str, winter: int, summer: int) -> None:
    """A dateTime's offset has whole minutes, 14 hours at most; what cannot be said or read is UTC."""
    assert (zone.offset(WINTER, rule), zone.offset(SUMMER, rule)) == (winter, summer)


@pytest.mark.parametrize(
    ("data_model", "name"),
    [("TR-181", "Device.Time.LocalTimeZone"), ("TR-098", "InternetGatewayDevice.Time.LocalTimeZoneName")],
)
def test_the_time_that_the_device_tells(tmp_path: Path, data_model: str, name: str) -> None:
    clock = ManualClock()
    config = Config(profile=Profile(data_model=data_model))
    parts = assemble(config, clock, Store(tmp_path / "store"), Random(1))
    assert parts.informer.message().current_time == "2025-11-22T16:46:40Z"
    parts.model.set([ParameterValueStruct(name, "CET-1CEST,M3.5.0,M10.5.0/3", None)])
    assert parts.informer.message().current_time == "2025-11-22T17:46:40+01:00"
    assert parts.model.text("Device.Time.CurrentLocalTime") == "2025-11-22T17:46:40+01:00"
    assert parts.status.time(clock.unix()) == "2025-11-22T16:46:40Z"
    clock.absolute = False
    assert parts.informer.message().current_time == "0001-01-01T00:00:00"


def test_time_status(parts: Parts, clock: ManualClock) -> None:
    assert parts.model.text("Device.Time.Status") == "Synchronized"
    clock.absolute = False
    assert parts.model.text("Device.Time.Status") == "Unsynchronized"
    parts.model.set([ParameterValueStruct("Device.Time.Enable", "0", None)])
    assert parts.model.text("Device.Time.Status") == "Disabled"
