"""The three permission switches: file transmission, firmware updates, change of the connection-request credentials.

Judged at three places: the answer to the RPC, the file server's count, and the state of the device.
"""

from __future__ import annotations

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import (
    Download,
    GetParameterValues,
    ParameterValueStruct,
    SetParameterValues,
    SetParameterValuesResponse,
)
from harness.expect import equal
from suites.expectations import TransferOutcome, answered, fault, transfer_fetched, transfer_refused

SCRIPT = ("allow_file_transmission", "download", "script")
FIRMWARE = ("allow_file_transmission", "allow_firmware_updates", "download", "firmware")
CREDENTIALS = (
    "allow_credential_change",
    "connection-request",
    "connection_request_username",
    "connection_request_password",
)


def download(bench: Bench, kind: str, content: bytes, *, delay: int = 0) -> TransferOutcome:
    """Order the download of *content* and wait until the device has reported it, or long enough."""
    offer = bench.files.offer(f"{kind}-{bench.fresh()}", content)
    file_type = bench.files.script_type if kind == "script" else bench.files.firmware_type
    key = f"key-{bench.fresh()}"
    order = Download(key, file_type, offer.url, file_size=len(content), delay_seconds=delay)
    with bench.session(f"Download of a {kind}") as session:
        reply = session.call(order)
    complete = None
    if reply.fault is None and not reply.lost:
        complete = bench.transfer_complete(key, within=delay + bench.timing.transfer)
    else:
        bench.pass_time(bench.timing.settle)
    return TransferOutcome(reply, complete.fault_struct.fault_code if complete else None, len(offer.hits))


def run_script(bench: Bench) -> tuple[TransferOutcome, bool]:
    """Download a script that sets a fresh marker; also tell whether the marker is on the device afterwards."""
    marker = f"marker-{bench.fresh()}"
    outcome = download(bench, "script", bench.files.script(marker))
    return outcome, bench.marker() == marker


def executes_script(bench: Bench) -> str:
    """The control: a script is fetched and executed."""
    outcome, marked = run_script(bench)
    if outcome.complete_fault == 0 and outcome.hits and marked:
        return ""
    return f"{outcome}; marker {'set' if marked else 'not set'}"


@case("permissions.script.executed-when-on", verifies="lcos.file.executed-when-on", needs=SCRIPT)
def script_executed(bench: Bench, case: Case) -> None:
    """With file transmission allowed, a script is fetched, executed and reported.

    Accepted: DownloadResponse, one or more requests at the file server, TransferComplete with fault 0 and the
    CommandKey, and the script's marker readable on the device.
    """
    case.step("Allow file transmission and order the download of a script that sets a marker.")
    bench.configure(allow_file_transmission=True)
    outcome, marked = run_script(bench)
    case.check("lcos.file.executed-when-on", outcome, transfer_fetched())
    case.check("lcos.file.executed-when-on", marked, equal(True), what="marker set")


@case("permissions.script.refused-when-off", verifies="lcos.file.refused-when-off", needs=SCRIPT)
def script_refused(bench: Bench, case: Case) -> None:
    """With file transmission off, the download of a script is refused, nothing is fetched, nothing changes.

    Accepted: a fault (9001, or 9000, 9002, 9003), or a later TransferComplete that reports a failure; in any case no
    request at the file server and no marker on the device.
    """
    bench.configure(allow_file_transmission=True)
    with case.twin("with the switch on a script is fetched and executed", lambda: executes_script(bench)):
        case.step("Switch file transmission off and order the same download.")
        bench.configure(allow_file_transmission=False)
        outcome, marked = run_script(bench)
        case.check("lcos.file.refused-when-off", outcome, transfer_refused())
        case.check("lcos.file.refused-when-off", marked, equal(False), what="marker set")
        bench.configure(allow_file_transmission=True)


def fetches_firmware(bench: Bench) -> str:
    """The control: with both switches on, the device fetches an image (which it may then find unusable)."""
    outcome = download(bench, "firmware", bench.files.unusable_firmware())
    return "" if outcome.hits else f"{outcome}"


def firmware_refused(bench: Bench, case: Case, requirement: str, *, file: bool, firmware: bool) -> None:
    """Order a firmware download under the given switches; nothing may be fetched and the version stays."""
    bench.configure(allow_file_transmission=True, allow_firmware_updates=True)
    before = bench.software_version()
    with case.twin("with both switches on the image is fetched", lambda: fetches_firmware(bench)):
        case.step(
            f"File transmission {'on' if file else 'off'}, firmware updates {'on' if firmware else 'off'}: order the same download."
        )
        bench.configure(allow_file_transmission=file, allow_firmware_updates=firmware)
        outcome = download(bench, "firmware", bench.files.unusable_firmware())
        case.check(requirement, outcome, transfer_refused())
        case.check(requirement, bench.software_version(), equal(before), what="software version")
        bench.configure(allow_file_transmission=True, allow_firmware_updates=True)


@case(
    "permissions.firmware.refused-when-file-off",
    verifies="lcos.file.firmware-refused-when-off",
    needs=FIRMWARE,
)
def firmware_refused_file_off(bench: Bench, case: Case) -> None:
    """With file transmission off, firmware is refused too, even if firmware updates are allowed.

    Accepted: as for a refused script; the software version is what it was.
    """
    firmware_refused(bench, case, "lcos.file.firmware-refused-when-off", file=False, firmware=True)


@case(
    "permissions.firmware.refused-when-off",
    verifies=("lcos.firmware.refused-when-off", "lcos.firmware.script-still-allowed"),
    needs=(*FIRMWARE, "script"),
)
def firmware_refused_firmware_off(bench: Bench, case: Case) -> None:
    """With firmware updates off, firmware is refused, and a script is still executed.

    Accepted: the firmware download as for a refused script; the script as if the switch were on.
    """
    firmware_refused(bench, case, "lcos.firmware.refused-when-off", file=True, firmware=False)
    case.step("Firmware updates off: order the download of a script.")
    bench.configure(allow_file_transmission=True, allow_firmware_updates=False)
    outcome, marked = run_script(bench)
    case.check("lcos.firmware.script-still-allowed", outcome, transfer_fetched())
    case.check("lcos.firmware.script-still-allowed", marked, equal(True), what="marker set")


def _credential_change(root: str, username: str, password: str, key: str) -> SetParameterValues:
    server = f"{root}ManagementServer."
    return SetParameterValues(
        (
            ParameterValueStruct(f"{server}ConnectionRequestUsername", username),
            ParameterValueStruct(f"{server}ConnectionRequestPassword", password),
        ),
        key,
    )


def _wakes(bench: Bench, username: str, password: str) -> bool:
    return bench.connection_request(username=username, password=password).session


@case(
    "permissions.credentials.changed-when-on", verifies="lcos.credentials.changed-when-on", needs=CREDENTIALS
)
def credentials_changed(bench: Bench, case: Case) -> None:
    """With the switch on, the ACS changes the connection-request credentials.

    Accepted: SetParameterValuesResponse; from the next session's end on, the new pair wakes the device and the old
    one does not.
    """
    old = bench.connection_request_credentials
    new = (f"user-{bench.fresh()}", f"secret-{bench.fresh()}")
    bench.configure(allow_credential_change=True)
    case.step("Set a new user and password by SetParameterValues.")
    with bench.session("change of the credentials") as session:
        reply = session.call(_credential_change(session.root, *new, key=f"key-{bench.fresh()}"))
    bench.credentials_may_have_changed()
    case.check("lcos.credentials.changed-when-on", reply, answered(SetParameterValuesResponse))
    case.step("Send connection requests with the new and with the old pair.")
    case.check(
        "lcos.credentials.changed-when-on",
        _wakes(bench, *new),
        equal(True),
        what="new pair leads to a session",
    )
    case.check(
        "lcos.credentials.changed-when-on",
        _wakes(bench, *old),
        equal(False),
        what="old pair leads to a session",
    )


@case(
    "permissions.credentials.refused-when-off",
    verifies=("lcos.credentials.refused-when-off", "lcos.credentials.atomic"),
    needs=CREDENTIALS,
)
def credentials_refused(bench: Bench, case: Case) -> None:
    """With the switch off, the ACS cannot change the connection-request credentials, alone or in company.

    Accepted: a fault (9003 with the parameters' own faults, or 9001, 9002, 9008); the old pair still wakes the device,
    the new one does not; ParameterKey and the other parameter of the same call are what they were.
    """
    old = bench.connection_request_credentials
    new = (f"user-{bench.fresh()}", f"secret-{bench.fresh()}")
    with case.twin("the pair in force wakes the device", lambda: "" if _wakes(bench, *old) else "no session"):
        bench.configure(allow_credential_change=False)
        case.step("Set a new user and password by SetParameterValues.")
        with bench.session("change of the credentials") as session:
            names = (
                f"{session.root}ManagementServer.ParameterKey",
                f"{session.root}ManagementServer.PeriodicInformInterval",
            )
            before = session.call(GetParameterValues(names)).values()
            reply = session.call(_credential_change(session.root, *new, key="key-that-must-not-stay"))
            case.step("Set them together with a parameter that may be changed.")
            mixed = _credential_change(session.root, *new, key="key-that-must-not-stay")
            other = ParameterValueStruct(names[1], "4711", "xsd:unsignedInt")
            both = session.call(SetParameterValues((other, *mixed.parameter_list), mixed.parameter_key))
            after = session.call(GetParameterValues(names)).values()
        bench.credentials_may_have_changed()
        if not before or not after:
            raise Inconclusive("ParameterKey and PeriodicInformInterval could not be read")
        for said, what in ((reply, "credentials alone"), (both, "credentials and another parameter")):
            case.check("lcos.credentials.refused-when-off", said, fault(9003, 9001, 9002, 9008), what=what)
        case.check(
            "lcos.credentials.refused-when-off",
            _wakes(bench, *new),
            equal(False),
            what="new pair leads to a session",
        )
        case.check(
            "lcos.credentials.refused-when-off", after[names[0]], equal(before[names[0]]), what="ParameterKey"
        )
        case.check(
            "lcos.credentials.atomic", after[names[1]], equal(before[names[1]]), what="the other parameter"
        )
