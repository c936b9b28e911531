"""Periodic Inform: on, off, its interval in seconds, 1200 by default, small, huge, zero, changed at run time.

Instants are those at which the ACS saw the bytes. The intervals of the tables are multiplied by the profile's
``timing.interval`` over 60, so that a device in real time can be tested with short ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from harness.bench import Bench, InformSeen, Session
from harness.case import Case, Inconclusive, case
from harness.device.api import SettingValue, Verb
from harness.expect import between, equal, nothing, one_of, that
from suites.expectations import fault
from suites.parameters import (
    BOOLEAN,
    FALSE,
    SERVER,
    TRUE,
    UNSIGNED,
    clear_reference_time,
    get_server,
    read_server,
    server_value,
    set_values,
)

PERIODIC, BOOT = "2 PERIODIC", "1 BOOT"
KNOBS = ("periodic_inform_active", "periodic_inform_interval")
DEFAULT = 1200
LARGEST = 2**31 - 1
ENABLE, INTERVAL = "PeriodicInformEnable", "PeriodicInformInterval"


def seconds(bench: Bench, interval: float) -> int:
    """An interval of the tables as it is used on this device."""
    return max(1, round(interval * bench.timing.interval / 60))


def tolerance(bench: Bench, interval: float) -> float:
    """Seconds by which an instant may be off: 1 s and 1 %, and what the profile grants the device."""
    return 1.0 + interval / 100 + bench.timing.tolerance


def periodic(informs: Sequence[InformSeen]) -> list[InformSeen]:
    """Those that the timer caused: an Inform after boot may name the event as well (A23)."""
    return [seen for seen in informs if PERIODIC in seen.event_codes and BOOT not in seen.event_codes]


def switch_on(bench: Bench, interval: int) -> None:
    """Switch the periodic Inform on, with no reference time and this interval."""
    clear_reference_time(bench)
    bench.configure(periodic_inform_active=True, periodic_inform_interval=interval)


def soon(bench: Bench, interval: float) -> float:
    """Seconds in which a periodic Inform comes, though the device may have a session of its own before, and count from its end."""
    return 2 * interval + tolerance(bench, interval)


def first_periodic(bench: Bench, interval: int) -> InformSeen:
    """Switch the periodic Inform on and wait for the first.

    Raises:
        Inconclusive: it does not come.
    """
    switch_on(bench, interval)
    seen = bench.next_inform(soon(bench, interval), event=PERIODIC)
    if seen is None:
        raise Inconclusive(f"no periodic Inform within two intervals of {interval} s to begin with")
    return seen


def informs_periodically(bench: Bench, interval: int) -> str:
    """The control: switched on, the device informs periodically."""
    try:
        first_periodic(bench, interval)
    except Inconclusive as reason:
        return str(reason)
    return ""


def gaps(informs: Sequence[InformSeen], interval: float) -> list[float]:
    """How long each periodic Inform after the first came after the session that started its interval.

    That is the periodic session before it or one of the sessions for other reasons since (`periodic.other-sessions`):
    whichever fits *interval* better.
    """
    found = []
    for before, after in itertools.pairwise(periodic(informs)):
        between_them = [s for s in informs if before.started_at <= s.started_at < after.started_at]
        found.append(nearest_wait(after, between_them, interval))
    return found


def nearest_wait(inform: InformSeen, sessions: Sequence[InformSeen | Session], interval: float) -> float:
    """Seconds from the end of one of *sessions* to *inform*: of that which fits *interval* best."""
    waits = [inform.started_at - session.ended_at for session in sessions]
    return min(waits, key=lambda wait: abs(wait - interval), default=float("inf"))


SESSIONS_BETWEEN = 4
"""Sessions for other reasons that may each start the interval anew before the bench stops waiting."""


def until_periodic(bench: Bench, mark: int, interval: float, *, wanted: int = 1) -> list[InformSeen]:
    """All sessions since *mark* (`Doorbell.mark`), until *wanted* of them are periodic or one is overdue.

    A periodic Inform is due one interval after the session before it, whatever that was for.
    """
    slack = tolerance(bench, interval)
    informs = bench.door.sessions(mark, 0)
    for _ in range(wanted + SESSIONS_BETWEEN):
        start = informs[-1].ended_at if informs else bench.clock.now()
        due = max(0.0, start + interval + slack - bench.clock.now())
        before, informs = len(informs), bench.door.sessions(mark, due)
        if len(periodic(informs)) >= wanted or len(informs) == before:
            break
    return informs


def told_by_the_device(bench: Bench, key: str) -> SettingValue | None:
    """What the device's own interface says of a setting; ``None`` where it cannot be read."""
    if Verb.READ_SETTINGS not in bench.device.capabilities.verbs:
        return None
    return bench.device.read_settings().get(key)


# --- on, off, seconds ---------------------------------------------------------------------------------


@case("periodic.on", verifies=("lcos.periodic.on", "lcos.periodic.seconds"), needs=KNOBS)
def periodic_on(bench: Bench, case: Case) -> None:
    """With the periodic Inform on, the device informs by itself with the event "2 PERIODIC", every interval.

    Accepted: in three and a half intervals three periodic Informs (one more or less where the device was not at a
    known point of its interval), each gap from the end of one session to the start of the next being the
    interval, taken as seconds.
    """
    interval = seconds(bench, 60)
    slack = tolerance(bench, interval)
    case.step(f"Switch the periodic Inform on with an interval of {interval} s.")
    switch_on(bench, interval)
    case.step("Watch for three and a half intervals; serve every session correctly.")
    informs = bench.informs_during(3.5 * interval + slack)
    seen = periodic(informs)
    case.check("lcos.periodic.on", len(seen), that("2 to 4 periodic Informs", lambda count: 2 <= count <= 4))
    if len(seen) < 2:
        raise Inconclusive("fewer than two periodic Informs: no gap to measure")
    for number, gap in enumerate(gaps(informs, interval), 1):
        case.check(
            "lcos.periodic.seconds", gap, between(interval - slack, interval + slack), what=f"gap {number}"
        )


INTERVALS = (10, 30, 61, 120)
"""Below and above a minute: some devices raise what is below, or count in minutes."""
EXTREME_INTERVALS = (3, 100_000)
"""Only where the bench steers the time: below ten seconds, and above an hour, 65535 seconds and a day."""


@case("periodic.intervals", verifies=("lcos.periodic.seconds", "lcos.periodic.small-honoured"), needs=KNOBS)
def intervals(bench: Bench, case: Case) -> None:
    """Every interval, a small one too, is used as it is set, in seconds.

    Accepted for 10, 30, 61 and 120 s, and for 3 and 100,000 s where the bench steers the time: the device refuses the value
    visibly; or PeriodicInformInterval reads the value that is in effect (the one set, or
    another that the device shows instead), and two gaps measure it.
    """
    clear_reference_time(bench)
    for wanted in (*INTERVALS, *(EXTREME_INTERVALS if bench.clock.steered else ())):
        interval = seconds(bench, wanted)
        case.step(f"Set the interval to {interval} s and watch two gaps.")
        if refusal := bench.device.try_configure(
            periodic_inform_active=True, periodic_inform_interval=interval
        ):
            case.observe(f"{interval} s is refused: {refusal}")
            case.check("lcos.periodic.small-honoured", "refused visibly", equal("refused visibly"))
            continue
        shown = int(read_server(bench, INTERVAL) or interval)
        if shown != interval:
            case.observe(f"for {interval} s the device shows {shown} s")
        _two_gaps(bench, case, interval, shown)


def _two_gaps(bench: Bench, case: Case, interval: int, shown: int, *, small: bool = True) -> None:
    """Measure two gaps; they must be what the device shows."""
    if shown > 10 * interval and not bench.clock.steered:
        case.observe(f"{shown} s are not waited for: the device runs in real time")
        return
    slack = tolerance(bench, shown)
    informs = until_periodic(bench, bench.door.mark(), shown, wanted=3)
    what = f"interval {interval} s"
    for requirement in ("lcos.periodic.seconds", "lcos.periodic.small-honoured")[: 1 + small]:
        case.check(
            requirement,
            [round(gap, 1) for gap in gaps(informs, shown)],
            that(
                f"two gaps or more, each of {shown - slack:g} to {shown + slack:g} s",
                lambda found: len(found) >= 2 and all(abs(gap - shown) <= slack for gap in found),
            ),
            what=what,
        )


@case(
    "periodic.kept-over-restart",
    verifies=("lcos.periodic.off", "lcos.periodic.seconds"),
    needs=(*KNOBS, "restart"),
)
def kept_over_restart(bench: Bench, case: Case) -> None:
    """Interval and switch count after a restart as they did before.

    Accepted: switched on, two gaps of the interval; switched off, no periodic Inform in three intervals.
    """
    interval = seconds(bench, 60)
    switch_on(bench, interval)
    case.step(f"Restart the device with an interval of {interval} s and watch two gaps.")
    bench.device.restart()
    _two_gaps(bench, case, interval, interval, small=False)
    case.step("Switch the periodic Inform off, restart, and watch for three intervals.")
    bench.configure(periodic_inform_active=False)
    bench.device.restart()
    bench.pass_time(bench.timing.settle)
    seen = periodic(bench.informs_during(3 * interval))
    case.check("lcos.periodic.off", seen, nothing("periodic Inform"), what="after a restart")


@case("periodic.off", verifies=("lcos.periodic.off", "lcos.periodic.runtime-toggle"), needs=KNOBS)
def periodic_off(bench: Bench, case: Case) -> None:
    """With the periodic Inform off there is none, and sessions for other reasons still take place.

    Accepted: no "2 PERIODIC" in three intervals; a session on request before and after; both sides read the switch as off;
    switched on again without a restart, the first periodic Inform comes after one interval, not at once.
    """
    interval = seconds(bench, 60)
    with case.twin(
        "with the switch on a periodic Inform comes", lambda: informs_periodically(bench, interval)
    ):
        case.step("Switch the periodic Inform off and watch for three intervals.")
        bench.configure(periodic_inform_active=False)
        seen = periodic(bench.informs_during(3 * interval))
        case.check("lcos.periodic.off", seen, nothing("periodic Inform"))
        case.step("Give the device another reason to connect.")
        case.check(
            "lcos.periodic.off", bench.works() or "a session", equal("a session"), what="other sessions"
        )
        case.check("lcos.periodic.runtime-toggle", read_server(bench, ENABLE), one_of(FALSE), what=ENABLE)
        case.step("Switch it on again, without a restart.")
        since, mark = bench.clock.now(), bench.door.mark()
        bench.configure(periodic_inform_active=True)
        informs = until_periodic(bench, mark, interval)
        _starts_after_one_interval(bench, case, interval, since, informs)


def _starts_after_one_interval(
    bench: Bench, case: Case, interval: int, since: float, informs: Sequence[InformSeen]
) -> None:
    """The first periodic Inform comes one interval after the switch, or after a session that ended since."""
    seen = periodic(informs)
    starts = [since, *(inform.ended_at for inform in informs if inform not in seen)]
    slack = tolerance(bench, interval)
    case.check(
        "lcos.periodic.runtime-toggle",
        seen[0].started_at if seen else float("inf"),
        that(
            f"{interval} s after {' or '.join(f'{start:.1f}' for start in starts)}",
            lambda at: any(abs(at - start - interval) <= slack for start in starts),
            lambda at: f"at {at:.1f}",
        ),
        what="first periodic Inform after switching on",
    )


@case("periodic.switched-by-acs", verifies="lcos.periodic.runtime-toggle", needs=KNOBS)
def switched_by_acs(bench: Bench, case: Case) -> None:
    """The ACS switches the periodic Inform off and on by SetParameterValues, and the device's own interface shows it.

    Accepted: no "2 PERIODIC" in three intervals after switching off; after switching on one after an interval; the setting
    reads the same on both sides, where the device's own side can be read.
    """
    interval = seconds(bench, 60)
    first_periodic(bench, interval)
    bench.device.doubt(*KNOBS)
    case.step("Set PeriodicInformEnable to false and watch for three intervals.")
    _switch_by_acs(bench, "false")
    seen = periodic(bench.informs_during(3 * interval))
    case.check("lcos.periodic.runtime-toggle", seen, nothing("periodic Inform"))
    _both_sides(bench, case, FALSE, False)
    case.step("Set PeriodicInformEnable to true and wait for an interval.")
    mark = bench.door.mark()
    since = _switch_by_acs(bench, "true")
    informs = until_periodic(bench, mark, interval)
    _starts_after_one_interval(bench, case, interval, since, informs)
    _both_sides(bench, case, TRUE, True)


def _switch_by_acs(bench: Bench, value: str) -> float:
    """Set PeriodicInformEnable; when the session ended.

    Raises:
        Inconclusive: the device did not take it.
    """
    with bench.session(f"{ENABLE} {value}") as session:
        answer = set_values(session, server_value(session, ENABLE, value, BOOLEAN))
    if answer.fault is not None or answer.lost:
        raise Inconclusive(f"{ENABLE} cannot be set to {value}: {answer.reason or answer.fault}")
    return session.ended_at


def _both_sides(bench: Bench, case: Case, spelled: tuple[str, ...], value: bool) -> None:
    case.check("lcos.periodic.runtime-toggle", read_server(bench, ENABLE), one_of(spelled), what=ENABLE)
    told = told_by_the_device(bench, "periodic_inform_active")
    if told is not None:
        case.check("lcos.periodic.runtime-toggle", bool(told), equal(value), what="the device's own side")


# --- the interval's edges -----------------------------------------------------------------------------


@case(
    "periodic.default-interval",
    verifies="lcos.periodic.default-1200",
    needs=(*KNOBS, "factory_reset"),
)
def default_interval(bench: Bench, case: Case) -> None:
    """A device in factory state informs every 1200 seconds once its periodic Inform is on.

    Accepted: PeriodicInformInterval reads 1200 after a factory reset in which nobody set it; where the bench steers
    the clock, the next periodic Inform comes 1200 s after the end of a session, too.
    """
    case.step("Reset the device to factory settings; set everything but the periodic interval.")
    bench.device.factory_reset(keep_unset=("periodic_inform_interval",))
    value = read_server(bench, INTERVAL)
    case.check("lcos.periodic.default-1200", value, equal(str(DEFAULT)), what=INTERVAL)
    if not bench.clock.steered:
        case.observe("the interval was read, not waited for: the device runs in real time")
        return
    case.step("Switch the periodic Inform on and wait for the second periodic Inform.")
    mark = bench.door.mark()
    bench.configure(periodic_inform_active=True)
    slack = tolerance(bench, DEFAULT)
    found = gaps(until_periodic(bench, mark, DEFAULT, wanted=2), DEFAULT)
    gap = found[0] if found else float("inf")
    case.check("lcos.periodic.default-1200", gap, between(DEFAULT - slack, DEFAULT + slack), what="gap")


@case(
    "periodic.zero",
    verifies=("lcos.periodic.zero-safe", "cwmp.periodic.zero-fault"),
    needs=KNOBS,
)
def zero(bench: Bench, case: Case) -> None:
    """An interval of 0 is refused or switches the periodic Inform off; there is no endless row of sessions.

    Accepted on the device: a visible refusal, or at most two sessions in half a minute. By the ACS: fault 9007 (alone or
    within 9003); if the device takes the value all the same, again at most two sessions.
    """
    interval = seconds(bench, 60)
    watch = 30.0 if bench.clock.steered else 2.0 * bench.timing.settle
    few = that("at most two sessions", lambda informs: len(informs) <= 2, lambda informs: f"{len(informs)}")
    with case.twin(
        "with an ordinary interval periodic Informs come", lambda: informs_periodically(bench, interval)
    ):
        case.step("Set the interval to 0 on the device.")
        mark = bench.door.mark()
        refusal = bench.device.try_configure(periodic_inform_active=True, periodic_inform_interval=0)
        case.observe(f"on the device: {refusal or 'taken'}")
        case.check("lcos.periodic.zero-safe", bench.door.sessions(mark, watch), few, what="on the device")
        bench.device.doubt(*KNOBS)
        case.step("Set PeriodicInformInterval to 0 by SetParameterValues.")
        with bench.session("interval 0") as session:
            answer = set_values(session, server_value(session, INTERVAL, "0", UNSIGNED))
            inner = [entry.fault_code for entry in answer.fault.parameter_faults] if answer.fault else []
        case.check("cwmp.periodic.zero-fault", answer, fault(9003, 9007))
        if answer.fault is not None and inner:
            case.check("cwmp.periodic.zero-fault", inner[0], equal(9007), what="fault of the parameter")
        mark = bench.door.mark()
        case.check("lcos.periodic.zero-safe", bench.door.sessions(mark, watch), few, what="by the ACS")


@case("periodic.huge", verifies="lcos.periodic.huge-safe", needs=KNOBS)
def huge(bench: Bench, case: Case) -> None:
    """The largest interval, 2147483647 s, is taken without overflow.

    Accepted: a visible refusal, or no periodic Inform in a day (in real time: in three test intervals) and the value read
    back. With an ordinary interval, before and after, periodic Informs come.
    """
    interval = seconds(bench, 60)
    watch = 86400.0 if bench.clock.steered else 3.0 * interval
    with case.twin(
        "with an ordinary interval periodic Informs come", lambda: informs_periodically(bench, interval)
    ):
        case.step(f"Set the interval to {LARGEST} s and watch for {watch:g} s.")
        mark = bench.door.mark()
        refusal = bench.device.try_configure(periodic_inform_active=True, periodic_inform_interval=LARGEST)
        if refusal:
            case.check("lcos.periodic.huge-safe", "refused visibly", equal("refused visibly"), what=refusal)
            return
        # In steps: a device that takes it for a second must not be watched for a day.
        seen: list[InformSeen] = []
        for part in (min(60.0, watch), min(3600.0, watch), watch):
            seen = seen or periodic(bench.door.sessions(mark, part))
        case.check("lcos.periodic.huge-safe", seen, nothing("periodic Inform"))
        case.check(
            "lcos.periodic.huge-safe", read_server(bench, INTERVAL), equal(str(LARGEST)), what=INTERVAL
        )


# --- change at run time -------------------------------------------------------------------------------

CHANGES = (("longer", 60, 100), ("shorter", 100, 60))
"""Name, interval before, interval after, on the scale of `seconds`; a device may raise what is below a minute."""


@case("periodic.changed-on-device", verifies="lcos.periodic.change", needs=KNOBS)
def changed_on_device(bench: Bench, case: Case) -> None:
    """A new interval set on the device is in effect without a restart, and the old one is not used any more.

    Half an interval after a periodic session the interval is changed. Accepted: the next periodic Inform comes one new
    interval after the change or after the end of a session (at once, where that has passed); from then on exactly one in
    each new interval: a second timer would show.
    """
    for name, before, after in CHANGES:
        case.step(f"{name}: {seconds(bench, before)} s to {seconds(bench, after)} s.")
        last = first_periodic(bench, seconds(bench, before))
        bench.pass_time(seconds(bench, before) / 2)
        mark, changed = bench.door.mark(), bench.clock.now()
        bench.configure(periodic_inform_interval=seconds(bench, after))
        _new_interval_only(bench, case, seconds(bench, after), mark, [changed, last.ended_at], name)


@case("periodic.changed-by-acs", verifies="lcos.periodic.change", needs=KNOBS)
def changed_by_acs(bench: Bench, case: Case) -> None:
    """A new interval set by the ACS is in effect without a restart, and the old one is not used any more.

    Accepted: as where the interval is changed on the device; the session that changes it counts as a session.
    """
    for name, before, after in CHANGES:
        case.step(f"{name}: {seconds(bench, before)} s to {seconds(bench, after)} s.")
        last = first_periodic(bench, seconds(bench, before))
        bench.device.doubt(*KNOBS)
        bench.pass_time(seconds(bench, before) / 2)
        mark = bench.door.mark()
        with bench.session("new interval") as session:
            value = server_value(session, INTERVAL, str(seconds(bench, after)), UNSIGNED)
            changed, answer = bench.clock.now(), set_values(session, value)
            shown = get_server(session, INTERVAL)
        if answer.fault is not None or answer.lost:
            raise Inconclusive(f"{SERVER}{INTERVAL} cannot be set: {answer.reason or answer.fault}")
        case.observe(f"{INTERVAL} reads {shown} in the session that set it")
        starts = [changed, last.ended_at, session.ended_at]
        _new_interval_only(bench, case, seconds(bench, after), mark, starts, name)


def _new_interval_only(
    bench: Bench, case: Case, interval: int, mark: int, starts: list[float], name: str
) -> None:
    """The first periodic Inform is due one *interval* after one of *starts* or of sessions since; then one in each."""
    slack = tolerance(bench, interval)
    changed = starts[0]
    informs = until_periodic(bench, mark, interval, wanted=3)
    seen = periodic(informs)
    starts = [*starts, *(inform.ended_at for inform in informs if inform not in seen)]
    due = sorted({max(start + interval, changed) for start in starts})
    case.check(
        "lcos.periodic.change",
        seen[0].started_at if seen else float("inf"),
        that(
            "at " + " or ".join(f"{instant:.1f}" for instant in due),
            lambda at: any(abs(at - instant) <= slack for instant in due),
            lambda at: f"at {at:.1f}",
        ),
        what=f"{name}: first periodic Inform after the change at {changed:.1f}",
    )
    case.check(
        "lcos.periodic.change",
        [round(gap, 1) for gap in gaps(informs, interval)],
        that(
            f"gaps of {interval - slack:g} to {interval + slack:g} s",
            lambda found: len(found) >= 1 and all(abs(gap - interval) <= slack for gap in found),
        ),
        what=f"{name}: the gaps that follow",
    )
