"""Results of earlier versions of the schema, brought to the present one step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from harness.verdict.results import SCHEMA_VERSION


class VersionError(ValueError):
    """Results of a version that this tool does not read; one line."""


def _from_1(results: dict[str, Any]) -> None:
    """Version 2 says what the evidence leaves out; before, nothing was, and TLS secrets were always kept."""
    results["redaction"] = {"keys": [], "tls_secrets": True}


STEPS: Final[dict[int, Callable[[dict[str, Any]], None]]] = {1: _from_1}
"""Version → what makes its results those of the next version, in place."""


def check(version: int) -> None:
    """Refuse what cannot be read.

    Raises:
        VersionError: it is newer than this tool, or was never written.
    """
    if version > SCHEMA_VERSION:
        raise VersionError(
            f"schema version {version} is newer than this tool, which reads up to {SCHEMA_VERSION}"
        )
    if version != SCHEMA_VERSION and version not in STEPS:
        raise VersionError(f"schema version {version} was never written by this tool")


def upgrade(results: dict[str, Any], version: int) -> dict[str, Any]:
    """*results*, read from JSON, in the present version.

    Raises:
        VersionError: see `check`.
    """
    check(version)
    for each in range(version, SCHEMA_VERSION):
        STEPS[each](results)
        results["schema_version"] = each + 1
    return results
