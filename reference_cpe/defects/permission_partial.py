"""Defects of a permission, a credential or a certificate that holds in part: one order, kind, field or moment is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from harness.cwmp.messages import AddObjectResponse, Download, Message, ParameterValueStruct
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.defects.restarts import restarted
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts
from reference_cpe.transfers import Kind, Transfer

OFF: Final = "lcos.file.refused-when-off"
SIDE_DOOR: Final = "lcos.file.no-side-door"
CANCELLED: Final = "lcos.file.pending-cancelled"
EXECUTED: Final = "lcos.file.executed-when-on"


# --- transfers ------------------------------------------------------------------------------------------


def _unasked(meant: Callable[[Download], bool]) -> Callable[[Parts], None]:
    """A Download that is *meant* is carried out, whatever the switch says."""

    def apply(parts: Parts) -> None:
        handler, allowed, free = parts.rpc["Download"], parts.permissions.transfer_files, [False]

        def download(parts: Parts, message: Download) -> Message:
            free[0] = meant(message)
            return handler(parts, message)

        parts.rpc["Download"] = download
        rewire(parts.permissions, transfer_files=lambda: free[0] or allowed())

    return apply


for _name, _summary, _meant in (
    ("own-file-type-unasked", "The vendor's own file type is not asked for the permission.",
     lambda order: order.file_type.startswith("X ")),
    ("login-unasked", "A Download with a user of its own is not asked for the permission.",
     lambda order: bool(order.username)),
):  # fmt: skip
    tabled(_name, _summary, [OFF, SIDE_DOOR], _unasked(_meant))


def _waits(meant: Callable[[int, Transfer], bool]) -> Callable[[Parts], None]:
    """Of what waits while the switch is off, that is carried out which is *meant* by its number or nature."""

    def apply(parts: Parts) -> None:
        carry_out, permitted, count = parts.transfers.carry_out, parts.transfers.permitted, [0]

        async def carried(transfer: Transfer) -> bool:
            count[0] = 0 if parts.permissions.transfer_files() else count[0] + 1
            if not count[0] or not meant(count[0], transfer):
                return await carry_out(transfer)
            rewire(parts.transfers, permitted=lambda _kind: True)
            try:
                return await carry_out(transfer)
            finally:
                rewire(parts.transfers, permitted=permitted)

        rewire(parts.transfers, carry_out=carried)

    return apply


for _name, _summary, _breaks, _which in (
    ("waiting-image-fetched", "An image that waits is fetched although file transmission was switched off meanwhile.",
     [CANCELLED, "lcos.file.firmware-refused-when-off"], lambda _number, transfer: transfer.kind == Kind.FIRMWARE),
    ("second-waiting-file-fetched", "Of several files that wait only the first is stopped when the switch goes off.",
     [CANCELLED, "lcos.file.firmware-refused-when-off"], lambda number, _transfer: number > 1),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _waits(_which))


@defect("upgrades-managed-at-next-boot", breaks=["lcos.firmware.no-self-authorisation"])
def upgrades_managed_at_next_boot(parts: Parts) -> None:
    """UpgradesManaged is taken from the ACS without effect, and opens the gate for firmware at the next boot."""
    judge, store = parts.model.judge, parts.model.set

    def mine(wanted: ParameterValueStruct) -> bool:
        return wanted.name.endswith(".UpgradesManaged")

    def changed(wanted: Iterable[ParameterValueStruct], parameter_key: str | None = None) -> None:
        for each in filter(mine, wanted):
            parts.store.update(gate_open=each.value in ("1", "true"))
        store([each for each in wanted if not mine(each)], parameter_key)

    rewire(parts.model, judge=lambda wanted: None if mine(wanted) else judge(wanted), set=changed)
    if parts.store.get("gate_open"):
        rewire(parts.permissions, update_firmware=parts.permissions.transfer_files)


def _script_part(part: Callable[[bytes], bytes]) -> Callable[[Parts], None]:
    """Of a script only a part is carried out, and all is reported as executed."""

    def apply(parts: Parts) -> None:
        original = parts.transfers.run_script

        def run(data: bytes) -> None:
            try:
                original(part(data))
            except CwmpFault:
                return

        rewire(parts.transfers, run_script=run)

    return apply


for _name, _summary, _part in (
    ("script-line-unfinished", "The last line of a script counts only where a line feed ends it.",
     lambda data: data[: data.rfind(b"\n") + 1]),
    ("script-cut-at-1024", "Of a script only the first 1,024 bytes are carried out.",
     lambda data: data[:1024]),
):  # fmt: skip
    tabled(_name, _summary, [EXECUTED], _script_part(_part))


# --- credentials ----------------------------------------------------------------------------------------

PAIR: Final = ("ConnectionRequestUsername", "ConnectionRequestPassword")


def _looks_at(seen: Callable[[list[ParameterValueStruct]], list[ParameterValueStruct]]) -> Any:
    """The switch is asked only where one of the pair is among the values *seen*."""

    def apply(parts: Parts) -> None:
        original, allowed, blind = parts.model.set, parts.permissions.change_credentials, [False]

        def changed(wanted: Iterable[ParameterValueStruct], parameter_key: str | None = None) -> None:
            values = list(wanted)
            pair = [each for each in values if each.name.endswith(PAIR)]
            blind[0] = bool(pair) and not any(each in pair for each in seen(values))
            try:
                original(values, parameter_key)
            finally:
                blind[0] = False

        rewire(parts.model, set=changed)
        rewire(parts.permissions, change_credentials=lambda: blind[0] or allowed())

    return apply


for _name, _summary, _breaks, _seen in (
    ("gate-sees-four-parameters", "The switch is asked for the first four values of a SetParameterValues alone.",
     ["lcos.credentials.refused-when-off", "lcos.credentials.atomic"], lambda values: values[:4]),
    ("pair-emptied", "The switch does not keep the ACS from emptying the pair.",
     ["lcos.credentials.single-field"], lambda values: [each for each in values if each.value]),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _looks_at(_seen))


@defect("account-added", breaks=["lcos.credentials.administrator"])
def account_added(parts: Parts) -> None:
    """An account that the ACS adds may be given name and password, whatever the switch says."""
    judge, handler, allowed = parts.model.judge, parts.rpc["AddObject"], parts.permissions.change_credentials
    made: list[str] = []

    def add(parts: Parts, message: Any) -> Message:
        answer = handler(parts, message)
        if isinstance(answer, AddObjectResponse):
            made.append(f"{message.object_name}{answer.instance_number}.")
        return answer

    def judged(wanted: ParameterValueStruct) -> tuple[int, str] | None:
        if not wanted.name.startswith(tuple(made)):
            return judge(wanted)
        rewire(parts.permissions, change_credentials=lambda: True)
        try:
            return judge(wanted)
        finally:
            rewire(parts.permissions, change_credentials=allowed)

    parts.rpc["AddObject"] = add
    rewire(parts.model, judge=judged)


# --- certificates ---------------------------------------------------------------------------------------


@defect("client-container-lost-at-boot", breaks=["lcos.client-certificate.presented"])
def client_container_lost_at_boot(parts: Parts) -> None:
    """The container with the client certificate is gone after a reboot."""
    if restarted(parts):
        parts.store.update(client_certificate=None)


@defect("client-container-lost-with-root", breaks=["lcos.client-certificate.presented"])
def client_container_lost_with_root(parts: Parts) -> None:
    """A new root for the ACS's certificate takes the client certificate away."""
    original = parts.trust.store_root

    def store(data: bytes) -> None:
        original(data)
        parts.store.update(client_certificate=None)

    rewire(parts.trust, store_root=store)


@defect("removed-root-back-at-boot", breaks=["lcos.tls.root-removed"])
def removed_root_back_at_boot(parts: Parts) -> None:
    """A root that was removed is back after a reboot."""
    original = parts.trust.remove_root
    if restarted(parts) and not parts.store.get("root_ca") and parts.store.get("removed_root"):
        parts.store.update(root_ca=parts.store.get("removed_root"), removed_root=None)

    def remove() -> None:
        parts.store.update(removed_root=parts.trust.anchors())
        original()

    rewire(parts.trust, remove_root=remove)


@defect("refused-upload-empties-at-boot", breaks=["lcos.upload.bad-file-refused", "lcos.upload.persistent"])
def refused_upload_empties_at_boot(parts: Parts) -> None:
    """A refused upload empties the slot for the root at the next reboot."""
    original = parts.trust.store_root
    if parts.store.get("spoilt_root"):
        parts.store.update(root_ca="", spoilt_root=None)

    def store(data: bytes) -> None:
        try:
            original(data)
        except ValueError:
            parts.store.update(spoilt_root=True)
            raise

    rewire(parts.trust, store_root=store)
