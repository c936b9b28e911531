"""Defects of the three permission switches."""

from __future__ import annotations

from harness.cwmp.messages import Download, Message
from reference_cpe.defects.registry import defect
from reference_cpe.parts import Parts
from reference_cpe.transfers import Kind


@defect(
    "file-switch-ignored",
    breaks=["lcos.file.refused-when-off", "lcos.file.firmware-refused-when-off"],
    seen="no open CPE has such a switch",
)
def file_switch_ignored(parts: Parts) -> None:
    """Files are transferred although "Allow file transmission" is off; firmware still obeys its own switch."""
    parts.permissions.transfer_files = lambda: True  # type: ignore[method-assign]


@defect("firmware-switch-ignored", breaks=["lcos.firmware.refused-when-off"])
def firmware_switch_ignored(parts: Parts) -> None:
    """Firmware is updated although "Allow firmware updates" is off."""
    permissions = parts.permissions
    permissions.update_firmware = lambda: permissions.transfer_files()  # type: ignore[method-assign]


@defect("credential-switch-ignored", breaks=["lcos.credentials.refused-when-off", "lcos.credentials.atomic"])
def credential_switch_ignored(parts: Parts) -> None:
    """The ACS changes the connection request credentials although the operator does not allow it."""
    parts.permissions.change_credentials = lambda: True  # type: ignore[method-assign]


@defect(
    "fetch-then-refuse",
    breaks=[
        "lcos.file.refused-when-off",
        "lcos.file.firmware-refused-when-off",
        "lcos.firmware.refused-when-off",
    ],
)
def fetch_then_refuse(parts: Parts) -> None:
    """A file that the switches forbid is fetched first and refused afterwards."""
    permitted, apply = parts.transfers.permitted, parts.transfers.apply

    def refuse_late(kind: Kind, data: bytes) -> bool:
        parts.transfers.permitted = permitted  # type: ignore[method-assign]
        try:
            return apply(kind, data)
        finally:
            parts.transfers.permitted = lambda _kind: True  # type: ignore[method-assign]

    parts.transfers.permitted = lambda _kind: True  # type: ignore[method-assign]
    parts.transfers.apply = refuse_late  # type: ignore[method-assign]


@defect("delayed-download-not-gated", breaks=["lcos.file.refused-when-off"])
def delayed_download_not_gated(parts: Parts) -> None:
    """A Download with DelaySeconds passes although file transmission is off."""
    original = parts.rpc["Download"]
    permitted = parts.transfers.permitted
    parts.transfers.permitted = lambda _kind: True  # type: ignore[method-assign]

    def download(of: Parts, message: Download) -> Message:
        if not message.delay_seconds:
            of.transfers.permitted = permitted  # type: ignore[method-assign]
        try:
            return original(of, message)
        finally:
            of.transfers.permitted = lambda _kind: True  # type: ignore[method-assign]

    parts.rpc["Download"] = download
