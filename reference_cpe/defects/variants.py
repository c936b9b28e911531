"""Benign variants: correct devices that look unusual. No check may fail on them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from lxml import etree

from harness.cwmp import events
from harness.cwmp import namespaces as ns
from harness.cwmp.messages import Envelope, EventStruct, Inform, ParameterValueStruct
from reference_cpe.defects.registry import rewire, variant
from reference_cpe.model_table import Parameter
from reference_cpe.parts import Parts


@variant("lower-case-headers")
def lower_case_headers(parts: Parts) -> None:
    """HTTP header names are written in lower case."""
    rewire(parts.http, style=lambda headers: [(name.lower(), value) for name, value in headers])


@variant("other-prefixes")
def other_prefixes(parts: Parts) -> None:
    """The XML uses the prefixes s, e, x, i and c."""
    original = parts.envelope.serialize
    prefixes = {ns.SOAP_ENVELOPE: "s", ns.SOAP_ENCODING: "e", ns.XSD: "x", ns.XSI: "i"}

    def serialize(tree: etree._Element) -> bytes:
        old = {prefix: uri for prefix, uri in tree.nsmap.items() if prefix}
        new = {prefix: prefixes.get(uri, "c") for prefix, uri in old.items()}
        root = etree.Element(tree.tag, nsmap={new[prefix]: uri for prefix, uri in old.items()})
        root.extend(list(tree))
        for element in root.iter():
            for name, value in [(str(n), str(v)) for n, v in element.attrib.items()]:
                prefix, colon, rest = value.partition(":")
                if colon and prefix in new and name.endswith(("}type", "}arrayType")):
                    element.set(name, f"{new[prefix]}:{rest}")
        etree.cleanup_namespaces(root, keep_ns_prefixes=list(new.values()))
        return original(root)

    rewire(parts.envelope, serialize=serialize)


@variant("pretty-printed")
def pretty_printed(parts: Parts) -> None:
    """The XML is indented."""
    original = parts.envelope.serialize

    def serialize(tree: etree._Element) -> bytes:
        etree.indent(tree)
        return original(tree)

    rewire(parts.envelope, serialize=serialize)


@variant("status-204-connection-request")
def status_204_connection_request(parts: Parts) -> None:
    """A connection request is answered with 204 instead of 200."""
    parts.listener.success_status = 204


@variant("boolean-digits")
def boolean_digits(parts: Parts) -> None:
    """Boolean parameters read 1 and 0."""
    original = parts.model.read

    def read(parameter: Parameter) -> str:
        value = original(parameter)
        return (
            {"true": "1", "false": "0"}.get(value, value) if parameter.syntax.type == "xsd:boolean" else value
        )

    rewire(parts.model, read=read)


@variant("extra-periodic-event")
def extra_periodic_event(parts: Parts) -> None:
    """The Inform after boot carries 2 PERIODIC as well."""
    original = parts.events.announce

    def announce() -> tuple[EventStruct, ...]:
        if any(entry.code == events.BOOT for entry in parts.events.entries):
            parts.events.add(events.PERIODIC)
        return original()

    rewire(parts.events, announce=announce)


@variant("utc-offset")
def utc_offset(parts: Parts) -> None:
    """CurrentTime is written with the offset +00:00 instead of Z."""
    original = parts.informer.message

    def message() -> Inform:
        inform = original()
        return replace(inform, current_time=inform.current_time.replace("Z", "+00:00"))

    rewire(parts.informer, message=message)


@variant("shuffled-values")
def shuffled_values(parts: Parts) -> None:
    """Parameters of a response come in another order than asked for."""
    original = parts.model.values

    def values(names: Sequence[str]) -> tuple[ParameterValueStruct, ...]:
        found: list[ParameterValueStruct] = list(original(names))
        parts.random.shuffle(found)
        return tuple(found)

    rewire(parts.model, values=values)


@variant("qualified-faultcode")
def qualified_faultcode(parts: Parts) -> None:
    """The faultcode of a SOAP fault is written with the prefix of SOAP."""
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> etree._Element:
        root = original(envelope)
        for code in root.iter("faultcode"):
            code.text = f"soap-env:{(code.text or '').rpartition(':')[2]}"
        return root

    rewire(parts.envelope, tree=tree)


@variant("connection-request-503-in-session")
def connection_request_503_in_session(parts: Parts) -> None:
    """A connection request while another waits or a session runs is answered 503."""
    original = parts.connection_requested

    def requested() -> bool:
        waiting = any(entry.code == events.CONNECTION_REQUEST for entry in parts.events.entries)
        return not (waiting or parts.in_session()) and original()

    parts.connection_requested = requested


@variant("body-in-pieces")
def body_in_pieces(parts: Parts) -> None:
    """What the device sends comes in two writes."""
    rewire(parts.wire, outgoing=lambda data: (data[:20], data[20:]) if len(data) > 20 else (data,))


def _rewritten(parts: Parts, alter: Callable[[bytes], bytes]) -> None:
    original = parts.envelope.serialize
    rewire(parts.envelope, serialize=lambda tree: alter(original(tree)))


@variant("xml-comments")
def xml_comments(parts: Parts) -> None:
    """Comments stand between the elements of an envelope, and before it."""
    original = parts.envelope.serialize

    def serialize(tree: etree._Element) -> bytes:
        for element in list(tree.iter()):
            if len(element):
                element.insert(0, etree.Comment(" of no importance "))
                element.append(etree.Comment(" nor this "))
        return original(tree).replace(b"?>", b"?><!-- written by a device -->", 1)

    rewire(parts.envelope, serialize=serialize)


@variant("single-quotes")
def single_quotes(parts: Parts) -> None:
    """Attributes are written in single quotes."""
    tag = re.compile(rb"<[^!<>]*>")
    _rewritten(parts, lambda data: tag.sub(lambda found: found[0].replace(b'"', b"'"), data))


@variant("no-xml-declaration")
def no_xml_declaration(parts: Parts) -> None:
    """Envelopes have no XML declaration: they are UTF-8 without it."""
    _rewritten(parts, lambda data: re.sub(rb"^<\?xml[^>]*\?>\s*", b"", data))


@variant("empty-elements-in-full")
def empty_elements_in_full(parts: Parts) -> None:
    """Empty elements are written with a start tag and an end tag."""
    short = re.compile(rb"<([^\s/<>!?]+)([^<>]*?)/>")
    _rewritten(parts, lambda data: short.sub(rb"<\1\2></\1>", data))


@variant("character-references")
def character_references(parts: Parts) -> None:
    """Dots in text are written as character references."""
    text = re.compile(rb">([^<]*)<")
    _rewritten(parts, lambda data: text.sub(lambda f: b">" + f[1].replace(b".", b"&#46;") + b"<", data))


@variant("fault-text-foreign")
def fault_text_foreign(parts: Parts) -> None:
    """The FaultString is in another language, with letters beyond ASCII."""
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> etree._Element:
        root = original(envelope)
        for text in root.iter("FaultString"):
            text.text = "Ungültige Anfrage – das können wir nicht" if text.text else text.text
        return root

    rewire(parts.envelope, tree=tree)
