"""Seeded fuzz defects of reading envelopes (surface soap): XML, SOAP headers, arrays, texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from lxml import etree

from harness.cwmp.messages import (
    GetParameterValues,
    Header,
    Message,
    ParameterValueStruct,
    SetParameterValues,
    UnknownMessage,
)
from harness.cwmp.soap import Limits, Reading, SoapError
from harness.cwmp.soap_parse import parse
from reference_cpe.defects import fuzz_seeded as seed
from reference_cpe.defects.fuzz_seeded import Effect, before_reading, on_reading, seeded
from reference_cpe.parts import Parts
from reference_cpe.session import Session

_ALIVE = ["cwmp.robust.stays-alive", "cwmp.robust.fault-or-clean-end"]
_OBEYED = ["cwmp.robust.fault-or-clean-end"]
_STORED = ["cwmp.robust.stored-as-sent"]


def _values(reading: Reading) -> tuple[ParameterValueStruct, ...]:
    """What a SetParameterValues wants to set."""
    message = reading.envelope.message if reading.envelope is not None else None
    return message.parameter_list if isinstance(message, SetParameterValues) else ()


def _dies_when(parts: Parts, wrong: Callable[[bytes, Reading], bool]) -> None:
    def look(data: bytes, reading: Reading) -> Reading:
        if wrong(data, reading):
            seed.die()
        return reading

    on_reading(parts, look)


# --- sizes


@seeded("crash-long-value", "soap", Effect.CRASH, _ALIVE, seen="TP-Link, CVE-2025-9961")
def crash_long_value(parts: Parts) -> None:
    """A value of more than 3,072 octets in SetParameterValues kills the process (surface soap)."""
    _dies_when(parts, lambda _data, reading: any(len(v.value.encode()) > 3072 for v in _values(reading)))


@seeded("crash-long-path", "soap", Effect.CRASH, _ALIVE)
def crash_long_path(parts: Parts) -> None:
    """A path of more than 1,024 characters in GetParameterValues kills the process (surface soap)."""

    def wrong(_data: bytes, reading: Reading) -> bool:
        message = reading.envelope.message if reading.envelope is not None else None
        return isinstance(message, GetParameterValues) and any(
            len(name) > 1024 for name in message.parameter_names
        )

    _dies_when(parts, wrong)


@seeded("crash-many-parameters", "soap", Effect.CRASH, _ALIVE)
def crash_many_parameters(parts: Parts) -> None:
    """A SetParameterValues of more than 1,000 parameters kills the process (surface soap)."""
    _dies_when(parts, lambda _data, reading: len(_values(reading)) > 1000)


_TAG = re.compile(rb"<(/?)[A-Za-z_:][^<>]*?(/?)>")


def _depth(data: bytes) -> int:
    """How deep elements are nested, by their tags alone."""
    deepest = now = 0
    for tag in _TAG.finditer(data):
        now += -1 if tag[1] else 0 if tag[2] else 1
        deepest = max(deepest, now)
    return deepest


@seeded("crash-deep-nesting", "soap", Effect.CRASH, _ALIVE)
def crash_deep_nesting(parts: Parts) -> None:
    """Elements nested deeper than 200 levels kill the process (surface soap)."""
    _dies_when(parts, lambda data, _reading: data.count(b"<") > 200 and _depth(data) > 200)


@seeded("crash-many-attributes", "soap", Effect.CRASH, _ALIVE)
def crash_many_attributes(parts: Parts) -> None:
    """More than 500 attributes in one tag kill the process (surface soap)."""
    _dies_when(
        parts,
        lambda data, _reading: (
            data.count(b"=") > 500 and any(tag[0].count(b"=") > 500 for tag in _TAG.finditer(data))
        ),
    )


@seeded("crash-format-string", "soap", Effect.CRASH, _ALIVE)
def crash_format_string(parts: Parts) -> None:
    """A value that holds %n is used as a format string, which kills the process (surface soap)."""
    _dies_when(parts, lambda _data, reading: any("%n" in v.value for v in _values(reading)))


@seeded("crash-utf-16", "soap", Effect.CRASH, ["cwmp.robust.stays-alive"])
def crash_utf_16(parts: Parts) -> None:
    """A message in UTF-16 kills the process (surface soap)."""
    _dies_when(parts, lambda data, _reading: data[:2] in (b"\xff\xfe", b"\xfe\xff"))


# --- XML


@seeded("nul-truncates", "soap", Effect.ACCEPTS, [*_OBEYED, *_STORED])
def nul_truncates(parts: Parts) -> None:
    """A text ends at a NUL, written as a reference or as it is, and the message is obeyed (surface soap)."""
    nul = re.compile(rb"(?:&#0+;|&#x0+;|\x00)[^<]*")

    def alter(data: bytes) -> bytes:
        return data if data[:2] in (b"\xff\xfe", b"\xfe\xff") else nul.sub(b"", data)

    before_reading(parts, alter)


_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)


@seeded("doctype-accepted", "soap", Effect.ACCEPTS, _OBEYED)
def doctype_accepted(parts: Parts) -> None:
    """A message with a document type declaration is obeyed as if it had none (surface soap)."""
    before_reading(parts, lambda data: _DOCTYPE.sub(b"", data, count=1))


@seeded("entities-expanded", "soap", Effect.ACCEPTS, [*_OBEYED, "cwmp.robust.no-entity-expansion"], edits=2)
def entities_expanded(parts: Parts) -> None:
    """Entities that a message itself declares are expanded, and it is obeyed (surface soap)."""

    def alter(data: bytes) -> bytes:
        if b"<!DOCTYPE" not in data:
            return data
        parser = etree.XMLParser(resolve_entities=True, no_network=True, load_dtd=False)
        try:
            root = etree.fromstring(data, parser)
        except (etree.XMLSyntaxError, ValueError):
            return data
        return etree.tostring(root, encoding="utf-8")

    before_reading(parts, alter)


@seeded("external-entity-called", "soap", Effect.CALLS, ["cwmp.robust.no-entity-expansion"])
def external_entity_called(parts: Parts) -> None:
    """The host of an external identifier in a document type is looked up and called (surface soap)."""
    system = re.compile(rb"<!(?:DOCTYPE|ENTITY)[^>]*?[\"'](?:https?|ftp):([^\"']*)")

    def look(data: bytes, reading: Reading) -> Reading:
        for found in system.finditer(data):
            seed.call_hosts(parts, found[1].decode("latin-1"))
        return reading

    on_reading(parts, look)


@seeded("xml-1-1-crash", "soap", Effect.CRASH, ["cwmp.robust.stays-alive"])
def xml_1_1_crash(parts: Parts) -> None:
    """A message that calls itself XML 1.1 kills the process (surface soap)."""
    head = re.compile(rb"<\?xml\s+version\s*=\s*[\"']1\.1")
    _dies_when(parts, lambda data, _reading: head.match(data) is not None)


# --- SOAP


@seeded("must-understand-ignored", "soap", Effect.ACCEPTS, ["cwmp.soap.must-understand", *_OBEYED])
def must_understand_ignored(parts: Parts) -> None:
    """A request is carried out although a header that must be understood is not known (surface soap)."""

    class Careless(Session):
        def execute(self, reading: Reading) -> Message:
            assert reading.envelope is not None
            header = replace(reading.envelope.header, unknown=())
            return super().execute(replace(reading, envelope=replace(reading.envelope, header=header)))

    parts.session = Careless


@seeded("second-body-child-obeyed", "soap", Effect.ACCEPTS, _OBEYED)
def second_body_child_obeyed(parts: Parts) -> None:
    """Of two requests in one Body the last is carried out (surface soap)."""
    original = parts.reader.read

    def alter(data: bytes, reading: Reading) -> Reading:
        if not any(problem.code == "body.children" for problem in reading.problems):
            return reading
        try:
            root = parse(data, Limits())
        except SoapError:
            return reading
        body = next((each for each in root if str(each.tag).endswith("}Body")), None)
        if body is None or len(body) < 2:
            return reading
        for child in list(body)[:-1]:
            body.remove(child)
        return original(etree.tostring(root, encoding="utf-8"))

    on_reading(parts, alter)


_COUNT = re.compile(rb"arrayType\s*=\s*[\"'][^\"']*\[\s*([+-]?\d+)\s*\]")


@seeded("crash-array-count", "soap", Effect.CRASH, ["cwmp.robust.stays-alive"])
def crash_array_count(parts: Parts) -> None:
    """An arrayType with a negative number, or with more than 65,535, kills the process (surface soap)."""

    def wrong(data: bytes, _reading: Reading) -> bool:
        return any(not 0 <= int(found[1][:40]) <= 65535 for found in _COUNT.finditer(data))

    _dies_when(parts, wrong)


@seeded("array-count-believed", "soap", Effect.STORES_OTHER, [*_STORED, "cwmp.set.atomic"])
def array_count_believed(parts: Parts) -> None:
    """Only as many parameters as arrayType announces are set; the others are dropped without a word (surface soap)."""

    def alter(data: bytes, reading: Reading) -> Reading:
        count = _COUNT.search(data)
        if not _values(reading) or count is None or reading.envelope is None:
            return reading
        message = reading.envelope.message
        assert isinstance(message, SetParameterValues)
        kept = message.parameter_list[: max(0, int(count[1][:20]))]
        return replace(
            reading, envelope=replace(reading.envelope, message=replace(message, parameter_list=kept))
        )

    on_reading(parts, alter)


@seeded("nil-is-empty", "soap", Effect.ACCEPTS, _OBEYED)
def nil_is_empty(parts: Parts) -> None:
    """A Value with xsi:nil sets the empty string (surface soap)."""
    nil = re.compile(rb"\s[A-Za-z_][\w.-]*:nil\s*=\s*[\"'](?:true|1)[\"']")
    before_reading(parts, lambda data: nil.sub(b"", data))


@seeded("id-long-dropped", "soap", Effect.WRONG_ANSWER, ["cwmp.soap.id-echo"])
def id_long_dropped(parts: Parts) -> None:
    """An ID of more than 256 characters is not returned (surface soap)."""

    class Forgetful(Session):
        def response_header(self, request_id: str | None) -> Header:
            return Header(id=request_id if request_id is None or len(request_id) <= 256 else None)

    parts.session = Forgetful


@seeded("id-truncated", "soap", Effect.WRONG_ANSWER, ["cwmp.soap.id-echo"])
def id_truncated(parts: Parts) -> None:
    """Of an ID the first 64 characters are returned (surface soap)."""

    class Cutting(Session):
        def response_header(self, request_id: str | None) -> Header:
            return Header(id=request_id and request_id[:64])

    parts.session = Cutting


# --- whatever the request is


@seeded("leaks-a-kilobyte", "soap", Effect.MEMORY, ["cwmp.robust.bounded-memory"], edits=0)
def leaks_a_kilobyte(parts: Parts) -> None:
    """Every request of the ACS costs one kilobyte that is never given back (surface soap)."""
    kept: list[bytearray] = []

    class Leaking(Session):
        def execute(self, reading: Reading) -> Message:
            kept.append(bytearray(b"\xa5" * 1024))
            return super().execute(reading)

    parts.session = Leaking


@seeded("reboots-on-unknown-method", "soap", Effect.RESTART, ["cwmp.robust.stays-alive"])
def reboots_on_unknown_method(parts: Parts) -> None:
    """A method that the device does not know makes it restart when the session is over (surface soap)."""

    class Nervous(Session):
        def execute(self, reading: Reading) -> Message:
            assert reading.envelope is not None
            if isinstance(reading.envelope.message, UnknownMessage):
                self.parts.reboot()
            return super().execute(reading)

    parts.session = Nervous
