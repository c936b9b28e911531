"""What an HTTP message carries, for people: a few words for an arrow, indented lines for reading.

Bodies are bytes of a device. They are parsed by the codec's safe parser (no entities, no DTD, limits); what it refuses
is shown as text.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from harness.cwmp import namespaces as ns
from harness.cwmp.soap_parse import parse
from harness.cwmp.soap_problem import Limits, SoapError
from harness.verdict.transcript import HttpMessage
from reports.text import one_line, visible

LIMITS: Final = Limits(size=512 * 1024, depth=32)
LINES: Final = 160
"""Lines of one message that are shown."""
WIDTH: Final = 400
"""Characters of one line that are shown."""
_PATH: Final = re.compile(r"(?:/[\w.:-]+(?:\[\d+\])?)+(?:/@[\w.:-]+)?")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a message; ``marked`` where a finding points at it."""

    text: str
    marked: bool = False


def body_of(message: HttpMessage) -> bytes:
    """The body without gzip or deflate; as it came where it cannot be decoded."""
    coding = (message.header("Content-Encoding") or "").strip().lower()
    if coding not in ("gzip", "x-gzip", "deflate"):
        return message.body
    try:
        return zlib.decompressobj(wbits=47).decompress(message.body, LIMITS.size)
    except zlib.error:
        return message.body


def _tree(data: bytes) -> etree._Element | None:
    try:
        return parse(data, LIMITS)
    except SoapError:
        return None


def summary(message: HttpMessage) -> str:
    """A message in a few words: ``POST /cwmp · Inform (2 PERIODIC)``, ``200 · InformResponse``."""
    if message.is_request:
        head = one_line(f"{message.method} {message.target}", 48)
    else:
        head = f"{message.status}" if message.status else one_line(message.start_line, 40)
    said = _said(body_of(message))
    if said == "empty" and message.method != "POST" and message.status not in (200, 204):
        return head
    return f"{head} · {one_line(said, 60)}" if said else head


def _said(data: bytes) -> str:
    if not data.strip():
        return "empty"
    root = _tree(data)
    body = None if root is None else root.find(f"{{{ns.SOAP_ENVELOPE}}}Body")
    first = None if body is None else next(iter(body), None)
    if first is None:
        return f"{len(data):,} bytes"
    name = etree.QName(first).localname
    events = [each.text or "" for each in first.iter("EventCode")] if name == "Inform" else []
    codes = [each.text or "" for each in first.iter("FaultCode")] if name == "Fault" else []
    return name + (f" ({', '.join((events or codes)[:4])})" if events or codes else "")


def events_of(message: HttpMessage) -> tuple[str, ...] | None:
    """The event codes of an Inform; ``None`` where *message* is none."""
    if b"Inform" not in message.head + message.body and not message.header("Content-Encoding"):
        return None
    root = _tree(body_of(message))
    body = None if root is None else root.find(f"{{{ns.SOAP_ENVELOPE}}}Body")
    first = None if body is None else next(iter(body), None)
    if first is None or etree.QName(first).localname != "Inform":
        return None
    return tuple(each.text or "" for each in first.iter("EventCode"))


def lines(message: HttpMessage, places: tuple[str, ...] = ()) -> list[Line]:
    """The head as it was written, then the body, indented where it is XML.

    *places* are header names and paths of elements that a finding points at: their lines are marked.
    """
    headers = {place.lower() for place in places if _HEADER.fullmatch(place)}
    found = [
        Line(_shown(line), line.partition(":")[0].strip().lower() in headers)
        for line in message.head.decode("utf-8", "backslashreplace").splitlines()
        if line.strip()
    ]
    data = body_of(message)
    if data.strip():
        found += [Line(""), *_body(data, [place for place in places if _PATH.fullmatch(place)])]
    return _cut(found)


def _body(data: bytes, places: list[str]) -> list[Line]:
    root = _tree(data)
    if root is None:
        text = data[: LIMITS.size].decode("utf-8", "backslashreplace")
        return [Line(_shown(line)) for line in text.splitlines()]
    marked = {element for place in places for element in _at(root, place)}
    return list(_element(root, 0, marked))


def _at(root: etree._Element, place: str) -> Iterator[etree._Element]:
    """The elements at a path of the codec; where there is none, their nearest parent that is there."""
    body = root.find(f"{{{ns.SOAP_ENVELOPE}}}Body")
    spaces = [etree.QName(each).namespace for each in (root if body is None else body)]
    names = {**ns.PREFIXES, "cwmp": next((each for each in spaces if each), ns.CWMP_1_2)}
    path = place.partition("/@")[0]
    while path:
        try:
            found = root.getroottree().xpath(path, namespaces=names)
        except etree.XPathError:
            found = []
        if isinstance(found, list) and found:
            yield from (each for each in found if isinstance(each, etree._Element))
            return
        path = path.rpartition("/")[0]


def _element(element: etree._Element, depth: int, marked: set[etree._Element]) -> Iterator[Line]:
    pad, name, here = "  " * depth, _name(element), element in marked
    start = f"{pad}<{name}{_attributes(element)}"
    text = escape(element.text or "") if (element.text or "").strip() or not len(element) else ""
    if len(element):
        yield Line(_shown(f"{start}>{text}"), here)
        for child in element:
            yield from _element(child, depth + 1, marked)
        yield Line(f"{pad}</{name}>")
    else:
        yield Line(_shown(f"{start}>{text}</{name}>" if text else f"{start}/>"), here)
    if (element.tail or "").strip():
        yield Line(_shown(pad + escape(element.tail or "")))


def _name(element: etree._Element) -> str:
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local


def _attributes(element: etree._Element) -> str:
    parent = element.getparent()
    known = {} if parent is None else parent.nsmap
    written = [
        f" xmlns{':' + prefix if prefix else ''}={quoteattr(uri)}"
        for prefix, uri in element.nsmap.items()
        if known.get(prefix) != uri
    ]
    prefixes = {uri: prefix for prefix, uri in element.nsmap.items() if prefix}
    for key, value in element.attrib.items():
        name = etree.QName(key)
        prefix = prefixes.get(name.namespace or "")
        written.append(f" {prefix + ':' if prefix else ''}{name.localname}={quoteattr(str(value))}")
    return "".join(written)


def _shown(text: str) -> str:
    return visible(text, WIDTH)


def _cut(found: list[Line]) -> list[Line]:
    """At most `LINES` lines, the first marked one among them."""
    if len(found) <= LINES:
        return found
    first = next((number for number, line in enumerate(found) if line.marked), 0)
    start = max(0, min(first - LINES // 4, len(found) - LINES))
    before = [Line(f"… {start} lines above")] if start else []
    after = len(found) - start - LINES
    return [*before, *found[start : start + LINES], *([Line(f"… {after} lines below")] if after else [])]
