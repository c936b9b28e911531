"""The data models that come with the device, and the choice of the one it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reference_cpe.definition import Definition
from reference_cpe.definition_xml import load

_HERE = Path(__file__).parent
VENDOR: Final = _HERE / "vendor.xml"
"""What the device has beyond the standard, whichever model it runs."""
BUILT_IN: Final = {"TR-181": _HERE / "device.xml", "TR-098": _HERE / "gateway.xml"}


def choose(data_model: str, file: str) -> Definition:
    """The model of *file*, or without one the built-in of *data_model* (``TR-181``, ``TR-098``).

    Raises:
        BadModel: the file cannot be used.
    """
    return load(Path(file) if file else BUILT_IN[data_model], VENDOR)
