"""Every seeded fuzz defect of the surface soap shows on the input that is meant for it, and on no plain read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from defect_lab import BOX, Lab, Workshop, encoded, fate, opened

from harness.cwmp import soap
from harness.cwmp.messages import (
    AddObject,
    DeleteObject,
    Fault,
    GetParameterValues,
    Message,
    ParameterValueStruct,
    SetParameterAttributes,
    SetParameterAttributesStruct,
    SetParameterValues,
    UnknownMessage,
)
from reference_cpe.defects.fuzz_seeded import SEEDED


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    return Workshop(tmp_path, monkeypatch)


def values(*pairs: tuple[str, str, str], key: str = "key") -> bytes:
    listed = tuple(ParameterValueStruct(BOX + name, value, f"xsd:{type_}") for name, value, type_ in pairs)
    return encoded(SetParameterValues(listed, key))


TEXT = values(("Text", "abc", "string"))
GET = encoded(GetParameterValues((BOX + "Text",)))
UNKNOWN = encoded(GetParameterValues(("Device.Nothing",)))
DOCTYPE = b'?><!DOCTYPE a [<!ENTITY e "xyz">]>'
STRANGE = b'<x:y xmlns:x="urn:x" soap-env:mustUnderstand="1"/></soap-env:Header>'


def with_id(length: int) -> bytes:
    return encoded(GetParameterValues((BOX + "Text",)), "i" * length)


def attributes(*entries: tuple[str, int]) -> bytes:
    listed = tuple(SetParameterAttributesStruct(BOX + n, True, value, False, ()) for n, value in entries)
    return encoded(SetParameterAttributes(listed))


def deep() -> bytes:
    return TEXT.replace(b"abc", b"<a>" * 300 + b"</a>" * 300)


def crashes(*bodies: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> str:
        return fate(lambda: lab.send(*bodies))

    return run


def stored(name: str, *bodies: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> str:
        lab.send(values(("Text", "before", "string"), key="old"), *bodies)
        return lab.read(BOX + name)

    return run


def answers(*bodies: bytes) -> Callable[[Lab], object]:
    """Name, or fault code, of the last answer."""

    def run(lab: Lab) -> object:
        last = lab.send(*bodies)[-1]
        if not last:
            return "end"
        message = opened(last)
        return message.fault_code if isinstance(message, Fault) else type(message).__name__

    return run


def echoed(body: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> object:
        envelope = soap.read(lab.send(body)[0]).envelope
        assert envelope is not None
        return len(envelope.header.id or "")

    return run


def calls(*bodies: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> object:
        lab.send(*bodies)
        return lab.called

    return run


def key_after(body: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> object:
        lab.send(TEXT, body)
        return lab.parts.store.get("parameter_key")

    return run


def rows(*steps: Message) -> Callable[[Lab], object]:
    """The rows of the table Item, and what it counts, after some steps."""

    def run(lab: Lab) -> object:
        lab.send(*map(encoded, steps))
        return lab.parts.model.rows(BOX + "Item."), lab.read(BOX + "ItemNumberOfEntries")

    return run


def notified(*bodies: bytes) -> Callable[[Lab], object]:
    def run(lab: Lab) -> object:
        lab.send(*bodies)
        return [lab.parts.attributes.notification(BOX + name) for name in ("Text", "Flag")]

    return run


ADD, DELETE = AddObject(BOX + "Item.", "k"), DeleteObject(BOX + "Item.1.", "k")
ITEM = BOX + "Item."
MIXED = values(("Text", "new", "string"), ("Number", "101", "int"), key="new")
FORGED = encoded(UnknownMessage("urn:dslforum-org:cwmp-1-2", "X_Nothing"))

SOAP: dict[str, tuple[Callable[[Lab], Any], Any, Any]] = {
    "crash-long-value": (crashes(values(("Text", "a" * 3073, "string"))), "dead", "alive"),
    "crash-long-path": (crashes(encoded(GetParameterValues(("Device." + "a" * 1025,)))), "dead", "alive"),
    "crash-many-parameters": (crashes(values(*[("Text", "a", "string")] * 1001)), "dead", "alive"),
    "crash-deep-nesting": (crashes(deep()), "dead", "alive"),
    "crash-many-attributes": (
        crashes(TEXT.replace(b"<Name>", b"<Name " + b"".join(b'a%d="" ' % n for n in range(501)) + b">")),
        "dead",
        "alive",
    ),
    "crash-format-string": (crashes(values(("Text", "%n%n", "string"))), "dead", "alive"),
    "crash-utf-16": (crashes(TEXT.decode().replace("utf-8", "utf-16").encode("utf-16")), "dead", "alive"),
    "nul-truncates": (stored("Text", TEXT.replace(b"abc", b"ab&#0;c")), "ab", "before"),
    "doctype-accepted": (stored("Text", TEXT.replace(b"?>", DOCTYPE, 1)), "abc", "before"),
    "entities-expanded": (
        stored("Text", TEXT.replace(b"?>", DOCTYPE, 1).replace(b"abc", b"&e;")),
        "xyz",
        "before",
    ),
    "external-entity-called": (
        calls(TEXT.replace(b"?>", b'?><!DOCTYPE a SYSTEM "http://c1.canary.test/x">', 1)),
        ["c1.canary.test"],
        [],
    ),
    "xml-1-1-crash": (crashes(TEXT.replace(b'"1.0"', b'"1.1"').replace(b"'1.0'", b"'1.1'")), "dead", "alive"),
    "must-understand-ignored": (
        stored("Text", TEXT.replace(b"</soap-env:Header>", STRANGE)),
        "abc",
        "before",
    ),
    "second-body-child-obeyed": (
        stored("Text", TEXT.replace(b"<soap-env:Body>", b"<soap-env:Body><cwmp:GetRPCMethods/>")),
        "abc",
        "before",
    ),
    "crash-array-count": (crashes(TEXT.replace(b"Struct[1]", b"Struct[4294967296]")), "dead", "alive"),
    "array-count-believed": (
        stored("Number", TEXT, MIXED.replace(b"101", b"7").replace(b"Struct[2]", b"Struct[1]")),
        "0",
        "7",
    ),
    "nil-is-empty": (stored("Text", TEXT.replace(b"<Value ", b'<Value xsi:nil="1" ')), "abc", "before"),
    "id-long-dropped": (echoed(with_id(257)), 0, 257),
    "id-truncated": (echoed(with_id(65)), 64, 65),
    "set-half-applied": (stored("Text", MIXED), "new", "before"),
    "parameter-key-on-fault": (key_after(MIXED), "new", "key"),
    "duplicate-parameter-accepted": (
        stored("Text", values(("Text", "1", "string"), ("Text", "2", "string"))),
        "2",
        "before",
    ),
    "integer-wraps": (stored("Unsigned", values(("Unsigned", "4294967299", "unsignedInt"))), "3", "0"),
    "long-text-cut": (stored("Text", values(("Text", "a" * 33, "string"))), "a" * 32, "before"),
    "boolean-any-word": (stored("Flag", values(("Flag", "Yes", "boolean"))), "true", "false"),
    "boolean-blank-is-false": (stored("Flag", values(("Flag", " 1 ", "boolean"))), "false", "true"),
    "shell-in-value": (calls(values(("Text", "$(ping c2.canary.test)", "string"))), ["c2.canary.test"], []),
    "trailing-dot-accepted": (
        answers(encoded(GetParameterValues((BOX + "Text.",)))),
        "GetParameterValuesResponse",
        9005,
    ),
    "unknown-path-9003": (answers(UNKNOWN), 9003, 9005),
    "wildcard-crash": (crashes(encoded(GetParameterValues((BOX + "Item.*.Name",)))), "dead", "alive"),
    "instance-number-reused": (rows(ADD, DELETE, ADD), ([ITEM + "1."], "1"), ([ITEM + "2."], "1")),
    "delete-twice": (answers(*map(encoded, (ADD, DELETE, DELETE))), "DeleteObjectResponse", 9005),
    "delete-empties-table": (rows(ADD, DeleteObject(ITEM, "k")), ([], "0"), ([ITEM + "1."], "1")),
    "rows-counted-for-ever": (rows(ADD, DELETE), ([], "1"), ([], "0")),
    "attribute-lost": (notified(attributes(("Text", 1), ("Flag", 2))), [1, 0], [1, 2]),
    "attributes-half-applied": (notified(attributes(("Text", 1), ("Nothing", 2))), [1, 0], [0, 0]),
}
"""Name without ``fuzz-``: what is done, what shows with the defect, what without."""


@pytest.mark.parametrize("name", SOAP)
def test_soap_defect(name: str, shop: Workshop) -> None:
    run, broken, correct = SOAP[name]
    assert run(shop.make()) == correct
    assert run(shop.make(f"fuzz-{name}")) == broken
    lab = shop.make(f"fuzz-{name}")
    assert answers(GET)(lab) == "GetParameterValuesResponse", "a plain read works all the same"


def test_a_kilobyte_is_kept_for_every_request(shop: Workshop) -> None:
    lab = shop.make("fuzz-leaks-a-kilobyte")
    lab.send(GET, GET)
    cells = lab.parts.session.execute.__closure__
    assert cells is not None
    kept = next(c.cell_contents for c in cells if isinstance(c.cell_contents, list))
    assert [len(each) for each in kept] == [1024, 1024]


def test_an_unknown_method_restarts(shop: Workshop) -> None:
    for name, restarts in (((), 0), (("fuzz-reboots-on-unknown-method",), 1)):
        lab = shop.make(*name)
        assert answers(FORGED)(lab) == 9000
        assert lab.restarts == restarts


def test_every_soap_defect_is_tried() -> None:
    others = {"leaks-a-kilobyte", "reboots-on-unknown-method"}
    assert {f"fuzz-{name}" for name in {*SOAP, *others}} == {
        name for name, each in SEEDED.items() if each.surface == "soap"
    }
