"""Secrecy: what travels under https cannot be read on the wire, and what is hidden cannot be read at all.

Markers are planted where secrets are, then the capture of the WAN link is searched for them in every form in which a
text travels. The same search over http finds them: that proves the search.
"""

from __future__ import annotations

from harness.acs.auth import Basic
from harness.bench import Bench, Session
from harness.bench.traffic import Mark
from harness.case import Case, Inconclusive, case
from harness.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    ParameterValueStruct,
    SetParameterValues,
)
from harness.expect import nothing
from harness.lab.leaks import SHORTEST, Leak, leaks

REQUIREMENT = "lcos.secrecy.https-hides-secrets"
SERIAL, VALUE = "serial number", "secret parameter value"
SECRET_VALUE = "DeviceInfo.ProvisioningCode"
"""A parameter that devices let the ACS set and put into every Inform: the one secret value that they send themselves."""
HIDDEN = (
    "Password",
    "ConnectionRequestPassword",
    "STUNPassword",
    "KeyPassphrase",
    "PreSharedKey",
    "SAEPassphrase",
    "WEPKey",
    "SharedSecret",
    "RadiusSecret",
    "SecondaryRadiusSecret",
    "AuthPassword",
    "PIN",
    "Secret",
)
"""Last steps of parameters that Device:2 and InternetGatewayDevice:1 declare hidden (or that a vendor's name calls so)."""
ALWAYS = ("ManagementServer.Password", "ManagementServer.ConnectionRequestPassword")


def plant(bench: Bench, case: Case) -> dict[str, str]:
    """Plant the markers: name → text. The secret value is set in a session; a device that refuses it has none."""
    markers = {"ACS password": bench.acs_credentials[1]}
    if "connection_request_password" in bench.device.capabilities.settings:
        markers["connection request password"] = bench.connection_request_credentials[1]
    value = f"secret-{case.seed:08x}-{bench.fresh()}"
    with bench.session("planting a secret value") as session:
        serial = session.inform.device_id.serial_number
        entry = ParameterValueStruct(f"{session.root}{SECRET_VALUE}", value)
        refused = session.call(SetParameterValues((entry,))).fault
    if refused is None:
        markers[VALUE] = value
    else:
        case.observe(f"{SECRET_VALUE} cannot be set (fault {refused.fault_code}): no secret value planted")
    if len(serial) >= SHORTEST:
        markers[SERIAL] = serial
    else:
        case.observe(f"the serial number {serial!r} is too short to be told from chance")
    return markers


def everything(bench: Bench) -> str:
    """Sessions in which every marker is sent, and a restart; why there was none, or ``""``."""
    try:
        with bench.session("all that is secret") as session:
            session.call(GetParameterValues((f"{session.root}DeviceInfo.",)))
            session.call(GetParameterValues((f"{session.root}ManagementServer.",)))
    except Inconclusive as reason:
        return str(reason)
    bench.provoke(1.0, restart="restart" in bench.device.capabilities.verbs)
    return ""


def readable(bench: Bench, since: Mark, markers: dict[str, str]) -> list[Leak]:
    """The markers that can be read in what the device has sent since the mark.

    The serial number counts on TCP connections of the device alone: DHCP tells it, as TR-069 wants, and so may the
    answer to a connection request.
    """
    sent = [flow for flow in bench.traffic.flows(since) if flow.from_device]
    own = [flow for flow in sent if flow.proto == "TCP" and flow.opened_by_device and flow.begun]
    secrets = {name: text for name, text in markers.items() if name != SERIAL}
    serial = {name: text for name, text in markers.items() if name == SERIAL}
    return leaks(sent, secrets) + leaks(own, serial)


@case(
    "secrecy.https",
    verifies=REQUIREMENT,
    needs=("https", "acs_url", "acs_username", "acs_password", "upload_root_ca"),
    packets=True,
)
def https_hides(bench: Bench, case: Case) -> None:
    """Under https none of the planted secrets can be read in anything that the device sends.

    Markers: ACS password, connection request password, a value set by the ACS, serial number. Accepted: none of them in any
    packet, plain, in UTF-16, hexadecimal, percent-encoded, Base64 or compressed; over http the same search finds those that are sent there.
    """
    case.step("Plant the markers.")
    markers = plant(bench, case)
    case.step("Control: run the sessions over http; the search must find what is sent in clear.")
    mark = bench.traffic.mark()
    bench.use_http()
    if reason := everything(bench):
        raise Inconclusive(f"no session over http: {reason}")
    found = {leak.marker for leak in readable(bench, mark, markers)}
    missed = {SERIAL, VALUE} & set(markers) - found
    if missed or not found:
        raise Inconclusive(f"over http the search does not find: {', '.join(sorted(missed)) or 'anything'}")
    case.observe(f"over http the search finds: {', '.join(sorted(found))}")
    case.step("Run the same sessions over https, with the password itself inside (Basic), and search again.")
    bench.use_https()
    bench.demand(Basic(*bench.acs_credentials))
    mark = bench.traffic.mark()
    if reason := everything(bench):
        raise Inconclusive(f"no session over https: {reason}")
    case.check(REQUIREMENT, readable(bench, mark, markers), nothing("readable secret"))
    bench.demand(None)
    bench.use_http()
    _forget_value(bench)


def _forget_value(bench: Bench) -> None:
    with bench.session("removing the secret value") as session:
        entry = ParameterValueStruct(f"{session.root}{SECRET_VALUE}", "")
        session.call(SetParameterValues((entry,)))


# --- hidden values ------------------------------------------------------------------------------------


def hidden_names(session: Session) -> list[str]:
    """The parameters of the device that are hidden: the two passwords, and all whose last step is in `HIDDEN`."""
    names = [f"{session.root}{name}" for name in ALWAYS]
    answer = session.call(GetParameterNames(session.root, False)).message
    if isinstance(answer, GetParameterNamesResponse):
        listed = [entry.name for entry in answer.parameter_list]
        names += [name for name in listed if name.rpartition(".")[2] in HIDDEN and name not in names]
    return names


@case(
    "secrecy.passwords-read-empty",
    verifies="lcos.secrecy.passwords-read-empty",
    needs=("acs_password", "acs_username"),
)
def passwords_read_empty(bench: Bench, case: Case) -> None:
    """Passwords and other hidden parameters read as the empty string, and stand in no answer.

    Accepted: an empty value for each, also for a password that the ACS has just set, and no password anywhere in the values
    of the whole data model. A parameter that the device does not have is left out; the ACS password must be there.
    """
    requirement = "lcos.secrecy.passwords-read-empty"
    case.step("Read every hidden parameter by its full name.")
    with bench.session("hidden parameters") as session:
        names = hidden_names(session)
        answers = {name: session.call(GetParameterValues((name,))) for name in names}
        case.step("Set the ACS password and read it back; read the whole data model.")
        bench.device.doubt("acs_username", "acs_password")
        fresh = f"set-{case.seed:08x}-{bench.fresh()}"
        written = session.call(SetParameterValues((ParameterValueStruct(names[0], fresh),)))
        if written.fault is None:
            bench.know_pair(bench.acs_credentials[0], fresh)
            answers[f"{names[0]} (just set)"] = session.call(GetParameterValues((names[0],)))
        whole = session.call(GetParameterValues((session.root,))).values()
    values = {name: value for name, answer in answers.items() for value in answer.values().values()}
    if names[0] not in values:
        raise Inconclusive(f"{names[0]} could not be read: {answers[names[0]].value_of(names[0])}")
    case.observe(f"read: {', '.join(values)}")
    shown = [name for name, value in values.items() if value]
    case.check(requirement, shown, nothing("hidden parameter with a value"))
    secrets = {fresh, bench.acs_credentials[1], bench.connection_request_credentials[1]}
    told = [name for name, value in whole.items() if any(secret in value for secret in secrets)]
    case.check(requirement, told, nothing("parameter whose value holds a password"))
