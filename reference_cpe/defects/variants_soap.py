"""Benign variants of how SOAP is written. No check may fail on them."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Final

from lxml import etree

from harness.cwmp import namespaces as ns
from harness.cwmp.messages import Envelope, Inform
from reference_cpe.defects.registry import rewire, variant
from reference_cpe.parts import Parts

_QUALIFIED = (f"{{{ns.XSI}}}type", f"{{{ns.SOAP_ENCODING}}}arrayType")
"""Attributes whose value has a prefix."""
_TYPES: Final = {
    "DeviceId": "cwmp:DeviceIdStruct",
    "CurrentTime": "xsd:dateTime",
    "StartTime": "xsd:dateTime",
    "CompleteTime": "xsd:dateTime",
    "MaxEnvelopes": "xsd:unsignedInt",
    "RetryCount": "xsd:unsignedInt",
    "InstanceNumber": "xsd:unsignedInt",
    "Status": "xsd:int",
    "Notification": "xsd:int",
    "Writable": "xsd:boolean",
}
"""What `types-everywhere` calls the elements; others are strings, or structures of their own name."""


def _trees(parts: Parts, alter: Callable[[etree._Element], object]) -> None:
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> etree._Element:
        root = original(envelope)
        alter(root)
        return root

    rewire(parts.envelope, tree=tree)


def _octets(parts: Parts, alter: Callable[[bytes], bytes]) -> None:
    original = parts.envelope.serialize
    rewire(parts.envelope, serialize=lambda tree: alter(original(tree)))


@variant("default-namespaces")
def default_namespaces(parts: Parts) -> None:
    """Elements have no prefix: each sets the default namespace to its own (Namespaces in XML 6.2)."""

    def serialize(tree: etree._Element) -> bytes:
        prefixes = {uri: f"n{at}" for at, uri in enumerate(dict.fromkeys(tree.nsmap.values()))}
        declared = "".join(f' xmlns:{prefix}="{uri}"' for uri, prefix in prefixes.items())
        body = _unprefixed(tree, "", prefixes, declared)
        return b"<?xml version='1.0' encoding='utf-8' standalone='yes'?>\r\n" + body.encode("utf-8")

    rewire(parts.envelope, serialize=serialize)


def _unprefixed(element: etree._Element, default: str, prefixes: dict[str, str], declared: str = "") -> str:
    name = etree.QName(element)
    uri = name.namespace or ""
    out = [f"<{name.localname}", "" if uri == default else f' xmlns="{uri}"', declared]
    for key, text in element.attrib.items():
        attribute, value = etree.QName(str(key)), str(text)
        if str(key) in _QUALIFIED:
            prefix, _, rest = value.partition(":")
            value = f"{prefixes[element.nsmap[prefix]]}:{rest}"
        before = f"{prefixes[attribute.namespace]}:" if attribute.namespace else ""
        out.append(f' {before}{attribute.localname}="{html.escape(value)}"')
    out += [">", html.escape(element.text or "", quote=False)]
    out += [_unprefixed(child, uri, prefixes) for child in element]
    return "".join([*out, f"</{name.localname}>"])


@variant("text-in-cdata")
def text_in_cdata(parts: Parts) -> None:
    """Text stands in CDATA sections (XML 1.0 2.7)."""
    text = re.compile(rb">([^<>]*[^<>\s][^<>]*)<")

    def section(found: re.Match[bytes]) -> bytes:
        plain = html.unescape(found[1].decode("utf-8"))
        return found[0] if "]]" in plain else f"><![CDATA[{plain}]]><".encode()

    _octets(parts, lambda data: text.sub(section, data))


@variant("byte-order-mark")
def byte_order_mark(parts: Parts) -> None:
    """Envelopes begin with the UTF-8 signature (XML 1.0 4.3.3 and F.1)."""
    _octets(parts, lambda data: b"\xef\xbb\xbf" + data)


@variant("types-everywhere")
def types_everywhere(parts: Parts) -> None:
    """Every element says its type (SOAP 1.1 5.1: xsi:type may stand anywhere)."""
    kind, counted = _QUALIFIED

    def alter(root: etree._Element) -> None:
        prefixes = {uri: prefix for prefix, uri in root.nsmap.items()}
        written = {"cwmp": next(p or "" for u, p in prefixes.items() if "cwmp" in u)}
        written |= {"xsd": prefixes[ns.XSD] or "", "soap-enc": prefixes[ns.SOAP_ENCODING] or ""}
        body = root.find(f"{{{ns.SOAP_ENVELOPE}}}Body")
        assert body is not None
        for element in body.iter():
            name = etree.QName(element)
            if name.namespace or kind in element.attrib or element.tag in ("FaultCode", "faultcode"):
                continue
            usual = "soap-enc:Array" if counted in element.attrib else "xsd:string"
            if len(element) and counted not in element.attrib:
                usual = f"cwmp:{name.localname}"
            prefix, _, local = _TYPES.get(name.localname, usual).partition(":")
            if body.find(f"{{{ns.SOAP_ENVELOPE}}}Fault") is None:
                element.set(kind, f"{written[prefix]}:{local}")

    _trees(parts, alter)


@variant("numbers-spelled-oddly")
def numbers_spelled_oddly(parts: Parts) -> None:
    """Numbers have leading zeros and blanks around them, as have times (XML Schema 3.3.13, 4.3.6)."""

    def alter(root: etree._Element) -> None:
        for element in root.iter("MaxEnvelopes", "RetryCount", "Status", "InstanceNumber"):
            element.text = f"\n 00{element.text} "
        for element in root.iter("CurrentTime", "StartTime", "CompleteTime"):
            element.text = f" {element.text}\n"

    _trees(parts, alter)


@variant("time-of-another-zone")
def time_of_another_zone(parts: Parts) -> None:
    """CurrentTime is local time with its offset from UTC (TR-069 A.3.3.1)."""
    original = parts.informer.message
    zone = timezone(timedelta(hours=5, minutes=30))

    def message() -> Inform:
        inform = original()
        if not inform.current_time.endswith("Z"):
            return inform
        now = datetime.fromisoformat(inform.current_time.replace("Z", "+00:00"))
        return replace(inform, current_time=now.astimezone(zone).isoformat())

    rewire(parts.informer, message=message)
