"""The same Inform in every legal dress reads the same, without a problem."""

import re

import pytest
from test_soap_golden import FAULT, GET, INFORM, INFORM_READ, envelope

from harness.cwmp import messages as m
from harness.cwmp import soap

TEXT = INFORM.decode()


def _prefixes(text: str) -> str:
    for old, new in (("soapenv", "e"), ("soapenc", "f"), ("xsd", "g"), ("xsi", "h"), ("cwmp", "i")):
        text = re.sub(rf"\b{old}:(?!//)", f"{new}:", text).replace(f"xmlns:{old}=", f"xmlns:{new}=")
    return text


def _default_namespaces(text: str) -> str:
    """SOAP as the default namespace of the frame, CWMP of the message, none of the arguments."""
    text = re.sub(r"<(/?)soapenv:(Envelope|Header|Body)", r"<\1\2", text)
    text = text.replace("<Envelope ", '<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/" ')
    text = text.replace("<cwmp:Inform>", '<Inform xmlns="urn:dslforum-org:cwmp-1-2">')
    text = text.replace("</cwmp:Inform>", "</Inform>")
    for name in ("DeviceId", "Event", "MaxEnvelopes", "CurrentTime", "RetryCount", "ParameterList"):
        text = re.sub(rf"<{name}\b", f'<{name} xmlns=""', text)
    return text


def _local_declarations(text: str) -> str:
    """Prefixes bound where they are used, and bound to something else outside."""
    text = text.replace('xmlns:xsd="http://www.w3.org/2001/XMLSchema"', 'xmlns:xsd="urn:other"')
    return text.replace("<Value ", '<Value xmlns:xsd="http://www.w3.org/2001/XMLSchema" ')


def _comments(text: str) -> str:
    text = text.replace(">4711<", "><!-- a -->47<!-- b --><?p q?>11<")
    return text.replace("<cwmp:Inform>", "<!-- <!DOCTYPE x> --><cwmp:Inform><?x y?>")


VARIANTS = {
    "prefixes": _prefixes(TEXT).encode(),
    "default-namespaces": _default_namespaces(TEXT).encode(),
    "local-declarations": _local_declarations(TEXT).encode(),
    "comments-and-pis": _comments(TEXT).encode(),
    "comment-before-root": TEXT.replace("?>\n", "?>\n<!-- <!DOCTYPE a> -->\n<?p?>\n", 1).encode(),
    "cdata": TEXT.replace("Example &amp; Sons", "<![CDATA[Example & Sons]]>").encode(),
    "half-cdata": TEXT.replace("Example &amp; Sons", "Exam<![CDATA[ple &]]> Sons").encode(),
    "character-references": TEXT.replace("4711", "&#x34;&#55;11").encode(),
    "single-quotes": TEXT.replace('"', "'").encode(),
    "no-declaration": TEXT.partition("\n")[2].encode(),
    "bom": b"\xef\xbb\xbf" + INFORM,
    "utf-16": TEXT.replace("UTF-8", "UTF-16").encode("utf-16"),
    "utf-16-be": b"\xfe\xff" + TEXT.replace("UTF-8", "utf-16").encode("utf-16-be"),
    "latin-1": TEXT.replace("UTF-8", "ISO-8859-1").replace("k&#233;y", "k\u00e9y").encode("latin-1"),
    "ascii": TEXT.replace("UTF-8", "us-ascii").encode("ascii"),
    "utf-8-characters": TEXT.replace("k&#233;y", "k\u00e9y").encode(),
    "crlf": TEXT.replace("\n", "\r\n").encode(),
    "no-white-space": re.sub(r">\s+<", "><", TEXT).encode(),
    "white-space-in-tags": TEXT.replace("<OUI>", "<OUI\n >").replace("</OUI>", "</OUI\t>").encode(),
    "white-space-in-numbers": TEXT.replace("<RetryCount>0<", "<RetryCount>\n +00 \t<").encode(),
    "white-space-in-qnames": TEXT.replace('"xsd:unsignedInt"', '" xsd:unsignedInt "').encode(),
    "array-type-blanks": TEXT.replace("EventStruct[2]", "EventStruct [ 2 ]").encode(),
    "trailing-white-space": INFORM + b"\r\n\r\n",
    "encoding-style": TEXT.replace(
        "<soapenv:Body>",
        '<soapenv:Body soapenv:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/" id="b">',
    ).encode(),
    "types-everywhere": TEXT.replace("<OUI>", '<OUI xsi:type="xsd:string">')
    .replace("<Event ", '<Event xsi:type="soapenc:Array" ')
    .replace("<MaxEnvelopes>", '<MaxEnvelopes xsi:type="xsd:unsignedInt">')
    .encode(),
    "header-order": re.sub(
        r"(<cwmp:ID.*?</cwmp:ID>)(\s*)(<cwmp:SessionTimeout.*?</cwmp:SessionTimeout>)",
        r"\3\2\1",
        TEXT,
        flags=re.DOTALL,
    ).encode(),
    "no-mustunderstand-where-zero": TEXT.replace(' soapenv:mustUnderstand="0"', "").encode(),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_legal_variant(name: str) -> None:
    data = VARIANTS[name]
    assert data != INFORM
    reading = soap.read(data)
    assert reading.problems == ()
    assert reading.envelope == INFORM_READ


@pytest.mark.parametrize("text", ["1", "true", " true\n"])
@pytest.mark.parametrize("other", ["0", "false"])
def test_booleans(text: str, other: str) -> None:
    body = "<c:GetParameterNames><ParameterPath/><NextLevel>{}</NextLevel></c:GetParameterNames>"
    assert soap.decode(envelope(body.format(text))).message == m.GetParameterNames("", True)
    assert soap.decode(envelope(body.format(other))).message == m.GetParameterNames("", False)


@pytest.mark.parametrize(
    "code", ["Client", "SOAP-ENV:Client", "Server", "\n SOAP-ENV:Server ", "Client.Auth"]
)
def test_faultcodes(code: str) -> None:
    reading = soap.read(FAULT.replace(b"SOAP-ENV:Client", code.encode()))
    assert reading.problems == ()
    assert reading.envelope is not None
    assert isinstance(reading.envelope.message, m.Fault)
    assert reading.envelope.message.soap_faultcode == code.strip().removeprefix("SOAP-ENV:")


def test_strings_keep_their_white_space() -> None:
    body = "<c:Reboot><CommandKey> \n k\t </CommandKey></c:Reboot>"
    assert soap.decode(envelope(body)).message == m.Reboot(" \n k\t ")


def test_types_are_resolved_not_compared_as_text() -> None:
    data = INFORM.replace(b"xsd:", b"g:").replace(b"xmlns:xsd=", b"xmlns:g=")
    assert soap.decode(data) == INFORM_READ
    other = GET.replace(b"GetParameterValues", b"GetParameterValuesResponse")
    assert soap.read(other).envelope is not None


def test_a_type_of_another_namespace_is_given_in_clark_notation() -> None:
    data = INFORM.replace(b'XMLSchema"', b'XMLSchema-other"')
    reading = soap.read(data)
    assert reading.envelope is not None
    assert isinstance(reading.envelope.message, m.Inform)
    value = reading.envelope.message.parameter_list[1]
    assert value.type == "{http://www.w3.org/2001/XMLSchema-other}unsignedInt"
    assert {p.code for p in reading.problems} == {"value.type-unknown"}
    again = soap.read(soap.encode(reading.envelope))
    assert again.envelope == reading.envelope
