"""Edits of a valid message: a small vocabulary of changes to its tree, its coding and its bytes.

`apply` is deterministic, and every subset of a list of edits still applies: places are looked up in the
unedited message, an edit whose place is gone does nothing. Edits of the tree come first, then those of the
document, then those of the bytes, each in the order of the list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from harness.fuzz.program import Edit
from harness.fuzz.soap.xml_tree import Child, Document, Node, Raw, escaped_attribute, find, parse

MOST: Final = 20_000_000
"""No edit makes more octets than this, whatever number it holds."""
_ARRAY_TYPE: Final = "arrayType"


def _number(text: str) -> int:
    """A count in an edit, kept in bounds."""
    return max(0, min(int(text), MOST))


def filled(unit: str, size: int) -> str:
    """*unit* repeated to *size* characters."""
    unit = unit or "A"
    return (unit * (size // len(unit) + 1))[:size]


def _smuggled(octets: str) -> Raw:
    """Octets, given as Latin-1 text, so that they pass through the UTF-8 encoder as they are."""
    return Raw(octets.encode("latin-1", "replace").decode("ascii", "surrogateescape"))


def _place(node: Node) -> tuple[list[Child], int] | None:
    """The list that holds *node* and its index in it; ``None`` when it was taken out, or is the root."""
    if node.parent is None:
        return None
    siblings = node.parent.children
    for index, child in enumerate(siblings):
        if child is node:
            return siblings, index
    return None


# --- edits of an element -----------------------------------------------------------------------------


def _text(node: Node, value: str) -> None:
    node.children = [value]


def _markup(node: Node, value: str) -> None:
    node.children = [Raw(value)]


def _octets(node: Node, value: str) -> None:
    node.children = [_smuggled(value)]


def _fill(node: Node, size: str, unit: str = "A") -> None:
    node.children = [filled(unit, _number(size))]


def _attribute(node: Node, name: str, value: str) -> None:
    node.attributes = [(key, old) for key, old in node.attributes if key != name]
    node.attributes.append((name, value))


def _further_attribute(node: Node, name: str, value: str) -> None:
    node.attributes.append((name, value))


def _no_attribute(node: Node, name: str) -> None:
    node.attributes = [(key, value) for key, value in node.attributes if key.rpartition(":")[2] != name]


def _fill_attribute(node: Node, name: str, size: str, unit: str = "A") -> None:
    _attribute(node, name, filled(unit, _number(size)))


def _attributes(node: Node, count: str) -> None:
    node.extra += "".join(f' a{index}="{index}"' for index in range(min(_number(count), MOST // 16)))


def _namespaces(node: Node, count: str) -> None:
    node.extra += "".join(f' xmlns:n{i}="urn:n{i}"' for i in range(min(_number(count), MOST // 32)))


def _rename(node: Node, name: str) -> None:
    prefix = node.name.rpartition(":")[0]
    node.name = f"{prefix}:{name}" if prefix and ":" not in name else name.lstrip(":")


def _fill_name(node: Node, size: str) -> None:
    node.name = filled("N", max(1, _number(size)))


def _remove(node: Node) -> None:
    place = _place(node)
    if place is not None:
        place[0].pop(place[1])


def _repeat(node: Node, count: str) -> None:
    place = _place(node)
    if place is not None:
        siblings, index = place
        siblings[index : index + 1] = [node] * min(_number(count), MOST // 32)


def _items(node: Node, count: str) -> None:
    """The first item of an array *count* times, the number in arrayType with it."""
    items = node.elements()
    wanted = min(_number(count), MOST // 32)
    if items:
        node.children = [items[0]] * wanted
    node.attributes = [
        (key, f"{value.partition('[')[0]}[{wanted}]" if key.endswith(_ARRAY_TYPE) else value)
        for key, value in node.attributes
    ]


def _array_length(node: Node, text: str) -> None:
    node.attributes = [
        (key, f"{value.partition('[')[0]}[{text}]" if key.endswith(_ARRAY_TYPE) else value)
        for key, value in node.attributes
    ]


def _move_first(node: Node) -> None:
    place = _place(node)
    if place is not None:
        siblings, index = place
        siblings.insert(0, siblings.pop(index))


def _move_last(node: Node) -> None:
    place = _place(node)
    if place is not None:
        siblings, index = place
        siblings.append(siblings.pop(index))


def _move_out(node: Node) -> None:
    """Behind its parent."""
    place = _place(node)
    outer = _place(node.parent) if node.parent is not None else None
    if place is not None and outer is not None:
        place[0].pop(place[1])
        outer[0].insert(outer[1] + 1, node)


def _before(node: Node, markup: str) -> None:
    place = _place(node)
    if place is not None:
        place[0].insert(place[1], Raw(markup))


def _after(node: Node, markup: str) -> None:
    place = _place(node)
    if place is not None:
        place[0].insert(place[1] + 1, Raw(markup))


def _prepend(node: Node, markup: str) -> None:
    node.children.insert(0, Raw(markup))


def _append(node: Node, markup: str) -> None:
    node.children.append(Raw(markup))


def _nest(node: Node, depth: str, name: str = "a") -> None:
    levels = min(_number(depth), MOST // (2 * len(name) + 5))
    node.children.append(Raw(f"<{name}>" * levels + f"</{name}>" * levels))


def _spread(node: Node, count: str, name: str = "a") -> None:
    node.children.append(Raw(f"<{name}/>" * min(_number(count), MOST // (len(name) + 3))))


def _end_tag(node: Node, name: str = "") -> None:
    node.close = name


def _cdata(node: Node) -> None:
    node.children = [
        child if isinstance(child, Node | Raw) else Raw("<![CDATA[" + child.replace("]]>", "]]]]><![CDATA[>") + "]]>")
        for child in node.children
    ]  # fmt: skip


def _references(node: Node, base: str = "16") -> None:
    """Every character of the text as a character reference."""
    form = "&#x{:x};" if base == "16" else "&#{};"
    node.children = [
        child if isinstance(child, Node | Raw) else Raw("".join(form.format(ord(c)) for c in child))
        for child in node.children
    ]


def _split(node: Node, markup: str) -> None:
    """*markup* in the middle of the text; where there is none, in the middle of what else there is."""
    text = next((child for child in node.children if not isinstance(child, Node)), None)
    if text is None:
        node.children.insert(len(node.children) // 2, Raw(markup))
        return
    half = len(text) // 2
    node.children = [text[:half], Raw(markup), text[half:]]


def _prefix(node: Node, old: str, new: str) -> None:
    """Another prefix for a namespace, here and below; an empty one makes it the default."""
    for element in node.walk():
        if element.name.startswith(f"{old}:"):
            element.name = f"{new}:{element.local}" if new else element.local
        element.attributes = [_renamed(key, value, old, new) for key, value in element.attributes]


def _renamed(key: str, value: str, old: str, new: str) -> tuple[str, str]:
    if key == f"xmlns:{old}":
        return f"xmlns:{new}" if new else "xmlns", value
    if key.startswith(f"{old}:") and new:
        key = f"{new}:{key.partition(':')[2]}"
    if key.endswith((":type", ":arrayType")) and value.startswith(f"{old}:") and new:
        value = f"{new}:{value.partition(':')[2]}"
    return key, value


def _namespace(node: Node, uri: str) -> None:
    """Another name for the namespace that the element's own prefix stands for, wherever it is declared."""
    prefix = node.name.rpartition(":")[0]
    wanted = f"xmlns:{prefix}" if prefix else "xmlns"
    _attribute(node, wanted, uri)


def _attributes_reversed(node: Node) -> None:
    for element in node.walk():
        element.attributes.reverse()


def _indent(node: Node, space: str = "\n  ") -> None:
    """White space between all elements."""
    for element in node.walk():
        if element.elements():
            element.children = [part for child in element.children for part in (Raw(space), child)]
            element.children.append(Raw(space))


ElementOp: TypeAlias = Callable[..., None]
ELEMENT: Final[dict[str, tuple[ElementOp, str]]] = {
    "text": (_text, "the text is {0!r}"),
    "markup": (_markup, "the content is the markup {0!r}"),
    "octets": (_octets, "the content is the octets {0!r}"),
    "fill": (_fill, "the text is {0} characters long"),
    "attribute": (_attribute, "the attribute {0} is {1!r}"),
    "further-attribute": (_further_attribute, "there is a further attribute {0}, {1!r}"),
    "no-attribute": (_no_attribute, "the attribute {0} is missing"),
    "fill-attribute": (_fill_attribute, "the attribute {0} is {1} characters long"),
    "attributes": (_attributes, "there are {0} further attributes"),
    "namespaces": (_namespaces, "{0} further namespaces are declared"),
    "rename": (_rename, "the element is named {0!r}"),
    "fill-name": (_fill_name, "the element's name is {0} characters long"),
    "remove": (_remove, "the element is missing"),
    "repeat": (_repeat, "the element stands {0} times"),
    "items": (_items, "the array has its first item {0} times"),
    "array-length": (_array_length, "arrayType says [{0}]"),
    "move-first": (_move_first, "the element comes first"),
    "move-last": (_move_last, "the element comes last"),
    "move-out": (_move_out, "the element stands behind its parent"),
    "before": (_before, "before it stands {0!r}"),
    "after": (_after, "behind it stands {0!r}"),
    "prepend": (_prepend, "it begins with {0!r}"),
    "append": (_append, "it ends with {0!r}"),
    "nest": (_nest, "{0} elements are nested in it"),
    "spread": (_spread, "{0} further elements stand in it"),
    "end-tag": (_end_tag, "its end tag is {0!r}"),
    "cdata": (_cdata, "its text is a CDATA section"),
    "references": (_references, "its text is made of character references"),
    "split": (_split, "in the middle of its text stands {0!r}"),
    "prefix": (_prefix, "the prefix {0} is {1!r}"),
    "namespace": (_namespace, "its namespace is {0!r}"),
    "attributes-reversed": (_attributes_reversed, "attributes stand in the other order"),
    "indent": (_indent, "there is white space between elements"),
}
"""Op to function of (element, arguments...) and to what it says."""


# --- edits of the document ---------------------------------------------------------------------------


def _declaration(document: Document, text: str) -> None:
    document.declaration = text


def _prolog(document: Document, markup: str) -> None:
    document.prolog += markup


def _epilog(document: Document, markup: str) -> None:
    document.epilog += markup


def _epilog_octets(document: Document, octets: str) -> None:
    document.epilog += _smuggled(octets)


def _encode(document: Document, codec: str, bom: str = "") -> None:
    """Coded with *codec* (Python's name), after the octets *bom* in hexadecimal."""
    document.encoding = codec
    document.errors = "surrogateescape" if codec == "utf-8" else "replace"
    document.bom = bytes.fromhex(bom)


def _bom(document: Document, octets: str) -> None:
    document.bom = bytes.fromhex(octets)


def _single_quotes(document: Document) -> None:
    document.quote = "'"


def _whole(document: Document, text: str) -> None:
    document.whole = text


DOCUMENT: Final[dict[str, tuple[Callable[..., None], str]]] = {
    "declaration": (_declaration, "the XML declaration is {0!r}"),
    "prolog": (_prolog, "before the envelope stands {0!r}"),
    "epilog": (_epilog, "behind the envelope stands {0!r}"),
    "epilog-octets": (_epilog_octets, "behind the envelope stand the octets {0!r}"),
    "encode": (_encode, "it is coded in {0}"),
    "single-quotes": (_single_quotes, "attributes stand in single quotes"),
    "whole": (_whole, "the whole message is {0!r}"),
    "bom": (_bom, "it begins with the octets {0}"),
}


# --- edits of the bytes ------------------------------------------------------------------------------


def _insert(data: bytes, at: int, octets: str) -> bytes:
    return data[:at] + octets.encode("latin-1", "replace") + data[at:]


def _overwrite(data: bytes, at: int, octets: str) -> bytes:
    new = octets.encode("latin-1", "replace")
    return data[:at] + new + data[at + len(new) :]


def _delete(data: bytes, at: int, count: str) -> bytes:
    return data[:at] + data[at + _number(count) :]


def _truncate(data: bytes, at: int) -> bytes:
    return data[:at]


def _copy(data: bytes, at: int, count: str, times: str) -> bytes:
    piece = data[at : at + _number(count)]
    return data[:at] + piece * min(_number(times), MOST // (len(piece) or 1)) + data[at:]


BYTES: Final[dict[str, tuple[Callable[..., bytes], str]]] = {
    "insert": (_insert, "{0!r} is inserted"),
    "overwrite": (_overwrite, "{0!r} is written over it"),
    "delete": (_delete, "{0} octets are missing"),
    "truncate": (_truncate, "it ends here"),
    "copy": (_copy, "{0} octets stand there {1} times more"),
}

SIZES: Final = {
    "fill": 0, "fill-attribute": 1, "attributes": 0, "namespaces": 0, "fill-name": 0, "repeat": 0, "items": 0,
    "nest": 0, "spread": 0, "delete": 0, "copy": 1,
}  # fmt: skip
"""Ops with a number that may be made smaller: the index of that argument."""
TEXTS: Final = {
    "text": 0, "markup": 0, "octets": 0, "attribute": 1, "further-attribute": 1, "before": 0, "after": 0, "prepend": 0,
    "append": 0, "split": 0, "rename": 0, "prolog": 0, "epilog": 0, "epilog-octets": 0, "insert": 0, "overwrite": 0,
    "whole": 0,
}  # fmt: skip
"""Ops with a text that may be made shorter."""
_SHOWN: Final = 60


def edit(op: str, where: str = "", *args: object) -> Edit:
    """An edit with its sentence.

    Raises:
        KeyError: no such op.
    """
    texts = tuple([str(argument) for argument in args])
    return Edit(op, where, texts, _sentence(op, where, texts))


def _sentence(op: str, where: str, args: tuple[str, ...]) -> str:
    pattern = (ELEMENT.get(op) or DOCUMENT.get(op) or BYTES[op])[1]
    shown = [a if len(a) <= _SHOWN else f"{a[:_SHOWN]}... ({len(a)})" for a in args] or [""]
    words = pattern.format(*shown)
    if op in BYTES:
        return f"at octet {where} {words}"
    return f"{where.rpartition('/')[2] or 'Envelope'}: {words}" if op in ELEMENT else words


def apply(template: bytes, edits: Sequence[Edit]) -> bytes:
    """The message that *edits* make of the valid message *template*.

    Raises:
        ValueError: an op that does not exist, or arguments that do not fit it.
    """
    if not edits:
        return template
    document = parse(template)
    targets = [find(document.root, one.where) if one.op in ELEMENT else None for one in edits]
    try:
        for one, node in zip(edits, targets, strict=True):
            if node is not None:
                ELEMENT[one.op][0](node, *one.args)
        for one in edits:
            if one.op in DOCUMENT:
                DOCUMENT[one.op][0](document, *one.args)
        data = document.data()
        for one in edits:
            if one.op in BYTES:
                data = BYTES[one.op][0](data, _number(one.where), *one.args)
            elif one.op not in ELEMENT and one.op not in DOCUMENT:
                raise ValueError(f"no such edit: {one.op}")
    except (TypeError, LookupError) as error:
        raise ValueError(f"an edit's arguments do not fit: {error}") from None
    return data


def header_entry(name: str, text: str, must_understand: str = "", *, uri: str = "urn:cpecheck:fuzz") -> str:
    """Markup of a header entry in a namespace of its own."""
    attribute = f' soap-env:mustUnderstand="{escaped_attribute(must_understand)}"' if must_understand else ""
    return f'<h:{name} xmlns:h="{uri}"{attribute}>{text}</h:{name}>'
