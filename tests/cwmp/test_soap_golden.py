"""The reader against envelopes written by hand after TR-069 3.5 and the schemas, never by our own writer."""

import pytest

from harness.cwmp import messages as m
from harness.cwmp import soap

INFORM = b"""<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:cwmp="urn:dslforum-org:cwmp-1-2">
  <soapenv:Header>
    <cwmp:ID soapenv:mustUnderstand="1">42</cwmp:ID>
    <cwmp:SessionTimeout soapenv:mustUnderstand="0">60</cwmp:SessionTimeout>
    <cwmp:SupportedCWMPVersions soapenv:mustUnderstand="0">1.0, 1.2,1.4</cwmp:SupportedCWMPVersions>
  </soapenv:Header>
  <soapenv:Body>
    <cwmp:Inform>
      <DeviceId>
        <Manufacturer>Example &amp; Sons</Manufacturer>
        <OUI>00A057</OUI>
        <ProductClass></ProductClass>
        <SerialNumber>4711</SerialNumber>
      </DeviceId>
      <Event soapenc:arrayType="cwmp:EventStruct[2]">
        <EventStruct><EventCode>1 BOOT</EventCode><CommandKey/></EventStruct>
        <EventStruct><EventCode>M Reboot</EventCode><CommandKey>k&#233;y</CommandKey></EventStruct>
      </Event>
      <MaxEnvelopes>1</MaxEnvelopes>
      <CurrentTime>2024-02-29T12:00:00+01:00</CurrentTime>
      <RetryCount>0</RetryCount>
      <ParameterList soapenc:arrayType="cwmp:ParameterValueStruct[2]">
        <ParameterValueStruct>
          <Name>Device.DeviceInfo.SoftwareVersion</Name>
          <Value xsi:type="xsd:string">10.80</Value>
        </ParameterValueStruct>
        <ParameterValueStruct>
          <Name>Device.ManagementServer.PeriodicInformInterval</Name>
          <Value xsi:type="xsd:unsignedInt">1200</Value>
        </ParameterValueStruct>
      </ParameterList>
    </cwmp:Inform>
  </soapenv:Body>
</soapenv:Envelope>
"""

INFORM_READ = m.Envelope(
    m.Inform(
        device_id=m.DeviceIdStruct("Example & Sons", "00A057", "", "4711"),
        event=(m.EventStruct("1 BOOT"), m.EventStruct("M Reboot", "k\u00e9y")),
        max_envelopes=1,
        current_time="2024-02-29T12:00:00+01:00",
        retry_count=0,
        parameter_list=(
            m.ParameterValueStruct("Device.DeviceInfo.SoftwareVersion", "10.80"),
            m.ParameterValueStruct(
                "Device.ManagementServer.PeriodicInformInterval", "1200", "xsd:unsignedInt"
            ),
        ),
    ),
    m.Header(id="42", session_timeout=60, supported_cwmp_versions=("1.0", "1.2", "1.4")),
)


def envelope(body: str, header: str = "", version: str = "1-0") -> bytes:
    """The frame around a hand-written body."""
    return (
        '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" '
        'xmlns:s="http://www.w3.org/2001/XMLSchema" '
        f'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns:c="urn:dslforum-org:cwmp-{version}">'
        f"<SOAP-ENV:Header>{header}</SOAP-ENV:Header><SOAP-ENV:Body>{body}</SOAP-ENV:Body>"
        "</SOAP-ENV:Envelope>"
    ).encode()


GET = envelope(
    '<c:GetParameterValues><ParameterNames SOAP-ENC:arrayType="s:string[2]"><string>Device.</string>'
    "<string></string></ParameterNames></c:GetParameterValues>",
    '<c:ID SOAP-ENV:mustUnderstand="1"> a&lt;b </c:ID><c:HoldRequests SOAP-ENV:mustUnderstand="1">true'
    '</c:HoldRequests><c:NoMoreRequests SOAP-ENV:mustUnderstand="1">0</c:NoMoreRequests>',
)
SET = envelope(
    '<c:SetParameterValues><ParameterList SOAP-ENC:arrayType="c:ParameterValueStruct[1]">'
    '<ParameterValueStruct><Name>Device.X.Key</Name><Value i:type="SOAP-ENC:base64">AAEC</Value>'
    "</ParameterValueStruct></ParameterList><ParameterKey>p1</ParameterKey></c:SetParameterValues>"
)
FAULT = envelope(
    "<SOAP-ENV:Fault><faultcode>SOAP-ENV:Client</faultcode><faultstring>CWMP fault</faultstring><detail>"
    "<c:Fault><FaultCode>9003</FaultCode><FaultString>Invalid arguments</FaultString>"
    "<SetParameterValuesFault><ParameterName>Device.A</ParameterName><FaultCode>9005</FaultCode>"
    "<FaultString>no such</FaultString></SetParameterValuesFault>"
    "<SetParameterValuesFault><ParameterName>Device.B</ParameterName><FaultCode>9008</FaultCode>"
    "</SetParameterValuesFault></c:Fault></detail></SOAP-ENV:Fault>",
    version="1-1",
)
TRANSFER = envelope(
    "<c:TransferComplete><CommandKey>dl</CommandKey><FaultStruct><FaultCode>9016</FaultCode>"
    "<FaultString>404</FaultString></FaultStruct><StartTime>2024-01-01T00:00:00Z</StartTime>"
    "<CompleteTime>0001-01-01T00:00:00Z</CompleteTime></c:TransferComplete>"
)
DOWNLOAD = envelope(
    "<c:Download><CommandKey>k</CommandKey><FileType>1 Firmware Upgrade Image</FileType>"
    "<URL>http://192.0.2.1/f?a=1&amp;b=2</URL><Username>u</Username><Password>p</Password>"
    "<FileSize>4294967295</FileSize><TargetFileName/><DelaySeconds>+030</DelaySeconds>"
    "<SuccessURL/><FailureURL/></c:Download>"
)
ATTRIBUTES = envelope(
    '<c:SetParameterAttributes><ParameterList SOAP-ENC:arrayType="c:SetParameterAttributesStruct[1]">'
    "<SetParameterAttributesStruct><Name>Device.</Name><NotificationChange>1</NotificationChange>"
    "<Notification>2</Notification><AccessListChange>false</AccessListChange>"
    '<AccessList SOAP-ENC:arrayType="s:string[1]"><string>Subscriber</string></AccessList>'
    "</SetParameterAttributesStruct></ParameterList></c:SetParameterAttributes>"
)
CHANGE_DU = envelope(
    '<c:ChangeDUState><Operations i:type="c:InstallOpStruct"><URL>http://192.0.2.1/du</URL></Operations>'
    '<Operations i:type="c:UninstallOpStruct"><UUID>01234567-89ab-cdef-0123-456789ABCDEF</UUID>'
    "<Version>2</Version></Operations><CommandKey>du</CommandKey></c:ChangeDUState>",
    version="1-2",
)
OPTIONS = envelope(
    '<c:GetOptionsResponse><OptionList SOAP-ENC:arrayType="c:OptionStruct[1]"><OptionStruct>'
    "<OptionName>o</OptionName><VoucherSN>1</VoucherSN><State>3</State><Mode>2</Mode>"
    "<StartDate>2024-01-01T00:00:00</StartDate><IsTransferable>1</IsTransferable></OptionStruct>"
    "</OptionList></c:GetOptionsResponse>"
)
MUST_UNDERSTAND = envelope(
    "<SOAP-ENV:Fault><faultcode>SOAP-ENV:MustUnderstand</faultcode><faultstring>no</faultstring>"
    "</SOAP-ENV:Fault>"
)

GOLDEN = {
    "inform": (INFORM, INFORM_READ),
    "get": (
        GET,
        m.Envelope(
            m.GetParameterValues(("Device.", "")),
            m.Header(id=" a<b ", hold_requests=True, no_more_requests=False),
            "urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "set": (
        SET,
        m.Envelope(
            m.SetParameterValues((m.ParameterValueStruct("Device.X.Key", "AAEC", "soapenc:base64"),), "p1"),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "fault": (
        FAULT,
        m.Envelope(
            m.Fault(
                9003,
                "Invalid arguments",
                (
                    m.SetParameterValuesFault("Device.A", 9005, "no such"),
                    m.SetParameterValuesFault("Device.B", 9008),
                ),
            ),
            namespace="urn:dslforum-org:cwmp-1-1",
        ),
    ),
    "transfer-complete": (
        TRANSFER,
        m.Envelope(
            m.TransferComplete("dl", m.FaultStruct(9016, "404"), "2024-01-01T00:00:00Z", m.UNKNOWN_TIME),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "download": (
        DOWNLOAD,
        m.Envelope(
            m.Download(
                "k",
                "1 Firmware Upgrade Image",
                "http://192.0.2.1/f?a=1&b=2",
                "u",
                "p",
                4294967295,
                delay_seconds=30,
            ),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "attributes": (
        ATTRIBUTES,
        m.Envelope(
            m.SetParameterAttributes(
                (m.SetParameterAttributesStruct("Device.", True, 2, False, ("Subscriber",)),)
            ),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "change-du-state": (
        CHANGE_DU,
        m.Envelope(
            m.ChangeDUState(
                "du",
                (
                    m.InstallOpStruct("http://192.0.2.1/du"),
                    m.UninstallOpStruct("01234567-89ab-cdef-0123-456789ABCDEF", "2"),
                ),
            )
        ),
    ),
    "options": (
        OPTIONS,
        m.Envelope(
            m.GetOptionsResponse(
                (m.OptionStruct("o", 1, 3, 2, "2024-01-01T00:00:00", is_transferable=True),)
            ),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "must-understand": (
        MUST_UNDERSTAND,
        m.Envelope(
            m.Fault(None, soap_faultcode="MustUnderstand", soap_faultstring="no"),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
    "empty": (
        envelope("<c:FactoryReset/>"),
        m.Envelope(m.FactoryReset(), namespace="urn:dslforum-org:cwmp-1-0"),
    ),
    "vendor": (
        envelope("<v:X_00A057_Do xmlns:v='urn:dslforum-org:cwmp-1-0'><a/></v:X_00A057_Do>"),
        m.Envelope(
            m.UnknownMessage("urn:dslforum-org:cwmp-1-0", "X_00A057_Do"),
            namespace="urn:dslforum-org:cwmp-1-0",
        ),
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_reads_hand_written_envelope(name: str) -> None:
    data, expected = GOLDEN[name]
    reading = soap.read(data)
    # An un-zoned StartDate is XML Schema's own business; nothing here is wrong in any way.
    assert reading.problems == ()
    assert reading.envelope == expected
    assert soap.decode(data) == expected


def test_writes_the_bytes_of_the_standard() -> None:
    written = soap.encode(
        m.Envelope(
            m.SetParameterValues((m.ParameterValueStruct("Device.X", "\u00e9&<\r", "xsd:string"),), "k"),
            m.Header(id="7", hold_requests=False),
            "urn:dslforum-org:cwmp-1-0",
        )
    )
    assert written == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
        b' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
        b' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
        b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        b' xmlns:cwmp="urn:dslforum-org:cwmp-1-0">'
        b'<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">7</cwmp:ID>'
        b'<cwmp:HoldRequests soap-env:mustUnderstand="1">0</cwmp:HoldRequests></soap-env:Header>'
        b"<soap-env:Body><cwmp:SetParameterValues>"
        b'<ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[1]"><ParameterValueStruct>'
        b'<Name>Device.X</Name><Value xsi:type="xsd:string">&#233;&amp;&lt;&#13;</Value>'
        b"</ParameterValueStruct></ParameterList><ParameterKey>k</ParameterKey></cwmp:SetParameterValues>"
        b"</soap-env:Body></soap-env:Envelope>"
    )


def test_writes_a_fault_as_tr069_shows_it() -> None:
    written = soap.encode(
        m.Envelope(m.Fault(9003, "bad", (m.SetParameterValuesFault("Device.A", 9005, "x"),)))
    )
    assert written.partition(b"<soap-env:Body>")[2] == (
        b"<soap-env:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>"
        b"<detail><cwmp:Fault><FaultCode>9003</FaultCode><FaultString>bad</FaultString>"
        b"<SetParameterValuesFault><ParameterName>Device.A</ParameterName><FaultCode>9005</FaultCode>"
        b"<FaultString>x</FaultString></SetParameterValuesFault></cwmp:Fault></detail></soap-env:Fault>"
        b"</soap-env:Body></soap-env:Envelope>"
    )


def test_mustunderstand_of_every_header() -> None:
    header = m.Header("1", True, False, 30, ("1.0", "1.4"), "1.4", (m.UnknownHeader("urn:x", "h", True),))
    text = soap.encode(m.Envelope(m.InformResponse(), header)).decode()
    for expected in (
        '<cwmp:ID soap-env:mustUnderstand="1">1<',
        '<cwmp:HoldRequests soap-env:mustUnderstand="1">1<',
        '<cwmp:SessionTimeout soap-env:mustUnderstand="0">30<',
        '<cwmp:SupportedCWMPVersions soap-env:mustUnderstand="0">1.0,1.4<',
        '<cwmp:UseCWMPVersion soap-env:mustUnderstand="1">1.4<',
        ':h xmlns:ns0="urn:x" soap-env:mustUnderstand="1"',
    ):
        assert expected in text
    assert soap.decode(text.encode()).header == header


def test_a_tree_can_be_altered_before_it_is_written() -> None:
    tree = soap.encode_tree(INFORM_READ)
    event = tree.find(".//Event")
    assert event is not None
    event.set("{http://schemas.xmlsoap.org/soap/encoding/}arrayType", "cwmp:EventStruct[3]")
    assert [p.code for p in soap.read(soap.serialize(tree)).problems] == ["array-type.count"]


@pytest.mark.parametrize("text", ["\x00", "a\x0bb", "\ufffe", "\ud800"])
def test_text_that_xml_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(soap.SoapError) as caught:
        soap.encode(m.Envelope(m.Reboot(text)))
    assert caught.value.problem.code == "text.not-xml"
