"""Defects of the three permission switches."""

from __future__ import annotations

from reference_cpe.defects.registry import defect, rewire
from reference_cpe.parts import Parts
from reference_cpe.transfers import Kind


@defect(
    "file-switch-ignored",
    breaks=["lcos.file.refused-when-off", "lcos.file.firmware-refused-when-off"],
    seen="no open CPE has such a switch",
)
def file_switch_ignored(parts: Parts) -> None:
    """Files are transferred although "Allow file transmission" is off; firmware obeys its own switch."""
    rewire(parts.permissions, transfer_files=lambda: True)


@defect("firmware-switch-ignored", breaks=["lcos.firmware.refused-when-off"])
def firmware_switch_ignored(parts: Parts) -> None:
    """Firmware is updated although "Allow firmware updates" is off."""
    rewire(parts.permissions, update_firmware=parts.permissions.transfer_files)


@defect("credential-switch-ignored", breaks=["lcos.credentials.refused-when-off", "lcos.credentials.atomic"])
def credential_switch_ignored(parts: Parts) -> None:
    """The ACS changes the connection request credentials although the operator does not allow it."""
    rewire(parts.permissions, change_credentials=lambda: True)


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
        rewire(parts.transfers, permitted=permitted)
        try:
            return apply(kind, data)
        finally:
            rewire(parts.transfers, permitted=lambda _kind: True)

    rewire(parts.transfers, permitted=lambda _kind: True)
    rewire(parts.transfers, apply=refuse_late)
