"""Envelopes to XML: typed message -> lxml tree -> bytes (TR-069 3.5, SOAP 1.1)."""

from __future__ import annotations

from typing import Any

from lxml import etree

from harness.cwmp import namespaces as ns
from harness.cwmp import schema as s
from harness.cwmp.messages import Envelope, Fault, Header, Message, ParameterValueStruct, UnknownMessage
from harness.cwmp.soap_problem import Problem, SoapError

_MUST_UNDERSTAND = f"{{{ns.SOAP_ENVELOPE}}}mustUnderstand"
_ARRAY_TYPE = f"{{{ns.SOAP_ENCODING}}}arrayType"
_TYPE = f"{{{ns.XSI}}}type"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_TR069_FAULTCODES = frozenset({"Client", "Server"})


def encode(envelope: Envelope) -> bytes:
    """*envelope* as the body of an HTTP message, UTF-8.

    Raises:
        SoapError: a text holds characters that XML 1.0 cannot carry (``text.not-xml``).
    """
    return serialize(encode_tree(envelope))


def serialize(tree: etree._Element) -> bytes:
    """*tree* as bytes: UTF-8, with references for all beyond US-ASCII, as TR-069 3.4.1 advises."""
    return _DECLARATION + etree.tostring(tree, encoding="us-ascii", xml_declaration=False)


def encode_tree(envelope: Envelope) -> etree._Element:
    """*envelope* as an element tree that a caller may alter before `serialize`.

    Raises:
        SoapError: a text holds characters that XML 1.0 cannot carry (``text.not-xml``).
    """
    root = etree.Element(f"{{{ns.SOAP_ENVELOPE}}}Envelope", nsmap={**ns.PREFIXES, "cwmp": envelope.namespace})
    try:
        _header(root, envelope.header, envelope.namespace)
        body = etree.SubElement(root, f"{{{ns.SOAP_ENVELOPE}}}Body")
        _message(body, envelope.message, envelope.namespace)
    except ValueError as error:
        problem = Problem(
            "text.not-xml",
            "/soap-env:Envelope",
            "characters of XML 1.0",
            str(error),
            "XML 1.0 2.2",
            fatal=True,
        )
        raise SoapError(problem) from None
    return root


def qname(type_: str) -> tuple[str, dict[str, str] | None]:
    """A type (``xsd:int``, ``soapenc:base64``, ``{uri}local``) as attribute text, and its new prefix."""
    if type_.startswith("{"):
        uri, _, local = type_[1:].partition("}")
        return f"t:{local}", {"t": uri}
    return type_.replace("soapenc:", "soap-enc:", 1) if type_.startswith("soapenc:") else type_, None


def _header(root: etree._Element, header: Header, namespace: str) -> None:
    entries = [(row, getattr(header, row.attribute)) for row in s.HEADERS.values()]
    present = [(row, value) for row, value in entries if value is not None]
    if not present and not header.unknown:
        return
    parent = etree.SubElement(root, f"{{{ns.SOAP_ENVELOPE}}}Header")
    for row, value in present:
        element = etree.SubElement(parent, f"{{{namespace}}}{row.element}")
        element.set(_MUST_UNDERSTAND, "0" if row.must_understand is False else "1")
        element.text = ",".join(value) if isinstance(value, tuple) else _lexical(value)
    for unknown in header.unknown:
        tag = f"{{{unknown.namespace}}}{unknown.name}" if unknown.namespace else unknown.name
        etree.SubElement(parent, tag).set(_MUST_UNDERSTAND, "1" if unknown.must_understand else "0")


def _message(body: etree._Element, message: Message, namespace: str) -> None:
    if isinstance(message, Fault):
        _fault(body, message, namespace)
    elif isinstance(message, UnknownMessage):
        etree.SubElement(
            body, f"{{{message.namespace}}}{message.name}" if message.namespace else message.name
        )
    else:
        row = s.MESSAGES[type(message).__name__]
        _fields(etree.SubElement(body, f"{{{namespace}}}{row.struct.name}"), row.struct, message)


def _fault(body: etree._Element, fault: Fault, namespace: str) -> None:
    element = etree.SubElement(body, f"{{{ns.SOAP_ENVELOPE}}}Fault")
    code = fault.soap_faultcode
    # TR-069 3.5 shows Client and Server bare; SOAP 1.1's own codes are names in its namespace.
    etree.SubElement(element, "faultcode").text = code if code in _TR069_FAULTCODES else f"soap-env:{code}"
    etree.SubElement(element, "faultstring").text = fault.soap_faultstring
    if fault.fault_code is not None:
        detail = etree.SubElement(element, "detail")
        _fields(etree.SubElement(detail, f"{{{namespace}}}Fault"), s.FAULT_DETAIL, fault)


def _fields(parent: etree._Element, struct: s.Struct, holder: Any) -> None:
    for field in struct.fields:
        value = getattr(holder, field.attribute)
        if field.optional and (value in ("", ())):
            continue
        match field.type:
            case s.Simple():
                etree.SubElement(parent, field.element).text = _lexical(value)
            case s.TypedValue():
                _typed_value(parent, holder)
            case s.Struct():
                _fields(etree.SubElement(parent, field.element), field.type, value)
            case s.Array():
                _array(etree.SubElement(parent, field.element), field.type, value)
            case s.Repeated(item=item):
                for one in value:
                    _repeated(parent, field.element, item, one)


def _typed_value(parent: etree._Element, holder: ParameterValueStruct) -> None:
    if holder.type is None:
        etree.SubElement(parent, "Value").text = holder.value
        return
    text, nsmap = qname(holder.type)
    element = etree.SubElement(parent, "Value", nsmap=nsmap)
    element.set(_TYPE, text)
    element.text = holder.value


def _array(element: etree._Element, array: s.Array, items: tuple[Any, ...]) -> None:
    element.set(_ARRAY_TYPE, f"{qname(array.array_type)[0]}[{len(items)}]")
    for item in items:
        child = etree.SubElement(element, array.item_element)
        if isinstance(array.item, s.Struct):
            _fields(child, array.item, item)
        else:
            child.text = _lexical(item)


def _repeated(parent: etree._Element, name: str, item: s.Struct | s.Choice, value: Any) -> None:
    element = etree.SubElement(parent, name)
    if isinstance(item, s.Choice):
        element.set(_TYPE, f"cwmp:{type(value).__name__}")
        item = next(struct for struct in item.structs if isinstance(value, struct.cls))
    _fields(element, item, value)


def _lexical(value: Any) -> str:
    """A Python value as text; booleans as 1 and 0, which is also right where the schema wants an int."""
    return str(int(value)) if isinstance(value, bool) else str(value)
