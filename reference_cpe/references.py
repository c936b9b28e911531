"""Values that are paths of other objects or parameters (TR-106 3.2.5)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from reference_cpe.values import list_items

if TYPE_CHECKING:
    from reference_cpe.model import Model


def exists(path: str, objects: Container[str], parameters: Container[str]) -> bool:
    """Whether *path* leads somewhere; objects are written with or without the dot at the end."""
    return path in parameters or path.removesuffix(".") + "." in objects


def cleared(model: Model, parameters: Mapping[str, str], row: str) -> dict[str, str]:
    """Those of the stored values that lead to *row* or below it, without what leads there."""
    found = {}
    for path, value in parameters.items():
        parameter = model.parameters.get(path)
        if parameter is not None and parameter.syntax.reference:
            kept = [item for item in list_items(value) if not (item.removesuffix(".") + ".").startswith(row)]
            if len(kept) != len(list_items(value)):
                found[path] = ",".join(kept)
    return found
