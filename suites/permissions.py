"""The switches "Allow file transmission" and "Allow firmware updates": the matrix, delayed transfers, side doors.

Judged at three places: the answer to the RPC, the file server's count, and the state of the device.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.bench import Bench
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import ChangeDUState as ChangeDeploymentUnitState
from harness.cwmp.messages import (
    Download,
    GetRPCMethods,
    GetRPCMethodsResponse,
    InstallOpStruct,
    Message,
    ScheduleDownload,
    TimeWindowStruct,
    Upload,
)
from harness.expect import equal, that
from suites.expectations import (
    TransferOutcome,
    describe_reply,
    right_command_key,
    transfer_fetched,
    transfer_refused,
)

SCRIPT = ("allow_file_transmission", "download", "script")
FIRMWARE = ("allow_file_transmission", "allow_firmware_updates", "download")
LONGEST_KEY = 32
"""Characters of a CommandKey at most (TR-069 A.3.2.8): what cuts it shows only in one of that length."""


def download(
    bench: Bench,
    kind: str,
    content: bytes,
    *,
    file_type: str = "",
    delay: int = 0,
    meanwhile: Callable[[], None] = lambda: None,
) -> TransferOutcome:
    """Order the download of *content* and wait until the device has reported it, or long enough.

    *meanwhile* is done once the device has answered the RPC and its session is over.
    """
    offer = bench.files.offer(f"{kind}-{bench.fresh()}", content)
    usual = bench.files.script_type if kind == "script" else bench.files.firmware_type
    key = f"key-{bench.fresh()}".ljust(LONGEST_KEY, "-")
    order = Download(key, file_type or usual, offer.url, file_size=len(content), delay_seconds=delay)
    with bench.session(f"Download of a {kind}") as session:
        mark = bench.door.mark() - 1
        reply = session.call(order)
    meanwhile()
    report = None
    if reply.fault is None and not reply.lost:
        report = bench.transfer_report(mark, within=delay + bench.timing.transfer)
    else:
        bench.pass_time(bench.timing.settle)
    if report is None:
        return TransferOutcome(reply, None, len(offer.hits), key)
    return TransferOutcome(
        reply,
        report.complete.fault_struct.fault_code,
        len(offer.hits),
        key,
        report.complete.command_key,
        tuple((event.event_code, event.command_key) for event in report.session.inform.event),
    )


def run_script(
    bench: Bench, *, delay: int = 0, meanwhile: Callable[[], None] = lambda: None
) -> tuple[TransferOutcome, bool]:
    """Download a script that sets a fresh marker; also tell whether the marker is on the device afterwards."""
    marker = f"marker-{bench.fresh()}"
    outcome = download(bench, "script", bench.files.script(marker), delay=delay, meanwhile=meanwhile)
    return outcome, bench.marker() == marker


def executes_script(bench: Bench, *, delay: int = 0) -> str:
    """The control: a script is fetched and executed."""
    allow(bench, file=True)
    outcome, marked = run_script(bench, delay=delay)
    if transfer_fetched().judge(outcome).verdict == "pass" and marked:
        return ""
    return f"{outcome}; marker {'set' if marked else 'not set'}"


def fetches_firmware(bench: Bench) -> str:
    """The control: with both switches on, the device fetches an image (which it may then find unusable)."""
    allow(bench, file=True, firmware=True)
    outcome = download(bench, "firmware", bench.files.unusable_firmware())
    return "" if outcome.hits else f"{outcome}"


def allow(bench: Bench, *, file: bool, firmware: bool | None = None) -> None:
    """Set the switches; that for firmware where the device has it."""
    wanted = {"allow_file_transmission": file}
    if firmware is not None and "allow_firmware_updates" in bench.device.capabilities.settings:
        wanted["allow_firmware_updates"] = firmware
    bench.configure(**wanted)


# --- the matrix ---------------------------------------------------------------------------------------


@case(
    "permissions.script.executed-when-on",
    verifies=(
        "lcos.file.executed-when-on",
        "lcos.firmware.both-on",
        "cwmp.download.reported",
        "cwmp.event.command-key",
    ),
    needs=SCRIPT,
)
def script_executed(bench: Bench, case: Case) -> None:
    """With file transmission allowed, a script is fetched, executed and reported.

    Accepted: DownloadResponse, one or more requests at the file server, TransferComplete with fault 0, its CommandKey and
    that of the event "M Download" being those of the Download, and the script's marker readable on the device. (A device
    that answers with Status 0 has done it all by then and sends no TransferComplete.)
    """
    case.step("Allow everything and order the download of a script that sets a marker.")
    allow(bench, file=True, firmware=True)
    outcome, marked = run_script(bench)
    for requirement in ("lcos.file.executed-when-on", "lcos.firmware.both-on"):
        case.check(requirement, outcome, transfer_fetched())
        case.check(requirement, marked, equal(True), what="marker set")
    for requirement in ("lcos.file.executed-when-on", "cwmp.download.reported", "cwmp.event.command-key"):
        case.check(requirement, outcome, right_command_key())


MANY_OCTETS = 4096


def long_script(script: bytes, marker: str) -> bytes:
    """*script* with the line that sets *marker* after many that set another."""
    lines: list[bytes] = []
    for line in script.splitlines(keepends=True):
        if marker.encode() in line:
            count = MANY_OCTETS // len(line) + 1
            lines += [line.replace(marker.encode(), b"not-%04d" % number) for number in range(count)]
        lines.append(line)
    return b"".join(lines)


@case("permissions.script.to-its-end", verifies="lcos.file.executed-when-on", needs=SCRIPT)
def script_to_its_end(bench: Bench, case: Case) -> None:
    """A script that is reported as executed has been executed to its end: long ones, and where no line feed ends the last line.

    Accepted: the marker that the last line sets; or a failure that is reported.
    """
    allow(bench, file=True, firmware=True)
    for what in ("no line feed at its end", f"more than {MANY_OCTETS} octets"):
        case.step(f"Order a script with {what}.")
        marker = f"marker-{bench.fresh()}"
        plain = bench.files.script(marker)
        content = plain.rstrip(b"\r\n") if what.startswith("no") else long_script(plain, marker)
        outcome = download(bench, "script", content)
        if transfer_fetched().judge(outcome).verdict == "pass":
            case.check("lcos.file.executed-when-on", bench.marker(), equal(marker), what=f"marker, {what}")
        else:
            told = that("a failure that is reported", _failed)
            case.check("lcos.file.executed-when-on", outcome, told, what=what)


def _failed(outcome: TransferOutcome) -> bool:
    return outcome.reply.fault is not None or bool(outcome.complete_fault)


def script_refused(bench: Bench, case: Case, requirements: tuple[str, ...], *, firmware: bool | None) -> None:
    """Order a script with file transmission off: it is neither fetched nor executed."""
    with case.twin("with the switch on a script is fetched and executed", lambda: executes_script(bench)):
        case.step(f"File transmission off{_and(firmware)}: order the same download.")
        allow(bench, file=False, firmware=firmware)
        outcome, marked = run_script(bench)
        for requirement in requirements:
            case.check(requirement, outcome, transfer_refused())
            case.check(requirement, marked, equal(False), what="marker set")


def _and(firmware: bool | None) -> str:
    return "" if firmware is None else f", firmware updates {'on' if firmware else 'off'}"


def firmware_refused(
    bench: Bench, case: Case, requirements: tuple[str, ...], *, file: bool, firmware: bool
) -> None:
    """Order a firmware download under the given switches; nothing may be fetched and the version stays."""
    before = bench.software_version()
    with case.twin("with both switches on the image is fetched", lambda: fetches_firmware(bench)):
        case.step(f"File transmission {'on' if file else 'off'}{_and(firmware)}: order the same download.")
        allow(bench, file=file, firmware=firmware)
        outcome = download(bench, "firmware", bench.files.unusable_firmware())
        for requirement in requirements:
            case.check(requirement, outcome, transfer_refused())
            case.check(requirement, bench.software_version(), equal(before), what="software version")


@case("permissions.script.refused-when-off", verifies="lcos.file.refused-when-off", needs=SCRIPT)
def script_refused_when_off(bench: Bench, case: Case) -> None:
    """With file transmission off, the download of a script is refused, nothing is fetched, nothing changes.

    Accepted: a fault (9001, or 9000, 9002, 9003, 9800 to 9899), or a later TransferComplete that reports a failure; in any
    case no request at the file server and no marker on the device.
    """
    script_refused(bench, case, ("lcos.file.refused-when-off",), firmware=None)


@case(
    "permissions.script.refused-firmware-on",
    verifies=("lcos.file.refused-when-off", "lcos.firmware.not-without-file-transmission"),
    needs=(*SCRIPT, "allow_firmware_updates"),
)
def script_refused_firmware_on(bench: Bench, case: Case) -> None:
    """File transmission off, firmware updates on: a script is refused.

    Accepted: as with both switches off.
    """
    requirements = ("lcos.file.refused-when-off", "lcos.firmware.not-without-file-transmission")
    script_refused(bench, case, requirements, firmware=True)


@case(
    "permissions.script.refused-both-off",
    verifies=("lcos.file.refused-when-off", "lcos.firmware.both-off"),
    needs=(*SCRIPT, "allow_firmware_updates"),
)
def script_refused_both_off(bench: Bench, case: Case) -> None:
    """File transmission off, firmware updates off: a script is refused.

    Accepted: a fault (9001, or 9000, 9002, 9003, 9800 to 9899), or a later TransferComplete that reports a failure; in any
    case no request at the file server and no marker on the device.
    """
    script_refused(bench, case, ("lcos.file.refused-when-off", "lcos.firmware.both-off"), firmware=False)


@case(
    "permissions.firmware.refused-when-file-off",
    verifies=("lcos.file.firmware-refused-when-off", "lcos.firmware.not-without-file-transmission"),
    needs=FIRMWARE,
)
def firmware_refused_file_off(bench: Bench, case: Case) -> None:
    """With file transmission off, firmware is refused too, even if firmware updates are allowed.

    Accepted: as for a refused script; the software version is what it was.
    """
    requirements = ("lcos.file.firmware-refused-when-off", "lcos.firmware.not-without-file-transmission")
    firmware_refused(bench, case, requirements, file=False, firmware=True)


@case(
    "permissions.firmware.refused-both-off",
    verifies=("lcos.file.firmware-refused-when-off", "lcos.firmware.both-off"),
    needs=FIRMWARE,
)
def firmware_refused_both_off(bench: Bench, case: Case) -> None:
    """With both switches off, firmware is refused.

    Accepted: as for a refused script; the software version is what it was.
    """
    requirements = ("lcos.file.firmware-refused-when-off", "lcos.firmware.both-off")
    firmware_refused(bench, case, requirements, file=False, firmware=False)


@case(
    "permissions.firmware.refused-when-off",
    verifies=("lcos.firmware.refused-when-off", "lcos.firmware.script-still-allowed"),
    needs=(*FIRMWARE, "script"),
)
def firmware_refused_firmware_off(bench: Bench, case: Case) -> None:
    """With firmware updates off, firmware is refused, and a script is still executed.

    Accepted: the firmware download as for a refused script; the script as if the switch were on.
    """
    firmware_refused(bench, case, ("lcos.firmware.refused-when-off",), file=True, firmware=False)
    case.step("Firmware updates off: order the download of a script.")
    allow(bench, file=True, firmware=False)
    outcome, marked = run_script(bench)
    case.check("lcos.firmware.script-still-allowed", outcome, transfer_fetched())
    case.check("lcos.firmware.script-still-allowed", marked, equal(True), what="marker set")


# --- delayed transfers --------------------------------------------------------------------------------


@case("permissions.script.cancelled-when-switched-off", verifies="lcos.file.pending-cancelled", needs=SCRIPT)
def pending_cancelled(bench: Bench, case: Case) -> None:
    """A delayed download that waits when file transmission is switched off is not carried out.

    Accepted: no request at the file server and no marker, whether the device reports a failure or nothing. With the switch
    left on, before and after, the same delayed download is carried out.
    """
    delay = max(5, int(bench.timing.interval))
    with case.twin(
        f"a download delayed by {delay} s is carried out", lambda: executes_script(bench, delay=delay)
    ):
        case.step(f"Order a download with a delay of {delay} s and switch file transmission off meanwhile.")
        outcome, marked = run_script(bench, delay=delay, meanwhile=lambda: allow(bench, file=False))
        if outcome.reply.fault is not None or outcome.reply.lost:
            raise Inconclusive(f"the delayed download was not accepted: {describe_reply(outcome.reply)}")
        case.check("lcos.file.pending-cancelled", outcome.hits, equal(0), what="requests at the file server")
        case.check("lcos.file.pending-cancelled", marked, equal(False), what="marker set")


@case(
    "permissions.firmware.cancelled-when-switched-off",
    verifies="lcos.firmware.refused-when-off",
    needs=FIRMWARE,
)
def pending_firmware_cancelled(bench: Bench, case: Case) -> None:
    """A delayed firmware download that waits when firmware updates are switched off is not carried out.

    Accepted: no request at the file server, the software version as before; with both switches on an image is fetched.
    """
    delay = max(5, int(bench.timing.interval))
    before = bench.software_version()
    with case.twin("with both switches on the image is fetched", lambda: fetches_firmware(bench)):
        case.step(f"Order an image with a delay of {delay} s and switch firmware updates off meanwhile.")
        outcome = download(
            bench,
            "firmware",
            bench.files.unusable_firmware(),
            delay=delay,
            meanwhile=lambda: allow(bench, file=True, firmware=False),
        )
        requirement = "lcos.firmware.refused-when-off"
        case.check(requirement, outcome.hits, equal(0), what="requests at the file server")
        case.check(requirement, bench.software_version(), equal(before), what="software version")


@case(
    "permissions.pending.all-cancelled",
    verifies=("lcos.file.pending-cancelled", "lcos.file.firmware-refused-when-off"),
    needs=(*FIRMWARE, "script"),
)
def all_pending_cancelled(bench: Bench, case: Case) -> None:
    """Nothing that waits when file transmission is switched off is ever fetched: neither a second file, nor firmware, nor later.

    Two scripts and an image wait (TR-069 A.3.2.8 lets three wait at least); the same again with a restart before they are
    due. Accepted: no request at the file server, when they are due and when the switch is on again.
    """
    delay = max(5, int(bench.timing.interval))
    with case.twin(
        f"a download delayed by {delay} s is carried out", lambda: executes_script(bench, delay=delay)
    ):
        ways = ["no restart"] + ["a restart"] * ("restart" in bench.device.capabilities.verbs)
        for way in ways:
            case.step(f"Order two scripts and an image with a delay of {delay} s; switch off; {way}; wait.")
            allow(bench, file=True, firmware=True)
            before = bench.files.requests()
            order_delayed(bench, delay)
            allow(bench, file=False)
            if way == "a restart":
                bench.device.restart()
            bench.pass_time(delay + bench.timing.transfer)
            due = bench.files.requests() - before
            case.step("Switch file transmission on again and wait.")
            allow(bench, file=True)
            bench.pass_time(bench.timing.transfer)
            later = bench.files.requests() - before - due
            for requirement in ("lcos.file.pending-cancelled", "lcos.file.firmware-refused-when-off"):
                case.check(requirement, due, equal(0), what=f"requests when due, {way}")
            case.check("lcos.file.pending-cancelled", later, equal(0), what=f"requests when on again, {way}")


def order_delayed(bench: Bench, delay: int) -> None:
    """Let two scripts and an image wait.

    Raises:
        Inconclusive: the device does not let three wait.
    """
    kinds = (
        ("script", bench.files.script_type, bench.files.script(f"late-{bench.fresh()}")),
        ("firmware", bench.files.firmware_type, bench.files.unusable_firmware()),
        ("script", bench.files.script_type, bench.files.script(f"later-{bench.fresh()}")),
    )
    with bench.session("delayed downloads") as session:
        for kind, file_type, content in kinds:
            offer = bench.files.offer(f"waiting-{kind}-{bench.fresh()}", content)
            answer = session.call(Download(f"key-{bench.fresh()}", file_type, offer.url, delay_seconds=delay))
            if answer.fault is not None or answer.lost:
                raise Inconclusive(f"a delayed {kind} was not accepted: {describe_reply(answer)}")


# --- side doors ---------------------------------------------------------------------------------------


@case("permissions.script.no-side-door", verifies="lcos.file.no-side-door", needs=SCRIPT)
def no_side_door(bench: Bench, case: Case) -> None:
    """With file transmission off, no other RPC moves a file: Upload, ScheduleDownload, ChangeDUState.

    Each is called whether the device lists it or not. Accepted: a fault, or an acceptance that leads to nothing: in any case
    no request at the file server, neither for a file nor with one, and no marker. With the switch on a script is executed.
    """
    with case.twin("with the switch on a script is fetched and executed", lambda: executes_script(bench)):
        allow(bench, file=False)
        marker = f"marker-{bench.fresh()}"
        offer = bench.files.offer(f"side-door-{bench.fresh()}", bench.files.script(marker))
        before = bench.files.requests()
        case.step("Call every other RPC that can move a file.")
        with bench.session("side doors") as session:
            listed = session.call(GetRPCMethods()).message
            for order in side_doors(bench, offer.url):
                answer = session.call(order)
                case.observe(f"{type(order).__name__}: {describe_reply(answer)}")
                if answer.lost:
                    raise Inconclusive(f"the device left the session at {type(order).__name__}")
        if isinstance(listed, GetRPCMethodsResponse):
            case.observe(f"the device lists {', '.join(listed.method_list)}")
        bench.pass_time(bench.timing.transfer)
        moved = bench.files.requests() - before
        case.check("lcos.file.no-side-door", moved, equal(0), what="requests at the file server")
        case.check("lcos.file.no-side-door", bench.marker() == marker, equal(False), what="marker set")


def side_doors(bench: Bench, url: str) -> tuple[Message, ...]:
    """The RPCs beside Download that move a file, all pointing at *url*."""
    window = TimeWindowStruct(0, 3600, "1 At Any Time")
    install = InstallOpStruct(url, "8a1d7c3e-52f4-5b0e-9d53-6f4a0c1b2d3e")
    return (
        Upload(f"key-{bench.fresh()}", "1 Vendor Configuration File", url),
        Upload(f"key-{bench.fresh()}", "2 Vendor Log File", url),
        ScheduleDownload(f"key-{bench.fresh()}", bench.files.script_type, url, "", "", 0, "", (window,)),
        ChangeDeploymentUnitState(f"key-{bench.fresh()}", (install,)),
    )


@case(
    "permissions.kept-over-restart",
    verifies=("lcos.file.refused-when-off", "lcos.firmware.refused-when-off"),
    needs=(*SCRIPT, "allow_firmware_updates", "restart"),
)
def kept_over_restart(bench: Bench, case: Case) -> None:
    """The switches count after a restart as they did before, and however often the same is ordered.

    Accepted, after a restart: with file transmission off a script is refused, twice; with firmware updates off alone, firmware.
    """
    with case.twin("with the switch on a script is fetched and executed", lambda: executes_script(bench)):
        case.step("Switch file transmission off, restart, and order a script twice.")
        allow(bench, file=False, firmware=True)
        bench.device.restart()
        for which in ("first", "second"):
            outcome, marked = run_script(bench)
            case.check("lcos.file.refused-when-off", outcome, transfer_refused(), what=which)
            case.check("lcos.file.refused-when-off", marked, equal(False), what=f"marker set, {which}")
        case.step("Switch firmware updates off alone, restart, and order firmware.")
        allow(bench, file=True, firmware=False)
        bench.device.restart()
        outcome = download(bench, "firmware", bench.files.unusable_firmware())
        case.check("lcos.firmware.refused-when-off", outcome, transfer_refused())


@case(
    "permissions.script.other-types-refused",
    verifies=("lcos.file.no-side-door", "lcos.file.refused-when-off"),
    needs=SCRIPT,
)
def other_types_refused(bench: Bench, case: Case) -> None:
    """With file transmission off, Download is refused for every file type, the vendor's own too, and with a login of its own.

    Accepted: no request at the file server for any of them, and no script executed.
    """
    with case.twin("with the switch on a script is fetched and executed", lambda: executes_script(bench)):
        allow(bench, file=False)
        offer = bench.files.offer(f"types-{bench.fresh()}", bench.files.script("marker-by-type"))
        vendors_own = vendor_type(bench)
        standard = [Download(f"key-{bench.fresh()}", each, offer.url) for each in FILE_TYPES]
        own = Download(f"key-{bench.fresh()}", vendors_own, offer.url)
        login = Download(f"key-{bench.fresh()}", bench.files.script_type, offer.url, "somebody", "secret")
        for what, orders in (
            ("each file type of the standard", standard),
            (f"the type {vendors_own!r}", [own]),
            ("a script, with a user and a password", [login]),
        ):
            case.step(f"Order {what}.")
            with bench.session("other file types") as session:
                for order in orders:
                    answer = session.call(order)
                    if answer.lost:
                        raise Inconclusive(f"the device left the session at {order.file_type}")
            bench.pass_time(bench.timing.transfer)
        marker = bench.marker()
        for requirement in ("lcos.file.no-side-door", "lcos.file.refused-when-off"):
            case.check(requirement, len(offer.hits), equal(0), what="requests at the file server")
            case.check(requirement, marker, that("another marker", _is_not("marker-by-type")))


def vendor_type(bench: Bench) -> str:
    """A script by a file type of the vendor's own, as TR-069 A.3.2.8 spells it."""
    with bench.session("the device's OUI") as session:
        return f"X {session.inform.device_id.oui} Script"


FILE_TYPES = (
    "1 Firmware Upgrade Image",
    "2 Web Content",
    "3 Vendor Configuration File",
    "4 Tone File",
    "5 Ringer File",
    "6 Stored Firmware Image",
)


def _is_not(unwanted: str) -> Callable[[str], bool]:
    return lambda seen: seen != unwanted
