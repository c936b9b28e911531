"""Edits: each does what it says, subsets apply, nothing depends on anything but template and edits."""

from __future__ import annotations

from random import Random

import pytest
from fuzz_soap_facts import device
from lxml import etree

from harness.cwmp.messages import GetParameterValues
from harness.cwmp.soap import decode
from harness.fuzz.program import Edit
from harness.fuzz.soap.build import Kitchen, is_ill_formed
from harness.fuzz.soap.edited import edited
from harness.fuzz.soap.edits import BYTES, DOCUMENT, ELEMENT, SIZES, TEXTS, apply, edit
from harness.fuzz.soap.templates import Templates
from harness.fuzz.soap.xml_tree import MOST_ELEMENTS, find, parse, paths

TEMPLATE = Templates(device()).named["read-one"].body
BODY = "Envelope/Body"
GPV = f"{BODY}/GetParameterValues"
NAMES = f"{GPV}/ParameterNames"
NAME = f"{NAMES}/string"


def xml(data: bytes) -> etree._Element:
    return etree.fromstring(data, etree.XMLParser(huge_tree=True))


def name_in(data: bytes) -> str:
    message = decode(data).message
    assert isinstance(message, GetParameterValues)
    return message.parameter_names[0]


def test_no_edit_is_the_template_itself() -> None:
    assert apply(TEMPLATE, ()) == TEMPLATE


def test_the_tree_of_a_template_writes_what_it_was_read_from() -> None:
    for template in Templates(device(destructive=True)).named.values():
        assert decode(parse(template.body).data()) == decode(template.body), template.name


def test_every_path_finds_its_element() -> None:
    root = parse(Templates(device()).named["read-several"].body).root
    for path, node in paths(root).items():
        assert find(root, path) is node


@pytest.mark.parametrize("path", ["Envelope/Nothing", "Other", f"{NAME}[2]", f"{NAME}[0]", f"{NAME}/x"])
def test_an_edit_whose_place_is_gone_does_nothing(path: str) -> None:
    assert decode(apply(TEMPLATE, (edit("remove", path),))) == decode(TEMPLATE)


@pytest.mark.parametrize(
    ("one", "xpath", "count"),
    [
        (edit("remove", NAME), "//string", 0),
        (edit("repeat", NAME, 5), "//string", 5),
        (edit("items", NAMES, 700), "//string", 700),
        (edit("nest", NAMES, 60, "b"), "//b", 60),
        (edit("spread", NAMES, 60, "b"), "//b", 60),
        (edit("attributes", NAMES, 40), "//ParameterNames/@*", 41),
        (edit("before", NAME, "<z/>"), "//ParameterNames/*[1][self::z]", 1),
        (edit("after", NAME, "<z/>"), "//ParameterNames/*[2][self::z]", 1),
        (edit("rename", NAMES, "Other"), "//Other", 1),
        (edit("no-attribute", NAMES, "arrayType"), "//ParameterNames/@*", 0),
        (edit("move-out", NAME), "//ParameterNames/following-sibling::string", 1),
        (edit("fill-attribute", NAME, "a", 300), "//string[string-length(@a)=300]", 1),
        (edit("fill-name", NAME, 300), "//*[string-length(name())=300]", 1),
    ],
)
def test_structure(one: object, xpath: str, count: int) -> None:
    assert len(xml(apply(TEMPLATE, (one,))).xpath(xpath)) == count  # type: ignore[arg-type]


def test_items_keeps_array_type_true() -> None:
    assert len(decode(apply(TEMPLATE, (edit("items", NAMES, 9),))).message.parameter_names) == 9  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "<&>\"'", "\u00e4\U0001f600", "A" * 200, "]]>"])
def test_text_arrives(text: str) -> None:
    assert name_in(apply(TEMPLATE, (edit("text", NAME, text),))) == text


@pytest.mark.parametrize(
    "one",
    [
        edit("cdata", NAME), edit("references", NAME, "16"), edit("references", NAME, "10"), edit("split", NAME, "<!-- -->"),
        edit("indent"), edit("attributes-reversed"), edit("single-quotes"), edit("bom", "", "efbbbf"), edit("declaration", "", ""),
        edit("prefix", "", "soap-env", "s"), edit("prefix", "", "cwmp", "c"), edit("prefix", "", "xsd", "x"), edit("prefix", "", "soap-enc", "e"),
        edit("encode", "", "utf-8"),
    ],
    ids=lambda one: f"{one.op}-{one.args}",
)  # fmt: skip
def test_other_spellings_mean_the_same(one: object) -> None:
    data = apply(TEMPLATE, (one,))  # type: ignore[arg-type]
    assert data != TEMPLATE or one.op == "encode"  # type: ignore[attr-defined]
    assert decode(data) == decode(TEMPLATE)


@pytest.mark.parametrize(
    "one",
    [
        edit("octets", NAME, "a\x00b"), edit("octets", NAME, "\xff"), edit("octets", NAME, "\xc0\x80"), edit("markup", NAME,
        "&#0;"), edit("markup", NAME, "&x;"),
        edit("end-tag", NAME, ""), edit("end-tag", GPV, "x"), edit("further-attribute", NAMES, "soap-enc:arrayType", "1"),
        edit("epilog", "", "<x/>"), edit("epilog-octets", "", "\x00"), edit("truncate", "100"), edit("prolog", "", "junk"), edit("append", BODY, "<"),
    ],
    ids=lambda one: f"{one.op}-{one.args}",
)  # fmt: skip
def test_ill_formed_is_ill_formed_for_another_parser_too(one: object) -> None:
    data = apply(TEMPLATE, (one,))  # type: ignore[arg-type]
    assert is_ill_formed(data)
    with pytest.raises(etree.XMLSyntaxError):
        xml(data)


def test_well_formed_oddities_are_not_called_ill_formed() -> None:
    for one in (edit("nest", NAMES, 2_000), edit("encode", "", "utf-16-le", "fffe"), edit("prolog", "", "<!DOCTYPE x>"),
                edit("declaration", "", '<?xml version="1.0" encoding="x-none"?>'), edit("fill", NAME, 100_000)):  # fmt: skip
        assert not is_ill_formed(apply(TEMPLATE, (one,))), one


def test_subsets_apply_and_the_order_of_looking_up_does_not_matter() -> None:
    rng = Random(7)
    kitchen = Kitchen(device())
    for seed in range(150):
        program = edited(kitchen, Random(seed), seed)
        template, edits = program.origin.template, program.origin.edits
        kept = tuple(one for one in edits if rng.random() < 0.5)
        assert apply(template, kept) == apply(template, kept)
        assert apply(template, edits) == program.actions[0].body  # type: ignore[union-attr]


def test_repeated_repetition_is_cut() -> None:
    edits = [edit("repeat", path, 257) for path in ("Envelope/Header/ID", GPV, NAMES, NAME, BODY)]
    data = apply(TEMPLATE, edits)
    assert data.count(b"<string>") <= MOST_ELEMENTS


def test_the_identity_is_the_only_difference() -> None:
    template = Templates(device()).named["read-one"]
    one, other = template.identified("a1"), template.identified("b2")
    assert decode(one).header.id == "a1"
    assert decode(apply(other, (edit("cdata", NAME),))).header.id == "b2"
    assert one.replace(b">a1<", b">b2<") == other


@pytest.mark.parametrize(
    "wrong",
    [edit("fill", NAME, "x"), Edit("nest", NAME), Edit("attribute", NAME, ("a",)), Edit("no-such-op")],
)
def test_arguments_that_do_not_fit_are_an_error(wrong: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        apply(TEMPLATE, (wrong,))  # type: ignore[arg-type]


def test_every_op_has_a_sentence_and_the_shrinker_knows_real_ops() -> None:
    ops = {*ELEMENT, *DOCUMENT, *BYTES}
    assert len(ops) == len(ELEMENT) + len(DOCUMENT) + len(BYTES)
    assert set(SIZES) | set(TEXTS) <= ops
    assert edit("fill", NAME, 3073).says == "string: the text is 3073 characters long"
    with pytest.raises(KeyError):
        edit("no-such-op")
