"""The data models that come with the device, and the choice of the one it runs."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from reference_cpe.definition import Definition, ObjectDefinition
from reference_cpe.definition_xml import load
from reference_cpe.model_table import ALIAS, ALIAS_BASED_ADDRESSING, AUTO_CREATE_INSTANCES, INSTANCE_MODE

_HERE = Path(__file__).parent
VENDOR: Final = _HERE / "vendor.xml"
"""What the device has beyond the standard, whichever model it runs."""
BUILT_IN: Final = {"TR-181": _HERE / "device.xml", "TR-098": _HERE / "gateway.xml"}
_OF_ALIASES: Final = {
    ALIAS,
    *(path.rpartition(".")[2] for path in (ALIAS_BASED_ADDRESSING, INSTANCE_MODE, AUTO_CREATE_INSTANCES)),
}


def choose(data_model: str, file: str, aliases: bool = False) -> Definition:
    """The model of *file*, or without one the built-in of *data_model* (``TR-181``, ``TR-098``).

    The built-in ones have what belongs to alias-based addressing only where there is such: *aliases*.

    Raises:
        BadModel: the file cannot be used.
    """
    if file:
        return load(Path(file), VENDOR)
    return load(BUILT_IN[data_model], VENDOR) if aliases else _without_aliases(data_model)


@lru_cache(maxsize=2)
def _without_aliases(data_model: str) -> Definition:
    definition = load(BUILT_IN[data_model], VENDOR)
    return replace(definition, root=_pruned(definition.root))


def _pruned(object_: ObjectDefinition) -> ObjectDefinition:
    """A copy, all below included."""
    return replace(
        object_,
        keys=tuple(key for key in object_.keys if ALIAS not in key.parameters),
        parameters={name: p for name, p in object_.parameters.items() if name not in _OF_ALIASES},
        children={name: _pruned(child) for name, child in object_.children.items()},
    )
