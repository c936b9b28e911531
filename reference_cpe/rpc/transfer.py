"""Download (TR-069 A.3.2.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.cwmp.messages import Download, DownloadResponse
from reference_cpe import urls
from reference_cpe.fault import CwmpFault

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def download(parts: Parts, message: Download) -> DownloadResponse:
    """Judged at once, carried out after the session: Status 1, the result comes with TransferComplete."""
    kind = parts.transfers.kind(message.file_type)
    if kind is None:
        raise CwmpFault(9003, f"FileType not supported: {message.file_type[:64]}")
    if not parts.transfers.permitted(kind):
        raise CwmpFault(9001, "Request denied: not allowed by the settings of the device")
    try:
        target = urls.parse(message.url)
    except urls.UnknownScheme as error:
        raise CwmpFault(9013, "Unsupported protocol for file transfer") from error
    except urls.BadUrl as error:
        raise CwmpFault(9003, f"URL: {error}") from error
    if target.user_info:
        raise CwmpFault(9003, "URL: holds a user name")
    user = (message.username, message.password)
    parts.transfers.add(kind, message.command_key, message.url, user, message.delay_seconds)
    return DownloadResponse(1)
