"""What can be wrong with an envelope, and how that is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.cwmp.messages import Envelope

SHOWN: Final = 120
"""Characters of a foreign text that a message shows."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a receiver takes: bytes of a document, levels of nesting, attributes of one element, number of problems
    worth telling.
    """

    size: int = 8 * 1024 * 1024
    depth: int = 32
    attributes: int = 256
    problems: int = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One deviation.

    ``code`` is a stable word (the table ``CODES``), ``where`` an XPath with the prefixes this project
    writes, ``source`` the rule. ``fatal``: no message could be read. ``must`` is false where the rule
    is a SHOULD, or where the field has long learned to tolerate it.
    """

    code: str
    where: str
    expected: str
    found: str
    source: str
    fatal: bool = False
    must: bool = True

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found} ({self.source})"


class SoapError(Exception):
    """An envelope that cannot be read, or that breaks a MUST."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Reading:
    """An envelope as far as it could be understood, and everything that was wrong with it."""

    envelope: Envelope | None
    problems: tuple[Problem, ...] = ()

    @property
    def violations(self) -> tuple[Problem, ...]:
        """The problems that break a MUST."""
        return tuple(problem for problem in self.problems if problem.must or problem.fatal)


CODES: Final = {
    "too-large": "more bytes than the receiver takes",
    "too-deep": "elements nested deeper than the receiver takes",
    "not-xml": "not well-formed XML 1.0 with namespaces",
    "xml.version": "an XML version other than 1.0",
    "encoding": "a character encoding other than UTF-8, UTF-16, US-ASCII, ISO-8859-1",
    "doctype": "a document type declaration",
    "envelope.root": "the root element is no SOAP Envelope",
    "envelope.namespace": "an Envelope of another SOAP version",
    "envelope.children": "children of the Envelope other than one Header, then one Body",
    "body.children": "not exactly one child in the Body",
    "namespace.unknown": "a namespace that no CWMP version has",
    "message.version": "a message newer than the version of its namespace",
    "header.unqualified": "a header entry without namespace",
    "header.namespace": "a CWMP header in another namespace than the message",
    "header.duplicate": "a header given twice",
    "header.value": "a header's text is not of its type",
    "header.must-understand": "the mustUnderstand attribute is not what the header demands",
    "argument.missing": "an argument is missing",
    "argument.unknown": "an argument that the schema does not have",
    "argument.duplicate": "an argument given twice",
    "argument.order": "arguments in another order than the schema's",
    "argument.qualified": "an argument with a namespace",
    "argument.value": "a text that is not of the argument's type, length or pattern",
    "argument.nil": "xsi:nil where the schema allows none",
    "text.unexpected": "characters between elements",
    "array-type.missing": "an array without soapenc:arrayType",
    "array-type.form": "an arrayType that cannot be read",
    "array-type.type": "an arrayType that names another item type",
    "array-type.count": "an arrayType whose number is not the number of items",
    "array.item-name": "an array item of another element name",
    "array.items": "more or fewer items than the schema allows",
    "value.type-missing": "a Value (or an operation) without xsi:type",
    "value.type-unknown": "an xsi:type that names no simple type",
    "value.lexical": "a Value that is not of the type it declares",
    "fault.code": "a faultcode that SOAP 1.1 does not define",
    "fault.string": "a faultstring other than 'CWMP fault'",
    "fault.detail": "a Client or Server fault without a CWMP Fault as detail",
    "text.not-xml": "text that XML 1.0 cannot carry (writing only)",
}


def shown(text: str) -> str:
    """*text* for a one-line message: quoted, escaped, cut."""
    return repr(text) if len(text) <= SHOWN else f"{text[:SHOWN]!r}... ({len(text)} characters)"
