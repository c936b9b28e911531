"""The event queue, the retry ladder, the periodic timer, scheduled Informs."""

from __future__ import annotations

from random import Random

import pytest
from cpe_lab import ManualClock

from harness.cwmp import events as codes
from harness.cwmp.messages import ParameterValueStruct
from reference_cpe import schedule
from reference_cpe.events import Events
from reference_cpe.model_table import PERIODIC_TIME
from reference_cpe.parts import Parts
from reference_cpe.retry import Retry, interval


def listed(queue: Events) -> list[tuple[str, str]]:
    return [(event.event_code, event.command_key) for event in queue.announce()]


def test_single_and_multiple() -> None:
    queue = Events()
    for key in ("a", "b", "b"):
        queue.add(codes.SCHEDULED)
        queue.add(codes.M_SCHEDULE_INFORM, key)
    m = codes.M_SCHEDULE_INFORM
    assert listed(queue) == [(codes.SCHEDULED, ""), (m, "a"), (m, "b"), (m, "b")]


def test_bootstrap_discards_the_others() -> None:
    queue = Events()
    queue.add(codes.PERIODIC)
    queue.add(codes.M_DOWNLOAD, "k", 1)
    queue.bootstrap()
    queue.add(codes.BOOT)
    assert listed(queue) == [(codes.BOOTSTRAP, ""), (codes.BOOT, "")]


@pytest.mark.parametrize(
    ("code", "after_failure", "after_reboot"),
    [
        (codes.BOOTSTRAP, True, True),
        (codes.BOOT, True, False),
        (codes.PERIODIC, True, True),
        (codes.VALUE_CHANGE, True, False),
        (codes.CONNECTION_REQUEST, False, False),
        (codes.M_REBOOT, True, True),
        ("X 0200C9 WAKE", True, False),
    ],
)
def test_undelivered(code: str, after_failure: bool, after_reboot: bool) -> None:
    queue = Events()
    queue.add(code)
    queue.announce()
    queue.session_failed()
    assert bool(queue.entries) is after_failure
    fresh = Events()
    fresh.add(code)
    stored = fresh.dump()
    fresh.load(stored)
    fresh.rebooted()
    assert bool(fresh.entries) is after_reboot


def test_what_comes_during_the_session_stays() -> None:
    queue = Events()
    queue.add(codes.CONNECTION_REQUEST)
    queue.announce()
    queue.add(codes.CONNECTION_REQUEST)
    queue.add(codes.PERIODIC)
    queue.inform_acknowledged()
    assert [entry.code for entry in queue.entries] == [codes.CONNECTION_REQUEST, codes.PERIODIC]
    assert queue.fresh()


def test_transfer_events_wait_for_their_own_answer() -> None:
    queue = Events()
    queue.add(codes.BOOT)
    for number in (1, 2):
        queue.add(codes.TRANSFER_COMPLETE)
        queue.add(codes.M_DOWNLOAD, f"k{number}", number)
    queue.announce()
    queue.inform_acknowledged()
    queue.transfer_acknowledged(1)
    assert listed(queue) == [(codes.TRANSFER_COMPLETE, ""), (codes.M_DOWNLOAD, "k2")]
    queue.transfer_acknowledged(2)
    assert queue.entries == []


def test_at_most_64_events() -> None:
    queue = Events()
    queue.add(codes.SCHEDULED)
    for number in range(70):
        queue.add(codes.M_SCHEDULE_INFORM, str(number))
    found = listed(queue)
    assert len(found) == 64
    assert found[:2] == [(codes.SCHEDULED, ""), (codes.M_SCHEDULE_INFORM, "7")]


@pytest.mark.parametrize(
    ("retry", "low", "high"),
    [
        (1, 5, 10),
        (2, 10, 20),
        (3, 20, 40),
        (9, 1280, 2560),
        (10, 2560, 5120),
        (11, 2560, 5120),
        (99, 2560, 5120),
    ],
)
def test_ladder(retry: int, low: float, high: float) -> None:
    assert interval(retry, 5, 2000) == (low, high)


def test_ladder_with_other_parameters() -> None:
    assert [interval(n, 2, 3000) for n in (1, 2, 3)] == [(2, 6), (6, 18), (18, 54)]
    assert interval(7, 1, 1000) == (1, 1)


def test_wait_is_random_within_the_interval() -> None:
    retry = Retry(Random(7))
    retry.failed()
    waits = {retry.wait(5, 2000) for _ in range(20)}
    assert len(waits) > 10
    assert all(5 <= wait <= 10 for wait in waits)
    retry.failed()
    assert retry.count == 2
    retry.succeeded()
    assert retry.count == 0


def test_periodic_interval_and_phase(parts: Parts, clock: ManualClock) -> None:
    parts.timers.session_started()
    assert clock.next_timer() is None
    parts.timers.session_ended(successful=False)
    assert clock.next_timer() is None
    parts.timers.session_ended(successful=True)
    assert clock.next_timer() == 1200.0
    parts.model.set((ParameterValueStruct(PERIODIC_TIME, "2099-01-01T00:00:07Z", "xsd:dateTime"),))
    parts.settings.change({"periodic_inform_interval": 60})
    clock.advance(5)
    parts.timers.session_ended(successful=True)
    due = clock.next_timer()
    assert due is not None
    assert (clock.unix() + due - clock.now()) % 60 == 7
    parts.settings.change({"periodic_inform_active": False})
    parts.timers.start_periodic()
    assert clock.next_timer() is None


def test_scheduled_informs(parts: Parts, clock: ManualClock) -> None:
    connected: list[float] = []
    parts.connect = lambda: connected.append(clock.now())
    for delay, key in ((20, "late"), (10, "a"), (10, "b")):
        schedule.add(parts, delay, key)
    clock.advance(10)
    assert [(e.code, e.key) for e in parts.events.entries] == [
        (codes.SCHEDULED, ""),
        (codes.M_SCHEDULE_INFORM, "a"),
        (codes.M_SCHEDULE_INFORM, "b"),
    ]
    assert parts.store.get("scheduled") == [[clock.unix() + 10, "late"]]
    clock.advance(10)
    assert connected == [10.0, 20.0]
    assert parts.store.get("scheduled") == []
