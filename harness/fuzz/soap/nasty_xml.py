"""Known-nasty messages: XML, encodings, namespaces, the envelope and its headers (X1 to X5, S1, S2).

One entry a case. ``{known}``, ``{root}``, ``{branch}``, ``{namespace}`` stand for the device's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.fuzz.program import Edit, Expectation, Wanted
from harness.fuzz.soap.build import ALIKE, ANY, ILL_FORMED, INVALID, NO_EXPANSION
from harness.fuzz.soap.edits import edit, header_entry


@dataclass(frozen=True, slots=True)
class Nasty:
    """One case: what it says, the template it starts from, the edits, what a correct device may do."""

    id: str
    dimension: str
    says: str
    template: str
    edits: tuple[Edit, ...]
    expectation: Expectation = ANY


def row(
    id_: str,
    dimension: str,
    says: str,
    template: str,
    edits: Edit | Sequence[Edit],
    expectation: Expectation = ANY,
) -> Nasty:
    """An entry of the table."""
    return Nasty(
        id_, dimension, says, template, (edits,) if isinstance(edits, Edit) else tuple(edits), expectation
    )


E = edit
GPV: Final = "Envelope/Body/GetParameterValues"
NAMES: Final = f"{GPV}/ParameterNames"
NAME: Final = f"{NAMES}/string"
HEADER: Final = "Envelope/Header"
ID: Final = f"{HEADER}/ID"
BODY: Final = "Envelope/Body"

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENC = "http://schemas.xmlsoap.org/soap/encoding/"
_XSD = "http://www.w3.org/2001/XMLSchema"
_EXPANSION = Expectation(Wanted.NOT_OBEYED, (), NO_EXPANSION, "SOAP 1.1 3: no document type declaration")
_LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
_ENTITY_NAME = "{root}&e;.SoftwareVersion"


def _x1(
    id_: str, says: str, doctype: str, content: str = _ENTITY_NAME, expectation: Expectation = _EXPANSION
) -> Nasty:
    return row(
        id_, "X1", says, "read-one", (E("prolog", "", doctype), E("markup", NAME, content)), expectation
    )


_DTD: Final = (
    row("doctype-plain", "X1", "a document type without anything in it", "read-one", E("prolog", "", "<!DOCTYPE Envelope>")),
    row("doctype-external", "X1", "a document type that names an external one", "read-one",
        E("prolog", "", '<!DOCTYPE e SYSTEM "http://@{canary}/e.dtd">')),
    row("doctype-public", "X1", "a document type with a public identifier", "read-one",
        E("prolog", "", '<!DOCTYPE e PUBLIC "-//X//Y" "http://@{canary}/e.dtd">')),
    row("doctype-unfinished", "X1", "a document type that does not end", "read-one",
        E("prolog", "", "<!DOCTYPE e ["), ILL_FORMED),
    row("doctype-default-attribute", "X1", "a document type with a default for an attribute", "read-one",
        E("prolog", "", '<!DOCTYPE e [<!ATTLIST string a CDATA "1">]>')),
    _x1("entity-internal", "a name that is partly an internal entity", '<!DOCTYPE e [<!ENTITY e "DeviceInfo">]>'),
    _x1("entity-nested", "an entity inside an entity", '<!DOCTYPE e [<!ENTITY d "Device"><!ENTITY e "&d;Info">]>'),
    _x1("entity-billion-laughs", "ten entities, each ten times the one before", f'<!DOCTYPE e [<!ENTITY l0 "lol">{_LAUGHS}]>', "&l9;"),
    _x1("entity-quadratic", "an entity of 50,000 characters, named 20,000 times",
        f'<!DOCTYPE e [<!ENTITY e "{"A" * 50_000}">]>', "&e;" * 20_000),
    _x1("entity-recursive", "two entities that name each other", '<!DOCTYPE e [<!ENTITY e "&f;"><!ENTITY f "&e;">]>'),
    _x1("entity-file", "an external entity that is a file", '<!DOCTYPE e [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
    _x1("entity-device", "an external entity that never ends", '<!DOCTYPE e [<!ENTITY e SYSTEM "file:///dev/zero">]>'),
    _x1("entity-http", "an external entity on another host", '<!DOCTYPE e [<!ENTITY e SYSTEM "http://@{canary}/e">]>'),
    _x1("entity-ftp", "an external entity by FTP", '<!DOCTYPE e [<!ENTITY e SYSTEM "ftp://@{canary}/e">]>'),
    _x1("entity-unc", "an external entity on a file share", '<!DOCTYPE e [<!ENTITY e SYSTEM "\\\\@{canary}\\e">]>'),
    _x1("entity-parameter", "a parameter entity on another host", '<!DOCTYPE e [<!ENTITY % p SYSTEM "http://@{canary}/p">%p;]>', "{known}",
        ANY),
    _x1("entity-in-attribute", "an entity in an attribute", '<!DOCTYPE e [<!ENTITY e "1">]>', "<x a='&e;'/>", ANY),
    row("entity-undeclared", "X1", "an entity that nobody has declared", "read-one", E("markup", NAME, _ENTITY_NAME), ILL_FORMED),
)  # fmt: skip

_SIZE: Final = (
    *(row(f"depth-{depth}", "X2", f"elements nested {depth:,} deep", "read-one", E("nest", NAMES, depth))
      for depth in (100, 200, 257, 1_000, 10_000, 100_000)),
    *(row(f"header-depth-{depth}", "X2", f"a header entry {depth:,} deep", "read-one", E("nest", HEADER, depth, "h"))
      for depth in (257, 10_000)),
    *(row(f"attributes-{count}", "X2", f"an element with {count:,} attributes", "read-one", E("attributes", NAMES, count))
      for count in (100, 1_000, 100_000)),
    *(row(f"siblings-{count}", "X2", f"{count:,} empty elements", "read-one", E("spread", NAMES, count, "string"))
      for count in (1_000, 100_000)),
    *(row(f"namespaces-{count}", "X2", f"{count:,} namespaces declared", "read-one", E("namespaces", GPV, count))
      for count in (100, 1_000, 20_000)),
    *(row(f"element-name-{size}", "X2", f"an element with a name of {size:,} characters", "unknown-method",
          E("fill-name", f"{BODY}/X_000000_NoSuchMethod", size)) for size in (257, 1_025, 65_536)),
    row("prefix-65536", "X2", "a prefix of 65,536 characters", "read-one",
        E("append", HEADER, f'<{"p" * 65_536}:h xmlns:{"p" * 65_536}="urn:x"/>')),
    row("namespace-name-65536", "X2", "a namespace with a name of 65,536 characters", "read-one",
        E("append", HEADER, f'<p:h xmlns:p="urn:{"x" * 65_536}"/>')),
    *(row(f"attribute-value-{size}", "X2", f"an attribute of {size:,} characters", "read-one",
          E("fill-attribute", NAMES, "a", size)) for size in (1_025, 65_536, 11_000_000)),
    row("comment-65536", "X2", "a comment of 65,536 characters", "read-one", E("prolog", "", f"<!--{'c' * 65_536}-->")),
    row("space-65536", "X2", "65,536 blanks between elements", "read-one", E("prepend", BODY, " " * 65_536)),
    row("text-11000000", "X2", "a name of eleven million characters", "read-one", E("fill", NAME, 11_000_000),
        INVALID),
)  # fmt: skip


def _x3(id_: str, says: str, edits: Edit | Sequence[Edit], expectation: Expectation = ANY) -> Nasty:
    return row(id_, "X3", says, "read-one", edits, expectation)


_DECLARED = '<?xml version="1.0" encoding="{}"?>'
_CODING: Final = (
    _x3("bom-utf8", "a byte order mark of UTF-8", E("bom", "", "efbbbf"), ALIKE),
    _x3("no-declaration", "no XML declaration", E("declaration", "", ""), ALIKE),
    _x3("declaration-without-encoding", "an XML declaration without encoding", E("declaration", "", '<?xml version="1.0"?>'), ALIKE),
    _x3("declaration-single-quotes", "an XML declaration in single quotes",
        E("declaration", "", "<?xml version='1.0' encoding='utf-8'?>"), ALIKE),
    *(_x3(f"coded-{name}", f"coded in {name}", (E("declaration", "", _DECLARED.format(name)), E("encode", "", codec, bom)))
      for name, codec, bom in (
          ("UTF-16", "utf-16-le", "fffe"), ("UTF-16BE", "utf-16-be", "feff"), ("UTF-16LE", "utf-16-le", ""),
          ("UTF-32", "utf-32-le", "fffe0000"), ("UTF-7", "utf-7", ""), ("IBM037", "cp037", ""), ("ISO-8859-1", "latin-1", ""))),
    *(_x3(f"declared-{name}", f"declared as {name}, coded in UTF-8", E("declaration", "", _DECLARED.format(name)))
      for name in ("UTF-16", "UTF-32", "US-ASCII", "UTF-7", "x-nonsense", "A" * 300)),
    _x3("utf16-unpaired", "UTF-16 of an odd number of octets",
        (E("declaration", "", _DECLARED.format("UTF-16")), E("encode", "", "utf-16-le", "fffe"), E("insert", "999999", "\x00"))),
    *(_x3(f"octets-{name}", f"a name with {says}", E("octets", NAME, "{known}" + octets), ILL_FORMED) for name, says, octets in (
        ("nul", "a NUL", "\x00"), ("nul-middle", "a NUL and more after it", "\x00x"), ("control", "a control character", "\x08"),
        ("ffff", "U+FFFF", "\xef\xbf\xbf"), ("overlong", "an overlong NUL", "\xc0\x80"), ("overlong-slash", "an overlong slash", "\xe0\x80\xaf"),
        ("surrogate", "a surrogate", "\xed\xa0\x80"), ("above-unicode", "a character above U+10FFFF", "\xf4\x90\x80\x80"),
        ("five-octets", "a character of five octets", "\xf8\x88\x80\x80\x80"), ("cut-short", "half a character", "\xe2\x82"),
        ("lone", "an octet that begins nothing", "\xff"))),
    *(_x3(f"reference-{name}", f"a reference to {says}", E("markup", NAME, "{known}" + reference), ILL_FORMED) for name, says, reference in (
        ("nul", "NUL", "&#0;"), ("nul-middle", "NUL and more after it", "&#x0;x"), ("control", "a control character", "&#8;"),
        ("surrogate", "a surrogate", "&#xD800;"), ("above-unicode", "a character above U+10FFFF", "&#x110000;"),
        ("huge", "a character of a huge number", "&#99999999999999999999;"), ("empty", "nothing", "&#;"),
        ("unfinished", "a character that does not end", "&#65"))),
    row("write-reference-nul", "X3", "a value with a reference to NUL", "write-text", E("markup", "{value}", "ab&#0;cd"), ILL_FORMED),
    row("write-octet-nul", "X3", "a value with a NUL", "write-text", E("octets", "{value}", "ab\x00cd"), ILL_FORMED),
    row("write-octets-broken", "X3", "a value that is no UTF-8", "write-text", E("octets", "{value}", "ab\xff\xfecd"), ILL_FORMED),
    _x3("version-1.1", "XML 1.1", E("declaration", "", '<?xml version="1.1" encoding="UTF-8"?>')),
    _x3("version-2.0", "XML 2.0", E("declaration", "", '<?xml version="2.0" encoding="UTF-8"?>')),
    _x3("declaration-late", "an XML declaration that is not the first thing",
        E("declaration", "", '\n<?xml version="1.0" encoding="UTF-8"?>'), ILL_FORMED),
    _x3("declaration-twice", "two XML declarations", E("prolog", "", '<?xml version="1.0"?>'), ILL_FORMED),
)  # fmt: skip


def _x4(id_: str, says: str, edits: Edit | Sequence[Edit], expectation: Expectation = ILL_FORMED) -> Nasty:
    return row(id_, "X4", says, "read-one", edits, expectation)


_FORM: Final = (
    _x4("cdata", "a name in a CDATA section", E("cdata", NAME), ALIKE),
    _x4("cdata-beside-text", "a name half in a CDATA section", E("markup", NAME, "{root}<![CDATA[DeviceInfo.]]>SoftwareVersion"),
        ALIKE),
    _x4("comment", "a comment between elements", E("prepend", BODY, "<!-- comment -->"), ALIKE),
    _x4("comment-in-text", "a comment in the middle of a name", E("split", NAME, "<!-- comment -->"), ALIKE),
    _x4("comment-before", "a comment before the envelope", E("prolog", "", "<!-- comment -->"), ALIKE),
    _x4("comment-behind", "a comment behind the envelope", E("epilog", "", "<!-- comment -->"), ALIKE),
    _x4("references", "a name of hexadecimal character references", E("references", NAME, "16"), ALIKE),
    _x4("references-decimal", "a name of decimal character references", E("references", NAME, "10"), ALIKE),
    _x4("white-space", "white space between all elements", E("indent", "", "\r\n\t "), ALIKE),
    _x4("line-feed-behind", "line feeds behind the envelope", E("epilog", "", "\n\n"), ALIKE),
    _x4("attributes-reversed", "attributes in the other order", E("attributes-reversed"), ALIKE),
    _x4("single-quotes", "attributes in single quotes", E("single-quotes"), ALIKE),
    _x4("instruction-in-front", "a processing instruction before the envelope", E("prolog", "", "<?pi x?>"), ANY),
    _x4("instruction-inside", "a processing instruction in the Body", E("prepend", BODY, "<?pi x?>"), ANY),
    _x4("unclosed", "an element that is not closed", E("end-tag", NAMES, "")),
    _x4("unclosed-all", "a document that ends in the middle", E("truncate", "400")),
    _x4("misnested", "end tags in the wrong order", (E("end-tag", NAMES, "cwmp:GetParameterValues"), E("end-tag", GPV, "ParameterNames"))),
    _x4("two-roots", "a second root element", E("epilog", "", "<x/>")),
    _x4("envelope-twice", "the same envelope again behind the first", E("copy", "0", 100_000, 1)),
    _x4("text-behind", "text behind the envelope", E("epilog", "", "junk")),
    _x4("nul-behind", "NULs behind the envelope", E("epilog-octets", "", "\x00" * 16)),
    _x4("text-in-front", "text before the envelope", E("prolog", "", "junk")),
    _x4("cdata-unfinished", "a CDATA section that does not end", E("markup", NAME, "<![CDATA[{known}")),
    _x4("cdata-end-alone", "the end of a CDATA section in text", E("markup", NAME, "{known}]]>")),
    _x4("cdata-nested", "a CDATA section inside another", E("markup", NAME, "<![CDATA[<![CDATA[{known}]]>]]>")),
    _x4("comment-unfinished", "a comment that does not end", E("epilog", "", "<!-- ")),
    _x4("comment-hyphens", "a comment with two hyphens inside", E("prepend", BODY, "<!-- a -- b -->")),
    _x4("attribute-twice", "an attribute twice", E("further-attribute", NAMES, "soap-enc:arrayType", "xsd:string[1]")),
    _x4("attribute-twice-by-namespace", "an attribute twice, by another prefix of its namespace",
        (E("attribute", NAMES, "xmlns:other", _ENC), E("attribute", NAMES, "other:arrayType", "xsd:string[1]")), ANY),
    _x4("attribute-unquoted", "an attribute without quotes", E("prepend", BODY, "<x a=1/>")),
    _x4("less-than-in-attribute", "a less-than sign in an attribute", E("prepend", BODY, '<x a="<"/>')),
    _x4("ampersand-alone", "an ampersand alone", E("markup", NAME, "{known}&")),
    _x4("empty-tag", "a tag without a name", E("prepend", BODY, "<>")),
    _x4("name-starts-with-digit", "an element whose name begins with a digit", E("append", HEADER, "<1/>")),
    _x4("only-declaration", "an XML declaration and nothing else", E("whole", "", '<?xml version="1.0" encoding="UTF-8"?>\n')),
    _x4("only-space", "blanks and nothing else", E("whole", "", "   \n")),
    _x4("html", "an HTML page", E("whole", "", "<html><head><title>Login</title></head><body><p>503<br></body></html>")),
    _x4("json", "JSON", E("whole", "", '{"jsonrpc": "2.0", "method": "GetRPCMethods"}')),
    _x4("binary", "octets of no meaning", E("whole", "", "\x7fELF\x02\x01\x01" + "\x00" * 9)),
)  # fmt: skip

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_VERSION = Expectation(
    Wanted.NOT_OBEYED, (), INVALID.requirement, "SOAP 1.1 4.1.2: another version of the envelope"
)


def _whole(id_: str, says: str, text: str, expectation: Expectation) -> Nasty:
    return row(id_, "X5", says, "methods", E("whole", "", _HEAD + text), expectation)


_SPACES: Final = (
    *(row(f"prefix-{name}", "X5", f"the prefix {new!r} in place of {old}", "read-one", E("prefix", "", old, new), ALIKE)
      for name, old, new in (("s", "soap-env", "s"), ("c", "cwmp", "c"), ("odd", "soap-env", "_-._"), ("e-acute", "cwmp", "\u00e9"),
                             ("swapped", "soap-enc", "SOAP-ENV"), ("xs", "xsd", "xs"))),
    _whole("default-of-soap", "SOAP as default namespace",
        f'<Envelope xmlns="{_SOAP}"><Body><c:GetRPCMethods xmlns:c="{{namespace}}"/></Body></Envelope>', ALIKE),
    _whole("default-of-cwmp", "CWMP as default namespace",
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns="{{namespace}}"><s:Body><GetRPCMethods/></s:Body></s:Envelope>', ALIKE),
    _whole("prefix-rebound", "one prefix for SOAP outside and CWMP inside",
        f'<x:Envelope xmlns:x="{_SOAP}"><x:Body><x:GetRPCMethods xmlns:x="{{namespace}}"/></x:Body></x:Envelope>', ALIKE),
    _whole("default-undone", "a default namespace that is undone inside",
        f'<Envelope xmlns="{_SOAP}" xmlns:c="{{namespace}}" xmlns:e="{_ENC}" xmlns:d="{_XSD}"><Body><c:GetParameterValues>'
        '<ParameterNames xmlns="" e:arrayType="d:string[1]"><string>{known}</string></ParameterNames></c:GetParameterValues></Body></Envelope>',
        ALIKE),
    _whole("two-prefixes", "two prefixes for one namespace",
        f'<a:Envelope xmlns:a="{_SOAP}" xmlns:b="{_SOAP}"><b:Body><c:GetRPCMethods xmlns:c="{{namespace}}"/></b:Body></a:Envelope>', ALIKE),
    _whole("undeclared-prefix", "a prefix that is not declared",
        f'<s:Envelope xmlns:s="{_SOAP}"><s:Body><c:GetRPCMethods/></s:Body></s:Envelope>', ANY),
    _whole("no-namespace-method", "an RPC in no namespace",
        f'<s:Envelope xmlns:s="{_SOAP}"><s:Body><GetRPCMethods/></s:Body></s:Envelope>', ANY),
    _whole("foreign-method", "an RPC of another protocol's namespace",
        f'<s:Envelope xmlns:s="{_SOAP}"><s:Body><u:GetRPCMethods xmlns:u="urn:example:service"/></s:Body></s:Envelope>', INVALID),
    _whole("prefix-xml", "the prefix xml bound to something else",
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns:xml="urn:x"><s:Body><c:GetRPCMethods xmlns:c="{{namespace}}"/></s:Body></s:Envelope>', ANY),
    _whole("prefix-xmlns", "the prefix xmlns bound to something",
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns:xmlns="urn:x"><s:Body><c:GetRPCMethods xmlns:c="{{namespace}}"/></s:Body></s:Envelope>', ANY),
    _whole("empty-namespace", "a prefix bound to nothing",
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns:y=""><s:Body><c:GetRPCMethods xmlns:c="{{namespace}}"/></s:Body></s:Envelope>', ANY),
    *(row(f"cwmp-{name}", "X5", f"CWMP's namespace {uri!r}", "methods", E("attribute", "Envelope", "xmlns:cwmp", uri))
      for name, uri in (("1-0", "urn:dslforum-org:cwmp-1-0"), ("1-1", "urn:dslforum-org:cwmp-1-1"), ("1-2", "urn:dslforum-org:cwmp-1-2"),
                        ("1-3", "urn:dslforum-org:cwmp-1-3"), ("1-4", "urn:dslforum-org:cwmp-1-4"), ("1-99", "urn:dslforum-org:cwmp-1-99"),
                        ("upper", "URN:DSLFORUM-ORG:CWMP-1-0"), ("blank", "urn:dslforum-org:cwmp-1-0 "))),
    *(row(f"envelope-{name}", "X5", f"the envelope's namespace {uri!r}", "methods", E("attribute", "Envelope", "xmlns:soap-env", uri), _VERSION)
      for name, uri in (("soap-1.2", "http://www.w3.org/2003/05/soap-envelope"), ("no-slash", _SOAP.rstrip("/")), ("unknown", "urn:x"))),
)  # fmt: skip

_ENVELOPE: Final = (
    row("header-missing", "S1", "no Header", "read-one", E("remove", HEADER)),
    row("header-empty", "S1", "an empty Header", "read-one", E("remove", ID)),
    row("header-twice", "S1", "two Headers", "read-one", E("repeat", HEADER, 2), INVALID),
    row("header-behind-body", "S1", "the Header behind the Body", "read-one", E("move-last", HEADER), INVALID),
    row("body-missing", "S1", "no Body", "read-one", E("remove", BODY), INVALID),
    row("body-empty", "S1", "an empty Body", "read-one", E("remove", GPV), INVALID),
    row("body-twice", "S1", "two Bodies", "read-one", E("repeat", BODY, 2), INVALID),
    row("two-requests", "S1", "two requests in the Body", "read-one", E("repeat", GPV, 2), INVALID),
    row("two-different-requests", "S1", "two different requests in the Body", "read-one", E("append", BODY, "<cwmp:GetRPCMethods/>"), INVALID),
    row("two-writes", "S1", "two writes in the Body", "write-text", E("repeat", f"{BODY}/SetParameterValues", 2), INVALID),
    row("request-outside-body", "S1", "a request beside the Body", "read-one", E("move-out", GPV), INVALID),
    row("child-behind-body", "S1", "an unknown element behind the Body", "read-one", E("append", "Envelope", '<x:y xmlns:x="urn:x"/>')),
    row("child-before-header", "S1", "an unknown element before the Header", "read-one", E("prepend", "Envelope", '<x:y xmlns:x="urn:x"/>')),
    row("text-in-envelope", "S1", "text between Header and Body", "read-one", E("after", HEADER, "text")),
    row("text-in-body", "S1", "text beside the request", "read-one", E("append", BODY, "text")),
    row("other-root", "S1", "a root that is no Envelope", "read-one", E("rename", "Envelope", "Message"), INVALID),
    row("no-envelope", "S1", "a request without an envelope", "methods",
        E("whole", "", '<c:GetRPCMethods xmlns:c="{namespace}"/>'), INVALID),
    row("body-misspelt", "S1", "an element body in place of the Body", "read-one", E("rename", BODY, "body"), INVALID),
    row("encoding-style", "S1", "an encodingStyle attribute", "read-one", E("attribute", "Envelope", "soap-env:encodingStyle", _ENC), ALIKE),
    row("encoding-style-unknown", "S1", "an unknown encodingStyle", "read-one", E("attribute", BODY, "soap-env:encodingStyle", "urn:x")),
    row("fault-as-request", "S1", "a Fault nobody has asked for", "methods",
        E("whole", "", f'<s:Envelope xmlns:s="{_SOAP}"><s:Body><s:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring>'
          '<detail><c:Fault xmlns:c="{namespace}"><FaultCode>8002</FaultCode><FaultString>x</FaultString></c:Fault></detail></s:Fault></s:Body>'
          "</s:Envelope>"), INVALID),
    row("response-as-request", "S1", "a response nobody has asked for", "methods",
        E("rename", f"{BODY}/GetRPCMethods", "TransferCompleteResponse"), INVALID),
    row("inform-as-request", "S1", "an Inform from the ACS", "methods", E("rename", f"{BODY}/GetRPCMethods", "Inform"), INVALID),
    row("method-lower-case", "S1", "a method in lower case", "methods", E("rename", f"{BODY}/GetRPCMethods", "getrpcmethods"), INVALID),
    row("method-blank", "S1", "a method with text in it", "methods", E("text", f"{BODY}/GetRPCMethods", "text")),
    row("vendor-method", "S6", "an unknown method of a vendor", "methods", E("rename", f"{BODY}/GetRPCMethods", "X_00D09E_Nothing"),
        Expectation(Wanted.FAULT, (9000,), "cwmp.soap.unknown-vendor-method", "TR-069 3.5")),
    row("unknown-method", "S6", "an unknown method", "unknown-method", (),
        Expectation(Wanted.FAULT, (9000,), "cwmp.soap.unknown-method", "TR-069 3.5, A.5")),
)  # fmt: skip

_UNDERSTOOD = Expectation(Wanted.FAULT, (), "cwmp.soap.must-understand", "SOAP 1.1 4.2.3")
_IGNORED = Expectation(Wanted.SUCCESS, (), "cwmp.soap.must-understand", "SOAP 1.1 4.2.3")
_ECHO = Expectation(Wanted.SUCCESS, (), "cwmp.soap.id-echo", "TR-069 3.5")
_TOLERATED = Expectation(Wanted.SUCCESS, (), "cwmp.session.no-more-requests-tolerated", "TR-069 3.7.1")
_HELD = Expectation(Wanted.SUCCESS, (), "cwmp.session.hold-requests", "TR-069 3.7.1.3")


def _s2(id_: str, says: str, edits: Edit | Sequence[Edit], expectation: Expectation = ANY) -> Nasty:
    return row(id_, "S2", says, "read-one", edits, expectation)


def _entry(must_understand: str, actor: str = "") -> Edit:
    markup = header_entry("Unknown", "x", must_understand)
    return E(
        "append",
        HEADER,
        markup.replace(" xmlns:h", f' soap-env:actor="{actor}" xmlns:h') if actor else markup,
    )


_HEADERS: Final = (
    _s2("must-understand-1", "an unknown header that must be understood", _entry("1"), _UNDERSTOOD),
    row("must-understand-1-write", "S2", "a write with an unknown header that must be understood", "write-text", _entry("1"), _UNDERSTOOD),
    _s2("must-understand-0", "an unknown header that need not be understood", _entry("0"), _IGNORED),
    _s2("must-understand-absent", "an unknown header without mustUnderstand", _entry(""), _IGNORED),
    *(_s2(f"must-understand-{value}", f"an unknown header with mustUnderstand {value!r}", _entry(value)) for value in ("true", "2", "-1")),
    _s2("actor-next", "an unknown header for the next actor, to be understood",
        _entry("1", "http://schemas.xmlsoap.org/soap/actor/next"), _UNDERSTOOD),
    _s2("actor-other", "an unknown header for somebody else, to be understood", _entry("1", "urn:somebody")),
    _s2("headers-1000", "1,000 unknown headers", E("append", HEADER, header_entry("Unknown", "x", "0") * 1_000)),
    _s2("id-missing", "no ID", E("remove", ID)),
    _s2("id-empty", "an empty ID", E("text", ID, "")),
    _s2("id-special", "an ID with characters that XML escapes", E("text", ID, "<&>\"'"), _ECHO),
    _s2("id-unicode", "an ID beyond US-ASCII", E("text", ID, "\u00e4\u20ac\U0001f600"), _ECHO),
    _s2("id-100", "an ID of 100 characters", E("fill", ID, 100), _ECHO),
    *(_s2(f"id-{size}", f"an ID of {size:,} characters", E("fill", ID, size)) for size in (257, 4_097, 65_536)),
    _s2("id-blanks", "an ID with blanks around", E("text", ID, "  7  ")),
    _s2("id-twice", "two IDs", E("repeat", ID, 2)),
    _s2("id-with-element", "an ID with an element in it", E("append", ID, "<x/>")),
    _s2("id-not-understood", "an ID without mustUnderstand", E("no-attribute", ID, "mustUnderstand")),
    _s2("id-unqualified", "an ID in no namespace", E("after", ID, "<ID>other</ID>")),
    _s2("hold-requests-1", "HoldRequests 1", E("append", HEADER, '<cwmp:HoldRequests soap-env:mustUnderstand="1">1</cwmp:HoldRequests>'), _HELD),
    *(_s2(f"hold-requests-{name}", f"HoldRequests {text!r}", E("append", HEADER, f"<cwmp:HoldRequests>{text}</cwmp:HoldRequests>"))
      for name, text in (("2", "2"), ("empty", ""), ("word", "yes"), ("upper", "TRUE"))),
    *(_s2(f"no-more-requests-{text}", f"NoMoreRequests {text}", E("append", HEADER, f"<cwmp:NoMoreRequests>{text}</cwmp:NoMoreRequests>"), _TOLERATED)
      for text in ("0", "1")),
    _s2("session-timeout", "a SessionTimeout from the ACS", E("append", HEADER, "<cwmp:SessionTimeout>1</cwmp:SessionTimeout>")),
    _s2("use-version-unknown", "UseCWMPVersion 9.9", E("append", HEADER, "<cwmp:UseCWMPVersion>9.9</cwmp:UseCWMPVersion>")),
    _s2("supported-versions", "SupportedCWMPVersions from the ACS",
        E("append", HEADER, "<cwmp:SupportedCWMPVersions>1.0,1.1</cwmp:SupportedCWMPVersions>")),
)  # fmt: skip

XML_ROWS: Final = (*_DTD, *_SIZE, *_CODING, *_FORM, *_SPACES, *_ENVELOPE, *_HEADERS)
"""All rows of this file."""
