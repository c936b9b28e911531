"""The rules by which Hypothesis drives a device and the model in lock-step. Rules never raise: they collect.

A device is outside of Hypothesis: what it answers must not decide what is drawn, or a run could not be repeated
up to the same point. So every rule draws one number, always, and chooses with that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from harness.cwmp import messages as m
from harness.fuzz.model.lockstep import Lockstep
from harness.fuzz.model.values import samples

T = TypeVar("T")
_RUN: Final = 50
"""Steps of one run; then everything is put back, and the next run begins."""
_NUMBER: Final = st.integers(0, 2**64 - 1)
_HUGE: Final = 987_654
_TOMORROW: Final = 86_400
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789-_ "


class CpeMachine(RuleBasedStateMachine):
    """``lockstep`` and ``transfers`` are set by `drive`."""

    lockstep: Lockstep
    transfers: bool

    def __init__(self) -> None:
        super().__init__()
        self.deleted: list[str] = []
        """Rows that were deleted in this run."""
        self._turn = 0

    def teardown(self) -> None:
        if not self.lockstep.done:
            self.lockstep.restore()
            self.lockstep.resync()

    @rule(number=_NUMBER)
    def any_step(self, number: int) -> None:
        """Any of the others: comes first by name, so that Hypothesis's simplest run is one of all rules."""
        self._turn += 1
        chance = Random(f"{number} {self._turn}")
        self._act(chance.choice(STEPS), chance)

    def _act(self, step: Callable[[CpeMachine, Random], m.Message | None], chance: Random) -> None:
        """Let *step* choose an RPC, and send it; nothing where it has none now, or where all is known."""
        if self.lockstep.done:
            return
        message = step(self, chance)
        if message is None:
            return
        reply = self.lockstep.do(message)
        if isinstance(message, m.DeleteObject) and reply.fault is None and not reply.lost:
            self.deleted.append(message.object_name)

    @rule(number=_NUMBER)
    def values(self, number: int) -> None:
        """Right values, or right ones around one that must be refused."""
        chance = Random(number)
        self._act(chance.choice((set_values, set_mixed)), chance)

    @rule(number=_NUMBER)
    def rows(self, number: int) -> None:
        """A row comes or goes."""
        chance = Random(number)
        self._act(chance.choice((add, delete)), chance)

    @rule(number=_NUMBER)
    def attributes(self, number: int) -> None:
        """Notification is set, and read back."""
        self._act(set_attributes, Random(number))

    @rule()
    def next_session(self) -> None:
        """What was set is still there in the next session."""
        if not self.lockstep.done:
            self.lockstep.renew()

    # --- what there is to choose from

    def settable(self) -> list[str]:
        known = self.lockstep.model.parameters.values()
        return [each.name for each in known if each.writable and samples(each.type).valid]

    def value(self, chance: Random, name: str, kind: str = "valid") -> m.ParameterValueStruct:
        known = self.lockstep.model.parameters[name]
        texts = getattr(samples(known.type), kind) or samples(known.type).valid
        return m.ParameterValueStruct(name, chance.choice(texts), known.type)

    def bad(self, chance: Random, taken: Sequence[str]) -> m.ParameterValueStruct:
        """One entry of a SetParameterValues that no device may take."""
        model = self.lockstep.model
        picky = [n for n in self.settable() if n not in taken and samples(model.parameters[n].type).invalid]
        kinds = ["unknown", "dot"] + ["read-only"] * bool(model.read_only) + ["invalid"] * (3 * bool(picky))
        match chance.choice(kinds):
            case "invalid":
                return self.value(chance, chance.choice(picky), "invalid")
            case "read-only":
                return m.ParameterValueStruct(chance.choice(model.read_only), "x")
            case "dot":
                right = self.value(chance, chance.choice(self.settable()))
                return m.ParameterValueStruct(f"{right.name}.", right.value, right.type)
            case _:
                return m.ParameterValueStruct(f"{model.root}X_Nothing.Parameter", "x")

    def nowhere(self) -> list[str]:
        """Paths that are neither table nor row."""
        model = self.lockstep.model
        return [f"{model.root}X_Nothing.", f"{model.root}X_Nothing.1.", *list(model.parameters)[:2]]


# --- the steps: what one sends


def _key(chance: Random) -> str:
    return "".join(chance.choices(_LETTERS, k=chance.randrange(33)))


def _some(chance: Random, names: Sequence[T], most: int) -> list[T]:
    return chance.sample(names, min(len(names), chance.randint(1, most)))


def set_values(machine: CpeMachine, chance: Random) -> m.Message | None:
    """Values that are right by their types."""
    # Each value may be outside of its parameter's range: of several together most are refused.
    wanted = [
        machine.value(chance, name) for name in _some(chance, machine.settable(), chance.choice((1, 1, 3)))
    ]
    return m.SetParameterValues(tuple(wanted), _key(chance)) if wanted else None


def set_mixed(machine: CpeMachine, chance: Random) -> m.Message | None:
    """Right values around one that must be refused."""
    names = _some(chance, machine.settable(), 3)
    wanted = [machine.value(chance, name) for name in names]
    if wanted:
        wanted.insert(chance.randint(0, len(wanted)), machine.bad(chance, names))
    return m.SetParameterValues(tuple(wanted), _key(chance)) if wanted else None


def set_wrong(machine: CpeMachine, chance: Random) -> m.Message | None:
    """One value that must be refused, alone."""
    return m.SetParameterValues((machine.bad(chance, ()),), _key(chance)) if machine.settable() else None


def set_odd(machine: CpeMachine, chance: Random) -> m.Message | None:
    """An odd spelling of a value."""
    model = machine.lockstep.model
    names = [name for name in machine.settable() if samples(model.parameters[name].type).odd]
    wanted = [machine.value(chance, name, "odd") for name in _some(chance, names, 1)]
    return m.SetParameterValues(tuple(wanted), _key(chance)) if wanted else None


def set_twice(machine: CpeMachine, chance: Random) -> m.Message | None:
    """One parameter, two values."""
    if not machine.settable():
        return None
    name = chance.choice(machine.settable())
    type_ = machine.lockstep.model.parameters[name].type
    texts = chance.sample(samples(type_).valid, 2)
    return m.SetParameterValues(tuple(m.ParameterValueStruct(name, t, type_) for t in texts), _key(chance))


def get_values(machine: CpeMachine, chance: Random) -> m.Message | None:
    """Full names, rows, tables; sometimes one that is not there."""
    model = machine.lockstep.model
    names = _some(chance, [*model.parameters, *model.tables, *machine.lockstep.own_rows], 3)
    if names and chance.random() < 0.5:
        names.append(chance.choice([f"{model.root}X_Nothing.", *machine.deleted, names[0] + "."]))
    return m.GetParameterValues(tuple(names)) if names else None


def get_names(machine: CpeMachine, chance: Random) -> m.Message | None:
    """The rows of a table, or all below; sometimes of a row that is gone."""
    paths = [*machine.lockstep.model.tables, *machine.deleted]
    return m.GetParameterNames(chance.choice(paths), chance.random() < 0.7) if paths else None


def add(machine: CpeMachine, chance: Random) -> m.Message | None:
    """A new row."""
    tables = [*machine.lockstep.model.tables]
    return m.AddObject(chance.choice(tables), _key(chance)) if tables else None


def delete(machine: CpeMachine, chance: Random) -> m.Message | None:
    """A row that was added here."""
    rows = machine.lockstep.own_rows
    return m.DeleteObject(chance.choice(rows), _key(chance)) if rows else None


def delete_again(machine: CpeMachine, chance: Random) -> m.Message | None:
    """A row that is gone."""
    return m.DeleteObject(chance.choice(machine.deleted), _key(chance)) if machine.deleted else None


def add_nowhere(machine: CpeMachine, chance: Random) -> m.Message | None:
    """A path to which no row can be added."""
    return m.AddObject(chance.choice(machine.nowhere()), _key(chance))


def delete_nowhere(machine: CpeMachine, chance: Random) -> m.Message | None:
    """A path that is no row."""
    tables = [path for table in machine.lockstep.model.tables for path in (table, f"{table}{_HUGE}.")]
    return m.DeleteObject(
        chance.choice(chance.choice([machine.nowhere(), tables or machine.nowhere()])), _key(chance)
    )


def set_attributes(machine: CpeMachine, chance: Random) -> m.Message | None:
    """Notification of some parameters; sometimes with one that must be refused."""
    model = machine.lockstep.model
    if not {"SetParameterAttributes", "GetParameterAttributes"} <= {*model.methods}:
        return None
    entries = [
        m.SetParameterAttributesStruct(name, chance.random() < 0.6, chance.randint(0, 2), False, ())
        for name in _some(chance, [*model.parameters], 3)
    ]
    if entries and chance.random() < 0.5:
        right, wrong = chance.choice(entries), chance.choice((-1, 7, 255))
        bad = chance.choice(
            (
                m.SetParameterAttributesStruct(f"{model.root}X_Nothing.Parameter", True, 1, False, ()),
                m.SetParameterAttributesStruct(right.name, True, wrong, False, ()),
            )
        )
        entries.insert(chance.choice((0, len(entries), len(entries))), bad)
    return m.SetParameterAttributes(tuple(entries)) if entries else None


def schedule_nothing(machine: CpeMachine, chance: Random) -> m.Message | None:
    """ScheduleInform in 0 seconds, which must be refused."""
    return m.ScheduleInform(0, _key(chance)) if "ScheduleInform" in machine.lockstep.model.methods else None


def queue(machine: CpeMachine, chance: Random) -> m.Message | None:
    """One more transfer, one fewer, or a look at what waits; where transfers are allowed."""
    methods = {*machine.lockstep.model.methods}
    if not machine.transfers or not {"Download", "CancelTransfer", "GetQueuedTransfers"} <= methods:
        return None
    key = chance.choice("abc")
    url = "http://127.0.0.1:9/fuzz"
    return chance.choice(
        (
            m.Download(key, "3 Vendor Configuration File", url, delay_seconds=_TOMORROW),
            m.CancelTransfer(key),
            m.GetQueuedTransfers(),
        )
    )


STEPS: Final = (
    set_values, set_mixed, set_wrong, set_odd, set_twice, get_values, get_names, add, delete, delete_again,
    add_nowhere, delete_nowhere, set_attributes, set_attributes, schedule_nothing, queue,
)  # fmt: skip


def drive(lockstep: Lockstep, number: int, steps: int, *, transfers: bool = False) -> None:
    """At least *steps* RPCs of the rules, in runs of some fifty; *number* is the seed."""

    class Machine(CpeMachine):
        pass

    Machine.lockstep = lockstep
    Machine.transfers = transfers
    run = min(_RUN, max(1, steps))
    run_state_machine_as_test(
        seed(number)(Machine),
        settings=settings(
            max_examples=-(-steps // run),
            stateful_step_count=run,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        ),
    )
