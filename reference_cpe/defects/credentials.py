"""Defects of the switch for the connection request credentials, and of what the ACS may read and set beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
)
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.fault import CwmpFault
from reference_cpe.gate import Answer
from reference_cpe.model_table import Parameter
from reference_cpe.parts import Parts

CHANGED, REFUSED = "lcos.credentials.changed-when-on", "lcos.credentials.refused-when-off"
USER, PASSWORD = "ConnectionRequestUsername", "ConnectionRequestPassword"


def _credential(name: str) -> bool:
    return name.endswith((USER, PASSWORD))


@defect("credentials-need-restart", breaks=[CHANGED], seen="icwmp")
def credentials_need_restart(parts: Parts) -> None:
    """Connection request credentials that the ACS sets take effect after the next restart."""
    original, handler = parts.gate.credentials, parts.rpc["SetParameterValues"]
    old: list[tuple[str, str]] = []

    def set_values(parts: Parts, message: SetParameterValues) -> Message:
        before = original()
        answer = handler(parts, message)
        if not old and original() != before:
            old.append(before)
        return answer

    parts.rpc["SetParameterValues"] = set_values
    rewire(parts.gate, credentials=lambda: old[0] if old else original())


@defect("old-credentials-stay-valid", breaks=[CHANGED])
def old_credentials_stay_valid(parts: Parts) -> None:
    """After a change of the connection request credentials the old pair goes on waking the device."""
    original, handler = parts.gate.check, parts.rpc["SetParameterValues"]
    old: list[tuple[str, str]] = []

    def set_values(parts: Parts, message: SetParameterValues) -> Message:
        old.append(parts.gate.credentials())
        return handler(parts, message)

    def check(given: str | None, method: str, target: str) -> Answer:
        answer = original(given, method, target)
        now = parts.gate.credentials
        for pair in old if answer is Answer.REFUSED else ():
            rewire(parts.gate, credentials=lambda pair=pair: pair)
            answer = original(given, method, target)
            rewire(parts.gate, credentials=now)
            if answer is not Answer.REFUSED:
                break
        return answer

    parts.rpc["SetParameterValues"] = set_values
    rewire(parts.gate, check=check)


@defect("credentials-never-changed", breaks=[CHANGED, "lcos.credentials.single-field"])
def credentials_never_changed(parts: Parts) -> None:
    """Setting the connection request credentials succeeds and has no effect, even where it is allowed."""
    handler = parts.rpc["SetParameterValues"]

    def set_values(parts: Parts, message: SetParameterValues) -> Message:
        kept = tuple(each for each in message.parameter_list if not _credential(each.name))
        allowed = parts.permissions.change_credentials()
        return handler(parts, replace(message, parameter_list=kept) if allowed else message)

    parts.rpc["SetParameterValues"] = set_values


@defect("credential-switch-password-only", breaks=["lcos.credentials.single-field"])
def credential_switch_password_only(parts: Parts) -> None:
    """With the switch off the ACS can still change the connection request user, though not the password."""
    original = parts.model.writable
    rewire(parts.model, writable=lambda parameter: parameter.path.endswith(USER) or original(parameter))


@defect("credential-switch-silent", breaks=[REFUSED, "lcos.credentials.single-field"])
def credential_switch_silent(parts: Parts) -> None:
    """With the switch off a change of the credentials is answered with success and not made."""
    handler = parts.rpc["SetParameterValues"]

    def set_values(parts: Parts, message: SetParameterValues) -> Message:
        touched = any(_credential(each.name) for each in message.parameter_list)
        if touched and not parts.permissions.change_credentials():
            return SetParameterValuesResponse(0)
        return handler(parts, message)

    parts.rpc["SetParameterValues"] = set_values


def _after_fault(parts: Parts, then: Callable[[SetParameterValues], None]) -> None:
    """*then* does something wrong after a SetParameterValues was refused."""
    handler = parts.rpc["SetParameterValues"]

    def set_values(parts: Parts, message: SetParameterValues) -> Message:
        try:
            return handler(parts, message)
        except CwmpFault:
            then(message)
            raise

    parts.rpc["SetParameterValues"] = set_values


@defect("credential-fault-yet-applied", breaks=[REFUSED])
def credential_fault_yet_applied(parts: Parts) -> None:
    """With the switch off a change of the credentials is refused, and made all the same."""
    keys = {USER: "connection_request_username", PASSWORD: "connection_request_password"}

    def apply(message: SetParameterValues) -> None:
        found = {each.name.rpartition(".")[2]: each.value for each in message.parameter_list}
        parts.settings.change({key: found[name] for name, key in keys.items() if name in found})

    _after_fault(parts, apply)


@defect("partial-apply", breaks=["lcos.credentials.atomic"])
def partial_apply(parts: Parts) -> None:
    """A SetParameterValues that is refused changes those parameters that it may change."""

    def apply(message: SetParameterValues) -> None:
        good = [each for each in message.parameter_list if parts.model.judge(each) is None]
        if good:
            parts.model.set(good)

    _after_fault(parts, apply)


@defect("parameter-key-of-refused", breaks=[REFUSED])
def parameter_key_of_refused(parts: Parts) -> None:
    """A SetParameterValues that is refused sets its ParameterKey."""
    _after_fault(parts, lambda message: parts.store.update(parameter_key=message.parameter_key))


@defect("credential-switch-blocks-acs-pair", breaks=["lcos.credentials.acs-pair-free"])
def credential_switch_blocks_acs_pair(parts: Parts) -> None:
    """With the switch off the ACS cannot change ACS username and password either."""
    original = parts.model.writable

    def writable(parameter: Parameter) -> bool:
        own = parameter.path.endswith((".ManagementServer.Username", ".ManagementServer.Password"))
        return original(parameter) and not (own and not parts.permissions.change_credentials())

    rewire(parts.model, writable=writable)


@defect("writable-flag-stale", breaks=["lcos.credentials.writable-flag"])
def writable_flag_stale(parts: Parts) -> None:
    """GetParameterNames calls the connection request credentials writable although the switch is off."""
    original = parts.rpc["GetParameterNames"]

    def names(parts: Parts, message: GetParameterNames) -> Message:
        answer = original(parts, message)
        assert isinstance(answer, GetParameterNamesResponse)
        entries = tuple(
            replace(each, writable=True) if _credential(each.name) else each for each in answer.parameter_list
        )
        return replace(answer, parameter_list=entries)

    parts.rpc["GetParameterNames"] = names


@defect("passwords-readable", breaks=["lcos.secrecy.passwords-read-empty"])
def passwords_readable(parts: Parts) -> None:
    """The ACS can read passwords."""
    original = parts.model.read
    keys = {"Password": "acs_password", PASSWORD: "connection_request_password"}

    def read(parameter: Parameter) -> str:
        path, _, last = parameter.path.rpartition(".")
        if path.endswith("ManagementServer") and last in keys:
            return str(parts.settings.value(keys[last]))
        return original(parameter)

    rewire(parts.model, read=read)
