"""Defects of events, notification and scheduled Informs, which the TR-069 suites are to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.cwmp import events
from harness.cwmp.messages import EventStruct, Inform, Message
from reference_cpe.attributes import ACTIVE, OFF
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.definition import Notify
from reference_cpe.events import Entry
from reference_cpe.fault import CwmpFault
from reference_cpe.parts import Parts

AWAITING = "tr069 suites"


def _lists(alter: Callable[[tuple[EventStruct, ...]], tuple[EventStruct, ...]]) -> Callable[[Parts], None]:
    """The event list of every Inform passes through *alter*."""

    def apply(parts: Parts) -> None:
        original = parts.events.announce
        rewire(parts.events, announce=lambda: alter(original()))

    return apply


def _without(code: str) -> Callable[[tuple[EventStruct, ...]], tuple[EventStruct, ...]]:
    return lambda listed: tuple(event for event in listed if event.event_code != code)


def _bootstrap_at_boot(listed: tuple[EventStruct, ...]) -> tuple[EventStruct, ...]:
    codes = [event.event_code for event in listed]
    again = events.BOOT in codes and events.BOOTSTRAP not in codes
    return (EventStruct(events.BOOTSTRAP, ""), *listed) if again else listed


def _reboot_at_boot(listed: tuple[EventStruct, ...]) -> tuple[EventStruct, ...]:
    codes = [event.event_code for event in listed]
    more = events.BOOT in codes and events.M_REBOOT not in codes
    return (*listed, EventStruct(events.M_REBOOT, "")) if more else listed


def _merged(listed: tuple[EventStruct, ...]) -> tuple[EventStruct, ...]:
    return tuple({event.event_code: event for event in listed}.values())


for _name, _summary, _breaks, _alter in (
    ("bootstrap-at-every-boot", "Every reboot is reported as 0 BOOTSTRAP.", "cwmp.event.bootstrap", _bootstrap_at_boot),
    ("reboot-not-reported", "M Reboot is missing after a Reboot of the ACS.",
     "cwmp.event.reboot-by-acs", _without(events.M_REBOOT)),
    ("power-cut-as-reboot", "A power cut is reported as M Reboot.", "cwmp.event.power-cycle", _reboot_at_boot),
    ("events-of-a-kind-merged", "Two M ScheduleInform are reported as one.", "cwmp.event.several-of-a-kind", _merged),
    ("scheduled-without-code", "M ScheduleInform comes without 3 SCHEDULED.",
     "cwmp.schedule-inform.sent", _without(events.SCHEDULED)),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], _lists(_alter), awaiting=AWAITING)


@defect("bootstrap-not-kept", breaks=["cwmp.event.bootstrap-kept"], awaiting=AWAITING)
def bootstrap_not_kept(parts: Parts) -> None:
    """Power fails before the first Inform is acknowledged: the BOOTSTRAP is never reported."""
    original = parts.events.announce

    def announce() -> tuple[EventStruct, ...]:
        listed = original()
        if any(event.event_code == events.BOOTSTRAP for event in listed):
            parts.store.update(bootstrapped=parts.settings.value("acs_url"))
        return listed

    def load(stored: list[dict[str, Any]]) -> None:
        parts.events.entries = [Entry(**entry) for entry in stored if entry["code"] != events.BOOTSTRAP]

    rewire(parts.events, announce=announce, load=load)


@defect("event-told-again", breaks=["cwmp.event.delivered-once"], awaiting=AWAITING)
def event_told_again(parts: Parts) -> None:
    """An event that was acknowledged stands in the next Inform once more."""
    original = parts.events.announce
    told: list[EventStruct] = []

    def announce() -> tuple[EventStruct, ...]:
        listed = original()
        again = [event for event in told if event not in listed]
        told[:] = [event for event in listed if event not in told]
        return (*listed, *again)

    rewire(parts.events, announce=announce)


@defect("own-change-told", breaks=["cwmp.session.no-session-for-acs-change"], awaiting=AWAITING)
def own_change_told(parts: Parts) -> None:
    """A change that the ACS itself has made opens a session with 4 VALUE CHANGE."""
    original = parts.rpc["SetParameterValues"]

    def told(parts: Parts, message: Any) -> Message:
        answer = original(parts, message)
        parts.events.add(events.VALUE_CHANGE)
        return answer

    parts.rpc["SetParameterValues"] = told


@defect("active-is-passive", breaks=["cwmp.notification.active"], awaiting=AWAITING)
def active_is_passive(parts: Parts) -> None:
    """A change with active notification waits for the next session that comes anyway."""
    original = parts.attributes.notification
    rewire(parts.attributes, notification=lambda path: min(original(path), ACTIVE - 1))


@defect("attributes-always-changed", breaks=["cwmp.attributes.change-flags"], awaiting=AWAITING)
def attributes_always_changed(parts: Parts) -> None:
    """SetParameterAttributes sets Notification although NotificationChange is false."""
    original = parts.attributes.set
    rewire(
        parts.attributes,
        set=lambda wanted: original([replace(item, notification_change=True) for item in wanted]),
    )


@defect("forced-notification-off", breaks=["cwmp.attributes.forced-active"], awaiting=AWAITING)
def forced_notification_off(parts: Parts) -> None:
    """The active notification of SoftwareVersion, which is forced, can be switched off."""
    original = parts.attributes.judge

    def judge(parameter: Any, notification: int) -> None:
        if parameter.notify is Notify.FORCE_ENABLED and notification == OFF:
            return
        original(parameter, notification)

    rewire(parts.attributes, judge=judge)


@defect("forced-configured-again", breaks=["cwmp.inform.configured-parameters"], awaiting=AWAITING)
def forced_configured_again(parts: Parts) -> None:
    """The table InformParameter takes a parameter that is in every Inform anyway."""
    original = parts.model.judge

    def judge(wanted: Any) -> tuple[int, str] | None:
        wrong = original(wanted)
        named = ".InformParameter." in wanted.name and wanted.name.endswith(".ParameterName")
        return None if wrong and named and wanted.value in parts.model.forced else wrong

    rewire(parts.model, judge=judge)


@defect("phase-ignored", breaks=["cwmp.periodic.phase"], awaiting=AWAITING)
def phase_ignored(parts: Parts) -> None:
    """PeriodicInformTime has no effect."""
    rewire(parts.timers, delay=parts.timers.interval)


@defect("throttle-ignored", breaks=["cwmp.notification.throttle"], awaiting=AWAITING)
def throttle_ignored(parts: Parts) -> None:
    """DefaultActiveNotificationThrottle has no effect."""
    original = parts.model.text
    rewire(
        parts.model,
        text=lambda name: "0" if name.endswith("DefaultActiveNotificationThrottle") else original(name),
    )


@defect("configured-parameters-left-out", breaks=["cwmp.inform.configured-parameters"], awaiting=AWAITING)
def configured_parameters_left_out(parts: Parts) -> None:
    """What the ACS has entered in the table InformParameter is not in any Inform."""
    original = parts.informer.message

    def message() -> Inform:
        inform = original()
        known = {*parts.model.forced, *parts.model.changes()}
        return replace(inform, parameter_list=tuple(p for p in inform.parameter_list if p.name in known))

    rewire(parts.informer, message=message)


@defect("schedule-inform-refused", breaks=["cwmp.schedule-inform.sent"], awaiting=AWAITING)
def schedule_inform_refused(parts: Parts) -> None:
    """ScheduleInform is refused with fault 9000 although GetRPCMethods names it."""

    def refused(_parts: Parts, _message: Any) -> Message:
        raise CwmpFault(9000, "Method not supported")

    parts.rpc["ScheduleInform"] = refused
