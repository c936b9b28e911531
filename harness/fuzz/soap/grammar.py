"""Generator by grammar: a valid message with exactly one fault, or a legal oddity, and the clause that decides.

A fault is a function that draws what the clause leaves open (names, sizes, values) and gives template, edits,
and expectation. Where a correct device may do either, the expectation is none.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final, TypeAlias

from harness.cwmp import datatypes
from harness.fuzz.program import Edit, Expectation, Program, Wanted
from harness.fuzz.soap import dictionary as d
from harness.fuzz.soap.build import ALIKE, ANY, ILL_FORMED, INVALID, NO_EXPANSION, Kitchen
from harness.fuzz.soap.edits import edit, header_entry
from harness.fuzz.soap.templates import FRESH, Template

GRAMMAR: Final = "grammar/1"
_WHOLE_ENVELOPE: Final = 30_000
_BODY: Final = "Envelope/Body"
_HEADER: Final = "Envelope/Header"
_LIST: Final = f"{_BODY}/SetParameterValues/ParameterList"
_STRUCT: Final = f"{_LIST}/ParameterValueStruct"
_NAMES: Final = f"{_BODY}/GetParameterValues/ParameterNames"

Fault: TypeAlias = tuple[Template, list[Edit], Expectation]
Maker: TypeAlias = Callable[[Random, Kitchen], Fault]


def _wanted(requirement: str, because: str, *codes: int) -> Expectation:
    return Expectation(Wanted.FAULT, codes, requirement, because)


_UNKNOWN_NAME: Final = _wanted("cwmp.values.unknown-name", "TR-069 A.3.2.2; A.5", 9003, 9005)
_UNKNOWN_PATH: Final = _wanted("cwmp.names.unknown-path", "TR-069 A.3.2.3; A.5", 9003, 9005)
_BAD_VALUE: Final = _wanted("cwmp.set.fault-codes", "TR-069 A.3.2.1: a bad value", 9003)
_READ_ONLY: Final = _wanted("cwmp.set.fault-codes", "TR-069 A.3.2.1: not writable", 9003)
_ATOMIC: Final = _wanted("cwmp.set.atomic", "TR-069 A.3.2.1: all or nothing", 9003)
_NO_METHOD: Final = _wanted("cwmp.soap.unknown-method", "TR-069 3.5, A.5", 9000)
_UNDERSTAND: Final = _wanted("cwmp.soap.must-understand", "SOAP 1.1 4.2.3")
_IGNORED: Final = Expectation(Wanted.SUCCESS, (), "cwmp.soap.must-understand", "SOAP 1.1 4.2.3")
_EXPANSION: Final = Expectation(
    Wanted.NOT_OBEYED, (), NO_EXPANSION, "SOAP 1.1 3: no document type declaration"
)
_READS: Final = (
    "methods", "read-one", "read-several", "read-branch", "names-of-root", "names-of-branch", "attributes-of-one",
)  # fmt: skip

# --- drawing ------------------------------------------------------------------------------------------

_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def word(rng: Random, most: int = 12) -> str:
    """A name that no device has."""
    return "X_000000_" + "".join(rng.choices(_LETTERS, k=rng.randint(1, most)))


def unknown(rng: Random, kitchen: Kitchen) -> str:
    """A path that is no parameter and no object of any device."""
    root = kitchen.device.root
    kind = rng.randrange(5)
    if kind == 0:
        return f"{root}{word(rng)}"
    if kind == 1:
        return f"{root}{word(rng)}.{rng.choice((0, 1, 2**31, 2**32))}.{word(rng)}"
    if kind == 2:
        return f"{kitchen.templates.known}.{word(rng)}"
    if kind == 3:
        return f"{root}{'A.' * rng.randint(20, 300)}{word(rng)}"
    return f"{kitchen.templates.branch}{word(rng, 400)}"


def _size(rng: Random, most: int = 65_536) -> int:
    """A size in some order of magnitude, often one beside a power of two or what is known to break."""
    if rng.random() < 0.5:
        return min(most, rng.choice(d.LENGTHS))
    return min(most, rng.randint(0, 1 << rng.randint(3, 16)))


def _read(rng: Random, kitchen: Kitchen) -> Template:
    return kitchen.templates.named[rng.choice(_READS)]


def _named(kitchen: Kitchen, name: str) -> Template:
    return kitchen.templates.named.get(name) or kitchen.templates.named["write-refused"]


def _small(size: int, expectation: Expectation) -> Expectation:
    """An envelope above 32,768 octets may be refused in any way."""
    return expectation if size <= _WHOLE_ENVELOPE else INVALID


# --- S: what the message says -------------------------------------------------------------------------


def _valid(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice(kitchen.harmless)
    return template, [], template.expectation


def _wrong_envelope(rng: Random, kitchen: Kitchen) -> Fault:
    template = _read(rng, kitchen)
    request = f"{_BODY}/{template.rpc}"
    one = rng.choice(
        (
            edit("repeat", _BODY, rng.randint(2, 20)),
            edit("repeat", request, rng.randint(2, 20)),
            edit("repeat", _HEADER, rng.randint(2, 20)),
            edit("remove", _BODY),
            edit("remove", request),
            edit("move-last", _HEADER),
            edit("move-out", request),
            edit("rename", "Envelope", word(rng)),
            edit("rename", _BODY, word(rng)),
            edit("append", _BODY, f"<cwmp:{word(rng)}/>"),
        )
    )
    return template, [one], INVALID


def _header_to_understand(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice(kitchen.harmless)
    entry = header_entry(word(rng), word(rng), "1", uri=f"urn:{word(rng)}")
    return template, [edit("append", _HEADER, entry)], _UNDERSTAND


def _header_to_ignore(rng: Random, kitchen: Kitchen) -> Fault:
    entries = "".join(
        header_entry(word(rng), word(rng), rng.choice(("", "0")), uri=f"urn:{word(rng)}")
        for _ in range(rng.randint(1, 8))
    )
    return _read(rng, kitchen), [edit("append", _HEADER, entries)], _IGNORED


def _identity(rng: Random, kitchen: Kitchen) -> Fault:
    place = f"{_HEADER}/ID"
    one = rng.choice(
        (
            edit("fill", place, _size(rng)),
            edit("text", place, rng.choice(d.TEXTS)),
            edit("repeat", place, rng.randint(2, 10)),
            edit("append", place, "<x/>"),
            edit("attribute", place, "soap-env:mustUnderstand", rng.choice(d.MUST_UNDERSTAND)),
        )
    )
    return _read(rng, kitchen), [one], ANY


def _array_length(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice([t for t in kitchen.harmless if t.arrays])
    length = rng.choice(d.ARRAY_LENGTHS) if rng.random() < 0.5 else str(rng.randint(-3, 2**33))
    return template, [edit("array-length", template.arrays[0], length)], ANY


def _argument(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice([t for t in kitchen.harmless if t.texts])
    place = rng.choice(template.texts)
    op = rng.choice(("remove", "repeat", "move-first", "move-last", "rename", "after"))
    args: tuple[object, ...] = ()
    if op == "repeat":
        args = (rng.randint(2, 50),)
    elif op == "rename":
        args = (rng.choice(d.ELEMENTS),)
    elif op == "after":
        args = (
            f"<{word(rng)}>{rng.randint(0, 9)}</{word(rng)}>" if rng.random() < 0.1 else "<Extra>1</Extra>",
        )
    return template, [edit(op, place, *args)], ANY


_LENIENT: Final = frozenset({"TRUE", "True", "t", "on", "off", "2026-01-01T23:59:60Z", "１", "A A A A"})
"""Wrong by the letter of XML Schema, and read alike by so many that nobody is failed for it."""
_POOLS: Final = {
    "boolean": d.BOOLEANS, "int": d.INTEGERS, "unsignedInt": d.INTEGERS, "long": d.INTEGERS, "unsignedLong": d.INTEGERS,
    "dateTime": d.TIMES, "base64": d.BINARY, "base64Binary": d.BINARY, "hexBinary": d.BINARY,
}  # fmt: skip
BAD: Final = {
    type_: tuple(
        text for text in (*pool, *d.TEXTS) if datatypes.problem(type_, text) and text not in _LENIENT
    )
    for type_, pool in _POOLS.items()
}
"""For each type texts that are no values of it."""


def _bad_value(rng: Random, kitchen: Kitchen) -> Fault:
    typed = [t for t in kitchen.harmless if t.name.removeprefix("write-") in BAD]
    if not typed:
        return _refused_value(rng, kitchen)
    template = rng.choice(typed)
    text = rng.choice(BAD[template.name.removeprefix("write-")])
    return template, [edit("text", f"{_STRUCT}/Value", text)], _BAD_VALUE


def _odd_type(rng: Random, kitchen: Kitchen) -> Fault:
    template = _named(kitchen, "write-text")
    wanted = _READ_ONLY if template.name == "write-refused" else ANY
    return template, [edit("attribute", f"{_STRUCT}/Value", "xsi:type", rng.choice(d.XSI_TYPES))], wanted


def _refused_value(rng: Random, kitchen: Kitchen) -> Fault:
    text = rng.choice((*d.TEXTS, *d.INJECTIONS.values()))
    return kitchen.templates.named["write-refused"], [edit("text", f"{_STRUCT}/Value", text)], _READ_ONLY


def _long_refused(rng: Random, kitchen: Kitchen) -> Fault:
    size = _size(rng)
    one = edit("fill", f"{_STRUCT}/Value", size, rng.choice("A0. "))
    return kitchen.templates.named["write-refused"], [one], _small(size, _READ_ONLY)


def _long_text(rng: Random, kitchen: Kitchen) -> Fault:
    template, text = _named(kitchen, "write-text"), kitchen.templates.text
    size = _size(rng)
    longest = kitchen.templates.longest(text) if text is not None else 0
    wanted = ANY if longest is None or size <= longest else _small(size, _BAD_VALUE)
    return template, [edit("fill", f"{_STRUCT}/Value", size, rng.choice("A0a"))], wanted


def _odd_text(rng: Random, kitchen: Kitchen) -> Fault:
    template = _named(kitchen, "write-text")
    if template.name == "write-refused":
        return _refused_value(rng, kitchen)
    text = "".join(rng.choices(d.TEXTS, k=rng.randint(1, 3)))
    return (
        template,
        [edit("text", f"{_STRUCT}/Value", rng.choice((text, rng.choice(tuple(d.INJECTIONS.values())))))],
        ANY,
    )


def _long_name(rng: Random, kitchen: Kitchen) -> Fault:
    size = max(1, _size(rng))
    return (
        kitchen.templates.named["read-one"],
        [edit("fill", f"{_NAMES}/string", size)],
        _small(size, _UNKNOWN_NAME),
    )


def _unknown_name(rng: Random, kitchen: Kitchen) -> Fault:
    return (
        kitchen.templates.named["read-one"],
        [edit("text", f"{_NAMES}/string", unknown(rng, kitchen))],
        _UNKNOWN_NAME,
    )


def _unknown_path(rng: Random, kitchen: Kitchen) -> Fault:
    place = f"{_BODY}/GetParameterNames/ParameterPath"
    template = kitchen.templates.named[rng.choice(("names-of-one", "names-of-branch", "names-of-root"))]
    return template, [edit("text", place, unknown(rng, kitchen))], _UNKNOWN_PATH


def _odd_path(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice(
        [kitchen.templates.named[name] for name in ("read-one", "names-of-one", "attributes-of-one")]
    )
    return template, [edit("text", template.texts[0], rng.choice(kitchen.paths))], ANY


def _unknown_written(rng: Random, kitchen: Kitchen) -> Fault:
    one = edit("text", f"{_STRUCT}/Name", unknown(rng, kitchen))
    return (
        kitchen.templates.named["write-refused"],
        [one],
        _wanted("cwmp.set.fault-codes", "TR-069 A.3.2.1: unknown name", 9003),
    )


def _unknown_object(rng: Random, kitchen: Kitchen) -> Fault:
    name, rpc = rng.choice((("add-refused", "AddObject"), ("delete-refused", "DeleteObject")))
    template = kitchen.templates.named[name]
    path = unknown(rng, kitchen) + rng.choice((".", "", ".."))
    return template, [edit("text", f"{_BODY}/{rpc}/ObjectName", path)], template.expectation


def _struct(name: str, value: str, type_: str = "xsd:string") -> str:
    return f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="{type_}">{value}</Value></ParameterValueStruct>'


def _half_good(rng: Random, kitchen: Kitchen) -> Fault:
    """Good values and one that must be refused, before or behind them."""
    good = [
        _struct(p.name, FRESH[p.type.rpartition(":")[2]], p.type.replace("soapenc:", "soap-enc:"))
        for p in rng.sample(kitchen.templates.safe, k=min(len(kitchen.templates.safe), rng.randint(1, 4)))
        if p.type.rpartition(":")[2] in FRESH
    ]  # fmt: skip
    template = kitchen.templates.named["write-refused"]
    edits = [edit("array-length", _LIST, len(good) + 1)]
    if good:
        edits.append(edit(rng.choice(("prepend", "append")), _LIST, "".join(good)))
    if rng.random() < 0.5:
        edits.append(edit("text", f"{_STRUCT}/Name", unknown(rng, kitchen)))
    return template, edits, _ATOMIC


def _many(rng: Random, kitchen: Kitchen) -> Fault:
    count = rng.randint(2, 1 << rng.randint(1, 10))
    template = kitchen.templates.named[rng.choice(("read-one", "write-refused", "attributes-of-one"))]
    wanted = _READ_ONLY if template.name == "write-refused" and count < 100 else ANY
    return template, [edit("items", template.arrays[0], count)], wanted


def _one_unknown(rng: Random, kitchen: Kitchen) -> Fault:
    template = kitchen.templates.named["read-several"]
    count = len(template.texts)
    name = f"<string>{unknown(rng, kitchen)}</string>"
    op = rng.choice(("before", "after"))
    return (
        template,
        [edit("array-length", _NAMES, count + 1), edit(op, rng.choice(template.texts), name)],
        _UNKNOWN_NAME,
    )


def _unknown_method(rng: Random, kitchen: Kitchen) -> Fault:
    template = kitchen.templates.named["unknown-method"]
    return template, [edit("rename", f"{_BODY}/{template.rpc}", word(rng, 200))], _NO_METHOD


# --- X: how it is written -----------------------------------------------------------------------------


def _spelling(rng: Random, template: Template) -> Edit:
    leaf = rng.choice(template.texts) if template.texts else ""
    options = [
        edit("bom", "", "efbbbf"),
        edit(
            "declaration",
            "",
            rng.choice(("", '<?xml version="1.0"?>', "<?xml version='1.0' encoding='utf-8'?>")),
        ),
        edit("indent", "", rng.choice(("\n", " ", "\t", "\r\n    "))),
        edit("attributes-reversed"),
        edit("single-quotes"),
        edit(
            "prefix",
            "",
            rng.choice(("soap-env", "cwmp", "xsd", "soap-enc")),
            rng.choice(("s", "p1", "_", "A.b-c")),
        ),
        edit(
            rng.choice(("prepend", "append")),
            rng.choice((_BODY, _HEADER, "Envelope")),
            f"<!-- {word(rng)} -->",
        ),
        edit(rng.choice(("prolog", "epilog")), "", rng.choice(("\n", f"<!--{word(rng)}-->"))),
    ]
    if leaf:
        options += [
            edit("cdata", leaf),
            edit("references", leaf, rng.choice(("10", "16"))),
            edit("split", leaf, "<!-- -->"),
        ]
    return rng.choice(options)


def _alike(rng: Random, kitchen: Kitchen) -> Fault:
    """Spelt in other words that mean the same."""
    template = _read(rng, kitchen)
    return template, [_spelling(rng, template)], ALIKE


def _entity(rng: Random, kitchen: Kitchen) -> Fault:
    name = word(rng)
    source = rng.choice(
        (
            '"DeviceInfo"',
            'SYSTEM "file:///etc/passwd"',
            'SYSTEM "http://@{canary}/e"',
            'PUBLIC "x" "http://@{canary}/e"',
        )
    )
    doctype = f"<!DOCTYPE {word(rng)} [<!ENTITY {name} {source}>]>"
    edits = [
        edit("prolog", "", doctype),
        edit("markup", f"{_NAMES}/string", f"{kitchen.device.root}&{name};.SoftwareVersion"),
    ]
    return kitchen.templates.named["read-one"], edits, _EXPANSION


def _laughs(rng: Random, kitchen: Kitchen) -> Fault:
    depth, width = rng.randint(2, 12), rng.randint(2, 12)
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * width}">' for i in range(1, depth))
    doctype = f'<!DOCTYPE e [<!ENTITY l0 "{word(rng)}">{entities}]>'
    edits = [edit("prolog", "", doctype), edit("markup", f"{_NAMES}/string", f"&l{depth - 1};")]
    return kitchen.templates.named["read-one"], edits, _EXPANSION


def _bulk(rng: Random, kitchen: Kitchen) -> Fault:
    template = _read(rng, kitchen)
    place = rng.choice(template.places)
    op = rng.choice(("nest", "spread", "attributes", "namespaces", "fill-attribute"))
    size = rng.randint(1, 1 << rng.randint(3, 13))
    return template, [edit(op, place, "a", size) if op == "fill-attribute" else edit(op, place, size)], ANY


def _bad_character(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice([t for t in kitchen.harmless if t.texts])
    place = rng.choice(template.texts)
    if rng.random() < 0.5:
        reference = rng.choice(
            ("&#0;", "&#x1f;", "&#xFFFF;", "&#xD800;", "&#1114112;", "&#;", "&nothing;", "&")
        )
        return template, [edit("split", place, reference)], ILL_FORMED
    octets = (
        word(rng, 3) + rng.choice(("\x00", "\x01", "\x1f", "\xff", "\xc0\x80", "\xed\xa0\x80")) + word(rng, 3)
    )
    return template, [edit("octets", place, octets)], ILL_FORMED


def _not_closed(rng: Random, kitchen: Kitchen) -> Fault:
    template = rng.choice(kitchen.harmless)
    place = rng.choice([path for path in template.places if "/" in path])
    return template, [edit("end-tag", place, rng.choice(("", word(rng))))], ILL_FORMED


def _coding(rng: Random, kitchen: Kitchen) -> Fault:
    codec, bom = rng.choice(
        (
            ("utf-16-le", "fffe"),
            ("utf-16-be", "feff"),
            ("utf-16-le", ""),
            ("utf-32-be", "0000feff"),
            ("cp037", ""),
        )
    )
    name = rng.choice(("UTF-16", "UTF-8", "ISO-8859-1", "US-ASCII", word(rng)))
    declaration = f'<?xml version="1.0" encoding="{name}"?>'
    edits = [edit("declaration", "", declaration)]
    if rng.random() < 0.6:
        edits.append(edit("encode", "", codec, bom))
    return _read(rng, kitchen), edits, ANY


FAULTS: Final[tuple[tuple[str, float, Maker], ...]] = (
    ("S1", 0.25, _wrong_envelope),
    ("S2", 1, _header_to_understand), ("S2", 1, _header_to_ignore), ("S2", 0.7, _identity),
    ("S3", 1, _array_length), ("S3", 1, _argument), ("S3", 3, _bad_value), ("S3", 0.7, _odd_type),
    ("S4", 1.5, _long_refused), ("S4", 2, _long_text), ("S4", 1.5, _odd_text), ("S4", 1, _long_name), ("S4", 0.7, _refused_value),
    ("S5", 1.5, _unknown_name), ("S5", 1, _unknown_path), ("S5", 1, _odd_path), ("S5", 1, _unknown_written), ("S5", 1, _unknown_object),
    ("S6", 2, _half_good), ("S6", 0.7, _many), ("S6", 1, _one_unknown), ("S6", 1, _unknown_method), ("S6", 1, _valid),
    ("X1", 0.1, _entity), ("X1", 0.05, _laughs), ("X2", 0.3, _bulk), ("X3", 0.1, _bad_character), ("X3", 0.1, _coding),
    ("X4", 0.15, _not_closed), ("X5", 2, _alike),
)  # fmt: skip
"""Dimension, share, and what makes one fault. What ends a session has a small share: sessions cost time."""


def single_fault(
    kitchen: Kitchen, rng: Random, seed: int, makers: tuple[tuple[float, Maker], ...], dimension: str
) -> Program:
    """A message with one fault out of *makers*, drawn by their shares."""
    maker = rng.choices([maker for _, maker in makers], weights=[share for share, _ in makers])[0]
    template, edits, expectation = maker(rng, kitchen)
    says = "; ".join(one.says for one in edits) or "a valid message"
    return kitchen.program(
        template, edits, expectation, says[:300], generator=GRAMMAR, dimension=dimension, seed=seed
    )
