"""Defects of the three permission switches."""

from __future__ import annotations

from dataclasses import replace

from harness.cwmp.messages import (
    Download,
    DownloadResponse,
    FaultStruct,
    Message,
    ParameterValueStruct,
    TransferComplete,
)
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.fault import CwmpFault
from reference_cpe.firmware import MAGIC
from reference_cpe.parts import Parts
from reference_cpe.transfers import Kind


@defect(
    "file-switch-ignored",
    breaks=[
        "lcos.file.refused-when-off",
        "lcos.file.firmware-refused-when-off",
        "lcos.file.pending-cancelled",
        "lcos.file.no-side-door",
        "lcos.firmware.not-without-file-transmission",
        "lcos.firmware.both-off",
    ],
    seen="no open CPE has such a switch",
)
def file_switch_ignored(parts: Parts) -> None:
    """Files are transferred although "Allow file transmission" is off; firmware obeys its own switch."""
    rewire(parts.permissions, transfer_files=lambda: True)


@defect(
    "firmware-switch-ignored",
    breaks=["lcos.firmware.refused-when-off", "lcos.firmware.no-self-authorisation"],
)
def firmware_switch_ignored(parts: Parts) -> None:
    """Firmware is updated although "Allow firmware updates" is off."""
    rewire(parts.permissions, update_firmware=parts.permissions.transfer_files)


@defect(
    "credential-switch-ignored",
    breaks=[
        "lcos.credentials.refused-when-off",
        "lcos.credentials.atomic",
        "lcos.credentials.single-field",
        "lcos.credentials.administrator",
        "lcos.credentials.writable-flag",
    ],
)
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


FILE_ON, FILE_OFF = "lcos.file.executed-when-on", "lcos.file.refused-when-off"
FIRMWARE_FILE_OFF, FIRMWARE_OFF = "lcos.file.firmware-refused-when-off", "lcos.firmware.refused-when-off"
SCRIPT_STILL = "lcos.firmware.script-still-allowed"


@defect("file-switch-inverted", breaks=[FILE_ON, FILE_OFF, SCRIPT_STILL])
def file_switch_inverted(parts: Parts) -> None:
    """Files are transferred exactly while "Allow file transmission" is off."""
    rewire(parts.permissions, transfer_files=lambda: not parts.settings.value("allow_file_transmission"))


@defect(
    "file-switch-spares-firmware", breaks=[FIRMWARE_FILE_OFF, "lcos.firmware.not-without-file-transmission"]
)
def file_switch_spares_firmware(parts: Parts) -> None:
    """Firmware obeys its own switch alone, and is taken while file transmission is off."""
    rewire(parts.permissions, update_firmware=lambda: bool(parts.settings.value("allow_firmware_updates")))


@defect("firmware-switch-blocks-scripts", breaks=[SCRIPT_STILL])
def firmware_switch_blocks_scripts(parts: Parts) -> None:
    """With firmware updates off no script is taken either."""
    original = parts.permissions.transfer_files
    rewire(
        parts.permissions,
        transfer_files=lambda: original() and bool(parts.settings.value("allow_firmware_updates")),
    )


@defect("download-refused-silently", breaks=[FILE_OFF, FIRMWARE_FILE_OFF, FIRMWARE_OFF])
def download_refused_silently(parts: Parts) -> None:
    """A Download that the switches forbid is accepted, and nothing more is heard of it."""
    original = parts.rpc["Download"]

    def download(parts: Parts, message: Download) -> Message:
        kind = parts.transfers.kind(message.file_type)
        if kind is not None and not parts.transfers.permitted(kind):
            return DownloadResponse(1)
        return original(parts, message)

    parts.rpc["Download"] = download


@defect("switch-asked-at-request-only", breaks=["lcos.file.pending-cancelled"])
def switch_asked_at_request_only(parts: Parts) -> None:
    """A Download that was accepted is carried out although the switch is off when its time comes."""
    original, handler, asked = parts.transfers.permitted, parts.rpc["Download"], [False]

    def download(parts: Parts, message: Download) -> Message:
        asked[0] = True
        try:
            return handler(parts, message)
        finally:
            asked[0] = False

    parts.rpc["Download"] = download
    rewire(parts.transfers, permitted=lambda kind: original(kind) if asked[0] else True)


@defect("firmware-as-script", breaks=["lcos.firmware.disguised"])
def firmware_as_script(parts: Parts) -> None:
    """A firmware image that comes with the FileType of a script is installed."""
    original = parts.transfers.apply

    def apply(kind: Kind, data: bytes) -> bool:
        if kind is Kind.SCRIPT and data.startswith(MAGIC):
            return parts.transfers.update_firmware(data)
        return original(kind, data)

    rewire(parts.transfers, apply=apply)


@defect("switch-writable-by-acs", breaks=["lcos.firmware.no-self-authorisation"])
def switch_writable_by_acs(parts: Parts) -> None:
    """The ACS can switch firmware updates on by setting UpgradesManaged."""
    original = parts.model.judge

    def judge(wanted: ParameterValueStruct) -> tuple[int, str] | None:
        return None if wanted.name.endswith(".UpgradesManaged") else original(wanted)

    rewire(parts.model, judge=judge)


@defect("bad-image-installed", breaks=["lcos.firmware.bad-image-survived", "cwmp.download.bad-image-unused"])
def bad_image_installed(parts: Parts) -> None:
    """A damaged firmware image is installed, and the device then reports no version."""
    original = parts.transfers.update_firmware

    def update(data: bytes) -> bool:
        try:
            return original(data)
        except CwmpFault:
            parts.store.update(next_version="?")
            return True

    rewire(parts.transfers, update_firmware=update)


@defect("script-not-executed", breaks=[FILE_ON, SCRIPT_STILL])
def script_not_executed(parts: Parts) -> None:
    """A script is fetched and reported as executed, and nothing is done with it."""
    rewire(parts.transfers, run_script=lambda _data: None)


@defect("script-unreported", breaks=[FILE_ON, SCRIPT_STILL])
def script_unreported(parts: Parts) -> None:
    """No TransferComplete follows a Download that succeeded."""
    original = parts.transfers.reported

    def reported() -> list[int]:
        good = {each.number for each in parts.transfers.pending() if each.done and not each.fault_code}
        return [number for number in original() if number not in good]

    rewire(parts.transfers, reported=reported)


@defect("transfer-key-lost", breaks=[FILE_ON, SCRIPT_STILL, "cwmp.event.command-key"])
def transfer_key_lost(parts: Parts) -> None:
    """TransferComplete carries no CommandKey."""
    original = parts.transfers.report

    def report(number: int) -> Message:
        made = original(number)
        return replace(made, command_key="") if isinstance(made, TransferComplete) else made

    rewire(parts.transfers, report=report)


@defect("failure-reported-as-success", breaks=["lcos.firmware.bad-image-survived"])
def failure_reported_as_success(parts: Parts) -> None:
    """A transfer that failed is reported without a fault."""
    original = parts.transfers.report
    rewire(parts.transfers, report=lambda number: replace(original(number), fault_struct=FaultStruct(0, "")))


@defect("transfer-fault-9005", breaks=["cwmp.fault.codes"])
def transfer_fault_9005(parts: Parts) -> None:
    """A transfer that failed is reported with fault 9005, which is not one of a transfer's."""
    original = parts.transfers.report

    def report(number: int) -> Message:
        made = original(number)
        return replace(made, fault_struct=FaultStruct(9005, "?")) if made.fault_struct.fault_code else made

    rewire(parts.transfers, report=report)


@defect("firmware-version-stays", breaks=["lcos.firmware.updated-when-on", "lcos.firmware.both-on"])
def firmware_version_stays(parts: Parts) -> None:
    """A firmware update is reported as done, and the device goes on with the old version."""
    original = parts.transfers.update_firmware

    def update(data: bytes) -> bool:
        reboot = original(data)
        parts.store.update(next_version=parts.status.software_version())
        return reboot

    rewire(parts.transfers, update_firmware=update)
