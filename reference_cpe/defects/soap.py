"""Defects of the envelopes that the device writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from harness.cwmp import namespaces as ns
from harness.cwmp.messages import Envelope, Fault, Inform
from reference_cpe.defects.registry import rewire, tabled
from reference_cpe.parts import Parts

Tree = etree._Element
ARRAY_TYPE = f"{{{ns.SOAP_ENCODING}}}arrayType"
XSI_TYPE = f"{{{ns.XSI}}}type"
MUST = f"{{{ns.SOAP_ENVELOPE}}}mustUnderstand"


def _drawn(alter: Callable[[Envelope, Tree], None]) -> Callable[[Parts], None]:
    """Every envelope's tree passes through *alter* before it is written."""

    def apply(parts: Parts) -> None:
        original = parts.envelope.tree

        def tree(envelope: Envelope) -> Tree:
            root = original(envelope)
            alter(envelope, root)
            return root

        rewire(parts.envelope, tree=tree)

    return apply


def _written(alter: Callable[[bytes], bytes]) -> Callable[[Parts], None]:
    """Every envelope passes through *alter* as bytes."""

    def apply(parts: Parts) -> None:
        original = parts.envelope.serialize
        rewire(parts.envelope, serialize=lambda tree: alter(original(tree)))

    return apply


def _named(root: Tree, name: str) -> Iterator[Tree]:
    """Elements of that local name, whatever their namespace."""
    return (each for each in list(root.iter()) if isinstance(each.tag, str) and each.tag.endswith(name))


def _count(_envelope: Envelope, root: Tree) -> None:
    for each in root.iter():
        if ARRAY_TYPE in each.attrib:
            kind = str(each.attrib[ARRAY_TYPE]).partition("[")[0]
            each.set(ARRAY_TYPE, f"{kind}[0]")


def _int(_envelope: Envelope, root: Tree) -> None:
    for each in root.iter():
        if XSI_TYPE in each.attrib:
            prefix = str(each.attrib[XSI_TYPE]).partition(":")[0]
            each.set(XSI_TYPE, f"{prefix}:int")


def _must_understand(mine: bool) -> Callable[[Envelope, Tree], None]:
    def alter(envelope: Envelope, root: Tree) -> None:
        if isinstance(envelope.message, Inform) is mine:
            for each in _named(root, "}ID"):
                if MUST in each.attrib:
                    del each.attrib[MUST]

    return alter


def _no_own_id(envelope: Envelope, root: Tree) -> None:
    if isinstance(envelope.message, Inform):
        for each in _named(root, "}ID"):
            parent = each.getparent()
            assert parent is not None
            parent.remove(each)


def _two_children(envelope: Envelope, root: Tree) -> None:
    if isinstance(envelope.message, Fault):
        body = next(_named(root, "}Body"))
        etree.SubElement(body, f"{{{ns.CWMP_1_0}}}GetRPCMethods")


def _qualified(envelope: Envelope, root: Tree) -> None:
    if isinstance(envelope.message, Inform):
        for each in _named(root, "RetryCount"):
            each.tag = f"{{{envelope.namespace}}}RetryCount"


def _order(envelope: Envelope, root: Tree) -> None:
    if isinstance(envelope.message, Inform):
        inform = next(_named(root, "}Inform"))
        inform.insert(0, next(_named(inform, "CurrentTime")))


def _fault(name: str, text: str) -> Callable[[Envelope, Tree], None]:
    def alter(_envelope: Envelope, root: Tree) -> None:
        for each in _named(root, name):
            each.text = text

    return alter


def _unknown_method(envelope: Envelope) -> bool:
    return isinstance(envelope.message, Fault) and envelope.message.fault_code == 9000


def _code(text: str) -> Callable[[Envelope, Tree], None]:
    def alter(envelope: Envelope, root: Tree) -> None:
        if _unknown_method(envelope):
            for each in _named(root, "FaultCode"):
                each.text = text

    return alter


def _no_detail(envelope: Envelope, root: Tree) -> None:
    if _unknown_method(envelope):
        for each in _named(root, "detail"):
            each.clear()


_FAULT = ("cwmp.robust.fault-or-clean-end",)
_UNREADABLE = {
    "two-body-children": _FAULT,
    "fault-without-detail": _FAULT,
    "fault-code-unknown": _FAULT,
    "fault-not-well-formed": _FAULT,
    "document-type": _FAULT,
}
"""Faults that nobody can read are no correct faults."""

for _name, _summary, _breaks, _alter, _seen in (
    ("array-count-wrong", "soapenc:arrayType says that every array is empty.", "cwmp.soap.array-type", _count, ""),
    ("value-type-int", "Every parameter value is declared to be an xsd:int.", "cwmp.soap.value-type", _int, ""),
    ("own-id-missing", "The Inform has no ID.", "cwmp.soap.own-id", _no_own_id, "a CPE in GenieACS issue 233"),
    ("own-id-optional", "The ID of the Inform lacks mustUnderstand.", "cwmp.soap.own-id",
     _must_understand(True), ""),
    ("response-id-optional", "The ID of a response lacks mustUnderstand.", "cwmp.soap.id-echo",
     _must_understand(False), ""),
    ("two-body-children", "A second element follows the fault in the Body.", "cwmp.soap.one-body-child",
     _two_children, ""),
    ("argument-qualified", "RetryCount is written in the namespace of CWMP.", "cwmp.soap.unqualified-children",
     _qualified, ""),
    ("argument-order", "CurrentTime comes first in the Inform.", "cwmp.soap.unqualified-children", _order, ""),
    ("fault-code-sender", "The faultcode of a fault is Sender, as in SOAP 1.2.", "cwmp.soap.fault-form",
     _fault("faultcode", "Sender"), ""),
    ("fault-string-upper-case", "The faultstring of a fault is CWMP FAULT.", "cwmp.soap.fault-form",
     _fault("faultstring", "CWMP FAULT"), "several CPEs"),
    ("fault-without-detail", "The fault for an unknown method has an empty detail.", "cwmp.soap.fault-form", _no_detail, ""),
    ("fault-code-unknown", "The fault for an unknown method carries a code that no version of CWMP has.", "cwmp.fault.codes",
     _code("9099"), ""),
):  # fmt: skip
    tabled(_name, _summary, [_breaks, *_UNREADABLE.get(_name, ())], _drawn(_alter), _seen)


def _soap12(data: bytes) -> bytes:
    old, new = ns.SOAP_ENVELOPE.encode(), b"http://www.w3.org/2003/05/soap-envelope"
    return data.replace(old, new) if b"faultstring" in data else data


def _unfinished(data: bytes) -> bytes:
    return data.rstrip().removesuffix(b">") if b"faultstring" in data else data


for _name, _summary, _make in (
    ("fault-in-soap-1-2", "Faults are written in an Envelope of SOAP 1.2.", _soap12),
    ("fault-not-well-formed", "The last character of a fault's envelope is missing.", _unfinished),
    ("document-type", "A document type declaration precedes every envelope of a fault.",
     lambda data: data.replace(b"?>", b"?><!DOCTYPE Envelope>", 1) if b"faultstring" in data else data),
):  # fmt: skip
    tabled(_name, _summary, ["cwmp.soap.envelope", *_UNREADABLE.get(_name, ())], _written(_make))
