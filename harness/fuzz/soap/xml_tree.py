"""A small XML tree that can be wrong: whatever an edit wants to stand in the bytes, it can hold.

Element and attribute names are as written, prefix and all; attributes may repeat; text may be raw. Read from
valid templates only, written to bytes. lxml would refuse most of what a fuzzer needs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias
from xml.parsers import expat

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
MOST_ELEMENTS: Final = 50_000
MOST_CHARACTERS: Final = 24_000_000
"""What a document is cut at."""
_SPECIAL: Final = re.compile("[&<>]")
_SPECIAL_IN_ATTRIBUTE: Final = re.compile('[&<"\n\t\r]')

_ID: Final = re.compile(rb"<cwmp:ID [^>]*>([0-9A-Za-z._-]+)</cwmp:ID>")


class Raw(str):
    """Text that is written as it is: markup, references, octets smuggled in by ``surrogateescape``."""

    __slots__ = ()


Child: TypeAlias = "Node | str"


class Node:
    """An element. ``close`` is the name in its end tag, where that is another, ``""`` for no end tag."""

    __slots__ = ("attributes", "children", "close", "extra", "name", "parent")

    def __init__(self, name: str, attributes: list[tuple[str, str]]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Child] = []
        self.close: str | None = None
        self.extra = ""
        """Written raw inside the start tag, after the attributes."""
        self.parent: Node | None = None

    @property
    def local(self) -> str:
        """The name without its prefix."""
        return self.name.rpartition(":")[2]

    def elements(self) -> list[Node]:
        """The child elements."""
        return [child for child in self.children if isinstance(child, Node)]

    def copy(self, parent: Node | None = None) -> Node:
        """A deep copy."""
        twin = Node(self.name, list(self.attributes))
        twin.close, twin.extra, twin.parent = self.close, self.extra, parent
        twin.children = [c.copy(twin) if isinstance(c, Node) else c for c in self.children]
        return twin

    def walk(self) -> list[Node]:
        """This element and all below, each once, however often it stands there."""
        found: dict[int, Node] = {}
        waiting = [self]
        while waiting:
            node = waiting.pop()
            if id(node) not in found:
                found[id(node)] = node
                waiting.extend(node.elements())
        return list(found.values())


class Document:
    """A root with what stands before and after it, and how it is coded."""

    __slots__ = ("bom", "declaration", "encoding", "epilog", "errors", "prolog", "quote", "root", "whole")

    def __init__(self, root: Node) -> None:
        self.declaration = DECLARATION
        self.prolog = ""
        self.root = root
        self.epilog = ""
        self.encoding = "utf-8"
        self.errors = "surrogateescape"
        self.bom = b""
        self.quote = '"'
        self.whole = ""
        """Stands for all of it, where it is not empty."""

    def text(self) -> str:
        """The document before it is coded."""
        if self.whole:
            return self.whole
        parts = [self.declaration, self.prolog]
        _Writer(parts, self.quote).write(self.root)
        parts.append(self.epilog)
        return "".join(parts)

    def data(self) -> bytes:
        """The document as bytes."""
        return self.bom + self.text().encode(self.encoding, self.errors)


def escaped(text: str) -> str:
    """*text* as element content."""
    if not _SPECIAL.search(text):
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped_attribute(text: str) -> str:
    """*text* as the value of an attribute in double quotes."""
    if not _SPECIAL_IN_ATTRIBUTE.search(text):
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")


class _Writer:
    """Elements to text, up to a number of elements and characters: repeated parts of repeated parts grow fast."""

    def __init__(self, parts: list[str], quote: str) -> None:
        self._parts = parts
        self._quote = quote
        self._nodes = MOST_ELEMENTS
        self._characters = MOST_CHARACTERS

    def _add(self, text: str) -> None:
        self._characters -= len(text)
        if self._characters > 0:
            self._parts.append(text)

    def write(self, node: Node) -> None:
        self._nodes -= 1
        if self._nodes < 0 or self._characters < 0:
            return
        add, name, quote = self._add, node.name, self._quote
        add(f"<{name}")
        for key, value in node.attributes:
            text = value if isinstance(value, Raw) else escaped_attribute(value)
            add(f" {key}={quote}{text}{quote}")
        if node.extra:
            add(node.extra)
        if not node.children and node.close is None:
            add("/>")
            return
        add(">")
        for child in node.children:
            if isinstance(child, Node):
                self.write(child)
                if self._nodes < 0:
                    break
            else:
                add(child if isinstance(child, Raw) else escaped(child))
        close = name if node.close is None else node.close
        if close:
            add(f"</{close}>")


class _Reader:
    """expat to a tree; names stay as written, white space between elements is dropped."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []

    def start(self, name: str, attributes: list[str]) -> None:
        node = Node(name, list(zip(attributes[::2], attributes[1::2], strict=True)))
        if self._open:
            node.parent = self._open[-1]
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def end(self, _name: str) -> None:
        node = self._open.pop()
        if any(isinstance(child, Node) for child in node.children):
            node.children = [c for c in node.children if isinstance(c, Node) or c.strip()]

    def text(self, data: str) -> None:
        self._open[-1].children.append(data)


@lru_cache(maxsize=512)
def _parsed(data: bytes) -> Node:
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.ordered_attributes = True
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"not a well-formed template: {error}") from None
    assert reader.root is not None
    return reader.root


def parse(data: bytes) -> Document:
    """The tree of a template.

    Raises:
        ValueError: it is not well-formed.
    """
    identity = _ID.search(data)
    if identity is None:
        return Document(_parsed(data).copy())
    # Templates that differ in their ID alone share one entry of the cache.
    root = _parsed(data[: identity.start(1)] + data[identity.end(1) :]).copy()
    node = find(root, f"{root.local}/Header/ID")
    if node is not None:
        node.children = [identity[1].decode()]
    return Document(root)


def paths(root: Node) -> dict[str, Node]:
    """Every element by its path of local names, ``Envelope/Body/GetParameterValues/ParameterNames/string[2]``.

    A number (from 1) stands where siblings share the name.
    """
    found: dict[str, Node] = {}
    waiting = [(root, root.local)]
    while waiting:
        node, path = waiting.pop()
        found[path] = node
        elements = node.elements()
        names = [child.local for child in elements]
        seen: dict[str, int] = {}
        for child, name in zip(elements, names, strict=True):
            seen[name] = seen.get(name, 0) + 1
            number = f"[{seen[name]}]" if names.count(name) > 1 else ""
            waiting.append((child, f"{path}/{name}{number}"))
    return found


def find(root: Node, path: str) -> Node | None:
    """The element at *path* (see `paths`), ``None`` where there is none. An empty path is the root."""
    steps = path.split("/") if path else [root.local]
    if steps[0] != root.local:
        return None
    node = root
    for step in steps[1:]:
        name, _, number = step.partition("[")
        same = [child for child in node.children if isinstance(child, Node) and child.local == name]
        index = int(number[:-1]) - 1 if number else 0
        if not 0 <= index < len(same):
            return None
        node = same[index]
    return node
