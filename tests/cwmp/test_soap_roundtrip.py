"""Every message of every class, written and read again, also by parsers that are not ours."""

import xml.etree.ElementTree as ET
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.cwmp import messages as m
from harness.cwmp import schema, soap, versions

_CHARACTERS = st.characters(
    codec="utf-8",
    exclude_categories=("Cs", "Cc"),
    exclude_characters="\ufffe\uffff",
    include_characters="\t\n\r",
)
_UUID = "01234567-89ab-CDEF-0123-456789abcdef"
_TYPED = {
    "xsd:string": st.text(_CHARACTERS, max_size=20),
    "xsd:boolean": st.sampled_from(["0", "1", "true", "false"]),
    "xsd:unsignedInt": st.integers(0, 2**32 - 1).map(str),
    "xsd:int": st.integers(-(2**31), 2**31 - 1).map(str),
    "xsd:dateTime": st.sampled_from([m.UNKNOWN_TIME, "2024-02-29T23:59:59.25-05:30"]),
    "soapenc:base64": st.sampled_from(["", "AAEC", "AA=="]),
    None: st.just("untyped"),
}
_FIXED = {
    schema.OUI: st.sampled_from(["00A057", "FFFFFF"]),
    schema.UUID: st.just(_UUID),
    schema.OBJECT_NAME: st.just("Device.X."),
}


def simple(kind: schema.Simple) -> st.SearchStrategy[Any]:
    if kind in _FIXED:
        return _FIXED[kind]
    if kind.allowed is not None:
        return st.sampled_from(kind.allowed)
    match kind.xsd:
        case "string" if kind.pattern is not None:
            return st.sampled_from(["Installed", "Uninstalled", "Failed"])
        case "string":
            return st.text(_CHARACTERS, max_size=min(kind.max_length or 40, 40))
        case "boolean":
            return st.booleans()
        case "int":
            return st.integers(-(2**31), 2**31 - 1)
        case "unsignedInt":
            return st.integers(kind.minimum or 0, 2**32 - 1)
        case "base64":
            return _TYPED["soapenc:base64"]
        case _:
            return _TYPED["xsd:dateTime"]


def field(kind: schema.Type) -> st.SearchStrategy[Any]:
    match kind:
        case schema.Simple():
            return simple(kind)
        case schema.Struct():
            return struct(kind)
        case schema.Array():
            item = simple(kind.item) if isinstance(kind.item, schema.Simple) else struct(kind.item)
            return st.lists(item, min_size=kind.minimum, max_size=min(kind.maximum or 3, 3)).map(tuple)
        case schema.Repeated():
            one = (
                struct(kind.item)
                if isinstance(kind.item, schema.Struct)
                else st.one_of(*map(struct, kind.item.structs))
            )
            return st.lists(one, min_size=kind.minimum, max_size=3).map(tuple)
    raise AssertionError(kind)


@st.composite
def parameter_values(draw: st.DrawFn) -> m.ParameterValueStruct:
    type_ = draw(st.sampled_from(list(_TYPED)))
    return m.ParameterValueStruct(draw(st.text(_CHARACTERS, max_size=20)), draw(_TYPED[type_]), type_)


def struct(kind: schema.Struct) -> st.SearchStrategy[Any]:
    if kind.cls is m.ParameterValueStruct:
        return parameter_values()
    # XML Schema's int where the dataclass has a bool.
    values = {row.attribute: field(row.type) for row in kind.fields}
    if kind.cls is m.OptionStruct:
        values["is_transferable"] = st.booleans()
    return st.builds(kind.cls, **values)


HEADERS = st.builds(
    m.Header,
    id=st.none() | st.text(_CHARACTERS, max_size=20),
    hold_requests=st.none() | st.booleans(),
    no_more_requests=st.none() | st.booleans(),
)
ALL = {name: struct(row.struct) for name, row in schema.MESSAGES.items()} | {
    "Fault": st.builds(
        m.Fault,
        fault_code=st.integers(8000, 9899),
        fault_string=st.text(_CHARACTERS, max_size=20),
        parameter_faults=field(schema.Repeated(schema.PARAMETER_FAULT, 0)),
        soap_faultcode=st.sampled_from(["Client", "Server"]),
    )
}


def test_every_class_has_a_row() -> None:
    classes = {cls.__name__ for cls in m.Message.__subclasses__()}
    assert classes == set(schema.MESSAGES) | {"Fault", "UnknownMessage"}
    for row in schema.MESSAGES.values():
        assert {f.attribute for f in row.struct.fields} == {f.name for f in fields(row.struct.cls)}


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
@settings(max_examples=10, deadline=None, derandomize=True)
def test_round_trip(name: str, data: st.DataObject) -> None:
    message = data.draw(ALL[name])
    namespace = data.draw(
        st.sampled_from([v for v in versions.NAMESPACE_OF.values() if versions.allows(v, message.since)])
    )
    envelope = m.Envelope(message, data.draw(HEADERS), namespace)
    written = soap.encode(envelope)
    reading = soap.read(written)
    assert reading.envelope == envelope
    assert {problem.code for problem in reading.problems} <= {"value.type-missing"}


@given(ALL["Inform"], HEADERS)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_expat_reads_what_we_write(message: m.Inform, header: m.Header) -> None:
    root = ET.fromstring(soap.encode(m.Envelope(message, header)))
    inform = root.find("{http://schemas.xmlsoap.org/soap/envelope/}Body/{urn:dslforum-org:cwmp-1-2}Inform")
    assert inform is not None
    assert [child.tag for child in inform] == [
        "DeviceId", "Event", "MaxEnvelopes", "CurrentTime", "RetryCount", "ParameterList",
    ]  # fmt: skip
    events = inform.findall("Event/EventStruct")
    assert [(e.findtext("EventCode"), e.findtext("CommandKey")) for e in events] == [
        (e.event_code, e.command_key) for e in message.event
    ]
    values = inform.findall("ParameterList/ParameterValueStruct/Value")
    assert [value.text or "" for value in values] == [p.value for p in message.parameter_list]
    ident = root.findtext(".//{urn:dslforum-org:cwmp-1-2}ID")
    assert ident == header.id


@given(ALL["GetParameterValuesResponse"])
@settings(max_examples=40, deadline=None, derandomize=True)
def test_we_read_what_expat_writes(message: m.GetParameterValuesResponse) -> None:
    """ElementTree chooses prefixes of its own; those inside attribute values it leaves to us.

    Carriage returns it writes bare, so that they are lost by the rules of XML.
    """
    assume("\r" not in "".join(p.name + p.value for p in message.parameter_list))
    root = ET.fromstring(soap.encode(m.Envelope(message)))
    root.set("xmlns:xsd", "http://www.w3.org/2001/XMLSchema")
    root.set("xmlns:cwmp", "urn:dslforum-org:cwmp-1-2")
    root.set("xmlns:soap-enc", "http://schemas.xmlsoap.org/soap/encoding/")
    assert soap.read(ET.tostring(root, encoding="utf-8")).envelope == m.Envelope(message)
