"""Data-model definitions: the reader, the built-in models, and the Forum's full files where they are at hand."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from cpe_lab import Acs, ManualClock, run_device

from harness.cwmp.inform import Root, missing
from harness.cwmp.messages import GetParameterNames, GetParameterNamesResponse, ParameterValueStruct
from reference_cpe.config import Config, ModelFile, Network, Profile
from reference_cpe.definition import Definition, Notify, ObjectDefinition, ParameterDefinition
from reference_cpe.definition_xml import BadModel, load
from reference_cpe.fault import CwmpFault
from reference_cpe.models import BUILT_IN, choose
from reference_cpe.parts import Parts, assemble
from reference_cpe.store import Store
from reference_cpe.values import neutral, value_problem

DATA = Path(os.environ.get("CPE_MODELS") or Path(__file__).resolve().parents[3] / "shared" / "data")
"""Where the Broadband Forum's files are; tests that need them are skipped where they are not."""
FULL = {"TR-181": DATA / "tr-181-2-17-0-cwmp-full.xml", "TR-098": DATA / "tr-098-1-8-0-full.xml"}
HEAD = '<dm:document xmlns:dm="urn:broadband-forum-org:cwmp:datamodel-1-14">'


def full(data_model: str) -> Path:
    if not FULL[data_model].exists():
        pytest.skip(f"the Broadband Forum's {FULL[data_model].name} is not at hand")
    return FULL[data_model]


def device(tmp_path: Path, data_model: str, file: Path | None = None) -> Parts:
    config = Config(
        network=Network(wan_v4="198.51.100.2"),
        profile=Profile(data_model=data_model),
        model=ModelFile("" if file is None else str(file)),
    )
    return assemble(config, ManualClock(), Store(tmp_path / "store"), Random(1))


def walk(definition: Definition) -> Iterator[tuple[str, ObjectDefinition | ParameterDefinition]]:
    def below(
        at: ObjectDefinition, path: str
    ) -> Iterator[tuple[str, ObjectDefinition | ParameterDefinition]]:
        yield path, at
        yield from ((path + parameter.name, parameter) for parameter in at.parameters.values())
        for child in at.children.values():
            yield from below(child, f"{path}{child.name}.{'{i}.' if child.table else ''}")

    return below(definition.root, definition.stem)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "model.xml"
    path.write_text(text)
    return path


SMALL = (
    HEAD
    + """
  <dataType name="Base"><string><size maxLength="8"/><pattern value="[a-z]*"/></string></dataType>
  <dataType name="Derived" base="Base"><size maxLength="4"/></dataType>
  <component name="More"><parameter name="Extra" access="readOnly"><syntax><boolean/></syntax></parameter></component>
  <model name="Device:2.0">
    <object name="Device." access="readOnly" minEntries="1" maxEntries="1">
      <parameter name="Gone" access="readOnly" status="deleted"><syntax><string/></syntax></parameter>
      <parameter name="Word" access="readWrite" activeNotify="canDeny">
        <syntax><dataType ref="Derived"/><default type="object" value="ab"/></syntax>
      </parameter>
      <parameter name="Some" access="readWrite"><syntax>
        <list minItems="1" maxItems="2"/><string><enumeration value="A"/><enumeration value="B"/></string>
      </syntax></parameter>
      <parameter name="State" access="readWrite"><syntax><string>
        <enumeration value="None" access="readOnly"/><enumeration value="Requested"/>
      </string></syntax></parameter>
      <parameter name="Gap" access="readWrite"><syntax><int>
        <range maxInclusive="-5"/><range minInclusive="5" maxInclusive="9"/>
      </int></syntax></parameter>
    </object>
    <object name="Device.Deep.Table.{i}." access="readWrite" minEntries="2" maxEntries="3"
        enableParameter="On"><uniqueKey><parameter ref="Name"/></uniqueKey>
      <parameter name="Name" access="readOnly" forcedInform="true"><syntax hidden="true"><string/></syntax></parameter>
    </object>
    <component ref="More"/>
  </model>
</dm:document>"""
)


def test_reader(tmp_path: Path) -> None:
    definition = load(write(tmp_path, SMALL))
    found = dict(walk(definition))
    assert (definition.name, definition.version, definition.stem) == ("Device:2.0", "2.0", "Device.")
    assert set(found) == {
        "Device.",
        "Device.Word",
        "Device.Some",
        "Device.State",
        "Device.Gap",
        "Device.Extra",
        "Device.Deep.",
        "Device.Deep.Table.{i}.",
        "Device.Deep.Table.{i}.Name",
    }
    word = definition.root.parameters["Word"]
    assert (word.writable, word.notify, word.syntax.default) == (True, Notify.CAN_DENY, "ab")
    assert word.syntax.lengths == ((0, 4),)
    assert [p.pattern for p in word.syntax.patterns] == ["[a-z]*"]
    table = definition.root.children["Deep"].children["Table"]
    assert (table.table, table.creatable, table.low, table.high, table.enable) == (True, True, 2, 3, "On")
    assert table.keys[0].parameters == ("Name",)
    assert (table.parameters["Name"].forced, table.parameters["Name"].syntax.hidden) == (True, True)


def test_a_model_of_ones_own(tmp_path: Path) -> None:
    parts = device(tmp_path, "TR-181", write(tmp_path, SMALL))
    model = parts.model
    assert [i.name for i in model.names("Device.Deep.Table.", True)] == [
        f"Device.Deep.Table.{n}." for n in (1, 2)
    ]
    assert model.forced == ("Device.Deep.Table.1.Name",)
    assert {
        name: model.text(name) for name in ("Device.Word", "Device.State", "Device.Gap", "Device.Some")
    } == {
        "Device.Word": "ab",
        "Device.State": "None",
        "Device.Gap": "-5",
        "Device.Some": "A",
    }
    for name, good, bad in (
        ("Word", ("abcd", ""), ("abcde", "AB")),
        ("Some", ("A", "B, A"), ("", "A,B,A", "C")),
        ("State", ("Requested",), ("None", "requested")),
        ("Gap", ("-9", "7"), ("0", "10")),
    ):
        type_ = "xsd:int" if name == "Gap" else "xsd:string"
        for text in good:
            model.set((ParameterValueStruct(f"Device.{name}", text, type_),))
        for text in bad:
            with pytest.raises(CwmpFault) as caught:
                model.set((ParameterValueStruct(f"Device.{name}", text, type_),))
            assert [fault.fault_code for fault in caught.value.parameters] == [9007], (name, text)
    assert parts.informer.message().parameter_list[0].value == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not XML"),
        ("<a/>", "no data-model document"),
        (HEAD + "</dm:document>", "0 models"),
        (HEAD + '<model name="Device:2.0"/></dm:document>', "empty"),
        (HEAD + '<model name="Device"><object name="Device."/></model></dm:document>', "NAME:VERSION"),
        (HEAD + '<model name="Device:2.0" base="Device:1.9"/></dm:document>', "full one"),
        (SMALL.replace('ref="Derived"', 'ref="Nothing"'), "parameter Word: data type 'Nothing'"),
        (SMALL.replace("[a-z]*", "[a-z"), "pattern"),
        (SMALL.replace('maxLength="4"', 'maxLength="four"'), "'four'"),
        (SMALL.replace("canDeny", "perhaps"), "perhaps"),
        (SMALL.replace("Device.Deep.Table.{i}.", "Device..x"), "not a path"),
        (SMALL.replace('<component ref="More"/>', '<component ref="Less"/>'), "component 'Less'"),
        (
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
            + SMALL.replace('value="ab"', 'value="&b;"'),
            "",
        ),
    ],
)
def test_bad_files(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadModel) as caught:
        load(write(tmp_path, text))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="No such file"):
        load(tmp_path / "none.xml")


@pytest.mark.parametrize(
    ("data_model", "root"), [("TR-181", Root.DEVICE_2), ("TR-098", Root.INTERNET_GATEWAY_DEVICE_1)]
)
def test_built_in_models(tmp_path: Path, data_model: str, root: Root) -> None:
    parts = device(tmp_path, data_model)
    assert missing(root, parts.model.forced) == ()
    for parameter in parts.model.parameters.values():
        assert value_problem(parameter.syntax, parts.model.read(parameter)) is None, parameter.path
    inform = parts.informer.message()
    assert missing(root, [item.name for item in inform.parameter_list]) == ()


@pytest.mark.parametrize("data_model", ["TR-181", "TR-098"])
def test_built_in_models_agree_with_the_forums(data_model: str) -> None:
    """Every path of the standard has the access, type, notification and forced Inform of the full file."""
    whole = dict(walk(load(full(data_model))))
    for path, mine in walk(choose(data_model, "")):
        if "X_EXAMPLE" in path:
            continue
        theirs = whole[path]
        if isinstance(mine, ParameterDefinition):
            assert isinstance(theirs, ParameterDefinition)
            assert (mine.writable, mine.notify, mine.forced) == (
                theirs.writable,
                theirs.notify,
                theirs.forced,
            ), path
            assert (mine.syntax.type, mine.syntax.hidden) == (theirs.syntax.type, theirs.syntax.hidden), path
            assert set(mine.syntax.values) <= set(theirs.syntax.values), path
            if mine.syntax.ranges and not path.endswith("PeriodicInformInterval"):
                assert mine.syntax.ranges == theirs.syntax.ranges, path
        else:
            assert isinstance(theirs, ObjectDefinition)
            assert (mine.table, mine.creatable) == (theirs.table, theirs.creatable), path
            assert (mine.entries, mine.enable) == (theirs.entries, theirs.enable), path


def test_the_whole_of_tr_181() -> None:
    rows = [what for _, what in walk(load(full("TR-181")))]
    objects = [row for row in rows if isinstance(row, ObjectDefinition)]
    parameters = [row for row in rows if isinstance(row, ParameterDefinition)]
    assert len([row for row in objects if row.creatable]) == 177
    assert len([row for row in parameters if row.forced]) == 7
    assert len([row for row in parameters if row.writable]) > 2100
    assert len(parameters) > 6400


@pytest.mark.parametrize("data_model", ["TR-181", "TR-098"])
def test_every_value_of_a_full_model_is_legal(tmp_path: Path, data_model: str) -> None:
    parts = device(tmp_path, data_model, full(data_model))
    values = parts.model.values(("",))
    assert len(values) == len(parts.model.parameters) > 800
    for parameter in parts.model.parameters.values():
        assert value_problem(parameter.syntax, parts.model.read(parameter)) is None, parameter.path


def test_every_table_of_a_full_model_takes_a_row(tmp_path: Path) -> None:
    """Those that the ACS may add to, below what there is; the new row's values are legal too."""
    parts = device(tmp_path, "TR-181", full("TR-181"))
    added = 0
    for path, node in list(parts.model.objects.items()):
        if node.table and node.writable:
            before = int(
                parts.model.text(path.rpartition(".")[0].rpartition(".")[0] + "." + node.definition.entries)
            )
            number = parts.model.add(path, "key")
            counter = path.rpartition(".")[0].rpartition(".")[0] + "." + node.definition.entries
            assert int(parts.model.text(counter)) == before + 1, path
            assert [i.name for i in parts.model.names(path, True)][-1] == f"{path}{number}."
            added += 1
    assert added > 50
    for parameter in parts.model.parameters.values():
        if not parameter.syntax.patterns and parameter.syntax.items is None and not parameter.syntax.lengths:
            assert value_problem(parameter.syntax, parts.model.read(parameter)) is None, parameter.path


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_neutral_values(name: str) -> None:
    for path, row in walk(choose(name, "")):
        if isinstance(row, ParameterDefinition) and not row.syntax.patterns:
            assert value_problem(row.syntax, neutral(row.syntax)) is None, path


async def test_a_device_with_the_other_root(acs: Acs, home: Path) -> None:
    (home / "cpe.toml").write_text(
        '[profile]\nname = "lancom"\ndata_model = "TR-098"\n[settings]\nport = 0\n'
    )
    acs.queue.append(GetParameterNames("", True))
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--config", str(home / "cpe.toml")) as device:
        await acs.until(lambda: acs.ended)
        assert (await device.state())["comment"] == ""
    answer = acs.got[-1]
    assert isinstance(answer, GetParameterNamesResponse)
    assert [item.name for item in answer.parameter_list] == ["InternetGatewayDevice."]


async def test_a_diagnosis_that_the_device_cannot_do_ends_with_an_error(tmp_path: Path) -> None:
    parts = device(tmp_path, "TR-181", full("TR-181"))
    path = "Device.IP.Diagnostics.UDPEchoDiagnostics.DiagnosticsState"
    parts.diagnostics.start()
    assert parts.events.entries == []
    parts.model.set((ParameterValueStruct(path, "Requested"),))
    parts.diagnostics.start()
    async with asyncio.timeout(10):
        while parts.clock.busy:  # noqa: ASYNC110 - the clock has no event
            await asyncio.sleep(0)
    assert parts.model.text(path).startswith("Error")
    assert [entry.code for entry in parts.events.entries] == ["8 DIAGNOSTICS COMPLETE"]


async def test_a_device_with_a_full_model(acs: Acs, home: Path) -> None:
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--model", str(full("TR-181"))):
        await acs.until(lambda: acs.ended)
    assert "Device.ManagementServer.AliasBasedAddressing" in [i.name for i in acs.informs[0].parameter_list]
