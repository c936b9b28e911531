"""What a test registers is gone after it: defects are registered for the whole process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reference_cpe.defects import registry


@pytest.fixture(autouse=True)
def _only_the_registered() -> Iterator[None]:
    registry.load_builtin()
    before = dict(registry.DEFECTS), dict(registry.VARIANTS)
    yield
    for table, kept in zip((registry.DEFECTS, registry.VARIANTS), before, strict=True):
        table.clear()
        table.update(kept)
