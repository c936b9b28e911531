"""What is refused outright, and that nothing a peer may send does more than give a problem."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_soap_golden import FAULT, GET, GOLDEN, INFORM, envelope

from harness.cwmp import soap

BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9))
    + b"]>"
)
DECLARATION, _, REST = INFORM.partition(b"\n")

REFUSED = {
    "empty": (b"", "not-xml"),
    "blank": (b" \r\n\t", "not-xml"),
    "garbage": (b"\x00\xff\x00garbage", "not-xml"),
    "cut": (INFORM[:-40], "not-xml"),
    "two-roots": (INFORM + b"<a/>", "not-xml"),
    "unbound-prefix": (GET.replace(b"xmlns:c=", b"xmlns:d="), "not-xml"),
    "unknown-entity": (GET.replace(b"Device.", b"&nope;"), "not-xml"),
    "control-character": (GET.replace(b"Device.", b"\x01"), "not-xml"),
    "bad-utf-8": (GET.replace(b"Device.", b"\xff\xfe\xfd"), "not-xml"),
    "doctype": (b"<!DOCTYPE soap>" + REST, "doctype"),
    "doctype-after-comment": (b"<?xml version='1.0'?><!-- x --><?pi?>\n<!DOCTYPE soap>" + REST, "doctype"),
    "doctype-utf-16": (("<!DOCTYPE soap>" + REST.decode()).encode("utf-16"), "doctype"),
    "external-entity": (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + REST.replace(b"4711", b"&e;"),
        "doctype",
    ),
    "external-dtd": (b'<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd">' + REST, "doctype"),
    "bomb": (BOMB + REST.replace(b"4711", b"&j;"), "doctype"),
    "xml-1.1": (b'<?xml version="1.1"?>' + REST, "xml.version"),
    "xml-2.0": (b'<?xml version="2.0"?>' + REST, "xml.version"),
    "windows-1252": (b'<?xml version="1.0" encoding="windows-1252"?>' + REST, "encoding"),
    "utf-7": (b'<?xml version="1.0" encoding="utf-7"?>' + REST, "encoding"),
    "utf-32": (INFORM.decode().replace("UTF-8", "UTF-32").encode("utf-32"), "encoding"),
    "no-envelope": (b"<html/>", "envelope.root"),
    "no-body": (GET.replace(b"SOAP-ENV:Body", b"SOAP-ENV:Bodice"), "envelope.children"),
    "empty-body": (envelope(""), "body.children"),
    "two-messages": (envelope("<c:FactoryReset/><c:FactoryReset/>"), "body.children"),
    "two-bodies": (
        GET.replace(b"</SOAP-ENV:Body>", b"</SOAP-ENV:Body><SOAP-ENV:Body/>"),
        "envelope.children",
    ),
    "deep": (envelope("<c:FactoryReset>" + "<a>" * 60 + "</a>" * 60 + "</c:FactoryReset>"), "too-deep"),
    "very-deep": (b"<a>" * 5000 + b"</a>" * 5000, "too-deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    data, code = REFUSED[name]
    reading = soap.read(data)
    assert reading.envelope is None
    assert reading.problems[-1].fatal
    assert reading.problems[-1].code == code
    assert code in soap.CODES
    with pytest.raises(soap.SoapError):
        soap.decode(data)


def test_size_is_the_receivers_choice() -> None:
    assert soap.read(GET, soap.Limits(size=len(GET))).problems == ()
    assert [p.code for p in soap.read(GET, soap.Limits(size=len(GET) - 1)).problems] == ["too-large"]
    padded = GET.replace(b"Device.", b"Device." + b"x" * (8 * 1024 * 1024))
    assert [p.code for p in soap.read(padded).problems] == ["too-large"]


def test_depth_is_the_receivers_choice() -> None:
    assert soap.read(GET, soap.Limits(depth=5)).problems == ()
    assert [p.code for p in soap.read(GET, soap.Limits(depth=4)).problems] == ["too-deep"]


def test_problems_are_told_up_to_a_limit() -> None:
    data = envelope("<c:FactoryReset>" + "<x/>" * 50_000 + "</c:FactoryReset>")
    assert len(soap.read(data).problems) == 100


def test_a_must_is_told_behind_any_number_of_shoulds() -> None:
    header = "<x:h xmlns:x='urn:x' SOAP-ENV:mustUnderstand='true'/>" * 200
    data = envelope("<c:FactoryReset><x/></c:FactoryReset>", header)
    assert [p.code for p in soap.read(data).violations] == ["argument.unknown"]
    with pytest.raises(soap.SoapError, match="FactoryReset/x"):
        soap.decode(data)


def test_ten_thousand_namespaces_on_the_way_to_ten_thousand_types_are_cut_short() -> None:
    many = " ".join(f"xmlns:n{i}='urn:{i}'" for i in range(10_000))
    values = "<ParameterValueStruct><Name>a</Name><Value i:type='s:string'/></ParameterValueStruct>"
    data = envelope(
        f"<c:GetParameterValuesResponse {many}><ParameterList SOAP-ENC:arrayType="
        f"'c:ParameterValueStruct[10000]'>{values * 10_000}</ParameterList></c:GetParameterValuesResponse>"
    )
    assert [p.code for p in soap.read(data).problems] == ["too-large"]


def test_a_number_of_a_million_digits_is_only_wrong() -> None:
    data = INFORM.replace(b"<RetryCount>0", b"<RetryCount>" + b"9" * 1_000_000)
    assert [p.code for p in soap.read(data).problems] == ["argument.value"]


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_arbitrary_bytes_give_a_reading(data: bytes) -> None:
    reading = soap.read(data)
    assert reading.envelope is not None or reading.problems


_PIECES = [
    b"<",
    b">",
    b"/>",
    b"</a>",
    b"<a>",
    b"&#0;",
    b"&amp;",
    b"&x;",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<?p?>",
    b" xmlns='urn:x'",
    b" xmlns:c=''",
    b" xsi:nil='1'",
    b"\x00",
    b"\xff",
    b"[99999999999]",
    b"[-1]",
    b"<!DOCTYPE a>",
    b"9" * 50,
    b"cwmp:",
    b"xsd:",
    b":",
    b"{",
    b"mustUnderstand",
    b"\xef\xbb\xbf",
    b"soap-env:",
    b"<c:Fault/>",
]


@given(
    st.sampled_from([data for data, _ in GOLDEN.values()]),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(_PIECES) | st.binary(max_size=6)),
        min_size=1,
        max_size=4,
    ),
)
@settings(max_examples=600, deadline=None, derandomize=True)
def test_mutated_envelopes_give_a_reading(data: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    for place, cut, piece in edits:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + cut :]
    reading = soap.read(data)
    if reading.envelope is None:
        assert reading.problems[-1].fatal
    for problem in reading.problems:
        assert problem.code in soap.CODES
        assert "\n" not in str(problem)


@given(st.data())
@settings(max_examples=300, deadline=None, derandomize=True)
def test_swapped_elements_give_a_reading(data: st.DataObject) -> None:
    """Whole tags changed for others: well-formed far more often than with random bytes."""
    text = data.draw(st.sampled_from([INFORM, GET, FAULT])).decode()
    names = [
        "Inform",
        "DeviceId",
        "Event",
        "EventStruct",
        "string",
        "Value",
        "Name",
        "Fault",
        "Body",
        "Header",
        "ID",
    ]
    old, new = (
        data.draw(st.sampled_from(names)),
        data.draw(st.sampled_from([*names, "SetParameterValues", "x"])),
    )
    for mark in ("<{}", "</{}", ":{}"):
        text = text.replace(mark.format(old) + ">", mark.format(new) + ">")
    reading = soap.read(text.encode())
    assert reading.envelope is not None or reading.problems[-1].fatal
