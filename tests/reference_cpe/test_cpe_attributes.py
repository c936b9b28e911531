"""Attributes, and the sessions that changes of values lead to."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from cpe_lab import Acs, ManualClock, run_device

from harness.cwmp.messages import (
    GetParameterAttributes,
    GetParameterAttributesResponse,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
)
from reference_cpe.config import Config
from reference_cpe.fault import CwmpFault
from reference_cpe.notification import Notifier
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

BOX = "Device.X_EXAMPLE-ORG_Sandbox."
INFO = "Device.DeviceInfo."
SERVER = "Device.ManagementServer."


def change(
    name: str, notification: int | None = None, access: tuple[str, ...] | None = None
) -> SetParameterAttributesStruct:
    return SetParameterAttributesStruct(
        name, notification is not None, notification or 0, access is not None, access or ()
    )


def attributes(parts: Parts, name: str) -> tuple[int, tuple[str, ...]]:
    (found,) = parts.attributes.values((name,))
    return found.notification, found.access_list


def told(parts: Parts) -> tuple[list[str], list[str]]:
    """Make an Inform that is acknowledged: its events, and the parameters beyond the forced ones."""
    inform = parts.informer.message()
    parts.informer.delivered()
    names = [item.name for item in inform.parameter_list]
    return [e.event_code for e in inform.event], [name for name in names if name not in parts.model.forced]


def test_defaults(parts: Parts) -> None:
    active = {SERVER + "ConnectionRequestURL", INFO + "SoftwareVersion", INFO + "ProvisioningCode"}
    found = parts.attributes.values(("",))
    assert len(found) == len(parts.model.parameters)
    assert {item.name for item in found if item.notification == 2} == active
    assert {item.notification for item in found} == {0, 2}
    assert {item.access_list for item in found} == {("Subscriber",)}
    with pytest.raises(CwmpFault, match="9005"):
        parts.attributes.values((BOX, "Device.Nope"))


def test_each_half_for_itself(parts: Parts) -> None:
    name = BOX + "Text"
    parts.attributes.set((change(name, 1),))
    assert attributes(parts, name) == (1, ("Subscriber",))
    parts.attributes.set((change(name, access=("X_Other", "Subscriber")),))
    assert attributes(parts, name) == (1, ("X_Other", "Subscriber"))
    parts.attributes.set((change(name, access=()), change(name)))
    assert attributes(parts, name) == (1, ())
    again = assemble(Config(), ManualClock(), Store(parts.store.path.parent), Random(1))
    assert attributes(again, name) == (1, ())


def test_partial_path(parts: Parts) -> None:
    parts.attributes.set((change(BOX, 1),))
    assert {item.notification for item in parts.attributes.values((BOX,))} == {1}
    assert attributes(parts, SERVER + "Username")[0] == 0


@pytest.mark.parametrize(
    ("name", "notification", "code"),
    [
        ("Device.Nope", 1, 9005),
        ("Device.DeviceInfo", 1, 9005),
        (BOX + "Flag", 7, 9003),
        (BOX + "Flag", -1, 9003),
        (BOX + "Flag", 3, 9009),
        (INFO + "SoftwareVersion", 0, 9009),
        (INFO + "SoftwareVersion", 1, 9009),
        (INFO, 1, 9009),
        (INFO + "UpTime", 2, 9009),
    ],
)
def test_refused_as_a_whole(parts: Parts, name: str, notification: int, code: int) -> None:
    before = dict(parts.store.values)
    with pytest.raises(CwmpFault) as caught:
        parts.attributes.set((change(BOX + "Text", 2), change(name, notification)))
    assert caught.value.code == code
    assert parts.store.values == before


def test_passive_is_never_refused(parts: Parts) -> None:
    for parameter in parts.model.parameters.values():
        if not parameter.active:
            parts.attributes.set((change(parameter.path, 1),))


def test_what_may_be_switched_off(parts: Parts) -> None:
    name = SERVER + "ConnectionRequestURL"
    parts.attributes.set((change(name, 0),))
    assert attributes(parts, name)[0] == 0


@pytest.mark.parametrize("notification", [1, 2])
def test_a_local_change_is_reported_once(parts: Parts, notification: int) -> None:
    name = SERVER + "Username"
    parts.attributes.set((change(name, notification),))
    assert told(parts) == ([], [])
    parts.settings.change({"acs_username": "local"})
    assert told(parts) == (["4 VALUE CHANGE"], [name])
    assert told(parts) == ([], [])


def test_off_is_off(parts: Parts) -> None:
    name = SERVER + "Username"
    parts.attributes.set((change(name, 1),))
    parts.settings.change({"acs_username": "one"})
    parts.attributes.set((change(name, 0),))
    assert told(parts) == ([], [])
    parts.attributes.set((change(name, 1),))
    assert told(parts) == ([], [])


def test_what_the_acs_changes_is_not_reported(parts: Parts) -> None:
    names = [SERVER + "Username", SERVER + "Password", BOX + "Text", BOX + "ItemNumberOfEntries"]
    parts.attributes.set(tuple(change(name, 2) for name in names))
    parts.model.set(tuple(ParameterValueStruct(name, "new") for name in names[:3]))
    parts.model.add(BOX + "Item.", "")
    parts.model.delete(BOX + "Item.1.", "")
    assert told(parts) == ([], [])


def test_a_hidden_value_is_watched_and_not_told(parts: Parts) -> None:
    parts.attributes.set((change(SERVER + "Password", 1),))
    parts.settings.change({"acs_password": "very secret"})
    inform = parts.informer.message()
    assert [i.value for i in inform.parameter_list if i.name.endswith("Password")] == [""]
    assert "very secret" not in str(parts.store.get("reported"))


def test_a_change_that_was_not_delivered_is_told_again(parts: Parts) -> None:
    parts.attributes.set((change(SERVER + "Username", 1),))
    parts.settings.change({"acs_username": "local"})
    parts.informer.message()
    parts.events.session_failed()
    assert told(parts) == (["4 VALUE CHANGE"], [SERVER + "Username"])


def test_throttle(parts: Parts, clock: ManualClock) -> None:
    """Counted from the end of a session, and only for active notification."""
    called: list[float] = []
    notifier = Notifier(parts)
    throttle = ParameterValueStruct(SERVER + "DefaultActiveNotificationThrottle", "300", "xsd:unsignedInt")
    parts.model.set((throttle,))
    parts.attributes.set((change(SERVER + "Username", 2), change(BOX + "Text", 1)))
    again = lambda: called.append(clock.now())  # noqa: E731
    assert not notifier.due(again)
    parts.settings.change({"acs_username": "one"})
    assert notifier.due(again)
    told(parts)
    notifier.session_ended(True)
    clock.advance(100)
    parts.settings.change({"acs_username": "two"})
    assert not notifier.due(again)
    assert not notifier.due(again)
    assert clock.next_timer() == 300.0
    clock.advance(200)
    assert called == [300.0]
    assert notifier.due(again)
    assert [entry.code for entry in parts.events.entries] == ["4 VALUE CHANGE"]


def test_one_change_calls_for_one_session(parts: Parts) -> None:
    """A session that fails is owed to the retry ladder; only a further change calls for another at once."""
    notifier = Notifier(parts)
    parts.attributes.set((change(SERVER + "Username", 2),))
    parts.settings.change({"acs_username": "one"})
    assert notifier.due(lambda: None)
    notifier.session_started()
    notifier.session_ended(False)
    assert not notifier.due(lambda: None)
    parts.settings.change({"acs_username": "two"})
    assert notifier.due(lambda: None)
    notifier.session_started()
    told(parts)
    notifier.session_ended(True)
    assert not notifier.due(lambda: None)
    parts.model.set((ParameterValueStruct(SERVER + "Username", "one"),))
    parts.settings.change({"acs_username": "two"})
    assert notifier.due(lambda: None)


def test_passive_opens_no_session(parts: Parts) -> None:
    parts.attributes.set((change(SERVER + "Username", 1),))
    parts.settings.change({"acs_username": "one"})
    assert not Notifier(parts).due(lambda: None)


async def test_a_failing_acs_is_not_hammered(acs: Acs, home: Path) -> None:
    async def refuse(_request: web.Request, _body: bytes) -> web.Response:
        return web.Response(status=503)

    acs.queue.append(SetParameterAttributes((change(SERVER + "Username", 2),)))
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 1)
        acs.intercept = refuse
        await device.configure(acs_username="one")
        await acs.until(lambda: "next attempt in" in device.log)
        assert len(acs.requests) == 4
        acs.intercept = None
        await device.configure(acs_username="two")
        await acs.until(lambda: acs.ended == 2)
    assert [inform.retry_count for inform in acs.informs] == [0, 1]
    assert acs.events()[1] == ["4 VALUE CHANGE"]


async def test_sessions(acs: Acs, home: Path) -> None:
    """Active at once, passive with the next session, the ACS's own changes never."""
    names = (SERVER + "Username", SERVER + "PeriodicInformInterval")
    acs.queue += [
        SetParameterAttributes((change(names[0], 2), change(names[1], 1))),
        SetParameterValues((ParameterValueStruct(names[0], "from the ACS"),), "k"),
        GetParameterAttributes(names),
    ]
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: acs.ended == 1)
        await device.configure(periodic_inform_interval=5000)
        await device.configure(acs_username="local")
        await acs.until(lambda: acs.ended == 2)
        await device.configure(acs_url=f"{acs.base}/other")
        await acs.until(lambda: acs.ended == 3)
        acs.queue.append(GetParameterAttributes(names))
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 4)
    assert acs.events() == [
        ["0 BOOTSTRAP", "1 BOOT"],
        ["4 VALUE CHANGE"],
        ["0 BOOTSTRAP"],
        ["X 0200C9 WAKE"],
    ]
    values = {item.name: item.value for item in acs.informs[1].parameter_list}
    assert [values[name] for name in names] == ["local", "5000"]
    answers = [m for m in acs.got if isinstance(m, GetParameterAttributesResponse)]
    notifications = [[item.notification for item in answer.parameter_list] for answer in answers]
    assert notifications == [[2, 1], [0, 0]]
