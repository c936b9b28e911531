"""The defects that await the TR-069 suites have their effect: each is told from a correct device by one probe.

No case sees them yet, so nothing else would notice one that does nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cpe_lab import ManualClock

from harness.cwmp import events, soap
from harness.cwmp import namespaces as ns
from harness.cwmp.messages import (
    AddObject,
    DeleteObject,
    Download,
    Envelope,
    GetParameterValues,
    GetRPCMethods,
    Header,
    InformResponse,
    Message,
    ParameterValueStruct,
    Reboot,
    ScheduleInform,
    SetParameterAttributesStruct,
    SetParameterValues,
    TransferComplete,
    TransferCompleteResponse,
    UnknownMessage,
)
from reference_cpe import urls
from reference_cpe.config import Config
from reference_cpe.defects import registry
from reference_cpe.fault import CwmpFault
from reference_cpe.http import Response
from reference_cpe.model_table import PERIODIC_TIME, RETRY_MINIMUM, THROTTLE
from reference_cpe.parts import Parts, assemble
from reference_cpe.session import Post
from reference_cpe.store import Store
from reference_cpe.transfers import Kind

registry.load_builtin()

ACS = "http://acs.test:7547/acs"
BOX = "Device.X_EXAMPLE-ORG_Sandbox."
ITEM = BOX + "Item."
SERVER = "Device.ManagementServer."
Probe = Callable[[Parts], object]


def outcome(action: Callable[[], object]) -> object:
    """What *action* gives, or how it fails."""
    try:
        return action()
    except CwmpFault as fault:
        return fault.code, [(p.parameter_name, p.fault_code) for p in fault.parameters]
    except Exception as error:
        return type(error).__name__


def envelope(message: Message, own_id: str = "1", **header: Any) -> bytes:
    return soap.encode(Envelope(message, Header(id=own_id, **header), ns.CWMP_1_2))


def said(action: object) -> object:
    """A POST by its message, anything else as it is."""
    if not isinstance(action, Post):
        return action
    return soap.read(action.body).envelope if action.body else "empty POST"


def session(*bodies: bytes) -> Probe:
    """What the device says to each message of the ACS, after an InformResponse."""

    def probe(parts: Parts) -> object:
        one = parts.session(parts)
        one.start()
        answers = [said(one.receive(200, envelope(InformResponse())))]
        for body in bodies:
            answers.append(said(one.receive(200, body)))
        return [a.message if isinstance(a, Envelope) else a for a in answers]

    return probe


def written(message: Message) -> Probe:
    return lambda parts: parts.envelope.write(Envelope(message, Header(id="1"), ns.CWMP_1_2))


def answered_to_inform(body: bytes) -> Probe:
    def probe(parts: Parts) -> object:
        one = parts.session(parts)
        one.start()
        return said(one.receive(200, body))

    return probe


def http(*responses: Response) -> Probe:
    """What becomes of a POST and its responses on HTTP level."""

    def probe(parts: Parts) -> object:
        parts.settings.change({"acs_username": "user", "acs_password": "secret"})
        parts.digest.cnonce = lambda: "cnonce"  # type: ignore[method-assign]
        exchange = parts.exchange(parts, urls.parse(ACS))
        seen: list[object] = []
        for response in responses:
            seen.append(exchange.encode(b"a message"))
            seen.append(outcome(lambda r=response: exchange.judge(r)))  # type: ignore[misc]
            seen.append(outcome(lambda r=response: exchange.decode(r)))  # type: ignore[misc]
            seen.append([value for name, value in exchange.request(b"x") if name == "Authorization"])
            seen.append(list(parts.wire.outgoing(b"POST /acs HTTP/1.1\r\n\r\n")))
        return [*seen, exchange.encode(b"a message"), parts.store.get("settings", {}).get("acs_url")]

    return probe


def response(status: int = 200, body: bytes = b"x", **headers: str) -> Response:
    return Response(status, tuple((n.replace("_", "-"), v) for n, v in headers.items()), body)


def challenge(**more: str) -> Response:
    given = {"realm": "r", "nonce": "n", "qop": "auth", **more}
    text = ", ".join(f'{name}="{value}"' for name, value in given.items())
    return response(401, www_authenticate="Digest " + text)


def listed(
    *entries: tuple[str, str], times: int = 1, before: Callable[[Parts], object] = lambda _p: None
) -> Probe:
    """The event lists of *times* Informs in a row, each acknowledged."""

    def probe(parts: Parts) -> object:
        before(parts)
        for code, key in entries:
            parts.events.add(code, key)
        lists = []
        for _ in range(times):
            inform = parts.informer.message()
            lists.append([(event.event_code, event.command_key) for event in inform.event])
            parts.events.inform_acknowledged()
        return lists, parts.store.get("bootstrapped")

    return probe


def failed_before(parts: Parts) -> None:
    parts.events.add(events.PERIODIC)
    parts.retry.failed()


def call(name: str, message: Message) -> Probe:
    return lambda parts: outcome(lambda: parts.rpc[name](parts, message))


def setting(*pairs: tuple[str, str, str], then: Probe = lambda _parts: None) -> Probe:
    values = tuple(ParameterValueStruct(BOX + name, value, type_) for name, value, type_ in pairs)

    def probe(parts: Parts) -> object:
        answer = outcome(lambda: parts.rpc["SetParameterValues"](parts, SetParameterValues(values, "key")))
        return answer, then(parts)

    return probe


def values(*names: str) -> Probe:
    """The values below *names*, but for those that change by themselves."""

    def read(parts: Parts) -> list[str]:
        return sorted(
            found.name + "=" + found.value
            for found in parts.model.values(names)
            if not parts.model.parameters[found.name].volatile and ".Stats." not in found.name
        )

    return lambda parts: outcome(lambda: read(parts))


def names(path: str, level: bool) -> Probe:
    return lambda parts: sorted(info.name for info in parts.model.names(path, level))


def rows(*steps: str) -> Probe:
    """The numbers given after adding (``+``) and deleting (``-``) rows of a table."""

    def probe(parts: Parts) -> object:
        given = []
        for step in steps:
            if step == "+":
                given.append(parts.model.add(ITEM, "new key"))
            else:
                parts.model.delete(f"{ITEM}{given[-1]}.", "new key")
        return given, parts.model.rows(ITEM), parts.store.get("parameter_key")

    return probe


def rows_after_boot(parts: Parts) -> object:
    before = assemble(Config(), ManualClock(), Store(parts.store.path.parent), Random(1))
    before.model.add(SERVER + "InformParameter.", "key")
    before.store.update(parameters={})
    parts.store.load()
    parts.model.rows_replaced()
    if parts.store.get("probe"):
        registry.DEFECTS["rows-lost-at-boot"].apply(parts)  # it acts at boot
    return parts.model.rows(SERVER + "InformParameter.")


def attributes(name: str, change: bool, notification: int) -> Probe:
    wanted = SetParameterAttributesStruct(name, change, notification, False, ())

    def probe(parts: Parts) -> object:
        return outcome(lambda: parts.attributes.set([wanted])), parts.attributes.notification(name)

    return probe


def waits(parts: Parts) -> object:
    parts.store.update(parameters={RETRY_MINIMUM: "900", THROTTLE: "70"})
    found = []
    for _ in range(3):
        parts.retry.failed()
        minimum = int(parts.model.text(RETRY_MINIMUM))
        found.append(parts.retry.wait(minimum, 2000) > minimum * 2 ** (parts.retry.count - 1) * 1.99 + 60)
        found.append(parts.retry.wait(minimum, 2000) < minimum * 2 ** (parts.retry.count - 1))
    return found


def throttled(parts: Parts) -> object:
    parts.store.update(parameters={THROTTLE: "100000"})
    parts.retry.failed()
    return parts.retry.wait(5, 2000) < 11, parts.model.text(THROTTLE)


def finished(fault: int) -> Callable[[Parts], None]:
    """A transfer that waits to be reported."""

    def arrange(parts: Parts) -> None:
        parts.transfers.add(Kind.SCRIPT, "key", "http://files.test/x", ("", ""), 0)
        transfer = parts.transfers.pending()[0]
        transfer.done, transfer.fault_code, transfer.fault_string = True, fault, "wrong" if fault else ""

    return arrange


def reported(fault: int) -> Probe:
    def probe(parts: Parts) -> object:
        finished(fault)(parts)
        numbers = parts.transfers.reported()
        return numbers, [parts.transfers.report(number).fault_struct.fault_code for number in numbers]

    return probe


def told_twice(parts: Parts) -> object:
    finished(0)(parts)
    one = parts.session(parts)
    one.start()
    told = said(one.receive(200, envelope(InformResponse())))
    assert isinstance(told, Envelope)
    assert isinstance(told.message, TransferComplete)
    return said(one.receive(200, envelope(TransferCompleteResponse(), told.header.id or "")))


def rebooted(parts: Parts) -> object:
    one = parts.session(parts)
    one.start()
    one.receive(200, envelope(InformResponse()))
    answer = asyncio.run(one.take(200, envelope(Reboot("key"))))
    return isinstance(answer, Post)


def fetched(parts: Parts) -> object:
    """Whose login a file server is shown; nobody listens there."""
    parts.settings.change({"acs_username": "acs-user", "acs_password": "acs-secret"})
    parts.transfers.add(Kind.SCRIPT, "", "http://127.0.0.1:1/x", ("file-user", "file-secret"), 0)
    transfer = parts.transfers.pending()[0]

    async def fetch() -> object:
        return await parts.transfers.fetch(transfer)

    outcome(lambda: asyncio.run(fetch()))
    return transfer.username


def after_reset(parts: Parts) -> object:
    parts.store.update(parameter_key="key")
    parts.store.reset(keep=("software_version",))
    parts.store.load()
    return parts.store.get("parameter_key")


def windowed(parts: Parts) -> object:
    parts.transfers.add(
        Kind.SCRIPT,
        "",
        "http://files.test/x",
        ("", ""),
        100,
        windows=[{"start": 1.0, "end": 2.0, "retries": 0}],
    )
    return parts.transfers.pending()[0].windows, parts.transfers.pending()[0].due - parts.clock.unix()


def waited(parts: Parts) -> object:
    seen: list[float] = []
    original = ManualClock.timeout

    class Watched(ManualClock):
        def timeout(self, seconds: float) -> Any:
            seen.append(seconds)
            return original(self, seconds)

    parts.clock.__class__ = Watched
    parts.clock.timeout(30)
    return seen


def periodic(parts: Parts) -> object:
    parts.store.update(parameters={PERIODIC_TIME: "2025-01-01T00:00:07Z"})
    parts.settings.change({"periodic_inform_interval": 3600})
    return parts.timers.delay()


def configured(parts: Parts) -> object:
    row = f"{SERVER}InformParameter.{parts.model.add(SERVER + 'InformParameter.', 'key')}."
    parts.model.set(
        [
            ParameterValueStruct(row + "ParameterName", "Device.DeviceInfo.ModelName", "xsd:string"),
            ParameterValueStruct(row + "Enable", "true", "xsd:boolean"),
        ]
    )
    parts.events.add(events.PERIODIC)
    inform = parts.informer.message()
    forced = ParameterValueStruct(row + "ParameterName", parts.model.forced[0], "xsd:string")
    return [p.name for p in inform.parameter_list], outcome(lambda: parts.model.set([forced]))


def restored_bootstrap(parts: Parts) -> object:
    parts.events.load([{"code": events.BOOTSTRAP, "key": "", "transfer": None}])
    return [entry.code for entry in parts.events.entries]


def _spoken(parts: Parts, namespace: str) -> object:
    one = parts.session(parts)
    one.start()
    one.receive(200, soap.encode(Envelope(InformResponse(), Header(id="1"), namespace)))
    answer = said(one.receive(200, soap.encode(Envelope(GetRPCMethods(), Header(id="2"), namespace))))
    return answer.namespace if isinstance(answer, Envelope) else answer


def _two_messages(parts: Parts) -> object:
    parts.settings.change({"acs_username": "user", "acs_password": "secret"})
    exchange = parts.exchange(parts, urls.parse(ACS))
    exchange.encode(b"Inform")
    exchange.judge(response())
    exchange.encode(b"second")
    exchange.judge(challenge())
    return exchange.encode(b"second")


def _retry_inform(parts: Parts) -> Any:
    failed_before(parts)
    return parts.informer.message()


def _v6_url(parts: Parts) -> object:
    parts.listener.port = 7547
    parts.source.advertised = lambda _url: "2001:db8::1"  # type: ignore[method-assign]
    return parts.status.connection_request_url().rpartition("/")[0]


SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ODD = (
    f'<x:Envelope xmlns:x="{SOAP}" xmlns:y="{ns.CWMP_1_2}"><x:Header><y:ID x:mustUnderstand="1">1</y:ID></x:Header>'
    "<x:Body><y:GetRPCMethods/></x:Body></x:Envelope>"
).encode()
BIG = envelope(GetParameterValues(("Device.DeviceInfo.SoftwareVersion",))) + b" " * 20 * 1024
URL = SERVER + "ConnectionRequestURL"

PROBES: dict[str, Probe] = {
    "close-ends-session": http(response(connection="close")),
    "gives-up-after-5-seconds": waited,
    "chunked-response-unread": http(response(transfer_encoding="chunked")),
    "max-envelopes-believed": answered_to_inform(envelope(InformResponse(5))),
    "fault-ends-session": session(envelope(UnknownMessage(ns.CWMP_1_2, "X_Nothing")), envelope(GetRPCMethods())),
    "big-envelope-refused": session(BIG),
    "foreign-prefix-unread": session(ODD),
    "ampersand-unescaped": written(SetParameterValues((ParameterValueStruct("a", "b&c", "xsd:string"),), "")),
    "versions-with-semicolon": lambda parts: parts.session(parts).start().body,
    "always-version-1-2": lambda parts: _spoken(parts, ns.CWMP_1_0),
    "redirect-by-get": http(response(302, location="http://acs.test:7547/other")),
    "one-redirect-alone": http(*[response(302, location=f"http://acs.test:7547/{n}") for n in range(3)]),
    "redirect-stored": http(response(302, location="http://acs.test:7547/other")),
    "md5-sess-as-md5": http(challenge(algorithm="MD5-sess")),
    "stale-is-refusal": http(challenge(), challenge(nonce="m", stale="true")),
    "challenge-restarts-session": _two_messages,
    "file-login-of-acs": fetched,
    "retries-each-minute": waits,
    "retries-every-5-seconds": waits,
    "retry-parameters-ignored": waits,
    "retry-count-0": lambda parts: _retry_inform(parts).retry_count,
    "retry-count-from-1": lambda parts: parts.informer.message().retry_count,
    "retry-without-events": lambda parts: _retry_inform(parts).event,
    "retry-throttled": throttled,
    "bootstrap-at-every-boot": listed((events.BOOT, "")),
    "reboot-not-reported": listed((events.BOOT, ""), (events.M_REBOOT, "key")),
    "power-cut-as-reboot": listed((events.BOOT, "")),
    "events-of-a-kind-merged": listed((events.M_SCHEDULE_INFORM, "a"), (events.M_SCHEDULE_INFORM, "b")),
    "scheduled-without-code": listed((events.SCHEDULED, ""), (events.M_SCHEDULE_INFORM, "a")),
    "bootstrap-not-kept": restored_bootstrap,
    "event-told-again": listed((events.PERIODIC, ""), times=2),
    "own-change-told": setting(
        ("Text", "a", "xsd:string"), then=lambda parts: [entry.code for entry in parts.events.entries]
    ),
    "active-is-passive": lambda parts: parts.attributes.notification(URL),
    "attributes-always-changed": attributes(BOX + "Text", False, 2),
    "forced-notification-off": attributes("Device.DeviceInfo.SoftwareVersion", True, 0),
    "forced-configured-again": configured,
    "configured-parameters-left-out": configured,
    "phase-ignored": periodic,
    "throttle-ignored": throttled,
    "schedule-inform-refused": call("ScheduleInform", ScheduleInform(60, "key")),
    "duplicate-accepted": setting(("Text", "a", "xsd:string"), ("Text", "b", "xsd:string")),
    "status-0-too-early": setting(("Text", "a", "xsd:string"), then=values(BOX + "Text")),
    "read-only-as-unknown": lambda parts: outcome(
        lambda: parts.model.set([ParameterValueStruct("Device.DeviceInfo.ModelName", "a", "xsd:string")])
    ),
    "type-as-value": setting(("Text", "a", "xsd:int")),
    "first-fault-alone": setting(("Nothing", "a", "xsd:string"), ("Nowhere", "b", "xsd:string")),
    "length-off-by-one": lambda parts: outcome(
        lambda: parts.model.set([ParameterValueStruct(SERVER + "Username", "u" * 256, "xsd:string")])
    ),
    "unknown-name-left-out": values(BOX + "Nothing", BOX + "Text"),
    "root-refused": values(""),
    "any-case": values(BOX.lower() + "text"),
    "time-with-blank": values(PERIODIC_TIME),
    "enumeration-in-capitals": values("Device."),
    "next-level-with-itself": names(BOX, True),
    "objects-without-dot": names(BOX, False),
    "hidden-not-listed": names(SERVER, False),
    "key-not-set-by-add": rows("+"),
    "number-given-again": rows("+", "-", "+"),
    "rows-lost-at-boot": rows_after_boot,
    "static-object-added": call("AddObject", AddObject("Device.DeviceInfo.", "key")),
    "unknown-row-deleted": call("DeleteObject", DeleteObject(ITEM + "77.", "key")),
    "instance-number-0": call("AddObject", AddObject(ITEM, "key")),
    "answers-status-2": setting(("Text", "a", "xsd:string")),
    "ipv6-url-without-brackets": _v6_url,
    "failed-transfer-unreported": reported(9016),
    "transfer-complete-twice": told_twice,
    "unknown-time-as-1970": call("Download", Download("k", "1 Firmware Upgrade Image", ACS, "", "", 0, "", 0, "", "")),
    "reboots-before-its-answer": rebooted,
    "parameter-key-survives-reset": after_reset,
    "any-file-type": call("Download", Download("k", "2 Web Content", ACS, "", "", 0, "", 0, "", "")),
    "windows-ignored": windowed,
}  # fmt: skip


def _device(directory: Path, name: str | None) -> Parts:
    parts = assemble(Config(), ManualClock(), Store(directory), Random(1))
    if name == "rows-lost-at-boot":
        parts.store.update(probe=True)
    elif name is not None:
        registry.DEFECTS[name].apply(parts)
    return parts


@pytest.mark.parametrize("name", PROBES)
def test_it_differs_from_a_correct_device(name: str, tmp_path: Path) -> None:
    probe = PROBES[name]
    correct = probe(_device(tmp_path / "correct", None))
    assert probe(_device(tmp_path / "again", None)) == correct, "the probe itself is not steady"
    assert probe(_device(tmp_path / "wrong", name)) != correct
