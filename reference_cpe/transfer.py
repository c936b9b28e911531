"""One file transfer, as it waits, is stored and is reported (TR-069 A.3.2.8, A.4.1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.cwmp import events
from reference_cpe.windows import Window


class Kind(StrEnum):
    """What a file is to the device."""

    FIRMWARE = "firmware"
    SCRIPT = "script"
    SETTINGS = "settings"
    LOG = "log"


@dataclass(slots=True)
class Transfer:
    """One transfer, as it is stored. Times are Unix seconds; ``due`` is the earliest moment to begin."""

    number: int
    kind: str
    command_key: str
    url: str
    username: str
    password: str
    due: float
    done: bool = False
    fault_code: int = 0
    fault_string: str = ""
    started: float | None = None
    completed: float | None = None
    event: str = events.M_DOWNLOAD
    file_type: str = ""
    """As it is named among all transfers."""
    file_size: int = 0
    target_file_name: str = ""
    windows: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0
    """How many have failed in the present window."""
    running: bool = False

    @property
    def mark(self) -> list[float]:
        """What stands for it where its effect is noted; a number alone may be given again."""
        return [self.number, self.due]

    @property
    def upload(self) -> bool:
        return self.kind in (Kind.SETTINGS, Kind.LOG)

    @property
    def autonomous(self) -> bool:
        """No ACS has asked for it."""
        return self.event == events.AUTONOMOUS_TRANSFER_COMPLETE

    @property
    def state(self) -> int:
        """1 not yet started, 2 in progress, 3 completed (A.4.1.1)."""
        return 3 if self.done else 2 if self.running else 1

    def open_windows(self) -> list[Window]:
        return [Window(**window) for window in self.windows]
