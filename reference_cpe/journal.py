"""What the device writes down about itself: the vendor log file that Upload sends. Gone after a reboot."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from harness.cwmp import datatypes

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

LINES: Final = 500
_WIDTH: Final = 120


class Journal:
    """Seams: `note`, `text`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._lines: deque[str] = deque(maxlen=LINES)

    def note(self, text: str) -> None:
        """One line; no secrets."""
        clock = self._parts.clock
        time = datatypes.format_time(clock.unix()) if clock.absolute else f"+{clock.now():.0f} s"
        self._lines.append(f"{time} {text}"[:_WIDTH])

    def text(self) -> bytes:
        return "".join(f"{line}\n" for line in self._lines).encode()
