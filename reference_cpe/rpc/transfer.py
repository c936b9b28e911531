"""Download, Upload, ScheduleDownload (TR-069 A.3.2.8, A.4.1.5, A.4.1.8).

Judged at once, carried out after the session: Status 1, the result comes with TransferComplete.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.cwmp import events
from harness.cwmp.messages import (
    Download,
    DownloadResponse,
    ScheduleDownload,
    ScheduleDownloadResponse,
    Upload,
    UploadResponse,
)
from reference_cpe import fetch, urls, windows
from reference_cpe.fault import CwmpFault
from reference_cpe.file_types import upload_type
from reference_cpe.transfers import Kind

if TYPE_CHECKING:
    from reference_cpe.parts import Parts


def download(parts: Parts, message: Download) -> DownloadResponse:
    kind = _kind(parts, parts.transfers.kind(message.file_type), message.file_type)
    _check_url(message.url)
    _check_size(message.file_size)
    parts.transfers.add(
        kind,
        message.command_key,
        message.url,
        (message.username, message.password),
        message.delay_seconds,
        file_type=message.file_type,
        file_size=message.file_size,
        target_file_name=message.target_file_name,
    )
    return DownloadResponse(1)


def upload(parts: Parts, message: Upload) -> UploadResponse:
    kind = _kind(parts, parts.transfers.upload_kind(message.file_type), message.file_type)
    _check_url(message.url)
    parts.transfers.add(
        kind,
        message.command_key,
        message.url,
        (message.username, message.password),
        message.delay_seconds,
        event=events.M_UPLOAD,
        file_type=upload_type(message.file_type),
    )
    return UploadResponse(1)


def schedule_download(parts: Parts, message: ScheduleDownload) -> ScheduleDownloadResponse:
    kind = _kind(parts, parts.transfers.kind(message.file_type), message.file_type)
    _check_url(message.url)
    _check_size(message.file_size)
    wanted = windows.judge(message.time_window_list, parts.clock.unix())
    parts.transfers.add(
        kind,
        message.command_key,
        message.url,
        (message.username, message.password),
        min(window.window_start for window in message.time_window_list),
        event=events.M_SCHEDULE_DOWNLOAD,
        file_type=message.file_type,
        file_size=message.file_size,
        target_file_name=message.target_file_name,
        windows=[asdict(window) for window in wanted],
    )
    return ScheduleDownloadResponse()


def _kind(parts: Parts, kind: Kind | None, file_type: str) -> Kind:
    if kind is None:
        raise CwmpFault(9003, f"FileType not supported: {file_type[:64]}")
    if not parts.transfers.permitted(kind):
        raise CwmpFault(9001, "Request denied: not allowed by the settings of the device")
    return kind


def _check_url(url: str) -> None:
    try:
        target = urls.parse(url)
    except urls.UnknownScheme as error:
        raise CwmpFault(9013, "Unsupported protocol for file transfer") from error
    except urls.BadUrl as error:
        raise CwmpFault(9003, f"URL: {error}") from error
    if target.user_info:
        raise CwmpFault(9003, "URL: holds a user name")


def _check_size(size: int) -> None:
    if size > fetch.LONGEST:
        raise CwmpFault(9004, f"Resources exceeded: files are at most {fetch.LONGEST} bytes long")
