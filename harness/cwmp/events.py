"""Event codes of Inform: exact strings, acknowledgement, fate when undelivered (TR-069 3.7.1.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BOOTSTRAP: Final = "0 BOOTSTRAP"
BOOT: Final = "1 BOOT"
PERIODIC: Final = "2 PERIODIC"
SCHEDULED: Final = "3 SCHEDULED"
VALUE_CHANGE: Final = "4 VALUE CHANGE"
KICKED: Final = "5 KICKED"
CONNECTION_REQUEST: Final = "6 CONNECTION REQUEST"
TRANSFER_COMPLETE: Final = "7 TRANSFER COMPLETE"
DIAGNOSTICS_COMPLETE: Final = "8 DIAGNOSTICS COMPLETE"
REQUEST_DOWNLOAD: Final = "9 REQUEST DOWNLOAD"
AUTONOMOUS_TRANSFER_COMPLETE: Final = "10 AUTONOMOUS TRANSFER COMPLETE"
DU_STATE_CHANGE_COMPLETE: Final = "11 DU STATE CHANGE COMPLETE"
AUTONOMOUS_DU_STATE_CHANGE_COMPLETE: Final = "12 AUTONOMOUS DU STATE CHANGE COMPLETE"
WAKEUP: Final = "13 WAKEUP"
HEARTBEAT: Final = "14 HEARTBEAT"
M_REBOOT: Final = "M Reboot"
M_SCHEDULE_INFORM: Final = "M ScheduleInform"
M_DOWNLOAD: Final = "M Download"
M_SCHEDULE_DOWNLOAD: Final = "M ScheduleDownload"
M_UPLOAD: Final = "M Upload"
M_CHANGE_DU_STATE: Final = "M ChangeDUState"

MOST: Final = 64
"""Entries an Event list may hold; beyond it the oldest M events give way (A.3.3.1)."""


class Undelivered(StrEnum):
    """What a CPE does with an event that no session acknowledged."""

    KEPT = "kept over everything, reboots included"
    UNTIL_REBOOT = "retried until the next reboot"
    MAY_RETRY = "may be retried"
    NOT_RETRIED = "never retried"


@dataclass(frozen=True, slots=True)
class EventInfo:
    """One event code.

    Whatever ``undelivered`` says, a BOOTSTRAP empties the list of every other event still pending.

    ``companions``: codes of which at least one stands beside it when an ACS's request caused it.
    ``must_accompany``: the single event that an M event always comes with.
    """

    code: str
    multiple: bool
    acknowledged_by: str
    undelivered: Undelivered
    has_command_key: bool = False
    companions: tuple[str, ...] = ()
    must_accompany: str | None = None
    since: str = "1.0"


_IR, _TCR, _DUR = "InformResponse", "TransferCompleteResponse", "DUStateChangeCompleteResponse"
_KEPT, _REBOOT, _MAY = Undelivered.KEPT, Undelivered.UNTIL_REBOOT, Undelivered.MAY_RETRY
_TRANSFERS: Final = (M_DOWNLOAD, M_SCHEDULE_DOWNLOAD, M_UPLOAD)

EVENTS: Final = {
    row.code: row
    for row in (
        EventInfo(BOOTSTRAP, False, _IR, _KEPT),
        EventInfo(BOOT, False, _IR, _REBOOT),
        EventInfo(PERIODIC, False, _IR, _KEPT),
        EventInfo(SCHEDULED, False, _IR, _KEPT, companions=(M_SCHEDULE_INFORM,)),
        EventInfo(VALUE_CHANGE, False, _IR, _REBOOT),
        EventInfo(KICKED, False, "KickedResponse", _MAY),
        EventInfo(CONNECTION_REQUEST, False, _IR, Undelivered.NOT_RETRIED),
        EventInfo(TRANSFER_COMPLETE, False, _TCR, _KEPT, companions=_TRANSFERS),
        EventInfo(DIAGNOSTICS_COMPLETE, False, _IR, _REBOOT),
        EventInfo(REQUEST_DOWNLOAD, False, "RequestDownloadResponse", _MAY, since="1.1"),
        EventInfo(
            AUTONOMOUS_TRANSFER_COMPLETE, False, "AutonomousTransferCompleteResponse", _KEPT, since="1.1"
        ),
        EventInfo(DU_STATE_CHANGE_COMPLETE, False, _DUR, _KEPT, companions=(M_CHANGE_DU_STATE,), since="1.2"),
        EventInfo(AUTONOMOUS_DU_STATE_CHANGE_COMPLETE, False, f"Autonomous{_DUR}", _KEPT, since="1.2"),
        EventInfo(WAKEUP, False, _IR, _REBOOT, since="1.4"),
        EventInfo(HEARTBEAT, False, _IR, Undelivered.NOT_RETRIED, since="1.4"),
        EventInfo(M_REBOOT, True, _IR, _KEPT, True),
        EventInfo(M_SCHEDULE_INFORM, True, _IR, _KEPT, True, must_accompany=SCHEDULED),
        EventInfo(M_DOWNLOAD, True, _TCR, _KEPT, True, must_accompany=TRANSFER_COMPLETE),
        EventInfo(
            M_SCHEDULE_DOWNLOAD, True, _TCR, _KEPT, True, must_accompany=TRANSFER_COMPLETE, since="1.2"
        ),
        EventInfo(M_UPLOAD, True, _TCR, _KEPT, True, must_accompany=TRANSFER_COMPLETE),
        EventInfo(
            M_CHANGE_DU_STATE, True, _DUR, _KEPT, True, must_accompany=DU_STATE_CHANGE_COMPLETE, since="1.2"
        ),
    )
}
"""Every event of the standard by its exact string."""

# A vendor method's M event; and a vendor's own event: an OUI or a name, then what it likes.
_VENDOR_M = re.compile(r"M X_[^\s]+")
_VENDOR_X = re.compile(r"X \S+ \S.*")
_LONGEST: Final = 64


def is_vendor(code: str) -> bool:
    """Whether *code* is of a vendor's form: ``M X_<method>`` or ``X <OUI or name> <event>``."""
    return len(code) <= _LONGEST and bool(_VENDOR_M.fullmatch(code) or _VENDOR_X.fullmatch(code))


def is_known(code: str) -> bool:
    """Whether *code* is exactly a code of the standard or of a vendor's form."""
    return code in EVENTS or is_vendor(code)


def nearest(code: str) -> str | None:
    """The standard's code that *code* seems to mean: alike but for case and blanks, or of that number."""
    folded = " ".join(code.split()).casefold()
    for known in EVENTS:
        if known.casefold() == folded:
            return known
    number = folded.partition(" ")[0]
    return next((known for known in EVENTS if number.isdigit() and known.split()[0] == number), None)
