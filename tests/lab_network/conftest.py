from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.lab.network import Lab


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab in namespaces; skips, with the machine's reason, where there are none."""
    made = await Lab.create(workdir=tmp_path)
    try:
        if not made.isolated:
            pytest.skip(f"namespaces refused: {made.why_not}")
        yield made
    finally:
        await made.close()
