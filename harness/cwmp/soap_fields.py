"""Structures, arrays and texts of an envelope, judged while they are read along the tables of `schema`."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice
from typing import Any, Final

from lxml import etree

from harness.cwmp import datatypes
from harness.cwmp import namespaces as ns
from harness.cwmp import schema as s
from harness.cwmp.messages import ParameterValueStruct
from harness.cwmp.soap_problem import Limits, Problem, SoapError, shown

_ARRAY_TYPE: Final = f"{{{ns.SOAP_ENCODING}}}arrayType"
_TYPE: Final = f"{{{ns.XSI}}}type"
_NIL: Final = f"{{{ns.XSI}}}nil"
_SPACE: Final = datatypes.XML_SPACE
_ARRAY_FORM = re.compile(r"\s*([^\s\[\]]+)\s*\[\s*([0-9]{0,9})\s*\]\s*", re.ASCII)
_OUR_PREFIX: Final = {
    ns.SOAP_ENVELOPE: "soap-env",
    ns.SOAP_ENCODING: "soap-enc",
    ns.XSD: "xsd",
    **dict.fromkeys(ns.CWMP, "cwmp"),
}
_TYPE_PREFIX: Final = {ns.XSD: "xsd", ns.SOAP_ENCODING: "soapenc"}
XML_TYPES: Final = "TR-069 3.5, cwmp-1-2.xsd"
_NAMESPACE_WORK: Final = 2_000_000
"""Namespace bindings looked at before a document counts as an attack on our time."""
_NAME_LENGTH: Final = 256
_SHOWN_NAME: Final = 80
_ARRAYS: Final = "TR-069 3.5, SOAP 1.1 5.4.2"
_AT_ARRAY_TYPE: Final = "/@soap-enc:arrayType"
_MIXED = etree.XPath("boolean(//*[*]/text()[normalize-space()])")


def name_of(element: etree._Element) -> tuple[str, str]:
    """Namespace (or ``""``) and local name."""
    tag = str(element.tag)
    if tag[0] != "{":
        return "", tag
    namespace, _, local = tag[1:].rpartition("}")
    return namespace, local


def where(element: etree._Element) -> str:
    """The XPath of *element*, with the prefixes this project writes; foreign namespaces as ``*``."""
    steps: list[str] = []
    node: etree._Element | None = element
    while node is not None:
        namespace, local = name_of(node)
        local = local[:_SHOWN_NAME]
        prefix = _OUR_PREFIX.get(namespace, "cwmp" if ns.looks_like_cwmp(namespace) else "*")
        step = f"{prefix}:{local}" if namespace else local
        parent = node.getparent()
        if parent is not None:
            before = sum(1 for _ in node.itersiblings(node.tag, preceding=True))
            if before or next(node.itersiblings(node.tag), None) is not None:
                step += f"[{before + 1}]"
        steps.append(step)
        node = parent
    return "/" + "/".join(reversed(steps))


class FieldReader:
    """One document: its limits, the problems found so far, and what can be known of it at one glance."""

    def __init__(self, root: etree._Element, data: bytes, limits: Limits) -> None:
        self.root = root
        self.limits = limits
        self.problems: list[Problem] = []
        self._must_told = False
        self.source = XML_TYPES
        self._mixed = bool(_MIXED(root))
        one_byte = b"\0" not in data
        self._may_be_nil = not one_byte or b"nil" in data
        # Where all bindings are the root's, a QName means the same everywhere: the usual, faster case.
        bindings = root.nsmap
        self._bindings = bindings if one_byte and data.count(b"xmlns") == len(bindings) else None
        self._types: dict[str, str] = {}
        self._namespace_work = 0

    # --- telling ---------------------------------------------------------------------------------

    def tell(
        self,
        code: str,
        element: etree._Element,
        expected: str,
        found: str,
        source: str | None = None,
        *,
        must: bool = True,
        at: str = "",
    ) -> None:
        """Note a problem; beyond the limit they are dropped, so that a hostile document costs no more.

        The first breach of a MUST is kept whatever the limit: strict reading hangs on it.
        """
        if len(self.problems) >= self.limits.problems and (self._must_told or not must):
            return
        self._must_told = self._must_told or must
        found_at = where(element) + at
        self.problems.append(Problem(code, found_at, expected, found, source or self.source, must=must))

    def refuse(self, code: str, element: etree._Element, expected: str, found: str, source: str) -> SoapError:
        return SoapError(Problem(code, where(element), expected, found, source, fatal=True))

    @staticmethod
    def _names(element: etree._Element) -> str:
        """The first children's names, for a message."""
        names = [name_of(child)[1] for child in islice(element, 8)]
        return shown(" ".join(names)) if names else "no elements"

    # --- structures ------------------------------------------------------------------------------

    def _fields(self, element: etree._Element, struct: s.Struct) -> dict[str, Any]:
        """The arguments of *struct*'s dataclass, read from the children of *element*."""
        children = list(element)
        self._no_text(element)
        values: dict[str, Any] = {}
        if [child.tag for child in children] == struct.elements:
            for field, child in zip(struct.fields, children, strict=True):
                self._field(field, child, values)
            return values
        found = self._sorted_children(element, children, struct.fields)
        for field in struct.fields:
            given = found.get(field.element)
            if given is None:
                self._absent(element, field, values)
            elif isinstance(field.type, s.Repeated):
                item = field.type.item
                values[field.attribute] = tuple([self._repeated(child, item) for child in given])
            else:
                self._field(field, given[0], values)
        return values

    def _sorted_children(
        self, element: etree._Element, children: list[etree._Element], fields: tuple[s.Field, ...]
    ) -> dict[str, list[etree._Element]]:
        rank = {field.element: index for index, field in enumerate(fields)}
        found: dict[str, list[etree._Element]] = {}
        highest = -1
        for child in children:
            namespace, local = name_of(child)
            if local not in rank:
                self.tell("argument.unknown", child, " ".join(rank) or "no arguments", shown(local))
                continue
            if namespace:
                self.tell("argument.qualified", child, f"{local} without namespace", shown(namespace))
            if rank[local] < highest:
                self.tell("argument.order", child, " ".join(rank), self._names(element))
            highest = max(highest, rank[local])
            given = found.setdefault(local, [])
            if given and type(fields[rank[local]].type) is not s.Repeated:
                self.tell("argument.duplicate", child, f"one {local}", "another")
                continue
            given.append(child)
        return found

    def _absent(self, element: etree._Element, field: s.Field, values: dict[str, Any]) -> None:
        if not field.optional:
            self.tell("argument.missing", element, field.element, self._names(element))
        values[field.attribute] = neutral(field.type)
        if isinstance(field.type, s.TypedValue):
            values["type"] = None

    def _field(self, field: s.Field, element: etree._Element, values: dict[str, Any]) -> None:
        kind = field.type
        if isinstance(kind, s.Simple):
            values[field.attribute] = self._simple(element, kind)
        elif isinstance(kind, s.TypedValue):
            values[field.attribute], values["type"] = self._typed_value(element)
        elif isinstance(kind, s.Array):
            values[field.attribute] = self._array(element, kind)
        elif isinstance(kind, s.Struct):
            values[field.attribute] = kind.cls(**self._fields(element, kind))
        else:
            values[field.attribute] = (self._repeated(element, kind.item),)

    def _repeated(self, element: etree._Element, item: s.Struct | s.Choice) -> Any:
        if isinstance(item, s.Struct):
            return item.cls(**self._fields(element, item))
        names = [struct.name for struct in item.structs]
        text = element.get(_TYPE)
        local = "" if text is None else self._type(element, text).rpartition(":")[2].rpartition("}")[2]
        if local not in names:
            code = "value.type-missing" if text is None else "value.type-unknown"
            found = "no xsi:type" if text is None else shown(text)
            raise self.refuse(code, element, "xsi:type of " + " or ".join(names), found, self.source)
        struct = item.structs[names.index(local)]
        return struct.cls(**self._fields(element, struct))

    # --- arrays ----------------------------------------------------------------------------------

    def _array(self, element: etree._Element, array: s.Array) -> tuple[Any, ...]:
        children = list(element)
        self._no_text(element)
        self._array_type(element, array, len(children))
        if len(children) < array.minimum or (array.maximum is not None and len(children) > array.maximum):
            most = "any number" if array.maximum is None else str(array.maximum)
            self.tell("array.items", element, f"{array.minimum} to {most}", f"{len(children)}")
        for child in children:
            if child.tag != array.item_element:
                self.tell("array.item-name", child, array.item_element, shown(str(child.tag)))
        item = array.item
        if isinstance(item, s.Simple):
            return tuple([self._simple(child, item) for child in children])
        if item.cls is ParameterValueStruct:
            return tuple([self._parameter_value(child, item) for child in children])
        return tuple([item.cls(**self._fields(child, item)) for child in children])

    def _array_type(self, element: etree._Element, array: s.Array, count: int) -> None:
        text = element.get(_ARRAY_TYPE)
        expected = f"{array.array_type}[{count}]"
        if text is None:
            self.tell("array-type.missing", element, f'soapenc:arrayType="{expected}"', "none", _ARRAYS)
            return
        match = _ARRAY_FORM.fullmatch(text)
        if match is None:
            self.tell("array-type.form", element, expected, shown(text), _ARRAYS, at=_AT_ARRAY_TYPE)
            return
        if self._type(element, match[1]) != array.array_type:
            self.tell("array-type.type", element, expected, shown(text), at=_AT_ARRAY_TYPE)
        if match[2] == "" or int(match[2]) != count:
            found = f"{shown(text)} with {count} items"
            # SOAP 1.1 lets a writer leave the size open.
            must = match[2] != ""
            self.tell("array-type.count", element, expected, found, _ARRAYS, must=must, at=_AT_ARRAY_TYPE)

    def _parameter_value(self, element: etree._Element, struct: s.Struct) -> ParameterValueStruct:
        """`_fields` for the one structure that comes by the thousand."""
        if len(element) == 2 and not self._mixed and not self._may_be_nil:
            name, value = element
            if name.tag == "Name" and value.tag == "Value" and not len(name):
                text = name.text or ""
                if len(text) <= _NAME_LENGTH:
                    return ParameterValueStruct(text, *self._typed_value(value))
        return ParameterValueStruct(**self._fields(element, struct))

    # --- texts -----------------------------------------------------------------------------------

    def _typed_value(self, element: etree._Element) -> tuple[str, str | None]:
        text = self._only_text(element)
        declared = element.get(_TYPE)
        if declared is None:
            self.tell("value.type-missing", element, "xsi:type with the parameter's type", "none", XML_TYPES)
            return text, None
        type_ = self._type(element, declared)
        if not type_.startswith(("xsd:", "soapenc:")) or not datatypes.is_known(type_):
            self.tell(
                "value.type-unknown",
                element,
                "a type of XML Schema",
                shown(declared),
                XML_TYPES,
                at="/@xsi:type",
            )
            return text, type_
        wrong = None if type_ == "xsd:string" else datatypes.problem(type_, text)
        if wrong is not None:
            self.tell("value.lexical", element, type_, f"{shown(text)}: {wrong}", "XML Schema part 2, 3")
        return text, type_

    def _type(self, element: etree._Element, text: str) -> str:
        """A QName in an attribute: with our prefix, in Clark notation, or as it is where nothing is bound."""
        known = self._types.get(text)
        if known is not None:
            return known
        prefix, _, local = text.strip(_SPACE).rpartition(":")
        uri = self._bindings_at(element).get(prefix or None)
        if uri is None:
            type_ = text
        elif ns.looks_like_cwmp(uri):
            type_ = f"cwmp:{local}"
        else:
            ours = _TYPE_PREFIX.get(uri)
            type_ = f"{{{uri}}}{local}" if ours is None else f"{ours}:{local}"
        if self._bindings is not None:
            self._types[text] = type_
        return type_

    def _bindings_at(self, element: etree._Element) -> dict[str | None, str]:
        if self._bindings is not None:
            return self._bindings
        bindings: dict[str | None, str] = element.nsmap
        self._namespace_work += len(bindings)
        if self._namespace_work > _NAMESPACE_WORK:
            found = f"more than {_NAMESPACE_WORK} lookups"
            expected = "a sane number of namespaces"
            raise self.refuse("too-large", element, expected, found, "the receiver's own limit")
        return bindings

    def _simple(self, element: etree._Element, kind: s.Simple) -> Any:
        text = self._only_text(element)
        if kind.xsd == "string":
            if kind.max_length is not None and len(text) > kind.max_length:
                self.tell("argument.value", element, f"at most {kind.max_length} characters", shown(text))
            elif kind.pattern is not None and not kind.pattern.fullmatch(text):
                self.tell("argument.value", element, kind.pattern.pattern, shown(text))
            return text
        text = text.strip(_SPACE)
        wrong = datatypes.problem(kind.xsd, text)
        expected = kind.xsd
        value = _READERS.get(kind.xsd, str)(text)
        if wrong is None and kind.allowed is not None and value not in kind.allowed:
            expected, wrong = "one of " + ", ".join(map(str, kind.allowed)), "another number"
        elif wrong is None and kind.minimum is not None and value < kind.minimum:
            expected, wrong = f"{kind.minimum} or more", "too small"
        if wrong is not None:
            self.tell("argument.value", element, expected, f"{shown(text)}: {wrong}")
        return value

    def _only_text(self, element: etree._Element) -> str:
        if len(element):
            self.tell("argument.value", element, "text", f"elements {self._names(element)}")
        if self._may_be_nil and element.get(_NIL) is not None:
            self.tell("argument.nil", element, "a value", "xsi:nil", "cwmp-1-2.xsd: no element is nillable")
        return element.text or ""

    def _no_text(self, element: etree._Element) -> None:
        """Between elements only white space may stand."""
        if not self._mixed:
            return
        text = element.text
        if text and not text.isspace():
            self.tell("text.unexpected", element, "elements only", shown(text.strip()))
        for child in element:
            text = child.tail
            if text and not text.isspace():
                self.tell("text.unexpected", element, "elements only", shown(text.strip()))


def neutral(kind: s.Type) -> Any:
    """What stands for an argument that is absent: "", 0, False, () or a structure of these."""
    if isinstance(kind, s.Simple):
        return {"boolean": False, "int": 0, "unsignedInt": 0}.get(kind.xsd, "")
    if isinstance(kind, s.Struct):
        return kind.cls(**{field.attribute: neutral(field.type) for field in kind.fields})
    return () if isinstance(kind, s.Array | s.Repeated) else ""


def _as_integer(text: str) -> int:
    """The number, and 0 for what is none (which has been told)."""
    try:
        return datatypes.parse_integer(text)
    except ValueError:
        return 0


def _as_boolean(text: str) -> bool:
    return datatypes.BOOLEANS.get(text, False)


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "boolean": _as_boolean,
    "int": _as_integer,
    "unsignedInt": _as_integer,
}
