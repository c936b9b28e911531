"""FileTypes of Upload, and what they are called among all transfers (TR-069 A.4.1.5, A.4.1.7)."""

from __future__ import annotations

import re
from typing import Final

_UPLOAD = re.compile(r"([1-4]) Vendor (Configuration|Log) File(?: ([1-9][0-9]{0,8}))?", re.ASCII)
_AMONG_ALL: Final = {"1": "3", "2": "4", "3": "6", "4": "7"}
"""Number of a FileType of Upload to the number of the same kind among all transfers."""


def uploaded(file_type: str) -> tuple[str, int] | None:
    """The table below DeviceInfo that lists the file, and its row; ``None`` where that is no FileType.

    The deprecated types 1 and 2 name no row and mean the first.
    """
    found = _UPLOAD.fullmatch(file_type)
    if found is None or (found[1] in "13") is not (found[2] == "Configuration"):
        return None
    if (found[1] in "34") is not (found[3] is not None):
        return None
    return ("VendorConfigFile" if found[2] == "Configuration" else "VendorLogFile"), int(found[3] or 1)


def upload_type(file_type: str) -> str:
    """The FileType of an Upload as it is named among all transfers."""
    return _AMONG_ALL[file_type[0]] + file_type[1:]
