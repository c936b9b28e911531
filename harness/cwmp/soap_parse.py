"""Bytes to a safe element tree: size, encoding, DTD and depth are judged before use."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from lxml import etree

from harness.cwmp.soap_problem import Limits, Problem, SoapError, shown

ENCODINGS: Final = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1"})
_ALIASES: Final = {"utf8": "utf-8", "utf16": "utf-16", "ascii": "us-ascii", "latin1": "iso-8859-1"}
_DECLARATION = re.compile(
    r"""<\?xml\s+version\s*=\s*(?:"([^"]*)"|'([^']*)')(?:\s+encoding\s*=\s*(?:"([^"]*)"|'([^']*)'))?""",
    re.ASCII,
)
_DECLARED = re.compile(r"<\?xml\s", re.ASCII)
_BOMS: Final = (
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
    (b"<\x00?\x00", "utf-16-le"),
    (b"\x00<\x00?", "utf-16-be"),
    (b"\x4c\x6f\xa7\x94", "ebcdic"),
)
_HEAD: Final = 400
"""Bytes in which the XML declaration has to end."""
_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    attribute_defaults=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)


def parse(data: bytes, limits: Limits) -> etree._Element:
    """The root element of *data*; comments and processing instructions are gone.

    Raises:
        SoapError: refused, with a fatal problem: ``too-large``, ``encoding``, ``xml.version``, ``doctype``,
            ``not-xml`` or ``too-deep``.
    """
    if len(data) > limits.size:
        raise _refused(
            "too-large", f"at most {limits.size} bytes", f"{len(data)} bytes", "the receiver's own limit"
        )
    if not data.strip():
        raise _refused("not-xml", "an XML document", f"{len(data)} bytes, none of them text", "XML 1.0 2.1")
    family = _family(data)
    _judge_declaration(data, family)
    if _has_doctype(data, family):
        raise _refused("doctype", "no document type declaration", "<!DOCTYPE", "SOAP 1.1 3")
    try:
        root = etree.fromstring(data, _PARSER)
    except etree.XMLSyntaxError as error:
        raise _not_xml(error, limits) from None
    except (ValueError, LookupError, MemoryError, AssertionError) as error:
        raise _refused("not-xml", "well-formed XML", shown(str(error)), "XML 1.0 2.1") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _refused("doctype", "no document type declaration", "<!DOCTYPE", "SOAP 1.1 3")
    # As many equal signs as an element may have attributes are the least that takes a look.
    if data.count(b"=") > limits.attributes and _more_attributes_than(limits.attributes)(root):
        found = f"an element with more than {limits.attributes}"
        raise _refused(
            "too-large", f"at most {limits.attributes} attributes", found, "the receiver's own limit"
        )
    # Fewer tags than levels cannot be nested deeper; the count is cheaper than the look.
    if data.count(b"<") > limits.depth and _deeper_than(limits.depth)(root):
        raise _too_deep(limits, f"more than {limits.depth}")
    return root


@lru_cache(maxsize=16)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("boolean(" + "/*" * (depth + 1) + ")")


@lru_cache(maxsize=16)
def _more_attributes_than(number: int) -> etree.XPath:
    return etree.XPath(f"boolean(//*[count(@*) > {number}])")


def _refused(code: str, expected: str, found: str, source: str, where: str = "/") -> SoapError:
    return SoapError(Problem(code, where, expected, found, source, fatal=True))


def _too_deep(limits: Limits, found: str) -> SoapError:
    return _refused("too-deep", f"at most {limits.depth} levels", found, "the receiver's own limit")


def _not_xml(error: etree.XMLSyntaxError, limits: Limits) -> SoapError:
    text = " ".join((error.msg or "not well-formed").split())
    if "depth" in text.lower():
        return _too_deep(limits, shown(text))
    return _refused("not-xml", "well-formed XML", shown(text), "XML 1.0 2.1, Namespaces in XML")


def _family(data: bytes) -> str:
    """How the first characters are coded: by byte-order mark or shape (XML 1.0 appendix F)."""
    return next((name for start, name in _BOMS if data.startswith(start)), "ascii")


def _judge_declaration(data: bytes, family: str) -> None:
    if family in {"utf-32", "ebcdic"}:
        raise _refused("encoding", "one of " + ", ".join(sorted(ENCODINGS)), family, "TR-069 3.5")
    head = data[:_HEAD].decode(family if family.startswith("utf-16") else "latin-1", "replace")
    head = head.lstrip("\ufeff").removeprefix("\xef\xbb\xbf")
    if not _DECLARED.match(head):
        return
    match = _DECLARATION.match(head)
    # Blanks without end would push version and encoding out of sight, and past this judgement.
    if match is None or "?>" not in head:
        raise _refused("not-xml", f"an XML declaration within {_HEAD} bytes", shown(head), "XML 1.0 2.8")
    version = match[1] if match[1] is not None else match[2]
    if version != "1.0":
        raise _refused("xml.version", "1.0", shown(version), "SOAP 1.1 3, XML 1.0 2.8")
    named = match[3] if match[3] is not None else match[4]
    if named is not None and _ALIASES.get(named.lower(), named.lower()) not in ENCODINGS:
        raise _refused("encoding", "one of " + ", ".join(sorted(ENCODINGS)), shown(named), "TR-069 3.5")


def _has_doctype(data: bytes, family: str) -> bool:
    """Whether a DOCTYPE stands in the prolog; looked for first, so that no subset is ever parsed."""
    if family.startswith("utf-16"):
        data = data.decode(family, "replace").encode("utf-8", "replace")
    at = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while True:
        at += len(data[at : at + _HEAD]) - len(data[at : at + _HEAD].lstrip())
        if data.startswith(b"<!--", at):
            end = data.find(b"-->", at + 4)
        elif data.startswith(b"<?", at):
            end = data.find(b"?>", at + 2)
        elif data[at : at + 1].isspace():
            continue
        else:
            return data.startswith(b"<!DOCTYPE", at)
        if end < 0:
            return False
        at = end + (3 if data.startswith(b"-->", end) else 2)
