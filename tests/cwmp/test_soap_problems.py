"""What is wrong is told by a stable code and an XPath, and the message is still given where it can be."""

import pytest
from test_soap_golden import FAULT, GET, INFORM, INFORM_READ, envelope

from harness.cwmp import messages as m
from harness.cwmp import soap

_I = "/soap-env:Envelope/soap-env:Body/cwmp:Inform"
_H = "/soap-env:Envelope/soap-env:Header"

# what is replaced in the golden Inform, by what, the code, where, whether the message reads the same
INFORM_CASES = [
    (b"EventStruct[2]", b"EventStruct[3]", "array-type.count", f"{_I}/Event/@soap-enc:arrayType", True),
    (b"EventStruct[2]", b"EventStruct[]", "array-type.count", f"{_I}/Event/@soap-enc:arrayType", True),
    (b"cwmp:EventStruct[2]", b"xsd:string[2]", "array-type.type", f"{_I}/Event/@soap-enc:arrayType", True),
    (
        b"cwmp:EventStruct[2]",
        b"nope:EventStruct[2]",
        "array-type.type",
        f"{_I}/Event/@soap-enc:arrayType",
        True,
    ),
    (b"cwmp:EventStruct[2]", b"2", "array-type.form", f"{_I}/Event/@soap-enc:arrayType", True),
    (b' soapenc:arrayType="cwmp:EventStruct[2]"', b"", "array-type.missing", f"{_I}/Event", True),
    (
        b"<CommandKey/></EventStruct>",
        b"<CommandKey/></EventStruct><x/>",
        "array.item-name",
        f"{_I}/Event/x",
        False,
    ),
    (
        b' xsi:type="xsd:string"',
        b"",
        "value.type-missing",
        f"{_I}/ParameterList/ParameterValueStruct[1]/Value",
        False,
    ),
    (
        b'"xsd:unsignedInt"',
        b'"xsd:nonsense"',
        "value.type-unknown",
        f"{_I}/ParameterList/ParameterValueStruct[2]/Value/@xsi:type",
        False,
    ),
    (
        b'"xsd:unsignedInt"',
        b'"unsignedInt"',
        "value.type-unknown",
        f"{_I}/ParameterList/ParameterValueStruct[2]/Value/@xsi:type",
        False,
    ),
    (b">1200<", b">12O0<", "value.lexical", f"{_I}/ParameterList/ParameterValueStruct[2]/Value", False),
    (b"<RetryCount>0</RetryCount>", b"", "argument.missing", _I, True),
    (b"<RetryCount>0<", b"<RetryCount>-1<", "argument.value", f"{_I}/RetryCount", False),
    (b"<RetryCount>0<", b"<RetryCount>0<b/><", "argument.value", f"{_I}/RetryCount", True),
    (b"<RetryCount>", b"<RetryCount xsi:nil='1'>", "argument.nil", f"{_I}/RetryCount", True),
    (b"<OUI>00A057", b"<OUI>00a057", "argument.value", f"{_I}/DeviceId/OUI", False),
    (
        b"<SerialNumber>4711",
        b"<SerialNumber>" + b"9" * 65,
        "argument.value",
        f"{_I}/DeviceId/SerialNumber",
        False,
    ),
    (b"<CurrentTime>2024-02-29", b"<CurrentTime>2023-02-29", "argument.value", f"{_I}/CurrentTime", False),
    (
        b"<RetryCount>0</RetryCount>",
        b"<cwmp:RetryCount>0</cwmp:RetryCount>",
        "argument.qualified",
        f"{_I}/cwmp:RetryCount",
        True,
    ),
    (
        b"<RetryCount>0</RetryCount>",
        b"<RetryCount>0</RetryCount><Extra/>",
        "argument.unknown",
        f"{_I}/Extra",
        True,
    ),
    (
        b"<RetryCount>0</RetryCount>",
        b"<RetryCount>0</RetryCount><RetryCount>1</RetryCount>",
        "argument.duplicate",
        f"{_I}/RetryCount[2]",
        True,
    ),
    (b"<OUI>00A057</OUI>\n", b"<OUI>00A057</OUI>stray\n", "text.unexpected", f"{_I}/DeviceId", True),
    (b'ID soapenv:mustUnderstand="1"', b"ID", "header.must-understand", f"{_H}/cwmp:ID", True),
    (
        b'ID soapenv:mustUnderstand="1"',
        b'ID soapenv:mustUnderstand="0"',
        "header.must-understand",
        f"{_H}/cwmp:ID",
        True,
    ),
    (
        b'SessionTimeout soapenv:mustUnderstand="0"',
        b'SessionTimeout soapenv:mustUnderstand="1"',
        "header.must-understand",
        f"{_H}/cwmp:SessionTimeout",
        True,
    ),
    (b">60<", b">sixty<", "header.value", f"{_H}/cwmp:SessionTimeout", False),
    (b"1.0, 1.2,1.4", b"1.0;1.2", "header.value", f"{_H}/cwmp:SupportedCWMPVersions", False),
    (
        b"</cwmp:ID>",
        b"</cwmp:ID><cwmp:ID soapenv:mustUnderstand='1'>43</cwmp:ID>",
        "header.duplicate",
        f"{_H}/cwmp:ID[2]",
        True,
    ),
    (b"</soapenv:Header>", b"<ID/></soapenv:Header>", "header.unqualified", f"{_H}/ID", True),
    (b"<soapenv:Body>", b"<x/><soapenv:Body>", "envelope.children", "/soap-env:Envelope", True),
    (
        b"schemas.xmlsoap.org/soap/envelope/",
        b"www.w3.org/2003/05/soap-envelope",
        "envelope.namespace",
        "/*:Envelope",
        True,
    ),
]


@pytest.mark.parametrize("row", INFORM_CASES, ids=lambda row: f"{row[2]}-{row[1][:24]!r}")
def test_deviation_is_told_and_still_read(row: tuple[bytes, bytes, str, str, bool]) -> None:
    old, new, code, where, same = row
    assert old in INFORM
    reading = soap.read(INFORM.replace(old, new, 1))
    assert code in soap.CODES
    assert (code, where) in [(problem.code, problem.where) for problem in reading.problems]
    assert reading.envelope is not None
    assert isinstance(reading.envelope.message, m.Inform)
    assert (reading.envelope == INFORM_READ) is same


def test_a_mustunderstand_of_another_soap_is_no_mustunderstand() -> None:
    """SOAP 1.2 as a whole still gives the message, but the headers' attributes are foreign to SOAP 1.1."""
    data = INFORM.replace(b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope")
    reading = soap.read(data)
    assert {p.code for p in reading.problems} == {"envelope.namespace", "header.must-understand"}


def test_wrong_order_is_told_and_read() -> None:
    data = INFORM.replace(b"<MaxEnvelopes>1</MaxEnvelopes>", b"").replace(
        b"<RetryCount>0</RetryCount>", b"<RetryCount>0</RetryCount><MaxEnvelopes>1</MaxEnvelopes>"
    )
    reading = soap.read(data)
    assert [(p.code, p.where) for p in reading.problems] == [("argument.order", f"{_I}/MaxEnvelopes")]
    assert reading.envelope == INFORM_READ


@pytest.mark.parametrize("suffix", [b"3", b"4", b"99"])
def test_invented_namespace_is_told_once_and_read(suffix: bytes) -> None:
    reading = soap.read(INFORM.replace(b"cwmp-1-2", b"cwmp-1-" + suffix))
    assert [p.code for p in reading.problems] == ["namespace.unknown"]
    assert reading.envelope is not None
    assert reading.envelope.message == INFORM_READ.message
    assert reading.envelope.namespace == "urn:dslforum-org:cwmp-1-" + suffix.decode()


def test_foreign_namespace_is_no_message_of_ours() -> None:
    reading = soap.read(envelope("<x:Reboot xmlns:x='urn:x'/>"))
    assert [p.code for p in reading.problems] == ["namespace.unknown"]
    assert reading.envelope is not None
    assert reading.envelope.message == m.UnknownMessage("urn:x", "Reboot")


def test_message_newer_than_its_namespace() -> None:
    body = "<c:CancelTransfer><CommandKey>k</CommandKey></c:CancelTransfer>"
    assert [p.code for p in soap.read(envelope(body, version="1-1")).problems] == ["message.version"]
    assert soap.read(envelope(body, version="1-2")).problems == ()


def test_header_of_another_version_than_the_message() -> None:
    header = "<h:ID xmlns:h='urn:dslforum-org:cwmp-1-2' SOAP-ENV:mustUnderstand='1'>1</h:ID>"
    reading = soap.read(envelope("<c:FactoryReset/>", header))
    assert [p.code for p in reading.problems] == ["header.namespace"]
    assert reading.envelope is not None
    assert reading.envelope.header.id == "1"


def test_unknown_headers_are_given_and_no_problem() -> None:
    header = "<x:h xmlns:x='urn:x' SOAP-ENV:mustUnderstand='1'>1</x:h><y:g xmlns:y='urn:y'/>"
    reading = soap.read(envelope("<c:FactoryReset/>", header))
    assert reading.problems == ()
    assert reading.envelope is not None
    assert reading.envelope.header.unknown == (
        m.UnknownHeader("urn:x", "h", True),
        m.UnknownHeader("urn:y", "g", False),
    )


@pytest.mark.parametrize(
    ("old", "new", "codes", "must"),
    [
        (b"CWMP fault", b"CWMP Fault", ["fault.string"], True),
        (b"CWMP fault", b" CWMP fault ", ["fault.string"], False),
        (b"CWMP fault", b"Oops", ["fault.string"], True),
        (b"SOAP-ENV:Client", b"Receiver", ["fault.code"], True),
        (b"<faultcode>SOAP-ENV:Client</faultcode>", b"", ["argument.missing"], True),
        (b"9003", b"nine", ["argument.value"], True),
        (b"<c:Fault>", b"<c:fault>", ["fault.detail"], True),
    ],
)
def test_faults(old: bytes, new: bytes, codes: list[str], must: bool) -> None:
    data = FAULT.replace(old, new)
    if new == b"<c:fault>":
        data = data.replace(b"</c:Fault>", b"</c:fault>")
    reading = soap.read(data)
    assert [p.code for p in reading.problems] == codes
    assert bool(reading.violations) is must
    assert reading.envelope is not None
    assert isinstance(reading.envelope.message, m.Fault)


def test_operation_without_type_cannot_be_understood() -> None:
    reading = soap.read(envelope("<c:ChangeDUState><Operations/></c:ChangeDUState>", version="1-2"))
    assert reading.envelope is None
    assert [p.code for p in reading.problems if p.fatal] == ["value.type-missing"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            '<c:GetParameterValues><ParameterNames SOAP-ENC:arrayType="s:string[0]"/></c:GetParameterValues>',
            "array.items",
        ),
        (
            "<c:DeleteObject><ObjectName>Device.X</ObjectName><ParameterKey/></c:DeleteObject>",
            "argument.value",
        ),
        (
            "<c:AddObjectResponse><InstanceNumber>0</InstanceNumber><Status>0</Status></c:AddObjectResponse>",
            "argument.value",
        ),
        ("<c:DeleteObjectResponse><Status>2</Status></c:DeleteObjectResponse>", "argument.value"),
        ("<c:Reboot><CommandKey>" + "k" * 33 + "</CommandKey></c:Reboot>", "argument.value"),
        (
            "<c:GetParameterNames><ParameterPath/><NextLevel>TRUE</NextLevel></c:GetParameterNames>",
            "argument.value",
        ),
        ("<c:FactoryReset><x/></c:FactoryReset>", "argument.unknown"),
    ],
)
def test_limits_of_the_schema(body: str, code: str) -> None:
    reading = soap.read(envelope(body))
    assert [p.code for p in reading.problems] == [code]
    with pytest.raises(soap.SoapError) as caught:
        soap.decode(envelope(body))
    assert caught.value.problem == reading.problems[0]


def test_an_error_is_one_line_with_where_expected_found_source() -> None:
    with pytest.raises(soap.SoapError) as caught:
        soap.decode(GET.replace(b"s:string[2]", b"s:string[7]"))
    assert str(caught.value) == (
        "/soap-env:Envelope/soap-env:Body/cwmp:GetParameterValues/ParameterNames/@soap-enc:arrayType: "
        "expected xsd:string[2], found 's:string[7]' with 2 items (TR-069 3.5, SOAP 1.1 5.4.2)"
    )


def test_foreign_text_is_shown_short_and_escaped() -> None:
    body = "<c:Reboot><CommandKey>" + "k\n" * 5000 + "</CommandKey></c:Reboot>"
    (problem,) = soap.read(envelope(body)).problems
    assert "\n" not in str(problem)
    assert len(str(problem)) < 600
