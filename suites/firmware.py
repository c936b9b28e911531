"""Firmware under the switch "Allow firmware updates": a real update, a damaged image, disguises, self-authorisation."""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import Download
from harness.expect import equal, one_of, that
from suites.expectations import TransferOutcome, describe_reply, right_command_key, transfer_fetched
from suites.parameters import BOOLEAN, server_value, set_values
from suites.permissions import FILE_TYPES, FIRMWARE, allow, download, fetches_firmware, vendor_type

IMAGE = (*FIRMWARE, "firmware")
DAMAGED = (9018, 9010)
"""File corrupted; download failure."""
UPDATED = ("1 BOOT", "7 TRANSFER COMPLETE", "M Download")


@case(
    "permissions.firmware.updated-when-on",
    verifies=(
        "lcos.firmware.updated-when-on",
        "lcos.firmware.both-on",
        "cwmp.download.reported-after-applying",
        "cwmp.event.firmware-change",
    ),
    needs=IMAGE,
)
def updated(bench: Bench, case: Case) -> None:
    """With both switches on, a firmware is installed, runs, and is reported.

    Accepted: TransferComplete with fault 0 and the CommandKey of the Download; the Inform that announces it carries
    "1 BOOT", "7 TRANSFER COMPLETE", "M Download" (others besides) and the new SoftwareVersion, which is read again in a
    session of its own. A file that the profile names is compared with its ``firmware_version``, or must differ from the
    version before.
    """
    image, version = bench.files.firmware()
    before = bench.software_version()
    if before == version:
        raise Inconclusive(f"the device runs {version} already: an update cannot be seen")
    case.step("Allow everything and order the download of a working firmware.")
    allow(bench, file=True, firmware=True)
    outcome = download(bench, "firmware", image)
    after = bench.software_version()
    new = equal(version) if version else that(f"another than {before}", lambda seen: seen != before)
    codes = [code for code, _ in outcome.events]
    for requirement in ("lcos.firmware.updated-when-on", "lcos.firmware.both-on"):
        case.check(requirement, outcome, transfer_fetched())
        case.check(requirement, after, new, what="software version")
    case.check("lcos.firmware.updated-when-on", outcome, right_command_key())
    everything = that("all of " + ", ".join(UPDATED), lambda seen: set(UPDATED) <= set(seen))
    for requirement in ("lcos.firmware.updated-when-on", "cwmp.download.reported-after-applying"):
        case.check(requirement, codes, everything, what="events of the Inform that announces it")
    told = that("1 BOOT and 4 VALUE CHANGE", lambda seen: {"1 BOOT", "4 VALUE CHANGE"} <= set(seen))
    case.check("cwmp.event.firmware-change", codes, told, what="events of the first Inform")


@case(
    "permissions.firmware.damaged-image",
    verifies=("lcos.firmware.bad-image-survived", "cwmp.download.bad-image-unused"),
    needs=IMAGE,
)
def damaged(bench: Bench, case: Case) -> None:
    """A damaged firmware image is reported as such, the old firmware goes on running, CWMP with it.

    The image is a working one of which the last byte is wrong. Accepted: fault 9018 or 9010 in TransferComplete (or in the
    DownloadResponse's place); the version is what it was; a session takes place.
    """
    allow(bench, file=True, firmware=True)
    before = bench.software_version()
    case.step("Order the download of a damaged image.")
    outcome = download(bench, "firmware", bench.files.damaged_firmware())
    reported = outcome.reply.fault.fault_code if outcome.reply.fault is not None else outcome.complete_fault
    survived = bench.survives()
    for requirement in ("lcos.firmware.bad-image-survived", "cwmp.download.bad-image-unused"):
        case.check(requirement, bench.software_version(), equal(before), what="software version")
    case.check("lcos.firmware.bad-image-survived", survived or "a session", equal("a session"))
    case.check("lcos.firmware.bad-image-survived", reported or 0, one_of(DAMAGED), what="fault")
    if "restart" in bench.device.capabilities.verbs:
        case.step("Restart the device: the image must not have been left for the next start.")
        bench.device.restart()
        version = bench.software_version()
        case.check("lcos.firmware.bad-image-survived", version, equal(before), what="version after a restart")


def _unchanged(bench: Bench, case: Case, before: str, outcome: TransferOutcome, what: str) -> None:
    case.observe(f"{what}: {outcome}")
    case.check(
        "lcos.firmware.disguised", bench.software_version(), equal(before), what=f"software version, {what}"
    )


@case(
    "permissions.firmware.disguised-as-script", verifies="lcos.firmware.disguised", needs=(*IMAGE, "script")
)
def disguised_as_script(bench: Bench, case: Case) -> None:
    """With firmware updates off, a working firmware that is declared as a script, or as anything else, is not installed.

    Accepted: whatever is answered and fetched, the software version stays what it was. With both switches on an image is
    fetched, before and after.
    """
    before = bench.software_version()
    image, _ = bench.files.firmware()
    with case.twin("with both switches on the image is fetched", lambda: fetches_firmware(bench)):
        allow(bench, file=True, firmware=False)
        case.step("Order the firmware under the file type of a script.")
        outcome = download(bench, "firmware", image, file_type=bench.files.script_type)
        _unchanged(bench, case, before, outcome, "firmware as a script")
        case.step("Order it under every other file type, and one of the vendor's own.")
        offer = bench.files.offer(f"disguised-{bench.fresh()}", image)
        types = (*FILE_TYPES, vendor_type(bench))
        with bench.session("firmware in disguise") as session:
            for each in types:
                if each != bench.files.firmware_type:
                    said = session.call(Download(f"key-{bench.fresh()}", each, offer.url))
                    case.observe(f"firmware as {each}: {describe_reply(said)}")
        bench.pass_time(bench.timing.transfer)
        version = bench.software_version()
        case.check("lcos.firmware.disguised", version, equal(before), what="software version, other types")


@case("permissions.firmware.script-in-disguise", verifies="lcos.firmware.disguised", needs=(*IMAGE, "script"))
def script_in_disguise(bench: Bench, case: Case) -> None:
    """With firmware updates off, a script that is declared as a firmware changes no firmware and is not executed as one.

    Accepted: the version stays what it was; whether the script is executed is recorded.
    """
    before = bench.software_version()
    marker = f"marker-{bench.fresh()}"
    with case.twin("with both switches on the image is fetched", lambda: fetches_firmware(bench)):
        allow(bench, file=True, firmware=False)
        case.step("Order a script under the file type of a firmware.")
        outcome = download(bench, "script", bench.files.script(marker), file_type=bench.files.firmware_type)
        _unchanged(bench, case, before, outcome, "script as a firmware")
        case.observe(f"the script was {'executed' if bench.marker() == marker else 'not executed'}")


@case(
    "permissions.firmware.no-self-authorisation", verifies="lcos.firmware.no-self-authorisation", needs=IMAGE
)
def no_self_authorisation(bench: Bench, case: Case) -> None:
    """With firmware updates off, the ACS does not open the gate for itself by setting UpgradesManaged.

    Accepted: whatever the answer to SetParameterValues (recorded), the firmware download that follows, in the same session,
    in the next one and after a restart, fetches nothing and leaves the version as it was. With the switch on an image is fetched.
    """
    before = bench.software_version()
    image, _ = bench.files.firmware()
    with case.twin("with both switches on the image is fetched", lambda: fetches_firmware(bench)):
        allow(bench, file=True, firmware=False)
        offer = bench.files.offer(f"self-authorised-{bench.fresh()}", image)
        bench.device.doubt("allow_firmware_updates")
        case.step("Set UpgradesManaged to true and order a working firmware in the same session.")
        with bench.session("self-authorisation") as session:
            said = set_values(session, server_value(session, "UpgradesManaged", "true", BOOLEAN))
            case.observe(f"SetParameterValues of UpgradesManaged: {describe_reply(said)}")
            order = Download(f"key-{bench.fresh()}", bench.files.firmware_type, offer.url)
            case.observe(f"Download: {describe_reply(session.call(order))}")
        bench.pass_time(bench.timing.transfer)
        case.step("Order it again in the next session.")
        again = download(bench, "firmware", image)
        hits = len(offer.hits) + again.hits
        if "restart" in bench.device.capabilities.verbs:
            case.step("Restart the device and order it once more.")
            bench.device.restart()
            hits += download(bench, "firmware", image).hits
        case.check("lcos.firmware.no-self-authorisation", hits, equal(0), what="requests at the file server")
        case.check(
            "lcos.firmware.no-self-authorisation",
            bench.software_version(),
            equal(before),
            what="software version",
        )
