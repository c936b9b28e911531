"""Envelopes from XML: lenient reading and strict judging in one walk over the tables of `schema`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from lxml import etree

from harness.cwmp import datatypes, versions
from harness.cwmp import namespaces as ns
from harness.cwmp import schema as s
from harness.cwmp.messages import Envelope, Fault, Header, Message, UnknownHeader, UnknownMessage
from harness.cwmp.soap_fields import FieldReader, name_of
from harness.cwmp.soap_parse import parse
from harness.cwmp.soap_problem import Limits, Problem, Reading, SoapError, shown

_MUST_UNDERSTAND: Final = f"{{{ns.SOAP_ENVELOPE}}}mustUnderstand"
_SPACE: Final = datatypes.XML_SPACE
_FAULTCODES: Final = frozenset({"Client", "Server", "MustUnderstand", "VersionMismatch"})
_FAULT_STRING: Final = "CWMP fault"
_SOAP: Final = "SOAP 1.1"
_SMALL: Final = 16_384
"""Octets up to which a document is remembered."""


def read(data: bytes, limits: Limits | None = None) -> Reading:
    """Read *data* as leniently as it can be understood, and list everything that is wrong with it.

    Never raises, whatever *data* is.
    """
    limits = limits or Limits()
    problems: list[Problem] = []
    try:
        reader = EnvelopeReader(parse(data, limits), data, limits)
        problems = reader.problems
        envelope = reader.envelope()
    except SoapError as error:
        return Reading(None, (*problems, error.problem))
    return Reading(envelope, tuple(problems))


def recall(data: bytes, limits: Limits) -> Reading:
    """As `read`; a small document that was read lately is not read again. Readings are immutable."""
    return _remembered(data, limits) if len(data) <= _SMALL else read(data, limits)


@lru_cache(maxsize=1024)
def _remembered(data: bytes, limits: Limits) -> Reading:
    return read(data, limits)


def decode(data: bytes, limits: Limits | None = None) -> Envelope:
    """Read *data* strictly.

    Raises:
        SoapError: it cannot be read, or it breaks a MUST; carries the first such problem.
    """
    reading = read(data, limits)
    if reading.violations:
        raise SoapError(reading.violations[0])
    assert reading.envelope is not None
    return reading.envelope


class EnvelopeReader(FieldReader):
    """The outer half: Envelope, Header, Body, Fault."""

    namespace = ns.CWMP_1_2

    # --- envelope --------------------------------------------------------------------------------

    def envelope(self) -> Envelope:
        root = self.root
        soap, local = name_of(root)
        if local != "Envelope":
            raise self.refuse("envelope.root", root, "soap-env:Envelope", shown(local), f"{_SOAP} 4")
        if soap != ns.SOAP_ENVELOPE:
            self.tell("envelope.namespace", root, ns.SOAP_ENVELOPE, shown(soap), f"{_SOAP} 4")
        headers = [child for child in root if child.tag in {f"{{{soap}}}Header", "Header"}]
        bodies = [child for child in root if child.tag in {f"{{{soap}}}Body", "Body"}]
        self._envelope_children(root, soap, headers, bodies)
        if len(bodies) != 1:
            raise self.refuse("envelope.children", root, "one Body", f"{len(bodies)}", f"{_SOAP} 4")
        if len(bodies[0]) != 1:
            found = f"{len(bodies[0])} children"
            raise self.refuse("body.children", bodies[0], "exactly one child", found, "TR-069 3.5")
        child = bodies[0][0]
        self.namespace = self._namespace(child, headers, soap)
        header = self._headers(headers[0]) if headers else Header()
        self._no_text(bodies[0])
        return Envelope(self._message(child, soap), header, self.namespace)

    def _envelope_children(
        self,
        root: etree._Element,
        soap: str,
        headers: list[etree._Element],
        bodies: list[etree._Element],
    ) -> None:
        self._no_text(root)
        for child in (*headers, *bodies):
            if name_of(child)[0] != soap:
                self.tell("envelope.children", child, "a qualified name", "no namespace", f"{_SOAP} 4")
        if len(headers) > 1:
            self.tell("envelope.children", root, "at most one Header", f"{len(headers)}", f"{_SOAP} 4")
        expected = [*headers[:1], *bodies[:1]]
        if list(root)[: len(expected)] != expected:
            self.tell(
                "envelope.children", root, "Header (optional), then Body", self._names(root), f"{_SOAP} 4"
            )
        elif len(root) > len(expected):
            self.tell(
                "envelope.children",
                root,
                "nothing after the Body",
                self._names(root),
                f"{_SOAP} 4",
                must=False,
            )

    def _namespace(self, child: etree._Element, headers: list[etree._Element], soap: str) -> str:
        """The CWMP namespace: the message's; a Fault's is its detail's, a header's or one declared."""
        namespace, local = name_of(child)
        if not (local == "Fault" and namespace in {soap, ns.SOAP_ENVELOPE}):
            if namespace not in ns.CWMP:
                self._unknown_namespace(child, namespace)
            return namespace if ns.looks_like_cwmp(namespace) else self._declared(child, headers)
        for detail in child.iterchildren("detail", f"{{{soap}}}detail"):
            for entry in detail:
                namespace, local = name_of(entry)
                if local == "Fault":
                    if namespace not in ns.CWMP:
                        self._unknown_namespace(entry, namespace)
                    if ns.looks_like_cwmp(namespace):
                        return namespace
        return self._declared(child, headers)

    def _unknown_namespace(self, element: etree._Element, namespace: str) -> None:
        found = shown(namespace) if namespace else "no namespace"
        self.tell(
            "namespace.unknown",
            element,
            "one of " + ", ".join(ns.CWMP),
            found,
            "cwmp-1-*.xsd targetNamespace",
        )

    @staticmethod
    def _declared(child: etree._Element, headers: list[etree._Element]) -> str:
        for entry in headers[0] if headers else ():
            namespace = name_of(entry)[0]
            if namespace in ns.CWMP:
                return namespace
        return next((uri for uri in child.nsmap.values() if uri in ns.CWMP), ns.CWMP_1_2)

    # --- headers ---------------------------------------------------------------------------------

    def _headers(self, parent: etree._Element) -> Header:
        found: dict[str, Any] = {}
        unknown: list[UnknownHeader] = []
        self._no_text(parent)
        for element in parent:
            namespace, local = name_of(element)
            row = s.HEADERS.get(local)
            if not namespace:
                self.tell("header.unqualified", element, "a namespace", "none", f"{_SOAP} 4.2")
            if row is None or (namespace and not ns.looks_like_cwmp(namespace)):
                must = self._must_understand(element) is True
                unknown.append(UnknownHeader(namespace, local, must))
                continue
            self._known_header(element, row, namespace, found)
        return Header(**found, unknown=tuple(unknown))

    def _known_header(
        self, element: etree._Element, row: s.HeaderSchema, namespace: str, found: dict[str, Any]
    ) -> None:
        if namespace and namespace != self.namespace:
            self.tell("header.namespace", element, self.namespace, shown(namespace), "TR-069 3.5")
        if not versions.allows(self.namespace, row.since):
            self.tell(
                "message.version", element, f"CWMP {row.since}", self.namespace, "cwmp-1-*.xsd", must=False
            )
        if row.attribute in found:
            self.tell("header.duplicate", element, f"one {row.element}", "two", "TR-069 3.5")
            return
        self._judge_must_understand(element, row)
        value = self._header_value(element, row)
        if value is not None:
            found[row.attribute] = value

    def _judge_must_understand(self, element: etree._Element, row: s.HeaderSchema) -> None:
        given = self._must_understand(element)
        if row.must_understand is None or bool(given) is row.must_understand:
            return
        text = element.get(_MUST_UNDERSTAND)
        expected = f'mustUnderstand="{int(row.must_understand)}"'
        found = "none" if text is None else shown(text)
        self.tell("header.must-understand", element, expected, found, "TR-069 3.5")

    def _must_understand(self, element: etree._Element) -> bool | None:
        """The attribute's value, ``None`` where it is absent or unreadable (which is told)."""
        text = element.get(_MUST_UNDERSTAND)
        if text is None or text in {"0", "1"}:
            return None if text is None else text == "1"
        self.tell("header.must-understand", element, "0 or 1", shown(text), f"{_SOAP} 4.2.3", must=False)
        return datatypes.BOOLEANS.get(text.strip(_SPACE))

    def _header_value(self, element: etree._Element, row: s.HeaderSchema) -> Any:
        text = self._only_text(element)
        wrong = datatypes.problem(row.type.xsd, text)
        if wrong is None and row.attribute == "supported_cwmp_versions":
            try:
                return versions.parse_list(text)
            except versions.VersionError as error:
                wrong = str(error)
        if wrong is not None:
            self.tell("header.value", element, row.type.xsd, f"{shown(text)}: {wrong}", "TR-069 3.5")
            return None
        match row.type.xsd:
            case "boolean":
                return datatypes.parse_boolean(text)
            case "unsignedInt":
                return datatypes.parse_integer(text)
            case _:
                return text.strip(_SPACE) if row.attribute == "use_cwmp_version" else text

    # --- message ---------------------------------------------------------------------------------

    def _message(self, element: etree._Element, soap: str) -> Message:
        namespace, local = name_of(element)
        if local == "Fault" and namespace in {soap, ns.SOAP_ENVELOPE}:
            return self._fault(element, soap)
        row = s.MESSAGES.get(local)
        if row is None or not (ns.looks_like_cwmp(namespace) or not namespace):
            return UnknownMessage(namespace, local)
        self.source = f"{row.source}, cwmp-1-2.xsd"
        if not versions.allows(namespace, row.since):
            self.tell("message.version", element, f"CWMP {row.since} or later", namespace, "cwmp-1-*.xsd")
        message: Message = row.struct.cls(**self._fields(element, row.struct))
        return message

    def _fault(self, element: etree._Element, soap: str) -> Fault:
        parts: dict[str, etree._Element] = {}
        for child in element:
            namespace, local = name_of(child)
            if namespace:
                self.tell("argument.qualified", child, local, f"namespace {shown(namespace)}", f"{_SOAP} 4.4")
            if namespace in {"", soap}:
                parts.setdefault(local, child)
        code = self._faultcode(element, parts.get("faultcode"))
        string = self._faultstring(element, parts.get("faultstring"))
        detail = parts.get("detail")
        entry = next((e for e in detail if name_of(e)[1] == "Fault"), None) if detail is not None else None
        if entry is None:
            if code.split(".")[0] in {"Client", "Server"}:
                self.tell("fault.detail", element, "detail with one cwmp:Fault", "none", "TR-069 3.5, A.5")
            return Fault(None, soap_faultcode=code, soap_faultstring=string)
        if string != _FAULT_STRING:
            self.tell(
                "fault.string",
                element,
                repr(_FAULT_STRING),
                shown(string),
                "TR-069 3.5",
                must=string.strip() != _FAULT_STRING,
                at="/faultstring",
            )
        self.source = "TR-069 A.5, cwmp-1-2.xsd"
        return Fault(**self._fields(entry, s.FAULT_DETAIL), soap_faultcode=code, soap_faultstring=string)

    def _faultcode(self, fault: etree._Element, element: etree._Element | None) -> str:
        if element is None:
            self.tell("argument.missing", fault, "faultcode", "none", f"{_SOAP} 4.4")
            return ""
        text = self._only_text(element).strip(_SPACE)
        code = text.rpartition(":")[2]
        if code.split(".")[0] not in _FAULTCODES:
            self.tell("fault.code", element, "Client or Server", shown(text), "TR-069 3.5, SOAP 1.1 4.4.1")
        return code

    def _faultstring(self, fault: etree._Element, element: etree._Element | None) -> str:
        if element is None:
            self.tell("argument.missing", fault, "faultstring", "none", f"{_SOAP} 4.4")
            return ""
        return self._only_text(element)
