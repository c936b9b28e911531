"""Campaign and pursuit over a device that is a function: batches, bisecting, confirming, budgets, interrupts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.cwmp import namespaces as ns
from harness.cwmp.messages import Envelope, Header, Reboot
from harness.cwmp.soap import encode
from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.evidence import Answer, Control, End, Evidence, Observation
from harness.fuzz.executor import ExecutorError
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.hunt.campaign import LATE, Campaign, Plan, Progress
from harness.fuzz.hunt.pursuit import Budget, OutOfTime, Pursuit, in_a_row
from harness.fuzz.hunt.station import harmless
from harness.fuzz.program import Origin, Program, Reply, Surface
from harness.verdict.fuzzing import FoundOne
from harness.verdict.requirement import Catalogue
from harness.verdict.transcript import Transcript

ALIVE = Control(alive=True)
DEAD = Control(alive=False, reason="dead")


class Fake:
    """A device that dies when *kills* says so of the bodies it has had since the last reset."""

    surface = Surface.SOAP
    batch = 200

    def __init__(self, kills: Callable[[list[bytes]], bool] = lambda _bodies: False) -> None:
        self.kills = kills
        self.had: list[bytes] = []
        self.dead = False
        self.batches: list[int] = []
        self.resets = 0
        self.revivable = True

    def control(self) -> Control:
        return DEAD if self.dead else ALIVE

    def run(self, programs: Sequence[Program]) -> Evidence:
        self.batches.append(len(programs))
        before, observations = self.control(), []
        for program in programs:
            if self.dead:
                observations.append(Observation(program, End.NOT_REACHED))
                continue
            for action in program.actions:
                if isinstance(action, Reply):
                    self.had.append(action.body)
            self.dead = self.dead or self.kills(self.had)
            observations.append(
                Observation(program, End.CLOSED if self.dead else End.ANSWERED, Answer.RESPONSE)
            )
        return Evidence(tuple(observations), before, self.control(), Transcript())

    def reset(self) -> str:
        if self.dead and not self.revivable:
            raise ExecutorError("it does not come back")
        self.resets += 1
        self.dead = False
        self.had.clear()
        return "reset"


def judge(evidence: Evidence) -> list[Alarm]:
    if evidence.after.alive or not evidence.before.alive:
        return []
    return [Alarm("liveness", Kind.ROBUSTNESS, Confidence.CERTAIN, "alive", "dead", "liveness:process-ended")]


def unshrunk(program: Program, _fails: Callable[[Program], bool], _budget: int) -> Program:
    return program


def numbered(count: int) -> list[Program]:
    return [
        Program(Surface.SOAP, (Reply(b"%d" % number),), says=f"program {number}") for number in range(count)
    ]


def pursuit(fake: Fake, **more: object) -> Pursuit:
    ticks = itertools.count()
    return Pursuit(fake, judge, unshrunk, lambda: float(next(ticks)), **more)  # type: ignore[arg-type]


ALARM = judge(Evidence((), ALIVE, DEAD, Transcript()))[0]


# --- pursuit ---


def test_halving_finds_the_one_of_two_hundred() -> None:
    fake = Fake(lambda bodies: b"137" in bodies)
    hunt = pursuit(fake)
    caught = hunt.pursue(ALARM, numbered(200))
    assert caught is not None
    assert caught.program.says == "program 137"
    assert (caught.hits, caught.runs) == (3, 3)
    assert hunt.runs <= 2 * 8 + 1 + 3, "two runs a halving, one for the whole, three to confirm"


def test_a_known_place_is_tried_first() -> None:
    fake = Fake(lambda bodies: b"5" in bodies)
    hunt = pursuit(fake)
    caught = hunt.pursue(
        Alarm("hang", Kind.ROBUSTNESS, Confidence.LIKELY, "", "", ALARM.key, index=5), numbered(10)
    )
    assert caught is not None
    assert hunt.runs == 1 + 3


def test_two_programs_that_do_it_together_become_one() -> None:
    fake = Fake(lambda bodies: b"3" in bodies and b"60" in bodies)
    caught = pursuit(fake).pursue(ALARM, numbered(64))
    assert caught is not None
    assert [action.body for action in caught.program.actions if isinstance(action, Reply)] == [b"3", b"60"]
    assert caught.program.says.startswith("2 programs in a row")


def test_what_does_not_show_again_is_no_finding() -> None:
    assert pursuit(Fake()).pursue(ALARM, numbered(50)) is None


def test_a_failure_that_shows_at_times_says_how_often() -> None:
    runs = itertools.count()
    fake = Fake(lambda bodies: b"0" in bodies and next(runs) % 2 == 0)
    caught = pursuit(fake).pursue(
        Alarm("hang", Kind.ROBUSTNESS, Confidence.LIKELY, "", "", ALARM.key, index=0), numbered(1)
    )
    assert caught is not None
    assert 0 < caught.hits < caught.runs == 3


def test_shrinking_stops_at_its_budget_of_time() -> None:
    now = [0.0]
    fake = Fake(lambda bodies: b"0" in bodies)
    asked = []

    def endless(program: Program, fails: Callable[[Program], bool], budget: int) -> Program:
        for number in range(budget):
            now[0] += 1.0
            asked.append(fails(numbered(number + 2)[-1]))
        return program

    hunt = Pursuit(fake, judge, endless, lambda: now[0], Budget(runs=300, seconds=10.0))
    caught = hunt.pursue(ALARM, numbered(1))
    assert caught is not None
    assert len(fake.batches) < 30, "after ten seconds nothing is run any more"
    assert caught.notes == ("shrinking stopped at its budget of time",)


def test_a_pursuit_ends_in_time_and_keeps_what_it_has() -> None:
    now = [0.0]

    def slow(bodies: list[bytes]) -> bool:
        now[0] += 1.0
        return b"0" in bodies

    def never_done(program: Program, fails: Callable[[Program], bool], budget: int) -> Program:
        assert not any(fails(other) for other in numbered(budget)[1:])
        return program

    known = Alarm("hang", Kind.ROBUSTNESS, Confidence.LIKELY, "", "", ALARM.key, index=0)
    fake = Fake(slow)
    caught = Pursuit(fake, judge, never_done, lambda: now[0]).pursue(known, numbered(1), 5.0)
    assert caught is not None
    assert (caught.hits, caught.notes) == (3, ("shrinking stopped at its budget of time",))
    assert now[0] == 5.0 + 3
    with pytest.raises(OutOfTime):
        Pursuit(Fake(slow), judge, unshrunk, lambda: now[0]).pursue(ALARM, numbered(50), now[0] + 2)


def test_in_a_row_is_destructive_as_soon_as_one_is() -> None:
    one, other = numbered(2)
    danger = Program(Surface.SOAP, (Reply(b"x"),), origin=Origin(destructive=True))
    assert not in_a_row([one, other]).origin.destructive
    assert in_a_row([one, danger, other]).origin.destructive


# --- the campaign ---


class Memory:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.claims: set[str] = set()
        self.kept: list[FoundOne] = []
        self.states: list[str] = []

    def claim(self, failure: str) -> int:
        if failure in self.claims:
            return 0
        self.claims.add(failure)
        return len(self.claims)

    def progress(self, state: Progress) -> None:
        self.states.append(state.doing)

    def found(self, one: FoundOne) -> None:
        self.kept.append(one)


def campaign(
    fake: Fake,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    source: Sequence[Program] | None = None,
    **plan: object,
) -> tuple[Campaign, Memory]:
    ticks, sink = itertools.count(), Memory()
    programs = numbered(5000) if source is None else source
    monkeypatch.setattr("harness.fuzz.hunt.campaign.generated", lambda *_: iter(programs))
    made = Campaign(
        Plan(Surface.SOAP, 1, out, **plan),  # type: ignore[arg-type]
        fake,
        DeviceFacts(),
        catalogue=Catalogue([]),
        sink=sink,
        shrinker=unshrunk,
        now=lambda: next(ticks) * 0.01,
        wall=lambda: 0.0,
        judge=judge,
    )
    return made, sink


def test_batches_grow_while_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake()
    made, _ = campaign(fake, tmp_path, monkeypatch, cases=700)
    result = made.run()
    assert fake.batches == [1, 2, 4, 8, 16, 32, 64, 128, 200, 200, 45]
    assert (result.cases, result.stopped) == (700, "cases")


def test_a_finding_is_on_disk_with_its_batch_and_the_campaign_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake(lambda bodies: bodies[-1] == b"100")
    made, sink = campaign(fake, tmp_path, monkeypatch, cases=600)
    result = made.run()
    assert result.cases == 600
    assert result.undelivered == 0
    assert not made._tries  # what was delivered in the end is not counted for ever
    (one,) = sink.kept
    assert one.fails
    record = json.loads((tmp_path / one.file).read_text("utf-8"))
    assert record["title"].startswith("program 100")
    assert (tmp_path / one.file).with_suffix(".html").exists()
    assert json.loads((tmp_path / "batches" / "batch-1.json").read_text("utf-8"))["alarm"]["key"] == one.key


def test_what_a_dying_device_never_got_is_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivered: list[bytes] = []

    def kills(bodies: list[bytes]) -> bool:
        delivered.append(bodies[-1])
        return bodies[-1] == b"20"

    made, _ = campaign(Fake(kills), tmp_path, monkeypatch, cases=120)
    made.run()
    assert {b"%d" % number for number in range(100)} <= set(delivered)


def test_the_same_failure_is_pursued_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Fake(lambda bodies: int(bodies[-1]) % 50 == 49)
    made, sink = campaign(fake, tmp_path, monkeypatch, cases=500)
    made.run()
    assert len(sink.kept) == 1
    assert next(iter(made.found.values())).repeated >= 8


def test_an_alarm_that_nothing_repeats_is_told_but_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = iter([True])
    fake = Fake(lambda bodies: bodies[-1] == b"30" and next(once, False))
    made, sink = campaign(fake, tmp_path, monkeypatch, cases=100)
    result = made.run()
    assert not sink.kept
    assert [each.key for each in made.unconfirmed] == ["liveness:process-ended"]
    assert (tmp_path / made.unconfirmed[0].archive).exists()
    assert result.stopped == "cases"


def test_a_device_that_does_not_come_back_ends_the_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = Fake(lambda bodies: bodies[-1] == b"10")
    fake.revivable = False
    made, _ = campaign(fake, tmp_path, monkeypatch, cases=100)
    result = made.run()
    assert result.stopped == "it does not come back"
    assert (tmp_path / "batches" / "batch-1.json").exists(), "archived before anything else was tried"


def test_an_interrupt_ends_it_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kills(bodies: list[bytes]) -> bool:
        if bodies[-1] == b"77":
            raise KeyboardInterrupt
        return False

    made, _ = campaign(Fake(kills), tmp_path, monkeypatch, cases=1000)
    result = made.run()
    assert result.stopped == "interrupted"
    assert 0 < result.cases < 100


def test_destructive_programs_run_only_when_they_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    danger = Program(Surface.SOAP, (Reply(b"1000"),), origin=Origin(destructive=True))
    source = [*numbered(5), danger, *numbered(5)]
    for allowed, expected in ((False, 10), (True, 11)):
        made, _ = campaign(Fake(), tmp_path, monkeypatch, source=source, cases=50, destructive=allowed)
        assert made.run().cases == expected


def test_the_time_bounds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = campaign(Fake(), tmp_path, monkeypatch, seconds=0.3)
    assert made.run().stopped == "time"


def test_what_there_is_no_time_to_pursue_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every failure is another one, and each run costs a second."""
    now = [0.0]

    def kills(bodies: list[bytes]) -> bool:
        now[0] += 1.0
        return bool(bodies)

    source = [
        Program(Surface.SOAP, (Reply(b"%d" % number),), origin=Origin(dimension=f"D{number}"))
        for number in range(500)
    ]
    made, sink = campaign(Fake(kills), tmp_path, monkeypatch, source=source, seconds=10.0)
    made._now = made._pursuit._now = lambda: now[0]
    made._began = 0.0
    monkeypatch.setattr("harness.fuzz.hunt.campaign.PURSUITS", 500)

    def long(program: Program, fails: Callable[[Program], bool], _budget: int) -> Program:
        while fails(Program(Surface.SOAP, (Reply(b"another"),))):
            pass
        return program

    made._pursuit._shrink = long
    result = made.run()
    assert result.stopped == "time"
    assert now[0] <= 10.0 + LATE + 5
    assert len(sink.kept) + len(made.unconfirmed) == result.cases


def test_a_batch_is_no_longer_than_the_time_that_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def takes(bodies: list[bytes]) -> bool:
        now[0] += 1.0
        return not bodies

    made, _ = campaign(Fake(takes), tmp_path, monkeypatch, seconds=100.0)
    made._now = lambda: now[0]
    made._began = 0.0
    assert made.run().stopped == "time"
    assert now[0] <= 102, "batches double: unbounded, the last would have taken 128 s"


def test_without_permission_nothing_harmful_is_tried_to_make_a_program_small() -> None:
    """Two edits together are harmless, the first alone makes it a Reboot."""
    body = encode(Envelope(Reboot("k"), Header(id="1"), ns.CWMP_1_2))
    fine = Program(Surface.SOAP, (Reply(body.replace(b"Reboot", b"Reb00t")),))
    harmful = Program(Surface.SOAP, (Reply(body),))
    for permitted in (False, True):
        allowed = harmless(DeviceFacts(destructive=permitted))
        assert allowed(fine)
        assert allowed(harmful) is permitted


def test_the_corpus_keeps_what_opened_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = campaign(Fake(), tmp_path, monkeypatch, cases=64, corpus=tmp_path / "corpus")
    made.run()
    assert len(list((tmp_path / "corpus").glob("*/*.json"))) == 1
