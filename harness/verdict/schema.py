"""The JSON Schemas of the files that others read."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec


def json_schema(kind: type[msgspec.Struct], title: str) -> dict[str, Any]:
    """The JSON Schema of a file that holds a *kind*."""
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        # Up to 0.22 msgspec gives docstrings as they are indented in the source, since 0.23 cleaned.
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
