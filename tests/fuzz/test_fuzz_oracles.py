"""Each oracle with evidence that must alarm and with evidence of a correct but odd device that must not."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fuzz_evidence import (
    BASE,
    INFORM_RESPONSE,
    control,
    evidence,
    fault,
    faulted,
    get_values,
    inform,
    program,
    seen,
    session,
    set_values,
    soap,
    values,
)

from harness.catalogue import requirements
from harness.fuzz import oracles
from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, CanaryHit, End, Evidence
from harness.fuzz.oracles import ORACLES, judge
from harness.fuzz.oracles.memory import leaks, trend
from harness.fuzz.program import Cut, Expect, Raw, Reply, Surface, Wanted

GET = get_values(BASE + "String")
REFUSE = "cwmp.values.unknown-name"
READ = program(GET)
REBOOT = soap("<cwmp:Reboot><CommandKey>k</CommandKey></cwmp:Reboot>")
DEAD = control(alive=False)
A, B = BASE + "A", BASE + "B"


def keys(found: Evidence) -> list[str]:
    return [alarm.key for alarm in judge(found, _no_error)]


def _no_error(text: str) -> None:
    pytest.fail(text)


def one(found: Evidence) -> Alarm:
    alarms = judge(found, _no_error)
    assert len(alarms) == 1, alarms
    return alarms[0]


def watching(before: str, after: str, *observations: Any, name: str = A, **more: Any) -> Evidence:
    given = {
        "before": control(values={name: before}),
        "after": control(values={name: after}, up_time=130),
        **more,
    }
    return evidence(*observations, **given)


FAULTY = program(set_values(A="x", Int="no"), Wanted.FAULT, 9003, requirement="cwmp.set.fault-codes")
ACCEPTED = program(set_values(A="x"), Wanted.SUCCESS, requirement="cwmp.set.status")
WRONG = {"rpc": "SetParameterValuesResponse"}
LONG = "A" * 3100

MUST_ALARM: dict[str, tuple[Evidence, str]] = {
    "dead": (evidence(seen(READ), after=DEAD), "liveness:no-session"),
    "dead-process": (
        evidence(seen(READ, End.RESET), after=msgspec.structs.replace(DEAD, process="ended by signal 11")),
        "liveness:process-ended",
    ),
    "died-and-was-started-again": (
        evidence(seen(READ), after=msgspec.structs.replace(control(), process="ended by signal 6, started again")),
        "liveness:process-ended",
    ),
    "boot-event": (evidence(seen(READ), after=control(events=("1 BOOT",), up_time=3)), "restarted:boot"),
    "boot-in-between": (evidence(seen(READ), unexpected_informs=(("1 BOOT", "4 VALUE CHANGE"),)), "restarted:boot"),
    "up-time-fell": (evidence(seen(READ), after=control(up_time=4)), "restarted:up-time"),
    "restart-by-forbidden-reboot": (
        evidence(
            seen(program(REBOOT, Wanted.NOT_OBEYED, requirement="cwmp.soap.must-understand"), End.CLOSED),
            after=control(events=("1 BOOT",), up_time=3),
        ),
        "restarted:boot",
    ),
    "bootstrap": (
        evidence(seen(READ), after=control(events=("0 BOOTSTRAP",), up_time=130)),
        "lost-state:bootstrap",
    ),
    "other-firmware": (
        evidence(seen(READ), before=control(software_version="2"), after=control(software_version="1")),
        "lost-state:firmware",
    ),
    "value-by-itself": (watching("1", "2", seen(READ)), "lost-state:value"),
    "half-set": (watching("old", "x", faulted(FAULTY, 9003)), "atomicity:cwmp.set.atomic"),
    "half-set-beside-good-one": (
        watching("old", "x", faulted(FAULTY, 9003), seen(program(set_values(A="good")), **WRONG)),
        "atomicity:cwmp.set.atomic",
    ),
    "key-of-a-refused-set": (
        watching("old", "k", faulted(FAULTY, 9003), name="Device.ManagementServer.ParameterKey"),
        "atomicity:cwmp.set.parameter-key",
    ),
    "refused-after-the-good-one": (
        watching(
            "old", "x", seen(program(set_values(A="x")), **WRONG), seen(program(set_values(A="y")), **WRONG),
            faulted(FAULTY, 9003),
        ),
        "atomicity:cwmp.set.atomic",
    ),
    "half-set-seen-in-the-batch": (
        watching("old", "old", faulted(FAULTY, 9003), seen(READ, values=((A, "x"),))),
        "atomicity:cwmp.set.atomic",
    ),
    "executed-though-closed": (
        watching(
            "old", "x",
            seen(program(set_values(A="x"), Wanted.NOT_OBEYED, requirement="cwmp.soap.must-understand"), End.CLOSED),
        ),
        "silent-acceptance:effect",
    ),
    "cut": (
        watching("old", "A" * 3072, seen(program(set_values(A=LONG)), **WRONG)),
        "stored-otherwise:cut",
    ),
    "wrapped": (
        watching("1", "0", seen(program(set_values("xsd:unsignedInt", A="4294967296")), **WRONG)),
        "stored-otherwise:wrapped",
    ),
    "replaced": (
        watching("1", "300", seen(program(set_values("xsd:int", A="99999")), **WRONG)),
        "stored-otherwise:replaced",
    ),
    "accepted": (
        evidence(seen(program(GET, Wanted.FAULT, 9005, requirement=REFUSE), rpc="GetParameterValuesResponse")),
        f"silent-acceptance:{REFUSE}:GetParameterValuesResponse",
    ),
    "accepted-by-the-listener": (
        evidence(
            seen(
                program((Raw(b"GET / HTTP/1.1\r\n\r\n"), Expect()), Wanted.NOT_OBEYED, requirement="lcos.x",
                        surface=Surface.CONNECTION_REQUEST),
                answer=Answer.HTTP, status=204,
            )
        ),
        "silent-acceptance:lcos.x:2xx",
    ),
    "session-for-a-stranger": (
        evidence(
            seen(
                program((Raw(b"GET / HTTP/1.1\r\n\r\n"), Expect()), Wanted.NOT_OBEYED, requirement="lcos.x",
                        surface=Surface.CONNECTION_REQUEST),
                answer=Answer.HTTP, status=401,
            ),
            unexpected_informs=(("6 CONNECTION REQUEST",),),
        ),
        "silent-acceptance:event:6 CONNECTION REQUEST",
    ),
    "rebooted-later": (
        evidence(
            faulted(program(REBOOT, Wanted.FAULT, 9003, requirement="cwmp.x"), 9003),
            after=control(events=("M Reboot", "6 CONNECTION REQUEST"), up_time=130),
        ),
        "silent-acceptance:event:M Reboot",
    ),
    "wrong-code": (
        evidence(faulted(program(GET, Wanted.FAULT, 9005, requirement=REFUSE), 9002)),
        f"wrong-fault:{REFUSE}:9002",
    ),
    "soap-fault-where-a-code-is-due": (
        evidence(faulted(program(GET, Wanted.FAULT, 9005, requirement=REFUSE), 0)),
        f"wrong-fault:{REFUSE}:0",
    ),
    "hung-up-instead-of-fault": (
        evidence(seen(program(GET, Wanted.FAULT, 9000, requirement="cwmp.soap.unknown-method"), End.CLOSED)),
        "no-fault:cwmp.soap.unknown-method:closed",
    ),
    "legal-refused": (
        evidence(faulted(program(GET, Wanted.SUCCESS, requirement="cwmp.soap.xml-spellings"), 9003)),
        "refused:cwmp.soap.xml-spellings:9003",
    ),
    "legal-ignored": (
        evidence(seen(program(GET, Wanted.SUCCESS, requirement="cwmp.soap.xml-spellings"), End.EMPTY)),
        "refused:cwmp.soap.xml-spellings:empty",
    ),
    "id-missing": (evidence(seen(READ, id_got=None)), "id-echo:missing"),
    "id-other": (evidence(seen(READ, id_got="8")), "id-echo:other"),
    "id-unasked": (
        evidence(seen(program(soap("<cwmp:GetRPCMethods/>", None)), id_got="1")),
        "id-echo:none-sent",
    ),
    "other-response": (
        evidence(seen(READ, answer=Answer.OTHER_RESPONSE, rpc="GetParameterNamesResponse")),
        "other-response:GetParameterValues",
    ),
    "silent": (evidence(seen(READ, End.SILENT, seconds=30.0)), "hang:silent"),
    "slow": (evidence(seen(READ, seconds=5.0), median_seconds=0.002), "hang:slow"),
    "entity": (
        evidence(
            seen(program(GET.replace(b"<soap-env:Env", b'<!DOCTYPE a SYSTEM "http://@{canary}/x"><soap-env:Env'))),
            canaries=(CanaryHit("c.canary.bench.test", "dns"),),
        ),
        "injection:entity",
    ),
    "command": (
        evidence(
            seen(program(set_values(A="`nslookup @{canary}`")), **WRONG),
            canaries=(CanaryHit("c.canary.bench.test", "dns"),),
        ),
        "injection:dns",
    ),
    "storm": (
        evidence(seen(READ), unexpected_informs=(("4 VALUE CHANGE",),) * 40),
        "session-storm",
    ),
    "retry-count": (
        evidence(seen(ACCEPTED, **WRONG), after=control(retry_count=1, up_time=130)),
        "retry-count",
    ),
    "unreadable": (
        evidence(seen(READ, answer=Answer.UNREADABLE, problems=("not-xml: line 3",))),
        "answer-malformed:unreadable",
    ),
}  # fmt: skip

CODES = (9003, 9007)
MUST_NOT: dict[str, Evidence] = {
    "plain": evidence(seen(READ)),
    "lost-before": evidence(seen(READ), before=DEAD, after=DEAD),
    "nothing-delivered": evidence(seen(READ, End.NOT_REACHED), after=DEAD),
    "reboot-that-was-asked-for": evidence(
        seen(program(REBOOT, Wanted.SUCCESS, requirement="x.y", destructive=True), rpc="RebootResponse"),
        after=control(events=("1 BOOT", "M Reboot"), up_time=3),
    ),
    "control-restarted-it": evidence(
        seen(READ),
        after=msgspec.structs.replace(control(events=("1 BOOT",), up_time=1), route="restart"),
        before=msgspec.structs.replace(control(), route="restart"),
    ),
    "restart-in-a-text": evidence(seen(program(set_values(A="Reboot")), **WRONG)),
    "value-change-of-its-own": evidence(seen(READ), unexpected_informs=(("4 VALUE CHANGE",), ("2 PERIODIC",))),
    "set-as-asked": watching("old", "x", seen(ACCEPTED, **WRONG)),
    "set-in-its-own-spelling": watching(
        "0", "true", seen(program(set_values("xsd:boolean", A="1")), **WRONG)
    ),
    "set-though-it-hung-up": watching("old", "x", seen(program(set_values(A="x")), End.CLOSED)),
    "good-beside-refused": watching(
        "old", "good", faulted(FAULTY, 9003), seen(program(set_values(A="good")), **WRONG)
    ),
    "good-in-its-own-spelling-after-refused": watching(
        "0", "1", faulted(program(set_values("xsd:boolean", A="1", Int="no")), 9003),
        seen(program(set_values("xsd:boolean", A="true")), **WRONG),
    ),
    "good-after-refused": watching(
        "old", "x", faulted(FAULTY, 9003), seen(program(set_values(A="x")), **WRONG)
    ),
    "good-before-refused": watching(
        "old", "x", seen(program(set_values(A="x")), **WRONG), faulted(FAULTY, 9003)
    ),
    "key-of-an-object": watching(
        "a", "k2",
        seen(program(soap(f"<cwmp:AddObject><ObjectName>{BASE}Item.</ObjectName><ParameterKey>k2</ParameterKey>"
                          "</cwmp:AddObject>")), rpc="AddObjectResponse"),
        name="Device.ManagementServer.ParameterKey",
    ),
    "rows-counted": watching(
        "1", "2",
        seen(program(soap(f"<cwmp:AddObject><ObjectName>{BASE}Item.</ObjectName><ParameterKey/></cwmp:AddObject>")),
             rpc="AddObjectResponse"),
        name=BASE + "ItemNumberOfEntries",
    ),
    "in-effect-later": watching("A" * 20, "A" * 20, seen(program(set_values(A="A" * 30)), **WRONG)),
    "secret-reads-empty": watching("", "", seen(program(set_values(A="password")), **WRONG)),
    "blanks-trimmed": watching("old", "text", seen(program(set_values(A="text  ")), **WRONG)),
    "number-in-its-own-spelling": watching(
        "1", "7", seen(program(set_values("xsd:int", A="+007")), **WRONG)
    ),
    "counter-in-the-batch": watching(
        "old", "old", faulted(FAULTY, 9003), seen(READ, values=((A, "counted"),)), seen(READ, values=((A, "old"),))
    ),
    "fault-as-due": evidence(faulted(program(GET, Wanted.FAULT, *CODES, requirement=REFUSE), 9007)),
    "fault-of-a-vendor": evidence(faulted(program(GET, Wanted.FAULT, 9005, requirement=REFUSE), 9801)),
    "reason-with-the-parameter": evidence(
        faulted(program(set_values(A="x"), Wanted.FAULT, 9007, requirement=REFUSE), 9003,
                parameter_faults=((A, 9007),))
    ),
    "any-fault": evidence(faulted(program(GET, Wanted.FAULT, requirement=REFUSE), 0)),
    "no-clause": evidence(seen(program(GET, Wanted.FAULT, 9005))),
    "ended-in-place-of-a-fault": evidence(seen(program(b"<x", Wanted.NOT_OBEYED, requirement="a.b"), End.EMPTY)),
    "closed-after-junk": evidence(seen(program(b"<x"), End.CLOSED)),
    "silent-after-half-a-message": evidence(
        seen(program((Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"),), surface=Surface.HTTP), End.SILENT)
    ),
    "silent-after-our-cut": evidence(seen(program((Reply(GET), Cut())), End.SILENT)),
    "silent-after-the-end": evidence(seen(program(b"", surface=Surface.SESSION), End.SILENT)),
    "busy-listener": evidence(
        seen(program((Raw(b"GET / HTTP/1.1\r\n\r\n"),), Wanted.SUCCESS, requirement="a.b",
                     surface=Surface.CONNECTION_REQUEST), answer=Answer.HTTP, status=503)
    ),
    "goes-on-after-odd-informresponse": evidence(
        seen(program(INFORM_RESPONSE, Wanted.SUCCESS, requirement="a.b", surface=Surface.SESSION), End.EMPTY)
    ),
    "late-on-a-busy-machine": evidence(seen(READ, seconds=1.0), median_seconds=0.001),
    "usual-for-this-device": evidence(seen(READ, seconds=25.0), median_seconds=5.0),
    "long-answer-to-a-long-question": evidence(
        seen(program(b"A" * 2_000_000), seconds=15.0), median_seconds=0.01
    ),
    "id-of-junk": evidence(seen(program(b"<x"), answer=Answer.FAULT, id_sent="7", id_got=None)),
    "id-too-long": evidence(seen(program(soap("<cwmp:GetRPCMethods/>", "i" * 5000)), answer=Answer.FAULT, id_got=None)),
    "two-ids": evidence(
        seen(program(soap("<cwmp:GetRPCMethods/>", "1", '<cwmp:ID soap-env:mustUnderstand="1">2</cwmp:ID>')),
             id_got="2", id_sent="1")
    ),
    "asked-to-call": evidence(
        seen(program(soap("<cwmp:Download><CommandKey/><FileType>3 Vendor Configuration File</FileType>"
                          "<URL>http://@{canary}/f</URL></cwmp:Download>")), rpc="DownloadResponse"),
        canaries=(CanaryHit("c.canary.bench.test", "http"),),
    ),
    "canary-of-nobody": evidence(seen(READ), canaries=(CanaryHit("c", "dns"),)),
    "retry-after-junk": evidence(
        faulted(program(b"<x"), 9003), after=control(retry_count=1, up_time=130)
    ),
    "empty-post-as-answer-to-havoc": evidence(seen(program(GET), End.EMPTY)),
}  # fmt: skip


@pytest.mark.parametrize("name", MUST_ALARM)
def test_alarm(name: str) -> None:
    found, key = MUST_ALARM[name]
    alarm = one(found)
    assert alarm.key == key
    assert alarm.expected
    assert alarm.observed
    if alarm.kind is Kind.CONFORMANCE:
        assert alarm.requirement


@pytest.mark.parametrize("name", MUST_NOT)
def test_no_alarm(name: str) -> None:
    assert keys(MUST_NOT[name]) == []


def test_hints_are_hints() -> None:
    assert one(MUST_ALARM["slow"][0]).confidence is Confidence.HINT
    assert one(MUST_ALARM["retry-count"][0]).confidence is Confidence.HINT


def test_keys_hold_no_values() -> None:
    short = watching("old", "A" * 3072, seen(program(set_values(A=LONG)), **WRONG))
    other = watching("was", "B" * 512, seen(program(set_values(A="B" * 900)), **WRONG))
    assert keys(short) == keys(other)


def test_a_dead_device_is_one_finding_and_not_a_missing_answer_too() -> None:
    legal = program(GET, Wanted.SUCCESS, requirement="cwmp.soap.xml-spellings")
    assert keys(evidence(seen(legal, End.CLOSED), after=DEAD)) == ["liveness:no-session"]
    assert keys(evidence(seen(READ, End.SILENT, seconds=30.0), after=DEAD)) == ["liveness:no-session"]


def test_the_place_is_known_where_one_program_did_it() -> None:
    found = evidence(seen(READ), seen(READ, End.NOT_REACHED), after=DEAD)
    assert one(found).index == 0
    assert one(evidence(seen(READ), seen(READ), after=DEAD)).index == -1
    half = watching("old", "x", seen(READ), faulted(FAULTY, 9003))
    assert one(half).index == 1


def test_oracles_are_pure_and_never_raise() -> None:
    found = evidence(seen(program(b"\xff\xfe<\x00"), answer=Answer.FAULT, id_sent="x", id_got="\ud800"))
    before = repr(found)
    for oracle in ORACLES:
        assert oracle(found) == oracle(found)
    assert repr(found) == before


def test_a_mistake_of_ours_is_told_and_no_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Evidence) -> list[Alarm]:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(oracles, "ORACLES", (broken,))
    said: list[str] = []
    assert judge(evidence(seen(READ)), said.append) == []
    assert said == ["oracle broken: ZeroDivisionError: ours"]


# --- memory ---------------------------------------------------------------------------------------


def _history(size: int, at: Any) -> tuple[tuple[int, int], ...]:
    return tuple((number * 200, int(at(number))) for number in range(size))


def test_a_leak_is_a_trend() -> None:
    noise = random.Random(3)
    found = _history(40, lambda n: 30_000 + 200 * n + noise.randint(-300, 300))
    alarm = one(evidence(seen(READ), history=found))
    assert (alarm.key, alarm.requirement) == ("memory-trend", "cwmp.robust.bounded-memory")
    assert trend(found).slope == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    "shape",
    [
        lambda n, _: 30_000,
        lambda n, r: 30_000 + r.randint(-2000, 2000),
        lambda n, _: 30_000 + min(n, 12) * 400,
        lambda n, _: 30_000 + (n % 10) * 900,
        lambda n, _: 30_000 + 4000 * (n > 30),
        lambda n, _: 30_000 - 150 * n,
        lambda n, _: 30_000 + n,
    ],
    ids=["flat", "noisy", "warming-up", "collected-at-times", "one-step", "shrinking", "within-an-allocator"],
)
def test_what_is_no_leak(shape: Any) -> None:
    noise = random.Random(5)
    assert leaks(_history(60, lambda n: shape(n, noise))) is None


def test_too_few_readings_say_nothing() -> None:
    assert leaks(_history(19, lambda n: 1000 * n)) is None


def test_a_million_cases_cost_no_more_than_a_thousand() -> None:
    assert leaks(_history(5000, lambda n: 30_000 + n)) is not None


# --- wire rules -----------------------------------------------------------------------------------

GOOD = soap("<cwmp:GetParameterValuesResponse>" + values({A: "v"}) + "</cwmp:GetParameterValuesResponse>")


def test_wire_rules_keep_quiet_over_a_correct_device() -> None:
    legal = program(GET, Wanted.SUCCESS, requirement="x.y")
    assert keys(session((legal, GOOD), (READ, GOOD), (program(b"<x"), fault(9003)), (legal, GOOD))) == []


def test_a_breach_belongs_to_the_program_whose_answer_it_is() -> None:
    wrong = GOOD.replace(b"ParameterValueStruct[1]", b"ParameterValueStruct[4]")
    alarm = one(session((READ, GOOD), (READ, wrong), (READ, wrong)))
    assert (alarm.requirement, alarm.index, alarm.oracle) == ("cwmp.soap.array-type", 1, "wire")
    assert alarm.messages


def test_a_breach_before_all_programs_stands_with_the_first() -> None:
    found = session((READ, GOOD), event="2 periodic")
    alarm = one(found)
    assert (alarm.requirement, alarm.index) == ("cwmp.event.strings", 0)


def test_what_the_bench_did_on_purpose_is_not_held_against_the_device() -> None:
    # It answers junk with an empty POST, and what follows with a fault of its own choice.
    assert keys(session((program(b"<x"), b""), (READ, fault(9005, "7")))) == []
    assert keys(session((program(INFORM_RESPONSE), b""))) == []


def test_a_legal_message_has_to_be_answered() -> None:
    legal = program(GET, Wanted.SUCCESS, requirement="x.y")
    found = session((legal, soap("<cwmp:GetRPCMethodsResponse/>")))
    assert any(each.startswith("wire:answers-each-request") for each in keys(found))


def test_id_echo_is_said_once() -> None:
    legal = program(GET, Wanted.SUCCESS, requirement="x.y")
    found = session((legal, GOOD.replace(b">7<", b">8<")))
    found = msgspec.structs.replace(
        found, observations=(msgspec.structs.replace(found.observations[0], id_got="8"),)
    )
    assert keys(found) == ["id-echo:other"]


def test_the_form_of_an_inform_is_judged_in_a_fuzzed_session() -> None:
    broken = session((program(b"<x"), fault(9003)))
    first = broken.transcript.connections[0].messages[0]
    first.body = inform("6 CONNECTION REQUEST").replace(b"<MaxEnvelopes>1<", b"<MaxEnvelopes>5<")
    assert [alarm.requirement for alarm in judge(broken)] == ["cwmp.inform.max-envelopes"]


def test_every_requirement_that_oracles_name_is_in_the_catalogue() -> None:
    folder = Path(oracles.__file__).parent
    named = {
        each
        for file in folder.glob("*.py")
        for each in re.findall(r'"(cwmp\.[a-z0-9.-]+)"', file.read_text())
    }
    assert len(named) > 10
    assert [each for each in sorted(named) if each not in requirements()] == []
