"""Reads a data-model definition in the XML format of TR-106 Annex A.

One file, one ``model``; what other files would have to supply (``import`` of another model, ``base``) is
refused: the Forum publishes every model as one full file too. A ``component`` of the file is taken in where
the model refers to it. Descriptions, profiles and what is marked as deleted are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from lxml import etree

from reference_cpe.definition import (
    Definition,
    Items,
    Notify,
    ObjectDefinition,
    ParameterDefinition,
    Syntax,
    UniqueKey,
)

_TYPES: Final = {
    **{
        name: f"xsd:{name}"
        for name in (
            "string", "boolean", "dateTime", "int", "long", "unsignedInt", "unsignedLong", "decimal",
            "hexBinary",
        )
    },
    "base64": "xsd:base64",
}  # fmt: skip
_UNBOUNDED: Final = "unbounded"
_NAME: Final = re.compile(r"[A-Za-z_][\w-]*")
_PATH: Final = re.compile(r"([A-Za-z_][\w-]*\.(\{i\}\.)?)+")
_LONGEST_PATH: Final = 256
"""Characters of a path (TR-069 A.3.2.3)."""

Facets = dict[str, Any]


class BadModel(ValueError):
    """The file cannot be used; the message is one line."""


def load(path: Path, extension: Path | None = None) -> Definition:
    """The model of the file at *path*; read once, as long as the file does not change.

    The components of the file *extension* are added at the root of the model.

    Raises:
        BadModel: not there, not XML, or not a model this reader understands.
    """
    try:
        return _load(path, path.stat().st_mtime, extension)
    except OSError as error:
        raise BadModel(f"{path}: {error.strerror}") from error


@lru_cache(maxsize=8)
def _load(path: Path, _changed: float, extension: Path | None) -> Definition:
    definition = _reader(path).definition()
    if extension is not None:
        _reader(extension).extend(definition.root)
    return definition


def _reader(path: Path) -> _Reader:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    try:
        return _Reader(path, etree.parse(str(path), parser).getroot())
    except etree.XMLSyntaxError as error:
        raise BadModel(f"{path}: not XML: {error.msg}"[:200]) from error


def _alive(parent: etree._Element, tag: str) -> Iterator[etree._Element]:
    return (child for child in parent.iterchildren(tag) if child.get("status") != "deleted")


def _number(text: str | None) -> int | None:
    try:
        return None if text is None or text == _UNBOUNDED else int(text)
    except ValueError:
        raise BadModel(f"{text[:20]!r} where a number stands" if text else "a number is missing") from None


class _Reader:
    """One document."""

    def __init__(self, path: Path, document: etree._Element) -> None:
        if etree.QName(document).localname != "document":
            raise BadModel(f"{path}: no data-model document")
        self._path = path
        self._document = document
        self._data_types = {str(e.get("name")): e for e in document.iterchildren("dataType")}
        self._components = {str(e.get("name")): e for e in document.iterchildren("component")}
        self._resolved: dict[str, Facets] = {}

    def definition(self) -> Definition:
        """The one model of the document."""
        try:
            return self._model()
        except BadModel as error:
            raise BadModel(f"{self._path}: {error}"[:300]) from error

    def extend(self, root: ObjectDefinition) -> None:
        """Add the document's components to *root*."""
        for component in self._components.values():
            self._fill(root, component, "")

    def _model(self) -> Definition:
        models = list(self._document.iterchildren("model"))
        if len(models) != 1:
            raise BadModel(f"{len(models)} models in it, expected one")
        (model,) = models
        if model.get("base"):
            raise BadModel("it extends another file: give the full one")
        name = str(model.get("name"))
        stem = name.partition(":")[0]
        if not re.fullmatch(r"[A-Za-z]\w*:\d+\.\d+", name, re.ASCII):
            raise BadModel(f"model {name[:40]!r}: expected NAME:VERSION")
        root = ObjectDefinition(stem)
        self._fill(root, model, stem + ".")
        if not root.parameters and not root.children:
            raise BadModel("the model is empty")
        return Definition(name, root)

    def _fill(
        self, root: ObjectDefinition, parent: etree._Element, prefix: str, within: tuple[str, ...] = ()
    ) -> None:
        """Add what stands in a model or component; *prefix* is stripped from the objects' names.

        *within* are the components that have led here.
        """
        self._parameters(root, parent)
        for element in _alive(parent, "object"):
            path = str(element.get("name") or element.get("base"))
            if element.get("base"):
                raise BadModel(f"object {path[:80]}: it extends another file: give the full one")
            if not _PATH.fullmatch(path) or len(path) > _LONGEST_PATH:
                raise BadModel(f"object {path[:80]!r}: not a path")
            self._object(root, path.removeprefix(prefix), element)
        for element in _alive(parent, "component"):
            name = str(element.get("ref"))
            if name not in self._components:
                raise BadModel(f"component {name[:40]!r} is not in the file")
            if name in within:
                raise BadModel(f"component {name[:40]!r} holds itself")
            self._fill(root, self._components[name], "", (*within, name))

    def _object(self, root: ObjectDefinition, path: str, element: etree._Element) -> None:
        at = root
        for name, row in re.findall(r"([\w-]+)\.(\{i\}\.)?", path):
            at = at.children.setdefault(name, ObjectDefinition(name, table=bool(row)))
        if at.table:
            at.creatable = element.get("access") == "readWrite"
            at.low = _number(element.get("minEntries")) or 0
            at.high = _number(element.get("maxEntries"))
            at.entries = element.get("numEntriesParameter") or ""
            at.enable = element.get("enableParameter") or ""
            at.keys = tuple(
                UniqueKey(
                    tuple(str(p.get("ref")) for p in key.iterchildren("parameter")),
                    key.get("functional") != "false",
                )
                for key in element.iterchildren("uniqueKey")
            )
        self._parameters(at, element)

    def _parameters(self, to: ObjectDefinition, element: etree._Element) -> None:
        for parameter in _alive(element, "parameter"):
            name = str(parameter.get("name")).strip()  # the Forum's TR-098 has a blank behind one
            if not _NAME.fullmatch(name):
                raise BadModel(f"parameter {name[:60]!r}: not a name")
            try:
                to.parameters[name] = ParameterDefinition(
                    name,
                    self._syntax(parameter.find("syntax")),
                    parameter.get("access") == "readWrite",
                    Notify(parameter.get("activeNotify") or "normal"),
                    parameter.get("forcedInform") == "true",
                )
            except (BadModel, ValueError) as error:
                raise BadModel(f"parameter {name[:60]}: {error}") from error

    # --- data types

    def _syntax(self, element: etree._Element | None) -> Syntax:
        if element is None:
            raise BadModel("no syntax")
        facets: Facets = {}
        for child in element:
            self._take(facets, child)
        if "type" not in facets:
            raise BadModel("no data type")
        listed = facets.pop("list", None)
        if listed is not None:
            facets["items"] = Items(facets["type"], *listed)
            facets["type"] = "xsd:string"
        hidden = "true" in (element.get("hidden"), element.get("secured"))
        return Syntax(**facets, hidden=hidden)

    def _take(self, facets: Facets, element: etree._Element) -> None:
        """One child of ``syntax`` or ``dataType``: a type with facets, a list, a default."""
        tag = str(element.tag)
        if tag in _TYPES:
            facets["type"] = _TYPES[tag]
            self._facets(facets, element)
        elif tag == "dataType":
            facets.update(self._data_type(str(element.get("ref") or element.get("base"))))
            self._facets(facets, element)
        elif tag == "list":
            sizes = [_number(size.get("maxLength")) for size in element.iterchildren("size")]
            low, high = _number(element.get("minItems")) or 0, _number(element.get("maxItems"))
            facets["list"] = (low, high, sizes[0] if sizes else None)
        elif tag == "default":
            facets["default"] = element.get("value")

    def _data_type(self, name: str) -> Facets:
        if name not in self._resolved:
            if name not in self._data_types:
                raise BadModel(f"data type {name[:40]!r} is not in the file")
            element = self._data_types[name]
            self._resolved[name] = {}
            facets = dict(self._data_type(str(element.get("base")))) if element.get("base") else {}
            for child in element:
                self._take(facets, child)
            self._facets(facets, element)
            self._resolved[name] = facets
        return self._resolved[name]

    def _facets(self, facets: Facets, element: etree._Element) -> None:
        """The facets below *element*; those of a kind replace what a base type has of that kind."""
        found: dict[str, list[Any]] = {}
        for child in _alive_facets(element):
            match child.tag:
                case "size":
                    low, high = _number(child.get("minLength")) or 0, _number(child.get("maxLength"))
                    found.setdefault("lengths", []).append((low, high))
                case "range":
                    bounds = _number(child.get("minInclusive")), _number(child.get("maxInclusive"))
                    found.setdefault("ranges", []).append(bounds)
                case "pattern":
                    found.setdefault("patterns", []).append(_pattern(child.get("value") or ""))
                case "enumeration":
                    found.setdefault("values", []).append(child.get("value") or "")
                    if child.get("access") == "readOnly":
                        found.setdefault("unsettable", []).append(child.get("value") or "")
                case "enumerationRef":
                    facets["values_of"] = child.get("targetParam") or ""
                    facets["null_value"] = child.get("nullValue")
                case "pathRef":
                    facets["reference"] = child.get("refType") or "weak"
        if "unsettable" in found:
            facets["unsettable"] = frozenset(found.pop("unsettable"))
        facets.update({kind: tuple(values) for kind, values in found.items()})


def _alive_facets(element: etree._Element) -> Iterator[etree._Element]:
    return (child for child in element if child.get("status") != "deleted")


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.ASCII)
    except re.error as error:
        raise BadModel(f"pattern {text[:40]!r}: {error}") from error
