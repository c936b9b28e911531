"""Accounts that the ACS makes: who may log in at the web configuration, and who may not."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from cpe_lab import Acs, ManualClock
from test_cpe_web import PASSWORD, USER, visited

from harness.cwmp.messages import AddObject, AddObjectResponse, ParameterValueStruct, SetParameterValues
from reference_cpe import users
from reference_cpe.config import Config, Profile
from reference_cpe.fault import CwmpFault
from reference_cpe.gate import Answer
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store

TABLES = {"TR-181": "Device.Users.User.", "TR-098": "InternetGatewayDevice.User."}


def change(parts: Parts, row: str, **values: str) -> None:
    parts.model.set([ParameterValueStruct(row + name, value, None) for name, value in values.items()])


@pytest.mark.parametrize("data_model", TABLES)
def test_who_is_admitted(tmp_path: Path, data_model: str) -> None:
    config = Config(profile=Profile(data_model=data_model))
    parts = assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))
    table = TABLES[data_model]
    row = f"{table}{parts.model.add(table, '')}."
    change(parts, row, Username="zoë", Password="wörd")
    assert not users.admits(parts.model, "zoë", "wörd")
    change(parts, row, Enable="1")
    assert users.admits(parts.model, "zoë", "wörd")
    for pair in (("zoë", "word"), ("zoe", "wörd"), ("", ""), ("zoë", ""), ("", "wörd"), ("zoë", "\udc80")):
        assert not users.admits(parts.model, *pair)
    change(parts, row, Password="")
    assert not users.admits(parts.model, "zoë", "")
    change(parts, row, Password="again")
    parts.model.delete(row, "")
    assert not users.admits(parts.model, "zoë", "again")


def test_an_enabled_account_has_a_name(parts: Parts) -> None:
    row = f"{TABLES['TR-181']}{parts.model.add(TABLES['TR-181'], '')}."
    with pytest.raises(CwmpFault) as caught:
        change(parts, row, Enable="true", Password="x")
    assert [(f.parameter_name, f.fault_code) for f in caught.value.parameters] == [(row + "Enable", 9007)]
    change(parts, row, Enable="true", Username="kim")
    with pytest.raises(CwmpFault) as caught:
        change(parts, row, Username="")
    assert [(f.parameter_name, f.fault_code) for f in caught.value.parameters] == [(row + "Username", 9007)]
    change(parts, row, Username="", Enable="false")


@pytest.mark.parametrize("data_model", TABLES)
def test_the_switch_covers_accounts(tmp_path: Path, data_model: str) -> None:
    """While credentials may not be changed, the ACS gives no account a name or a password, one that it has just added neither."""
    config = Config(profile=Profile(data_model=data_model))
    parts = assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))
    table = TABLES[data_model]
    first = f"{table}{parts.model.add(table, '')}."
    change(parts, first, Username="kim", Password="pass", Enable="1")
    parts.settings.change({"allow_credential_change": False})
    second = f"{table}{parts.model.add(table, '')}."
    for row in (first, second):
        for name in ("Username", "Password"):
            with pytest.raises(CwmpFault) as caught:
                change(parts, row, **{name: "other"})
            assert [(f.parameter_name, f.fault_code) for f in caught.value.parameters] == [(row + name, 9008)]
    assert users.admits(parts.model, "kim", "pass")
    change(parts, first, Enable="0")


def test_accounts_open_no_connection_requests(parts: Parts) -> None:
    """With no pair for connection requests set, an account is no way in."""
    row = f"{TABLES['TR-181']}{parts.model.add(TABLES['TR-181'], '')}."
    change(parts, row, Enable="true", Username="kim", Password="pass")
    assert parts.gate.credentials() == ("", "")
    assert parts.gate.check('Digest username="kim"', "GET", "/") is Answer.REFUSED


async def test_an_account_of_the_acs_logs_in(acs: Acs, home: Path) -> None:
    async with visited(home, f'acs_url = "{acs.base}/acs"\n', login=False) as (device, visitor):
        await acs.until(lambda: acs.ended)
        acs.queue.append(AddObject(TABLES["TR-181"], ""))
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 2)
        (added,) = (m for m in acs.got if isinstance(m, AddObjectResponse))
        row = f"{TABLES['TR-181']}{added.instance_number}."
        values = {"Enable": "true", "Username": "kim", "Password": "of the ACS"}
        struct = tuple(ParameterValueStruct(row + name, value, None) for name, value in values.items())
        assert await visitor.get("/login") == 200
        assert await visitor.post("/login", user="kim", password="of the ACS") == 401
        acs.queue.append(SetParameterValues(struct, ""))
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: acs.ended == 3)
        assert await visitor.post("/login", user="kim", password="of the ACS") == 200
        assert visitor.path == "/"
        assert await device.call("POST", "/actions/reboot") == (204, None)
        await visitor.post("/logout")
        await visitor.get("/login")
        assert await visitor.post("/login", user="kim", password=PASSWORD) == 401
        assert await visitor.post("/login", user=USER, password=PASSWORD) == 200
