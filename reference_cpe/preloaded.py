"""The device for a program that forks it: importing this loads all that a device may need later."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Final

from reference_cpe import cli
from reference_cpe.config import Config
from reference_cpe.defects import registry
from reference_cpe.models import choose

LATE: Final = ("reference_cpe.api", "reference_cpe.web.server")
"""What the device imports when it needs it."""

for _module in LATE:
    importlib.import_module(_module)
registry.select((), (), ())
choose(Config().profile.data_model, Config().model.file)


def main(arguments: Sequence[str]) -> None:
    """Be ``reference-cpe`` with these words behind its name; ends by `SystemExit`."""
    cli.main(list(arguments), prog_name="reference-cpe")
