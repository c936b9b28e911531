"""Generators by change: a few random edits of a valid message, and havoc on its bytes with a dictionary.

They know no clause: what a correct device may do follows from the result being well-formed or not.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from harness.fuzz.program import Edit, Program
from harness.fuzz.soap import dictionary as d
from harness.fuzz.soap.build import ANY, ILL_FORMED, Kitchen, is_ill_formed
from harness.fuzz.soap.edits import edit
from harness.fuzz.soap.templates import Template

EDITS: Final = "edits/1"
HAVOC: Final = "havoc/1"
_MOST_EDITS: Final = 8
_UNITS: Final = ("A", "A", "A", "0", "9", ".", "%n", "\u00e9", "\U0001f600", "&", "../", " ")
_COUNTS: Final = (0, 2, 2, 2, 2, 3, 3, 10, 65, 257)
_DEPTHS: Final = (2, 3, 10, 33, 100, 257)
_WORDS: Final = (*d.TEXTS, *d.INTEGERS, *d.BOOLEANS, *d.TIMES, *d.BINARY, *d.INJECTIONS.values())
_LONG: Final = tuple(length for length in d.LENGTHS if length)


def length(rng: Random) -> int:
    """A length: seldom a long one, as those cost time."""
    return rng.choice(_LONG if rng.random() < 0.25 else d.LENGTHS[:24])


def _leaf(rng: Random, template: Template) -> str:
    return rng.choice(template.texts or template.places)


def _text(rng: Random, template: Template, kitchen: Kitchen) -> Edit:
    words = kitchen.names if rng.random() < 0.4 else _WORDS
    return edit("text", _leaf(rng, template), rng.choice(words))


def _fill(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    return edit("fill", _leaf(rng, template), length(rng), rng.choice(_UNITS))


def _markup(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    op = rng.choice(("markup", "before", "after", "prepend", "append", "split"))
    return edit(op, rng.choice(template.places), rng.choice(d.MARKUP))


def _octets(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    return edit("octets", _leaf(rng, template), rng.choice(d.OCTETS))


def _attribute(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    place = rng.choice(template.places)
    op = rng.choice(("attribute", "further-attribute", "fill-attribute", "no-attribute"))
    if op == "no-attribute":
        return edit(op, rng.choice(template.arrays or template.places), "arrayType")
    name = rng.choice(d.ATTRIBUTES)
    if op == "fill-attribute":
        return edit(op, place, name, length(rng))
    return edit(op, place, name, rng.choice(d.XSI_TYPES if rng.random() < 0.5 else d.TEXTS))


def _array(rng: Random, template: Template, kitchen: Kitchen) -> Edit:
    if not template.arrays:
        return _text(rng, template, kitchen)
    place = rng.choice(template.arrays)
    if rng.random() < 0.5:
        return edit("array-length", place, rng.choice(d.ARRAY_LENGTHS))
    return edit("items", place, rng.choice(_COUNTS))


def _name(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    place = rng.choice(template.places)
    if rng.random() < 0.2:
        return edit("fill-name", place, max(1, length(rng)))
    return edit("rename", place, rng.choice(d.ELEMENTS))


def _structure(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    place = rng.choice(template.places)
    op = rng.choice(
        (
            "remove",
            "repeat",
            "move-first",
            "move-last",
            "move-out",
            "nest",
            "spread",
            "attributes",
            "namespaces",
        )
    )
    if op in {"remove", "move-first", "move-last", "move-out"}:
        return edit(op, place)
    return edit(op, place, rng.choice(_DEPTHS if op == "nest" else _COUNTS))


def _spelling(rng: Random, template: Template, _kitchen: Kitchen) -> Edit:
    op = rng.choice(
        ("cdata", "references", "indent", "attributes-reversed", "prefix", "namespace", "end-tag")
    )
    if op in {"cdata", "references"}:
        return edit(op, _leaf(rng, template))
    if op == "prefix":
        return edit(
            op,
            "",
            rng.choice(("soap-env", "cwmp", "xsd", "xsi", "soap-enc")),
            rng.choice(("", "s", "xml", "xmlns", "a.b", "\u00e4")),
        )
    if op == "namespace":
        return edit(op, rng.choice(template.places), rng.choice(_NAMESPACES))
    if op == "end-tag":
        return edit(op, rng.choice(template.places), rng.choice(("", "x", "Body")))
    return edit(op)


_NAMESPACES: Final = (
    "", "urn:dslforum-org:cwmp-1-0", "urn:dslforum-org:cwmp-1-1", "urn:dslforum-org:cwmp-1-2", "urn:dslforum-org:cwmp-1-3",
    "urn:dslforum-org:cwmp-1-99", "URN:DSLFORUM-ORG:CWMP-1-0", "urn:dslforum-org:cwmp-1-2 ", "http://www.w3.org/2003/05/soap-envelope",
    "http://schemas.xmlsoap.org/soap/envelope", "x",
)  # fmt: skip


def _coding(rng: Random, _template: Template, _kitchen: Kitchen) -> Edit:
    kind = rng.randrange(4)
    if kind == 0:
        codec, bom = rng.choice(
            (
                ("utf-16-le", "fffe"),
                ("utf-16-be", "feff"),
                ("utf-16-le", ""),
                ("utf-32-le", "fffe0000"),
                ("utf-7", ""),
                ("cp037", ""),
                ("latin-1", ""),
            )
        )
        return edit("encode", "", codec, bom)
    if kind == 1:
        return edit("bom", "", rng.choice(("efbbbf", "fffe", "feff", "efbbbfefbbbf", "0000feff", "00")))
    if kind == 2:
        return edit("declaration", "", rng.choice(_DECLARATIONS))
    return edit(rng.choice(("prolog", "epilog")), "", rng.choice(d.MARKUP))


_DECLARATIONS: Final = (
    "", " ", '<?xml version="1.0"?>', '<?xml version="1.1"?>', '<?xml version="2.0"?>', '<?xml version="1.0" encoding="UTF-16"?>',
    '<?xml version="1.0" encoding="ISO-8859-1"?>', '<?xml version="1.0" encoding="US-ASCII"?>', '<?xml version="1.0" encoding="x"?>',
    '<?xml version="1.0" encoding=""?>', '<?xml encoding="UTF-8"?>', "<?xml?>", '<?xml version="1.0" standalone="yes"?>',
    '\n<?xml version="1.0"?>', '<?xml version="1.0"?><?xml version="1.0"?>', "<?XML version='1.0'?>",
)  # fmt: skip

KINDS: Final[tuple[tuple[str, float, Callable[[Random, Template, Kitchen], Edit]], ...]] = (
    ("S4", 3, _text),
    ("S4", 2, _fill),
    ("S3", 2, _array),
    ("S3", 1, _attribute),
    ("S1", 2, _structure),
    ("S1", 1, _name),
    ("X4", 0.4, _markup),
    ("X3", 0.2, _octets),
    ("X5", 0.5, _spelling),
    ("X3", 0.2, _coding),
)
"""Dimension, weight, and what makes one edit."""
_MAKERS: Final = tuple(kind[2] for kind in KINDS)
_DIMENSION_OF: Final = {maker: dimension for dimension, _, maker in KINDS}
_CUMULATED: Final = tuple(sum(kind[1] for kind in KINDS[: index + 1]) for index in range(len(KINDS)))


def edited(kitchen: Kitchen, rng: Random, seed: int, dimension: str = "") -> Program:
    """A valid message with one to eight edits, the first of them of *dimension*, most with few."""
    template = rng.choice(kitchen.harmless)
    count = 1
    while count < _MOST_EDITS and rng.random() < 0.4:
        count += 1
    makers = rng.choices(_MAKERS, cum_weights=_CUMULATED, k=count)
    if dimension:
        makers[0] = rng.choice([maker for maker in _MAKERS if _DIMENSION_OF[maker] == dimension])
    edits = [maker(rng, template, kitchen) for maker in makers]
    return _judged(kitchen, template, edits, EDITS, dimension or _DIMENSION_OF[makers[0]], seed)


def harmful(kitchen: Kitchen, rng: Random, seed: int) -> Program:
    """The same for messages that may harm: only where that is allowed."""
    template = rng.choice(kitchen.destructive)
    edits = [rng.choice((_text, _fill))(rng, template, kitchen)]
    return _judged(kitchen, template, edits, EDITS, "S6", seed)


def havoc(kitchen: Kitchen, rng: Random, seed: int) -> Program:
    """Random changes of the bytes of a valid message, dictionary at hand."""
    template = rng.choice(kitchen.harmless)
    size = len(template.body)
    edits = [_byte_edit(rng, size) for _ in range(1 << rng.randrange(4))]
    return _judged(kitchen, template, edits, HAVOC, "X4", seed)


def _byte_edit(rng: Random, size: int) -> Edit:
    at = rng.randrange(size)
    kind = rng.randrange(8)
    if kind < 2:
        return edit("insert", str(at), rng.choice(d.OCTETS))
    if kind < 4:
        return edit("overwrite", str(at), rng.choice(d.OCTETS))
    if kind == 4:
        return edit("overwrite", str(at), chr(rng.randrange(256)))
    if kind == 5:
        return edit("delete", str(at), 1 << rng.randrange(8))
    if kind == 6:
        return edit("copy", str(at), 1 << rng.randrange(8), rng.choice((1, 1, 1, 2, 16, 256)))
    return (
        edit("truncate", str(at)) if rng.random() < 0.2 else edit("insert", str(at), chr(rng.randrange(256)))
    )


def _judged(
    kitchen: Kitchen, template: Template, edits: list[Edit], generator: str, dimension: str, seed: int
) -> Program:
    says = edits[0].says if len(edits) == 1 else f"{len(edits)} edits, first: {edits[0].says}"
    program = kitchen.program(template, edits, ANY, says, generator=generator, dimension=dimension, seed=seed)
    return with_well_formedness(program)


def with_well_formedness(program: Program) -> Program:
    """The program, with the expectation that nobody obeys it where it is not well-formed XML."""
    body = program.actions[0].body  # type: ignore[union-attr]
    if program.origin.edits and is_ill_formed(body):
        return Program(program.surface, program.actions, ILL_FORMED, program.says, program.origin)
    return program
