"""The switch "Allow changing of the user credentials for connection request"."""

from __future__ import annotations

from harness.acs.acs import Digest
from harness.bench import Answer, Bench, Session
from harness.case import Case, CaseRow, Inconclusive, case, cases_from
from harness.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterValues,
    SetParameterValuesResponse,
)
from harness.expect import equal, nothing, that
from suites.connection_request import refused, ring, wakes
from suites.expectations import answered, describe_reply, fault, transfer_fetched
from suites.parameters import SERVER, UNSIGNED, get, get_server, server_value, set_values
from suites.permissions import SCRIPT, download

CREDENTIALS = (
    "allow_credential_change",
    "connection-request",
    "connection_request_username",
    "connection_request_password",
)
USERNAME, PASSWORD = "ConnectionRequestUsername", "ConnectionRequestPassword"
REFUSED = (9003, 9001, 9002, 9008)
"""Invalid arguments with the parameters' own faults, or a refusal as a whole."""

Pair = tuple[str, str]


def fresh_pair(bench: Bench) -> Pair:
    return f"user-{bench.fresh()}", f"secret-{bench.fresh()}"


def order_change(
    bench: Bench, session: Session, *, user: str = "", password: str = "", key: str = ""
) -> Answer:
    """SetParameterValues of those that are not empty. The bench sets them again when it restores the device."""
    values = [
        server_value(session, name, value)
        for name, value in ((USERNAME, user), (PASSWORD, password))
        if value
    ]
    bench.credentials_may_have_changed()
    return set_values(session, *values, key=key or f"key-{bench.fresh()}")


def taken_and_left(
    bench: Bench, case: Case, requirement: str, *, good: Pair, bad: Pair, what: str = ""
) -> None:
    """The pair *good* wakes the device, *bad* does not."""
    case.step("Send connection requests with the pair that must work and with the one that must not.")
    note = f"{what}: " if what else ""
    case.check(
        requirement, wakes(bench, good) or "a session", equal("a session"), what=f"{note}the pair in force"
    )
    case.check(requirement, ring(bench, pair=bad), refused(), what=f"{note}the other pair")


# --- on -----------------------------------------------------------------------------------------------


@case(
    "permissions.credentials.changed-when-on",
    verifies="lcos.credentials.changed-when-on",
    needs=CREDENTIALS,
)
def changed(bench: Bench, case: Case) -> None:
    """With the switch on, the ACS changes the connection-request credentials.

    Accepted: SetParameterValuesResponse; from the next session's end on, the new pair wakes the device and the old
    one does not; the user name reads as set.
    """
    old, new = bench.connection_request_credentials, fresh_pair(bench)
    bench.configure(allow_credential_change=True)
    case.step("Set a new user and password by SetParameterValues.")
    with bench.session("change of the credentials") as session:
        reply = order_change(bench, session, user=new[0], password=new[1])
        name = get_server(session, USERNAME)
    case.check("lcos.credentials.changed-when-on", reply, answered(SetParameterValuesResponse))
    taken_and_left(bench, case, "lcos.credentials.changed-when-on", good=new, bad=old)
    for shown, mixed in (("old user", (old[0], new[1])), ("old password", (new[0], old[1]))):
        case.check("lcos.credentials.changed-when-on", ring(bench, pair=mixed), refused(), what=shown)
    case.observe(f"{USERNAME} read {name or 'nothing'} in the session that set it")


@case(
    "permissions.credentials.kept-over-restart",
    verifies="lcos.credentials.changed-when-on",
    needs=(*CREDENTIALS, "restart"),
)
def kept_over_restart(bench: Bench, case: Case) -> None:
    """Credentials that the ACS has set outlive a restart of the device.

    Accepted: after the restart the new pair wakes the device and the old one does not.
    """
    old, new = bench.connection_request_credentials, fresh_pair(bench)
    bench.configure(allow_credential_change=True)
    case.step("Set a new pair by SetParameterValues and restart the device.")
    with bench.session("change of the credentials") as session:
        reply = order_change(bench, session, user=new[0], password=new[1])
    if reply.fault is not None or reply.lost:
        raise Inconclusive(f"the pair could not be changed: {describe_reply(reply)}")
    bench.device.restart()
    bench.pass_time(bench.timing.settle)
    taken_and_left(bench, case, "lcos.credentials.changed-when-on", good=new, bad=old)


def _single_on(which: str) -> CaseRow:
    """The row: with the switch on, only the user or only the password is changed."""

    def body(bench: Bench, case: Case) -> None:
        old, fresh = bench.connection_request_credentials, fresh_pair(bench)
        new = (fresh[0], old[1]) if which == "user" else (old[0], fresh[1])
        bench.configure(allow_credential_change=True)
        case.step(f"Set a new {which} only.")
        with bench.session(f"change of the {which}") as session:
            reply = order_change(bench, session, **{which: new[0 if which == "user" else 1]})
        case.check("lcos.credentials.single-field", reply, answered(SetParameterValuesResponse))
        taken_and_left(bench, case, "lcos.credentials.single-field", good=new, bad=old)

    return CaseRow(
        f"permissions.credentials.only-{which}-changed",
        f"With the switch on, the ACS changes the {which} alone.\n\n"
        "Accepted: SetParameterValuesResponse; the pair with the new part wakes the device, the old pair does not.",
        body,
        "lcos.credentials.single-field",
        CREDENTIALS,
    )


# --- off ----------------------------------------------------------------------------------------------


def _single_off(which: str) -> CaseRow:
    """The row: with the switch off, neither the user alone nor the password alone can be changed."""

    def body(bench: Bench, case: Case) -> None:
        old, fresh = bench.connection_request_credentials, fresh_pair(bench)
        new = (fresh[0], old[1]) if which == "user" else (old[0], fresh[1])
        with case.twin("the pair in force wakes the device", lambda: wakes(bench)):
            bench.configure(allow_credential_change=False)
            case.step(f"Set a new {which} only.")
            with bench.session(f"change of the {which}") as session:
                reply = order_change(bench, session, **{which: new[0 if which == "user" else 1]})
            case.check("lcos.credentials.single-field", reply, fault(*REFUSED, vendor=True))
            taken_and_left(bench, case, "lcos.credentials.single-field", good=old, bad=new)

    return CaseRow(
        f"permissions.credentials.only-{which}-refused",
        f"With the switch off, the ACS cannot change the {which} alone.\n\n"
        "Accepted: a fault; the old pair wakes the device, the pair with the new part does not.",
        body,
        "lcos.credentials.single-field",
        CREDENTIALS,
    )


cases_from(globals(), (make(which) for make in (_single_on, _single_off) for which in ("user", "password")))


@case(
    "permissions.credentials.refused-when-off",
    verifies=("lcos.credentials.refused-when-off", "lcos.credentials.atomic"),
    needs=CREDENTIALS,
)
def refused_when_off(bench: Bench, case: Case) -> None:
    """With the switch off, the ACS cannot change the connection-request credentials, alone or in company.

    Accepted: a fault (9003 with the parameters' own faults, or 9001, 9002, 9008); the old pair still wakes the device,
    the new one does not; ParameterKey and the other parameter of the same call are what they were.
    """
    old, new = bench.connection_request_credentials, fresh_pair(bench)
    with case.twin("the pair in force wakes the device", lambda: wakes(bench)):
        bench.configure(allow_credential_change=False)
        case.step("Set a new user and password by SetParameterValues.")
        with bench.session("change of the credentials") as session:
            before = _key_and_interval(session)
            reply = order_change(bench, session, user=new[0], password=new[1], key="must-not-stay")
            case.step("Set them together with a parameter that may be changed, first and last in the list.")
            both = [_mixed(session, new, last) for last in (True, False)]
            case.step(f"Set them after up to {MANY} others, which get the values that they have.")
            behind = _behind_others(session, new)
            after = _key_and_interval(session)
        if not before or not after:
            raise Inconclusive("ParameterKey and PeriodicInformInterval could not be read")
        said = [(reply, "credentials alone"), *((answer, "with another parameter") for answer in both)]
        said.append((behind, "after many others"))
        case.step("Send the same once more; and after a restart, where there can be one.")
        if "restart" in bench.device.capabilities.verbs:
            bench.device.restart()
        with bench.session("the same change again") as session:
            for what in ("after a restart", "again"):
                again = order_change(bench, session, user=new[0], password=new[1], key="must-not-stay")
                said.append((again, what))
        for answer, what in said:
            case.check("lcos.credentials.refused-when-off", answer, fault(*REFUSED, vendor=True), what=what)
        case.check("lcos.credentials.refused-when-off", after[0], equal(before[0]), what="ParameterKey")
        case.check("lcos.credentials.atomic", after[1], equal(before[1]), what="the other parameter")
        taken_and_left(bench, case, "lcos.credentials.refused-when-off", good=old, bad=new)
        case.check("lcos.credentials.atomic", ring(bench, pair=new), refused(), what="the new pair")


def _key_and_interval(session: Session) -> tuple[str, str] | None:
    names = (
        f"{session.root}{SERVER}ParameterKey",
        f"{session.root}{SERVER}PeriodicInformInterval",
    )
    values = session.call(GetParameterValues(names)).values()
    return (values[names[0]], values[names[1]]) if set(names) <= set(values) else None


def _mixed(session: Session, pair: Pair, last: bool) -> Answer:
    other = server_value(session, "PeriodicInformInterval", "4711", UNSIGNED)
    pairs = (server_value(session, USERNAME, pair[0]), server_value(session, PASSWORD, pair[1]))
    values = (other, *pairs) if last else (*pairs, other)
    return session.call(SetParameterValues(values, "must-not-stay"))


MANY = 12


def _behind_others(session: Session, pair: Pair) -> Answer:
    """Set the pair after other writable parameters of ManagementServer, which stay what they are."""
    server = f"{session.root}{SERVER}"
    writable = {entry.name for entry in _listed(session, server) if entry.writable}
    answer = session.call(GetParameterValues((server,))).message
    if not isinstance(answer, GetParameterValuesResponse):
        raise Inconclusive("the values of ManagementServer cannot be read")
    others = [
        each
        for each in answer.parameter_list
        if each.value and each.name in writable and not each.name.endswith(("Username", "Password", "URL"))
    ]
    last = (server_value(session, USERNAME, pair[0]), server_value(session, PASSWORD, pair[1]))
    return session.call(SetParameterValues((*others[:MANY], *last), "must-not-stay"))


@case("permissions.credentials.not-emptied", verifies="lcos.credentials.single-field", needs=CREDENTIALS)
def not_emptied(bench: Bench, case: Case) -> None:
    """With the switch off, the ACS cannot take user or password away either.

    Accepted: a fault for an empty user, an empty password and both; the pair in force wakes the device.
    """
    requirement = "lcos.credentials.single-field"
    with case.twin("the pair in force wakes the device", lambda: wakes(bench)):
        bench.configure(allow_credential_change=False)
        case.step("Set the user, the password, and both to the empty text.")
        bench.credentials_may_have_changed()
        for names in ((USERNAME,), (PASSWORD,), (USERNAME, PASSWORD)):
            with bench.session("emptying the pair") as session:
                reply = set_values(session, *(server_value(session, name, "") for name in names))
            case.check(requirement, reply, fault(*REFUSED, vendor=True), what=f"empty {' and '.join(names)}")
        case.step("Send a connection request with the pair in force.")
        case.check(requirement, wakes(bench) or "a session", equal("a session"))


LONG = 128
"""Characters: more than a short field holds, and half of what the data model allows (TR-181, string(256))."""


@case("permissions.credentials.long", verifies="lcos.credentials.changed-when-on", needs=CREDENTIALS)
def long_pair(bench: Bench, case: Case) -> None:
    """A long pair that the ACS sets is kept whole, or refused.

    Accepted: a response, and the new pair wakes the device; or a fault, and the old pair does.
    """
    requirement = "lcos.credentials.changed-when-on"
    old = bench.connection_request_credentials
    new = (f"user-{bench.fresh()}".ljust(LONG, "u"), f"secret-{bench.fresh()}".ljust(LONG, "s"))
    bench.configure(allow_credential_change=True)
    case.step(f"Set a user and a password of {LONG} characters.")
    with bench.session("long credentials") as session:
        reply = order_change(bench, session, user=new[0], password=new[1])
    if reply.lost:
        raise Inconclusive(f"no answer: {describe_reply(reply)}")
    case.observe(describe_reply(reply))
    force, what = (new, "the new pair") if reply.fault is None else (old, "the old pair, the new one refused")
    case.step("Send a connection request with the pair that must work.")
    case.check(requirement, wakes(bench, force) or "a session", equal("a session"), what=what)
    if reply.fault is None:
        cut = (new[0], new[1][: LONG // 2])
        case.check(requirement, ring(bench, pair=cut), refused(), what="half of the password")


@case(
    "permissions.credentials.acs-pair-free",
    verifies="lcos.credentials.acs-pair-free",
    needs=(*CREDENTIALS, "acs_username", "acs_password"),
)
def acs_pair_free(bench: Bench, case: Case) -> None:
    """The switch does not cover the pair with which the device logs in at the ACS.

    Accepted: with the switch off, SetParameterValues of Username and Password succeeds and the device uses the new pair when
    the ACS asks for a login.
    """
    new = fresh_pair(bench)
    bench.configure(allow_credential_change=False)
    bench.device.doubt("acs_username", "acs_password")
    case.step("Set a new user and password for the ACS by SetParameterValues.")
    with bench.session("change of the pair for the ACS") as session:
        reply = set_values(
            session, server_value(session, "Username", new[0]), server_value(session, "Password", new[1])
        )
    case.check("lcos.credentials.acs-pair-free", reply, answered(SetParameterValuesResponse))
    case.step("Let the ACS ask for a login with that pair.")
    bench.demand(Digest(*new))
    case.check("lcos.credentials.acs-pair-free", bench.works() or "a session", equal("a session"))


@case("permissions.credentials.writable-flag", verifies="lcos.credentials.writable-flag", needs=CREDENTIALS)
def writable_flag(bench: Bench, case: Case) -> None:
    """GetParameterNames tells whether the ACS may change the credentials.

    Accepted: writable with the switch on, not writable with it off.
    """
    for allowed in (True, False):
        case.step(f"Switch {'on' if allowed else 'off'}: list ManagementServer.")
        bench.configure(allow_credential_change=allowed)
        with bench.session("listing") as session:
            listed = _listed(session, f"{session.root}{SERVER}")
            root = session.root
        flags = {entry.name: entry.writable for entry in listed}
        for name in (USERNAME, PASSWORD):
            case.check(
                "lcos.credentials.writable-flag",
                str(flags.get(f"{root}{SERVER}{name}", "not listed")),
                equal(str(allowed)),
                what=f"{name} writable with the switch {'on' if allowed else 'off'}",
            )


def _listed(session: Session, path: str) -> tuple[ParameterInfoStruct, ...]:
    """All that GetParameterNames tells below *path*.

    Raises:
        Inconclusive: the device does not answer it.
    """
    reply = session.call(GetParameterNames(path, False))
    if not isinstance(reply.message, GetParameterNamesResponse):
        raise Inconclusive(f"the parameters cannot be listed: {describe_reply(reply)}")
    return reply.message.parameter_list


_ADMINISTRATOR = (
    "Users.User.",
    "InternetGatewayDevice.User.",
    "UserInterface.",
    "LANConfigSecurity.",
    "Admin",
)
_LOGIN = ("username", "password", "user", "name", "login")


def administrators(listed: tuple[ParameterInfoStruct, ...]) -> list[str]:
    """The parameters that hold name or password of somebody who administers the device."""
    return [
        entry.name
        for entry in listed
        if not entry.name.endswith(".")
        and any(part in entry.name for part in _ADMINISTRATOR)
        and entry.name.rpartition(".")[2].lower().endswith(_LOGIN)
    ]


@case("permissions.credentials.administrator", verifies="lcos.credentials.administrator", needs=CREDENTIALS)
def administrator(bench: Bench, case: Case) -> None:
    """With the switch off, the ACS cannot change name or password of a device administrator by a parameter either.

    The whole data model is listed; every parameter that holds such a name or password is set to another value. Accepted: a
    fault for each, and the value as before where it can be read; the same for an account that the ACS has just added, where
    the device lets it. A device that shows no such parameter keeps the rule.
    """
    with case.twin("the pair in force wakes the device", lambda: wakes(bench)):
        bench.configure(allow_credential_change=False)
        case.step("List the data model and try to set every name and password of an administrator.")
        with bench.session("administrators") as session:
            listed = _listed(session, session.root)
            found = administrators(listed)
            changed = [name for name in found if _changes(session, name, bench.fresh())]
            case.step("Add an account where one can be added, and try to give it a name and a password.")
            methods = session.call(GetRPCMethods()).message
            adds = isinstance(methods, GetRPCMethodsResponse) and "AddObject" in methods.method_list
            for table in administrator_tables(listed) if adds else ():
                changed += _changes_in_new_row(session, table, bench.fresh())
        case.observe(f"{len(listed)} names listed; of administrators: {', '.join(found) or 'none'}")
        case.check(
            "lcos.credentials.administrator", changed, nothing("changed parameter of an administrator")
        )


def administrator_tables(listed: tuple[ParameterInfoStruct, ...]) -> list[str]:
    """The tables of accounts to which the ACS may add one."""
    return [
        entry.name
        for entry in listed
        if entry.writable and entry.name.endswith(("Device.Users.User.", "Device.User."))
    ]


def _changes_in_new_row(session: Session, table: str, fresh: str) -> list[str]:
    """Add a row, try to set name and password in it, take it away again; what the device took."""
    added = session.call(AddObject(table)).message
    if not isinstance(added, AddObjectResponse):
        return []
    row = f"{table}{added.instance_number}."
    changed = [name for name in administrators(_listed(session, row)) if _changes(session, name, fresh)]
    session.call(DeleteObject(row))
    return changed


def _changes(session: Session, name: str, fresh: str) -> bool:
    """Try to set the parameter to another value; whether the device took it."""
    short = name.removeprefix(session.root)
    before = get(session, short)
    reply = set_values(session, ParameterValueStruct(name, f"{before}x{fresh}"))
    taken = (reply.fault is None and not reply.lost) or get(session, short) != before
    if taken:
        set_values(session, ParameterValueStruct(name, before))
    return taken


@case(
    "permissions.credentials.script-side-door",
    verifies=("lcos.credentials.script-side-door", "lcos.file.executed-when-on"),
    needs=(*CREDENTIALS, *SCRIPT),
)
def script_side_door(bench: Bench, case: Case) -> None:
    """Whether a permitted script changes the credentials although the ACS may not: recorded, not judged.

    With file transmission on and the change of credentials off, a script that sets them is downloaded. What is judged: with
    the change allowed the same script is executed, so that the record means something.
    """
    new = fresh_pair(bench)
    content = bench.files.credentials_script(*new)
    bench.credentials_may_have_changed()
    bench.configure(allow_file_transmission=True, allow_credential_change=False)
    case.step("Order the download of a script that sets the credentials, with the switch off.")
    outcome = download(bench, "script", content)
    woken = not wakes(bench, new)
    case.check(
        "lcos.credentials.script-side-door",
        f"{outcome}; the new pair {'wakes' if woken else 'does not wake'} the device",
        that("either", lambda _seen: True),
    )
    case.step("Order it again with the switch on.")
    bench.configure(allow_credential_change=True)
    case.check("lcos.file.executed-when-on", download(bench, "script", content), transfer_fetched())
    case.check("lcos.file.executed-when-on", wakes(bench, new) or "a session", equal("a session"))
