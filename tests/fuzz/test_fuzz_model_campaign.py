"""The stateful model within a campaign: when it has its turn, what its alarms are, how they shrink and replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from fuzz_evidence import control, evidence, seen

from harness.catalogue import requirements
from harness.cwmp import messages as m
from harness.cwmp import soap
from harness.device.profile import Profile, reference
from harness.fuzz.alarm import Confidence, Kind
from harness.fuzz.engine.soap import SoapExecutor
from harness.fuzz.evidence import Answer, Disagreement, End, Evidence
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.findings import finding as findings
from harness.fuzz.findings.replay import Outcome, replay
from harness.fuzz.hunt import campaign as hunting
from harness.fuzz.hunt.campaign import Campaign, Plan, Progress, size_of
from harness.fuzz.hunt.shrink import shrink
from harness.fuzz.model import Step, program, steps
from harness.fuzz.oracles import judge
from harness.fuzz.program import Ask, Program, Surface
from harness.verdict.fuzzing import FoundOne
from harness.verdict.requirement import Catalogue

BOX = "Device.X_EXAMPLE-ORG_Sandbox."
LONG = "abcdefghijklmnopqrstuvwxyz"


def setting(*names: str, value: str = LONG) -> Step:
    return Step(
        m.SetParameterValues(tuple(m.ParameterValueStruct(BOX + name, value) for name in names), "key")
    )


READ = Step(m.GetParameterValues((BOX + "Text",)))


# --- programs ---


def test_steps_become_a_program_and_steps_again() -> None:
    given = (setting("Text", "Other"), Step(m.AddObject(BOX + "Item.", "k"), 7), READ)
    made = program(given, 5)
    assert made.surface is Surface.SOAP
    assert steps(made) == given
    assert size_of(made) == 2


def test_a_program_with_anything_else_in_it_is_none_for_the_model() -> None:
    made = program((READ,), 5)
    for odd in (Ask(b"<junk"), Ask(soap.encode(m.Envelope(m.UnknownMessage("urn:x-fuzz", "X_Nothing"))))):
        with pytest.raises(ValueError, match="no RPC"):
            steps(msgspec.structs.replace(made, actions=(*made.actions, odd)))


# --- oracle ---


def told(key: str, requirement: str = "cwmp.set.atomic") -> Disagreement:
    return Disagreement(0, key, "one value", "another", requirement, "TR-069 A.3.2.1")


def test_a_disagreement_is_a_breach_with_its_confidence() -> None:
    quiet = evidence(seen(program((READ,), 1), End.ANSWERED, Answer.NONE))
    assert judge(quiet) == []
    for key, confidence in (
        ("accepted.cwmp.set.fault-codes.SetParameterValues", Confidence.CERTAIN),
        ("changed-by-fault.SetParameterValues", Confidence.LIKELY),
    ):
        (alarm,) = judge(msgspec.structs.replace(quiet, disagreements=(told(key),)))
        assert (alarm.key, alarm.kind, alarm.confidence) == (f"model:{key}", Kind.CONFORMANCE, confidence)
        assert (alarm.requirement, alarm.index) == ("cwmp.set.atomic", 0)


def test_a_dead_device_is_not_blamed_for_its_missing_answer_too() -> None:
    lost = told("lost.SetParameterValues", "cwmp.session.answers-each-request")
    found = evidence(seen(program((READ,), 1), End.ANSWERED, Answer.NONE))
    alive = msgspec.structs.replace(found, disagreements=(lost,))
    assert [each.oracle for each in judge(alive)] == ["model"]
    dead = msgspec.structs.replace(alive, after=control(alive=False))
    assert [each.oracle for each in judge(dead)] == ["liveness"]


# --- shrinking ---


def _bodies(made: Program) -> list[m.Message]:
    return [step.message for step in steps(made)]


def test_it_shrinks_to_the_rpc_the_entry_and_the_letters_that_matter() -> None:
    whole = program((READ, setting("One", "Two", "Text", "Three"), READ, setting("Four")), 3)

    def fails(tried: Program) -> bool:
        return any(
            each.name == BOX + "Text" and "c" in each.value
            for message in _bodies(tried)
            if isinstance(message, m.SetParameterValues)
            for each in message.parameter_list
        )

    least = shrink(whole, fails, 300)
    (message,) = _bodies(least)
    assert message == m.SetParameterValues((m.ParameterValueStruct(BOX + "Text", "abc"),), "")
    assert size_of(least) == 0


def test_an_rpc_keeps_the_instance_number_it_was_given() -> None:
    whole = program((Step(m.AddObject(BOX + "Item.", "k"), 7), READ), 3)
    least = shrink(whole, lambda tried: any(step.number == 7 for step in steps(tried)), 300)
    assert steps(least) == (Step(m.AddObject(BOX + "Item.", ""), 7),)


# --- the campaign ---


class Exploring:
    """A device with which the model finds what it is told."""

    surface = Surface.SOAP
    batch = 200

    def __init__(self, *found: Disagreement) -> None:
        self.found = found
        self.asked: list[tuple[int, int]] = []
        self.ran: list[int] = []

    def control(self) -> object:
        return control()

    def run(self, programs: list[Program]) -> Evidence:
        self.ran.append(len(programs))
        shown = self.found if any(isinstance(each.actions[0], Ask) for each in programs) else ()
        made = evidence(*(seen(each, End.ANSWERED, Answer.RESPONSE) for each in programs))
        return msgspec.structs.replace(made, disagreements=tuple(shown))

    def explore(
        self, seed: int, count: int, *, destructive: bool, enough: Callable[[], bool]
    ) -> tuple[list[Program], Evidence, int]:
        self.asked.append((seed, count))
        assert not destructive
        programs = [program((READ,), seed)] if self.found else []
        made = evidence(*(seen(each, End.ANSWERED, Answer.NONE) for each in programs))
        return programs, msgspec.structs.replace(made, disagreements=self.found), min(count, 40)

    def reset(self) -> str:
        return ""


class Kept:
    def __init__(self) -> None:
        self.found_: list[FoundOne] = []

    def claim(self, _failure: str) -> int:
        return len(self.found_) + 1

    def progress(self, _state: Progress) -> None:
        pass

    def found(self, one: FoundOne) -> None:
        self.found_.append(one)


def campaign(
    device: Exploring, out: Path, cases: int, surface: Surface = Surface.SOAP
) -> tuple[Campaign, Kept]:
    kept, ticks = Kept(), iter(range(10**9))

    def only_the_model(found: Evidence) -> list[object]:
        return [each for each in judge(found) if each.oracle == "model"]

    made = Campaign(
        Plan(surface, 11, out, cases=cases), device, DeviceFacts(), catalogue=Catalogue(()), sink=kept,
        shrinker=lambda given, _fails, _budget: given, now=lambda: float(next(ticks)), wall=lambda: 0.0,
        judge=only_the_model,
    )  # type: ignore[arg-type]  # fmt: skip
    return made, kept


def test_the_model_has_its_turns_by_the_number_of_cases(tmp_path: Path) -> None:
    device = Exploring()
    made, _ = campaign(device, tmp_path, hunting.MODEL_AT + hunting.MODEL_EVERY + 3_000)
    result = made.run()
    assert [count for _, count in device.asked] == [hunting.MODEL_FIRST, hunting.MODEL_STEPS]
    assert [seed for seed, _ in device.asked] == [11, 12], "another course each time, known from the seed"
    assert result.cases == hunting.MODEL_AT + hunting.MODEL_EVERY + 3_000
    assert made.state.modelled == 80


def test_it_keeps_away_from_other_surfaces(tmp_path: Path) -> None:
    device = Exploring()
    campaign(device, tmp_path, 1_000, Surface.SESSION)[0].run()
    assert device.ran
    assert not device.asked


def test_what_it_finds_is_confirmed_and_written_once(tmp_path: Path) -> None:
    device = Exploring(told("changed-by-fault.SetParameterValues"))
    made, kept = campaign(device, tmp_path, 1_000)
    made.run()
    assert [one.edits for one in kept.found_] == [0]
    written = list(tmp_path.glob("finding-*.json"))
    assert len(written) == 1
    record = msgspec.json.decode(written[0].read_bytes())
    assert record["alarm"]["key"] == "model:changed-by-fault.SetParameterValues"
    assert record["confirmed"] == {"hits": 3, "runs": 3}


# --- the bench ---


def _with(defect: str) -> Profile:
    given = reference()
    return replace(given, options=replace(given.options, defects=(defect,)))


def test_it_finds_on_a_bench_what_replays_there(tmp_path: Path) -> None:
    executor = SoapExecutor(_with("fuzz-attribute-lost"), tmp_path)
    try:
        programs, found, count = executor.explore(6, 120, destructive=False, enough=lambda: False)
        assert count > 20
        alarm = next(each for each in judge(found) if each.requirement == "cwmp.attributes.change-flags")
        culprit = programs[alarm.index]
        again = executor.run([culprit])
        alarm = next(each for each in judge(again) if each.key == alarm.key)
        record = findings.make(
            1, alarm, again, confirmed=(1, 1), catalogue=requirements(), original=culprit, others=(),
            seed=6, device={}, command="", now=0.0,
        )  # fmt: skip
    finally:
        executor.close()
    assert b"Call this RPC" in findings.write(tmp_path, record).with_suffix(".html").read_bytes()
    for defect, outcome in (("fuzz-attribute-lost", Outcome.FAILED), ("", Outcome.FIXED)):
        profile = _with(defect) if defect else reference()
        folder = tmp_path / (defect or "clean")
        folder.mkdir()
        told_ = replay(record, lambda _surface, p=profile, f=folder: _Open(p, f), times=1)
        assert told_.outcome is outcome, told_


class _Open:
    def __init__(self, profile: Profile, folder: Path) -> None:
        self._executor = SoapExecutor(profile, folder)

    def __enter__(self) -> SoapExecutor:
        return self._executor

    def __exit__(self, *_exc: object) -> None:
        self._executor.close()
